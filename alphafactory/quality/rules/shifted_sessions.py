"""A series dated by another time zone: every bar stands a day beside its session."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality.rule import QualityContext, SeriesRule
from alphafactory.quality.rules._closed_days import closed_days, on_session

if TYPE_CHECKING:
    from alphafactory.domain.arrays import DateArray
    from alphafactory.domain.bars import BarBatch

_FEWEST = 20
_CLOSED_SHARE = 0.1
"""A week shifted by a day has one bar of five on a closed day; a few made-up bars are far fewer."""
_FITTING_SHARE = 0.95
_DAY = np.timedelta64(1, "D")


class ShiftedSessions(SeriesRule):
    """Finds series with many bars on closed days, nearly all of which fall on sessions when moved by one day.

    The bars are not quarantined one by one (those on weekends are): dates a day early let a backtest see tomorrow, so
    that the whole series is of no use until its dates are right.
    """

    name: ClassVar[str] = "shifted_sessions"
    severity: ClassVar[Severity] = Severity.ERROR
    quarantines: ClassVar[bool] = False
    reason: ClassVar[str] = "Dates of another time zone stand a day off: a backtest would trade on tomorrow's prices."
    remedy: ClassVar[str] = "Correct the time zone in the source, or move its dates by the shift that is given."

    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:
        """Return one finding a series, with the days by which its dates should move."""
        closed = closed_days(series, context)
        bars = np.bincount(series.codes, minlength=len(series.tickers))
        off = np.bincount(series.codes[closed], minlength=len(series.tickers))
        starts = series.starts()
        findings: list[Finding] = []
        for code in np.flatnonzero((bars >= _FEWEST) & (off >= _CLOSED_SHARE * bars)).tolist():
            ticker = series.tickers[code]
            held = series.sessions[starts[code] : starts[code + 1]]
            findings += self._shifted(ticker, held, int(off[code]), context.listings[ticker].calendar)
        return findings

    def _shifted(self, ticker: str, held: DateArray, off: int, calendar: str) -> list[Finding]:
        fitting = {days: int(np.count_nonzero(on_session(calendar, held + days * _DAY))) for days in (1, -1)}
        shift = max(fitting, key=fitting.__getitem__)
        if fitting[shift] < _FITTING_SHARE * len(held):
            return []
        message = (
            f"{off} of {len(held)} bars are on days on which calendar {calendar} is closed; moved by {shift:+d} day, "
            f"{fitting[shift]} of them are on sessions"
        )
        payload = {"bars": len(held), "on_closed_days": off, "shift_days": shift, "fitting": fitting[shift]}
        return [self.finding(ticker, message, None, payload)]
