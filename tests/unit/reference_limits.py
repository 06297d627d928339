"""Limits of the slow simulator's account: what an increase is asked, losses at the close, freezing, events.

Goes in: the account, its mandate, and a moment. Comes out: how many shares of an increase may be had and which limit
says so; exits and halving orders at the close; one `Event` each time a limit acts. docs/portfolio.md is the contract.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
from reference_records import NONE, Order
from reference_sizes import distance_to_first_stop

from alphafactory.domain.risk_events import RISK_ACTIONS, RISK_RULES, RiskEvents

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from reference_account import Account
    from reference_symbol import Symbol

    from alphafactory.domain.mandate import Mandate

SATURDAY = 5
STRONGEST_FIRST = ("flat", "halve", "freeze")


@dataclass
class Event:
    row: int
    rule: str
    action: str
    symbol: int = -1
    sector: int = -1
    measured: float = NONE
    limit: float = NONE
    wanted: float = NONE
    allowed: float = NONE


def events_table(events: Sequence[Event]) -> RiskEvents:
    codes = {"rule": RISK_RULES.index, "action": RISK_ACTIONS.index}
    kinds = {field.name: int if field.name in {"row", "rule", "action", "symbol", "sector"} else float
             for field in fields(RiskEvents)}  # fmt: skip
    columns = {name: [codes.get(name, lambda value: value)(getattr(event, name)) for event in events] for name in kinds}
    return RiskEvents(**{name: np.array(columns[name], dtype=kind) for name, kind in kinds.items()})


class Watch:
    """What an account with a mandate remembers from session to session."""

    def __init__(self, mandate: Mandate, sessions: Sequence[np.datetime64], capital: float) -> None:
        self.mandate, self.limits = mandate, mandate.limits
        self.rebalance = [bool(flag) for flag in mandate.rebalance]
        self.sectors = [int(code) for code in mandate.sectors]
        self.days = [session.astype("datetime64[D]").item() for session in sessions]
        self.weeks = [tuple(day.isocalendar()[:2]) for day in self.days]
        self.next_week = tuple(day_after(self.days).isocalendar()[:2])
        """The week of the session after the newest one."""
        self.start = self.peak = capital
        self.frozen_to = -1
        """The last frozen row: freezes begin with the next session, so that they never leave one between them free."""
        self.cooling_to = -1
        self.weeks_lost: set[tuple[int, ...]] = set()
        self.beyond: set[tuple[str, int]] = set()
        """Which limits prices were beyond at the close before."""
        self.events: list[Event] = []

    def leverage(self, row: int, usual: float) -> float:
        """Return the leverage of a session: that of the newest entry of the schedule which is in force."""
        for since, leverage in sorted(self.limits.leverage_schedule):
            usual = leverage if since <= self.days[row] else usual
        return usual

    def frozen(self, row: int) -> bool:
        return row <= self.frozen_to


def day_after(days: Sequence[date]) -> date:
    """Return the next session as far as it can be known: the next weekday, the next day where weekends have any."""
    weekends = any(day.weekday() >= SATURDAY for day in days)
    after = days[-1] + timedelta(days=1)
    while not weekends and after.weekday() >= SATURDAY:
        after += timedelta(days=1)
    return after


def beyond(account: Account, what: str, measured: float, limit: float) -> bool:
    """Whether something is beyond a limit: by more than 1e-12 of it."""
    tolerance = 1e-12 * abs(limit)
    if math.isfinite(limit) and 0.1 * tolerance < abs(measured - limit) < 10 * tolerance:
        account.close_calls.append(f"row {account.row}: {what} {measured!r} {limit!r}")
    return measured > limit + (tolerance if math.isfinite(limit) else 0.0)


# Steps 1 to 3: what an increase is asked


def what_limits_leave(account: Account, symbol: Symbol, price: float, prices: list[float], sought: float) -> float:
    """Return how many shares of an increase the limits allow, infinite where they say nothing.

    An order that may have none has ended.
    """
    watch, order = account.watch, symbol.order
    if watch is None:
        return math.inf
    if watch.frozen(account.row):
        account.end(order, "frozen")
        return 0.0
    if symbol.trade is None:
        for finding in (positions_then(account), neighbours_then(account, symbol)):
            if finding[1] > finding[2]:
                act(account, symbol, finding, sought, 0.0)
                account.end(order, finding[0])
                return 0.0
    return smallest_room(account, symbol, price, prices, sought)


def act(account: Account, symbol: Symbol, finding: tuple[str, float, float], sought: float, allowed: float) -> None:
    """Write down that a limit left an increase less than it sought."""
    rule, measured, limit = finding
    event = Event(account.row, rule, "cut" if allowed > 0 else "refused", symbol.column)
    event.sector = account.watch.sectors[symbol.column] if rule == "sector" else -1
    event.measured, event.limit = measured, limit
    event.wanted, event.allowed = symbol.order.side * sought, symbol.order.side * allowed
    account.watch.events.append(event)


def positions_then(account: Account) -> tuple[str, float, float]:
    most = account.watch.limits.max_positions
    return "max_positions", len(account.held()) + 1, most or math.inf


def neighbours_then(account: Account, symbol: Symbol) -> tuple[str, float, float]:
    """Return the largest group that the symbol, or one of its neighbours, would be in: itself and its neighbours."""
    most = account.watch.limits.max_correlated
    if not most:
        return "correlation", 0, math.inf
    held = [(other, other.trade.side) for other in account.held()]
    candidate = (symbol, symbol.order.side)
    near = [other for other in held if are_neighbours(account, candidate, other)]
    groups = [len(near) + 1]
    for one in near:
        own = [other for other in held if other is not one and are_neighbours(account, one, other)]
        groups.append(len(own) + 2)
    return "correlation", max(groups), most


def are_neighbours(account: Account, first: tuple[Symbol, int], second: tuple[Symbol, int]) -> bool:
    above = account.watch.limits.correlated_above
    same_risk = first[1] * second[1] * correlation(account, first[0], second[0])
    return beyond(account, "correlation", same_risk, above)


def correlation(account: Account, first: Symbol, second: Symbol) -> float:
    """Return Pearson's coefficient of the newest returns up to the row before, 0 where it is not known."""
    one, other = newest_returns(account, first), newest_returns(account, second)
    if not one or any(math.isnan(r) for r in one + other):
        return 0.0
    mean_one, mean_other = sum(one) / len(one), sum(other) / len(other)
    spread_one, spread_other = sum((r - mean_one) ** 2 for r in one), sum((r - mean_other) ** 2 for r in other)
    stands_still = len(one) * 1e-24
    for spread in (spread_one, spread_other):
        if 1e-3 * stands_still < spread < 1e3 * stands_still:
            account.close_calls.append(f"row {account.row}: hardly moves {spread!r}")
    if spread_one <= stands_still or spread_other <= stands_still:
        return 0.0
    together = sum((a - mean_one) * (b - mean_other) for a, b in zip(one, other, strict=True))
    return together / math.sqrt(spread_one * spread_other)


