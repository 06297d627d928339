"""Yahoo's answers turned into our values, without a network.

Goes in: decoded JSON. Comes out: raw bars, splits, dividends, announcements, a listing, or an error of `vendor.py`.

Yahoo's prices, volumes and dividends are on the share basis of its newest row. With S the product of the ratios of all
splits after a session, raw price = price · S and raw volume = volume / S. A dividend is multiplied by the ratios of the
splits on its own ex-date too, for ours is a share as traded before them.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from alphafactory.calendar import sessions_between
from alphafactory.domain.bars import BAR_FIELDS, PRICE_FIELDS, BarBatch
from alphafactory.domain.market import Dividend, RejectedRow, Split
from alphafactory.domain.timeframes import is_intraday
from alphafactory.sources.base import BarAnswer
from alphafactory.sources.vendor import (
    BadKeyError,
    DelistedError,
    EmptyAnswerError,
    GarbageError,
    NotEntitledError,
    VendorError,
    classify_status,
    storable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from alphafactory.domain.arrays import DateArray, FloatArray
    from alphafactory.domain.market import Payload
    from alphafactory.sources.base import BarRequest

_LATEST_STAMP = 7_258_118_400
"""Seconds from 1970 to 2200; no bar lies further away, on either side."""

_FLOAT32_ERROR = 2.0**-24
"""Largest relative error of a number that was rounded to a float32, as Yahoo's prices were."""

_STATUSES = {"Not Found": 404, "Unauthorized": 401, "Too Many Requests": 429}
"""The statuses that stand for the codes of Yahoo's errors, where one comes with status 200."""

_LARGEST, _LARGEST_EVENT, _SMALLEST_EVENT = 1e18, 1e9, 1e-9
"""Beyond these nothing is a price or volume, or a ratio or dividend."""

_NO_DATA = "data doesn't exist"
_BEYOND_REACH = re.compile(r"granularity data|within the last|not available for starttime", re.IGNORECASE)

_AHEAD = frozenset({22, 23})
"""Local hours at which Yahoo stamps a few daily rows of the next day, off by a shift of daylight saving time."""


def shortened(words: object) -> str:
    """Return foreign words in 200 characters at most."""
    return " ".join(storable(str(words)).split())[:200]


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart, prices as Yahoo has them.

    `stamps` are seconds since 1970 in UTC, `columns` the words found of each field, both of length n. `splits` are
    (ex-date, ratio), `dividends` (ex-date, amount on the newest share basis), both ascending.
    """

    zone: ZoneInfo
    stamps: list[int]
    columns: Mapping[str, list[object]]
    splits: tuple[tuple[date, float], ...]
    dividends: tuple[tuple[date, float], ...]
    last_trade: int | None

    @classmethod
    def empty(cls) -> Chart:
        """Return a chart without rows."""
        return cls(ZoneInfo("UTC"), [], {name: [] for name in BAR_FIELDS}, (), (), None)

    @classmethod
    def joined(cls, parts: Sequence[Chart]) -> Chart:
        """Return consecutive charts of one symbol as one, with the actions of the last."""
        columns = {name: [word for part in parts for word in part.columns[name]] for name in BAR_FIELDS}
        return replace(parts[-1], stamps=[stamp for part in parts for stamp in part.stamps], columns=columns)

    def between(self, start: date, end: date) -> Chart:
        """Return the chart of the rows from `start` to `end`, both inclusive, by the exchange's own days."""
        rows = [row for row, stamp in enumerate(self.stamps) if start <= _local(stamp, self.zone).date() <= end]
        columns = {name: [words[row] for row in rows] for name, words in self.columns.items()}
        return replace(self, stamps=[self.stamps[row] for row in rows], columns=columns)


def refusal(subject: str, status: int, words: str, retry_after: str | None) -> VendorError:
    """Return the error that Yahoo's refusal means, by its status and the reason that its body gives."""
    reason = _reason(words)
    if _BEYOND_REACH.search(reason):
        return NotEntitledError(f"{subject}: Yahoo does not reach so far: {reason} Ask for later bars.")
    if status == 404 and "delisted" in reason:  # noqa: PLR2004
        return DelistedError(f"{subject}: not there: {reason}. Check the ticker, or mark it as delisted.")
    if _NO_DATA in reason.lower():
        return EmptyAnswerError(f"{subject}: no rows: {reason}. Ask another vendor.")
    if status == 401:  # noqa: PLR2004
        return BadKeyError(f"{subject}: Yahoo refused its own cookie and crumb (HTTP 401). Update yfinance.")
    error = classify_status(status, subject, retry_after)
    assert error is not None, f"HTTP {status} is no refusal"
    if reason:
        error.args = (f"{error.args[0]} Yahoo says: {reason}",)
    return error


