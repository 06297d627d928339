"""Bars in another unit: pence for pounds, or cents for dollars."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality.rule import QualityContext, SeriesRule, payload_at, session_at
from alphafactory.quality.rules._movements import Movements, movements

if TYPE_CHECKING:
    from alphafactory.domain.arrays import IntArray
    from alphafactory.domain.bars import BarBatch

_FACTOR = 100.0
_TOLERANCE = np.log(2.0)
"""Nothing true moves a hundredfold, so that a wild session's own move may be left in: a way back that is overlooked
would count all later bars as being in the wrong unit."""
_LEAST_SCALING = 25.0
"""A split of 1 for 100, or 100 for 1, scales the volume by more than this; another unit does not, and news hardly."""
_SMALL_SHARE = 0.2
_FEWEST = 60


class UnitJump(SeriesRule):
    """Finds bars beyond a jump of x100 or /100 that make up at most a fifth of their series so far.

    Which unit is the wrong one is decided by the bars up to the evidence alone: the first session, at the earliest the
    60th, at which the bars of that unit are at most a fifth. A unit that lasts longer is left to `unexplained_jump`,
    which warns of each change.
    """

    name: ClassVar[str] = "unit_jump"
    severity: ClassVar[Severity] = Severity.ERROR
    quarantines: ClassVar[bool] = True
    reason: ClassVar[str] = "A price in pence among prices in pounds is a return of 9,900 % and back."
    remedy: ClassVar[str] = (
        "Bring the series to one unit in the source; check the currency that the symbol is listed in."
    )

    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:
        """Return one finding a bar."""
        moves = movements(series, context)
        steps = _steps(moves)
        findings: list[Finding] = []
        for first in np.unique(moves.first[np.flatnonzero(steps)]).tolist():
            end = int(np.searchsorted(moves.first, first, side="right"))
            level = np.cumsum(steps[first:end])
            for unit in np.unique(level).tolist():
                findings += self._unit(moves.bars, first, level, unit)
        return sorted(findings, key=lambda finding: (finding.subject, str(finding.session)))

    def _unit(self, bars: BarBatch, first: int, level: IntArray, unit: int) -> list[Finding]:
        """Return the findings of the bars of one unit of a symbol whose first bar is at row `first`."""
        mine = level == unit
        count = np.arange(1, len(level) + 1)
        small = (np.cumsum(mine) <= _SMALL_SHARE * count) & (count >= _FEWEST)
        known = np.minimum.accumulate(np.where(small, np.arange(len(level)), len(level))[::-1])[::-1]
        rows = np.flatnonzero(mine & (known < len(level)))
        return [self._bar(bars, first + row, first + int(known[row])) for row in rows.tolist()]

    def _bar(self, bars: BarBatch, row: int, known: int) -> Finding:
        message = f"the close of {bars.close[row]:.10g} is in another unit than the series, 100 times off"
        ticker = bars.tickers[bars.codes[row]]
        evidence = session_at(bars, known) if known > row else None
        return self.finding(ticker, message, session_at(bars, row), payload_at(bars, row), evidence=evidence)


def _steps(moves: Movements) -> IntArray:
    """Return +1 where the unit changes to a hundredth, -1 where it changes back, else 0; shape (n,)."""
    logs = np.log(moves.bars.close)
    raw = np.concatenate(([0.0], np.diff(logs))) * (np.arange(len(logs)) > moves.first)
    explained = np.abs(np.nan_to_num(moves.change, nan=np.inf)) < np.abs(raw) / 2
    rows = np.flatnonzero((np.abs(np.abs(raw) - np.log(_FACTOR)) <= _TOLERANCE) & ~explained)
    usual, volume = moves.usual_volume(rows), moves.bars.volume[rows]
    scaled = np.where(raw[rows] > 0, volume * _LEAST_SCALING < usual, volume > _LEAST_SCALING * usual)
    steps = np.zeros(len(moves.bars), dtype=np.int64)
    signs = np.sign(raw[rows]).astype(np.int64)
    for first in np.unique(moves.first[rows]).tolist():
        mine = moves.first[rows] == first
        steps[rows[mine]] = _steps_of_symbol(signs[mine].tolist(), scaled[mine].tolist())
    return steps


def _steps_of_symbol(signs: list[int], scaled: list[bool]) -> list[int]:
    """Return which of a symbol's hundredfold jumps change its unit; splits, by their volume, do not.

    News may fall on any of the days, so that a way back to the first unit is one whatever the volume.
    """
    steps, level, passed = [], 0, 0
    for sign, is_split in zip(signs, scaled, strict=True):
        if level + sign != 0 and (is_split or passed + sign == 0):
            passed += sign
            steps.append(0)
        else:
            level += sign
            steps.append(sign)
    return steps
