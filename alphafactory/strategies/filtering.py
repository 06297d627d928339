"""Entries under a condition: what is wanted, let in while a filter is open.

Goes in: what a strategy wants, and where it may. Comes out: what is held. While the filter is shut nothing is added,
but reductions and exits pass; what was kept out comes in once it opens, if it is still wanted then. Row by row, for
either side:

    held = wanted where open, else the smaller of wanted and what was held in the row before

So what is held is the least that was wanted since the filter was last open, that row included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from alphafactory.domain.arrays import BoolArray, FloatArray


def let_in(wanted: FloatArray, longs: BoolArray, shorts: BoolArray) -> FloatArray:
    """Return what is held, shape (sessions, symbols); NaN, which is flat, where that is what is wanted.

    Args:
        wanted: targets of shape (sessions, symbols), in [-1, 1].
        longs: where long positions may be opened or enlarged, the same shape.
        shorts: where short positions may.
    """
    missing = np.isnan(wanted)
    sizes = np.where(missing, 0.0, wanted)
    held = _let_in(np.maximum(sizes, 0.0), longs)
    if (sizes < 0.0).any():
        held = held - _let_in(np.maximum(-sizes, 0.0), shorts)
    held[missing] = np.nan
    return held


def _let_in(size: FloatArray, opened: BoolArray) -> FloatArray:
    """Return the least size since the newest opening, 0 before the first; sizes are 0 or more.

    Each pass doubles the rows that a row has looked back over; none looks beyond its opening.
    """
    opening = np.cumsum(opened, axis=0)
    held = np.where(opening > 0, size, 0.0)
    step = 1
    while step < len(held):
        together = opening[step:] == opening[:-step]
        if not together.any():
            break
        held[step:] = np.where(together, np.minimum(held[step:], held[:-step]), held[step:])
        step *= 2
    return held
