"""What the limits of a mandate do at a close: trades, days, weeks and drawdowns that lose too much, and drift.

docs/portfolio.md, "limits at the close". An account that has lost too much is frozen: it takes no increase up to the
row FROZEN_UNTIL.
"""

# ruff: noqa: PLR0917  compiled functions take their state by position

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from alphafactory.simulation.compiling import folded, inner
from alphafactory.simulation.exits import begin_exit
from alphafactory.simulation.layout import (
    ACTIVE,
    ACTIVES,
    BEFORE,
    BY_LOSS,
    BY_RISK,
    COOL_DOWN,
    COOL_UNTIL,
    DAY_ACTION,
    DAY_LOSS,
    DRAWDOWN,
    DRAWDOWN_ACTION,
    DRIFTED,
    EXIT,
    EXITING,
    FLAT,
    FREEZE,
    FROZE,
    FROZEN_UNTIL,
    LAST,
    LEVERAGE,
    LEVERAGE_OVER,
    MAX_POSITION,
    MAX_SECTOR,
    MONEY_TOLERANCE,
    OVER,
    PEAK,
    POSITION,
    PROFIT,
    REARMED,
    RESERVE,
    RESERVE_OVER,
    RULE_DAY,
    RULE_DRAWDOWN,
    RULE_LEVERAGE,
    RULE_POSITION,
    RULE_RESERVE,
    RULE_SECTOR,
    RULE_TRADE_LOSS,
    RULE_WEEK,
    SECTOR,
    SECTOR_OVER,
    SECTOR_VALUE,
    SECTORS,
    TRADE_LOSS,
    VALUE,
    WEEK,
    WEEK_ACTION,
    WEEK_BASE,
    WEEK_GOES_ON,
    WEEK_HIT,
    WEEK_LOSS,
)
from alphafactory.simulation.limits import is_beyond, write_event
from alphafactory.simulation.orders import halve

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray

_NOTHING = -1.0


@inner
def watch(
    row: int, equity: float, calendar: FloatArray, rules: FloatArray, state: FloatArray, orders: FloatArray,
    events: FloatArray,
) -> bool:  # fmt: skip
    """Measure losses at a close and act; return whether a freeze is over."""
    account = state.shape[0] - 1
    _end_losing_trades(row, equity, rules, state, events)
    before, base = state[account, BEFORE], state[account, WEEK_BASE]
    if row > 0 and calendar[WEEK, row] != calendar[WEEK, row - 1]:
        base = state[account, WEEK_BASE] = before
    state[account, BEFORE] = equity
    was_frozen, action = row <= state[account, FROZEN_UNTIL], _NOTHING
    loss = equity / before - 1.0
    if is_beyond(-loss, rules[DAY_LOSS]):
        action = _trip(row, RULE_DAY, rules[DAY_ACTION], loss, rules[DAY_LOSS], row + 1.0, action, state, events)
    loss = equity / base - 1.0
    if is_beyond(-loss, rules[WEEK_LOSS]) and state[account, WEEK_HIT] != calendar[WEEK, row]:
        state[account, WEEK_HIT] = calendar[WEEK, row]
        until = max(_last_of_week(row, calendar), row + 1.0)
        action = _trip(row, RULE_WEEK, rules[WEEK_ACTION], loss, rules[WEEK_LOSS], until, action, state, events)
    action = _watch_drawdown(row, equity, action, rules, state, events)
    if action > FREEZE:
        _act(row, action, state, orders)
    return was_frozen and state[account, FROZEN_UNTIL] == row


@inner
def _end_losing_trades(row: int, equity: float, rules: FloatArray, state: FloatArray, events: FloatArray) -> None:
    """Begin to leave the trades that have lost too much of the account."""
    account = state.shape[0] - 1
    if not rules[TRADE_LOSS] < math.inf:
        return
    for place in range(int(state[account, ACTIVES])):
        symbol = int(state[place, ACTIVE])
        if state[symbol, POSITION] == 0.0 or state[symbol, EXITING] != 0.0:
            continue
        profit = state[symbol, PROFIT] + state[symbol, POSITION] * state[symbol, LAST]
        if is_beyond(-profit / equity, rules[TRADE_LOSS]):
            begin_exit(symbol, row, BY_LOSS, state)
            write_event(
                row, RULE_TRADE_LOSS, EXIT, symbol, -1.0, profit / equity, rules[TRADE_LOSS], math.nan, math.nan,
                state, events,
            )  # fmt: skip


