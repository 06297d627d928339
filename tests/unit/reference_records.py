"""What the slow simulator writes down: fills, the trades and orders they belong to, and the tables of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory.domain.results import EXIT_REASONS, ORDER_ENDS, ORDER_KINDS, Orders, Trades

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NONE = math.nan
KINDS = {"market": "market", "limit": "limit", "stop": "stop_market", "stop_limit": "stop_limit"}


@dataclass
class Fill:
    """`quantity` is negative for a sale, `market` the price before slippage, `price` the one paid."""

    row: int
    quantity: float
    market: float
    price: float
    commission: float
    fee: float

    @property
    def cost(self) -> float:
        """Cash that it took: negative where it brought some in."""
        return self.quantity * self.price + self.commission + self.fee

    @property
    def slippage(self) -> float:
        return abs(self.quantity) * abs(self.price - self.market)


def average_price(fills: Sequence[Fill]) -> float:
    shares = sum(abs(f.quantity) for f in fills)
    return sum(abs(f.quantity) * f.price for f in fills) / shares if shares else NONE


@dataclass(eq=False)
class Trade:
    """From flat to flat in one symbol."""

    symbol: int
    side: int
    fills: list[Fill] = field(default_factory=list)
    increased_by: list[Order] = field(default_factory=list)
    dividends: list[float] = field(default_factory=list)
    borrow: list[float] = field(default_factory=list)
    excursions: list[float] = field(default_factory=lambda: [0.0])
    optimism: list[float] = field(default_factory=list)
    """Per ambiguous bar: what the better fill would have brought beyond the counted one."""
    reason: str = "open"
    stop: float = NONE
    stop_reason: str = "stop"
    take_profit: float = NONE
    first_stop: float = NONE
    break_even_distance: float = NONE
    best_close: float = NONE
    best_extreme: float = NONE
    whole_bar: bool = False
    """Whether this session's step 2 began with it."""

    @property
    def position(self) -> float:
        return sum(f.quantity for f in self.fills) if self.reason == "open" else 0.0

    @property
    def entries(self) -> list[Fill]:
        return [f for f in self.fills if f.quantity * self.side > 0]

    @property
    def exits(self) -> list[Fill]:
        return [f for f in self.fills if f.quantity * self.side < 0]

    @property
    def entry_value(self) -> float:
        return sum(abs(f.quantity) * f.price for f in self.entries)

    @property
    def average_entry(self) -> float:
        return average_price(self.entries)

    def largest(self) -> float:
        """The largest holding, signed."""
        holdings = [sum(f.quantity for f in self.fills[: k + 1]) for k in range(len(self.fills))]
        return max(holdings, key=abs)

    def net(self, close: float) -> float:
        """Profit after costs; `close` values what is still held."""
        return (self.position * close if self.position else 0.0) - sum(f.cost for f in self.fills)

    def gross(self, close: float) -> float:
        return (self.position * close if self.position else 0.0) - sum(f.quantity * f.market for f in self.fills)


@dataclass(eq=False)
class Order:
    """A signal's order; or, with a `reason`, the exit that a level, the time, a margin call or an end began."""

    symbol: int
    decided: int
    weight: float = 0.0
    kind: str = "market"
    reason: str = ""
    limit: float = NONE
    trigger: float = NONE
    own_stop: float = NONE
    own_target: float = NONE
    good_for: int = 0
    priority: float = 0.0
    kept: float | None = None
    """Shares that `size_at: decision` keeps, None where the fill decides."""
    limited_by: str = ""
    """The limit of the account that cut it last."""
    after_fills: bool = False
    """Whether it arose after the fills of its session, where `same_close` would have tried it."""
    halving: bool = False
    """Whether a loss of the account gave rise to it, and not a target."""
    kept_refusal: str = ""
    """Why the decision gave it no size: no_bar, no_estimate or no_edge."""
    refusal: str = ""
    """Why it has no price to wait for: its entry is refused once the old position is gone."""
    triggered: bool = False
    phase: str = ""
    """What `rest` was fixed for: exit, reduce or enter."""
    rest: float | None = None
    asked: float = 0.0
    fills: list[Fill] = field(default_factory=list)
    hindrance: str = ""
    tried: int = -1
    """The session in which it last met its price: it is not tried twice in one."""
    end: str = ""
    ended: int = -1
    stop: float = NONE
    take_profit: float = NONE

    @property
    def side(self) -> int:
        return (self.weight > 0) - (self.weight < 0)

    @property
    def filled(self) -> float:
        return sum(f.quantity for f in self.fills)

    @property
    def reported_kind(self) -> int:
        if self.reason:
            return len(ORDER_KINDS) - len(EXIT_REASONS) + EXIT_REASONS.index(self.reason)
        return ORDER_KINDS.index("market" if self.phase == "reduce" else KINDS[self.kind])


