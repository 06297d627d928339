"""Entries on high volume alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.plugins import IndicatorRequest, Parameter
from alphafactory.strategies.base import Filter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import StrategyParameters


class VolumeFilter(Filter):
    """Open in sessions whose volume is so many times the usual one."""

    name = "volume_filter"
    title = "Volume filter"
    group = "filter"
    idea = (
        "A signal on a day on which few traded is the opinion of few, and may be nothing but a large order. High "
        "volume says that many saw the price and acted, so that a breakout is meant and an exhausted fall is over."
    )
    source = (
        "Blume, Easley and O'Hara (1994), Market Statistics and Technical Analysis: The Role of Volume, Journal of "
        "Finance 49(1)."
    )
    fails_when = (
        "Volume is high for reasons of its own, such as index changes, expiries and news already in the price; and in "
        "quiet summers it stays shut while good trades begin."
    )
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "period": Parameter(20, 2, 250, "bars before the session whose average is the usual volume"),
        "times": Parameter(1.0, 0.2, 5.0, "open above so many times the usual volume"),
    }
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "volume": IndicatorRequest("volume_ratio", {"period": "period"}),
    }

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:
        """Return 1 where the volume is high enough, else 0, also where it is unknown."""
        return (view.indicators["volume"] > params["times"]).astype(np.float64)
