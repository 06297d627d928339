"""What a backtest's page shows beside its metrics, trades and months: benchmarks, rolling metrics, orders, costs.

Goes in: rows of the tables, the curve, bars of the symbol and of the index. Comes out: parts of a `BacktestContext`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory.domain.settings import parse_settings, words_of
from alphafactory.errors import UsageError
from alphafactory.metrics import (
    METRICS,
    aligned_returns,
    compute_curve_metrics,
    drawdown_table,
    rolling_beta,
    rolling_drawdown,
    rolling_sharpe,
    rolling_volatility,
    simple_returns,
    yearly_returns,
)
from alphafactory.metrics.rolling import WINDOW
from alphafactory.reports.backtest_contexts import (
    ComparisonRow,
    CostSplit,
    DrawdownRow,
    ExitRow,
    OrderCount,
    OrderRow,
    RelativeRow,
    RollingCurves,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alphafactory.domain.arrays import DateArray, FloatArray
    from alphafactory.domain.bars import Bars
    from alphafactory.domain.settings import SimulationSettings
    from alphafactory.metrics import Metric
    from alphafactory.reports.contexts import MetricUnit

UNITS: Mapping[str, MetricUnit] = {
    "ratio": "ratio", "fraction": "fraction", "money": "money", "count": "count", "sessions": "bars", "date": "session",
}  # fmt: skip
GROUPS: Mapping[str, str] = {
    "equity": "Return and risk", "returns": "Return and risk", "closed trades": "Trades", "all trades": "Trades",
    "orders": "Trades", "position": "Activity", "fills": "Activity", "account": "Activity",
}  # fmt: skip
"""Metric.basis -> the title that the metric stands under (MetricRow.group)."""

_COMPARED = ("total_return", "cagr", "annual_volatility", "sharpe", "sortino", "max_drawdown", "calmar")
_RELATIVE = ("alpha", "beta", "up_capture", "down_capture", "tracking_error", "information_ratio")
_KNOWN = {metric.name: metric for metric in METRICS}
_COSTS = ("commission", "fees", "slippage", "borrow", "interest", "dividends")
ELSEWHERE = {"start_equity", "end_equity", "ambiguous_pnl", *(f"{kind}_total" for kind in _COSTS)}
"""Metrics that the page shows in its table of costs; those of basis `index` and `holding` stand in its comparisons."""
_ORDERS = 500


@dataclass(frozen=True, slots=True)
class PageCurves:
    """Returns on the sessions of a backtest, shape (n,): its own and its benchmarks', None where one is not known."""

    own: FloatArray
    hold: FloatArray | None
    index: FloatArray | None


def page_curves(
    equity: FloatArray, start: float, sessions: DateArray, held: Bars | None, index: Bars | None
) -> PageCurves:
    """Align the benchmarks; `held` and `index` are all known bars, None for none.

    A bar quarantined since counts as the last close.
    """
    found = [None if bars is None else aligned_returns(bars, sessions) for bars in (held, index)]
    hold, market = (None if returns is None or np.isnan(returns).any() else returns for returns in found)
    return PageCurves(simple_returns(equity, start), hold, market)


def shown_in_metrics(metric: Metric) -> bool:
    """Whether a metric stands in the list of metrics, and not in a table of its own."""
    return metric.basis not in {"index", "holding"} and metric.name not in ELSEWHERE


def money(returns: FloatArray | None, start: float) -> FloatArray | None:
    """Return what starting cash becomes."""
    return None if returns is None else start * np.cumprod(1.0 + returns, dtype=np.float64)


