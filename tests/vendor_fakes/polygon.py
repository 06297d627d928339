"""Polygon on loopback: its wire, its conventions and its plan's limits, told from a made-up market."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from vendor_fakes.server import Reply, Request

if TYPE_CHECKING:
    from alphafactory.domain.market import Dividend, Split
    from vendor_fakes.truth import Bar, Market, Security

KEY = "loopback-key-0123456789"
NEW_YORK = ZoneInfo("America/New_York")
MINUTES = {"minute": 1, "hour": 60}
SIC_CODES = {
    "Technology": "3571",
    "Information Technology": "7372",
    "Health Care": "2834",
    "Financials": "6021",
    "Energy": "1311",
    "Utilities": "4911",
    "Consumer Staples": "2080",
}
TYPES = {"equity": "CS", "etf": "ETF", "index": "INDEX"}
KINDS = {"cash": "CD", "special": "SC"}

UNKNOWN_KEY = Reply({"status": "ERROR", "request_id": "r1", "error": "Unknown API Key"}, 401)
NOT_ENTITLED = Reply(
    {"status": "NOT_AUTHORIZED", "request_id": "d", "message": "Your plan doesn't include this data timeframe."}, 403
)
NOT_FOUND = Reply({"status": "NOT_FOUND", "request_id": "j", "message": "Ticker not found."}, 404)
TOO_MANY = Reply(
    {"status": "ERROR", "request_id": "f", "error": "You've exceeded the maximum requests per minute, please wait."},
    429,
)
LIQUID = "AAPL"
"""Asked for to learn the newest session; where the market lacks it, its first security stands in."""


@dataclass
class PolygonApp:
    """Answers as Polygon does.

    `history_start`: the plan's edge (spans that straddle it are cut, older ones refused). `newest`: the newest session
    offered; `refuses_after` spans that reach beyond it, as plans without today's data do. `holes`: tickers whose newest
    session has a null close. `unknown`: tickers answered by 404. `today`: splits later than it are only announced.
    `renames`: changes of ticker by today's ticker. `page_size`: rows a page. `key`: the one that is accepted.
    """

    market: Market
    key: str = KEY
    history_start: date | None = None
    newest: date | None = None
    refuses_after: bool = False
    holes: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    today: date = date.max
    renames: dict[str, list[tuple[date, str]]] = field(default_factory=dict)
    page_size: int | None = None

    def __call__(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return UNKNOWN_KEY
        query, first = request.query, 0
        if "cursor" in query:
            cursor = json.loads(base64.urlsafe_b64decode(query["cursor"]))
            query, first = cursor["query"], cursor["first"]
        match [unquote(part) for part in request.path.strip("/").split("/")]:
            case ["v2", "aggs", "ticker", ticker, "range", multiplier, span, start, end]:
                days = date.fromisoformat(start), date.fromisoformat(end)
                reply = self._range(ticker, int(multiplier) * MINUTES.get(span, 0), *days, query)
            case ["v2", "aggs", "grouped", "locale", "us", "market", "stocks", day]:
                reply = self._grouped(date.fromisoformat(day), query)
            case ["v3", "reference", "splits"]:
                reply = self._splits(query)
            case ["v3", "reference", "dividends"]:
                reply = self._dividends(query)
            case ["v3", "reference", "tickers"]:
                reply = self._delisted()
            case ["v3", "reference", "tickers", ticker]:
                reply = self._details(ticker)
            case ["vX", "reference", "tickers", ticker, "events"]:
                reply = self._events(ticker)
            case _:
                reply = Reply("404 page not found", 404)
        return self._cut_into_pages(reply, request.path, query, first)

    def _range(self, ticker: str, minutes: int, start: date, end: date, query: dict[str, str]) -> Reply:
        if self.history_start is not None and end < self.history_start:
            return NOT_ENTITLED
        if self.refuses_after and self.newest is not None and end > self.newest:
            return NOT_ENTITLED
        if ticker in self.unknown:
            return NOT_FOUND
        security = self.market.get(ticker)
        if security is None and ticker == LIQUID:
            security = next(iter(self.market.values()), None)
        rows: list[dict[str, Any]] = []
        adjusted = query.get("adjusted", "true") == "true"
        if security is not None:
            first, last = max(start, self.history_start or start), min(end, self.newest or end)
            for day, bar in security.between(first, last).items():
                adjusted_bar = self._adjusted(security, day, bar) if adjusted else bar
                rows += _intraday(day, adjusted_bar, minutes) if minutes else [_row(_at(day, time()), adjusted_bar)]
        if rows and ticker in self.holes and end >= max(security.bars if security else ()):
            rows[-1]["c"] = None
        if query.get("sort") == "desc":
            rows.reverse()
        return _aggregates(rows, ticker=ticker, adjusted=adjusted)

    def _grouped(self, day: date, query: dict[str, str]) -> Reply:
        if self.history_start is not None and day < self.history_start:
            return NOT_ENTITLED
        if self.newest is not None and day > self.newest:
            return NOT_ENTITLED if self.refuses_after else _aggregates([], adjusted=False)
        adjusted = query.get("adjusted", "true") == "true"
        rows = []
        for ticker, security in self.market.items():
            if day not in security.bars or ticker in self.unknown:
                continue
            bar = security.bars[day]
            row = _row(_at(day, time(16)), self._adjusted(security, day, bar) if adjusted else bar)
            rows.append({"T": ticker, **row, **({"c": None} if self._is_hole(security, day) else {})})
        return _aggregates(rows, adjusted=adjusted)

    def _is_hole(self, security: Security, day: date) -> bool:
        return security.ticker in self.holes and day == max(security.bars)

    def _adjusted(self, security: Security, day: date, bar: Bar) -> Bar:
        factor = 1.0
        for split in security.splits:
            if day < split.ex_date <= self.today:
                factor *= split.ratio
        prices = {name: getattr(bar, name) / factor for name in ("open", "high", "low", "close")}
        return replace(bar, **prices, volume=bar.volume * factor)

    def _splits(self, query: dict[str, str]) -> Reply:
        splits = [split for _, security in self._chosen(query) for split in security.splits]
        return _results([_split_row(split) for split in splits if _within(split.ex_date, query, "execution_date")])

    def _dividends(self, query: dict[str, str]) -> Reply:
        paid = [dividend for _, security in self._chosen(query) for dividend in security.dividends]
        return _results([_dividend_row(one) for one in paid if _within(one.ex_date, query, "ex_dividend_date")])

    def _chosen(self, query: dict[str, str]) -> list[tuple[str, Security]]:
        return [(ticker, one) for ticker, one in self.market.items() if query.get("ticker", ticker) == ticker]

    def _delisted(self) -> Reply:
        gone = [(ticker, one) for ticker, one in self.market.items() if one.listing.delisted is not None]
        return _results([self._described(ticker, one) for ticker, one in sorted(gone)])

    def _details(self, ticker: str) -> Reply:
        security = self.market.get(ticker)
        if security is None or ticker in self.unknown:
            return NOT_FOUND
        return Reply({"request_id": "t", "results": self._described(ticker, security), "status": "OK"})

    def _described(self, ticker: str, security: Security) -> dict[str, Any]:
        listing = security.listing
        described = {
            "ticker": ticker,
            "name": listing.name,
            "market": "indices" if listing.asset_class == "index" else "stocks",
            "locale": "us",
            "primary_exchange": "XNAS",
            "type": TYPES.get(listing.asset_class, "CS"),
            "active": listing.delisted is None,
            "currency_name": listing.currency.lower(),
            "sic_code": SIC_CODES.get(listing.sector or ""),
            "list_date": None if listing.listed is None else str(listing.listed),
            "delisted_utc": None if listing.delisted is None else f"{listing.delisted}T00:00:00Z",
            "address": {"city": "CUPERTINO"},
        }
        return {name: value for name, value in described.items() if value is not None}

    def _events(self, ticker: str) -> Reply:
        if ticker not in self.market or ticker in self.unknown:
            return NOT_FOUND
        events = [
            {"ticker_change": {"ticker": name}, "type": "ticker_change", "date": str(day)}
            for day, name in sorted(self.renames.get(ticker, []), reverse=True)
        ]
        name = self.market[ticker].listing.name
        return Reply({"results": {"name": name, "events": events}, "status": "OK", "request_id": "e"})

    def _cut_into_pages(self, reply: Reply, path: str, query: dict[str, str], first: int) -> Reply:
        size = self.page_size
        rows = reply.body.get("results") if isinstance(reply.body, dict) else None
        if size is None or not isinstance(rows, list) or len(rows) <= size:
            return reply
        body = {**reply.body, "results": rows[first : first + size]}
        if first + size < len(rows):
            cursor = json.dumps({"query": query, "first": first + size}).encode()
            # The vendor names its own host; a client that left loopback for it would find no network.
            body["next_url"] = f"https://api.polygon.io{path}?cursor={base64.urlsafe_b64encode(cursor).decode()}"
        return Reply(body)


def _aggregates(rows: list[dict[str, Any]], **said: Any) -> Reply:
    body = {**said, "queryCount": len(rows), "resultsCount": len(rows), "status": "OK", "request_id": "a1"}
    # A span without data has no results at all.
    return Reply({**body, "results": rows, "count": len(rows)} if rows else body)


def _results(rows: list[dict[str, Any]]) -> Reply:
    return Reply({"results": rows, "status": "OK", "request_id": "g"})


def _split_row(split: Split) -> dict[str, Any]:
    old, new = (1, split.ratio) if split.ratio >= 1 else (1 / split.ratio, 1)
    identity, day = f"E-{split.ticker}-{split.ex_date}", str(split.ex_date)
    return {"id": identity, "execution_date": day, "split_from": old, "split_to": new, "ticker": split.ticker}


def _dividend_row(dividend: Dividend) -> dict[str, Any]:
    return {
        "id": f"D-{dividend.ticker}-{dividend.ex_date}-{dividend.kind}",
        "cash_amount": dividend.amount,
        "currency": "USD",
        "dividend_type": KINDS.get(dividend.kind, dividend.kind.upper()),
        "ex_dividend_date": str(dividend.ex_date),
        "frequency": 4,
        "ticker": dividend.ticker,
    }


def _within(day: date, query: dict[str, str], name: str) -> bool:
    first, last = query.get(f"{name}.gte", "0001-01-01"), query.get(f"{name}.lte", "9999-12-31")
    return first <= str(day) <= last


@cache
def _at(day: date, clock: time) -> int:
    return int(datetime.combine(day, clock, tzinfo=NEW_YORK).astimezone(UTC).timestamp() * 1000)


def _row(moment: int, bar: Bar) -> dict[str, Any]:
    whole = int(bar.volume) if bar.volume.is_integer() else bar.volume
    prices = {"o": bar.open, "h": bar.high, "l": bar.low, "c": bar.close}
    return {"v": whole, "vw": round((bar.high + bar.low) / 2, 4), **prices, "t": moment, "n": 1000}


def _intraday(day: date, bar: Bar, minutes: int) -> list[dict[str, Any]]:
    """Cut a session into bars that each repeat its prices and share its volume, opening on the clock's multiples."""
    opening = 9 * 60 + 30
    starts = range(opening - opening % minutes, 16 * 60, minutes)
    part = replace(bar, volume=bar.volume / len(starts))
    midnight = datetime.combine(day, time(), tzinfo=NEW_YORK)
    moments = [(midnight + timedelta(minutes=start)).astimezone(UTC) for start in starts]
    return [_row(int(moment.timestamp() * 1000), part) for moment in moments]
