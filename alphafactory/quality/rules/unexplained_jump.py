"""A price on another level from one session to the next, though no split is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality.rule import QualityContext, SeriesRule, payload_at, session_at
from alphafactory.quality.rules._jumps import jumps, nearest_split, reversals, split_in_words
from alphafactory.quality.rules._movements import Movements, mask_of, movements

if TYPE_CHECKING:
    from alphafactory.domain.bars import BarBatch


class UnexplainedJump(SeriesRule):
    """Finds closes that move by more than 40 %, or by a usual split ratio, by neither a split nor the market."""

    name: ClassVar[str] = "unexplained_jump"
    severity: ClassVar[Severity] = Severity.WARNING
    quarantines: ClassVar[bool] = False
    reason: ClassVar[str] = "A split that nobody reported looks like a crash and triggers every stop."
    remedy: ClassVar[str] = "Look for a split or a spin-off on that day and load it; accept it if the price is true."

    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:
        """Return one finding a bar, with the split ratio that it looks like, if any."""
        moves = movements(series, context)
        rows = jumps(moves)
        rows = rows[~mask_of(reversals(moves) + 1, len(moves.bars))[rows]]
        ratios = nearest_split(moves.change[rows])
        return [self._jump(moves, row, ratio) for row, ratio in zip(rows.tolist(), ratios.tolist(), strict=True)]

    def _jump(self, moves: Movements, row: int, ratio: float) -> Finding:
        bars, before = moves.bars, float(moves.bars.close[row - 1])
        known = bool(np.isfinite(ratio))
        like = f", as in a split of {split_in_words(ratio)}" if known else ""
        message = (
            f"the close went from {before:.10g} to {bars.close[row]:.10g} ({np.expm1(moves.change[row]):+.1%}){like}, "
            "and no split is known that explains it"
        )
        payload = {**payload_at(bars, row), "previous_close": before, "looks_like_ratio": ratio if known else None}
        return self.finding(bars.tickers[bars.codes[row]], message, session_at(bars, row), payload)
