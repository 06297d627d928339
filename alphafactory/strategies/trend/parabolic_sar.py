"""Wilder's parabolic stop and reverse."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.plugins import IndicatorRequest, Parameter
from alphafactory.errors import UsageError
from alphafactory.strategies.base import Strategy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import StrategyParameters


class ParabolicSar(Strategy):
    """Long while the close is above the parabolic stop, flat or short while it is below."""

    name = "parabolic_sar"
    title = "Parabolic stop and reverse"
    idea = (
        "A trade should make progress or end. The stop follows the trend and gains on it faster with every new "
        "extreme, so that time itself closes a position that no longer moves; where the price meets the stop, the "
        "trend has bent and the other side is taken."
    )
    source = "Wilder (1978), New Concepts in Technical Trading Systems, the parabolic time/price system."
    fails_when = (
        "There is no trend: it is nearly always close to a turn and is whipped from side to side. Even in a strong "
        "rise it is thrown out by each pause and buys back higher. Wilder himself took it only in directional markets."
    )
    group = "trend"
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "acceleration": Parameter(0.02, 0.005, 0.1, "the first acceleration factor, and its step at each new extreme"),
        "maximum": Parameter(0.2, 0.05, 0.5, "the largest acceleration factor"),
        "short": Parameter(0, 0, 1, "1 reverses to short at the stop, 0 only sells"),
    }
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "stop": IndicatorRequest("parabolic_sar", {"acceleration": "acceleration", "maximum": "maximum"}),
    }

    @classmethod
    def check(cls, params: StrategyParameters) -> None:
        """Refuse a first factor above the largest."""
        if params["acceleration"] > params["maximum"]:
            raise UsageError(
                "The strategy 'parabolic_sar' wants acceleration at most maximum, not "
                f"acceleration={params['acceleration']} and maximum={params['maximum']}. Set for example "
                "acceleration=0.02 maximum=0.2."
            )

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:
        """Return 1 where the close is above the stop, -1 where it is below if asked, else 0."""
        stop = view.indicators["stop"]
        target = (view.close > stop).astype(np.float64)
        if params["short"]:
            target -= view.close < stop
        return target
