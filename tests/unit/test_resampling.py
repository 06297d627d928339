"""Finer bars to coarser ones: against pandas, in two steps as in one, with nothing lost and no session mixed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphafactory.calendar import session_close, session_open, sessions_between
from alphafactory.domain.bars import BAR_FIELDS, BarBatch
from alphafactory.domain.resampling import bar_ends, bucket_starts, resample
from alphafactory.domain.timeframes import SECONDS, TIMEFRAMES, Timeframe
from alphafactory.errors import UsageError

if TYPE_CHECKING:
    from alphafactory.domain.arrays import DateArray

MINUTE = np.timedelta64(1, "m")
WEEK = sessions_between("XNYS", date(2024, 11, 25), date(2024, 12, 2))  # Thanksgiving and the half day after it
FREQUENCIES = {"1h": "60min", "15m": "15min", "5m": "5min"}
DRAWN = settings(max_examples=40, deadline=None)


def minutes(seed: int, kept: float = 1.0, around: int = 0, symbols: int = 2, whole: bool = True) -> BarBatch:
    """One-minute bars of the week, some left out, with `around` minutes before and after each session."""
    draw = np.random.default_rng(seed)
    instants, sessions = [], []
    for session, opened, closed in zip(WEEK, session_open("XNYS", WEEK), session_close("XNYS", WEEK), strict=True):
        times = np.arange(opened - around * MINUTE, closed + around * MINUTE, MINUTE).astype("datetime64[us]")
        instants.append(times)
        sessions.append(np.full(len(times), session))
    one = np.concatenate(instants)
    rows = symbols * len(one)
    volume = draw.integers(0, 10**6, rows).astype(np.float64)
    batch = BarBatch(
        tickers=tuple(f"S{code}" for code in range(symbols)),
        codes=np.repeat(np.arange(symbols), len(one)),
        sessions=np.tile(np.concatenate(sessions), symbols),
        **{name: np.round(draw.uniform(50, 60, rows), 2) for name in BAR_FIELDS if name != "volume"},
        volume=volume if whole else volume * 1e-3,
        lines=np.arange(rows),
        instants=np.tile(one, symbols),
    )
    return batch.take(draw.random(rows) < kept)


def coarser(batch: BarBatch, from_: Timeframe, to: Timeframe) -> BarBatch:
    opens, closes = session_open("XNYS", batch.sessions), session_close("XNYS", batch.sessions)
    return resample(batch, from_, to, opens=opens, closes=closes)


def times_of(batch: BarBatch) -> DateArray:
    assert batch.instants is not None
    return batch.instants


def assert_same(found: BarBatch, expected: BarBatch) -> None:
    for name in ("codes", "sessions", *BAR_FIELDS, "lines"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)
    assert (found.instants is None) == (expected.instants is None)
    np.testing.assert_array_equal(found.times, expected.times)


def new_york(*clocks: str) -> list[np.datetime64]:
    return [np.datetime64(pd.Timestamp(c, tz="America/New_York").tz_convert(None), "us") for c in clocks]


@pytest.mark.parametrize("to", ["5m", "15m", "1h"])
@pytest.mark.parametrize("kept", [1.0, 0.3])
def test_pandas_gives_the_same_bars(to: Timeframe, kept: float) -> None:
    batch = minutes(1, kept)
    found = coarser(batch, "1m", to)
    row = 0
    frame = pd.DataFrame({name: getattr(batch, name) for name in BAR_FIELDS})
    frame = frame.assign(code=batch.codes, session=batch.sessions, ts=times_of(batch)).set_index("ts")
    how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    for (code, session), part in frame.groupby(["code", "session"]):
        origin = session_open("XNYS", np.array([session], dtype="datetime64[D]"))[0]
        expected = part.resample(FREQUENCIES[to], origin=pd.Timestamp(origin)).agg(how).dropna()
        rows = slice(row, row + len(expected))
        assert set(found.codes[rows]) == {code}
        np.testing.assert_array_equal(times_of(found)[rows], expected.index.to_numpy().astype("datetime64[us]"))
        for name in BAR_FIELDS:
            np.testing.assert_array_equal(getattr(found, name)[rows], expected[name].to_numpy(), err_msg=name)
        row += len(expected)
    assert row == len(found)


def test_hours_run_from_the_open_and_the_last_one_is_shorter() -> None:
    hours = coarser(minutes(2, symbols=1), "1m", "1h")
    half_day = times_of(hours)[hours.sessions == np.datetime64("2024-11-29")]
    clocks = [f"2024-11-29 {clock}" for clock in ("09:30", "10:30", "11:30", "12:30")]
    assert half_day.tolist() == [instant.item() for instant in new_york(*clocks)]
    closes = session_close("XNYS", hours.sessions)
    lengths = (bar_ends(times_of(hours), "1h", closes=closes) - times_of(hours)) / MINUTE
    assert lengths[hours.sessions == np.datetime64("2024-11-29")].tolist() == [60, 60, 60, 30]
    assert lengths[hours.sessions == np.datetime64("2024-11-26")].tolist() == [60] * 6 + [30]


def test_a_bar_after_the_close_keeps_its_length() -> None:
    closes = np.array(new_york("2024-11-26 16:00", "2024-11-26 16:00", "2024-11-26 16:00"))
    instants = np.array(new_york("2024-11-26 15:30", "2024-11-26 16:00", "2024-11-26 19:00"))
    ends = new_york("2024-11-26 16:00", "2024-11-26 17:00", "2024-11-26 20:00")
    assert bar_ends(instants, "1h", closes=closes).tolist() == [end.item() for end in ends]


def test_trading_around_the_session_stays_outside_it() -> None:
    around = minutes(3, around=45)
    regular = (times_of(around) >= session_open("XNYS", around.sessions)) & (
        times_of(around) < session_close("XNYS", around.sessions)
    )
    assert 0 < np.count_nonzero(~regular) < len(around)
    assert_same(coarser(around, "1m", "1d"), coarser(around.take(regular), "1m", "1d"))
    hours = coarser(around, "1m", "1h")
    first_day = times_of(hours)[(hours.codes == 0) & (hours.sessions == WEEK[0])]
    clocks = ("08:30", "09:30", "10:30", "11:30", "12:30", "13:30", "14:30", "15:30", "16:00")
    assert first_day.tolist() == [i.item() for i in new_york(*(f"2024-11-25 {clock}" for clock in clocks))]
    within = (times_of(hours) >= session_open("XNYS", hours.sessions)) & (
        times_of(hours) < session_close("XNYS", hours.sessions)
    )
    np.testing.assert_array_equal(hours.volume[within], coarser(around.take(regular), "1m", "1h").volume)


@DRAWN
@given(
    seed=st.integers(0, 10**6),
    kept=st.sampled_from([1.0, 0.5, 0.02]),
    around=st.sampled_from([0, 37]),
    steps=st.lists(st.sampled_from(TIMEFRAMES[:-1]), min_size=2, max_size=4, unique=True),
)
def test_several_steps_equal_one(seed: int, kept: float, around: int, steps: list[Timeframe]) -> None:
    batch = minutes(seed, kept, around)
    path = sorted(steps, key=lambda timeframe: SECONDS[timeframe])
    bars, length = batch, "1m"
    for step in path:
        bars, length = coarser(bars, length, step), step  # type: ignore[arg-type]
    assert_same(bars, coarser(batch, "1m", path[-1]))


@DRAWN
@given(
    seed=st.integers(0, 10**6),
    kept=st.sampled_from([1.0, 0.3, 0.01]),
    to=st.sampled_from(TIMEFRAMES[:-1]),
    whole=st.booleans(),
)
def test_sums_extremes_and_ends_are_kept(seed: int, kept: float, to: Timeframe, whole: bool) -> None:
    batch = minutes(seed, kept, whole=whole)
    found = coarser(batch, "1m", to)
    for code in np.unique(batch.codes):
        for session in np.unique(batch.sessions[batch.codes == code]):
            fine = batch.take((batch.codes == code) & (batch.sessions == session))
            made = found.take((found.codes == code) & (found.sessions == session))
            assert (made.open[0], made.close[-1]) == (fine.open[0], fine.close[-1])
            assert (made.high.max(), made.low.min()) == (fine.high.max(), fine.low.min())
            assert made.volume.sum() == pytest.approx(fine.volume.sum(), rel=1e-12)


def test_the_order_of_the_rows_does_not_matter() -> None:
    batch = minutes(4, 0.5)
    mixed = batch.take(np.random.default_rng(5).permutation(len(batch)))
    for to in ("5m", "1d"):
        assert_same(coarser(mixed, "1m", to), coarser(batch, "1m", to))


@pytest.mark.parametrize("to", ["5m", "1d"])
def test_symbols_with_one_bucket_each_stay_apart(to: Timeframe) -> None:
    batch = minutes(12, symbols=3)
    start = session_open("XNYS", batch.sessions)
    found = coarser(batch.take((batch.sessions == WEEK[0]) & (times_of(batch) < start + 5 * MINUTE)), "1m", to)
    assert found.codes.tolist() == [0, 1, 2]


def test_days_have_no_instants_and_are_one_a_session() -> None:
    days = coarser(minutes(6), "1m", "1d")
    assert days.instants is None
    assert days.codes.tolist() == [0] * len(WEEK) + [1] * len(WEEK)
    np.testing.assert_array_equal(days.sessions, np.tile(WEEK, 2))


def test_a_market_that_never_closes_has_days_from_midnight_to_midnight() -> None:
    instants = np.arange(np.datetime64("2024-01-06T00:00", "us"), np.datetime64("2024-01-08T00:00", "us"), 60 * MINUTE)
    ones = np.ones(len(instants))
    batch = BarBatch(
        ("BTC/USDT",), np.zeros(48, dtype=np.int64), instants.astype("datetime64[D]"), ones, ones, ones, ones,
        np.arange(48.0), np.zeros(48, dtype=np.int64), instants,
    )  # fmt: skip
    opens, closes = session_open("24/7", batch.sessions), session_close("24/7", batch.sessions)
    days = resample(batch, "1h", "1d", opens=opens, closes=closes)
    assert days.volume.tolist() == [sum(range(24)), sum(range(24, 48))]
    assert days.sessions.tolist() == [date(2024, 1, 6), date(2024, 1, 7)]


@pytest.mark.parametrize("to", ["5m", "1d"])
def test_nothing_gives_nothing(to: Timeframe) -> None:
    found = coarser(minutes(7).take(np.empty(0, dtype=np.int64)), "1m", to)
    assert len(found) == 0
    assert (found.instants is None) == (to == "1d")


def test_a_symbol_with_trading_outside_sessions_alone_has_no_day() -> None:
    batch = minutes(8, around=10)
    early = batch.take(times_of(batch) < session_open("XNYS", batch.sessions))
    assert len(coarser(early, "1m", "1d")) == 0
    assert len(coarser(early, "1m", "1h")) == 2 * len(WEEK)


@pytest.mark.parametrize(("from_", "to"), [("5m", "1m"), ("5m", "5m"), ("1d", "1h")])
def test_finer_or_equal_is_refused(from_: Timeframe, to: Timeframe) -> None:
    with pytest.raises(UsageError, match=f"Bars of {from_} cannot be made into bars of {to}"):
        coarser(minutes(9), from_, to)


def test_bars_without_instants_are_refused() -> None:
    with pytest.raises(UsageError, match="without their opening instants"):
        coarser(replace(minutes(10), instants=None), "1m", "5m")


def test_an_instant_lies_in_its_own_bucket() -> None:
    batch = minutes(11, around=90)
    opens, closes = session_open("XNYS", batch.sessions), session_close("XNYS", batch.sessions)
    for timeframe in ("1m", "5m", "15m", "1h"):
        starts = bucket_starts(times_of(batch), timeframe, opens=opens, closes=closes)
        inside = times_of(batch) - starts
        assert inside.min() == np.timedelta64(0)
        assert inside.max() < np.timedelta64(SECONDS[timeframe], "s")
        np.testing.assert_array_equal(bucket_starts(starts, timeframe, opens=opens, closes=closes), starts)
