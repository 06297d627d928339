"""Channels: the extremes of a window, and bands around an average whose width follows the ranges of the bars.

Values are TA-Lib's own. A channel holds the newest bar too; who asks whether a close breaks out of the channel compares
it with the row before.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.plugins import Parameter
from alphafactory.indicators.base import IndicatorFunction, Output
from alphafactory.indicators.smoothing import exponential_settling, wilder_settling
from alphafactory.indicators.talib_library import talib

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray
    from alphafactory.indicators.computation import Computation

_BANDS = (Output("upper", unit="price"), Output("middle", unit="price"), Output("lower", unit="price"))
_WINDOW = {"period": Parameter(20, 2, 2000, "bars in the window, the newest among them")}


def _supertrend(data: Computation, period: int, ranges: float) -> tuple[FloatArray, ...]:
    line, trend = talib("SUPERTREND", data.high, data.low, data.close, timeperiod=period, multiplier=ranges)
    direction = trend.astype(np.float64)
    direction[:period] = np.nan  # TA-Lib writes 0 there, which is no direction
    return line, direction


HIGHEST = IndicatorFunction(
    name="highest",
    title="Highest price of the window",
    group="overlap",
    inputs=("high",),
    outputs=(Output("highest", unit="price"),),
    parameters=_WINDOW,
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("MAX", data.high, timeperiod=period),
)

LOWEST = IndicatorFunction(
    name="lowest",
    title="Lowest price of the window",
    group="overlap",
    inputs=("low",),
    outputs=(Output("lowest", unit="price"),),
    parameters=_WINDOW,
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("MIN", data.low, timeperiod=period),
)

HIGHEST_CLOSE = IndicatorFunction(
    name="highest_close",
    title="Highest close of the window",
    group="overlap",
    inputs=("close",),
    outputs=(Output("highest_close", unit="price"),),
    parameters=_WINDOW,
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("MAX", data.close, timeperiod=period),
)

LOWEST_CLOSE = IndicatorFunction(
    name="lowest_close",
    title="Lowest close of the window",
    group="overlap",
    inputs=("close",),
    outputs=(Output("lowest_close", unit="price"),),
    parameters=_WINDOW,
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("MIN", data.close, timeperiod=period),
)

DONCHIAN = IndicatorFunction(
    name="donchian",
    title="Donchian channel: the window's highest price, its lowest, and the middle of the two",
    group="overlap",
    inputs=("high", "low"),
    outputs=_BANDS,
    parameters=_WINDOW,
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("DONCHIAN", data.high, data.low, timeperiod=period),
)

MIDPOINT = IndicatorFunction(
    name="midpoint",
    title="Middle of the window's highest and lowest close",
    group="overlap",
    inputs=("close",),
    outputs=(Output("midpoint", unit="price"),),
    parameters=_WINDOW,
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("MIDPOINT", data.close, timeperiod=period),
)

KELTNER = IndicatorFunction(
    name="keltner",
    title="Keltner channel: an exponential average of the typical price, and average true ranges around it",
    group="overlap",
    inputs=("high", "low", "close"),
    outputs=_BANDS,
    parameters={
        "period": Parameter(20, 2, 2000, "bars in the average"),
        "range_period": Parameter(10, 1, 2000, "bars in the average true range"),
        "ranges": Parameter(2.0, 0.1, 10.0, "average true ranges from the middle to each band"),
    },
    warm_up=lambda period, range_period, **_: max(period - 1, range_period),
    compute=lambda data, period, range_period, ranges: talib(
        "KC", data.high, data.low, data.close, timeperiod=period, atrperiod=range_period, nbdev=ranges
    ),
    memory="fading",
    settling=lambda period, range_period, **_: max(exponential_settling(period), wilder_settling(range_period)),
)

ACCELERATION_BANDS = IndicatorFunction(
    name="acceleration_bands",
    title="Headley's acceleration bands: averages of highs and lows, widened by the relative range",
    group="overlap",
    inputs=("high", "low", "close"),
    outputs=_BANDS,
    parameters={"period": Parameter(20, 2, 2000, "bars in each average")},
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("ACCBANDS", data.high, data.low, data.close, timeperiod=period),
)

SUPERTREND = IndicatorFunction(
    name="supertrend",
    title="Supertrend: a stop some average true ranges behind the middle of the bar that never moves back",
    group="overlap",
    inputs=("high", "low", "close"),
    outputs=(
        Output("line", unit="price"),
        Output("direction", unit="sign", kind="flag", low=-1.0, high=1.0),
    ),
    parameters={
        "period": Parameter(10, 2, 2000, "bars in the average true range"),
        "ranges": Parameter(3.0, 0.5, 10.0, "average true ranges between price and stop"),
    },
    warm_up=lambda period, **_: period,
    compute=_supertrend,
    memory="fading",
    # The stop forgets the bars before a reversal; a price strays some ranges in about the square of so many bars.
    settling=lambda period, ranges: wilder_settling(period) + math.ceil(4.0 * ranges * ranges),
)
