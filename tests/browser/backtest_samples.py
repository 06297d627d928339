"""A seeded backtest that looks like a real one, for the tests of the report and for its pictures."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory.domain.settings import parse_settings
from alphafactory.metrics import (
    METRICS,
    compute_curve_metrics,
    drawdown_series,
    drawdown_table,
    rolling_beta,
    rolling_drawdown,
    rolling_sharpe,
    rolling_volatility,
    simple_returns,
)
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
from alphafactory.reports.contexts import BacktestContext, MetricRow, MonthlyRow, TradeRow
from alphafactory.reports.data_contexts import SourceRow

if TYPE_CHECKING:
    from alphafactory.domain.arrays import DateArray, FloatArray

SECTORS = (
    "Communication Services",
    "Consumer Discretionary",
    "Energy",
    "Financials",
    "Health Care",
    "Industrials",
    "Information Technology",
    "Utilities",
)
FIRST, LAST = date(2015, 1, 12), date(2020, 1, 10)
STRATEGY, BENCHMARK, INDEX = "sma_crossover", "buy_and_hold", "SPY"
START = 100_000.0
WON, LOST = ("signal", "take_profit", "trail"), ("stop", "signal", "margin_call")
SETTINGS = parse_settings(
    initial_capital=START, stop="8%", take_profit="2R", trail="chandelier:3", commission="per_share:0.005,min=1",
    sell_fees=["2015-02-14 bps:0.184"], slippage="bps:5", sizing="percent:150%", shares="whole", leverage=2.0,
    maintenance="25%", borrow="1%", interest="2%", margin_interest="6%", participation="10%",
)  # fmt: skip


def sample_sessions(count: int) -> DateArray:
    """Weekdays up to the last session."""
    return np.busday_offset(np.datetime64(LAST), np.arange(1 - count, 1), roll="backward")


def sample_ticker(position: int) -> str:
    """Return a ticker of three letters, one for each position."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return letters[position % 26] + letters[position // 26 % 26] + "QX"[position % 2]


