"""Bullish candlestick patterns at the end of a setback within a rise."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.plugins import IndicatorRequest, Parameter
from alphafactory.strategies.base import Strategy
from alphafactory.strategies.holding import held
from alphafactory.strategies.levels import above, below

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.arrays import BoolArray, FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import StrategyParameters

_BULLISH = ("hammer", "engulfing", "piercing", "morning_star")
_BEARISH = ("shooting_star", "engulfing", "dark_cloud_cover", "evening_star")


class CandlestickTrend(Strategy):
    """Long from a bullish reversal pattern at a low of some days in a rise, for some bars or until the opposite.

    Bullish are hammer, engulfing, piercing line and morning star; bearish shooting star, engulfing, dark cloud cover
    and evening star. A pattern needs something to reverse: one of its bars must have made the low of the setback.
    """

    name = "candlestick_trend"
    title = "Candlestick reversals with trend filter"
    idea = (
        "A candlestick pattern is a picture of a day on which sellers gave up: the price fell, found buyers and closed "
        "near its high. By itself that says little; at the end of a setback within a rise, where buyers wait anyway, "
        "it is a moment to join them with little at risk, for a few days."
    )
    source = (
        "Nison (1991), Japanese Candlestick Charting Techniques. Caginalp and Laurent (1998), The Predictive Power of "
        "Price Patterns, Applied Mathematical Finance 5, found a gain of nearly 1% in two days; Marshall, Young and "
        "Rose (2006), Journal of Banking and Finance 30(8), found none in the shares of the Dow."
    )
    fails_when = (
        "Patterns are read on few and thin bars, or the rise has ended and the setback is the fall. There are several "
        "a month by chance alone, and over short holding times costs eat what they give."
    )
    group = "combined"
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "trend": Parameter(100, 20, 300, "closes in the average that must lie below the close"),
        "setback": Parameter(5, 3, 30, "bars whose lowest low the pattern must contain"),
        "hold": Parameter(10, 1, 60, "bars after which the trade ends"),
    }
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "average": IndicatorRequest("sma", {"period": "trend"}),
        "pattern_low": IndicatorRequest("lowest", {"period": 3}),
        "setback_low": IndicatorRequest("lowest", {"period": "setback"}),
        **{name: IndicatorRequest(name) for name in dict.fromkeys(_BULLISH + _BEARISH)},
    }

    @classmethod
    def settling(cls, params: StrategyParameters) -> int:
        """Return the bars of three trades: when one may begin depends on when the one before has ended."""
        return 3 * int(params["hold"])

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:
        """Return 1 from a bullish pattern up to a bearish one, a close below the average or the last bar, else 0."""
        indicators = view.indicators
        average = indicators["average"]
        at_low = indicators["pattern_low"] <= indicators["setback_low"]
        enter = _any(indicators, _BULLISH, 1.0) & at_low & above(view.close, average)
        leave = _any(indicators, _BEARISH, -1.0) | below(view.close, average)
        return held(enter, leave, most=int(params["hold"])).astype(np.float64)


def _any(indicators: Mapping[str, FloatArray], patterns: tuple[str, ...], sign: float) -> BoolArray:
    """Return where one of the patterns has that sign; NaN has none."""
    found: BoolArray = np.logical_or.reduce([indicators[name] * sign > 0.0 for name in patterns])
    return found
