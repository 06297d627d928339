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

    Sizes are counted by rank and each opening's ranks lie below those of all earlier ones, so that one running minimum
    of whole numbers does for all openings, without a rounding.
    """
    opening = np.cumsum(opened, axis=0)
    levels, ranks = np.unique(np.where(opening > 0, size, 0.0), return_inverse=True)
    below = opening * len(levels)
    held: FloatArray = levels[np.minimum.accumulate(ranks.reshape(size.shape) - below, axis=0) + below]
    return held
