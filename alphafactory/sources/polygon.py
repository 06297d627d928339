"""Polygon.io, since 2025 Massive: bars of US stocks and funds, corporate actions, listings.

Goes in: the settings with the key, and the caller that keeps the plan's limits. Comes out: bars as traded, under the
ticker of their time. The vendor's own client builds paths, parameters and authorisation; what it would swallow is done
here: the timeout (the client keeps none), the HTTP status and Retry-After (it drops both), the decoding (it turns
garbage into an empty list) and the paging (it follows a repeating next_url for ever).
"""

from __future__ import annotations

import copy
import importlib.util
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from alphafactory.calendar import sessions_between
from alphafactory.errors import SourceError, SourceUnavailableError
from alphafactory.sources.actions import as_traded, split_factors
from alphafactory.sources.base import Actions, BarAnswer, BarRequest, Offer, VendorSource
from alphafactory.sources.polygon_payloads import (
    NEW_YORK,
    Page,
    Row,
    read_bars,
    read_delistings,
    read_dividends,
    read_listing,
    read_object,
    read_page,
    read_renames,
    read_result,
    read_splits,
    shorten,
)
from alphafactory.sources.vendor import (
    EmptyAnswerError,
    GarbageError,
    NotEntitledError,
    VendorDownError,
    classify_status,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from alphafactory.config_sources import PolygonSettings
    from alphafactory.domain.market import Dividend, Listing, Rename, Split
    from alphafactory.domain.timeframes import Timeframe
    from alphafactory.sources.vendor import VendorCaller

    Ask = Callable[[Any], Any]
    """A call of the client's own method, which returns the HTTP response."""

_SPANS: dict[Timeframe, tuple[int, str]] = {
    "1d": (1, "day"),
    "1h": (1, "hour"),
    "15m": (15, "minute"),
    "5m": (5, "minute"),
    "1m": (1, "minute"),
}
_MOST_BARS = 50_000
_MOST_ROWS = 1_000
"""A page's largest size, of bars and of reference data."""

_MOST_PAGES = 1_000
"""Of one answer. Ten years of minutes take 50, all dividends since 2003 some 800; beyond, the paging has no end."""

_FEW_TICKERS = 25
"""Up to as many, actions are asked for symbol by symbol; for more, the whole market's list is shorter."""
_FEW_TICKERS_OF_WEEKS = 2
"""The same for a span of a month at most: the market's list has a page or two."""
_MONTH = timedelta(days=31)

_LIQUID = "AAPL"
_DAYS_BACK = 10
"""Longer than exchanges are ever closed, so that the newest session lies within."""


def _few_tickers(start: date, end: date | None) -> int:
    return _FEW_TICKERS_OF_WEEKS if end is not None and end - start <= _MONTH else _FEW_TICKERS


class PolygonSource(VendorSource):
    """Asks Polygon for what is missing. Index values have no volume there and need a plan of their own: not asked."""

    name = "polygon"
    description = "Polygon.io (Massive): US stocks and funds, daily and intraday; needs a key"
    offers: ClassVar[frozenset[Offer]] = frozenset({"bars", "grouped", "actions", "profile", "delistings", "renames"})
    timeframes = tuple(_SPANS)
    asset_classes = frozenset({"equity", "etf"})
    ticker_follows_rename = False
    actions_in_bulk = True

    def __init__(self, settings: PolygonSettings, caller: VendorCaller) -> None:
        self.settings = settings
        self.caller = caller

    def check_available(self) -> None:
        """Return if there are a key and the library; see `Source.check_available`."""
        key = self._key
        if not key:
            raise SourceUnavailableError("polygon: there is no key. Write POLYGON_API_KEY=... into .env.")
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise SourceError(
                "polygon: the key holds characters that no key has. Copy POLYGON_API_KEY into .env again."
            )
        if importlib.util.find_spec("polygon") is None:
            raise SourceUnavailableError("polygon: the library is missing. Install it: pip install polygon-api-client.")

    @property
    def _key(self) -> str:
        return "" if self.settings.api_key is None else self.settings.api_key.get_secret_value()

    def fetch_bars(self, request: BarRequest) -> BarAnswer:
        """Return raw bars; where the plan's history begins later than asked, from there on. See `VendorSource`."""
        adjusted = self.settings.basis == "split_adjusted"
        rows, told_on = self._bar_rows(request.known_as, request.timeframe, request.start, request.end, adjusted)
        intraday = request.timeframe != "1d"
        answer = read_bars(rows, [0] * len(rows), (request.ticker,), request.start, request.end, intraday=intraday)
        self._refuse_empty(answer, f"polygon {request}", request.listing.calendar, request.start, request.end)
        return self._undo_splits(answer, request, told_on) if adjusted else answer

    def _bar_rows(
        self, ticker: str, timeframe: Timeframe, start: date, end: date, adjusted: bool
    ) -> tuple[list[Row], date | None]:
        """Return the rows as served, and the day in New York on which they were."""
        path, (multiplier, span) = quote(spell(ticker), safe=""), _SPANS[timeframe]
        return self._rows(
            f"polygon {ticker} {timeframe} {start} to {end}",
            lambda client: client.list_aggs(
                path, multiplier, span, str(start), str(end), adjusted=adjusted, sort="asc", limit=_MOST_BARS, raw=True
            ),
            {"adjusted": adjusted, "ticker": spell(ticker)},
        )

    def _undo_splits(self, answer: BarAnswer, request: BarRequest, told_on: date | None) -> BarAnswer:
        """Return the bars as traded: they came on the share basis of the day on which the vendor told them.

        Splits that are only announced by then have not touched them yet.
        """
        if told_on is None:
            raise GarbageError(
                f"polygon {request}: the answer does not tell its date, so nobody knows the splits in its prices. "
                "Set sources.polygon.basis to raw."
            )
        splits = [replace(split, ticker=request.ticker) for split in self._splits([request.known_as], request.start)]
        return replace(answer, bars=as_traded(answer.bars, split_factors(answer.bars, splits, told_on)))

    def newest_session(self, as_of: date) -> date:
        """Return the newest session of a liquid symbol; see `VendorSource`.

        Plans without today's data refuse a span that includes it; only then a second request leaves it out.
        """
        try:
            return self._newest(as_of)
        except NotEntitledError:
            return self._newest(as_of - timedelta(days=1))

    def _newest(self, end: date) -> date:
        start = end - timedelta(days=_DAYS_BACK)
        rows, _ = self._bar_rows(_LIQUID, "1d", start, end, adjusted=False)
        answer = read_bars(rows, [0] * len(rows), (_LIQUID,), start, end, intraday=False)
        if len(answer.bars) == 0:
            raise EmptyAnswerError(f"polygon: no bar of {_LIQUID} from {start} to {end}. Try again later.")
        newest: date = answer.bars.sessions.max().item()
        return newest

    def fetch_grouped(self, session: date, tickers: Sequence[str]) -> BarAnswer:
        """Return one session of many symbols, always asked for as traded; see `VendorSource`."""
        ours = {spell(ticker): ticker for ticker in tickers}
        subject = f"polygon whole market {session}"
        rows, _ = self._rows(
            subject,
            lambda client: client.get_grouped_daily_aggs(str(session), adjusted=False, raw=True),
            {"adjusted": False},
        )
        found = [(ours[row["T"]], row) for row in rows if isinstance(row.get("T"), str) and row["T"] in ours]
        names = tuple(sorted({ticker for ticker, _ in found}))
        place = {ticker: position for position, ticker in enumerate(names)}
        owners = [place[ticker] for ticker, _ in found]
        answer = read_bars([row for _, row in found], owners, names, session, session, intraday=False)
        if not rows:
            self._refuse_empty(answer, subject, "XNYS", session, session)
        return answer

    def fetch_actions(self, tickers: Sequence[str], start: date, end: date) -> Actions:
        """Return splits and dividends as paid, a request a symbol and kind, or the whole market's for many symbols."""
        return Actions(self._splits(tickers, start, end), self._dividends(tickers, start, end))

    def _splits(self, tickers: Sequence[str], start: date, end: date | None = None) -> tuple[Split, ...]:
        until = None if end is None else str(end)

        def ask(ticker: str | None) -> Ask:
            return lambda client: client.list_splits(
                ticker=ticker, execution_date_gte=str(start), execution_date_lte=until, limit=_MOST_ROWS, raw=True
            )

        few = _few_tickers(start, end)
        rows = self._action_rows("splits", tickers, ask, f"{start} to {until or 'whenever'}", few)
        return read_splits(rows, frozenset(map(spell, tickers)), start, end)

    def _dividends(self, tickers: Sequence[str], start: date, end: date) -> tuple[Dividend, ...]:
        def ask(ticker: str | None) -> Ask:
            return lambda client: client.list_dividends(
                ticker=ticker,
                ex_dividend_date_gte=str(start),
                ex_dividend_date_lte=str(end),
                limit=_MOST_ROWS,
                raw=True,
            )

        rows = self._action_rows("dividends", tickers, ask, f"{start} to {end}", _few_tickers(start, end))
        return read_dividends(rows, frozenset(map(spell, tickers)), start, end)

    def _action_rows(
        self, kind: str, tickers: Sequence[str], ask: Callable[[str | None], Ask], span: str, few: int
    ) -> list[Row]:
        if len(tickers) > few:
            return self._rows(f"polygon {kind} of the whole market {span}", ask(None))[0]
        answers = [self._rows(f"polygon {kind} of {one} {span}", ask(spell(one)))[0] for one in tickers]
        return [row for rows in answers for row in rows]

    def fetch_profile(self, ticker: str) -> Listing:
        """Return the reference data of a symbol, its sector by its SIC code; see `VendorSource`."""
        subject, path = f"polygon profile of {ticker}", quote(spell(ticker), safe="")
        payload = self._object(subject, lambda client: client.get_ticker_details(path, raw=True))
        return read_listing(read_result(payload, subject), ticker)

    def fetch_delistings(self, as_of: date) -> tuple[Listing, ...]:
        """Return the stocks that ceased to trade by `as_of`, in order of the day; see `VendorSource`."""
        rows, _ = self._rows(
            f"polygon delistings up to {as_of}",
            lambda client: client.list_tickers(market="stocks", active=False, limit=_MOST_ROWS, raw=True),
        )
        return read_delistings(rows, as_of)

    def fetch_renames(self, ticker: str) -> tuple[Rename, ...]:
        """Return the symbol's tickers, oldest first; see `VendorSource`."""
        subject, path = f"polygon renames of {ticker}", quote(spell(ticker), safe="")
        payload = self._object(subject, lambda client: client.get_ticker_events(path, raw=True))
        return read_renames(read_result(payload, subject), ticker, subject)

    def _refuse_empty(self, answer: BarAnswer, subject: str, calendar: str, start: date, end: date) -> None:
        if len(answer.bars) or answer.rejected or not len(sessions := sessions_between(calendar, start, end)):
            return
        raise EmptyAnswerError(f"{subject}: no row came for {len(sessions)} sessions. Ask another vendor for them.")

    @cached_property
    def _client(self) -> Any:
        """The vendor's client, its own retries off, one connection kept a thread."""
        self.check_available()
        from polygon import RESTClient  # noqa: PLC0415  0.3 s: only when the vendor is asked

        client = RESTClient(api_key=self._key, base=self.settings.base_url.rstrip("/"), retries=0)
        client.client.connection_pool_kw["maxsize"] = self.caller.limits.threads
        return client

    def _rows(self, subject: str, ask: Ask, asked_for: Row | None = None) -> tuple[list[Row], date | None]:
        """Return the rows of all pages, and the day of the last by the vendor's clock in New York.

        `asked_for` is what the answer must confirm, where it speaks of it: the basis, the ticker.
        """
        rows: list[Row] = []
        asked: set[str] = set()
        for _ in range(_MOST_PAGES):
            page, day = self.caller.call(partial(self._page, subject, ask, asked, asked_for or {}))
            rows += page.rows
            if page.following is None:
                return rows, day
            asked.add(page.following)
            ask = partial(_follow, page.following)
        raise GarbageError(f"{subject}: more than {_MOST_PAGES} pages. Ask for a shorter span, or another vendor.")

    def _page(
        self, subject: str, ask: Ask, asked: set[str], asked_for: Row, timeout: float
    ) -> tuple[Page, date | None]:
        payload, day = self._answer(subject, ask, timeout)
        for name, value in asked_for.items():
            if payload.get(name, value) != value:
                found = shorten(str(payload[name]))
                raise GarbageError(f"{subject}: asked with {name}={value}, answered with {found}. Try again later.")
        page = read_page(payload, subject)
        if page.following in asked:
            raise GarbageError(f"{subject}: the next page is one that was already read. Try again later.")
        return page, day

    def _object(self, subject: str, ask: Ask) -> Row:
        return self.caller.call(lambda timeout: self._answer(subject, ask, timeout)[0])

    def _answer(self, subject: str, ask: Ask, timeout: float) -> tuple[Row, date | None]:
        """Send one request; return the answer's object and the day in New York by the vendor's clock."""
        # A copy shares pool and key; only this request's time limit and words are its own, whatever other threads ask.
        client = copy.copy(self._client)
        client.client = _Exchange(client.client, subject, timeout, self.caller.redact)
        response = ask(client)
        # The key goes first: shortened words could end in a part of it, which nobody would recognise any more.
        text = self.caller.redact(response.data.decode("utf-8", "replace"))
        return read_object(text, subject), _day_told(response.headers.get("Date"))


def spell(known_as: str) -> str:
    """Return Polygon's spelling of a ticker, which is ours: BRK.B. Small letters are others' tickers."""
    return known_as


def _follow(path: str, client: Any) -> Any:
    return client._get(path, raw=True)  # noqa: SLF001  the client's own paging goes the same way


def _day_told(stamp: str | None) -> date | None:
    """Return New York's day of an HTTP Date, which is the vendor's clock; None where it tells none."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415  only when the vendor is asked

    try:
        return parsedate_to_datetime(stamp or "").astimezone(NEW_YORK).date()
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class _Exchange:
    """Stands before the client's connections for one request: keeps its time, tells refusals apart."""

    pool: Any
    subject: str
    timeout: float
    redact: Callable[[str], str]

    def request(self, method: str, url: str, **given: Any) -> Any:
        """Send and return the response, which says 200; the client calls this as it would its own pool."""
        import urllib3  # noqa: PLC0415  comes with the client

        limit = urllib3.Timeout(total=self.timeout)
        try:
            response = self.pool.request(method, url, timeout=limit, retries=False, redirect=False, **given)
        except urllib3.exceptions.HTTPError as trouble:
            words = shorten(self.redact(str(trouble)))
            late = isinstance(trouble, urllib3.exceptions.TimeoutError)
            what = f"no answer within {self.timeout:g} s" if late else "out of reach"
            raise VendorDownError(f"{self.subject}: {what} ({words}). Try later.") from None
        said = shorten(self.redact(response.data.decode("utf-8", "replace")))
        refusal = classify_status(response.status, self.subject, response.headers.get("Retry-After"))
        if refusal is not None:
            refusal.args = (f"{refusal} It says: '{said}'",)
            raise refusal
        if response.status != 200:  # noqa: PLR2004  HTTP's own number
            raise GarbageError(f"{self.subject}: an answer without content (HTTP {response.status}). Try again later.")
        return response