def trades_table(trades: Sequence[Trade], closes: Sequence[float], rows: int) -> Trades:
    def column(value: Callable[[Trade], Any], kind: type) -> np.ndarray:
        return np.array([value(t) for t in trades], dtype=kind)

    def risk(t: Trade) -> float:
        return abs(t.fills[0].price - t.first_stop) * abs(t.largest())

    columns = {
        "symbol": column(lambda t: t.symbol, int),
        "entry_row": column(lambda t: t.fills[0].row, int),
        "entry_price": column(lambda t: average_price(t.entries), float),
        "exit_row": column(lambda t: -1 if t.reason == "open" else t.fills[-1].row, int),
        "exit_price": column(lambda t: NONE if t.reason == "open" else average_price(t.exits), float),
        "exit_reason": column(lambda t: EXIT_REASONS.index(t.reason), int),
        "quantity": column(lambda t: t.largest(), float),
        "gross_pnl": column(lambda t: t.gross(closes[t.symbol]), float),
        "net_pnl": column(lambda t: t.net(closes[t.symbol]), float),
        "commission": column(lambda t: sum(f.commission for f in t.fills), float),
        "fees": column(lambda t: sum(f.fee for f in t.fills), float),
        "slippage": column(lambda t: sum(f.slippage for f in t.fills), float),
        "dividends": column(lambda t: sum(t.dividends), float),
        "borrow": column(lambda t: sum(t.borrow), float),
        "mae": column(lambda t: min(t.excursions), float),
        "mfe": column(lambda t: max(t.excursions), float),
        "bars_held": column(lambda t: (rows if t.reason == "open" else t.fills[-1].row) - t.fills[0].row, int),
        "risk": column(risk, float),
        "ambiguous": column(lambda t: bool(t.optimism), bool),
        "optimistic_pnl": column(lambda t: t.net(closes[t.symbol]) + sum(t.optimism) if t.optimism else NONE, float),
    }
    return Trades(**{f.name: columns[f.name] for f in fields(Trades)})


def orders_table(orders: Sequence[Order]) -> Orders:
    def column(value: Callable[[Order], Any], kind: type) -> np.ndarray:
        return np.array([value(o) for o in orders], dtype=kind)

    columns = {
        "symbol": column(lambda o: o.symbol, int),
        "decided": column(lambda o: o.decided, int),
        "ended": column(lambda o: o.ended, int),
        "kind": column(lambda o: o.reported_kind, int),
        "end": column(lambda o: ORDER_ENDS.index(o.end), int),
        "weight": column(lambda o: o.weight, float),
        "asked": column(lambda o: o.asked, float),
        "filled": column(lambda o: o.filled, float),
        "price": column(lambda o: average_price(o.fills), float),
        "first_fill": column(lambda o: o.fills[0].row if o.fills else -1, int),
        "commission": column(lambda o: sum(f.commission for f in o.fills), float),
        "fees": column(lambda o: sum(f.fee for f in o.fills), float),
        "slippage": column(lambda o: sum(f.slippage for f in o.fills), float),
        "stop": column(lambda o: o.stop, float),
        "take_profit": column(lambda o: o.take_profit, float),
    }
    return Orders(**{f.name: columns[f.name] for f in fields(Orders)})
