"""Reads one CSV, gzipped CSV or Parquet file into columns.

Goes in: a path. Comes out: a `FileTable` of Arrow columns by position, the line of each row, and the rows that have the
wrong number of cells. CSV columns are text, so that a word that is no number can be shown as it stood.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from alphafactory.domain.arrays import IntArray

SUFFIXES = (".csv", ".csv.gz", ".txt", ".txt.gz", ".parquet")
_DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class FileTable:
    """A file as read. `columns` maps a position to an Arrow array of shape (n,), `lines` has shape (n,).

    `lines` counts from 1 with the header as a CSV's first line; of a Parquet file it is the number of the row.
    `malformed` holds (line, text, message) of rows whose cells do not match the header.
    """

    path: Path
    columns: dict[int, Any]
    lines: IntArray
    malformed: tuple[tuple[int, str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def where(self) -> str:
        """The file's name for messages."""
        return self.path.name


def read_header(path: Path) -> list[str]:
    """Return the column names of a file.

    Raises:
        SourceError: The file is missing, empty, damaged, or not text in UTF-8.
    """
    if not path.is_file():
        raise SourceError(f"{path}: there is no such file. Correct the path in the config (sources.csv).")
    if path.name.lower().endswith(".parquet"):
        return [str(name) for name in _parquet_file(path).schema_arrow.names]
    return _split_header(_first_line(path))[0]


def read_table(path: Path, positions: Iterable[int]) -> FileTable:
    """Read the columns at the given positions; the header must have been read before.

    Raises:
        SourceError: The file has no rows, is damaged, or is not text in UTF-8.
    """
    wanted = sorted(set(positions))
    parquet = path.name.lower().endswith(".parquet")
    table = _read_parquet(path, wanted) if parquet else _read_csv(path, wanted)
    if len(table) == 0 and not table.malformed:
        raise SourceError(f"{path}: the file has a header but no rows. Download it again or remove it.")
    return table


def _first_line(path: Path) -> str:
    try:
        with gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb") as file:
            line: bytes = file.readline(1 << 20)
        text = line.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: the file is not text in UTF-8. Save it as UTF-8, or correct the path.") from error
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(path, error) from error
    if not text.strip():
        raise SourceError(f"{path}: the file is empty, or its first line is. The first line must name the columns.")
    return text


def _split_header(line: str) -> tuple[list[str], str]:
    """Return the names and the delimiter: the one of comma, semicolon, tab and bar that stands most often."""
    delimiter = max(_DELIMITERS, key=line.count)
    return next(csv.reader(io.StringIO(line), delimiter=delimiter)), delimiter


def _read_csv(path: Path, wanted: list[int]) -> FileTable:
    import pyarrow as pa  # noqa: PLC0415  0.2 s: only when a file is read
    import pyarrow.csv as arrow_csv  # noqa: PLC0415

    header, delimiter = _split_header(_first_line(path))
    malformed: list[tuple[int, str, str]] = []

    def note_malformed(row: Any) -> str:
        message = f"the row has {row.actual_columns} cells, the header {row.expected_columns}"
        malformed.append((int(row.number), str(row.text), message))
        return "skip"

    names = [str(position) for position in range(len(header))]
    try:
        table = arrow_csv.read_csv(
            path,
            # One thread, for only then are rows numbered. Blank lines are kept for the same reason, and dropped below.
            read_options=arrow_csv.ReadOptions(use_threads=False, column_names=names, skip_rows=1),
            parse_options=arrow_csv.ParseOptions(
                delimiter=delimiter, ignore_empty_lines=False, invalid_row_handler=note_malformed
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types={names[position]: pa.string() for position in wanted},
                include_columns=[names[position] for position in wanted],
            ),
        )
    except (pa.ArrowInvalid, OSError) as error:
        if "Empty CSV" in str(error):
            return FileTable(path, {}, np.empty(0, dtype=np.int64))
        if "UTF8" in str(error):
            raise SourceError(f"{path}: the file is not text in UTF-8. Save it as UTF-8.") from error
        raise _damaged(path, error) from error
    lines = _line_numbers(table.num_rows, [line for line, _, _ in malformed])
    columns = {position: table.column(names[position]) for position in wanted}
    return _without_blank_rows(FileTable(path, columns, lines, tuple(malformed)))


def _line_numbers(rows: int, skipped: list[int]) -> IntArray:
    """Return the line of each row that was kept; the header is line 1."""
    lines = np.arange(2, rows + len(skipped) + 2, dtype=np.int64)
    return np.delete(lines, np.asarray(skipped, dtype=np.int64) - 2)


def _without_blank_rows(table: FileTable) -> FileTable:
    """Return the table without lines that hold nothing at all."""
    import pyarrow as pa  # noqa: PLC0415  as above
    import pyarrow.compute as pc  # noqa: PLC0415

    first = next(iter(table.columns.values()))
    if not pc.any(pc.equal(first, "")).as_py():
        return table
    blank = np.ones(len(table), dtype=np.bool_)
    for column in table.columns.values():
        blank &= pc.equal(column, "").to_numpy()
    kept = {position: column.filter(pa.array(~blank)) for position, column in table.columns.items()}
    return FileTable(table.path, kept, table.lines[~blank], table.malformed)


def _read_parquet(path: Path, wanted: list[int]) -> FileTable:
    import pyarrow as pa  # noqa: PLC0415  as above

    file = _parquet_file(path)
    names = file.schema_arrow.names
    try:
        table = file.read(columns=[names[position] for position in wanted])
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    columns = {position: table.column(names[position]) for position in wanted}
    return FileTable(path, columns, np.arange(1, table.num_rows + 1, dtype=np.int64))


def _parquet_file(path: Path) -> Any:
    import pyarrow as pa  # noqa: PLC0415  as above
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        return pq.ParquetFile(pa.BufferReader(path.read_bytes()))
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: BaseException) -> SourceError:
    return SourceError(f"{path}: the file cannot be read, it is damaged or incomplete ({error}). Download it again.")
