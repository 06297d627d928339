"""Dual momentum: the best of a universe, if they are good at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.plugins import IndicatorRequest, Parameter
from alphafactory.strategies.base import Strategy
from alphafactory.strategies.rebalancing import kept_between

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import StrategyParameters


class DualMomentum(Strategy):
    """Once a month: an equal part in each of the strongest, and cash for each of them that is not strong enough."""

    name = "dual_momentum"
    title = "Dual momentum (absolute and relative)"
    idea = (
        "Winners of the past year go on winning against the others: relative momentum says what to own. A winner of "
        "a falling market falls too: absolute momentum, its own return above what cash pays, says whether to own "
        "anything. The first earns more than the market, the second avoids most of its long falls."
    )
    source = (
        "Antonacci (2012), Risk Premia Harvesting Through Dual Momentum, SSRN 2042750, and (2014), Dual Momentum "
        "Investing. There the choice is among a few asset classes; relative momentum of shares is Jegadeesh and "
        "Titman (1993), Journal of Finance 48(1)."
    )
    fails_when = (
        "The leaders change quickly, or a crash is over within weeks: it sells at the bottom at a month's end and "
        "buys back months later and higher. A few holdings carry the risk of single companies."
    )
    group = "trend"
    scope = "universe"
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "period": Parameter(252, 21, 504, "sessions whose return is compared"),
        "skip": Parameter(0, 0, 42, "newest sessions left out of it; 21 for shares alone"),
        "holdings": Parameter(5, 1, 100, "symbols held at most, each with an equal part of equity"),
        "hurdle": Parameter(0.02, -0.2, 0.5, "return over the period that cash would have paid; below it cash is held"),
    }
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "return": IndicatorRequest("past_return", {"period": "period", "skip": "skip"}),
    }

    @classmethod
    def settling(cls, params: StrategyParameters) -> int:  # noqa: ARG003  a month has as many sessions whatever they are
        """Return the sessions of the longest month: so long the first rebalance may be away."""
        return 23

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:
        """Return 1/holdings for each of the best whose return exceeds the hurdle, of the newest month's end, else 0.

        Of equal returns the symbol of the earlier column comes first.

        Raises:
            SimulationError: the market has no calendar.
        """
        ends = view.last_of("M")
        weights = np.zeros(view.close.shape)
        weights[ends] = _chosen(_of_members(view)[ends], params) / params["holdings"]
        return kept_between(weights, ends)


def _of_members(view: MarketView) -> FloatArray:
    """Return the returns of who may be held, NaN elsewhere."""
    past = view.indicators["return"]
    return past if view.member is None else np.where(view.member, past, np.nan)


def _chosen(past: FloatArray, params: StrategyParameters) -> FloatArray:
    """Return 1 for the largest of each row that exceed the hurdle, 0 elsewhere; NaN exceeds nothing."""
    best_first = np.argsort(-past, axis=1, kind="stable")
    chosen = np.zeros(past.shape)
    np.put_along_axis(chosen, best_first[:, : int(params["holdings"])], 1.0, axis=1)
    return np.where(past > params["hurdle"], chosen, 0.0)
