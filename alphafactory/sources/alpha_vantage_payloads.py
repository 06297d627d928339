"""What Alpha Vantage's answers mean: its texts become bars, actions, listings and announcements, or one error.

Goes in: the body of an answer, without a key in the words that are handed on. Comes out: the domain's values. Nothing
here asks a network or a clock. `subject` says who was asked for what and begins every message.

Alpha Vantage writes all numbers as texts, newest session first, prices as traded. It answers HTTP 200 to everything and
says in one of three top-level texts why there is no data.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from datetime import date
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from alphafactory.domain.bars import BAR_FIELDS, BarBatch
from alphafactory.domain.market import Dividend, EarningsDate, Listing, RejectedRow, Split
from alphafactory.sources.vendor import (
    BadKeyError,
    EmptyAnswerError,
    GarbageError,
    NotEntitledError,
    QuotaSpentError,
    RateLimitedError,
    UnknownSymbolError,
    VendorError,
    storable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from alphafactory.domain.market import Payload
    from alphafactory.sources.base import BarRequest

Series: TypeAlias = "list[tuple[str, Any]]"
"""Session texts and what stands beside them, as the vendor ordered them; a session may stand twice."""

SERIES_KEY = "Time Series (Daily)"
RAW_COLUMNS = ("1. open", "2. high", "3. low", "4. close", "5. volume")
ADJUSTED_COLUMNS = ("1. open", "2. high", "3. low", "4. close", "6. volume")
"""The adjusted endpoint's own OHLC are raw too; only its fifth column is adjusted, and that is not read."""

_DIVIDEND = "7. dividend amount"
_SPLIT = "8. split coefficient"
_MESSAGE_KEYS = ("Error Message", "Information", "Note")
_NOTHING = ("", "none", "null", "-")
_LONGEST = 200
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

_REFUSALS: tuple[tuple[re.Pattern[str], type[VendorError], str], ...] = (
    # The order matters: a rate message names the daily limit too, and nearly all of them advertise premium plans.
    (re.compile(r"is a premium"), NotEntitledError, "The plan does not include it"),
    (re.compile(r"sparingly|per (minute|second)"), RateLimitedError, "Lower per_minute in the config"),
    (re.compile(r"per day"), QuotaSpentError, "It is left out until tomorrow"),
    (re.compile(r"api ?key.*(invalid|missing)|demo.*api key", re.DOTALL), BadKeyError, "Correct the key in .env"),
    (re.compile(r"premium"), NotEntitledError, "The plan does not include it"),
    (re.compile(r"invalid api call"), UnknownSymbolError, "Check the ticker"),
)

_SECTORS = {
    "TECHNOLOGY": "Information Technology",
    "HEALTHCARE": "Health Care",
    "LIFE SCIENCES": "Health Care",
    "FINANCIAL SERVICES": "Financials",
    "FINANCE": "Financials",
    "CONSUMER CYCLICAL": "Consumer Discretionary",
    "CONSUMER DEFENSIVE": "Consumer Staples",
    "BASIC MATERIALS": "Materials",
}
"""The vendor's words for GICS sectors, where they differ by more than their letters' size."""


