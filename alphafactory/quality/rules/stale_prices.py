"""A price that stands still."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality.rule import QualityContext, SeriesRule, payload_at, session_at
from alphafactory.quality.rules._movements import first_rows

if TYPE_CHECKING:
    from alphafactory.domain.bars import BarBatch


_FEWEST = 5


class StalePrices(SeriesRule):
    """Finds runs of five or more sessions with one close in which nothing traded or the whole bar repeats itself."""

    name: ClassVar[str] = "stale_prices"
    severity: ClassVar[Severity] = Severity.WARNING
    quarantines: ClassVar[bool] = False
    reason: ClassVar[str] = "A source that has no price repeats the last one; volatility and stops then mean nothing."
    remedy: ClassVar[str] = "Compare with another vendor; give the delisting date if the symbol has stopped trading."

    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:  # noqa: ARG002  bars alone
        """Return one finding a run, on its first session; the evidence is the fifth."""
        repeats = np.zeros(len(series), dtype=np.bool_)
        repeats[1:] = (np.diff(series.close) == 0) & (np.diff(series.codes) == 0)
        rows = np.flatnonzero(repeats)
        whole = np.logical_and.reduce(
            [getattr(series, name)[rows] == getattr(series, name)[rows - 1] for name in ("open", "high", "low")]
        )
        rows = rows[whole | (series.volume[rows] == 0)]
        if len(rows) == 0:
            return []
        first = first_rows(series)[rows]
        breaks = np.flatnonzero((np.diff(rows) > 1) | (np.diff(first) != 0)) + 1
        runs = np.split(rows, breaks)
        return [self._run(series, int(run[0]) - 1, int(run[-1])) for run in runs if len(run) + 1 >= _FEWEST]

    def _run(self, series: BarBatch, start: int, end: int) -> Finding:
        count = end - start + 1
        last = session_at(series, end)
        message = (
            f"the close stands at {series.close[start]:.10g} for {count} sessions, to {last}, without trade or change"
        )
        payload = {
            **payload_at(series, start),
            "from": str(session_at(series, start)),
            "to": last.isoformat(),
            "sessions": count,
        }
        known = session_at(series, start + _FEWEST - 1)
        ticker = series.tickers[series.codes[start]]
        return self.finding(ticker, message, session_at(series, start), payload, evidence=known)
