"""A bid for one day below the close, for the gap that is closed again."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.plugins import IndicatorRequest, Parameter
from alphafactory.domain.signals import Signals
from alphafactory.strategies.base import Strategy
from alphafactory.strategies.levels import above

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import StrategyParameters


class GapFade(Strategy):
    """Bid below the first lower close of a rise for one session, aim at that close, and be out after the session.

    The target is 1 in the row of the bid and 0 in the next, so that what was bought is sold by the order of that next
    row: at the open that follows or, with `simulation.fill: same_close`, at the close of the session of the purchase.
    """

    name = "gap_fade"
    title = "Gap fade"
    group = "mean_reversion"
    idea = (
        "A share that opens well below yesterday's close without a change of its trend was mostly sold in haste: the "
        "open gathers the orders of a whole night when few are there to take them. A bid that waits below the close is "
        "filled by that haste alone. Often the gap is closed within the day; if not, the day was all that was risked."
    )
    source = (
        "Chan (2013), Algorithmic Trading: Winning Strategies and Their Rationale, Wiley: the buy-on-gap model, with "
        "averages and volatility known the evening before and out at the close."
    )
    fails_when = (
        "The gap is news, and the price goes on falling all day: the bid is always filled then, and not always in the "
        "good cases. Fills at the limit are less certain than they look, and each trade pays costs for one day's move."
    )
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "trend": Parameter(50, 10, 300, "closes in the average that the close must be above"),
        "period": Parameter(14, 5, 50, "bars in the average true range"),
        "depth": Parameter(0.5, 0.1, 3.0, "average true ranges from the close down to the bid"),
    }
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "trend": IndicatorRequest("sma", {"period": "trend"}),
        "range": IndicatorRequest("atr", {"period": "period"}),
    }

    @classmethod
    def settling(cls, params: StrategyParameters) -> int:  # noqa: ARG003  it is the same for all of them
        """Return the bars it looks back itself: a first lower close is told by the two before it."""
        return 2

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> Signals:
        """Return 1 in the rows of the bids, which no two neighbours are, else 0; the bid, its aim and its one bar."""
        bid = view.close - params["depth"] * view.indicators["range"]
        # A bid of no price would be an order at the market: where there is none nothing is wanted.
        bids = _first_lower(view.close) & above(view.close, view.indicators["trend"]) & (bid > 0.0)
        return Signals(
            target=bids.astype(np.float64),
            entry_limit=np.where(bids, bid, np.nan),
            take_profit=np.where(bids, view.close, np.nan),
            good_for=np.where(bids, 1.0, np.nan),
        )


def _first_lower(close: FloatArray) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return where a close is below the one before, and that one was not; of neighbours at most one is."""
    lower = np.zeros(close.shape, dtype=np.bool_)
    first = np.zeros(close.shape, dtype=np.bool_)
    lower[1:] = close[1:] < close[:-1]
    first[2:] = lower[2:] & (close[1:-1] >= close[:-2])
    return first
