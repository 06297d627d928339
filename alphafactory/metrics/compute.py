"""Every metric of one simulation.

Goes in: a `Simulation`, its sessions, the periods a year has and the risk-free rate. Comes out: a `MetricSet`, in which
each metric of the catalogue has either a value or a reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.errors import SimulationError
from alphafactory.metrics.catalogue import METRICS
from alphafactory.metrics.curves import simple_returns
from alphafactory.metrics.returns import drawdown, growth, risk, tails
from alphafactory.metrics.trades import trade_statistics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.arrays import DateArray
    from alphafactory.domain.results import Simulation
    from alphafactory.metrics.returns import Outcome


@dataclass(frozen=True, slots=True)
class MetricSet:
    """The defined metrics in `values`, for each other one its reason in `reasons`, both in the catalogue's order.

    Metrics of unit `date` are rows in the simulated sessions. `flags` names what a reader must know of the run:
    `ruined`, `open_trade`, `nan_targets`, `refused_orders`.
    """

    values: Mapping[str, float]
    reasons: Mapping[str, str]
    flags: tuple[str, ...]


def compute_metrics(
    simulation: Simulation, sessions: DateArray, periods_per_year: int, risk_free_rate: float
) -> MetricSet:
    """Compute every metric of the catalogue.

    Args:
        simulation: a finished run of n sessions.
        sessions: shape (n,), datetime64[D].
        periods_per_year: 252 on exchange calendars, 365 on markets that never close.
        risk_free_rate: annual, as a fraction.

    Raises:
        SimulationError: equity is not a number somewhere, or the sessions are not the simulation's.
    """
    equity, start = simulation.equity, simulation.initial_capital
    if equity.shape != sessions.shape or len(equity) == 0:
        raise SimulationError(
            f"Metrics were asked for {len(equity)} equities and {len(sessions)} sessions. Give one session each."
        )
    if not np.isfinite(equity).all():
        row = int(np.argmin(np.isfinite(equity)))
        raise SimulationError(f"Equity of {sessions[row]} is {equity[row]}. Correct the bars and simulate again.")
    returns = simple_returns(equity, start)
    outcome = (
        growth(equity, start, sessions, periods_per_year)
        | risk(returns, periods_per_year, risk_free_rate)
        | drawdown(equity, start)
        | tails(returns)
        | trade_statistics(simulation.trades)
        | _activity(simulation, periods_per_year)
    )
    outcome["calmar"] = _calmar(outcome)
    values, reasons = {}, {}
    for metric in METRICS:
        found = outcome[metric.name]
        if isinstance(found, str):
            reasons[metric.name] = found
        else:
            values[metric.name] = found
    ruined = simulation.ruined or bool((returns <= -1.0).any())
    return MetricSet(values, reasons, _flags(simulation, ruined=ruined))


def _activity(simulation: Simulation, periods_per_year: int) -> Outcome:
    """Compute how much was held and traded, and what it cost."""
    sessions = len(simulation.equity)
    mean = float(simulation.equity.mean())
    yearly = periods_per_year / sessions
    return {
        "n_sessions": float(sessions),
        "exposure": float(np.count_nonzero(simulation.position)) / sessions,
        "turnover": simulation.traded_value / mean * yearly if mean > 0.0 else "equity_below_zero",
        "commission_total": simulation.commission,
        "slippage_total": simulation.slippage,
        "dividends_total": simulation.dividends,
        "borrow_total": simulation.borrow,
    }


def _calmar(outcome: Outcome) -> float | str:
    rate, depth = outcome["cagr"], outcome["max_drawdown"]
    if isinstance(rate, str) or isinstance(depth, str):
        return str(rate)
    return rate / abs(depth) if depth < 0.0 else "no_drawdown"


def _flags(simulation: Simulation, *, ruined: bool) -> tuple[str, ...]:
    raised = {
        "ruined": ruined,
        "open_trade": not simulation.trades.closed.all(),
        "nan_targets": simulation.nan_targets > 0,
        "refused_orders": len(simulation.refused) > 0,
    }
    return tuple(name for name, is_raised in raised.items() if is_raised)
