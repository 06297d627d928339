"""Columns that go into a real table by binary COPY come out again, to the bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from alphafactory.errors import DatabaseError
from alphafactory.store import bulk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nights import Nights

TABLE = (
    "CREATE TEMP TABLE cargo "
    "(owner int, day date, value float8, count bigint, flag smallint, at timestamptz, word text)"
)
NUMBERS = st.floats(allow_nan=True, allow_infinity=True, width=64)
ROWS = st.lists(
    st.tuples(
        st.integers(1, 5), st.integers(-10_000, 10_000), st.one_of(st.none(), NUMBERS), st.integers(-(2**63), 2**63 - 1)
    ),
    min_size=1,
    max_size=30,
    unique_by=lambda row: row[:2],
)
FEW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def connection(nights: Nights) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(nights.url, autocommit=True, options="-c timezone=UTC") as connection:
        connection.execute(TABLE.encode())
        yield connection


@FEW
@given(ROWS)
def test_nulls_and_numbers_come_back(
    connection: psycopg.Connection[Any], rows: list[tuple[int, int, float | None, int]]
) -> None:
    connection.execute("TRUNCATE cargo")
    owners, days, values, counts = zip(*rows, strict=True)
    null = np.array([value is None for value in values])
    sessions = np.datetime64("2000-01-01") + np.array(days)
    written = bulk.copy_in(
        connection,
        "cargo",
        [
            bulk.ColumnData("owner", "int4", np.array(owners)),
            bulk.ColumnData("day", "date", sessions),
            bulk.ColumnData("value", "float8", np.array([0.0 if v is None else v for v in values]), null),
            bulk.ColumnData("count", "int8", np.array(counts, dtype=np.int64)),
            bulk.ColumnData("flag", "int2", np.ones(len(rows), dtype=np.int64), ~null),
            bulk.ColumnData("at", "timestamptz", sessions.astype("datetime64[us]")),
            bulk.text_column("word", "wörd", len(rows)),
        ],
    )
    assert written == len(rows)
    query = "SELECT owner, day - '2000-01-01', value, count, flag, at = day AT TIME ZONE 'UTC', word FROM cargo"
    expected = [
        (owner, day, value, count, 1 if value is None else None, True, "wörd") for owner, day, value, count in rows
    ]
    assert repr(sorted(connection.execute(query).fetchall(), key=str)) == repr(sorted(expected, key=str))
    kinds = {"day": "date", "count": "int8"}
    packed = sql.SQL("SELECT owner, day, count FROM cargo")
    keys, columns = bulk.read_packed(connection, sql.Composed([packed]), "owner", "day", kinds)
    found = zip(keys.tolist(), columns["day"], columns["count"].tolist(), strict=True)
    assert list(found) == sorted((owner, np.datetime64("2000-01-01") + day, count) for owner, day, _, count in rows)


def test_more_rows_than_one_chunk_come_back(connection: psycopg.Connection[Any]) -> None:
    rows = 2 * 65_536 + 3
    values = np.random.default_rng(1).normal(size=rows)
    null = np.arange(rows) % 1000 == 7
    bulk.copy_in(
        connection,
        "cargo",
        [
            bulk.ColumnData("owner", "int4", np.arange(rows)),
            bulk.ColumnData("value", "float8", values, null),
            bulk.ColumnData("day", "date", np.full(rows, np.datetime64("2024-02-29"))),
        ],
    )
    query = sql.SQL("SELECT owner, day, value FROM cargo WHERE value IS NOT NULL").format()
    keys, columns = bulk.read_packed(connection, query, "owner", "day", {"value": "float8", "day": "date"})
    assert np.array_equal(keys, np.flatnonzero(~null))
    assert np.array_equal(columns["value"], values[~null])
    assert np.all(columns["day"] == np.datetime64("2024-02-29"))


def test_a_null_in_a_packed_read_is_refused(connection: psycopg.Connection[Any]) -> None:
    connection.execute("INSERT INTO cargo (owner, day) VALUES (1, '2024-01-02')")
    with pytest.raises(DatabaseError, match="met a NULL"):
        bulk.read_packed(
            connection, sql.SQL("SELECT * FROM cargo").format(), "owner", "day", {"day": "date", "value": "float8"}
        )


def test_no_row_at_all(connection: psycopg.Connection[Any]) -> None:
    assert bulk.copy_in(connection, "cargo", [bulk.ColumnData("owner", "int4", np.zeros(0, dtype=np.int64))]) == 0
    keys, columns = bulk.read_packed(
        connection, sql.SQL("SELECT * FROM cargo").format(), "owner", "day", {"day": "date"}
    )
    assert (len(keys), len(columns["day"])) == (0, 0)


@FEW
@given(st.lists(st.tuples(st.integers(-10_000, 10_000), NUMBERS), max_size=20))
def test_arrays_come_back(connection: psycopg.Connection[Any], rows: list[tuple[int, float]]) -> None:
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS crates (days date[], curve float8[])")
    connection.execute("TRUNCATE crates")
    days = np.datetime64("2000-01-01") + np.array([day for day, _ in rows], dtype=np.int64)
    values = np.array([value for _, value in rows], dtype=np.float64)
    bulk.copy_fields(
        connection,
        "crates",
        ("days", "curve"),
        iter([(bulk.array_field(days, "date"), bulk.array_field(values, "float8"))]),
    )
    ((found_days, found_values),) = connection.execute("SELECT days, curve FROM crates").fetchall()
    assert found_days == days.tolist()
    assert repr(found_values) == repr(values.tolist())
