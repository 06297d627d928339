"""Several strategies vote: what enough of them want is held.

Goes in: their targets. Comes out: one target. Whoever has no number, or wants nothing, votes for neither side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.arrays import FloatArray


def agreed(targets: Sequence[FloatArray], needed: int, *, weights: bool = False) -> FloatArray:
    """Return what is held by vote, shape (sessions, symbols); NaN where no target is a number.

    It is 1 where at least `needed` targets are above 0 and more are above than below it, -1 the other way round, else
    0. How strongly each wants it does not count: who wants strengths to count writes a sum.

    Args:
        targets: each of shape (sessions, symbols), in [-1, 1].
        needed: how many must agree.
        weights: the targets are shares of one account's equity. Then what is held is the sum of those of the winning
            side divided by the number of all voters: no more of the account is used than the voters use on average.
    """
    above = np.stack([target > 0.0 for target in targets])
    below = np.stack([target < 0.0 for target in targets])
    longs, shorts = above.sum(axis=0), below.sum(axis=0)
    long, short = (longs >= needed) & (longs > shorts), (shorts >= needed) & (shorts > longs)
    held = long.astype(np.float64) - short
    if weights:
        held = np.zeros(held.shape)
        for target in targets:
            held += np.where((long & (target > 0.0)) | (short & (target < 0.0)), target, 0.0)
        held /= len(targets)
    known = np.logical_or.reduce([~np.isnan(target) for target in targets])
    return np.where(known, held, np.nan)
