"""What a market was like lately: true range, volatility, volume and spread, for the sizes and costs of fills.

Goes in: one symbol's split-adjusted bars. Comes out: an array (4, sessions) whose row t knows the bars up to t and no
other, to the bit: a longer history answers the same for the rows that a shorter one has. Each window is summed afresh,
so that nothing of a bar stays behind once it has left.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit, types

if TYPE_CHECKING:
    from collections.abc import Collection

    from alphafactory.domain.arrays import FloatArray

ATR, SIGMA, ADV, SPREAD = ESTIMATES = tuple(range(4))
"""Rows of the estimates."""
_ATR_BARS, _BARS = 14, 20
_PAIRS = _BARS - 1
_SCALE = 1.0 + math.sqrt(2.0)

_VECTOR = types.float64[::1]
_COLUMN = types.void(_VECTOR, _VECTOR)


def compute_estimates(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    volume: FloatArray,
    needed: Collection[int] = ESTIMATES,
) -> FloatArray:
    """Return the estimates of one symbol, shape (4, n): ATR, SIGMA, ADV and SPREAD; NaN before the first.

    ATR is Wilder's average true range of 14 bars, in price (first at row 14). SIGMA is the sample deviation of 20
    simple close-to-close returns, a fraction a bar (first at row 20). ADV is the mean volume of 20 bars (first at
    row 19). SPREAD is the bid-ask spread as a fraction of price, estimated from 20 bars (first at row 19).

    Args:
        high: shape (n,), split-adjusted, above 0; NaN where the symbol has no bar, in all four alike. Such rows are
            left out: the estimates go from bar to bar, and a row without one repeats the bar's before.
        low: as `high`.
        close: as `high`.
        volume: shape (n,), in adjusted shares; it does not count in rows without a bar.
        needed: the estimates to compute; the others stay NaN.
    """
    estimates = np.full((len(ESTIMATES), len(close)), np.nan)
    if not needed:
        return estimates
    bars = [np.ascontiguousarray(column, dtype=np.float64) for column in (high, low, close, volume)]
    present = ~np.isnan(bars[2])
    if present.all():
        _fill(bars, estimates, needed)
    elif present.any():
        dense = np.full((len(ESTIMATES), int(np.count_nonzero(present))), np.nan)
        _fill([column[present] for column in bars], dense, needed)
        latest = np.cumsum(present) - 1
        began = latest >= 0
        estimates[:, began] = dense[:, latest[began]]
    return estimates


def _fill(bars: list[FloatArray], estimates: FloatArray, needed: Collection[int]) -> None:
    high, low, close, volume = (column if column.flags.writeable else column.copy() for column in bars)
    if ATR in needed:
        _average_true_range(high, low, close, estimates[ATR])
    if SIGMA in needed:
        _deviation(close, estimates[SIGMA])
    if ADV in needed:
        _average_volume(volume, estimates[ADV])
    if SPREAD in needed:
        _spread(high, low, close, estimates[SPREAD])


@njit(types.void(_VECTOR, _VECTOR, _VECTOR, _VECTOR), cache=True, error_model="numpy")
def _average_true_range(high: FloatArray, low: FloatArray, close: FloatArray, out: FloatArray) -> None:
    """Wilder (1978), New Concepts in Technical Trading Systems: the mean of the first true ranges, then smoothed."""
    average = 0.0
    for row in range(1, high.size):
        before = close[row - 1]
        true_range = max(high[row], before) - min(low[row], before)
        if row <= _ATR_BARS:
            average += true_range / _ATR_BARS
        else:
            average = (average * (_ATR_BARS - 1) + true_range) / _ATR_BARS
        if row >= _ATR_BARS:
            out[row] = average


@njit(_COLUMN, cache=True, error_model="numpy")
def _deviation(close: FloatArray, out: FloatArray) -> None:
    """Sample standard deviation (ddof 1) of the last 20 simple returns."""
    returns = np.empty(close.size)
    for row in range(1, close.size):
        returns[row] = close[row] / close[row - 1] - 1.0
    for row in range(_BARS, close.size):
        total = 0.0
        for past in range(row - _BARS + 1, row + 1):
            total += returns[past]
        mean = total / _BARS
        squares = 0.0
        for past in range(row - _BARS + 1, row + 1):
            squares += (returns[past] - mean) * (returns[past] - mean)
        out[row] = math.sqrt(squares / (_BARS - 1))


@njit(_COLUMN, cache=True, error_model="numpy")
def _average_volume(volume: FloatArray, out: FloatArray) -> None:
    for row in range(_BARS - 1, volume.size):
        total = 0.0
        for past in range(row - _BARS + 1, row + 1):
            total += volume[past]
        out[row] = total / _BARS


@njit(types.void(_VECTOR, _VECTOR, _VECTOR, _VECTOR), cache=True, error_model="numpy")
def _spread(high: FloatArray, low: FloatArray, close: FloatArray, out: FloatArray) -> None:
    """Corwin and Schultz (2012), A Simple Way to Estimate Bid-Ask Spreads, Journal of Finance 67(2), eq. 14 and 18.

    A high is mostly a purchase at the ask, a low a sale at the bid, and the range of two days holds the spread once but
    twice the variance of one. A gap over night is variance of no trade: the second day is moved to the close before.
    As 3 - 2 sqrt 2 is (sqrt 2 - 1) squared, the paper's alpha is (1 + sqrt 2) (sqrt beta - sqrt gamma), and its
    2 (e^alpha - 1) / (1 + e^alpha) is 2 tanh(alpha / 2). Negative estimates count as 0.
    """
    pairs = np.empty(close.size)
    earlier = math.log(high[0] / low[0]) ** 2 if close.size else 0.0
    for row in range(1, close.size):
        day_high, day_low, before = high[row], low[row], close[row - 1]
        own = math.log(day_high / day_low) ** 2
        later = own
        if day_low > before:
            day_high, day_low = day_high - day_low + before, before
            later = math.log(day_high / day_low) ** 2
        elif day_high < before:
            day_high, day_low = before, day_low - day_high + before
            later = math.log(day_high / day_low) ** 2
        both = math.log(max(high[row - 1], day_high) / min(low[row - 1], day_low))
        alpha = _SCALE * (math.sqrt(earlier + later) - both)
        pairs[row] = 2.0 * math.tanh(0.5 * alpha) if alpha > 0.0 else 0.0
        earlier = own
    for row in range(_PAIRS, close.size):
        total = 0.0
        for past in range(row - _PAIRS + 1, row + 1):
            total += pairs[past]
        out[row] = total / _PAIRS