class JsonObject(dict[str, Any]):
    """A JSON object that also keeps its members in order in `pairs`: a session that stands twice is not lost."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


def spell(known_as: str) -> str:
    """Return a ticker as Alpha Vantage writes it: BRK.B is BRK-B."""
    return known_as.replace(".", "-").replace("/", "-")


def parse_object(text: str, subject: str, shorten: Callable[[str], str]) -> JsonObject:
    """Return a JSON body; `shorten` makes foreign words fit for a message.

    Raises:
        GarbageError: It is no JSON object.
        VendorError: It is a message; its words tell which error it is.
    """
    try:
        payload = json.loads(text, object_pairs_hook=JsonObject)
    except (ValueError, RecursionError):
        raise GarbageError(f"{subject}: no JSON came, but '{shorten(text)}'. Try again later.") from None
    if not isinstance(payload, JsonObject):
        raise GarbageError(f"{subject}: no JSON object came, but '{shorten(text)}'. Try again later.")
    for key in _MESSAGE_KEYS:
        if key in payload:
            raise _refusal(payload[key], subject, shorten)
    return payload


def _refusal(message: Any, subject: str, shorten: Callable[[str], str]) -> VendorError:
    if not isinstance(message, str):
        return GarbageError(f"{subject}: a message without words came. Try again later.")
    said = f"the vendor says '{shorten(message)}'"
    for pattern, kind, advice in _REFUSALS:
        if pattern.search(message.lower()):
            return kind(f"{subject}: {said}. {advice}.")
    return VendorError(f"{subject}: {said}. The words are new to us; report them.")


def parse_table(text: str, columns: Sequence[str], subject: str, shorten: Callable[[str], str]) -> list[dict[str, str]]:
    """Return the rows of a CSV body, which must have the `columns`; errors as `parse_object`."""
    if text.lstrip().startswith("{"):
        parse_object(text, subject, shorten)  # raises where it is a message, as every JSON body here should be
        raise GarbageError(f"{subject}: no CSV came, but '{shorten(text)}'. Try again later.")
    try:
        header, *rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row] or [[]]
    except csv.Error:
        raise GarbageError(f"{subject}: no CSV came, but '{shorten(text)}'. Try again later.") from None
    missing = [column for column in columns if column not in header]
    if missing:
        raise GarbageError(f"{subject}: there is no column {missing[0]} in '{shorten(text)}'. Try again later.")
    torn = next((row for row in rows if len(row) != len(header)), None)
    if torn is not None:
        words = shorten(",".join(torn))
        raise GarbageError(f"{subject}: a row does not have {len(header)} cells: '{words}'. Try again later.")
    return [dict(zip(header, row, strict=True)) for row in rows]


def require_symbol(found: object, symbol: str, subject: str) -> None:
    """Refuse an answer that says itself that it is about another symbol, with `GarbageError`."""
    if isinstance(found, str) and found.strip().upper() != symbol.upper():
        raise GarbageError(f"{subject}: the answer is about {found[:_LONGEST]}, not about {symbol}. Try again later.")


def complete_series(payload: JsonObject, symbol: str, subject: str) -> JsonObject:
    """Return a daily answer that has all that the vendor's library takes from it.

    `{}` is how the vendor says that it has nothing: it becomes a series without sessions.

    Raises:
        GarbageError: The series is there, but is no object, or is another symbol's.
    """
    about = payload.get("Meta Data")
    if isinstance(about, dict):
        require_symbol(about.get("2. Symbol"), symbol, subject)
    series = payload.get(SERIES_KEY) if payload else JsonObject([])
    if not isinstance(series, JsonObject):
        raise GarbageError(f"{subject}: there is no object '{SERIES_KEY}' in the answer. Try again later.")
    return JsonObject([("Meta Data", about), (SERIES_KEY, series)])


def read_bars(series: Series, request: BarRequest, columns: Sequence[str]) -> tuple[BarBatch, tuple[RejectedRow, ...]]:
    """Return the bars within the request in the vendor's order, and the rows that cannot be bars."""
    sessions: list[date] = []
    numbers: list[list[float]] = []
    rejected: list[RejectedRow] = []
    for text, cells in series:
        session = day_of(text)
        if session is not None and not request.start <= session <= request.end:
            continue
        row = [number_of(cells.get(column)) if isinstance(cells, dict) else None for column in columns]
        complete = [number for number in row if number is not None]
        if session is None or len(complete) < len(row):
            rejected.append(_rejected(request.ticker, text, cells, _fault(session, row)))
            continue
        sessions.append(session)
        numbers.append(complete)
    return _batch(request.ticker, sessions, numbers), tuple(rejected)


def _fault(session: date | None, row: list[float | None]) -> str:
    if session is None:
        return "the session is no date"
    missing = [name for name, number in zip(BAR_FIELDS, row, strict=True) if number is None]
    return f"no number in {', '.join(missing)}"


def _rejected(ticker: str, text: str, cells: Any, reason: str) -> RejectedRow:
    found = cells if isinstance(cells, dict) else {"row": cells}
    payload: Payload = {
        storable(name): None if cell is None else storable(str(cell))[:_LONGEST] for name, cell in found.items()
    }
    session: Payload = {} if day_of(text) is None else {"session": text}
    return RejectedRow(ticker, f"alpha_vantage:{storable(text)[:_LONGEST]}", reason, payload | session)


def _batch(ticker: str, sessions: list[date], numbers: list[list[float]]) -> BarBatch:
    columns = np.array(numbers, dtype=np.float64).reshape(len(sessions), len(BAR_FIELDS)).T
    first, high, low, close, volume = (column.copy() for column in columns)
    nought = np.zeros(len(sessions), dtype=np.int64)
    days = np.array(sessions, dtype="datetime64[D]")
    return BarBatch((ticker,), nought, days, first, high, low, close, volume, lines=nought.copy())


