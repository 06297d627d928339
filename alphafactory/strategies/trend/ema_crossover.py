"""Exponential moving average crossover."""

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


class EmaCrossover(Strategy):
    """Long while the fast exponential average is above the slow one, else flat."""

    name = "ema_crossover"
    title = "Exponential moving average crossover"
    idea = (
        "As with simple averages, a fast one above a slow one tells a rise under way. Exponential averages weigh the "
        "newest closes most and let old ones fade instead of dropping out of a window on a day that means nothing, so "
        "that they turn sooner after a change of trend."
    )
    source = (
        "Levine and Pedersen (2016), Which Trend Is Your Friend?, Financial Analysts Journal 72(3): crossings of "
        "averages and time-series momentum are two ways of weighing the same past returns."
    )
    fails_when = (
        "Prices go sideways: turning sooner, it is fooled more often than simple averages, and each crossing buys "
        "high, sells low and pays costs. A single wild close moves it."
    )
    group = "trend"
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "fast": Parameter(20, 2, 100, "closes in the fast average; the newest weighs 2 / (fast + 1)"),
        "slow": Parameter(50, 5, 400, "closes in the slow average"),
    }
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "fast": IndicatorRequest("ema", {"period": "fast"}),
        "slow": IndicatorRequest("ema", {"period": "slow"}),
    }

    @classmethod
    def check(cls, params: StrategyParameters) -> None:
        """Refuse a fast average that is not faster than the slow one."""
        if params["fast"] >= params["slow"]:
            raise UsageError(
                f"The strategy 'ema_crossover' wants fast below slow, not fast={params['fast']} and "
                f"slow={params['slow']}. Set for example fast=20 slow=50."
            )

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:  # noqa: ARG004  the periods are in the indicators
        """Return 1 where the fast average is above the slow one, 0 elsewhere; NaN of the warm-up is above nothing."""
        return (view.indicators["fast"] > view.indicators["slow"]).astype(np.float64)
