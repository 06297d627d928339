"""What a fill costs: slippage, commission, fees of sales; and how many shares a sum of money pays for.

Goes in: one fill's quantity, price and row. Comes out: a price, or money. Formulas: docs/simulation.md, "Prices and
costs".
"""

# Compiled functions take their state by position; Numba has no keyword-only arguments.
# ruff: noqa: PLR0917

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from alphafactory.simulation.compiling import folded, inner
from alphafactory.simulation.layout import (
    ADV,
    ATR,
    COMMISSION_RATE,
    FEE_MOST,
    FEE_RATE,
    FEE_SHARE,
    LOT,
    MAXIMUM,
    MINIMUM,
    MONEY_TOLERANCE,
    PER_SHARE,
    SELL_FEES,
    SHARE_TOLERANCE,
    SIGMA,
    SLIP_ATR,
    SLIP_RATE,
    SLIP_SHARE,
    SLIP_SPREAD,
    SLIP_VOLUME,
    SLIPPAGE,
    SLIPPAGE_MODEL,
    SPLIT_FACTOR,
    SPREAD,
    VOLUME,
)

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray

_HALVINGS = 200
"""Enough for any two numbers of float64 to meet."""


@folded
def slipped(  # noqa: PLR0911  one line a model
    side: float, quantity: float, price: float, symbol: int, row: int, known: int, market: FloatArray, rules: FloatArray
) -> float:
    """Return the price that `quantity` shares get instead of `price`; estimates are those of the row `known`."""
    model, amount = rules[SLIPPAGE_MODEL], rules[SLIPPAGE]
    if model == SLIP_RATE:
        return max(price * (1.0 + side * amount), 0.0)
    if model == SLIP_SHARE:
        return max(price + side * amount / market[symbol, SPLIT_FACTOR, row], 0.0)
    if model == SLIP_ATR:
        return max(price + side * amount * market[symbol, ATR, known], 0.0)
    if model == SLIP_SPREAD:
        return max(price * (1.0 + side * market[symbol, SPREAD, known] / 2.0), 0.0)
    if model == SLIP_VOLUME:
        if market[symbol, VOLUME, row] <= 0.0:
            return price  # only ruin sells where nobody trades
        share = quantity / market[symbol, VOLUME, row]
        return max(price * (1.0 + side * amount * share * share), 0.0)
    usual = market[symbol, ADV, known]
    if usual <= 0.0:
        usual = market[symbol, VOLUME, row]
    if usual <= 0.0:
        return price
    impact = amount * market[symbol, SIGMA, known] * math.sqrt(quantity / usual)
    return max(price * (1.0 + side * impact), 0.0)


@folded
def commission(quantity: float, paid: float, factor: float, rules: FloatArray) -> float:
    """Return the commission of a fill of `quantity` shares at the price `paid`."""
    value = quantity * paid
    by_share = rules[PER_SHARE] * quantity / factor if rules[PER_SHARE] > 0.0 else 0.0
    fee = rules[COMMISSION_RATE] * value + max(rules[MINIMUM], by_share)
    if rules[MAXIMUM] < math.inf:
        fee = min(fee, rules[MAXIMUM] * value)
    return fee


@folded
def sell_fees(
    side: float, quantity: float, paid: float, symbol: int, row: int, market: FloatArray, rules: FloatArray
) -> float:
    """Return what a regulator takes from a sale; nothing from a purchase."""
    if side > 0.0 or rules[SELL_FEES] == 0.0:
        return 0.0
    shares = quantity / market[symbol, SPLIT_FACTOR, row]
    by_share = min(market[symbol, FEE_SHARE, row] * shares, market[symbol, FEE_MOST, row])
    return market[symbol, FEE_RATE, row] * quantity * paid + by_share


