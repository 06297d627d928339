"""The slow simulator's account: what it holds, what it was asked to do, and how signals become orders.

Goes in: bars, signals and settings. Comes out: an `Account` that reference_simulator.py walks through the sessions.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import reference_costs as costs
from reference_limits import Watch, freed
from reference_rebalance import rebalanced
from reference_records import NONE, Fill, Order, Trade
from reference_sizes import entry_prices, kept_position, open_levels
from reference_symbol import Symbol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reference_symbol import Bar

    from alphafactory.domain.bars import Bars
    from alphafactory.domain.mandate import Mandate
    from alphafactory.domain.settings import SimulationSettings
    from alphafactory.domain.signals import Signals

OPTIONAL = ("entry_limit", "entry_stop", "stop", "take_profit", "good_for", "priority")


def sign(number: float) -> int:
    return (number > 0) - (number < 0)


class Account:
    """Cash, symbols and the record of what happened."""

    def __init__(
        self,
        bars: Sequence[Bars],
        signals: Signals,
        settings: SimulationSettings,
        periods_per_year: int,
        delisted: Sequence[bool],
        *,
        mandate: Mandate | None,
    ) -> None:
        self.settings, self.periods_per_year = settings, periods_per_year
        self.sessions = sorted({session for each in bars for session in each.sessions})
        flags = delisted or [False] * len(bars)
        self.symbols = [
            Symbol(column, each, self.sessions, delisted=flag)
            for column, (each, flag) in enumerate(zip(bars, flags, strict=True))
        ]
        shape = (len(self.sessions), len(bars))
        self.targets = np.reshape(signals.target, shape).tolist()
        given = {name: getattr(signals, name) for name in OPTIONAL}
        self.wishes = {name: np.reshape(a, shape).tolist() for name, a in given.items() if a is not None}
        self.distances = signals.distances
        self._row = 0
        self.cash = settings.initial_capital
        self.interest = 0.0
        self.fills: list[Fill] = []
        self.trades: list[Trade] = []
        self.orders: list[Order] = []
        self.equities: list[float] = []
        self.cashes: list[float] = []
        self.positions: list[list[float]] = []
        self.levels: list[list[tuple[float, float]]] = []
        self.ruined = False
        self.watch = None if mandate is None else Watch(mandate, self.sessions, self.cash)
        self.close_calls: list[str] = []

    @property
    def row(self) -> int:
        return self._row

    def start_session(self, row: int) -> None:
        self._row = row
        for symbol in self.symbols:
            symbol.row = row
            symbol.levels = (NONE, NONE)
            if symbol.trade is not None:
                symbol.trade.whole_bar = False

    # Comparisons, which notice when rounding decides

    def note(self, what: str, first: float, second: float, scale: float) -> None:
        if first != second and abs(first - second) <= 1e-12 * abs(scale):
            self.close_calls.append(f"row {self.row}: {what} {first!r} {second!r}")

    def reached(self, level: float, price: float, side: int) -> bool:
        """Whether `price` has risen to `level` (side +1) or fallen to it (side -1); never for a level of none."""
        self.note("price", level, price, price)
        return side * price >= side * level

    def exceeds(self, money: float, limit: float, equity: float) -> bool:
        """Whether money is above a limit by more than rounding."""
        tolerance = 1e-12 * abs(equity)
        if 0.2 * tolerance < abs(money - limit) < 5 * tolerance:
            self.close_calls.append(f"row {self.row}: limit {money!r} {limit!r}")
        return money > limit + tolerance

    # Prices and money

    def prices(self, at: Callable[[Bar], float]) -> list[float]:
        """One price a symbol at a moment of the session; without a bar its last close."""
        return [at(s.bar) if s.bar is not None else s.last_close for s in self.symbols]

    def equity(self, prices: Sequence[float]) -> float:
        return self.cash + sum(s.position * prices[s.column] for s in self.held())

    def exposure(self, prices: Sequence[float]) -> float:
        return sum(abs(s.position) * prices[s.column] for s in self.held())

    @property
    def leverage(self) -> float:
        """The leverage of this session."""
        usual = self.settings.leverage
        return usual if self.watch is None else self.watch.leverage(self.row, usual)

    @property
    def most_exposure(self) -> float:
        """What all positions may be worth, a share of equity; a reserve of 0 is none."""
        reserve = 0.0 if self.watch is None else self.watch.limits.cash_reserve
        return min(self.leverage, 1 - reserve) if reserve > 0 else self.leverage

    @property
    def short_of_money(self) -> str:
        """How an order ends that would spend more than it may."""
        return "no_cash" if self.most_exposure == self.leverage else "cash_reserve"

    def allowed(self, prices: Sequence[float]) -> float:
        """Money that an increase may spend, costs included; what is left by rounding is none."""
        equity = self.equity(prices)
        money = self.most_exposure * equity - self.exposure(prices)
        return money if self.exceeds(money, 0.0, equity) else 0.0

    def closed_trades(self) -> list[Trade]:
        return [trade for trade in self.trades if trade.reason != "open"]

    def conditions(
        self, symbol: Symbol, price: float, side: int, *, slips: bool, index: int | None = None
    ) -> costs.Conditions:
        """What a fill meets; `index` is the bar whose estimates are known, that of the row before if none is given."""
        bar, index = symbol.last_bar, symbol.known if index is None else index
        estimates = [symbol.estimated(n, index) for n in ("atr", "volatility", "volume", "spread")]
        session = self.sessions[self.row].astype("datetime64[D]").item()
        return costs.Conditions(price, side, slips, bar.factor, bar.volume, session, *estimates)

    def shares_for(self, c: costs.Conditions, money: float) -> float:
        """The shares that money pays for with their costs."""
        shares = costs.shares_for(self.settings, c, money)
        if shares > 0 and costs.spending(self.settings, c, shares) < money * (1 - 1e-9):
            self.close_calls.append(f"row {self.row}: no sale brings in {money!r}")
        return shares

    def rounded(self, symbol: Symbol, shares: float) -> float:
        """Round down to whole raw shares or lots."""
        kind, factor = self.settings.shares, symbol.last_bar.factor
        if kind.name == "fractional" or math.isinf(shares):
            return shares
        lot = factor * (kind.value or 1.0)
        count = shares / lot + 1e-9
        if abs(count - round(count)) <= 1e-14 * count + 1e-11:
            self.close_calls.append(f"row {self.row}: lots {count!r}")
        return math.floor(count) * lot

    def capped(self, symbol: Symbol, shares: float) -> float:
        """As many of the shares as one fill may be in this bar; a dust of rounding above it is none."""
        most = self.share_of_volume(symbol)
        return shares if shares * (1 - 1e-12) <= most else self.rounded(symbol, most)

    def share_of_volume(self, symbol: Symbol) -> float:
        """The same before lots, which a full exit does not know."""
        return (self.settings.participation or math.inf) * symbol.last_bar.volume

    def cannot_pay(self, symbol: Symbol, price: float, change: float, equity: float) -> bool:
        """Whether a reduction takes cash that is not there."""
        c = self.conditions(symbol, price, sign(change), slips=True)
        paid = costs.price_paid(self.settings, c, abs(change))
        fees = costs.commission(self.settings, c, abs(change), paid) + costs.sale_fee(
            self.settings, c, abs(change), paid
        )
        cost = change * paid + fees
        return cost > 0 and self.exceeds(cost, self.cash, equity)

    # Who takes part

    def held(self) -> list[Symbol]:
        return [symbol for symbol in self.symbols if symbol.trade is not None]

    def tradable(self) -> list[Symbol]:
        return [symbol for symbol in self.symbols if symbol.hindrance() is None]

    def able(self, symbols: list[Symbol]) -> list[Symbol]:
        """Of symbols with orders, those where one may do something now; the others' orders learn what hinders them."""
        free: list[Symbol] = []
        for symbol in symbols:
            hindrance = symbol.hindrance() or ("participation" if symbol.exiting is not None else None)
            if hindrance is None:
                free.append(symbol)
            else:
                symbol.order.hindrance = hindrance
        return free

    def with_orders(self) -> list[Symbol]:
        return self.able([symbol for symbol in self.symbols if symbol.order is not None])

    def entries(self, *, market: bool) -> list[Symbol]:
        """Symbols with an entry to try, those of the highest priority first."""
        waiting = [
            s
            for s in self.symbols
            if s.order is not None
            and s.order.weight != 0
            and (s.trade is None or s.trade.side == s.order.side)
            and (s.order.kind == "market") == market
            and s.order.phase != "reduce"
            and s.order.tried < self.row
        ]
        return sorted(self.able(waiting), key=lambda s: -s.order.priority)

    # Fills and endings

    def fill(
        self, symbol: Symbol, order: Order, price: float, change: float, *, slips: bool = True, free: bool = False
    ) -> Fill:
        shares, c = abs(change), self.conditions(symbol, price, sign(change), slips=slips)
        paid = costs.price_paid(self.settings, c, shares)
        charged = 0.0 if free else costs.commission(self.settings, c, shares, paid)
        fee = 0.0 if free else costs.sale_fee(self.settings, c, shares, paid)
        fill = Fill(self.row, change, price, paid, charged, fee)
        if paid == 0:
            self.close_calls.append(f"row {self.row}: sold for nothing")
        opens = symbol.trade is None
        if opens:
            symbol.trade = Trade(symbol.column, sign(change))
            self.trades.append(symbol.trade)
        for record in (self.fills, order.fills, symbol.trade.fills):
            record.append(fill)
        self.cash -= fill.cost
        if opens:
            open_levels(self, symbol, order)
        if sign(change) == symbol.trade.side and order not in symbol.trade.increased_by:
            symbol.trade.increased_by.append(order)
        return fill

    def end(self, order: Order, end: str) -> None:
        """Write the order down as ended."""
        order.end, order.ended = end, self.row
        trade = self.symbols[order.symbol].trade
        if order.fills and trade is not None and trade.position:
            order.stop, order.take_profit = trade.stop, trade.take_profit
        self.orders.append(order)
        for symbol in self.symbols:
            symbol.order = None if symbol.order is order else symbol.order
            symbol.exiting = None if symbol.exiting is order else symbol.exiting

    def end_unneeded(self, symbol: Symbol) -> None:
        """End an order that finds nothing to change: it leaves no row, unless it has changed something before."""
        if symbol.order.fills:
            self.end(symbol.order, "filled")
        symbol.order = None

    def end_all(self, symbol: Symbol, end: str) -> None:
        for order in (symbol.exiting, symbol.order):
            if order is not None:
                self.end(order, end)

    def end_trade(self, symbol: Symbol, reason: str) -> None:
        """Flat now. After a level, the time or a margin call the direction is closed, or to be entered again."""
        trade = symbol.trade
        symbol.levels = (trade.stop, trade.take_profit)
        trade.reason, symbol.trade = reason, None
        if reason in {"signal", "delisted", "ruined", "risk_limit"} or sign(symbol.target) != trade.side:
            return
        if self.settings.reentry.name == "immediate":
            symbol.may_reenter = trade.side
            return
        symbol.closed_direction = trade.side
        if symbol.order is not None and symbol.order.side == trade.side:
            self.end(symbol.order, "direction_closed")

    def expire(self, symbol: Symbol) -> None:
        order = symbol.order
        if order is None or not order.good_for:
            return
        at_close = order.kind == "market" or self.settings.resting.name == "auction"
        at_once = self.settings.fill.name == "same_close" and at_close and not order.after_fills
        if self.row - order.decided + at_once < order.good_for:
            return
        closes = order.weight == 0 or (symbol.trade is not None and symbol.trade.side != order.side)
        if not closes:
            self.end(order, order.hindrance)

    # Signals become orders

    def read_signals(self) -> None:
        """Orders of changed targets; in a rebalance those of all that trades."""
        changed_ones = []
        for symbol in self.symbols:
            target = self.targets[self.row][symbol.column]
            wanted = 0.0 if math.isnan(target) else target
            changed, may_reenter = wanted != symbol.target, symbol.may_reenter
            symbol.target, symbol.may_reenter = wanted, 0
            if sign(wanted) != symbol.closed_direction:
                symbol.closed_direction = 0
            again = may_reenter == sign(wanted) != 0 and symbol.trade is None and symbol.order is None
            if changed or again:
                changed_ones.append(symbol)
        orders = rebalanced(self, changed_ones)
        if orders is None:
            free = [] if self.settings.fill.name == "same_close" else freed(self)
            orders = [(symbol, symbol.target) for symbol in self.symbols if symbol in changed_ones + free]
        for symbol, weight in orders:
            self.new_order(symbol, weight)

    def replace_order(self, symbol: Symbol) -> None:
        """End the order that is alive; one that was never tried leaves no row."""
        order = symbol.order
        resting = self.settings.resting.name == "session" and self.settings.entry.name != "market"
        untried = order is not None and order.after_fills and order.decided == self.row - 1 and not resting
        if order is not None and order.hindrance and not untried:
            self.end(order, order.hindrance)
        symbol.order = None

    def new_order(self, symbol: Symbol, weight: float) -> None:
        """An order of a change replaces the one that is alive; none arises for flat where there is no position."""
        self.replace_order(symbol)

        def wish(name: str) -> float:
            return self.wishes[name][self.row][symbol.column] if name in self.wishes else NONE

        if weight == 0 and symbol.trade is None:
            return
        order = symbol.order = Order(symbol.column, self.row, weight)
        order.own_stop, order.own_target = wish("stop"), wish("take_profit")
        order.good_for = self.settings.good_for if math.isnan(wish("good_for")) else int(wish("good_for"))
        order.priority = -math.inf if math.isnan(wish("priority")) else wish("priority")
        if order.weight != 0:
            order.refusal = entry_prices(self, symbol, order, wish("entry_limit"), wish("entry_stop"))
            if self.settings.size_at.name == "decision":
                order.kept_refusal = kept_position(self, symbol, order)
        order.hindrance = order.refusal or {"market": "", "limit": "limit"}.get(order.kind, "stop")
        if symbol.gone:
            self.end(order, "delisted")
        elif order.side == symbol.closed_direction != 0:
            self.end(order, "direction_closed")
        elif symbol.trade is None or symbol.trade.side == order.side:
            refusal = order.refusal or order.kept_refusal
            if refusal in {"no_bar", "no_estimate"}:
                self.end(order, refusal)

    # The record

    def record(self, equity: float) -> None:
        self.equities.append(equity)
        self.cashes.append(self.cash)
        self.positions.append([symbol.position for symbol in self.symbols])

    def record_levels(self) -> None:
        self.levels.append(
            [(s.trade.stop, s.trade.take_profit) if s.trade is not None else s.levels for s in self.symbols]
        )
