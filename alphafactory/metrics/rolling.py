"""Metrics of a moving window, for charts.

Goes in: returns, or equity. Comes out: arrays of shape (n,), in which row t looks back over the `window` returns up to
and including its own; NaN before the window is full and where the metric is undefined. Definitions as in `catalogue`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from alphafactory.errors import UsageError
from alphafactory.metrics.returns import ZERO_VOLATILITY, period_rate

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray

WINDOW = 126
"""Half a year of sessions."""


def rolling_volatility(returns: FloatArray, periods_per_year: int, window: int = WINDOW) -> FloatArray:
    """Return the annual volatility."""
    return _padded(_deviations(_windows(returns, window)) * math.sqrt(periods_per_year), len(returns))


def rolling_sharpe(
    returns: FloatArray, periods_per_year: int, risk_free_rate: float, window: int = WINDOW
) -> FloatArray:
    """Return the annual Sharpe ratio, NaN where nothing moved, as in a window spent out of the market."""
    seen = _windows(returns, window)
    excess = seen.mean(axis=1) - period_rate(risk_free_rate, periods_per_year)
    return _padded(_divide(excess, _deviations(seen), ZERO_VOLATILITY) * math.sqrt(periods_per_year), len(returns))


def rolling_beta(returns: FloatArray, benchmark: FloatArray, window: int = WINDOW) -> FloatArray:
    """Return the beta to the benchmark's returns, shape (n,) as they are."""
    market = _windows(benchmark, window)
    centred = market - market.mean(axis=1, keepdims=True)
    variance = np.einsum("ij,ij->i", centred, centred)
    covariance = np.einsum("ij,ij->i", centred, _windows(returns, window))
    return _padded(_divide(covariance, variance, window * ZERO_VOLATILITY**2), len(returns))


def rolling_drawdown(equity: FloatArray, start: float, window: int = WINDOW) -> FloatArray:
    """Return the deepest drawdown inside the window, as a fraction <= 0, the equity before it being the first peak."""
    levels = _windows(np.concatenate(([start], equity)), window + 1)
    peaks = np.maximum.accumulate(levels, axis=1)
    return _padded((_divide(levels, peaks, 0.0) - 1.0).min(axis=1, initial=np.inf), len(equity))


def _windows(values: FloatArray, window: int) -> FloatArray:
    """Return every full window as a row, shape (n - window + 1, window), no row where there is none."""
    if window < 2:  # noqa: PLR2004  a deviation needs two
        raise UsageError(f"A rolling metric was asked over {window} sessions. Give a window of 2 or more.")
    if len(values) < window:
        return np.empty((0, window))
    return sliding_window_view(values, window)


def _deviations(seen: FloatArray) -> FloatArray:
    """Return sample deviations, rounding counting as none."""
    found: FloatArray = seen.std(axis=1, ddof=1)
    return np.where(found < ZERO_VOLATILITY, 0.0, found)


def _divide(above: FloatArray, below: FloatArray, least: float) -> FloatArray:
    """Divide where `below` exceeds `least`, NaN elsewhere."""
    quotient = np.full(below.shape, np.nan)
    np.divide(above, below, out=quotient, where=below > least)
    return quotient


def _padded(found: FloatArray, count: int) -> FloatArray:
    """Put NaN before the first full window."""
    return np.concatenate((np.full(count - len(found), np.nan), found))
