"""The life of a signal's order, from the change of a target to the row that says how it ended.

Filling it is the work of `entries`; an exit that a level began is an order of its own, in `exits`.
"""

# ruff: noqa: PLR0917  compiled functions take their state by position

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from alphafactory.simulation.compiling import inner
from alphafactory.simulation.layout import (
    AGE,
    ALL_SIGNALS,
    ASKED,
    AT_DECISION,
    ATR,
    AUCTION,
    BARRED,
    BY_PARTICIPATION,
    CLOSE,
    CLOSED_SIDE,
    COUNTED,
    DECIDED,
    DELISTED_ROW,
    DIRECTION_CLOSED,
    END_DELISTED,
    ENTRY,
    ENTRY_BEYOND,
    ENTRY_DISTANCE,
    ENTRY_IN_ATR,
    ENTRY_LIMIT,
    ENTRY_STOP,
    EXITING,
    GOAL,
    HALVING,
    HINDRANCE,
    IMMEDIATE,
    KIND,
    LIFE,
    LIMIT,
    LIMIT_NOT_MET,
    MARKET,
    NO_BAR,
    NO_ESTIMATE,
    O_ASKED,
    O_COMMISSION,
    O_DECIDED,
    O_END,
    O_ENDED,
    O_FEES,
    O_FILLED,
    O_FIRST,
    O_KIND,
    O_SLIPPAGE,
    O_STOP,
    O_SYMBOL,
    O_TAKE,
    O_VALUE,
    O_WEIGHT,
    ORDER,
    ORDER_LIFE,
    ORDER_LIMIT,
    ORDER_PRIORITY,
    ORDER_SIGNAL_STOP,
    ORDER_SIGNAL_TAKE,
    ORDER_STOP,
    ORDERS,
    POSITION,
    PRIORITY,
    REST,
    SIGNAL_LIFE,
    SIGNAL_STOP,
    SIGNAL_TAKE,
    STATE,
    STOP_ENTRY,
    STOP_LEVEL,
    STOP_LIMIT,
    STOP_NOT_MET,
    TAKE_LEVEL,
    TARGET,
    TRIED_ROW,
    TRIGGERED,
    WANTED,
    WEIGHT,
)
from alphafactory.simulation.sizes import full_size
from alphafactory.simulation.valuation import FROM_CLOSE, worth

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray


@inner
def write_order(
    symbol: int, row: int, kind: int, decided: float, weight: float, end: int, first: int,
    state: FloatArray, orders: FloatArray,
) -> None:  # fmt: skip
    """Count an order and write its row; `first` is the first of the columns of its sums."""
    account = state.shape[0] - 1
    number = int(state[account, ORDERS])
    state[account, ORDERS] += 1.0
    if number >= orders.shape[0]:
        return
    orders[number, O_SYMBOL] = symbol
    orders[number, O_DECIDED] = decided
    orders[number, O_ENDED] = row
    orders[number, O_KIND] = kind
    orders[number, O_END] = end
    orders[number, O_WEIGHT] = weight
    orders[number, O_ASKED] = state[symbol, first]
    orders[number, O_FILLED] = state[symbol, first + 1]
    orders[number, O_VALUE] = state[symbol, first + 2]
    orders[number, O_FIRST] = state[symbol, first + 3]
    orders[number, O_COMMISSION] = state[symbol, first + 4]
    orders[number, O_FEES] = state[symbol, first + 5]
    orders[number, O_SLIPPAGE] = state[symbol, first + 6]
    protected = state[symbol, POSITION] != 0.0 and state[symbol, first + 1] != 0.0
    orders[number, O_STOP] = state[symbol, STOP_LEVEL] if protected else math.nan
    orders[number, O_TAKE] = state[symbol, TAKE_LEVEL] if protected else math.nan


@inner
def clear_sums(symbol: int, first: int, state: FloatArray) -> None:
    """Set an order's sums to nothing asked and nothing filled."""
    for column in range(first, first + 7):
        state[symbol, column] = 0.0
    state[symbol, first + 3] = -1.0


@inner
def end_order(symbol: int, row: int, end: int, state: FloatArray, orders: FloatArray) -> None:
    """End the signal's order with a row."""
    state[symbol, ORDER] = 0.0
    kind, decided, weight = int(state[symbol, KIND]), state[symbol, DECIDED], state[symbol, WEIGHT]
    write_order(symbol, row, kind, decided, weight, end, ASKED, state, orders)


