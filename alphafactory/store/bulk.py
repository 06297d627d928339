"""Bulk data in PostgreSQL's binary formats, whole columns at a time.

Goes in: NumPy columns of one length. Comes out: the bytes of `COPY … FROM STDIN (FORMAT binary)`; and the way back. The
format (PostgreSQL manual, COPY): a header, then for each row a count of fields, and for each field its length and its
bytes in network order; length -1 is NULL.

1. A row of fixed width is laid out as a NumPy record, so that a million rows are a dozen array assignments.
2. Where NULLs or texts of several lengths occur, the bytes that are not there are cut out of the records by one mask.
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

    from alphafactory.domain.arrays import BoolArray, DateArray, IntArray

_HEADER = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
_TRAILER = struct.pack(">h", -1)
_ROWS_A_CHUNK = 65_536
_DAYS, _DAY_ZERO = 10_000_000, 1_000_000
_EPOCH = np.datetime64("2000-01-01", "D")
_SEND = {"int8": "int8send", "float8": "float8send", "date": "date_send", "timestamptz": "timestamptz_send"}
_OIDS = {"float8": 701, "date": 1082}
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
    """One column on its way to a table: its PostgreSQL type, values of shape (n,), and where it is NULL.

    Of a text `values` are the bytes, shape (n, longest); `lengths`, shape (n,), says how many of them count.
    """

    name: str
    kind: str
    values: npt.NDArray[Any]
    null: BoolArray | None = None
    lengths: IntArray | None = None


def text_column(name: str, text: str, rows: int) -> ColumnData:
    """Make a column that holds the same text in every row."""
    encoded = np.frombuffer(text.encode("utf-8"), dtype=np.uint8)
    return ColumnData(name, "text", np.broadcast_to(encoded, (rows, len(encoded))))


def words_column(name: str, words: Sequence[str], codes: IntArray, null: BoolArray | None = None) -> ColumnData:
    """Make a text column whose row i holds `words[codes[i]]`; `codes` has shape (n,)."""
    encoded = [word.encode("utf-8") for word in words]
    lengths = np.array([len(word) for word in encoded], dtype=np.int64)
    longest = max(lengths.max(initial=0), 1)
    table = np.frombuffer(b"".join(word.ljust(longest) for word in encoded), dtype=np.uint8).reshape(-1, longest)
    return ColumnData(name, "text", table[codes], null, lengths[codes])


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


def read_packed(
    connection: psycopg.Connection[Any], query: sql.Composed, group: str, order: str, kinds: Mapping[str, str]
) -> tuple[IntArray, dict[str, npt.NDArray[Any]]]:
    """Read a query's rows as columns, each group in order; no column may hold a NULL.

    The server packs each group's rows into one string of bytes: half a million rows reach Python as a few hundred.

    Returns:
        The group's key of each row, shape (n,), ascending; and the columns of `kinds`, each of shape (n,).
    """
    parts = [sql.SQL(f"{_SEND[kind]}({{}})").format(sql.Identifier(name)) for name, kind in kinds.items()]
    statement = sql.SQL(
        "SELECT {group}::int8, count(*), string_agg({parts}, ''::bytea ORDER BY {order}) "
        "FROM ({query}) packed GROUP BY {group} ORDER BY {group}"
    ).format(group=sql.Identifier(group), order=sql.Identifier(order), parts=sql.SQL(" || ").join(parts), query=query)
    layout = np.dtype([(name, _WIRE[kind]) for name, kind in kinds.items()])
    with connection.cursor(binary=True) as cursor:
        rows = cursor.execute(statement).fetchall()
    keys, counts = [int(row[0]) for row in rows], [int(row[1]) for row in rows]
    content = b"".join(row[2] or b"" for row in rows)
    if len(content) != sum(counts) * layout.itemsize:
        raise DatabaseError(f"A bulk read of {', '.join(kinds)} met a NULL. Report the query as a defect.")
    records = np.frombuffer(content, dtype=layout)
    columns = {name: _decoded(records[name], kind) for name, kind in kinds.items()}
    return _in_order(np.repeat(np.array(keys, dtype=np.int64), counts), columns, order)


def read_columns(
    connection: psycopg.Connection[Any], query: sql.Composed, group: str, kinds: Mapping[str, str]
) -> tuple[IntArray, dict[str, npt.NDArray[Any]]]:
    """Read a query's rows as columns, those of a group together but in no order; no column may hold a NULL.

    For few and long groups: as the server neither sorts nor joins fields, it needs a quarter less time than packed.

    Returns:
        The group's key of each row, shape (n,), ascending; and the columns of `kinds`, each of shape (n,).
    """
    parts = [
        sql.SQL(f"string_agg({_SEND[kind]}({{}}), ''::bytea)").format(sql.Identifier(name))
        for name, kind in kinds.items()
    ]
    statement = sql.SQL(
        "SELECT {group}::int8, count(*), {parts} FROM ({query}) r GROUP BY {group} ORDER BY {group}"
    ).format(group=sql.Identifier(group), parts=sql.SQL(", ").join(parts), query=query)
    with connection.cursor(binary=True) as cursor:
        rows = cursor.execute(statement).fetchall()
    counts = [int(row[1]) for row in rows]
    columns = {}
    for position, (name, kind) in enumerate(kinds.items(), start=2):
        values = np.frombuffer(b"".join(row[position] or b"" for row in rows), dtype=_WIRE[kind])
        if len(values) != sum(counts):
            raise DatabaseError(f"A bulk read of {name} met a NULL. Report the query as a defect.")
        columns[name] = _decoded(values, kind)
    return np.repeat(np.array([int(row[0]) for row in rows], dtype=np.int64), counts), columns


def _in_order(
    keys: IntArray, columns: dict[str, npt.NDArray[Any]], order: str
) -> tuple[IntArray, dict[str, npt.NDArray[Any]]]:
    """Sort by key and session here: the server's parallel workers deliver groups in any order, and sort more slowly."""
    rows = row_keys(keys, columns[order])
    if len(rows) == 0 or bool(np.all(rows[1:] > rows[:-1])):
        return keys, columns
    positions = np.argsort(rows, kind="stable")
    return keys[positions], {name: values[positions] for name, values in columns.items()}


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
        records[f"{column.name}#"] = layout[column.name].itemsize if column.lengths is None else column.lengths[rows]
        if column.null is not None:
            records[f"{column.name}#"][column.null[rows]] = -1
    holes = [c for c in columns if c.lengths is not None or (c.null is not None and bool(c.null[rows].any()))]
    return records.tobytes() if not holes else _without_holes(records, holes, rows)


