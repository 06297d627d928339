"""From the tables to what stages read: the chosen symbols, their split-adjusted bars, their fingerprints.

Prices are stored as traded. The factor of a session is the product of the ratios of all known splits after it; a
dividend counts in shares of the session before its ex-date, so that a split on the ex-date itself divides it as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.bars import BarPanel, Bars
from alphafactory.errors import UnknownNameError
from alphafactory.pipeline.running import digest, failure
from alphafactory.store import actions, bars, symbols, universes
from alphafactory.store.versions import cached_fingerprints

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

_RECIPES = {True: "clean data/1", False: "all data/1"}
"""Name what `data_fingerprints` hashes; whoever changes that changes the names."""


@dataclass(frozen=True, slots=True)
class Universe:
    """The symbols of a night, and the configured tickers that no table knows."""

    symbols: tuple[SymbolRow, ...]
    failures: tuple[Failure, ...]


def choose_universe(connection: Connection, workspace: Workspace, *, everything: bool = False) -> Universe:
    """Return the symbols that the config asks for; simulated prices never stand beside real ones.

    Of a named universe these are all that belonged to it on any day up to the night, as known then: who has left it, or
    ceased to trade, stays in the past. `everything` asks for all symbols that are followed, members or not, the index
    among them. A night repeated has the symbols that it had, and none that is followed only since.
    """
    config = workspace.config
    rows = [
        row.as_known(workspace.cutoff)
        for row in _of_chain(symbols.read_symbols(connection), workspace)
        if workspace.known_until is None or row.first_night is None or row.first_night <= workspace.as_of
    ]
    if config.universe.name is not None:
        spells = universes.read_spells(connection, config.universe.name, workspace.cutoff)
        members = {key for key, start, _ in spells if start is None or start <= workspace.as_of}
        return Universe(tuple(row for row in rows if everything or row.id in members), ())
    if config.universe.symbols == "all":
        return Universe(tuple(rows), ())
    known = {row.ticker: row for row in rows}
    by_id = {row.id: row for row in rows}
    for alias in symbols.read_aliases(connection):
        if alias.symbol_id in by_id:
            known.setdefault(alias.ticker, by_id[alias.symbol_id])
    wanted = [*dict.fromkeys(config.universe.symbols), *_pairs(workspace, known)]
    missing = [ticker for ticker in wanted if ticker not in known]
    failures = [
        failure("symbol", ticker, str(UnknownNameError("symbol", ticker, known)), "Correct universe.symbols.")
        for ticker in missing
    ]
    if everything and config.backtest.index is not None:
        wanted.append(config.backtest.index)
    chosen = {known[ticker].id: known[ticker] for ticker in wanted if ticker in known}
    return Universe(tuple(chosen.values()), tuple(failures))


def _of_chain(rows: Sequence[SymbolRow], workspace: Workspace) -> list[SymbolRow]:
    """Keep the symbols of the configured sources: all real ones where vendors are asked, else those of the files."""
    chain = workspace.config.sources.chain
    if set(chain) - {"csv", "synthetic"}:
        return [row for row in rows if not row.simulated]
    chosen = [row for row in rows if row.source in chain]
    if not chosen:
        return []
    first = min(chosen, key=lambda row: chain.index(row.source))
    return [row for row in chosen if row.simulated == first.simulated]


def _pairs(workspace: Workspace, known: Mapping[str, SymbolRow]) -> list[str]:
    """Return the currency pairs that join the universe where crypto is asked for."""
    sources = workspace.config.sources
    return [pair for pair in sources.crypto.symbols if "crypto" in sources.chain and pair in known]


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


def data_fingerprints(
    connection: Connection, symbol_ids: Sequence[int], cutoff: datetime, *, clean: bool = True
) -> dict[int, str]:
    """Return for each symbol with bars a hash of them, as known at `cutoff`, and of its splits and dividends.

    These are all that a backtest reads of a symbol. Without `clean` the quarantined bars are counted in.
    """

    def compute(some: list[int]) -> dict[int, str]:
        known = bars.read_fingerprints(connection, cutoff, clean=clean, symbol_ids=some)
        told = {key: [known[key]] for key in some if key in known}
        for kind, read in (("split", actions.read_splits), ("dividend", actions.read_dividends)):
            for key, day, amount in read(connection, some, cutoff):
                told.get(key, []).append(f"{kind} {day} {amount!r}")
        return {key: digest(*words) for key, words in told.items()}

    return cached_fingerprints(connection, symbol_ids, cutoff, compute, recipe=_RECIPES[clean])