def read_inline_actions(
    series: Series, request: BarRequest, subject: str
) -> tuple[tuple[Split, ...], tuple[Dividend, ...], date | None]:
    """Return the splits and dividends of an adjusted answer up to the request's end, and its first session."""
    dated = [(day, cells) for text, cells in series if (day := day_of(text)) is not None and day <= request.end]
    rows = [(day, cells if isinstance(cells, dict) else {}) for day, cells in dated]
    splits = _splits(request.ticker, [(day, cells.get(_SPLIT)) for day, cells in rows], subject)
    # A session that stands twice is one session: its dividend was paid once.
    paid = {(day, str(cells.get(_DIVIDEND))): (day, cells.get(_DIVIDEND)) for day, cells in rows}
    dividends = _dividends(request.ticker, [row for _, row in sorted(paid.items())], subject)
    return splits, dividends, min((day for day, _ in rows), default=None)


def read_splits(payload: JsonObject, ticker: str, start: date, end: date, subject: str) -> tuple[Split, ...]:
    """Return the splits with an ex-date from `start` to `end`."""
    rows = _dated_rows(payload, "effective_date", start, end, subject)
    return _splits(ticker, [(day, row.get("split_factor")) for day, row in rows], subject)


def read_dividends(payload: JsonObject, ticker: str, start: date, end: date, subject: str) -> tuple[Dividend, ...]:
    """Return the dividends with an ex-date from `start` to `end`; payments of one ex-date are added up."""
    rows = _dated_rows(payload, "ex_dividend_date", start, end, subject)
    return _dividends(ticker, [(day, row.get("amount")) for day, row in rows], subject)


def _dated_rows(
    payload: JsonObject, column: str, start: date, end: date, subject: str
) -> list[tuple[date, dict[str, Any]]]:
    """Return the distinct rows of `data` with a date from `start` to `end`; a row without a date is not due yet."""
    if not payload:
        raise UnknownSymbolError(f"{subject}: the vendor knows nothing of it. Check the ticker.")
    rows = payload.get("data")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise GarbageError(f"{subject}: there is no list of rows in the answer. Try again later.")
    distinct = {json.dumps(row, sort_keys=True): row for row in rows}.values()
    dated = [(_day_or_none(row.get(column), subject), row) for row in distinct]
    return [(day, row) for day, row in dated if day is not None and start <= day <= end]


def _splits(ticker: str, rows: list[tuple[date, Any]], subject: str) -> tuple[Split, ...]:
    ratios: dict[date, float] = {}
    for day, cell in rows:
        ratio = number_of(cell)
        if ratio is None or ratio <= 0 or ratios.get(day, ratio) != ratio:
            raise GarbageError(f"{subject}: '{str(cell)[:_LONGEST]}' is no split factor of {day}. Try again later.")
        ratios[day] = ratio
    return tuple(Split(ticker, day, ratio) for day, ratio in sorted(ratios.items()) if ratio != 1.0)


def _dividends(ticker: str, rows: list[tuple[date, Any]], subject: str) -> tuple[Dividend, ...]:
    amounts: dict[date, float] = {}
    for day, cell in rows:
        amount = number_of(cell)
        if amount is None or amount < 0:
            raise GarbageError(f"{subject}: '{str(cell)[:_LONGEST]}' is no dividend of {day}. Try again later.")
        amounts[day] = amounts.get(day, 0.0) + amount
    return tuple(Dividend(ticker, day, amount) for day, amount in sorted(amounts.items()) if amount > 0)


def read_profile(payload: JsonObject, ticker: str, subject: str) -> Listing:
    """Return what OVERVIEW says; `{}` is its answer to a symbol that it does not know."""
    if not payload:
        raise UnknownSymbolError(f"{subject}: the vendor knows nothing of it. Check the ticker.")
    if not isinstance(payload.get("Symbol"), str):
        raise GarbageError(f"{subject}: there is no 'Symbol' in the answer. Try again later.")
    texts = {name: _text(payload.get(name), subject) for name in ("Name", "Exchange", "Sector", "Currency")}
    sector = texts["Sector"]
    # AssetType is Common Stock or ETF: both trade as equities, and other vendors are asked for both in the same way.
    return Listing(
        ticker,
        texts["Name"],
        exchange=texts["Exchange"] or "US",
        sector=None if sector is None else _SECTORS.get(sector.upper(), sector.title()),
        currency=texts["Currency"] or "USD",
    )


