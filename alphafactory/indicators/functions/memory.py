"""Whether moves go on or turn back: autocorrelation, variance ratio, Hurst exponent, efficiency.

All of them are about 0, 1, a half, and small on a random walk; above it moves go on, below it they turn back.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.plugins import Parameter
from alphafactory.indicators.base import IndicatorFunction, Output
from alphafactory.indicators.rolling import (
    lagged,
    ratio,
    rolling_correlation,
    rolling_mean,
    rolling_moments,
    rolling_sum,
)

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray
    from alphafactory.indicators.computation import Computation

LAGS = (1, 2, 4, 8, 16)
"""Horizons, in bars, over which the growth of the differences is measured for the Hurst exponent."""


def _autocorrelation(data: Computation, period: int, lag: int) -> tuple[FloatArray, ...]:
    returns = data.value("log_return", period=1)
    return (rolling_correlation(returns, lagged(returns, lag), period),)


def _variance_ratio(data: Computation, period: int, horizon: int) -> tuple[FloatArray, ...]:
    """Divide Lo and MacKinlay's unbiased variances (1988), of overlapping long returns."""
    mean, variance = rolling_moments(data.value("log_return", period=1), period)
    count = period - horizon + 1
    long_mean, long_variance = rolling_moments(data.value("log_return", period=horizon), count)
    squares = count * (long_variance + (long_mean - horizon * mean) ** 2)
    long = squares / (horizon * count * (1.0 - horizon / period))
    return (ratio(long, variance * (period / (period - 1))),)


def _hurst_exponent(data: Computation, period: int) -> tuple[FloatArray, ...]:
    """Half the slope of the logarithm of the mean squared difference on the logarithm of its lag, by least squares."""
    places = np.log(LAGS) - np.mean(np.log(LAGS))
    slope = np.zeros(len(data))
    for place, lag in zip(places, LAGS, strict=True):
        square = rolling_mean(data.value("log_return", period=lag) ** 2, period)
        slope += place * np.log(square, out=np.full(len(data), np.nan), where=square > 0.0)
    return (slope / (2.0 * math.fsum(places**2)),)


def _efficiency_ratio(data: Computation, period: int) -> tuple[FloatArray, ...]:
    way = rolling_sum(np.abs(data.close - lagged(data.close, 1)), period)
    return (np.minimum(ratio(np.abs(data.close - lagged(data.close, period)), way), 1.0),)


AUTOCORRELATION = IndicatorFunction(
    name="return_autocorrelation",
    title="Pearson's correlation of the logarithmic returns with those some bars before",
    group="statistic",
    inputs=("close",),
    outputs=(Output("return_autocorrelation", unit="ratio", low=-1.0, high=1.0),),
    parameters={
        "period": Parameter(60, 2, 2000, "pairs of returns in the window"),
        "lag": Parameter(1, 1, 250, "bars between the returns of a pair"),
    },
    warm_up=lambda period, lag: period + lag,
    compute=_autocorrelation,
    uses=("log_return",),
)

VARIANCE_RATIO = IndicatorFunction(
    name="variance_ratio",
    title="Variance of longer returns, a bar, divided by that of single bars (Lo and MacKinlay, 1988)",
    group="statistic",
    inputs=("close",),
    outputs=(Output("variance_ratio", unit="ratio", low=0.0),),
    parameters={
        "period": Parameter(120, 25, 2000, "returns of one bar in the window"),
        "horizon": Parameter(5, 2, 20, "bars in a longer return"),
    },
    warm_up=lambda period, **_: period,
    compute=_variance_ratio,
    uses=("log_return",),
)

HURST_EXPONENT = IndicatorFunction(
    name="hurst_exponent",
    title="Hurst exponent from the growth of squared log price differences over 1, 2, 4, 8 and 16 bars",
    group="statistic",
    inputs=("close",),
    outputs=(Output("hurst_exponent", unit="ratio"),),
    parameters={"period": Parameter(120, 2, 2000, "differences of each lag in the window")},
    warm_up=lambda period: period + LAGS[-1] - 1,
    compute=_hurst_exponent,
    uses=("log_return",),
)

EFFICIENCY_RATIO = IndicatorFunction(
    name="efficiency_ratio",
    title="Kaufman's efficiency ratio: the distance covered divided by the way walked",
    group="momentum",
    inputs=("close",),
    outputs=(Output("efficiency_ratio", unit="ratio", low=0.0, high=1.0),),
    parameters={"period": Parameter(10, 1, 2000, "bars of the way")},
    warm_up=lambda period: period,
    compute=_efficiency_ratio,
)
