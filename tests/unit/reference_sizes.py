"""How large a position a signal asks for, and the prices at which its trade would end; for the slow simulator.

Goes in: the account, a symbol, its order and a price. Comes out: shares or money that are missing, levels, or the
reason for which there are none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import mean, variance
from typing import TYPE_CHECKING

import reference_costs as costs
from reference_records import NONE, Order, Trade

if TYPE_CHECKING:
    from reference_account import Account
    from reference_symbol import Symbol

    from alphafactory.domain.grammar import Distance


@dataclass
class Size:
    """A size in `money`, or in adjusted `shares`; or neither, and the `refusal` says why."""

    money: float | None = None
    shares: float | None = None
    refusal: str = ""


def full_size(  # noqa: PLR0911 (a page of models, one return each)
    account: Account, symbol: Symbol, order: Order, price: float, *, equity: float, index: int
) -> Size:
    """Return the position for a target of 1; `index` is the bar whose estimates are known."""
    settings = account.settings
    name, value = settings.sizing.name, settings.sizing.value or 0.0
    if name in {"all_in", "percent"}:
        return Size(money=(1.0 if name == "all_in" else value) * equity)
    if name == "cash":
        return Size(money=value)
    if name == "shares":
        return Size(shares=value * symbol.last_bar.factor)
    if name == "kelly":
        return kelly_size(account, equity)
    if name == "vol_target":
        volatility = symbol.estimated("volatility", index) * math.sqrt(account.periods_per_year)
        share = account.leverage if volatility == 0 else min(value / volatility, account.leverage)
        return Size(refusal="no_estimate") if math.isnan(volatility) else Size(money=share * equity)
    if name == "atr":
        distance = settings.sizing.options["k"] * symbol.estimated("atr", index)
    else:
        distance = distance_to_first_stop(account, symbol, order, price, index)
    if math.isnan(distance) or distance == 0:
        return Size(refusal="no_estimate")
    return Size(shares=value * equity / distance)


def kelly_size(account: Account, equity: float) -> Size:
    """The fraction that the closed trades of the account suggest, so far."""
    sizing = account.settings.sizing
    returns = [trade.net(0.0) / trade.entry_value for trade in account.closed_trades()]
    if len(returns) < sizing.options["min"]:
        fraction = sizing.options["percent"]
    else:
        average, spread = mean(returns), variance(returns)
        edge = sizing.value * average / spread if spread > 0 else (math.inf if average > 0 else 0.0)
        fraction = min(edge, account.leverage)
    return Size(money=fraction * equity) if fraction * equity > 0 else Size(refusal="no_edge")


@dataclass
class Missing:
    """What lies between the position and the order's size, positive for an increase; `money` for sizes in money."""

    shares: float = 0.0
    money: float | None = None
    refusal: str = ""


def missing_size(account: Account, symbol: Symbol, order: Order, price: float, equity: float) -> Missing:
    """Return what the order lacks at this price, before costs; a difference of rounding is none."""
    held = abs(symbol.position)
    if order.kept is not None:
        missing = Missing(shares=order.kept - held, refusal=order.kept_refusal)
    else:
        size = full_size(account, symbol, order, price, equity=equity, index=symbol.known)
        if size.refusal:
            missing = Missing(refusal=size.refusal)
        elif size.money is not None:
            money = abs(order.weight) * size.money - held * price
            missing = Missing(money / price, money)
        else:
            missing = Missing(abs(order.weight) * size.shares - held)
    value = abs(missing.shares * price)
    if 1e-14 * abs(equity) < value < 1e-10 * abs(equity):
        account.close_calls.append(f"row {account.row}: missing {value!r}")
    if not missing.refusal and value < 1e-12 * abs(equity):
        return Missing()
    return missing


def kept_position(account: Account, symbol: Symbol, order: Order) -> str:
    """`size_at: decision`: keep the shares that the signal's close, its equity and its estimates ask for.

    Return why the order is refused, empty if it is not.
    """
    if symbol.bar is None:
        order.kept = 0.0
        return "no_bar"
    equity = account.equity([s.last_close for s in account.symbols])
    index, price = symbol.newest[account.row], symbol.bar.close
    size = full_size(account, symbol, order, price, equity=equity, index=index)
    full = size.shares if size.shares is not None else (size.money or 0.0) / price
    order.kept = abs(order.weight) * full
    return size.refusal


