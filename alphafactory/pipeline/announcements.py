"""Announcements of earnings as they were known: how many sessions ahead the next one lay, on each day of the past.

An announcement counts from the session at whose close it was known until its own day. Each version of a fiscal period
holds until the next one is known; one of which nobody recorded when it became known counts on no day before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory.calendar import session_close

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alphafactory.domain.arrays import DateArray, FloatArray


def sessions_to_earnings(
    versions: Sequence[Mapping[str, Any]], sessions: DateArray, calendar: str, days: DateArray
) -> FloatArray:
    """Return the sessions until the next announcement known at each close, 1 for the very next, NaN for none, (n,).

    Args:
        versions: rows of one symbol with `fiscal_period`, `announced` and `known_at` (aware), every version of each.
        sessions: of the bars, shape (n,).
        calendar: the exchange.
        days: the exchange's sessions, from the first bar to beyond the newest.
    """
    ahead = np.full(len(sessions), np.inf)
    if len(sessions) == 0 or not versions:
        return np.full(len(sessions), np.nan)
    closes = session_close(calendar, sessions)
    place = np.searchsorted(days, sessions, side="right")
    by_period: dict[str, list[Mapping[str, Any]]] = {}
    for row in sorted(versions, key=lambda row: row["known_at"]):
        by_period.setdefault(row["fiscal_period"], []).append(row)
    for rows in by_period.values():
        known = [int(np.searchsorted(closes, _instant(row["known_at"]))) for row in rows]
        for row, first, last in zip(rows, known, [*known[1:], len(sessions)], strict=True):
            day, held = np.datetime64(row["announced"], "D"), slice(first, last)
            until = int(np.searchsorted(days, day)) - place[held] + 1
            ahead[held] = np.where(sessions[held] < day, np.minimum(ahead[held], until), ahead[held])
    return np.where(np.isinf(ahead), np.nan, ahead)


def _instant(moment: Any) -> np.datetime64:
    """Return an aware moment in the form of the calendar's instants, UTC."""
    return np.datetime64(int(moment.timestamp() * 1_000_000), "us")
