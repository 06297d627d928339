"""Yahoo Finance: daily and intraday bars, splits, dividends, profiles and announcements, without a key.

Goes in: what is asked for, in our writing of tickers. Comes out: raw bars as traded and all else in our values.

* A daily chart is asked for through Yahoo's newest row, whatever the request's end: prices are on that row's share
  basis, and a split after the end must be in the answer to be undone. Later rows are dropped.
* An intraday chart has a limited reach, so that it ends with the request; its splits come from a daily chart.
* Announcements of up to a hundred symbols are one query of the earnings calendar, which names its symbols.
"""

from __future__ import annotations

import importlib.util
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from alphafactory.domain.timeframes import TIMEFRAMES, Timeframe, is_intraday
from alphafactory.errors import SourceUnavailableError
from alphafactory.sources.base import Actions, BarAnswer, BarRequest, Offer, VendorSource
from alphafactory.sources.vendor import EmptyAnswerError, GarbageError
from alphafactory.sources.yahoo_payloads import (
    Chart,
    bar_answer,
    priced_sessions,
    raw_dividends,
    raw_splits,
    read_chart,
    require_basis,
)
from alphafactory.sources.yahoo_records import announcement, read_earnings_rows, read_profile
from alphafactory.sources.yahoo_session import YahooConnection

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from alphafactory.config_sources import YahooSettings
    from alphafactory.domain.market import Dividend, EarningsDate, Listing, Split
    from alphafactory.sources.vendor import VendorCaller

_CHART = "https://query2.finance.yahoo.com/v8/finance/chart/"
_PROFILE = "https://query2.finance.yahoo.com/v10/finance/quoteSummary/"
_CALENDAR = "https://query1.finance.yahoo.com/v1/finance/visualization"

_NEWEST = 9_999_999_999
"""An end in the year 2286: everything up to the newest row, without asking a clock."""

_EARLIEST_ZONE = 14 * 3600
"""Seconds by which the first zone's midnight is ahead of UTC's; rows of the day before are dropped."""

_DAY = 86_400
_INTERVALS: dict[Timeframe, str] = {"1d": "1d", "1h": "60m", "15m": "15m", "5m": "5m", "1m": "1m"}
_MINUTES_AT_ONCE = timedelta(days=5)
"""Yahoo gives at most eight days of minutes an answer; this span and the margins for zones stay below."""

_PAGE = 100
"""Rows of the earnings calendar a request, and symbols a query."""

_BENCHMARK = "SPY"
"""The symbol by which the newest session is told: among the first to have its prices."""


def spell(known_as: str) -> str:
    """Return Yahoo's spelling of our ticker: BRK.B is BRK-B, an index keeps its ^."""
    return known_as.replace(".", "-")


