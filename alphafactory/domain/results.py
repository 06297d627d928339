"""What a simulation returns: curves, trades, orders and totals. Arrays only, so that it crosses processes cheaply."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.risk_events import RiskEvents, no_events
from alphafactory.domain.table import Table

if TYPE_CHECKING:
    from alphafactory.domain.arrays import BoolArray, FloatArray, IntArray

EXIT_REASONS = (
    "open", "signal", "stop", "trail", "break_even", "take_profit", "time", "margin_call", "delisted", "ruined",
    "loss_limit", "risk_limit",
)  # fmt: skip
"""Why a trade ended; `Trades.exit_reason` holds positions in this tuple. `open` is a trade that has not ended."""

ORDER_KINDS = ("market", "limit", "stop_market", "stop_limit", *EXIT_REASONS[2:])
"""What an order was: the kind of a signal's order, else the reason for which a trade was ended."""

ORDER_ENDS = (
    "filled", "no_cash", "less_than_one_share", "no_volume", "halted", "no_bar", "no_estimate", "no_edge",
    "limit", "stop", "participation", "direction_closed", "level_crossed", "max_entries", "delisted", "ruined",
    "end_of_data", "frozen", "max_positions", "correlation", "position", "sector", "trade_loss", "cash_reserve",
)  # fmt: skip
"""How an order ended: filled whole, or why it was refused, cut or given up. `halted` is a bar that repeats the one
before; `limit` and `stop` are prices that were not reached; `no_edge` is a Kelly fraction of nothing. The last seven
are limits of a portfolio."""


@dataclass(frozen=True, slots=True)
class Trades(Table):
    """Round trips from flat to flat in one symbol, in order of entry. Every array has shape (trades,).

    Rows are positions in the simulated sessions; `exit_row` is -1 for an open trade, and its exit_price is NaN.
    `symbol` is the symbol's column. Prices are average fill prices on the split-adjusted basis after slippage,
    quantity the largest holding in adjusted shares (negative when short). `net_pnl` is money after commission, slippage
    and fees, without dividends and borrow, which have columns of their own; for an open trade it is the unrealised
    profit less the entry costs. `mae` and `mfe` are the worst and the best excursion as a fraction of the entry price
    (mae <= 0 <= mfe). `risk` is the distance from the first fill to the first stop, times the largest holding, in
    money; NaN without a stop. `ambiguous` marks a trade in which one bar met two levels; `optimistic_pnl` is its
    net_pnl, had the better one been met first, NaN for the others.
    """

    symbol: IntArray
    entry_row: IntArray
    entry_price: FloatArray
    exit_row: IntArray
    exit_price: FloatArray
    exit_reason: IntArray
    quantity: FloatArray
    gross_pnl: FloatArray
    net_pnl: FloatArray
    commission: FloatArray
    fees: FloatArray
    slippage: FloatArray
    dividends: FloatArray
    borrow: FloatArray
    mae: FloatArray
    mfe: FloatArray
    bars_held: IntArray
    risk: FloatArray
    ambiguous: BoolArray
    optimistic_pnl: FloatArray

    def __len__(self) -> int:
        return len(self.entry_row)

    @property
    def closed(self) -> BoolArray:
        """Mask of the trades that have ended, shape (trades,)."""
        return self.exit_row >= 0


@dataclass(frozen=True, slots=True)
class Orders(Table):
    """Every order in the order in which it ended. Every array has shape (orders,).

    `decided` is the row whose close (or bar, for levels) gave rise to it, `ended` the row at which it ended. `kind` and
    `end` are positions in ORDER_KINDS and ORDER_ENDS. `weight` is the target it served. `asked` is the signed change of
    adjusted shares it sought at its first attempt, before costs, 0 where there was none; `filled` what it got, at the
    average `price` after slippage (NaN without a fill), first in row `first_fill` (-1 without). Costs are money. `stop`
    and `take_profit` are the levels that its trade had after its last fill, NaN for none.
    """

    symbol: IntArray
    decided: IntArray
    ended: IntArray
    kind: IntArray
    end: IntArray
    weight: FloatArray
    asked: FloatArray
    filled: FloatArray
    price: FloatArray
    first_fill: IntArray
    commission: FloatArray
    fees: FloatArray
    slippage: FloatArray
    stop: FloatArray
    take_profit: FloatArray

    def __len__(self) -> int:
        return len(self.decided)

    @property
    def short(self) -> BoolArray:
        """Mask of the orders that were refused, cut or given up, shape (orders,)."""
        return np.asarray(self.end != ORDER_ENDS.index("filled"))


@dataclass(frozen=True, slots=True)
class Simulation:
    """One finished simulation. `equity` and `cash` have shape (sessions,), marked at each close.

    `positions`, `stops` and `take_profits` have shape (sessions, symbols): adjusted shares held at each close, and the
    levels in force during the session, NaN for none. Totals are money over the whole run. `traded_value` is the sum of
    the absolute values of all fills. `ambiguous_pnl` is what hangs on bars that met two levels: optimistic less counted
    profit. `balance_error` is the relative breach of the balance identity, which the simulator judged.
    """

    equity: FloatArray
    cash: FloatArray
    positions: FloatArray
    stops: FloatArray
    take_profits: FloatArray
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
    balance_error: float
    ruined: bool
    nan_targets: int
    events: RiskEvents = field(default_factory=no_events)

    @property
    def invested(self) -> BoolArray:
        """Mask of the sessions that closed with a position, shape (sessions,)."""
        held: BoolArray = np.asarray((self.positions != 0.0).any(axis=1))
        return held
