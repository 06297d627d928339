"""A seeded backtest that looks like a real one, for the tests of the report and for its pictures."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np

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
STRATEGY, BENCHMARK = "sma_crossover", "buy_and_hold"


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
    equity = 100_000.0 * np.cumprod(1 + returns * held)
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
        settings=(
            ("Initial capital", "100000"),
            ("Fill", "next_open"),
            ("Commission", "bps:10"),
            ("Slippage", "bps:5"),
        ),
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
        benchmark_equity=100_000.0 * close / close[0],
        drawdown=equity / np.maximum.accumulate(equity) - 1,
        open=opening,
        high=high,
        low=low,
        close=close,
        trades=_trades(days, opening, close, held),
        monthly=_monthly(days, equity),
        sources=(SourceRow("csv", sessions, FIRST, LAST),),
    )


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
        rows.append(
            TradeRow(
                entry_session=days[entry].item(),
                entry_price=price,
                exit_session=None if still else days[leave].item(),
                exit_price=None if still else final,
                quantity=quantity,
                net_pnl=quantity * (final - price) - 300.0,
                trade_return=final / price - 1.003,
                costs=300.0,
                mae=min(0.0, float(path.min())),
                mfe=max(0.0, float(path.max())),
                bars_held=int(leave - entry),
                exit_reason="open" if still else "signal",
            )
        )
    return tuple(rows)


def _monthly(days: DateArray, equity: FloatArray) -> tuple[MonthlyRow, ...]:
    months = days.astype("datetime64[M]")
    rows = []
    for year in np.unique(days.astype("datetime64[Y]")):
        values: list[float | None] = []
        for month in range(12):
            inside = np.flatnonzero(months == year.astype("datetime64[M]") + month)
            before = equity[max(0, inside[0] - 1)] if len(inside) else 1.0
            values.append(float(equity[inside[-1]] / before - 1) if len(inside) else None)
        total = float(np.prod([1 + value for value in values if value is not None])) - 1
        rows.append(MonthlyRow(int(str(year)), tuple(values), total))
    return tuple(rows)


def _metrics(equity: FloatArray) -> tuple[MetricRow, ...]:
    returns = np.diff(equity) / equity[:-1]
    sharpe = float(np.mean(returns) / np.std(returns, ddof=1) * np.sqrt(252))
    return (
        MetricRow("Total return", float(equity[-1] / equity[0] - 1), "fraction", "end / start - 1"),
        MetricRow("CAGR", 0.0712, "fraction", "(end / start)^(P / n) - 1"),
        MetricRow("Annual volatility", 0.163, "fraction", "std(ddof 1) · √P"),
        MetricRow("Sharpe", sharpe, "ratio", "mean(r - rf) / std(r, ddof 1) · √P"),
        MetricRow("Sortino", 0.81, "ratio", "mean(r - rf) / √(mean of min(r - rf, 0)²) · √P"),
        MetricRow("Max drawdown", -0.2831, "fraction", "the lowest equity / running peak - 1"),
        MetricRow("Max drawdown trough", date(2018, 12, 24), "session", "the session of the lowest point"),
        MetricRow("Calmar", 0.25, "ratio", "CAGR / |max drawdown|"),
        MetricRow("Trades", 14, "count", "closed round trips"),
        MetricRow("Win rate", 0.4286, "fraction", "trades with net profit > 0 / closed trades"),
        MetricRow("Profit factor", None, "ratio", "Σ wins / |Σ losses|", "no losing trade"),
        MetricRow("Expectancy", 312.11, "money", "mean net profit of closed trades"),
        MetricRow("Average holding", 46.5, "bars", "mean bars held"),
        MetricRow("Commission", 4120.5, "money", "sum of all commissions"),
    )
