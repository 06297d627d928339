"""Bars into PostgreSQL and back: our bulk load against pandas.to_sql, and against the bare COPY under it.

Each program writes the same columns of the same bars into a table of its own, in one embedded server in a temporary
folder. What is read back must be what was written, to the bit.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import measuring
import numpy as np
from measuring import Row, demand_equal
from sqlalchemy import text

from alphafactory.calendar import session_close
from alphafactory.config import Config
from alphafactory.domain.bars import BAR_FIELDS
from alphafactory.store.bars import read_bars, upsert_bars
from alphafactory.store.database import open_database, raw
from alphafactory.store.migrating import upgrade
from alphafactory.store.symbols import read_symbols, upsert_symbols

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alphafactory.domain.arrays import IntArray
    from alphafactory.domain.bars import BarBatch
    from alphafactory.store.database import Database

TARGET = 2.5
MOMENT = datetime(2020, 1, 11, tzinfo=UTC)
COLUMNS = ("symbol_id", "session", *BAR_FIELDS)


@contextmanager
def scratch_database() -> Iterator[Database]:
    """Start a server of our own in a temporary folder, with the tables made."""
    with (
        tempfile.TemporaryDirectory(prefix="alphafactory-bench-") as folder,
        open_database(Config(paths={"var": Path(folder) / "var"})) as database,
    ):
        upgrade(database)
        yield database


def bare_copy(database: Database) -> float:
    """Return the seconds of a COPY of ready bytes into a table without a key: nothing can be faster."""
    listed = ", ".join(COLUMNS)
    query = f"COPY (SELECT {listed} FROM bars_1d) TO STDOUT (FORMAT binary)"  # noqa: S608  our own names
    with database.begin() as connection:
        with raw(connection).cursor().copy(query) as copy:
            content = b"".join(bytes(part) for part in copy)
        connection.execute(text(f"CREATE TABLE bare AS SELECT {listed} FROM bars_1d LIMIT 0"))  # noqa: S608  our own names

    def work() -> None:
        with (
            database.begin() as connection,
            raw(connection).cursor().copy("COPY bare FROM STDIN (FORMAT binary)") as copy,
        ):
            copy.write(content)

    return measuring.seconds(work)


def by_pandas(database: Database, batch: BarBatch, symbol_ids: IntArray) -> float:
    """Return the seconds of `pandas.to_sql` with its own defaults, which are its fastest way to PostgreSQL."""
    import pandas as pd  # noqa: PLC0415  the peer

    frame = pd.DataFrame({name: getattr(batch, name) for name in BAR_FIELDS})
    frame.insert(0, "symbol_id", symbol_ids[batch.codes])
    frame.insert(1, "session", batch.sessions.astype("datetime64[s]").astype(object))
    return measuring.seconds(lambda: frame.to_sql("by_pandas", database.engine, index=False))


def run() -> Iterator[Row]:
    """Load new bars, load them again, read them back, and let the peers write them."""
    delivery = None

    def read_file() -> None:
        nonlocal delivery
        delivery = measuring.read_prices()

    reading = measuring.seconds(read_file)
    assert delivery is not None
    batch = delivery.bars.ordered()
    closes = session_close("XNYS", batch.sessions)
    count = f"{len(batch)} bars"
    yield Row(f"{count} read from the file", reading)
    with scratch_database() as database:
        with database.begin() as connection:
            upsert_symbols(connection, delivery.listings, "csv", simulated=False, moment=MOMENT)
            ids = {row.ticker: row.id for row in read_symbols(connection)}
        symbol_ids = np.array([ids[ticker] for ticker in batch.tickers], dtype=np.int64)

        def load() -> None:
            with database.begin() as connection:
                upsert_bars(connection, batch, symbol_ids, "csv", closes=closes, moment=MOMENT)

        new, unchanged = measuring.seconds(load), measuring.seconds(load)

        def read() -> BarBatch:
            with database.begin() as connection:
                return read_bars(connection, symbol_ids.tolist(), batch.tickers, MOMENT, clean=False)

        back = measuring.seconds(read)
        stored = read()
        for name in ("codes", *BAR_FIELDS):
            demand_equal(f"read back, {name}", getattr(stored, name), getattr(batch, name), 0.0)
        yield Row(
            f"{count} loaded, new",
            new,
            target=TARGET,
            peer="COPY of ready bytes, no key (floor)",
            peer_measured=bare_copy(database),
        )
        pandas = by_pandas(database, batch, symbol_ids)
        yield Row(f"{count} loaded, new", new, peer=f"pandas.to_sql {version('pandas')}", peer_measured=pandas)
        yield Row(f"{count} loaded again, unchanged", unchanged)
        yield Row(f"{count} read back into arrays", back)


if __name__ == "__main__":
    measuring.finish(run)
