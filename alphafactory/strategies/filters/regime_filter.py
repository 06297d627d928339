"""Entries in chosen regimes alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.plugins import IndicatorRequest, Parameter
from alphafactory.errors import UsageError
from alphafactory.strategies.base import Filter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import StrategyParameters

_TRENDS = {"rising": 1.0, "sideways": 0.0, "falling": -1.0}


class RegimeFilter(Filter):
    """Open in the chosen trends, and in volatile times only if they are wanted."""

    name = "regime_filter"
    title = "Regime filter"
    group = "filter"
    idea = (
        "Means, volatilities and correlations of returns change together and stay changed for months: a strategy is "
        "made for some of these states. Trend strategies want a trend, reversion wants calm markets without one, and "
        "few want a falling and volatile one. Let each enter in its own weather."
    )
    source = (
        "Hamilton (1989), A New Approach to the Economic Analysis of Nonstationary Time Series and the Business Cycle, "
        "Econometrica 57(2); Ang and Bekaert (2002), International Asset Allocation with Regime Shifts, Review of "
        "Financial Studies 15(4)."
    )
    fails_when = (
        "A regime is known late and changes fast: it is open when the fall begins and shut when the recovery does; and "
        "with many states there is little data for each."
    )
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "trend": Parameter(200, 20, 400, "bars in the trend, and in the usual volatility"),
        "volatility": Parameter(20, 5, 100, "bars in the volatility that is compared with the usual one"),
        "rising": Parameter(1, 0, 1, "1 is open in rises"),
        "sideways": Parameter(1, 0, 1, "1 is open where there is no trend"),
        "falling": Parameter(0, 0, 1, "1 is open in falls"),
        "volatile": Parameter(0, 0, 1, "1 is open in times more volatile than usual, too"),
    }
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "trend": IndicatorRequest("regime", {"trend_period": "trend", "volatility_period": "volatility"}, "trend"),
        "volatile": IndicatorRequest(
            "regime", {"trend_period": "trend", "volatility_period": "volatility"}, "volatility"
        ),
    }

    @classmethod
    def check(cls, params: StrategyParameters) -> None:
        """Refuse a filter that is never open, and a volatility of more bars than what it is compared with."""
        if not any(params[trend] for trend in _TRENDS):
            raise UsageError(
                "The strategy 'regime_filter' is never open with rising=0 sideways=0 falling=0. Set one of them to 1."
            )
        if params["volatility"] >= params["trend"]:
            raise UsageError(
                "The strategy 'regime_filter' wants volatility below trend, not "
                f"volatility={params['volatility']} and trend={params['trend']}. Set for example volatility=20 "
                "trend=200."
            )

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:
        """Return 1 in the chosen regimes, else 0; the warm-up is in none."""
        trend, volatile = view.indicators["trend"], view.indicators["volatile"]
        chosen = np.zeros(view.close.shape, dtype=np.bool_)
        for name, state in _TRENDS.items():
            if params[name]:
                chosen |= trend == state
        return (chosen & (volatile <= params["volatile"])).astype(np.float64)
