"""One session of an account, step by step, for any number of symbols.

`carry` is step 0 of docs/simulation.md, `trade` steps 1 to 3, `close` steps 4 to 6. In a session in which nothing can
happen `trade` may be left out; `is_quiet` says whether that is so.
"""

# ruff: noqa: PLR0917  compiled functions take their state by position

from __future__ import annotations

from typing import TYPE_CHECKING

from alphafactory.simulation.compiling import inner
from alphafactory.simulation.decisions import hear
from alphafactory.simulation.entries import enter_at_market, enter_at_price, enter_intrabar
from alphafactory.simulation.exits import (
    begin_exit,
    exit_at_open,
    exit_by_time,
    exit_intrabar,
    move_levels,
    pay_out,
    ruin,
    stop_in_bar_of_entry,
)
from alphafactory.simulation.fills import see
from alphafactory.simulation.layout import (
    ACTIVE,
    ACTIVES,
    AGE,
    AT_MID,
    AT_OPEN,
    AT_SAME_CLOSE,
    AT_TYPICAL,
    AUCTION,
    BORROW,
    BORROW_TOTAL,
    BREAK_UNIT,
    BUSIES,
    BUSY,
    BY_MARGIN,
    CASH,
    CASH_CURVE,
    CLOSE,
    CLOSED_SIDE,
    DECIDED,
    DELISTED_ROW,
    DIVIDEND,
    DIVIDENDS,
    ENTRY_ROW,
    EQUITY,
    EXITING,
    FILL,
    GOAL,
    HELD_SESSIONS,
    HIGH,
    HINDRANCE,
    IMMEDIATE,
    INTEREST,
    INTEREST_TOTAL,
    KIND,
    LAST,
    LOW,
    MAINTENANCE,
    MANDATED,
    MARGIN_INTEREST,
    MARKET,
    NO_BAR,
    NO_LEVEL,
    NO_TRAIL,
    OPEN,
    ORDER,
    ORDER_LIFE,
    POSITION,
    POSITION_CURVE,
    QUEUE,
    RUINED,
    SEEN_ROW,
    STATE,
    STOP_CURVE,
    STOP_LEVEL,
    TAKE_CURVE,
    TAKE_LEVEL,
    TARGET,
    TIME_STOP,
    TRADE_BORROW,
    TRADE_DIVIDENDS,
    TRAIL_MODEL,
    VALUE,
    VALUED_ROW,
    WEIGHT,
)
from alphafactory.simulation.orders import end_order, take_up
from alphafactory.simulation.queues import line_up
from alphafactory.simulation.reductions import exit_or_reduce
from alphafactory.simulation.valuation import (
    FROM_CLOSE,
    FROM_MID,
    FROM_OPEN,
    FROM_TYPICAL,
    call_roll,
    join_roll,
    price_at,
)
from alphafactory.simulation.watch import note_drift, watch

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray

_DAYS_A_YEAR = 365.0


@inner
def carry(row: int, days: float, market: FloatArray, rules: FloatArray, state: FloatArray) -> None:
    """Step 0: interest, borrow and dividends of what was held through the close before."""
    account = state.shape[0] - 1
    cash = state[account, CASH]
    earned = cash * (rules[INTEREST] if cash >= 0.0 else rules[MARGIN_INTEREST]) * days / _DAYS_A_YEAR
    state[account, CASH] += earned
    state[account, INTEREST_TOTAL] += earned
    call_roll(state)
    for place in range(int(state[account, ACTIVES])):
        symbol = int(state[place, ACTIVE])
        held = state[symbol, POSITION]
        if held < 0.0 and rules[BORROW] > 0.0:
            cost = -held * state[symbol, LAST] * rules[BORROW] * days / _DAYS_A_YEAR
            state[account, CASH] -= cost
            state[account, BORROW_TOTAL] += cost
            state[symbol, TRADE_BORROW] += cost
        if held != 0.0 and market[symbol, DIVIDEND, row] != 0.0:
            amount = held * market[symbol, DIVIDEND, row]
            state[account, CASH] += amount
            state[account, DIVIDENDS] += amount
            state[symbol, TRADE_DIVIDENDS] += amount


