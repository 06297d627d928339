"""Who comes first: symbols whose orders want to enter, higher priority first, ties in column order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alphafactory.simulation.compiling import folded, inner
from alphafactory.simulation.entries import is_conditional, wants_entry
from alphafactory.simulation.layout import BUSIES, BUSY, ORDER_PRIORITY, QUEUE

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray


@inner
def line_up(conditional: float, state: FloatArray) -> int:
    """Put the symbols with an entry of one kind, at market (0) or at a price (1), into QUEUE; return their number."""
    account, count, in_order = state.shape[0] - 1, 0, True
    for place in range(int(state[account, BUSIES])):
        symbol = int(state[place, BUSY])
        if wants_entry(symbol, state) and is_conditional(symbol, state) == (conditional != 0.0):
            state[count, QUEUE] = symbol
            in_order = in_order and (count == 0 or not _before(count, count - 1, state))
            count += 1
    if not in_order:
        _sort(count, state)
    return count


@folded
def _before(first: int, second: int, state: FloatArray) -> bool:
    """Return whether the symbol at one place belongs before that at another."""
    one, other = int(state[first, QUEUE]), int(state[second, QUEUE])
    if state[one, ORDER_PRIORITY] != state[other, ORDER_PRIORITY]:
        return state[one, ORDER_PRIORITY] > state[other, ORDER_PRIORITY]
    return one < other


@inner
def _sort(count: int, state: FloatArray) -> None:
    """Sort the queue by heaps: the last in line rises to the top and is put behind what is left."""
    for top in range(count // 2 - 1, -1, -1):
        _sift(top, count, state)
    for end in range(count - 1, 0, -1):
        state[0, QUEUE], state[end, QUEUE] = state[end, QUEUE], state[0, QUEUE]
        _sift(0, end, state)


@inner
def _sift(top: int, count: int, state: FloatArray) -> None:
    """Let the symbol at `top` sink below those that come after it in line."""
    while True:
        child = 2 * top + 1
        if child >= count:
            return
        if child + 1 < count and _before(child, child + 1, state):
            child += 1
        if not _before(top, child, state):
            return
        state[top, QUEUE], state[child, QUEUE] = state[child, QUEUE], state[top, QUEUE]
        top = child
