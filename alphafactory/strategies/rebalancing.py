"""From verdicts at set dates to positions: what was decided at a rebalance holds until the next one.

Goes in: values of every row, and which rows decide. Comes out: the values of the newest of those rows, so that nothing
older than it matters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from alphafactory.domain.arrays import BoolArray, FloatArray


def kept_between(values: FloatArray, decides: BoolArray) -> FloatArray:
    """Return the values of the newest row that decides, shape of `values`; 0 before the first, and where it had NaN.

    Args:
        values: shape (sessions, symbols).
        decides: shape (sessions,), such as the last session of each month.
    """
    rows = np.arange(len(values))
    newest = np.maximum.accumulate(np.where(decides, rows, -1))
    kept = np.where((newest >= 0)[:, None], values[np.maximum(newest, 0)], 0.0)
    return np.nan_to_num(kept, nan=0.0)
