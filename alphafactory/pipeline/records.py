"""From a finished simulation to the row of its backtest: rows become sessions, undefined becomes NULL with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alphafactory.metrics import METRICS
from alphafactory.pipeline.workspace import code_version
from alphafactory.store.backtests import BacktestRecord

if TYPE_CHECKING:
    from alphafactory.domain.settings import SimulationSettings
    from alphafactory.pipeline.fingerprints import Subject
    from alphafactory.pipeline.simulating import Finished

_DATES = frozenset(metric.name for metric in METRICS if metric.unit == "date")


@dataclass(frozen=True, slots=True)
class Question:
    """A backtest to do: its fingerprint, its subject, the strategy's version, what it reads, whom it may trade.

    `symbol_id` is None for an account of many symbols; `code` is the hash of the strategy's code.
    """

    fingerprint: str
    subject: Subject
    strategy_id: int
    data_fingerprint: str
    periods_per_year: int
    tickers: tuple[str, ...]
    simulated: bool
    symbol_id: int | None = None
    index_symbol: str | None = None
    code: str = ""


def backtest_record(
    question: Question,
    finished: Finished,
    *,
    settings: SimulationSettings,
    origin: str,
    job_run_id: int | None,
    risk_free_rate: float,
) -> BacktestRecord:
    """Return the record of one finished, failed or skipped backtest."""
    values: dict[str, Any] = {
        "strategy_id": question.strategy_id,
        "symbol_id": question.symbol_id,
        "scope": question.subject.ticker,
        "params": dict(question.subject.params),
        "settings": settings.canonical,
        "period_start": question.subject.start,
        "period_end": question.subject.end,
        "fingerprint": question.fingerprint,
        "data_fingerprint": question.data_fingerprint,
        "subject_key": question.subject.key,
        "origin": origin,
        "index_symbol": question.index_symbol,
        "simulated_prices": question.simulated,
        "optimistic": settings.optimistic,
        "periods_per_year": question.periods_per_year,
        "risk_free_rate": risk_free_rate,
        "job_run_id": job_run_id,
        "code_version": code_version(),
    }
    return portfolio_record(values, finished, question.tickers)


def portfolio_record(values: dict[str, Any], finished: Finished, symbols: tuple[str, ...]) -> BacktestRecord:
    """Return the record of an account of these symbols: `values` by field, and what its simulation adds to them."""
    return _without_result(values, finished) if finished.simulation is None else _done(values, finished, symbols)


def _without_result(values: dict[str, Any], finished: Finished) -> BacktestRecord:
    nothing = {"start_session": None, "end_session": None, "balance_error": None, "nan_targets": 0}
    rest: dict[str, Any] = {"status": finished.status, "error": finished.error, "ruined": False, "undefined": {}}
    return BacktestRecord(values | nothing | rest)


def _done(values: dict[str, Any], finished: Finished, symbols: tuple[str, ...]) -> BacktestRecord:
    assert finished.sessions is not None
    assert finished.simulation is not None
    assert finished.metrics is not None
    simulation, sessions = finished.simulation, finished.sessions.tolist()
    rest = {
        "start_session": sessions[0],
        "end_session": sessions[-1],
        "status": "done",
        "error": None,
        "ruined": "ruined" in finished.metrics.flags,
        "balance_error": simulation.balance_error,
        "nan_targets": simulation.nan_targets,
        "undefined": dict(finished.metrics.reasons),
    }
    metrics = {
        name: sessions[int(value)] if name in _DATES else value for name, value in finished.metrics.values.items()
    }
    return BacktestRecord(values | rest, metrics, symbols, finished.sessions, simulation)
