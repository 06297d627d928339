"""What each metric is: one definition, stored with the results, from which tables and reports take their words.

Comes out: `METRICS`, in the order in which a reader wants them. A name is a column of the table of backtests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unit = Literal["ratio", "fraction", "money", "count", "sessions", "date"]
Basis = Literal[
    "equity", "returns", "index", "holding", "closed trades", "all trades", "orders", "fills", "position", "account"
]
Better = Literal["higher", "lower"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of a backtest.

    `unit` `fraction` reads as a percentage, `date` is a session (computed as its row). `basis` says what is measured,
    or against what, `better` which way is good, None where neither is. `formula` uses r for simple returns, b for those
    of the benchmark, n for their number, P for periods a year, rf for the risk-free return of one period. `source` is
    whose definition it is.
    """

    name: str
    label: str
    unit: Unit
    basis: Basis
    better: Better | None
    formula: str
    source: str


_OWN = "AlphaFactory"
_EMPYRICAL = "empyrical-reloaded 0.7.1"


def _relative(prefix: str, words: str, basis: Basis, total: Metric) -> tuple[Metric, ...]:
    """Return the metrics against one benchmark: its own total return, then how the account compares."""
    return (
        total,
        Metric(
            f"{prefix}alpha", f"Alpha{words}", "fraction", basis, "higher",
            "(1 + mean(r - rf - beta * (b - rf)))^P - 1", _EMPYRICAL,
        ),
        Metric(f"{prefix}beta", f"Beta{words}", "ratio", basis, None, "covariance(r, b) / variance(b)", _EMPYRICAL),
        Metric(
            f"{prefix}up_capture", f"Up capture{words}", "ratio", basis, "higher",
            "annual growth of r over sessions with b > 0 / that of b", _EMPYRICAL,
        ),
        Metric(
            f"{prefix}down_capture", f"Down capture{words}", "ratio", basis, "lower",
            "annual growth of r over sessions with b < 0 / that of b", _EMPYRICAL,
        ),
        Metric(
            f"{prefix}tracking_error", f"Tracking error{words}", "fraction", basis, None,
            "std(r - b, ddof 1) * sqrt(P)", _OWN,
        ),
        Metric(
            f"{prefix}information_ratio", f"Information ratio{words}", "ratio", basis, "higher",
            "mean(r - b) / std(r - b, ddof 1) * sqrt(P)", _EMPYRICAL,
        ),
    )  # fmt: skip


