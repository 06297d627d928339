"""Oscillators that place the close in its recent range, or weigh its rises against its falls. Values are TA-Lib's own.

Where nothing has moved, or nothing was traded, TA-Lib answers 0, which for some of them is the bottom of the scale.
"""

from __future__ import annotations

from alphafactory.domain.plugins import Parameter
from alphafactory.indicators.base import IndicatorFunction, Output
from alphafactory.indicators.smoothing import exponential_settling, wilder_settling
from alphafactory.indicators.talib_library import talib

STOCHASTIC_FAST = IndicatorFunction(
    name="stochastic_fast",
    title="Lane's fast stochastic: %K as it is, %D its simple average",
    group="momentum",
    inputs=("high", "low", "close"),
    outputs=(
        Output("k", unit="percent", low=0.0, high=100.0),
        Output("d", unit="percent", low=0.0, high=100.0),
    ),
    parameters={
        "period": Parameter(14, 1, 2000, "bars whose range the close is placed in"),
        "signal": Parameter(3, 1, 2000, "values of %K averaged into %D"),
    },
    warm_up=lambda period, signal: period - 1 + signal - 1,
    compute=lambda data, period, signal: talib(
        "STOCHF", data.high, data.low, data.close, fastk_period=period, fastd_period=signal
    ),
)

STOCHASTIC_RSI = IndicatorFunction(
    name="stochastic_rsi",
    title="Chande and Kroll's stochastic RSI: where the RSI stands in its own recent range",
    group="momentum",
    inputs=("close",),
    outputs=(
        Output("k", unit="percent", low=0.0, high=100.0),
        Output("d", unit="percent", low=0.0, high=100.0),
    ),
    parameters={
        "period": Parameter(14, 2, 2000, "period of the RSI"),
        "range_period": Parameter(14, 1, 2000, "values of the RSI whose range it is placed in"),
        "signal": Parameter(3, 1, 2000, "values of %K averaged into %D"),
    },
    warm_up=lambda period, range_period, signal: period + range_period - 1 + signal - 1,
    compute=lambda data, period, range_period, signal: talib(
        "STOCHRSI", data.close, timeperiod=period, fastk_period=range_period, fastd_period=signal
    ),
    memory="fading",
    settling=lambda period, **_: wilder_settling(period),
)

KDJ = IndicatorFunction(
    name="kdj",
    title="KDJ: a stochastic smoothed as Wilder does, and J, which runs ahead of it: three times %K less twice %D",
    group="momentum",
    inputs=("high", "low", "close"),
    outputs=(
        Output("k", unit="percent", low=0.0, high=100.0),
        Output("d", unit="percent", low=0.0, high=100.0),
        Output("j", unit="percent", low=-200.0, high=300.0),
    ),
    parameters={
        "period": Parameter(9, 1, 2000, "bars whose range the close is placed in"),
        "smoothing": Parameter(3, 1, 2000, "Wilder's period from the raw value to %K"),
        "signal": Parameter(3, 1, 2000, "Wilder's period from %K to %D"),
    },
    warm_up=lambda period, smoothing, signal: period - 1 + smoothing - 1 + signal - 1,
    compute=lambda data, period, smoothing, signal: talib(
        "KDJ", data.high, data.low, data.close, fastk_period=period, slowk_period=smoothing, slowd_period=signal
    ),
    memory="fading",
    settling=lambda smoothing, signal, **_: wilder_settling(smoothing, signal),
)

STOCHASTIC_MOMENTUM = IndicatorFunction(
    name="stochastic_momentum",
    title="Blau's stochastic momentum index: the close's distance from the middle of its range, smoothed twice",
    group="momentum",
    inputs=("high", "low", "close"),
    outputs=(
        Output("line", unit="percent", low=-100.0, high=100.0),
        Output("signal", unit="percent", low=-100.0, high=100.0),
    ),
    parameters={
        "period": Parameter(13, 2, 1000, "bars in the range"),
        "fast": Parameter(2, 2, 1000, "period of the second exponential average"),
        "slow": Parameter(25, 2, 1000, "period of the first exponential average"),
        "signal": Parameter(9, 2, 1000, "period of the exponential average of the line"),
    },
    warm_up=lambda period, fast, slow, signal: period - 1 + fast - 1 + slow - 1 + signal - 1,
    compute=lambda data, period, fast, slow, signal: talib(
        "SMI", data.high, data.low, data.close,
        timeperiod=period, fastperiod=fast, slowperiod=slow, signalperiod=signal,
    ),
    memory="fading",
    settling=lambda fast, slow, signal, **_: exponential_settling(fast, slow, signal),
)  # fmt: skip

