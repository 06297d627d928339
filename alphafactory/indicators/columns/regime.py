"""The features of regimes, of the symbol and of the index."""

from __future__ import annotations

from alphafactory.indicators.base import IndicatorColumn

OWN = (
    IndicatorColumn(
        "trend_regime",
        "regime",
        {"trend_period": 200, "volatility_period": 20},
        output="trend",
        meaning="1 bull, -1 bear, 0 between: buy strength in the first, stand aside in the second.",
    ),
    IndicatorColumn(
        "volatility_regime",
        "regime",
        {"trend_period": 200, "volatility_period": 20},
        output="volatility",
        meaning="1 where the month is wilder than usual: smaller positions and wider stops.",
    ),
    IndicatorColumn(
        "regime_state",
        "regime",
        {"trend_period": 200, "volatility_period": 20},
        output="state",
        meaning="0 to 2 calm bear, sideways, bull; 3 to 5 the same but wild: each wants its own rule.",
    ),
)

INDEX = (
    IndicatorColumn(
        "index_trend_regime",
        "index_regime",
        {"trend_period": 200, "volatility_period": 20},
        output="trend",
        meaning="The market's tide: three stocks of four follow it, so few buys pay against it.",
    ),
    IndicatorColumn(
        "index_volatility_regime",
        "index_regime",
        {"trend_period": 200, "volatility_period": 20},
        output="volatility",
        meaning="1 where the whole market is nervous: correlations rise and breakouts fail.",
    ),
    IndicatorColumn(
        "index_regime_state",
        "index_regime",
        {"trend_period": 200, "volatility_period": 20},
        output="state",
        meaning="The market's weather in one code: 2 the calm bull most rules were made for, 3 the wild bear.",
    ),
)
