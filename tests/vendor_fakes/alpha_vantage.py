"""A stand-in for Alpha Vantage: one address, everything HTTP 200, numbers as texts, newest session first.

Prices are raw as traded in both daily functions; the adjusted one adds the adjusted close, dividends and splits.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from vendor_fakes.server import Reply, Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from alphafactory.domain.market import EarningsDate
    from vendor_fakes.truth import Bar, Market, Security

PLANS = "You may subscribe to any of the premium plans at https://www.alphavantage.co/premium/"
THROTTLED = {
    "Note": "Thank you for using Alpha Vantage! Our standard API call frequency is 5 calls per minute and "
    "500 calls per day. Please visit https://www.alphavantage.co/premium/ if you would like a higher frequency."
}
BURST = {
    "Information": "Thank you for using Alpha Vantage! Please consider spreading out your free API requests more "
    f"sparingly (1 request per second). {PLANS} to lift the free key rate limit (25 requests per day), raise the "
    "per-second burst limit, and instantly unlock all premium endpoints"
}
BAD_KEY = {
    "Error Message": "the parameter apikey is invalid or missing. Please claim your free API key on "
    "(https://www.alphavantage.co/support/#api-key). It should take less than 20 seconds."
}


def quota_spent(key: str) -> dict[str, str]:
    """The vendor's words when the day's requests are spent; they repeat the key."""
    return {
        "Information": f"We have detected your API key as {key} and our standard API rate limit is 25 requests "
        f"per day. {PLANS} to instantly remove all daily rate limits."
    }


def bad_call(function: str) -> dict[str, str]:
    """The vendor's words for a symbol or a parameter that it does not know."""
    return {
        "Error Message": "Invalid API call. Please retry or visit the documentation "
        f"(https://www.alphavantage.co/documentation/) for {function}."
    }


def premium_only(what: str) -> dict[str, str]:
    """The vendor's words for what the free plan does not include."""
    return {
        "Information": f"Thank you for using Alpha Vantage! The {what} is a premium feature. "
        f"{PLANS} to instantly unlock all premium endpoints"
    }


