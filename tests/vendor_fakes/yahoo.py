"""Yahoo's wire, told of the made-up market: charts on the newest share basis in float32, cookies, crumbs, calendars.

Every path starts with the host that it stands for: /query2.finance.yahoo.com/v8/finance/chart/AAPL.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import numpy as np

from vendor_fakes.server import Reply
from vendor_fakes.truth import FIELDS, Bar

if TYPE_CHECKING:
    from vendor_fakes.server import Request
    from vendor_fakes.truth import Market, Security

CRUMB = "abcCRUMB.1"
SECONDS = {"60m": 3600, "15m": 900, "5m": 300, "1m": 60}
REACH = {"60m": 730, "15m": 60, "5m": 60, "1m": 30}
"""Days before the newest session that an interval reaches back."""

_ZONE = ZoneInfo("America/New_York")
_OPEN, _CLOSE = time(9, 30), time(16, 0)
_COLUMNS = ("ticker", "companyshortname", "eventname", "startdatetime", "epsestimate", "epsactual")


def symbol_of(ticker: str) -> str:
    """Yahoo's spelling, written apart from the source's."""
    return "-".join(ticker.split("."))


def stamp(day: date, at: time = _OPEN) -> int:
    return int(datetime.combine(day, at, _ZONE).timestamp())


def intraday_bars(bar: Bar, day: date, seconds: int) -> dict[int, Bar]:
    """Split a session's raw bar into bars of equal volume; prices swing between its low and high."""
    openings = range(stamp(day), stamp(day, _CLOSE), seconds)
    share = float(bar.volume // len(openings))
    return {
        opening: Bar(bar.open, bar.high, bar.low, bar.close if place % 2 else bar.open, share)
        for place, opening in enumerate(openings)
    }


@dataclass
class YahooApp:
    """Serve it with `LoopbackServer`. Call `forget` after the market was edited.

    `newest` is the newest session offered: rows and splits after it do not exist yet. `unpriced` symbols have nulls in
    its row, `delisted` ones answer 404, `live` appends the last trade as a row of its own, `profiles` adds to or
    replaces parts of quoteSummary.
    """

    market: Market
    newest: date | None = None
    unpriced: set[str] = field(default_factory=set)
    delisted: set[str] = field(default_factory=set)
    live: bool = False
    profiles: dict[str, dict[str, Any]] = field(default_factory=dict)
    _last: date | None = None
    _daily: dict[str, tuple[list[int], dict[str, list[Any]]]] = field(default_factory=dict)

    def forget(self) -> None:
        self._daily.clear()
        self._last = None

    def __call__(self, request: Request) -> Reply:
        _, host, path = request.path.split("/", 2)
        if path.startswith("v8/finance/chart/"):
            return self._chart(unquote(path.rsplit("/", 1)[-1]), request.query)
        if "/finance/" not in path:
            return _cookies_and_crumbs(host, path)
        if request.query.get("crumb") != CRUMB:
            return _refused("finance", 401, "Unauthorized", "Invalid Crumb")
        if path.startswith("v10/finance/quoteSummary/"):
            return self._profile(unquote(path.rsplit("/", 1)[-1]))
        return self._calendar(json.loads(request.body))

    def _security(self, symbol: str) -> Security | None:
        if symbol == "SPY" and "SPY" not in self.market:
            return max(self.market.values(), key=lambda security: max(security.bars))
        found = (security for ticker, security in self.market.items() if symbol_of(ticker) == symbol)
        return next((security for security in found if security.ticker not in self.delisted), None)

    def _today(self) -> date:
        if self.newest is None and self._last is None:
            self._last = max(max(security.bars) for security in self.market.values())
        return self.newest or self._last or date.max

    def _chart(self, symbol: str, query: dict[str, str]) -> Reply:
        security = self._security(symbol)
        if security is None:
            return _refused("chart", 404, "Not Found", "No data found, symbol may be delisted")
        first, last, interval = int(query["period1"]), int(query["period2"]), query["interval"]
        if interval != "1d":
            refusal = self._beyond_reach(interval, first, last)
            if refusal is not None:
                return refusal
        stamps, columns = self._rows(security, interval, first, last)
        if not stamps:
            words = f"Data doesn't exist for startDate = {first}, endDate = {last}"
            return _refused("chart", 400, "Bad Request", words)
        result = {
            "meta": {
                "currency": security.listing.currency,
                "symbol": symbol,
                "instrumentType": "EQUITY",
                "exchangeTimezoneName": _ZONE.key,
                "regularMarketTime": stamp(self._today(), _CLOSE),
                "dataGranularity": interval,
            },
            "timestamp": stamps,
            "events": self._events(security, first, last),
            "indicators": {
                "quote": [{name: columns[name] for name in FIELDS}],
                **({"adjclose": [{"adjclose": columns["adjclose"]}]} if interval == "1d" else {}),
            },
        }
        return Reply({"chart": {"result": [result], "error": None}})

    def _beyond_reach(self, interval: str, first: int, last: int) -> Reply | None:
        if interval == "1m" and last - first > 8 * 86_400:
            words = (
                "1m data not available. Only 8 days worth of 1m granularity data are allowed to be fetched per request."
            )
        elif first < stamp(self._today() - timedelta(days=REACH[interval])):
            words = f"{interval} data not available for startTime={first} and endTime={last}. The requested range must be within the last {REACH[interval]} days."  # noqa: E501  Yahoo's words
        else:
            return None
        return _refused("chart", 422, "Unprocessable Entity", words)

    def _rows(self, security: Security, interval: str, first: int, last: int) -> tuple[list[int], dict[str, list[Any]]]:
        if interval == "1d":
            stamps, columns = self._all_days(security)
        else:
            stamps, columns = self._within_days(security, SECONDS[interval], first, last)
        part = slice(bisect_left(stamps, first), bisect_left(stamps, last))
        return stamps[part], {name: column[part] for name, column in columns.items()}

    def _splits(self, security: Security) -> list[tuple[date, float]]:
        return [(split.ex_date, split.ratio) for split in security.splits if split.ex_date <= self._today()]

    def _basis(self, security: Security, day: date) -> float:
        return float(np.prod([ratio for ex_date, ratio in self._splits(security) if ex_date > day]))

    def _all_days(self, security: Security) -> tuple[list[int], dict[str, list[Any]]]:
        if security.ticker not in self._daily:
            days = list(security.between(date.min, self._today()))
            rows = [_adjusted(security.bars[day], self._basis(security, day)) for day in days]
            stamps = [stamp(day) for day in days]
            columns: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in FIELDS}
            columns["adjclose"] = _dividend_adjusted(security, days, columns["close"])
            if security.ticker in self.unpriced and days and days[-1] == self._today():
                for name in (*FIELDS[:4], "adjclose"):
                    columns[name][-1] = None
            if self.live and stamps:
                stamps.append(stamp(days[-1], _CLOSE) + 1)
                for name, column in columns.items():
                    column.append(column[-1])
                    if name == "volume":
                        column[-2] -= 7
            self._daily[security.ticker] = stamps, columns
        return self._daily[security.ticker]

    def _within_days(
        self, security: Security, seconds: int, first: int, last: int
    ) -> tuple[list[int], dict[str, list[Any]]]:
        stamps: list[int] = []
        rows = []
        for day, bar in security.between(date.min, self._today()).items():
            if first - 86_400 < stamp(day) < last:
                bars = intraday_bars(bar, day, seconds)
                stamps += bars
                basis = self._basis(security, day)
                rows += [_adjusted(part, basis) for part in bars.values()]
        if self.live and stamps:
            stamps.append(stamp(self._today(), _CLOSE))
            rows.append({**rows[-1], "volume": 0})
        return stamps, {name: [row[name] for row in rows] for name in FIELDS}

    def _events(self, security: Security, first: int, last: int) -> dict[str, Any]:
        events: dict[str, Any] = {"splits": {}, "dividends": {}}
        for day, ratio in self._splits(security):
            new_for_old = Fraction(ratio).limit_denominator(1000)
            words = f"{new_for_old.numerator}:{new_for_old.denominator}"
            events["splits"][str(stamp(day))] = {
                "date": stamp(day),
                "numerator": float(new_for_old.numerator),
                "denominator": float(new_for_old.denominator),
                "splitRatio": words,
            }
        for dividend in security.dividends:
            if dividend.ex_date <= self._today():
                # Paid a share as of the day before: splits of the ex-date itself count as later ones.
                amount = dividend.amount / self._basis(security, dividend.ex_date - timedelta(days=1))
                moment = stamp(dividend.ex_date)
                events["dividends"][str(moment)] = {"amount": round(amount, 6), "date": moment}
        within = {kind: {k: e for k, e in found.items() if first <= e["date"] < last} for kind, found in events.items()}
        return {kind: found for kind, found in within.items() if found}

    def _profile(self, symbol: str) -> Reply:
        security = self._security(symbol)
        if security is None:
            return _refused("quoteSummary", 404, "Not Found", f"Quote not found for symbol: {symbol}")
        listing = security.listing
        profile = {
            "assetProfile": {"sector": listing.sector, "industry": "Software", "maxAge": 86400},
            "quoteType": {
                "exchange": "NMS",
                "quoteType": "EQUITY",
                "symbol": symbol,
                "longName": listing.name,
                "timeZoneFullName": _ZONE.key,
                "firstTradeDateEpochUtc": stamp(min(security.bars)),
            },
            "summaryDetail": {"currency": listing.currency},
            **self.profiles.get(listing.ticker, {}),
        }
        return Reply({"quoteSummary": {"result": [profile], "error": None}})

    def _calendar(self, body: dict[str, Any]) -> Reply:
        low, high, symbols = _bounds(body["query"])
        rows = [
            [symbol_of(ticker), security.listing.name, _event(earnings.fiscal_period), moment, earnings.estimate, 0.0]
            if earnings.actual is None
            else [symbol_of(ticker), None, _event(earnings.fiscal_period), moment, earnings.estimate, earnings.actual]
            for ticker, security in sorted(self.market.items())
            for earnings in security.earnings
            # After the close: 21:00 in UTC is the same day in New York.
            if low <= (moment := f"{earnings.announced}T21:00:00.000Z") <= high and symbol_of(ticker) in symbols
        ]
        page = rows[body["offset"] : body["offset"] + min(body["size"], 100)]
        columns = [{"id": name, "label": name.title(), "type": "STRING"} for name in _COLUMNS]
        document = {"entityIdType": "sp_earnings", "columns": columns, "rows": page}
        return Reply({"finance": {"result": [{"total": len(rows), "documents": [document]}], "error": None}})


