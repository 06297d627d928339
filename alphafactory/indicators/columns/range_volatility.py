"""The features of volatility from returns and from ranges."""

from __future__ import annotations

from alphafactory.indicators.base import IndicatorColumn

REALISED = (
    IndicatorColumn(
        "realised_volatility_10",
        "realised_volatility",
        {"period": 10},
        meaning="How rough the last two weeks were: the first measure to jump in a shock.",
    ),
    IndicatorColumn(
        "realised_volatility_20",
        "realised_volatility",
        {"period": 20},
        meaning="The month's volatility, which desks hold against what options imply.",
    ),
    IndicatorColumn(
        "realised_volatility_60",
        "realised_volatility",
        {"period": 60},
        meaning="The quarter's volatility: steady enough to size positions by.",
    ),
    IndicatorColumn(
        "realised_volatility_252",
        "realised_volatility",
        {"period": 252},
        meaning="The year's volatility: calm stocks by it have earned more for their risk.",
    ),
    IndicatorColumn(
        "downside_volatility_60",
        "downside_volatility",
        {"period": 60},
        meaning="Only the falls count: the part of volatility that hurts a buyer.",
    ),
    IndicatorColumn(
        "volatility_ratio_10_60",
        "volatility_ratio",
        {"fast": 10, "slow": 60},
        meaning="Above 1 the storm is young, below 1 the market calms down.",
    ),
    IndicatorColumn(
        "volatility_ratio_20_252",
        "volatility_ratio",
        {"fast": 20, "slow": 252},
        meaning="The month against the year: far below 1 is the quiet before a breakout.",
    ),
    IndicatorColumn(
        "volatility_rank_252",
        "volatility_rank",
        {"period": 20, "window": 252},
        meaning="Near 1 the wildest month of the year, near 0 the calmest: extremes return to the middle.",
    ),
)

RANGES = (
    IndicatorColumn(
        "parkinson_volatility_20",
        "parkinson_volatility",
        {"period": 20},
        meaning="Volatility from highs and lows: above the realised one, moves were undone within the day.",
    ),
    IndicatorColumn(
        "garman_klass_volatility_20",
        "garman_klass_volatility",
        {"period": 20},
        meaning="The sharpest estimate of a day's volatility where nights do not matter.",
    ),
    IndicatorColumn(
        "rogers_satchell_volatility_20",
        "rogers_satchell_volatility",
        {"period": 20},
        meaning="Volatility that a steady trend does not inflate: fair to trending stocks.",
    ),
    IndicatorColumn(
        "yang_zhang_volatility_20",
        "yang_zhang_volatility",
        {"period": 20},
        meaning="Nights and days together: the best single figure where prices gap.",
    ),
)