@inner
def trade(
    row: int, calendar: FloatArray, market: FloatArray, signals: FloatArray, rules: FloatArray, state: FloatArray,
    trades: FloatArray, orders: FloatArray, events: FloatArray,
) -> None:  # fmt: skip
    """Steps 1 to 3: whatever fills in this session."""
    account = state.shape[0] - 1
    _find_busy(row, market, signals, rules, state)
    if state[account, BUSIES] == 0.0 and rules[FILL] != AT_SAME_CLOSE:
        return
    _open(row, market, rules, state, trades, orders, events)
    _intrabar(row, market, rules, state, trades, orders, events)
    if rules[FILL] == AT_SAME_CLOSE:
        hear(row, False, calendar, market, signals, rules, state, orders, events)
        join_roll(state)
    if rules[FILL] != AT_OPEN:
        moment = FROM_CLOSE
        if rules[FILL] == AT_MID:
            moment = FROM_MID
        elif rules[FILL] == AT_TYPICAL:
            moment = FROM_TYPICAL
        _at_moment(row, moment, market, rules, state, trades, orders, events)
    for place in range(int(state[account, BUSIES])):
        symbol = int(state[place, BUSY])
        exit_by_time(symbol, row, market, rules, state, trades, orders)
        _age(symbol, row, rules, state, orders)
        if state[symbol, DELISTED_ROW] == row:
            pay_out(symbol, row, market, rules, state, trades, orders)


@inner
def _open(
    row: int,
    market: FloatArray,
    rules: FloatArray,
    state: FloatArray,
    trades: FloatArray,
    orders: FloatArray,
    events: FloatArray,
) -> None:
    account = state.shape[0] - 1
    for place in range(int(state[account, BUSIES])):
        symbol = int(state[place, BUSY])
        if state[symbol, POSITION] != 0.0 and market[symbol, STATE, row] != NO_BAR:
            see(market[symbol, OPEN, row], market[symbol, OPEN, row], symbol, state)
    for place in range(int(state[account, BUSIES])):
        symbol = int(state[place, BUSY])
        exit_at_open(symbol, row, market, rules, state, trades, orders)
    if rules[FILL] == AT_OPEN:
        _at_moment(row, FROM_OPEN, market, rules, state, trades, orders, events)
    if rules[AUCTION] == 0.0:
        for place in range(line_up(1.0, state)):
            symbol = int(state[place, QUEUE])
            price = market[symbol, OPEN, row]
            enter_at_price(symbol, row, price, FROM_OPEN, market, rules, state, trades, orders, events)


@inner
def _intrabar(
    row: int,
    market: FloatArray,
    rules: FloatArray,
    state: FloatArray,
    trades: FloatArray,
    orders: FloatArray,
    events: FloatArray,
) -> None:
    account = state.shape[0] - 1
    for place in range(int(state[account, BUSIES])):
        symbol = int(state[place, BUSY])
        if state[symbol, POSITION] != 0.0 and market[symbol, STATE, row] != NO_BAR:
            see(market[symbol, LOW, row], market[symbol, HIGH, row], symbol, state)
            state[symbol, SEEN_ROW] = row
    for place in range(int(state[account, BUSIES])):
        symbol = int(state[place, BUSY])
        exit_intrabar(symbol, row, market, rules, state, trades, orders)
    if rules[AUCTION] != 0.0:
        return
    for place in range(line_up(1.0, state)):
        symbol = int(state[place, QUEUE])
        before = state[symbol, POSITION]
        enter_intrabar(symbol, row, market, rules, state, trades, orders, events)
        if state[symbol, POSITION] != before:
            see(market[symbol, LOW, row], market[symbol, HIGH, row], symbol, state)
            if before == 0.0:
                stop_in_bar_of_entry(symbol, row, market, rules, state, trades, orders)