def _cookies_and_crumbs(host: str, path: str) -> Reply:
    if host == "fc.yahoo.com":
        cookie = "A3=d=AQABBK; Expires=Fri, 01 Jan 2100 00:00:00 GMT; Path=/"
        return Reply("<!DOCTYPE html>not found", 404, {"Set-Cookie": cookie})
    if path == "v1/test/getcrumb":
        return Reply(CRUMB)
    return Reply('<form><input name="csrfToken" value="t"/><input name="sessionId" value="s"/></form>')


def _adjusted(bar: Bar, basis: float) -> dict[str, Any]:
    """A raw bar on the newest share basis, prices as float32."""
    prices = {name: float(np.float32(getattr(bar, name) / basis)) for name in FIELDS[:4]}
    return {**prices, "volume": round(bar.volume * basis)}


def _dividend_adjusted(security: Security, days: list[date], closes: list[float]) -> list[Any]:
    factors = {dividend.ex_date: security.dividend_factor(dividend.ex_date) for dividend in security.dividends}
    factors = {
        ex_date: security.dividend_factor(max(day for day in days if day < ex_date))
        for ex_date in factors
        if days and days[0] < ex_date <= days[-1]
    }
    ascending = sorted(factors)
    adjusted: list[Any] = []
    for day, close in zip(days, closes, strict=True):
        later = [ex_date for ex_date in ascending if ex_date > day]
        adjusted.append(close * factors[later[0]] if later else close)
    return adjusted


def _event(fiscal_period: str) -> str:
    """2026Q1 is told as Q1 2026 Earnings; a period that is no quarter is not told."""
    year, _, quarter = fiscal_period.partition("Q")
    return f"Q{quarter} {year} Earnings" if quarter else "Earnings Release"


def _bounds(query: dict[str, Any]) -> tuple[str, str, set[str]]:
    low, high, symbols = "", "9", set[str]()
    for operand in query["operands"]:
        name = operand["operands"][0]
        if operand["operator"] == "GTE":
            low = operand["operands"][1]
        elif operand["operator"] == "LTE":
            high = operand["operands"][1]
        elif isinstance(name, dict) and name["operands"][0] == "ticker":
            symbols = {part["operands"][1] for part in operand["operands"]}
    return low, high, symbols


def _refused(kind: str, status: int, code: str, description: str) -> Reply:
    return Reply({kind: {"result": None, "error": {"code": code, "description": description}}}, status)


def at(instant: int) -> np.datetime64:
    """The instant of a stamp."""
    return np.datetime64(datetime.fromtimestamp(instant, UTC).replace(tzinfo=None), "us")
