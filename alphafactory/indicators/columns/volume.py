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
