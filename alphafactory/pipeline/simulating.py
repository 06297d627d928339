"""The work of one worker: some symbols, some strategies, their simulations and metrics. It sees no database.

Goes in: arrays and names. Comes out: one `Finished` a task, with an error's words where one failed, or where a symbol
is too short for a strategy. A worker finds strategies by name, so that no class crosses a process.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.plugins import MarketView
from alphafactory.domain.signals import Signals
from alphafactory.errors import AlphaFactoryError, SimulationError
from alphafactory.indicators.catalogue import computation_of, function_warm_up, shipped_catalogue
from alphafactory.metrics import Benchmarks, aligned_returns, compute_metrics, hold_returns
from alphafactory.simulation import configure_cache, simulate
from alphafactory.strategies.catalogue import discover_strategies
from alphafactory.strategies.combination import resolve_strategy
from alphafactory.strategies.parameters import warm_up

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal

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
    """What all backtests of a night share; `index` is the whole history of the index, None without one."""

    settings: SimulationSettings
    start: np.datetime64 | None
    end: np.datetime64 | None
    risk_free_rate: float
    index: Bars | None
    strategies_folder: str
    cache_folder: str


@dataclass(frozen=True, slots=True)
class Finished:
    """One task's result: sessions, simulation and metrics, or why there are none."""

    fingerprint: str
    status: Literal["done", "failed", "skipped"] = "done"
    sessions: DateArray | None = None
    simulation: Simulation | None = None
    metrics: MetricSet | None = None
    error: str | None = None


class TooFewBarsError(SimulationError):
    """A symbol has no bar beyond the strategy's warm-up, so that the strategy cannot say anything."""


def work(symbols: Sequence[SymbolWork], terms: Terms) -> list[Finished]:
    """Do every task of every symbol."""
    configure_cache(Path(terms.cache_folder))
    strategies = _strategies(terms.strategies_folder)
    finished: list[Finished] = []
    for symbol in symbols:
        computation = computation_of(symbol.bars)
        for task in symbol.tasks:
            try:
                strategy = resolve_strategy(task.strategy, strategies)
                finished.append(_backtest(symbol, task, terms, strategy, computation))
            except TooFewBarsError as error:
                finished.append(Finished(task.fingerprint, "skipped", error=str(error)))
            except AlphaFactoryError as error:
                finished.append(Finished(task.fingerprint, "failed", error=str(error)))
            except (Exception, SystemExit) as error:  # noqa: BLE001  a user's strategy may raise anything at all
                words = f"{type(error).__name__} in {task.strategy}: {error}"
                finished.append(Finished(task.fingerprint, "failed", error=words))
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
    check_warm_up(strategy, task.params, symbol.ticker, rows.stop)
    simulation = simulate(
        bars,
        strategy_signals(strategy, task.params, symbol.bars, computation).part(rows),
        terms.settings,
        periods_per_year=symbol.periods_per_year,
        delisted=symbol.delisted and rows.stop == len(symbol.bars),
        name=symbol.ticker,
    )
    metrics = compute_metrics(
        simulation,
        bars.sessions,
        symbol.periods_per_year,
        terms.risk_free_rate,
        benchmarks=Benchmarks(
            hold=hold_returns(bars), index=None if terms.index is None else aligned_returns(terms.index, bars.sessions)
        ),
    )
    return Finished(task.fingerprint, "done", bars.sessions, simulation, metrics)


def check_warm_up(strategy: type[Strategy], params: Mapping[str, int | float], ticker: str, bars: int) -> None:
    """Raise `TooFewBarsError` where the strategy's indicators have no value together on the first `bars` bars."""
    needed = warm_up(strategy, params, function_warm_up) + 1
    if bars < needed:
        words = "".join(f" {name}={value}" for name, value in params.items())
        raise TooFewBarsError(
            f"{ticker} has {bars} usable bars up to the end of the period, and {strategy.name}{words} needs {needed} "
            "before it can say anything. Choose shorter parameters, a later end, or a symbol with more history."
        )


def strategy_signals(
    strategy: type[Strategy], params: Mapping[str, int | float], bars: Bars, computation: Computation
) -> Signals:
    """Return the strategy's signals on one symbol's whole history, every array of shape (n, 1).

    Raises:
        SimulationError: the strategy returned arrays of another shape.
    """
    view = MarketView(
        sessions=bars.sessions,
        open=bars.open[:, None],
        high=bars.high[:, None],
        low=bars.low[:, None],
        close=bars.close[:, None],
        volume=bars.volume[:, None],
        indicators={name: _indicator(request, params, computation) for name, request in strategy.indicators.items()},
    )
    returned = strategy.signals(view, params)
    if not isinstance(returned, Signals):
        return Signals(_judged(returned, "signals", strategy, bars))
    arrays = {
        field.name: _judged(getattr(returned, field.name), field.name, strategy, bars)
        for field in fields(Signals)
        if field.name != "distances" and getattr(returned, field.name) is not None
    }
    return Signals(**arrays, distances=returned.distances)


def _judged(values: object, name: str, strategy: type[Strategy], bars: Bars) -> FloatArray:
    array: FloatArray = np.asarray(values, dtype=np.float64)
    if array.shape != (len(bars), 1):
        raise SimulationError(
            f"The strategy '{strategy.name}' returned {name} of shape {array.shape} for {len(bars)} sessions and "
            f"one symbol. Return one row a session and one column a symbol, shape ({len(bars)}, 1)."
        )
    return array


def _indicator(request: IndicatorRequest, params: Mapping[str, int | float], computation: Computation) -> FloatArray:
    name = shipped_catalogue().functions.get(request.function).output(request.output).name
    return computation.outputs(request.function, request.resolve(params))[name][:, None]
