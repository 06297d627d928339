"""Small files with a row a fact: symbols, splits, dividends.

Goes in: a CSV path. Comes out: listings, splits or dividends. A wrong cell here is an error with its line and stops the
load: a split that is left out would falsify every price before it.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from alphafactory.domain.market import Dividend, Listing, Split
from alphafactory.errors import SourceError, suggestion
from alphafactory.sources.columns import plain_name

if TYPE_CHECKING:
    from pathlib import Path

_TICKER = ("symbol", "ticker")
_EX_DATE = ("ex_date", "date")
_TEXTS = ("name", "exchange", "sector", "asset_class", "calendar", "currency")


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a file: its cells by plain column name, and where it stands."""

    where: str
    cells: dict[str, str]

    def text(self, *names: str) -> str | None:
        """Return the first of the named cells that holds something."""
        return next((self.cells[name] for name in names if self.cells.get(name)), None)

    def required(self, *names: str) -> str:
        """Return the named cell; raise `SourceError` if it is empty."""
        found = self.text(*names)
        if found is None:
            raise SourceError(f"{self.where}: the cell '{names[0]}' is empty. Fill it or remove the row.")
        return found

    def day(self, *names: str, date_format: str | None) -> date | None:
        """Return the named cell as a date, None where it is empty."""
        found = self.text(*names)
        if found is None:
            return None
        try:
            if date_format is not None:
                return datetime.strptime(found, date_format).date()  # noqa: DTZ007  a day has no zone
            return datetime.fromisoformat(found).date()
        except ValueError as error:
            wanted = date_format or "ISO (2024-12-31)"
            raise SourceError(f"{self.where}: '{found}' in '{names[0]}' is no date written as {wanted}.") from error

    def positive(self, *names: str) -> float:
        """Return the named cell as a number above 0; `4:1` and `4/1` are ratios."""
        found = self.required(*names)
        upper, _, lower = found.replace("/", ":").partition(":")
        try:
            number = float(upper) / (float(lower) if lower else 1.0)
        except (ValueError, ZeroDivisionError):
            number = math.nan
        if not (math.isfinite(number) and number > 0):
            raise SourceError(f"{self.where}: '{found}' in '{names[0]}' is no number above 0. Correct the row.")
        return number


def read_listings(path: Path, calendar: str, date_format: str | None) -> dict[str, Listing]:
    """Return the listings of a symbols file by ticker; `calendar` stands where a row names none."""
    listings: dict[str, Listing] = {}
    for record in read_records(path, _TICKER):
        ticker = record.required(*_TICKER)
        if ticker in listings:
            raise SourceError(f"{record.where}: '{ticker}' is listed twice. Keep one of the rows.")
        texts = {name: record.text(name) for name in _TEXTS}
        given = {"calendar": calendar, **{name: text for name, text in texts.items() if text is not None}}
        listings[ticker] = Listing(
            ticker=ticker,
            listed=record.day("listed", date_format=date_format),
            delisted=record.day("delisted", date_format=date_format),
            **given,
        )
    return listings


def read_splits(path: Path, date_format: str | None) -> list[Split]:
    """Return the splits of a file, in order of ticker and date."""
    splits = [
        Split(record.required(*_TICKER), day, record.positive("ratio", "split", "split_ratio"))
        for record, day in _dated(path, ("ratio", "split", "split_ratio"), date_format)
    ]
    return sorted(splits, key=lambda split: (split.ticker, split.ex_date))


def read_dividends(path: Path, date_format: str | None) -> list[Dividend]:
    """Return the dividends of a file, amounts as written, in order of ticker and date."""
    dividends = [
        Dividend(
            record.required(*_TICKER),
            day,
            record.positive("amount", "dividend", "dividends"),
            record.text("kind") or "cash",
        )
        for record, day in _dated(path, ("amount", "dividend", "dividends"), date_format)
    ]
    return sorted(dividends, key=lambda dividend: (dividend.ticker, dividend.ex_date))


def _dated(path: Path, value: tuple[str, ...], date_format: str | None) -> list[tuple[Record, date]]:
    dated: list[tuple[Record, date]] = []
    seen: dict[tuple[str | None, date, str | None], str] = {}
    for record in read_records(path, _TICKER, _EX_DATE, value):
        day = record.day(*_EX_DATE, date_format=date_format)
        if day is None:
            raise SourceError(f"{record.where}: the cell '{_EX_DATE[0]}' is empty. Fill it or remove the row.")
        key = (record.text(*_TICKER), day, record.text("kind"))
        if key in seen:
            raise SourceError(f"{record.where}: {key[0]} on {day} already stands at {seen[key]}. Keep one of the rows.")
        seen[key] = record.where
        dated.append((record, day))
    return dated


def read_records(path: Path, *required: tuple[str, ...]) -> list[Record]:
    """Return the rows of a small CSV; each of `required` names a column by any of its names."""
    if not path.is_file():
        raise SourceError(f"{path}: there is no such file. Correct the path in the config (sources.csv).")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise SourceError(f"{path}: the file is not readable text in UTF-8 ({error}). Save it as UTF-8.") from error
    lines = text.splitlines()
    reader = csv.reader(lines, delimiter=max(",;\t", key=lines[0].count) if lines else ",")
    header = [plain_name(name) for name in next(reader, [])]
    for names in required:
        if not any(name in header for name in names):
            listed = ", ".join(header) or "nothing"
            raise SourceError(
                f"{path}: there is no column '{names[0]}'. Found: {listed}. {suggestion(names[0], header)} Rename it."
            )
    return [
        Record(f"{path.name}:{reader.line_num}", dict(zip(header, (cell.strip() for cell in row), strict=False)))
        for row in reader
        if any(cell.strip() for cell in row)
    ]
