"""The features of volume beside its past, and of liquidity."""

from __future__ import annotations

from alphafactory.indicators.base import IndicatorColumn

ACTIVITY = (
    IndicatorColumn(
        "volume_z_score_20",
        "volume_z_score",
        {"period": 20},
        meaning="Unusual volume in deviations of the month: above 2 somebody large is at work.",
    ),
    IndicatorColumn(
        "volume_z_score_60",
        "volume_z_score",
        {"period": 60},
        meaning="Unusual volume against the quarter: filters out the routine of option expiries.",
    ),
    IndicatorColumn(
        "volume_ratio_20",
        "volume_ratio",
        {"period": 20},
        meaning="Twice the usual volume confirms a breakout; half of it calls it in doubt.",
    ),
    IndicatorColumn(
        "volume_ratio_60",
        "volume_ratio",
        {"period": 60},
        meaning="Volume against a quarter's usual: climaxes of panic and euphoria stand out.",
    ),
    IndicatorColumn(
        "up_volume_share_21",
        "up_volume_share",
        {"period": 21},
        meaning="Above a half the month's volume came on rises: accumulation.",
    ),
    IndicatorColumn(
        "return_volume_correlation_20",
        "return_volume_correlation",
        {"period": 20},
        meaning="Above 0 rises draw the crowd, below 0 falls do: who is in a hurry.",
    ),
    IndicatorColumn(
        "close_to_vwap_20",
        "close_to_vwap",
        {"period": 20},
        meaning="Above 0 the month's average buyer sits on a gain, below 0 on a loss.",
    ),
)

LIQUIDITY = (
    IndicatorColumn(
        "dollar_volume_20",
        "dollar_volume",
        {"period": 20},
        meaning="What can be traded: a position beyond one percent of it moves the price.",
    ),
    IndicatorColumn(
        "amihud_illiquidity_21",
        "amihud_illiquidity",
        {"period": 21},
        meaning="How far a million traded moves the price this month: dear to get out when it rises.",
    ),
    IndicatorColumn(
        "amihud_illiquidity_252",
        "amihud_illiquidity",
        {"period": 252},
        meaning="The year's price of trading: illiquid stocks have had to pay their holders more.",
    ),
)
