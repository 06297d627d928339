"""The features of a symbol beside the index."""

from __future__ import annotations

from alphafactory.indicators.base import IndicatorColumn

REGRESSION = (
    IndicatorColumn(
        "index_beta_60",
        "index_regression",
        {"period": 60},
        output="beta",
        meaning="What a move of the market of 1 % has meant for this stock of late.",
    ),
    IndicatorColumn(
        "index_beta_252",
        "index_regression",
        {"period": 252},
        output="beta",
        meaning="The year's beta, to hedge by: low ones have earned more than theory grants.",
    ),
    IndicatorColumn(
        "index_correlation_60",
        "index_regression",
        {"period": 60},
        output="correlation",
        meaning="Near 1 you trade the market and not the stock: diversification is gone.",
    ),
    IndicatorColumn(
        "index_correlation_252",
        "index_regression",
        {"period": 252},
        output="correlation",
        meaning="How much of the year's ups and downs the market explains.",
    ),
    IndicatorColumn(
        "index_alpha_252",
        "index_regression",
        {"period": 252},
        output="alpha",
        meaning="The year's gain beyond what the beta earned: momentum cleaned of the market.",
    ),
    IndicatorColumn(
        "idiosyncratic_volatility_60",
        "index_regression",
        {"period": 60},
        output="idiosyncratic_volatility",
        meaning="Volatility of the stock's own news: high ones have earned poorly since.",
    ),
)

STRENGTH = (
    IndicatorColumn(
        "relative_strength_21",
        "relative_strength",
        {"period": 21},
        meaning="The month's lead over the index: money moving in or out of this name.",
    ),
    IndicatorColumn(
        "relative_strength_63",
        "relative_strength",
        {"period": 63},
        meaning="The quarter's lead over the index: leaders often lead on.",
    ),
    IndicatorColumn(
        "relative_strength_252",
        "relative_strength",
        {"period": 252},
        meaning="The year's lead over the index, by which growth traders rank stocks.",
    ),
    IndicatorColumn(
        "mansfield_strength_252",
        "mansfield_strength",
        {"period": 252},
        meaning="Crossing 0 upwards, the stock begins to outrun the market: Weinstein's second stage.",
    ),
)