def _reason(words: str) -> str:
    """Return the description in a refusal's body, {"chart": {"error": {"description": ...}}}, or nothing."""
    try:
        body: Any = json.loads(words)
    except (ValueError, RecursionError):
        return ""
    for part in body.values() if isinstance(body, dict) else ():
        error = part.get("error") if isinstance(part, dict) else None
        if isinstance(error, dict):
            return shortened(error.get("description") or error.get("code") or "")
    return ""


def read_result(payload: object, kind: str, subject: str) -> dict[str, Any]:
    """Return the first result of {kind: {"result": [{...}], "error": null}}.

    Raises:
        GarbageError: The payload is not made like that.
        VendorError: It holds an error; told apart as in `refusal`.
    """
    part = payload.get(kind) if isinstance(payload, dict) else None
    if not isinstance(part, dict):
        raise garbage(subject, payload)
    error = part.get("error")
    if error:
        status = _STATUSES.get(str(error.get("code")), 400) if isinstance(error, dict) else 400
        raise refusal(subject, status, json.dumps({kind: part}), None)
    results = part.get("result")
    if not isinstance(results, list) or not results or not isinstance(results[0], dict):
        raise garbage(subject, payload)
    return results[0]


def garbage(subject: str, found: object) -> GarbageError:
    """Return the error of an answer that is not made as Yahoo's are."""
    return GarbageError(f"{subject}: the answer is not what Yahoo sends: {shortened(found)}. Try again later.")


def read_chart(payload: object, subject: str, symbol: str | None = None) -> Chart:
    """Take a chart apart; errors as `read_result`. A chart without rows has no timestamps at all.

    `symbol` is the one that was asked for, in Yahoo's writing: another's chart is garbage.
    """
    result = read_result(payload, "chart", subject)
    try:
        meta = result["meta"]
        if symbol is not None and str(meta.get("symbol", symbol)).upper() != symbol.upper():
            raise garbage(subject, f"a chart of {meta['symbol']}, not of {symbol}")
        zone = ZoneInfo(meta["exchangeTimezoneName"])
        stamps = list(result.get("timestamp") or ())
        quote = result["indicators"]["quote"][0] if stamps else dict.fromkeys(BAR_FIELDS, ())
        columns = {name: list(quote[name]) for name in BAR_FIELDS}
        events = result.get("events") or {}
        splits = _events(events.get("splits"), zone, lambda event: event["numerator"] / event["denominator"])
        dividends = _added_up(_events(events.get("dividends"), zone, lambda event: event["amount"]))
        last_trade = meta.get("regularMarketTime")
    except (KeyError, TypeError, IndexError, AttributeError, ValueError, ZeroDivisionError, OverflowError) as error:
        raise garbage(subject, f"{type(error).__name__} {error} in {shortened(result)}") from None
    except (ZoneInfoNotFoundError, OSError):
        raise garbage(subject, meta["exchangeTimezoneName"]) from None
    if len({day for day, _ in splits}) < len(splits):
        raise garbage(subject, f"two ratios of one day in {splits}")
    if not all(type(stamp) is int and abs(stamp) <= _LATEST_STAMP for stamp in stamps) or any(
        len(c) != len(stamps) for c in columns.values()
    ):
        raise garbage(subject, f"timestamps {stamps[:5]}, columns of other lengths or no whole seconds")
    return Chart(zone, stamps, columns, splits, dividends, last_trade)


def _events(
    found: Mapping[str, Any] | None, zone: ZoneInfo, value: Callable[[Any], float]
) -> tuple[tuple[date, float], ...]:
    """Return (ex-date, value) of each event, one told twice once; the values must be finite and positive."""
    rows = sorted({(session_day(event["date"], zone), float(value(event))) for event in (found or {}).values()})
    if not all(_SMALLEST_EVENT < amount < _LARGEST_EVENT for _, amount in rows):
        raise ValueError(f"split or dividend {rows}")
    return tuple(rows)


