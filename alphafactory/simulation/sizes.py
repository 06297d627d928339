"""How large a position a target asks for, and the distance to the first stop, on which some sizes rest.

Formulas: docs/simulation.md, "Sizes".
"""

# ruff: noqa: PLR0917  compiled functions take their state by position

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from alphafactory.simulation.compiling import folded
from alphafactory.simulation.layout import (
    ANNUAL,
    ATR,
    DISTANCES,
    LEVERAGE,
    NO_LEVEL,
    NO_TRAIL,
    ORDER_SIGNAL_STOP,
    PERCENT,
    RETURN_MEAN,
    RETURN_SQUARES,
    RETURNS,
    SIGMA,
    SIZE,
    SIZE_ATR,
    SIZE_CASH,
    SIZE_KELLY,
    SIZE_OPTION,
    SIZE_RISK,
    SIZE_SHARE,
    SIZE_SHARES,
    SIZE_START,
    SIZE_VOLATILITY,
    SIZING,
    SPLIT_FACTOR,
    STOP,
    STOP_UNIT,
    TRAIL,
    TRAIL_MODEL,
    TRAIL_PERCENT,
)

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray


@folded
def stop_distance(
    symbol: int, price: float, known: int, market: FloatArray, rules: FloatArray, state: FloatArray
) -> float:
    """Return how far the first stop would lie from an entry at `price`, infinite without one."""
    distance = math.inf
    signal = state[symbol, ORDER_SIGNAL_STOP]
    if not math.isnan(signal):
        distance = signal if rules[DISTANCES] != 0.0 else abs(price - signal)
    elif rules[STOP_UNIT] != NO_LEVEL:
        distance = rules[STOP] * (price if rules[STOP_UNIT] == PERCENT else market[symbol, ATR, known])
    if rules[TRAIL_MODEL] != NO_TRAIL:
        unit = price if rules[TRAIL_MODEL] == TRAIL_PERCENT else market[symbol, ATR, known]
        trail = rules[TRAIL] * unit
        # What is not known of one makes the tighter of both unknown.
        distance = min(distance, trail) if distance + trail == distance + trail else math.nan
    return distance


@folded
def full_size(  # noqa: PLR0911  one line a model
    symbol: int, row: int, known: int, price: float, weight: float, equity: float,
    market: FloatArray, rules: FloatArray, state: FloatArray,
) -> tuple[float, float]:  # fmt: skip
    """Return the position that a target asks for: as money, or (then money is NaN) as adjusted shares.

    Infinite shares are a size that cannot be known, for want of a stop or of any movement.
    """
    model, size, share = rules[SIZING], rules[SIZE], abs(weight)
    if model == SIZE_SHARE:
        return share * size * equity, math.nan
    if model == SIZE_CASH:
        return share * size, math.nan
    if model == SIZE_VOLATILITY:
        volatility = market[symbol, SIGMA, known] * rules[ANNUAL]
        if math.isnan(volatility):
            return math.nan, math.nan
        most = rules[LEVERAGE]
        return share * (min(size / volatility, most) if volatility > 0.0 else most) * equity, math.nan
    if model == SIZE_KELLY:
        return share * _kelly(rules, state) * equity, math.nan
    if model == SIZE_SHARES:
        return math.nan, share * size * market[symbol, SPLIT_FACTOR, row]
    if model == SIZE_RISK:
        distance = stop_distance(symbol, price, known, market, rules, state)
        return math.nan, share * size * equity / distance if distance < math.inf else math.inf
    assert model == SIZE_ATR
    return math.nan, share * size * equity / (rules[SIZE_OPTION] * market[symbol, ATR, known])


@folded
def _kelly(rules: FloatArray, state: FloatArray) -> float:
    """Return the fraction of mean over variance of the returns of closed trades, between 0 and the leverage."""
    account = state.shape[0] - 1
    count = state[account, RETURNS]
    if count < rules[SIZE_OPTION]:
        return rules[SIZE_START]
    mean, variance = state[account, RETURN_MEAN], state[account, RETURN_SQUARES] / (count - 1.0)
    if mean <= 0.0:
        return 0.0
    if variance <= 0.0:
        return rules[LEVERAGE]
    return min(rules[SIZE] * mean / variance, rules[LEVERAGE])
