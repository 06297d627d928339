"""A bar on a weekday on which the exchange was closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality.rule import QualityContext, SeriesRule, payload_at, session_at
from alphafactory.quality.rules._closed_days import closed_days, on_weekend

if TYPE_CHECKING:
    from alphafactory.domain.bars import BarBatch


class NonSessionDay(SeriesRule):
    """Finds bars up to the night's own day on weekdays that are no session of their symbol's calendar."""

    name: ClassVar[str] = "non_session_day"
    severity: ClassVar[Severity] = Severity.ERROR
    quarantines: ClassVar[bool] = True
    reason: ClassVar[str] = "The exchange was closed that day: the bar is made up, or belongs to another day."
    remedy: ClassVar[str] = "Correct the date, or give the symbol its own calendar in the symbols file."

    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:
        """Return one finding a bar; a weekend is left to `weekend_bar`."""
        broken = closed_days(series, context) & ~on_weekend(series.sessions)
        return [self._bar(series, row, context) for row in np.flatnonzero(broken).tolist()]

    def _bar(self, series: BarBatch, row: int, context: QualityContext) -> Finding:
        ticker = series.tickers[series.codes[row]]
        message = f"calendar {context.listings[ticker].calendar} has no session on this day"
        return self.finding(ticker, message, session_at(series, row), payload_at(series, row))
