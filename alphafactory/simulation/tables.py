"""From the kernel's tables to the tables of a result: columns get names, codes become those of the domain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.results import EXIT_REASONS, ORDER_ENDS, ORDER_KINDS, Orders, Trades
from alphafactory.domain.risk_events import RISK_ACTIONS, RISK_RULES, RiskEvents
from alphafactory.simulation import layout as at

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray, IntArray

_KINDS = np.array([ORDER_KINDS.index(name) for name in at.KINDS])
_ENDS = np.array([ORDER_ENDS.index(name) for name in at.ENDS])
# A signal's order, whatever its kind, ends a trade as "signal".
_REASONS = np.array([EXIT_REASONS.index("signal"), -1, -1, -1, *(EXIT_REASONS.index(name) for name in at.KINDS[4:])])
_RULES = np.array([RISK_RULES.index(name) for name in at.EVENT_RULES])
_ACTIONS = np.array([RISK_ACTIONS.index(name) for name in at.EVENT_ACTIONS])
_OPEN = EXIT_REASONS.index("open")


def trades_of(table: FloatArray, positions: FloatArray, last: FloatArray) -> Trades:
    """Return the trades of a run.

    Args:
        table: the kernel's rows, shape (trades, TRADE_COLUMNS).
        positions: shares held at each close, shape (sessions, symbols).
        last: each symbol's last price, shape (symbols,).
    """
    column = np.ascontiguousarray(table.T)
    symbol, entry_row, exit_row = (_whole(column[row]) for row in (at.T_SYMBOL, at.T_ENTRY_ROW, at.T_EXIT_ROW))
    closed = exit_row >= 0
    # The profit of an open trade so far is its cash flows and what the position is worth.
    unrealised = np.where(closed, 0.0, positions[-1, symbol] * last[symbol])
    net = column[at.T_PROFIT] + unrealised
    exit_price = np.full(len(table), np.nan)
    np.divide(column[at.T_EXIT_VALUE], column[at.T_EXIT_QUANTITY], out=exit_price, where=closed)
    commission, fees, slippage = column[at.T_COMMISSION], column[at.T_FEES], column[at.T_SLIPPAGE]
    ambiguous = column[at.T_AMBIGUOUS] != 0.0
    return Trades(
        symbol=symbol,
        entry_row=entry_row,
        entry_price=column[at.T_ENTRY_VALUE] / column[at.T_ENTRY_QUANTITY],
        exit_row=exit_row,
        exit_price=exit_price,
        exit_reason=np.where(closed, _REASONS[_whole(column[at.T_REASON])], _OPEN),
        quantity=column[at.T_LARGEST],
        gross_pnl=net + commission + fees + slippage,
        net_pnl=net,
        commission=commission,
        fees=fees,
        slippage=slippage,
        dividends=column[at.T_DIVIDENDS],
        borrow=column[at.T_BORROW],
        mae=column[at.T_MAE],
        mfe=column[at.T_MFE],
        bars_held=np.where(closed, exit_row, len(positions)) - entry_row,
        risk=column[at.T_RISK],
        ambiguous=ambiguous,
        optimistic_pnl=np.where(ambiguous, net + column[at.T_OPTIMISTIC], np.nan),
    )


def orders_of(table: FloatArray) -> Orders:
    """Return the orders of a run from the kernel's rows, shape (orders, ORDER_COLUMNS)."""
    column = np.ascontiguousarray(table.T)
    filled = column[at.O_FILLED]
    price = np.full(len(table), np.nan)
    # A reversal's exit and entry have one direction, so that their quantities add up.
    np.divide(column[at.O_VALUE], np.abs(filled), out=price, where=filled != 0.0)
    stop, take = (np.where(np.isinf(column[row]), np.nan, column[row]) for row in (at.O_STOP, at.O_TAKE))
    return Orders(
        symbol=_whole(column[at.O_SYMBOL]),
        decided=_whole(column[at.O_DECIDED]),
        ended=_whole(column[at.O_ENDED]),
        kind=_KINDS[_whole(column[at.O_KIND])],
        end=_ENDS[_whole(column[at.O_END])],
        weight=column[at.O_WEIGHT],
        asked=column[at.O_ASKED],
        filled=filled,
        price=price,
        first_fill=_whole(column[at.O_FIRST]),
        commission=column[at.O_COMMISSION],
        fees=column[at.O_FEES],
        slippage=column[at.O_SLIPPAGE],
        stop=stop,
        take_profit=take,
    )


def events_of(table: FloatArray, sectors: IntArray) -> RiskEvents:
    """Return the acts of limits, kernel's rows of shape (events, EVENT_COLUMNS); `sectors` are the codes there are."""
    column = np.ascontiguousarray(table.T)
    place = _whole(column[at.E_SECTOR])
    return RiskEvents(
        row=_whole(column[at.E_ROW]),
        rule=_RULES[_whole(column[at.E_RULE])],
        action=_ACTIONS[_whole(column[at.E_ACTION])],
        symbol=_whole(column[at.E_SYMBOL]),
        sector=np.where(place >= 0, sectors[place], -1),
        measured=column[at.E_MEASURED],
        limit=column[at.E_LIMIT],
        wanted=column[at.E_WANTED],
        allowed=column[at.E_ALLOWED],
    )


def _whole(column: FloatArray) -> IntArray:
    return column.astype(np.int64)
