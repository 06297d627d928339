"""Fills and the trades they make: the account and the open trade change here and nowhere else.

Goes in: a symbol, a row, a price and a signed quantity. Comes out: the state, with the trade opened, changed or ended.
"""

# ruff: noqa: PLR0917  compiled functions take their state by position

from __future__ import annotations

from typing import TYPE_CHECKING

from alphafactory.simulation.compiling import folded, inner
from alphafactory.simulation.costs import commission, sell_fees, slipped
from alphafactory.simulation.layout import (
    AMBIGUOUS,
    AMBIGUOUS_PNL,
    BEST_CLOSE,
    BEST_EXTREME,
    BREAK_AT,
    BY_STOP,
    BY_TRAIL,
    CASH,
    CLOSED,
    COMMISSION,
    COUNTED,
    ENTRY_QUANTITY,
    ENTRY_ROW,
    ENTRY_VALUE,
    EXIT_QUANTITY,
    EXIT_VALUE,
    FEES,
    FIRST_PRICE,
    GAIN,
    HOLDINGS_STAMP,
    LARGEST,
    LOSS,
    MAE,
    MFE,
    MONEY_TOLERANCE,
    NUMBER,
    OPEN_POSITIONS,
    OPTIMISTIC,
    ORDER_SIGNAL_STOP,
    ORDER_SIGNAL_TAKE,
    POSITION,
    PROFIT,
    RETURN_MEAN,
    RETURN_SQUARES,
    RETURNS,
    RISK,
    SEEN_ROW,
    SLIPPAGE_TOTAL,
    SPLIT_FACTOR,
    STOP_KIND,
    STOP_LEVEL,
    T_AMBIGUOUS,
    T_BORROW,
    T_COMMISSION,
    T_DIVIDENDS,
    T_ENTRY_QUANTITY,
    T_ENTRY_ROW,
    T_ENTRY_VALUE,
    T_EXIT_QUANTITY,
    T_EXIT_ROW,
    T_EXIT_VALUE,
    T_FEES,
    T_LARGEST,
    T_MAE,
    T_MFE,
    T_OPTIMISTIC,
    T_PROFIT,
    T_REASON,
    T_RISK,
    T_SLIPPAGE,
    T_SYMBOL,
    TAKE_LEVEL,
    TRADE_BORROW,
    TRADE_COMMISSION,
    TRADE_DIVIDENDS,
    TRADE_FEES,
    TRADE_SLIPPAGE,
    TRADED_VALUE,
    TRADES,
    WINS,
)
from alphafactory.simulation.levels import break_even_gain, first_take, first_trail, fixed_stop, risked
from alphafactory.simulation.valuation import revalue

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray

FREE, UNSLIPPED, SLIPPING = -1.0, 0.0, 1.0
"""How a fill is paid: without any cost, with commission at the very price, or with slippage as well."""


@inner
def fill(
    symbol: int, row: int, price: float, change: float, how: float, order: int, reason: int,
    market: FloatArray, rules: FloatArray, state: FloatArray, trades: FloatArray,
) -> float:  # fmt: skip
    """Change the position by `change` shares and return the price paid.

    `order` is the first of the columns in which the order's own sums are kept; `reason` stands if this ends the trade.
    """
    account = state.shape[0] - 1
    held, factor = state[symbol, POSITION], market[symbol, SPLIT_FACTOR, row]
    side, quantity = (1.0 if change > 0.0 else -1.0), abs(change)
    paid, fee, tax = price, 0.0, 0.0
    if how == SLIPPING:
        paid = slipped(side, quantity, price, symbol, row, max(row - 1, 0), market, rules)
    if how != FREE:
        fee = commission(quantity, paid, factor, rules)
        tax = sell_fees(side, quantity, paid, symbol, row, market, rules)
    value, slipped_money = quantity * paid, quantity * abs(paid - price)
    if held == 0.0:
        _open_trade(symbol, row, side, paid, market, rules, state)
    entering = held * change >= 0.0
    state[symbol, ENTRY_QUANTITY if entering else EXIT_QUANTITY] += quantity
    state[symbol, ENTRY_VALUE if entering else EXIT_VALUE] += value
    state[symbol, PROFIT] -= side * value + fee + tax
    state[symbol, TRADE_COMMISSION] += fee
    state[symbol, TRADE_FEES] += tax
    state[symbol, TRADE_SLIPPAGE] += slipped_money
    # asked, got, value, first fill, commission, fees, slippage
    state[symbol, order + 1] += change
    state[symbol, order + 2] += value
    if state[symbol, order + 3] < 0.0:
        state[symbol, order + 3] = row
    state[symbol, order + 4] += fee
    state[symbol, order + 5] += tax
    state[symbol, order + 6] += slipped_money
    state[account, CASH] = settled(state[account, CASH], side * value + fee + tax, held, price)
    state[account, COMMISSION] += fee
    state[account, FEES] += tax
    state[account, SLIPPAGE_TOTAL] += slipped_money
    state[account, TRADED_VALUE] += value
    left = held + change
    state[symbol, POSITION] = left
    revalue(symbol, row, left, market, state)
    if abs(left) > abs(state[symbol, LARGEST]):
        state[symbol, LARGEST] = left
    if left == 0.0:
        state[account, OPEN_POSITIONS] -= 1.0
        state[account, HOLDINGS_STAMP] += 1.0
        count_trade(state[symbol, PROFIT], state[symbol, ENTRY_VALUE], state)
        write_trade(symbol, row, reason, state, trades)
    return paid


