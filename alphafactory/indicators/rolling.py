"""Sums, extremes and moments of the window that ends at each bar, to the last digits and blind to all other bars.

A running sum that adds the newest value and takes off the oldest drifts, and its rounding depends on all that came
before. Here a window is joined from runs of 1, 2, 4, 8 … values, as the binary digits of its length say, each run from
two of half its length. Every bar's window is joined in the same order, so that a value depends on the values of its
window alone, to the bit, wherever history starts and whatever follows; a NaN spoils the windows that hold it and no
others. The cost grows with the logarithm of the length.

Moments of two runs are joined by the differences of their means (Chan, Golub and LeVeque, 1979; Pébay, 2008). These are
kept as distances from the run's first value, so that nothing is lost to a level that is large beside the scatter, and
a window of equal values has none at all.

Arrays have shape (bars,). A window's value is NaN before the bar that fills it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray

_State: TypeAlias = "tuple[FloatArray, ...]"
"""What is known of a run of values that starts at each row."""
_Join: TypeAlias = Callable[[_State, _State, int, int], _State]
"""Makes one run of two that follow each other, given their states and their lengths."""

_PIECE = 16384
"""Windows that are joined at a time: what is in between stays in the processor's cache."""


@dataclass(frozen=True, slots=True)
class CoMoments:
    """Means, variances and covariance of two series in each window; second moments are divided by the length."""

    mean: FloatArray
    other_mean: FloatArray
    variance: FloatArray
    other_variance: FloatArray
    covariance: FloatArray


def rolling_sum(values: FloatArray, window: int) -> FloatArray:
    """Return the sum of the last `window` values."""
    return _by_function(np.add, values, window)


def rolling_mean(values: FloatArray, window: int) -> FloatArray:
    """Return the mean of the last `window` values."""
    return _by_function(np.add, values, window) / window


def rolling_max(values: FloatArray, window: int) -> FloatArray:
    """Return the largest of the last `window` values."""
    return _by_function(np.maximum, values, window)


def rolling_min(values: FloatArray, window: int) -> FloatArray:
    """Return the smallest of the last `window` values."""
    return _by_function(np.minimum, values, window)


def rolling_decline(values: FloatArray, window: int) -> FloatArray:
    """Return the largest loss from a value to a later one, both among the last `window`, as a share: 0 or below."""
    _, _, worst = _windows(_join_declines, (values, values, np.where(np.isnan(values), np.nan, 1.0)), window)
    return worst - 1.0


def rolling_moments(values: FloatArray, window: int, highest: int = 2) -> tuple[FloatArray, ...]:
    """Return the mean and the central moments of the last `window` values, divided by the length, up to `highest`.

    `highest` is 2 (mean, variance), or 4 (mean, variance, third, fourth).
    """
    start = np.where(np.isnan(values), np.nan, 0.0)
    first, mean, *moments = _windows(_join_moments, (values, *[start] * highest), window)
    return first + mean, *(moment / window for moment in moments)


def rolling_variance(values: FloatArray, window: int) -> FloatArray:
    """Return the variance of the last `window` values, their squared deviations divided by `window` - 1."""
    return rolling_moments(values, window)[1] * (window / (window - 1))


def rolling_comoments(values: FloatArray, others: FloatArray, window: int) -> CoMoments:
    """Return the joint moments of the last `window` pairs of two series, NaN where either value of a pair is."""
    start = np.where(np.isnan(values) | np.isnan(others), np.nan, 0.0)
    found = _windows(_join_comoments, (values, others, *[start] * 5), window)
    first, other_first, mean, other_mean, square, other_square, product = found
    return CoMoments(first + mean, other_first + other_mean, square / window, other_square / window, product / window)


def rolling_correlation(values: FloatArray, others: FloatArray, window: int) -> FloatArray:
    """Return Pearson's correlation of the last `window` pairs, NaN where either series does not move."""
    return correlation(rolling_comoments(values, others, window))


def correlation(moments: CoMoments) -> FloatArray:
    """Return Pearson's correlation, within -1 and 1, NaN where either series does not move."""
    scatter = np.sqrt(moments.variance) * np.sqrt(moments.other_variance)
    return np.clip(ratio(moments.covariance, scatter), -1.0, 1.0)


def rolling_rank(values: FloatArray, window: int) -> FloatArray:
    """Return the share, 0 to 1, of the `window` - 1 values before that lie below the newest; half of those that tie."""
    halves = np.zeros(len(values), dtype=np.int16)
    for lag in range(1, min(window, len(values))):
        newest, older = values[lag:], values[:-lag]
        halves[lag:] += older < newest
        halves[lag:] += older <= newest
    filled = np.isfinite(rolling_sum(values, window))
    return np.where(filled, halves / (2.0 * (window - 1)), np.nan)


