"""One portfolio from its question to what the tables keep of it.

1. Its symbols' bars are laid on joint sessions; every sleeve's strategy is asked on each.
2. An allocation turns the signals into weights, from data up to each rebalance.
3. The account is simulated under its mandate, and measured beside equal weight of its universe and the index.
4. It is simulated again without each limit that acted, and for one session more: that gives the orders.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory.calendar import next_session
from alphafactory.metrics import Benchmarks, aligned_returns, compute_curve_metrics, compute_metrics
from alphafactory.pipeline.next_orders import next_orders
from alphafactory.pipeline.portfolio_detail import portfolio_detail
from alphafactory.pipeline.portfolio_effects import limit_effects, outcome_of
from alphafactory.pipeline.portfolio_market import equal_weight, open_market
from alphafactory.pipeline.portfolio_measures import Measured, Note, portfolio_measures
from alphafactory.pipeline.portfolio_signals import sleeve_signals
from alphafactory.pipeline.portfolio_weights import Planner
from alphafactory.pipeline.records import portfolio_record
from alphafactory.pipeline.simulating import Finished
from alphafactory.pipeline.workspace import code_version
from alphafactory.simulation import configure_cache

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.results import Simulation
    from alphafactory.metrics import MetricSet
    from alphafactory.pipeline.portfolio_market import PortfolioMarket
    from alphafactory.pipeline.portfolio_question import PortfolioQuestion
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.store.backtests import BacktestRecord
    from alphafactory.store.portfolios import PortfolioDetail


@dataclass(frozen=True, slots=True)
class PortfolioRun:
    """What a run leaves to the tables."""

    record: BacktestRecord
    detail: PortfolioDetail


@dataclass(frozen=True, slots=True)
class _Measure:
    """Measures simulations of one portfolio on the same terms."""

    market: PortfolioMarket
    index: FloatArray | None
    risk_free_rate: float

    def __call__(self, simulation: Simulation, hold: FloatArray | None = None) -> MetricSet:
        return compute_metrics(
            simulation,
            self.market.simulated_sessions,
            self.market.chosen.periods,
            self.risk_free_rate,
            benchmarks=Benchmarks(hold=hold, index=self.index),
        )


def run_portfolio(
    workspace: Workspace, question: PortfolioQuestion, portfolio_id: int, origin: str, job_run_id: int | None
) -> PortfolioRun:
    """Simulate a portfolio and everything that is to be known of it.

    Raises:
        AlphaFactoryError: no symbol in the period, bounds that nothing satisfies, or a simulation that fails.
    """
    config = workspace.config
    configure_cache(config.paths.var / "cache" / "numba")
    market = open_market(workspace, question.chosen, config.backtest.start, config.backtest.end)
    seen = market.seen(question.surroundings)
    signals = sleeve_signals(market, seen, question.sleeves, config.compute, str(config.paths.strategies))
    planner = Planner(workspace, question, market, signals)
    account = planner.account(question.limits)
    simulation = account.run()
    sessions = market.simulated_sessions
    held = equal_weight(market, question.settings.delisting_return)
    index = None if question.index is None else aligned_returns(question.index.bars, sessions)
    measure = _Measure(market, index, config.backtest.risk_free_rate)
    metrics = measure(simulation)
    effects = limit_effects(account, simulation, planner.account, lambda other: outcome_of(measure(other).values))
    coming = next_session(market.chosen.calendar, sessions[-1].item())
    newest = market.returns[: market.window.stop][-question.measuring.sessions :]
    orders = next_orders(account, simulation, np.datetime64(coming, "D"), newest)
    measured = Measured(
        question=question,
        market=market,
        account=account,
        simulation=simulation,
        equal_weight=held,
        own=metrics,
        beside=compute_curve_metrics(held, sessions, market.chosen.periods, config.backtest.risk_free_rate),
        against=measure(simulation, held),
        index=index,
        signals=signals,
        notes=tuple(_notes(question, market, signals.short, planner.notes())),
        coming=coming,
        orders_note=orders.note,
        risk_free_rate=config.backtest.risk_free_rate,
    )
    record = portfolio_record(
        _values(workspace, question, portfolio_id, origin, job_run_id),
        Finished(question.fingerprint, "done", sessions, simulation, metrics),
        market.chosen.tickers,
    )
    return PortfolioRun(record, portfolio_detail(measured, effects, portfolio_measures(measured), orders.orders))


def failed_record(
    workspace: Workspace, question: PortfolioQuestion, portfolio_id: int, *, origin: str, job_run_id: int | None,
    error: str,
) -> BacktestRecord:  # fmt: skip
    """Return the record of a portfolio that gave no result."""
    finished = Finished(question.fingerprint, "failed", error=error)
    return portfolio_record(_values(workspace, question, portfolio_id, origin, job_run_id), finished, ())


def _notes(
    question: PortfolioQuestion,
    market: PortfolioMarket,
    short: Sequence[str],
    planned: Sequence[tuple[int | None, str]],
) -> Iterator[Note]:
    """Yield who is left out or flat without anybody's fault, and what allocations gave up."""
    for name in question.failed_audits:
        yield Note(f"{name} failed its audit, so this result is worth nothing. `python run.py audit {name}` says why.")
    for words in question.chosen.notes:
        yield Note(words)
    absent = sorted(set(question.chosen.tickers) - set(market.chosen.tickers))
    if absent:
        yield Note(f"{', '.join(absent)}: no bar in the period.")
    if short:
        yield Note(f"{', '.join(short)}: fewer bars than the warm-up of a strategy, so flat in its sleeve.")
    for row, words in planned:
        yield Note(words, None if row is None else market.sessions[row].item())


def _values(
    workspace: Workspace, question: PortfolioQuestion, portfolio_id: int, origin: str, job_run_id: int | None
) -> dict[str, Any]:
    config = workspace.config.backtest
    return {
        "strategy_id": None,
        "portfolio_id": portfolio_id,
        "symbol_id": None,
        "scope": question.name,
        "params": {},
        "settings": question.settings.canonical,
        "period_start": config.start,
        "period_end": config.end,
        "fingerprint": question.fingerprint,
        "data_fingerprint": question.data_fingerprint,
        "subject_key": question.subject_key,
        "origin": origin,
        "index_symbol": None if question.index is None else question.index.ticker,
        "simulated_prices": any(row.simulated for row in question.chosen.rows),
        "optimistic": question.settings.optimistic,
        "periods_per_year": question.chosen.periods,
        "risk_free_rate": config.risk_free_rate,
        "job_run_id": job_run_id,
        "code_version": code_version(),
    }
