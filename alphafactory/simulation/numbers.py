"""What a search asks of a run: a few numbers of its equity curve and its trades, without keeping either.

Definitions are those of the catalogue of metrics, and a test compares the two. NaN stands for what is not defined.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from alphafactory.simulation.compiling import folded, inner, inner_sum
from alphafactory.simulation.layout import ANNUAL, CAPITAL, CLOSED, GAIN, HELD_SESSIONS, LOSS, RISK_FREE, TRADES, WINS

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray

_ZERO_VOLATILITY = 1e-12
_BLOCK = 32


@inner
def summarise(equity: FloatArray, returns: FloatArray, rules: FloatArray, account: FloatArray, out: FloatArray) -> None:
    """Write the NUMBERS of a run to `out`.

    Args:
        equity: shape (sessions,).
        returns: shape (sessions,), overwritten.
        rules: with the starting cash, the risk-free return of one period and the root of the periods a year.
        account: the account's row of the state.
        out: shape (len(NUMBERS),).
    """
    sessions, start, rate, annual = len(equity), rules[CAPITAL], rules[RISK_FREE], rules[ANNUAL]
    deepest, least = _deepest(equity, start)
    _simple_returns(equity, start, least > 0.0, returns)
    mean = _sum(returns) / sessions
    squares, short_squares = _squares(returns, mean, rate)
    deviation = math.sqrt(squares / (sessions - 1)) if sessions > 1 else math.nan
    downside = math.sqrt(short_squares / sessions)
    out[0] = equity[sessions - 1] / start - 1.0
    out[1] = (mean - rate) / deviation * annual if deviation >= _ZERO_VOLATILITY else math.nan
    out[2] = (mean - rate) / downside * annual if sessions > 1 and downside >= _ZERO_VOLATILITY else math.nan
    out[3] = deepest
    closed, gain, loss = account[CLOSED], account[GAIN], account[LOSS]
    out[4] = account[TRADES]
    out[5] = closed
    out[6] = account[WINS] / closed if closed > 0.0 else math.nan
    out[7] = gain / loss if loss > 0.0 else math.nan
    out[8] = account[HELD_SESSIONS] / sessions
    out[9] = equity[sessions - 1]


@folded
def _simple_returns(equity: FloatArray, start: float, never_ruined: bool, returns: FloatArray) -> None:
    """Fill the returns, the first from starting cash; 0 once there is no equity left to earn on."""
    returns[0] = (equity[0] - start) / start
    if never_ruined:
        for row in range(1, len(equity)):
            returns[row] = (equity[row] - equity[row - 1]) / equity[row - 1]
    else:
        for row in range(1, len(equity)):
            before = equity[row - 1]
            returns[row] = (equity[row] - before) / before if before > 0.0 else 0.0


# The order of a sum may be changed here, so that the processor adds several at a time; it does so for loops over
# positions, not over values.
@inner_sum
def _sum(values: FloatArray) -> float:
    total = 0.0
    for row in range(len(values)):
        total += values[row]
    return total


@inner_sum
def _squares(returns: FloatArray, mean: float, rate: float) -> tuple[float, float]:
    """Return the sum of squared deviations from the mean, and of squared shortfalls below the rate."""
    squares, short_squares = 0.0, 0.0
    for row in range(len(returns)):
        away, short = returns[row] - mean, min(returns[row] - rate, 0.0)
        squares += away * away
        short_squares += short * short
    return squares, short_squares


@inner_sum
def _extremes(values: FloatArray) -> tuple[float, float]:
    least, most = values[0], values[0]
    for row in range(len(values)):
        least, most = min(least, values[row]), max(most, values[row])
    return least, most


@inner
def _deepest(equity: FloatArray, start: float) -> tuple[float, float]:
    """Return the deepest drawdown, a fraction <= 0 with starting cash as the first peak, and the least equity.

    A block whose least value lies above the deepest drawdown from its highest one needs no closer look.
    """
    peak, deepest, least = start, 0.0, equity[0]
    for first in range(0, len(equity), _BLOCK):
        block = equity[first : first + _BLOCK]
        low, high = _extremes(block)
        least = min(least, low)
        if low < max(peak, high) * (1.0 + deepest):
            for value in block:
                peak = max(peak, value)
                if value < peak * (1.0 + deepest):
                    deepest = min(deepest, (value - peak) / peak)
        peak = max(peak, high)
    return deepest, least
