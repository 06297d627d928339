"""From a crypto exchange's candles to our bars, and from its refusals to our errors. No network here.

Goes in: candles as ccxt read them, each beside the row as the exchange sent it. Comes out: a `BarAnswer`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory.calendar import ALWAYS_OPEN, sessions_between
from alphafactory.domain.bars import BAR_FIELDS, BarBatch
from alphafactory.domain.market import Listing, Payload, RejectedRow
from alphafactory.domain.timeframes import SECONDS, is_intraday
from alphafactory.sources.base import BarAnswer
from alphafactory.sources.vendor import (
    BadKeyError,
    EmptyAnswerError,
    GarbageError,
    NotEntitledError,
    NotOfferedError,
    QuotaSpentError,
    RateLimitedError,
    UnknownSymbolError,
    VendorDownError,
    VendorError,
    classify_status,
    storable,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.timeframes import Timeframe
    from alphafactory.sources.base import BarRequest

_EPOCH = date(1970, 1, 1)
_DAY_MS = 86_400_000
_LONGEST_WORDS = 200
_ADDRESS = re.compile(r"\w+://\S+")  # may hold the password of a proxy
_BANNED, _CLOSED = 418, (403, 451)

_KINDS: tuple[tuple[str, type[VendorError], str], ...] = (
    ("BadSymbol", UnknownSymbolError, "it does not know the pair. Check the ticker"),
    ("PermissionDenied", NotEntitledError, "it does not permit this. Choose another exchange"),
    ("AuthenticationError", BadKeyError, "it wants a key. Choose an exchange with public candles"),
    ("RestrictedLocation", NotEntitledError, "it does not serve this country. Choose another exchange"),
    ("RateLimitExceeded", RateLimitedError, "too many requests. Lower sources.crypto.limits.per_minute"),
    ("DDoSProtection", RateLimitedError, "too many requests. Lower sources.crypto.limits.per_minute"),
    ("NetworkError", VendorDownError, "it is out of reach, or did not answer in time. Try again later"),
    ("BadResponse", GarbageError, "the answer cannot be read. Try again later"),
    ("NotSupported", NotOfferedError, "it has nothing of the kind. Choose another exchange"),
    ("BadRequest", VendorError, "it refused the request, which is at fault; report it"),
    ("InvalidProxySettings", VendorError, "the proxy settings contradict each other. Mend them"),
)
"""ccxt's classes, the special ones before the general ones, with what they mean to us."""


@dataclass(frozen=True, slots=True)
class Candle:
    """One candle: its opening in milliseconds UTC (None where unreadable), its numbers, and the row as it was sent."""

    opening: int | None
    values: tuple[float | None, ...]
    row: Any


def read_candle(parsed: Sequence[Any], row: Any) -> Candle:
    """Return a candle of what ccxt read (opening, open, high, low, close, volume) and the row that it read it from."""
    opening, *values = parsed
    return Candle(opening if isinstance(opening, int) else None, tuple(map(_finite, values[: len(BAR_FIELDS)])), row)


def rows_of(payload: Any) -> list[Any]:
    """Return the rows of an exchange's answer, unchanged.

    Raises:
        GarbageError: It is no list, or something in it is no row.
    """
    if not isinstance(payload, list) or not all(isinstance(row, list | tuple | dict) for row in payload):
        raise GarbageError(f"the answer is no list of candles: {shorten(payload)}. Try again later.")
    return payload


def span_of(request: BarRequest) -> tuple[int, int]:
    """Return the openings of the first and the last bar of a request, in milliseconds UTC."""
    first, after = to_milliseconds(request.start), to_milliseconds(request.end) + _DAY_MS
    return first, after - SECONDS[request.timeframe] * 1000


def to_milliseconds(day: date) -> int:
    """Return a day's midnight in milliseconds UTC."""
    return (day - _EPOCH).days * _DAY_MS