def ratio(above: FloatArray, below: FloatArray | float) -> FloatArray:
    """Return the quotient of two series, NaN where the denominator is not positive."""
    quotient = np.full(len(above), np.nan)
    np.divide(above, below, out=quotient, where=np.asarray(below) > 0.0)
    return quotient


def lagged(values: FloatArray, bars: int) -> FloatArray:
    """Return the values of `bars` bars ago, NaN where there is none."""
    result = np.full(len(values), np.nan)
    result[bars:] = values[: max(len(values) - bars, 0)]
    return result


def _windows(join: _Join, state: _State, window: int) -> _State:
    """Return the states of the windows that end at each bar from those of single values, shape (bars,)."""
    length = len(state[0])
    results = tuple(np.full(length, np.nan) for _ in state)
    for start in range(0, length - window + 1, _PIECE):
        piece = _joined(join, _cut(state, slice(start, start + _PIECE + window - 1)), window)
        for result, values in zip(results, piece, strict=True):
            result[start + window - 1 :][: len(values)] = values
    return results


def _joined(join: _Join, state: _State, window: int) -> _State:
    """Join all windows of `window` rows; row k of the answer is the window that starts at row k."""
    run, size = state, 1
    found, covered = state, 0
    while True:
        if window & size:
            rest = _cut(run, slice(covered, None))
            found = join(_cut(found, slice(0, len(rest[0]))), rest, covered, size) if covered else run
            covered += size
        if 2 * size > window:
            return found
        run = join(_cut(run, slice(0, -size)), _cut(run, slice(size, None)), size, size)
        size *= 2


def _cut(state: _State, rows: slice) -> _State:
    return tuple(values[rows] for values in state)


def _by_function(function: np.ufunc, values: FloatArray, window: int) -> FloatArray:
    def join(left: _State, right: _State, _left_size: int, _right_size: int) -> _State:
        return (function(left[0], right[0]),)

    return _windows(join, (values,), window)[0]


def _join_declines(left: _State, right: _State, _left_size: int, _right_size: int) -> _State:
    """Join highest, lowest and worst: the worst is either run's, or from the first's highest to the second's lowest."""
    across = right[1] / left[0]
    worst = np.minimum(np.minimum(left[2], right[2]), across)
    return np.maximum(left[0], right[0]), np.minimum(left[1], right[1]), worst


def _join_moments(left: _State, right: _State, left_size: int, right_size: int) -> _State:
    """Join first value, distance of the mean from it, and sums of the deviations' powers, two or four of them."""
    size = left_size + right_size
    gap = _gap(left[0], left[1], right[0], right[1])
    step = gap * (right_size / size)
    square = left[2] + right[2]
    square += gap * step * left_size
    joined = (left[0], left[1] + step, square)
    return joined if len(left) == len(joined) else (*joined, *_join_high(left, right, left_size, right_size, gap))


def _join_high(left: _State, right: _State, left_size: int, right_size: int, gap: FloatArray) -> _State:
    """Join the sums of the third and the fourth powers (Pébay, 2008)."""
    size = left_size + right_size
    both, share = left_size * right_size / size, gap / size
    crossed = left_size * right[2] - right_size * left[2]
    third = left[3] + right[3] + share * (3.0 * crossed + gap * gap * (both * (left_size - right_size)))
    squares = left_size**2 * right[2] + right_size**2 * left[2]
    fourth = left[4] + right[4] + 4.0 * share * (left_size * right[3] - right_size * left[3])
    fourth += (
        share * share * (6.0 * squares + gap * gap * (both * (left_size**2 - left_size * right_size + right_size**2)))
    )
    return third, fourth


def _join_comoments(left: _State, right: _State, left_size: int, right_size: int) -> _State:
    """Join first values, distances of the means from them, sums of both squares, and of the products."""
    share = right_size / (left_size + right_size)
    gap = _gap(left[0], left[2], right[0], right[2])
    other_gap = _gap(left[1], left[3], right[1], right[3])
    step, other_step = gap * share, other_gap * share
    square, other_square, product = (left[k] + right[k] for k in (4, 5, 6))
    square += gap * step * left_size
    other_square += other_gap * other_step * left_size
    product += gap * other_step * left_size
    return left[0], left[1], left[2] + step, left[3] + other_step, square, other_square, product


def _gap(left_first: FloatArray, left_mean: FloatArray, right_first: FloatArray, right_mean: FloatArray) -> FloatArray:
    """Return the mean of the second run less that of the first; values that are near differ without rounding."""
    gap = right_first - left_first
    gap += right_mean - left_mean
    return gap
