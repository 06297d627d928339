"""Candlestick patterns of two candles."""

from __future__ import annotations

from alphafactory.indicators.functions.pattern import candlestick

PATTERNS = (
    candlestick(
        "counterattack",
        "Counterattack: two long opposite bodies that close at the same price",
        "CDLCOUNTERATTACK",
        11,
        low=-100.0,
        high=100.0,
    ),
    candlestick(
        "dark_cloud_cover",
        "Dark cloud cover: an open above a long rise that closes deep within it",
        "CDLDARKCLOUDCOVER",
        11,
        low=-100.0,
        penetration=0.5,
    ),
    candlestick(
        "doji_star", "Doji star: a doji that gaps away from a long body", "CDLDOJISTAR", 11, low=-100.0, high=100.0
    ),
    candlestick(
        "hanging_man",
        "Hanging man: a small body on a long lower shadow, near or above the previous high",
        "CDLHANGINGMAN",
        11,
        low=-100.0,
    ),
    candlestick(
        "harami",
        "Harami: a small body within the long one before (80 where one end is shared)",
        "CDLHARAMI",
        11,
        low=-100.0,
        high=100.0,
    ),
    candlestick(
        "harami_cross",
        "Harami cross: a doji within the long body before (80 where one end is shared)",
        "CDLHARAMICROSS",
        11,
        low=-100.0,
        high=100.0,
    ),
    candlestick(
        "homing_pigeon", "Homing pigeon: a small fall within the long fall before", "CDLHOMINGPIGEON", 11, high=100.0
    ),
    candlestick(
        "in_neck", "In neck: an open below a long fall that closes barely within its body", "CDLINNECK", 11, low=-100.0
    ),
    candlestick(
        "inverted_hammer",
        "Inverted hammer: a small body below a long upper shadow, gapped down",
        "CDLINVERTEDHAMMER",
        11,
        high=100.0,
    ),
    candlestick(
        "kicking", "Kicking: two opposite marubozu with a gap between them", "CDLKICKING", 11, low=-100.0, high=100.0
    ),
    candlestick(
        "kicking_by_length",
        "Kicking by length: as kicking, its direction that of the longer marubozu",
        "CDLKICKINGBYLENGTH",
        11,
        low=-100.0,
        high=100.0,
    ),
    candlestick(
        "matching_low", "Matching low: two falls that close at the same price", "CDLMATCHINGLOW", 6, high=100.0
    ),
    candlestick("on_neck", "On neck: an open below a long fall that closes at its low", "CDLONNECK", 11, low=-100.0),
    candlestick(
        "piercing",
        "Piercing line: an open below a long fall that closes above the middle of its body",
        "CDLPIERCING",
        11,
        high=100.0,
    ),
    candlestick(
        "separating_lines",
        "Separating lines: an opposite candle, then one that opens at the same price and runs with the trend",
        "CDLSEPARATINGLINES",
        11,
        low=-100.0,
        high=100.0,
    ),
    candlestick(
        "shooting_star",
        "Shooting star: a small body below a long upper shadow, gapped up",
        "CDLSHOOTINGSTAR",
        11,
        low=-100.0,
    ),
    candlestick(
        "thrusting",
        "Thrusting: an open below a long fall that closes within its body, under the middle",
        "CDLTHRUSTING",
        11,
        low=-100.0,
    ),
)
