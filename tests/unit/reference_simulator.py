"""The simulator once more, slowly, in plain Python: one function a step of docs/simulation.md.

Goes in: bars, signals and settings as the simulator takes them. Comes out: a `Reference`, which reads like a domain
`Simulation`. A trade and an order are lists of fills; what they report is computed at the end from those. Orders arise
in reference_account.py and fill in reference_fills.py; sizes and levels are in reference_sizes.py, costs in
reference_costs.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import reference_costs as costs
from reference_account import Account
from reference_fills import enter, enter_at_good_prices, leave, see, trade_at
from reference_limits import events_table, limits_at_the_close, note_drift
from reference_records import NONE, Order, orders_table, trades_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reference_records import Fill, Trade
    from reference_symbol import Bar, Symbol

    from alphafactory.domain.bars import Bars
    from alphafactory.domain.mandate import Mandate
    from alphafactory.domain.results import Orders, Trades
    from alphafactory.domain.risk_events import RiskEvents
    from alphafactory.domain.settings import SimulationSettings
    from alphafactory.domain.signals import Signals


@dataclass
class Reference:
    """What a run gave, under the names of domain `Simulation`; `close_calls` are comparisons that rounding decides."""

    equity: np.ndarray
    cash: np.ndarray
    positions: np.ndarray
    stops: np.ndarray
    take_profits: np.ndarray
    trades: Trades
    orders: Orders
    initial_capital: float
    commission: float
    fees: float
    slippage: float
    dividends: float
    borrow: float
    interest: float
    traded_value: float
    ambiguous_pnl: float
    ruined: bool
    nan_targets: int
    events: RiskEvents
    close_calls: list[str]


def simulate_slowly(
    bars: Sequence[Bars],
    signals: Signals,
    settings: SimulationSettings,
    *,
    periods_per_year: int = 252,
    delisted: Sequence[bool] = (),
    mandate: Mandate | None = None,
) -> Reference:
    """Walk through the sessions, in the order of events that the contract gives."""
    account = Account(bars, signals, settings, periods_per_year, delisted, mandate=mandate)
    for row in range(len(account.sessions)):
        account.start_session(row)
        carry(account)
        at_the_open(account)
        intrabar(account)
        at_the_close(account)
        mark(account)
        if account.ruined:
            break
        limits_at_the_close(account)
        move_levels(account)
        if settings.fill.name != "same_close":
            account.read_signals()
        note_drift(account)
    for symbol in account.symbols:
        account.end_all(symbol, "end_of_data")
    return result(account)


# 0. Carry


def carry(account: Account) -> None:
    row, settings, before = account.row, account.settings, account.cash
    if row == 0:
        return
    years = int((account.sessions[row] - account.sessions[row - 1]) / np.timedelta64(1, "D")) / 365
    earned = before * (settings.interest if before > 0 else settings.margin_interest) * years
    account.interest += earned
    account.cash += earned
    for symbol in account.held():
        if symbol.trade.side < 0:
            paid = -symbol.position * symbol.close_of(row - 1) * settings.borrow * years
            symbol.trade.borrow.append(paid)
            account.cash -= paid
        if symbol.bar is not None:
            received = symbol.position * symbol.bar.dividend
            symbol.trade.dividends.append(received)
            account.cash += received


# 1. Open


def at_the_open(account: Account) -> None:
    for symbol in account.held():
        if symbol.bar is not None:
            see(symbol, symbol.bar.open)
    for symbol in account.tradable():
        if symbol.exiting is not None:
            leave(account, symbol, symbol.exiting, symbol.bar.open)
        elif symbol.trade is not None:
            leave_at_crossed_level(account, symbol, symbol.trade, symbol.bar.open)
    prices = account.prices(lambda bar: bar.open)
    if account.settings.fill.name == "next_open":
        trade_at(account, prices)
    elif account.settings.resting.name == "session":
        enter_at_good_prices(account, prices)


def leave_at_crossed_level(account: Account, symbol: Symbol, trade: Trade, opening: float) -> None:
    """A level that the open has crossed fills at the open: the stop first, else the target."""
    if account.reached(trade.stop, opening, -trade.side):
        symbol.exiting = Order(symbol.column, account.row, reason=trade.stop_reason)
    elif account.reached(trade.take_profit, opening, trade.side):
        symbol.exiting = Order(symbol.column, account.row, reason="take_profit")
    if symbol.exiting is not None:
        leave(account, symbol, symbol.exiting, opening)


# 2. Intrabar


def intrabar(account: Account) -> None:
    for symbol in account.held():
        if symbol.bar is not None:
            see(symbol, symbol.bar.low, symbol.bar.high)
            symbol.trade.whole_bar = True
    for symbol in account.tradable():
        if symbol.trade is not None and symbol.exiting is None:
            leave_at_touched_level(account, symbol, symbol.trade, symbol.bar)
    if account.settings.resting.name == "session":
        for symbol in account.entries(market=False):
            if not symbol.order.refusal:
                enter_intrabar(account, symbol, symbol.bar)


def leave_at_touched_level(account: Account, symbol: Symbol, trade: Trade, bar: Bar) -> None:
    """In the bar the stop comes before the target; a bar that meets both makes the trade ambiguous."""
    worst, best = (bar.low, bar.high) if trade.side > 0 else (bar.high, bar.low)
    met = account.reached(trade.take_profit, best, trade.side)
    if account.reached(trade.stop, worst, -trade.side):
        symbol.exiting = Order(symbol.column, account.row, reason=trade.stop_reason)
        fills = leave(account, symbol, symbol.exiting, trade.stop)
        if met:
            trade.optimism.append(sum(worth_at_target(account, symbol, trade, fill) + fill.cost for fill in fills))
    elif met:
        symbol.exiting = Order(symbol.column, account.row, reason="take_profit")
        leave(account, symbol, symbol.exiting, trade.take_profit)


def worth_at_target(account: Account, symbol: Symbol, trade: Trade, fill: Fill) -> float:
    """Return the cash that the fill would have brought at the target, unslipped."""
    shares, price = abs(fill.quantity), trade.take_profit
    c = account.conditions(symbol, price, -trade.side, slips=False)
    charged = costs.commission(account.settings, c, shares, price) + costs.sale_fee(account.settings, c, shares, price)
    return -fill.quantity * price - charged


def enter_intrabar(account: Account, symbol: Symbol, bar: Bar) -> None:
    """An entry whose price the bar reaches; if it opens a trade, the bar can still stop it."""
    order, opens = symbol.order, symbol.trade is None
    price = price_in_bar(account, order, bar)
    if price is None or not enter(account, symbol, price, account.prices(lambda other: other.open)):
        return
    see(symbol, bar.low, bar.high)
    trade = symbol.trade
    if opens and account.reached(trade.stop, bar.low if trade.side > 0 else bar.high, -trade.side):
        symbol.exiting = Order(symbol.column, account.row, reason=trade.stop_reason)
        fills = leave(account, symbol, symbol.exiting, trade.stop)
        trade.optimism.append(sum(fill.cost - fill.quantity * bar.close for fill in fills))


def price_in_bar(account: Account, order: Order, bar: Bar) -> float | None:
    """Return where an entry that the open did not fill does fill in this bar, None if nowhere."""
    cheapest, dearest = (bar.low, bar.high) if order.side > 0 else (bar.high, bar.low)
    if order.kind == "limit" or (order.kind == "stop_limit" and order.triggered):
        order.hindrance = "limit"
        return order.limit if account.reached(order.limit, cheapest, -order.side) else None
    if not account.reached(order.trigger, dearest, order.side):
        order.hindrance = "stop"
        return None
    order.triggered = True
    if order.kind == "stop_limit" and not account.reached(order.limit, order.trigger, -order.side):
        order.hindrance = "limit"
        return None
    return order.trigger


# 3. Close


def at_the_close(account: Account) -> None:
    settings = account.settings
    if settings.fill.name == "same_close":
        account.read_signals()
    if settings.fill.name == "next_mid":
        trade_at(account, account.prices(lambda bar: (bar.high + bar.low) / 2))
    elif settings.fill.name == "next_typical":
        trade_at(account, account.prices(lambda bar: (bar.high + bar.low + bar.close) / 3))
    elif settings.fill.name in {"next_close", "same_close"}:
        trade_at(account, account.prices(lambda bar: bar.close))
    for symbol in account.symbols:
        leave_in_time(account, symbol)
        account.expire(symbol)
        if symbol.gone:
            close_by_force(account, symbol, symbol.last_close * (1 + settings.delisting_return), "delisted")


def leave_in_time(account: Account, symbol: Symbol) -> None:
    """A time stop that is due on a session without trading waits for the next close."""
    most, trade = account.settings.time_stop, symbol.trade
    due = trade is not None and 0 < most <= account.row - trade.fills[0].row
    if due and symbol.exiting is None and symbol.hindrance() is None:
        symbol.exiting = Order(symbol.column, account.row, reason="time")
        leave(account, symbol, symbol.exiting, symbol.bar.close)


def close_by_force(account: Account, symbol: Symbol, price: float, reason: str) -> None:
    """Close all of it, whatever the volume; the symbol's orders end with it. A delisting costs nothing."""
    if symbol.trade is not None:
        order = Order(symbol.column, account.row, reason=reason, asked=-symbol.position)
        free = reason == "delisted"
        account.fill(symbol, order, price, -symbol.position, slips=not free, free=free)
        account.end(order, "filled")
        account.end_trade(symbol, reason)
    account.end_all(symbol, reason)


