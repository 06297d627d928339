"""Makes positions smaller: the exit part of a signal's order, and what a smaller target gives up.

Here stands too what every attempt asks first: whether the session trades, what volume lets through, what is missing.
"""

# ruff: noqa: PLR0917  compiled functions take their state by position

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from alphafactory.simulation.compiling import folded, inner
from alphafactory.simulation.costs import commission, in_lots, sell_fees, slipped
from alphafactory.simulation.fills import SLIPPING, fill
from alphafactory.simulation.layout import (
    ADV,
    ASKED,
    ATR,
    BARRED,
    BY_PARTICIPATION,
    CASH,
    EXITING,
    FILLED,
    GOT,
    HINDRANCE,
    KIND,
    LESS_THAN_ONE,
    LEVERAGE,
    MARKET,
    MONEY_TOLERANCE,
    NEEDS_ADV,
    NEEDS_ATR,
    NEEDS_SIGMA,
    NEEDS_SPREAD,
    NO_CASH,
    ORDER,
    PARTICIPATION,
    POSITION,
    REST,
    SIGMA,
    SIGNAL,
    SIZE_KELLY,
    SIZING,
    SPLIT_FACTOR,
    SPREAD,
    STATE,
    TRADABLE,
    VOLUME,
    WANTED,
    WEIGHT,
)
from alphafactory.simulation.orders import end_order
from alphafactory.simulation.sizes import full_size
from alphafactory.simulation.valuation import worth

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray

SIGNAL_EXIT = SIGNAL


@folded
def capped(symbol: int, row: int, quantity: float, market: FloatArray, rules: FloatArray) -> float:
    """Return how much of a fill the bar's volume lets through; what rounding has put above the cap is within it."""
    if rules[PARTICIPATION] == 0.0:
        return quantity
    most = rules[PARTICIPATION] * market[symbol, VOLUME, row]
    return (
        quantity
        if quantity * (1.0 - MONEY_TOLERANCE) <= most
        else in_lots(most, market[symbol, SPLIT_FACTOR, row], rules)
    )


@inner
def exit_or_reduce(
    symbol: int, row: int, price: float, moment: float, market: FloatArray, rules: FloatArray, state: FloatArray,
    trades: FloatArray, orders: FloatArray,
) -> None:  # fmt: skip
    """Do what closes a position or makes it smaller; leave what makes it larger to the entries."""
    if state[symbol, ORDER] == 0.0 or not may_work(symbol, row, market, state):
        return
    held, weight = state[symbol, POSITION], state[symbol, WEIGHT]
    if held == 0.0:
        if weight == 0.0:
            finish(symbol, row, FILLED, state, orders)
        return
    if held * weight > 0.0:
        _reduce(symbol, row, price, moment, market, rules, state, trades, orders)
        return
    if state[symbol, ASKED] == 0.0:
        state[symbol, ASKED] = -held
    quantity = capped(symbol, row, abs(held), market, rules)
    if quantity > 0.0:
        change = -held if quantity == abs(held) else math.copysign(quantity, -held)
        fill(symbol, row, price, change, SLIPPING, ASKED, SIGNAL_EXIT, market, rules, state, trades)
    if state[symbol, POSITION] != 0.0:
        state[symbol, HINDRANCE] = BY_PARTICIPATION
    elif weight == 0.0:
        finish(symbol, row, FILLED, state, orders)


@inner
def _reduce(
    symbol: int, row: int, price: float, moment: float, market: FloatArray, rules: FloatArray, state: FloatArray,
    trades: FloatArray, orders: FloatArray,
) -> None:  # fmt: skip
    """Give up what the position has beyond the size, if it has."""
    held = state[symbol, POSITION]
    side = 1.0 if held > 0.0 else -1.0
    equity, _ = worth(symbol, row, price, moment, market, rules, state)
    if math.isnan(state[symbol, REST]):
        _ask_less(symbol, row, price, side, equity, market, rules, state, orders)
    rest = state[symbol, REST]
    if not rest < 0.0 or state[symbol, ORDER] == 0.0:
        return
    quantity = capped(symbol, row, -rest, market, rules)
    change = -side * quantity
    if quantity >= abs(held) * (1.0 - MONEY_TOLERANCE):
        change = -held
    elif quantity > 0.0 and not _pays_its_fee(symbol, row, price, change, equity, market, rules, state):
        end_order(symbol, row, NO_CASH, state, orders)
        return
    if quantity > 0.0:
        fill(symbol, row, price, change, SLIPPING, ASKED, SIGNAL_EXIT, market, rules, state, trades)
    state[symbol, REST] = rest + quantity
    if state[symbol, REST] < 0.0 and state[symbol, POSITION] != 0.0:
        state[symbol, HINDRANCE] = BY_PARTICIPATION
    else:
        end_order(symbol, row, FILLED, state, orders)


