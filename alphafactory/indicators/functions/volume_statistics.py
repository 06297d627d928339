"""Volume beside its own past, trade in money, and what a trade moves the price by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.plugins import Parameter
from alphafactory.indicators.base import IndicatorFunction, Output
from alphafactory.indicators.functions.moments import z_score
from alphafactory.indicators.rolling import lagged, ratio, rolling_correlation, rolling_mean, rolling_sum

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray
    from alphafactory.indicators.computation import Computation

PER_MILLION = 1e6
"""Amihud's measure is quoted for a million of the currency, as a single unit moves nothing one could read."""


def _volume_ratio(data: Computation, period: int) -> tuple[FloatArray, ...]:
    return (ratio(data.volume, rolling_mean(lagged(data.volume, 1), period)),)


def _illiquidity(data: Computation, period: int) -> tuple[FloatArray, ...]:
    change = np.abs(data.close / lagged(data.close, 1) - 1.0)
    money = data.close * data.volume
    traded = money > 0.0
    impact = np.divide(change, money, out=np.where(np.isnan(change), np.nan, 0.0), where=traded)
    return (PER_MILLION * ratio(rolling_sum(impact, period), rolling_sum(traded.astype(np.float64), period)),)


def _up_volume_share(data: Computation, period: int) -> tuple[FloatArray, ...]:
    change = data.close - lagged(data.close, 1)
    rising = np.where(np.isnan(change), np.nan, data.volume * (change > 0.0))
    return (ratio(rolling_sum(rising, period), rolling_sum(data.volume, period)),)


def _close_to_vwap(data: Computation, period: int) -> tuple[FloatArray, ...]:
    typical = (data.high + data.low + data.close) / 3.0
    average = ratio(rolling_sum(typical * data.volume, period), rolling_sum(data.volume, period))
    return (data.close / average - 1.0,)


def _volume_correlation(data: Computation, period: int) -> tuple[FloatArray, ...]:
    return (rolling_correlation(data.value("log_return", period=1), data.volume, period),)


VOLUME_Z_SCORE = IndicatorFunction(
    name="volume_z_score",
    title="Distance of the volume from its simple average, in population standard deviations of the window",
    group="volume",
    inputs=("volume",),
    outputs=(Output("volume_z_score", unit="ratio"),),
    parameters={"period": Parameter(20, 2, 2000, "bars in the window")},
    warm_up=lambda period: period - 1,
    compute=lambda data, period: (z_score(data.volume, period),),
)

VOLUME_RATIO = IndicatorFunction(
    name="volume_ratio",
    title="Volume divided by the average of the bars before it",
    group="volume",
    inputs=("volume",),
    outputs=(Output("volume_ratio", unit="ratio", low=0.0),),
    parameters={"period": Parameter(20, 1, 2000, "bars in the average, the newest not among them")},
    warm_up=lambda period: period,
    compute=_volume_ratio,
)

MONEY_VOLUME = IndicatorFunction(
    name="dollar_volume",
    title="Average of close times volume: money traded a bar",
    group="volume",
    inputs=("close", "volume"),
    outputs=(Output("dollar_volume", unit="money", low=0.0),),
    parameters={"period": Parameter(20, 1, 2000, "bars in the average")},
    warm_up=lambda period: period - 1,
    compute=lambda data, period: (rolling_mean(data.close * data.volume, period),),
)

ILLIQUIDITY = IndicatorFunction(
    name="amihud_illiquidity",
    title="Average absolute return for a million traded, over the bars with trade (Amihud, 2002)",
    group="volume",
    inputs=("close", "volume"),
    outputs=(Output("amihud_illiquidity", unit="ratio", low=0.0),),
    parameters={"period": Parameter(21, 1, 2000, "bars in the average")},
    warm_up=lambda period: period,
    compute=_illiquidity,
)

UP_VOLUME_SHARE = IndicatorFunction(
    name="up_volume_share",
    title="Share of the volume that was traded on bars that closed higher",
    group="volume",
    inputs=("close", "volume"),
    outputs=(Output("up_volume_share", unit="ratio", low=0.0, high=1.0),),
    parameters={"period": Parameter(21, 1, 2000, "bars in the window")},
    warm_up=lambda period: period,
    compute=_up_volume_share,
)

CLOSE_TO_VWAP = IndicatorFunction(
    name="close_to_vwap",
    title="Close divided by the volume-weighted average of the typical price, less 1",
    group="volume",
    inputs=("high", "low", "close", "volume"),
    outputs=(Output("close_to_vwap", unit="ratio", low=-1.0),),
    parameters={"period": Parameter(20, 1, 2000, "bars in the average")},
    warm_up=lambda period: period - 1,
    compute=_close_to_vwap,
)

VOLUME_CORRELATION = IndicatorFunction(
    name="return_volume_correlation",
    title="Pearson's correlation of the logarithmic return with the volume",
    group="volume",
    inputs=("close", "volume"),
    outputs=(Output("return_volume_correlation", unit="ratio", low=-1.0, high=1.0),),
    parameters={"period": Parameter(20, 2, 2000, "bars in the window")},
    warm_up=lambda period: period,
    compute=_volume_correlation,
    uses=("log_return",),
)