# 4. Mark


def mark(account: Account) -> None:
    account.record_levels()
    closes = [symbol.last_close for symbol in account.symbols]
    equity, exposure = account.equity(closes), account.exposure(closes)
    account.note("ruin", equity, 0.0, 1e4 * account.settings.initial_capital)
    account.ruined = equity <= 0
    if account.ruined:
        for symbol in account.symbols:
            close_by_force(account, symbol, symbol.last_close, "ruined")
        equity = account.cash
    elif equity < account.settings.maintenance * exposure:
        for symbol in account.held():
            symbol.exiting = symbol.exiting or Order(symbol.column, account.row, reason="margin_call")
    account.note("margin", equity, account.settings.maintenance * exposure, equity)
    account.record(equity)


# 5. Levels


def move_levels(account: Account) -> None:
    """From the finished bar; a stop may tighten, never loosen."""
    for symbol in account.held():
        if symbol.bar is None:
            continue
        trade, bar, side = symbol.trade, symbol.bar, symbol.trade.side
        trade.best_close = side * max(side * trade.best_close, side * bar.close)
        if trade.whole_bar:
            trade.best_extreme = side * max(side * trade.best_extreme, side * (bar.high if side > 0 else bar.low))
        tighten(trade, trailing_level(account, symbol, trade), "trail")
        if account.reached(trade.fills[0].price + side * trade.break_even_distance, bar.close, side):
            tighten(trade, trade.average_entry, "break_even")


