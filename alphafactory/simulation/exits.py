"""What ends a trade without a signal: levels, time, margin calls, ruin, delisting; and how levels move.

An exit is an order of its own. What a bar's volume does not let through goes on at the next sessions' opens.
"""

# ruff: noqa: PLR0917  compiled functions take their state by position

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from alphafactory.simulation.compiling import folded, inner
from alphafactory.simulation.costs import commission, sell_fees, slipped
from alphafactory.simulation.fills import FREE, SLIPPING, UNSLIPPED, fill
from alphafactory.simulation.layout import (
    AMBIGUOUS,
    BEST_CLOSE,
    BEST_EXTREME,
    BREAK_AT,
    BY_BREAK_EVEN,
    BY_DELISTING,
    BY_RISK,
    BY_RUIN,
    BY_TAKE,
    BY_TIME,
    BY_TRAIL,
    CLOSE,
    CLOSED_SIDE,
    DELISTING_RETURN,
    DIRECTION_CLOSED,
    END_DELISTED,
    END_RUINED,
    ENTRY_QUANTITY,
    ENTRY_ROW,
    ENTRY_VALUE,
    EXIT_ASKED,
    EXIT_DECIDED,
    EXITING,
    FILLED,
    FIRST_PRICE,
    GOAL,
    HIGH,
    IMMEDIATE,
    LAST,
    LAST_ASKED,
    LOW,
    NO_BAR,
    OPEN,
    OPTIMISTIC,
    ORDER,
    POSITION,
    SEEN_ROW,
    SPLIT_FACTOR,
    STATE,
    STOP_KIND,
    STOP_LEVEL,
    TAKE_LEVEL,
    TIME_STOP,
    TRADABLE,
    WEIGHT,
)
from alphafactory.simulation.levels import next_trail
from alphafactory.simulation.orders import clear_sums, end_order, write_order
from alphafactory.simulation.reductions import capped

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray


@folded
def begin_exit(symbol: int, row: int, reason: int, state: FloatArray) -> None:
    """Make an order to close the position."""
    state[symbol, EXITING], state[symbol, EXIT_DECIDED] = reason, row
    clear_sums(symbol, EXIT_ASKED, state)


@inner
def work_exit(
    symbol: int, row: int, price: float, market: FloatArray, rules: FloatArray, state: FloatArray, trades: FloatArray,
    orders: FloatArray,
) -> None:  # fmt: skip
    """Fill what the volume allows of the exit under way; the position's direction closes with it."""
    held, reason = state[symbol, POSITION], int(state[symbol, EXITING])
    if state[symbol, EXIT_ASKED] == 0.0:
        state[symbol, EXIT_ASKED] = -held
    quantity = capped(symbol, row, abs(held), market, rules)
    if quantity > 0.0:
        change = -held if quantity == abs(held) else math.copysign(quantity, -held)
        how = UNSLIPPED if reason == BY_TAKE else SLIPPING
        fill(symbol, row, price, change, how, EXIT_ASKED, reason, market, rules, state, trades)
    if state[symbol, POSITION] == 0.0:
        _finish_exit(symbol, row, FILLED, state, orders)
        if held * state[symbol, GOAL] > 0.0 and reason != BY_RISK:
            state[symbol, CLOSED_SIDE] = 1.0 if held > 0.0 else -1.0
            alive = state[symbol, ORDER] != 0.0 and held * state[symbol, WEIGHT] > 0.0
            if alive and rules[IMMEDIATE] == 0.0:
                end_order(symbol, row, DIRECTION_CLOSED, state, orders)


@inner
def _finish_exit(symbol: int, row: int, end: int, state: FloatArray, orders: FloatArray) -> None:
    """End the exit under way with its row."""
    reason, decided = int(state[symbol, EXITING]), state[symbol, EXIT_DECIDED]
    state[symbol, EXITING] = 0.0
    write_order(symbol, row, reason, decided, 0.0, end, EXIT_ASKED, state, orders)


