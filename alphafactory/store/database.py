"""A connection to PostgreSQL, wherever it runs.

Goes in: the database section of the config. Comes out: a `Database`: an engine for small statements, a psycopg
connection for COPY inside the same transaction, and messages that say what to do when the server says no.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
from psycopg import conninfo
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from alphafactory.errors import ConfigError, DatabaseError
from alphafactory.store.embedded import EmbeddedServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

    from alphafactory.config import Config

__all__ = ["Connection", "Database", "checked_url", "explain", "mask_password", "open_database", "raw"]

OLDEST_SUPPORTED = 15
_EMBEDDED = re.compile(r"^embedded(?::([a-z][a-z0-9_]{0,40}))?$")
_PERCENT_HINT = "Characters such as @ : / % in a user name or password must be percent-encoded: write %40 for @."


@dataclass(frozen=True, slots=True)
class Database:
    """A database that answers. `url` is a libpq URL with its secrets; print `masked_url` instead."""

    url: str
    engine: Engine
    reader_url: str | None = None
    server: EmbeddedServer | None = None

    @property
    def masked_url(self) -> str:
        """The URL with the password hidden."""
        return mask_password(self.url)

    @property
    def name(self) -> str:
        """The database's own name."""
        return str(conninfo.conninfo_to_dict(self.url).get("dbname", ""))

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Open one transaction; an error of the server becomes a `DatabaseError`."""
        try:
            with self.engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise explain(error.orig or error, self.masked_url) from error
        except psycopg.Error as error:
            raise explain(error, self.masked_url) from error

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Open one read-only transaction in which every query sees the tables as the first one did."""
        with self.begin() as connection:
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
            yield connection


def raw(connection: Connection) -> psycopg.Connection[tuple[object, ...]]:
    """Return the psycopg connection under an engine's one, in the same transaction, for COPY."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise DatabaseError("The connection is closed already. Run the command again.")
    return driver


def mask_password(url: str) -> str:
    """Hide the password of a URL."""
    return re.sub(r"(://[^:/@]*):.*@", r"\1:***@", url)


@contextmanager
def open_database(config: Config) -> Iterator[Database]:
    """Connect to the configured database, starting the embedded server and making its database where needed."""
    embedded = _EMBEDDED.match(config.database.url)
    if embedded is None:
        with _connected(checked_url(config.database.url), config, server=None) as database:
            yield database
        return
    server = EmbeddedServer(embedded_folder(config))
    with server.use() as address:
        name = f"alphafactory_{embedded[1]}" if embedded[1] else "alphafactory"
        _ensure_database(address.url("postgres"), name)
        with _connected(address.url(name), config, server=server) as database:
            yield database


def embedded_folder(config: Config) -> Path:
    """Return the folder of the embedded server."""
    return config.paths.var / "postgres"


def is_embedded(config: Config) -> bool:
    """Whether the configured database is the embedded one."""
    return _EMBEDDED.match(config.database.url) is not None


def checked_url(url: str) -> str:
    """Return a URL that libpq reads as it was meant, or raise `ConfigError` that says how to write it."""
    shown = mask_password(url)
    if not url.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
        raise ConfigError(
            f"database.url '{shown}' is neither `embedded`, `embedded:NAME` (a-z, 0-9, _) nor postgresql://…. "
            "Write postgresql://user:password@host:5432/name."
        )
    url = "postgresql://" + url.partition("://")[2]
    login = url.partition("://")[2].rpartition("@")[0]
    password = login.partition(":")[2]
    try:
        parts = urlsplit(url)
        _ = parts.port
        fields = conninfo.conninfo_to_dict(url)
    except (ValueError, psycopg.Error):
        # The parsers' own words quote what they could not read, which may be a piece of the password.
        raise ConfigError(f"database.url '{shown}' cannot be read. {_PERCENT_HINT}") from None
    if any(sign in login.partition(":")[0] + password for sign in "@/ ") or ":" in password:
        raise ConfigError(f"database.url '{shown}' has raw special characters before the host. {_PERCENT_HINT}")
    if not fields.get("dbname"):
        raise ConfigError(f"database.url '{shown}' names no database. Add /name at its end.")
    return url


def explain(error: BaseException, shown: str) -> DatabaseError:
    """Turn the server's word into one sentence with what to do next."""
    text = str(error).strip()
    state = getattr(error, "sqlstate", None)
    hints = {
        "28P01": f"Check user and password. {_PERCENT_HINT}",
        "28000": "Check the user's right to log in (pg_hba.conf).",
        "3D000": "Create the database first (createdb), or correct the name in database.url.",
        "42501": "Give the user the right to do this, or connect as the owner of the database.",
        "53100": "The server's disk is full: make room, then run the command again; nothing half-written was kept.",
        "55P03": "Another process holds the lock: wait for it to finish, or raise database.lock_timeout.",
        "57014": "The statement took too long or was cancelled. Run it again.",
    }
    hint = hints.get(state or "", "")
    if state is None and "password authentication failed" in text:
        hint = hints["28P01"]
    elif state is None and "does not exist" in text:
        hint = hints["3D000"]
    elif state is None:
        hint = "Is the server running, and is the address right? `python run.py db status` shows both."
    first = text.splitlines()[0] if text else type(error).__name__
    return DatabaseError(f"PostgreSQL at {shown}: {first}. {hint}".rstrip())


@contextmanager
def _connected(url: str, config: Config, server: EmbeddedServer | None) -> Iterator[Database]:
    database = _connect(url, config, server)
    try:
        yield database
    finally:
        database.engine.dispose()


def _connect(url: str, config: Config, server: EmbeddedServer | None) -> Database:
    options = f"-c timezone=UTC -c lock_timeout={config.database.lock_timeout}s -c client_min_messages=warning"
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(
            url, connect_timeout=config.database.connect_timeout, options=options, application_name="alphafactory"
        ),
        poolclass=QueuePool,
        pool_size=2,
        pool_use_lifo=True,
    )
    database = Database(url, engine, config.database.reader_url, server)
    with database.begin() as connection:
        version = raw(connection).info.server_version // 10_000
    if version < OLDEST_SUPPORTED:
        raise DatabaseError(
            f"PostgreSQL at {database.masked_url} is version {version}; {OLDEST_SUPPORTED} or newer is needed. "
            "Upgrade it, or set database.url to embedded."
        )
    return database


def _ensure_database(url: str, name: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        # The lock makes two first commands wait for each other instead of colliding.
        connection.execute("SELECT pg_advisory_lock(hashtext('alphafactory.database'))")
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if found is None:
            quoted = psycopg.sql.Identifier(name)
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(quoted))