def page_parts(  # noqa: PLR0917  each is another table
    row: Mapping[str, Any],
    sessions: DateArray,
    equity: FloatArray,
    curves: PageCurves,
    trades: Sequence[Mapping[str, Any]],
    orders: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return fields of a `BacktestContext` by name; `orders` are those refused, cut or given up."""
    start = float(row["start_equity"])
    return {
        "simulation": _simulation(row),
        "benchmark_equity": money(curves.hold, start),
        "index_equity": money(curves.index, start),
        "index_symbol": row["index_symbol"],
        "comparison": _comparison(row, sessions, curves),
        "relative": tuple(_relative(row, name) for name in _RELATIVE),
        "rolling": _rolling(row, equity, curves),
        "drawdowns": _drawdowns(equity, start, sessions),
        "order_counts": _order_counts(orders),
        "short_orders": tuple(_order(order) for order in orders[:_ORDERS]),
        "exits": _exits(trades),
        "costs": _costs(row),
        "ambiguous_pnl": row["ambiguous_pnl"],
    }


def yearly(returns: FloatArray | None, start: float, sessions: DateArray) -> dict[int, float]:
    """Return each year's return of a benchmark, for MonthlyRow.holding and .index."""
    equity = money(returns, start)
    if equity is None:
        return {}
    years, found = yearly_returns(equity, start, sessions)
    return {year.year: value for year, value in zip(years.tolist(), found.tolist(), strict=True)}


def _simulation(row: Mapping[str, Any]) -> SimulationSettings | None:
    """Return the stored settings, None where today's grammar no longer has them."""
    try:
        return parse_settings(**words_of(row["settings"]))
    except (UsageError, TypeError):
        return None


def _comparison(row: Mapping[str, Any], sessions: DateArray, curves: PageCurves) -> tuple[ComparisonRow, ...]:
    hold, index = (
        {} if returns is None
        else compute_curve_metrics(returns, sessions, row["periods_per_year"], row["risk_free_rate"]).values
        for returns in (curves.hold, curves.index)
    )  # fmt: skip
    return tuple(
        ComparisonRow(
            _KNOWN[name].label,
            UNITS[_KNOWN[name].unit],
            _KNOWN[name].formula,
            row[name],
            hold.get(name),
            index.get(name),
        )
        for name in _COMPARED
    )


def _relative(row: Mapping[str, Any], name: str) -> RelativeRow:
    metric = _KNOWN[name]
    reasons = [row["undefined"].get(full) for full in (f"hold_{name}", name)]
    words = [None if reason is None else str(reason).replace("_", " ") for reason in reasons]
    return RelativeRow(metric.label, UNITS[metric.unit], metric.formula, row[f"hold_{name}"], row[name], *words)


def _rolling(row: Mapping[str, Any], equity: FloatArray, curves: PageCurves) -> RollingCurves | None:
    """Return the rolling metrics; None for a run that never fills their window."""
    if len(equity) < WINDOW:
        return None
    periods, start = row["periods_per_year"], float(row["start_equity"])
    hold, index = (
        None if returns is None else rolling_beta(curves.own, returns) for returns in (curves.hold, curves.index)
    )
    return RollingCurves(
        window=WINDOW,
        volatility=rolling_volatility(curves.own, periods),
        sharpe=rolling_sharpe(curves.own, periods, row["risk_free_rate"]),
        drawdown=rolling_drawdown(equity, start),
        beta_hold=hold,
        beta_index=index,
    )


def _drawdowns(equity: FloatArray, start: float, sessions: DateArray) -> tuple[DrawdownRow, ...]:
    table = drawdown_table(equity, start)
    columns = (table.depth.tolist(), table.peak.tolist(), table.trough.tolist(), table.recovery.tolist())
    return tuple(
        DrawdownRow(
            depth=depth,
            peak=None if peak < 0 else sessions[peak].item(),
            trough=sessions[trough].item(),
            recovery=None if recovery < 0 else sessions[recovery].item(),
            sessions_down=trough - peak,
            sessions_back=None if recovery < 0 else recovery - trough,
        )
        for depth, peak, trough, recovery in zip(*columns, strict=True)
    )


def _order_counts(orders: Sequence[Mapping[str, Any]]) -> tuple[OrderCount, ...]:
    counts = Counter(order["outcome"] for order in orders)
    partly = Counter(order["outcome"] for order in orders if order["filled"])
    return tuple(OrderCount(reason, count, partly[reason]) for reason, count in counts.most_common())


def _order(order: Mapping[str, Any]) -> OrderRow:
    return OrderRow(
        decided=order["decided_session"],
        ended=order["ended_session"],
        kind=order["kind"],
        reason=order["outcome"],
        weight=order["weight"],
        asked=order["asked"],
        filled=order["filled"],
        price=order["price"],
    )


def _exits(trades: Sequence[Mapping[str, Any]]) -> tuple[ExitRow, ...]:
    """Return the closed trades by why they ended, the most frequent reason first."""
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for trade in trades:
        if trade["exit_session"] is not None:
            found[trade["exit_reason"]].append(trade)
    return tuple(_exit(reason, rows) for reason, rows in sorted(found.items(), key=lambda item: -len(item[1])))


def _exit(reason: str, trades: Sequence[Mapping[str, Any]]) -> ExitRow:
    multiples = [multiple for multiple in map(r_multiple, trades) if multiple is not None]
    return ExitRow(
        reason=reason,
        count=len(trades),
        winners=sum(trade["net_pnl"] > 0.0 for trade in trades),
        net_pnl=sum(trade["net_pnl"] for trade in trades),
        mean_r=sum(multiples) / len(multiples) if multiples else None,
    )


def r_multiple(trade: Mapping[str, Any]) -> float | None:
    """Return a closed trade's net profit over what its first stop would have lost, for TradeRow.r_multiple."""
    if not trade["risk"] or trade["exit_session"] is None:
        return None
    return float(trade["net_pnl"] / trade["risk"])


def _costs(row: Mapping[str, Any]) -> CostSplit | None:
    """Return what lies between start and end; None for results from before these columns."""
    totals = {kind: row[f"{kind}_total"] for kind in _COSTS}
    if any(total is None for total in totals.values()):
        return None
    return CostSplit(start_equity=row["start_equity"], end_equity=row["end_equity"], **totals)
