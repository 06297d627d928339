"""The candlestick patterns of one candle."""

from __future__ import annotations

from alphafactory.indicators.base import IndicatorColumn

PATTERNS = (
    IndicatorColumn(
        "belt_hold",
        "belt_hold",
        meaning="One side had the bar from the first trade on: 100 after a fall and -100 after a rise hint at a turn.",
    ),
    IndicatorColumn(
        "closing_marubozu",
        "closing_marubozu",
        meaning="Whoever won did not let go by the close: the move often goes on at the next open.",
    ),
    IndicatorColumn(
        "dragonfly_doji",
        "dragonfly_doji",
        meaning="All that was sold during the session was bought back: after a fall, sellers have met a floor.",
    ),
    IndicatorColumn(
        "gravestone_doji",
        "gravestone_doji",
        meaning="A rally within the session was sold off whole: bearish after a rise, whatever the sign of the 100.",
    ),
    IndicatorColumn(
        "high_wave", "high_wave", meaning="Both sides were tried and rejected: the trend before has lost its certainty."
    ),
    IndicatorColumn(
        "long_legged_doji",
        "long_legged_doji",
        meaning="A wide fight ended where it began; the next bar decides, and stops are best wide.",
    ),
    IndicatorColumn(
        "long_line",
        "long_line",
        meaning="A session of conviction: 100 buyers, -100 sellers, seldom undone on the next day.",
    ),
    IndicatorColumn(
        "marubozu",
        "marubozu",
        meaning="The purest one-sided session there is: it starts trends and, late in one, ends them.",
    ),
    IndicatorColumn(
        "rickshaw_man",
        "rickshaw_man",
        meaning="Perfect indecision at high volatility: trend followers take profits here.",
    ),
    IndicatorColumn(
        "short_line", "short_line", meaning="Nobody cared today: contraction, out of which the next expansion comes."
    ),
    IndicatorColumn(
        "spinning_top",
        "spinning_top",
        meaning="The advance or decline pauses for breath; a series of them is a base or a top.",
    ),
    IndicatorColumn(
        "takuri",
        "takuri",
        meaning="A deep plunge was recovered entirely: the strongest single sign that sellers are done.",
    ),
)
