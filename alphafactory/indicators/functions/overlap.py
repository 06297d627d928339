"""Overlap studies: averages, bands and stops that are drawn on the price itself. Values are TA-Lib's own."""

from __future__ import annotations

import math

from alphafactory.domain.plugins import Parameter
from alphafactory.indicators.base import IndicatorFunction, Output
from alphafactory.indicators.smoothing import exponential_settling
from alphafactory.indicators.talib_library import talib

SMA = IndicatorFunction(
    name="sma",
    title="Simple moving average",
    group="overlap",
    inputs=("close",),
    outputs=(Output("sma", unit="price"),),
    parameters={"period": Parameter(20, 1, 2000, "closes in the average")},
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("SMA", data.close, timeperiod=period),
)

EMA = IndicatorFunction(
    name="ema",
    title="Exponential moving average, seeded by the simple average of its first `period` closes",
    group="overlap",
    inputs=("close",),
    outputs=(Output("ema", unit="price"),),
    parameters={"period": Parameter(20, 1, 2000, "closes in the seed; the weight of the newest is 2 / (period + 1)")},
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("EMA", data.close, timeperiod=period),
    memory="fading",
    settling=exponential_settling,
)

BOLLINGER = IndicatorFunction(
    name="bollinger",
    title="Bollinger bands around the simple average, in population standard deviations",
    group="overlap",
    inputs=("close",),
    outputs=(Output("upper", unit="price"), Output("middle", unit="price"), Output("lower", unit="price")),
    parameters={
        "period": Parameter(20, 2, 2000, "closes in the average and in the deviation"),
        "deviations": Parameter(2.0, 0.1, 10.0, "standard deviations from the middle to each band"),
    },
    warm_up=lambda period, **_: period - 1,
    compute=lambda data, period, deviations: talib(
        "BBANDS", data.close, timeperiod=period, nbdevup=deviations, nbdevdn=deviations
    ),
)

PARABOLIC_SAR = IndicatorFunction(
    name="parabolic_sar",
    title="Wilder's parabolic stop and reverse",
    group="overlap",
    inputs=("high", "low"),
    outputs=(Output("parabolic_sar", unit="price"),),
    parameters={
        "acceleration": Parameter(0.02, 0.001, 1.0, "the first acceleration factor, and its step at each new extreme"),
        "maximum": Parameter(0.2, 0.001, 1.0, "the largest acceleration factor"),
    },
    warm_up=lambda **_: 1,
    compute=lambda data, acceleration, maximum: talib(
        "SAR", data.high, data.low, acceleration=acceleration, maximum=maximum
    ),
    memory="fading",
    # A stop forgets the bars before a reversal, to which it comes in a few times 1 / acceleration bars.
    settling=lambda acceleration, **_: math.ceil(4.0 / acceleration) + 20,
)
