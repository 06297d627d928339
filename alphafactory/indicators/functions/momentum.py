"""Momentum indicators: speed and strength of a move. Values are TA-Lib's own.

Where a price has never moved, TA-Lib answers 0 for RSI, the stochastic, Williams' %R and ADX: none of them is
undefined.
"""

from __future__ import annotations

from alphafactory.domain.plugins import Parameter
from alphafactory.indicators.base import IndicatorFunction, Output
from alphafactory.indicators.smoothing import exponential_settling, wilder_settling
from alphafactory.indicators.talib_library import talib

RSI = IndicatorFunction(
    name="rsi",
    title="Wilder's relative strength index",
    group="momentum",
    inputs=("close",),
    outputs=(Output("rsi", unit="percent", low=0.0, high=100.0),),
    parameters={"period": Parameter(14, 2, 2000, "closes over which gains and losses are smoothed")},
    warm_up=lambda period: period,
    compute=lambda data, period: talib("RSI", data.close, timeperiod=period),
    memory="fading",
    settling=wilder_settling,
)

MACD = IndicatorFunction(
    name="macd",
    title="Moving average convergence/divergence",
    group="momentum",
    inputs=("close",),
    outputs=(Output("line", unit="price"), Output("signal", unit="price"), Output("histogram", unit="price")),
    parameters={
        "fast": Parameter(12, 2, 2000, "period of the fast exponential average"),
        "slow": Parameter(26, 2, 2000, "period of the slow exponential average; TA-Lib takes the larger as slow"),
        "signal": Parameter(9, 1, 2000, "period of the exponential average of the line"),
    },
    warm_up=lambda fast, slow, signal: max(fast, slow) - 1 + signal - 1,
    compute=lambda data, fast, slow, signal: talib(
        "MACD", data.close, fastperiod=fast, slowperiod=slow, signalperiod=signal
    ),
    memory="fading",
    settling=lambda fast, slow, signal: exponential_settling(max(fast, slow), signal),
)

STOCHASTIC = IndicatorFunction(
    name="stochastic",
    title="Lane's slow stochastic, smoothed by simple averages",
    group="momentum",
    inputs=("high", "low", "close"),
    outputs=(
        Output("k", unit="percent", low=0.0, high=100.0),
        Output("d", unit="percent", low=0.0, high=100.0),
    ),
    parameters={
        "period": Parameter(14, 1, 2000, "bars whose range the close is placed in"),
        "smoothing": Parameter(3, 1, 2000, "bars averaged into %K"),
        "signal": Parameter(3, 1, 2000, "values of %K averaged into %D"),
    },
    warm_up=lambda period, smoothing, signal: period - 1 + smoothing - 1 + signal - 1,
    compute=lambda data, period, smoothing, signal: talib(
        "STOCH", data.high, data.low, data.close, fastk_period=period, slowk_period=smoothing, slowd_period=signal
    ),
)

WILLIAMS_R = IndicatorFunction(
    name="williams_r",
    title="Williams' %R",
    group="momentum",
    inputs=("high", "low", "close"),
    outputs=(Output("williams_r", unit="percent", low=-100.0, high=0.0),),
    parameters={"period": Parameter(14, 2, 2000, "bars whose range the close is placed in")},
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("WILLR", data.high, data.low, data.close, timeperiod=period),
)

ROC = IndicatorFunction(
    name="roc",
    title="Rate of change of the close",
    group="momentum",
    inputs=("close",),
    outputs=(Output("roc", unit="percent", low=-100.0),),
    parameters={"period": Parameter(10, 1, 2000, "bars between the two closes")},
    warm_up=lambda period: period,
    compute=lambda data, period: talib("ROC", data.close, timeperiod=period),
)

ADX = IndicatorFunction(
    name="adx",
    title="Wilder's average directional movement index",
    group="momentum",
    inputs=("high", "low", "close"),
    outputs=(Output("adx", unit="percent", low=0.0, high=100.0),),
    parameters={"period": Parameter(14, 2, 2000, "bars of each of the smoothings")},
    warm_up=lambda period: 2 * period - 1,
    compute=lambda data, period: talib("ADX", data.high, data.low, data.close, timeperiod=period),
    memory="fading",
    settling=lambda period: wilder_settling(period, period),
)
