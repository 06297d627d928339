"""Numbers of the trades of a simulation.

Goes in: `Trades`. Comes out: by metric name a number, or the reason why it is undefined. Money is net of costs and
without dividends. Open trades count in `n_trades` and `n_ambiguous_trades` alone.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.metrics.returns import ZERO_VOLATILITY

if TYPE_CHECKING:
    from alphafactory.domain.arrays import BoolArray, FloatArray
    from alphafactory.domain.results import Trades
    from alphafactory.metrics.returns import Outcome

_NAMES = (
    "win_rate", "profit_factor", "expectancy", "expectancy_r", "sqn", "payoff_ratio", "avg_win", "avg_loss",
    "largest_win", "largest_loss", "max_consecutive_losses", "avg_bars_held",
)  # fmt: skip


def trade_statistics(trades: Trades) -> Outcome:
    """Compute what the closed trades say."""
    closed = trades.closed
    profit = trades.net_pnl[closed]
    counts: Outcome = {
        "n_trades": float(len(trades)),
        "n_closed_trades": float(len(profit)),
        "n_ambiguous_trades": float(np.count_nonzero(trades.ambiguous)),
    }
    if len(profit) == 0:
        return counts | dict.fromkeys(_NAMES, "no_closed_trade")
    wins, losses = profit[profit > 0.0], profit[profit < 0.0]
    return (
        counts
        | _of_wins(wins)
        | _of_losses(losses)
        | _of_both(wins, losses)
        | {
            "win_rate": len(wins) / len(profit),
            "expectancy": float(profit.sum()) / len(profit),
            "expectancy_r": _expectancy_r(profit, trades.risk[closed]),
            "sqn": _sqn(profit),
            "max_consecutive_losses": float(_longest_run(profit < 0.0)),
            "avg_bars_held": float(trades.bars_held[closed].sum()) / len(profit),
        }
    )


def _of_wins(wins: FloatArray) -> Outcome:
    if len(wins) == 0:
        return {"avg_win": "no_winning_trade", "largest_win": "no_winning_trade"}
    return {"avg_win": float(wins.sum()) / len(wins), "largest_win": float(wins.max())}


def _of_losses(losses: FloatArray) -> Outcome:
    if len(losses) == 0:
        return {"avg_loss": "no_losing_trade", "largest_loss": "no_losing_trade"}
    return {"avg_loss": float(losses.sum()) / len(losses), "largest_loss": float(losses.min())}


def _of_both(wins: FloatArray, losses: FloatArray) -> Outcome:
    """Compute the two ratios; without wins the factor is 0, for nothing was won, but the average win is undefined."""
    if len(losses) == 0:
        return {"profit_factor": "no_losing_trade", "payoff_ratio": "no_losing_trade"}
    factor = float(wins.sum()) / -float(losses.sum())
    return {
        "profit_factor": factor,
        "payoff_ratio": factor * len(losses) / len(wins) if len(wins) else "no_winning_trade",
    }


def _expectancy_r(profit: FloatArray, risk: FloatArray) -> float | str:
    """Return the mean of profit over risk, trades without a stop (NaN) left out."""
    known = risk > 0.0
    if not known.any():
        return "no_stop"
    return float((profit[known] / risk[known]).mean())


def _sqn(profit: FloatArray) -> float | str:
    """Return the system quality number: the root of the count times mean over deviation (Van Tharp)."""
    if len(profit) < 2:  # noqa: PLR2004 (a sample deviation needs two)
        return "fewer_than_two_trades"
    mean = float(profit.sum()) / len(profit)
    centred = profit - mean
    deviation = math.sqrt(float(centred @ centred) / (len(profit) - 1))
    # Money has no natural size: what is rounding is judged against the profits themselves.
    if deviation < ZERO_VOLATILITY * float(np.abs(profit).max()) or deviation == 0.0:
        return "zero_volatility"
    return math.sqrt(len(profit)) * mean / deviation


def _longest_run(mask: BoolArray) -> int:
    """Return the length of the longest run of True."""
    breaks = np.flatnonzero(np.concatenate(([True], ~mask, [True])))
    return int(np.diff(breaks).max()) - 1
