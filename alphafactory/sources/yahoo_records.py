"""Yahoo's profiles and earnings calendar turned into our values, without a network.

Goes in: decoded JSON. Comes out: a listing, announcements, or an error of `vendor.py`.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alphafactory.domain.market import EarningsDate, Listing
from alphafactory.sources.vendor import VendorError, storable
from alphafactory.sources.yahoo_payloads import garbage, number, read_result, session_day, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping

_QUARTER = re.compile(r"\bQ([1-4]) (\d{4})\b")
_ASSET_CLASSES = {"EQUITY": "equity", "ETF": "etf", "INDEX": "index"}
_US_EXCHANGES = frozenset(
    {"NMS", "NGM", "NCM", "NAS", "NYQ", "NYS", "ASE", "PCX", "BTS", "CXI", "SNP", "DJI", "NIM", "WCB"}
)
_CALENDARS = {
    "LSE": "XLON",
    "FGI": "XLON",
    "PAR": "XPAR",
    "AMS": "XAMS",
    "BRU": "XBRU",
    "MIL": "XMIL",
    "MCE": "XMAD",
    "GER": "XETR",
    "FRA": "XFRA",
    "EBS": "XSWX",
    "STO": "XSTO",
    "CPH": "XCSE",
    "OSL": "XOSL",
    "HEL": "XHEL",
    "TOR": "XTSE",
    "JPX": "XTKS",
    "OSA": "XTKS",
    "HKG": "XHKG",
    "ASX": "XASX",
}


def read_profile(payload: object, ticker: str, subject: str) -> Listing:
    """Return the listing in a quoteSummary.

    Raises:
        GarbageError: The payload is not made like one.
        VendorError: The symbol's kind or exchange is none that we have a calendar for.
    """
    result = read_result(payload, "quoteSummary", subject)
    quote, assets, detail = (result.get(name) or {} for name in ("quoteType", "assetProfile", "summaryDetail"))
    if not all(isinstance(part, dict) for part in (quote, assets, detail)) or "quoteType" not in quote:
        raise garbage(subject, result)
    exchange, kind = quote.get("exchange"), quote["quoteType"]
    asset_class = _ASSET_CLASSES.get(str(kind))
    american = exchange in _US_EXCHANGES
    calendar = "XNYS" if american else _CALENDARS.get(str(exchange))
    if asset_class is None or calendar is None:
        raise VendorError(
            f"{subject}: kind {shortened(kind)} on exchange {shortened(exchange)} is not known here. "
            "Describe the symbol in a symbols file."
        )
    return Listing(
        ticker,
        _text(quote.get("longName") or quote.get("shortName")),
        "US" if american else str(exchange),
        _text(assets.get("sector")),
        asset_class,
        calendar,
        _text(detail.get("currency")) or "USD",
        _first_day(quote),
    )


def _text(word: object) -> str | None:
    return storable(word) or None if isinstance(word, str) else None


def _first_day(quote: Mapping[str, Any]) -> date | None:
    """Return the day of the first trade, where Yahoo tells it and its zone."""
    stamp, zone = quote.get("firstTradeDateEpochUtc"), quote.get("timeZoneFullName")
    if type(stamp) is not int or not isinstance(zone, str):
        return None
    try:
        return session_day(stamp, ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError, OverflowError):
        return None


def read_earnings_rows(payload: object, subject: str) -> list[dict[str, Any]]:
    """Return one page of the earnings calendar, each row by its columns' ids."""
    result = read_result(payload, "finance", subject)
    try:
        document = result["documents"][0]
        names = [column["id"] for column in document["columns"]]
        rows = [dict(zip(names, row, strict=True)) for row in document["rows"]]
        if not all(isinstance(row["ticker"], str) and isinstance(row["startdatetime"], str) for row in rows):
            raise garbage(subject, document)
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise garbage(subject, f"{type(error).__name__} {error} in {shortened(result)}") from None
    return rows


def announcement(row: Mapping[str, Any], ticker: str, subject: str) -> EarningsDate:
    """Return the announcement in a row of the calendar; its day is New York's, as the calendar is of its region."""
    try:
        moment = datetime.fromisoformat(row["startdatetime"])
    except ValueError:
        raise garbage(subject, row) from None
    announced = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(ZoneInfo("America/New_York")).date()
    quarter = _QUARTER.search(str(row.get("eventname")))
    period = f"{quarter[2]}Q{quarter[1]}" if quarter else announced.isoformat()
    return EarningsDate(ticker, period, announced, _figure(row.get("epsestimate")), _figure(row.get("epsactual")))


def _figure(word: object) -> float | None:
    """Return a figure a share; Yahoo writes 0 where there is none, which yfinance takes for missing too."""
    figure = number(word)
    return figure if math.isfinite(figure) and figure != 0 else None
