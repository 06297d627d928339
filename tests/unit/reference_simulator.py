"""The simulator once more, slowly, in plain Python, with lists of fills instead of running totals.

Goes in: bars, targets and settings as the simulator takes them. Comes out: a `Reference` with equity, trades and
refused orders. What a trade reports is computed at the end, from its fills and the prices seen while it was held.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.bars import Bars
    from alphafactory.domain.settings import SimulationSettings


@dataclass
class Fill:
    row: int
    quantity: float
    market_price: float
    price: float
    commission: float


@dataclass
class Trade:
    fills: list[Fill] = field(default_factory=list)
    dividends: float = 0.0
    excursions: list[float] = field(default_factory=lambda: [0.0])
    reason: str = "open"

    @property
    def side(self) -> int:
        return 1 if self.fills[0].quantity > 0 else -1

    def entries(self) -> list[Fill]:
        return [f for f in self.fills if f.quantity * self.side > 0]

    def exits(self) -> list[Fill]:
        return [f for f in self.fills if f.quantity * self.side < 0]

    def holdings(self) -> list[float]:
        return [sum(f.quantity for f in self.fills[: k + 1]) for k in range(len(self.fills))]

    def net_pnl(self, position: float, close: float) -> float:
        return position * close - sum(f.quantity * f.price + f.commission for f in self.fills)


def average_price(fills: Sequence[Fill]) -> float:
    return sum(abs(f.quantity) * f.price for f in fills) / sum(abs(f.quantity) for f in fills)


@dataclass
class Reference:
    """The account in the course of a run, and its record."""

    bars: Bars
    settings: SimulationSettings
    cash: float = 0.0
    position: float = 0.0
    trades: list[Trade] = field(default_factory=list)
    equity: list[float] = field(default_factory=list)
    refused: list[tuple[int, float, str]] = field(default_factory=list)
    ruined: bool = False
    order: float | None = None
    hindered: tuple[int, float, str] | None = None
    last_target: float = 0.0

    def commission(self, quantity: float, price: float, row: int) -> float:
        model = self.settings.commission
        if model.name == "none":
            return 0.0
        if model.name == "bps":
            return abs(quantity) * price * model.value / 10_000
        raw_shares = abs(quantity) / self.bars.split_factor[row]
        return max(model.options["min"], model.value * raw_shares)

    def slipped(self, price: float, side: int) -> float:
        return price * (1 + side * (self.settings.slippage.value or 0.0) / 10_000)

    def fill(self, row: int, price: float, quantity: float, reason: str, *, free: bool = False) -> None:
        side = 1 if quantity > 0 else -1
        paid = price if free else self.slipped(price, side)
        fee = 0.0 if free else self.commission(quantity, paid, row)
        if self.position == 0:
            self.trades.append(Trade())
        self.trades[-1].fills.append(Fill(row, quantity, price, paid, fee))
        self.cash -= quantity * paid + fee
        self.position = 0.0 if quantity == -self.position else self.position + quantity
        if self.position == 0:
            self.trades[-1].reason = reason

    def money_buys(self, money: float, price: float, row: int) -> float:
        """How many shares `money` pays for with their commission."""
        model = self.settings.commission
        if model.name == "none":
            return money / price
        if model.name == "bps":
            return money / (price * (1 + model.value / 10_000))
        a_share = price + model.value / self.bars.split_factor[row]
        at_rate = money / a_share
        if self.commission(at_rate, price, row) == model.options["min"]:
            return (money - model.options["min"]) / price
        return at_rate

    def whole(self, quantity: float, row: int) -> float:
        if self.settings.shares.name == "fractional":
            return quantity
        return math.floor(quantity / self.bars.split_factor[row] + 1e-9) * self.bars.split_factor[row]

    def missing_shares(self, weight: float, equity: float, price: float) -> float:
        """How many shares lie between the position and `weight`, before costs; a difference of rounding is none."""
        missing = weight * equity / price - self.position
        return 0.0 if math.isclose(weight * equity / price, self.position, rel_tol=1e-12) else missing

    def rebalance(self, row: int, price: float, weight: float) -> None:
        """Market orders: exits first, then the entry, sized with what is left."""
        equity = self.cash + self.position * price
        if self.position != 0 and (self.position * weight <= 0 or equity <= 0):
            self.fill(row, price, -self.position, "signal")
            equity = self.cash
        difference = abs(weight) * equity - abs(self.position) * price
        if weight == 0 or equity <= 0 or abs(difference) <= 1e-12 * equity:
            return
        missing = self.missing_shares(weight, equity, price)
        side = 1 if weight > 0 else -1
        if difference > 0:
            change, refusal = self.enlarge(row, price, side, difference)
        else:
            change, refusal = self.reduce(row, price, side, -difference)
        if refusal:
            self.refused.append((row, missing, refusal))
        else:
            self.fill(row, price, change, "signal")

    def cost(self, change: float, market_price: float, row: int) -> float:
        """Return the cash that a change of position takes: negative for a sale that brings some in."""
        paid = self.slipped(market_price, 1 if change > 0 else -1)
        return change * paid + self.commission(change, paid, row)

    def enlarge(self, row: int, price: float, side: int, money: float) -> tuple[float, str]:
        """Spend `money`, costs included, on a larger position."""
        quantity = self.money_buys(money, self.slipped(price, side), row)
        if quantity <= 0:
            return 0.0, "no_cash"
        quantity = self.whole(quantity, row)
        allowance = 1e-12 * (self.cash + abs(self.position) * price)
        if (
            side > 0
            and self.settings.shares.name == "whole"
            and self.cost(quantity, price, row) > self.cash + allowance
        ):
            quantity -= self.bars.split_factor[row]
        return side * quantity, "" if quantity > 0 else "less_than_one_share"

    def reduce(self, row: int, price: float, side: int, value: float) -> tuple[float, str]:
        """Give up shares worth `value` at the market price."""
        quantity = self.whole(value / price, row)
        if quantity <= 0:
            return 0.0, "less_than_one_share"
        if quantity >= abs(self.position) * (1 - 1e-12):
            return -self.position, ""
        allowance = 1e-12 * (abs(self.cash) + abs(self.position) * price)
        refusal = "no_cash" if self.cost(-side * quantity, price, row) > self.cash + allowance else ""
        return -side * quantity, refusal

    def see(self, *prices: float) -> None:
        if self.position != 0:
            trade = self.trades[-1]
            entry = average_price(trade.entries())
            trade.excursions += [trade.side * (price / entry - 1) for price in prices]

    def hindrance(self, row: int) -> str | None:
        columns = [getattr(self.bars, name) for name in ("open", "high", "low", "close", "volume")]
        if self.bars.volume[row] == 0:
            return "no_volume"
        if row > 0 and all(column[row] == column[row - 1] for column in columns):
            return "halted"
        return None

    def new_signal(self, target: float) -> None:
        """Orders arise only when the target changes; NaN is flat. A new order replaces one that waits."""
        wanted = 0.0 if math.isnan(target) else float(target)
        if wanted == self.last_target:
            return
        if self.hindered is not None and self.hindered[1] != 0:
            self.refused.append(self.hindered)
        self.order, self.hindered, self.last_target = wanted, None, wanted

    def execute(self, row: int, price: float) -> None:
        """Fill the order if there is one and the bar trades."""
        if self.order is None:
            return
        weight = self.order * (self.settings.sizing.value or 1.0)
        reason = self.hindrance(row)
        if reason is None:
            self.see(price)
            self.rebalance(row, price, weight)
            self.order = self.hindered = None
        elif self.hindered is None:
            missing = self.missing_shares(weight, self.cash + self.position * price, price)
            self.hindered = (row, missing, reason)

    def ruin(self, row: int, close: float) -> None:
        """Close everything; the simulation ends here."""
        if self.hindered is not None and self.hindered[1] != 0:
            self.refused.append((row, self.hindered[1], "ruined"))
        if self.position != 0:
            self.fill(row, close, -self.position, "ruined")
        self.equity[row:] = [self.cash] * (len(self.bars) - row)
        self.order, self.ruined = None, True


def simulate_slowly(  # noqa: C901 (one session from top to bottom is what makes it readable)
    bars: Bars, target: Sequence[float], settings: SimulationSettings, *, delisted: bool
) -> Reference:
    """Walk through the sessions, in the order of events that the contract gives."""
    account = Reference(bars, settings, cash=settings.initial_capital)
    for row in range(len(bars)):
        opening, low, high, close = (float(getattr(bars, name)[row]) for name in ("open", "low", "high", "close"))
        # 0. Dividends for the position held through the previous close.
        if account.position != 0:
            account.trades[-1].dividends += account.position * bars.dividends[row]
            account.cash += account.position * bars.dividends[row]
        # 1. Open.
        if settings.fill.name == "next_open":
            account.execute(row, opening)
        # 2. Intrabar.
        account.see(low, high)
        # 3. Close; the optimistic fill comes here too, at the close that its signal has just seen.
        if settings.fill.name == "same_close":
            account.new_signal(target[row])
        if settings.fill.name != "next_open":
            account.execute(row, close)
        # 4. Mark.
        account.equity.append(account.cash + account.position * close)
        if account.equity[row] <= 0:
            account.ruin(row, close)
            return account
        # 6. Signals become orders for the next session.
        if settings.fill.name != "same_close":
            account.new_signal(target[row])
    last, close = len(bars) - 1, float(bars.close[-1])
    if delisted and account.position != 0:
        account.fill(last, close, -account.position, "delisted", free=True)
    if account.order is not None:
        weight = account.order * (settings.sizing.value or 1.0)
        missing = account.missing_shares(weight, account.equity[-1], close)
        if missing != 0:
            account.refused.append((last, missing, "end_of_data"))
    return account
