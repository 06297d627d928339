"""Short-term reversal of hard falls on high volume, with a time stop."""

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


class ShortTermReversion(Strategy):
    """Long from a fall below the band with a low RSI on high volume, until the average or for a week at most."""

    name = "short_term_reversion"
    title = "Short-term reversion"
    group = "mean_reversion"
    idea = (
        "Losers of a week gain in the next, since those who had to sell moved the price away from its worth, and those "
        "who took the other side want a reward. High volume is the mark of such selling. The effect lives for days, "
        "not for weeks: buy the fall, sell at the average, and be out after five bars whatever happens."
    )
    source = (
        "Lehmann (1990), Fads, Martingales, and Market Efficiency, Quarterly Journal of Economics 105(1); Jegadeesh "
        "(1990), Evidence of Predictable Behavior of Security Returns, Journal of Finance 45(3); for the volume "
        "Campbell, Grossman and Wang (1993), Trading Volume and Serial Correlation in Stock Returns, same journal as "
        "Lehmann, 108(4)."
    )
    fails_when = (
        "The volume is news: after a profit warning the fall goes on for weeks. Costs eat a good part of so short a "
        "trade, and in a crash all shares signal on the same day."
    )
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "period": Parameter(20, 5, 100, "closes in the band, and bars in the usual volume"),
        "deviations": Parameter(1.5, 0.5, 4.0, "standard deviations from the average to the band"),
        "rsi": Parameter(5, 2, 30, "closes in the RSI"),
        "oversold": Parameter(30.0, 5.0, 50.0, "buy below this RSI"),
        "volume": Parameter(1.2, 0.5, 5.0, "buy on a volume above so many times the usual one"),
        "bars": Parameter(5, 1, 30, "bars after which it is out"),
    }
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "middle": IndicatorRequest("bollinger", {"period": "period", "deviations": "deviations"}, "middle"),
        "lower": IndicatorRequest("bollinger", {"period": "period", "deviations": "deviations"}, "lower"),
        "rsi": IndicatorRequest("rsi", {"period": "rsi"}),
        "volume": IndicatorRequest("volume_ratio", {"period": "period"}),
    }

    @classmethod
    def settling(cls, params: StrategyParameters) -> int:
        """Return the bars within which a trade has ended: where entries follow one another each waits for the other."""
        return 20 + 5 * int(params["bars"])

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:
        """Return 1 while long, else 0, shape (sessions, symbols)."""
        known = view.indicators
        oversold = below(view.close, known["lower"]) & (known["rsi"] < params["oversold"])
        enter = oversold & (known["volume"] > params["volume"])
        return held(enter, above(view.close, known["middle"]), int(params["bars"])).astype(np.float64)