def sample_backtest(number: int = 0, *, sessions: int = 1258, symbol: str | None = None) -> BacktestContext:
    """A crossover on a random walk, with trades, curves and monthly returns that agree with each other."""
    rng = np.random.default_rng(1000 + number)
    days = sample_sessions(sessions)
    drift = np.repeat(rng.normal(0.0004, 0.0012, sessions // 90 + 1), 90)[:sessions]
    close = 40.0 * np.exp(np.cumsum(rng.normal(0.0, 0.013, sessions) + drift))
    opening = close * np.exp(rng.normal(0.0, 0.004, sessions))
    high = np.maximum(opening, close) * np.exp(np.abs(rng.normal(0, 0.005, sessions)))
    low = np.minimum(opening, close) * np.exp(-np.abs(rng.normal(0, 0.005, sessions)))
    held = _held(close)
    returns = np.diff(close, prepend=close[0]) / np.concatenate([close[:1], close[:-1]])
    equity = START * np.cumprod(1 + returns * held)
    index = START * np.cumprod(1 + 0.6 * returns + rng.normal(0.0001, 0.006, sessions))
    trades = _trades(days, opening, close, held)
    return BacktestContext(
        backtest_id=number,
        strategy=STRATEGY,
        strategy_title="Moving-average crossover",
        idea="Long while the fast average of closes stands above the slow one, flat otherwise: follow the trend.",
        params=(("fast", "20"), ("slow", "50")),
        symbol=symbol or sample_ticker(number // 2),
        name="Sample Holdings & Co.",
        sector=SECTORS[number // 2 % len(SECTORS)],
        start=FIRST,
        end=LAST,
        settings=tuple((name.replace("_", " "), str(words)) for name, words in SETTINGS.canonical.items()),
        fingerprint="5c0e4d8f91b27a3366f2",
        run_id="184",
        code_version="0.1.0+3f9c2ab",
        data_stamp="csv, bars a91f03",
        simulated=False,
        is_benchmark=False,
        optimistic=False,
        ruined=False,
        balance_error=3.1e-16,
        metrics=_metrics(equity),
        sessions=days,
        equity=equity,
        benchmark_equity=START * close / close[0],
        drawdown=drawdown_series(equity, START),
        open=opening,
        high=high,
        low=low,
        close=close,
        trades=trades,
        monthly=_monthly(days, equity, START * close / close[0], index),
        sources=(SourceRow("csv", sessions, FIRST, LAST),),
        **_more(days, equity, START * close / close[0], index, trades),
    )


def _more(
    days: DateArray, equity: FloatArray, holding: FloatArray, index: FloatArray, trades: tuple[TradeRow, ...]
) -> dict[str, Any]:
    """Everything beside equity, price, metrics, trades and months."""
    commission, fees, slippage = (sum(getattr(t, name) for t in trades) for name in ("commission", "fees", "slippage"))
    return {
        "simulation": SETTINGS,
        "index_equity": index,
        "index_symbol": INDEX,
        "comparison": _comparison(days, equity, holding, index),
        "relative": _relative(),
        "rolling": _rolling(equity, holding, index),
        "drawdowns": _drawdowns(days, equity),
        "order_counts": (
            OrderCount("no_cash", 9, 4),
            OrderCount("level_crossed", 3, 0),
            OrderCount("end_of_data", 1, 0),
        ),
        "short_orders": _orders(days),
        "exits": _exits(trades),
        "costs": CostSplit(START, float(equity[-1]), commission, fees, slippage, 12.5, 318.2, 1204.75),
        "ambiguous_pnl": sum((t.optimistic_pnl or 0.0) - t.net_pnl for t in trades if t.ambiguous),
    }


def _comparison(
    days: DateArray, equity: FloatArray, holding: FloatArray, index: FloatArray
) -> tuple[ComparisonRow, ...]:
    own, held, market = (
        compute_curve_metrics(simple_returns(curve, START), days, 252, 0.0).values for curve in (equity, holding, index)
    )
    names = ("total_return", "cagr", "annual_volatility", "sharpe", "sortino", "max_drawdown", "calmar")
    known = {metric.name: metric for metric in METRICS}
    return tuple(
        ComparisonRow(
            known[name].label, "fraction" if known[name].unit == "fraction" else "ratio", known[name].formula,
            own.get(name), held.get(name), None if name == "sortino" else market.get(name),
        )
        for name in names
    )  # fmt: skip


def _relative() -> tuple[RelativeRow, ...]:
    return (
        RelativeRow("Alpha", "fraction", "(1 + mean(r - rf - beta * (b - rf)))^P - 1", 0.021, 0.038),
        RelativeRow("Beta", "ratio", "covariance(r, b) / variance(b)", 0.571, 0.613),
        RelativeRow("Up capture", "ratio", "annual growth of r over sessions with b > 0 / that of b", 0.412, 0.377),
        RelativeRow("Down capture", "ratio", "the same with b < 0", 0.633, 0.581),
        RelativeRow("Tracking error", "fraction", "std(r - b, ddof 1) * sqrt(P)", 0.0, 0.141),
        RelativeRow(
            "Information ratio", "ratio", "mean(r - b) / std(r - b, ddof 1) * sqrt(P)", None, 0.214,
            "zero tracking error",
        ),
    )  # fmt: skip


def _rolling(equity: FloatArray, holding: FloatArray, index: FloatArray, window: int = 126) -> RollingCurves:
    own, held, market = (simple_returns(curve, START) for curve in (equity, holding, index))
    return RollingCurves(
        window=window,
        volatility=rolling_volatility(own, 252, window),
        sharpe=rolling_sharpe(own, 252, 0.0, window),
        drawdown=rolling_drawdown(equity, START, window),
        beta_hold=rolling_beta(own, held, window),
        beta_index=rolling_beta(own, market, window),
    )


def _drawdowns(days: DateArray, equity: FloatArray) -> tuple[DrawdownRow, ...]:
    table = drawdown_table(equity, START)
    columns = (table.depth, table.peak, table.trough, table.recovery)
    return tuple(
        DrawdownRow(
            depth=float(depth),
            peak=days[peak].item() if peak >= 0 else None,
            trough=days[trough].item(),
            recovery=days[recovery].item() if recovery >= 0 else None,
            sessions_down=int(trough - peak),
            sessions_back=int(recovery - trough) if recovery >= 0 else None,
        )
        for depth, peak, trough, recovery in zip(*columns, strict=True)
    )


def _orders(days: DateArray) -> tuple[OrderRow, ...]:
    ends = ["no_cash"] * 9 + ["level_crossed"] * 3 + ["end_of_data"]
    rows = []
    for place, reason in enumerate(ends):
        decided, ended = (days[len(days) - 1 - 7 * (len(ends) - 1 - place) - back].item() for back in (1, 0))
        partly = reason == "no_cash" and place < 4
        filled = 1200.0 - 100 * place if partly else 0.0
        asked = 0.0 if reason == "end_of_data" else 1500.0
        price = 43.21 if partly else None
        rows.append(
            OrderRow(decided, ended, "stop_limit" if place % 3 else "market", reason, 1.0, asked, filled, price)
        )
    return tuple(rows)


def _exits(trades: tuple[TradeRow, ...]) -> tuple[ExitRow, ...]:
    rows = []
    for reason in dict.fromkeys(trade.exit_reason for trade in trades if trade.exit_session):
        found = [trade for trade in trades if trade.exit_reason == reason]
        known = [trade.r_multiple for trade in found if trade.r_multiple is not None]
        mean = sum(known) / len(known) if known else None
        winners = sum(trade.net_pnl > 0 for trade in found)
        rows.append(ExitRow(reason, len(found), winners, sum(trade.net_pnl for trade in found), mean))
    return tuple(rows)


def _held(close: FloatArray) -> FloatArray:
    sums = np.cumsum(np.insert(close, 0, 0.0))
    held = np.zeros(len(close))
    fast = (sums[50:] - sums[30:-20]) / 20
    slow = (sums[50:] - sums[:-50]) / 50
    held[50:] = (fast > slow)[:-1]
    return held


def _trades(days: DateArray, opening: FloatArray, close: FloatArray, held: FloatArray) -> tuple[TradeRow, ...]:
    edges = np.diff(held, prepend=0.0, append=0.0)
    rows = []
    for entry, leave in zip(np.flatnonzero(edges > 0), np.flatnonzero(edges < 0), strict=True):
        still = leave >= len(days)
        final = float(close[-1] if still else opening[leave])
        price, quantity = float(opening[entry]), float(np.floor(100_000 / opening[entry]))
        path = close[entry:leave] / price - 1
        place = len(rows)
        net = quantity * (final - price) - 310.0
        ambiguous = net < 0 and not still and place % 2 == 1
        rows.append(
            TradeRow(
                entry_session=days[entry].item(),
                entry_price=price,
                exit_session=None if still else days[leave].item(),
                exit_price=None if still else final,
                quantity=quantity,
                net_pnl=net,
                trade_return=net / (quantity * price),
                costs=310.0,
                mae=min(0.0, float(path.min())),
                mfe=max(0.0, float(path.max())),
                bars_held=int(leave - entry),
                exit_reason="open" if still else (WON if net > 0 else LOST)[place % 3],
                commission=200.0,
                slippage=100.0,
                fees=10.0,
                borrow=1.25 if place % 4 == 0 else 0.0,
                dividends=120.5 if place % 3 == 0 else 0.0,
                r_multiple=net / (quantity * price * 0.08) if place % 4 else None,
                ambiguous=ambiguous,
                optimistic_pnl=net + 940.5 if ambiguous else None,
            )
        )
    return tuple(rows)


def _monthly(days: DateArray, equity: FloatArray, holding: FloatArray, index: FloatArray) -> tuple[MonthlyRow, ...]:
    months = days.astype("datetime64[M]")
    rows = []
    for year in np.unique(days.astype("datetime64[Y]")):
        values: list[float | None] = []
        for month in range(12):
            inside = np.flatnonzero(months == year.astype("datetime64[M]") + month)
            before = equity[max(0, inside[0] - 1)] if len(inside) else 1.0
            values.append(float(equity[inside[-1]] / before - 1) if len(inside) else None)
        total = float(np.prod([1 + value for value in values if value is not None])) - 1
        inside = np.flatnonzero(days.astype("datetime64[Y]") == year)
        before, last = max(0, inside[0] - 1), inside[-1]
        others = (float(curve[last] / curve[before] - 1) for curve in (holding, index))
        rows.append(MonthlyRow(int(str(year)), tuple(values), total, *others))
    return tuple(rows)


def _metrics(equity: FloatArray) -> tuple[MetricRow, ...]:
    returns = np.diff(equity) / equity[:-1]
    sharpe = float(np.mean(returns) / np.std(returns, ddof=1) * np.sqrt(252))
    return (
        MetricRow(
            "Total return", float(equity[-1] / START - 1), "fraction", "end / start - 1", group="Return and risk"
        ),
        MetricRow("CAGR", 0.0712, "fraction", "(end / start)^(P / n) - 1", group="Return and risk"),
        MetricRow("Annual volatility", 0.163, "fraction", "std(ddof 1) · √P", group="Return and risk"),
        MetricRow("Sharpe", sharpe, "ratio", "mean(r - rf) / std(r, ddof 1) · √P", group="Return and risk"),
        MetricRow("Sortino", 0.81, "ratio", "mean(r - rf) / √(mean of min(r - rf, 0)²) · √P", group="Return and risk"),
        MetricRow("Max drawdown", -0.2831, "fraction", "the lowest equity / running peak - 1", group="Return and risk"),
        MetricRow(
            "Max drawdown trough",
            date(2018, 12, 24),
            "session",
            "the session of the lowest point",
            group="Return and risk",
        ),
        MetricRow("Calmar", 0.25, "ratio", "CAGR / |max drawdown|", group="Return and risk"),
        MetricRow("Trades", 14, "count", "closed round trips", group="Trades"),
        MetricRow("Win rate", 0.4286, "fraction", "trades with net profit > 0 / closed trades", group="Trades"),
        MetricRow("Profit factor", None, "ratio", "Σ wins / |Σ losses|", "no losing trade", group="Trades"),
        MetricRow("Expectancy", 312.11, "money", "mean net profit of closed trades", group="Trades"),
        MetricRow("Average holding", 46.5, "bars", "mean bars held", group="Trades"),
        MetricRow("Commission", 4120.5, "money", "sum of all commissions", group="Activity and costs"),
    )
