"""Files of universes: a list of tickers, or dated memberships as of an index.

Goes in: a path, and the setting that names it for messages. Comes out: tickers or memberships. A line that cannot be
understood is an error with its place: a member that is left out would falsify every result of the universe.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

from alphafactory.domain.market import Membership
from alphafactory.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_COLUMNS = {
    "ticker": ("ticker", "symbol"),
    "from": ("from", "start", "valid_from"),
    "to": ("to", "end", "valid_to"),
}
_SEPARATOR = re.compile(r"[\s,;|]")
_DELIMITERS = ",;\t|"


def read_tickers(path: Path, setting: str = "universes") -> tuple[str, ...]:
    """Return the tickers of a text file, one a line, in its order; # starts a comment, a repeated ticker counts once.

    Raises:
        SourceError: The file cannot be read, names nothing, or has several words on a line.
    """
    tickers: dict[str, None] = {}
    for number, line in enumerate(io.StringIO(_text(path, setting)), 1):
        ticker = line.partition("#")[0].strip()
        if _SEPARATOR.search(ticker):
            raise SourceError(f"{path}:{number}: '{ticker}' is more than one ticker. Write one ticker a line.")
        if ticker:
            tickers[ticker] = None
    if not tickers:
        raise SourceError(f"{path}: the file names no ticker. Write one ticker a line, or correct {setting}.")
    return tuple(tickers)


def read_memberships(path: Path, setting: str = "universes") -> tuple[Membership, ...]:
    """Return the memberships of a CSV with the columns ticker, from and to, ordered by ticker and date.

    A symbol may have several spells. `to` is the last day of membership; an empty date is no bound.

    Raises:
        SourceError: The file cannot be read, lacks a column, names nothing, or has a row without a ticker, with a date
            that is none, with an end before its start, or with a spell that overlaps another of the same ticker.
    """
    spells = [_spell(row) for row in _rows(path, setting)]
    if not spells:
        raise SourceError(f"{path}: there is no row below the header. Add members, or correct {setting}.")
    spells.sort(key=lambda spell: (spell.membership.ticker, spell.membership.valid_from or date.min))
    for before, after in pairwise(spells):
        _refuse_overlap(before, after)
    return tuple(spell.membership for spell in spells)


@dataclass(frozen=True, slots=True)
class _Row:
    """The cells of one row by column of `_COLUMNS`, and the row's place."""

    path: Path
    line: int
    cells: Mapping[str, str]

    @property
    def where(self) -> str:
        return f"{self.path}:{self.line}"

    def day(self, column: str) -> date | None:
        text = self.cells[column]
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            message = f"{self.where}: '{text}' in '{column}' is no date. Write it as 2024-12-31, or leave it empty."
            raise SourceError(message) from None


@dataclass(frozen=True, slots=True)
class _Spell:
    row: _Row
    membership: Membership


def _spell(row: _Row) -> _Spell:
    ticker, start, end = row.cells["ticker"], row.day("from"), row.day("to")
    if not ticker:
        raise SourceError(f"{row.where}: the ticker is empty. Fill it or remove the row.")
    if start is not None and end is not None and end < start:
        raise SourceError(f"{row.where}: {ticker} ends on {end}, before it starts on {start}. Correct the dates.")
    return _Spell(row, Membership(ticker, start, end))


def _refuse_overlap(before: _Spell, after: _Spell) -> None:
    """Refuse two spells of one ticker that share a day; `before` starts no later than `after`."""
    first, second = before.membership, after.membership
    if first.ticker != second.ticker:
        return
    if first.valid_to is None or second.valid_from is None or second.valid_from <= first.valid_to:
        raise SourceError(
            f"{after.row.where}: {second.ticker} is a member already by line {before.row.line} "
            f"(from {first.valid_from or 'the beginning'} to {first.valid_to or 'now'}). "
            "Let one spell end before the next starts: 'to' is the last day of membership."
        )


def _rows(path: Path, setting: str) -> Iterator[_Row]:
    """Yield the rows that hold something; a short row ends in empty cells."""
    text = _text(path, setting)
    first_line = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(_DELIMITERS, key=first_line.count))
    try:
        header = [name.strip().strip("<>").strip().lower().replace(" ", "_") for name in next(reader, [])]
        positions = _positions(header, path)
        for cells in reader:
            if len(cells) > len(header):
                message = f"{len(cells)} cells stand below {len(header)} columns"
                raise SourceError(f"{path}:{reader.line_num}: {message}. Remove or quote the superfluous separator.")
            if any(cell.strip() for cell in cells):
                padded = [*cells, *[""] * (len(header) - len(cells))]
                yield _Row(path, reader.line_num, {name: padded[at].strip() for name, at in positions.items()})
    except csv.Error as error:
        raise SourceError(f"{path}:{reader.line_num}: the row is not CSV ({error}). Correct it.") from None


def _positions(header: list[str], path: Path) -> dict[str, int]:
    """Return where each column stands in the header, by any of its names."""
    positions: dict[str, int] = {}
    for column, names in _COLUMNS.items():
        found = [name for name in names if name in header]
        if not found:
            listed = ", ".join(name for name in header if name) or "nothing"
            accepted = " or ".join(names)
            raise SourceError(
                f"{path}:1: there is no column '{column}'. Found: {listed}. Name the right one {accepted}."
            )
        if len(found) > 1 or header.count(found[0]) > 1:
            raise SourceError(f"{path}:1: two columns mean '{column}'. Keep one of them.")
        positions[column] = header.index(found[0])
    return positions


def _text(path: Path, setting: str) -> str:
    if not path.is_file():
        raise SourceError(f"{path}: there is no such file. Correct {setting} in the config.")
    try:
        return path.read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise SourceError(f"{path}: the file is not readable text in UTF-8 ({error}). Save it as UTF-8.") from error
