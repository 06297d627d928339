"""A series that ends though the others go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality.rule import QualityContext, SeriesRule, by_calendar
from alphafactory.quality.rules._sessions_after import FEWEST, sessions_after

if TYPE_CHECKING:
    from datetime import date

    from alphafactory.domain.arrays import DateArray
    from alphafactory.domain.bars import BarBatch


class EarlyStop(SeriesRule):
    """Finds symbols without a delisting date that have no bar for the newest ten sessions or more."""

    name: ClassVar[str] = "early_stop"
    severity: ClassVar[Severity] = Severity.WARNING
    quarantines: ClassVar[bool] = False
    reason: ClassVar[str] = "The symbol was delisted or renamed, or the source has gone stale: its results end there."
    remedy: ClassVar[str] = "Give the delisting date or the new ticker; else load the sessions from another source."

    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:
        """Return one finding a symbol, on its last bar; the evidence is the tenth session without one."""
        findings: list[Finding] = []
        starts = series.starts()
        for calendar, codes in by_calendar(series, context).items():
            for code in codes:
                ticker = series.tickers[code]
                if starts[code] < starts[code + 1] and context.listings[ticker].delisted is None:
                    last: date = series.sessions[starts[code + 1] - 1].item()
                    after = sessions_after(calendar, last, context)
                    if len(after) >= FEWEST:
                        findings.append(self._stop(ticker, last, after))
        return findings

    def _stop(self, ticker: str, last: date, after: DateArray) -> Finding:
        message = f"the last bar is of {last}, and {len(after)} sessions have passed since; no delisting is known"
        payload = {"from": str(after[0]), "to": str(after[-1]), "sessions": len(after)}
        return self.finding(ticker, message, last, payload, evidence=after[FEWEST - 1].item())
