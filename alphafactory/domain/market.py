"""What a source knows of the market beside bars: listings, corporate actions, announcements."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from alphafactory.domain.bars import BarBatch

Payload = dict[str, "str | int | float | bool | list[Payload] | list[str] | None"]
"""What a finding keeps of the offending rows; it is stored as jsonb."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A tradable thing as a source describes it. `delisted` is None while it trades."""

    ticker: str
    name: str | None = None
    exchange: str = "US"
    sector: str | None = None
    asset_class: str = "equity"
    calendar: str = "XNYS"
    currency: str = "USD"
    listed: date | None = None
    delisted: date | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """From `ex_date` on, one old share is `ratio` new ones (4.0 for a four-for-one split)."""

    ticker: str
    ex_date: date
    ratio: float


@dataclass(frozen=True, slots=True)
class Dividend:
    """`amount` of cash a share as traded just before `ex_date`'s own splits, to holders through the previous close."""

    ticker: str
    ex_date: date
    amount: float
    kind: str = "cash"


@dataclass(frozen=True, slots=True)
class EarningsDate:
    """An announcement of a fiscal period's earnings; figures per share, None while unknown."""

    ticker: str
    fiscal_period: str
    announced: date
    estimate: float | None = None
    actual: float | None = None


@dataclass(frozen=True, slots=True)
class Rename:
    """A symbol traded as `ticker` from `since` on; `since` is None for its first ticker."""

    ticker: str
    since: date | None


@dataclass(frozen=True, slots=True)
class Membership:
    """A symbol belongs to a universe from `valid_from` to `valid_to`, both inclusive; None is no bound."""

    ticker: str
    valid_from: date | None = None
    valid_to: date | None = None

    def includes(self, day: date) -> bool:
        """Return whether the symbol is a member on that day."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True)
class Observation:
    """What another vendor says of a session that is stored already: kept beside the bar, never in its place."""

    ticker: str
    session: date
    source: str
    close: float
    volume: float


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that could not even be read as a bar. `where` is "file:line"; `payload` holds its words as found."""

    ticker: str | None
    where: str
    reason: str
    payload: Payload


@dataclass(frozen=True, slots=True)
class Delivery:
    """Everything one source handed over in one go.

    `newest_session` is the newest session that the source offers for any symbol, by which missing sessions are judged.
    """

    source: str
    simulated: bool
    bars: BarBatch
    listings: tuple[Listing, ...]
    newest_session: date | None
    splits: tuple[Split, ...] = ()
    dividends: tuple[Dividend, ...] = ()
    earnings: tuple[EarningsDate, ...] = ()
    rejected: tuple[RejectedRow, ...] = field(default=())
