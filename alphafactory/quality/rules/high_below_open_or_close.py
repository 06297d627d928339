"""A bar whose high is not its highest price."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality.rule import QualityContext, SeriesRule

if TYPE_CHECKING:
    from alphafactory.domain.bars import BarBatch


class HighBelowOpenOrClose(SeriesRule):
    """Finds bars whose high lies below their open or close; with its twin rule this includes a high below the low."""

    name: ClassVar[str] = "high_below_open_or_close"
    severity: ClassVar[Severity] = Severity.ERROR
    quarantines: ClassVar[bool] = True
    reason: ClassVar[str] = (
        "The high is the highest price of the session; below another price, one of the two is wrong."
    )
    remedy: ClassVar[str] = "Compare with another vendor and correct the bar in the source."

    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:  # noqa: ARG002  the bar speaks for itself
        """Return one finding a bar."""
        broken = series.high < np.maximum(series.open, series.close)
        return self.findings_of_bars(
            series, broken, "the high {high} lies below another price (open {open}, close {close})"
        )
