"""Three markets, three rules: follow a rise, buy weakness in a range, stay away from a fall."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.plugins import IndicatorRequest, Parameter
from alphafactory.errors import UsageError
from alphafactory.strategies.base import Strategy
from alphafactory.strategies.holding import held
from alphafactory.strategies.levels import above

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import StrategyParameters


class RegimeSwitching(Strategy):
    """Bull: long above a fast average. Sideways: long from a low RSI until a high one. Bear: flat.

    Bull is a close above a rising long average, bear one below a falling one, and sideways what lies between.
    """

    name = "regime_switching"
    title = "Regime switching"
    idea = (
        "Trends are followed with profit while they last, and exactly that loses in ranges, where weakness should be "
        "bought; either rule loses in a long fall. Regimes persist for months, so that knowing the present one is "
        "worth more than a better rule: use the one that suits it, and none where none does."
    )
    source = (
        "Ang and Timmermann (2012), Regime Changes and Financial Markets, Annual Review of Financial Economics 4, on "
        "why regimes matter and persist; the long average as their border is Faber (2007), A Quantitative Approach to "
        "Tactical Asset Allocation, Journal of Wealth Management 9(4)."
    )
    fails_when = (
        "Regimes change faster than a long average tells them: a crash out of a bull market is noticed late, the "
        "rebound out of a bear market later still, and at the borders both rules are tried in turn and lose."
    )
    group = "combined"
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "regime": Parameter(200, 50, 400, "closes in the long average whose level and slope make the regime"),
        "trend": Parameter(50, 5, 120, "closes in the fast average that a bull market is followed by"),
        "period": Parameter(2, 2, 30, "closes in the RSI that ranges are traded by"),
        "oversold": Parameter(10.0, 2.0, 45.0, "RSI below which weakness in a range is bought"),
        "recovered": Parameter(70.0, 45.0, 95.0, "RSI above which it is sold again"),
    }
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "regime": IndicatorRequest("regime", {"trend_period": "regime", "volatility_period": 20}, "trend"),
        "average": IndicatorRequest("sma", {"period": "trend"}),
        "rsi": IndicatorRequest("rsi", {"period": "period"}),
    }

    @classmethod
    def check(cls, params: StrategyParameters) -> None:
        """Refuse a fast average that is not faster than the long one, and a low RSI that is not below the high one."""
        if params["trend"] >= params["regime"]:
            raise UsageError(
                f"The strategy 'regime_switching' wants trend below regime, not trend={params['trend']} and "
                f"regime={params['regime']}. Set for example trend=50 regime=200."
            )
        if params["oversold"] >= params["recovered"]:
            raise UsageError(
                f"The strategy 'regime_switching' wants oversold below recovered, not oversold={params['oversold']} "
                f"and recovered={params['recovered']}. Set for example oversold=10 recovered=70."
            )

    @classmethod
    def settling(cls, params: StrategyParameters) -> int:
        """Return the bars of 20 RSI periods: on no share measured did weakness in a range wait longer to recover."""
        return 20 * int(params["period"])

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:
        """Return 1 where the rule of the regime holds the share, else 0; an unknown regime has no rule."""
        regime, rsi = view.indicators["regime"], view.indicators["rsi"]
        sideways = regime == 0.0
        follows = (regime == 1.0) & above(view.close, view.indicators["average"])
        reverts = held(sideways & (rsi < params["oversold"]), ~sideways | (rsi > params["recovered"]))
        return np.where(follows | reverts, 1.0, 0.0)
