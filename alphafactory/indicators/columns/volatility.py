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
