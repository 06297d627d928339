"""Rows of a backtest's page beyond its metrics and trades: benchmarks, drawdowns, orders, exits, costs.

Goes in: plain values, already computed, as in `contexts`. `None` always means undefined. Fractions are fractions, money
is in account currency, dates are sessions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.reports.contexts import MetricUnit


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One metric of the strategy beside that of holding the symbol and that of the index."""

    label: str
    unit: MetricUnit
    formula: str
    strategy: float | None
    hold: float | None
    index: float | None


@dataclass(frozen=True, slots=True)
class RelativeRow:
    """One metric of the strategy against holding and against the index; the reasons are words, None where defined."""

    label: str
    unit: MetricUnit
    formula: str
    hold: float | None
    index: float | None
    hold_reason: str | None = None
    index_reason: str | None = None


@dataclass(frozen=True, slots=True)
class RollingCurves:
    """Metrics over the `window` returns up to each session, shape (sessions,), NaN where undefined."""

    window: int
    volatility: FloatArray
    sharpe: FloatArray
    drawdown: FloatArray
    beta_hold: FloatArray | None
    beta_index: FloatArray | None


@dataclass(frozen=True, slots=True)
class DrawdownRow:
    """One time below an earlier peak. `peak` None is starting cash, `recovery` None has not come.

    `sessions_down` counts from the peak to the trough, `sessions_back` from there to the recovery.
    """

    depth: float
    peak: date | None
    trough: date
    recovery: date | None
    sessions_down: int
    sessions_back: int | None


@dataclass(frozen=True, slots=True)
class OrderCount:
    """All orders that ended for one reason other than being filled whole; `partly` of them were filled in part."""

    reason: str
    count: int
    partly: int


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One order that was refused, cut or given up; `asked` and `filled` are signed adjusted shares."""

    decided: date
    ended: date
    kind: str
    reason: str
    weight: float | None
    asked: float
    filled: float
    price: float | None


@dataclass(frozen=True, slots=True)
class ExitRow:
    """All trades that ended for one reason; `mean_r` is over those with a stop."""

    reason: str
    count: int
    winners: int
    net_pnl: float
    mean_r: float | None


@dataclass(frozen=True, slots=True)
class CostSplit:
    """What lies between the first and the last equity: costs are positive, interest and dividends as earned."""

    start_equity: float
    end_equity: float
    commission: float
    fees: float
    slippage: float
    borrow: float
    interest: float
    dividends: float
