"""What an account traded in each session, from its orders.

Goes in: a simulation. Comes out: one row a fill, by session and symbol. An order that filled over several sessions
has one average price; its shares are divided by what the position did in these sessions, its costs likewise, so that
sums over an order are exact, and those over a session as near as the average price is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.table import Table

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray, IntArray
    from alphafactory.domain.results import Orders, Simulation

_NOTHING = 1e-9
"""A share of an order below this is the rounding of positions."""


@dataclass(frozen=True, slots=True)
class Fills(Table):
    """What was bought (positive) and sold. Every array has shape (fills,).

    `row` is a session, `symbol` a column, `quantity` in adjusted shares, `price` after slippage; costs are money.
    """

    row: IntArray
    symbol: IntArray
    quantity: FloatArray
    price: FloatArray
    commission: FloatArray
    fees: FloatArray
    slippage: FloatArray

    def __len__(self) -> int:
        return len(self.row)

    @property
    def value(self) -> FloatArray:
        """Money that changed hands, without costs other than slippage, shape (fills,)."""
        return np.abs(self.quantity) * self.price


def session_fills(simulation: Simulation) -> Fills:
    """Return the fills of a simulation, ordered by order."""
    orders = simulation.orders.take(np.flatnonzero(simulation.orders.filled != 0.0))
    order, row, share = _shares(simulation.positions, orders)
    taken = orders.take(order)
    return Fills(
        row,
        taken.symbol,
        taken.filled * share,
        taken.price,
        taken.commission * share,
        taken.fees * share,
        taken.slippage * share,
    )


def _shares(positions: FloatArray, orders: Orders) -> tuple[IntArray, IntArray, FloatArray]:
    """Return for each piece of an order: which order, in which session, and what share of the order."""
    at_once = np.flatnonzero(orders.first_fill == orders.ended)
    numbers, rows, shares = [at_once], [orders.first_fill[at_once]], [np.ones(len(at_once))]
    moves = np.diff(positions, axis=0, prepend=0.0)
    np.subtract.at(moves, (rows[0], orders.symbol[at_once]), orders.filled[at_once])
    longer = np.flatnonzero(orders.first_fill != orders.ended)
    for number in longer[np.lexsort((orders.ended[longer], orders.first_fill[longer]))]:
        first, filled = int(orders.first_fill[number]), float(orders.filled[number])
        left = moves[first : int(orders.ended[number]) + 1, orders.symbol[number]]
        share = _divided(left / filled)
        left -= share * filled
        kept = np.flatnonzero(share)
        numbers.append(np.full(len(kept), number))
        rows.append(first + kept)
        shares.append(share[kept])
    return np.concatenate(numbers), np.concatenate(rows), np.concatenate(shares)


def _divided(moves: FloatArray) -> FloatArray:
    """Return what share of an order filled in each session, from moves of the position that nothing else explains.

    The earliest first: an order that is still at work when another begins has filled before it.
    """
    up_to = np.minimum(np.cumsum(np.where(moves > _NOTHING, moves, 0.0)), 1.0)
    share: FloatArray = np.diff(up_to, prepend=0.0)
    # What the closes do not show met another order in pieces the other way; the sums stay right, the session may not.
    share[0] += 1.0 - up_to[-1]
    return share
