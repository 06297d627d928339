"""A bar on a day on which the exchange was closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.calendar import known_range, sessions_between
from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality.rule import QualityContext, SeriesRule, by_calendar

if TYPE_CHECKING:
    from alphafactory.domain.arrays import BoolArray, DateArray
    from alphafactory.domain.bars import BarBatch


class NonSessionDay(SeriesRule):
    """Finds bars up to the night's own day that are on no session of their symbol's calendar."""

    name: ClassVar[str] = "non_session_day"
    severity: ClassVar[Severity] = Severity.ERROR
    quarantines: ClassVar[bool] = True
    reason: ClassVar[str] = "The exchange was closed that day: the bar is made up, or belongs to another day."
    remedy: ClassVar[str] = "Correct the date, or give the symbol its own calendar in the symbols file."

    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:
        """Return one finding a bar."""
        findings: list[Finding] = []
        past = series.sessions <= np.datetime64(context.as_of, "D")
        for calendar, codes in by_calendar(series, context).items():
            listed = np.zeros(len(series.tickers), dtype=np.bool_)
            listed[codes] = True
            rows = np.flatnonzero(past & listed[series.codes])
            broken = np.zeros(len(series), dtype=np.bool_)
            broken[rows] = ~_on_session(calendar, series.sessions[rows])
            findings += self.findings_of_bars(series, broken, f"calendar {calendar} has no session on this day")
        return findings


def _on_session(calendar: str, days: DateArray) -> BoolArray:
    """Return which days are sessions; a day before or after all that the calendar knows is none."""
    low, high = (np.datetime64(day, "D") for day in known_range(calendar))
    inside = (days >= low) & (days <= high)
    found = np.zeros(len(days), dtype=np.bool_)
    if bool(inside.any()):
        known = days[inside]
        sessions = sessions_between(calendar, known.min().item(), known.max().item())
        position = np.searchsorted(sessions, known)
        found[inside] = np.append(sessions, np.datetime64("NaT"))[position] == known
    return found
