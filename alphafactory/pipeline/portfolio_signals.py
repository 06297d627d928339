"""What the sleeves of a portfolio want: every strategy asked on every symbol, and put on the joint sessions.

Goes in: sleeves, symbols with their bars. Comes out: `SleeveSignals`, and what failed. A strategy that fails on one
symbol leaves that symbol flat; a symbol with fewer bars than the warm-up is flat and counted, which is no failure.

In sessions without a bar a symbol keeps the target of its last one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.signals import Signals
from alphafactory.errors import AlphaFactoryError, SimulationError, UsageError
from alphafactory.indicators.catalogue import computation_of
from alphafactory.pipeline.known_strategies import strategies_of_worker
from alphafactory.pipeline.market_views import UniversePanel, symbol_signals
from alphafactory.pipeline.running import failure
from alphafactory.pipeline.simulating import TooFewBarsError, check_warm_up
from alphafactory.strategies.combination import resolve_strategy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alphafactory.config import ComputeConfig
    from alphafactory.domain.arrays import DateArray, FloatArray
    from alphafactory.domain.bars import Bars
    from alphafactory.pipeline.portfolio_market import PortfolioMarket, SeenSymbol
    from alphafactory.pipeline.running import Failure

_SYMBOLS_A_SECOND = 1_500
"""What one process answers for in a second, roughly; it only decides whether workers pay."""
_WORKER_START_SECONDS = 2.5
_CHUNKS_A_WORKER = 4
_OPTIONS = tuple(field.name for field in fields(Signals) if field.name not in {"target", "distances", "priority"})


@dataclass(frozen=True, slots=True)
class SleeveTask:
    """A sleeve as a worker reads it: the strategy by its name, complete parameters, its share of the capital."""

    strategy: str
    params: Mapping[str, int | float]
    capital: float

    def __str__(self) -> str:
        return self.strategy + "".join(f" {name}={value}" for name, value in self.params.items())


@dataclass(frozen=True, slots=True)
class SleeveSignals:
    """Targets of each sleeve, each of shape (N, m), and prices where a portfolio of one sleeve gave any.

    `failures` are strategies that failed on a symbol, `short` tickers with fewer bars than a warm-up.
    """

    targets: tuple[FloatArray, ...]
    prices: Mapping[str, FloatArray]
    distances: bool
    failures: tuple[Failure, ...]
    short: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Answer:
    signals: Signals | None
    error: str | None = None
    short: bool = False
    universe: bool = False


def sleeve_signals(
    market: PortfolioMarket,
    symbols: Sequence[SeenSymbol],
    sleeves: Sequence[SleeveTask],
    compute: ComputeConfig,
    strategies_folder: str,
) -> SleeveSignals:
    """Ask every sleeve's strategy on every symbol, by workers where that pays; one that sees a universe on all at once.

    Raises:
        UsageError: a sleeve among several gives prices beside its targets, which cannot be netted.
    """
    answers = [
        row for chunk in _ask_all(symbols, tuple(sleeves), compute, strategies_folder) for row in chunk
    ]  # an answer for each sleeve, symbol by symbol
    shape = (len(market.sessions), len(symbols))
    targets = tuple(np.zeros(shape) for _ in sleeves)
    prices: dict[str, FloatArray] = {}
    failures, short, distances = [], [], False
    for place, ((symbol, _), row) in enumerate(zip(symbols, answers, strict=True)):
        ticker, bars = symbol.ticker, symbol.bars
        for target, sleeve, answer in zip(targets, sleeves, row, strict=True):
            if answer.error is not None:
                subject = f"{sleeve.strategy} on {ticker}"
                failures.append(failure("signal", subject, answer.error, "Correct the strategy; the symbol is flat."))
            if answer.short:
                short.append(ticker)
            if answer.universe and place == 0:
                try:
                    target[:] = _of_universe(market, symbols, sleeve, strategies_folder)
                except AlphaFactoryError as error:
                    failures.append(failure("signal", sleeve.strategy, str(error), "Correct it; its sleeve is flat."))
            if answer.signals is None:
                continue
            _put(target[:, place], answer.signals.target[:, 0], bars, market.sessions)
            given = [name for name in _OPTIONS if getattr(answer.signals, name) is not None]
            if given and len(sleeves) > 1:
                raise UsageError(
                    f"The strategy '{sleeve.strategy}' gives {', '.join(given)} beside its target, and only targets of "
                    "several sleeves can be netted. Let it be the only sleeve, or leave it out."
                )
            rows = np.searchsorted(market.sessions, bars.sessions)
            for name in given:
                prices.setdefault(name, np.full(shape, np.nan))[rows, place] = getattr(answer.signals, name)[:, 0]
            distances |= answer.signals.distances
    return SleeveSignals(targets, prices, distances, tuple(failures), tuple(dict.fromkeys(short)))


def _of_universe(market: PortfolioMarket, symbols: Sequence[SeenSymbol], sleeve: SleeveTask, folder: str) -> FloatArray:
    """Return the targets of a strategy that sees all symbols at once, shape (N, m).

    Raises:
        AlphaFactoryError: it failed, or gives prices beside its targets.
    """
    strategy = resolve_strategy(sleeve.strategy, strategies_of_worker(folder))
    calendars = [row.listing.calendar for row in market.chosen.rows]
    panel = UniversePanel([symbol for symbol, _ in symbols], symbols[calendars.index(market.chosen.calendar)][1])
    try:
        answer = panel.signals(strategy, sleeve.params)
    except AlphaFactoryError:
        raise
    except (Exception, SystemExit) as error:  # a user's strategy may raise anything at all
        raise SimulationError(f"{type(error).__name__} in {sleeve.strategy}: {error}") from error
    if any(getattr(answer, name) is not None for name in _OPTIONS):
        raise UsageError(
            f"The strategy '{sleeve.strategy}' gives prices beside its weights, which a sleeve cannot take."
        )
    return answer.target


def _put(column: FloatArray, values: FloatArray, bars: Bars, sessions: DateArray) -> None:
    """Write a symbol's targets, each up to its next bar; what is not a number is flat."""
    rows = np.searchsorted(sessions, bars.sessions)
    lengths = np.diff(np.append(rows, len(sessions)))
    column[rows[0] :] = np.repeat(np.where(np.isnan(values), 0.0, values), lengths)


