"""The cached measures of volatility."""

from __future__ import annotations

from alphafactory.indicators.base import IndicatorColumn

VOLATILITY = (
    IndicatorColumn(
        "atr_14",
        "atr",
        {"period": 14},
        meaning="A usual day's travel, gaps included: the yardstick for stops and sizes.",
        standard=True,
    ),
    IndicatorColumn(
        "standard_deviation_20",
        "standard_deviation",
        {"period": 20},
        meaning="Scatter of the closes around their mean: low values are the calm before a breakout.",
        standard=True,
    ),
)

RANGES = (
    IndicatorColumn(
        "natr_14",
        "natr",
        {"period": 14},
        meaning="A usual day's travel in percent: sizes positions alike across cheap and dear shares.",
    ),
    IndicatorColumn(
        "true_range", "true_range", meaning="Today's travel, gap included: several times its average means news."
    ),
    IndicatorColumn(
        "average_day_range_14",
        "average_day_range",
        {"period": 14},
        meaning="What can be earned between high and low on a usual day, gaps left out.",
    ),
    IndicatorColumn(
        "chaikin_volatility_10",
        "chaikin_volatility",
        {"period": 10, "change": 10},
        meaning="Ranges widen fast at panic lows and slowly at tops: a spike is nearer to a bottom.",
    ),
    IndicatorColumn(
        "mass_index",
        "mass_index",
        {"period": 9, "total": 25},
        meaning="Above 27 and back under 26.5 is the bulge: ranges swelled and a reversal is due.",
    ),
    IndicatorColumn(
        "relative_volatility_14",
        "relative_volatility",
        {"period": 14, "deviation_period": 10},
        meaning="Over 50 the volatility comes with rises: confirms a buy that another indicator gives.",
    ),
)
