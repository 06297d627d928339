"""Sessions in which a symbol has prices but did not trade."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality.rule import QualityContext, SeriesRule, session_at

if TYPE_CHECKING:
    from alphafactory.domain.bars import BarBatch

_SHOWN = 10


class ZeroVolume(SeriesRule):
    """Finds symbols with sessions of zero volume; an index has no volume and is left out."""

    name: ClassVar[str] = "zero_volume"
    severity: ClassVar[Severity] = Severity.NOTE
    quarantines: ClassVar[bool] = False
    reason: ClassVar[str] = "Nothing traded, so nothing could have been bought or sold at these prices."
    remedy: ClassVar[str] = "None is needed: no order fills there. If the volume is just missing, load it."

    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:
        """Return one finding a symbol, with the number of such sessions and the first of them."""
        rows = np.flatnonzero(series.volume == 0)
        findings: list[Finding] = []
        for code in np.unique(series.codes[rows]).tolist():
            ticker = series.tickers[code]
            if context.listings[ticker].asset_class == "index":
                continue
            days = [session_at(series, row) for row in rows[series.codes[rows] == code].tolist()]
            message = f"no share traded in {len(days)} sessions, the first on {days[0]}"
            shown = [day.isoformat() for day in days[:_SHOWN]]
            findings.append(self.finding(ticker, message, days[0], {"count": len(days), "first_sessions": shown}))
        return findings
