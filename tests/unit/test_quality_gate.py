"""The quality gate: what it takes out, what it finds, what it says, and what it leaves alone."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from alphafactory.calendar import sessions_between
from alphafactory.config_sources import CsvSettings
from alphafactory.domain.bars import BAR_FIELDS, BarBatch
from alphafactory.domain.findings import Severity
from alphafactory.domain.market import Listing, RejectedRow
from alphafactory.quality import QualityContext, compute_scores, discover_rules, judge, screen
from alphafactory.sources.csv_files import CsvSource

if TYPE_CHECKING:
    from alphafactory.domain.findings import Finding

AS_OF = date(2024, 3, 28)
SHARED = Path(__file__).parents[3] / "shared" / "data" / "sp500_daily_2015_2020.csv.gz"


def market(tickers: tuple[str, ...] = ("AAA", "BBB", "CCC"), calendar: str = "XNYS") -> BarBatch:
    """Return faultless bars of some months."""
    sessions = sessions_between(calendar, date(2024, 1, 2), AS_OF)
    n = len(sessions) * len(tickers)
    close = np.round(50 + 10 * np.random.default_rng(4).random(n), 2)
    return BarBatch(
        tickers=tickers,
        codes=np.repeat(np.arange(len(tickers)), len(sessions)).astype(np.int64),
        sessions=np.tile(sessions, len(tickers)),
        open=close + 0.5,
        high=close + 1.0,
        low=close - 1.0,
        close=close,
        volume=np.full(n, 1e6),
        lines=np.arange(2, n + 2),
    )


def context(batch: BarBatch, **listings: Listing) -> QualityContext:
    plain = {ticker: Listing(ticker) for ticker in batch.tickers}
    return QualityContext(as_of=AS_OF, newest_session=AS_OF, listings={**plain, **listings})


def found(batch: BarBatch, **listings: Listing) -> list[Finding]:
    return judge(batch, context(batch, **listings), discover_rules())


def with_row(batch: BarBatch, row: int, **values: float) -> BarBatch:
    columns = {name: getattr(batch, name).copy() for name in values}
    for name, value in values.items():
        columns[name][row] = value
    return replace(batch, **columns)


def without(batch: BarBatch, rows: list[int]) -> BarBatch:
    return batch.take(np.delete(np.arange(len(batch)), rows))


@pytest.mark.parametrize(
    ("values", "rule", "words"),
    [
        ({"open": 100.0}, "high_below_open_or_close", "the high .* lies below another price (open 100"),
        ({"close": 100.0}, "high_below_open_or_close", "close 100"),
        ({"open": 3.0}, "low_above_open_or_close", "open 3"),
        ({"close": 3.0}, "low_above_open_or_close", "close 3"),
        ({"low": 0.0}, "non_positive_price", "low 0"),
        ({"low": -4.5}, "non_positive_price", "low -4.5"),
        ({"volume": -7.0}, "negative_volume", "the volume is -7"),
    ],
)
def test_a_broken_bar_is_quarantined_with_its_values(values: dict[str, float], rule: str, words: str) -> None:
    batch = with_row(market(), 70, **values)
    [finding] = found(batch)
    assert (finding.rule, finding.severity, finding.quarantined) == (rule, Severity.ERROR, True)
    assert (finding.subject, finding.session) == ("BBB", batch.sessions[70].item())
    assert all(part in finding.message for part in words.split(" .* "))
    expected = {name: float(getattr(batch, name)[70]) for name in BAR_FIELDS}
    assert finding.payload == {**expected, "line": 72}


def test_a_high_below_the_low_breaks_one_of_the_two_order_rules() -> None:
    batch = market()
    assert found(with_row(batch, 5, high=float(batch.low[5]) - 1))
    assert found(with_row(batch, 5, low=float(batch.high[5]) + 1))


def test_bars_of_the_future_are_quarantined_but_today_is_fine() -> None:
    batch = market(("AAA",))
    later = replace(
        batch, sessions=np.where(batch.sessions == np.datetime64(AS_OF), np.datetime64("2024-04-01"), batch.sessions)
    )
    kinds = {(f.rule, f.session, f.quarantined) for f in found(later)}
    assert kinds == {("future_session", date(2024, 4, 1), True), ("missing_sessions", AS_OF, False)}


def test_a_bar_of_a_future_holiday_is_only_of_the_future() -> None:
    batch = market(("AAA",))
    days = np.where(batch.sessions == np.datetime64(AS_OF), np.datetime64("2099-12-25"), batch.sessions)
    assert [f.rule for f in found(replace(batch, sessions=days)) if f.quarantined] == ["future_session"]


def test_a_file_glued_to_itself_is_one_note_a_symbol() -> None:
    batch = market(("AAA", "BBB"))
    kept, findings = screen(batch.take(np.tile(np.arange(len(batch)), 2)), (), discover_rules())
    np.testing.assert_array_equal(kept.close, batch.close)
    doubled = [f for f in findings if f.rule == "duplicate_bar"]
    assert [(f.subject, f.payload["count"], len(f.payload["rows"])) for f in doubled] == [
        ("AAA", 61, 20),
        ("BBB", 61, 20),
    ]
    assert doubled[0].message == "61 bars stand more than once, each time the same, the first of 2024-01-02"


@pytest.mark.parametrize(
    ("day", "rule"),
    [("2024-01-15", "non_session_day"), ("2024-01-20", "weekend_bar"), ("1500-03-05", "non_session_day")],
)
def test_a_bar_on_a_closed_day_is_quarantined_once(day: str, rule: str) -> None:
    batch = market(("AAA",))
    extra = replace(batch.take(np.array([0])), sessions=np.array([day], dtype="datetime64[D]"))
    columns = {
        n: np.concatenate([getattr(batch, n), getattr(extra, n)]) for n in ("codes", "sessions", *BAR_FIELDS, "lines")
    }
    findings = [f for f in found(replace(batch, **columns).ordered()) if f.quarantined]
    assert [(f.rule, f.session) for f in findings] == [(rule, date.fromisoformat(day))]
    assert "XNYS" in findings[0].message


def test_weekend_bars_are_fine_where_the_market_never_closes() -> None:
    batch = market(("BTC",), "24/7")
    assert found(batch, BTC=Listing("BTC", calendar="24/7")) == []
    assert {f.rule for f in found(batch)} == {"non_session_day", "weekend_bar"}


def test_each_gap_is_one_finding_with_its_bounds_and_count() -> None:
    batch = without(market(("AAA",)), [3, 10, 11, 12, 60])
    findings = found(batch)
    assert {f.rule for f in findings} == {"missing_sessions"}
    days = market(("AAA",)).sessions
    assert [(f.payload["from"], f.payload["to"], f.payload["sessions"]) for f in findings] == [
        (str(days[3]), str(days[3]), 1),
        (str(days[10]), str(days[12]), 3),
        (str(days[60]), str(days[60]), 1),
    ]
    assert findings[1].message == f"no bar for 3 sessions, {days[10]} to {days[12]}"


def test_a_series_that_stops_early_is_one_finding_unless_it_was_delisted() -> None:
    days = market(("AAA",)).sessions
    [short] = found(without(market(("AAA",)), list(range(52, 61))))
    assert (short.rule, short.payload["sessions"], short.evidence) == ("missing_sessions", 9, None)
    batch = without(market(("AAA",)), list(range(50, 61)))
    [finding] = found(batch)
    assert (finding.rule, finding.payload["sessions"]) == ("early_stop", 11)
    assert (finding.session, finding.evidence) == (days[49].item(), days[59].item())
    delisted = Listing("AAA", delisted=batch.sessions[-1].item())
    assert found(batch, AAA=delisted) == []


def test_nothing_is_missed_beyond_what_the_source_offers() -> None:
    batch = without(market(("AAA",)), list(range(50, 61)))
    newest = QualityContext(AS_OF, batch.sessions[-1].item(), {"AAA": Listing("AAA")})
    assert judge(batch, newest, discover_rules()) == []


def test_a_late_listing_is_a_note() -> None:
    batch = without(market(), list(range(20)))
    [finding] = found(batch, AAA=Listing("AAA", listed=date(2024, 1, 31)))
    assert (finding.rule, finding.subject, finding.quarantined) == ("late_listing", "AAA", False)
    assert finding.message.endswith("most symbols begin on 2024-01-02; it was listed on 2024-01-31")


def test_symbols_that_share_no_first_session_are_not_late() -> None:
    batch = market(("A", "B", "C", "D"))
    offsets = np.concatenate([np.arange(61) >= skip for skip in (0, 5, 9, 20)])
    assert found(batch.take(offsets)) == []


def test_zero_volume_is_one_note_a_symbol_and_an_index_has_none() -> None:
    batch = market(("AAA", "IDX"))
    quiet = replace(batch, volume=np.where(np.arange(len(batch)) % 20 == 7, 0.0, batch.volume))
    [finding] = found(quiet, IDX=Listing("IDX", asset_class="index"))
    assert (finding.rule, finding.subject, finding.severity) == ("zero_volume", "AAA", Severity.NOTE)
    assert finding.payload["count"] == 3
    assert finding.payload["first_sessions"] == [str(day) for day in batch.sessions[[7, 27, 47]]]


@pytest.mark.parametrize("name", BAR_FIELDS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_bar_without_a_number_never_reaches_a_table(name: str, value: float) -> None:
    batch = with_row(market(), 5, **{name: value})
    kept, [finding] = screen(batch, (), discover_rules())
    assert len(kept) == len(batch) - 1
    assert batch.sessions[5] not in kept.sessions[kept.codes == 0]
    assert (finding.rule, finding.subject, finding.session) == ("not_a_number", "AAA", batch.sessions[5].item())
    assert finding.quarantined
    assert json.loads(json.dumps(finding.payload, allow_nan=False))[name] == str(value)


def test_equal_rows_are_one_bar_and_a_note() -> None:
    batch = market()
    doubled = batch.take(np.array([*range(len(batch)), 5, 5]))
    kept, findings = screen(doubled, (), discover_rules())
    duplicates = [f for f in findings if f.rule == "duplicate_bar"]
    assert len(kept) == len(batch)
    assert [(f.subject, f.session, f.quarantined) for f in duplicates] == [("AAA", batch.sessions[5].item(), False)]
    assert len(duplicates[0].payload["rows"]) == 3
    assert "conflicting_bars" not in {f.rule for f in findings}


def test_contradicting_rows_keep_the_first_and_quarantine_the_session() -> None:
    batch = market()
    other = with_row(batch, 5, close=float(batch.close[5]) + 0.25)
    columns = {
        n: np.insert(getattr(batch, n), 6, getattr(other, n)[5]) for n in ("codes", "sessions", *BAR_FIELDS, "lines")
    }
    kept, [finding] = screen(replace(batch, **columns), (), discover_rules())
    assert (finding.rule, finding.session, finding.quarantined) == ("conflicting_bars", batch.sessions[5].item(), True)
    np.testing.assert_array_equal(kept.close, batch.close)
    rows = finding.payload["rows"]
    assert [row["close"] for row in rows] == [batch.close[5], batch.close[5] + 0.25]


def test_a_duplicate_of_a_missing_price_leaves_the_good_row() -> None:
    batch = market()
    bad = with_row(batch.take(np.array([5])), 0, close=np.nan)
    columns = {
        n: np.insert(getattr(batch, n), 5, getattr(bad, n)[0]) for n in ("codes", "sessions", *BAR_FIELDS, "lines")
    }
    kept, findings = screen(replace(batch, **columns), (), discover_rules())
    np.testing.assert_array_equal(kept.close, batch.close)
    assert [f.rule for f in findings] == ["not_a_number"]


def test_mixed_up_rows_are_sorted_and_noted_but_newest_first_is_a_convention() -> None:
    batch = market(("AAA", "BBB"))
    backward, findings = screen(batch.take(np.arange(len(batch))[::-1]), (), discover_rules())
    assert findings == []
    np.testing.assert_array_equal(backward.close, batch.close)
    mixed = np.arange(len(batch))
    mixed[[3, 9]] = mixed[[9, 3]]
    sorted_again, [finding] = screen(batch.take(mixed), (), discover_rules())
    assert (finding.rule, finding.subject, finding.quarantined) == ("unordered_rows", "AAA", False)
    np.testing.assert_array_equal(sorted_again.close, batch.close)


def test_rejected_rows_become_findings_with_their_words() -> None:
    batch = market()
    rejected = (
        RejectedRow("AAA", "p.csv:7", "close 'x' is no number", {"close": "x", "session": "2024-01-05"}),
        RejectedRow(None, "p.csv:9", "date 'y' is no date", {"date": "y"}),
    )
    kept, [first, second] = screen(batch, rejected, discover_rules())
    assert len(kept) == len(batch)
    assert (first.subject, first.session, first.quarantined) == ("AAA", date(2024, 1, 5), True)
    assert first.message == "p.csv:7: close 'x' is no number"
    assert first.payload["close"] == "x"
    assert (second.subject, second.session) == ("p.csv:9", None)


def test_an_empty_batch_is_judged_in_peace() -> None:
    empty = market().take(np.zeros(0, dtype=np.int64))
    kept, findings = screen(empty, (), discover_rules())
    assert (len(kept), findings, found(kept)) == (0, [], [])


@pytest.mark.skipif(not SHARED.is_file(), reason="the real prices are not on this machine (../shared/data)")
def test_of_the_real_prices_only_three_broken_bars_are_quarantined() -> None:
    delivery = CsvSource(CsvSettings(path=SHARED)).fetch(date(2020, 1, 31))
    kept, findings = screen(delivery.bars, delivery.rejected, discover_rules())
    assert delivery.newest_session is not None
    listings = {listing.ticker: listing for listing in delivery.listings}
    context = QualityContext(date(2020, 1, 31), delivery.newest_session, listings)
    findings += judge(kept, context, discover_rules())
    assert {(f.subject, str(f.session)) for f in findings if f.quarantined} == {
        ("CBOE", "2020-01-10"),
        ("DIS", "2020-01-10"),
        ("DXC", "2018-06-01"),
    }
    late = {f.subject for f in findings if f.rule == "late_listing"}
    assert late == {"CTVA", "DOW", "FOX", "FTV", "HPE", "KHC", "PYPL", "WRK"}
    # One symbol was an unlisted share for years: its quotes stand still, and its score says so.
    stale = {f.subject for f in findings if f.rule == "stale_prices"}
    assert stale == {"AMCR"}
    others = Counter(f.rule for f in findings if f.subject != "AMCR")
    assert {rule: others[rule] for rule in ("unexplained_jump", "spike", "bad_tick", "volume_outlier")} == {
        "unexplained_jump": 3, "spike": 3, "bad_tick": 1, "volume_outlier": 5,
    }  # fmt: skip
    assert sum(others.values()) < 50
    scores = compute_scores(kept, findings, context)
    assert [ticker for ticker, score in scores.items() if score < 0.5] == ["AMCR"]
    assert sorted(scores.values())[1] > 0.95
