"""What a window of closes or of returns looks like: place, skew, tails, and how many of its days rose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.plugins import Parameter
from alphafactory.indicators.base import IndicatorFunction, Output
from alphafactory.indicators.rolling import lagged, ratio, rolling_mean, rolling_moments

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray
    from alphafactory.indicators.computation import Computation


def z_score(values: FloatArray, period: int) -> FloatArray:
    """Return the distance of each value from the mean of its window in population standard deviations, (bars,).

    NaN where the window does not move.
    """
    mean, variance = rolling_moments(values, period)
    return ratio(values - mean, np.sqrt(variance))


def _return_moments(data: Computation, period: int) -> tuple[FloatArray, ...]:
    _, variance, third, fourth = rolling_moments(data.value("log_return", period=1), period, highest=4)
    return ratio(third, variance * np.sqrt(variance)), ratio(fourth, variance * variance) - 3.0


def _up_share(data: Computation, period: int) -> tuple[FloatArray, ...]:
    change = data.close - lagged(data.close, 1)
    return (rolling_mean(np.where(np.isnan(change), np.nan, change > 0.0), period),)


def _streak(data: Computation, longest: int) -> tuple[FloatArray, ...]:
    side = np.sign(np.diff(data.close, prepend=data.close[:1]))
    bars = np.arange(len(side))
    turned = np.ones(len(side), dtype=np.bool_)
    turned[1:] = side[1:] != side[:-1]
    length = bars - np.maximum.accumulate(np.where(turned, bars, 0)) + 1
    streak = side * np.minimum(length, longest)
    streak[:longest] = np.nan
    return (streak,)


Z_SCORE = IndicatorFunction(
    name="z_score",
    title="Distance of the close from its simple average, in population standard deviations of the window",
    group="statistic",
    inputs=("close",),
    outputs=(Output("z_score", unit="ratio"),),
    parameters={"period": Parameter(20, 2, 2000, "closes in the window")},
    warm_up=lambda period: period - 1,
    compute=lambda data, period: (z_score(data.close, period),),
)

RETURN_MOMENTS = IndicatorFunction(
    name="return_moments",
    title="Skewness and excess kurtosis of the logarithmic returns, population moments",
    group="statistic",
    inputs=("close",),
    outputs=(Output("skew", unit="ratio"), Output("kurtosis", unit="ratio", low=-2.0)),
    parameters={"period": Parameter(60, 3, 2000, "returns in the window")},
    warm_up=lambda period: period,
    compute=_return_moments,
    uses=("log_return",),
)

UP_SHARE = IndicatorFunction(
    name="up_share",
    title="Share of the bars that closed above the close before",
    group="statistic",
    inputs=("close",),
    outputs=(Output("up_share", unit="ratio", low=0.0, high=1.0),),
    parameters={"period": Parameter(21, 1, 2000, "bars in the window")},
    warm_up=lambda period: period,
    compute=_up_share,
)

STREAK = IndicatorFunction(
    name="streak",
    title="Bars in a row that closed higher (above 0) or lower (below 0), counted up to a number",
    group="statistic",
    inputs=("close",),
    outputs=(Output("streak", unit="bars", kind="flag", low=-2000.0, high=2000.0),),
    parameters={"longest": Parameter(20, 1, 2000, "bars up to which is counted, and the warm-up")},
    warm_up=lambda longest: longest,
    compute=_streak,
)