@inner
def exit_at_open(
    symbol: int, row: int, market: FloatArray, rules: FloatArray, state: FloatArray, trades: FloatArray,
    orders: FloatArray,
) -> None:  # fmt: skip
    """Go on with an exit, or begin one at a level that the open has crossed."""
    held = state[symbol, POSITION]
    if held == 0.0 or market[symbol, STATE, row] != TRADABLE:
        return
    price, side = market[symbol, OPEN, row], 1.0 if held > 0.0 else -1.0
    if state[symbol, EXITING] == 0.0:
        if side * price <= side * state[symbol, STOP_LEVEL]:
            begin_exit(symbol, row, int(state[symbol, STOP_KIND]), state)
        elif side * price >= side * state[symbol, TAKE_LEVEL]:
            begin_exit(symbol, row, BY_TAKE, state)
        else:
            return
    work_exit(symbol, row, price, market, rules, state, trades, orders)


@inner
def exit_intrabar(
    symbol: int, row: int, market: FloatArray, rules: FloatArray, state: FloatArray, trades: FloatArray,
    orders: FloatArray,
) -> None:  # fmt: skip
    """Fill at a level that the bar touches; where it touches both, at the stop, and the trade is ambiguous."""
    held = state[symbol, POSITION]
    if held == 0.0 or market[symbol, STATE, row] != TRADABLE or state[symbol, EXITING] != 0.0:
        return
    side = 1.0 if held > 0.0 else -1.0
    worst, best = market[symbol, LOW, row], market[symbol, HIGH, row]
    if side < 0.0:
        worst, best = best, worst
    stop, take = state[symbol, STOP_LEVEL], state[symbol, TAKE_LEVEL]
    stopped, taken = side * worst <= side * stop, side * best >= side * take
    if stopped:
        begin_exit(symbol, row, int(state[symbol, STOP_KIND]), state)
        if taken:
            _note_better(symbol, row, stop, take, 1.0, market, rules, state)
        work_exit(symbol, row, stop, market, rules, state, trades, orders)
    elif taken:
        begin_exit(symbol, row, BY_TAKE, state)
        work_exit(symbol, row, take, market, rules, state, trades, orders)


@inner
def stop_in_bar_of_entry(
    symbol: int, row: int, market: FloatArray, rules: FloatArray, state: FloatArray, trades: FloatArray,
    orders: FloatArray,
) -> None:  # fmt: skip
    """Stop a trade that this very bar has opened after its open; whether the stop came first, the bar does not say."""
    held = state[symbol, POSITION]
    side = 1.0 if held > 0.0 else -1.0
    worst, stop = market[symbol, LOW if side > 0.0 else HIGH, row], state[symbol, STOP_LEVEL]
    if held == 0.0 or side * worst > side * stop:
        return
    begin_exit(symbol, row, int(state[symbol, STOP_KIND]), state)
    _note_better(symbol, row, stop, market[symbol, CLOSE, row], 0.0, market, rules, state)
    work_exit(symbol, row, stop, market, rules, state, trades, orders)


@inner
def _note_better(
    symbol: int, row: int, stop: float, better: float, paid_costs: float, market: FloatArray, rules: FloatArray,
    state: FloatArray,
) -> None:  # fmt: skip
    """Add what the coming fill at the stop gives away against `better`, which pays its costs or (0) is only a value."""
    held, factor = state[symbol, POSITION], market[symbol, SPLIT_FACTOR, row]
    side, quantity = 1.0 if held > 0.0 else -1.0, capped(symbol, row, abs(held), market, rules)
    paid = slipped(-side, quantity, stop, symbol, row, max(row - 1, 0), market, rules)
    cost = commission(quantity, paid, factor, rules) + sell_fees(-side, quantity, paid, symbol, row, market, rules)
    other = commission(quantity, better, factor, rules) + sell_fees(-side, quantity, better, symbol, row, market, rules)
    state[symbol, AMBIGUOUS] = 1.0
    if quantity > 0.0:
        state[symbol, OPTIMISTIC] += side * quantity * (better - paid) + cost - paid_costs * other


