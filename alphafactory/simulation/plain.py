"""The short way for what a search asks most: one symbol, market orders at the next open, numbers alone.

It does what a walk through `sessions` does, in one function whose account lives in local variables, and its numbers are
equal to the bit, which tests prove on random markets and settings. `serves` in `rules` says for which settings it
stands in. Formulas are those of `costs` and `sizes`; nothing here decides what anything costs.
"""

# ruff: noqa: PLR0917  compiled functions take their state by position

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from alphafactory.simulation.compiling import folded, inner
from alphafactory.simulation.costs import affordable, commission, in_lots, slipped, spent, whole_lots
from alphafactory.simulation.fills import count_trade, settled
from alphafactory.simulation.layout import (
    BREAK_UNIT,
    CASH,
    CLOSE,
    DELISTED_ROW,
    DELISTING_RETURN,
    DIVIDEND,
    HELD_SESSIONS,
    HIGH,
    LEVERAGE,
    LOW,
    MONEY_TOLERANCE,
    NO_LEVEL,
    NO_TRAIL,
    OPEN,
    SIZE_KELLY,
    SIZING,
    SPLIT_FACTOR,
    STATE,
    STOP_UNIT,
    TAKE_UNIT,
    TIME_STOP,
    TRADABLE,
    TRADES,
    TRAIL_MODEL,
)
from alphafactory.simulation.levels import break_even_gain, first_take, first_trail, fixed_stop, next_trail, risked
from alphafactory.simulation.reductions import lacks_estimate
from alphafactory.simulation.sizes import full_size

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray

_AT_ONCE = 8
"""Values that are compared before the next look: the processor does so many in one step or two."""


@folded
def _while_equal(values: FloatArray, value: float, first: int, last: int) -> int:
    """Return the first position from `first` to before `last` with another value, else `last`."""
    at = first
    while at + _AT_ONCE <= last:
        others = 0
        for ahead in range(_AT_ONCE):
            others += values[at + ahead] != value
        if others > 0:
            break
        at += _AT_ONCE
    while at < last and values[at] == value:
        at += 1
    return at


@inner
def _bought(  # noqa: C901, PLR0911  the questions that entries and reductions ask, in their order
    row: int, price: float, weight: float, cash: float, held: float, market: FloatArray, rules: FloatArray,
    state: FloatArray,
) -> float:  # fmt: skip
    """Return the signed change of shares that a target asks for on its own side; NaN to wait, 0 for none.

    As `entries` and `reductions` have it: what is larger is cut to the account's money and to lots, what is smaller is
    rounded down and has to pay its fee.
    """
    if lacks_estimate(0, row - 1, market, rules):
        return math.nan
    side = 1.0 if weight > 0.0 else -1.0
    value = abs(held) * price
    equity = cash + held * price
    money, shares = full_size(0, row, row - 1, price, weight, equity, market, rules, state)
    by_money = math.isnan(shares) and not math.isnan(money)
    room = money - value if by_money else (shares - abs(held)) * price
    if rules[SIZING] == SIZE_KELLY and room <= -value:
        return 0.0
    tolerance = MONEY_TOLERANCE * abs(equity)
    factor = market[0, SPLIT_FACTOR, row]
    if held != 0.0 and room < -MONEY_TOLERANCE * equity:
        less = -room / price if by_money else abs(held) - shares
        if less >= abs(held) * (1.0 - MONEY_TOLERANCE):
            return -held
        less = in_lots(less, factor, rules)
        if less == 0.0 or rules[LEVERAGE] > 1.0:
            return -side * less
        paid = slipped(-side, less, price, 0, row, row - 1, market, rules)
        taken = -side * less * paid + commission(less, paid, factor, rules)
        short_of_fee = taken > 0.0 and not cash - taken >= -MONEY_TOLERANCE * abs(equity)
        return 0.0 if short_of_fee else -side * less
    if not by_money and shares == math.inf:
        return math.nan
    if room <= tolerance:
        return 0.0
    more = shares - abs(held)
    if by_money:
        more = affordable(room, side, price, 0, row, row - 1, 1.0, market, rules)
    most = rules[LEVERAGE] * equity - value
    lots = whole_lots(more, most + tolerance, side, price, 0, row, 1.0, market, rules)
    if lots <= 0.0:
        return 0.0
    if spent(side, lots, price, 0, row, row - 1, 1.0, market, rules) > most + tolerance:
        if most <= tolerance:
            return 0.0
        paid_for = affordable(most, side, price, 0, row, row - 1, 1.0, market, rules)
        lots = min(whole_lots(paid_for, most + tolerance, side, price, 0, row, 1.0, market, rules), lots)
    return side * lots


