"""Breakout from Keltner's channel: a move too large for the range of the last days."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.plugins import IndicatorRequest, Parameter
from alphafactory.strategies.base import Strategy
from alphafactory.strategies.holding import held

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import StrategyParameters

_ARGUMENTS = {"period": "period", "range_period": "range_period", "ranges": "ranges"}


class VolatilityBreakout(Strategy):
    """Long from a close above the upper channel line until one below the middle line."""

    name = "volatility_breakout"
    title = "Volatility breakout (Keltner channel)"
    idea = (
        "Calm times end in large moves, and what is large is measured by the average range of the days before. A "
        "close some ranges away from its average tells that somebody is in a hurry, and large orders are worked for "
        "days: follow until the price is back at its average."
    )
    source = (
        "Keltner (1960), How to Make Money in Commodities, the ten-day moving average rule; in its later form, an "
        "exponential average and the average true range, after Linda Bradford Raschke."
    )
    fails_when = (
        "The large move was the whole move: news is priced in a day, the breakout is bought at its end, and the price "
        "drifts back. After wild times the channel is so wide that a new trend is well under way before it is left."
    )
    group = "trend"
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "period": Parameter(20, 5, 100, "bars in the exponential average of typical prices that is the middle"),
        "range_period": Parameter(10, 5, 60, "bars in the average true range"),
        "ranges": Parameter(2.0, 0.5, 5.0, "average true ranges from the middle to each line"),
        "short": Parameter(0, 0, 1, "1 sells closes below the lower line short, 0 leaves them alone"),
    }
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "upper": IndicatorRequest("keltner", _ARGUMENTS, "upper"),
        "middle": IndicatorRequest("keltner", _ARGUMENTS, "middle"),
        "lower": IndicatorRequest("keltner", _ARGUMENTS, "lower"),
    }

    @classmethod
    def settling(cls, params: StrategyParameters) -> int:
        """Return the bars of 4 periods: on no share measured did the price stay longer between middle and line."""
        return 4 * int(params["period"])

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:
        """Return 1 from a close above the channel to one below its middle, -1 likewise downwards if asked, else 0."""
        middle = view.indicators["middle"]
        target = held(view.close > view.indicators["upper"], view.close < middle).astype(np.float64)
        if params["short"]:
            target -= held(view.close < view.indicators["lower"], view.close > middle)
        return target