EARNINGS_COLUMNS = ("symbol", "reportDate", "fiscalDateEnding", "estimate")


def read_earnings(
    rows: list[dict[str, str]], tickers: Mapping[str, str], start: date, end: date, subject: str
) -> tuple[EarningsDate, ...]:
    """Return the announcements from `start` to `end`; `tickers` maps the vendor's spelling to ours.

    Raises:
        EmptyAnswerError: The calendar of the whole market has no row at all.
        GarbageError: A row of one of the tickers cannot be read.
    """
    if not rows:
        raise EmptyAnswerError(f"{subject}: the calendar is empty. Ask another vendor.")
    found: list[EarningsDate] = []
    for row in rows:
        ticker = tickers.get(row["symbol"])
        announced = None if ticker is None else _day_or_none(row["reportDate"], subject)
        if ticker is None or announced is None or not start <= announced <= end:
            continue
        fiscal_end = _day_or_none(row["fiscalDateEnding"], subject)
        if fiscal_end is None:
            raise GarbageError(f"{subject}: {ticker} on {announced} has no fiscalDateEnding. Try again later.")
        found.append(EarningsDate(ticker, str(fiscal_end), announced, _number_or_none(row["estimate"], subject)))
    return tuple(sorted(set(found), key=lambda row: (row.ticker, row.announced, row.fiscal_period)))


LISTING_COLUMNS = ("symbol", "name", "exchange", "ipoDate", "delistingDate")


def read_delistings(rows: list[dict[str, str]], as_of: date, subject: str) -> tuple[Listing, ...]:
    """Return the symbols that have ceased to trade by `as_of`, dashes of class shares written as our dots.

    A ticker that was used again stands once for each company that has ceased to trade under it, the latest last.
    """
    listings: list[Listing] = []
    for row in rows:
        delisted = _day_or_none(row["delistingDate"], subject)
        ticker = _text(row["symbol"], subject)
        if ticker is None or delisted is None or delisted > as_of:
            continue  # Without a ticker or a day of delisting there is nothing that a row could tell.
        listings.append(
            Listing(
                ticker.replace("-", "."),
                _text(row["name"], subject),
                exchange=_text(row["exchange"], subject) or "US",
                listed=_day_or_none(row["ipoDate"], subject),
                delisted=delisted,
            )
        )
    return tuple(sorted(listings, key=lambda listing: (listing.ticker, str(listing.delisted))))


def number_of(cell: Any) -> float | None:
    """Return a finite number, None for anything else: empty, a word, an infinity, a truth value."""
    if isinstance(cell, str):
        number = float(cell) if _NUMBER.fullmatch(cell.strip()) else math.nan
    elif isinstance(cell, int | float) and not isinstance(cell, bool):
        try:
            number = float(cell)
        except OverflowError:  # JSON's integers have no bound
            return None
    else:
        return None
    return number if math.isfinite(number) else None


def day_of(cell: Any) -> date | None:
    """Return the date that a text writes as 2024-12-31, None for anything else."""
    if not isinstance(cell, str) or not _DAY.fullmatch(cell):
        return None
    try:
        return date.fromisoformat(cell)
    except ValueError:
        return None


def _text(cell: Any, subject: str) -> str | None:
    """Return a cell's words, None where it says in one of the vendor's ways that there are none."""
    if cell is not None and not isinstance(cell, str):
        raise GarbageError(f"{subject}: '{str(cell)[:_LONGEST]}' stands where words belong. Try again later.")
    return None if cell is None or cell.strip().lower() in _NOTHING else storable(cell.strip())


def _day_or_none(cell: Any, subject: str) -> date | None:
    """Return a cell's date, None where it is empty; an unreadable one would otherwise be an event that is lost."""
    text = _text(cell, subject)
    day = day_of(text)
    if text is not None and day is None:
        raise GarbageError(f"{subject}: '{text[:_LONGEST]}' is no date. Try again later.")
    return day


def _number_or_none(cell: str, subject: str) -> float | None:
    text = _text(cell, subject)
    number = number_of(text)
    if text is not None and number is None:
        raise GarbageError(f"{subject}: '{text[:_LONGEST]}' is no number. Try again later.")
    return number
