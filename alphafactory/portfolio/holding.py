"""How long trades are held.

Goes in: trades. Comes out: by name a number of bars, or the reason why there is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from alphafactory.domain.arrays import IntArray
    from alphafactory.domain.results import Trades
    from alphafactory.portfolio.outcomes import Outcome

_QUANTILES = {"tenth": 0.1, "quarter": 0.25, "median": 0.5, "three_quarters": 0.75, "nine_tenths": 0.9}
_NAMES = ("mean", *_QUANTILES, "shortest", "longest")


def holding_periods(trades: Trades) -> Outcome:
    """Compute how many bars trades were held: all that have ended, those that won, those that lost.

    Names are `mean`, `tenth` (a tenth were held as long or less), `quarter`, `median`, `three_quarters`, `nine_tenths`,
    `shortest` and `longest`; the same after `winners_` and `losers_`; and `open_mean`, of the trades still open, whose
    holding is not over and which no other number counts. Quantiles interpolate.
    """
    closed = trades.closed
    profit = trades.net_pnl
    return {
        **_periods(trades.bars_held[closed], "", "no_closed_trade"),
        **_periods(trades.bars_held[closed & (profit > 0.0)], "winners_", "no_winning_trade"),
        **_periods(trades.bars_held[closed & (profit < 0.0)], "losers_", "no_losing_trade"),
        "open_mean": float(trades.bars_held[~closed].mean()) if not closed.all() else "no_open_trade",
    }


def _periods(bars: IntArray, prefix: str, reason: str) -> Outcome:
    if len(bars) == 0:
        return {prefix + name: reason for name in _NAMES}
    found = dict(zip(_QUANTILES, np.quantile(bars, list(_QUANTILES.values())), strict=True))
    found |= {"mean": bars.mean(), "shortest": bars.min(), "longest": bars.max()}
    return {prefix + name: float(found[name]) for name in _NAMES}
