"""The cached volume indicators."""

from __future__ import annotations

from alphafactory.indicators.base import IndicatorColumn

VOLUME = (
    IndicatorColumn(
        "obv",
        "obv",
        meaning="Volume added on up days, taken off on down days: its slope shows who accumulates.",
        standard=True,
    ),
    IndicatorColumn(
        "ad_line",
        "ad_line",
        meaning="Volume weighted by where the close falls in the range: a rising line under a flat price is buying.",
        standard=True,
    ),
    IndicatorColumn(
        "adosc",
        "adosc",
        {"fast": 3, "slow": 10},
        meaning="Pace of accumulation: a turn here often precedes the price's.",
        standard=True,
    ),
)

FLOWS = (
    IndicatorColumn(
        "chaikin_money_flow_20",
        "chaikin_money_flow",
        {"period": 20},
        meaning="Above 0.05 closes near the highs carry the month's volume: accumulation; under -0.05 distribution.",
    ),
    IndicatorColumn(
        "force_index_13",
        "force_index",
        {"period": 13},
        meaning="Direction, size and volume of moves in one: crossing 0 says that the stronger hand changed.",
    ),
    IndicatorColumn(
        "market_facilitation",
        "market_facilitation",
        meaning="How far one share moves the price: rising with volume it confirms, without volume it fades.",
    ),
    IndicatorColumn(
        "percentage_volume_oscillator",
        "percentage_volume_oscillator",
        {"fast": 12, "slow": 26},
        meaning="Whether interest grows: a breakout with this above 0 has people behind it.",
    ),
    IndicatorColumn(
        "price_volume_trend",
        "price_volume_trend",
        meaning="As on-balance volume, but large moves count for more: read its slope, not its level.",
    ),
    IndicatorColumn(
        "negative_volume_index",
        "negative_volume_index",
        meaning="Returns of the quiet days, when informed money is said to act: above its year's average is bullish.",
    ),
    IndicatorColumn(
        "positive_volume_index",
        "positive_volume_index",
        meaning="Returns of the busy days, when the crowd acts: the counterpart of the quiet days' index.",
    ),
    IndicatorColumn(
        "williams_accumulation",
        "williams_accumulation",
        meaning="Accumulation without volume: a new high in price without one here is distribution.",
    ),
)
