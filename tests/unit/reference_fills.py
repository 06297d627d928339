"""What an order does when its moment has come: leave, reduce, enter; for the slow simulator.

Goes in: the account, prices of a moment, and what cash, whole shares and volume allow. Comes out: fills, or an order
that waits or ends.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from reference_costs import spending
from reference_limits import act_on_money, what_limits_leave
from reference_sizes import has_crossed_a_level, hindrance_of_increase, missing_size

if TYPE_CHECKING:
    from reference_account import Account
    from reference_costs import Conditions
    from reference_records import Fill, Order, Trade
    from reference_symbol import Symbol


def trade_at(account: Account, prices: list[float]) -> None:
    """Exits and reductions in column order, then entries by priority: market orders, then those that wait for a price.

    At the close the latter are tried only as an auction.
    """
    for symbol in account.with_orders():
        order, trade = symbol.order, symbol.trade
        if trade is None and order.weight == 0:
            account.end_unneeded(symbol)
        elif trade is not None and order.side != trade.side:
            leave(account, symbol, order, prices[symbol.column])
        elif trade is not None and order.phase != "enter":
            reduce(account, symbol, trade, prices)
    for symbol in account.entries(market=True):
        enter(account, symbol, prices[symbol.column], prices)
    refuse_priceless(account, prices)
    if account.settings.fill.name == "next_open" or account.settings.resting.name == "auction":
        enter_at_good_prices(account, prices)


def refuse_priceless(account: Account, prices: list[float]) -> None:
    """End orders whose entry has no price to wait for, now that the old position is gone."""
    for symbol in account.entries(market=False):
        order = symbol.order
        if order.refusal:
            crossed = has_crossed_a_level(account, order, prices[symbol.column])
            account.end(order, "level_crossed" if crossed else order.refusal)


def enter_at_good_prices(account: Account, prices: list[float]) -> None:
    for symbol in account.entries(market=False):
        if not symbol.order.refusal and is_good(account, symbol.order, prices[symbol.column]):
            enter(account, symbol, prices[symbol.column], prices)


def is_good(account: Account, order: Order, price: float) -> bool:
    """Whether a limit, stop or stop-limit order fills at the one price of an open or an auction."""
    if order.kind != "limit" and not order.triggered:
        order.triggered = account.reached(order.trigger, price, order.side)
        if not order.triggered:
            order.hindrance = "stop"
            return False
    if order.kind != "stop" and not account.reached(order.limit, price, -order.side):
        order.hindrance = "limit"
        return False
    return True


def reduce(account: Account, symbol: Symbol, trade: Trade, prices: list[float]) -> None:
    """Shed what the position has beyond the order's size at this price; nothing, if it has not."""
    order, price, equity = symbol.order, prices[symbol.column], account.equity(prices)
    if order.phase != "reduce":
        missing = missing_size(account, symbol, order, price, equity)
        if missing.refusal or missing.shares >= 0:
            return
        order.phase = "reduce"
        order.asked += trade.side * missing.shares
        order.rest = account.rounded(symbol, -missing.shares)
        if -missing.shares >= abs(symbol.position) * (1 - 1e-12):
            order.rest = abs(symbol.position)
    if order.rest <= 0:
        account.end(order, "less_than_one_share")
    elif order.rest >= abs(symbol.position) * (1 - 1e-12):
        leave(account, symbol, order, price)
    else:
        shed(account, symbol, order, price, equity)


def shed(account: Account, symbol: Symbol, order: Order, price: float, equity: float) -> None:
    shares = account.capped(symbol, order.rest)
    change = -symbol.trade.side * shares
    if account.leverage <= 1 and account.cannot_pay(symbol, price, change, equity):
        account.end(order, "no_cash")
        return
    if shares > 0:
        account.fill(symbol, order, price, change)
        order.rest -= shares
    if order.rest > 0:
        order.hindrance = "participation"
    else:
        account.end(order, "filled")


