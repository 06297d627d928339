"""A high or low that no other price of the session is near."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality.rule import QualityContext, SeriesRule
from alphafactory.quality.rules._movements import movements

if TYPE_CHECKING:
    from alphafactory.domain.bars import BarBatch


_FAR = 0.3


class BadTick(SeriesRule):
    """Finds highs and lows 30 % beyond the open, the close and the close before; a known split is no such thing."""

    name: ClassVar[str] = "bad_tick"
    severity: ClassVar[Severity] = Severity.WARNING
    quarantines: ClassVar[bool] = False
    reason: ClassVar[str] = "One wrong trade makes a high or low at which stops and limits would seem to have filled."
    remedy: ClassVar[str] = "Compare high and low with another vendor; accept it if there was a flash crash."

    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:
        """Return one finding a bar."""
        moves = movements(series, context)
        bars = moves.bars
        # On the basis of today's shares; without a bar before, the session's own prices are all there is.
        before = bars.close / np.exp(np.nan_to_num(moves.change))
        top = np.maximum(np.maximum(bars.open, bars.close), before)
        bottom = np.minimum(np.minimum(bars.open, bars.close), before)
        far = (bars.high > (1 + _FAR) * top) | (bars.low < (1 - _FAR) * bottom)
        return self.findings_of_bars(
            bars, far, "high {high} or low {low} is far from every other price (open {open}, close {close})"
        )
