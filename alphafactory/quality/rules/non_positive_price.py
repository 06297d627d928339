"""A bar with a price of zero or less."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.bars import PRICE_FIELDS
from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality.rule import QualityContext, SeriesRule

if TYPE_CHECKING:
    from alphafactory.domain.bars import BarBatch


class NonPositivePrice(SeriesRule):
    """Finds bars that have any price of zero or less."""

    name: ClassVar[str] = "non_positive_price"
    severity: ClassVar[Severity] = Severity.ERROR
    quarantines: ClassVar[bool] = True
    reason: ClassVar[str] = "Nothing trades at zero or less; returns from such a price are infinite or senseless."
    remedy: ClassVar[str] = "Correct the bar in the source; a zero often stands for a missing value."

    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:  # noqa: ARG002  the bar speaks for itself
        """Return one finding a bar."""
        broken = np.logical_or.reduce([getattr(series, name) <= 0 for name in PRICE_FIELDS])
        return self.findings_of_bars(
            series, broken, "a price is not above zero (open {open}, high {high}, low {low}, close {close})"
        )