def _added_up(rows: Sequence[tuple[date, float]]) -> tuple[tuple[date, float], ...]:
    """Return one row a day: all that is paid on it."""
    amounts: dict[date, float] = {}
    for day, amount in rows:
        amounts[day] = amounts.get(day, 0.0) + amount
    return tuple(amounts.items())


def _local(stamp: int, zone: ZoneInfo) -> datetime:
    # By addition, for `fromtimestamp` refuses years before 1970 on some systems.
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=stamp)).astimezone(zone)


def session_day(stamp: int, zone: ZoneInfo) -> date:
    """Return the session of a daily row or event."""
    local = _local(stamp, zone)
    ahead = local.minute == 0 and local.hour in _AHEAD
    return (local + timedelta(hours=2)).date() if ahead else local.date()


def bar_answer(chart: Chart, request: BarRequest, daily: Chart | None = None) -> BarAnswer:
    """Return the raw bars of a request, with all splits and dividends from its first day on.

    `daily` is the chart that has these, where `chart` is an intraday one, which need not reach the newest row.

    Raises:
        EmptyAnswerError: There is no row in a span that has sessions.
        VendorError: The share basis of the prices cannot be told.
    """
    events = daily or chart
    require_basis(events, f"yahoo, {request}")
    chosen, sessions = _chosen(chart, request)
    if not chosen and len(sessions_between(request.listing.calendar, request.start, request.end)):
        raise EmptyAnswerError(f"yahoo, {request}: no rows where the calendar has sessions. Ask another vendor.")
    found = {name: [chart.columns[name][row] for row in chosen] for name in BAR_FIELDS}
    numbers = {name: np.array([number(word) for word in words], dtype=np.float64) for name, words in found.items()}
    whole = np.ones(len(chosen), dtype=np.bool_)
    for column in numbers.values():
        whole &= np.isfinite(column)
    rejected = tuple(
        _rejected(request.ticker, str(sessions[row]), {name: words[row] for name, words in found.items()})
        for row in np.flatnonzero(~whole)
    )
    instants = np.array([chart.stamps[row] for row in chosen], dtype="datetime64[s]").astype("datetime64[us]")
    bars = _raw_bars(request, sessions, numbers, instants, split_factors(sessions, events.splits)).take(whole)
    return BarAnswer(
        bars,
        raw_splits(request.ticker, events, request.start),
        raw_dividends(request.ticker, events, request.start),
        rejected,
        request.start,
    )


def require_basis(chart: Chart, subject: str) -> None:
    """Refuse a daily chart with a split after its newest row: nobody can tell whether its prices know of it.

    Raises:
        VendorError: It has one.
    """
    newest = max((session_day(stamp, chart.zone) for stamp in chart.stamps), default=None)
    coming = [day for day, _ in chart.splits if newest is not None and day > newest]
    if coming:
        raise VendorError(
            f"{subject}: Yahoo lists a split on {coming[0]}, after its newest row of {newest}, so that its prices may "
            "be on the old share basis or on the new one. They are asked for again once it has traded."
        )


def priced_sessions(chart: Chart, end: date) -> list[date]:
    """Return the sessions up to `end` of a daily chart that have a close."""
    days = (
        session_day(stamp, chart.zone)
        for stamp, close in zip(chart.stamps, chart.columns["close"], strict=True)
        if math.isfinite(number(close))
    )
    return [day for day in days if day <= end]


def _chosen(chart: Chart, request: BarRequest) -> tuple[list[int], DateArray]:
    """Return the positions and the sessions of the chart's rows that lie within the request."""
    intraday = is_intraday(request.timeframe)
    days = [_local(stamp, chart.zone).date() if intraday else session_day(stamp, chart.zone) for stamp in chart.stamps]
    extra = _live_row(chart, days, intraday)
    chosen = [row for row, day in enumerate(days) if request.start <= day <= request.end and row != extra]
    return chosen, np.array([days[row] for row in chosen], dtype="datetime64[D]")


def _live_row(chart: Chart, days: list[date], intraday: bool) -> int | None:
    """Return the row that is none of its own: Yahoo appends the last trade to the newest bars.

    A daily one replaces the row of the same day before it, as in yfinance (`fix_Yahoo_returning_live_separate`). An
    intraday one repeats the last price without volume.
    """
    last = len(days) - 1
    if last < 1:
        return None
    if intraday:
        return last if chart.stamps[last] == chart.last_trade and not chart.columns["volume"][last] else None
    return last - 1 if days[last] == days[last - 1] and chart.stamps[last] != chart.stamps[last - 1] else None


