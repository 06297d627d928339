"""Series made from an equity curve: returns, drawdown, months and years.

Goes in: end-of-day equity, shape (n,), and the money before the first session. Comes out: arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from alphafactory.domain.arrays import DateArray, FloatArray


def simple_returns(equity: FloatArray, start: float) -> FloatArray:
    """Return simple returns, shape (n,), the first from starting cash; 0 once there is no equity left to earn on."""
    before = np.empty_like(equity)
    before[0], before[1:] = start, equity[:-1]
    returns = np.zeros_like(equity)
    np.divide(equity - before, before, out=returns, where=before > 0.0)
    return returns


def drawdown_series(equity: FloatArray, start: float) -> FloatArray:
    """Return the loss since the highest equity so far, shape (n,), as a fraction <= 0; starting cash is a peak."""
    peak = np.maximum(np.maximum.accumulate(equity), start)
    drawdown: FloatArray = (equity - peak) / peak
    return drawdown


def monthly_returns(equity: FloatArray, start: float, sessions: DateArray) -> tuple[DateArray, FloatArray]:
    """Return the months, datetime64[M], that have a session, and the simple return of each."""
    return _period_returns(equity, start, sessions.astype("datetime64[M]"))


def yearly_returns(equity: FloatArray, start: float, sessions: DateArray) -> tuple[DateArray, FloatArray]:
    """Return the calendar years, datetime64[Y], that have a session, and the simple return of each."""
    return _period_returns(equity, start, sessions.astype("datetime64[Y]"))


def _period_returns(equity: FloatArray, start: float, periods: DateArray) -> tuple[DateArray, FloatArray]:
    """Return the distinct periods and their returns; a period's equity is that of its last session."""
    last = np.append(np.flatnonzero(periods[1:] != periods[:-1]), len(periods) - 1)
    return periods[last], simple_returns(equity[last], start)