@inner
def _at_moment(
    row: int, moment: float, market: FloatArray, rules: FloatArray, state: FloatArray, trades: FloatArray,
    orders: FloatArray, events: FloatArray,
) -> None:  # fmt: skip
    """Fill at the moment of the settings: exits and reductions, then market entries, then those of an auction."""
    account = state.shape[0] - 1
    for place in range(int(state[account, BUSIES])):
        symbol = int(state[place, BUSY])
        if state[symbol, ORDER] != 0.0:
            price = price_at(symbol, row, moment, market)
            exit_or_reduce(symbol, row, price, moment, market, rules, state, trades, orders)
    for place in range(line_up(0.0, state)):
        symbol = int(state[place, QUEUE])
        price = price_at(symbol, row, moment, market)
        enter_at_market(symbol, row, price, moment, market, rules, state, trades, orders, events)
    if rules[AUCTION] != 0.0:
        for place in range(line_up(1.0, state)):
            symbol = int(state[place, QUEUE])
            price = price_at(symbol, row, moment, market)
            enter_at_price(symbol, row, price, moment, market, rules, state, trades, orders, events)


@inner
def _age(symbol: int, row: int, rules: FloatArray, state: FloatArray, orders: FloatArray) -> None:
    """Give up an order that has been tried in as many sessions as it was good for."""
    if state[symbol, ORDER] == 0.0:
        return
    if state[symbol, DECIDED] == row and state[symbol, KIND] != MARKET and rules[AUCTION] == 0.0:
        return
    state[symbol, AGE] += 1.0
    closes = state[symbol, WEIGHT] == 0.0 or state[symbol, POSITION] * state[symbol, WEIGHT] < 0.0
    if state[symbol, ORDER_LIFE] > 0.0 and state[symbol, AGE] >= state[symbol, ORDER_LIFE] and not closes:
        end_order(symbol, row, int(state[symbol, HINDRANCE]), state, orders)


@inner
def _find_busy(row: int, market: FloatArray, signals: FloatArray, rules: FloatArray, state: FloatArray) -> None:
    """List the symbols to which anything may happen in this session; the others have seen its range, and are done."""
    account, count = state.shape[0] - 1, 0
    for place in range(int(state[account, ACTIVES])):
        symbol = int(state[place, ACTIVE])
        if not is_quiet(symbol, row, market, signals, rules, state):
            state[count, BUSY] = symbol
            count += 1
        elif state[symbol, POSITION] != 0.0 and market[symbol, STATE, row] != NO_BAR:
            see(market[symbol, LOW, row], market[symbol, HIGH, row], symbol, state)
            state[symbol, SEEN_ROW] = row
    state[account, BUSIES] = count


@inner
def close(  # noqa: C901  the steps of one close, in order
    row: int, calendar: FloatArray, market: FloatArray, signals: FloatArray, rules: FloatArray, state: FloatArray,
    trades: FloatArray, orders: FloatArray, events: FloatArray, curves: FloatArray, holdings: FloatArray,
) -> bool:  # fmt: skip
    """Steps 4 to 6: mark, move the levels, hear the signals. Return whether the account is ruined."""
    account = state.shape[0] - 1
    equity, gross = _mark(row, market, rules, state, trades, orders)
    curves[EQUITY, row] = equity
    if holdings.shape[2] > 0:
        record(row, state, curves, holdings)
    if state[account, RUINED] != 0.0:
        return True
    if rules[MAINTENANCE] > 0.0 and equity < rules[MAINTENANCE] * gross:
        for symbol in range(account):
            if state[symbol, POSITION] != 0.0 and state[symbol, EXITING] == 0.0:
                begin_exit(symbol, row, BY_MARGIN, state)
    freed = False
    if rules[MANDATED] != 0.0:
        freed = watch(row, equity, calendar, rules, state, orders, events)
    if rules[TRAIL_MODEL] != NO_TRAIL or rules[BREAK_UNIT] != NO_LEVEL:
        for place in range(int(state[account, ACTIVES])):
            move_levels(int(state[place, ACTIVE]), row, market, rules, state)
    if rules[FILL] != AT_SAME_CLOSE:
        hear(row, freed, calendar, market, signals, rules, state, orders, events)
    elif freed:
        for symbol in range(account):
            take_up(symbol, row, market, signals, rules, state, orders)
    if rules[MANDATED] != 0.0:
        note_drift(row, equity, gross, rules, state, events)
    return False


