"""Backups by PostgreSQL's own programs: in, a database and a file; out, a dump, or the database as it was."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import conninfo

from alphafactory.errors import DatabaseError
from alphafactory.store.database import explain

if TYPE_CHECKING:
    from alphafactory.store.database import Database


def backup(database: Database, file: Path) -> None:
    """Write the whole database to a file (pg_dump's custom format); an earlier file is replaced only by a whole one."""
    part = file.with_name(f".{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _run(database, "pg_dump", ["--format=custom", f"--file={part}"])
        part.replace(file)
    except OSError as error:
        raise DatabaseError(f"The backup {file} cannot be written: {error.strerror}. Choose another place.") from error
    finally:
        with suppress(OSError):  # where it could not be made, there is nothing to remove
            part.unlink()


def restore(database: Database, file: Path) -> None:
    """Make the database what the backup holds, in one transaction: either all of it, or nothing changes."""
    if not file.is_file():
        raise DatabaseError(f"There is no backup {file}. Check the path.")
    options = ["--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]
    _run(database, "pg_restore", [*options, f"--dbname={database.name}", str(file)])


def shell_command(database: Database) -> list[str]:
    """Return the command line of psql; `environment` goes with it."""
    return [str(_program(database, "psql"))]


def environment(database: Database) -> dict[str, str]:
    """Return the environment in which PostgreSQL's programs find the database, so that no argument shows a password."""
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE",
             "sslmode": "PGSSLMODE"}  # fmt: skip
    fields = conninfo.conninfo_to_dict(database.url)
    return dict(os.environ) | {names[key]: str(value) for key, value in fields.items() if key in names}


def _program(database: Database, name: str) -> Path:
    if database.server is not None:
        return database.server.binary(name)
    try:
        with psycopg.connect(database.url) as connection:
            major = connection.info.server_version // 10_000
    except psycopg.Error as error:
        raise explain(error, database.masked_url) from error
    candidates = [Path(f"/usr/lib/postgresql/{major}/bin/{name}"), Path(shutil.which(name) or name)]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise DatabaseError(f"The program {name} of PostgreSQL {major} is not installed. Install the PostgreSQL client.")


def _run(database: Database, name: str, arguments: list[str]) -> None:
    command = [str(_program(database, name)), *arguments]
    done = subprocess.run(command, env=environment(database), capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise DatabaseError(f"{name} failed on {database.masked_url}: {lines[-1] if lines else 'no reason given'}")
