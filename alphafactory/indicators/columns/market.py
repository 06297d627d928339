"""The features of the universe's breadth."""

from __future__ import annotations

from alphafactory.indicators.base import IndicatorColumn

BREADTH = (
    IndicatorColumn(
        "advancing_share_10",
        "advancing_share",
        {"period": 10},
        meaning="Over 0.6 the whole market is bought, under 0.4 the whole market is sold.",
    ),
    IndicatorColumn(
        "breadth_thrust",
        "breadth_thrust",
        {"period": 10, "washed_out": 0.4, "thrust": 0.615},
        meaning="From panic to rush in ten days: rare, and most bull markets began with one.",
    ),
    IndicatorColumn(
        "share_above_sma_50",
        "share_above_sma_50",
        {"period": 1},
        meaning="Under 0.2 washed out, over 0.8 strong: extremes of the quarter's participation.",
    ),
    IndicatorColumn(
        "share_above_sma_200",
        "share_above_sma_200",
        {"period": 1},
        meaning="Below a half while the index stands high: few leaders carry a tired market.",
    ),
    IndicatorColumn(
        "breadth_momentum_20",
        "breadth_momentum",
        {"period": 20},
        meaning="Rising participation confirms a rally; falling under rising prices warns.",
    ),
    IndicatorColumn(
        "new_highs_less_lows_10",
        "new_highs_less_lows",
        {"period": 10},
        meaning="Above 0 more stocks break out than break down: the leaders' vote on the trend.",
    ),
)