CCI = IndicatorFunction(
    name="cci",
    title="Lambert's commodity channel index: the typical price's distance from its mean, in mean deviations of 0.015",
    group="momentum",
    inputs=("high", "low", "close"),
    outputs=(Output("cci", unit="ratio"),),
    parameters={"period": Parameter(20, 2, 2000, "bars in the mean and in the deviation")},
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("CCI", data.high, data.low, data.close, timeperiod=period),
)

CMO = IndicatorFunction(
    name="cmo",
    title="Chande's momentum oscillator: sum of gains less sum of losses, over both",
    group="momentum",
    inputs=("close",),
    outputs=(Output("cmo", unit="percent", low=-100.0, high=100.0),),
    parameters={"period": Parameter(14, 2, 2000, "changes of the close in the sums")},
    warm_up=lambda period: period,
    # TA-Lib's CMO smooths as the RSI does and is twice the RSI less 100; this is Chande's own.
    compute=lambda data, period: talib("CMOU", data.close, timeperiod=period),
)

MFI = IndicatorFunction(
    name="mfi",
    title="Quong and Soudack's money flow index: the RSI's question asked of price times volume",
    group="momentum",
    inputs=("high", "low", "close", "volume"),
    outputs=(Output("mfi", unit="percent", low=0.0, high=100.0),),
    parameters={"period": Parameter(14, 2, 2000, "bars whose money flows are summed")},
    warm_up=lambda period: period,
    compute=lambda data, period: talib("MFI", data.high, data.low, data.close, data.volume, timeperiod=period),
)

ULTIMATE_OSCILLATOR = IndicatorFunction(
    name="ultimate_oscillator",
    title="Williams' ultimate oscillator: buying pressure over the true range in three windows, weighted 4, 2, 1",
    group="momentum",
    inputs=("high", "low", "close"),
    outputs=(Output("ultimate_oscillator", unit="percent", low=0.0, high=100.0),),
    parameters={
        "fast": Parameter(7, 1, 2000, "bars in the window that weighs 4"),
        "middle": Parameter(14, 1, 2000, "bars in the window that weighs 2"),
        "slow": Parameter(28, 1, 2000, "bars in the window that weighs 1"),
    },
    warm_up=lambda **periods: max(periods.values()),
    compute=lambda data, fast, middle, slow: talib(
        "ULTOSC", data.high, data.low, data.close, timeperiod1=fast, timeperiod2=middle, timeperiod3=slow
    ),
)

INTRADAY_MOMENTUM = IndicatorFunction(
    name="intraday_momentum",
    title="Chande and Kroll's intraday momentum index: gains from open to close over all such moves",
    group="momentum",
    inputs=("open", "close"),
    outputs=(Output("intraday_momentum", unit="percent", low=0.0, high=100.0),),
    parameters={"period": Parameter(14, 2, 2000, "bars whose candles are summed")},
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("IMI", data.open, data.close, timeperiod=period),
)

TRUE_STRENGTH = IndicatorFunction(
    name="true_strength",
    title="Blau's true strength index: the change of the close over its size, both smoothed twice",
    group="momentum",
    inputs=("close",),
    outputs=(Output("true_strength", unit="percent", low=-100.0, high=100.0),),
    parameters={
        "slow": Parameter(25, 2, 1000, "period of the first exponential average"),
        "fast": Parameter(13, 2, 1000, "period of the second exponential average"),
    },
    warm_up=lambda slow, fast: slow + fast - 1,
    compute=lambda data, slow, fast: talib("TSI", data.close, firstperiod=slow, secondperiod=fast),
    memory="fading",
    settling=exponential_settling,
)

BALANCE_OF_POWER = IndicatorFunction(
    name="balance_of_power",
    title="Livshin's balance of power: the candle's body over its range, signed",
    group="momentum",
    inputs=("open", "high", "low", "close"),
    outputs=(Output("balance_of_power", unit="ratio", low=-1.0, high=1.0),),
    warm_up=lambda: 0,
    compute=lambda data: talib("BOP", data.open, data.high, data.low, data.close),
)
