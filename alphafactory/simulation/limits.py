"""What the limits of a mandate let an increase have. docs/portfolio.md, "what an increase is asked".

Goes in: an order about to enter, with the shares it seeks. Comes out: shares, and the end of the order if they are
fewer; every act is a row of the table of events.
"""

# ruff: noqa: PLR0917  compiled functions take their state by position

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from alphafactory.simulation.compiling import folded, inner, inner_sum
from alphafactory.simulation.costs import in_lots
from alphafactory.simulation.layout import (
    ACTIVE,
    ACTIVES,
    BY_CORRELATION,
    BY_COUNT,
    BY_POSITION,
    CORRELATED_ABOVE,
    CUT,
    E_ACTION,
    E_ALLOWED,
    E_LIMIT,
    E_MEASURED,
    E_ROW,
    E_RULE,
    E_SECTOR,
    E_SYMBOL,
    E_WANTED,
    EVENTS,
    FILLED,
    FROZEN,
    FROZEN_UNTIL,
    HOLDINGS_STAMP,
    MAX_CORRELATED,
    MAX_POSITION,
    MAX_POSITIONS,
    MAX_SECTOR,
    MONEY_TOLERANCE,
    NEIGHBOURS,
    NEIGHBOURS_STAMP,
    OPEN_POSITIONS,
    POSITION,
    REFUSED,
    RETURN,
    RETURN_LEVEL,
    RETURN_SPREAD,
    RULE_CORRELATION,
    RULE_COUNT,
    RULE_POSITION,
    RULE_SECTOR,
    RULE_TRADE_LOSS,
    SECTOR,
    SPLIT_FACTOR,
    TRADE_LOSS,
    WINDOW,
)
from alphafactory.simulation.sizes import stop_distance
from alphafactory.simulation.valuation import sector_worth

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray

_STILL = 1e-12
"""A deviation of returns that counts as none."""
_RULE_OF_END = BY_POSITION - RULE_POSITION
"""Rooms end orders by names that stand in the order of their rules."""


@inner
def write_event(
    row: int, rule: int, action: int, symbol: float, sector: float, measured: float, limit: float, wanted: float,
    allowed: float, state: FloatArray, events: FloatArray,
) -> None:  # fmt: skip
    """Count an act of a limit, and write its row where there is room."""
    account = state.shape[0] - 1
    number = int(state[account, EVENTS])
    state[account, EVENTS] += 1.0
    if number >= events.shape[0]:
        return
    events[number, E_ROW], events[number, E_RULE], events[number, E_ACTION] = row, rule, action
    events[number, E_SYMBOL], events[number, E_SECTOR] = symbol, sector
    events[number, E_MEASURED], events[number, E_LIMIT] = measured, limit
    events[number, E_WANTED], events[number, E_ALLOWED] = wanted, allowed


@inner
def permitted(
    symbol: int, row: int, price: float, side: float, sought: float, equity: float, market: FloatArray,
    rules: FloatArray, state: FloatArray, events: FloatArray,
) -> tuple[float, int]:  # fmt: skip
    """Return the shares that the limits allow, in lots where they cut, and how the order ends if they are fewer."""
    account = state.shape[0] - 1
    if row <= state[account, FROZEN_UNTIL]:
        return 0.0, FROZEN
    wanted = side * sought
    if state[symbol, POSITION] == 0.0:
        count = state[account, OPEN_POSITIONS] + 1.0
        if 0.0 < rules[MAX_POSITIONS] < count:
            write_event(row, RULE_COUNT, REFUSED, symbol, -1.0, count, rules[MAX_POSITIONS], wanted, 0.0, state, events)
            return 0.0, BY_COUNT
        if rules[MAX_CORRELATED] > 0.0:
            group = _group(symbol, row - 1, side, market, rules, state)
            if group > rules[MAX_CORRELATED]:
                most = rules[MAX_CORRELATED]
                write_event(row, RULE_CORRELATION, REFUSED, symbol, -1.0, group, most, wanted, 0.0, state, events)
                return 0.0, BY_CORRELATION
    return _within_rooms(symbol, row, price, side, sought, equity, market, rules, state, events)


