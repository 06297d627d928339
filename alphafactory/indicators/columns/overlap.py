"""The cached averages, bands and stops."""

from __future__ import annotations

from alphafactory.indicators.base import IndicatorColumn

AVERAGES = (
    IndicatorColumn(
        "sma_20",
        "sma",
        {"period": 20},
        meaning="The month's trend: pullbacks in a rise often end near it.",
        standard=True,
    ),
    IndicatorColumn(
        "sma_50",
        "sma",
        {"period": 50},
        meaning="The quarter's trend, watched by swing traders and funds.",
        standard=True,
    ),
    IndicatorColumn(
        "sma_200",
        "sma",
        {"period": 200},
        meaning="The long trend: above it bulls rule, and many funds only buy there.",
        standard=True,
    ),
    IndicatorColumn(
        "ema_12", "ema", {"period": 12}, meaning="A quick trend that weighs the last days most.", standard=True
    ),
    IndicatorColumn(
        "ema_26", "ema", {"period": 26}, meaning="A calmer trend, the slow half of the MACD.", standard=True
    ),
)

BANDS = (
    IndicatorColumn(
        "bollinger_upper",
        "bollinger",
        {"period": 20, "deviations": 2.0},
        "upper",
        "Two deviations above the average: dear for now, or the start of a breakout when the bands were tight.",
        standard=True,
    ),
    IndicatorColumn(
        "bollinger_middle",
        "bollinger",
        {"period": 20, "deviations": 2.0},
        "middle",
        "The average that the bands hang on, and the usual target of a return to the mean.",
        standard=True,
    ),
    IndicatorColumn(
        "bollinger_lower",
        "bollinger",
        {"period": 20, "deviations": 2.0},
        "lower",
        "Two deviations below the average: cheap for now, or a breakdown when volume confirms it.",
        standard=True,
    ),
)

STOPS = (
    IndicatorColumn(
        "parabolic_sar",
        "parabolic_sar",
        {"acceleration": 0.02, "maximum": 0.2},
        meaning="A trailing stop that speeds up with the trend; a close beyond it says that the trend has turned.",
        standard=True,
    ),
)