def _without_holes(records: npt.NDArray[np.void], holes: Sequence[ColumnData], rows: slice) -> bytes:
    size = records.dtype.itemsize
    keep = np.ones((len(records), size), dtype=np.bool_)
    fields: Mapping[str, Any] = records.dtype.fields or {}
    for column in holes:
        kind, offset = fields[column.name][:2]
        place = slice(offset, offset + kind.itemsize)
        if column.lengths is not None:
            keep[:, place] = np.arange(kind.itemsize) < column.lengths[rows][:, None]
        if column.null is not None:
            keep[column.null[rows], place] = False
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


def array_field(values: npt.NDArray[Any], kind: str) -> bytes:
    """Return a one-dimensional PostgreSQL array of `float8` or `date` in binary form, straight from a NumPy array."""
    layout = np.dtype([("#", ">i4"), ("value", _WIRE[kind])])
    elements = np.empty(len(values), dtype=layout)
    elements["#"] = layout["value"].itemsize
    elements["value"] = _encoded(values, kind)
    return struct.pack(">iiiii", 1, 0, _OIDS[kind], len(values), 1) + elements.tobytes()


def copy_fields(
    connection: psycopg.Connection[Any], table: str, names: Sequence[str], rows: Iterator[Sequence[bytes | None]]
) -> None:
    """Write rows whose fields are in binary form already by COPY; None is NULL."""
    columns = sql.SQL(", ").join(sql.Identifier(name) for name in names)
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(sql.Identifier(table), columns)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(_HEADER)
        for row in rows:
            fields = b"".join(struct.pack(">i", -1 if part is None else len(part)) + (part or b"") for part in row)
            copy.write(struct.pack(">h", len(row)) + fields)
        copy.write(_TRAILER)


def row_keys(symbol_ids: IntArray, sessions: DateArray) -> IntArray:
    """Return one integer a row that orders like (symbol, session); both of shape (n,)."""
    return symbol_ids.astype(np.int64) * _DAYS + sessions.astype("datetime64[D]").astype(np.int64) + _DAY_ZERO


def split_row_keys(keys: IntArray) -> tuple[IntArray, DateArray]:
    """Return the symbols and sessions of which `row_keys` made these keys."""
    return keys // _DAYS, (keys % _DAYS - _DAY_ZERO).astype("datetime64[D]")
