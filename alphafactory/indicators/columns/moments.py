"""The features of a window's distribution."""

from __future__ import annotations

from alphafactory.indicators.base import IndicatorColumn

PLACES = (
    IndicatorColumn(
        "z_score_20",
        "z_score",
        {"period": 20},
        meaning="Deviations from the month's mean: beyond 2 the rubber band is stretched.",
    ),
    IndicatorColumn(
        "z_score_60",
        "z_score",
        {"period": 60},
        meaning="Deviations from the quarter's mean: a slower stretch, which trends break more often.",
    ),
)

SHAPES = (
    IndicatorColumn(
        "return_skew_60",
        "return_moments",
        {"period": 60},
        output="skew",
        meaning="Below 0 the quarter's shocks were falls: crash-prone, and often paid for.",
    ),
    IndicatorColumn(
        "return_skew_120",
        "return_moments",
        {"period": 120},
        output="skew",
        meaning="Above 0 rare large gains: lottery tickets, which have disappointed on average.",
    ),
    IndicatorColumn(
        "return_kurtosis_60",
        "return_moments",
        {"period": 60},
        output="kurtosis",
        meaning="Above 0 the tails are fat: stops are jumped over more often than the volatility says.",
    ),
    IndicatorColumn(
        "return_kurtosis_120",
        "return_moments",
        {"period": 120},
        output="kurtosis",
        meaning="High over half a year: jumps, mostly of earnings, make this stock's risk.",
    ),
)

DAYS = (
    IndicatorColumn(
        "up_share_21",
        "up_share",
        {"period": 21},
        meaning="Share of rising days of the month: many small gains are a steadier trend than one jump.",
    ),
    IndicatorColumn(
        "up_share_63",
        "up_share",
        {"period": 63},
        meaning="Share of rising days of the quarter: near a half even in most trends.",
    ),
    IndicatorColumn(
        "streak",
        "streak",
        {"longest": 20},
        meaning="Days in a row up or down: after four or five down, a bounce is near in an uptrend.",
    ),
)
