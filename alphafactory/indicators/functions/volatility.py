"""Volatility indicators: how far prices travel. Values are TA-Lib's own."""

from __future__ import annotations

from alphafactory.domain.plugins import Parameter
from alphafactory.indicators.base import IndicatorFunction, Output
from alphafactory.indicators.smoothing import exponential_settling, wilder_settling
from alphafactory.indicators.talib_library import talib

ATR = IndicatorFunction(
    name="atr",
    title="Wilder's average true range",
    group="volatility",
    inputs=("high", "low", "close"),
    outputs=(Output("atr", unit="price", low=0.0),),
    parameters={"period": Parameter(14, 1, 2000, "bars over which the true range is smoothed")},
    warm_up=lambda period: period,
    compute=lambda data, period: talib("ATR", data.high, data.low, data.close, timeperiod=period),
    memory="fading",
    settling=wilder_settling,
)

NATR = IndicatorFunction(
    name="natr",
    title="Average true range in percent of the close",
    group="volatility",
    inputs=("high", "low", "close"),
    outputs=(Output("natr", unit="percent", low=0.0),),
    parameters={"period": Parameter(14, 1, 2000, "bars over which the true range is smoothed")},
    warm_up=lambda period: period,
    compute=lambda data, period: talib("NATR", data.high, data.low, data.close, timeperiod=period),
    memory="fading",
    settling=wilder_settling,
)

TRUE_RANGE = IndicatorFunction(
    name="true_range",
    title="Wilder's true range: the bar's range, widened to the close before",
    group="volatility",
    inputs=("high", "low", "close"),
    outputs=(Output("true_range", unit="price", low=0.0),),
    warm_up=lambda: 1,
    compute=lambda data: talib("TRANGE", data.high, data.low, data.close),
)

AVERAGE_DAY_RANGE = IndicatorFunction(
    name="average_day_range",
    title="Simple average of high less low",
    group="volatility",
    inputs=("high", "low"),
    outputs=(Output("average_day_range", unit="price", low=0.0),),
    parameters={"period": Parameter(14, 1, 2000, "bars in the average")},
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("ADR", data.high, data.low, timeperiod=period),
)

CHAIKIN_VOLATILITY = IndicatorFunction(
    name="chaikin_volatility",
    title="Chaikin's volatility: the rate of change of an exponential average of high less low",
    group="volatility",
    inputs=("high", "low"),
    outputs=(Output("chaikin_volatility", unit="percent", low=-100.0),),
    parameters={
        "period": Parameter(10, 2, 2000, "period of the exponential average"),
        "change": Parameter(10, 1, 2000, "bars between the two averages compared"),
    },
    warm_up=lambda period, change: period - 1 + change,
    compute=lambda data, period, change: talib("CVI", data.high, data.low, timeperiod=period, rocperiod=change),
    memory="fading",
    settling=lambda period, **_: exponential_settling(period),
)

MASS_INDEX = IndicatorFunction(
    name="mass_index",
    title="Dorsey's mass index: the range's average over the average of that average, summed",
    group="volatility",
    inputs=("high", "low"),
    outputs=(Output("mass_index", unit="ratio", low=0.0),),
    parameters={
        "period": Parameter(9, 2, 1000, "period of each exponential average"),
        "total": Parameter(25, 2, 2000, "ratios summed"),
    },
    warm_up=lambda period, total: 2 * (period - 1) + total - 1,
    compute=lambda data, period, total: talib("MASSI", data.high, data.low, fastperiod=period, slowperiod=total),
    memory="fading",
    settling=lambda period, **_: exponential_settling(period, period),
)

RELATIVE_VOLATILITY = IndicatorFunction(
    name="relative_volatility",
    title="Dorsey's relative volatility index: deviations of rising closes over all, smoothed as the RSI is",
    group="volatility",
    inputs=("close",),
    outputs=(Output("relative_volatility", unit="percent", low=0.0, high=100.0),),
    parameters={
        "period": Parameter(14, 1, 1000, "bars of Wilder's smoothing"),
        "deviation_period": Parameter(10, 2, 1000, "closes in each standard deviation"),
    },
    warm_up=lambda period, deviation_period: period - 1 + deviation_period - 1,
    compute=lambda data, period, deviation_period: talib(
        "RVI", data.close, timeperiod=period, stddevperiod=deviation_period
    ),
    memory="fading",
    settling=lambda period, **_: wilder_settling(period),
)
