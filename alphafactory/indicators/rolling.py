"""Sums, extremes and moments of the window that ends at each bar, in one pass whatever the window's length.

A running sum that adds the newest value and takes off the oldest drifts, and its rounding depends on all that came
before. Here (after van Herk, "A fast algorithm for local minimum and maximum filters", 1992) the bars are cut into
blocks of the window's length, counted from the first bar. A window that ends in a block is the head of that block and
the tail of the block before, so that two accumulations a block give every window. What follows a bar never enters its
value, and a NaN spoils the windows that hold it and no others.

Moments are taken around the first value of the block in which the window ends. It always lies within the window, so
that nothing is lost to a level that is large beside the scatter, and a window of equal values has exactly none.

Arrays have shape (bars,). A window's value is NaN before the bar that fills it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from alphafactory.domain.arrays import BoolArray, FloatArray

ROUNDING = 1e-12
"""Relative difference up to which two sums count as equal."""


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
    blocks = _blocks(values, window)
    return _cut(_windows(np.add, blocks, blocks[:-1]), len(values), window)


def rolling_mean(values: FloatArray, window: int) -> FloatArray:
    """Return the mean of the last `window` values."""
    blocks = _blocks(values, window)
    return _cut(_mean(blocks, blocks[:-1], window), len(values), window)


def rolling_max(values: FloatArray, window: int) -> FloatArray:
    """Return the largest of the last `window` values."""
    blocks = _blocks(values, window)
    return _cut(_windows(np.maximum, blocks, blocks[:-1]), len(values), window)


def rolling_min(values: FloatArray, window: int) -> FloatArray:
    """Return the smallest of the last `window` values."""
    blocks = _blocks(values, window)
    return _cut(_windows(np.minimum, blocks, blocks[:-1]), len(values), window)


def rolling_decline(values: FloatArray, window: int) -> FloatArray:
    """Return the largest loss from a value to a later one, both among the last `window`, as a share: 0 or below.

    The worst of two runs in a row is the worst of either, or from the first's highest to the second's lowest.
    """
    blocks = _blocks(values, window)
    blocks.reshape(-1)[len(values) :] = np.nan  # zeros would be losses of the whole
    lowest = np.minimum.accumulate(blocks, axis=1)
    highest = np.maximum.accumulate(blocks, axis=1)
    worst = np.minimum.accumulate(blocks / highest, axis=1)
    tails = blocks[:-1, :0:-1]
    tail_worst = np.minimum.accumulate(np.minimum.accumulate(tails, axis=1) / tails, axis=1)[:, ::-1]
    across = lowest[1:, :-1] / np.maximum.accumulate(tails, axis=1)[:, ::-1]
    worst[1:, :-1] = np.minimum(worst[1:, :-1], np.minimum(tail_worst, across))
    return _cut(worst, len(values), window) - 1.0


def rolling_moments(values: FloatArray, window: int, highest: int = 2) -> tuple[FloatArray, ...]:
    """Return the mean and the central moments of the last `window` values, divided by the length, up to `highest`.

    `highest` is 2 (mean, variance), or 4 (mean, variance, third, fourth).
    """
    ahead, behind, centre = _centred(values, window)
    mean, variance = _first_two(ahead, behind, window)
    moments = [mean + centre, variance]
    if highest > 2:  # noqa: PLR2004  the second moment is what `_first_two` gives
        # Products, because a power of three takes ten times their time.
        square, square_behind = ahead * ahead, behind * behind
        second = variance + mean * mean
        third = _mean(square * ahead, square_behind * behind, window)
        fourth = _mean(square * square, square_behind * square_behind, window)
        moments.append(third - mean * (3.0 * second - 2.0 * mean * mean))
        moments.append(fourth - mean * (4.0 * third - mean * (6.0 * second - 3.0 * mean * mean)))
    return tuple(_cut(moment, len(values), window) for moment in moments)


def rolling_variance(values: FloatArray, window: int) -> FloatArray:
    """Return the variance of the last `window` values, their squared deviations divided by `window` - 1."""
    return rolling_moments(values, window)[1] * (window / (window - 1))


def rolling_comoments(values: FloatArray, others: FloatArray, window: int) -> CoMoments:
    """Return the joint moments of the last `window` pairs of two series; NaN in one spoils what it is part of."""
    ahead, behind, centre = _centred(values, window)
    other_ahead, other_behind, other_centre = _centred(others, window)
    mean, variance = _first_two(ahead, behind, window)
    other_mean, other_variance = _first_two(other_ahead, other_behind, window)
    covariance = _mean(ahead * other_ahead, behind * other_behind, window)
    covariance -= mean * other_mean
    found = (mean + centre, other_mean + other_centre, variance, other_variance, covariance)
    return CoMoments(*(_cut(moment, len(values), window) for moment in found))


def rolling_correlation(values: FloatArray, others: FloatArray, window: int) -> FloatArray:
    """Return Pearson's correlation of the last `window` pairs, NaN where either series does not move."""
    found = rolling_comoments(values, others, window)
    return correlation(found)