def entry_prices(account: Account, symbol: Symbol, order: Order, limit: float, stop: float) -> str:
    """Set what the order waits for; return why it is refused, empty if it is not."""
    entry, close, side = account.settings.entry, symbol.last_close, order.side
    own = {(True, True): "stop_limit", (True, False): "limit", (False, True): "stop"}
    given = (not math.isnan(limit), not math.isnan(stop))
    if any(given):
        order.kind, order.limit, order.trigger = own[given], limit, stop
    elif entry.name != "market":
        order.kind = entry.name
        if symbol.bar is None:
            return "no_bar"
        away = entry.value * (close if entry.unit == "%" else symbol.estimated("atr", symbol.newest[account.row]))
        if math.isnan(away):
            return "no_estimate"
        if entry.name == "limit":
            order.limit = close - side * away
        else:
            order.trigger = close + side * away
            order.limit = order.trigger * (1 + side * entry.options.get("limit", 0.0))
    return ""


# Levels


def distance(of: Distance | None, price: float, atr: float, risk: float = NONE) -> float:
    """Return a distance of the settings as an amount of price, NaN for none."""
    if of is None:
        return NONE
    return of.amount * {"%": price, "atr": atr, "R": risk}[of.unit]


def first_stops(account: Account, order: Order, price: float, side: int, atr: float) -> tuple[float, float]:
    """Return the stop and the trailing stop of a trade that begins at `price`."""
    settings = account.settings
    if math.isnan(order.own_stop):
        stop = price - side * distance(settings.stop, price, atr)
    else:
        stop = price - side * order.own_stop if account.distances else order.own_stop
    amount = settings.trail.value or 0.0
    trails = {"none": NONE, "percent": amount * price, "atr": amount * atr, "chandelier": amount * atr}
    return stop, price - side * trails[settings.trail.name]


def tightest(side: int, stop: float, trail: float) -> float:
    levels = [side * level for level in (stop, trail) if not math.isnan(level)]
    return side * max(levels) if levels else NONE


def distance_to_first_stop(account: Account, symbol: Symbol, order: Order, price: float, index: int) -> float:
    stops = first_stops(account, order, price, order.side, symbol.estimated("atr", index))
    given = (account.settings.stop is not None or not math.isnan(order.own_stop), account.settings.trail.name != "none")
    distances = [abs(price - stop) for stop, exists in zip(stops, given, strict=True) if exists]
    return NONE if any(map(math.isnan, distances)) else min(distances, default=NONE)


def open_levels(account: Account, symbol: Symbol, order: Order) -> None:
    """Set the levels of a trade from its first fill."""
    trade: Trade = symbol.trade
    settings, price, side = account.settings, trade.fills[0].price, trade.side
    atr = symbol.estimated("atr", symbol.known)
    stop, trail = first_stops(account, order, price, side, atr)
    trade.first_stop = trade.stop = tightest(side, stop, trail)
    trade.stop_reason = "trail" if trade.stop == trail != stop else "stop"
    risk = abs(price - trade.first_stop)
    if math.isnan(order.own_target):
        trade.take_profit = price + side * distance(settings.take_profit, price, atr, risk)
    else:
        trade.take_profit = price + side * order.own_target if account.distances else order.own_target
    trade.break_even_distance = distance(settings.break_even, price, atr, risk)
    trade.best_close = trade.best_extreme = price


def hindrance_of_increase(account: Account, symbol: Symbol, order: Order, price: float) -> str:
    """Return why an entry whose price is met may not be sized, empty if it may."""
    trade, settings = symbol.trade, account.settings
    if trade is not None:
        others = [other for other in trade.increased_by if other is not order]
        if 0 < settings.max_entries <= len(others):
            return "max_entries"
    elif has_crossed_a_level(account, order, price):
        return "level_crossed"
    conditions = account.conditions(symbol, price, order.side, slips=True)
    needed = costs.slippage_estimates(settings, conditions)
    if trade is None:
        needed += [conditions.atr] * needs_atr(account)
    return "no_estimate" if any(math.isnan(number) for number in needed) else ""


def has_crossed_a_level(account: Account, order: Order, price: float) -> bool:
    """Whether a price before slippage has reached a level that the order brought with it."""
    stopped = account.reached(order.own_stop, price, -order.side)
    return not account.distances and (stopped or account.reached(order.own_target, price, order.side))


def needs_atr(account: Account) -> bool:
    """Whether the settings count a level of a new trade in average true ranges."""
    settings = account.settings
    levels = [settings.stop, settings.take_profit, settings.break_even]
    in_atr = any(level is not None and level.unit == "atr" for level in levels)
    return in_atr or settings.trail.name in {"atr", "chandelier"}