def enter(account: Account, symbol: Symbol, price: float, prices: list[float]) -> bool:
    """Increase the position by what is missing; the order's price has been met. Return whether anything filled."""
    order, slips = symbol.order, symbol.order.kind in {"market", "stop"}
    order.tried = account.row
    prices = [price if other is symbol else prices[other.column] for other in account.symbols]
    conditions = account.conditions(symbol, price, order.side, slips=slips)
    refusal = hindrance_of_increase(account, symbol, order, price)
    wanted = order.rest if order.phase == "enter" else None
    if wanted is None and not refusal:
        missing = missing_size(account, symbol, order, price, account.equity(prices))
        refusal = missing.refusal
        if not refusal and missing.shares <= 0:
            account.end_unneeded(symbol)
            return False
        if not refusal:
            order.phase = "enter"
            order.asked += order.side * missing.shares
            wanted = missing.shares
            if missing.money is not None:
                wanted = account.shares_for(conditions, missing.money)
    if refusal == "no_estimate" and not order.kept_refusal:
        order.hindrance = refusal
    elif refusal:
        account.end(order, refusal)
    else:
        most = what_limits_leave(account, symbol, price, prices, wanted)
        return most > 0 and buy(account, symbol, conditions, wanted, prices, most=most)
    return False


def buy(account: Account, symbol: Symbol, c: Conditions, wanted: float, prices: list[float], *, most: float) -> bool:
    """Fill what is wanted as far as limits (the `most`, in lots), cash, whole shares and volume allow."""
    order, settings, equity = symbol.order, account.settings, account.equity(prices)
    allowed = account.allowed(prices)

    def costs_too_much(shares: float) -> bool:
        return account.exceeds(spending(settings, c, shares), allowed, equity)

    def in_lots(shares: float) -> float:
        """Round down; the 1e-9 of a share by which that may round up is not to break the limit."""
        rounded = account.rounded(symbol, shares)
        lot = symbol.last_bar.factor * (settings.shares.value or 1.0)
        return rounded - lot if rounded > shares and costs_too_much(rounded) else rounded

    if not account.exceeds(wanted * c.price, 0.0, equity):
        wanted = 0.0
    order.rest, sought = in_lots(wanted), min(wanted, most)
    within = min(order.rest, most)
    short = wanted <= 0 or costs_too_much(sought)
    shares = min(within, in_lots(account.shares_for(c, allowed))) if short else within
    if short and wanted > 0 and shares < within:
        exposure = account.exposure(prices) + spending(settings, c, within)
        act_on_money(account, symbol, exposure / equity if equity else math.inf, within, max(shares, 0.0))
    if shares <= 0:
        end = account.short_of_money if shares < within else "no_cash"
        account.end(order, end if short else "less_than_one_share")
        return False
    end = "filled" if shares >= order.rest else order.limited_by if shares >= within else account.short_of_money
    filled = account.capped(symbol, shares)
    if filled > 0:
        account.fill(symbol, order, c.price, order.side * filled, slips=c.slips)
        order.rest -= filled
    if filled < shares:
        order.hindrance = "participation"
    else:
        account.end(order, end)
    return filled > 0


def leave(account: Account, symbol: Symbol, order: Order, price: float) -> list[Fill]:
    """Close the position as far as the volume goes; return the fill, if there is one."""
    trade, position = symbol.trade, symbol.position
    if not order.phase:
        order.phase = "exit"
        order.asked += -position
    shares = account.capped(symbol, abs(position))
    whole, change = shares == abs(position), -trade.side * shares
    fills = [account.fill(symbol, order, price, change, slips=order.reason != "take_profit")] if change else []
    if not whole:
        order.hindrance = "participation"
        return fills
    if order.reason or order.weight == 0 or order.side == trade.side:
        account.end(order, "filled")
    account.end_trade(symbol, order.reason or "signal")
    return fills


def see(symbol: Symbol, *prices: float) -> None:
    """MAE and MFE: prices seen, against the average entry price at that moment; nothing against shares sold for 0."""
    trade, entry = symbol.trade, symbol.trade.average_entry
    trade.excursions += [trade.side * (price / entry - 1) for price in prices if entry > 0]
