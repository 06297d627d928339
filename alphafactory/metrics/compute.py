"""Every metric of one simulation.

Goes in: a `Simulation`, its sessions, the periods a year has, the risk-free rate and the benchmarks. Comes out: a
`MetricSet`, in which each metric of the catalogue has either a value or a reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.errors import SimulationError
from alphafactory.metrics.benchmarks import Benchmarks, against_holding, against_index
from alphafactory.metrics.catalogue import METRICS
from alphafactory.metrics.curves import simple_returns
from alphafactory.metrics.returns import drawdown, growth, risk, tails
from alphafactory.metrics.trades import trade_statistics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.arrays import DateArray, FloatArray
    from alphafactory.domain.results import Simulation
    from alphafactory.metrics.returns import Outcome

_NO_BENCHMARKS = Benchmarks()
_ORDER = tuple(metric.name for metric in METRICS)


@dataclass(frozen=True, slots=True)
class MetricSet:
    """The defined metrics in `values`, for each other one its reason in `reasons`, both in the catalogue's order.

    Metrics of unit `date` are rows in the simulated sessions. `flags` names what a reader must know of the run:
    `ruined`, `open_trade`, `nan_targets`, `short_orders` (refused, cut or given up), `ambiguous_trades`.
    """

    values: Mapping[str, float]
    reasons: Mapping[str, str]
    flags: tuple[str, ...]


def compute_metrics(
    simulation: Simulation,
    sessions: DateArray,
    periods_per_year: int,
    risk_free_rate: float,
    *,
    benchmarks: Benchmarks = _NO_BENCHMARKS,
) -> MetricSet:
    """Compute every metric of the catalogue.

    Args:
        simulation: a finished run of n sessions.
        sessions: shape (n,), datetime64[D].
        periods_per_year: 252 on exchange calendars, 365 on markets that never close.
        risk_free_rate: annual, as a fraction.
        benchmarks: returns on the same sessions; metrics against one that is missing are undefined.

    Raises:
        SimulationError: equity is not a number somewhere, or sessions or benchmarks are not the simulation's.
    """
    equity, start = simulation.equity, simulation.initial_capital
    _judge(equity, sessions, benchmarks)
    returns = simple_returns(equity, start)
    outcome = (
        _of_curve(equity, start, returns, sessions, periods_per_year, risk_free_rate)
        | against_index(returns, benchmarks.index, periods_per_year, risk_free_rate)
        | against_holding(returns, benchmarks.hold, periods_per_year, risk_free_rate)
        | trade_statistics(simulation.trades)
        | _activity(simulation, periods_per_year)
    )
    ruined = simulation.ruined or bool(returns.min() <= -1.0)
    return _metric_set(outcome, _flags(simulation, ruined=ruined))


def compute_curve_metrics(
    returns: FloatArray, sessions: DateArray, periods_per_year: int, risk_free_rate: float
) -> MetricSet:
    """Compute the metrics that returns alone define, as of a benchmark; starting cash is 1. Arguments as above."""
    equity = np.cumprod(1.0 + returns, dtype=np.float64)
    _judge(equity, sessions, _NO_BENCHMARKS)
    return _metric_set(_of_curve(equity, 1.0, returns, sessions, periods_per_year, risk_free_rate), ())


def _judge(equity: FloatArray, sessions: DateArray, benchmarks: Benchmarks) -> None:
    """Refuse what belongs to other sessions, and equity that is not a number; a sum is none as soon as one is none."""
    if equity.shape != sessions.shape or len(equity) == 0:
        raise SimulationError(
            f"Metrics were asked for {len(equity)} equities and {len(sessions)} sessions. Give one session each."
        )
    for name, series in (("holding", benchmarks.hold), ("the index", benchmarks.index)):
        if series is not None and series.shape != sessions.shape:
            raise SimulationError(
                f"Metrics were asked against {len(series)} returns of {name} in {len(sessions)} sessions. "
                "Give one return a session."
            )
    if not math.isfinite(float(equity.sum())) and not np.isfinite(equity).all():
        row = int(np.argmin(np.isfinite(equity)))
        raise SimulationError(f"Equity of {sessions[row]} is {equity[row]}. Correct the bars and simulate again.")


def _of_curve(  # noqa: PLR0917  one curve and the terms it is measured on
    equity: FloatArray,
    start: float,
    returns: FloatArray,
    sessions: DateArray,
    periods_per_year: int,
    risk_free_rate: float,
) -> Outcome:
    """Compute what needs neither trades nor benchmarks."""
    outcome = (
        growth(equity, start, sessions, periods_per_year)
        | risk(returns, periods_per_year, risk_free_rate)
        | drawdown(equity, start)
        | tails(returns)
    )
    outcome["calmar"] = _calmar(outcome)
    outcome["n_sessions"] = float(len(equity))
    return outcome


def _metric_set(outcome: Outcome, flags: tuple[str, ...]) -> MetricSet:
    """Part the numbers from the reasons; what grew beyond float64 is no number."""
    values, reasons = {}, {}
    for name in _ORDER:
        found = outcome.get(name)
        if isinstance(found, str):
            reasons[name] = found
        elif found is not None:
            if math.isfinite(found):
                values[name] = found
            else:
                reasons[name] = "out_of_range"
    return MetricSet(values, reasons, flags)


def _activity(simulation: Simulation, periods_per_year: int) -> Outcome:
    """Compute how much was held and traded, and what it cost."""
    sessions = len(simulation.equity)
    mean = float(simulation.equity.sum()) / sessions
    yearly = periods_per_year / sessions
    return {
        "exposure": float(np.count_nonzero(simulation.invested)) / sessions,
        "turnover": simulation.traded_value / mean * yearly if mean > 0.0 else "equity_below_zero",
        "commission_total": simulation.commission,
        "slippage_total": simulation.slippage,
        "fees_total": simulation.fees,
        "dividends_total": simulation.dividends,
        "borrow_total": simulation.borrow,
        "interest_total": simulation.interest,
        "ambiguous_pnl": simulation.ambiguous_pnl,
        "n_short_orders": float(np.count_nonzero(simulation.orders.short)),
    }


def _calmar(outcome: Outcome) -> float | str:
    rate, depth = outcome["cagr"], outcome["max_drawdown"]
    if isinstance(rate, str) or isinstance(depth, str):
        return str(rate)
    return rate / abs(depth) if depth < 0.0 else "no_drawdown"


def _flags(simulation: Simulation, *, ruined: bool) -> tuple[str, ...]:
    raised = {
        "ruined": ruined,
        "open_trade": not bool(simulation.trades.closed.all()),
        "nan_targets": simulation.nan_targets > 0,
        "short_orders": bool(simulation.orders.short.any()),
        "ambiguous_trades": bool(simulation.trades.ambiguous.any()),
    }
    return tuple(name for name, is_raised in raised.items() if is_raised)
