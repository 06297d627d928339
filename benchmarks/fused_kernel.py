"""The least that a sweep of moving-average pairs can cost: one bare loop, compiled, that does nothing else.

Averages, signals, fills at the next open and seven numbers in one pass, all-in and long only, with costs by the value.
Averages are summed as TA-Lib sums them, so that signals are equal to the bit.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

NUMBERS = ("total_return", "sharpe", "sortino", "max_drawdown", "n_trades", "win_rate", "profit_factor")


@njit(error_model="numpy")
def one_pair(opens, closes, fast, slow, fee, slip, annual, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201, C901, PLR0915, PLR0917  one loop, on purpose
    """Write the seven numbers of one pair on one symbol into `out`."""
    days = len(closes)
    fast_sum = slow_sum = 0.0
    cash, shares, spent, before, peak, lowest = 1.0, 0.0, 0.0, 1.0, 1.0, 1.0
    total = squares = below = worst = gain = loss = 0.0
    trades = closed = wins = 0
    wanted = False
    for t in range(days):
        if wanted and shares == 0.0:
            shares = cash / (opens[t] * (1.0 + slip) * (1.0 + fee))
            spent, cash = cash, 0.0
            trades += 1
        elif not wanted and shares > 0.0:
            cash = shares * opens[t] * (1.0 - slip) * (1.0 - fee)
            shares = 0.0
            closed += 1
            profit = cash - spent
            if profit > 0.0:
                wins += 1
                gain += profit
            else:
                loss -= profit
        equity = cash + shares * closes[t]
        if equity != before:
            step = equity / before - 1.0
            before = equity
            total += step
            squares += step * step
            if step < 0.0:
                below += step * step
            if equity > peak:
                peak = equity
                lowest = peak * (1.0 + worst)
            elif equity < lowest:
                worst = equity / peak - 1.0
                lowest = equity
        fast_sum += closes[t]
        slow_sum += closes[t]
        quick = fast_sum / fast
        wanted = t >= slow - 1 and quick > slow_sum / slow
        if t >= fast - 1:
            fast_sum -= closes[t - fast + 1]
        if t >= slow - 1:
            slow_sum -= closes[t - slow + 1]
    deviation = math.sqrt(max(0.0, squares - total * total / days) / (days - 1))
    out[0] = before - 1.0
    out[1] = total / days / deviation * math.sqrt(annual) if deviation >= 1e-12 else np.nan
    out[2] = total / days / math.sqrt(below / days) * math.sqrt(annual) if below > 0.0 else np.nan
    out[3] = worst
    out[4] = trades
    out[5] = wins / closed if closed else np.nan
    out[6] = gain / loss if loss > 0.0 else np.nan


@njit(error_model="numpy")
def every_pair(opens, closes, pairs, fee, slip, annual):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201, PLR0917  as above
    """Return the numbers of every pair on every symbol, shape (pairs, symbols, 7); prices are (symbols, sessions)."""
    out = np.empty((len(pairs), len(closes), 7))
    for symbol in range(len(closes)):
        for place in range(len(pairs)):
            fast, slow = pairs[place]
            one_pair(opens[symbol], closes[symbol], fast, slow, fee, slip, annual, out[place, symbol])
    return out
