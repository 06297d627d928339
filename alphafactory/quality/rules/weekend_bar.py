"""A bar on a weekend on which the exchange was closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality.rule import QualityContext, SeriesRule, payload_at, session_at
from alphafactory.quality.rules._closed_days import closed_days, on_weekend

if TYPE_CHECKING:
    from alphafactory.domain.bars import BarBatch


class WeekendBar(SeriesRule):
    """Finds bars on Saturdays and Sundays that are no session of their symbol's calendar."""

    name: ClassVar[str] = "weekend_bar"
    severity: ClassVar[Severity] = Severity.ERROR
    quarantines: ClassVar[bool] = True
    reason: ClassVar[str] = "Nothing trades there on a weekend: the bar is a test, a filler or of another time zone."
    remedy: ClassVar[str] = "Correct the date; give a symbol that trades on weekends its calendar, as 24/7 for crypto."

    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:
        """Return one finding a bar."""
        broken = closed_days(series, context) & on_weekend(series.sessions)
        return [self._bar(series, row, context) for row in np.flatnonzero(broken).tolist()]

    def _bar(self, series: BarBatch, row: int, context: QualityContext) -> Finding:
        ticker, session = series.tickers[series.codes[row]], session_at(series, row)
        message = f"the bar is of a {session:%A}, on which calendar {context.listings[ticker].calendar} is closed"
        return self.finding(ticker, message, session, payload_at(series, row))