@inner
def _mark(
    row: int, market: FloatArray, rules: FloatArray, state: FloatArray, trades: FloatArray, orders: FloatArray
) -> tuple[float, float]:
    """Step 4: return equity and the sum of absolute values at the close; close everything where nothing is left."""
    account = state.shape[0] - 1
    state[account, VALUED_ROW] = -1.0
    equity, gross, held_any = state[account, CASH], 0.0, False
    for place in range(int(state[account, ACTIVES])):
        symbol = int(state[place, ACTIVE])
        if market[symbol, STATE, row] != NO_BAR:
            state[symbol, LAST] = market[symbol, CLOSE, row]
        if state[symbol, POSITION] != 0.0:
            value = state[symbol, POSITION] * state[symbol, LAST]
            state[symbol, VALUE] = value
            equity += value
            gross += abs(value)
            held_any = True
    if equity <= 0.0:
        ruin(row, market, rules, state, trades, orders)
        state[account, RUINED] = 1.0
        equity, held_any = state[account, CASH], False
    if held_any:
        state[account, HELD_SESSIONS] += 1.0
    return equity, gross


@inner
def record(row: int, state: FloatArray, curves: FloatArray, holdings: FloatArray) -> None:
    """Write the session's row of the curves that only people look at."""
    account = state.shape[0] - 1
    curves[CASH_CURVE, row] = state[account, CASH]
    for place in range(int(state[account, ACTIVES])):
        symbol = int(state[place, ACTIVE])
        holdings[symbol, POSITION_CURVE, row] = state[symbol, POSITION]
        before = row > 0 and holdings[symbol, POSITION_CURVE, row - 1] != 0.0
        if before or state[symbol, ENTRY_ROW] == row:
            holdings[symbol, STOP_CURVE, row] = state[symbol, STOP_LEVEL]
            holdings[symbol, TAKE_CURVE, row] = state[symbol, TAKE_LEVEL]


@inner
def is_quiet(
    symbol: int, row: int, market: FloatArray, signals: FloatArray, rules: FloatArray, state: FloatArray
) -> bool:
    """Return whether nothing can fill in this session, so that `trade` may be left out."""
    if state[symbol, ORDER] != 0.0 or state[symbol, EXITING] != 0.0 or state[symbol, DELISTED_ROW] == row:
        return False
    if rules[FILL] == AT_SAME_CLOSE:
        again = rules[IMMEDIATE] != 0.0 and state[symbol, CLOSED_SIDE] != 0.0
        if again or signals[symbol, TARGET, row] != state[symbol, GOAL]:
            return False
    held = state[symbol, POSITION]
    if held == 0.0:
        return True
    if rules[TIME_STOP] > 0.0 and row - state[symbol, ENTRY_ROW] >= rules[TIME_STOP]:
        return False
    low, high = market[symbol, LOW, row], market[symbol, HIGH, row]
    if held > 0.0:
        return not (low <= state[symbol, STOP_LEVEL] or high >= state[symbol, TAKE_LEVEL])
    return not (high >= state[symbol, STOP_LEVEL] or low <= state[symbol, TAKE_LEVEL])
