"""Simple moving average crossover."""

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


class SmaCrossover(Strategy):
    """Long while the fast average is above the slow one, else flat."""

    name = "sma_crossover"
    title = "Moving average crossover"
    group = "trend"
    idea = (
        "News spreads slowly and investors herd, so that a rise tends to go on. When the average of the last weeks "
        "lifts above that of the last months a trend is under way: hold the share until they change places again."
    )
    source = (
        "Brock, Lakonishok and LeBaron (1992), Simple Technical Trading Rules and the Stochastic Properties of Stock "
        "Returns, Journal of Finance 47(5)."
    )
    fails_when = (
        "Prices go sideways: the averages cross back and forth, and every crossing buys high, sells low and pays "
        "costs. It enters late, gives back much of a sharp top, and misses a fast recovery."
    )
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "fast": Parameter(20, 2, 100, "closes in the fast average"),
        "slow": Parameter(50, 5, 400, "closes in the slow average"),
    }
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "fast": IndicatorRequest("sma", {"period": "fast"}),
        "slow": IndicatorRequest("sma", {"period": "slow"}),
    }

    @classmethod
    def check(cls, params: StrategyParameters) -> None:
        """Refuse a fast average that is not faster than the slow one."""
        if params["fast"] >= params["slow"]:
            raise UsageError(
                f"The strategy 'sma_crossover' wants fast below slow, not fast={params['fast']} and "
                f"slow={params['slow']}. Set for example fast=20 slow=50."
            )

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:  # noqa: ARG004  the periods are in the indicators
        """Return 1 where the fast average is above the slow one, 0 elsewhere; NaN of the warm-up is above nothing."""
        return (view.indicators["fast"] > view.indicators["slow"]).astype(np.float64)
