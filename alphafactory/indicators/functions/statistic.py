"""Statistic functions: moments of a window of prices. Values are TA-Lib's own."""

from __future__ import annotations

from alphafactory.domain.plugins import Parameter
from alphafactory.indicators.base import IndicatorFunction, Output
from alphafactory.indicators.talib_library import talib

_FITTED = {"period": Parameter(14, 2, 2000, "closes that the line is fitted to")}

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

VARIANCE = IndicatorFunction(
    name="variance",
    title="Population variance of the close",
    group="statistic",
    inputs=("close",),
    outputs=(Output("variance", unit="price", low=0.0),),
    parameters={"period": Parameter(20, 2, 2000, "closes in the window")},
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("VAR", data.close, timeperiod=period),
)

LINEAR_REGRESSION = IndicatorFunction(
    name="linear_regression",
    title="End of the least-squares line through the closes",
    group="statistic",
    inputs=("close",),
    outputs=(Output("linear_regression", unit="price"),),
    parameters=_FITTED,
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("LINEARREG", data.close, timeperiod=period),
)

LINEAR_REGRESSION_SLOPE = IndicatorFunction(
    name="linear_regression_slope",
    title="Slope of the least-squares line through the closes, money a bar",
    group="statistic",
    inputs=("close",),
    outputs=(Output("linear_regression_slope", unit="price"),),
    parameters=_FITTED,
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("LINEARREG_SLOPE", data.close, timeperiod=period),
)

LINEAR_REGRESSION_ANGLE = IndicatorFunction(
    name="linear_regression_angle",
    title="Angle of that line in degrees, a bar and a unit of money drawn equally long",
    group="statistic",
    inputs=("close",),
    outputs=(Output("linear_regression_angle", unit="degrees", low=-90.0, high=90.0),),
    parameters=_FITTED,
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("LINEARREG_ANGLE", data.close, timeperiod=period),
)

LINEAR_REGRESSION_INTERCEPT = IndicatorFunction(
    name="linear_regression_intercept",
    title="Beginning of the least-squares line through the closes",
    group="statistic",
    inputs=("close",),
    outputs=(Output("linear_regression_intercept", unit="price"),),
    parameters=_FITTED,
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("LINEARREG_INTERCEPT", data.close, timeperiod=period),
)

TIME_SERIES_FORECAST = IndicatorFunction(
    name="time_series_forecast",
    title="The least-squares line through the closes, drawn on to the next bar",
    group="statistic",
    inputs=("close",),
    outputs=(Output("time_series_forecast", unit="price"),),
    parameters=_FITTED,
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("TSF", data.close, timeperiod=period),
)

PRICE_VOLUME_CORRELATION = IndicatorFunction(
    name="price_volume_correlation",
    title="Pearson's correlation of close and volume, 0 where one of them stands still",
    group="statistic",
    inputs=("close", "volume"),
    outputs=(Output("price_volume_correlation", unit="ratio", low=-1.0, high=1.0),),
    parameters={"period": Parameter(20, 3, 2000, "bars in the window")},
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("CORREL", data.close, data.volume, timeperiod=period),
)

PERCENTILE = IndicatorFunction(
    name="percentile",
    title="Percentile of the closes in the window by the nearest rank",
    group="statistic",
    inputs=("close",),
    outputs=(Output("percentile", unit="price"),),
    parameters={
        "period": Parameter(20, 2, 2000, "closes in the window"),
        "percent": Parameter(50.0, 0.0, 100.0, "share of the closes that lie below, 50 for the median"),
    },
    warm_up=lambda period, **_: period - 1,
    compute=lambda data, period, percent: talib("PERCENTILE", data.close, timeperiod=period, percentile=percent),
)

PERCENT_RANK = IndicatorFunction(
    name="percent_rank",
    title="Share of the closes before, in percent, that lie below the newest",
    group="statistic",
    inputs=("close",),
    outputs=(Output("percent_rank", unit="percent", low=0.0, high=100.0),),
    parameters={"period": Parameter(100, 2, 2000, "closes before the newest")},
    warm_up=lambda period: period,
    compute=lambda data, period: talib("PERCENTRANK", data.close, timeperiod=period),
)
