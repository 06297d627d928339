"""Cross-sectional reversal."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from alphafactory.domain.plugins import IndicatorRequest, Parameter
from alphafactory.strategies.base import Strategy
from alphafactory.strategies.statistical.cross_section import LONGEST_WEEK, held_between

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import Scope, StrategyParameters


class CrossSectionalReversal(Strategy):
    """Long those of a universe that fell most over a week, made anew each week."""

    name = "cross_sectional_reversal"
    title = "Cross-sectional reversal"
    idea = (
        "Who must sell this week presses the price below what the share is worth, and who buys from them is paid when "
        "it comes back within days. Of shares that fell against all others, more were pressed than had bad news."
    )
    source = (
        "Lehmann (1990), Fads, Martingales, and Market Efficiency, Quarterly Journal of Economics 105(1); Jegadeesh "
        "(1990), Evidence of Predictable Behavior of Security Returns, Journal of Finance 45(3)."
    )
    fails_when = (
        "The fall was news, as after earnings: then it goes on. It turns over most of its holdings every week, and "
        "costs of ten basis points take what it earns. In a market of panic all losers lose again."
    )
    group = "statistical"
    scope: ClassVar[Scope] = "universe"
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "period": Parameter(5, 1, 63, "bars of the return that ranks, a week"),
        "skip": Parameter(0, 0, 5, "newest bars that are left out"),
        "share": Parameter(0.2, 0.05, 0.5, "part of the symbols that is held"),
        "short": Parameter(0, 0, 1, "1: as many winners are sold short, with half of the equity on each side"),
    }
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "past": IndicatorRequest("past_return", {"period": "period", "skip": "skip"}),
    }

    @classmethod
    def settling(cls, params: StrategyParameters) -> int:  # noqa: ARG003  every portfolio lasts as long
        """Return the sessions until a week ends."""
        return LONGEST_WEEK

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:
        """Return equal weights of the losers, and negative ones of the winners, from each end of a week on."""
        past, weekly = view.indicators["past"], view.last_of("W")
        return held_between(view, -past, weekly, params["share"], short=params["short"] == 1)
