"""The prices that stand for a bar."""

from __future__ import annotations

from alphafactory.indicators.base import IndicatorColumn

PRICES = (
    IndicatorColumn(
        "average_price",
        "average_price",
        meaning="One price for the whole day: less noise than the close as input of anything smooth.",
    ),
    IndicatorColumn(
        "median_price",
        "median_price",
        meaning="The middle of the day's range: where it traded, whatever the auctions did.",
    ),
    IndicatorColumn(
        "typical_price",
        "typical_price",
        meaning="The pivot of floor traders: above yesterday's value the day is held by buyers.",
    ),
    IndicatorColumn(
        "weighted_close",
        "weighted_close",
        meaning="The typical price with the close counted twice, because overnight risk is priced there.",
    ),
    IndicatorColumn(
        "average_deviation_14",
        "average_deviation",
        {"period": 14},
        meaning="The usual distance from the mean, less swayed by one wild day than a standard deviation.",
    ),
)

HEIKIN_ASHI = (
    IndicatorColumn(
        "heikin_ashi_open",
        "heikin_ashi",
        {},
        "open",
        meaning="The smoothed open: the candle is up while the average price lies above; a change ends the swing.",
    ),
    IndicatorColumn(
        "heikin_ashi_high",
        "heikin_ashi",
        {},
        "high",
        meaning="Equal to the smoothed open in strong falls: no upper wick, nobody bought.",
    ),
    IndicatorColumn(
        "heikin_ashi_low",
        "heikin_ashi",
        {},
        "low",
        meaning="Equal to the smoothed open in strong rises: no lower wick, nobody sold.",
    ),
)
