"""Turns a file's columns into numbers, sessions and tickers, and says which cells could not be turned.

Goes in: Arrow columns of any type. Comes out: NumPy arrays beside a mask of the cells that mean nothing. Work is done
on whole columns; dates and tickers are parsed once a distinct text.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory.errors import SourceError

if TYPE_CHECKING:
    from alphafactory.domain.arrays import BoolArray, DateArray, FloatArray, IntArray

_NO_VALUE = ["", "null", "nan", "na", "n/a", "none"]
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$|^[+-]?inf(inity)?$"
_ISO_LIKE = re.compile(r"^\d{4}-\d{2}-\d{2}([T ].+)?$|^\d{8}$")
_UNREADABLE = np.datetime64("NaT", "D")


def parse_numbers(column: Any) -> tuple[FloatArray, BoolArray]:
    """Return the numbers, NaN where a cell is empty or says so (null, NaN), and the mask of cells that are none."""
    import pyarrow as pa  # noqa: PLC0415  0.2 s: only when a file is read
    import pyarrow.compute as pc  # noqa: PLC0415

    try:
        return _floats(pc.cast(column, pa.float64())), np.zeros(len(column), dtype=np.bool_)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        text = pc.ascii_lower(pc.utf8_trim_whitespace(pc.cast(column, pa.string())))
    is_number = pc.match_substring_regex(text, _NUMBER)
    is_empty = pc.is_in(text, value_set=pa.array([*_NO_VALUE, None], type=pa.string()))
    numbers = pc.cast(pc.if_else(is_number, text, pa.scalar(None, pa.string())), pa.float64())
    legal = pc.or_(pc.fill_null(is_number, fill_value=False), is_empty)
    return _floats(numbers), ~legal.to_numpy().astype(np.bool_)


def _floats(column: Any) -> FloatArray:
    return np.asarray(column.to_numpy(), dtype=np.float64)


def parse_sessions(column: Any, date_format: str | None, where: str) -> tuple[DateArray, BoolArray]:
    """Return the sessions, NaT where the cell is no date, and the mask of those cells.

    Raises:
        SourceError: The column holds several times a day: these are intraday bars.
    """
    import pyarrow as pa  # noqa: PLC0415  as above
    import pyarrow.compute as pc  # noqa: PLC0415

    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        _refuse_intraday(len(pc.unique(column)), len(pc.unique(pc.cast(column, pa.date32(), safe=False))), where)
        sessions = pc.cast(column, pa.date32(), safe=False).to_numpy().astype("datetime64[D]")
        return sessions, np.isnat(sessions)
    texts, codes = distinct_texts(column)
    parsed = [_parse_session(text, date_format) for text in texts]
    readable = {day for day in parsed if day is not None}
    _refuse_intraday(sum(day is not None for day in parsed), len(readable), where)
    days = np.array([_UNREADABLE if day is None else np.datetime64(day, "D") for day in parsed], dtype="datetime64[D]")
    sessions = days[codes] if len(days) else np.full(len(codes), _UNREADABLE)
    return sessions, np.isnat(sessions)


def _parse_session(text: str, date_format: str | None) -> date | None:
    """Return the date that a text writes, as the exchange's own: a time of day and its zone are left off."""
    try:
        if date_format is not None:
            return datetime.strptime(text, date_format).date()  # noqa: DTZ007  a session has no zone
        return datetime.fromisoformat(text).date() if _ISO_LIKE.match(text) else None
    except ValueError:
        return None


def _refuse_intraday(moments: int, days: int, where: str) -> None:
    # A few sessions may be written in two ways (a change of offset); twice as many moments as days are bars of a day.
    if moments >= 2 * days > 0:
        raise SourceError(
            f"{where}: holds about {moments / days:.0f} bars a day. Give daily bars, one row a session, "
            "or say how long the bars are: sources.csv.timeframe."
        )


def parse_tickers(column: Any) -> tuple[tuple[str, ...], IntArray, BoolArray]:
    """Return the distinct tickers in order, each row's position among them, and the mask of rows without a ticker."""
    texts, codes = distinct_texts(column)
    tickers = sorted(set(texts) - {""})
    place = {ticker: position for position, ticker in enumerate(tickers)}
    new_codes = np.array([place.get(text, -1) for text in texts], dtype=np.int64)
    rows = new_codes[codes] if len(new_codes) else codes
    return tuple(tickers), rows, rows < 0


def distinct_texts(column: Any) -> tuple[list[str], IntArray]:
    """Return the distinct texts, stripped, and each row's position among them."""
    import pyarrow as pa  # noqa: PLC0415  as above
    import pyarrow.compute as pc  # noqa: PLC0415

    text = pc.fill_null(pc.cast(column, pa.string()), "")
    encoded = pc.dictionary_encode(text)
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.unify_dictionaries().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):  # combining gives an array, or chunks where one would be too large
        encoded = pa.concat_arrays(encoded.chunks)
    texts = [word.strip() for word in encoded.dictionary.to_pylist()]
    return texts, np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)


def as_words(column: Any, row: int) -> str | None:
    """Return one cell as text, as it stands in the file."""
    value = column[row].as_py()
    return None if value is None else str(value)
