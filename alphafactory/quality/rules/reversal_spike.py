"""A price that is there for one session only."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality.rule import QualityContext, SeriesRule, payload_at, session_at
from alphafactory.quality.rules._jumps import reversals
from alphafactory.quality.rules._movements import movements

if TYPE_CHECKING:
    from alphafactory.domain.bars import BarBatch


class ReversalSpike(SeriesRule):
    """Finds closes more than about 20 % and 8 standard deviations away that are back at the next open and close."""

    name: ClassVar[str] = "reversal_spike"
    severity: ClassVar[Severity] = Severity.ERROR
    quarantines: ClassVar[bool] = True
    reason: ClassVar[str] = "A price that leaves and returns at once without a surge in volume is a misprint."
    remedy: ClassVar[str] = "Compare with another vendor; accept the finding if the price was traded."

    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:
        """Return one finding a bar; the evidence is the next session."""
        moves = movements(series, context)
        return [self._spike(moves.bars, row) for row in reversals(moves).tolist()]

    def _spike(self, bars: BarBatch, row: int) -> Finding:
        before, after = float(bars.close[row - 1]), float(bars.close[row + 1])
        message = (
            f"the close is {bars.close[row]:.10g} between {before:.10g} and {after:.10g} in the sessions around it"
        )
        payload = {**payload_at(bars, row), "previous_close": before, "next_close": after}
        ticker = bars.tickers[bars.codes[row]]
        return self.finding(ticker, message, session_at(bars, row), payload, evidence=session_at(bars, row + 1))
