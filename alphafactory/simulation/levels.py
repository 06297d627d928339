"""Where the levels of a trade lie: stop, trail, target and break-even, each as a price or a distance from one.

Goes in: the side, the price paid, the row whose close is the last that the order could know. Comes out: prices.
Formulas: docs/simulation.md, "Levels".
"""

# ruff: noqa: PLR0917  compiled functions take their state by position

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from alphafactory.simulation.compiling import folded
from alphafactory.simulation.layout import (
    ATR,
    BREAK,
    BREAK_UNIT,
    CHANDELIER,
    DISTANCES,
    IN_ATR,
    IN_R,
    NO_LEVEL,
    NO_TRAIL,
    PERCENT,
    STOP,
    STOP_UNIT,
    TAKE,
    TAKE_UNIT,
    TRAIL,
    TRAIL_MODEL,
    TRAIL_PERCENT,
)

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray


@folded
def fixed_stop(
    side: float, paid: float, signal: float, symbol: int, known: int, market: FloatArray, rules: FloatArray
) -> float:
    """Return the stop that the signal names, else that of the settings, infinitely far away without one."""
    if not math.isnan(signal):
        return paid - side * signal if rules[DISTANCES] != 0.0 else signal
    if rules[STOP_UNIT] == NO_LEVEL:
        return -math.inf * side
    return paid - side * rules[STOP] * (paid if rules[STOP_UNIT] == PERCENT else market[symbol, ATR, known])


@folded
def first_trail(side: float, paid: float, symbol: int, known: int, market: FloatArray, rules: FloatArray) -> float:
    """Return where the trailing stop begins; NaN without one, or where its range is not known."""
    if rules[TRAIL_MODEL] == NO_TRAIL:
        return math.nan
    return paid - side * rules[TRAIL] * (paid if rules[TRAIL_MODEL] == TRAIL_PERCENT else market[symbol, ATR, known])


@folded
def next_trail(
    side: float, best_close: float, best_extreme: float, symbol: int, row: int, market: FloatArray, rules: FloatArray
) -> float:
    """Return where the trailing stop stands after a finished bar; NaN without one, or where its range is not known."""
    if rules[TRAIL_MODEL] == NO_TRAIL:
        return math.nan
    if rules[TRAIL_MODEL] == TRAIL_PERCENT:
        return best_close * (1.0 - side * rules[TRAIL])
    best = best_extreme if rules[TRAIL_MODEL] == CHANDELIER else best_close
    return best - side * rules[TRAIL] * market[symbol, ATR, row]


@folded
def risked(paid: float, stop: float) -> float:
    """Return the money a share risks, R; NaN without a stop."""
    return abs(paid - stop) if abs(stop) < math.inf else math.nan


@folded
def first_take(
    side: float, paid: float, risk: float, signal: float, symbol: int, known: int, market: FloatArray, rules: FloatArray
) -> float:
    """Return the target that the signal names, else that of the settings, infinitely far away without one."""
    if not math.isnan(signal):
        return paid + side * signal if rules[DISTANCES] != 0.0 else signal
    if rules[TAKE_UNIT] == NO_LEVEL:
        return math.inf * side
    unit = paid
    if rules[TAKE_UNIT] == IN_ATR:
        unit = market[symbol, ATR, known]
    elif rules[TAKE_UNIT] == IN_R:
        unit = risk
    return paid + side * rules[TAKE] * unit


@folded
def break_even_gain(paid: float, risk: float, symbol: int, known: int, market: FloatArray, rules: FloatArray) -> float:
    """Return the gain a share that moves the stop to the average entry price, infinite without such a rule."""
    if rules[BREAK_UNIT] == NO_LEVEL:
        return math.inf
    unit = risk
    if rules[BREAK_UNIT] == PERCENT:
        unit = paid
    elif rules[BREAK_UNIT] == IN_ATR:
        unit = market[symbol, ATR, known]
    return rules[BREAK] * unit
