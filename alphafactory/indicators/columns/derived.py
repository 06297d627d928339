"""The cached ratios, crossings and states."""

from __future__ import annotations

from alphafactory.indicators.base import IndicatorColumn

RATIOS = (
    IndicatorColumn(
        "close_to_sma_20",
        "close_to_sma",
        {"period": 20},
        meaning="How far the price has run from the month's trend.",
        standard=True,
    ),
    IndicatorColumn(
        "close_to_sma_50",
        "close_to_sma",
        {"period": 50},
        meaning="How far the price has run from the quarter's trend.",
        standard=True,
    ),
    IndicatorColumn(
        "close_to_sma_200",
        "close_to_sma",
        {"period": 200},
        meaning="Above 1 the long trend is up; comparable over symbols.",
        standard=True,
    ),
    IndicatorColumn(
        "bollinger_percent_b",
        "bollinger_percent_b",
        {"period": 20, "deviations": 2.0},
        meaning="Place between the bands: above 1 beyond the upper, below 0 beyond the lower.",
        standard=True,
    ),
)

CROSSINGS = (
    IndicatorColumn(
        "sma_20_cross_50",
        "sma_cross",
        {"fast": 20, "slow": 50},
        meaning="The day the month's trend turned against the quarter's: 1 up, -1 down.",
        standard=True,
    ),
    IndicatorColumn(
        "sma_50_cross_200",
        "sma_cross",
        {"fast": 50, "slow": 200},
        meaning="1 is the golden cross, -1 the death cross: late, but they frame bull and bear markets.",
        standard=True,
    ),
    IndicatorColumn(
        "macd_cross",
        "macd_cross",
        {"fast": 12, "slow": 26, "signal": 9},
        meaning="The day the MACD turned: 1 momentum up, -1 momentum down.",
        standard=True,
    ),
)

STATES = (
    IndicatorColumn(
        "rsi_oversold",
        "rsi_oversold",
        {"period": 14, "level": 30.0},
        meaning="1 while the RSI is under 30: a bounce is likely in a range, a fall goes on in a downtrend.",
        standard=True,
    ),
    IndicatorColumn(
        "rsi_overbought",
        "rsi_overbought",
        {"period": 14, "level": 70.0},
        meaning="1 while the RSI is over 70: stretched in a range, plain strength in an uptrend.",
        standard=True,
    ),
)
