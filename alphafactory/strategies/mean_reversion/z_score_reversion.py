"""Reversion of the price to its average, measured in standard deviations."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.plugins import IndicatorRequest, Parameter
from alphafactory.errors import UsageError
from alphafactory.strategies.base import Strategy
from alphafactory.strategies.holding import held

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import StrategyParameters


class ZScoreReversion(Strategy):
    """Long from so many standard deviations below the average until close to it; short the other way, if wanted."""

    name = "z_score_reversion"
    title = "Z-score of the price"
    group = "mean_reversion"
    idea = (
        "Where prices swing about a level that moves slowly, how far away they are, counted in their own standard "
        "deviations, says how much is to be earned on the way back and how rare such a distance is. Buy when it is "
        "large, and sell when most of the way is done."
    )
    source = (
        "Poterba and Summers (1988), Mean Reversion in Stock Prices: Evidence and Implications, Journal of Financial "
        "Economics 22(1); as a rule with two thresholds in Chan (2013), Algorithmic Trading: Winning Strategies and "
        "Their Rationale, Wiley."
    )
    fails_when = (
        "The level itself has moved: after news the old average means nothing, and the score returns to 0 because the "
        "average follows the price down, not because the price comes back."
    )
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "period": Parameter(20, 5, 250, "closes in the average and in the deviation"),
        "entry": Parameter(2.0, 0.5, 4.0, "deviations away at which it enters"),
        "exit": Parameter(0.5, -1.0, 2.0, "deviations away at which it leaves; below 0 is beyond the average"),
        "short": Parameter(0, 0, 1, "1 sells short above the average as well"),
    }
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "score": IndicatorRequest("z_score", {"period": "period"}),
    }

    @classmethod
    def check(cls, params: StrategyParameters) -> None:
        """Refuse an exit that is as far away as the entry."""
        if params["exit"] >= params["entry"]:
            raise UsageError(
                f"The strategy 'z_score_reversion' wants exit below entry, not exit={params['exit']} and "
                f"entry={params['entry']}. Set for example entry=2 exit=0.5."
            )

    @classmethod
    def settling(cls, params: StrategyParameters) -> int:
        """Return the bars within which the score has been near 0."""
        return 10 + 2 * int(params["period"])

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:
        """Return 1 while long, -1 while short, else 0, shape (sessions, symbols)."""
        score, far, near = view.indicators["score"], params["entry"], params["exit"]
        target = held(score < -far, score > -near).astype(np.float64)
        if params["short"]:
            target -= held(score > far, score < near)
        return target
