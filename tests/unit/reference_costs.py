"""What a fill costs, and how many shares an amount of money pays for, costs included.

Goes in: the settings, and the `Conditions` that a fill meets. Comes out: prices, fees and shares. Nothing here knows
the account.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from alphafactory.domain.settings import SimulationSettings


@dataclass
class Conditions:
    """One symbol at one moment: `price` before slippage, `side` +1 to buy, the bar's volume, estimates before it."""

    price: float
    side: int
    slips: bool
    factor: float
    volume: float
    session: date
    atr: float
    volatility: float
    mean_volume: float
    spread: float


def slippage_estimates(settings: SimulationSettings, c: Conditions) -> list[float]:
    """Return the estimates that the slippage model needs."""
    needed = {"half_spread": [c.spread], "atr": [c.atr], "sqrt_impact": [c.volatility, c.mean_volume]}
    return needed.get(settings.slippage.name, [])


def price_paid(settings: SimulationSettings, c: Conditions, shares: float) -> float:
    """Return the price after slippage; a sale never fills below 0."""
    if not c.slips or settings.slippage.name == "none":
        return c.price
    name, value = settings.slippage.name, settings.slippage.value or 0.0
    if name == "bps":
        paid = c.price * (1 + c.side * value / 10_000)
    elif name == "per_share":
        paid = (c.price * c.factor + c.side * value) / c.factor
    elif name == "half_spread":
        paid = c.price * (1 + c.side * c.spread / 2)
    elif name == "atr":
        paid = c.price + c.side * value * c.atr
    elif name == "volume_share":
        share = shares / c.volume if c.volume > 0 else 0.0
        paid = c.price * (1 + c.side * value * share**2)
    else:
        usual = c.mean_volume if c.mean_volume > 0 else c.volume
        impact = c.volatility * math.sqrt(shares / usual) if usual > 0 else 0.0
        paid = c.price * (1 + c.side * value * impact)
    return max(paid, 0.0)


def commission(settings: SimulationSettings, c: Conditions, shares: float, paid: float) -> float:
    model = settings.commission
    value = shares * paid
    if model.name == "none":
        return 0.0
    if model.name == "bps":
        return value * (model.value or 0.0) / 10_000
    if model.name == "per_trade":
        return model.value or 0.0
    rate, least, most = (
        (0.005, 1.0, 1.0)
        if model.name == "ibkr_fixed"
        else (model.value or 0.0, model.options["min"], model.options["max_pct"])
    )
    return min(max(rate * shares / c.factor, least), most / 100 * value)


def sale_fee(settings: SimulationSettings, c: Conditions, shares: float, paid: float) -> float:
    """Return what the regulator takes of a sale on that session: the newest entry that is in force."""
    in_force = [fee for fee in settings.sell_fees if fee.since <= c.session]
    if c.side > 0 or not in_force:
        return 0.0
    fee = max(in_force, key=lambda entry: entry.since)
    return fee.rate * shares * paid + min(fee.per_share * shares / c.factor, fee.most)


def spending(settings: SimulationSettings, c: Conditions, shares: float) -> float:
    """Return the value at the price paid plus all costs: what an increase by so many shares takes of its size.

    A sale that presses its own price counts at the price before slippage: else no number of shares might be enough.
    """
    if shares <= 0:
        return 0.0
    paid = price_paid(settings, c, shares)
    presses = c.side < 0 and c.slips and settings.slippage.name in {"volume_share", "sqrt_impact"}
    costs = commission(settings, c, shares, paid) + sale_fee(settings, c, shares, paid)
    return shares * (c.price if presses else paid) + costs


def shares_for(settings: SimulationSettings, c: Conditions, money: float) -> float:
    """Return the most shares that `money` pays for with their costs, 0 where the costs leave nothing but rounding."""
    shares = most_shares(settings, c, money) if money > 0 else 0.0
    return shares if shares * c.price > 1e-12 * money else 0.0


def most_shares(settings: SimulationSettings, c: Conditions, money: float) -> float:
    """Return them by bisection to the last bit."""
    low, high = 0.0, money / c.price
    while spending(settings, c, high) < money and price_paid(settings, c, high) > 0:
        high *= 2
    if spending(settings, c, high) <= money:
        return high
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if spending(settings, c, middle) <= money else (low, middle)
    return low
