"""The wide table of indicators and its catalogue: columns grow by plug-in, rows are written only where they differ.

Goes in: one column a definition, values of the whole series. Comes out: the number of rows written. Each row carries a
hash of its values, so that a night reads eight bytes a row to know what changed.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb
from sqlalchemy import text

from alphafactory.errors import DatabaseError
from alphafactory.store.bulk import ColumnData, copy_in, read_packed, row_keys, split_row_keys, text_column
from alphafactory.store.database import Database, raw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    from sqlalchemy import Connection

    from alphafactory.domain.arrays import DateArray, FloatArray, IntArray

MOST_COLUMNS = 800
_NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}$")
_TYPES = {"float": "double precision", "flag": "smallint"}
_ATTEMPTS = 5
_PRIME = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class CatalogueRow:
    """What a column is; the fields of the table indicator_catalog."""

    name: str
    function: str
    params: Mapping[str, Any]
    inputs: Sequence[str]
    kind: str
    warm_up: int
    meaning: str
    code_hash: str


def register_columns(database: Database, rows: Sequence[CatalogueRow]) -> int:
    """Make the table have these columns and the catalogue describe them; return how many columns are new."""
    with database.begin() as connection:
        existing = set(_existing(connection))
        _write_catalogue(connection, rows)
    missing = [row for row in rows if row.name not in existing]
    if len(existing) + len(missing) > MOST_COLUMNS:
        raise DatabaseError(f"The indicators would have more than {MOST_COLUMNS} columns. Remove some first.")
    if missing:
        _add_columns(database, missing)
    return len(missing)


def _existing(connection: Connection) -> list[str]:
    query = (
        "SELECT attname FROM pg_attribute WHERE attrelid = 'indicators'::regclass AND attnum > 0 AND NOT attisdropped"
    )
    return [str(name) for name in connection.execute(text(query)).scalars()]


def _add_columns(database: Database, rows: Sequence[CatalogueRow]) -> None:
    """Add columns without queueing behind a long reader: a short lock_timeout, tried again a few times."""
    for row in rows:
        if not _NAME.match(row.name):
            raise DatabaseError(
                f"'{row.name}' is no column name: use a-z, 0-9 and _, a letter first, at most 63 signs."
            )
    parts = [
        sql.SQL("ADD COLUMN IF NOT EXISTS {} " + _TYPES[row.kind]).format(sql.Identifier(row.name)) for row in rows
    ]
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with database.begin() as connection:
                session = raw(connection)
                session.execute("SET LOCAL lock_timeout = '3s'")
                session.execute(sql.SQL("ALTER TABLE indicators {}").format(sql.SQL(", ").join(parts)))
                for row in rows:
                    _comment(session, row)
        except DatabaseError as error:
            locked = isinstance(error.__cause__, psycopg.errors.LockNotAvailable)
            if not locked or attempt == _ATTEMPTS:
                raise
            time.sleep(0.5 * attempt)
        else:
            return


def _comment(session: psycopg.Connection[Any], row: CatalogueRow) -> None:
    for table in ("indicators", "indicators_1d"):
        statement = sql.SQL("COMMENT ON COLUMN {}.{} IS {}")
        session.execute(statement.format(sql.Identifier(table), sql.Identifier(row.name), sql.Literal(row.meaning)))


def _write_catalogue(connection: Connection, rows: Sequence[CatalogueRow]) -> None:
    statement = text(
        "INSERT INTO indicator_catalog (name, function, params, inputs, kind, warm_up, meaning, code_hash) "
        "VALUES (:name, :function, :params, :inputs, :kind, :warm_up, :meaning, :code_hash) "
        "ON CONFLICT (name) DO UPDATE SET function = excluded.function, params = excluded.params, "
        "inputs = excluded.inputs, kind = excluded.kind, warm_up = excluded.warm_up, meaning = excluded.meaning, "
        "code_hash = excluded.code_hash, active = true, updated_at = clock_timestamp() "
        "WHERE indicator_catalog.code_hash <> excluded.code_hash OR indicator_catalog.meaning <> excluded.meaning "
        "OR NOT indicator_catalog.active"
    )
    values = [
        {name: getattr(row, name) for name in ("name", "function", "kind", "warm_up", "meaning", "code_hash")}
        | {"params": Jsonb(dict(row.params)), "inputs": Jsonb(list(row.inputs))}
        for row in rows
    ]
    if values:
        connection.execute(statement, values)
    retire = "UPDATE indicator_catalog SET active = false WHERE active AND NOT name = ANY(:names)"
    connection.execute(text(retire), {"names": [row.name for row in rows]})


def upsert_indicators(
    connection: Connection,
    symbol_ids: IntArray,
    sessions: DateArray,
    columns: Mapping[str, FloatArray],
    kinds: Mapping[str, str],
) -> int:
    """Write the rows that are new or differ, delete those whose bar is gone, and return how many were touched.

    Args:
        connection: an open transaction.
        symbol_ids: shape (n,), ordered by symbol and session: the whole series of every symbol that occurs.
        sessions: shape (n,).
        columns: values of shape (n,) by column; NaN becomes NULL.
        kinds: float or flag by column.
    """
    if len(symbol_ids) == 0:
        return 0
    hashes = _row_hashes(columns)
    keys = row_keys(symbol_ids, sessions)
    stored = _stored(connection, np.unique(symbol_ids))
    position = np.searchsorted(stored["key"], keys)
    inside = np.minimum(position, max(len(stored["key"]) - 1, 0))
    present = (stored["key"][inside] == keys) if len(stored["key"]) else np.zeros(len(keys), dtype=np.bool_)
    same = present & (stored["row_hash"][inside] == hashes) if len(stored["key"]) else present
    gone = np.setdiff1d(stored["key"], keys, assume_unique=True)
    obsolete = np.concatenate([keys[present & ~same], gone])
    _delete(connection, obsolete)
    write = ~same
    if write.any():
        copy_in(
            raw(connection), "indicators_1d", _encoded(symbol_ids, sessions, hashes, columns, kinds=kinds, write=write)
        )
    return int(write.sum()) + len(gone)


def _encoded(
    symbol_ids: IntArray,
    sessions: DateArray,
    hashes: IntArray,
    columns: Mapping[str, FloatArray],
    *,
    kinds: Mapping[str, str],
    write: npt.NDArray[np.bool_],
) -> list[ColumnData]:
    whole = bool(write.all())
    encoded = [
        ColumnData("symbol_id", "int4", symbol_ids if whole else symbol_ids[write]),
        ColumnData("session", "date", sessions if whole else sessions[write]),
        ColumnData("row_hash", "int8", hashes if whole else hashes[write]),
        text_column("timeframe", "1d", int(write.sum())),
    ]
    for name, values in columns.items():
        chosen = values if whole else values[write]
        null = np.isnan(chosen)
        if kinds[name] == "flag":
            encoded.append(ColumnData(name, "int2", np.where(null, 0.0, chosen), null))
        else:
            encoded.append(ColumnData(name, "float8", chosen, null))
    return encoded


def _stored(connection: Connection, symbol_ids: IntArray) -> dict[str, IntArray]:
    query = sql.SQL("SELECT symbol_id, session, row_hash FROM indicators_1d WHERE symbol_id = ANY({})")
    ids = sql.Literal([int(key) for key in symbol_ids])
    kinds = {"session": "date", "row_hash": "int8"}
    owners, found = read_packed(raw(connection), query.format(ids), "symbol_id", "session", kinds)
    return {"key": row_keys(owners, found["session"]), "row_hash": found["row_hash"].astype(np.int64)}


def delete_series(connection: Connection, symbol_ids: Sequence[int]) -> int:
    """Delete every row of these symbols and return how many there were."""
    statement = text("DELETE FROM indicators_1d WHERE symbol_id = ANY(:ids)")
    return connection.execute(statement, {"ids": list(symbol_ids)}).rowcount


def _delete(connection: Connection, keys: IntArray) -> None:
    if len(keys) == 0:
        return
    statement = text(
        "DELETE FROM indicators_1d i USING unnest(CAST(:ids AS int[]), CAST(:sessions AS date[])) "
        "AS d(symbol_id, session) WHERE i.symbol_id = d.symbol_id AND i.session = d.session"
    )
    ids, sessions = split_row_keys(keys)
    connection.execute(statement, {"ids": ids.tolist(), "sessions": sessions.tolist()})


def _row_hashes(columns: Mapping[str, FloatArray]) -> IntArray:
    """Mix the bits of each row's values and the columns' names into one integer; NaN counts as one value."""
    rows = len(next(iter(columns.values())))
    mixed = np.full(rows, len(columns), dtype=np.uint64)
    for name, values in sorted(columns.items()):
        bits = np.where(np.isnan(values), np.nan, values + 0.0).view(np.uint64)
        salt = np.uint64(int.from_bytes(name.encode()[-8:], "big"))
        mixed = (mixed ^ bits ^ salt) * _PRIME
        mixed ^= mixed >> np.uint64(29)
    return mixed.view(np.int64)