def newest_returns(account: Account, symbol: Symbol) -> list[float]:
    """Return them by the account's rows, empty where there are too few rows."""
    first = account.row - account.watch.limits.correlation_sessions
    if first < 1:
        return []
    return [symbol.close_of(row) / symbol.close_of(row - 1) - 1 for row in range(first, account.row)]


@dataclass
class Room:
    """A limit in shares: `used` are held already, and each is `money` at stake of the `most` that may be."""

    rule: str
    limit: float
    used: float
    money: float
    most: float

    @property
    def left(self) -> float:
        return self.most / self.money - self.used


def smallest_room(account: Account, symbol: Symbol, price: float, prices: list[float], sought: float) -> float:
    """Return what the tightest of the limits in shares leaves, in lots; infinite if it is no less than is sought."""
    equity = account.equity(prices)
    tight = [
        room
        for room in rooms(account, symbol, price, prices, equity)
        if beyond(account, room.rule, (room.used + sought) * room.money, room.most)
    ]
    if not tight:
        return math.inf
    room = min(tight, key=lambda found: found.left)
    if any(other is not room and abs(other.left - room.left) <= 1e-9 * abs(room.left) for other in tight):
        account.close_calls.append(f"row {account.row}: equal rooms {tight}")
    allowed = in_lots(account, symbol, room) if account.exceeds(room.left * price, 0.0, equity) else 0.0
    if allowed >= account.rounded(symbol, sought):
        return math.inf
    act(account, symbol, (room.rule, (room.used + sought) * room.money / equity, room.limit), sought, allowed)
    symbol.order.limited_by = room.rule
    if allowed <= 0:
        account.end(symbol.order, room.rule)
    return allowed


