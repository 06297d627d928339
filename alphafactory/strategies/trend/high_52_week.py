"""The 52-week high: bought where it is made, sold well below it."""

from __future__ import annotations

import math
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


class High52Week(Strategy):
    """Long from a close at its highest of a year until it has fallen too far below that."""

    name = "high_52_week"
    title = "52-week high breakout"
    idea = (
        "The highest price of the year is printed in every newspaper and serves as an anchor: near it holders sell "
        "and buyers hesitate, even if the news deserves more, so that good news is paid for late. Nearness to the "
        "high predicts returns better than past returns do, and the gain is not taken back afterwards."
    )
    source = "George and Hwang (2004), The 52-Week High and Momentum Investing, Journal of Finance 59(5)."
    fails_when = (
        "The market as a whole turns: what stands at its high has the farthest to fall. After a crash it waits for "
        "new highs and misses the recovery, in which the most beaten shares rise most."
    )
    group = "trend"
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "period": Parameter(252, 60, 504, "closes whose highest is the high"),
        "near": Parameter(0.0, 0.0, 0.1, "share below the high at which a close still counts as at it"),
        "fall": Parameter(0.1, 0.02, 0.5, "share below the high at which the trade ends"),
    }
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "distance": IndicatorRequest("distance_from_high", {"period": "period"}),
    }

    @classmethod
    def check(cls, params: StrategyParameters) -> None:
        """Refuse an entry that lies as far below the high as the exit."""
        if params["near"] >= params["fall"]:
            raise UsageError(
                f"The strategy 'high_52_week' wants near below fall, not near={params['near']} and "
                f"fall={params['fall']}. Set for example near=0 fall=0.1."
            )

    @classmethod
    def settling(cls, params: StrategyParameters) -> int:
        """Return 25 bars for each percent of the fall: on no share measured was the price longer on its way."""
        return math.ceil(2500.0 * params["fall"])

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:
        """Return 1 from a close at the high until one too far below it, else 0."""
        distance = view.indicators["distance"]
        return held(distance >= -params["near"], distance < -params["fall"]).astype(np.float64)
