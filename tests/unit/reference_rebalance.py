"""Step 6 of the slow simulator where an account trades back to its targets: docs/portfolio.md, "rebalances".

Goes in: the account at a close, and the symbols whose target has changed there. Comes out: symbols with the weights
that their orders are to serve, or None where the close is no rebalance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import reference_costs as costs
from reference_limits import Event, beyond

if TYPE_CHECKING:
    from reference_account import Account
    from reference_symbol import Symbol


@dataclass
class Leg:
    """One symbol of a rebalance: weights are shares of equity, signed."""

    symbol: Symbol
    sector: int
    weight: float
    wanted: float
    changed: bool
    too_large: str = ""
    """The limit that its position, or its sector, is beyond."""
    measured: float = 0.0

    @property
    def gap(self) -> float:
        return self.wanted - self.weight

    @property
    def shrinks(self) -> bool:
        """Whether the gap makes the position smaller."""
        return self.gap * self.weight < 0


def rebalanced(account: Account, changed: list[Symbol]) -> list[tuple[Symbol, float]] | None:
    """Return the orders of a rebalance, None where there is none at this close."""
    watch = account.watch
    if watch is None:
        return None
    equity = account.equity([symbol.last_close for symbol in account.symbols])
    if equity <= 0:
        return None
    legs = [
        leg_of(account, symbol, equity, changed=symbol in changed)
        for symbol in account.symbols
        if takes_part(symbol, changed)
    ]
    bring_within_limits(account, legs)
    if not (watch.rebalance[account.row] or any(has_drifted(account, leg) for leg in legs)):
        return None
    find_too_large(account, legs)
    trading = [leg for leg in legs if trades(account, leg, equity)]
    orders = [(leg.symbol, weight) for leg, weight in within_turnover(account, trading, equity)]
    orders += [(symbol, symbol.target) for symbol in changed if symbol.exiting is not None or symbol.gone]
    return sorted(orders, key=lambda order: order[0].column)


def takes_part(symbol: Symbol, changed: list[Symbol]) -> bool:
    halving = symbol.order is not None and symbol.order.halving and symbol not in changed
    return symbol.exiting is None and not symbol.gone and not halving


def leg_of(account: Account, symbol: Symbol, equity: float, *, changed: bool) -> Leg:
    closed = symbol.side_wanted == symbol.closed_direction
    weight = symbol.position * symbol.last_close / equity if symbol.trade is not None else 0.0
    sector = account.watch.sectors[symbol.column]
    return Leg(symbol, sector, weight, 0.0 if closed else symbol.target, changed)


# Wanted weights


def bring_within_limits(account: Account, legs: list[Leg]) -> None:
    """Each position, then each sector, then all of them: scaled down to what limits allow."""
    limits = account.watch.limits
    for leg in legs:
        leg.wanted = max(min(leg.wanted, limits.max_position), -limits.max_position)
    for code in sorted({leg.sector for leg in legs}):
        scale_down(account, [leg for leg in legs if leg.sector == code], limits.max_sector)
    scale_down(account, legs, account.most_exposure)


def scale_down(account: Account, legs: list[Leg], most: float) -> None:
    total = sum(abs(leg.wanted) for leg in legs)
    if beyond(account, "wanted", total, most):
        for leg in legs:
            leg.wanted *= most / total


# Who trades


def has_drifted(account: Account, leg: Leg) -> bool:
    return beyond(account, "drift", abs(leg.gap), account.watch.mandate.rules.drift)


def find_too_large(account: Account, legs: list[Leg]) -> None:
    """Note which positions are beyond their own limit, or in a sector that is beyond its own."""
    limits = account.watch.limits
    for leg in legs:
        sector = sum(abs(other.weight) for other in legs if other.sector == leg.sector)
        if beyond(account, "sector", sector, limits.max_sector):
            leg.too_large, leg.measured = "sector", sector
        if beyond(account, "position", abs(leg.weight), limits.max_position):
            leg.too_large, leg.measured = "position", abs(leg.weight)


def trades(account: Account, leg: Leg, equity: float) -> bool:
    rules = account.watch.mandate.rules
    if leg.changed:
        return True
    if 1e-14 < abs(leg.gap) < 1e-10:
        account.close_calls.append(f"row {account.row}: gap {leg.gap!r}")
    if abs(leg.gap) <= 1e-12:
        return False
    if leg.too_large and leg.shrinks:
        return True
    if not beyond(account, "band", abs(leg.gap), rules.band):
        return False
    adjusts = leg.weight * leg.wanted > 0
    return not (adjusts and rules.risk_aversion > 0 and costs_more_than_it_brings(account, leg, equity))


def costs_more_than_it_brings(account: Account, leg: Leg, equity: float) -> bool:
    """Whether costs at this close are above what the gap adds to the variance, priced by risk aversion."""
    rules, symbol, settings = account.watch.mandate.rules, leg.symbol, account.settings
    newest, price = symbol.newest[account.row], symbol.last_close
    c = account.conditions(symbol, price, 1 if leg.gap > 0 else -1, slips=True, index=newest)
    shares = abs(leg.gap) * equity / price
    paid = costs.price_paid(settings, c, shares)
    cost = shares * abs(paid - price) + costs.commission(settings, c, shares, paid)
    benefit = 0.5 * rules.risk_aversion * leg.gap**2 * c.volatility**2 * rules.cost_sessions * equity
    account.note("cost", cost, benefit, max(cost, benefit))
    return cost > benefit


# How far


def within_turnover(account: Account, trading: list[Leg], equity: float) -> list[tuple[Leg, float]]:
    """Return the weight that each order serves: all of the gap, or the part of it that turnover leaves."""
    most = account.watch.mandate.rules.turnover
    exits = sum(abs(leg.weight) for leg in trading if leg.wanted == 0)
    others = sum(abs(leg.gap) for leg in trading if leg.wanted != 0)
    part = 1.0
    if others > 0 and beyond(account, "turnover", exits + others, most):
        part = max(0.0, most - exits) / others
    orders = []
    for leg in trading:
        if leg.wanted != 0 and part == 0:
            continue
        weight = leg.wanted if leg.wanted == 0 or part == 1 else leg.weight + part * leg.gap
        orders.append((leg, weight))
        if leg.too_large and leg.shrinks:
            write_trim(account, leg, weight, equity)
    return orders


def write_trim(account: Account, leg: Leg, weight: float, equity: float) -> None:
    limits = account.watch.limits
    event = Event(account.row, leg.too_large, "trim", leg.symbol.column, measured=leg.measured)
    event.sector = leg.sector if leg.too_large == "sector" else -1
    event.limit = limits.max_sector if leg.too_large == "sector" else limits.max_position
    event.wanted, event.allowed = leg.symbol.position, weight * equity / leg.symbol.last_close
    account.watch.events.append(event)