METRICS: tuple[Metric, ...] = (
    Metric("total_return", "Total return", "fraction", "equity", "higher", "end / start - 1", _EMPYRICAL),
    Metric("cagr", "Annual growth", "fraction", "equity", "higher", "(end / start)^(P / n) - 1", _EMPYRICAL),
    Metric(
        "cagr_calendar", "Annual growth, calendar days", "fraction", "equity", "higher",
        "(end / start)^(365.25 / days from first to last session) - 1", _OWN,
    ),
    Metric(
        "annual_volatility", "Annual volatility", "fraction", "returns", "lower", "std(r, ddof 1) * sqrt(P)", _EMPYRICAL
    ),
    Metric(
        "sharpe", "Sharpe ratio", "ratio", "returns", "higher", "mean(r - rf) / std(r, ddof 1) * sqrt(P)", _EMPYRICAL
    ),
    Metric(
        "sortino", "Sortino ratio", "ratio", "returns", "higher",
        "mean(r - rf) / sqrt(mean over all n of min(r - rf, 0)^2) * sqrt(P)", _EMPYRICAL,
    ),
    Metric(
        "max_drawdown", "Deepest drawdown", "fraction", "equity", "higher",
        "min(equity / highest equity so far - 1), starting cash being the first peak", _EMPYRICAL,
    ),
    Metric(
        "max_drawdown_peak", "Deepest drawdown: peak", "date", "equity", None,
        "last session at the peak before the trough", _OWN,
    ),
    Metric("max_drawdown_trough", "Deepest drawdown: trough", "date", "equity", None, "session of the minimum", _OWN),
    Metric(
        "max_drawdown_recovery", "Deepest drawdown: recovery", "date", "equity", None,
        "first session after the trough with equity at the peak again", _OWN,
    ),
    Metric("calmar", "Calmar ratio", "ratio", "equity", "higher", "cagr / abs(max_drawdown)", _EMPYRICAL),
    Metric("omega", "Omega ratio", "ratio", "returns", "higher", "sum(r > 0) / abs(sum(r < 0))", _EMPYRICAL),
    Metric(
        "tail_ratio", "Tail ratio", "ratio", "returns", "higher",
        "abs(95th percentile of r) / abs(5th percentile of r)", _EMPYRICAL,
    ),
    Metric(
        "value_at_risk", "Value at risk, one day, 95 %", "fraction", "returns", "higher", "5th percentile of r",
        _EMPYRICAL,
    ),
    Metric(
        "conditional_value_at_risk", "Conditional value at risk, one day, 95 %", "fraction", "returns", "higher",
        "mean of the lowest int((n - 1) * 0.05) + 1 of r", _EMPYRICAL,
    ),
    Metric("skew", "Skewness", "ratio", "returns", "higher", "bias-corrected third standardised moment of r", "pandas"),
    Metric(
        "kurtosis", "Excess kurtosis", "ratio", "returns", "lower",
        "bias-corrected fourth standardised moment of r, less 3", "pandas",
    ),
    Metric(
        "probabilistic_sharpe", "Probability of a Sharpe ratio above 0", "fraction", "returns", "higher",
        "normal cdf of s * sqrt(n - 1) / sqrt(1 - skew * s + (kurtosis + 2) / 4 * s^2), s = sharpe / sqrt(P)",
        "Bailey and López de Prado (2012)",
    ),
    *_relative(
        "", "", "index",
        Metric(
            "index_return", "Return of the index", "fraction", "index", None,
            "product of (1 + b) - 1; b = (close + dividend) / close before - 1, from the first session's close", _OWN,
        ),
    ),
    *_relative(
        "hold_", " against holding", "holding",
        Metric(
            "hold_return", "Return of holding", "fraction", "holding", None,
            "product of (1 + b) - 1; b as for the index, of the symbol, bought at the first close", _OWN,
        ),
    ),
    Metric("exposure", "Exposure", "fraction", "position", None, "sessions with a position / all sessions", _OWN),
    Metric(
        "turnover", "Annual turnover", "ratio", "fills", "lower", "sum of abs(traded value) / mean equity * P / n", _OWN
    ),
    Metric("n_trades", "Trades", "count", "all trades", None, "trades, an open one included", _OWN),
    Metric("n_closed_trades", "Closed trades", "count", "closed trades", None, "trades that have ended", _OWN),
    Metric(
        "n_ambiguous_trades", "Ambiguous trades", "count", "all trades", "lower",
        "trades in which one bar met two levels", _OWN,
    ),
    Metric(
        "n_short_orders", "Orders not filled whole", "count", "orders", None,
        "orders that were refused, cut or given up", _OWN,
    ),
    Metric("win_rate", "Win rate", "fraction", "closed trades", "higher", "trades with net pnl > 0 / trades", _OWN),
    Metric(
        "profit_factor", "Profit factor", "ratio", "closed trades", "higher",
        "sum of winning net pnl / abs(sum of losing net pnl)", _OWN,
    ),
    Metric("expectancy", "Expectancy", "money", "closed trades", "higher", "mean net pnl", _OWN),
    Metric(
        "expectancy_r", "Expectancy in R", "ratio", "closed trades", "higher",
        "mean(net pnl / risk) of the trades with a stop, risk = distance to the first stop * shares", "Van Tharp",
    ),
    Metric(
        "sqn", "System quality number", "ratio", "closed trades", "higher",
        "sqrt(trades) * mean(net pnl) / std(net pnl, ddof 1)", "backtesting.py 0.6.6",
    ),
    Metric(
        "payoff_ratio", "Payoff ratio", "ratio", "closed trades", "higher",
        "mean winning net pnl / abs(mean losing net pnl)", _OWN,
    ),
    Metric("avg_win", "Average win", "money", "closed trades", "higher", "mean net pnl of the winners", _OWN),
    Metric("avg_loss", "Average loss", "money", "closed trades", "higher", "mean net pnl of the losers", _OWN),
    Metric("largest_win", "Largest win", "money", "closed trades", "higher", "max(net pnl)", _OWN),
    Metric("largest_loss", "Largest loss", "money", "closed trades", "higher", "min(net pnl)", _OWN),
    Metric(
        "max_consecutive_losses", "Longest run of losses", "count", "closed trades", "lower",
        "longest run of net pnl < 0 in order of entry", _OWN,
    ),
    Metric("avg_bars_held", "Average bars held", "sessions", "closed trades", None, "mean(exit - entry row)", _OWN),
    Metric("commission_total", "Commission", "money", "fills", "lower", "sum of commissions", _OWN),
    Metric(
        "slippage_total", "Slippage", "money", "fills", "lower", "sum of quantity * abs(fill - market price)", _OWN
    ),
    Metric("fees_total", "Fees of sales", "money", "fills", "lower", "sum of regulatory fees", _OWN),
    Metric("dividends_total", "Dividends", "money", "account", "higher", "dividends received less paid", _OWN),
    Metric("borrow_total", "Borrow cost", "money", "account", "lower", "cost of borrowed shares", _OWN),
    Metric("interest_total", "Interest", "money", "account", "higher", "earned on cash less paid on debt", _OWN),
    Metric(
        "ambiguous_pnl", "Profit that hangs on ambiguous bars", "money", "all trades", "lower",
        "sum of optimistic less counted net pnl", _OWN,
    ),
    Metric("start_equity", "Starting cash", "money", "equity", None, "cash before the first session", _OWN),
    Metric("end_equity", "End equity", "money", "equity", "higher", "equity at the last close", _OWN),
    Metric("n_sessions", "Sessions", "sessions", "equity", None, "n", _OWN),
)  # fmt: skip
"""Every metric, those against an index and against holding the symbol included."""
