"""Series made from an equity curve: returns, drawdown and its episodes, months and years.

Goes in: end-of-day equity, shape (n,), and the money before the first session. Comes out: arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from alphafactory.domain.arrays import DateArray, FloatArray, IntArray

_ROUNDING = 1e-12
"""A drawdown shallower than this is the rounding of float64."""


@dataclass(frozen=True, slots=True)
class DrawdownTable:
    """Times below an earlier peak, the deepest first. Every array has shape (drawdowns,).

    `peak`, `trough` and `recovery` are rows of the equity: the last one at the peak (-1: starting cash), the lowest
    one, and the first one back at the peak (-1: none). `depth` is a fraction < 0. `length` counts the sessions from
    the peak to the recovery, or to the last row where there is none.
    """

    peak: IntArray
    trough: IntArray
    recovery: IntArray
    depth: FloatArray
    length: IntArray

    def __len__(self) -> int:
        return len(self.peak)


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


def drawdown_table(equity: FloatArray, start: float, most: int = 10) -> DrawdownTable:
    """Return the `most` deepest drawdowns; those of equal depth in order of time."""
    series = drawdown_series(equity, start)
    below = np.concatenate(([False], series < 0.0, [False]))
    edges = np.flatnonzero(below[1:] != below[:-1])
    first, after = edges[::2], edges[1::2]
    depths = np.minimum.reduceat(series, first) if len(first) else np.empty(0)
    chosen = np.argsort(depths, kind="stable")[:most]
    chosen = chosen[depths[chosen] < -_ROUNDING]
    first, after = first[chosen], after[chosen]
    trough = [low + int(np.argmin(series[low:high])) for low, high in zip(first, after, strict=True)]
    return DrawdownTable(
        peak=first - 1,
        trough=np.array(trough, dtype=np.int64),
        recovery=np.where(after < len(equity), after, -1),
        depth=depths[chosen],
        length=np.minimum(after, len(equity) - 1) - (first - 1),
    )


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