@inner
def decide(
    symbol: int, row: int, market: FloatArray, signals: FloatArray, rules: FloatArray, state: FloatArray,
    orders: FloatArray,
) -> None:  # fmt: skip
    """Turn a session's target into an order where it has changed, or where a position is to be taken up again."""
    wanted, closed = signals[symbol, TARGET, row], state[symbol, CLOSED_SIDE]
    if closed != 0.0 and (wanted * closed <= 0.0 or rules[IMMEDIATE] != 0.0):
        # What may be taken up again at once is taken up now or never.
        state[symbol, CLOSED_SIDE] = 0.0
    if wanted == state[symbol, GOAL]:
        flat = state[symbol, ORDER] == 0.0 and state[symbol, POSITION] == 0.0
        if closed != 0.0 and rules[IMMEDIATE] != 0.0 and flat and wanted != 0.0:
            begin_order(symbol, row, wanted, market, signals, rules, state, orders)
        return
    state[symbol, GOAL] = wanted
    replace_order(symbol, row, wanted, market, signals, rules, state, orders)


@inner
def replace_order(
    symbol: int, row: int, weight: float, market: FloatArray, signals: FloatArray, rules: FloatArray,
    state: FloatArray, orders: FloatArray,
) -> None:  # fmt: skip
    """End a live order and make one for `weight`, unless there is nothing that it could change."""
    if state[symbol, AGE] == 0.0 and (state[symbol, KIND] == MARKET or rules[AUCTION] != 0.0):
        state[symbol, ORDER] = 0.0  # never tried: what a limit made at the close before this step
    if state[symbol, ORDER] != 0.0:
        end_order(symbol, row, int(state[symbol, HINDRANCE]), state, orders)
    if weight != 0.0 or state[symbol, POSITION] != 0.0:
        begin_order(symbol, row, weight, market, signals, rules, state, orders)


@inner
def take_up(
    symbol: int, row: int, market: FloatArray, signals: FloatArray, rules: FloatArray, state: FloatArray,
    orders: FloatArray,
) -> None:  # fmt: skip
    """Make an order of an unchanged target that has no position, order or exit, when a freeze is over."""
    idle = state[symbol, POSITION] == 0.0 and state[symbol, ORDER] == 0.0 and state[symbol, EXITING] == 0.0
    open_again = state[symbol, CLOSED_SIDE] == 0.0 or rules[IMMEDIATE] != 0.0
    if idle and state[symbol, GOAL] != 0.0 and open_again:
        state[symbol, CLOSED_SIDE] = 0.0
        begin_order(symbol, row, state[symbol, GOAL], market, signals, rules, state, orders)


@inner
def halve(symbol: int, row: int, state: FloatArray, orders: FloatArray) -> None:
    """Make an order for half of a position whose target is on its side, sized now."""
    held = state[symbol, POSITION]
    if held * state[symbol, GOAL] <= 0.0 or state[symbol, EXITING] != 0.0:
        return
    if state[symbol, ORDER] != 0.0:
        end_order(symbol, row, int(state[symbol, HINDRANCE]), state, orders)
    _blank(symbol, row, state[symbol, GOAL], state)
    state[symbol, WANTED], state[symbol, HALVING] = 0.5 * abs(held), 1.0


@inner
def _blank(symbol: int, row: int, weight: float, state: FloatArray) -> None:
    """Begin an order at market that nothing is known of but its weight."""
    state[symbol, ORDER], state[symbol, WEIGHT], state[symbol, DECIDED] = 1.0, weight, row
    state[symbol, AGE] = state[symbol, TRIGGERED] = state[symbol, COUNTED] = state[symbol, BARRED] = 0.0
    state[symbol, ORDER_LIFE] = state[symbol, HALVING] = 0.0
    state[symbol, ORDER_LIMIT] = state[symbol, ORDER_STOP] = math.nan
    state[symbol, ORDER_SIGNAL_STOP] = state[symbol, ORDER_SIGNAL_TAKE] = math.nan
    state[symbol, WANTED] = state[symbol, REST] = math.nan
    state[symbol, TRIED_ROW] = -1.0
    state[symbol, ORDER_PRIORITY], state[symbol, KIND], state[symbol, HINDRANCE] = 0.0, MARKET, BY_PARTICIPATION
    clear_sums(symbol, ASKED, state)


