"""The oscillators."""

from __future__ import annotations

from alphafactory.indicators.base import IndicatorColumn

_STOCHASTIC_RSI = {"period": 14, "range_period": 14, "signal": 3}
_STOCHASTIC_MOMENTUM = {"period": 13, "fast": 2, "slow": 25, "signal": 9}

OSCILLATORS = (
    IndicatorColumn(
        "stochastic_fast_k",
        "stochastic_fast",
        {"period": 5, "signal": 3},
        "k",
        meaning="The close's place in the week's range, unsmoothed: first to turn, and often wrong.",
    ),
    IndicatorColumn(
        "stochastic_fast_d",
        "stochastic_fast",
        {"period": 5, "signal": 3},
        "d",
        meaning="Its average of three days, where the fast stochastic becomes usable.",
    ),
    IndicatorColumn(
        "stochastic_rsi_k",
        "stochastic_rsi",
        _STOCHASTIC_RSI,
        "k",
        meaning="Whether the RSI itself is high or low for this symbol: reaches extremes where the RSI does not.",
    ),
    IndicatorColumn(
        "stochastic_rsi_d",
        "stochastic_rsi",
        _STOCHASTIC_RSI,
        "d",
        meaning="The smoothed version: a turn from 0 or 100 times entries in a trend.",
    ),
    IndicatorColumn(
        "kdj_j",
        "kdj",
        {"period": 9, "smoothing": 3, "signal": 3},
        "j",
        meaning="Overshoots 0 and 100 on purpose: beyond them the swing is ripe.",
    ),
    IndicatorColumn(
        "stochastic_momentum",
        "stochastic_momentum",
        _STOCHASTIC_MOMENTUM,
        "line",
        meaning="Distance from the middle of the range: over 40 strong, under -40 weak, with little noise.",
    ),
    IndicatorColumn(
        "stochastic_momentum_signal",
        "stochastic_momentum",
        _STOCHASTIC_MOMENTUM,
        "signal",
        meaning="The average of that line; the line's crossing of it is the trade.",
    ),
    IndicatorColumn(
        "cci_20",
        "cci",
        {"period": 20},
        meaning="Over 100 a price breaks out of its usual scatter, under -100 it breaks down.",
    ),
    IndicatorColumn(
        "cmo_14",
        "cmo",
        {"period": 14},
        meaning="Gains less losses of three weeks, from -100 to 100: quicker than the RSI, since old days drop out.",
    ),
    IndicatorColumn(
        "mfi_14",
        "mfi",
        {"period": 14},
        meaning="An RSI with money behind it: over 80 the buying is crowded, under 20 the selling is.",
    ),
    IndicatorColumn(
        "ultimate_oscillator",
        "ultimate_oscillator",
        {"fast": 7, "middle": 14, "slow": 28},
        meaning="Three horizons in one, against false divergences: under 30 oversold, over 70 overbought.",
    ),
    IndicatorColumn(
        "intraday_momentum_14",
        "intraday_momentum",
        {"period": 14},
        meaning="Who wins between the bells: high when days are bought from open to close.",
    ),
    IndicatorColumn(
        "true_strength",
        "true_strength",
        {"slow": 25, "fast": 13},
        meaning="Smooth momentum: the side of 0 is the trend, its turns come early.",
    ),
    IndicatorColumn(
        "balance_of_power",
        "balance_of_power",
        meaning="Who owned the day: 1 opened at the low and closed at the high, -1 the reverse.",
    ),
)
