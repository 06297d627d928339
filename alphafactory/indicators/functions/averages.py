"""Moving averages beyond the simple and the exponential one. Values are TA-Lib's own."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.plugins import Parameter
from alphafactory.indicators.base import IndicatorFunction, Output, settling_of
from alphafactory.indicators.smoothing import exponential_settling
from alphafactory.indicators.talib_library import talib

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray
    from alphafactory.indicators.computation import Computation

_SLOWEST_ADAPTIVE_WEIGHT = (2.0 / 31.0) ** 2
"""Kaufman's average at its slowest moves by the square of the weight of an exponential average of 30 bars."""


def _volume_weighted(data: Computation, period: int) -> tuple[FloatArray, ...]:
    """Return NaN where nothing was traded in the window, for then no price has a weight."""
    (average,) = talib("VWMA", data.close, data.volume, timeperiod=period)
    (traded,) = talib("SUM", data.volume, timeperiod=period)
    return (np.where(traded > 0.0, average, np.nan),)


WMA = IndicatorFunction(
    name="wma",
    title="Linearly weighted moving average: the newest close weighs `period`, the oldest 1",
    group="overlap",
    inputs=("close",),
    outputs=(Output("wma", unit="price"),),
    parameters={"period": Parameter(20, 1, 2000, "closes in the average")},
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("WMA", data.close, timeperiod=period),
)

DEMA = IndicatorFunction(
    name="dema",
    title="Mulloy's double exponential average: twice the average less the average of the average",
    group="overlap",
    inputs=("close",),
    outputs=(Output("dema", unit="price"),),
    parameters={"period": Parameter(20, 1, 1000, "period of each exponential average")},
    warm_up=lambda period: 2 * (period - 1),
    compute=lambda data, period: talib("DEMA", data.close, timeperiod=period),
    memory="fading",
    settling=lambda period: exponential_settling(period, period),
)

TEMA = IndicatorFunction(
    name="tema",
    title="Mulloy's triple exponential average, which lags less than the double one",
    group="overlap",
    inputs=("close",),
    outputs=(Output("tema", unit="price"),),
    parameters={"period": Parameter(20, 1, 1000, "period of each exponential average")},
    warm_up=lambda period: 3 * (period - 1),
    compute=lambda data, period: talib("TEMA", data.close, timeperiod=period),
    memory="fading",
    settling=lambda period: exponential_settling(period, period, period),
)

TRIMA = IndicatorFunction(
    name="trima",
    title="Triangular moving average: a simple average of a simple average",
    group="overlap",
    inputs=("close",),
    outputs=(Output("trima", unit="price"),),
    parameters={"period": Parameter(20, 1, 2000, "closes in the average")},
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("TRIMA", data.close, timeperiod=period),
)

HULL = IndicatorFunction(
    name="hull_average",
    title="Hull's moving average: weighted averages combined so that they hardly lag",
    group="overlap",
    inputs=("close",),
    outputs=(Output("hull_average", unit="price"),),
    parameters={"period": Parameter(20, 2, 2000, "closes in the longest weighted average")},
    warm_up=lambda period: period - 1 + math.isqrt(period) - 1,
    compute=lambda data, period: talib("HMA", data.close, timeperiod=period),
)

KAMA = IndicatorFunction(
    name="kama",
    title="Kaufman's adaptive average: fast in a straight move, almost still in noise",
    group="overlap",
    inputs=("close",),
    outputs=(Output("kama", unit="price"),),
    parameters={"period": Parameter(10, 2, 2000, "closes over which the move is compared with the way it took")},
    warm_up=lambda period: period,
    compute=lambda data, period: talib("KAMA", data.close, timeperiod=period),
    memory="fading",
    settling=lambda **_: settling_of(_SLOWEST_ADAPTIVE_WEIGHT),
)

T3 = IndicatorFunction(
    name="t3",
    title="Tillson's T3: six exponential averages, combined against their lag",
    group="overlap",
    inputs=("close",),
    outputs=(Output("t3", unit="price"),),
    parameters={
        "period": Parameter(5, 2, 500, "period of each exponential average"),
        "volume_factor": Parameter(0.7, 0.0, 1.0, "how much lag is taken out: 0 none, 1 as the double average does"),
    },
    warm_up=lambda period, **_: 6 * (period - 1),
    compute=lambda data, period, volume_factor: talib("T3", data.close, timeperiod=period, vfactor=volume_factor),
    memory="fading",
    settling=lambda period, **_: exponential_settling(*[period] * 6),
)

ZERO_LAG_EMA = IndicatorFunction(
    name="zero_lag_ema",
    title="Ehlers and Way's zero-lag exponential average, of the close plus its recent change",
    group="overlap",
    inputs=("close",),
    outputs=(Output("zero_lag_ema", unit="price"),),
    parameters={"period": Parameter(20, 2, 1000, "period of the exponential average; half of it is the lag undone")},
    warm_up=lambda period: period - 1 + (period - 1) // 2,
    compute=lambda data, period: talib("ZLEMA", data.close, timeperiod=period),
    memory="fading",
    settling=exponential_settling,
)

VOLUME_WEIGHTED_AVERAGE = IndicatorFunction(
    name="vwma",
    title="Volume-weighted moving average of the close, undefined (NaN) over bars without any trade",
    group="overlap",
    inputs=("close", "volume"),
    outputs=(Output("vwma", unit="price"),),
    parameters={"period": Parameter(20, 2, 2000, "closes in the average")},
    warm_up=lambda period: period - 1,
    compute=_volume_weighted,
)

MESA_ADAPTIVE = IndicatorFunction(
    name="mesa_adaptive_average",
    title="Ehlers' MESA adaptive average and the slower one that follows it; both follow the phase of the cycle",
    group="overlap",
    inputs=("close",),
    outputs=(Output("mama", unit="price"), Output("fama", unit="price")),
    parameters={
        "fast_limit": Parameter(0.5, 0.01, 0.99, "the largest weight of the newest close"),
        "slow_limit": Parameter(0.05, 0.01, 0.99, "the smallest weight of the newest close"),
    },
    warm_up=lambda **_: 32,
    compute=lambda data, fast_limit, slow_limit: talib("MAMA", data.close, fastlimit=fast_limit, slowlimit=slow_limit),
    memory="fading",
    settling=lambda slow_limit, **_: settling_of(slow_limit) + settling_of(slow_limit / 2.0),
)
