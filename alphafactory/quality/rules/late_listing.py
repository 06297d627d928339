"""A symbol whose bars begin later than those of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality.rule import QualityContext, SeriesRule, by_calendar

if TYPE_CHECKING:
    from datetime import date

    from alphafactory.domain.bars import BarBatch


class LateListing(SeriesRule):
    """Finds symbols that begin after the first session that at least half of the symbols of their calendar share."""

    name: ClassVar[str] = "late_listing"
    severity: ClassVar[Severity] = Severity.NOTE
    quarantines: ClassVar[bool] = False
    reason: ClassVar[str] = "Its results cover a shorter time than those of the others and do not compare with them."
    remedy: ClassVar[str] = "None is needed if it was listed then; otherwise load its earlier history."

    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:
        """Return one finding a symbol."""
        findings: list[Finding] = []
        starts = series.starts()
        for codes in by_calendar(series, context).values():
            present = np.array([code for code in codes if starts[code] < starts[code + 1]], dtype=np.int64)
            if len(present) == 0:
                continue
            firsts = series.sessions[starts[present]]
            days, counts = np.unique(firsts, return_counts=True)
            usual = days[np.argmax(counts)]
            if 2 * counts.max() < len(present):
                continue
            for code, first in zip(present[firsts > usual].tolist(), firsts[firsts > usual].tolist(), strict=True):
                findings.append(self._late(series.tickers[code], first, usual.item(), context))
        return findings

    def _late(self, ticker: str, first: date, usual: date, context: QualityContext) -> Finding:
        listed = context.listings[ticker].listed
        known = f"; it was listed on {listed}" if listed is not None else ""
        message = f"the first bar is of {first}, most symbols begin on {usual}{known}"
        return self.finding(ticker, message, first, {"first": first.isoformat(), "usual": usual.isoformat()})
