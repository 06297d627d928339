"""A split that the price does not show."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality.rule import QualityContext, SeriesRule, payload_at, session_at
from alphafactory.quality.rules._movements import movements, split_rows

if TYPE_CHECKING:
    from alphafactory.domain.bars import BarBatch


_MOST = 0.4


class SplitWithoutJump(SeriesRule):
    """Finds splits after which the raw close is more than 40 % away from where the ratio should have put it."""

    name: ClassVar[str] = "split_without_jump"
    severity: ClassVar[Severity] = Severity.WARNING
    quarantines: ClassVar[bool] = False
    reason: ClassVar[str] = "The split or its date is wrong, or the prices are adjusted already: adjusting breaks them."
    remedy: ClassVar[str] = "Check ratio, ex-date and the basis of the prices (raw or split_adjusted) in the config."

    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:
        """Return one finding a split, on the first session from its ex-date on."""
        bars = movements(series, context).bars
        rows, ratios = split_rows(bars, context.splits)
        moved = bars.close[rows] * ratios / bars.close[rows - 1] - 1
        wrong = np.abs(moved) > _MOST
        # A split too small to show is none that the price contradicts.
        wrong &= np.abs(bars.close[rows] / bars.close[rows - 1] - 1) < np.abs(moved)
        pairs = zip(rows[wrong].tolist(), ratios[wrong].tolist(), strict=True)
        return [self._split(bars, row, ratio) for row, ratio in pairs]

    def _split(self, bars: BarBatch, row: int, ratio: float) -> Finding:
        before = float(bars.close[row - 1])
        message = (
            f"a split of {ratio:.4g} for 1 is known, but the close went from {before:.10g} to {bars.close[row]:.10g} "
            f"where {before / ratio:.10g} was to be expected"
        )
        payload = {**payload_at(bars, row), "previous_close": before, "ratio": ratio}
        return self.finding(bars.tickers[bars.codes[row]], message, session_at(bars, row), payload)
