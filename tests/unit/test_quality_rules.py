"""The rules that look at a bar among its neighbours, actions and calendar: what each finds and what it spares."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
from quality_markets import AS_OF, calm_market, found, scaled

from alphafactory.calendar import early_closes
from alphafactory.domain.market import Dividend, Listing, Observation, Split

if TYPE_CHECKING:
    from alphafactory.domain.bars import BarBatch
    from alphafactory.domain.findings import Finding

BATCH = calm_market(("AAA", "BBB"))
LENGTH = int((BATCH.codes == 0).sum())
ROW = 130
DAY = BATCH.sessions[ROW].item()
TAIL = slice(ROW, LENGTH)


def session(row: int) -> date:
    day: date = BATCH.sessions[row].item()
    return day


def kinds(findings: list[Finding]) -> list[tuple[str, date | None]]:
    return sorted((finding.rule, finding.session) for finding in findings)


def with_column(batch: BarBatch, name: str, rows: slice, values: object) -> BarBatch:
    column = getattr(batch, name).copy()
    column[rows] = values
    return replace(batch, **{name: column})


def test_a_calm_market_has_nothing_to_find() -> None:
    assert found(BATCH) == []


@pytest.mark.parametrize("factor", [0.1, 0.5, 0.75, 1.3, 2.0, 10.0])
def test_a_price_of_one_session_is_quarantined_once_the_next_is_known(factor: float) -> None:
    spiked = scaled(BATCH, slice(ROW, ROW + 1), factor)
    [finding] = found(spiked, "reversal_spike")
    assert (finding.subject, finding.session, finding.evidence) == ("AAA", DAY, session(ROW + 1))
    assert finding.payload["previous_close"] == BATCH.close[ROW - 1]
    assert finding.payload["next_close"] == BATCH.close[ROW + 1]
    until_then = spiked.take(spiked.sessions <= np.datetime64(DAY))
    assert found(until_then, "reversal_spike") == []
    # The way back is no fault of its own: the bars after the misprint are true.
    assert {f.session for f in found(spiked)} == {DAY}


def test_a_true_move_is_not_quarantined_though_it_comes_back() -> None:
    traded = scaled(BATCH, slice(ROW, ROW + 1), 0.7, volume=8.0)
    assert [f for f in found(traded) if f.quarantined] == []
    opened_there = with_column(
        scaled(BATCH, slice(ROW, ROW + 1), 0.7), "open", slice(ROW + 1, ROW + 2), 0.72 * BATCH.open[ROW + 1]
    )
    opened_there = with_column(opened_there, "low", slice(ROW + 1, ROW + 2), 0.7 * BATCH.low[ROW + 1])
    assert [f for f in found(opened_there) if f.quarantined] == []


def test_a_crash_of_the_whole_market_is_nobodys_fault() -> None:
    crash = scaled(scaled(BATCH, slice(ROW, ROW + 1), 0.74), slice(LENGTH + ROW, LENGTH + ROW + 1), 0.76)
    market = {DAY: -0.25, session(ROW + 1): 1 / 0.75 - 1}
    assert {f.rule for f in found(crash, market=market)} == set()
    assert {f.rule for f in found(crash)} >= {"reversal_spike"}


def test_a_real_halving_is_a_warning_and_never_quarantined() -> None:
    """A company that loses half its value overnight: wide ranges, many traders, and the price stays."""
    fallen = scaled(BATCH, TAIL, 0.5)
    days = slice(ROW, ROW + 8)
    fallen = with_column(fallen, "volume", days, BATCH.volume[days] * [12, 7, 5, 4, 4, 3, 3, 2])
    fallen = with_column(fallen, "high", days, fallen.high[days] * 1.04)
    fallen = with_column(fallen, "low", days, fallen.low[days] * 0.95)
    assert kinds(found(fallen)) == [("unexplained_jump", DAY)]
    [finding] = found(fallen)
    assert not finding.quarantined
    assert "as in a split of 2 for 1" in finding.message


@pytest.mark.parametrize("ratio", [1.5, 2.0, 3.0, 4.0, 7.0, 10.0, 20.0, 50.0, 0.5, 0.1])
def test_a_split_that_nobody_reported_shows_in_price_and_volume(ratio: float) -> None:
    split = scaled(BATCH, TAIL, 1 / ratio, ratio)
    [finding] = found(split, "missed_split")
    assert (finding.session, finding.evidence) == (DAY, session(ROW + 4))
    assert finding.payload["ratio"] == pytest.approx(ratio)
    assert not [f for f in found(split) if f.quarantined]
    known = (Split("AAA", DAY, ratio),)
    assert found(split, splits=known) == []


def test_volumes_before_a_known_split_are_compared_in_the_shares_of_today() -> None:
    half_day = int(np.flatnonzero(BATCH.sessions == np.datetime64("2023-11-24"))[0])
    day = session(half_day - 3)
    split = scaled(BATCH, slice(half_day - 3, LENGTH), 0.01, 100.0)
    assert found(split, splits=(Split("AAA", day, 100.0),)) == []
    assert {f.rule for f in found(split)} >= {"half_day_volume", "volume_outlier"}


def test_another_level_without_the_volume_of_a_split_is_only_a_warning() -> None:
    assert kinds(found(scaled(BATCH, TAIL, 0.5, 1.0))) == [("unexplained_jump", DAY)]


def test_a_split_of_which_the_price_knows_nothing_is_a_warning_on_its_day() -> None:
    [finding] = found(BATCH, splits=(Split("AAA", DAY, 4.0),))
    assert (finding.rule, finding.session, finding.quarantined) == ("split_without_jump", DAY, False)
    assert finding.payload["ratio"] == 4.0
    closed = DAY + timedelta(days=1)
    while closed in set(BATCH.sessions.tolist()):
        closed += timedelta(days=1)
    [late] = found(BATCH, splits=(Split("AAA", closed, 4.0),))
    assert late.session == min(day for day in BATCH.sessions.tolist() if day > closed)
    others = (Split("AAA", date(2010, 1, 4), 4.0), Split("ZZZ", DAY, 4.0), Split("AAA", DAY, 0.0))
    assert found(BATCH, splits=others) == []


@pytest.mark.parametrize(("first", "last"), [(100, 101), (100, 118), (0, 12)])
@pytest.mark.parametrize("factor", [100.0, 0.01])
def test_bars_in_another_unit_are_quarantined_and_no_other(first: int, last: int, factor: float) -> None:
    mixed = scaled(BATCH, slice(first, last), factor)
    findings = found(mixed, "unit_jump")
    assert [f.session for f in findings] == [session(row) for row in range(first, last)]
    assert all(f.subject == "AAA" and f.quarantined for f in findings)
    # At the start nobody can say which unit is the odd one until the other is four times as long, and 60 sessions.
    expected = [None] * len(findings) if first else [session(max(59, 5 * last - 1))] * len(findings)
    assert [f.evidence for f in findings] == expected


def test_news_on_the_way_back_does_not_spoil_the_bars_after_it() -> None:
    mixed = scaled(BATCH, slice(100, 103), 100.0)
    mixed = scaled(mixed, slice(103, LENGTH), 0.7)
    mixed = scaled(mixed, slice(103, 104), 1.0, 60.0)
    assert [f.session for f in found(mixed, "unit_jump")] == [session(row) for row in (100, 101, 102)]


def test_a_consolidation_of_a_hundred_for_one_is_no_other_unit() -> None:
    merged = scaled(BATCH, TAIL, 100.0, 0.01)
    assert found(merged, "unit_jump") == []
    assert [f.payload["ratio"] for f in found(merged, "missed_split")] == [pytest.approx(0.01)]


def test_a_spike_is_measured_by_its_own_volatility_and_against_the_market() -> None:
    stepped = scaled(BATCH, TAIL, 0.8)
    [finding] = found(stepped)
    assert (finding.rule, finding.session, finding.quarantined) == ("spike", DAY, False)
    assert [f for f in found(stepped, market={DAY: -0.2}) if f.subject == "AAA"] == []
    assert found(scaled(stepped, slice(ROW, ROW + 1), 1.0, 5.0)) == []  # many have traded there
    wild = calm_market(("AAA", "BBB"))
    noise = np.where(np.arange(len(wild)) % 2 == 0, 1.06, 1 / 1.06)
    wild = replace(wild, **{name: getattr(wild, name) * noise for name in ("open", "high", "low", "close")})
    assert found(scaled(wild, TAIL, 0.8)) == []


@pytest.mark.parametrize(("count", "expected"), [(4, 0), (5, 1), (9, 1)])
def test_a_close_that_stands_still_is_stale_from_the_fifth_session_on(count: int, expected: int) -> None:
    rows = slice(ROW, ROW + count)
    still = BATCH
    for name in ("open", "high", "low", "close"):
        still = with_column(still, name, rows, getattr(BATCH, name)[ROW])
    findings = found(still)
    assert len(findings) == expected
    for finding in findings:
        assert (finding.rule, finding.session, finding.evidence) == ("stale_prices", DAY, session(ROW + 4))
        assert finding.payload["sessions"] == count


def test_equal_closes_of_sessions_that_traded_are_not_stale() -> None:
    level = float(BATCH.close[ROW])
    flat = with_column(BATCH, "close", slice(ROW, ROW + 8), level)
    flat = with_column(flat, "high", slice(ROW, ROW + 8), np.maximum(BATCH.high[ROW : ROW + 8], level))
    flat = with_column(flat, "low", slice(ROW, ROW + 8), np.minimum(BATCH.low[ROW : ROW + 8], level))
    assert found(flat, "stale_prices") == []
    untraded = with_column(flat, "volume", slice(ROW, ROW + 8), 0.0)
    assert [f.payload["sessions"] for f in found(untraded, "stale_prices")] == [8]


def test_dividends_are_held_against_the_price() -> None:
    close = float(BATCH.close[ROW - 1])
    [paid] = found(BATCH, dividends=(Dividend("AAA", DAY, close),))
    assert (paid.rule, paid.session, paid.payload["amount"]) == ("dividend_larger_than_price", DAY, close)
    [undropped] = found(
        BATCH, dividends=(Dividend("AAA", DAY, 0.1 * close), Dividend("AAA", DAY, 0.2 * close, "special"))
    )
    assert (undropped.rule, undropped.session) == ("dividend_without_drop", DAY)
    assert undropped.payload["amount"] == pytest.approx(0.3 * close)
    assert found(BATCH, dividends=(Dividend("AAA", DAY, 0.02 * close), Dividend("AAA", DAY, -close))) == []


def test_a_large_dividend_explains_the_fall_on_its_day() -> None:
    dropped = scaled(BATCH, TAIL, 0.7)
    assert kinds(found(dropped)) == [("spike", DAY)]
    assert found(dropped, dividends=(Dividend("AAA", DAY, 0.3 * float(BATCH.close[ROW - 1])),)) == []


def test_another_vendors_story_is_told_with_both_values() -> None:
    close, volume = float(BATCH.close[ROW]), float(BATCH.volume[ROW])

    def told(of_close: float, of_volume: float, by: str = "other") -> Observation:
        return Observation("AAA", DAY, by, close * of_close, volume * of_volume)

    assert found(BATCH, observations=(told(1.0009, 1.049), told(0.9991, 0.951))) == []
    [finding] = found(BATCH, observations=(told(1.002, 1.0, "one"), told(1.0, 0.9, "two"), told(1.0, 1.0, "three")))
    assert (finding.rule, finding.session, finding.quarantined) == ("vendor_disagreement", DAY, False)
    assert finding.payload["close"] == close
    assert finding.payload["others"] == [
        {"source": "one", "close": close * 1.002, "volume": volume},
        {"source": "two", "close": close, "volume": volume * 0.9},
    ]
    elsewhere = (Observation("ZZZ", DAY, "other", 1.0, 1.0), Observation("AAA", date(2024, 1, 13), "other", 1.0, 1.0))
    assert found(BATCH, observations=elsewhere) == []


def test_a_history_that_was_cut_is_told_from_a_late_listing() -> None:
    wanted = date(2020, 1, 2)
    old, young = Listing("AAA", listed=date(1990, 5, 1)), Listing("BBB", listed=BATCH.sessions[0].item())
    [finding] = found(BATCH, listings={"AAA": old, "BBB": young}, first_wanted=wanted)
    assert (finding.rule, finding.subject, finding.payload["expected"]) == ("truncated_history", "AAA", "2020-01-02")
    assert found(BATCH, listings={"AAA": old, "BBB": young}, first_wanted=date(2023, 5, 15)) == []
    assert found(BATCH, listings={"AAA": old, "BBB": young}) == []


@pytest.mark.parametrize("shift", [-1, 1])
def test_dates_of_another_time_zone_are_one_error_with_the_shift(shift: int) -> None:
    days = np.where(BATCH.codes == 0, BATCH.sessions + np.timedelta64(shift, "D"), BATCH.sessions)
    findings = found(replace(BATCH, sessions=days), "shifted_sessions")
    assert [(f.subject, f.session, f.payload["shift_days"]) for f in findings] == [("AAA", None, -shift)]
    few = BATCH.sessions.copy()
    few[ROW] = np.datetime64("2023-11-18")
    assert found(replace(BATCH, sessions=few).ordered(), "shifted_sessions") == []


def test_volumes_far_from_the_usual_are_found_on_their_own_kind_of_day() -> None:
    half_day = int(np.flatnonzero(BATCH.sessions == np.datetime64("2023-11-24"))[0])

    def traded(row: int, times: float) -> list[tuple[str, date | None]]:
        return kinds(found(scaled(BATCH, slice(row, row + 1), 1.0, times)))

    assert traded(half_day, 4.0) == [("half_day_volume", session(half_day))]
    assert traded(half_day + 1, 4.0) == []
    assert traded(ROW, 0.02) == [("partial_volume", DAY)]
    assert traded(ROW, 0.2) == []
    assert traded(ROW, 100.0) == [("volume_outlier", DAY)]
    assert traded(ROW, 20.0) == []
    risen = scaled(BATCH, TAIL, 1.0, 100.0)
    assert kinds(found(risen, "volume_outlier")) == [("volume_outlier", DAY)]


def test_a_wick_far_beyond_every_other_price_is_a_warning() -> None:
    wick = with_column(BATCH, "low", slice(ROW, ROW + 1), BATCH.low[ROW] * 0.5)
    assert kinds(found(wick)) == [("bad_tick", DAY)]
    # On a split's day the close before is of other shares.
    split = scaled(BATCH, TAIL, 0.25, 4.0)
    assert found(split, "bad_tick", splits=(Split("AAA", DAY, 4.0),)) == []


def test_a_new_symbol_is_not_judged_by_a_volatility_that_nobody_knows() -> None:
    young = BATCH.take(np.flatnonzero((BATCH.codes == 1) | (np.arange(len(BATCH)) >= LENGTH - 12)))
    spiked = scaled(young, slice(6, 7), 1.3)
    assert [f for f in found(spiked) if f.rule in {"spike", "reversal_spike"}] == []


def test_half_days_are_those_of_the_exchange() -> None:
    start, end = date(2023, 1, 1), date(2023, 12, 31)
    assert early_closes("XNYS", start, end).astype(str).tolist() == ["2023-07-03", "2023-11-24"]
    assert early_closes("24/7", start, end).tolist() == []
    assert early_closes("XNYS", end, start).tolist() == []
    assert early_closes("XNYS", date(2023, 11, 24), date(2023, 11, 24)).tolist() == [date(2023, 11, 24)]
    assert AS_OF not in early_closes("XNYS", start, AS_OF).tolist()