@dataclass
class FakeAlphaVantage:
    """Serves `market`; the attributes are the plan's limits and the vendor's moods, all of them changeable at any time.

    `per_day` requests are answered, then the quota is spent. No session after `newest` is offered, none before
    `history_start`. The last session of `blank_last` has no prices. `unknown` symbols are refused.
    """

    market: Market
    premium: bool = False
    key: str | None = None
    per_day: int | None = None
    compact: int = 100
    newest: date | None = None
    history_start: date | None = None
    blank_last: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    reference: str = "IBM"
    answered: int = 0
    asked: Counter[str] = field(default_factory=Counter)

    def __call__(self, request: Request) -> Reply:
        function, key = request.query.get("function", ""), request.query.get("apikey", "")
        self.asked[function] += 1
        serve = self._functions().get(function)
        if request.path != "/query":
            return Reply("Not Found", status=404)
        if not key or self.key not in (None, key):
            return Reply(BAD_KEY)
        if self.per_day is not None and self.answered >= self.per_day:
            return Reply(quota_spent(key))
        self.answered += 1
        return Reply(bad_call(function)) if serve is None else serve(request.query)

    def _functions(self) -> dict[str, Callable[[dict[str, str]], Reply]]:
        return {
            "TIME_SERIES_DAILY": self._daily,
            "TIME_SERIES_DAILY_ADJUSTED": self._adjusted,
            "SPLITS": self._splits,
            "DIVIDENDS": self._dividends,
            "OVERVIEW": self._overview,
            "EARNINGS_CALENDAR": self._earnings,
            "LISTING_STATUS": self._listings,
        }

    def _security(self, query: dict[str, str]) -> Security | None:
        spelled = query.get("symbol", "")
        found = next((found for found in self.market.values() if found.ticker.replace(".", "-") == spelled), None)
        return None if found is None or found.ticker in self.unknown else found

    def _traded(self, query: dict[str, str]) -> Security | None:
        """As `_security`; the reference symbol is always there, whatever the made-up market is made of."""
        security = self._security(query)
        if security is None and query.get("symbol") == self.reference and self.market:
            return max(self.market.values(), key=lambda known: max(known.bars, default=date.min))
        return security

    def _bars(self, security: Security, size: str) -> list[tuple[date, Bar]]:
        """Return what the plan shows, newest first."""
        first, last = self.history_start or date.min, self.newest or date.max
        newest_first = sorted(security.between(first, last).items(), reverse=True)
        return newest_first if size == "full" else newest_first[: self.compact]

    def _daily(self, query: dict[str, str]) -> Reply:
        size = query.get("outputsize", "compact")
        security = self._traded(query)
        if security is None:
            return Reply(bad_call("TIME_SERIES_DAILY"))
        if size == "full" and not self.premium:
            return Reply(premium_only("outputsize=full parameter value"))
        rows = {
            str(day): {**self._prices(security, bar, place), "5. volume": f"{bar.volume:.0f}"}
            for place, (day, bar) in enumerate(self._bars(security, size))
        }
        return self._series(query, size, rows)

    def _adjusted(self, query: dict[str, str]) -> Reply:
        if not self.premium:
            return Reply(premium_only("TIME_SERIES_DAILY_ADJUSTED endpoint"))
        security = self._traded(query)
        if security is None:
            return Reply(bad_call("TIME_SERIES_DAILY_ADJUSTED"))
        size = query.get("outputsize", "compact")
        splits = {split.ex_date: split.ratio for split in security.splits}
        dividends = {dividend.ex_date: dividend.amount for dividend in security.dividends}
        adjusted = adjusted_closes(security)
        rows = {
            str(day): {
                **self._prices(security, bar, place),
                "5. adjusted close": repr(adjusted[day]),
                "6. volume": f"{bar.volume:.0f}",
                "7. dividend amount": f"{dividends.get(day, 0.0):.4f}",
                "8. split coefficient": repr(splits.get(day, 1.0)),
            }
            for place, (day, bar) in enumerate(self._bars(security, size))
        }
        return self._series(query, size, rows)

    def _prices(self, security: Security, bar: Bar, place: int) -> dict[str, str]:
        prices = {"1. open": bar.open, "2. high": bar.high, "3. low": bar.low, "4. close": bar.close}
        if place == 0 and security.ticker in self.blank_last:
            return dict.fromkeys(prices, "NaN")
        return {name: f"{price:.4f}" for name, price in prices.items()}

    def _series(self, query: dict[str, str], size: str, rows: dict[str, dict[str, str]]) -> Reply:
        meta = {
            "1. Information": "Daily Prices (open, high, low, close) and Volumes",
            "2. Symbol": query["symbol"],
            "3. Last Refreshed": next(iter(rows), ""),
            "4. Output Size": "Full size" if size == "full" else "Compact",
            "5. Time Zone": "US/Eastern",
        }
        return Reply({"Meta Data": meta, "Time Series (Daily)": rows})

    def _splits(self, query: dict[str, str]) -> Reply:
        security = self._security(query)
        if security is None:
            return Reply({})
        rows = [
            {"effective_date": str(split.ex_date), "split_factor": repr(split.ratio)}
            for split in sorted(security.splits, key=lambda split: split.ex_date, reverse=True)
        ]
        return Reply({"symbol": query["symbol"], "data": rows})

    def _dividends(self, query: dict[str, str]) -> Reply:
        security = self._security(query)
        if security is None:
            return Reply({})
        rows = [
            {
                "ex_dividend_date": str(dividend.ex_date),
                "declaration_date": "None",
                "record_date": "None",
                "payment_date": str(dividend.ex_date + timedelta(days=7)),
                "amount": repr(dividend.amount),
            }
            for dividend in sorted(security.dividends, key=lambda dividend: dividend.ex_date, reverse=True)
        ]
        return Reply({"symbol": query["symbol"], "data": rows})

    def _overview(self, query: dict[str, str]) -> Reply:
        security = self._security(query)
        if security is None:
            return Reply({})
        listing = security.listing
        return Reply(
            {
                "Symbol": query["symbol"],
                "AssetType": "Common Stock",
                "Name": listing.name or "None",
                "CIK": "320193",
                "Exchange": listing.exchange,
                "Currency": listing.currency,
                "Country": "USA",
                "Sector": (listing.sector or "None").upper(),
                "MarketCapitalization": "-",
            }
        )

    def _earnings(self, query: dict[str, str]) -> Reply:
        header = ["symbol", "name", "reportDate", "fiscalDateEnding", "estimate", "currency", "timeOfTheDay"]
        rows = [
            [
                security.ticker.replace(".", "-"),
                security.listing.name or "",
                str(row.announced),
                fiscal_end(row),
                "" if row.estimate is None else repr(row.estimate),
                "USD",
                "post-market",
            ]
            for security in self.market.values()
            for row in security.earnings
            if security.ticker not in self.unknown and query.get("symbol", security.ticker) == security.ticker
        ]
        return Reply(as_csv([header, *sorted(rows)]), headers={"Content-Type": "application/x-download"})

    def _listings(self, query: dict[str, str]) -> Reply:
        header = ["symbol", "name", "exchange", "assetType", "ipoDate", "delistingDate", "status"]
        state = query.get("state", "active")
        rows = []
        for security in self.market.values():
            listing = security.listing
            if (listing.delisted is not None) != (state == "delisted"):
                continue
            symbol, name = security.ticker.replace(".", "-"), listing.name or ""
            listed, delisted = str(listing.listed or "null"), str(listing.delisted or "null")
            rows.append([symbol, name, listing.exchange, "Stock", listed, delisted, state.title()])
        return Reply(as_csv([header, *rows]), headers={"Content-Type": "application/x-download"})


def adjusted_closes(security: Security) -> dict[date, float]:
    """Closes adjusted for splits and dividends, in one walk back from the newest session."""
    splits = {split.ex_date: split.ratio for split in security.splits}
    dividends = {dividend.ex_date: dividend.amount for dividend in security.dividends}
    days = sorted(security.bars)
    factors = dict.fromkeys(days[-1:], 1.0)
    for before, day in pairwise(reversed(days)):
        paid = 1 - dividends.get(before, 0.0) / security.bars[day].close
        factors[day] = factors[before] * paid / splits.get(before, 1.0)
    return {day: security.bars[day].close * factor for day, factor in factors.items()}


def fiscal_end(row: EarningsDate) -> str:
    """The last day of the fiscal period, which the market may name by its date or as 2024Q4."""
    year, _, quarter = row.fiscal_period.partition("Q")
    return row.fiscal_period if not quarter else f"{year}-{['03-31', '06-30', '09-30', '12-31'][int(quarter) - 1]}"


def as_csv(rows: list[list[Any]]) -> str:
    """Rows as the vendor writes them: CRLF, names in quotes where they hold commas."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()
