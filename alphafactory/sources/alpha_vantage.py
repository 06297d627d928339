"""Alpha Vantage: raw daily bars, corporate actions, profiles, the earnings calendar and delistings of US equities.

Goes in: what is asked for. Comes out: bars as traded, and the rest of the domain's values.

1. Daily bars are asked through the vendor's library, which writes the request and takes the answer apart. Only its
   transport is ours: its own has no timeout and looks at no HTTP status.
2. All else is asked directly: the library has no calendar and no listings, and makes lists into data frames.
3. The free plan reaches back 100 sessions (`compact`). The premium plan sends whole histories too (`full`), with splits
   and dividends inline (TIME_SERIES_DAILY_ADJUSTED); their prices are as traded as well.
"""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, TypeVar
from urllib.parse import quote, urlencode

from alphafactory.calendar import sessions_between
from alphafactory.errors import SourceUnavailableError
from alphafactory.sources import alpha_vantage_payloads as payloads
from alphafactory.sources.base import Actions, BarAnswer, VendorSource
from alphafactory.sources.vendor import (
    EmptyAnswerError,
    GarbageError,
    NotEntitledError,
    NotOfferedError,
    VendorDownError,
    VendorError,
    classify_status,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from alphafactory.config_sources import AlphaVantageSettings
    from alphafactory.domain.market import Dividend, EarningsDate, Listing, Split
    from alphafactory.sources.base import BarRequest, Offer
    from alphafactory.sources.vendor import VendorCaller

T = TypeVar("T")

_REFERENCE = "IBM"
"""Has traded on every session of the vendor's history: its newest bar is the newest session on offer."""

Size: TypeAlias = Literal["compact", "full"]

_COMPACT = 100
"""Rows of a compact answer; fewer are all that the vendor has of the symbol."""

_LONGEST = 200


class AlphaVantageSource(VendorSource):
    """Asks Alpha Vantage; see the module. Without a key it is not available."""

    name: ClassVar[str] = "alpha_vantage"
    description: ClassVar[str] = "Alpha Vantage: US equities, 25 requests a day for free; its earnings calendar is one"
    offers: ClassVar[frozenset[Offer]] = frozenset({"bars", "actions", "profile", "earnings", "delistings"})
    asset_classes: ClassVar[frozenset[str]] = frozenset({"equity"})
    ticker_follows_rename: ClassVar[bool] = True

    def __init__(self, settings: AlphaVantageSettings, caller: VendorCaller) -> None:
        self.settings = settings
        self.caller = caller
        self._key = "" if settings.api_key is None else settings.api_key.get_secret_value()

    def check_available(self) -> None:
        """Return if there is a key and the library; see `Source.check_available`."""
        if not self._key:
            raise SourceUnavailableError(
                "alpha_vantage: there is no key. Get one at alphavantage.co and write ALPHA_VANTAGE_API_KEY into .env."
            )
        if find_spec("alpha_vantage") is None:
            raise SourceUnavailableError("alpha_vantage: its library is missing. Run: pip install alpha_vantage.")

    def fetch_bars(self, request: BarRequest) -> BarAnswer:
        """Return the bars of a request; the free plan's may begin later than asked. See `VendorSource.fetch_bars`."""
        if request.timeframe not in self.timeframes:
            raise NotOfferedError(f"alpha_vantage has no bars of {request.timeframe} ({request}). Ask another vendor.")
        sessions = len(sessions_between(request.listing.calendar, request.start, request.end))
        size: Size = "full" if self.settings.premium and sessions > _COMPACT else "compact"
        series, answer = self._ask_bars(request, size)
        if self.settings.premium and size == "compact" and _is_cut_after(series, request.start):
            # Most nights ask for the newest sessions alone: 20 kB in place of a megabyte a symbol.
            series, answer = self._ask_bars(request, "full")
        if sessions > 0 and len(answer.bars) == 0 and not answer.rejected:
            raise self._nothing(series, request)
        return answer

    def newest_session(self, as_of: date) -> date:
        """Return the newest session offered up to `as_of`; see `VendorSource.newest_session`."""
        subject = f"alpha_vantage, newest session up to {as_of}"
        size: Size = "full" if self.settings.premium else "compact"
        series = self.caller.call(lambda timeout: self._daily_series(_REFERENCE, size, subject, timeout))
        days = _days(series)
        offered = [day for day in days if day <= as_of]
        if offered:
            return max(offered)
        if days:
            raise NotEntitledError(f"{subject}: its bars begin on {min(days)}. Take a later date or the premium plan.")
        raise EmptyAnswerError(f"{subject}: no session came. Try again later.")

    def fetch_actions(self, tickers: Sequence[str], start: date, end: date) -> Actions:
        """Return splits and dividends, by two requests a ticker; the first refusal ends it."""
        splits: list[Split] = []
        dividends: list[Dividend] = []
        for ticker in tickers:
            read_splits = partial(payloads.read_splits, ticker=ticker, start=start, end=end)
            read_dividends = partial(payloads.read_dividends, ticker=ticker, start=start, end=end)
            splits += self._ask_json("SPLITS", ticker, read_splits)
            dividends += self._ask_json("DIVIDENDS", ticker, read_dividends)
        return Actions(tuple(splits), tuple(dividends))

    def fetch_profile(self, ticker: str) -> Listing:
        """Return name, exchange, sector and currency; see `VendorSource.fetch_profile`."""
        return self._ask_json("OVERVIEW", ticker, partial(payloads.read_profile, ticker=ticker))

    def fetch_earnings(self, tickers: Sequence[str], start: date, end: date) -> tuple[EarningsDate, ...]:
        """Return announcements of the coming twelve months, of all tickers by one request."""
        ours = {payloads.spell(ticker): ticker for ticker in tickers}
        return self._ask_table(
            {"function": "EARNINGS_CALENDAR", "horizon": "12month"},
            payloads.EARNINGS_COLUMNS,
            partial(payloads.read_earnings, tickers=ours, start=start, end=end),
        )

    def fetch_delistings(self, as_of: date) -> tuple[Listing, ...]:
        """Return all symbols that had ceased to trade by `as_of`, by one request."""
        return self._ask_table(
            {"function": "LISTING_STATUS", "state": "delisted"},
            payloads.LISTING_COLUMNS,
            partial(payloads.read_delistings, as_of=as_of),
        )

    def _ask_bars(self, request: BarRequest, size: Size) -> tuple[payloads.Series, BarAnswer]:
        """Return what the vendor sent, and of it what was asked for."""
        subject = f"alpha_vantage, bars of {request}"

        def ask(timeout: float) -> tuple[payloads.Series, BarAnswer]:
            series = self._daily_series(payloads.spell(request.known_as), size, subject, timeout)
            return series, self._read(series, request, subject)

        return self.caller.call(ask)

    def _read(self, series: payloads.Series, request: BarRequest, subject: str) -> BarAnswer:
        if not self.settings.premium:
            bars, rejected = payloads.read_bars(series, request, payloads.RAW_COLUMNS)
            return BarAnswer(bars, rejected=rejected)
        bars, rejected = payloads.read_bars(series, request, payloads.ADJUSTED_COLUMNS)
        splits, dividends, since = payloads.read_inline_actions(series, request, subject)
        return BarAnswer(bars, splits, dividends, rejected, actions_from=since)

    def _nothing(self, series: payloads.Series, request: BarRequest) -> VendorError:
        """Return the reason for which there is no row where there are sessions."""
        subject = f"alpha_vantage, bars of {request}"
        if not self.settings.premium and _is_cut_after(series, request.end):
            return NotEntitledError(
                f"{subject}: the free plan reaches back to {min(_days(series))}. "
                "Ask another vendor, or set sources.alpha_vantage.premium if the plan has full histories."
            )
        return EmptyAnswerError(f"{subject}: no row came, though the exchange was open. Ask another vendor.")

    def _daily_series(self, symbol: str, size: Size, subject: str, timeout: float) -> payloads.Series:
        """Ask the vendor's library for a daily series; errors as `_download`."""
        from alpha_vantage.timeseries import TimeSeries  # noqa: PLC0415  brings pandas, 1 s: only when bars are asked

        def carry(url: str) -> dict[str, Any]:
            answer = self._object(url.partition("?")[2], subject, timeout)
            return payloads.complete_series(answer, symbol, subject)

        # The library writes its arguments into the address as they are, so they are quoted here.
        client = TimeSeries(key=quote(self._key, safe=""), output_format="json")
        client._handle_api_call = carry  # noqa: SLF001  of this instance alone; the library has no other door
        call = client.get_daily_adjusted if self.settings.premium else client.get_daily
        series, _ = call(quote(symbol, safe=""), outputsize=size)
        return list(series.pairs)

    def _ask_json(self, function: str, ticker: str, read: Callable[..., T]) -> T:
        subject = f"alpha_vantage, {function} of {ticker}"
        symbol = payloads.spell(ticker)
        query = urlencode({"function": function, "symbol": symbol, "apikey": self._key})

        def ask(timeout: float) -> T:
            answer = self._object(query, subject, timeout)
            payloads.require_symbol(answer.get("symbol", answer.get("Symbol")), symbol, subject)
            return read(answer, subject=subject)

        return self.caller.call(ask)

    def _ask_table(self, question: Mapping[str, str], columns: Sequence[str], read: Callable[..., T]) -> T:
        subject = f"alpha_vantage, {question['function']}"
        query = urlencode({**question, "apikey": self._key})

        def ask(timeout: float) -> T:
            text = self._download(query, subject, timeout)
            return read(payloads.parse_table(text, columns, subject, self._shorten), subject=subject)

        return self.caller.call(ask)

    def _object(self, query: str, subject: str, timeout: float) -> payloads.JsonObject:
        return payloads.parse_object(self._download(query, subject, timeout), subject, self._shorten)

    def _download(self, query: str, subject: str, timeout: float) -> str:
        """Return the body of an answer.

        Raises:
            VendorError: The vendor was not reached or refused; the address, which holds the key, is in no message.
        """
        import requests  # noqa: PLC0415  60 ms: only when something is asked

        try:
            reply = requests.get(f"{self.settings.base_url.rstrip('/')}/query", params=query, timeout=timeout)
        except requests.Timeout:
            raise VendorDownError(f"{subject}: no answer within {timeout:g} seconds. Try again later.") from None
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            raise VendorDownError(f"{subject}: no connection, or it was cut. Try again later.") from None
        except requests.exceptions.ContentDecodingError:
            raise GarbageError(f"{subject}: the answer cannot be unpacked. Try again later.") from None
        except requests.RequestException as error:
            raise VendorError(
                f"{subject}: it could not be asked ({type(error).__name__}). Check sources.alpha_vantage.base_url."
            ) from None
        refusal = classify_status(reply.status_code, subject, reply.headers.get("Retry-After"))
        if refusal is not None:
            raise refusal
        try:
            return reply.content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise GarbageError(f"{subject}: the answer is no text in UTF-8. Try again later.") from None

    def _shorten(self, words: str) -> str:
        """Make foreign words fit for a message: without the key, which they often repeat, in one line, not too long."""
        for key in (self._key, quote(self._key, safe="")):
            words = words.replace(key, "***")
        return " ".join(words.split())[:_LONGEST]


def _days(series: payloads.Series) -> list[date]:
    return [day for text, _ in series if (day := payloads.day_of(text)) is not None]


def _is_cut_after(series: payloads.Series, wanted: date) -> bool:
    """Return whether a compact answer ends before it reaches back to the wanted day."""
    days = _days(series)
    return len(days) >= _COMPACT and wanted < min(days)
