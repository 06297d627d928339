"""A move far beyond what is usual for the symbol, on a day on which the market did not move so."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality.rule import QualityContext, SeriesRule, payload_at, session_at
from alphafactory.quality.rules._jumps import jumps, reversals
from alphafactory.quality.rules._movements import mask_of, movements

if TYPE_CHECKING:
    from alphafactory.domain.bars import BarBatch


_SIGMAS = 12.0
_SMALLEST = 0.15
_MOST_VOLUME = 3.0


class Spike(SeriesRule):
    """Finds closes beyond 15 % and 12 robust standard deviations of the 60 sessions before, the market taken out.

    News brings many traders: a move with more than three times the usual volume was traded, and is none. A jump so
    large that `unexplained_jump` has it is left to that rule, and the way back from a misprint is no spike.
    """

    name: ClassVar[str] = "spike"
    severity: ClassVar[Severity] = Severity.WARNING
    quarantines: ClassVar[bool] = False
    reason: ClassVar[str] = (
        "A large move that few traded is often a misprint; one bar then decides the result of a backtest."
    )
    remedy: ClassVar[str] = "Look for news of that day or compare with another vendor; accept it if it is true."

    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:
        """Return one finding a bar, with the move in units of its standard deviation."""
        moves = movements(series, context)
        rows = np.flatnonzero(np.abs(moves.excess) > _SMALLEST)
        rows = rows[~mask_of(reversals(moves) + 1, len(moves.bars))[rows]]
        rows = rows[~mask_of(jumps(moves), len(moves.bars))[rows]]
        rows = rows[moves.bars.volume[rows] <= _MOST_VOLUME * moves.usual_volume(rows)]
        volatility = moves.volatility(rows)
        far = np.abs(moves.excess[rows]) > _SIGMAS * volatility
        findings = []
        for row, sigma in zip(rows[far].tolist(), volatility[far].tolist(), strict=True):
            findings.append(self._move(moves.bars, row, float(moves.change[row]), float(moves.excess[row]), sigma))
        return findings

    def _move(self, bars: BarBatch, row: int, change: float, excess: float, sigma: float) -> Finding:
        message = (
            f"the close moved by {np.expm1(change):+.1%}, by {np.expm1(excess):+.1%} against the market; "
            f"its usual move is {sigma:.1%}"
        )
        payload = {
            **payload_at(bars, row),
            "previous_close": float(bars.close[row - 1]),
            "log_change": change,
            "log_change_without_market": excess,
            "volatility": sigma,
        }
        return self.finding(bars.tickers[bars.codes[row]], message, session_at(bars, row), payload)