@folded
def spent(
    side: float, quantity: float, price: float, symbol: int, row: int, known: int, slips: float,
    market: FloatArray, rules: FloatArray,
) -> float:  # fmt: skip
    """Return what an increase by `quantity` shares takes of the money set aside for it, costs included."""
    paid = price
    if slips != 0.0:
        paid = slipped(side, quantity, price, symbol, row, known, market, rules)
    fee = commission(quantity, paid, market[symbol, SPLIT_FACTOR, row], rules)
    fee += sell_fees(side, quantity, paid, symbol, row, market, rules)
    # A sale that its own size pushes down would bring in less for more, and the sum would have no largest quantity.
    falls = side < 0.0 and slips != 0.0 and rules[SLIPPAGE_MODEL] >= SLIP_VOLUME
    return quantity * (price if falls else paid) + fee


@inner
def affordable(
    money: float, side: float, price: float, symbol: int, row: int, known: int, slips: float,
    market: FloatArray, rules: FloatArray,
) -> float:  # fmt: skip
    """Return the shares whose value and costs together are `money`, 0 where the costs leave nothing but rounding."""
    shares = _exactly(money, side, price, symbol, row, known, slips, market, rules)
    return shares if shares * price > MONEY_TOLERANCE * money else 0.0


@folded
def _exactly(
    money: float, side: float, price: float, symbol: int, row: int, known: int, slips: float,
    market: FloatArray, rules: FloatArray,
) -> float:  # fmt: skip
    sells_with_fees = side < 0.0 and rules[SELL_FEES] != 0.0
    if sells_with_fees or (slips != 0.0 and rules[SLIPPAGE_MODEL] >= SLIP_VOLUME):
        return _searched(money, side, price, symbol, row, known, slips, market, rules)
    paid = price
    if slips != 0.0:
        paid = slipped(side, 1.0, price, symbol, row, known, market, rules)
    if paid <= 0.0:
        return 0.0
    factor = market[symbol, SPLIT_FACTOR, row]
    price_and_fee = paid * (1.0 + rules[COMMISSION_RATE])
    by_share = rules[PER_SHARE] / factor if rules[PER_SHARE] > 0.0 else 0.0
    shares = money / (price_and_fee + by_share)
    if by_share * shares < rules[MINIMUM]:
        shares = (money - rules[MINIMUM]) / price_and_fee
    if rules[MAXIMUM] < math.inf:
        # The fee is the smaller of two sums that grow with the shares, so the shares are the larger of two solutions.
        shares = max(shares, money / (paid * (1.0 + rules[MAXIMUM])))
    return shares


@inner
def _searched(
    money: float, side: float, price: float, symbol: int, row: int, known: int, slips: float,
    market: FloatArray, rules: FloatArray,
) -> float:  # fmt: skip
    """Return the largest quantity that `money` pays for, by halving; `spent` grows with the quantity."""
    low, high = 0.0, 2.0 * money / price
    while spent(side, high, price, symbol, row, known, slips, market, rules) <= money:
        high *= 2.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if spent(side, middle, price, symbol, row, known, slips, market, rules) <= money:
            low = middle
        else:
            high = middle
    return low


@folded
def in_lots(shares: float, factor: float, rules: FloatArray) -> float:
    """Round down to whole lots of raw shares, or leave as it is where fractions are allowed."""
    lot = rules[LOT] * factor
    if lot == 0.0:
        return shares
    return math.floor(shares / lot + SHARE_TOLERANCE) * lot


@folded
def whole_lots(
    shares: float, limit: float, side: float, price: float, symbol: int, row: int, slips: float, market: FloatArray,
    rules: FloatArray,
) -> float:  # fmt: skip
    """Return the whole lots of an increase that `limit` pays for, 0 for less than one."""
    factor = market[symbol, SPLIT_FACTOR, row]
    lots = in_lots(max(shares, 0.0), factor, rules)
    if lots > shares and spent(side, lots, price, symbol, row, row - 1, slips, market, rules) > limit:
        # The tolerance has made a lot of what money does not quite buy.
        lots -= rules[LOT] * factor
    return max(lots, 0.0)
