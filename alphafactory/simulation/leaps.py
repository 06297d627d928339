"""Leaps over the sessions in which the account of one symbol can only be marked.

Without orders, levels and interest nothing happens until the target changes or a dividend comes. What a leap writes is
what a walk through its sessions would have written, to the bit.
"""

# ruff: noqa: PLR0917  compiled functions take their state by position

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from alphafactory.simulation.compiling import folded, inner
from alphafactory.simulation.fills import see
from alphafactory.simulation.layout import (
    BORROW,
    BREAK_AT,
    CASH,
    CLOSE,
    CLOSED_SIDE,
    DELISTED_ROW,
    DIVIDEND,
    EQUITY,
    EXITING,
    GOAL,
    HELD_SESSIONS,
    HIGH,
    IMMEDIATE,
    INTEREST,
    LAST,
    LOW,
    MAINTENANCE,
    MARGIN_INTEREST,
    NO_TRAIL,
    ORDER,
    POSITION,
    SEEN_ROW,
    STOP_LEVEL,
    TAKE_LEVEL,
    TARGET,
    TIME_STOP,
    TRAIL_MODEL,
)
from alphafactory.simulation.sessions import record

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray


@folded
def _has_no_levels(rules: FloatArray, state: FloatArray) -> bool:
    """Return whether nothing but a signal can end the open trade."""
    infinite = math.isinf(state[0, STOP_LEVEL]) and not abs(state[0, TAKE_LEVEL]) < math.inf
    never = rules[TRAIL_MODEL] == NO_TRAIL and not state[0, BREAK_AT] < math.inf
    return infinite and never and rules[TIME_STOP] == 0.0 and rules[MAINTENANCE] == 0.0


@folded
def _may_leap(rules: FloatArray, state: FloatArray) -> bool:
    """Return whether nothing but a new target or a dividend can matter."""
    if state[0, ORDER] != 0.0 or state[0, EXITING] != 0.0:
        return False
    if rules[INTEREST] != 0.0 or rules[MARGIN_INTEREST] != 0.0 or rules[BORROW] != 0.0:
        return False
    if rules[IMMEDIATE] != 0.0 and state[0, CLOSED_SIDE] != 0.0:
        return False
    return state[0, POSITION] == 0.0 or _has_no_levels(rules, state)


@folded
def _until_change(row: int, sessions: int, market: FloatArray, signals: FloatArray, state: FloatArray) -> int:
    """Return the first session from `row` on with another target, a dividend to book, or a delisting."""
    target, goal, end = signals[0, TARGET], state[0, GOAL], row
    if state[0, POSITION] == 0.0:
        while end < sessions and target[end] == goal:
            end += 1
        return end
    dividends = market[0, DIVIDEND]
    while end < sessions and target[end] == goal and dividends[end] == 0.0:
        end += 1
    return max(row, sessions - 1) if end == sessions and state[0, DELISTED_ROW] >= 0.0 else end


@folded
def _until_ruin(row: int, end: int, curve: FloatArray) -> int:
    for at in range(row, end):
        if curve[at] <= 0.0:
            return at
    return end


@inner
def _look_back(
    row: int, end: int, market: FloatArray, state: FloatArray, curves: FloatArray, holdings: FloatArray
) -> None:
    """Write what only people look at of the sessions from `row` to before `end`."""
    held = state[0, POSITION]
    if held != 0.0:
        low, high = math.inf, -math.inf
        for at in range(row, end):
            low, high = min(low, market[0, LOW, at]), max(high, market[0, HIGH, at])
        see(low, high, 0, state)
        state[0, SEEN_ROW] = end - 1
    for at in range(row, end):
        record(at, state, curves, holdings)


@inner
def leap(
    row: int, sessions: int, market: FloatArray, signals: FloatArray, rules: FloatArray, state: FloatArray,
    curves: FloatArray, holdings: FloatArray,
) -> int:  # fmt: skip
    """Mark the sessions in which one symbol's account can do nothing else; return the first that is left."""
    if not _may_leap(rules, state):
        return row
    held, end = state[0, POSITION], _until_change(row, sessions, market, signals, state)
    curve, cash = curves[EQUITY], state[1, CASH]
    if held == 0.0:
        for at in range(row, end):
            curve[at] = cash
    else:
        closes = market[0, CLOSE]
        for at in range(row, end):
            curve[at] = cash + held * closes[at]
        if held < 0.0 or cash < 0.0:
            end = _until_ruin(row, end, curve)
        state[1, HELD_SESSIONS] += end - row
    if end > row:
        state[0, LAST] = market[0, CLOSE, end - 1]
        if holdings.shape[2] > 0:
            _look_back(row, end, market, state, curves, holdings)
    return end
