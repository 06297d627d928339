"""Wilder's directional movement, taken only where its trend is strong."""

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


class AdxTrend(Strategy):
    """Long from +DI above -DI in a strong trend until -DI is above +DI."""

    name = "adx_trend"
    title = "Directional movement with ADX filter"
    idea = (
        "Crossings of the directional indicators make money in trends and lose it in ranges. The average directional "
        "index measures how one-sided the movement of the last weeks was, whatever its direction: crossings are "
        "obeyed only where it is high, and the position stays until the other side takes over."
    )
    source = "Wilder (1978), New Concepts in Technical Trading Systems, the chapter on directional movement."
    fails_when = (
        "Trends are short: the index is an average of averages and becomes high when the move is nearly over. It is "
        "high in crashes too, so that the first violent rebound is bought late."
    )
    group = "trend"
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "period": Parameter(14, 5, 50, "bars of each of Wilder's smoothings"),
        "strength": Parameter(25.0, 10.0, 50.0, "the index above which a trend counts as strong"),
        "short": Parameter(0, 0, 1, "1 sells strong falls short, 0 leaves them alone"),
    }
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "adx": IndicatorRequest("adx", {"period": "period"}),
        "plus": IndicatorRequest("plus_di", {"period": "period"}),
        "minus": IndicatorRequest("minus_di", {"period": "period"}),
    }

    @classmethod
    def settling(cls, params: StrategyParameters) -> int:
        """Return the bars of 10 periods: on no share measured did a rise that was not strong last longer."""
        return 10 * int(params["period"])

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:
        """Return 1 from a strong rise until the fall is the stronger side, -1 likewise if asked, else 0."""
        strong = view.indicators["adx"] > params["strength"]
        rising = view.indicators["plus"] > view.indicators["minus"]
        falling = view.indicators["plus"] < view.indicators["minus"]
        target = held(rising & strong, falling).astype(np.float64)
        if params["short"]:
            target -= held(falling & strong, rising)
        return target
