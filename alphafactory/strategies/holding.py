"""From events to positions: in from an entry until an exit, without a look at any later row.

Goes in: arrays of entries and exits. Comes out: whether one is in. The state of a row is that of the newest event
before or at it, so that nothing older than that event matters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from alphafactory.domain.arrays import BoolArray


def held(enter: BoolArray, leave: BoolArray, most: int = 0) -> BoolArray:
    """Return whether a position is held: from a row of `enter` until a row of `leave`, which wins where both are true.

    Args:
        enter: shape (sessions, symbols).
        leave: the same.
        most: rows after which it ends of itself, to begin again with an entry of a later row; 0 is never.
    """
    if most > 0:
        return _held_for(enter, leave, most)
    rows = np.arange(len(enter))[:, None]
    last = np.maximum.accumulate(np.where(enter | leave, rows, -1), axis=0)
    state = enter & ~leave
    return np.take_along_axis(state, np.maximum(last, 0), axis=0) & (last >= 0)


def _held_for(enter: BoolArray, leave: BoolArray, most: int) -> BoolArray:
    found = np.zeros(enter.shape, dtype=np.bool_)
    for column in range(enter.shape[1]):
        starts = np.flatnonzero(enter[:, column] & ~leave[:, column])
        ends = np.append(np.flatnonzero(leave[:, column]), len(enter))
        row = 0
        while (place := int(np.searchsorted(starts, row))) < len(starts):
            start = int(starts[place])
            end = min(int(ends[np.searchsorted(ends, start)]), start + most)
            found[start:end, column] = True
            row = end + 1
    return found
