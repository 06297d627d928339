"""The tables of orders and trades, written as whole columns: what simulations did, thousands of rows at a time.

Goes in: the simulations of several backtests, with their sessions and tickers. Comes out: rows. Positions in the
sessions become sessions, positions in the symbols become tickers, and what there is not becomes NULL.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from alphafactory.domain.results import EXIT_REASONS, ORDER_ENDS, ORDER_KINDS, Orders, Trades
from alphafactory.store.bulk import ColumnData, copy_in, words_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from alphafactory.domain.arrays import BoolArray, DateArray, FloatArray, IntArray
    from alphafactory.domain.results import Simulation

_Table = TypeVar("_Table", Trades, Orders)


@dataclass(frozen=True, slots=True)
class Deeds:
    """What one backtest did: its key, its sessions, shape (n,), the tickers of its symbols, its simulation.

    `several` says that its account may hold several symbols.
    """

    backtest_id: int
    sessions: DateArray
    symbols: tuple[str, ...]
    simulation: Simulation
    several: bool = False


def write_trades(connection: psycopg.Connection[Any], deeds: Sequence[Deeds]) -> int:
    """Write the trades of these backtests, numbered from 1 in order of entry; return how many they are."""
    if not deeds:
        return 0
    trades = _joined(Trades, [deed.simulation.trades for deed in deeds])
    place = _Places(deeds, [len(deed.simulation.trades) for deed in deeds])
    open_yet = ~trades.closed
    columns = [
        *place.keys(trades.symbol),
        place.session("entry_session", trades.entry_row),
        ColumnData("entry_price", "float8", trades.entry_price),
        place.session("exit_session", trades.exit_row),
        _optional("exit_price", trades.exit_price),
        words_column("exit_reason", EXIT_REASONS, trades.exit_reason, open_yet),
        *_numbers(trades, "quantity", "gross_pnl", "net_pnl", "commission", "fees", "slippage", "dividends", "borrow"),
        *_numbers(trades, "mae", "mfe"),
        ColumnData("bars_held", "int4", trades.bars_held),
        _optional("risk", trades.risk),
        ColumnData("ambiguous", "bool", trades.ambiguous),
        _optional("optimistic_pnl", trades.optimistic_pnl),
    ]
    return copy_in(connection, "trades", columns)


def write_orders(connection: psycopg.Connection[Any], deeds: Sequence[Deeds]) -> int:
    """Write the orders of these backtests, numbered from 1 in the order in which they ended; return how many."""
    if not deeds:
        return 0
    orders = _joined(Orders, [deed.simulation.orders for deed in deeds])
    place = _Places(deeds, [len(deed.simulation.orders) for deed in deeds])
    columns = [
        *place.keys(orders.symbol),
        place.session("decided_session", orders.decided),
        place.session("ended_session", orders.ended),
        words_column("kind", ORDER_KINDS, orders.kind),
        words_column("outcome", ORDER_ENDS, orders.end),
        *_numbers(orders, "weight", "asked", "filled"),
        _optional("price", orders.price),
        place.session("first_fill_session", orders.first_fill),
        *_numbers(orders, "commission", "fees", "slippage"),
        _optional("stop", orders.stop),
        _optional("take_profit", orders.take_profit),
    ]
    return copy_in(connection, "orders", columns)


class _Places:
    """Where the rows of several backtests, one after another, have their keys, sessions and tickers."""

    def __init__(self, deeds: Sequence[Deeds], counts: Sequence[int]) -> None:
        """Take how many rows each backtest has."""
        self._deeds = deeds
        self._rows = np.array(counts, dtype=np.int64)
        self._sessions = np.concatenate([deed.sessions for deed in deeds]).astype("datetime64[D]")
        self._first_session = self._offsets([len(deed.sessions) for deed in deeds])

    def _offsets(self, lengths: Sequence[int]) -> IntArray:
        """Return for each row where the part of its backtest begins, were those parts stacked."""
        ends = np.cumsum(lengths, dtype=np.int64)
        return np.repeat(ends - lengths, self._rows)

    def keys(self, symbol: IntArray) -> list[ColumnData]:
        """Make backtest_id, number and symbol; `symbol` are positions in each backtest's own symbols."""
        tickers = [ticker for deed in self._deeds for ticker in deed.symbols]
        first = self._offsets([len(deed.symbols) for deed in self._deeds])
        number = np.arange(self._rows.sum()) - self._offsets(self._rows.tolist()) + 1
        backtests = np.repeat(np.array([deed.backtest_id for deed in self._deeds], dtype=np.int64), self._rows)
        return [
            ColumnData("backtest_id", "int8", backtests),
            ColumnData("number", "int4", number),
            words_column("symbol", tickers, first + symbol),
        ]

    def session(self, name: str, rows: IntArray) -> ColumnData:
        """Make a column of sessions; a row of -1 is none."""
        none = rows < 0
        return ColumnData(name, "date", self._sessions[np.where(none, 0, self._first_session + rows)], none)


def _joined(kind: type[_Table], tables: Sequence[_Table]) -> _Table:
    """Stack the tables, of which there must be one."""
    return kind(*(np.concatenate([getattr(table, field.name) for table in tables]) for field in fields(kind)))


def _numbers(table: Trades | Orders, *names: str) -> list[ColumnData]:
    return [ColumnData(name, "float8", getattr(table, name)) for name in names]


def _optional(name: str, values: FloatArray) -> ColumnData:
    """Make a column in which what is not a number is NULL."""
    none: BoolArray = np.isnan(values)
    return ColumnData(name, "float8", values, none)
