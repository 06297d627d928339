"""A series that begins long after the symbol began to trade."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, ClassVar

from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality.rule import QualityContext, SeriesRule

if TYPE_CHECKING:
    from alphafactory.domain.bars import BarBatch

_LONGEST = timedelta(days=30)
"""A listing's date is often that of the filing, and trading begins a little later."""


class TruncatedHistory(SeriesRule):
    """Finds symbols listed more than 30 days before their first bar, of the days that were asked for."""

    name: ClassVar[str] = "truncated_history"
    severity: ClassVar[Severity] = Severity.WARNING
    quarantines: ClassVar[bool] = False
    reason: ClassVar[str] = "The source has cut the history: the backtest misses years in which the symbol traded."
    remedy: ClassVar[str] = "Load the earlier years from another source; a vendor's plan often limits how far back."

    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:
        """Return one finding a symbol; without a listing date or a first day asked for nothing can be said."""
        if context.first_wanted is None:
            return []
        findings: list[Finding] = []
        starts = series.starts()
        for code, ticker in enumerate(series.tickers):
            listed = context.listings[ticker].listed
            if listed is None or starts[code] == starts[code + 1]:
                continue
            first: date = series.sessions[starts[code]].item()
            expected = max(listed, context.first_wanted)
            if first > expected + _LONGEST:
                findings.append(self._cut(ticker, first, expected, listed))
        return findings

    def _cut(self, ticker: str, first: date, expected: date, listed: date) -> Finding:
        message = (
            f"the first bar is of {first}, but the symbol trades since {listed} and bars since {expected} were wanted"
        )
        payload = {"first": first.isoformat(), "expected": expected.isoformat(), "listed": listed.isoformat()}
        return self.finding(ticker, message, first, payload)