class Yahoo(VendorSource):
    """Personal use only, says Yahoo; its interface is not official and changes without notice."""

    name = "yahoo"
    description = "Yahoo Finance through yfinance; needs no key, for personal use"
    offers: ClassVar[frozenset[Offer]] = frozenset({"bars", "actions", "profile", "earnings"})
    timeframes = TIMEFRAMES
    asset_classes = frozenset({"equity", "etf", "index"})
    ticker_follows_rename = True
    # A day less than Yahoo refuses, which counts by its own clock.
    reach: ClassVar[Mapping[Timeframe, int]] = {"1h": 728, "15m": 58, "5m": 58, "1m": 28}

    def __init__(self, settings: YahooSettings, caller: VendorCaller) -> None:
        """Keep the settings and the caller; nothing is asked yet."""
        self.settings = settings
        self.caller = caller
        self._connection = YahooConnection(settings.base_url)

    def check_available(self) -> None:
        """Return if yfinance and curl_cffi, its browser-like client, are installed; see `Source.check_available`."""
        for library in ("yfinance", "curl_cffi"):
            if importlib.util.find_spec(library) is None:
                raise SourceUnavailableError(f"yahoo: the library {library} is missing. Run: pip install {library}")

    def fetch_bars(self, request: BarRequest) -> BarAnswer:
        """Return the raw bars of a request with all actions from its start on; see `VendorSource.fetch_bars`."""
        subject = f"yahoo, {request}"
        daily = self._chart_if_any(request, subject, "1d", request.start, None)
        if not is_intraday(request.timeframe):
            return bar_answer(daily, request)
        interval = _INTERVALS[request.timeframe]
        parts = [
            self._chart_if_any(request, subject, interval, first, last).between(first, last)
            for first, last in _parts(request)
        ]
        return bar_answer(Chart.joined(parts), request, daily)

    def newest_session(self, as_of: date) -> date:
        """Return the newest session with prices of the most traded fund; see `VendorSource.newest_session`."""
        first, subject = as_of - timedelta(days=10), f"yahoo, newest session up to {as_of}"
        sessions = priced_sessions(self._chart(_BENCHMARK, subject, "1d", first, as_of), as_of)
        if not sessions:
            raise EmptyAnswerError(f"{subject}: no prices of {_BENCHMARK} since {first}. Ask another vendor.")
        return max(sessions)

    def fetch_actions(self, tickers: Sequence[str], start: date, end: date) -> Actions:
        """Return the splits and dividends by one request a ticker; the first refusal ends it.

        A ticker that Yahoo does not know (any more) is refused: to say that it has none would take back what was told.
        """
        splits: list[Split] = []
        dividends: list[Dividend] = []
        for ticker in tickers:
            subject = f"yahoo, actions of {ticker} {start} to {end}"
            chart = self._chart(spell(ticker), subject, "1d", start, None)
            require_basis(chart, subject)
            splits += (split for split in raw_splits(ticker, chart, start) if split.ex_date <= end)
            dividends += (dividend for dividend in raw_dividends(ticker, chart, start) if dividend.ex_date <= end)
        return Actions(tuple(splits), tuple(dividends))

    def fetch_profile(self, ticker: str) -> Listing:
        """Return name, exchange, sector and asset class; see `VendorSource.fetch_profile`."""
        subject = f"yahoo, profile of {ticker}"
        address = _PROFILE + quote(spell(ticker), safe="")
        modules = {"modules": "quoteType,assetProfile,summaryDetail", "formatted": "false"}
        return self.caller.call(
            lambda timeout: read_profile(self._connection.ask(subject, address, modules, timeout), ticker, subject)
        )

    def fetch_earnings(self, tickers: Sequence[str], start: date, end: date) -> tuple[EarningsDate, ...]:
        """Return the announcements, a hundred tickers a query; see `VendorSource.fetch_earnings`."""
        found: list[EarningsDate] = []
        ours = {spell(ticker): ticker for ticker in tickers}
        symbols = list(ours)
        for first in range(0, len(symbols), _PAGE):
            chosen = symbols[first : first + _PAGE]
            subject = f"yahoo, earnings of {chosen[0]} and {len(chosen) - 1} more, {start} to {end}"
            rows = self._earnings_rows(_earnings_query(chosen, start, end), subject)
            found += (announcement(row, ours[row["ticker"]], subject) for row in rows if row["ticker"] in ours)
        return tuple(earnings for earnings in found if start <= earnings.announced <= end)

    def _earnings_rows(self, query: dict[str, Any], subject: str) -> Iterator[dict[str, Any]]:
        """Yield the rows of all pages of a query."""
        before: list[dict[str, Any]] = []
        for offset in range(0, 100 * _PAGE, _PAGE):
            page = self._earnings_page({**query, "offset": offset}, subject)
            if page and page == before:
                raise GarbageError(f"{subject}: the page from row {offset} repeats the one before. Try again later.")
            yield from page
            if len(page) < _PAGE:
                return
            before = page
        raise GarbageError(f"{subject}: the answer has no end after {100 * _PAGE} rows. Ask for a shorter span.")

    def _earnings_page(self, body: dict[str, Any], subject: str) -> list[dict[str, Any]]:
        parameters = {"lang": "en-US", "region": "US"}
        return self.caller.call(
            lambda timeout: read_earnings_rows(
                self._connection.ask(subject, _CALENDAR, parameters, timeout, body), subject
            )
        )

    def _chart_if_any(self, request: BarRequest, subject: str, interval: str, start: date, end: date | None) -> Chart:
        """Return one chart, or an empty one where Yahoo refuses a span without rows: the calendar judges that."""
        try:
            return self._chart(spell(request.known_as), subject, interval, start, end)
        except EmptyAnswerError:
            return Chart.empty()

    def _chart(self, symbol: str, subject: str, interval: str, start: date, end: date | None) -> Chart:
        """Return one chart from `start` through `end`, or through the newest row."""
        parameters = {
            "period1": _midnight(start) - _EARLIEST_ZONE,
            "period2": _NEWEST if end is None else _midnight(end) + 2 * _DAY - _EARLIEST_ZONE,
            "interval": interval,
            "includePrePost": "false",
            "events": "div,splits",
        }
        address = _CHART + quote(symbol, safe="")
        return self.caller.call(
            lambda timeout: read_chart(self._connection.ask(subject, address, parameters, timeout), subject, symbol)
        )


def _midnight(day: date) -> int:
    """Return the day's midnight in UTC, in seconds since 1970."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _parts(request: BarRequest) -> Iterator[tuple[date, date]]:
    """Yield the spans of the requests that one request needs: minutes come a few days at a time."""
    first = request.start
    while first <= request.end:
        last = min(request.end, first + _MINUTES_AT_ONCE) if request.timeframe == "1m" else request.end
        yield first, last
        first = last + timedelta(days=1)


def _earnings_query(symbols: Sequence[str], start: date, end: date) -> dict[str, Any]:
    """Return yfinance's query of the earnings calendar (`Calendars.get_earnings_calendar`), narrowed to symbols."""

    def clause(operator: str, *operands: Any) -> dict[str, Any]:
        return {"operator": operator, "operands": list(operands)}

    # A day more at either end, for the moments are in UTC.
    bounds = (start - timedelta(days=1)).isoformat(), (end + timedelta(days=2)).isoformat()
    return {
        "sortType": "DESC",
        "entityIdType": "sp_earnings",
        "sortField": "startdatetime",
        "includeFields": ["ticker", "eventname", "startdatetime", "startdatetimetype", "epsestimate", "epsactual"],
        "size": _PAGE,
        "query": clause(
            "AND",
            clause("EQ", "region", "us"),
            clause("OR", clause("EQ", "eventtype", "EAD"), clause("EQ", "eventtype", "ERA")),
            clause("GTE", "startdatetime", bounds[0]),
            clause("LTE", "startdatetime", bounds[1]),
            clause("OR", *(clause("EQ", "ticker", symbol) for symbol in symbols)),
        ),
    }
