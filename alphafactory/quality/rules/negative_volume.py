"""A bar with a volume below zero."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality.rule import QualityContext, SeriesRule

if TYPE_CHECKING:
    from alphafactory.domain.bars import BarBatch


class NegativeVolume(SeriesRule):
    """Finds bars whose volume lies below zero."""

    name: ClassVar[str] = "negative_volume"
    severity: ClassVar[Severity] = Severity.ERROR
    quarantines: ClassVar[bool] = True
    reason: ClassVar[str] = "A count of shares cannot be negative; the row is damaged, its prices may be too."
    remedy: ClassVar[str] = "Correct the bar in the source; numbers beyond 2 billion often overflowed there."

    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:  # noqa: ARG002  the bar speaks for itself
        """Return one finding a bar."""
        return self.findings_of_bars(series, series.volume < 0, "the volume is {volume}")
