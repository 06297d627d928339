"""Intraday bars in the store: what comes back is what went in, as it was known then, and daily bars are left alone."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sqlalchemy import text

from alphafactory.domain.bars import BAR_FIELDS, BarBatch
from alphafactory.domain.timeframes import SECONDS, Timeframe
from alphafactory.errors import DatabaseError, UsageError
from alphafactory.store import migrating
from alphafactory.store.bars import BarChanges, read_bars, upsert_bars
from alphafactory.store.intraday import read_intraday, upsert_intraday

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nights import Nights
    from sqlalchemy import Connection

IDS = np.array([7, 3], dtype=np.int64)
FIRST = datetime(2024, 3, 1, tzinfo=UTC)
LATER = datetime(2024, 4, 1, 9, tzinfo=UTC)
END = datetime(2030, 1, 1, tzinfo=UTC)
DAYS = np.array(["2024-01-02", "2024-01-03", "2024-01-04"], dtype="datetime64[D]")
EMPTY = np.empty(0, dtype=np.int64)


def bars(bars_a_day: int = 6, timeframe: Timeframe = "5m", seed: int = 1) -> BarBatch:
    """Two symbols over three sessions, from 14:30 UTC on."""
    one = (
        DAYS.astype("datetime64[us]")[:, None]
        + np.timedelta64(14 * 60 + 30, "m")
        + np.arange(bars_a_day) * np.timedelta64(SECONDS[timeframe], "s")
    )
    rows = 2 * one.size
    draw = np.random.default_rng(seed)
    return BarBatch(
        tickers=("AAA", "BBB"),
        codes=np.repeat(np.arange(2), one.size),
        sessions=np.tile(np.repeat(DAYS, bars_a_day), 2),
        **{name: np.round(draw.uniform(50, 60, rows), 2) for name in BAR_FIELDS},
        lines=np.zeros(rows, dtype=np.int64),
        instants=np.tile(one.ravel(), 2),
    )


def changed(batch: BarBatch, row: int, by: float) -> BarBatch:
    close = batch.close.copy()
    close[row] += by
    return replace(batch, close=close)


@pytest.fixture
def connection(nights: Nights) -> Iterator[Connection]:
    with nights.database() as database, database.begin() as connection:
        yield connection


def write(
    connection: Connection,
    batch: BarBatch,
    moment: datetime = FIRST,
    source: str = "csv",
    timeframe: Timeframe = "5m",
    **more: Any,
) -> BarChanges:
    assert batch.instants is not None
    ends = batch.instants + np.timedelta64(SECONDS[timeframe], "s")
    return upsert_intraday(connection, batch, IDS, source, timeframe, ends=ends, moment=moment, **more)


def read(connection: Connection, cutoff: datetime = END, timeframe: Timeframe = "5m", **more: Any) -> BarBatch:
    return read_intraday(connection, IDS.tolist(), ("AAA", "BBB"), timeframe, cutoff, **more)


def assert_same(found: BarBatch, expected: BarBatch) -> None:
    assert found.tickers == expected.tickers
    for name in ("codes", "sessions", "instants", *BAR_FIELDS):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)


@pytest.mark.parametrize("timeframe", ["1h", "15m", "5m", "1m"])
def test_each_timeframe_comes_back_to_the_bit_and_keeps_to_itself(connection: Connection, timeframe: Timeframe) -> None:
    batch = bars(timeframe=timeframe)
    assert write(connection, batch, timeframe=timeframe) == BarChanges(len(batch), 0)
    assert write(connection, batch, timeframe=timeframe) == BarChanges(0, 0)
    assert_same(read(connection, timeframe=timeframe), batch)
    filled = connection.execute(text("SELECT DISTINCT tableoid::regclass::text, timeframe FROM bars")).all()
    assert filled == [(f"bars_{timeframe}", timeframe)]


def test_a_first_load_is_known_at_each_bar_s_end_and_says_that_this_is_assumed(connection: Connection) -> None:
    batch = bars()
    write(connection, batch)
    query = "SELECT bool_and(known_at = ts + interval '5 min' AND known_at_assumed), min(ingested_at) > '2025-01-01' "
    assert connection.execute(text(query + "FROM bars_5m")).one() == (True, True)
    after_three = read(connection, datetime(2024, 1, 2, 14, 45, tzinfo=UTC))
    assert_same(after_three, batch.take((batch.sessions == DAYS[0]) & (np.arange(len(batch)) % 6 < 3)))


def test_later_bars_are_known_when_they_came(connection: Connection) -> None:
    batch = bars()
    early = batch.take(batch.sessions < DAYS[2])
    write(connection, early)
    assert write(connection, batch, LATER) == BarChanges(12, 0)
    assert_same(read(connection, FIRST), early)
    assert_same(read(connection, LATER), batch)
    assert connection.execute(text("SELECT count(*) FROM bars_5m WHERE NOT known_at_assumed")).scalar_one() == 12


def test_more_bars_of_a_symbol_s_first_night_are_known_at_their_ends(connection: Connection) -> None:
    batch = bars()
    write(connection, batch.take(batch.sessions < DAYS[2]))
    write(connection, batch, LATER, fresh=[7, 3])
    assert_same(read(connection, FIRST), batch)


def test_a_changed_bar_keeps_what_it_said(connection: Connection) -> None:
    batch = bars()
    write(connection, batch)
    restated = changed(changed(batch, 4, 0.02), 5, -0.02)  # two bars of one session
    assert write(connection, restated, LATER) == BarChanges(0, 2)
    assert write(connection, restated, LATER) == BarChanges(0, 0)
    assert_same(read(connection, FIRST), batch)
    assert_same(read(connection, LATER), restated)
    assert len(read(connection, datetime(2024, 1, 2, 14, 30, tzinfo=UTC))) == 0  # nor are old values known too early
    query = "SELECT symbol_id, timeframe, session, close, known_to FROM bar_revisions ORDER BY ts"
    kept = [(7, "5m", date(2024, 1, 2), batch.close[row], LATER) for row in (4, 5)]
    assert [tuple(row) for row in connection.execute(text(query))] == kept


def test_less_than_half_a_tick_is_no_revision(connection: Connection) -> None:
    batch = bars()
    write(connection, batch)
    assert write(connection, changed(batch, 4, 0.004), LATER) == BarChanges(0, 0)
    assert_same(read(connection), batch)


def test_another_source_fills_holes_and_changes_nothing(connection: Connection) -> None:
    batch = bars()
    hole = np.arange(len(batch)) != 9
    write(connection, batch.take(hole))
    assert write(connection, changed(batch, 4, 1.0), LATER, "yahoo") == BarChanges(1, 0)
    assert_same(read(connection), batch)
    sources = text("SELECT source, count(*) FROM bars_5m GROUP BY source ORDER BY source")
    assert [tuple(row) for row in connection.execute(sources)] == [("csv", 35), ("yahoo", 1)]
    assert connection.execute(text("SELECT count(*) FROM bar_revisions")).scalar_one() == 0


def test_a_new_symbol_beside_a_known_one_is_first_loaded(connection: Connection) -> None:
    batch = bars()
    write(connection, batch.take(batch.codes == 0))
    assert write(connection, batch, LATER) == BarChanges(18, 0)
    assert_same(read(connection, FIRST), batch)


def test_the_key_stands_after_a_first_load_and_after_one_that_failed(nights: Nights) -> None:
    batch = bars()
    query = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'pk_bars_5m'"
    key = [("PRIMARY KEY (symbol_id, ts)",)]
    with nights.database() as database:
        twice = replace(batch, instants=np.repeat(batch.times[:1], len(batch)))
        with pytest.raises(DatabaseError, match="pk_bars_5m"), database.begin() as connection:
            write(connection, twice)
        assert nights.ask(query) == key
        for _ in range(2):
            with database.begin() as connection:
                write(connection, batch)
            assert nights.ask(query) == key
        with database.begin() as connection:
            assert_same(read(connection), batch)


def test_two_first_loads_at_once_both_end(nights: Nights) -> None:
    batch = bars()
    parts = [batch.take(batch.codes == code) for code in (0, 1)]
    start = threading.Barrier(2, timeout=20)
    outcomes: list[BarChanges | str] = []

    def load(part: BarBatch) -> None:
        try:
            with nights.database() as database, database.begin() as connection:
                start.wait()
                outcomes.append(write(connection, part))
        except Exception as error:  # noqa: BLE001  the main thread judges it
            outcomes.append(repr(error))

    threads = [threading.Thread(target=load, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert outcomes == [BarChanges(18, 0)] * 2
    with nights.database() as database, database.begin() as connection:
        assert_same(read(connection), batch)


def test_sessions_bound_what_is_read(connection: Connection) -> None:
    batch = bars()
    write(connection, batch)
    middle = read(connection, start=date(2024, 1, 3), end=date(2024, 1, 3))
    assert_same(middle, batch.take(batch.sessions == DAYS[1]))
    assert_same(read(connection, start=date(2024, 1, 4)), batch.take(batch.sessions == DAYS[2]))


def test_a_session_may_begin_on_the_evening_before(connection: Connection) -> None:
    batch = bars()
    assert batch.instants is not None
    monday = replace(batch, instants=batch.instants - np.timedelta64(16, "h"))  # 22:30 UTC of the day before
    write(connection, monday)
    assert_same(read(connection, start=date(2024, 1, 2), end=date(2024, 1, 2)), monday.take(batch.sessions == DAYS[0]))


def test_daily_bars_and_their_queries_do_not_see_intraday_ones(connection: Connection) -> None:
    write(connection, bars())
    daily = replace(bars(bars_a_day=1), instants=None)
    closes = daily.sessions.astype("datetime64[us]") + np.timedelta64(21, "h")
    upsert_bars(connection, daily, IDS, "csv", closes=closes, moment=FIRST)
    restated = changed(daily, 0, 1.0)
    upsert_bars(connection, restated, IDS, "csv", closes=closes, moment=LATER)
    assert len(read_bars(connection, IDS.tolist(), ("AAA", "BBB"), LATER, clean=False)) == 6
    query = "EXPLAIN (FORMAT TEXT) SELECT * FROM bars WHERE timeframe = '1d' AND symbol_id = 7"
    plan = "\n".join(line for (line,) in connection.execute(text(query)))
    assert "bars_1d" in plan
    assert "bars_5m" not in plan


@pytest.mark.parametrize("timeframe", ["1d", "2h", "5m; DROP TABLE bars"])
def test_what_is_no_intraday_timeframe_is_refused(connection: Connection, timeframe: Any) -> None:
    with pytest.raises(UsageError, match="no intraday timeframe"):
        read(connection, timeframe=timeframe)


def test_bars_without_instants_are_refused(connection: Connection) -> None:
    batch = bars()
    ends = batch.sessions.astype("datetime64[us]")
    with pytest.raises(UsageError, match="without their opening instants"):
        upsert_intraday(connection, replace(batch, instants=None), IDS, "csv", "5m", ends=ends, moment=FIRST)


def test_an_empty_batch_changes_nothing(connection: Connection) -> None:
    assert write(connection, bars().take(EMPTY)) == BarChanges(0, 0)
    assert len(read(connection)) == 0


def test_the_schema_goes_back_with_revisions_of_both_kinds(nights: Nights) -> None:
    batch = bars()
    daily = replace(bars(bars_a_day=1), instants=None)
    closes = daily.sessions.astype("datetime64[us]") + np.timedelta64(21, "h")
    with nights.database() as database:
        with database.begin() as connection:
            for moment, by in ((FIRST, 0.0), (LATER, 1.0)):
                write(connection, changed(changed(batch, 0, by), 1, by), moment)
                upsert_bars(connection, changed(daily, 0, by), IDS, "csv", closes=closes, moment=moment)
        migrating.downgrade(database, "0003")
        assert nights.ask("SELECT timeframe, count(*) FROM bar_revisions GROUP BY 1") == [("1d", 1)]
        assert nights.ask("SELECT timeframe, count(*) FROM bars GROUP BY 1") == [("1d", 6)]
        migrating.upgrade(database)
        assert migrating.check(database) == []
