"""Bars on days on which their exchange was closed, as the rules on wrong dates see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.calendar import is_open_always, known_range, sessions_between
from alphafactory.quality.rule import by_calendar

if TYPE_CHECKING:
    from alphafactory.domain.arrays import BoolArray, DateArray
    from alphafactory.domain.bars import BarBatch
    from alphafactory.quality.rule import QualityContext

_SATURDAY = 5


def closed_days(series: BarBatch, context: QualityContext) -> BoolArray:
    """Return the bars up to the night's own day that are on no session of their symbol's calendar, shape (n,)."""
    return context.once("closed_days", series, _closed_days)


def _closed_days(series: BarBatch, context: QualityContext) -> BoolArray:
    past = series.sessions <= np.datetime64(context.as_of, "D")
    broken = np.zeros(len(series), dtype=np.bool_)
    for calendar, codes in by_calendar(series, context).items():
        if is_open_always(calendar):
            continue
        listed = np.zeros(len(series.tickers), dtype=np.bool_)
        listed[codes] = True
        rows = np.flatnonzero(past & listed[series.codes])
        broken[rows] = ~on_session(calendar, series.sessions[rows])
    return broken


def on_session(calendar: str, days: DateArray) -> BoolArray:
    """Return which days are sessions; a day before or after all that the calendar knows is none."""
    low, high = (np.datetime64(day, "D") for day in known_range(calendar))
    inside = (days >= low) & (days <= high)
    found = np.zeros(len(days), dtype=np.bool_)
    if bool(inside.any()):
        known = days[inside]
        first = known.min()
        sessions = sessions_between(calendar, first.item(), known.max().item())
        table = np.zeros((known.max() - first).astype(np.int64) + 1, dtype=np.bool_)
        table[(sessions - first).astype(np.int64)] = True
        found[inside] = table[(known - first).astype(np.int64)]
    return found


def on_weekend(days: DateArray) -> BoolArray:
    """Return which days are Saturdays or Sundays."""
    # Day 0 of the count was a Thursday.
    found: BoolArray = (days.astype(np.int64) + 3) % 7 >= _SATURDAY
    return found
