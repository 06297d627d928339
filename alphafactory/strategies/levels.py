"""Whether a price is beyond a level, so that nobody's rounding decides.

An average is a running sum, whose last bits depend on where history starts. A price that equals its average, as one in
whole cents does every few hundred bars, would be above it on one start and not on another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from alphafactory.domain.arrays import BoolArray, FloatArray

_HAIR = 1e-9
"""A share of the level: far above what sums round, far below the smallest step of a price."""


def above(price: FloatArray, level: FloatArray) -> BoolArray:
    """Return where a price is above a level by more than rounding, the shape of both; NaN is beyond nothing."""
    beyond: BoolArray = price > level + _HAIR * np.abs(level)
    return beyond


def below(price: FloatArray, level: FloatArray) -> BoolArray:
    """Return where a price is below a level by more than rounding, the shape of both; NaN is beyond nothing."""
    beyond: BoolArray = price < level - _HAIR * np.abs(level)
    return beyond
