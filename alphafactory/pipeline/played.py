"""A simulation with all that it was made of, so that it can be looked into session by session.

An order that filled in several sessions is taken apart by repeating the simulation up to each of them: what it had got
by then, less what it had got a session before. Nothing later can change what has been, which makes this exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.results import ORDER_KINDS
from alphafactory.simulation import simulate

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.bars import Bars
    from alphafactory.domain.results import Orders, Simulation
    from alphafactory.domain.settings import SimulationSettings
    from alphafactory.domain.signals import Signals

_SIGNAL_KINDS = frozenset({"market", "limit", "stop_market", "stop_limit"})


@dataclass(frozen=True, slots=True)
class LedgerFill:
    """What an order got in one session. `market` is the price before slippage; the costs are money."""

    order: int
    kind: str
    quantity: float
    price: float
    market: float
    commission: float
    fees: float
    slippage: float


@dataclass(frozen=True)
class Played:
    """A simulation of one symbol and what it was made of; all of the same n sessions."""

    bars: Bars
    signals: Signals
    settings: SimulationSettings
    periods_per_year: int
    simulation: Simulation

    def until(self, row: int) -> Simulation:
        """Return the simulation as it stood after the session of a row."""
        some = slice(0, row + 1)
        return simulate(
            self.bars.part(some), self.signals.part(some), self.settings, periods_per_year=self.periods_per_year
        )

    @cached_property
    def fills(self) -> dict[int, list[LedgerFill]]:
        """The fills of each row that has some."""
        orders = self.simulation.orders
        found: dict[int, list[LedgerFill]] = {}
        for place in np.flatnonzero(orders.filled != 0.0).tolist():
            first, last = int(orders.first_fill[place]), int(orders.ended[place])
            if first == last:
                found.setdefault(first, []).append(_fill(orders, place, place + 1, np.zeros(5)))
                continue
            before = np.zeros(5)
            for row in range(first, last + 1):
                then = self.simulation.orders if row == last else self.until(row).orders
                same = place if row == last else _same_order(then, orders, place)
                fill = _fill(then, same, place + 1, before)
                before = _got(then, same)
                if fill.quantity != 0.0:
                    found.setdefault(row, []).append(fill)
        return found


def is_signal(orders: Orders, place: int) -> bool:
    """Whether an order is a signal's; else a level, time or the account ended the trade."""
    return ORDER_KINDS[int(orders.kind[place])] in _SIGNAL_KINDS


def _got(orders: Orders, place: int) -> FloatArray:
    """Return what an order has got: shares, their value, commission, fees, slippage."""
    price = float(orders.price[place]) if orders.filled[place] != 0.0 else 0.0
    filled = float(orders.filled[place])
    return np.array(
        [filled, filled * price, orders.commission[place], orders.fees[place], orders.slippage[place]], dtype=np.float64
    )


def _fill(orders: Orders, place: int, number: int, before: FloatArray) -> LedgerFill:
    """Return what an order has got since `before`."""
    quantity, value, commission, fees, slippage = (_got(orders, place) - before).tolist()
    price = value / quantity if quantity != 0.0 else 0.0
    market = price - slippage / quantity if quantity != 0.0 else 0.0
    kind = ORDER_KINDS[int(orders.kind[place])]
    return LedgerFill(number, kind, quantity, price, market, commission, fees, slippage)


def _same_order(then: Orders, orders: Orders, place: int) -> int:
    """Return where an order stands in the orders of a shorter simulation."""
    same = (then.symbol == orders.symbol[place]) & (then.decided == orders.decided[place])
    same &= (then.kind == orders.kind[place]) & (then.first_fill == orders.first_fill[place])
    return int(np.flatnonzero(same)[-1])
