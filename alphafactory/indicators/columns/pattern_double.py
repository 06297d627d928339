"""The candlestick patterns of two candles."""

from __future__ import annotations

from alphafactory.indicators.base import IndicatorColumn

PATTERNS = (
    IndicatorColumn(
        "counterattack",
        "counterattack",
        meaning="A gap in the trend's direction was taken back to yesterday's close: the other side has arrived.",
    ),
    IndicatorColumn(
        "dark_cloud_cover",
        "dark_cloud_cover",
        meaning="The gap up caught late buyers; they are under water by the close, and supply overhangs.",
    ),
    IndicatorColumn(
        "doji_star",
        "doji_star",
        meaning="The trend gapped on and then found no follow-through: the sign is the turn it warns of.",
    ),
    IndicatorColumn(
        "hanging_man",
        "hanging_man",
        meaning="Sellers showed up for the first time in the rise; a lower close next day confirms them.",
    ),
    IndicatorColumn(
        "harami",
        "harami",
        meaning="The momentum of yesterday's big bar is gone overnight: the trend is held up, not yet turned.",
    ),
    IndicatorColumn(
        "harami_cross",
        "harami_cross",
        meaning="As the harami, but the pause is complete: the better of the two warnings.",
    ),
    IndicatorColumn(
        "homing_pigeon", "homing_pigeon", meaning="Selling goes on with less force each day: shorts begin to cover."
    ),
    IndicatorColumn(
        "in_neck", "in_neck", meaning="The bounce could not even regain yesterday's close by much: the fall resumes."
    ),
    IndicatorColumn(
        "inverted_hammer",
        "inverted_hammer",
        meaning="Buyers tried for the first time in the fall; a higher open next day traps the shorts.",
    ),
    IndicatorColumn(
        "kicking", "kicking", meaning="News turned everybody around overnight: one of the few patterns not to be faded."
    ),
    IndicatorColumn(
        "kicking_by_length",
        "kicking_by_length",
        meaning="The same overnight reversal, signed by whichever side pushed the further.",
    ),
    IndicatorColumn(
        "matching_low",
        "matching_low",
        meaning="The market closed at the same price twice and refused to go lower: a short-term floor.",
    ),
    IndicatorColumn(
        "on_neck",
        "on_neck",
        meaning="The bounce ended at yesterday's low, where the trapped sell: continuation downwards.",
    ),
    IndicatorColumn(
        "piercing", "piercing", meaning="The gap down was bought hard: those who sold the open must buy back higher."
    ),
    IndicatorColumn(
        "separating_lines",
        "separating_lines",
        meaning="The countermove of yesterday was cancelled by the opening auction: the trend goes on.",
    ),
    IndicatorColumn(
        "shooting_star",
        "shooting_star",
        meaning="A gap to new highs found only sellers: late longs are stuck above the close.",
    ),
    IndicatorColumn(
        "thrusting", "thrusting", meaning="A bounce worth less than half of the fall: a pause on the way down."
    ),
)
