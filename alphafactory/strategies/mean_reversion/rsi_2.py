"""Two-period RSI."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.plugins import IndicatorRequest, Parameter
from alphafactory.strategies.base import Strategy
from alphafactory.strategies.holding import held
from alphafactory.strategies.levels import above

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import StrategyParameters


class Rsi2(Strategy):
    """Long from a very low two-period RSI above the long average until a close above the short average."""

    name = "rsi_2"
    title = "Two-period RSI"
    group = "mean_reversion"
    idea = (
        "Within a long rise, two or three hard falls in a row are mostly the haste of those who must sell, and not "
        "news. Whoever buys from them is paid for it by the recovery of the next days: buy when the RSI of two closes "
        "is very low while the price is still above its long average, and sell at the first close above the average of "
        "the last few."
    )
    source = (
        "Connors and Alvarez (2009), Short Term Trading Strategies That Work, TradingMarkets: the strategy of the "
        "two-period RSI, entered there below 5 or 10."
    )
    fails_when = (
        "The fall is the beginning of a decline: there is no stop, the losses are few and large, and they come when "
        "all shares fall together. In strong rises it waits for weeks, and its many short trades suffer from costs."
    )
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "period": Parameter(2, 2, 6, "closes in the RSI"),
        "entry": Parameter(10.0, 1.0, 30.0, "buy below this RSI"),
        "trend": Parameter(200, 50, 400, "closes in the long average that the price must be above"),
        "exit": Parameter(5, 3, 20, "closes in the short average above which it sells"),
    }
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "rsi": IndicatorRequest("rsi", {"period": "period"}),
        "trend": IndicatorRequest("sma", {"period": "trend"}),
        "exit": IndicatorRequest("sma", {"period": "exit"}),
    }

    @classmethod
    def settling(cls, params: StrategyParameters) -> int:
        """Return the bars within which a close above the short average has come."""
        return 10 + 2 * int(params["exit"])

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:
        """Return 1 while long, else 0, shape (sessions, symbols)."""
        known = view.indicators
        enter = above(view.close, known["trend"]) & (known["rsi"] < params["entry"])
        return held(enter, above(view.close, known["exit"])).astype(np.float64)