@inner
def _open_trade(
    symbol: int, row: int, side: float, paid: float, market: FloatArray, rules: FloatArray, state: FloatArray
) -> None:
    """Begin the sums of a trade, and set its levels by the order that opens it."""
    account = state.shape[0] - 1
    for column in range(ENTRY_ROW, OPTIMISTIC + 1):
        state[symbol, column] = 0.0
    state[symbol, NUMBER] = state[account, TRADES]
    state[symbol, COUNTED] = 0.0  # the order may have built up a trade before this one
    state[account, TRADES] += 1.0
    state[account, OPEN_POSITIONS] += 1.0
    state[account, HOLDINGS_STAMP] += 1.0
    state[symbol, ENTRY_ROW], state[symbol, SEEN_ROW] = row, -1.0
    state[symbol, FIRST_PRICE] = state[symbol, BEST_CLOSE] = state[symbol, BEST_EXTREME] = paid
    known = max(row - 1, 0)
    stop = fixed_stop(side, paid, state[symbol, ORDER_SIGNAL_STOP], symbol, known, market, rules)
    trail = first_trail(side, paid, symbol, known, market, rules)
    state[symbol, STOP_KIND] = BY_STOP
    if side * trail > side * stop:
        stop, state[symbol, STOP_KIND] = trail, BY_TRAIL
    risk = risked(paid, stop)
    state[symbol, STOP_LEVEL], state[symbol, RISK] = stop, risk
    take = first_take(side, paid, risk, state[symbol, ORDER_SIGNAL_TAKE], symbol, known, market, rules)
    state[symbol, TAKE_LEVEL] = take
    state[symbol, BREAK_AT] = break_even_gain(paid, risk, symbol, known, market, rules)


@folded
def settled(cash: float, spending: float, held: float, price: float) -> float:
    """Return cash after a fill; what is a rounding error below zero is zero, for it would look like a loan."""
    left = cash - spending
    if -MONEY_TOLERANCE * (abs(cash) + abs(held) * price) <= left < 0.0:
        return 0.0
    return left


@folded
def count_trade(profit: float, entry_value: float, state: FloatArray) -> None:
    """Add a finished trade to the account's sums; of its return a running mean and sum of squares, after Welford."""
    account = state.shape[0] - 1
    state[account, CLOSED] += 1.0
    if profit > 0.0:
        state[account, WINS] += 1.0
        state[account, GAIN] += profit
    elif profit < 0.0:
        state[account, LOSS] -= profit
    state[account, RETURNS] += 1.0
    gain = profit / entry_value
    before = gain - state[account, RETURN_MEAN]
    state[account, RETURN_MEAN] += before / state[account, RETURNS]
    state[account, RETURN_SQUARES] += before * (gain - state[account, RETURN_MEAN])


@inner
def write_trade(symbol: int, row: int, reason: int, state: FloatArray, trades: FloatArray) -> None:
    """Write a trade's row; `row` is -1 for one that is still open."""
    account = state.shape[0] - 1
    number = int(state[symbol, NUMBER])
    if state[symbol, AMBIGUOUS] != 0.0:
        state[account, AMBIGUOUS_PNL] += state[symbol, OPTIMISTIC]
    if number >= trades.shape[0]:
        return
    trades[number, T_SYMBOL] = symbol
    trades[number, T_ENTRY_ROW] = state[symbol, ENTRY_ROW]
    trades[number, T_EXIT_ROW] = row
    trades[number, T_REASON] = reason
    trades[number, T_LARGEST] = state[symbol, LARGEST]
    trades[number, T_ENTRY_QUANTITY] = state[symbol, ENTRY_QUANTITY]
    trades[number, T_ENTRY_VALUE] = state[symbol, ENTRY_VALUE]
    trades[number, T_EXIT_QUANTITY] = state[symbol, EXIT_QUANTITY]
    trades[number, T_EXIT_VALUE] = state[symbol, EXIT_VALUE]
    trades[number, T_PROFIT] = state[symbol, PROFIT]
    trades[number, T_COMMISSION] = state[symbol, TRADE_COMMISSION]
    trades[number, T_FEES] = state[symbol, TRADE_FEES]
    trades[number, T_SLIPPAGE] = state[symbol, TRADE_SLIPPAGE]
    trades[number, T_DIVIDENDS] = state[symbol, TRADE_DIVIDENDS]
    trades[number, T_BORROW] = state[symbol, TRADE_BORROW]
    trades[number, T_MAE] = state[symbol, MAE]
    trades[number, T_MFE] = state[symbol, MFE]
    trades[number, T_RISK] = state[symbol, RISK] * abs(state[symbol, LARGEST])
    trades[number, T_AMBIGUOUS] = state[symbol, AMBIGUOUS]
    trades[number, T_OPTIMISTIC] = state[symbol, OPTIMISTIC]


@folded
def see(low: float, high: float, symbol: int, state: FloatArray) -> None:
    """Note how far prices went against and for the open position, from its average entry price so far."""
    average = state[symbol, ENTRY_VALUE] / state[symbol, ENTRY_QUANTITY]
    if average <= 0.0:
        return  # sold for nothing: there is no price to measure from
    worst, best = low / average - 1.0, high / average - 1.0
    if state[symbol, POSITION] < 0.0:
        worst, best = -best, -worst
    state[symbol, MAE] = min(state[symbol, MAE], worst)
    state[symbol, MFE] = max(state[symbol, MFE], best)
