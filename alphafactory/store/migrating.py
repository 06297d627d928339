"""Brings a database to the schema of this code, and says where it stands.

1. The state is read with one small query, so that a night on a current schema never loads Alembic.
2. An empty database, or an older one of ours, is upgraded under an advisory lock, in one transaction.
3. A database that holds somebody else's tables, or a newer schema, is refused and left as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import text

from alphafactory.errors import SchemaError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from alphafactory.store.database import Database

ROOT = Path(__file__).resolve().parents[2]
State = Literal["empty", "current", "behind", "ahead", "foreign"]
_PLUGIN_TABLES = ("indicators",)
_PARTITION = re.compile(r"^(bars|bar_revisions|indicators)_[0-9a-z]+$")
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('alphafactory.migrations'))"


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """Revision in the database (None before the first), newest revision of the code, and how the two stand."""

    current: str | None
    head: str
    state: State


def belongs_to_migrations(kind: str, name: str, table: str, *, is_model: bool) -> bool:
    """Say whether an object is Alembic's business: neither a partition nor a plug-in's column."""
    if name == "alembic_version" or _PARTITION.match(table):
        return False
    return not (kind == "column" and table in _PLUGIN_TABLES and not is_model)


def head_revision() -> str:
    """Return the newest migration's number; files are numbered without gaps, so that the last name is the head."""
    return max(path.name.partition("_")[0] for path in (ROOT / "migrations" / "versions").glob("[0-9]*_*.py"))


def status(database: Database) -> SchemaStatus:
    """Say where the database's schema stands."""
    with database.begin() as connection:
        return _status(connection)


def _status(connection: Connection) -> SchemaStatus:
    head = head_revision()
    current = None
    if connection.execute(text("SELECT to_regclass('public.alembic_version')")).scalar() is not None:
        current = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if current is None:
        return SchemaStatus(None, head, "foreign" if _holds_tables(connection) else "empty")
    ours = re.fullmatch(r"\d{4}", str(current)) is not None
    if not ours or connection.execute(text("SELECT to_regclass('public.job_runs')")).scalar() is None:
        return SchemaStatus(str(current), head, "foreign")
    state: State = "current" if current == head else "behind" if str(current) < head else "ahead"
    return SchemaStatus(str(current), head, state)


def _holds_tables(connection: Connection) -> bool:
    """Whether there is any table or view but Alembic's own, which a downgrade to nothing leaves behind."""
    query = (
        "SELECT EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^(pg_|information_schema)' "
        "AND c.oid IS DISTINCT FROM to_regclass('public.alembic_version'))"
    )
    return bool(connection.execute(text(query)).scalar_one())


def upgrade(database: Database) -> SchemaStatus:
    """Bring the schema to the newest revision; raise `SchemaError` where it is not ours or newer than this code."""
    found = status(database)
    if found.state == "current":
        return found
    _refuse(found, database.masked_url)
    with database.begin() as connection:
        connection.execute(text("SET LOCAL lock_timeout = '60s'"))
        connection.execute(text("SET LOCAL statement_timeout = '30min'"))
        connection.execute(text(_LOCK))
        _refuse(_status(connection), database.masked_url)
        _alembic("upgrade", connection, "head")
    return status(database)


def downgrade(database: Database, revision: str) -> SchemaStatus:
    """Take the schema back to a revision (or `base`)."""
    with database.begin() as connection:
        connection.execute(text(_LOCK))
        _alembic("downgrade", connection, revision)
    return status(database)


def require_current(database: Database) -> None:
    """Raise `SchemaError` unless the schema is this code's."""
    found = status(database)
    _refuse(found, database.masked_url)
    if found.state != "current":
        raise SchemaError(
            f"The schema of {database.masked_url} is at {found.current or 'nothing'}, this code needs {found.head}. "
            "Run `python run.py db upgrade`."
        )


def check(database: Database) -> list[str]:
    """Return what differs between the database and the models, in words; empty when nothing does."""
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415  (Alembic is loaded only when it works)
    from alembic.migration import MigrationContext  # noqa: PLC0415

    from alphafactory.store.schema import metadata  # noqa: PLC0415

    def include(found: Any, name: str | None, kind: str, reflected: bool, compared: Any) -> bool:
        table = found.table.name if kind in ("column", "index", "unique_constraint") else name
        return belongs_to_migrations(kind, str(name), str(table), is_model=not reflected or compared is not None)

    require_current(database)
    with database.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": include})
        return [str(difference) for difference in compare_metadata(context, metadata)]


def _refuse(found: SchemaStatus, shown: str) -> None:
    if found.state == "ahead":
        raise SchemaError(
            f"The schema of {shown} is at {found.current}, newer than this code ({found.head}). "
            "Update AlphaFactory, or point database.url to another database."
        )
    if found.state == "foreign":
        raise SchemaError(
            f"{shown} holds tables that are not AlphaFactory's; nothing was changed. "
            "Point database.url to an empty database."
        )


def _alembic(command_name: Literal["upgrade", "downgrade"], connection: Connection, revision: str) -> None:
    from alembic import command  # noqa: PLC0415  (Alembic is loaded only when there is something to migrate)
    from alembic.config import Config as AlembicConfig  # noqa: PLC0415

    config = AlembicConfig(str(ROOT / "alembic.ini"))
    config.attributes["connection"] = connection
    getattr(command, command_name)(config, revision)