def correlation(moments: CoMoments) -> FloatArray:
    """Return Pearson's correlation, within -1 and 1, NaN where either series does not move."""
    scatter = np.sqrt(moments.variance) * np.sqrt(moments.other_variance)
    return np.clip(ratio(moments.covariance, scatter), -1.0, 1.0)


def rolling_rank(values: FloatArray, window: int) -> FloatArray:
    """Return the share, 0 to 1, of the `window` - 1 values before that lie below the newest; half of those that tie."""
    margin = ROUNDING * np.abs(values)
    low, high = values - margin, values + margin
    halves = np.zeros(len(values), dtype=np.int16)
    for lag in range(1, min(window, len(values))):
        older = values[:-lag]
        halves[lag:] += older < low[lag:]
        halves[lag:] += older <= high[lag:]
    filled = np.isfinite(rolling_sum(values, window))
    return np.where(filled, halves / (2.0 * (window - 1)), np.nan)


def exceeds(values: FloatArray, bounds: FloatArray | float) -> BoolArray:
    """Return where values lie above bounds by more than the rounding of a sum, False where either is NaN.

    Sums of the same values differ in their last digit with the place of the blocks. Who compares them must not see it,
    or what is equal would be above or not by the day on which history starts.
    """
    found: BoolArray = values - bounds > ROUNDING * np.abs(bounds)
    return found


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


def _blocks(values: FloatArray, window: int) -> FloatArray:
    """Cut into blocks, shape (blocks, window), the last one filled up with zeros that no window reaches."""
    padded = np.zeros(-(-len(values) // window) * window)
    padded[: len(values)] = values
    return padded.reshape(-1, window)


def _windows(join: np.ufunc, ahead: FloatArray, behind: FloatArray) -> FloatArray:
    """Join each head of a block with the tail before it that fills the window, shape (blocks, window).

    `ahead` holds the blocks, `behind` all but the last as the block after each sees it.
    """
    joined: FloatArray = join.accumulate(ahead, axis=1)
    tails = join.accumulate(behind[:, :0:-1], axis=1)[:, ::-1]
    join(joined[1:, :-1], tails, out=joined[1:, :-1])
    return joined


def _cut(windows: FloatArray, length: int, window: int) -> FloatArray:
    """Lay the blocks out again as bars, shape (length,), without the windows that are not filled."""
    values = windows.reshape(-1)[:length]
    values[: window - 1] = np.nan
    return values


def _centred(values: FloatArray, window: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the blocks and the blocks before them around the same centre, and the centres, shape (blocks, 1)."""
    blocks = _blocks(values, window)
    centre = blocks[:, :1].copy()
    return blocks - centre, blocks[:-1] - centre[1:], centre


def _first_two(ahead: FloatArray, behind: FloatArray, window: int) -> tuple[FloatArray, FloatArray]:
    """Return the mean around the centre and the variance, shape (blocks, window)."""
    mean = _mean(ahead, behind, window)
    variance = _mean(ahead * ahead, behind * behind, window)
    variance -= mean * mean
    # Equal values leave exactly zero; others can miss it by a rounding that the root would not bear.
    return mean, np.maximum(variance, 0.0, out=variance)


def _mean(ahead: FloatArray, behind: FloatArray, window: int) -> FloatArray:
    mean = _windows(np.add, ahead, behind)
    mean /= window  # in place, as a new array of many bars costs more than the division
    return mean
