"""What an account is measured against: an index, and holding the symbol itself.

Goes in: bars, or returns on the sessions of a simulation. Comes out: returns of the benchmark on these sessions, and by
metric name a number, or the reason why it is undefined.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.metrics.returns import ZERO_VOLATILITY, annual_rate, period_rate

if TYPE_CHECKING:
    from alphafactory.domain.arrays import DateArray, FloatArray, IntArray
    from alphafactory.domain.bars import Bars
    from alphafactory.metrics.returns import Outcome

_RELATIVE = ("alpha", "beta", "up_capture", "down_capture", "tracking_error", "information_ratio")
_LONGEST_CLOSURE = np.timedelta64(7, "D")
"""No exchange of our time was closed for longer, September 2001 included: an older close is missing data."""


@dataclass(frozen=True, slots=True)
class Benchmarks:
    """Simple returns on the sessions of a simulation, each of shape (n,); None where there is no such benchmark.

    `hold` is the symbol itself (see `hold_returns`), `index` the configured index (see `aligned_returns`). NaN marks a
    session for which the benchmark is not known; its metrics are then undefined.
    """

    hold: FloatArray | None = None
    index: FloatArray | None = None


def hold_returns(bars: Bars) -> FloatArray:
    """Return (close + dividend) / close before - 1, shape (n,); 0 in the first row, at whose close it is bought."""
    returns = np.zeros(len(bars))
    returns[1:] = (bars.close[1:] + bars.dividends[1:]) / bars.close[:-1] - 1.0
    return returns


def aligned_returns(bars: Bars, sessions: DateArray) -> FloatArray:
    """Return the total return of holding from each session to the next, shape (sessions,).

    A session counts with the last close at or before it, as markets have different holidays. NaN before the first bar,
    and where the last close is more than a week old.

    Args:
        bars: all known bars of the index.
        sessions: shape (n,), those of the simulation, ascending.
    """
    if len(bars) == 0:
        return np.full(len(sessions), np.nan)
    rows = np.searchsorted(bars.sessions, sessions, side="right") - 1
    unknown = (rows < 0) | (sessions - bars.sessions[rows] > _LONGEST_CLOSURE)
    level = np.where(unknown, np.nan, np.cumprod(1.0 + hold_returns(bars))[rows])
    returns = np.empty(len(level))
    returns[:1] = level[:1] * 0.0
    returns[1:] = level[1:] / level[:-1] - 1.0
    return returns


def against_index(
    returns: FloatArray, index: FloatArray | None, periods_per_year: int, risk_free_rate: float
) -> Outcome:
    """Compute the metrics against the index; `no_index`, `index_starts_later` or `index_has_a_gap` without one."""
    reason = "no_index" if index is None else _missing(index)
    if index is None or reason is not None:
        return dict.fromkeys(("index_return", *_RELATIVE), reason or "no_index")
    total: Outcome = {"index_return": _growth(index) - 1.0}
    return total | _relative(returns, index, periods_per_year, risk_free_rate)


def against_holding(
    returns: FloatArray, hold: FloatArray | None, periods_per_year: int, risk_free_rate: float
) -> Outcome:
    """Compute the metrics against holding the symbol, `no_holding` where there is no one symbol to hold."""
    if hold is None:
        return dict.fromkeys(("hold_return", *(f"hold_{name}" for name in _RELATIVE)), "no_holding")
    found = _relative(returns, hold, periods_per_year, risk_free_rate)
    total: Outcome = {"hold_return": _growth(hold) - 1.0}
    return total | {f"hold_{name}": value for name, value in found.items()}


def _missing(index: FloatArray) -> str | None:
    """Say why the index is not known on every session; a sum is NaN as soon as one value is."""
    if not math.isnan(float(index.sum())):
        return None
    return "index_starts_later" if math.isnan(index[0]) else "index_has_a_gap"


def _relative(returns: FloatArray, benchmark: FloatArray, periods_per_year: int, risk_free_rate: float) -> Outcome:
    """Compare two series of returns, as empyrical does."""
    count = len(returns)
    if count < 2:  # noqa: PLR2004  a deviation needs two
        return dict.fromkeys(_RELATIVE, "fewer_than_two_returns")
    up, down = np.flatnonzero(benchmark > 0.0), np.flatnonzero(benchmark < 0.0)
    return {
        **_regression(returns, benchmark, periods_per_year, risk_free_rate),
        "up_capture": _capture(returns, benchmark, up, periods_per_year) if len(up) else "no_rising_session",
        "down_capture": _capture(returns, benchmark, down, periods_per_year) if len(down) else "no_falling_session",
        **_tracking(returns - benchmark, periods_per_year),
    }


def _regression(returns: FloatArray, benchmark: FloatArray, periods_per_year: int, risk_free_rate: float) -> Outcome:
    """Compute the slope of the returns on the benchmark's, and the annual return that the slope leaves over."""
    market = float(benchmark.sum()) / len(benchmark)
    centred = benchmark - market
    variance = float(centred @ centred)
    if variance < len(centred) * ZERO_VOLATILITY**2:
        return {"alpha": "flat_benchmark", "beta": "flat_benchmark"}
    beta = float(centred @ returns) / variance
    rate = period_rate(risk_free_rate, periods_per_year)
    beyond = float(returns.sum()) / len(returns) - rate - beta * (market - rate)
    return {"alpha": annual_rate(1.0 + beyond, periods_per_year), "beta": beta}


def _tracking(active: FloatArray, periods_per_year: int) -> Outcome:
    """Compute how far the returns stray from the benchmark's, and what that earns."""
    mean = float(active.sum()) / len(active)
    centred = active - mean
    deviation = math.sqrt(float(centred @ centred) / (len(active) - 1))
    annual = math.sqrt(periods_per_year)
    if deviation < ZERO_VOLATILITY:
        return {"tracking_error": 0.0, "information_ratio": "zero_tracking_error"}
    return {"tracking_error": deviation * annual, "information_ratio": mean / deviation * annual}


def _capture(returns: FloatArray, benchmark: FloatArray, rows: IntArray, periods_per_year: int) -> float | str:
    """Return the account's annual growth over some sessions as a share of the benchmark's."""
    exponent = periods_per_year / len(rows)
    own, market = (annual_rate(_growth(series.take(rows)), exponent) for series in (returns, benchmark))
    if isinstance(own, str):
        return own
    if isinstance(market, str):
        return market
    return own / market if abs(market) >= ZERO_VOLATILITY else "flat_benchmark"


def _growth(returns: FloatArray) -> float:
    """Return what one unit of money becomes; beyond float64 it is infinite, which no metric then is."""
    with np.errstate(over="ignore"):
        return float(np.multiply.reduce(1.0 + returns))
