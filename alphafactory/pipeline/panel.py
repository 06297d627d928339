"""From the tables to what stages read: the chosen symbols, their split-adjusted bars, their fingerprints.

Prices are stored as traded. The factor of a session is the product of the ratios of all known splits after it; a
dividend counts in shares of the session before its ex-date, so that a split on the ex-date itself divides it as well.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.bars import BarPanel, Bars
from alphafactory.errors import UnknownNameError
from alphafactory.pipeline.running import failure
from alphafactory.store import actions, bars, symbols

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.bars import BarBatch
    from alphafactory.pipeline.running import Failure
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.store.actions import Action
    from alphafactory.store.database import Connection
    from alphafactory.store.symbols import SymbolRow


@dataclass(frozen=True, slots=True)
class Universe:
    """The symbols of a night, and the configured tickers that no table knows."""

    symbols: tuple[SymbolRow, ...]
    failures: tuple[Failure, ...]


def choose_universe(connection: Connection, workspace: Workspace) -> Universe:
    """Return the symbols that the config asks for; simulated prices never stand beside real ones."""
    wanted = workspace.config.universe.symbols
    order = workspace.config.sources.order
    rows = [row for row in symbols.read_symbols(connection) if row.source in order]
    if rows:
        first = min(rows, key=lambda row: order.index(row.source))
        rows = [row for row in rows if row.simulated == first.simulated]
    if wanted == "all":
        return Universe(tuple(rows), ())
    known = {row.ticker: row for row in rows}
    missing = [ticker for ticker in wanted if ticker not in known]
    failures = [
        failure("symbol", ticker, str(UnknownNameError("symbol", ticker, known)), "Correct universe.symbols.")
        for ticker in missing
    ]
    return Universe(tuple(known[ticker] for ticker in dict.fromkeys(wanted) if ticker in known), tuple(failures))


def read_panel(connection: Connection, chosen: Sequence[SymbolRow], cutoff: datetime) -> BarPanel:
    """Return the clean, split-adjusted bars of the symbols as known at `cutoff`, with their dividends."""
    ids, tickers = [row.id for row in chosen], tuple(row.ticker for row in chosen)
    batch = bars.read_bars(connection, ids, tickers, cutoff, clean=True)
    starts = batch.starts()
    factors = _split_factors(batch, starts, ids, actions.read_splits(connection, ids, cutoff))
    dividends = _dividends(
        batch, ids, actions.read_dividends(connection, ids, cutoff), actions.read_splits(connection, ids, cutoff)
    )
    adjusted = Bars(
        sessions=batch.sessions,
        open=batch.open / factors,
        high=batch.high / factors,
        low=batch.low / factors,
        close=batch.close / factors,
        volume=batch.volume * factors,
        split_factor=factors,
        dividends=dividends,
    )
    return BarPanel(np.asarray(ids, dtype=np.int64), tickers, starts, adjusted)


def _split_factors(batch: BarBatch, starts: np.ndarray, ids: Sequence[int], splits: Sequence[Action]) -> FloatArray:
    factors = np.ones(len(batch))
    position = {key: place for place, key in enumerate(ids)}
    for key, ex_date, ratio in splits:
        rows = slice(int(starts[position[key]]), int(starts[position[key] + 1]))
        factors[rows][batch.sessions[rows] < np.datetime64(ex_date, "D")] *= ratio
    return factors


def _dividends(
    batch: BarBatch, ids: Sequence[int], dividends: Sequence[Action], splits: Sequence[Action]
) -> FloatArray:
    """Return cash per adjusted share by bar; a dividend whose ex-date has no bar goes to the next bar."""
    paid = np.zeros(len(batch))
    starts = batch.starts()
    position = {key: place for place, key in enumerate(ids)}
    ratios: dict[int, list[tuple[np.datetime64, float]]] = {}
    for key, ex_date, ratio in splits:
        ratios.setdefault(key, []).append((np.datetime64(ex_date, "D"), ratio))
    for key, ex_date, amount in dividends:
        day = np.datetime64(ex_date, "D")
        first, last = int(starts[position[key]]), int(starts[position[key] + 1])
        row = first + int(np.searchsorted(batch.sessions[first:last], day, side="left"))
        if first < row < last:
            shares = np.prod([ratio for split_day, ratio in ratios.get(key, []) if split_day >= day])
            paid[row] += amount / float(shares)
    return paid


def data_fingerprints(connection: Connection, chosen: Sequence[SymbolRow], cutoff: datetime) -> dict[int, str]:
    """Return for each symbol with bars a hash of all that a backtest reads of it: clean bars and actions."""
    ids = [row.id for row in chosen]
    known = bars.read_fingerprints(connection, cutoff, clean=True)
    parts: Mapping[int, list[str]] = {key: [known[key]] for key in ids if key in known}
    for kind, rows in (
        ("split", actions.read_splits(connection, ids, cutoff)),
        ("dividend", actions.read_dividends(connection, ids, cutoff)),
    ):
        for key, day, amount in rows:
            if key in parts:
                parts[key].append(f"{kind} {day} {amount!r}")
    return {key: hashlib.sha256("\n".join(lines).encode()).hexdigest() for key, lines in parts.items()}
