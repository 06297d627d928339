"""Intraday bars into PostgreSQL and back: 3.3 million loaded, one symbol's 72,000 read, hours made of them.

The floor of the load is a COPY of the same bytes into a table without a key; the peer of the read is `pandas.read_sql`
on the same rows. Both run in the same embedded server in a temporary folder. What is read must be what was written, to
the bit; hours must be those of `pandas.DataFrame.resample`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

import measuring
import numpy as np
from load import scratch_database
from measuring import Row, demand_equal
from sqlalchemy import text

from alphafactory.calendar import session_close, session_open, sessions_between
from alphafactory.domain.bars import BAR_FIELDS, BarBatch
from alphafactory.domain.resampling import bar_ends, resample
from alphafactory.domain.timeframes import SECONDS
from alphafactory.store.database import raw
from alphafactory.store.intraday import read_intraday, upsert_intraday

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alphafactory.domain.arrays import DateArray, IntArray
    from alphafactory.store.database import Database

SYMBOLS, BARS = 46, 72_000
LOAD_TARGET, READ_TARGET = 12.0, 0.1
MOMENT = datetime(2024, 12, 31, tzinfo=UTC)
COLUMNS = ("symbol_id", "timeframe", "session", "ts", *BAR_FIELDS, "source", "known_at", "known_at_assumed")
WORDS = ", ".join(COLUMNS)


def made_up_bars() -> BarBatch:
    """Return random walks on the real sessions of New York, half days and changes of clocks included."""
    sessions = sessions_between("XNYS", date(2020, 1, 2), date(2023, 12, 29))
    opens, closes = session_open("XNYS", sessions), session_close("XNYS", sessions)
    step = np.timedelta64(SECONDS["5m"], "s")
    counts = ((closes - opens) // step).astype(np.int64)
    place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    instants = (np.repeat(opens, counts) + place * step)[:BARS]
    draw = np.random.default_rng(11)
    rows = SYMBOLS * BARS
    close = np.round(100 * np.exp(np.cumsum(draw.normal(0, 1e-3, (SYMBOLS, BARS)), axis=1)).ravel(), 4)
    first = np.round(close * (1 + draw.normal(0, 1e-3, rows)), 4)
    return BarBatch(
        tickers=tuple(f"S{code:02d}" for code in range(SYMBOLS)),
        codes=np.repeat(np.arange(SYMBOLS), BARS),
        sessions=np.tile(np.repeat(sessions, counts)[:BARS], SYMBOLS),
        open=first,
        high=np.maximum(first, close),
        low=np.minimum(first, close),
        close=close,
        volume=draw.integers(100, 10**6, rows).astype(np.float64),
        lines=np.zeros(rows, dtype=np.int64),
        instants=np.tile(instants, SYMBOLS),
    )


def bare_copy(database: Database) -> float:
    """Return the seconds of a COPY of ready bytes, the same columns, into a table without a key."""
    with database.begin() as connection:
        query = f"COPY (SELECT {WORDS} FROM bars_5m) TO STDOUT (FORMAT binary)"  # noqa: S608  our own names
        with raw(connection).cursor().copy(query) as copy:
            content = [bytes(part) for part in copy]
        connection.execute(text(f"CREATE TABLE bare AS SELECT {WORDS} FROM bars_5m LIMIT 0"))  # noqa: S608  our own names
    content = [b"".join(content[start : start + 10_000]) for start in range(0, len(content), 10_000)]

    def work() -> None:
        with (
            database.begin() as connection,
            raw(connection).cursor().copy("COPY bare FROM STDIN (FORMAT binary)") as copy,
        ):
            for part in content:
                copy.write(part)

    return measuring.seconds(work)


def by_pandas(database: Database, symbol_id: int) -> float:
    """Return the seconds in which `pandas.read_sql` reads the same rows into a frame."""
    import pandas as pd  # noqa: PLC0415  the peer

    columns = ", ".join(("session", "ts", *BAR_FIELDS))
    query = f"SELECT {columns} FROM bars_5m WHERE symbol_id = {symbol_id} ORDER BY ts"  # noqa: S608  our own names
    return measuring.seconds(lambda: pd.read_sql(query, database.engine), repeats=3)


def hours_by_pandas(batch: BarBatch, opens: DateArray) -> tuple[float, dict[str, object]]:
    """Return the seconds in which pandas makes hours from the open of one symbol's bars, and the hours."""
    import pandas as pd  # noqa: PLC0415  the peer

    how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    frame = pd.DataFrame({name: getattr(batch, name) for name in BAR_FIELDS}, index=pd.DatetimeIndex(batch.instants))
    # pandas counts from one origin; sessions open at another hour of UTC in summer, but always at half past.
    found: dict[str, object] = {}

    def work() -> None:
        origin = pd.Timestamp(opens[0])
        hours = frame.resample("60min", origin=origin).agg(how).dropna(subset=["open"])
        found.update({name: hours[name].to_numpy() for name in BAR_FIELDS})

    return measuring.seconds(work, repeats=3), found


