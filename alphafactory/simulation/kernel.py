"""The compiled heart of the simulator: whole runs, behind the one function that Python calls.

It is one function because Numba compiles all that a function reaches once for each that Python calls, which takes
seconds. An account of several symbols is walked through session by session. The account of one symbol may leap over
what cannot trade; the results are equal to the bit, because every fill goes through the same session.
"""

# ruff: noqa: PLR0917  compiled functions take their state by position

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from numba import njit, types

from alphafactory.simulation.compiling import inner
from alphafactory.simulation.fills import see, write_trade
from alphafactory.simulation.layout import (
    BEFORE,
    CAPITAL,
    CASH,
    CASH_CURVE,
    COOL_UNTIL,
    DAYS,
    DELISTED_ROW,
    END_OF_DATA,
    ENTRY_ROW,
    EQUITY,
    EXIT_ASKED,
    EXIT_DECIDED,
    EXITING,
    FROZEN_UNTIL,
    HIGH,
    JOINT,
    LAST,
    LEAPS,
    LEVERAGE,
    LEVERAGE_AT,
    LOW,
    ORDER,
    ORDER_SIGNAL_STOP,
    ORDER_SIGNAL_TAKE,
    PEAK,
    PLAIN,
    POSITION,
    POSITION_CURVE,
    SECTOR,
    SEEN_ROW,
    SIGNAL,
    VALUED_ROW,
    WEEK_BASE,
    WEEK_HIT,
)
from alphafactory.simulation.leaps import leap
from alphafactory.simulation.numbers import summarise
from alphafactory.simulation.orders import end_order, write_order
from alphafactory.simulation.plain import run_plain
from alphafactory.simulation.sessions import carry, close, is_quiet, trade

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray

_VECTOR, _TABLE, _CUBE = types.float64[::1], types.float64[:, ::1], types.float64[:, :, ::1]


@inner
def _set_out(state: FloatArray, capital: float) -> None:
    """Set the state to that before the first session: cash alone."""
    account = state.shape[0] - 1
    state[:] = 0.0
    state[account, CASH] = state[account, PEAK] = state[account, BEFORE] = state[account, WEEK_BASE] = capital
    state[account, VALUED_ROW] = state[account, FROZEN_UNTIL] = state[account, COOL_UNTIL] = -1.0
    state[account, WEEK_HIT] = -1.0
    for symbol in range(account):
        state[symbol, DELISTED_ROW] = state[symbol, ENTRY_ROW] = state[symbol, SEEN_ROW] = -1.0
        state[symbol, LAST] = state[symbol, ORDER_SIGNAL_STOP] = state[symbol, ORDER_SIGNAL_TAKE] = math.nan


@inner
def _stand_still(row: int, sessions: int, state: FloatArray, curves: FloatArray, holdings: FloatArray) -> None:
    """Repeat the last mark of a ruined account to the end."""
    account = state.shape[0] - 1
    for after in range(row + 1, sessions):
        curves[EQUITY, after] = curves[EQUITY, row]
        if holdings.shape[2] > 0:
            curves[CASH_CURVE, after] = state[account, CASH]
            for symbol in range(account):
                holdings[symbol, POSITION_CURVE, after] = 0.0


@inner
def _end(row: int, state: FloatArray, trades: FloatArray, orders: FloatArray) -> None:
    """Give up what is alive after the last session, and write the trades that stay open."""
    for symbol in range(state.shape[0] - 1):
        if state[symbol, EXITING] != 0.0:
            reason, decided = int(state[symbol, EXITING]), state[symbol, EXIT_DECIDED]
            write_order(symbol, row, reason, decided, 0.0, END_OF_DATA, EXIT_ASKED, state, orders)
        if state[symbol, ORDER] != 0.0:
            end_order(symbol, row, END_OF_DATA, state, orders)
        if state[symbol, POSITION] != 0.0:
            write_trade(symbol, -1, SIGNAL, state, trades)


@inner
def _walk(
    market: FloatArray, signals: FloatArray, calendar: FloatArray, rules: FloatArray, state: FloatArray,
    trades: FloatArray, orders: FloatArray, events: FloatArray, curves: FloatArray, holdings: FloatArray,
) -> None:  # fmt: skip
    """Run one account through its sessions."""
    sessions, leaps = market.shape[2], rules[LEAPS] != 0.0
    row = 0
    while row < sessions:
        if leaps:
            row = leap(row, sessions, market, signals, rules, state, curves, holdings)
            if row == sessions:
                break
        rules[LEVERAGE] = calendar[LEVERAGE_AT, row]
        carry(row, calendar[DAYS, row], market, rules, state)
        if not leaps or not is_quiet(0, row, market, signals, rules, state):
            trade(row, calendar, market, signals, rules, state, trades, orders, events)
        elif state[0, POSITION] != 0.0:
            see(market[0, LOW, row], market[0, HIGH, row], 0, state)
            state[0, SEEN_ROW] = row
        if close(row, calendar, market, signals, rules, state, trades, orders, events, curves, holdings):
            _stand_still(row, sessions, state, curves, holdings)
            return
        row += 1
    _end(sessions - 1, state, trades, orders)


@njit(
    types.void(_CUBE, _CUBE, _TABLE, _VECTOR, _TABLE, _TABLE, _TABLE, _TABLE, _TABLE, _TABLE, _CUBE, _TABLE),
    cache=True,
    error_model="numpy",
    nogil=True,
)
def run(
    market: FloatArray, signals: FloatArray, calendar: FloatArray, rules: FloatArray, traits: FloatArray,
    state: FloatArray, trades: FloatArray, orders: FloatArray, events: FloatArray, curves: FloatArray,
    holdings: FloatArray, numbers: FloatArray,
) -> None:  # fmt: skip
    """Run simulations; `layout` says what is kept where.

    With the rule JOINT, one account of all symbols fills state, trades, orders, events, curves and holdings, and the
    row of numbers where there is one. Else each symbol has an account of its own, of which only the numbers stay.
    `traits` holds each symbol's last row if it was delisted, else -1, and the code of its sector.
    """
    if rules[JOINT] != 0.0:
        _set_out(state, rules[CAPITAL])
        for symbol in range(market.shape[0]):
            state[symbol, DELISTED_ROW], state[symbol, SECTOR] = traits[0, symbol], traits[1, symbol]
        _walk(market, signals, calendar, rules, state, trades, orders, events, curves, holdings)
        if numbers.shape[0] > 0:
            summarise(curves[EQUITY], curves[CASH_CURVE], rules, state[market.shape[0]], numbers[0])
        return
    symbols, fields, sessions = market.shape
    for symbol in range(symbols):
        _set_out(state, rules[CAPITAL])
        state[0, DELISTED_ROW] = traits[0, symbol]
        own_market = market[symbol].reshape((1, fields, sessions))
        own_signals = signals[symbol].reshape((1, signals.shape[1], sessions))
        if rules[PLAIN] != 0.0:
            run_plain(own_market, own_signals[0, 0], rules, state, curves[EQUITY])
        else:
            _walk(own_market, own_signals, calendar, rules, state, trades, orders, events, curves, holdings)
        summarise(curves[EQUITY], curves[CASH_CURVE], rules, state[1], numbers[symbol])
