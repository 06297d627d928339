"""What a simulation returns: an equity curve, trades and totals. Arrays only, so that it crosses processes cheaply."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alphafactory.domain.arrays import BoolArray, FloatArray, IntArray

EXIT_REASONS = ("open", "signal", "ruined", "delisted")
"""Why a trade ended; `Trades.exit_reason` holds positions in this tuple. `open` is a trade that has not ended."""


@dataclass(frozen=True, slots=True)
class Trades:
    """Round trips from flat to flat, in order of entry. Every array has shape (trades,).

    Rows are positions in the simulated sessions; `exit_row` is -1 for an open trade, and its exit_price is NaN. Prices
    are average fill prices on the split-adjusted basis after slippage, quantity the largest holding in adjusted shares
    (negative when short). `net_pnl` is money after every cost, without dividends; for an open trade it is the
    unrealised profit less the entry costs. `mae` and `mfe` are the worst and the best excursion as a fraction of the
    entry price (mae <= 0 <= mfe), over every bar held.
    """

    entry_row: IntArray
    entry_price: FloatArray
    exit_row: IntArray
    exit_price: FloatArray
    exit_reason: IntArray
    quantity: FloatArray
    gross_pnl: FloatArray
    net_pnl: FloatArray
    commission: FloatArray
    slippage: FloatArray
    dividends: FloatArray
    mae: FloatArray
    mfe: FloatArray
    bars_held: IntArray

    def __len__(self) -> int:
        return len(self.entry_row)

    @property
    def closed(self) -> BoolArray:
        """Mask of the trades that have ended, shape (trades,)."""
        return self.exit_row >= 0

    def take(self, rows: IntArray | BoolArray) -> Trades:
        """Return the chosen trades."""
        return Trades(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class RefusedOrder:
    """An order that did not fill, or not whole. `row` is the session at which it was to fill."""

    row: int
    quantity: float
    reason: str


@dataclass(frozen=True, slots=True)
class Simulation:
    """One finished simulation. `equity`, `cash` and `position` have shape (sessions,), marked at each close.

    `position` is in adjusted shares. Totals are money over the whole run. `traded_value` is the sum of the absolute
    values of all fills. `balance_error` is the relative breach of the balance identity, which the simulator judged.
    """

    equity: FloatArray
    cash: FloatArray
    position: FloatArray
    trades: Trades
    initial_capital: float
    commission: float
    slippage: float
    dividends: float
    borrow: float
    interest: float
    traded_value: float
    balance_error: float
    ruined: bool
    refused: tuple[RefusedOrder, ...]
    nan_targets: int