def number(word: object) -> float:
    """Return a number as it is, NaN for all else: null, words, true, what is too large for any price or volume."""
    if type(word) is not int and type(word) is not float:
        return math.nan
    return float(word) if abs(word) < _LARGEST else math.nan


def _rejected(ticker: str, session: str, words: dict[str, object]) -> RejectedRow:
    """Return the row as found, with the reason why it is no bar."""
    if all(words[name] is None for name in PRICE_FIELDS):
        reason = "no prices yet"
    else:
        reason = f"{', '.join(n for n, word in words.items() if not math.isfinite(number(word)))}: missing or no number"
    payload: Payload = {"session": session, **{name: _storable(word) for name, word in words.items()}}
    return RejectedRow(ticker, f"yahoo:{session}", reason, payload)


def _storable(word: object) -> str | int | float | None:
    """Return a word as JSON can hold it, shortened."""
    if word is None or isinstance(word, int) or (isinstance(word, float) and math.isfinite(word)):
        return word
    return shortened(word)


def split_factors(sessions: DateArray, splits: Iterable[tuple[date, float]]) -> FloatArray:
    """Return S of each session: the product of the ratios of all splits after it, shape of `sessions`."""
    factors = np.ones(len(sessions))
    for ex_date, ratio in splits:
        factors[sessions < np.datetime64(ex_date, "D")] *= ratio
    return factors


def _raw_bars(
    request: BarRequest,
    sessions: DateArray,
    numbers: Mapping[str, FloatArray],
    instants: DateArray,
    factors: FloatArray,
) -> BarBatch:
    zeros = np.zeros(len(sessions), dtype=np.int64)
    return BarBatch(
        (request.ticker,),
        zeros,
        sessions,
        without_noise(numbers["open"] * factors),
        without_noise(numbers["high"] * factors),
        without_noise(numbers["low"] * factors),
        without_noise(numbers["close"] * factors),
        np.round(numbers["volume"] / factors),
        zeros,
        instants if is_intraday(request.timeframe) else None,
    )


def without_noise(prices: FloatArray) -> FloatArray:
    """Return prices rounded to the decimals that a float32 can carry, so that cents come back exact.

    Yahoo keeps prices as float32 (187.14999389648438 for 187.15), with an error of up to 2⁻²⁴ of the price. The most
    decimals of which half a unit is still above that error are kept, four at most from 1 upwards and six below, for
    no exchange's tick is finer: exact cents up to 83,886, tenths of a cent up to 8,388.
    """
    sizes = np.abs(prices)
    finest = np.where(sizes >= 1, 4.0, 6.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        carried = np.floor(-np.log10(2 * _FLOAT32_ERROR * sizes))
    scale = 10.0 ** np.clip(np.where(np.isfinite(carried), carried, finest), 0, finest)
    # A size that the scale would carry beyond the largest float is no price; it is left as it is.
    safe = sizes < 1e15  # noqa: PLR2004
    rounded: FloatArray = np.where(safe, np.round(np.where(safe, prices, 0) * scale) / scale, prices)
    return rounded


def raw_splits(ticker: str, chart: Chart, start: date) -> tuple[Split, ...]:
    """Return the splits from `start` on."""
    return tuple(Split(ticker, day, ratio) for day, ratio in chart.splits if day >= start)


def raw_dividends(ticker: str, chart: Chart, start: date) -> tuple[Dividend, ...]:
    """Return the dividends from `start` on, as paid a share before the ex-date's own splits."""
    rows = []
    for day, amount in chart.dividends:
        factor = math.prod(ratio for ex_date, ratio in chart.splits if ex_date >= day)
        if day >= start:
            rows.append(Dividend(ticker, day, _raw_amount(amount, factor)))
    return tuple(rows)


def _raw_amount(amount: float, factor: float) -> float:
    """Return amount · factor, rounded to what six decimals, Yahoo's precision of dividends, let us know of it."""
    if factor == 1:
        return round(amount, 6)
    error = 0.5e-6 * factor + amount * factor * _FLOAT32_ERROR
    return round(amount * factor, min(6, max(0, math.floor(-math.log10(2 * error)))))
