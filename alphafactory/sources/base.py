"""What a source is: something that delivers bars, listings, corporate actions and announcements.

A source is one file in this folder with one concrete subclass of `BulkSource` or `VendorSource`, built from its section
of the config. Sources are the only code that reads foreign files or speaks to a network.

* A bulk source (files, a simulation) hands over its whole market in one go.
* A vendor is asked for what is missing, symbol by symbol or session by session, within the limits of its plan.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from alphafactory.sources.vendor import NotOfferedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from alphafactory.domain.bars import BarBatch
    from alphafactory.domain.market import Delivery, Dividend, EarningsDate, Listing, RejectedRow, Rename, Split
    from alphafactory.domain.timeframes import Timeframe
    from alphafactory.sources.vendor import VendorCaller

Progress = Callable[[str, int, int], None]
"""Called with what is being fetched, how many are done, how many there are."""

Offer = Literal["bars", "grouped", "actions", "profile", "earnings", "delistings", "renames"]
"""What a vendor can be asked for; the names of `VendorSource`'s methods behind `fetch_`."""


class Source(ABC):
    """What all sources have: `name`, `description` and, where the prices are made up, `simulated`."""

    name: ClassVar[str]
    description: ClassVar[str]
    simulated: ClassVar[bool] = False

    @abstractmethod
    def check_available(self) -> None:
        """Return if the source is set up; nothing is asked of a network.

        Raises:
            SourceUnavailableError: It is not (no path, no key, no library); the message says how to set it up.
            SourceError: It is set up wrongly, for example with a path that does not exist.
        """


class BulkSource(Source):
    """Delivers a whole market at once. Subclasses take their settings as the only argument."""

    @abstractmethod
    def __init__(self, settings: Any) -> None:
        """Keep the settings; nothing is read before `fetch`."""

    @abstractmethod
    def stamp(self, as_of: date) -> str | None:
        """Return, cheaply, a text that is equal only if `fetch(as_of)` delivers the same; None if unknown."""

    @abstractmethod
    def fetch(self, as_of: date, tickers: Sequence[str] | None = None, progress: Progress | None = None) -> Delivery:
        """Deliver what is known on `as_of` of the given tickers, or of all.

        Bars come as the source has them: faulty ones too, for judging is the quality gate's work. What cannot be a bar
        at all is a `RejectedRow`. A ticker that the source does not have is simply absent.

        Raises:
            SourceError: Nothing usable could be delivered; the message says what, where and what to do.
        """


@dataclass(frozen=True, slots=True)
class BarRequest:
    """One symbol's bars from `start` to `end`, both inclusive, both sessions that have closed.

    `known_as` is the ticker under which the symbol traded in that span, in the writing of our tables (BRK.B, BTC/USDT);
    the vendor spells it in its own way. `listing` tells the rest: asset class, calendar, currency.
    """

    listing: Listing
    known_as: str
    start: date
    end: date
    timeframe: Timeframe = "1d"

    @property
    def ticker(self) -> str:
        """The symbol's ticker in our tables, under which the answer is given."""
        return self.listing.ticker

    def __str__(self) -> str:
        return f"{self.known_as} {self.timeframe} {self.start} to {self.end}"


@dataclass(frozen=True, slots=True)
class BarAnswer:
    """What a vendor has for one request: raw bars as traded, in any order, possibly faulty, none outside the request.

    `bars.tickers` are ours. `rejected` are rows in which prices are missing. `splits` and `dividends` come with the
    bars where the vendor sends them together; `actions_from` is then the day from which on they are complete.
    """

    bars: BarBatch
    splits: tuple[Split, ...] = ()
    dividends: tuple[Dividend, ...] = ()
    rejected: tuple[RejectedRow, ...] = ()
    actions_from: date | None = None


@dataclass(frozen=True, slots=True)
class Actions:
    """Corporate actions, dividends as paid a share before the ex-date's own splits."""

    splits: tuple[Split, ...] = ()
    dividends: tuple[Dividend, ...] = ()


class VendorSource(Source):
    """Is asked for what is missing. Every request goes through `caller`; library retries are off.

    `offers` names what can be asked for, `timeframes` the lengths of bars. A method raises a `VendorError` that tells
    what went wrong, with no key in its words; `NotOfferedError` where the vendor has nothing of the kind.
    `ticker_follows_rename` says whether the whole history is filed under today's ticker (Yahoo) or each part under the
    ticker of its time (Polygon). `actions_in_bulk`: corporate actions of many symbols take few requests.
    `reach`: days back from the night that the vendor keeps, for timeframes of which it does not keep all.
    """

    offers: ClassVar[frozenset[Offer]]
    timeframes: ClassVar[tuple[Timeframe, ...]] = ("1d",)
    asset_classes: ClassVar[frozenset[str]] = frozenset({"equity", "index"})
    ticker_follows_rename: ClassVar[bool] = True
    actions_in_bulk: ClassVar[bool] = False
    reach: ClassVar[Mapping[Timeframe, int]] = {}

    @abstractmethod
    def __init__(self, settings: Any, caller: VendorCaller) -> None:
        """Keep the settings and the caller; nothing is asked yet."""

    @abstractmethod
    def fetch_bars(self, request: BarRequest) -> BarAnswer:
        """Return the bars of a request, on the basis as traded.

        Raises:
            EmptyAnswerError: The vendor knows the symbol but sent no row for the span.
            UnknownSymbolError: It does not know the symbol (any more).
            NotEntitledError: The plan does not reach so far.
            VendorError: Any other refusal, told apart in `vendor.py`.
        """

    @abstractmethod
    def newest_session(self, as_of: date) -> date:
        """Return the newest session that the vendor offers up to `as_of`, by one cheap request."""

    def fetch_grouped(self, session: date, tickers: Sequence[str]) -> BarAnswer:
        """Return one session's bars of those of `tickers` that the vendor has, in one request."""
        raise NotOfferedError(f"{self.name} has no whole sessions ({session}, {len(tickers)} symbols).")

    def fetch_actions(self, tickers: Sequence[str], start: date, end: date) -> Actions:
        """Return all splits and dividends of the tickers with an ex-date from `start` to `end`."""
        raise NotOfferedError(f"{self.name} has no corporate actions ({len(tickers)} symbols, {start} to {end}).")

    def fetch_profile(self, ticker: str) -> Listing:
        """Return what the vendor says of a symbol: name, exchange, sector, asset class, listing dates."""
        raise NotOfferedError(f"{self.name} has no profiles. Ask another vendor for {ticker}.")

    def fetch_earnings(self, tickers: Sequence[str], start: date, end: date) -> tuple[EarningsDate, ...]:
        """Return the announcements of the tickers from `start` to `end`, in as few requests as the vendor allows."""
        raise NotOfferedError(f"{self.name} has no earnings calendar ({len(tickers)} symbols, {start} to {end}).")

    def fetch_delistings(self, as_of: date) -> tuple[Listing, ...]:
        """Return all symbols that have ceased to trade by `as_of`, each with the day of its delisting."""
        raise NotOfferedError(f"{self.name} has no list of delistings ({as_of}).")

    def fetch_renames(self, ticker: str) -> tuple[Rename, ...]:
        """Return the tickers that the symbol has had, oldest first."""
        raise NotOfferedError(f"{self.name} has no history of tickers. Ask another vendor for {ticker}.")