def rooms(account: Account, symbol: Symbol, price: float, prices: list[float], equity: float) -> list[Room]:
    """Return the limits in shares that there are, in the order of the page."""
    limits, held = account.watch.limits, abs(symbol.position)
    distance = distance_to_first_stop(account, symbol, symbol.order, price, symbol.known)
    sector = positions_of(account, prices, account.watch.sectors[symbol.column])
    asked = [
        ("position", limits.max_position, held, price),
        ("sector", limits.max_sector, sector / price, price),
        ("trade_loss", limits.trade_loss, held, distance),
    ]
    return [
        Room(rule, limit, used, money, limit * equity)
        for rule, limit, used, money in asked
        if math.isfinite(limit) and money > 0
    ]


def in_lots(account: Account, symbol: Symbol, room: Room) -> float:
    """Round down; the 1e-9 of a lot by which that may round up is not to break the limit."""
    allowed = account.rounded(symbol, room.left)
    if allowed > room.left and beyond(account, room.rule, (room.used + allowed) * room.money, room.most):
        allowed -= symbol.last_bar.factor * (account.settings.shares.value or 1.0)
    return max(allowed, 0.0)


def positions_of(account: Account, prices: Sequence[float], sector: int) -> float:
    """Return what the positions of a sector are worth, longs and shorts added."""
    return sum(abs(s.position) * prices[s.column] for s in account.held() if account.watch.sectors[s.column] == sector)


def act_on_money(account: Account, symbol: Symbol, exposure: float, sought: float, allowed: float) -> None:
    """Write down that leverage, or the reserve, cut an increase; `exposure` is the share that there would have been."""
    if account.watch is None:
        return
    if account.short_of_money == "cash_reserve":
        finding = "cash_reserve", 1 - exposure, account.watch.limits.cash_reserve
    else:
        finding = "leverage", exposure, account.leverage
    act(account, symbol, finding, sought, allowed)


# Step 4: limits at the close


def limits_at_the_close(account: Account) -> None:
    """After the mark: losses begin exits, freeze the account and make it smaller; then what was frozen is free."""
    watch, equity = account.watch, account.equities[-1]
    if watch is None or account.ruined:
        return
    lose_trades(account, equity)
    actions = [lost_day(account, equity), lost_week(account, equity), drawn_down(account, equity)]
    strongest = next((action for action in STRONGEST_FIRST if action in actions), "")
    for symbol in account.held():
        if strongest == "flat" and symbol.exiting is None:
            symbol.exiting = Order(symbol.column, account.row, reason="risk_limit")
        elif strongest == "halve" and symbol.exiting is None:
            halve(account, symbol)
    if watch.cooling_to == account.row:
        note_loss(account, "drawdown", "rearm", equity / watch.peak - 1, watch.limits.drawdown)
        watch.peak = equity
    if account.settings.fill.name == "same_close" and watch.frozen_to == account.row:
        for symbol in freed(account):
            account.new_order(symbol, symbol.target)
            if symbol.order is not None:
                symbol.order.after_fills = True


def lose_trades(account: Account, equity: float) -> None:
    limit = account.watch.limits.trade_loss
    for symbol in account.held():
        loss = -symbol.trade.net(symbol.last_close)
        if symbol.exiting is None and beyond(account, "trade_loss", loss, limit * equity):
            symbol.exiting = Order(symbol.column, account.row, reason="loss_limit")
            event = Event(account.row, "trade_loss", "exit", symbol.column, measured=-loss / equity, limit=limit)
            account.watch.events.append(event)


