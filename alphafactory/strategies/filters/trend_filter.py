"""Entries in rises alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.plugins import IndicatorRequest, Parameter
from alphafactory.strategies.base import Filter
from alphafactory.strategies.levels import above

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import StrategyParameters


class TrendFilter(Filter):
    """Open while the close is above its long average."""

    name = "trend_filter"
    title = "Trend filter"
    group = "filter"
    idea = (
        "Returns below a long average have been no higher and far more volatile than above it. Whatever a strategy "
        "buys, buying it in a rise alone leaves out the worst declines, at the price of coming late to the recoveries."
    )
    source = (
        "Faber (2007), A Quantitative Approach to Tactical Asset Allocation, Journal of Wealth Management 9(4): the "
        "average of ten months, some 200 sessions."
    )
    fails_when = (
        "The price crosses its average back and forth, or turns sharply: it is open at the top, shut at the bottom, "
        "and what is held already is not sold by it."
    )
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "period": Parameter(200, 10, 400, "closes in the average"),
    }
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "average": IndicatorRequest("sma", {"period": "period"}),
    }

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:  # noqa: ARG004  the period is the indicator's
        """Return 1 where the close is above the average, else 0; the warm-up is above nothing."""
        return above(view.close, view.indicators["average"]).astype(np.float64)
