"""The ledger of a trade: session by session what was wanted, ordered, filled and paid, in money that adds up.

Goes in: a simulation with what it was made of. Comes out: rows that a person can check by hand. Interest, borrow fees
and dividends follow from the close before, as docs/simulation.md says; the cash of a close is that of the close before
plus these, less the value and the costs of the fills.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.results import ORDER_ENDS, ORDER_KINDS
from alphafactory.pipeline.ledger_words import session_words
from alphafactory.pipeline.played import LedgerFill, Played, is_signal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from alphafactory.domain.grammar import ModelValue
    from alphafactory.domain.results import Orders

_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class LedgerOrder:
    """An order that arose at a row's close. `limit` and `stop` are the prices its entry waits for, None for none."""

    number: int
    kind: str
    weight: float
    asked: float
    limit: float | None
    stop: float | None
    ended: date
    outcome: str


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One session. `stop` and `take_profit` were in force during it, `target` is known at its close.

    `interest`, `dividends` and `borrow` (a cost) are money; position, cash and equity are those of the close.
    """

    session: date
    open: float
    high: float
    low: float
    close: float
    volume: float
    target: float
    stop: float | None
    take_profit: float | None
    orders: tuple[LedgerOrder, ...]
    fills: tuple[LedgerFill, ...]
    interest: float
    dividends: float
    borrow: float
    position: float
    cash: float
    equity: float
    words: str


@dataclass(frozen=True, slots=True)
class LedgerCheck:
    """The money of the rows together: cash before + interest + dividends - borrow + sold - bought - costs = cash after.

    `breach` is what is missing, relative to the larger of equity and the money that moved; `holds` below 1e-9.
    """

    cash_before: float
    bought: float
    sold: float
    commission: float
    fees: float
    interest: float
    dividends: float
    borrow: float
    cash_after: float
    breach: float

    @property
    def holds(self) -> bool:
        """Whether the money adds up."""
        return self.breach <= _TOLERANCE


@dataclass(frozen=True, slots=True)
class Ledger:
    """The rows of one trade, from the session before its signal to its exit, and the sum of their money."""

    trade: int
    rows: tuple[LedgerRow, ...]
    check: LedgerCheck


def trade_ledger(played: Played, number: int) -> Ledger:
    """Return the ledger of the trade `number`, counted from 1 in order of entry."""
    trades = played.simulation.trades
    entry, exit_ = int(trades.entry_row[number - 1]), int(trades.exit_row[number - 1])
    last = exit_ if exit_ >= 0 else len(played.bars) - 1
    first = max(_decided(played.simulation.orders, entry, float(trades.quantity[number - 1])) - 1, 0)
    rows = tuple(_row(played, row) for row in range(first, last + 1))
    before = float(played.simulation.cash[first - 1]) if first > 0 else played.simulation.initial_capital
    return Ledger(number, rows, check_rows(rows, before))


def check_rows(rows: Sequence[LedgerRow], cash_before: float) -> LedgerCheck:
    """Add up the money of the rows and compare it with the cash of the last one."""
    fills = [fill for row in rows for fill in row.fills]
    bought = sum(fill.quantity * fill.price for fill in fills if fill.quantity > 0)
    sold = -sum(fill.quantity * fill.price for fill in fills if fill.quantity < 0)
    commission, fees = sum(fill.commission for fill in fills), sum(fill.fees for fill in fills)
    interest, dividends = sum(row.interest for row in rows), sum(row.dividends for row in rows)
    borrow, after = sum(row.borrow for row in rows), rows[-1].cash
    due = cash_before + interest + dividends - borrow + sold - bought - commission - fees
    scale = max(abs(cash_before), abs(after), bought, sold, abs(rows[-1].equity))
    breach = abs(due - after) / scale
    return LedgerCheck(cash_before, bought, sold, commission, fees, interest, dividends, borrow, after, breach)


def _decided(orders: Orders, entry: int, quantity: float) -> int:
    """Return the row whose signal began the trade that was entered at a row."""
    begun = np.flatnonzero((orders.first_fill == entry) & (orders.filled * quantity > 0)).tolist()
    return next((int(orders.decided[place]) for place in reversed(begun) if is_signal(orders, place)), entry)


def _row(played: Played, row: int) -> LedgerRow:
    bars, simulation = played.bars, played.simulation
    interest, dividends, borrow = _carry(played, row)
    target = float(played.signals.target[row, 0])
    return LedgerRow(
        session=bars.sessions[row].item(),
        open=float(bars.open[row]),
        high=float(bars.high[row]),
        low=float(bars.low[row]),
        close=float(bars.close[row]),
        volume=float(bars.volume[row]),
        target=0.0 if np.isnan(target) else target,
        stop=_level(simulation.stops[row, 0]),
        take_profit=_level(simulation.take_profits[row, 0]),
        orders=_orders(played, row),
        fills=tuple(played.fills.get(row, ())),
        interest=interest,
        dividends=dividends,
        borrow=borrow,
        position=float(simulation.positions[row, 0]),
        cash=float(simulation.cash[row]),
        equity=float(simulation.equity[row]),
        words=session_words(played, row),
    )


def _carry(played: Played, row: int) -> tuple[float, float, float]:
    """Return interest, dividends and borrow fees of a session, all from the close before."""
    if row == 0:
        return 0.0, 0.0, 0.0
    bars, settings, simulation = played.bars, played.settings, played.simulation
    years = int((bars.sessions[row] - bars.sessions[row - 1]).astype("timedelta64[D]").astype(np.int64)) / 365
    cash, held = float(simulation.cash[row - 1]), float(simulation.positions[row - 1, 0])
    interest = cash * years * (settings.interest if cash >= 0.0 else settings.margin_interest)
    borrow = max(-held, 0.0) * float(bars.close[row - 1]) * years * settings.borrow
    return interest, held * float(bars.dividends[row]), borrow


def _orders(played: Played, row: int) -> tuple[LedgerOrder, ...]:
    """Return the orders of signals that arose at a row's close."""
    orders, sessions = played.simulation.orders, played.bars.sessions
    arose = [place for place in np.flatnonzero(orders.decided == row).tolist() if is_signal(orders, place)]
    return tuple(
        LedgerOrder(
            place + 1,
            ORDER_KINDS[int(orders.kind[place])],
            float(orders.weight[place]),
            float(orders.asked[place]),
            *entry_prices(played, place),
            sessions[int(orders.ended[place])].item(),
            ORDER_ENDS[int(orders.end[place])],
        )
        for place in arose
    )


