"""The panel of 800 symbols, 2007 to 2020, with 14 factors, on one core: cold, warm, and after one bar changed.

Cold means that nothing was kept: fingerprints are hashed, 2.7 million bars read from PostgreSQL, factors computed, and
all of it written. Warm means that the fingerprints are asked for, found unchanged, and the files mapped and verified.
The peers get the same columns: pandas by SQL with the factors computed the same way, and pandas from a Parquet file
that holds the factors already.
"""

from __future__ import annotations

import os
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

from alphafactory.config import Config
from alphafactory.domain.bars import BAR_FIELDS, BarBatch, Bars
from alphafactory.domain.market import Listing
from alphafactory.indicators.catalogue import compute_columns, source_hash
from alphafactory.pipeline.panel import data_fingerprints, read_panel
from alphafactory.pipeline.panel_cache import PanelCache
from alphafactory.store.bars import upsert_bars
from alphafactory.store.database import open_database
from alphafactory.store.migrating import upgrade
from alphafactory.store.symbols import read_symbols, upsert_symbols

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.bars import BarPanel
    from alphafactory.store.database import Database
    from alphafactory.store.symbols import SymbolRow

SYMBOLS, SESSIONS, FEWER = 800, 3_400, 147
COLD_TARGET, WARM_TARGET = 7.4, 0.7
"""What qlib publishes for its own caches on this task, and a tenth of it."""
MOMENT = datetime(2021, 1, 1, tzinfo=UTC)
FACTORS = (
    "close_to_sma_20", "close_to_sma_50", "bollinger_percent_b", "rsi_14", "macd_line", "macd_signal", "stochastic_k",
    "williams_r_14", "roc_10", "adx_14", "sma_200", "ema_26", "atr_14", "obv",
)  # fmt: skip


def made_up_market(symbols: int) -> BarBatch:
    """Return seeded random walks in cents, ordered by symbol and session."""
    draw = np.random.default_rng(symbols)
    days = np.busday_offset("2007-01-02", np.arange(SESSIONS)).astype("datetime64[D]")
    close = np.round(40 * np.exp(np.cumsum(draw.normal(0, 0.01, (symbols, SESSIONS)), axis=1)), 2).ravel() + 1
    opening = np.round(close * (1 + draw.normal(0, 0.003, len(close))), 2)
    high, low = np.maximum(opening, close) + 0.1, np.minimum(opening, close) - 0.1
    volume = np.round(draw.uniform(1e5, 1e7, len(close)))
    tickers = tuple(f"T{symbols}X{number:04d}" for number in range(symbols))
    codes, lines = np.repeat(np.arange(symbols), SESSIONS), np.zeros(len(close), dtype=np.int64)
    return BarBatch(tickers, codes, np.tile(days, symbols), opening, high, low, close, volume, lines)


@contextmanager
def scratch_database(folder: Path) -> Iterator[Database]:
    """Start a server of our own with the tables made."""
    with open_database(Config(paths={"var": folder / "var"})) as database:
        upgrade(database)
        yield database


def load(database: Database, batch: BarBatch) -> list[SymbolRow]:
    """Write the bars; return their symbols in the order of the batch."""
    with database.begin() as connection:
        listings = [Listing(ticker, "X") for ticker in batch.tickers]
        upsert_symbols(connection, listings, "made up", simulated=True, moment=MOMENT)
        rows = read_symbols(connection, batch.tickers)
        ids = np.array([row.id for row in rows], dtype=np.int64)
        closes = batch.sessions.astype("datetime64[us]") + np.timedelta64(21, "h")
        upsert_bars(connection, batch, ids, "made up", closes=closes, moment=MOMENT)
    return rows


def cost_of_versions(database: Database) -> Row:
    """Load the same bars with the triggers that keep the versions and without, in turn."""
    batch = made_up_market(FEWER)

    def without_triggers(word: str) -> float:
        with database.begin() as connection:
            connection.execute(text("TRUNCATE bars_1d"))
            connection.execute(text(f"ALTER TABLE bars_1d {word} TRIGGER USER"))
        return measuring.seconds(lambda: load(database, batch))

    times = [(without_triggers("DISABLE"), without_triggers("ENABLE")) for _ in range(3)]
    without, kept = (min(column) for column in zip(*times, strict=True))
    with database.begin() as connection:
        connection.execute(text("TRUNCATE bars_1d"))
    return Row(
        f"{len(batch)} bars loaded, versions kept", kept, peer="the same without triggers", peer_measured=without
    )


