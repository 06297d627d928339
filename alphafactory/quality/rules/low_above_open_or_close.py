"""A bar whose low is not its lowest price."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality.rule import QualityContext, SeriesRule

if TYPE_CHECKING:
    from alphafactory.domain.bars import BarBatch


class LowAboveOpenOrClose(SeriesRule):
    """Finds bars whose low lies above their open or close."""

    name: ClassVar[str] = "low_above_open_or_close"
    severity: ClassVar[Severity] = Severity.ERROR
    quarantines: ClassVar[bool] = True
    reason: ClassVar[str] = "The low is the lowest price of the session; above another price, one of the two is wrong."
    remedy: ClassVar[str] = "Compare with another vendor and correct the bar in the source."

    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:  # noqa: ARG002  the bar speaks for itself
        """Return one finding a bar."""
        broken = series.low > np.minimum(series.open, series.close)
        return self.findings_of_bars(
            series, broken, "the low {low} lies above another price (open {open}, close {close})"
        )
