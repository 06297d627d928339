"""Tries to fill what makes a position larger, at the moment of the settings' `fill` or at the price it waits for.

An attempt ends in a fill, in a hindrance that lets the order wait, or in the end of the order.
"""

# ruff: noqa: PLR0917  compiled functions take their state by position

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from alphafactory.simulation.compiling import folded, inner
from alphafactory.simulation.costs import affordable, spent, whole_lots
from alphafactory.simulation.fills import SLIPPING, UNSLIPPED, fill
from alphafactory.simulation.layout import (
    ASKED,
    BARRED,
    BY_PARTICIPATION,
    BY_RESERVE,
    COUNTED,
    CUT,
    DISTANCES,
    ENTRIES,
    FILLED,
    HIGH,
    HINDRANCE,
    LESS_THAN_ONE,
    LEVEL_CROSSED,
    LEVERAGE,
    LIMIT_NOT_MET,
    LOW,
    MANDATED,
    MAX_ENTRIES,
    MONEY_TOLERANCE,
    NO_CASH,
    NO_EDGE,
    NO_ESTIMATE,
    ORDER,
    ORDER_LIMIT,
    ORDER_SIGNAL_STOP,
    ORDER_SIGNAL_TAKE,
    ORDER_STOP,
    POSITION,
    REFUSED,
    RESERVE,
    REST,
    RULE_LEVERAGE,
    RULE_RESERVE,
    SIZE_KELLY,
    SIZING,
    STOP_NOT_MET,
    TOO_MANY_ENTRIES,
    TRIED_ROW,
    TRIGGERED,
    WEIGHT,
)
from alphafactory.simulation.limits import permitted, write_event
from alphafactory.simulation.orders import end_order
from alphafactory.simulation.reductions import SIGNAL_EXIT, capped, finish, lacks_estimate, may_work, missing_size
from alphafactory.simulation.valuation import FROM_OPEN, worth

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray


@inner
def enter_at_market(
    symbol: int, row: int, price: float, moment: float, market: FloatArray, rules: FloatArray, state: FloatArray,
    trades: FloatArray, orders: FloatArray, events: FloatArray,
) -> None:  # fmt: skip
    """Fill a market entry at the moment of the settings' `fill`."""
    if wants_entry(symbol, state) and not is_conditional(symbol, state) and may_work(symbol, row, market, state):
        _increase(symbol, row, price, moment, SLIPPING, market, rules, state, trades, orders, events)


@inner
def enter_at_price(
    symbol: int, row: int, price: float, moment: float, market: FloatArray, rules: FloatArray, state: FloatArray,
    trades: FloatArray, orders: FloatArray, events: FloatArray,
) -> None:  # fmt: skip
    """Fill an entry that waits for a price which the open, or the one price of an auction, has reached."""
    waits = wants_entry(symbol, state) and is_conditional(symbol, state)
    if waits and may_work(symbol, row, market, state) and _reached(symbol, price, state):
        how = SLIPPING if math.isnan(state[symbol, ORDER_LIMIT]) else UNSLIPPED
        _increase(symbol, row, price, moment, how, market, rules, state, trades, orders, events)


@inner
def enter_intrabar(
    symbol: int, row: int, market: FloatArray, rules: FloatArray, state: FloatArray, trades: FloatArray,
    orders: FloatArray, events: FloatArray,
) -> None:  # fmt: skip
    """Fill a resting entry whose price the bar reaches after its open, at that price."""
    waits = wants_entry(symbol, state) and is_conditional(symbol, state) and state[symbol, TRIED_ROW] != row
    if not waits or not may_work(symbol, row, market, state):
        return
    side = 1.0 if state[symbol, WEIGHT] > 0.0 else -1.0
    low, high = market[symbol, LOW, row], market[symbol, HIGH, row]
    better, worse = (low, high) if side > 0.0 else (high, low)
    limit, stop = state[symbol, ORDER_LIMIT], state[symbol, ORDER_STOP]
    if not math.isnan(stop) and state[symbol, TRIGGERED] == 0.0:
        if side * worse < side * stop:
            state[symbol, HINDRANCE] = STOP_NOT_MET
            return
        state[symbol, TRIGGERED] = 1.0
        if math.isnan(limit) or side * stop <= side * limit:
            how = SLIPPING if math.isnan(limit) else UNSLIPPED
            _increase(symbol, row, stop, FROM_OPEN, how, market, rules, state, trades, orders, events)
        else:
            # Whether the limit was met before or after the stop, the bar does not say.
            state[symbol, HINDRANCE] = LIMIT_NOT_MET
    elif not math.isnan(limit):
        if side * better > side * limit:
            state[symbol, HINDRANCE] = LIMIT_NOT_MET
        else:
            _increase(symbol, row, limit, FROM_OPEN, UNSLIPPED, market, rules, state, trades, orders, events)


