"""Volatility indicators: how far prices travel. Values are TA-Lib's own."""

from __future__ import annotations

from alphafactory.domain.plugins import Parameter
from alphafactory.indicators.base import IndicatorFunction, Output
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
)
