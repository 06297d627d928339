"""Pairs trading by cointegration."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.strategies.base import Strategy
from alphafactory.strategies.statistical.pair_formation import (
    PAIR_PARAMETERS,
    check_pairs,
    formations,
    log_closes,
    settling_of_pairs,
)
from alphafactory.strategies.statistical.pair_trading import add_pairs, legs, positions, tradable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import MarketView, Parameter
    from alphafactory.strategies.base import Scope, StrategyParameters
    from alphafactory.strategies.statistical.pair_formation import Formation


class CointegrationPairs(Strategy):
    """Long the cheap and short the dear of two cointegrated shares, until their spread is back at its mean."""

    name = "cointegration_pairs"
    title = "Pairs by cointegration"
    idea = (
        "Two companies that live by the same business are worth about the same multiple of each other. When one of "
        "them runs away without news that tells them apart, who sells it and buys the other is paid for waiting until "
        "they meet, whatever the market does. The pairs, and how much of one hedges the other, are found anew every "
        "few months from the year before."
    )
    source = (
        "Engle and Granger (1987), Co-integration and Error Correction, Econometrica 55(2); Vidyamurthy (2004), Pairs "
        "Trading: Quantitative Methods and Analysis; Gatev, Goetzmann and Rouwenhorst (2006), Pairs Trading: "
        "Performance of a Relative-Value Arbitrage Rule, Review of Financial Studies 19(3)."
    )
    fails_when = (
        "What held the two together ends: a takeover, a lost patent, a new business. Of many pairs tested some pass by "
        "accident and drift apart. When funds that hold the same pairs must sell, as in August 2007, all spreads widen "
        "at once. Two legs pay costs twice, and shorts pay borrow."
    )
    group = "statistical"
    scope: ClassVar[Scope] = "universe"
    parameters: ClassVar[Mapping[str, Parameter]] = PAIR_PARAMETERS

    @classmethod
    def check(cls, params: StrategyParameters) -> None:
        """Refuse thresholds that do not lie in order."""
        check_pairs(cls.name, params)

    @classmethod
    def settling(cls, params: StrategyParameters) -> int:
        """Return the sessions of two formations."""
        return settling_of_pairs(params)

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:
        """Return the weights of the symbols, which change only when a pair is entered, left or formed."""
        target, prices = np.zeros(view.close.shape), log_closes(view)
        for formation in formations(view, prices, params):
            held = _positions(view, prices, formation, params)
            y, x = legs(formation.regression.slope, 1.0 / params["pairs"])
            add_pairs(target, formation, held * y, held * x)
        return target


def _positions(view: MarketView, prices: FloatArray, formation: Formation, params: StrategyParameters) -> FloatArray:
    """Return the positions in the rows of the formation, (rows, pairs)."""
    first, found = int(formation.since.min()), formation.regression
    rows = prices[first : formation.end]
    spread = rows[:, formation.y] - found.intercept - found.slope * rows[:, formation.x]
    held = positions(spread / found.deviation, tradable(view, formation, first), params)
    return held[formation.row - first :]
