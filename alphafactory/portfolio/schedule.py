"""When a portfolio is traded back to its weights: the closes of a calendar's periods.

Goes in: sessions, an exchange calendar, a period and which of its sessions. Comes out: a mask of the sessions. The
exchange calendar says in advance which session is the last of a month, so that no row needs to see the next one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.calendar import known_range, sessions_between
from alphafactory.errors import UnknownNameError

if TYPE_CHECKING:
    from datetime import date

    from alphafactory.domain.arrays import BoolArray, DateArray, IntArray

PERIODS = ("never", "daily", "weekly", "monthly", "quarterly", "yearly")
ON = ("first", "last")

_MONTHS = {"monthly": 1, "quarterly": 3, "yearly": 12}
_LONGEST = 366
"""Days within which every period begins and ends."""

_MONDAY = 3
"""1970-01-01, day 0 of NumPy, was a Thursday: three days after its Monday."""


def rebalance_rows(sessions: DateArray, calendar: str, period: str, on: str) -> BoolArray:
    """Return which closes are scheduled rebalances.

    A session is one where the exchange calendar has it as the first or the last session of its week (ISO), month,
    quarter or year. Where the data lack that session, the next one that they have takes its place: only then is it
    known that it is missing. A row depends on itself and on the row before alone.

    Args:
        sessions: datetime64[D], shape (n,), ascending.
        calendar: name of an exchange calendar.
        period: one of `PERIODS`; `never` gives no session, `daily` each.
        on: `first` or `last` session of the period; `never` and `daily` do not look at it.

    Returns:
        Mask, shape (n,).

    Raises:
        UnknownNameError: no such period, `on` or calendar.
        UsageError: a session lies beyond what the calendar knows.
    """
    if period not in PERIODS:
        raise UnknownNameError("rebalance period", period, PERIODS)
    if on not in ON:
        raise UnknownNameError("session of a rebalance", on, ON)
    if period in ("never", "daily") or len(sessions) == 0:
        return np.full(len(sessions), period == "daily")
    marked = _marked_sessions(sessions, calendar, period, on)
    passed = np.searchsorted(marked, sessions, side="right")
    # Before the first row nothing of the data has passed, but marks of earlier dates are none of its business.
    before = np.searchsorted(marked, sessions[:1], side="left")
    return np.diff(passed, prepend=before) > 0


def _marked_sessions(sessions: DateArray, calendar: str, period: str, on: str) -> DateArray:
    """Return the calendar's first or last sessions of all periods that the data touch."""
    first, last = known_range(calendar)
    start: date = max(first, (sessions[0] - _LONGEST).item())
    # A bound is widened only as far as the calendar knows; sessions beyond it are its own refusal.
    end: date = max(sessions[-1].item(), min(last, (sessions[-1] + _LONGEST).item()))
    known = sessions_between(calendar, min(start, sessions[0].item()), end)
    numbers = _period_numbers(known, period)
    borders = np.flatnonzero(np.diff(numbers))
    # The first period and the last are cut by the bounds, so that their other ends are not known.
    return known[borders + 1] if on == "first" else known[borders]


def _period_numbers(sessions: DateArray, period: str) -> IntArray:
    if period == "weekly":
        return (sessions.astype(np.int64) + _MONDAY) // 7
    return sessions.astype("datetime64[M]").astype(np.int64) // _MONTHS[period]
