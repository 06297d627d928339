"""The features of persistence: do moves go on or turn back."""

from __future__ import annotations

from alphafactory.indicators.base import IndicatorColumn

PERSISTENCE = (
    IndicatorColumn(
        "return_autocorrelation_1",
        "return_autocorrelation",
        {"period": 60, "lag": 1},
        meaning="Below 0 yesterday's move is given back, above 0 it is followed.",
    ),
    IndicatorColumn(
        "return_autocorrelation_5",
        "return_autocorrelation",
        {"period": 60, "lag": 5},
        meaning="Whether the same day of last week echoes: weekly flows of funds show here.",
    ),
    IndicatorColumn(
        "variance_ratio_5",
        "variance_ratio",
        {"period": 120, "horizon": 5},
        meaning="Above 1 days add up to trending weeks, below 1 weeks undo their days.",
    ),
    IndicatorColumn(
        "variance_ratio_20",
        "variance_ratio",
        {"period": 252, "horizon": 20},
        meaning="Above 1 trend rules suit this stock, below 1 those of reversion do.",
    ),
    IndicatorColumn(
        "hurst_exponent_120",
        "hurst_exponent",
        {"period": 120},
        meaning="Over a half moves persist, under a half they turn back; half a year's view.",
    ),
    IndicatorColumn(
        "hurst_exponent_252",
        "hurst_exponent",
        {"period": 252},
        meaning="The same over a year: slow enough to choose between trend and reversion by.",
    ),
    IndicatorColumn(
        "efficiency_ratio_10",
        "efficiency_ratio",
        {"period": 10},
        meaning="1 is a straight line, 0 a walk in circles: the noise that whipsaws averages.",
    ),
    IndicatorColumn(
        "efficiency_ratio_63",
        "efficiency_ratio",
        {"period": 63},
        meaning="The quarter's straightness: high ones are orderly trends that institutions ride.",
    ),
)