def hours(batch: BarBatch) -> Iterator[Row]:
    """Make hours of one symbol's bars, as pandas does."""
    one = batch.take(batch.codes == 0)
    opens, closes = session_open("XNYS", one.sessions), session_close("XNYS", one.sessions)
    taken = measuring.seconds(lambda: resample(one, "5m", "1h", opens=opens, closes=closes), repeats=3)
    made = resample(one, "5m", "1h", opens=opens, closes=closes)
    pandas, theirs = hours_by_pandas(one, opens)
    for name in BAR_FIELDS:
        demand_equal(f"hours, {name}", getattr(made, name), theirs[name], 0.0)
    peer = f"pandas.resample {version('pandas')}"
    yield Row(f"{len(one)} bars of 5m made into {len(made)} of 1h", taken, peer=peer, peer_measured=pandas)


def run() -> Iterator[Row]:
    """Load new bars, load them again, read one symbol and all, and let the peers do it."""
    batch = made_up_bars()
    yield from hours(batch)
    symbol_ids: IntArray = np.arange(1, SYMBOLS + 1)
    ends = bar_ends(batch.times, "5m", closes=session_close("XNYS", batch.sessions))
    count = f"{len(batch)} bars of 5m"
    with scratch_database() as database:

        def load(bars: BarBatch) -> None:
            with database.begin() as connection:
                upsert_intraday(connection, bars, symbol_ids, "csv", "5m", ends=ends[: len(bars)], moment=MOMENT)

        new = measuring.seconds(lambda: load(batch))
        floor = bare_copy(database)
        peer = "COPY of ready bytes, no key (floor)"
        yield Row(f"{count} loaded, new", new, target=LOAD_TARGET, peer=peer, peer_measured=floor)

        def read(codes: slice) -> BarBatch:
            with database.begin() as connection:
                return read_intraday(connection, symbol_ids[codes].tolist(), batch.tickers[codes], "5m", MOMENT)

        middle = slice(SYMBOLS // 2, SYMBOLS // 2 + 1)
        one = measuring.seconds(lambda: read(middle), repeats=5)
        pandas = by_pandas(database, int(symbol_ids[middle][0]))
        peer = f"pandas.read_sql {version('pandas')}"
        yield Row(f"{BARS} bars of one symbol read", one, target=READ_TARGET, peer=peer, peer_measured=pandas)
        found = read(slice(None))
        for name in ("codes", *BAR_FIELDS):
            demand_equal(f"read back, {name}", getattr(found, name), getattr(batch, name), 0.0)
        for name in ("sessions", "times"):
            same = np.array_equal(getattr(found, name), getattr(batch, name))
            demand_equal(f"read back, {name}", same, True, 0.0)
        yield Row(f"{count} read", measuring.seconds(lambda: read(slice(None))))
        yield Row(f"{count} loaded again, unchanged", measuring.seconds(lambda: load(batch)))


if __name__ == "__main__":
    measuring.finish(run)
