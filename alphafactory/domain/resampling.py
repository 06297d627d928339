"""Finer bars to coarser ones: 1m to 5m, 15m, 1h and 1d, whole columns at a time.

Goes in: intraday bars, and when the session of each opened and closed. Comes out: bars of the coarser timeframe. The
open is the first one's, the close the last one's, high and low are the extremes, the volume is the sum.

Buckets start at the session's opening instant, as those of Yahoo and of most charts do: an hour of New York runs from
09:30 to 10:30, and the last one ends with the session at 16:00. (Polygon counts from the full hour, so that its bar of
09:00 mixes half an hour before the session with half an hour of it: make such hours out of finer bars.) Trading before
the open is counted back from the open, trading after the close on from the close; neither mixes with the session, and
a day holds the session alone. A bucket with some bars missing is made of those that are there; one without any is not
made.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.timeframes import SECONDS, is_intraday
from alphafactory.errors import UsageError

if TYPE_CHECKING:
    from alphafactory.domain.arrays import BoolArray, DateArray, IntArray
    from alphafactory.domain.bars import BarBatch
    from alphafactory.domain.timeframes import Timeframe


def resample(batch: BarBatch, from_: Timeframe, to: Timeframe, *, opens: DateArray, closes: DateArray) -> BarBatch:
    """Return the bars of a coarser timeframe, ordered; `lines` are those of the first bar in each.

    Args:
        batch: n intraday bars with instants, one a symbol and instant, finite, in any order.
        from_: their length.
        to: the length wanted.
        opens: shape (n,), datetime64[us] UTC: when the session of each bar opened.
        closes: shape (n,), the same for its close.

    Raises:
        UsageError: `to` is not coarser than `from_`, or the bars have no instants.
    """
    if SECONDS[to] <= SECONDS[from_]:
        raise UsageError(f"Bars of {from_} cannot be made into bars of {to}. Choose a coarser timeframe.")
    if batch.instants is None:
        raise UsageError(f"Bars of {from_} came without their opening instants. Give BarBatch.instants.")
    rows = np.lexsort((batch.instants, batch.codes))
    if not is_intraday(to):
        rows = rows[((batch.instants >= opens) & (batch.instants < closes))[rows]]
    bars, opens, closes = batch.take(rows), opens[rows], closes[rows]
    if bars.instants is None or len(bars) == 0:
        return replace(bars, instants=bars.instants if is_intraday(to) else None)
    if not is_intraday(to):
        return replace(_merged(bars, _first_rows(bars.codes, bars.sessions)), instants=None)
    instants = bucket_starts(bars.instants, to, opens=opens, closes=closes)
    first = _first_rows(bars.codes, bars.sessions, instants)
    return replace(_merged(bars, first), instants=instants[first])


def bucket_starts(instants: DateArray, timeframe: Timeframe, *, opens: DateArray, closes: DateArray) -> DateArray:
    """Return, shape (n,), the opening instant of the bucket of `timeframe` in which each instant lies.

    `opens` and `closes`, shape (n,), are those of each instant's session.
    """
    anchors = np.where(instants < closes, opens, closes)
    step = SECONDS[timeframe] * 1_000_000
    passed = (instants - anchors).astype("timedelta64[us]").astype(np.int64)
    starts: DateArray = anchors + (passed // step * step).astype("timedelta64[us]")
    return starts


def bar_ends(instants: DateArray, timeframe: Timeframe, *, closes: DateArray) -> DateArray:
    """Return, shape (n,), when bars that open at `instants` end: a bar of the session not after the session's close."""
    ends = instants + np.timedelta64(SECONDS[timeframe], "s")
    found: DateArray = np.where((instants < closes) & (ends > closes), closes, ends)
    return found


def _first_rows(*keys: IntArray | DateArray) -> IntArray:
    """Return the positions at which any of the columns, each of shape (n,) with n > 0, has a new value."""
    new: BoolArray = np.ones(len(keys[0]), dtype=np.bool_)
    new[1:] = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    return np.flatnonzero(new)


def _merged(bars: BarBatch, first: IntArray) -> BarBatch:
    """Return one bar for each run of rows that starts at a position of `first`."""
    last = np.append(first[1:], len(bars)) - 1
    return replace(
        bars.take(first),
        high=np.maximum.reduceat(bars.high, first),
        low=np.minimum.reduceat(bars.low, first),
        close=bars.close[last],
        volume=np.add.reduceat(bars.volume, first),
    )
