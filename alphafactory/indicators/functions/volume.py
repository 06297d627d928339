"""Volume indicators: who is behind a move. Values are TA-Lib's own.

On-balance volume and the accumulation/distribution line are sums since the first bar. Their level depends on where
history begins; only their changes speak.
"""

from __future__ import annotations

from alphafactory.domain.plugins import Parameter
from alphafactory.indicators.base import IndicatorFunction, Output
from alphafactory.indicators.talib_library import talib

OBV = IndicatorFunction(
    name="obv",
    title="Granville's on-balance volume, beginning with the first bar's volume",
    group="volume",
    inputs=("close", "volume"),
    outputs=(Output("obv", unit="shares"),),
    warm_up=lambda: 0,
    compute=lambda data: talib("OBV", data.close, data.volume),
)

AD_LINE = IndicatorFunction(
    name="ad_line",
    title="Chaikin's accumulation/distribution line",
    group="volume",
    inputs=("high", "low", "close", "volume"),
    outputs=(Output("ad_line", unit="shares"),),
    warm_up=lambda: 0,
    compute=lambda data: talib("AD", data.high, data.low, data.close, data.volume),
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
)
