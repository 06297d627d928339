"""Statistic functions: moments of a window of prices. Values are TA-Lib's own."""

from __future__ import annotations

from alphafactory.domain.plugins import Parameter
from alphafactory.indicators.base import IndicatorFunction, Output
from alphafactory.indicators.talib_library import talib

STANDARD_DEVIATION = IndicatorFunction(
    name="standard_deviation",
    title="Population standard deviation of the close",
    group="statistic",
    inputs=("close",),
    outputs=(Output("standard_deviation", unit="price", low=0.0),),
    parameters={"period": Parameter(20, 2, 2000, "closes in the window")},
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("STDDEV", data.close, timeperiod=period, nbdev=1.0),
)
