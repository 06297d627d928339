"""What Polygon's answers mean: bodies in, rows, bars, corporate actions and listings out. No network.

Goes in: the text of an answer, and the rows of its `results`. Comes out: our own value types, or a `GarbageError` where
the answer is not what the interface promises. A bar that lacks a number is no garbage: it becomes a `RejectedRow`. A
corporate action that cannot be read is: a split left out would falsify every price before it.
"""

from __future__ import annotations

import contextlib
import json
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import numpy as np

from alphafactory.domain.bars import BarBatch
from alphafactory.domain.market import Dividend, Listing, RejectedRow, Rename, Split
from alphafactory.sources.base import BarAnswer
from alphafactory.sources.vendor import GarbageError, storable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from alphafactory.domain.arrays import DateArray, FloatArray, IntArray
    from alphafactory.domain.market import Payload

Row = dict[str, Any]

NEW_YORK = ZoneInfo("America/New_York")
"""Polygon dates its bars by this zone: daily ones open at its midnight, grouped ones at its 16:00."""

_LONGEST_WORDS = 200
_FIELDS = {"o": "open", "h": "high", "l": "low", "c": "close", "v": "volume"}
_HOUR = 3_600_000
_EARLIEST, _LATEST = -2_208_988_800_000, 7_258_118_400_000  # 1900 and 2200 in milliseconds: beyond is no session
_PLAIN = 2e12
"""Smaller numbers are fit to be a price, a volume or a moment (until 2033); larger ones are looked at one by one."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS = {"CD": "cash", "SC": "special"}
_FUNDS = {"ETF", "ETN", "ETS", "ETV", "FUND"}

_SECTORS = {
    "Communication Services": "27 48 731 78",
    "Consumer Discretionary": (
        "152 153 22 23 2451 25 301 302 31 363 365 371 375 387 39 52 53 55 56 57 58 59 70 72 79 82"
    ),
    "Consumer Staples": "01 02 07 08 09 20 21 284 51 533 54 591",
    "Energy": "12 13 29 46 4922 517 6792",
    "Financials": "60 61 62 63 64 67",
    "Health Care": "283 3826 384 385 5047 5122 6324 80 8731 83",
    "Industrials": "15 16 17 34 35 361 362 37 381 40 41 42 43 44 45 47 495 50 73 75 76 81 87 89",
    "Information Technology": "357 36 38 5045 737",
    "Materials": "10 14 24 26 28 30 32 33 341 516",
    "Real Estate": "65 6798",
    "Utilities": "49",
}
_SECTOR_OF = {prefix: sector for sector, prefixes in _SECTORS.items() for prefix in prefixes.split()}


@dataclass(frozen=True, slots=True)
class Page:
    """One page of an answer. `following` is the path and query of the next page, None on the last."""

    rows: list[Row]
    following: str | None


def shorten(words: str) -> str:
    """Return foreign text fit for a message: on one line, at most 200 characters."""
    return " ".join(words.split())[:_LONGEST_WORDS]


def read_object(text: str, subject: str) -> Row:
    """Return the JSON object of an answer that says that all is well.

    Raises:
        GarbageError: It is no JSON, no object, or reports an error in spite of its HTTP status.
    """
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError):
        raise GarbageError(f"{subject}: the answer is no JSON: '{shorten(text)}'. Try again later.") from None
    if not isinstance(payload, dict) or payload.get("status") not in ("OK", "DELAYED"):
        raise GarbageError(f"{subject}: the answer is not one of the interface: '{shorten(text)}'. Try again later.")
    return payload


def read_page(payload: Row, subject: str) -> Page:
    """Return the rows of a list. Only an answer that counts no results may leave `results` out."""
    rows = payload.get("results", None if _counted(payload) else [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise GarbageError(f"{subject}: 'results' is no list of objects: '{shorten(str(rows))}'. Try again later.")
    following = payload.get("next_url")
    if following is None:
        return Page(rows, None)
    parts = urlsplit(following) if isinstance(following, str) else None
    if parts is None or not parts.path.startswith("/"):
        raise GarbageError(f"{subject}: the address of the next page is none. Try again later.")
    return Page(rows, f"{parts.path}?{parts.query}" if parts.query else parts.path)


def _counted(payload: Row) -> bool:
    return any(payload.get(name) not in (None, 0) for name in ("resultsCount", "count"))


def read_result(payload: Row, subject: str) -> Row:
    """Return the one object of an answer about a single thing."""
    result = payload.get("results")
    if not isinstance(result, dict):
        raise GarbageError(f"{subject}: 'results' is no object: '{shorten(str(result))}'. Try again later.")
    return result


def read_bars(
    rows: Sequence[Row], owners: Sequence[int], tickers: tuple[str, ...], start: date, end: date, *, intraday: bool
) -> BarAnswer:
    """Return the bars of the sessions from `start` to `end`, in the order of `rows`; what lacks a number is rejected.

    `owners[i]` is the place in `tickers` of row i's symbol.
    """
    times = _numbers([row.get("t") for row in rows], _moment)
    timed = np.isfinite(times)
    moments = np.where(timed, times, 0.0).astype(np.int64)
    dated = _sessions(moments)
    inside = ~timed | ((dated >= np.datetime64(start, "D")) & (dated <= np.datetime64(end, "D")))
    columns = {word: _numbers([row.get(name) for row in rows], _number) for name, word in _FIELDS.items()}
    whole = timed & np.all([np.isfinite(column) for column in columns.values()], axis=0)
    rejected = [
        _reject(rows[place], tickers[owners[place]], str(dated[place]) if timed[place] else "no session")
        for place in np.flatnonzero(inside & ~whole).tolist()
    ]
    kept = np.flatnonzero(inside & whole)
    batch = BarBatch(
        tickers,
        codes=np.array(owners, dtype=np.int64)[kept],
        sessions=dated[kept],
        **{word: column[kept] for word, column in columns.items()},
        lines=np.zeros(len(kept), dtype=np.int64),
        instants=moments[kept].astype("datetime64[ms]").astype("datetime64[us]") if intraday else None,
    )
    return BarAnswer(batch, rejected=tuple(rejected))


def _numbers(found: list[Any], read: Callable[[Any], float | None]) -> FloatArray:
    """Return a column of numbers, NaN where `read` finds none."""
    # Read one by one, a long column takes ten times as long; columns of plain numbers need not be.
    if set(map(type, found)) <= {int, float}:
        with contextlib.suppress(OverflowError):
            numbers = np.array(found, dtype=np.float64)
            if bool(np.all(np.abs(numbers) < _PLAIN)):
                return numbers
    return np.array([np.nan if (number := read(value)) is None else number for value in found], dtype=np.float64)


def _moment(found: object) -> float | None:
    """Return milliseconds since 1970, None where there is no such moment."""
    number = found if isinstance(found, int | float) and not isinstance(found, bool) else math.nan
    return float(number) if _EARLIEST <= number <= _LATEST else None


def _sessions(moments: IntArray) -> DateArray:
    """Return New York's dates of moments in milliseconds; the zone is asked once an hour, for it shifts on the hour."""
    hours, place = np.unique(moments // _HOUR, return_inverse=True)
    shifts = [(_EPOCH + timedelta(hours=hour)).astimezone(NEW_YORK).utcoffset() for hour in hours.tolist()]
    offsets = np.array([shift // timedelta(milliseconds=1) for shift in shifts if shift is not None], dtype=np.int64)
    local = moments + (offsets[place] if len(moments) else 0)
    return local.astype("datetime64[ms]").astype("datetime64[D]")


def _number(found: object) -> float | None:
    """Return a finite number, also one that stands in quotes; None for anything else."""
    if isinstance(found, bool) or not isinstance(found, int | float | str):
        return None
    if isinstance(found, str) and "_" in found:  # Python reads 1_000, no vendor writes it
        return None
    try:
        number = float(found)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _reject(row: Row, ticker: str, where: str) -> RejectedRow:
    bad = [f"{word} is {_fault(row, name)}" for name, word in _FIELDS.items() if _number(row.get(name)) is None]
    if _moment(row.get("t")) is None:
        bad.append(f"time is {_fault(row, 't')}")
    session: Payload = {} if _moment(row.get("t")) is None else {"session": where}
    return RejectedRow(ticker, f"polygon:{where}", ", ".join(bad), _as_found(row) | session)


def _fault(row: Row, name: str) -> str:
    return "missing" if row.get(name) is None else "no number"


def _as_found(row: Row) -> Payload:
    """Return a row as JSON for PostgreSQL may hold it: NaN and nested values as words, no NUL, no half characters."""
    plain: Payload = {}
    for name, value in row.items():
        exact = value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value))
        plain[storable(name)] = value if exact else storable(str(value))[:_LONGEST_WORDS]
    return plain


def read_splits(rows: Iterable[Row], wanted: frozenset[str], start: date, end: date | None) -> tuple[Split, ...]:
    """Return the splits of the wanted tickers from `start` to `end` (None: no bound), by ticker and date.

    Raises:
        GarbageError: A split cannot be read, or one day has two ratios.
    """
    ratios: dict[tuple[str, date], float] = {}
    for row, day in _actions(rows, wanted, "execution_date", start, end):
        ratio = _positive(row, "split_to") / _positive(row, "split_from")
        if ratios.setdefault((row["ticker"], day), ratio) != ratio:
            raise _unreadable(row, "split_to")
    return tuple(Split(ticker, day, ratio) for (ticker, day), ratio in sorted(ratios.items()))


def read_dividends(rows: Iterable[Row], wanted: frozenset[str], start: date, end: date) -> tuple[Dividend, ...]:
    """Return the dividends as paid, by ticker and date; payments of one kind and day are added up.

    One paid in foreign money has its currency in its kind.
    """
    amounts: dict[tuple[str, date, str], float] = {}
    for row, day in _actions(rows, wanted, "ex_dividend_date", start, end):
        if row.get("cash_amount") != 0:  # a declaration without cash pays nothing
            key = (row["ticker"], day, _kind(row))
            amounts[key] = amounts.get(key, 0.0) + _positive(row, "cash_amount")
    return tuple(Dividend(ticker, day, amount, kind) for (ticker, day, kind), amount in sorted(amounts.items()))


def _kind(row: Row) -> str:
    code, currency = str(row.get("dividend_type") or "CD"), str(row.get("currency") or "USD").upper()
    kind = _KINDS.get(code, code.lower())
    return storable(kind if currency == "USD" else f"{kind}_{currency.lower()}")


def _actions(
    rows: Iterable[Row], wanted: frozenset[str], field: str, start: date, end: date | None
) -> Iterator[tuple[Row, date]]:
    """Yield each wanted row once, with its date. Rows of others are not ours to judge."""
    distinct = {str(row.get("id") or row): row for row in rows}
    # The same words under another id are the same action told twice.
    told = {
        str(sorted((name, str(word)) for name, word in row.items() if name != "id")): row for row in distinct.values()
    }
    for row in told.values():
        if not isinstance(row.get("ticker"), str) or row["ticker"] not in wanted:
            continue
        day = _day(row.get(field))
        if day is None:
            raise _unreadable(row, field)
        if start <= day and (end is None or day <= end):
            yield row, day


def _positive(row: Row, field: str) -> float:
    number = _number(row.get(field))
    if number is None or number <= 0:
        raise _unreadable(row, field)
    return number


def _unreadable(row: Row, field: str) -> GarbageError:
    return GarbageError(
        f"polygon: the corporate action '{shorten(str(row))}' has no usable '{field}'. Try again later, or ask another "
        f"vendor for {row.get('ticker')}."
    )


def _day(found: object) -> date | None:
    """Return the date with which a text begins. A time of day behind it is midnight of whichever zone: left off."""
    try:
        return date.fromisoformat(found[:10]) if isinstance(found, str) else None
    except ValueError:
        return None


def read_listing(row: Row, ticker: str) -> Listing:
    """Return what a row of the reference data says of a symbol."""
    name, currency = row.get("name"), row.get("currency_name")
    kind = str(row.get("type") or "").upper()
    fund = "etf" if kind in _FUNDS else "equity"
    return Listing(
        ticker,
        name=storable(name) if isinstance(name, str) and name else None,
        sector=sector_of(row.get("sic_code")),
        asset_class="index" if row.get("market") == "indices" or kind == "INDEX" else fund,
        currency=storable(currency.upper()) if isinstance(currency, str) and currency else "USD",
        listed=_day(row.get("list_date")),
        delisted=_day(row.get("delisted_utc")),
    )


def sector_of(sic_code: object) -> str | None:
    """Return the sector of a SIC code by the longest prefix that is known; None where the code says nothing."""
    code = str(sic_code).zfill(4) if isinstance(sic_code, str | int) else ""
    return next((_SECTOR_OF[code[:length]] for length in (4, 3, 2) if code[:length] in _SECTOR_OF), None)


def read_delistings(rows: Iterable[Row], as_of: date) -> tuple[Listing, ...]:
    """Return the symbols that ceased to trade by `as_of`. A row without the day of it cannot say so and is left out."""
    listings = [read_listing(row, row["ticker"]) for row in rows if isinstance(row.get("ticker"), str)]
    gone = [(listing.delisted, listing) for listing in listings if listing.delisted is not None]
    return tuple(listing for day, listing in sorted(gone, key=lambda one: (one[0], one[1].ticker)) if day <= as_of)


def read_renames(result: Row, ticker: str, subject: str) -> tuple[Rename, ...]:
    """Return the tickers of a symbol, oldest first; one that was never renamed has had only `ticker`."""
    events = result.get("events", [])
    changes: list[tuple[date, str]] = []
    for event in events if isinstance(events, list) else [events]:
        if not isinstance(event, dict):
            raise GarbageError(f"{subject}: '{shorten(str(event))}' is no event. Try again later.")
        if event.get("type") != "ticker_change":
            continue
        change, day = event.get("ticker_change"), _day(event.get("date"))
        name = change.get("ticker") if isinstance(change, dict) else None
        if day is None or not isinstance(name, str) or not name:
            raise GarbageError(f"{subject}: '{shorten(str(event))}' is no change of ticker. Try again later.")
        changes.append((day, name))
    changes.sort()
    if not changes:
        return (Rename(ticker, None),)
    return tuple(Rename(name, None if place == 0 else day) for place, (day, name) in enumerate(changes))
