"""A split that nobody reported: price and volume say so."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality.rule import QualityContext, SeriesRule, payload_at, session_at
from alphafactory.quality.rules._jumps import nearest_split, split_in_words
from alphafactory.quality.rules._movements import Movements, median, movements, windows

if TYPE_CHECKING:
    from alphafactory.domain.arrays import BoolArray, FloatArray, IntArray
    from alphafactory.domain.bars import BarBatch


_SESSIONS = 5
"""On each side of the jump, which must hold its level."""
_SMALLEST = 0.3
_USUAL_SESSIONS = 20
_MOST_RANGE = 1.5
_MOST_RANGE_THAT_DAY = 2.5
"""Times the usual high-low range: after a true crash, and most of all on its day, the range is much wider."""
_MOST_VOLUME = 2.5
"""Times the volume that the ratio promises."""


class MissedSplit(SeriesRule):
    """Finds jumps by a usual split ratio that stay, in a calm market and with volume scaled by the same ratio.

    The bar is true and is not quarantined: without it the jump would only stand one session later. All bars before it
    are on another share basis, so that nothing computed over the series means anything until the split is loaded.
    """

    name: ClassVar[str] = "missed_split"
    severity: ClassVar[Severity] = Severity.ERROR
    quarantines: ClassVar[bool] = False
    reason: ClassVar[str] = "The bars before and after are of different shares: every return over that day is wrong."
    remedy: ClassVar[str] = "Load the split with this ratio and ex-date; accept the finding if there was none."

    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:
        """Return one finding a split; the evidence is the fifth session on the new basis."""
        moves = movements(series, context)
        rows = _candidates(moves)
        ratios = nearest_split(moves.change[rows])
        found = np.isfinite(ratios) & _levels_hold(moves, rows) & _ranges_are_usual(moves, rows)
        rows, ratios = rows[found], ratios[found]
        scaled = _volume_scales(moves, rows, ratios)
        pairs = zip(rows[scaled].tolist(), ratios[scaled].tolist(), strict=True)
        return [self._split(moves.bars, row, ratio) for row, ratio in pairs]

    def _split(self, bars: BarBatch, row: int, ratio: float) -> Finding:
        before = float(bars.close[row - 1])
        message = (
            f"the close went from {before:.10g} to {bars.close[row]:.10g} and stayed there, and the volume changed "
            f"with it: a split of {split_in_words(ratio)} that is not known"
        )
        payload = {**payload_at(bars, row), "previous_close": before, "ratio": ratio}
        known = session_at(bars, row + _SESSIONS - 1)
        return self.finding(bars.tickers[bars.codes[row]], message, session_at(bars, row), payload, evidence=known)


def _candidates(moves: Movements) -> IntArray:
    """Return the rows of large changes that have enough bars of their symbol before and after them."""
    rows = np.flatnonzero(np.abs(moves.excess) > _SMALLEST)
    rows = rows[rows + _SESSIONS <= len(moves.bars)]
    same = moves.first[rows + _SESSIONS - 1] == moves.first[rows]
    enough: IntArray = rows[same & (rows - moves.first[rows] >= _USUAL_SESSIONS)]
    return enough


def _levels_hold(moves: Movements, rows: IntArray) -> BoolArray:
    """Return which jumps lead from one level to another: closes on either side stay within half of the jump."""
    logs = np.log(moves.bars.close)
    half = np.abs(moves.change[rows])[:, None] / 2
    before = logs[rows[:, None] - np.arange(1, _SESSIONS + 1)] - logs[rows - 1][:, None]
    after = logs[rows[:, None] + np.arange(_SESSIONS)] - logs[rows][:, None]
    held: BoolArray = np.all(np.abs(before) < half, axis=1) & np.all(np.abs(after) < half, axis=1)
    return held


def _ranges_are_usual(moves: Movements, rows: IntArray) -> BoolArray:
    bars = moves.bars
    ranges = np.log(bars.high / bars.low)
    usual = median(windows(ranges, rows, moves.first, _USUAL_SESSIONS))
    after = np.median(ranges[rows[:, None] + np.arange(_SESSIONS)], axis=1)
    calm: BoolArray = (ranges[rows] <= _MOST_RANGE_THAT_DAY * usual) & (after <= _MOST_RANGE * usual)
    return calm


def _volume_scales(moves: Movements, rows: IntArray, ratios: FloatArray) -> BoolArray:
    """Return where the median volume changed by the ratio: nearer to it than to no change, and not far beyond."""
    usual = moves.usual_volume(rows)
    after = np.median(moves.traded[rows[:, None] + np.arange(_SESSIONS)], axis=1) * moves.shares[rows]
    traded = (usual > 0) & (after > 0)
    change = np.log(np.where(traded, after, 1.0) / np.where(traded, usual, 1.0)) * np.sign(np.log(ratios))
    expected = np.abs(np.log(ratios))
    scaled: BoolArray = traded & (change > expected / 2) & (change < expected + np.log(_MOST_VOLUME))
    return scaled
