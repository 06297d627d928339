"""Several strategies on one account: their targets, weighted by capital, net before anything is traded.

Goes in: targets of each sleeve, its share of the capital, who is a member when. Comes out: the signal of each symbol.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.arrays import BoolArray, FloatArray

_NOTHING = 1e-12
"""Opposite wishes of equal size leave a rest of rounding; no strategy means a share so small."""

_ROUNDING = 1e-9
"""By so much the shares of all sleeves may exceed 1."""


def net_signals(targets: Sequence[FloatArray], capital: Sequence[float], member: BoolArray) -> FloatArray:
    """Return the signal of each symbol: the sum over sleeves of capital share times target.

    Args:
        targets: one array a sleeve, shape (n, symbols), in [-1, 1]; NaN is flat.
        capital: share of the capital of each sleeve.
        member: mask of shape (n, symbols); 0 comes out where it is False.

    Returns:
        Signals of shape (n, symbols), finite; sums below 1e-12 are 0.
    """
    total = np.zeros(member.shape)
    for target, share in zip(targets, capital, strict=True):
        total += share * np.nan_to_num(target, nan=0.0)
    total[~member | (np.abs(total) <= _NOTHING)] = 0.0
    # Shares that make 1 may add up to a bit more, which no target can be. The simulator refuses more than that.
    rounded = (np.abs(total) > 1.0) & (np.abs(total) <= 1.0 + _ROUNDING)
    total[rounded] = np.sign(total[rounded])
    return total
