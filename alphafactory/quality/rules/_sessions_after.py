"""The sessions since a symbol's last bar, by which a series that has stopped is told from one with a hole."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from alphafactory.calendar import known_range, sessions_between

if TYPE_CHECKING:
    from datetime import date

    from alphafactory.domain.arrays import DateArray
    from alphafactory.quality.rule import QualityContext

FEWEST = 10
"""Sessions without a bar at the end of a series; a shorter hole is one of `missing_sessions`."""


def sessions_after(calendar: str, last: date, context: QualityContext) -> DateArray:
    """Return the calendar's sessions after a day, up to the newest that the source offers and the night's own day."""
    low, high = known_range(calendar)
    start = max(last + timedelta(days=1), low)
    return sessions_between(calendar, start, min(context.newest_session, context.as_of, high))
