"""Volume indicators: who is behind a move. Values are TA-Lib's own.

On-balance volume, the accumulation/distribution line and others that are called endless are sums since the first bar.
Their level depends on where history begins; only their changes speak.
"""

from __future__ import annotations

from alphafactory.domain.plugins import Parameter
from alphafactory.indicators.base import IndicatorFunction, Output
from alphafactory.indicators.smoothing import exponential_settling
from alphafactory.indicators.talib_library import talib

_EXPONENTIAL = 1
"""TA-Lib's number for the exponential average."""

OBV = IndicatorFunction(
    name="obv",
    title="Granville's on-balance volume, beginning with the first bar's volume",
    group="volume",
    inputs=("close", "volume"),
    outputs=(Output("obv", unit="shares"),),
    warm_up=lambda: 0,
    compute=lambda data: talib("OBV", data.close, data.volume),
    memory="endless",
)

AD_LINE = IndicatorFunction(
    name="ad_line",
    title="Chaikin's accumulation/distribution line",
    group="volume",
    inputs=("high", "low", "close", "volume"),
    outputs=(Output("ad_line", unit="shares"),),
    warm_up=lambda: 0,
    compute=lambda data: talib("AD", data.high, data.low, data.close, data.volume),
    memory="endless",
)

ADOSC = IndicatorFunction(
    name="adosc",
    title="Chaikin's accumulation/distribution oscillator",
    group="volume",
    inputs=("high", "low", "close", "volume"),
    outputs=(Output("adosc", unit="shares"),),
    parameters={
        "fast": Parameter(3, 2, 2000, "period of the fast exponential average of the line"),
        "slow": Parameter(10, 2, 2000, "period of the slow exponential average of the line"),
    },
    warm_up=lambda fast, slow: max(fast, slow) - 1,
    compute=lambda data, fast, slow: talib(
        "ADOSC", data.high, data.low, data.close, data.volume, fastperiod=fast, slowperiod=slow
    ),
    memory="fading",
    settling=lambda fast, slow: exponential_settling(max(fast, slow)),
)

CHAIKIN_MONEY_FLOW = IndicatorFunction(
    name="chaikin_money_flow",
    title="Chaikin's money flow: volume weighted by where the close falls in the range, as a share of all volume",
    group="volume",
    inputs=("high", "low", "close", "volume"),
    outputs=(Output("chaikin_money_flow", unit="ratio", low=-1.0, high=1.0),),
    parameters={"period": Parameter(20, 2, 2000, "bars whose volumes are summed")},
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("CMF", data.high, data.low, data.close, data.volume, timeperiod=period),
)

FORCE_INDEX = IndicatorFunction(
    name="force_index",
    title="Elder's force index: the change of the close times the volume, smoothed exponentially",
    group="volume",
    inputs=("close", "volume"),
    outputs=(Output("force_index", unit="money"),),
    parameters={"period": Parameter(13, 1, 2000, "period of the exponential average")},
    warm_up=lambda period: period,
    compute=lambda data, period: talib("EFI", data.close, data.volume, timeperiod=period),
    memory="fading",
    settling=exponential_settling,
)

MARKET_FACILITATION = IndicatorFunction(
    name="market_facilitation",
    title="Bill Williams' market facilitation index: the bar's range a share traded, 0 without trades",
    group="volume",
    inputs=("high", "low", "volume"),
    outputs=(Output("market_facilitation", unit="price", low=0.0),),
    warm_up=lambda: 0,
    compute=lambda data: talib("MARKETFI", data.high, data.low, data.volume),
)

PERCENTAGE_VOLUME_OSCILLATOR = IndicatorFunction(
    name="percentage_volume_oscillator",
    title="Percentage volume oscillator: two exponential averages' distance, in percent of the slow one",
    group="volume",
    inputs=("volume",),
    outputs=(Output("percentage_volume_oscillator", unit="percent"),),
    parameters={
        "fast": Parameter(12, 2, 2000, "period of the fast exponential average"),
        "slow": Parameter(26, 2, 2000, "period of the slow exponential average; TA-Lib takes the larger as slow"),
    },
    warm_up=lambda fast, slow: max(fast, slow) - 1,
    compute=lambda data, fast, slow: talib("PVO", data.volume, fastperiod=fast, slowperiod=slow, matype=_EXPONENTIAL),
    memory="fading",
    settling=lambda fast, slow: exponential_settling(max(fast, slow)),
)

PRICE_VOLUME_TREND = IndicatorFunction(
    name="price_volume_trend",
    title="Price volume trend: volume times the relative change of the close, summed since the first bar",
    group="volume",
    inputs=("close", "volume"),
    outputs=(Output("price_volume_trend", unit="shares"),),
    warm_up=lambda: 0,
    compute=lambda data: talib("PVT", data.close, data.volume),
    memory="endless",
)

NEGATIVE_VOLUME_INDEX = IndicatorFunction(
    name="negative_volume_index",
    title="Dysart's negative volume index: the returns of days of falling volume, compounded from 1000",
    group="volume",
    inputs=("close", "volume"),
    outputs=(Output("negative_volume_index", unit="ratio", low=0.0),),
    warm_up=lambda: 0,
    compute=lambda data: talib("NVI", data.close, data.volume),
    memory="endless",
)

POSITIVE_VOLUME_INDEX = IndicatorFunction(
    name="positive_volume_index",
    title="Dysart's positive volume index: the returns of days of rising volume, compounded from 1000",
    group="volume",
    inputs=("close", "volume"),
    outputs=(Output("positive_volume_index", unit="ratio", low=0.0),),
    warm_up=lambda: 0,
    compute=lambda data: talib("PVI", data.close, data.volume),
    memory="endless",
)

WILLIAMS_ACCUMULATION = IndicatorFunction(
    name="williams_accumulation",
    title="Williams' accumulation/distribution: closes above the true low, less those below the true high, summed",
    group="momentum",
    inputs=("high", "low", "close"),
    outputs=(Output("williams_accumulation", unit="price"),),
    warm_up=lambda: 0,
    compute=lambda data: talib("WAD", data.high, data.low, data.close),
    memory="endless",
)