def lost_day(account: Account, equity: float) -> str:
    watch, row = account.watch, account.row
    base = account.equities[row - 1] if row > 0 else watch.start
    if not beyond(account, "day", 1 - equity / base, watch.limits.day_loss):
        return ""
    note_loss(account, "day_loss", watch.limits.day_action, equity / base - 1, watch.limits.day_loss)
    watch.frozen_to = max(watch.frozen_to, row + 1)
    return watch.limits.day_action


def lost_week(account: Account, equity: float) -> str:
    """Against the last close of an earlier week, once a week; to the end of the week."""
    watch, row = account.watch, account.row
    week = watch.weeks[row]
    before = [account.equities[k] for k in range(row) if watch.weeks[k] != week]
    base = before[-1] if before else watch.start
    if week in watch.weeks_lost or not beyond(account, "week", 1 - equity / base, watch.limits.week_loss):
        return ""
    watch.weeks_lost.add(week)
    note_loss(account, "week_loss", watch.limits.week_action, equity / base - 1, watch.limits.week_loss)
    last = max(k for k, other in enumerate(watch.weeks) if other == week)
    goes_on = last == len(watch.weeks) - 1 and watch.next_week == week
    watch.frozen_to = max(watch.frozen_to, last + goes_on, row + 1)
    return watch.limits.week_action


def drawn_down(account: Account, equity: float) -> str:
    watch, limits = account.watch, account.watch.limits
    watch.peak = max(watch.peak, equity)
    lost = 1 - equity / watch.peak
    if account.row <= watch.cooling_to or not beyond(account, "drawdown", lost, limits.drawdown):
        return ""
    watch.cooling_to = account.row + max(limits.cool_down, 1)
    watch.frozen_to = max(watch.frozen_to, watch.cooling_to)
    note_loss(account, "drawdown", limits.drawdown_action, -lost, limits.drawdown)
    return limits.drawdown_action


def note_loss(account: Account, rule: str, action: str, measured: float, limit: float) -> None:
    account.watch.events.append(Event(account.row, rule, action, measured=measured, limit=limit))


def halve(account: Account, symbol: Symbol) -> None:
    """Where the target is on the position's side, order half of it away: sized now, and never given up."""
    if symbol.target * symbol.trade.side <= 0:
        return
    account.replace_order(symbol)
    symbol.order = Order(symbol.column, account.row, symbol.target, priority=-math.inf, halving=True)
    symbol.order.kept = abs(symbol.position) / 2


def freed(account: Account) -> list[Symbol]:
    """Symbols for which the end of a freeze counts as a change of their target: out of the market, but wanted."""
    watch = account.watch
    if watch is None or watch.frozen_to != account.row:
        return []
    return [
        symbol
        for symbol in account.symbols
        if symbol.trade is None and symbol.order is None and symbol.exiting is None
        if symbol.target != 0 and symbol.side_wanted != symbol.closed_direction
    ]


# After step 6: what prices have carried beyond limits


def note_drift(account: Account) -> None:
    """One event a limit that prices are beyond at this close, and were not at the close before."""
    watch = account.watch
    if watch is None or account.ruined:
        return
    limits, equity = watch.limits, account.equities[-1]
    closes = [symbol.last_close for symbol in account.symbols]
    exposure = account.exposure(closes) / equity
    measures = [
        ("position", s.column, abs(s.position) * closes[s.column] / equity, limits.max_position) for s in account.held()
    ]
    measures += [
        ("sector", code, positions_of(account, closes, code) / equity, limits.max_sector)
        for code in sorted(set(watch.sectors))
    ]
    measures.append(("leverage", -1, exposure, account.leverage))
    now = {(rule, of) for rule, of, share, limit in measures if beyond(account, rule, share, limit)}
    if limits.cash_reserve > 0:
        measures.append(("cash_reserve", -1, 1 - exposure, limits.cash_reserve))
        if beyond(account, "reserve", exposure - 1, -limits.cash_reserve):
            now.add(("cash_reserve", -1))
    for rule, of, share, limit in measures:
        if (rule, of) in now - watch.beyond:
            event = Event(account.row, rule, "drifted", measured=share, limit=limit)
            event.symbol, event.sector = of if rule == "position" else -1, of if rule == "sector" else -1
            watch.events.append(event)
    watch.beyond = now