@folded
def is_conditional(symbol: int, state: FloatArray) -> bool:
    """Return whether the order waits for a price."""
    return not (math.isnan(state[symbol, ORDER_LIMIT]) and math.isnan(state[symbol, ORDER_STOP]))


@folded
def wants_entry(symbol: int, state: FloatArray) -> bool:
    """Return whether there is an order whose opposite position, if it had one, is gone."""
    weight = state[symbol, WEIGHT]
    return (
        state[symbol, ORDER] != 0.0
        and weight != 0.0
        and state[symbol, POSITION] * weight >= 0.0
        and not state[symbol, REST] < 0.0  # what is left of a reduction
    )


@inner
def _reached(symbol: int, price: float, state: FloatArray) -> bool:
    """Return whether one price fills a conditional entry; a stop that it meets stays triggered."""
    side = 1.0 if state[symbol, WEIGHT] > 0.0 else -1.0
    limit, stop = state[symbol, ORDER_LIMIT], state[symbol, ORDER_STOP]
    if not math.isnan(stop) and state[symbol, TRIGGERED] == 0.0:
        if side * price < side * stop:
            state[symbol, HINDRANCE] = STOP_NOT_MET
            return False
        state[symbol, TRIGGERED] = 1.0
    if not math.isnan(limit) and side * price > side * limit:
        state[symbol, HINDRANCE] = LIMIT_NOT_MET
        return False
    return True


@inner
def _increase(
    symbol: int, row: int, price: float, moment: float, how: float, market: FloatArray, rules: FloatArray,
    state: FloatArray, trades: FloatArray, orders: FloatArray, events: FloatArray,
) -> None:  # fmt: skip
    """Add what the position lacks, as far as limits, money, lots and volume allow."""
    refusal = _refusal(symbol, row, price, market, rules, state)
    if refusal == NO_ESTIMATE and state[symbol, BARRED] == 0.0:
        state[symbol, HINDRANCE], state[symbol, TRIED_ROW] = NO_ESTIMATE, row
        return
    if refusal != FILLED:
        end_order(symbol, row, refusal, state, orders)
        return
    side = 1.0 if state[symbol, WEIGHT] > 0.0 else -1.0
    slips = 1.0 if how == SLIPPING else 0.0
    equity, gross = worth(symbol, row, price, moment, market, rules, state)
    sought = state[symbol, REST]
    if math.isnan(sought):
        sought = _sought(symbol, row, price, side, slips, equity, market, rules, state, orders)
        if math.isnan(sought):
            return
    allowed, end = sought, FILLED
    if rules[MANDATED] != 0.0:
        allowed, end = permitted(symbol, row, price, side, sought, equity, market, rules, state, events)
        if allowed <= 0.0 and end != FILLED:
            end_order(symbol, row, end, state, orders)
            return
    most = min(rules[LEVERAGE], 1.0 - rules[RESERVE]) * equity - gross
    limit = most + MONEY_TOLERANCE * abs(equity)
    # What was left over may be no whole shares any more, for a split has come in between.
    rest = whole_lots(sought, limit, side, price, symbol, row, slips, market, rules)
    state[symbol, REST] = rest
    if rest <= 0.0:
        poor = sought <= 0.0 or spent(side, sought, price, symbol, row, row - 1, slips, market, rules) > limit
        end_order(symbol, row, NO_CASH if poor else LESS_THAN_ONE, state, orders)
        return
    asked = rest if end == FILLED else min(rest, allowed)
    wanted = _within(most, equity, asked, side, price, symbol, row, slips, market, rules)
    if wanted < asked:
        end = _short_of_money(rules)
        if rules[MANDATED] != 0.0:
            _note_money(symbol, row, price, side, asked, wanted, equity, gross, slips, market, rules, state, events)
    _work(symbol, row, price, side * wanted, rest, how, end, market, rules, state, trades, orders)


@inner
def _work(
    symbol: int, row: int, price: float, change: float, rest: float, how: float, end: int, market: FloatArray,
    rules: FloatArray, state: FloatArray, trades: FloatArray, orders: FloatArray,
) -> None:  # fmt: skip
    """Fill what the volume lets through of a change; `end` is how the order ends with all of it."""
    if change == 0.0:
        end_order(symbol, row, end, state, orders)
        return
    quantity = capped(symbol, row, abs(change), market, rules)
    if quantity > 0.0:
        got = math.copysign(quantity, change)
        fill(symbol, row, price, got, how, ASKED, SIGNAL_EXIT, market, rules, state, trades)
        state[symbol, ENTRIES] += 1.0 - state[symbol, COUNTED]
        state[symbol, COUNTED] = 1.0
        state[symbol, REST] = rest - quantity
    if quantity < abs(change):
        # What this session's volume has capped is tried again in the next.
        state[symbol, HINDRANCE], state[symbol, TRIED_ROW] = BY_PARTICIPATION, row
    else:
        end_order(symbol, row, end, state, orders)


