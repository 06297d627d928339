"""Prices that stand for a whole bar. Values are TA-Lib's own."""

from __future__ import annotations

from alphafactory.domain.plugins import Parameter
from alphafactory.indicators.base import IndicatorFunction, Output, settling_of
from alphafactory.indicators.talib_library import talib

AVERAGE_PRICE = IndicatorFunction(
    name="average_price",
    title="Mean of open, high, low and close",
    group="price",
    inputs=("open", "high", "low", "close"),
    outputs=(Output("average_price", unit="price"),),
    warm_up=lambda: 0,
    compute=lambda data: talib("AVGPRICE", data.open, data.high, data.low, data.close),
)

MEDIAN_PRICE = IndicatorFunction(
    name="median_price",
    title="Middle of high and low",
    group="price",
    inputs=("high", "low"),
    outputs=(Output("median_price", unit="price"),),
    warm_up=lambda: 0,
    compute=lambda data: talib("MEDPRICE", data.high, data.low),
)

TYPICAL_PRICE = IndicatorFunction(
    name="typical_price",
    title="Mean of high, low and close",
    group="price",
    inputs=("high", "low", "close"),
    outputs=(Output("typical_price", unit="price"),),
    warm_up=lambda: 0,
    compute=lambda data: talib("TYPPRICE", data.high, data.low, data.close),
)

WEIGHTED_CLOSE = IndicatorFunction(
    name="weighted_close",
    title="Mean of high, low and twice the close",
    group="price",
    inputs=("high", "low", "close"),
    outputs=(Output("weighted_close", unit="price"),),
    warm_up=lambda: 0,
    compute=lambda data: talib("WCLPRICE", data.high, data.low, data.close),
)

MIDPRICE = IndicatorFunction(
    name="midprice",
    title="Middle of the window's highest and lowest price",
    group="overlap",
    inputs=("high", "low"),
    outputs=(Output("midprice", unit="price"),),
    parameters={"period": Parameter(14, 2, 2000, "bars in the window")},
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("MIDPRICE", data.high, data.low, timeperiod=period),
)

AVERAGE_DEVIATION = IndicatorFunction(
    name="average_deviation",
    title="Mean distance of the closes from their mean",
    group="price",
    inputs=("close",),
    outputs=(Output("average_deviation", unit="price", low=0.0),),
    parameters={"period": Parameter(14, 2, 2000, "closes in the window")},
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("AVGDEV", data.close, timeperiod=period),
)

HEIKIN_ASHI = IndicatorFunction(
    name="heikin_ashi",
    title="Heikin-Ashi candle: it opens in the middle of the one before and closes at the bar's mean price",
    group="price",
    inputs=("open", "high", "low", "close"),
    outputs=(
        Output("open", unit="price"),
        Output("high", unit="price"),
        Output("low", unit="price"),
        Output("close", unit="price"),
    ),
    warm_up=lambda: 0,
    compute=lambda data: talib("HA", data.open, data.high, data.low, data.close),
    memory="fading",
    settling=lambda: settling_of(0.5),
)
