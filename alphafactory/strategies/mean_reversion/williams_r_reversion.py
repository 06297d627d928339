"""Williams' %R."""

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


class WilliamsRReversion(Strategy):
    """Long from a close at the bottom of the range of the last bars until one in its upper part."""

    name = "williams_r_reversion"
    title = "Williams' %R"
    group = "mean_reversion"
    idea = (
        "A close at the very bottom of the range of the last two weeks says that sellers held the field until the "
        "bell. In markets that swing, that is where they run out: buy the close at the bottom, and sell when a close "
        "lies in the upper part of the range again."
    )
    source = (
        "Williams (1979), How I Made One Million Dollars Last Year Trading Commodities, Windsor Books: %R, oversold "
        "near the bottom of its scale."
    )
    fails_when = (
        "A decline goes on: %R stays at the bottom for weeks, every close there is lower than the last, and there is "
        "no stop. `williams_r_reversion & trend_filter` leaves the worst of these out."
    )
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "period": Parameter(10, 3, 100, "bars in the range"),
        "entry": Parameter(-90.0, -99.0, -60.0, "buy below this %R; -100 is the bottom"),
        "exit": Parameter(-30.0, -50.0, -1.0, "sell above this %R; 0 is the top"),
    }
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "range": IndicatorRequest("williams_r", {"period": "period"}),
    }

    @classmethod
    def settling(cls, params: StrategyParameters) -> int:
        """Return the bars within which a close has been near the top or the bottom."""
        return 20 + 3 * int(params["period"])

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:
        """Return 1 while long, else 0, shape (sessions, symbols)."""
        place = view.indicators["range"]
        return held(place < params["entry"], place > params["exit"]).astype(np.float64)
