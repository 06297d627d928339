"""Bollinger bands, confirmed by the RSI."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.plugins import IndicatorRequest, Parameter
from alphafactory.strategies.base import Strategy
from alphafactory.strategies.holding import held
from alphafactory.strategies.levels import above, below

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import StrategyParameters


class BollingerRsi(Strategy):
    """Long from a close below the lower band with a low RSI until the middle band; short the other way, if wanted."""

    name = "bollinger_rsi"
    title = "Bollinger bands with RSI"
    group = "mean_reversion"
    idea = (
        "A close beyond a band is rare for the volatility of the last weeks, yet a strong trend can walk along the "
        "band. An RSI that is low as well says that the fall is exhausted by its own past too. Where two measures of "
        "too far agree, buy, and sell where the price is back at its average."
    )
    source = (
        "Bollinger (2001), Bollinger on Bollinger Bands, McGraw-Hill: the bands, and that a tag of one is no signal "
        "unless an indicator confirms it; Wilder (1978), New Concepts in Technical Trading Systems: the RSI."
    )
    fails_when = (
        "A trend begins: the bands widen, the price walks along the lower one with a low RSI all the way, and the "
        "average that it waits for comes down to meet it at a loss."
    )
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "period": Parameter(20, 5, 100, "closes in the bands"),
        "deviations": Parameter(2.0, 0.5, 4.0, "standard deviations from the middle to a band"),
        "rsi": Parameter(14, 2, 50, "closes in the RSI"),
        "oversold": Parameter(35.0, 5.0, 50.0, "buy below this RSI, sell short above 100 less it"),
        "short": Parameter(0, 0, 1, "1 sells short above the upper band as well"),
    }
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "upper": IndicatorRequest("bollinger", {"period": "period", "deviations": "deviations"}, "upper"),
        "middle": IndicatorRequest("bollinger", {"period": "period", "deviations": "deviations"}, "middle"),
        "lower": IndicatorRequest("bollinger", {"period": "period", "deviations": "deviations"}, "lower"),
        "rsi": IndicatorRequest("rsi", {"period": "rsi"}),
    }

    @classmethod
    def settling(cls, params: StrategyParameters) -> int:
        """Return the bars within which a close has crossed the middle band."""
        return 10 + 2 * int(params["period"])

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:
        """Return 1 while long, -1 while short, else 0, shape (sessions, symbols)."""
        close, known, oversold = view.close, view.indicators, params["oversold"]
        enter = below(close, known["lower"]) & (known["rsi"] < oversold)
        target = held(enter, above(close, known["middle"])).astype(np.float64)
        if params["short"]:
            enter = above(close, known["upper"]) & (known["rsi"] > 100.0 - oversold)
            target -= held(enter, below(close, known["middle"]))
        return target