def ours(database: Database, folder: Path, chosen: Sequence[SymbolRow]) -> tuple[BarPanel, dict[str, FloatArray]]:
    """Return the panel and its factors, as a worker that has just started does."""
    with database.begin() as connection:
        fingerprints = data_fingerprints(connection, [row.id for row in chosen], MOMENT)
        cached = PanelCache(folder, "benchmark").open(
            chosen, fingerprints, lambda absent: read_panel(connection, absent, MOMENT)
        )
    versions = {name: source_hash(name) for name in FACTORS}
    return cached.panel, cached.columns(versions, compute_columns)


def by_sql(connection: Connection) -> dict[str, FloatArray]:
    """Return the same columns by pandas: one query, then the same factors symbol by symbol."""
    import pandas as pd  # noqa: PLC0415  the peer

    listed = ", ".join(BAR_FIELDS)
    query = f"SELECT symbol_id, session, {listed} FROM bars_1d ORDER BY symbol_id, session"  # noqa: S608  our own names
    frame = pd.read_sql(text(query), connection)
    parts = []
    for _, group in frame.groupby("symbol_id", sort=False):
        sessions = group["session"].to_numpy(dtype="datetime64[D]")
        columns = [group[name].to_numpy() for name in BAR_FIELDS]
        ones = np.ones(len(sessions))
        parts.append(compute_columns(Bars(sessions, *columns, ones, ones - 1), FACTORS))
    factors = {name: np.concatenate([part[name] for part in parts]) for name in FACTORS}
    return {**{name: frame[name].to_numpy() for name in BAR_FIELDS}, **factors}


def by_parquet(path: Path) -> dict[str, FloatArray]:
    """Return the same columns by pandas from a file that holds them all."""
    import pandas as pd  # noqa: PLC0415  the peer

    frame = pd.read_parquet(path)
    return {name: frame[name].to_numpy() for name in (*BAR_FIELDS, *FACTORS)}


def write_parquet(path: Path, panel: BarPanel, columns: dict[str, FloatArray]) -> None:
    """Write what `by_parquet` reads."""
    import pandas as pd  # noqa: PLC0415  the peer

    keys = np.repeat(panel.symbol_ids, np.diff(panel.starts))
    pd.DataFrame({"symbol_id": keys, "session": panel.bars.sessions.astype("datetime64[s]"), **columns}).to_parquet(
        path
    )


def change_one_bar(database: Database, row: SymbolRow) -> None:
    """Change a bar by hand."""
    statement = "UPDATE bars_1d SET volume = volume + 1 WHERE symbol_id = :id AND session = '2012-01-03'"
    with database.begin() as connection:
        connection.execute(text(statement), {"id": row.id})


def run() -> Iterator[Row]:
    """Load the market, then read it cold, warm and after a change, beside the peers."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one core, the server's processes included
    with tempfile.TemporaryDirectory(prefix="alphafactory-bench-") as name, scratch_database(Path(name)) as database:
        folder = Path(name) / "panels"
        yield cost_of_versions(database)
        chosen = load(database, made_up_market(SYMBOLS))
        compute_columns(Bars(*(np.empty(0) for _ in range(8))), FACTORS)  # reads the catalogue
        cold = measuring.seconds(lambda: ours(database, folder, chosen))
        warm = measuring.seconds(lambda: ours(database, folder, chosen), repeats=3)
        panel, factors = ours(database, folder, chosen)
        columns = {**{field: getattr(panel.bars, field) for field in BAR_FIELDS}, **factors}
        with database.begin() as connection:
            theirs: dict[str, FloatArray] = {}
            sql_needs = measuring.seconds(lambda: theirs.update(by_sql(connection)))
        for column, values in columns.items():
            demand_equal(f"pandas by SQL, {column}", values, theirs[column], 0.0)
        path = Path(name) / "panel.parquet"
        write_parquet(path, panel, columns)
        parquet_needs = measuring.seconds(lambda: by_parquet(path), repeats=3)
        what = f"panel of {len(panel.bars)} bars with {len(FACTORS)} factors"
        pandas = f"pandas {version('pandas')}"
        yield Row(
            f"{what}, cold", cold, target=COLD_TARGET, peer=f"{pandas} read_sql, factors", peer_measured=sql_needs
        )
        yield Row(f"{what}, warm", warm, target=WARM_TARGET, peer=f"{pandas} read_parquet", peer_measured=parquet_needs)
        change_one_bar(database, chosen[SYMBOLS // 2])
        yield Row(f"{what}, one bar changed", measuring.seconds(lambda: ours(database, folder, chosen)))


if __name__ == "__main__":
    measuring.finish(run)
