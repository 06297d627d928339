"""Crypto exchanges through ccxt: pairs like BTC/USDT, every day of the year, from 1d down to 1m.

Goes in: the name of an exchange. Comes out: its candles as bars whose session is the UTC date of their opening. The
library is an optional extra and takes a second to import, so it is imported when first needed.
"""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from alphafactory.domain.timeframes import SECONDS, TIMEFRAMES
from alphafactory.errors import SourceError, SourceUnavailableError, suggestion
from alphafactory.sources.base import BarAnswer, BarRequest, Offer, VendorSource
from alphafactory.sources.crypto_payloads import (
    Candle,
    complaint,
    read_candle,
    refusal,
    rows_of,
    span_of,
    timeframe_offered,
    to_answer,
    to_listing,
    to_milliseconds,
    to_session,
)
from alphafactory.sources.vendor import (
    EmptyAnswerError,
    GarbageError,
    NotOfferedError,
    UnknownSymbolError,
    VendorCaller,
    VendorDownError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from alphafactory.config_sources import CryptoSettings
    from alphafactory.domain.market import Listing
    from alphafactory.domain.timeframes import Timeframe

T = TypeVar("T")

_PAGE = 1000
_WEEK = 7
_HOST = re.compile(r"^\w+://[^/]+")


class CryptoSource(VendorSource):
    """Candles of one exchange. A request's end is a day that is over, so that no candle in progress is ever a bar."""

    name: ClassVar[str] = "crypto"
    description: ClassVar[str] = "A crypto exchange through ccxt: BTC/USDT and the like, daily and intraday, no key"
    offers: ClassVar[frozenset[Offer]] = frozenset({"bars", "profile"})
    timeframes: ClassVar[tuple[Timeframe, ...]] = TIMEFRAMES
    asset_classes: ClassVar[frozenset[str]] = frozenset({"crypto"})

    def __init__(self, settings: CryptoSettings, caller: VendorCaller) -> None:
        self.settings = settings
        self.caller = caller
        self._loaded: Any = None
        self._lock = threading.Lock()

    def check_available(self) -> None:
        """Return if ccxt is installed and has the exchange; errors as `Source.check_available`."""
        ccxt = _library()
        if self.settings.exchange not in ccxt.exchanges:
            raise SourceError(
                f"sources.crypto.exchange: ccxt has no exchange '{self.settings.exchange}'. "
                f"{suggestion(self.settings.exchange, ccxt.exchanges)}"
            )
        if not getattr(ccxt, self.settings.exchange)().has["fetchOHLCV"]:
            raise SourceError(
                f"sources.crypto.exchange: {self.settings.exchange} has no candles in ccxt. Choose another, as binance."
            )

    def fetch_bars(self, request: BarRequest) -> BarAnswer:
        """Return the candles of a pair, asked for in pages; errors as `VendorSource.fetch_bars`."""
        pair = spell(request.known_as)
        subject = self._subject(str(request))
        self._market(pair)
        since, last = span_of(request)
        candles: list[Candle] = []
        while since <= last:
            page = self._page(pair, request.timeframe, since, last, subject)
            # An exchange may begin a page one candle early: that one came with the page before.
            candles += [candle for candle in page if candle.opening is None or candle.opening >= since]
            openings = _openings(page, since, last)
            if not openings:
                break
            since = max(openings) + SECONDS[request.timeframe] * 1000
        return to_answer(candles, request, subject)

    def newest_session(self, as_of: date) -> date:
        """Return the newest day up to `as_of` of which the first configured pair has a candle.

        `as_of` is a day that is over; the candle of a day in progress cannot be told from a final one.
        """
        pair = spell(next(iter(self.settings.symbols), "BTC/USDT"))
        subject = self._subject(f"newest session of {pair} up to {as_of}")
        self._market(pair)
        since, last = to_milliseconds(as_of - timedelta(days=_WEEK - 1)), to_milliseconds(as_of)
        openings = _openings(self._page(pair, "1d", since, last, subject), since, last)
        if not openings:
            raise EmptyAnswerError(f"{subject}: no candle in a week. Check whether the pair still trades.")
        return to_session(max(openings))

    def fetch_profile(self, ticker: str) -> Listing:
        """Return a pair's currency and exchange; the exchange says nothing of names, sectors and dates."""
        return to_listing(ticker, self._market(spell(ticker)), self.settings.exchange)

    def _subject(self, asked: str) -> str:
        return f"crypto ({self.settings.exchange}), {asked}"

    def _page(self, pair: str, timeframe: Timeframe, since: int, last: int, subject: str) -> list[Candle]:
        """Return the candles from `since` on, at most a page and at most to `last`, both openings in milliseconds."""
        exchange = self._exchange()
        if not timeframe_offered(timeframe, exchange.timeframes):
            raise NotOfferedError(f"{subject}: the exchange has no candles of {timeframe}. Resample from finer ones.")
        limit = min(_PAGE, (last - since) // (SECONDS[timeframe] * 1000) + 1)

        def ask(timeout: float) -> list[Candle]:
            sent = _send(exchange, timeout, subject, lambda: exchange.fetch_ohlcv(pair, timeframe, since, limit))
            page = [read_candle(*candle) for candle in sent]
            if page and all(candle.opening is None or candle.opening < since for candle in page):
                raise GarbageError(
                    f"{subject}: {len(page)} candles, none at or after {to_session(since)} from where they were asked "
                    "for: the answer does not advance. Try again later."
                )
            return page

        return self.caller.call(ask)

    def _market(self, pair: str) -> dict[str, Any]:
        """Return what the exchange says of a pair.

        Raises:
            UnknownSymbolError: It does not have it.
        """
        exchange = self._exchange()
        if pair not in exchange.markets:
            raise UnknownSymbolError(
                f"{self._subject(pair)}: the exchange has no such pair among {len(exchange.markets)}. "
                f"Pairs are written as BTC/USDT. {suggestion(pair, exchange.markets, most=5)}"
            )
        market: dict[str, Any] = exchange.markets[pair]
        return market

    def _exchange(self) -> Any:
        """Return ccxt's exchange with its markets, which are asked for once."""
        with self._lock:
            if self._loaded is None:
                exchange = _connect(self.settings)
                self.caller.call(lambda timeout: self._load_markets(exchange, timeout))
                self._loaded = exchange
            return self._loaded

    def _load_markets(self, exchange: Any, timeout: float) -> None:
        subject = self._subject("list of pairs")
        try:
            markets = _send(exchange, timeout, subject, exchange.load_markets)
        except UnknownSymbolError as error:
            # No symbol was asked for, so that none may be marked as unknown.
            raise VendorDownError(
                f"{subject}: {self.settings.exchange} is not at this address. Check sources.crypto.base_url."
            ) from error
        if not markets:
            raise GarbageError(f"{subject}: the answer holds no pair. Try again later.")


def spell(known_as: str) -> str:
    """Return a ticker as ccxt writes it, which is how we write it: BTC/USDT."""
    return known_as


def _openings(page: list[Candle], since: int, last: int) -> list[int]:
    return [candle.opening for candle in page if candle.opening is not None and since <= candle.opening <= last]


def _library() -> Any:
    try:
        import ccxt  # noqa: PLC0415  optional, and a second to import
    except ImportError as error:
        raise SourceUnavailableError(
            "crypto: the library ccxt is not installed. Install it: pip install --no-deps -r requirements/crypto.lock"
        ) from error
    return ccxt


class _RefusedError(Exception):
    """The exchange answered with a status that tells enough."""

    def __init__(self, status: int, retry_after: str | None) -> None:
        super().__init__(status)
        self.status = status
        self.retry_after = retry_after


def _connect(settings: CryptoSettings) -> Any:
    """Return ccxt's exchange, without its own retries and limits, that tells refusals apart and keeps rows as sent."""
    kind: Any = getattr(_library(), settings.exchange)

    class Exchange(kind):  # type: ignore[misc]
        def on_rest_response(self, code: int, *rest: Any) -> Any:
            # ccxt itself makes one error of a rate limit and a ban, and one of an outage and a closed country.
            headers = rest[3]
            if refusal(code, "", None) is not None:
                raise _RefusedError(code, headers.get("Retry-After"))
            return super().on_rest_response(code, *rest)

        def parse_ohlcvs(self, ohlcvs: Any, market: Any = None, *_: Any, **__: Any) -> list[tuple[list[Any], Any]]:
            # ccxt would sort the rows, and forget what stood where it found no number.
            return [(self.parse_ohlcv(row, market), row) for row in rows_of(ohlcvs)]

    exchange = Exchange({"enableRateLimit": False, "options": {"fetchCurrencies": False, "maxRetriesOnFailure": 0}})
    chosen = exchange.options.get("fetchMarkets")
    if isinstance(chosen, dict) and "spot" in chosen.get("types", ()):
        # Futures would take further requests, on further hosts.
        chosen["types"] = ["spot"]
    if settings.base_url is not None:
        exchange.urls["api"] = _elsewhere(exchange.urls["api"], settings.base_url.rstrip("/"))
    return exchange


def _elsewhere(addresses: Any, base_url: str) -> Any:
    """Return ccxt's tree of addresses with every host replaced, so that nothing is asked of the exchange's own."""
    if isinstance(addresses, dict):
        return {name: _elsewhere(address, base_url) for name, address in addresses.items()}
    return _HOST.sub(lambda _: base_url, addresses) if isinstance(addresses, str) else addresses


def _send(exchange: Any, timeout: float, subject: str, ask: Callable[[], T]) -> T:
    """Return what the exchange answers within the timeout.

    Raises:
        VendorError: One of the tree, by the status or by what ccxt made of the body.
    """
    exchange.timeout = timeout * 1000
    try:
        return ask()
    except GarbageError as error:
        raise GarbageError(f"{subject}: {error}") from error
    except _RefusedError as error:
        raise refusal(error.status, subject, error.retry_after) or complaint(error, subject) from error
    except Exception as error:
        # Over a garbled body ccxt stumbles with any of Python's errors.
        raise complaint(error, subject) from error