@folded
def _short_of_money(rules: FloatArray) -> int:
    """Return how an order ends that asked for more money than there was to spend."""
    return BY_RESERVE if 1.0 - rules[RESERVE] < rules[LEVERAGE] else NO_CASH


@inner
def _note_money(
    symbol: int, row: int, price: float, side: float, asked: float, wanted: float, equity: float, gross: float,
    slips: float, market: FloatArray, rules: FloatArray, state: FloatArray, events: FloatArray,
) -> None:  # fmt: skip
    """Write the event of an order that the cash reserve or the leverage has cut or refused."""
    taken = (gross + spent(side, asked, price, symbol, row, row - 1, slips, market, rules)) / equity
    action = CUT if wanted > 0.0 else REFUSED
    if _short_of_money(rules) == BY_RESERVE:
        rule, measured, limit = RULE_RESERVE, 1.0 - taken, rules[RESERVE]
    else:
        rule, measured, limit = RULE_LEVERAGE, taken, rules[LEVERAGE]
    write_event(row, rule, action, symbol, -1.0, measured, limit, side * asked, side * wanted, state, events)


@inner
def _refusal(symbol: int, row: int, price: float, market: FloatArray, rules: FloatArray, state: FloatArray) -> int:
    """Return why an increase at this price cannot be, or FILLED if nothing speaks against it."""
    held = state[symbol, POSITION]
    full = rules[MAX_ENTRIES] != 0.0 and state[symbol, ENTRIES] >= rules[MAX_ENTRIES]
    if held != 0.0 and full and state[symbol, COUNTED] == 0.0:
        return TOO_MANY_ENTRIES
    if held == 0.0 and rules[DISTANCES] == 0.0:
        side = 1.0 if state[symbol, WEIGHT] > 0.0 else -1.0
        # A comparison with NaN, which stands for no level, is false.
        if (
            side * price <= side * state[symbol, ORDER_SIGNAL_STOP]
            or side * price >= side * state[symbol, ORDER_SIGNAL_TAKE]
        ):
            return LEVEL_CROSSED
    if state[symbol, BARRED] != 0.0:
        return int(state[symbol, BARRED])
    return NO_ESTIMATE if lacks_estimate(symbol, row - 1, market, rules) else FILLED


@inner
def _sought(
    symbol: int, row: int, price: float, side: float, slips: float, equity: float, market: FloatArray,
    rules: FloatArray, state: FloatArray, orders: FloatArray,
) -> float:  # fmt: skip
    """Return the shares that an increase seeks at its first attempt; or end the order, or let it wait, with NaN."""
    held = abs(state[symbol, POSITION])
    money, shares = missing_size(symbol, row, price, equity, market, rules, state)
    by_money = math.isnan(shares)
    room = money if by_money else shares * price
    if rules[SIZING] == SIZE_KELLY and room <= -held * price:
        end_order(symbol, row, NO_EDGE, state, orders)
    elif not by_money and shares == math.inf:
        state[symbol, HINDRANCE], state[symbol, TRIED_ROW] = NO_ESTIMATE, row
    elif room <= MONEY_TOLERANCE * abs(equity):
        finish(symbol, row, FILLED, state, orders)
    else:
        state[symbol, ASKED] += side * (room / price if by_money else shares)
        if not by_money:
            return shares
        return max(affordable(room, side, price, symbol, row, row - 1, slips, market, rules), 0.0)
    return math.nan


@inner
def _within(
    most: float, equity: float, shares: float, side: float, price: float, symbol: int, row: int, slips: float,
    market: FloatArray, rules: FloatArray,
) -> float:  # fmt: skip
    """Return the shares, cut to what the account may spend where they cost more."""
    tolerance = MONEY_TOLERANCE * abs(equity)
    limit = most + tolerance
    if spent(side, shares, price, symbol, row, row - 1, slips, market, rules) <= limit:
        return shares
    if most <= tolerance:
        return 0.0  # what rounding leaves is no money
    paid_for = affordable(most, side, price, symbol, row, row - 1, slips, market, rules)
    return min(whole_lots(paid_for, limit, side, price, symbol, row, slips, market, rules), shares)
