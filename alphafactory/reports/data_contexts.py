"""What a report says of its data: what changed in the past, who delivered what, how good each series is.

Goes in: plain values, read from the tables. `None` means undefined or not applicable, and is shown as a dash.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


@dataclass(frozen=True, slots=True)
class SourceRow:
    """Which source delivered how many bars, of one backtest or of all symbols, and their span."""

    source: str
    bars: int
    first_session: date
    last_session: date


@dataclass(frozen=True, slots=True)
class RestatedBar:
    """A bar that its own source changed: before and after; `others` are (field, before, after) of its other prices."""

    symbol: str
    session: date
    source: str
    old_close: float
    new_close: float
    old_volume: float
    new_volume: float
    others: tuple[tuple[str, float, float], ...] = ()

    @property
    def close_change(self) -> float | None:
        """Change of the close as a fraction."""
        return self.new_close / self.old_close - 1 if self.old_close else None

    @property
    def volume_change(self) -> float | None:
        """Change of the volume as a fraction."""
        return self.new_volume / self.old_volume - 1 if self.old_volume else None


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """Something else learned late of `subject`: what it is, in words, and who says so."""

    subject: str
    session: date | None
    what: str
    said_by: str


@dataclass(frozen=True, slots=True)
class Moved:
    """A backtest that ran again because its past changed: before and after, with its ranks by Sharpe, 1 the best.

    What it said before is None where nothing had answered that question yet; a rank is None where the Sharpe ratio is
    undefined. Returns are fractions.
    """

    backtest_id: int
    symbol: str
    strategy: str
    because: str
    old_sharpe: float | None
    new_sharpe: float | None
    old_return: float | None
    new_return: float | None
    old_rank: int | None
    new_rank: int | None
    is_benchmark: bool = False

    @property
    def climbed(self) -> int | None:
        """Places won, negative for places lost."""
        return None if self.old_rank is None or self.new_rank is None else self.old_rank - self.new_rank


@dataclass(frozen=True, slots=True)
class PastChanges:
    """What a night learned of sessions that an earlier night had seen, and what that did to the results.

    `restated` is the beginning of all `restated_count` bars, `moved` of all `moved_count` backtests, those first whose
    rank changed most. `ranked_before` and `ranked_now` say how many each rank is one of. `since` is the night before.
    """

    since: date | None
    restated: tuple[RestatedBar, ...] = ()
    restated_count: int = 0
    actions: tuple[ChangeRow, ...] = ()
    judgements: tuple[ChangeRow, ...] = ()
    members: tuple[ChangeRow, ...] = ()
    moved: tuple[Moved, ...] = ()
    moved_count: int = 0
    ranked_before: int = 0
    ranked_now: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed but that new sessions came."""
        return not (self.restated or self.actions or self.judgements or self.members)


@dataclass(frozen=True, slots=True)
class VendorRow:
    """How a source did tonight; counts are None where it was not asked at all."""

    name: str
    outcome: str
    requests: int | None
    bars: int | None
    message: str


@dataclass(frozen=True, slots=True)
class ScorePartRow:
    """What one kind of fault takes from a score: its name in words, how often it was found, the fraction it takes."""

    name: str
    count: int
    taken: float


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """The quality score of a symbol tonight, 0 to 1; `trend` holds (night, score), the oldest first, tonight's last."""

    symbol: str
    score: float
    parts: tuple[ScorePartRow, ...]
    trend: tuple[tuple[date, float], ...]
    refused: bool


@dataclass(frozen=True, slots=True)
class DataQuality:
    """The lowest scores; strategies refuse symbols below `minimum`. `flawless` of all `scored` have a score of 1."""

    minimum: float
    scored: int
    flawless: int
    lowest: tuple[ScoreRow, ...] = ()
    refused: tuple[tuple[str, float], ...] = ()
