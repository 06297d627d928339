"""A bar of a session that has not happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality.rule import QualityContext, SeriesRule

if TYPE_CHECKING:
    from alphafactory.domain.bars import BarBatch


class FutureSession(SeriesRule):
    """Finds bars dated after the night's own day."""

    name: ClassVar[str] = "future_session"
    severity: ClassVar[Severity] = Severity.ERROR
    quarantines: ClassVar[bool] = True
    reason: ClassVar[str] = "A bar from the future is a wrong date, or lets a backtest see what nobody could know."
    remedy: ClassVar[str] = "Correct the date in the source; check its date format."

    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:
        """Return one finding a bar."""
        broken = series.sessions > np.datetime64(context.as_of, "D")
        return self.findings_of_bars(series, broken, f"the bar is dated after {context.as_of}, the day it was read")
