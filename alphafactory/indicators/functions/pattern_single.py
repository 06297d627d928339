"""Candlestick patterns of one candle."""

from __future__ import annotations

from alphafactory.indicators.functions.pattern import candlestick

PATTERNS = (
    candlestick(
        "belt_hold",
        "Belt hold: a long body that opens at the bar's extreme and runs away from it",
        "CDLBELTHOLD",
        10,
        low=-100.0,
        high=100.0,
    ),
    candlestick(
        "closing_marubozu",
        "Closing marubozu: a long body that closes at the bar's extreme",
        "CDLCLOSINGMARUBOZU",
        10,
        low=-100.0,
        high=100.0,
    ),
    candlestick(
        "dragonfly_doji",
        "Dragonfly doji: open and close at the high, a long lower shadow",
        "CDLDRAGONFLYDOJI",
        10,
        high=100.0,
    ),
    candlestick(
        "gravestone_doji",
        "Gravestone doji: open and close at the low, a long upper shadow",
        "CDLGRAVESTONEDOJI",
        10,
        high=100.0,
    ),
    candlestick(
        "high_wave", "High wave: a small body between two very long shadows", "CDLHIGHWAVE", 10, low=-100.0, high=100.0
    ),
    candlestick(
        "long_legged_doji",
        "Long-legged doji: open and close almost equal, one shadow long",
        "CDLLONGLEGGEDDOJI",
        10,
        high=100.0,
    ),
    candlestick("long_line", "Long line: a long body with short shadows", "CDLLONGLINE", 10, low=-100.0, high=100.0),
    candlestick("marubozu", "Marubozu: a long body with almost no shadows", "CDLMARUBOZU", 10, low=-100.0, high=100.0),
    candlestick(
        "rickshaw_man",
        "Rickshaw man: a long-legged doji whose body sits in the middle of the range",
        "CDLRICKSHAWMAN",
        10,
        high=100.0,
    ),
    candlestick(
        "short_line", "Short line: a short body with short shadows", "CDLSHORTLINE", 10, low=-100.0, high=100.0
    ),
    candlestick(
        "spinning_top",
        "Spinning top: a small body with shadows longer than it",
        "CDLSPINNINGTOP",
        10,
        low=-100.0,
        high=100.0,
    ),
    candlestick("takuri", "Takuri: a dragonfly doji with a very long lower shadow", "CDLTAKURI", 10, high=100.0),
)
