"""The measures of speed."""

from __future__ import annotations

from alphafactory.indicators.base import IndicatorColumn

SPEED = (
    IndicatorColumn(
        "momentum_10",
        "momentum",
        {"period": 10},
        meaning="Money gained in two weeks: above 0 and rising, the move gathers pace.",
    ),
    IndicatorColumn(
        "absolute_price_oscillator_5_35",
        "absolute_price_oscillator",
        {"fast": 5, "slow": 35},
        meaning="The week's trend less that of seven weeks, known as the Elliott oscillator: it peaks in third waves.",
    ),
    IndicatorColumn(
        "percentage_price_oscillator",
        "percentage_price_oscillator",
        {"fast": 12, "slow": 26},
        meaning="The MACD in percent, so that a cheap share can be compared with a dear one.",
    ),
    IndicatorColumn(
        "trix_15",
        "trix",
        {"period": 15},
        meaning="Daily growth of a thrice smoothed trend: its crossing of 0 ignores all but real turns.",
    ),
    IndicatorColumn(
        "awesome_oscillator",
        "awesome_oscillator",
        {"fast": 5, "slow": 34},
        meaning="A week's middle against seven weeks': crossing 0 shifts the driving force.",
    ),
    IndicatorColumn(
        "accelerator_oscillator",
        "accelerator_oscillator",
        {"fast": 5, "slow": 34, "signal": 5},
        meaning="Whether that force grows or fades: changes colour before the awesome oscillator does.",
    ),
    IndicatorColumn(
        "coppock",
        "coppock",
        {"smoothing": 10, "fast": 11, "slow": 14},
        meaning="Turning up from below 0 marked buying times after panics; made for months, of use on days.",
    ),
    IndicatorColumn(
        "detrended_price_20",
        "detrended_price",
        {"period": 20},
        meaning="The price with its trend taken out: the distance between its peaks is the cycle.",
    ),
    IndicatorColumn(
        "forecast_oscillator_14",
        "forecast_oscillator",
        {"period": 14},
        meaning="Above 0 the price beats its own trend line: persistent surprises start trends.",
    ),
    IndicatorColumn(
        "bull_power_13",
        "elder_ray",
        {"period": 13},
        "bull_power",
        meaning="How far buyers pushed above consensus: falling while prices rise warns.",
    ),
    IndicatorColumn(
        "bear_power_13",
        "elder_ray",
        {"period": 13},
        "bear_power",
        meaning="How far sellers pushed below consensus: below 0 but rising in an uptrend is a buy.",
    ),
    IndicatorColumn(
        "qstick_10",
        "qstick",
        {"period": 10},
        meaning="Average candle body: above 0 the sessions themselves are bought, whatever the gaps do.",
    ),
)
