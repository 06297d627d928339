"""Buy and hold, the benchmark of every other strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.strategies.base import Strategy

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import StrategyParameters


class BuyAndHold(Strategy):
    """Buy at the first chance and never sell."""

    name = "buy_and_hold"
    title = "Buy and hold"
    group = "benchmark"
    idea = (
        "Owners of companies are paid for bearing their risk, and costs are paid once. Whatever trades more has to "
        "beat this; a strategy that does not is not worth running."
    )
    source = "Sharpe (1991), The Arithmetic of Active Management, Financial Analysts Journal 47(1)."
    fails_when = "The share falls for years or is delisted: it holds all the way down and never takes a profit."

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:  # noqa: ARG004  it has no parameters
        """Return 1 from the first bar of each symbol on, gaps included, 0 before it is listed."""
        return np.logical_or.accumulate(~np.isnan(view.close), axis=0).astype(np.float64)
