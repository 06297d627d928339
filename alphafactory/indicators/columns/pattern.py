"""The cached candlestick patterns."""

from __future__ import annotations

from alphafactory.indicators.base import IndicatorColumn

PATTERNS = (
    IndicatorColumn(
        "doji", "doji", meaning="Buyers and sellers ended level: after a long move, a pause or a turn.", standard=True
    ),
    IndicatorColumn(
        "hammer",
        "hammer",
        meaning="A fall was bought back within the day: a turn upwards if the next confirms.",
        standard=True,
    ),
    IndicatorColumn(
        "engulfing",
        "engulfing",
        meaning="One day swallows the one before: 100 and 80 buyers took over, below 0 sellers did.",
        standard=True,
    ),
    IndicatorColumn(
        "morning_star",
        "morning_star",
        {"penetration": 0.3},
        meaning="Three days that end a fall: sold, undecided, bought.",
        standard=True,
    ),
    IndicatorColumn(
        "evening_star",
        "evening_star",
        {"penetration": 0.3},
        meaning="Three days that end a rise: bought, undecided, sold.",
        standard=True,
    ),
)