@inner
def _ask_less(
    symbol: int, row: int, price: float, side: float, equity: float, market: FloatArray, rules: FloatArray,
    state: FloatArray, orders: FloatArray,
) -> None:  # fmt: skip
    """Set the shares to give up, rounded to lots, as a negative rest; leave it unset where the size is no smaller."""
    held = abs(state[symbol, POSITION])
    if state[symbol, BARRED] != 0.0 or lacks_estimate(symbol, row - 1, market, rules):
        return
    money, shares = missing_size(symbol, row, price, equity, market, rules, state)
    room = money if math.isnan(shares) else shares * price
    without_edge = rules[SIZING] == SIZE_KELLY and room <= -held * price
    if not room < -MONEY_TOLERANCE * equity or without_edge:
        return
    less = -room / price if math.isnan(shares) else -shares
    state[symbol, ASKED] -= side * less
    state[symbol, KIND] = MARKET
    if less < held * (1.0 - MONEY_TOLERANCE):
        less = in_lots(less, market[symbol, SPLIT_FACTOR, row], rules)
    state[symbol, REST] = -less
    if less == 0.0:
        end_order(symbol, row, LESS_THAN_ONE, state, orders)


@inner
def _pays_its_fee(
    symbol: int, row: int, price: float, change: float, equity: float, market: FloatArray, rules: FloatArray,
    state: FloatArray,
) -> bool:  # fmt: skip
    """Return whether cash stays above zero, where no leverage allows otherwise."""
    if rules[LEVERAGE] > 1.0:
        return True
    side, quantity, account = (1.0 if change > 0.0 else -1.0), abs(change), state.shape[0] - 1
    paid = slipped(side, quantity, price, symbol, row, max(row - 1, 0), market, rules)
    taken = change * paid + commission(quantity, paid, market[symbol, SPLIT_FACTOR, row], rules)
    taken += sell_fees(side, quantity, paid, symbol, row, market, rules)
    return taken <= 0.0 or state[account, CASH] - taken >= -MONEY_TOLERANCE * abs(equity)


@folded
def may_work(symbol: int, row: int, market: FloatArray, state: FloatArray) -> bool:
    """Return whether the session trades and no exit is under way; else note the hindrance."""
    if market[symbol, STATE, row] != TRADABLE:
        state[symbol, HINDRANCE] = market[symbol, STATE, row]
        return False
    if state[symbol, EXITING] != 0.0:
        state[symbol, HINDRANCE] = BY_PARTICIPATION
        return False
    return True


@inner
def finish(symbol: int, row: int, end: int, state: FloatArray, orders: FloatArray) -> None:
    """End the order with a row, or without one if it found nothing to change."""
    if end == FILLED and state[symbol, GOT] == 0.0:
        state[symbol, ORDER] = 0.0
    else:
        end_order(symbol, row, end, state, orders)


@folded
def lacks_estimate(symbol: int, known: int, market: FloatArray, rules: FloatArray) -> bool:
    """Return whether an estimate that the settings use is missing in the row `known`."""
    return (
        (rules[NEEDS_ATR] != 0.0 and (known < 0 or math.isnan(market[symbol, ATR, known])))
        or (rules[NEEDS_SIGMA] != 0.0 and (known < 0 or math.isnan(market[symbol, SIGMA, known])))
        or (rules[NEEDS_ADV] != 0.0 and (known < 0 or math.isnan(market[symbol, ADV, known])))
        or (rules[NEEDS_SPREAD] != 0.0 and (known < 0 or math.isnan(market[symbol, SPREAD, known])))
    )


@inner
def missing_size(
    symbol: int, row: int, price: float, equity: float, market: FloatArray, rules: FloatArray, state: FloatArray
) -> tuple[float, float]:
    """Return what lies between the position and the size: as money (then shares are NaN), or as shares."""
    weight, held = state[symbol, WEIGHT], abs(state[symbol, POSITION])
    if not math.isnan(state[symbol, WANTED]):
        return math.nan, state[symbol, WANTED] - held
    money, shares = full_size(symbol, row, row - 1, price, weight, equity, market, rules, state)
    if math.isnan(shares) and not math.isnan(money):
        return money - held * price, math.nan
    return math.nan, shares - held
