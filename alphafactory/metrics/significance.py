"""Whether the difference of two strategies is more than chance: the stationary bootstrap of paired returns.

Goes in: returns of two strategies in the same sessions. Comes out: differences of Sharpe ratio and of mean return, each
with an interval and a two-sided p-value, and p-values adjusted for having looked at several strategies.

1. Blocks of sessions, of random length and place, are drawn with replacement until each draw is as long as the sample
   (Politis and Romano 1994, The Stationary Bootstrap, JASA 89). Both strategies keep their days together, so that what
   moves both of them cancels out as it does in the sample, and blocks keep the memory that returns have.
2. The mean length of blocks follows from the sample's own memory (`automatic_block_length`).
3. How far the differences of the draws lie from that of the sample is how far the sample's may lie from the truth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.metrics.returns import ZERO_VOLATILITY, period_rate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from alphafactory.domain.arrays import FloatArray, IntArray

CONFIDENCE = 0.95
_DRAWS_AT_ONCE = 500
"""Arrays of draws times sessions stay at some megabytes; which random numbers a draw gets depends on it."""
_FEWEST_RETURNS = 20
_MOST_UNDEFINED = 0.05
_ROUNDING = 1e-10
"""A variance that is a smaller share of the mean square is what rounding leaves of returns that are all the same."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A strategy less its benchmark, annualised; `low` to `high` is the interval of `CONFIDENCE`.

    0 lies outside of the interval if and only if `p_value`, which is two-sided, is at most 1 - `CONFIDENCE`.
    """

    value: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True, slots=True)
class PairedTest:
    """Both differences of a pair; a text is the reason why one is undefined. `block_length` is a mean, in sessions."""

    sharpe: Difference | str
    mean_return: Difference | str
    block_length: float


def paired_test(
    returns: FloatArray,
    benchmark: FloatArray,
    *,
    periods_per_year: int,
    risk_free_rate: float,
    draws: int,
    seed: int,
    block_length: float | None = None,
) -> PairedTest:
    """Test whether a strategy and its benchmark differ in Sharpe ratio and in mean return.

    The p-value is the share of draws that lie at least as far from the sample's difference as that lies from 0, the
    sample itself counted as one of them; intervals are symmetric about the sample's difference.

    Args:
        returns: simple returns of the strategy, shape (n,).
        benchmark: of what it is compared with, in the same sessions.
        periods_per_year: sessions by which ratios and means are annualised.
        risk_free_rate: annual.
        draws: bootstrap samples.
        seed: of the random draws.
        block_length: mean length of blocks, >= 1; by default the longer of the automatic ones of both differences.
    """
    if len(returns) < _FEWEST_RETURNS:
        return PairedTest("too_few_returns", "too_few_returns", 1.0)
    pair = np.column_stack([returns, benchmark])
    rate = period_rate(risk_free_rate, periods_per_year)
    mean = pair.mean(axis=0)
    centred = pair - mean
    deviation = np.sqrt((centred**2).sum(axis=0) / (len(pair) - 1))
    flat = bool((deviation < ZERO_VOLATILITY).any())
    if block_length is None:
        block_length = automatic_block_length(pair[:, 0] - pair[:, 1])
        if not flat:
            block_length = max(block_length, automatic_block_length(_influence(centred, mean - rate, deviation)))
    samples = stationary_draws(len(pair), draws, block_length, seed)
    means, ratios = resampled_differences(pair, rate, samples)
    of_means = _judged(mean[0] - mean[1], means, float(periods_per_year))
    if flat:
        return PairedTest("zero_volatility", of_means, block_length)
    sharpe = (mean - rate) / deviation
    return PairedTest(_judged(sharpe[0] - sharpe[1], ratios, math.sqrt(periods_per_year)), of_means, block_length)


def stationary_draws(sessions: int, draws: int, block_length: float, seed: int) -> Iterator[IntArray]:
    """Yield the sessions of bootstrap samples, some samples at a time, each array of shape (samples, sessions).

    A sample follows on, the last session being followed by the first, and with a chance of 1 / `block_length` jumps to
    a session drawn at random.
    """
    random = np.random.default_rng(seed)
    steps = np.arange(sessions)
    for first in range(0, draws, _DRAWS_AT_ONCE):
        shape = (min(_DRAWS_AT_ONCE, draws - first), sessions)
        jumps = random.random(shape) < 1.0 / block_length
        jumps[:, 0] = True
        targets = random.integers(0, sessions, shape)
        began = np.maximum.accumulate(np.where(jumps, steps, 0), axis=1)
        yield (np.take_along_axis(targets, began, axis=1) + steps - began) % sessions


def automatic_block_length(values: FloatArray) -> float:
    """Return the mean block length that suits a series, shape (n,): 1 without memory, longer with more of it.

    Politis and White (2004), Automatic Block-Length Selection for the Dependent Bootstrap, Econometric Reviews 23, with
    the correction of Patton, Politis and White (2009), Econometric Reviews 28; no longer than 3 sqrt(n) or n / 3.
    """
    count = len(values)
    centred = values - values.mean()
    if math.sqrt(float(centred @ centred) / count) < ZERO_VOLATILITY:
        return 1.0
    run = max(5, math.ceil(math.sqrt(math.log10(count))))
    most = min(math.ceil(math.sqrt(count)) + run, count - 1)
    covariances = np.array([centred[lag:] @ centred[: count - lag] / count for lag in range(most + 1)])
    lags = min(2 * max(_last_lag_with_memory(covariances, run, count), 1), most)
    steps = np.arange(1, lags + 1)
    weights = np.where(2 * steps <= lags, 1.0, 2.0 * (1.0 - steps / lags))
    weighted = weights * covariances[1 : lags + 1]
    spectrum = float(covariances[0] + 2.0 * weighted.sum())
    slope = 2.0 * float((weighted * steps).sum())
    if abs(spectrum) < ZERO_VOLATILITY * covariances[0]:
        return _longest(count)
    return min(math.cbrt(max((slope / spectrum) ** 2 * count, 1.0)), _longest(count))


def holm_adjusted(p_values: FloatArray) -> FloatArray:
    """Return p-values adjusted for their number, shape (k,): below a level with a chance of at most that for any of k.

    Holm (1979), A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of Statistics 6.
    """
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return adjusted


def _longest(count: int) -> float:
    return float(math.ceil(min(3.0 * math.sqrt(count), count / 3.0)))


def _last_lag_with_memory(covariances: FloatArray, run: int, count: int) -> int:
    """Return the lag after which `run` autocorrelations in a row are nothing but noise, else the last one that is not.

    Beyond the lags that are known counts as noise.
    """
    noise = 2.0 * math.sqrt(math.log10(count) / count)
    above = np.flatnonzero(np.abs(covariances[1:] / covariances[0]) >= noise) + 1
    lags = np.concatenate(([0], above))
    gaps = np.diff(np.append(lags, len(covariances) + run))
    return int(lags[np.argmax(gaps > run)])


def _influence(centred: FloatArray, excess: FloatArray, deviation: FloatArray) -> FloatArray:
    """Return what each session adds to the difference of Sharpe ratios, to first order; its mean is about 0, (n,)."""
    scaled = centred / deviation
    parts = scaled - 0.5 * (excess / deviation) * (scaled**2 - 1.0)
    return np.asarray(parts[:, 0] - parts[:, 1])


def resampled_differences(pair: FloatArray, rate: float, samples: Iterable[IntArray]) -> tuple[FloatArray, FloatArray]:
    """Return each sample's differences of means and of Sharpe ratios, of one period, (k,) both; a ratio may be NaN.

    A sample is known by how often it has each session, so that all moments of all samples are one matrix product.

    Args:
        pair: returns of the strategy and of its benchmark, shape (n, 2).
        rate: the risk-free return of one period.
        samples: rows of `pair`, arrays of shape (some, n), as of `stationary_draws`.
    """
    count, mean = len(pair), pair.mean(axis=0)
    centred = pair - mean
    columns = np.column_stack([centred, centred**2])
    means, ratios = [], []
    for sessions in samples:
        sums = _times_drawn(sessions) @ columns / count
        shift, square = sums[:, :2], sums[:, 2:]
        variance = square - shift**2
        variance = np.where(variance > _ROUNDING * square, variance, np.nan)  # no two different returns were drawn
        ratio = (mean + shift - rate) / np.sqrt(variance * count / (count - 1))
        means.append(mean[0] - mean[1] + shift[:, 0] - shift[:, 1])
        ratios.append(ratio[:, 0] - ratio[:, 1])
    return np.concatenate(means), np.concatenate(ratios)


def _times_drawn(sessions: IntArray) -> FloatArray:
    """Return how often each sample has each session, shape of `sessions`."""
    samples, count = sessions.shape
    cells = sessions + count * np.arange(samples)[:, None]
    return np.bincount(cells.ravel(), minlength=samples * count).reshape(samples, count).astype(np.float64)


def _judged(value: float, drawn: FloatArray, annual: float) -> Difference | str:
    """Return a difference with its interval and p-value; draws without a ratio are left out if they are few."""
    defined = drawn[~np.isnan(drawn)]
    if len(defined) < (1.0 - _MOST_UNDEFINED) * len(drawn):
        return "too_few_returns_vary"
    away = np.sort(np.abs(defined - value))
    at_least = len(away) - int(np.searchsorted(away, abs(value), side="left"))
    half = away[min(math.ceil(CONFIDENCE * (len(away) + 1)), len(away)) - 1]
    return Difference(
        float(value * annual),
        float((value - half) * annual),
        float((value + half) * annual),
        (1 + at_least) / (1 + len(away)),
    )
