"""MACD above its signal line."""

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

_ARGUMENTS = {"fast": "fast", "slow": "slow", "signal": "signal"}


class MacdCrossover(Strategy):
    """Long while the MACD line is above its signal line, else flat."""

    name = "macd_crossover"
    title = "MACD crossover"
    idea = (
        "The distance between a fast and a slow exponential average is the speed of the trend; where it exceeds its "
        "own average, the trend gathers pace. A rise that gathers pace is bought before the averages themselves "
        "cross, and left when it slows, not only when it has turned."
    )
    source = (
        "Appel (2005), Technical Analysis: Power Tools for Active Investors, by the inventor of the indicator; tested "
        "by Chong and Ng (2008), Applied Economics Letters 15(14), on the FT30."
    )
    fails_when = (
        "Trends are long and even: the line hovers around its signal and sells a rise that merely stops accelerating. "
        "In a fall it buys every pause, since a slower fall counts as gathering pace."
    )
    group = "trend"
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "fast": Parameter(12, 2, 50, "closes in the fast exponential average"),
        "slow": Parameter(26, 5, 200, "closes in the slow exponential average"),
        "signal": Parameter(9, 2, 50, "values of the line in the exponential average that is its signal"),
    }
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "line": IndicatorRequest("macd", _ARGUMENTS, "line"),
        "signal": IndicatorRequest("macd", _ARGUMENTS, "signal"),
    }

    @classmethod
    def check(cls, params: StrategyParameters) -> None:
        """Refuse a fast average that is not faster than the slow one."""
        if params["fast"] >= params["slow"]:
            raise UsageError(
                f"The strategy 'macd_crossover' wants fast below slow, not fast={params['fast']} and "
                f"slow={params['slow']}. Set for example fast=12 slow=26."
            )

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:  # noqa: ARG004  the periods are in the indicators
        """Return 1 where the line is above its signal, 0 elsewhere; NaN of the warm-up is above nothing."""
        return (view.indicators["line"] > view.indicators["signal"]).astype(np.float64)