def trailing_level(account: Account, symbol: Symbol, trade: Trade) -> float:
    trail, amount = account.settings.trail, account.settings.trail.value or 0.0
    atr = symbol.estimated("atr", symbol.newest[account.row])
    if trail.name == "percent":
        return trade.best_close * (1 - trade.side * amount)
    if trail.name == "atr":
        return trade.best_close - trade.side * amount * atr
    return trade.best_extreme - trade.side * amount * atr if trail.name == "chandelier" else NONE


def tighten(trade: Trade, level: float, reason: str) -> None:
    if math.isnan(trade.stop) or trade.side * level > trade.side * trade.stop:
        trade.stop, trade.stop_reason = level, reason


# The end


def result(account: Account) -> Reference:
    """Put the record into tables, and prove the balance."""
    settings, rows, columns = account.settings, len(account.sessions), len(account.symbols)
    after = rows - len(account.equities)
    closes = [symbol.last_close for symbol in account.symbols]
    trades = trades_table(account.trades, closes, rows)
    positions = [*account.positions, *[[0.0] * columns] * after]
    levels = np.array([*account.levels, *[[(NONE, NONE)] * columns] * after], dtype=float)
    reference = Reference(
        equity=np.array([*account.equities, *[account.cash] * after]),
        cash=np.array([*account.cashes, *[account.cash] * after]),
        positions=np.array(positions, dtype=float),
        stops=levels[:, :, 0],
        take_profits=levels[:, :, 1],
        trades=trades,
        orders=orders_table(account.orders),
        initial_capital=settings.initial_capital,
        commission=sum(f.commission for f in account.fills),
        fees=sum(f.fee for f in account.fills),
        slippage=sum(f.slippage for f in account.fills),
        dividends=sum(sum(t.dividends) for t in account.trades),
        borrow=sum(sum(t.borrow) for t in account.trades),
        interest=account.interest,
        traded_value=sum(abs(f.quantity) * f.price for f in account.fills),
        ambiguous_pnl=sum(sum(t.optimism) for t in account.trades),
        ruined=account.ruined,
        nan_targets=sum(math.isnan(target) for row in account.targets for target in row),
        events=events_table([] if account.watch is None else account.watch.events),
        close_calls=account.close_calls,
    )
    prove_balance(reference)
    return reference


def prove_balance(run: Reference) -> None:
    carried = run.dividends + run.interest - run.borrow
    end = run.initial_capital + sum(run.trades.net_pnl.tolist()) + carried
    scale = max(abs(end), run.initial_capital, *np.abs(run.trades.gross_pnl), *np.abs(run.equity))
    assert abs(end - run.equity[-1]) <= 1e-9 * scale, (end, run.equity[-1])
