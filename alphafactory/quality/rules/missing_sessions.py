"""Sessions of the exchange for which a symbol has no bar."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.calendar import known_range, sessions_between
from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality.rule import QualityContext, SeriesRule, by_calendar
from alphafactory.quality.rules._sessions_after import FEWEST, sessions_after

if TYPE_CHECKING:
    from datetime import date

    from alphafactory.domain.arrays import DateArray
    from alphafactory.domain.bars import BarBatch
    from alphafactory.domain.market import Listing


class MissingSessions(SeriesRule):
    """Finds gaps between a symbol's first bar and its delisting or the newest session that the source offers.

    A symbol without a delisting date that has no bar for the last ten sessions or more is left to `early_stop`.
    """

    name: ClassVar[str] = "missing_sessions"
    severity: ClassVar[Severity] = Severity.WARNING
    quarantines: ClassVar[bool] = False
    reason: ClassVar[str] = "A hole makes every average over it wrong, and a trade in it impossible."
    remedy: ClassVar[str] = "Fill it from another source; give the delisting date if the symbol has stopped trading."

    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:
        """Return one finding a gap: its first and last session and their count."""
        findings: list[Finding] = []
        starts = series.starts()
        for calendar, codes in by_calendar(series, context).items():
            sessions = _sessions(calendar, series, codes, context)
            for code in codes:
                held = series.sessions[starts[code] : starts[code + 1]]
                if len(held):
                    ticker = series.tickers[code]
                    end = _last_expected(context, context.listings[ticker], held[-1].item())
                    findings += self._gaps(ticker, held, sessions, end)
        return findings

    def _gaps(self, ticker: str, held: DateArray, sessions: DateArray, end: date) -> list[Finding]:
        first, after = np.searchsorted(sessions, [held[0], np.datetime64(end, "D") + np.timedelta64(1, "D")])
        expected = sessions[first:after]
        # Most symbols have every session: comparing whole arrays is much cheaper than looking each session up.
        if len(expected) == len(held) and bool(np.all(expected == held)):
            return []
        missing = np.flatnonzero(~np.isin(expected, held, assume_unique=True))
        if len(missing) == 0:
            return []
        runs = np.split(missing, np.flatnonzero(np.diff(missing) > 1) + 1)
        return [self._gap(ticker, expected[run[0]].item(), expected[run[-1]].item(), len(run)) for run in runs]

    def _gap(self, ticker: str, since: date, until: date, count: int) -> Finding:
        message = (
            f"no bar for the session {since}" if count == 1 else f"no bar for {count} sessions, {since} to {until}"
        )
        return self.finding(
            ticker, message, since, {"from": since.isoformat(), "to": until.isoformat(), "sessions": count}
        )


def _last_expected(context: QualityContext, listing: Listing, last: date) -> date:
    """Return the last day on which the symbol, whose last bar is of `last`, should have a bar as far as is known."""
    if listing.delisted is not None:
        return min(context.newest_session, context.as_of, listing.delisted)
    stopped = len(sessions_after(listing.calendar, last, context)) >= FEWEST
    return last if stopped else min(context.newest_session, context.as_of)


def _sessions(calendar: str, series: BarBatch, codes: list[int], context: QualityContext) -> DateArray:
    """Return the calendar's sessions from the first bar of any of the symbols on."""
    starts = series.starts()
    firsts = [series.sessions[starts[code]].item() for code in codes if starts[code] < starts[code + 1]]
    low, high = known_range(calendar)
    if not firsts:
        return np.empty(0, dtype="datetime64[D]")
    return sessions_between(calendar, max(min(firsts), low), min(context.newest_session, high))
