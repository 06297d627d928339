"""Answers SQL as a login role that can read and nothing else.

A read-only transaction is no protection, for the statement itself may end it; a role without rights is. The role
`alphafactory_reader` may select from our tables. Its password on an ordinary server is derived from the owner's, so
that nothing has to be stored; on the embedded server the private socket needs none.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import conninfo, sql

from alphafactory.errors import DatabaseError, UsageError
from alphafactory.store.database import explain, mask_password, raw

if TYPE_CHECKING:
    from alphafactory.store.database import Database

READER = "alphafactory_reader"
_OPTIONS = "-c timezone=UTC -c default_transaction_read_only=on -c statement_timeout=10min -c search_path=public"
_OPEN_WRITERS = """
SELECT oid::regprocedure::text FROM pg_proc
WHERE proname IN ('lo_create', 'lo_creat', 'lo_from_bytea', 'lo_put', 'lowrite', 'lo_unlink', 'lo_open')
    AND (proacl IS NULL OR array_to_string(proacl, ',') ~ '(^|,)=X')
"""


def query(database: Database, statement: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Run one statement as the reader; return the names of the columns and the rows.

    Raises:
        UsageError: the server refuses the statement; its own words say why.
        DatabaseError: the reader cannot log in.
    """
    if not statement.strip():
        raise UsageError('There is no SQL to run. Write for example: sql "SELECT * FROM v_best_by_sector"')
    try:
        with _connect(database) as connection, connection.cursor() as cursor:
            cursor.execute(statement.encode())  # bytes, for the statement is the user's own and no literal of ours
            while cursor.nextset():
                pass
            if cursor.description is None:
                return [], []
            return [column.name for column in cursor.description], cursor.fetchall()
    except psycopg.Error as error:
        position = f" (at character {error.diag.statement_position})" if error.diag.statement_position else ""
        hint = f" {error.diag.message_hint}" if error.diag.message_hint else ""
        words = error.diag.message_primary or str(error).strip()
        raise UsageError(f"PostgreSQL refused the statement{position}: {words}.{hint}") from error


def ensure_reader(database: Database) -> None:
    """Make the role and let it read what there is; it costs a few milliseconds where nothing is to do."""
    with database.begin() as connection:
        session = raw(connection)
        session.execute("SELECT pg_advisory_xact_lock(hashtext('alphafactory.reader'))")
        role, password = sql.Identifier(READER), sql.Literal(_password(database.url))
        found = session.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [READER]).fetchone()
        if found is None:
            session.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, password))
        elif database.server is None:
            session.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, password))
        # A role may change its own defaults; what the reader set for itself is forgotten before its next statement.
        session.execute(sql.SQL("ALTER ROLE {} RESET ALL").format(role))
        _close_side_doors(session, database.name, role)
        session.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role))
        session.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}").format(role))


def _close_side_doors(session: psycopg.Connection[Any], name: str, role: sql.Identifier) -> None:
    """Take from everybody what lets a reader write: temporary tables, and large objects where we may decide that."""
    session.execute(sql.SQL("ALTER ROLE {} IN DATABASE {} RESET ALL").format(role, sql.Identifier(name)))
    session.execute(sql.SQL("REVOKE TEMPORARY, CREATE ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
    superuser = session.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    if superuser == (True,):
        found = session.execute(_OPEN_WRITERS).fetchall()
        for (function,) in found:
            session.execute(sql.SQL(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC"))


def _connect(database: Database) -> psycopg.Connection[tuple[Any, ...]]:
    if database.reader_url is None:
        try:
            ensure_reader(database)
        except DatabaseError as error:
            raise DatabaseError(
                f"The login role {READER} cannot be prepared: {error} Let an administrator create it with the right "
                "to select, and set database.reader_url to a URL that logs in as it."
            ) from error
    url = database.reader_url or _reader_url(database.url)
    try:
        return psycopg.connect(url, autocommit=True, connect_timeout=10, options=_OPTIONS)
    except psycopg.Error as error:
        raise explain(error, mask_password(url)) from error


def _reader_url(url: str) -> str:
    fields = conninfo.conninfo_to_dict(url)
    fields |= {"user": READER, "password": _password(url)}
    return conninfo.make_conninfo("", **{key: str(value) for key, value in fields.items() if value is not None})


def _password(url: str) -> str:
    owner = str(conninfo.conninfo_to_dict(url).get("password") or "")
    return hmac.new(owner.encode(), READER.encode(), hashlib.sha256).hexdigest()
