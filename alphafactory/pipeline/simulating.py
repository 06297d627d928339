"""The work of one worker: some symbols, some strategies, their simulations and metrics. It sees no database.

Goes in: arrays and names. Comes out: one `Finished` a task, with an error's words where one failed, or where a symbol
is too short for a strategy. A worker finds strategies by name, so that no class crosses a process.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from alphafactory.errors import AlphaFactoryError, SimulationError
from alphafactory.indicators.catalogue import computation_of, function_warm_up
from alphafactory.metrics import Benchmarks, aligned_returns, compute_metrics, hold_returns
from alphafactory.pipeline.known_strategies import same_code, strategies_of_worker
from alphafactory.pipeline.market_views import symbol_signals
from alphafactory.simulation import configure_cache, simulate
from alphafactory.strategies.combination import resolve_strategy
from alphafactory.strategies.parameters import warm_up

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal

    import numpy as np

    from alphafactory.domain.arrays import DateArray
    from alphafactory.domain.bars import Bars
    from alphafactory.domain.context import MarketContext, MarketSymbol
    from alphafactory.domain.results import Simulation
    from alphafactory.domain.settings import SimulationSettings
    from alphafactory.indicators.computation import Computation
    from alphafactory.metrics import MetricSet
    from alphafactory.strategies.base import Strategy


@dataclass(frozen=True, slots=True)
class Task:
    """One backtest to do: which strategy with which parameters; `fingerprint` names the answer.

    `code` is the hash of the strategy's code that the fingerprint holds; empty where it does not matter.
    """

    strategy: str
    params: Mapping[str, int | float]
    fingerprint: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class SymbolWork:
    """One symbol's whole history and the backtests wanted on it."""

    symbol: MarketSymbol
    delisted: bool
    periods_per_year: int
    calendar: str
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """What all backtests of a night share.

    `index` is the whole history of the index, None without one; `contexts` is what surrounds the symbols of a calendar.
    """

    settings: SimulationSettings
    start: np.datetime64 | None
    end: np.datetime64 | None
    risk_free_rate: float
    index: Bars | None
    contexts: Mapping[str, MarketContext]
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
    strategies = strategies_of_worker(terms.strategies_folder)
    finished: list[Finished] = []
    checked: set[tuple[str, str]] = set()
    for symbol in symbols:
        computation = computation_of(symbol.symbol.bars, context=terms.contexts[symbol.calendar])
        for task in symbol.tasks:
            try:
                strategy = resolve_strategy(task.strategy, strategies)
                if task.code and (task.strategy, task.code) not in checked:
                    same_code(strategy, task.code)
                    checked.add((task.strategy, task.code))
                finished.append(_backtest(symbol, task, terms, strategy, computation))
            except TooFewBarsError as error:
                finished.append(Finished(task.fingerprint, "skipped", error=str(error)))
            except AlphaFactoryError as error:
                finished.append(Finished(task.fingerprint, "failed", error=str(error)))
            except (Exception, SystemExit) as error:  # noqa: BLE001  a user's strategy may raise anything at all
                words = f"{type(error).__name__} in {task.strategy}: {error}"
                finished.append(Finished(task.fingerprint, "failed", error=words))
    return finished


def _backtest(
    work: SymbolWork, task: Task, terms: Terms, strategy: type[Strategy], computation: Computation
) -> Finished:
    symbol = work.symbol
    rows = symbol.bars.window(terms.start, terms.end)
    bars = symbol.bars.part(rows)
    if len(bars) == 0:
        raise SimulationError(f"{symbol.ticker} has no usable bar in the period. Choose another backtest.start or end.")
    check_warm_up(strategy, task.params, symbol.ticker, rows.stop)
    simulation = simulate(
        bars,
        symbol_signals(strategy, task.params, symbol, computation).part(rows),
        terms.settings,
        periods_per_year=work.periods_per_year,
        delisted=work.delisted and rows.stop == len(symbol.bars),
        name=symbol.ticker,
    )
    metrics = compute_metrics(
        simulation,
        bars.sessions,
        work.periods_per_year,
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