@inner
def _within_rooms(
    symbol: int, row: int, price: float, side: float, sought: float, equity: float, market: FloatArray,
    rules: FloatArray, state: FloatArray, events: FloatArray,
) -> tuple[float, int]:  # fmt: skip
    """Cut the shares to the smallest room of position, sector and risk."""
    held, sector = abs(state[symbol, POSITION]), sector_worth(symbol, price, state)
    distance = math.inf
    if rules[TRADE_LOSS] < math.inf:
        distance = stop_distance(symbol, price, row - 1, market, rules, state)
    least, rule, measured, limit = sought, -1, 0.0, 0.0
    would = (held + sought) * price / equity
    if is_beyond(would, rules[MAX_POSITION]):
        rule, measured, limit = RULE_POSITION, would, rules[MAX_POSITION]
        least = limit * equity / price - held
    would = (sector + sought * price) / equity
    if is_beyond(would, rules[MAX_SECTOR]) and (rules[MAX_SECTOR] * equity - sector) / price < least:
        rule, measured, limit = RULE_SECTOR, would, rules[MAX_SECTOR]
        least = (limit * equity - sector) / price
    would = (held + sought) * distance / equity if distance < math.inf else 0.0
    if is_beyond(would, rules[TRADE_LOSS]) and rules[TRADE_LOSS] * equity / distance - held < least:
        rule, measured, limit = RULE_TRADE_LOSS, would, rules[TRADE_LOSS]
        least = limit * equity / distance - held
    if least * price <= MONEY_TOLERANCE * equity:
        least = 0.0
    factor = market[symbol, SPLIT_FACTOR, row]
    allowed = in_lots(least, factor, rules)
    # Where lots are the same with it and without it, nothing is cut.
    if rule < 0 or allowed >= in_lots(sought, factor, rules):
        return sought, FILLED
    code = state[symbol, SECTOR] if rule == RULE_SECTOR else -1.0
    action = CUT if allowed > 0.0 else REFUSED
    write_event(row, rule, action, symbol, code, measured, limit, side * sought, side * allowed, state, events)
    return allowed, rule + _RULE_OF_END


@folded
def is_beyond(measured: float, limit: float) -> bool:
    """Return whether a measure is beyond its limit by more than rounding."""
    return measured > limit * (1.0 + MONEY_TOLERANCE)


@inner
def _group(symbol: int, known: int, side: float, market: FloatArray, rules: FloatArray, state: FloatArray) -> float:
    """Return the size of the largest group of correlated positions that a new one would be in, itself counted."""
    account, neighbours, largest = state.shape[0] - 1, 0.0, 0.0
    # Counted once for each session and each set of positions: what is asked anew each day is refused quickly.
    stamp = state[account, HOLDINGS_STAMP] + known / market.shape[2]
    for place in range(int(state[account, ACTIVES])):
        other = int(state[place, ACTIVE])
        if other == symbol or not _moves_with(symbol, side, other, known, market, rules, state):
            continue
        neighbours += 1.0
        if state[other, NEIGHBOURS_STAMP] != stamp:
            state[other, NEIGHBOURS] = _count_neighbours(other, known, market, rules, state)
            state[other, NEIGHBOURS_STAMP] = stamp
        largest = max(largest, state[other, NEIGHBOURS] + 2.0)  # the neighbour itself, and the new position
    return max(largest, neighbours + 1.0)


@inner
def _count_neighbours(symbol: int, known: int, market: FloatArray, rules: FloatArray, state: FloatArray) -> float:
    """Return how many held symbols run the same risk as a held one."""
    account, count = state.shape[0] - 1, 0.0
    side = 1.0 if state[symbol, POSITION] > 0.0 else -1.0
    for place in range(int(state[account, ACTIVES])):
        other = int(state[place, ACTIVE])
        if other != symbol:
            count += _moves_with(symbol, side, other, known, market, rules, state)
    return count


@folded
def _moves_with(
    symbol: int, side: float, other: int, known: int, market: FloatArray, rules: FloatArray, state: FloatArray
) -> bool:
    """Return whether a position of one symbol runs the same risk as another that is held."""
    held = state[other, POSITION]
    if held == 0.0:
        return False
    facing = side if held > 0.0 else -side
    return facing * _correlation(symbol, other, known, int(rules[WINDOW]), market) > rules[CORRELATED_ABOVE]


@folded
def _correlation(symbol: int, other: int, known: int, window: int, market: FloatArray) -> float:
    """Return Pearson's correlation of the newest returns up to a row; 0 where some are unknown or nothing moves."""
    first, still = known - window + 1, math.sqrt(window) * _STILL
    if first < 0:
        return 0.0
    spread, other_spread = market[symbol, RETURN_SPREAD, known], market[other, RETURN_SPREAD, known]
    # NaN, which an unknown return makes of a spread, is not above anything.
    if not (spread > still and other_spread > still):
        return 0.0
    both = _joint_deviation(
        market[symbol, RETURN, first : known + 1], market[other, RETURN, first : known + 1],
        market[symbol, RETURN_LEVEL, known], market[other, RETURN_LEVEL, known],
    )  # fmt: skip
    return both / (spread * other_spread)


@inner_sum
def _joint_deviation(one: FloatArray, other: FloatArray, level: float, other_level: float) -> float:
    total = 0.0
    for row in range(len(one)):
        total += (one[row] - level) * (other[row] - other_level)
    return total
