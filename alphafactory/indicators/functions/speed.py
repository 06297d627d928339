"""Momentum as speed: changes of price, and distances between a price and its averages. Values are TA-Lib's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alphafactory.domain.plugins import Parameter
from alphafactory.indicators.base import IndicatorFunction, Output
from alphafactory.indicators.smoothing import exponential_settling
from alphafactory.indicators.talib_library import talib

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray
    from alphafactory.indicators.computation import Computation

_EXPONENTIAL = 1
"""TA-Lib's number for the exponential average."""
_FAST_AND_SLOW = {
    "fast": Parameter(12, 2, 2000, "period of the fast exponential average"),
    "slow": Parameter(26, 2, 2000, "period of the slow exponential average; TA-Lib takes the larger as slow"),
}
_AWESOME = {
    "fast": Parameter(5, 2, 2000, "bars in the fast simple average"),
    "slow": Parameter(34, 2, 2000, "bars in the slow simple average; TA-Lib takes the larger as slow"),
}


def _distance(function: str, data: Computation, fast: int, slow: int) -> tuple[FloatArray, ...]:
    return talib(function, data.close, fastperiod=fast, slowperiod=slow, matype=_EXPONENTIAL)


MOMENTUM = IndicatorFunction(
    name="momentum",
    title="Momentum: the close less the close some bars before",
    group="momentum",
    inputs=("close",),
    outputs=(Output("momentum", unit="price"),),
    parameters={"period": Parameter(10, 1, 2000, "bars between the two closes")},
    warm_up=lambda period: period,
    compute=lambda data, period: talib("MOM", data.close, timeperiod=period),
)

ABSOLUTE_PRICE_OSCILLATOR = IndicatorFunction(
    name="absolute_price_oscillator",
    title="Absolute price oscillator: the fast exponential average less the slow one",
    group="momentum",
    inputs=("close",),
    outputs=(Output("absolute_price_oscillator", unit="price"),),
    parameters=_FAST_AND_SLOW,
    warm_up=lambda fast, slow: max(fast, slow) - 1,
    compute=lambda data, fast, slow: _distance("APO", data, fast, slow),
    memory="fading",
    settling=lambda fast, slow: exponential_settling(max(fast, slow)),
)

PERCENTAGE_PRICE_OSCILLATOR = IndicatorFunction(
    name="percentage_price_oscillator",
    title="Percentage price oscillator: the averages' distance in percent of the slow one",
    group="momentum",
    inputs=("close",),
    outputs=(Output("percentage_price_oscillator", unit="percent"),),
    parameters=_FAST_AND_SLOW,
    warm_up=lambda fast, slow: max(fast, slow) - 1,
    compute=lambda data, fast, slow: _distance("PPO", data, fast, slow),
    memory="fading",
    settling=lambda fast, slow: exponential_settling(max(fast, slow)),
)

TRIX = IndicatorFunction(
    name="trix",
    title="Hutson's TRIX: the day's change, in percent, of an exponential average that is smoothed three times",
    group="momentum",
    inputs=("close",),
    outputs=(Output("trix", unit="percent"),),
    parameters={"period": Parameter(15, 1, 600, "period of each exponential average")},
    warm_up=lambda period: 3 * (period - 1) + 1,
    compute=lambda data, period: talib("TRIX", data.close, timeperiod=period),
    memory="fading",
    settling=lambda period: exponential_settling(period, period, period),
)

AWESOME_OSCILLATOR = IndicatorFunction(
    name="awesome_oscillator",
    title="Bill Williams' awesome oscillator: the difference of two simple averages of the bars' middles",
    group="momentum",
    inputs=("high", "low"),
    outputs=(Output("awesome_oscillator", unit="price"),),
    parameters=_AWESOME,
    warm_up=lambda fast, slow: max(fast, slow) - 1,
    compute=lambda data, fast, slow: talib("AO", data.high, data.low, fastperiod=fast, slowperiod=slow),
)

ACCELERATOR_OSCILLATOR = IndicatorFunction(
    name="accelerator_oscillator",
    title="Bill Williams' accelerator: the awesome oscillator less its own simple average",
    group="momentum",
    inputs=("high", "low"),
    outputs=(Output("accelerator_oscillator", unit="price"),),
    parameters={**_AWESOME, "signal": Parameter(5, 2, 2000, "values of the awesome oscillator averaged")},
    warm_up=lambda fast, slow, signal: max(fast, slow) - 1 + signal - 1,
    compute=lambda data, fast, slow, signal: talib(
        "AC", data.high, data.low, fastperiod=fast, slowperiod=slow, signalperiod=signal
    ),
)

COPPOCK = IndicatorFunction(
    name="coppock",
    title="Coppock's curve: a weighted average of the sum of two rates of change",
    group="momentum",
    inputs=("close",),
    outputs=(Output("coppock", unit="percent"),),
    parameters={
        "smoothing": Parameter(10, 1, 2000, "sums in the weighted average"),
        "fast": Parameter(11, 1, 2000, "bars of the short rate of change"),
        "slow": Parameter(14, 1, 2000, "bars of the long rate of change"),
    },
    warm_up=lambda smoothing, fast, slow: max(fast, slow) + smoothing - 1,
    compute=lambda data, smoothing, fast, slow: talib(
        "COPPOCK", data.close, wmaperiod=smoothing, roc1period=fast, roc2period=slow
    ),
)

DETRENDED_PRICE = IndicatorFunction(
    name="detrended_price",
    title="Detrended price oscillator: the close half a window ago less the average of the window until now",
    group="momentum",
    inputs=("close",),
    outputs=(Output("detrended_price", unit="price"),),
    parameters={"period": Parameter(20, 3, 2000, "closes in the average")},
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("DPO", data.close, timeperiod=period),
)

FORECAST_OSCILLATOR = IndicatorFunction(
    name="forecast_oscillator",
    title="Chande's forecast oscillator: the close's distance from what a line through the bars before foretold",
    group="momentum",
    inputs=("close",),
    outputs=(Output("forecast_oscillator", unit="percent"),),
    parameters={"period": Parameter(14, 2, 2000, "closes that the line is fitted to")},
    warm_up=lambda period: period,
    compute=lambda data, period: talib("FOSC", data.close, timeperiod=period),
)

ELDER_RAY = IndicatorFunction(
    name="elder_ray",
    title="Elder ray: the bar's high and low above the exponential average of the close",
    group="momentum",
    inputs=("high", "low", "close"),
    outputs=(Output("bull_power", unit="price"), Output("bear_power", unit="price")),
    parameters={"period": Parameter(13, 1, 2000, "period of the exponential average")},
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("ERI", data.high, data.low, data.close, timeperiod=period),
    memory="fading",
    settling=exponential_settling,
)

QSTICK = IndicatorFunction(
    name="qstick",
    title="Chande's Qstick: the mean of closes less opens",
    group="momentum",
    inputs=("open", "close"),
    outputs=(Output("qstick", unit="price"),),
    parameters={"period": Parameter(10, 1, 2000, "candles in the mean")},
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("QSTICK", data.open, data.close, timeperiod=period),
)
