"""Many parameter sets on many symbols: numbers alone, nothing kept of a simulation but its row of `NUMBERS`.

Goes in: symbols with their bars, a strategy, parameter sets. Comes out: blocks of numbers, in an order and to a bit
that do not depend on the number of workers. It sees no database.

Symbols of equal sessions are cut into pieces that fit a processor's cache, and sets into blocks. A piece with a block
is one unit of work: what it gives depends on no other, and on nobody who does it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.errors import SimulationError
from alphafactory.pipeline.evaluating import SweepSymbol, SweepTerms, evaluate
from alphafactory.pipeline.known_strategies import strategies_of_worker
from alphafactory.simulation import NUMBERS, configure_cache
from alphafactory.strategies.combination import resolve_strategy

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.bars import Bars
    from alphafactory.domain.settings import SimulationSettings
    from alphafactory.strategies.base import Strategy

_CELLS_A_PIECE = 64_000
"""Sessions times symbols of a piece: its arrays of 512 kB stay in a processor's cache."""
_TRIALS_A_UNIT = 32_768
"""Enough that indicators, which each unit computes for itself, are a small part of it; 2.6 MB of numbers."""


@dataclass(frozen=True, slots=True)
class StrategyPlace:
    """Where a worker finds the strategy and keeps compiled code: classes of a user's folder cross no process."""

    name: str
    strategies_folder: str | None
    cache_folder: str | None


@dataclass(frozen=True, slots=True)
class Block:
    """The numbers of some sets from place `first` on, on the symbols at `positions`.

    `numbers` has shape (sets, symbols, NUMBERS), NaN where a number is undefined, and throughout for a symbol of
    `errors`, which maps its position to what went wrong.
    """

    first: int
    positions: tuple[int, ...]
    numbers: FloatArray
    errors: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class _Unit:
    positions: tuple[int, ...]
    first: int
    last: int


def sweep_panel(
    bars: Sequence[Bars],
    strategy: type[Strategy],
    parameter_sets: Sequence[Mapping[str, int | float]],
    settings: SimulationSettings,
    *,
    names: Sequence[str] = (),
    periods_per_year: int = 252,
    risk_free_rate: float = 0.0,
    delisted: Sequence[bool] = (),
    start: np.datetime64 | None = None,
    end: np.datetime64 | None = None,
    workers: int = 1,
    backend: str = "loky",
    strategies_folder: str | None = None,
    cache_folder: str | None = None,
) -> FloatArray:
    """Return the numbers of every parameter set on every symbol, shape (sets, symbols, NUMBERS), NaN for undefined.

    Args:
        bars: each symbol's whole history, on which indicators are computed; sessions may differ between symbols.
        strategy: a strategy class; with workers it is looked up there by its name.
        parameter_sets: complete sets, such as `resolve_parameters` returns, or a `Grid`.
        settings: of every simulation.
        names: the symbols' names, for messages.
        periods_per_year: bars of a year.
        risk_free_rate: annual.
        delisted: whether a symbol ended with its last bar.
        start: first session simulated.
        end: last session simulated.
        workers: processes, or threads; results do not depend on it.
        backend: joblib's: loky or threading.
        strategies_folder: where workers look for the strategy, beside those that ship.
        cache_folder: where workers keep compiled code.

    Raises:
        SimulationError: a symbol gave no result; the message says which and why.
    """
    labels, ended = names or [f"symbol {n}" for n in range(len(bars))], delisted or [False] * len(bars)
    symbols = [
        SweepSymbol(label, one, periods_per_year, gone) for label, one, gone in zip(labels, bars, ended, strict=True)
    ]
    place = StrategyPlace(strategy.name, strategies_folder, cache_folder)
    found = np.full((len(parameter_sets), len(symbols), len(NUMBERS)), np.nan)
    terms = SweepTerms(settings, start, end, risk_free_rate)
    for block in sweep_blocks(symbols, strategy, parameter_sets, terms, place, workers=workers, backend=backend):
        for position, message in block.errors.items():
            raise SimulationError(f"{symbols[position].name}: {message}")
        found[block.first : block.first + len(block.numbers), block.positions] = block.numbers
    return found


def sweep_blocks(
    symbols: Sequence[SweepSymbol],
    strategy: type[Strategy],
    parameter_sets: Sequence[Mapping[str, int | float]],
    terms: SweepTerms,
    place: StrategyPlace,
    *,
    workers: int = 1,
    backend: str = "loky",
) -> Iterator[Block]:
    """Yield the numbers of all sets on all symbols block by block; memory does not grow with the number of sets."""
    units = _units(symbols, len(parameter_sets))
    if workers <= 1 or len(units) <= 1:
        for unit in units:
            some = [symbols[position] for position in unit.positions]
            yield _block(unit, some, strategy, parameter_sets[unit.first : unit.last], terms)
        return
    from joblib import Parallel, delayed  # noqa: PLC0415  loaded only where workers are asked for

    calls = (
        delayed(_work)(unit, [symbols[p] for p in unit.positions], place, parameter_sets[unit.first : unit.last], terms)
        for unit in units
    )
    blocks: Generator[Block] = Parallel(n_jobs=workers, backend=backend, batch_size=1, return_as="generator")(calls)
    try:
        for block in blocks:  # noqa: UP028  `yield from` would close it before the filter below
            yield block
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # joblib warns of work that is dropped; whoever stops early knows that
            blocks.close()


def _units(symbols: Sequence[SweepSymbol], sets: int) -> list[_Unit]:
    """Cut the work by what is to be done alone, never by who does it."""
    alike: dict[tuple[bytes, int, int], list[int]] = {}
    for position, symbol in enumerate(symbols):
        key = (symbol.bars.sessions.tobytes(), symbol.periods_per_year, id(symbol.context))
        alike.setdefault(key, []).append(position)
    units = []
    for positions in alike.values():
        sessions = max(1, len(symbols[positions[0]].bars))
        pieces = -(-len(positions) // max(1, _CELLS_A_PIECE // sessions))
        for piece in np.array_split(positions, pieces):
            step = max(1, _TRIALS_A_UNIT // len(piece))
            chosen = tuple(int(position) for position in piece)
            units += [_Unit(chosen, first, min(first + step, sets)) for first in range(0, sets, step)]
    return units


def _work(
    unit: _Unit,
    symbols: Sequence[SweepSymbol],
    place: StrategyPlace,
    parameter_sets: Sequence[Mapping[str, int | float]],
    terms: SweepTerms,
) -> Block:
    """Do one unit in a worker."""
    if place.cache_folder is not None:
        configure_cache(Path(place.cache_folder))
    strategy = resolve_strategy(place.name, strategies_of_worker(place.strategies_folder))
    return _block(unit, symbols, strategy, parameter_sets, terms)


def _block(
    unit: _Unit,
    symbols: Sequence[SweepSymbol],
    strategy: type[Strategy],
    parameter_sets: Sequence[Mapping[str, int | float]],
    terms: SweepTerms,
) -> Block:
    numbers, errors = evaluate(symbols, strategy, parameter_sets, terms)
    return Block(unit.first, unit.positions, numbers, {unit.positions[place]: text for place, text in errors.items()})
