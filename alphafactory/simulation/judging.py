"""The quick answer to whether bars are possible, and the state of each session; what is wrong, `inputs` finds out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit, types

from alphafactory.simulation.layout import (
    CLOSE,
    DIVIDEND,
    HALTED,
    HIGH,
    LOW,
    NO_VOLUME,
    OPEN,
    SPLIT_FACTOR,
    STATE,
    TRADABLE,
    VOLUME,
)

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray


@njit(types.boolean(types.float64[:, ::1]), cache=True, error_model="numpy")
def settle(block: FloatArray) -> bool:
    """Fill the row STATE of one symbol's bars, shape (8, n); return whether every number is possible beyond doubt."""
    good = True
    for row in range(block.shape[1]):
        first, high, low, last = block[OPEN, row], block[HIGH, row], block[LOW, row], block[CLOSE, row]
        volume, factor, dividend = block[VOLUME, row], block[SPLIT_FACTOR, row], block[DIVIDEND, row]
        # NaN makes every comparison false, so what is asked is that the values are good.
        ordered = 0.0 < low <= first <= high < np.inf and low <= last <= high
        good &= ordered and 0.0 <= volume < np.inf and 0.0 < factor < np.inf and 0.0 <= dividend < np.inf
        state = TRADABLE if volume > 0.0 else float(NO_VOLUME)
        if (
            row > 0 and volume == block[VOLUME, row - 1] and last == block[CLOSE, row - 1]
            and first == block[OPEN, row - 1] and high == block[HIGH, row - 1] and low == block[LOW, row - 1]
            and volume > 0.0
        ):  # fmt: skip
            state = float(HALTED)
        block[STATE, row] = state
    return good


@njit(
    types.void(types.float64[::1], types.int64, types.float64[::1], types.float64[::1]), cache=True, error_model="numpy"
)
def measure_windows(returns: FloatArray, window: int, level: FloatArray, spread: FloatArray) -> None:
    """Fill the mean of the newest `window` returns of each row, and the root of the sum of their squared deviations.

    NaN where some return is unknown or the window reaches before the first row. Each window is summed afresh.
    """
    level[:], spread[:] = np.nan, np.nan
    for row in range(window - 1, len(returns)):
        total = 0.0
        for at in range(row - window + 1, row + 1):
            total += returns[at]
        mean, squares = total / window, 0.0
        for at in range(row - window + 1, row + 1):
            squares += (returns[at] - mean) * (returns[at] - mean)
        level[row], spread[row] = mean, np.sqrt(squares)
