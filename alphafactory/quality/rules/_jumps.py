"""Bars that jump away and come back at once, as the rules on jumps see them."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray, IntArray
    from alphafactory.quality.rules._movements import Movements

LARGE = 0.2
"""Log change: 22 % up or 18 % down."""
SIGMAS = 8.0
_REMAINDER = 0.2
"""Part of the jump that may be left when the next session closes, and when it opens a little more."""
_OPEN_REMAINDER = 0.3
_MOST_VOLUME = 3.0
"""Times the usual volume: a true price that moves so far brings many traders, a wrong one brings none."""

SPLIT_RATIOS = np.array([1.5, 2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 50, 100])
"""New shares for an old one in most splits; consolidations have the inverse."""
_LOG_RATIOS = np.log(np.concatenate([SPLIT_RATIOS, 1 / SPLIT_RATIOS]))
_TOLERANCE = 0.03
_LARGEST_PART = 100

_DOWN, _UP = np.log(0.6), np.log(1.4)
_SPLIT_LIKE = 0.3
"""Log change from which on a move may look like a split: a three-for-two takes 0.41."""


def reversals(moves: Movements) -> IntArray:
    """Return the rows whose close leaves its level and is back on it in the next session, ascending.

    Such a row is known for one at the close of the session after it. The next session must open near the old level
    too, and the volume must not have surged: else many have traded there and the price was true.
    """
    rows = np.flatnonzero(np.abs(moves.excess) > LARGE)
    rows = rows[rows + 1 < len(moves.bars)]
    rows = rows[moves.first[rows + 1] == moves.first[rows]]
    jump, back = moves.excess[rows], moves.excess[rows + 1]
    found = np.abs(jump + back) <= _REMAINDER * np.abs(jump)
    gap = np.log(moves.bars.open[rows + 1] / moves.bars.close[rows - 1])
    found &= np.abs(gap) <= _OPEN_REMAINDER * np.abs(jump)
    rows, jump = rows[found], jump[found]
    found = np.abs(jump) > SIGMAS * moves.volatility(rows)
    found &= moves.bars.volume[rows] <= _MOST_VOLUME * moves.usual_volume(rows)
    reversing: IntArray = rows[found]
    return reversing


def nearest_split(change: FloatArray) -> FloatArray:
    """Return the usual split ratio that log changes look like, within 3 %, NaN where they look like none."""
    distance = np.abs(-change[:, None] - _LOG_RATIOS)
    best = np.argmin(distance, axis=1)
    near = distance[np.arange(len(change)), best] <= np.log1p(_TOLERANCE)
    found: FloatArray = np.where(near, np.exp(_LOG_RATIOS[best]), np.nan)
    return found


def split_in_words(ratio: float) -> str:
    """Return a split's ratio as it is announced: 3 for 2."""
    announced = Fraction(ratio).limit_denominator(_LARGEST_PART)
    return f"{announced.numerator} for {announced.denominator}"


def jumps(moves: Movements) -> IntArray:
    """Return the rows of such jumps, ascending; both directions of a misprint are among them."""
    rows = np.flatnonzero(np.abs(moves.excess) > _SPLIT_LIKE)
    excess = moves.excess[rows]
    beyond = (excess < _DOWN) | (excess > _UP)
    beyond |= np.isfinite(nearest_split(moves.change[rows])) & (np.abs(excess) > SIGMAS * moves.volatility(rows))
    jumping: IntArray = rows[beyond]
    return jumping
