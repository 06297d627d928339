"""A volume of another order of magnitude."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality.rule import QualityContext, SeriesRule, payload_at, session_at
from alphafactory.quality.rules._movements import median, movements, windows

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.bars import BarBatch


_TIMES = 50.0
_SESSIONS = 60
_TIMES_LARGEST = 5.0
_NEAR = 20


class VolumeOutlier(SeriesRule):
    """Finds bars with more than 50 times the median volume of the 60 sessions before.

    It must be 5 times the largest of the 20 sessions before as well: where large volumes are here to stay or come and
    go, as in a share that is hardly traded, only the first stands out.
    """

    name: ClassVar[str] = "volume_outlier"
    severity: ClassVar[Severity] = Severity.WARNING
    quarantines: ClassVar[bool] = False
    reason: ClassVar[str] = (
        "Lots for shares, or a split applied to volume alone; orders sized by volume grow too large."
    )
    remedy: ClassVar[str] = "Compare with another vendor; accept it if a block was traded that day."

    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:
        """Return one finding a bar."""
        moves = movements(series, context)
        # Only what stands out from its neighbourhood's least is looked at closely: a median is never below that.
        rows = np.flatnonzero(moves.traded > _TIMES * _least_before(moves.traded))
        before = windows(moves.traded, rows, moves.first, _SESSIONS)
        usual, largest = median(before), np.fmax.reduce(before[:, -_NEAR:], axis=1)
        far = (usual > 0) & (moves.traded[rows] > np.maximum(_TIMES * usual, _TIMES_LARGEST * largest))
        return [
            self._bar(moves.bars, row, median_volume)
            for row, median_volume in zip(rows[far].tolist(), (usual * moves.shares[rows])[far].tolist(), strict=True)
        ]

    def _bar(self, series: BarBatch, row: int, usual: float) -> Finding:
        message = (
            f"the volume is {series.volume[row]:.10g}, {series.volume[row] / usual:.0f} times its usual {usual:.10g}"
        )
        payload = {**payload_at(series, row), "median_volume": usual}
        return self.finding(series.tickers[series.codes[row]], message, session_at(series, row), payload)


def _least_before(volume: FloatArray) -> FloatArray:
    """Return the least of the 64 values before each row, shape (n,), across symbols: a bound from below, cheaply."""
    least = np.concatenate(([np.inf], volume[:-1]))
    reach = 1
    while reach < _SESSIONS:
        least[reach:] = np.minimum(least[reach:], least[:-reach])
        reach *= 2
    return least
