"""A half day with more than the volume of a whole one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.calendar import early_closes, known_range
from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality.rule import QualityContext, SeriesRule, by_calendar, payload_at, session_at
from alphafactory.quality.rules._movements import mask_of, movements

if TYPE_CHECKING:
    from alphafactory.domain.arrays import IntArray
    from alphafactory.domain.bars import BarBatch


_TIMES = 2.0
_SESSIONS = 60


class HalfDayVolume(SeriesRule):
    """Finds sessions of an early close with more than twice the median volume of the 60 sessions before."""

    name: ClassVar[str] = "half_day_volume"
    severity: ClassVar[Severity] = Severity.NOTE
    quarantines: ClassVar[bool] = False
    reason: ClassVar[str] = "Half a session rarely trades more than a whole one: the bar may belong to another day."
    remedy: ClassVar[str] = "Compare the day and its neighbours with another vendor; none is needed if there was news."

    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:
        """Return one finding a bar."""
        moves = movements(series, context)
        rows = _half_days(moves.bars, context)
        usual = moves.usual_volume(rows, _SESSIONS)
        above = (usual > 0) & (moves.bars.volume[rows] > _TIMES * usual)
        return [
            self._bar(moves.bars, row, median_volume)
            for row, median_volume in zip(rows[above].tolist(), usual[above].tolist(), strict=True)
        ]

    def _bar(self, series: BarBatch, row: int, usual: float) -> Finding:
        message = f"the exchange closed early, but the volume is {series.volume[row]:.10g} where {usual:.10g} is usual"
        payload = {**payload_at(series, row), "median_volume": usual}
        return self.finding(series.tickers[series.codes[row]], message, session_at(series, row), payload)


def _half_days(series: BarBatch, context: QualityContext) -> IntArray:
    """Return the rows on sessions that close early on their symbol's calendar, ascending."""
    found = np.zeros(len(series), dtype=np.bool_)
    for calendar, codes in by_calendar(series, context).items():
        low, high = (np.datetime64(day, "D") for day in known_range(calendar))
        mine = mask_of(np.array(codes, dtype=np.int64), len(series.tickers))[series.codes]
        rows = np.flatnonzero(mine & (series.sessions >= low) & (series.sessions <= high))
        if len(rows):
            days = series.sessions[rows]
            early = early_closes(calendar, days.min().item(), days.max().item())
            found[rows] = np.isin(days, early)
    return np.flatnonzero(found)
