"""The features of highs, lows and losses within a window."""

from __future__ import annotations

from alphafactory.indicators.base import IndicatorColumn

DISTANCES = (
    IndicatorColumn(
        "distance_from_high_20",
        "distance_from_high",
        {"period": 20},
        meaning="0 is a close at the month's high: the trigger of short breakout systems.",
    ),
    IndicatorColumn(
        "distance_from_high_55",
        "distance_from_high",
        {"period": 55},
        meaning="0 is a close at the high of 55 days, the turtles' slow entry.",
    ),
    IndicatorColumn(
        "distance_from_high_252",
        "distance_from_high",
        {"period": 252},
        meaning="Nearness to the 52-week high: buyers hesitate there and the news wins in the end.",
    ),
    IndicatorColumn(
        "distance_from_low_20",
        "distance_from_low",
        {"period": 20},
        meaning="0 is a close at the month's low: breakdown, or a washout to fade in an uptrend.",
    ),
    IndicatorColumn(
        "distance_from_low_55",
        "distance_from_low",
        {"period": 55},
        meaning="0 is a close at the low of 55 days, where trend followers sell short.",
    ),
    IndicatorColumn(
        "distance_from_low_252",
        "distance_from_low",
        {"period": 252},
        meaning="The rise from the year's low: strong leaders stand far above it.",
    ),
    IndicatorColumn(
        "bars_since_high_20",
        "bars_since",
        {"period": 20},
        output="high",
        meaning="Fresh highs of the month say that the rise lives; 19 says it died weeks ago.",
    ),
    IndicatorColumn(
        "bars_since_low_20",
        "bars_since",
        {"period": 20},
        output="low",
        meaning="Few bars: still falling; many bars: the low has held for most of the month.",
    ),
    IndicatorColumn(
        "bars_since_high_252",
        "bars_since",
        {"period": 252},
        output="high",
        meaning="How long the drawdown from the year's high has lasted.",
    ),
    IndicatorColumn(
        "bars_since_low_252",
        "bars_since",
        {"period": 252},
        output="low",
        meaning="The age of the recovery from the year's low: young ones are the steepest.",
    ),
)

LOSSES = (
    IndicatorColumn(
        "drawdown_252",
        "drawdown",
        {"period": 252},
        meaning="The loss of who bought at the year's top: deep ones meet sellers on every rise.",
    ),
    IndicatorColumn(
        "deepest_drawdown_63",
        "deepest_drawdown",
        {"period": 63},
        meaning="The quarter's worst loss from peak to trough: what a stop would have had to bear.",
    ),
    IndicatorColumn(
        "deepest_drawdown_252",
        "deepest_drawdown",
        {"period": 252},
        meaning="The year's worst loss from peak to trough: small ones mark orderly trends.",
    ),
    IndicatorColumn(
        "drawdown_stage_252",
        "drawdown_stage",
        {"period": 252},
        meaning="Pullback, correction or bear market: dips are bought in the first and sold in the last.",
    ),
)