@inner
def exit_by_time(
    symbol: int, row: int, market: FloatArray, rules: FloatArray, state: FloatArray, trades: FloatArray,
    orders: FloatArray,
) -> None:  # fmt: skip
    """Close a trade that is old enough, at the close."""
    old = rules[TIME_STOP] > 0.0 and row - state[symbol, ENTRY_ROW] >= rules[TIME_STOP]
    held = state[symbol, POSITION] != 0.0 and state[symbol, EXITING] == 0.0
    if old and held and market[symbol, STATE, row] == TRADABLE:
        begin_exit(symbol, row, BY_TIME, state)
        work_exit(symbol, row, market[symbol, CLOSE, row], market, rules, state, trades, orders)


@inner
def pay_out(
    symbol: int, row: int, market: FloatArray, rules: FloatArray, state: FloatArray, trades: FloatArray,
    orders: FloatArray,
) -> None:  # fmt: skip
    """Close a delisted symbol's position without costs, and give up its orders."""
    if state[symbol, POSITION] != 0.0:
        price = market[symbol, CLOSE, row] * (1.0 + rules[DELISTING_RETURN])
        _close_all(symbol, row, price, FREE, BY_DELISTING, END_DELISTED, market, rules, state, trades, orders)
    if state[symbol, ORDER] != 0.0:
        end_order(symbol, row, END_DELISTED, state, orders)


@inner
def ruin(
    row: int, market: FloatArray, rules: FloatArray, state: FloatArray, trades: FloatArray, orders: FloatArray
) -> None:
    """Close every position at the last price and give up every order."""
    for symbol in range(state.shape[0] - 1):
        if state[symbol, POSITION] != 0.0:
            price = state[symbol, LAST]
            _close_all(symbol, row, price, SLIPPING, BY_RUIN, END_RUINED, market, rules, state, trades, orders)
        if state[symbol, ORDER] != 0.0:
            end_order(symbol, row, END_RUINED, state, orders)


@inner
def _close_all(
    symbol: int, row: int, price: float, how: float, reason: int, end: int, market: FloatArray, rules: FloatArray,
    state: FloatArray, trades: FloatArray, orders: FloatArray,
) -> None:  # fmt: skip
    """Close the position whatever the volume; an exit under way ends with what it got."""
    change = -state[symbol, POSITION]
    clear_sums(symbol, LAST_ASKED, state)
    state[symbol, LAST_ASKED] = change
    fill(symbol, row, price, change, how, LAST_ASKED, reason, market, rules, state, trades)
    write_order(symbol, row, reason, row, 0.0, FILLED, LAST_ASKED, state, orders)
    if state[symbol, EXITING] != 0.0:
        _finish_exit(symbol, row, end, state, orders)


@inner
def move_levels(symbol: int, row: int, market: FloatArray, rules: FloatArray, state: FloatArray) -> None:
    """Tighten the stop by the finished bar: the trail first, then break-even."""
    held = state[symbol, POSITION]
    if held == 0.0 or market[symbol, STATE, row] == NO_BAR:
        return
    side, close = 1.0 if held > 0.0 else -1.0, market[symbol, CLOSE, row]
    state[symbol, BEST_CLOSE] = side * max(side * state[symbol, BEST_CLOSE], side * close)
    if state[symbol, SEEN_ROW] == row:
        best = market[symbol, HIGH if side > 0.0 else LOW, row]
        state[symbol, BEST_EXTREME] = side * max(side * state[symbol, BEST_EXTREME], side * best)
    trail = next_trail(side, state[symbol, BEST_CLOSE], state[symbol, BEST_EXTREME], symbol, row, market, rules)
    if side * trail > side * state[symbol, STOP_LEVEL]:
        state[symbol, STOP_LEVEL], state[symbol, STOP_KIND] = trail, BY_TRAIL
    if side * (close - state[symbol, FIRST_PRICE]) >= state[symbol, BREAK_AT]:
        average = state[symbol, ENTRY_VALUE] / state[symbol, ENTRY_QUANTITY]
        if side * average > side * state[symbol, STOP_LEVEL]:
            state[symbol, STOP_LEVEL], state[symbol, STOP_KIND] = average, BY_BREAK_EVEN
