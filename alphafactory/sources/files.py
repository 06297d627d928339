"""Price files to bars: finds the files, reads each, and stacks them.

Goes in: paths and the section `sources.csv`. Comes out: `FileBars`, the stacked bars as the files have them with what
could not be read beside them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory import calendar
from alphafactory.domain.bars import BAR_FIELDS, BarBatch
from alphafactory.domain.market import RejectedRow
from alphafactory.domain.timeframes import is_intraday
from alphafactory.errors import SourceError
from alphafactory.sources.columns import NUMBERS, match_columns
from alphafactory.sources.instants import checked_zone, local_dates, parse_instants, refuse_other_lengths
from alphafactory.sources.parsing import as_words, parse_numbers, parse_sessions, parse_tickers
from alphafactory.sources.tables import SUFFIXES, FileTable, read_header, read_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from alphafactory.config_sources import CsvSettings
    from alphafactory.domain.arrays import BoolArray, DateArray, FloatArray, IntArray
    from alphafactory.domain.market import Payload
    from alphafactory.domain.timeframes import Timeframe
    from alphafactory.sources.base import Progress

_DECIMAL_COMMA = re.compile(r"^\s*[+-]?\d+,\d+\s*$")


@dataclass(frozen=True, slots=True)
class FileBars:
    """Bars as files have them. `adjusted_close` has shape (n,), NaN where a file has none; None if no file has.

    `file_of[i]` is the position in `files` of the file that bar i stands in.
    """

    batch: BarBatch
    adjusted_close: FloatArray | None
    rejected: tuple[RejectedRow, ...]
    files: tuple[str, ...]
    file_of: IntArray

    def reject(self, row: int, reason: str) -> RejectedRow:
        """Return a rejected row about the bar at `row`; the bar itself stays, so no session is named."""
        batch = self.batch
        payload: Payload = {"date": str(batch.sessions[row]), "close": float(batch.close[row])}
        if self.adjusted_close is not None:
            payload["adj_close"] = float(self.adjusted_close[row])
        where = f"{self.files[self.file_of[row]]}:{batch.lines[row]}"
        return RejectedRow(batch.tickers[batch.codes[row]], where, reason, payload)


def price_files(path: Path) -> list[Path]:
    """Return the file itself, or the folder's price files in order of name.

    Raises:
        SourceError: There is nothing at the path, or no price file in the folder.
    """
    if path.is_file():
        if not path.name.lower().endswith(SUFFIXES):
            raise SourceError(f"{path}: files of this kind are not read. Give one of {', '.join(SUFFIXES)}.")
        return [path]
    if not path.is_dir():
        raise SourceError(f"{path}: there is no such file or folder. Correct sources.csv.path in the config.")
    files = sorted(file for file in path.iterdir() if file.is_file() and file.name.lower().endswith(SUFFIXES))
    if not files:
        raise SourceError(f"{path}: the folder has no price file ({', '.join(SUFFIXES)}). Put one in for each ticker.")
    return files


def read_bars(files: Sequence[Path], settings: CsvSettings, progress: Progress | None) -> FileBars:
    """Read and stack all files. In a folder, a file that cannot be read is a rejected row and the others go on.

    Raises:
        SourceError: The only file, or every file, could not be read.
    """
    folder = settings.path is not None and settings.path.is_dir()
    parts: list[FileBars] = []
    failures: list[tuple[Path, SourceError]] = []
    for done, path in enumerate(files):
        if progress is not None:
            progress(path.name, done, len(files))
        try:
            parts.append(_read_file(path, settings, ticker=_ticker_of(path) if folder else None))
        except SourceError as error:
            failures.append((path, error))
    if progress is not None:
        progress("files", len(files), len(files))
    if not parts:
        raise failures[0][1]
    unread = tuple(RejectedRow(_ticker_of(path), f"{path.name}:1", str(error), {}) for path, error in failures)
    return _stacked(parts, unread)


def _ticker_of(path: Path) -> str:
    """Return the ticker that a file of a folder is named after: `AAPL.csv.gz` is AAPL."""
    suffix = max((s for s in SUFFIXES if path.name.lower().endswith(s)), key=len)
    return path.name[: -len(suffix)]


def _read_file(path: Path, settings: CsvSettings, ticker: str | None) -> FileBars:
    """Read one file; `ticker` stands for every row where the file names none."""
    header = read_header(path)
    positions = match_columns(header, settings.columns.model_dump(), str(path), symbol=ticker is None)
    table = read_table(path, positions.values())
    fields = {field: table.columns[position] for field, position in positions.items()} if len(table) else {}
    _refuse_other_periods(fields.get("period"), str(path))
    malformed = [
        RejectedRow(ticker, f"{table.where}:{line}", message, {"row": text}) for line, text, message in table.malformed
    ]
    if not fields:
        raise SourceError(f"{path}: no row matches the header; {malformed[0].where}: {malformed[0].reason}.")
    return _parsed(table, fields, settings, ticker, malformed)


def _refuse_other_periods(column: Any, path: str) -> None:
    """Refuse Stooq files whose PER column says that the bars are not daily."""
    if column is None:
        return
    others = sorted(set(parse_tickers(column)[0]) - {"D", "d"})
    if others:
        raise SourceError(f"{path}: the column PER holds {', '.join(others)}. Give daily bars (D).")


def _parsed(
    table: FileTable, fields: dict[str, Any], settings: CsvSettings, ticker: str | None, malformed: list[RejectedRow]
) -> FileBars:
    bad: dict[str, BoolArray] = {}
    numbers: dict[str, FloatArray] = {}
    for field in NUMBERS:
        if field in fields:
            numbers[field], bad[field] = parse_numbers(fields[field])
    sessions, instants, bad["date"] = _times(fields["date"], settings, str(table.path))
    if "symbol" in fields:
        tickers, codes, bad["symbol"] = parse_tickers(fields["symbol"])
    else:
        tickers, codes = (str(ticker),), np.zeros(len(table), dtype=np.int64)
    _refuse_hopeless(table, fields, bad, settings.timeframe)
    rejected = np.logical_or.reduce(list(bad.values()))
    good = ~rejected
    words = [
        _rejected(table, fields, row, wrong=[f for f in bad if bad[f][row]], session=sessions[row], ticker=ticker)
        for row in np.flatnonzero(rejected).tolist()
    ]
    columns = {field: numbers[field][good] for field in BAR_FIELDS}
    batch = BarBatch(tickers, codes[good], sessions[good], **columns, lines=table.lines[good])
    if instants is not None:
        batch = replace(batch, instants=instants[good])
        refuse_other_lengths(batch, settings.timeframe, str(table.path))
    adjusted = numbers["adj_close"][good] if "adj_close" in numbers else None
    file_of = np.zeros(len(batch), dtype=np.int64)
    return FileBars(batch, adjusted, (*malformed, *words), (table.where,), file_of)


def _times(column: Any, settings: CsvSettings, path: str) -> tuple[DateArray, DateArray | None, BoolArray]:
    """Return the sessions, the instants of intraday bars, and the mask of the cells that mean neither.

    An intraday bar belongs to the date of its instant where the exchange lies.
    """
    if not is_intraday(settings.timeframe):
        sessions, bad = parse_sessions(column, settings.date_format, path)
        return sessions, None, bad
    zone = calendar.zone(settings.calendar)
    instants, bad = parse_instants(column, settings.date_format, checked_zone(settings.timezone or zone))
    return local_dates(instants, zone), instants, bad


def _refuse_hopeless(table: FileTable, fields: dict[str, Any], bad: dict[str, BoolArray], timeframe: Timeframe) -> None:
    """Raise when a column means nothing in any row: it is the format that is not understood, not a bad cell."""
    for field, mask in bad.items():
        if not bool(mask.all()):
            continue
        word = as_words(fields[field], 0) or ""
        if field == "date":
            advice = "Say how dates are written: sources.csv.date_format, for example '%d.%m.%Y'."
            if is_intraday(timeframe):
                advice = f"Bars of {timeframe} need a time of day: 2024-12-31 09:30. {advice}"
        elif _DECIMAL_COMMA.match(word):
            advice = "Write numbers with a decimal point, not a comma."
        else:
            advice = "Give numbers, or name the right column in sources.csv.columns."
        raise SourceError(
            f"{table.path}:{table.lines[0]}: no row has a usable {field}; the first is '{word}'. {advice}"
        )


def _rejected(
    table: FileTable, fields: dict[str, Any], row: int, *, wrong: list[str], session: np.datetime64, ticker: str | None
) -> RejectedRow:
    """Return a row with its own words; `session` in the payload says which bar it would have been."""
    payload: Payload = {field: as_words(column, row) for field, column in fields.items() if field != "period"}
    if not np.isnat(session):
        payload["session"] = str(session)
    reasons = [f"{field} '{payload.get(field) or ''}' is no {_KIND_OF.get(field, 'number')}" for field in wrong]
    own = str(payload.get("symbol") or "").strip() or None
    return RejectedRow(own or ticker, f"{table.where}:{table.lines[row]}", "; ".join(reasons), payload)


_KIND_OF = {"date": "date", "symbol": "ticker"}


def _stacked(parts: Sequence[FileBars], unread: tuple[RejectedRow, ...]) -> FileBars:
    """Put the files' bars under one another, in one set of tickers."""
    tickers = sorted({ticker for part in parts for ticker in part.batch.tickers})
    place = {ticker: code for code, ticker in enumerate(tickers)}
    codes = [np.array([place[t] for t in part.batch.tickers], dtype=np.int64)[part.batch.codes] for part in parts]
    columns = {
        name: np.concatenate([getattr(part.batch, name) for part in parts])
        for name in ("sessions", *BAR_FIELDS, "lines")
    }
    times = [part.batch.instants for part in parts if part.batch.instants is not None]
    instants = np.concatenate(times) if times else None
    batch = BarBatch(tickers=tuple(tickers), codes=np.concatenate(codes), **columns, instants=instants)
    adjusted: FloatArray | None = None
    if any(part.adjusted_close is not None for part in parts):
        nothing = [np.full(len(part.batch), np.nan) for part in parts]
        adjusted = np.concatenate(
            [n if part.adjusted_close is None else part.adjusted_close for part, n in zip(parts, nothing, strict=True)]
        )
    return FileBars(
        batch=batch,
        adjusted_close=adjusted,
        rejected=(*unread, *(row for part in parts for row in part.rejected)),
        files=tuple(name for part in parts for name in part.files),
        file_of=np.repeat(np.arange(len(parts), dtype=np.int64), [len(part.batch) for part in parts]),
    )
