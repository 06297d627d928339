"""Numbers of an equity curve and its returns.

Goes in: end-of-day equity, starting cash, simple returns. Comes out: by metric name a number, or the reason (a text)
why the metric is undefined.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.metrics.curves import drawdown_series

if TYPE_CHECKING:
    from alphafactory.domain.arrays import DateArray, FloatArray

Outcome = dict[str, "float | str"]
"""By metric name the number, or the reason why there is none."""

ZERO_VOLATILITY = 1e-12
"""A deviation below this is the rounding of float64, not risk."""

_TAIL = 0.05
_DAYS_A_YEAR = 365.25


def growth(equity: FloatArray, start: float, sessions: DateArray, periods_per_year: int) -> Outcome:
    """Compute total return and its two annual rates."""
    ratio = float(equity[-1]) / start
    days = int((sessions[-1] - sessions[0]).astype("timedelta64[D]").astype(np.int64))
    return {
        "start_equity": start,
        "end_equity": float(equity[-1]),
        "total_return": ratio - 1.0,
        "cagr": annual_rate(ratio, periods_per_year / len(equity)),
        "cagr_calendar": annual_rate(ratio, _DAYS_A_YEAR / days) if days else "single_session",
    }


def drawdown(equity: FloatArray, start: float) -> Outcome:
    """Compute the deepest drawdown and the rows of its peak, trough and recovery."""
    series = drawdown_series(equity, start)
    trough = int(np.argmin(series))
    depth = float(series[trough])
    rows = ("max_drawdown_peak", "max_drawdown_trough", "max_drawdown_recovery")
    if depth == 0.0:
        return {"max_drawdown": 0.0} | dict.fromkeys(rows, "no_drawdown")
    top = max(start, float(equity[: trough + 1].max()))
    at_peak = np.flatnonzero(equity[:trough] == top)
    recovered = np.flatnonzero(equity[trough:] >= top)
    return {
        "max_drawdown": depth,
        "max_drawdown_peak": float(at_peak[-1]) if len(at_peak) else "peak_is_starting_cash",
        "max_drawdown_trough": float(trough),
        "max_drawdown_recovery": float(trough + recovered[0]) if len(recovered) else "not_recovered",
    }


def risk(returns: FloatArray, periods_per_year: int, risk_free_rate: float) -> Outcome:
    """Compute volatility, the ratios built on it, and the shape of the distribution."""
    periods = len(returns)
    names = ("annual_volatility", "sharpe", "sortino", "skew", "kurtosis", "probabilistic_sharpe")
    if periods < 2:  # noqa: PLR2004 (a sample deviation needs two)
        return dict.fromkeys(names, "fewer_than_two_returns")
    rate = period_rate(risk_free_rate, periods_per_year)
    annual = math.sqrt(periods_per_year)
    mean = float(returns.sum()) / periods
    centred = returns - mean
    squares = centred * centred
    second = float(squares.sum())
    deviation = math.sqrt(second / (periods - 1))
    short = np.minimum(returns - rate, 0.0)
    downside = math.sqrt(float(short @ short) / periods)
    outcome: Outcome = {
        "sortino": (mean - rate) / downside * annual if downside >= ZERO_VOLATILITY else "no_downside"
    }  # fmt: skip
    if deviation < ZERO_VOLATILITY:
        flat: Outcome = {"annual_volatility": 0.0}
        return dict.fromkeys(names, "zero_volatility") | flat | outcome
    sharpe = (mean - rate) / deviation
    skew = _skew(periods, second, float(squares @ centred))
    kurtosis = _kurtosis(periods, second, float(squares @ squares))
    return outcome | {
        "annual_volatility": deviation * annual,
        "sharpe": sharpe * annual,
        "skew": skew,
        "kurtosis": kurtosis,
        "probabilistic_sharpe": _probabilistic_sharpe(sharpe, periods, skew, kurtosis),
    }


def tails(returns: FloatArray) -> Outcome:
    """Compute value at risk and its companions, as empyrical does."""
    ordered = np.sort(returns)
    low, high = _quantile(ordered, _TAIL), _quantile(ordered, 1.0 - _TAIL)
    worst = int((len(ordered) - 1) * _TAIL) + 1
    losses = -float(np.minimum(returns, 0.0).sum())
    enough = len(returns) > 1
    outcome: Outcome = {
        "value_at_risk": low,
        "conditional_value_at_risk": float(ordered[:worst].mean()),
        "tail_ratio": abs(high) / abs(low) if abs(low) >= ZERO_VOLATILITY else "zero_tail",
        "omega": float(np.maximum(returns, 0.0).sum()) / losses if losses > 0.0 else "no_losing_return",
    }
    return outcome if enough else dict.fromkeys(outcome, "fewer_than_two_returns")


def period_rate(risk_free_rate: float, periods_per_year: int) -> float:
    """Return the return of one period that compounds to the annual rate."""
    return math.pow(1.0 + risk_free_rate, 1.0 / periods_per_year) - 1.0


def annual_rate(ratio: float, exponent: float) -> float | str:
    """Return ratio^exponent - 1, or the reason why a year of such growth has no number."""
    if ratio < 0.0:
        return "equity_below_zero"
    try:
        return math.pow(ratio, exponent) - 1.0
    except OverflowError:
        return "too_short_to_annualise"


def _quantile(ordered: FloatArray, share: float) -> float:
    """Return the quantile by linear interpolation, numpy's default, of values already in order."""
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return float(ordered[below] + (ordered[above] - ordered[below]) * (place - below))


def _skew(count: int, second: float, third: float) -> float | str:
    """Return the adjusted Fisher-Pearson coefficient from sums of centred powers, as pandas."""
    if count < 3:  # noqa: PLR2004 (the correction divides by count - 2)
        return "fewer_than_three_returns"
    return count * math.sqrt(count - 1) / (count - 2) * third / math.pow(second, 1.5)


def _kurtosis(count: int, second: float, fourth: float) -> float | str:
    """Return the bias-corrected excess kurtosis from sums of centred powers, as pandas."""
    if count < 4:  # noqa: PLR2004 (the correction divides by count - 3)
        return "fewer_than_four_returns"
    scale = (count - 2) * (count - 3)
    return count * (count + 1) * (count - 1) * fourth / (scale * second**2) - 3 * (count - 1) ** 2 / scale


def _probabilistic_sharpe(sharpe: float, count: int, skew: float | str, kurtosis: float | str) -> float | str:
    """Return the probability that the true Sharpe ratio is above 0 (Bailey and López de Prado, 2012)."""
    if isinstance(skew, str) or isinstance(kurtosis, str):
        return "fewer_than_four_returns"
    raw = kurtosis + 3.0
    variance = (1.0 - skew * sharpe + (raw - 1.0) / 4.0 * sharpe**2) / (count - 1)
    if variance <= 0.0:
        return "no_standard_error"
    return 0.5 * math.erfc(-sharpe / math.sqrt(2.0 * variance))
