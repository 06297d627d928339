"""The channels and extremes."""

from __future__ import annotations

from alphafactory.indicators.base import IndicatorColumn

_KELTNER = {"period": 20, "range_period": 10, "ranges": 2.0}
_SUPERTREND = {"period": 10, "ranges": 3.0}

CHANNELS = (
    IndicatorColumn(
        "donchian_upper_20",
        "donchian",
        {"period": 20},
        "upper",
        meaning="The month's high: the turtles bought what rose above yesterday's value of it.",
    ),
    IndicatorColumn(
        "donchian_middle_20",
        "donchian",
        {"period": 20},
        "middle",
        meaning="Half of the month's range: above it buyers have the better half.",
    ),
    IndicatorColumn(
        "donchian_lower_20",
        "donchian",
        {"period": 20},
        "lower",
        meaning="The month's low: where those who bought the breakout give up.",
    ),
    IndicatorColumn(
        "keltner_upper_20",
        "keltner",
        _KELTNER,
        "upper",
        meaning="Two usual ranges above the trend: a close beyond it is momentum, not an accident.",
    ),
    IndicatorColumn(
        "keltner_middle_20",
        "keltner",
        _KELTNER,
        "middle",
        meaning="The trend of the typical price: where pullbacks of a healthy rise end.",
    ),
    IndicatorColumn(
        "keltner_lower_20",
        "keltner",
        _KELTNER,
        "lower",
        meaning="Two usual ranges below the trend: panic, or the start of a fall.",
    ),
    IndicatorColumn(
        "acceleration_upper_20",
        "acceleration_bands",
        {"period": 20},
        "upper",
        meaning="A close above it for two days is Headley's sign that a rise accelerates.",
    ),
    IndicatorColumn(
        "acceleration_lower_20",
        "acceleration_bands",
        {"period": 20},
        "lower",
        meaning="A close below it for two days is Headley's sign that a fall accelerates.",
    ),
    IndicatorColumn(
        "supertrend",
        "supertrend",
        _SUPERTREND,
        "line",
        meaning="A trailing stop three ranges away that only ever moves with the trend.",
    ),
    IndicatorColumn(
        "supertrend_direction",
        "supertrend",
        _SUPERTREND,
        "direction",
        meaning="1 while the stop lies below the price, -1 while above: the trend as a plain state.",
    ),
)

EXTREMES = (
    IndicatorColumn(
        "highest_55",
        "highest",
        {"period": 55},
        meaning="The quarter's high, the turtles' slower entry: few breakouts, but the long ones.",
    ),
    IndicatorColumn(
        "lowest_55",
        "lowest",
        {"period": 55},
        meaning="The quarter's low: support that many eyes watch, and stops lie under.",
    ),
    IndicatorColumn(
        "highest_close_252",
        "highest_close",
        {"period": 252},
        meaning="The best close of a year: near it nobody holds a loss who would sell to be even.",
    ),
    IndicatorColumn(
        "lowest_close_252",
        "lowest_close",
        {"period": 252},
        meaning="The worst close of a year: below it every holder loses, and tax selling begins.",
    ),
    IndicatorColumn(
        "midpoint_14",
        "midpoint",
        {"period": 14},
        meaning="Middle of the closes' range: a cheap yardstick for which half the price is in.",
    ),
    IndicatorColumn(
        "midprice_14",
        "midprice",
        {"period": 14},
        meaning="Middle of the whole range, wicks included: the base line of several Japanese systems.",
    ),
)