def _ask_all(
    symbols: Sequence[SeenSymbol], sleeves: tuple[SleeveTask, ...], compute: ComputeConfig, folder: str
) -> list[list[list[_Answer]]]:
    workers = _worker_count(len(symbols) * len(sleeves), compute)
    if workers == 1:
        return [ask(symbols, sleeves, folder)]
    from joblib import Parallel, delayed  # noqa: PLC0415  (loaded only when workers pay)

    size = max(1, len(symbols) // (workers * _CHUNKS_A_WORKER))
    chunks = [symbols[start : start + size] for start in range(0, len(symbols), size)]
    parallel = Parallel(n_jobs=workers, backend=compute.backend)
    found: list[list[list[_Answer]]] = parallel(delayed(ask)(chunk, sleeves, folder) for chunk in chunks)
    return found


def _worker_count(questions: int, compute: ComputeConfig) -> int:
    """Return the configured number of workers; 0 means as many as pay, given what starting one costs."""
    if compute.backend == "sequential":
        return 1
    if compute.workers:
        return min(compute.workers, questions)
    cores = os.cpu_count() or 1
    return min(cores, questions) if questions / _SYMBOLS_A_SECOND * (1 - 1 / cores) > _WORKER_START_SECONDS else 1


def ask(symbols: Sequence[SeenSymbol], sleeves: Sequence[SleeveTask], folder: str) -> list[list[_Answer]]:
    """Return the answer of each sleeve for each symbol: the work of one worker."""
    found, registry = [], strategies_of_worker(folder)
    for symbol, context in symbols:
        ticker, computation = symbol.ticker, computation_of(symbol.bars, context=context)
        row = []
        for sleeve in sleeves:
            try:
                strategy = resolve_strategy(sleeve.strategy, registry)
                if strategy.scope == "universe":
                    row.append(_Answer(None, universe=True))
                    continue
                check_warm_up(strategy, sleeve.params, ticker, len(symbol.bars))
                signals = symbol_signals(strategy, sleeve.params, symbol, computation)
                row.append(_within_bounds(signals, ticker, sleeve))
            except TooFewBarsError:
                row.append(_Answer(None, short=True))
            except AlphaFactoryError as error:
                row.append(_Answer(None, str(error)))
            except (Exception, SystemExit) as error:  # noqa: BLE001  a user's strategy may raise anything at all
                row.append(_Answer(None, f"{type(error).__name__} in {sleeve.strategy}: {error}"))
        found.append(row)
    return found


def _within_bounds(signals: Signals, ticker: str, sleeve: SleeveTask) -> _Answer:
    """Refuse a target that the simulator would refuse, so that it costs one symbol and not the portfolio."""
    beyond = np.abs(signals.target) > 1.0
    if beyond.any():
        found = float(signals.target[beyond][0])
        return _Answer(None, f"{sleeve.strategy} wants {found:g} of {ticker}. A target lies between -1 and 1.")
    return _Answer(signals)