def to_session(opening: int) -> date:
    """Return the UTC date of an instant in milliseconds."""
    return _EPOCH + timedelta(days=opening // _DAY_MS)


def to_answer(candles: Sequence[Candle], request: BarRequest, subject: str) -> BarAnswer:
    """Return the bars of a request: UTC dates as sessions, nothing after the request's end, no candle silently lost.

    Raises:
        EmptyAnswerError: There is nothing in a span that has sessions.
    """
    first, after = to_milliseconds(request.start), to_milliseconds(request.end) + _DAY_MS
    kept = [candle for candle in candles if candle.opening is None or first <= candle.opening < after]
    expected = len(sessions_between(request.listing.calendar, request.start, request.end))
    if not kept and expected:
        raise EmptyAnswerError(
            f"{subject}: no candle, though the span has {expected} sessions. Check when the pair began to trade."
        )
    good = [candle for candle in kept if _fault(candle) is None]
    rejected = tuple(_reject(candle, request) for candle in kept if _fault(candle) is not None)
    return BarAnswer(_to_bars(good, request), rejected=rejected)


def to_listing(ticker: str, market: dict[str, Any], exchange: str) -> Listing:
    """Return what a ccxt market says of a pair: the quote is the currency, every day is a session."""
    quote = market.get("quote")
    if not isinstance(quote, str) or not quote:
        raise GarbageError(f"{exchange}, {ticker}: the exchange names no currency: {shorten(quote)}. Try again later.")
    return Listing(ticker, exchange=exchange.upper(), asset_class="crypto", calendar=ALWAYS_OPEN, currency=quote)


def refusal(status: int, subject: str, retry_after: str | None) -> VendorError | None:
    """Return the error of an HTTP status, None where the body must tell (success, or a request found faulty)."""
    if status == _BANNED:
        return QuotaSpentError(
            f"{subject}: the exchange has banned this address for asking too much (HTTP 418). It is left out until "
            "tomorrow; lower sources.crypto.limits.per_minute."
        )
    if status in _CLOSED:
        return NotEntitledError(
            f"{subject}: the exchange does not serve this country or address (HTTP {status}). "
            "Choose another: sources.crypto.exchange."
        )
    known = classify_status(status, subject, retry_after)
    return None if type(known) is VendorError else known


def complaint(error: Exception, subject: str) -> VendorError:
    """Return the error of what ccxt raised; what it cannot name, or stumbled over, is a garbled answer."""
    found = shorten(_ADDRESS.sub("…", str(error)))
    ancestry = {kind.__name__ for kind in type(error).__mro__}
    for name, kind, words in _KINDS:
        if name in ancestry:
            return kind(f"{subject}: {words} ({found}).")
    return GarbageError(
        f"{subject}: the answer is not what the exchange promises ({type(error).__name__}: {found}). Try again later."
    )


def shorten(words: object) -> str:
    """Return foreign words as a message and a table can hold them: short, without what PostgreSQL refuses in texts."""
    text = " ".join(storable(str(words)).split())
    return text if len(text) <= _LONGEST_WORDS else text[: _LONGEST_WORDS - 1] + "…"


def timeframe_offered(timeframe: Timeframe, offered: object) -> bool:
    """Return whether an exchange's table of timeframes holds this one."""
    return isinstance(offered, dict) and timeframe in offered


def _finite(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _fault(candle: Candle) -> str | None:
    """Say why a candle can be no bar, None if it can."""
    if candle.opening is None:
        return "the opening time is no number"
    fields = zip(BAR_FIELDS, candle.values, strict=False)
    missing = [name for name, value in fields if value is None] + list(BAR_FIELDS[len(candle.values) :])
    return f"{', '.join(missing)}: missing or no finite number" if missing else None


def _reject(candle: Candle, request: BarRequest) -> RejectedRow:
    where = "unknown session"
    session: Payload = {}
    if candle.opening is not None:
        session = {"session": to_session(candle.opening).isoformat()}
        moment = datetime.fromtimestamp(candle.opening / 1000, UTC)
        where = moment.isoformat() if is_intraday(request.timeframe) else moment.date().isoformat()
    names = candle.row if isinstance(candle.row, dict) else dict(enumerate(candle.row))
    payload: Payload = {str(name): None if word is None else shorten(word) for name, word in names.items()}
    return RejectedRow(request.ticker, f"crypto:{where}", _fault(candle) or "", payload | session)


def _to_bars(candles: Sequence[Candle], request: BarRequest) -> BarBatch:
    openings = np.array([candle.opening for candle in candles], dtype="datetime64[ms]")
    table = np.array([candle.values for candle in candles], dtype=np.float64).reshape(len(candles), len(BAR_FIELDS))
    columns = {name: np.ascontiguousarray(table[:, place]) for place, name in enumerate(BAR_FIELDS)}
    return BarBatch(
        tickers=(request.ticker,),
        codes=np.zeros(len(candles), dtype=np.int64),
        sessions=openings.astype("datetime64[D]"),
        **columns,
        lines=np.zeros(len(candles), dtype=np.int64),
        instants=openings.astype("datetime64[us]") if is_intraday(request.timeframe) else None,
    )
