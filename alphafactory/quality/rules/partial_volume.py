"""A session with next to no volume, as if it had been read before it was over."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality.rule import QualityContext, SeriesRule, payload_at, session_at
from alphafactory.quality.rules._movements import movements, trailing_mean

if TYPE_CHECKING:
    from alphafactory.domain.bars import BarBatch


_PART = 0.05
_SESSIONS = 60


class PartialVolume(SeriesRule):
    """Finds bars with less than 5 % of the median volume of the 60 sessions before; none at all is `zero_volume`."""

    name: ClassVar[str] = "partial_volume"
    severity: ClassVar[Severity] = Severity.NOTE
    quarantines: ClassVar[bool] = False
    reason: ClassVar[str] = "A bar that was taken before the close lacks most of its volume, and its close is none."
    remedy: ClassVar[str] = "Load the session again; none is needed if trading was halted."

    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:
        """Return one finding a bar."""
        moves = movements(series, context)
        bars = moves.bars
        # More than half of the values are at least the median, so that their mean is at least half of it.
        low = moves.traded < 2 * _PART * trailing_mean(moves.traded, moves.first, _SESSIONS)
        rows = np.flatnonzero(low & (bars.volume > 0))
        usual = moves.usual_volume(rows, _SESSIONS)
        below = bars.volume[rows] < _PART * usual
        return [
            self._bar(bars, row, median_volume)
            for row, median_volume in zip(rows[below].tolist(), usual[below].tolist(), strict=True)
        ]

    def _bar(self, series: BarBatch, row: int, usual: float) -> Finding:
        message = f"the volume is {series.volume[row]:.10g}, {series.volume[row] / usual:.1%} of its usual {usual:.10g}"
        payload = {**payload_at(series, row), "median_volume": usual}
        return self.finding(series.tickers[series.codes[row]], message, session_at(series, row), payload)