@inner
def run_plain(  # noqa: C901, PLR0912, PLR0915  one session from top to bottom, its account in local variables
    market: FloatArray, target: FloatArray, rules: FloatArray, state: FloatArray, curve: FloatArray
) -> None:
    """Fill the equity curve, shape (sessions,), and the account's sums for the numbers."""
    opens, highs, lows, closes = market[0, OPEN], market[0, HIGH], market[0, LOW], market[0, CLOSE]
    dividends, states = market[0, DIVIDEND], market[0, STATE]
    sessions, delisted_row = len(curve), state[0, DELISTED_ROW]
    leveled = (
        rules[STOP_UNIT] != NO_LEVEL or rules[TAKE_UNIT] != NO_LEVEL or rules[TRAIL_MODEL] != NO_TRAIL
        or rules[BREAK_UNIT] != NO_LEVEL or rules[TIME_STOP] > 0.0
    )  # fmt: skip
    cash, held, goal, weight, waits, closed_side = state[1, CASH], 0.0, 0.0, 0.0, False, 0.0
    profit, entry_value, entry_quantity, entry_row, first_price = 0.0, 0.0, 0.0, 0, 0.0
    stop, take, best_close, best_extreme, gain_wanted = 0.0, 0.0, 0.0, 0.0, math.inf
    opened, sessions_held = 0.0, 0.0
    row = 0
    while row < sessions:
        if not waits and (held == 0.0 or not leveled):
            if held == 0.0:
                end = _while_equal(target, goal, row, sessions)
                for at in range(row, end):
                    curve[at] = cash
            else:
                end = _while_equal(dividends, 0.0, row, _while_equal(target, goal, row, sessions))
                if end == sessions and delisted_row >= 0.0:
                    end = max(row, sessions - 1)
                for at in range(row, end):
                    curve[at] = cash + held * closes[at]
                if held < 0.0 or cash < 0.0:
                    for at in range(row, end):
                        if curve[at] <= 0.0:
                            end = at
                            break
                sessions_held += end - row
            row = end
            if row == sessions:
                break
        # 0. Carry.
        if held != 0.0 and dividends[row] != 0.0:
            cash += held * dividends[row]
        # 1. Open: levels that it has crossed, then the order. Then levels inside the bar. Then time.
        exit_price, slips = math.nan, 1.0
        side = 1.0 if held > 0.0 else -1.0
        trades_here = states[row] == TRADABLE
        if trades_here and leveled and held != 0.0:
            if side * opens[row] <= side * stop:
                exit_price = opens[row]
            elif side * opens[row] >= side * take:
                exit_price, slips = opens[row], 0.0
        for part in range(3):
            # 0: an exit at the open and the order of the signal; 1: levels inside the bar; 2: time, or delisting.
            by_signal = False
            if part == 1:
                if not (trades_here and leveled and held != 0.0):
                    continue
                side = 1.0 if held > 0.0 else -1.0
                worst, best = (lows[row], highs[row]) if side > 0.0 else (highs[row], lows[row])
                if side * worst <= side * stop:
                    exit_price = stop
                elif side * best >= side * take:
                    exit_price, slips = take, 0.0
            elif part > 1 and held != 0.0 and trades_here and row - entry_row >= rules[TIME_STOP] > 0.0:
                exit_price = closes[row]
            if part == 0 and math.isnan(exit_price) and waits and trades_here and held * weight <= 0.0 and held != 0.0:
                exit_price, by_signal = opens[row], True
            if not math.isnan(exit_price):
                side, quantity = (1.0 if held > 0.0 else -1.0), abs(held)
                paid = exit_price
                if slips != 0.0:
                    paid = slipped(-side, quantity, exit_price, 0, row, max(row - 1, 0), market, rules)
                value = quantity * paid
                fee = commission(quantity, paid, market[0, SPLIT_FACTOR, row], rules)
                profit -= -side * value + fee + 0.0
                cash = settled(cash, -side * value + fee + 0.0, held, exit_price)
                if not by_signal and side * goal > 0.0:
                    closed_side = side
                    if waits and side * weight > 0.0:
                        waits = False
                held = 0.0
                count_trade(profit, entry_value, state)
                exit_price, slips = math.nan, 1.0
                if by_signal and weight == 0.0:
                    waits = False
            if part == 0 and waits and trades_here:
                if held == 0.0 and weight == 0.0:
                    waits = False
                elif held * weight >= 0.0:
                    price = opens[row]
                    change = _bought(row, price, weight, cash, held, market, rules, state)
                    if not math.isnan(change):
                        waits = False
                        if change != 0.0:
                            side, quantity = (1.0 if change > 0.0 else -1.0), abs(change)
                            paid = slipped(side, quantity, price, 0, row, max(row - 1, 0), market, rules)
                            value = quantity * paid
                            fee = commission(quantity, paid, market[0, SPLIT_FACTOR, row], rules)
                            if held == 0.0:
                                profit = entry_value = entry_quantity = 0.0
                                opened += 1.0
                                entry_row, first_price, best_close, best_extreme = row, paid, paid, paid
                                if leveled:
                                    stop, take, gain_wanted = _first_levels(side, paid, row, market, rules)
                            if held * change >= 0.0:
                                entry_value += value
                                entry_quantity += quantity
                            profit -= side * value + fee + 0.0
                            cash = settled(cash, side * value + fee + 0.0, held, price)
                            held += change
                            if held == 0.0:
                                count_trade(profit, entry_value, state)
        if delisted_row == row:
            if held != 0.0:
                paid = closes[row] * (1.0 + rules[DELISTING_RETURN])
                profit -= -held * paid + 0.0
                cash = settled(cash, -held * paid, held, paid)
                held = 0.0
                count_trade(profit, entry_value, state)
            waits = False
        # 4. Mark.
        equity = cash
        if held != 0.0:
            equity += held * closes[row]
            sessions_held += 1.0
        if equity <= 0.0:
            if held != 0.0:
                sessions_held -= 1.0
                side = 1.0 if held > 0.0 else -1.0
                paid = slipped(-side, abs(held), closes[row], 0, row, max(row - 1, 0), market, rules)
                value = abs(held) * paid
                fee = commission(abs(held), paid, market[0, SPLIT_FACTOR, row], rules)
                profit -= -side * value + fee + 0.0
                cash = settled(cash, -side * value + fee + 0.0, held, closes[row])
                count_trade(profit, entry_value, state)
            for after in range(row, sessions):
                curve[after] = cash
            break
        curve[row] = equity
        # 5. Levels.
        if leveled and held != 0.0:
            side, close = (1.0 if held > 0.0 else -1.0), closes[row]
            best_close = side * max(side * best_close, side * close)
            best = highs[row] if side > 0.0 else lows[row]
            best_extreme = side * max(side * best_extreme, side * best)
            trail = next_trail(side, best_close, best_extreme, 0, row, market, rules)
            if side * trail > side * stop:
                stop = trail
            if side * (close - first_price) >= gain_wanted:
                average = entry_value / entry_quantity
                if side * average > side * stop:
                    stop = average
        # 6. Signals.
        wanted = target[row]
        if closed_side != 0.0 and wanted * closed_side <= 0.0:
            closed_side = 0.0
        if wanted != goal:
            goal = weight = wanted
            ended = delisted_row >= 0.0 and row >= delisted_row
            waits = (wanted != 0.0 or held != 0.0) and closed_side == 0.0 and not ended
        row += 1
    state[1, CASH], state[1, TRADES], state[1, HELD_SESSIONS] = cash, opened, sessions_held


@inner
def _first_levels(
    side: float, paid: float, row: int, market: FloatArray, rules: FloatArray
) -> tuple[float, float, float]:
    """Return stop, target and the gain that moves the stop to break-even, by the order that opens the trade."""
    known = max(row - 1, 0)
    stop = fixed_stop(side, paid, math.nan, 0, known, market, rules)
    trail = first_trail(side, paid, 0, known, market, rules)
    if side * trail > side * stop:
        stop = trail
    risk = risked(paid, stop)
    take = first_take(side, paid, risk, math.nan, 0, known, market, rules)
    return stop, take, break_even_gain(paid, risk, 0, known, market, rules)
