"""Value at risk from moments: the normal distribution, and Cornish and Fisher's correction of it.

Goes in: weights and joint returns. Comes out: the quantile of the portfolio's return and the mean beyond it, each with
its gradient by the weights. Moments are homogeneous in the weights, so that weight times gradient adds up to the whole
(Euler); for Cornish-Fisher this is the decomposition of Boudt, Peterson and Croux (2008).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.portfolio.outcomes import ZERO_VOLATILITY

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray

_NORMAL = NormalDist()
_FEWEST_OF_KURTOSIS = 4


@dataclass(frozen=True, slots=True)
class Gradient:
    """A risk measure of a portfolio's return and its derivative by each weight, shape (m,)."""

    total: float
    marginal: FloatArray


@dataclass(frozen=True, slots=True)
class _Multiple:
    """How many deviations below the mean: the value, and its derivatives by skew and by kurtosis."""

    value: float
    by_skew: float = 0.0
    by_kurtosis: float = 0.0


@dataclass(frozen=True, slots=True)
class _Moments:
    """Moments of a portfolio's return with their gradients by the weights."""

    mean: Gradient
    deviation: Gradient
    skew: Gradient
    kurtosis: Gradient


def normal_risk(weights: FloatArray, returns: FloatArray, level: float) -> tuple[Gradient, Gradient] | str:
    """Return quantile and mean beyond it as if the returns were normal, or the reason why not.

    mean + deviation * z, and mean - deviation * density(z) / (1 - level), with z the (1 - level) quantile of the
    standard normal distribution and the sample deviation (n - 1).

    Args:
        weights: shape (m,), shares of equity.
        returns: shape (n, m), simple returns without NaN, n >= 2.
        level: the confidence, such as 0.95.
    """
    moments = _moments(weights, returns)
    if isinstance(moments, str):
        return moments
    z = _NORMAL.inv_cdf(1.0 - level)
    return _measure(moments, _Multiple(z)), _measure(moments, _Multiple(-_NORMAL.pdf(z) / (1.0 - level)))


def cornish_fisher_risk(weights: FloatArray, returns: FloatArray, level: float) -> tuple[Gradient, Gradient] | str:
    """Return quantile and mean beyond it by Cornish and Fisher's expansion, or the reason why not.

    The quantile is mean + deviation * q(z), q(z) = z + (z^2-1)S/6 + (z^3-3z)K/24 - (2z^3-5z)S^2/36, with skew S and
    excess kurtosis K as pandas corrects them. The mean beyond it is that of q over the standard normal tail,
    -density(z)/(1-level) * (1 + zS/6 + (z^2-1)K/24 - (2z^2-1)S^2/36) deviations from the mean. At 95 % a high
    kurtosis alone makes the quantile milder than the normal one (z^3-3z > 0 there): fat tails thicken what lies
    beyond it. Where q does not rise along the tail (its last hundredth aside) it is no quantile:
    `outside_cornish_fisher_domain`.

    Args:
        weights: shape (m,), shares of equity.
        returns: shape (n, m), simple returns without NaN.
        level: the confidence, such as 0.95.
    """
    if len(returns) < _FEWEST_OF_KURTOSIS:
        return "fewer_than_four_returns"
    moments = _moments(weights, returns)
    if isinstance(moments, str):
        return moments
    z, skew, kurtosis = _NORMAL.inv_cdf(1.0 - level), moments.skew.total, moments.kurtosis.total
    if not _rises(_NORMAL.inv_cdf((1.0 - level) / 100.0), z, skew, kurtosis):
        return "outside_cornish_fisher_domain"
    return _measure(moments, _quantile(z, skew, kurtosis)), _measure(moments, _beyond(z, skew, kurtosis, level))


def _quantile(z: float, skew: float, kurtosis: float) -> _Multiple:
    first, second, third = (z**2 - 1.0) / 6.0, (z**3 - 3.0 * z) / 24.0, (2.0 * z**3 - 5.0 * z) / 36.0
    return _Multiple(z + first * skew + second * kurtosis - third * skew**2, first - 2.0 * third * skew, second)


def _beyond(z: float, skew: float, kurtosis: float, level: float) -> _Multiple:
    """Return the mean of the quantile over the tail: moments of a truncated normal put into its polynomial."""
    scale = -_NORMAL.pdf(z) / (1.0 - level)
    first, second, third = z / 6.0, (z**2 - 1.0) / 24.0, (2.0 * z**2 - 1.0) / 36.0
    value = scale * (1.0 + first * skew + second * kurtosis - third * skew**2)
    return _Multiple(value, scale * (first - 2.0 * third * skew), scale * second)


def _rises(low: float, high: float, skew: float, kurtosis: float) -> bool:
    """Say whether the slope of q, a parabola, is positive from `low` to `high`."""
    square = kurtosis / 8.0 - skew**2 / 6.0
    linear, constant = skew / 3.0, 1.0 - kurtosis / 8.0 + 5.0 * skew**2 / 36.0
    places = [low, high]
    if square > 0.0:
        places.append(min(max(-linear / (2.0 * square), low), high))
    return all((square * place + linear) * place + constant > 0.0 for place in places)


def _measure(moments: _Moments, multiple: _Multiple) -> Gradient:
    """Return mean + deviation * multiple, with its gradient."""
    mean, deviation = moments.mean, moments.deviation
    bend = multiple.by_skew * moments.skew.marginal + multiple.by_kurtosis * moments.kurtosis.marginal
    return Gradient(
        mean.total + deviation.total * multiple.value,
        mean.marginal + deviation.marginal * multiple.value + deviation.total * bend,
    )


def _moments(weights: FloatArray, returns: FloatArray) -> _Moments | str:
    count = len(returns)
    mean = returns.mean(axis=0)
    centred = returns - mean
    own = centred @ weights
    second = float(own @ own)
    deviation = math.sqrt(second / (count - 1))
    if deviation < ZERO_VOLATILITY:
        return "zero_volatility"
    skew, kurtosis = _shape(centred, own, second)
    return _Moments(
        Gradient(float(mean @ weights), mean),
        Gradient(deviation, (own @ centred) / ((count - 1) * deviation)),
        skew,
        kurtosis,
    )


def _shape(centred: FloatArray, own: FloatArray, second: float) -> tuple[Gradient, Gradient]:
    """Return bias-corrected skew and excess kurtosis, as pandas; zeros where the sample is too small for either."""
    count = len(own)
    if count < _FEWEST_OF_KURTOSIS:
        nothing = Gradient(0.0, np.zeros(centred.shape[1]))
        return nothing, nothing
    squares = own * own
    third, fourth = float(squares @ own), float(squares @ squares)
    by_second, by_third, by_fourth = 2.0 * (own @ centred), 3.0 * (squares @ centred), 4.0 * ((squares * own) @ centred)
    of_skew = count * math.sqrt(count - 1) / (count - 2)
    of_kurtosis = count * (count + 1) * (count - 1) / ((count - 2) * (count - 3))
    less = 3.0 * (count - 1) ** 2 / ((count - 2) * (count - 3))
    return (
        Gradient(
            of_skew * third / second**1.5,
            of_skew * (by_third / second**1.5 - 1.5 * third * by_second / second**2.5),
        ),
        Gradient(
            of_kurtosis * fourth / second**2 - less,
            of_kurtosis * (by_fourth / second**2 - 2.0 * fourth * by_second / second**3),
        ),
    )