@folded
def _last_of_week(row: int, calendar: FloatArray) -> float:
    """Return the last row of a row's week, which may lie beyond the data."""
    last = row
    while last < calendar.shape[1] and calendar[WEEK_GOES_ON, last] != 0.0:
        last += 1
    return float(last)


@inner
def _trip(
    row: int, rule: int, action: float, loss: float, limit: float, until: float, strongest: float, state: FloatArray,
    events: FloatArray,
) -> float:  # fmt: skip
    """Freeze the account up to a row, and return the strongest action of this close so far."""
    account = state.shape[0] - 1
    state[account, FROZEN_UNTIL] = max(state[account, FROZEN_UNTIL], until)
    write_event(row, rule, int(action) + FROZE, -1.0, -1.0, loss, limit, math.nan, math.nan, state, events)
    return max(action, strongest)


@inner
def _watch_drawdown(
    row: int, equity: float, strongest: float, rules: FloatArray, state: FloatArray, events: FloatArray
) -> float:
    """Trip on a drawdown, or begin it anew where it has cooled down; return the strongest action of this close."""
    account = state.shape[0] - 1
    peak = state[account, PEAK] = max(state[account, PEAK], equity)
    drawdown, limit = equity / peak - 1.0, rules[DRAWDOWN]
    if row < state[account, COOL_UNTIL]:
        return strongest
    if row == state[account, COOL_UNTIL]:
        state[account, PEAK] = equity
        write_event(row, RULE_DRAWDOWN, REARMED, -1.0, -1.0, drawdown, limit, math.nan, math.nan, state, events)
        return strongest
    if not is_beyond(-drawdown, limit):
        return strongest
    state[account, COOL_UNTIL] = row + rules[COOL_DOWN]
    until = row + rules[COOL_DOWN]
    return _trip(row, RULE_DRAWDOWN, rules[DRAWDOWN_ACTION], drawdown, limit, until, strongest, state, events)


@inner
def _act(row: int, action: float, state: FloatArray, orders: FloatArray) -> None:
    """Halve every position, or begin to leave all of them."""
    account = state.shape[0] - 1
    for place in range(int(state[account, ACTIVES])):
        symbol = int(state[place, ACTIVE])
        if state[symbol, POSITION] == 0.0 or state[symbol, EXITING] != 0.0:
            continue
        if action == FLAT:
            begin_exit(symbol, row, BY_RISK, state)
        else:
            halve(symbol, row, state, orders)


@inner
def note_drift(row: int, equity: float, gross: float, rules: FloatArray, state: FloatArray, events: FloatArray) -> None:
    """Write which limits prices have carried the account beyond since the close before."""
    account = state.shape[0] - 1
    for code in range(int(rules[SECTORS])):
        state[code, SECTOR_VALUE] = 0.0
    for place in range(int(state[account, ACTIVES])):
        symbol = int(state[place, ACTIVE])
        value = abs(state[symbol, VALUE])
        state[int(state[symbol, SECTOR]), SECTOR_VALUE] += value
        state[symbol, OVER] = _drifted(
            row, RULE_POSITION, symbol, -1.0, value / equity, rules[MAX_POSITION], state[symbol, OVER], state, events
        )
    for code in range(int(rules[SECTORS])):
        share = state[code, SECTOR_VALUE] / equity
        over = state[code, SECTOR_OVER]
        state[code, SECTOR_OVER] = _drifted(row, RULE_SECTOR, -1.0, code, share, rules[MAX_SECTOR], over, state, events)
    over = state[account, LEVERAGE_OVER]
    share = gross / equity
    state[account, LEVERAGE_OVER] = _drifted(
        row, RULE_LEVERAGE, -1.0, -1.0, share, rules[LEVERAGE], over, state, events
    )
    if rules[RESERVE] > 0.0:
        short = rules[RESERVE] - (1.0 - share) > rules[RESERVE] * MONEY_TOLERANCE
        if short and state[account, RESERVE_OVER] == 0.0:
            write_event(
                row, RULE_RESERVE, DRIFTED, -1.0, -1.0, 1.0 - share, rules[RESERVE], math.nan, math.nan, state, events
            )
        state[account, RESERVE_OVER] = short


@folded
def _drifted(
    row: int, rule: int, symbol: float, code: float, share: float, limit: float, over: float, state: FloatArray,
    events: FloatArray,
) -> float:  # fmt: skip
    """Return 1 where a share is beyond its limit, else 0; write it where it was not at the close before."""
    if not is_beyond(share, limit):
        return 0.0
    if over == 0.0:
        write_event(row, rule, DRIFTED, symbol, code, share, limit, math.nan, math.nan, state, events)
    return 1.0
