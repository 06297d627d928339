"""Low volatility."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.plugins import IndicatorRequest, Parameter
from alphafactory.strategies.base import Strategy
from alphafactory.strategies.statistical.cross_section import LONGEST_MONTH, held_between

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import Scope, StrategyParameters


class LowVolatility(Strategy):
    """Long the calmest shares of a universe, made anew each month."""

    name = "low_volatility"
    title = "Low volatility"
    idea = (
        "Who may not borrow buys risky shares to earn more, who dreams of a lottery does so, too, and managers who are "
        "measured against an index gain nothing by calm ones. So calm shares are too cheap: they have earned about "
        "what the others have, with a third less risk."
    )
    source = (
        "Blitz and van Vliet (2007), The Volatility Effect: Lower Risk Without Lower Return, Journal of Portfolio "
        "Management 34(1); Frazzini and Pedersen (2014), Betting Against Beta, Journal of Financial Economics 111(1)."
    )
    fails_when = (
        "Markets rise steeply or recover from a crash: calm shares are left behind. They are bonds in disguise and "
        "fall when interest rates rise; when the crowd has bought them they are dear. A share under an offer of "
        "takeover is calm because its price is fixed."
    )
    group = "statistical"
    scope: ClassVar[Scope] = "universe"
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "period": Parameter(252, 20, 756, "returns in the volatility"),
        "share": Parameter(0.2, 0.05, 0.5, "part of the symbols that is held"),
    }
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "volatility": IndicatorRequest("realised_volatility", {"period": "period"}),
    }

    @classmethod
    def settling(cls, params: StrategyParameters) -> int:  # noqa: ARG003  every portfolio lasts as long
        """Return the sessions until a month ends."""
        return LONGEST_MONTH

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:
        """Return equal weights of the calmest from each end of a month on; a price that stands still is not traded."""
        volatility = view.indicators["volatility"]
        calm = -np.where(volatility > 0.0, volatility, np.nan)
        return held_between(view, calm, view.last_of("M"), params["share"], short=False)
