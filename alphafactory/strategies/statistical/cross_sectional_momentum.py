"""Cross-sectional momentum."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from alphafactory.domain.plugins import IndicatorRequest, Parameter
from alphafactory.strategies.base import Strategy
from alphafactory.strategies.statistical.cross_section import LONGEST_MONTH, held_between

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import Scope, StrategyParameters


class CrossSectionalMomentum(Strategy):
    """Long those of a universe that rose most over a year without its last month, made anew each month."""

    name = "cross_sectional_momentum"
    title = "Cross-sectional momentum"
    idea = (
        "Investors learn slowly what a company has become, so that the winners of the last year go on winning against "
        "its losers for some months. The last month is left out, for over so short a time winners fall back. Only the "
        "order of the shares matters, not whether the market rises."
    )
    source = (
        "Jegadeesh and Titman (1993), Returns to Buying Winners and Selling Losers: Implications for Stock Market "
        "Efficiency, Journal of Finance 48(1)."
    )
    fails_when = (
        "The market turns: after a crash the losers recover fastest, and a year's gain is lost in a few months, as in "
        "spring 2009. It turns over most of its holdings each year, and in a small universe the winners are one sector."
    )
    group = "statistical"
    scope: ClassVar[Scope] = "universe"
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "period": Parameter(231, 21, 483, "bars of the return that ranks, eleven months"),
        "skip": Parameter(21, 0, 63, "newest bars that are left out, a month"),
        "share": Parameter(0.2, 0.05, 0.5, "part of the symbols that is held"),
        "short": Parameter(0, 0, 1, "1: as many losers are sold short, with half of the equity on each side"),
    }
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "momentum": IndicatorRequest("past_return", {"period": "period", "skip": "skip"}),
    }

    @classmethod
    def settling(cls, params: StrategyParameters) -> int:  # noqa: ARG003  every portfolio lasts as long
        """Return the sessions until a month ends."""
        return LONGEST_MONTH

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:
        """Return equal weights of the winners, and negative ones of the losers, from each end of a month on."""
        momentum, monthly = view.indicators["momentum"], view.last_of("M")
        return held_between(view, momentum, monthly, params["share"], short=params["short"] == 1)
