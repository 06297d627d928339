"""The cached momentum indicators."""

from __future__ import annotations

from alphafactory.indicators.base import IndicatorColumn

_MACD = {"fast": 12, "slow": 26, "signal": 9}
_STOCHASTIC = {"period": 14, "smoothing": 3, "signal": 3}

MOMENTUM = (
    IndicatorColumn(
        "rsi_14", "rsi", {"period": 14}, meaning="Under 30 sellers look exhausted, over 70 buyers do.", standard=True
    ),
    IndicatorColumn(
        "rsi_7",
        "rsi",
        {"period": 7},
        meaning="A nervous RSI for short holds: extremes come often, pass fast.",
        standard=True,
    ),
    IndicatorColumn(
        "macd_line",
        "macd",
        _MACD,
        "line",
        "The distance of the fast trend from the slow: above 0 the rise gains pace.",
        standard=True,
    ),
    IndicatorColumn(
        "macd_signal",
        "macd",
        _MACD,
        "signal",
        "The smoothed line; the line's crossing of it is the classic trigger.",
        standard=True,
    ),
    IndicatorColumn(
        "macd_histogram",
        "macd",
        _MACD,
        "histogram",
        "Line less signal: shrinking bars warn that a move is tiring.",
        standard=True,
    ),
    IndicatorColumn(
        "stochastic_k",
        "stochastic",
        _STOCHASTIC,
        "k",
        "Where the close stands in its recent range: over 80 near the top, under 20 near the bottom.",
        standard=True,
    ),
    IndicatorColumn(
        "stochastic_d",
        "stochastic",
        _STOCHASTIC,
        "d",
        "The smoothed %K; %K crossing it in an extreme zone is the signal.",
        standard=True,
    ),
    IndicatorColumn(
        "williams_r_14",
        "williams_r",
        {"period": 14},
        meaning="Distance from the recent high: under -80 washed out, over -20 stretched.",
        standard=True,
    ),
    IndicatorColumn(
        "roc_10",
        "roc",
        {"period": 10},
        meaning="The gain of two weeks in percent: plain speed of the price.",
        standard=True,
    ),
    IndicatorColumn(
        "adx_14",
        "adx",
        {"period": 14},
        meaning="Strength of the trend, whichever its direction: over 25 follow it, under 20 trade the range.",
        standard=True,
    ),
)