def entry_prices(played: Played, place: int) -> tuple[float | None, float | None]:
    """Return the limit and the stop price that an order's entry waits for, None for none."""
    orders, signals, entry = played.simulation.orders, played.signals, played.settings.entry
    row, kind = int(orders.decided[place]), ORDER_KINDS[int(orders.kind[place])]
    if kind == "market":
        return None, None
    given = [None if array is None else _level(array[row, 0]) for array in (signals.entry_limit, signals.entry_stop)]
    if given != [None, None]:
        return given[0], given[1]
    side = 1.0 if orders.weight[place] > 0 else -1.0
    close, away = float(played.bars.close[row]), _away(played, entry, row)
    if kind == "limit":
        return _level(close - side * away), None
    stop = close + side * away
    return (_level(stop * (1 + side * entry.options["limit"])) if kind == "stop_limit" else None), _level(stop)


def _away(played: Played, entry: ModelValue, row: int) -> float:
    """Return the distance of the setting `entry` at a row, in price."""
    amount = entry.value or 0.0
    if entry.unit == "%":
        return amount * float(played.bars.close[row])
    from alphafactory.simulation.estimates import ATR, compute_estimates  # noqa: PLC0415  Numba, asked for rarely

    bars = played.bars
    return amount * float(compute_estimates(bars.high, bars.low, bars.close, bars.volume, (ATR,))[ATR, row])


def _level(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
