"""What an account is worth at a moment of a session, and which of its symbols have anything to do in it.

The value of the positions is found once a moment and then kept up to date by fills, so that an order of one symbol
does not look at all the others.
"""

# ruff: noqa: PLR0917  compiled functions take their state by position

from __future__ import annotations

from typing import TYPE_CHECKING

from alphafactory.simulation.compiling import folded, inner
from alphafactory.simulation.layout import (
    ACTIVE,
    ACTIVES,
    BUSIES,
    BUSY,
    CASH,
    CLOSE,
    EXITING,
    GROSS_SUM,
    HIGH,
    LAST,
    LOW,
    NO_BAR,
    OPEN,
    ORDER,
    POSITION,
    SECTOR,
    SECTOR_VALUE,
    SECTORS,
    STATE,
    VALUE,
    VALUE_SUM,
    VALUED_MOMENT,
    VALUED_ROW,
)

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray

FROM_OPEN, FROM_CLOSE, FROM_MID, FROM_TYPICAL = 0.0, 1.0, 2.0, 3.0
"""At which price of the session other symbols count while one of them is filled."""


@inner
def call_roll(state: FloatArray) -> None:
    """List the symbols that have a position, an order or an exit under way, in column order."""
    account, count = state.shape[0] - 1, 0
    for symbol in range(account):
        if state[symbol, POSITION] != 0.0 or state[symbol, ORDER] != 0.0 or state[symbol, EXITING] != 0.0:
            state[count, ACTIVE] = symbol
            count += 1
    state[account, ACTIVES] = count


@inner
def join_roll(state: FloatArray) -> None:
    """Add the symbols that have an order now; all of the list are busy. What has closed today stays on it."""
    account, old, count = state.shape[0] - 1, 0, 0
    for symbol in range(account):
        listed = old < state[account, ACTIVES] and state[old, ACTIVE] == symbol
        if listed:
            old += 1
        if listed or state[symbol, ORDER] != 0.0:
            state[count, BUSY] = symbol
            count += 1
    for place in range(count):
        state[place, ACTIVE] = state[place, BUSY]
    state[account, ACTIVES] = state[account, BUSIES] = count


@folded
def price_at(symbol: int, row: int, moment: float, market: FloatArray) -> float:
    """Return the price of a session that stands for one moment of it."""
    if moment == FROM_OPEN:
        return market[symbol, OPEN, row]
    if moment == FROM_CLOSE:
        return market[symbol, CLOSE, row]
    middle = market[symbol, HIGH, row] + market[symbol, LOW, row]
    if moment == FROM_MID:
        return middle / 2.0
    return (middle + market[symbol, CLOSE, row]) / 3.0


@inner
def _value_all(row: int, moment: float, market: FloatArray, rules: FloatArray, state: FloatArray) -> None:
    """Find the value of every position at a moment, and their sums: signed, absolute, and absolute by sector."""
    account = state.shape[0] - 1
    total, gross = 0.0, 0.0
    for code in range(int(rules[SECTORS])):
        state[code, SECTOR_VALUE] = 0.0
    for place in range(int(state[account, ACTIVES])):
        symbol = int(state[place, ACTIVE])
        value = 0.0
        if state[symbol, POSITION] != 0.0:
            there = state[symbol, LAST]
            if market[symbol, STATE, row] != NO_BAR:
                there = price_at(symbol, row, moment, market)
            value = state[symbol, POSITION] * there
            total += value
            gross += abs(value)
            state[int(state[symbol, SECTOR]), SECTOR_VALUE] += abs(value)
        state[symbol, VALUE] = value
    state[account, VALUE_SUM], state[account, GROSS_SUM] = total, gross
    state[account, VALUED_ROW], state[account, VALUED_MOMENT] = row, moment


@folded
def revalue(symbol: int, row: int, left: float, market: FloatArray, state: FloatArray) -> None:
    """Keep the sums up to date after a fill has left a position of `left` shares."""
    account = state.shape[0] - 1
    if state[account, VALUED_ROW] != row:
        if left == 0.0:
            state[symbol, VALUE] = 0.0
        return
    before, after = state[symbol, VALUE], 0.0
    if left != 0.0:
        after = left * price_at(symbol, row, state[account, VALUED_MOMENT], market)
    sector = int(state[symbol, SECTOR])
    state[symbol, VALUE] = after
    # What was the only one leaves nothing behind, so that one symbol's account is exact.
    state[account, VALUE_SUM] = state[account, VALUE_SUM] - before + after
    state[account, GROSS_SUM] = state[account, GROSS_SUM] - abs(before) + abs(after)
    state[sector, SECTOR_VALUE] = state[sector, SECTOR_VALUE] - abs(before) + abs(after)


@inner
def worth(
    symbol: int, row: int, price: float, moment: float, market: FloatArray, rules: FloatArray, state: FloatArray
) -> tuple[float, float]:
    """Return equity, and the sum of absolute position values, with `symbol` at `price` and others at the moment's."""
    account = state.shape[0] - 1
    if state[account, VALUED_ROW] != row or state[account, VALUED_MOMENT] != moment:
        _value_all(row, moment, market, rules, state)
    value, counted = state[symbol, POSITION] * price, state[symbol, VALUE]
    equity = state[account, CASH] + value + (state[account, VALUE_SUM] - counted)
    return equity, abs(value) + (state[account, GROSS_SUM] - abs(counted))


@folded
def sector_worth(symbol: int, price: float, state: FloatArray) -> float:
    """Return the absolute values of the sector's positions, `symbol` at `price`; `worth` was asked just before."""
    counted = abs(state[symbol, VALUE])
    return abs(state[symbol, POSITION] * price) + (state[int(state[symbol, SECTOR]), SECTOR_VALUE] - counted)
