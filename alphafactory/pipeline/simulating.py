"""The work of one worker: some symbols, some strategies, their simulations and metrics. It sees no database.

Goes in: a `WorkChunk` of arrays and names. Comes out: one `Finished` a task, with an error's words where one failed. A
worker finds strategies by name, so that no class crosses a process.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.plugins import MarketView
from alphafactory.errors import AlphaFactoryError, SimulationError
from alphafactory.indicators.catalogue import computation_of, shipped_catalogue
from alphafactory.metrics import compute_metrics
from alphafactory.simulation import configure_cache, simulate
from alphafactory.strategies.catalogue import discover_strategies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alphafactory.domain.arrays import DateArray, FloatArray
    from alphafactory.domain.bars import Bars
    from alphafactory.domain.plugins import IndicatorRequest
    from alphafactory.domain.results import Simulation
    from alphafactory.domain.settings import SimulationSettings
    from alphafactory.indicators.computation import Computation
    from alphafactory.metrics import MetricSet
    from alphafactory.registry import Registry
    from alphafactory.strategies.base import Strategy


@dataclass(frozen=True, slots=True)
class Task:
    """One backtest to do: which strategy with which parameters; `fingerprint` names the answer."""

    strategy: str
    params: Mapping[str, int | float]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class SymbolWork:
    """One symbol's whole history and the backtests wanted on it."""

    ticker: str
    bars: Bars
    delisted: bool
    periods_per_year: int
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """What all backtests of a night share."""

    settings: SimulationSettings
    start: np.datetime64 | None
    end: np.datetime64 | None
    risk_free_rate: float
    strategies_folder: str
    cache_folder: str


@dataclass(frozen=True, slots=True)
class Finished:
    """One task's result: sessions, simulation and metrics, or the error that prevented them."""

    fingerprint: str
    sessions: DateArray | None = None
    simulation: Simulation | None = None
    metrics: MetricSet | None = None
    error: str | None = None


def work(symbols: Sequence[SymbolWork], terms: Terms) -> list[Finished]:
    """Do every task of every symbol."""
    configure_cache(Path(terms.cache_folder))
    strategies = _strategies(terms.strategies_folder)
    finished: list[Finished] = []
    for symbol in symbols:
        computation = computation_of(symbol.bars)
        for task in symbol.tasks:
            try:
                finished.append(_backtest(symbol, task, terms, strategies.get(task.strategy), computation))
            except AlphaFactoryError as error:
                finished.append(Finished(task.fingerprint, error=str(error)))
            except (Exception, SystemExit) as error:  # noqa: BLE001  a user's strategy may raise anything at all
                finished.append(Finished(task.fingerprint, error=f"{type(error).__name__} in {task.strategy}: {error}"))
    return finished


@cache
def _strategies(folder: str) -> Registry[type[Strategy]]:
    return discover_strategies(Path(folder))


def _backtest(
    symbol: SymbolWork, task: Task, terms: Terms, strategy: type[Strategy], computation: Computation
) -> Finished:
    rows = symbol.bars.window(terms.start, terms.end)
    bars = symbol.bars.part(rows)
    if len(bars) == 0:
        raise SimulationError(f"{symbol.ticker} has no usable bar in the period. Choose another backtest.start or end.")
    target = strategy_target(strategy, task.params, symbol.bars, computation)[rows]
    ended = symbol.delisted and rows.stop == len(symbol.bars)
    simulation = simulate(bars, target, terms.settings, delisted=ended, name=symbol.ticker)
    metrics = compute_metrics(simulation, bars.sessions, symbol.periods_per_year, terms.risk_free_rate)
    return Finished(task.fingerprint, bars.sessions, simulation, metrics)


def strategy_target(
    strategy: type[Strategy], params: Mapping[str, int | float], bars: Bars, computation: Computation
) -> FloatArray:
    """Return the strategy's targets on one symbol's whole history, shape (n,)."""
    view = MarketView(
        sessions=bars.sessions,
        open=bars.open[:, None],
        high=bars.high[:, None],
        low=bars.low[:, None],
        close=bars.close[:, None],
        volume=bars.volume[:, None],
        indicators={name: _indicator(request, params, computation) for name, request in strategy.indicators.items()},
    )
    signals = np.asarray(strategy.signals(view, params), dtype=np.float64)
    if signals.shape != (len(bars), 1):
        raise SimulationError(
            f"The strategy '{strategy.name}' returned signals of shape {signals.shape} for {len(bars)} sessions and "
            f"one symbol. Return one row a session and one column a symbol, shape ({len(bars)}, 1)."
        )
    return signals[:, 0]


def _indicator(request: IndicatorRequest, params: Mapping[str, int | float], computation: Computation) -> FloatArray:
    name = shipped_catalogue().functions.get(request.function).output(request.output).name
    return computation.outputs(request.function, request.resolve(params))[name][:, None]
