"""The other moving averages."""

from __future__ import annotations

from alphafactory.indicators.base import IndicatorColumn

WEIGHTED = (
    IndicatorColumn(
        "wma_20",
        "wma",
        {"period": 20},
        meaning="The month's trend with the last days weighed most, without an exponential's long tail.",
    ),
    IndicatorColumn(
        "dema_20",
        "dema",
        {"period": 20},
        meaning="A month's trend with half of the lag taken out; it overshoots at turns.",
    ),
    IndicatorColumn(
        "tema_20",
        "tema",
        {"period": 20},
        meaning="As the double average, with less lag and more overshoot: for quick exits.",
    ),
    IndicatorColumn(
        "trima_20",
        "trima",
        {"period": 20},
        meaning="The middle of the month weighs most: the smoothest curve, and the latest.",
    ),
    IndicatorColumn(
        "hull_average_20",
        "hull_average",
        {"period": 20},
        meaning="Turns within days of the price: its slope changing sign is the usual trigger.",
    ),
    IndicatorColumn(
        "t3_5",
        "t3",
        {"period": 5, "volume_factor": 0.7},
        meaning="A very smooth short trend that still keeps up: fewer whipsaws than an EMA of its length.",
    ),
    IndicatorColumn(
        "zero_lag_ema_20",
        "zero_lag_ema",
        {"period": 20},
        meaning="The month's trend as if it had been known two weeks earlier; noisy in a range.",
    ),
    IndicatorColumn(
        "vwma_20",
        "vwma",
        {"period": 20},
        meaning="What the month's shares cost on average: above it the usual buyer of the month is in profit.",
    ),
)

ADAPTIVE = (
    IndicatorColumn(
        "kama_10",
        "kama",
        {"period": 10},
        meaning="Stands still in noise and runs in a trend: a close beyond it after a flat stretch is a start.",
    ),
    IndicatorColumn(
        "mama",
        "mesa_adaptive_average",
        {"fast_limit": 0.5, "slow_limit": 0.05},
        "mama",
        meaning="Steps towards the price when a cycle ends; crossing its slow partner gives few, early signals.",
    ),
    IndicatorColumn(
        "fama",
        "mesa_adaptive_average",
        {"fast_limit": 0.5, "slow_limit": 0.05},
        "fama",
        meaning="The slow partner of the MESA average: the side on which the fast one stands is the trend.",
    ),
    IndicatorColumn(
        "hilbert_trendline",
        "hilbert_trendline",
        meaning="The trend with the dominant cycle averaged out: a price far from it is a cycle's extreme.",
    ),
)
