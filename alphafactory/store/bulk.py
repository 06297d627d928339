"""Bulk data in PostgreSQL's binary COPY format, whole columns at a time.

Goes in: NumPy columns of one length. Comes out: the bytes of `COPY … FROM STDIN (FORMAT binary)`; and the way back. The
format (PostgreSQL manual, COPY): a header, then for each row a count of fields, and for each field its length and its
bytes in network order; length -1 is NULL.

1. A row of fixed width is laid out as a NumPy record, so that a million rows are a dozen array assignments.
2. Where NULLs occur, the bytes that a NULL does not have are cut out of the records by one mask.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from psycopg import sql

from alphafactory.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt
    import psycopg

    from alphafactory.domain.arrays import BoolArray

_HEADER = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
_TRAILER = struct.pack(">h", -1)
_ROWS_A_CHUNK = 65_536
_EPOCH = np.datetime64("2000-01-01", "D")
_WIRE = {
    "int2": ">i2",
    "int4": ">i4",
    "int8": ">i8",
    "float8": ">f8",
    "date": ">i4",
    "timestamptz": ">i8",
    "bool": "u1",
}


@dataclass(frozen=True, slots=True)
class ColumnData:
    """One column on its way to a table: its PostgreSQL type, values of shape (n,), and where it is NULL."""

    name: str
    kind: str
    values: npt.NDArray[Any]
    null: BoolArray | None = None


def text_column(name: str, text: str, rows: int) -> ColumnData:
    """Make a column that holds the same text in every row."""
    encoded = np.frombuffer(text.encode("utf-8"), dtype=np.uint8)
    return ColumnData(name, "text", np.broadcast_to(encoded, (rows, len(encoded))))


def copy_in(connection: psycopg.Connection[Any], table: str, columns: Sequence[ColumnData]) -> int:
    """Write the columns into the table by binary COPY and return the number of rows."""
    rows = len(columns[0].values)
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(sql.Identifier(table), names)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(_HEADER)
        for start in range(0, rows, _ROWS_A_CHUNK):
            copy.write(_encode(columns, slice(start, min(start + _ROWS_A_CHUNK, rows))))
        copy.write(_TRAILER)
    return rows


def copy_out(
    connection: psycopg.Connection[Any], query: sql.Composed | sql.SQL, kinds: Mapping[str, str]
) -> dict[str, npt.NDArray[Any]]:
    """Read a query's result into arrays by binary COPY; no column may hold a NULL."""
    layout = _layout([(name, kind, 0) for name, kind in kinds.items()])
    with (
        connection.cursor() as cursor,
        cursor.copy(sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(query)) as copy,
    ):
        content = b"".join(bytes(chunk) for chunk in copy)
    body = memoryview(content)[len(_HEADER) : -len(_TRAILER)]
    if len(body) % layout.itemsize:
        raise DatabaseError("A bulk read met a NULL or a type that it does not know. Report the query as a defect.")
    records = np.frombuffer(body, dtype=layout)
    return {name: _decoded(records[name], kind) for name, kind in kinds.items()}


def _layout(fields: Sequence[tuple[str, str, int]]) -> np.dtype[np.void]:
    parts: list[Any] = [("#", ">i2")]
    for name, kind, width in fields:
        parts.append((f"{name}#", ">i4"))
        parts.append((name, "u1", (width,)) if kind == "text" else (name, _WIRE[kind]))
    return np.dtype(parts)


def _encode(columns: Sequence[ColumnData], rows: slice) -> bytes:
    layout = _layout([(c.name, c.kind, c.values.shape[1] if c.kind == "text" else 0) for c in columns])
    records = np.empty(rows.stop - rows.start, dtype=layout)
    records["#"] = len(columns)
    for column in columns:
        records[column.name] = _encoded(column.values[rows], column.kind)
        records[f"{column.name}#"] = layout[column.name].itemsize
        if column.null is not None:
            records[f"{column.name}#"][column.null[rows]] = -1
    holes = [c for c in columns if c.null is not None and bool(c.null[rows].any())]
    return records.tobytes() if not holes else _without_nulls(records, holes, rows)


def _without_nulls(records: npt.NDArray[np.void], holes: Sequence[ColumnData], rows: slice) -> bytes:
    size = records.dtype.itemsize
    keep = np.ones((len(records), size), dtype=np.bool_)
    fields: Mapping[str, Any] = records.dtype.fields or {}
    for column in holes:
        kind, offset = fields[column.name][:2]
        assert column.null is not None
        keep[column.null[rows], offset : offset + kind.itemsize] = False
    return records.view(np.uint8).reshape(len(records), size)[keep].tobytes()


def _encoded(values: npt.NDArray[Any], kind: str) -> npt.NDArray[Any]:
    if kind == "date":
        days: npt.NDArray[Any] = (values.astype("datetime64[D]") - _EPOCH).astype(np.int64)
        return days
    if kind == "timestamptz":
        instants: npt.NDArray[Any] = (values.astype("datetime64[us]") - _EPOCH.astype("datetime64[us]")).astype(
            np.int64
        )
        return instants
    return values


def _decoded(values: npt.NDArray[Any], kind: str) -> npt.NDArray[Any]:
    if kind == "date":
        sessions: npt.NDArray[Any] = _EPOCH + values.astype(np.int64).astype("timedelta64[D]")
        return sessions
    if kind == "timestamptz":
        epoch = _EPOCH.astype("datetime64[us]")
        moments: npt.NDArray[Any] = epoch + values.astype(np.int64).astype("timedelta64[us]")
        return moments
    return values.astype(values.dtype.newbyteorder("="))


def copy_rows(
    connection: psycopg.Connection[Any], table: str, kinds: Mapping[str, str], rows: Iterator[Sequence[Any]]
) -> int:
    """Write rows of mixed types (arrays, jsonb, texts) by binary COPY and return their number."""
    names = sql.SQL(", ").join(sql.Identifier(name) for name in kinds)
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(sql.Identifier(table), names)
    count = 0
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(list(kinds.values()))
        for row in rows:
            copy.write_row(row)
            count += 1
    return count
