"""The file of tickers that symbols have had: a CSV in, one `AliasRow` a row out.

Columns: symbol, ticker, from, to, merged_into. A wrong cell is an error with its line: a ticker given to the wrong
company, or for the wrong days, would put another company's prices into its series.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alphafactory.errors import SourceError
from alphafactory.sources.records import read_records

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from alphafactory.sources.records import Record

_SYMBOL, _TICKER = ("symbol",), ("ticker", "alias")
_FROM, _TO = ("from", "valid_from", "start"), ("to", "valid_to", "end")


@dataclass(frozen=True, slots=True)
class AliasRow:
    """`symbol` traded as `ticker` from `valid_from` to `valid_to`, both inclusive, None without bound.

    `merged_into` is the company that it went into at the end. `where` is "file:line".
    """

    where: str
    symbol: str
    ticker: str
    valid_from: date | None
    valid_to: date | None
    merged_into: str | None


def read_alias_rows(path: Path) -> list[AliasRow]:
    """Return the rows of the file, in its order.

    Raises:
        SourceError: The file or a column is missing, a cell is empty or no date, or a span ends before it starts.
    """
    if not path.is_file():
        raise SourceError(f"{path}: there is no such file. Correct universe.aliases_path in the config.")
    return [_row(record) for record in read_records(path, _SYMBOL, _TICKER)]


def _row(record: Record) -> AliasRow:
    start, end = record.day(*_FROM, date_format=None), record.day(*_TO, date_format=None)
    symbol, ticker = record.required(*_SYMBOL), record.required(*_TICKER)
    if start is None and end is None:
        raise SourceError(f"{record.where}: {symbol} as {ticker} has neither 'from' nor 'to'. Fill one of them.")
    if start is not None and end is not None and end < start:
        raise SourceError(f"{record.where}: {ticker} ends on {end}, before it starts on {start}. Correct the dates.")
    return AliasRow(record.where, symbol, ticker, start, end, record.text("merged_into"))
