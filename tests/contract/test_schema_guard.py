"""The schema: made by the migrations alone, described to the last column, and never made out of somebody else's."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from alphafactory.errors import SchemaError
from alphafactory.indicators.catalogue import chosen_definitions
from alphafactory.metrics import METRICS
from alphafactory.store import migrating
from alphafactory.store.schema.results import DATE_METRICS, METRIC_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable

    from nights import Nights

VERSIONS = Path(__file__).parents[2] / "migrations" / "versions"
UNDESCRIBED = """
SELECT c.relname || coalesce('.' || a.attname, '') FROM pg_class c
LEFT JOIN LATERAL (
    SELECT attname, attnum FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
    UNION ALL SELECT NULL, 0
) a ON true
WHERE c.relnamespace = 'public'::regnamespace AND c.relname <> 'alembic_version'
    AND (c.relkind IN ('r', 'p') OR c.relkind = 'v' AND a.attname IS NULL)
    AND coalesce(CASE WHEN a.attnum > 0 THEN col_description(c.oid, a.attnum) ELSE obj_description(c.oid) END, '') = ''
ORDER BY 1
"""
OBJECTS = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY relname"


@pytest.fixture
def empty(make_nights: Callable[..., Nights]) -> Nights:
    """A database that holds nothing at all."""
    return make_nights("template0")


def test_migrations_are_numbered_without_gaps() -> None:
    names = sorted(path.name for path in VERSIONS.glob("*.py"))
    assert [name[:5] for name in names] == [f"{number:04d}_" for number in range(1, len(names) + 1)]


def test_up_from_nothing_down_to_nothing_and_up_again(empty: Nights) -> None:
    with empty.database() as database:
        assert migrating.status(database).state == "empty"
        assert migrating.upgrade(database).state == "current"
        assert migrating.check(database) == []
        there = empty.ask(OBJECTS)
        assert len(there) > 20
        assert migrating.downgrade(database, "base").state == "empty"
        assert [name for (name,) in empty.ask(OBJECTS) if not name.startswith("alembic_version")] == []
        assert migrating.upgrade(database).state == "current"
        assert migrating.check(database) == []
        assert empty.ask(OBJECTS) == there


def test_the_check_sees_what_no_migration_made(nights: Nights) -> None:
    nights.ask("ALTER TABLE symbols ADD COLUMN whatever int")
    with nights.database() as database:
        assert any("whatever" in difference for difference in migrating.check(database))


def test_every_table_view_and_column_is_described(nights: Nights, finished: Nights) -> None:
    assert nights.ask(UNDESCRIBED) == []
    assert finished.ask(UNDESCRIBED) == []  # the columns that a night added are
    nights.ask("COMMENT ON COLUMN bars_1d.close IS NULL")
    assert nights.ask(UNDESCRIBED) == [("bars_1d.close",)]


def test_metric_columns_are_the_catalogue_s() -> None:
    assert list(METRIC_COLUMNS) == [metric.name for metric in METRICS]
    assert {metric.name for metric in METRICS if metric.unit == "date"} == DATE_METRICS


def test_indicator_columns_are_the_catalogue_s(finished: Nights) -> None:
    query = "SELECT attname FROM pg_attribute WHERE attrelid = '{}'::regclass AND attnum > 0"
    own = {"symbol_id", "timeframe", "session", "ts", "row_hash"}
    names = {definition.name for definition in chosen_definitions("standard")}
    for table in ("indicators", "indicators_1d"):
        assert {name for (name,) in finished.ask(query.format(table))} - own == names
    assert {name for (name,) in finished.ask("SELECT name FROM indicator_catalog WHERE active")} == names
    with finished.database() as database:
        assert migrating.check(database) == []


def test_a_newer_schema_is_refused_and_left(nights: Nights) -> None:
    nights.ask("UPDATE alembic_version SET version_num = '9999'")
    there = nights.ask(OBJECTS)
    with nights.database() as database:
        with pytest.raises(SchemaError, match="9999, newer than this code"):
            migrating.upgrade(database)
        with pytest.raises(SchemaError, match="Update AlphaFactory"):
            migrating.require_current(database)
    assert nights.ask(OBJECTS) == there
    assert nights.ask("SELECT version_num FROM alembic_version") == [("9999",)]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE customers (id int)",
        "CREATE SCHEMA shop CREATE TABLE customers (id int)",
        "CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES ('3f2a9c')",
        "CREATE TABLE alembic_version (version_num text); CREATE TABLE customers (id int)",
    ],
)
def test_somebody_else_s_database_is_refused_and_left(empty: Nights, statement: str) -> None:
    empty.ask(statement)
    there = empty.ask(OBJECTS)
    with empty.database() as database, pytest.raises(SchemaError, match="nothing was changed"):
        migrating.upgrade(database)
    assert empty.ask(OBJECTS) == there


def test_a_database_of_an_older_schema_is_not_used_without_upgrade(empty: Nights) -> None:
    with empty.database() as database, pytest.raises(SchemaError, match="db upgrade"):
        migrating.require_current(database)


def test_two_upgrades_at_once_make_one_schema(empty: Nights) -> None:
    outcomes: list[str] = []

    def upgrade() -> None:
        try:
            with empty.database() as database:
                outcomes.append(migrating.upgrade(database).state)
        except Exception as error:  # noqa: BLE001  the main thread judges it
            outcomes.append(repr(error))

    with psycopg.connect(empty.url) as other:  # holds both back until both have seen an empty database
        other.execute("SELECT pg_advisory_xact_lock(hashtext('alphafactory.migrations'))")
        threads = [threading.Thread(target=upgrade) for _ in range(2)]
        for thread in threads:
            thread.start()
        waiting = "SELECT count(*) = 2 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        for _ in range(500):
            if empty.ask(waiting) == [(True,)]:
                break
            threading.Event().wait(0.02)
        else:
            outcomes.append("the two never waited")
    for thread in threads:
        thread.join(30)
    assert outcomes == ["current", "current"]
    with empty.database() as database:
        assert migrating.check(database) == []
