"""The moments and lines of a window of closes."""

from __future__ import annotations

from alphafactory.indicators.base import IndicatorColumn

STATISTICS = (
    IndicatorColumn(
        "variance_20",
        "variance",
        {"period": 20},
        meaning="Scatter of the closes, squared: adds up over days where deviations do not.",
    ),
    IndicatorColumn(
        "linear_regression_14",
        "linear_regression",
        {"period": 14},
        meaning="Where the trend line of three weeks ends: a fair price for today.",
    ),
    IndicatorColumn(
        "linear_regression_slope_14",
        "linear_regression_slope",
        {"period": 14},
        meaning="Money a day that the trend earns: its sign is the direction, its turn the end.",
    ),
    IndicatorColumn(
        "linear_regression_angle_14",
        "linear_regression_angle",
        {"period": 14},
        meaning="The slope as an angle: saturates in wild moves, so that thresholds stay usable.",
    ),
    IndicatorColumn(
        "linear_regression_intercept_14",
        "linear_regression_intercept",
        {"period": 14},
        meaning="Where that line began: the distance to its end is the move of three weeks without noise.",
    ),
    IndicatorColumn(
        "time_series_forecast_14",
        "time_series_forecast",
        {"period": 14},
        meaning="The trend line drawn on to tomorrow: a close far above it has run ahead of itself.",
    ),
    IndicatorColumn(
        "price_volume_correlation_20",
        "price_volume_correlation",
        {"period": 20},
        meaning="Above 0 rises draw volume, which confirms them; below 0 falls do.",
    ),
    IndicatorColumn(
        "median_close_20",
        "percentile",
        {"period": 20, "percent": 50.0},
        meaning="The month's middle close, which one spike cannot move: a sturdier average.",
    ),
    IndicatorColumn(
        "percent_rank_100",
        "percent_rank",
        {"period": 100},
        meaning="How many of the last hundred closes were lower: 100 is a new high, 0 a new low.",
    ),
)