@inner
def begin_order(
    symbol: int, row: int, weight: float, market: FloatArray, signals: FloatArray, rules: FloatArray,
    state: FloatArray, orders: FloatArray,
) -> None:  # fmt: skip
    """Make an order of a target; it may end at once, where what it needs to know is not known."""
    _blank(symbol, row, weight, state)
    state[symbol, ORDER_LIFE] = rules[LIFE]
    if signals.shape[1] == ALL_SIGNALS:
        _take_prices(symbol, row, signals, state)
    if weight != 0.0:
        _prepare_entry(symbol, row, weight, market, rules, state)
        if not math.isnan(state[symbol, ORDER_STOP]):
            state[symbol, HINDRANCE] = STOP_NOT_MET
        elif not math.isnan(state[symbol, ORDER_LIMIT]):
            state[symbol, HINDRANCE] = LIMIT_NOT_MET
    if state[symbol, DELISTED_ROW] >= 0.0 and row >= state[symbol, DELISTED_ROW]:
        end_order(symbol, row, END_DELISTED, state, orders)
    elif state[symbol, CLOSED_SIDE] != 0.0:
        end_order(symbol, row, DIRECTION_CLOSED, state, orders)
    elif state[symbol, BARRED] != 0.0 and state[symbol, POSITION] * weight >= 0.0:
        end_order(symbol, row, int(state[symbol, BARRED]), state, orders)


@inner
def _prepare_entry(
    symbol: int, row: int, weight: float, market: FloatArray, rules: FloatArray, state: FloatArray
) -> None:
    """Set what an entry waits for, and its size where that is fixed now; it is barred where they cannot be known."""
    own_prices = not (math.isnan(state[symbol, ORDER_LIMIT]) and math.isnan(state[symbol, ORDER_STOP]))
    needs_close = rules[AT_DECISION] != 0.0 or (rules[ENTRY] != MARKET and not own_prices)
    if needs_close and market[symbol, STATE, row] == NO_BAR:
        state[symbol, BARRED] = NO_BAR
    elif needs_close:
        if not own_prices:
            _set_entry_prices(symbol, row, weight, market, rules, state)
        if rules[AT_DECISION] != 0.0:
            _size_now(symbol, row, weight, market, rules, state)
    limited, stopped = not math.isnan(state[symbol, ORDER_LIMIT]), not math.isnan(state[symbol, ORDER_STOP])
    if not own_prices:
        state[symbol, KIND] = rules[ENTRY]
    elif limited:
        state[symbol, KIND] = STOP_LIMIT if stopped else LIMIT
    else:
        state[symbol, KIND] = STOP_ENTRY


@inner
def _take_prices(symbol: int, row: int, signals: FloatArray, state: FloatArray) -> None:
    """Keep what the strategy says of this order."""
    state[symbol, ORDER_LIMIT] = signals[symbol, ENTRY_LIMIT, row]
    state[symbol, ORDER_STOP] = signals[symbol, ENTRY_STOP, row]
    state[symbol, ORDER_SIGNAL_STOP] = signals[symbol, SIGNAL_STOP, row]
    state[symbol, ORDER_SIGNAL_TAKE] = signals[symbol, SIGNAL_TAKE, row]
    state[symbol, ORDER_PRIORITY] = signals[symbol, PRIORITY, row]
    if not math.isnan(signals[symbol, SIGNAL_LIFE, row]):
        state[symbol, ORDER_LIFE] = signals[symbol, SIGNAL_LIFE, row]


@inner
def _set_entry_prices(
    symbol: int, row: int, weight: float, market: FloatArray, rules: FloatArray, state: FloatArray
) -> None:
    """Set the prices that the settings make an entry wait for."""
    kind = rules[ENTRY]
    if kind == MARKET:
        return
    close, side = market[symbol, CLOSE, row], 1.0 if weight > 0.0 else -1.0
    distance = rules[ENTRY_DISTANCE] * (market[symbol, ATR, row] if rules[ENTRY_IN_ATR] != 0.0 else close)
    if math.isnan(distance):
        state[symbol, BARRED] = NO_ESTIMATE
    elif kind == LIMIT:
        state[symbol, ORDER_LIMIT] = close - side * distance
    else:
        state[symbol, ORDER_STOP] = close + side * distance
        if kind == STOP_LIMIT:
            state[symbol, ORDER_LIMIT] = state[symbol, ORDER_STOP] * (1.0 + side * rules[ENTRY_BEYOND])


@inner
def _size_now(symbol: int, row: int, weight: float, market: FloatArray, rules: FloatArray, state: FloatArray) -> None:
    """Fix the position in shares by the close of the decision."""
    price = market[symbol, CLOSE, row]
    equity, _ = worth(symbol, row, price, FROM_CLOSE, market, rules, state)
    money, shares = full_size(symbol, row, row, price, weight, equity, market, rules, state)
    wanted = money / price if math.isnan(shares) else shares
    if math.isfinite(wanted):
        state[symbol, WANTED] = wanted
    else:
        state[symbol, BARRED] = NO_ESTIMATE
