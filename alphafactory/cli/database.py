"""`db`, which looks after the database, and `sql`, which asks it as a user who may only read."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path  # noqa: TC003  Typer reads the annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

from alphafactory.cli.output import print_csv, print_json, print_line, print_note, print_table
from alphafactory.cli.session import FAILED, FINE, JsonOption, session_of
from alphafactory.errors import DatabaseError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alphafactory.cli.session import Session
    from alphafactory.store.database import Database
    from alphafactory.store.embedded import EmbeddedServer

app = typer.Typer(help="Look after the database.", no_args_is_help=True)


@contextmanager
def _database(session: Session) -> Iterator[Database]:
    from alphafactory.store.database import open_database  # noqa: PLC0415  SQLAlchemy takes 0.3 s; help needs none

    with open_database(session.config) as database:
        yield database


def _embedded(session: Session) -> EmbeddedServer | None:
    """Return the embedded server where the config asks for one."""
    from alphafactory.store.database import embedded_folder, is_embedded  # noqa: PLC0415  as above
    from alphafactory.store.embedded import EmbeddedServer  # noqa: PLC0415  as above

    return EmbeddedServer(embedded_folder(session.config)) if is_embedded(session.config) else None


def _embedded_alone(session: Session) -> EmbeddedServer:
    server = _embedded(session)
    if server is None:
        raise UsageError(
            "database.url names a server of your own, which is not ours to start or stop. "
            "Use its own tools, or set database.url to embedded."
        )
    return server


@app.command()
def start(context: typer.Context) -> None:
    """Start the embedded server and keep it up, for psql and notebooks."""
    session = session_of(context)
    _embedded_alone(session).keep()
    from alphafactory.store.migrating import upgrade as upgrade_schema  # noqa: PLC0415  Alembic, for this alone

    with _database(session) as database:
        upgrade_schema(database)
        print_line(f"The embedded server stays up until `python run.py db stop`. Connect to {database.masked_url}")


@app.command()
def stop(context: typer.Context) -> None:
    """Stop the embedded server, as soon as nobody uses it."""
    if _embedded_alone(session_of(context)).release():
        print_line("The embedded server is stopped.")
    else:
        print_line("Other commands still use the embedded server; it stops with the last of them.")


@app.command()
def status(context: typer.Context, json: JsonOption = False) -> int:
    """Say where the database is, whether it answers and how its schema stands; changes nothing."""
    session = session_of(context)
    server = _embedded(session)
    found: dict[str, object] = {"kind": "server of your own" if server is None else "embedded"}
    if server is not None:
        state = server.status()
        found |= {"running": state.running, "in use": state.in_use, "kept up": state.kept, "version": state.version}
        found |= {"data": state.data, "log": state.log, "pid": state.pid}
    if server is None or found["running"]:
        found |= _schema(session)
    if json:
        print_json({name.replace(" ", "_"): value for name, value in found.items()})
    else:
        print_table(("", ""), [[name, value if value is None else str(value)] for name, value in found.items()])
    return FAILED if "error" in found else FINE


def _schema(session: Session) -> dict[str, object]:
    from alphafactory.store import migrating  # noqa: PLC0415  Alembic, for this alone

    try:
        with _database(session) as database:
            schema = migrating.status(database)
            url = database.masked_url
    except DatabaseError as error:
        return {"error": str(error)}
    return {"url": url, "schema": schema.state, "revision": schema.current, "newest revision": schema.head}


@app.command()
def upgrade(context: typer.Context) -> None:
    """Bring the schema to what this code needs. Every other command does so by itself where it is needed."""
    from alphafactory.store import migrating  # noqa: PLC0415  Alembic, for this alone

    with _database(session_of(context)) as database:
        before = migrating.status(database).current
        after = migrating.upgrade(database)
    moved = "is at" if before == after.current else f"went from {before or 'nothing'} to"
    print_line(f"The schema {moved} revision {after.current}.")


@app.command()
def check(context: typer.Context, json: JsonOption = False) -> int:
    """Compare the database's schema with what the code expects."""
    from alphafactory.store import migrating  # noqa: PLC0415  Alembic, for this alone

    with _database(session_of(context)) as database:
        differences = migrating.check(database)
    if json:
        print_json(differences)
    for difference in [] if json else differences:
        print_line(difference)
    if not differences and not json:
        print_line("The schema is what the code expects.")
    return FAILED if differences else FINE


@app.command()
def url(
    context: typer.Context,
    secret: Annotated[bool, typer.Option("--with-password", help="Print the password too.")] = False,
) -> None:
    """Print the database's URL, for psql and notebooks; the embedded one answers after `db start`."""
    session = session_of(context)
    server = _embedded(session)
    with _database(session) as database:
        sys.stdout.write(f"{database.url if secret else database.masked_url}\n")
    if server is not None and not server.status().kept:
        print_note("The embedded server stops with its last user; `python run.py db start` keeps it up.")


@app.command()
def shell(context: typer.Context) -> int:
    """Open psql on the database."""
    from alphafactory.store import backups  # noqa: PLC0415  for this alone

    with _database(session_of(context)) as database:
        command, environment = backups.shell_command(database), backups.environment(database)
        return subprocess.run(command, env=environment, check=False).returncode


@app.command()
def backup(context: typer.Context, file: Annotated[Path, typer.Argument(metavar="FILE")]) -> None:
    """Write the whole database into one file."""
    from alphafactory.store import backups  # noqa: PLC0415  for this alone

    with _database(session_of(context)) as database:
        backups.backup(database, file)
    print_line(f"The database is in {file} ({file.stat().st_size / 1e6:.1f} MB).")


@app.command()
def restore(context: typer.Context, file: Annotated[Path, typer.Argument(metavar="FILE")]) -> None:
    """Put a backup into the database, which has to be empty of other data."""
    from alphafactory.store import backups  # noqa: PLC0415  for this alone

    if not file.is_file():
        raise UsageError(f"There is no file {file}. Check the path of the backup.")
    with _database(session_of(context)) as database:
        backups.restore(database, file)
    print_line(f"The database is as it was in {file}.")


def sql(
    context: typer.Context,
    statement: Annotated[str, typer.Argument(metavar='"SELECT …"', help="SQL; - reads it from stdin.")],
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    json: JsonOption = False,
) -> None:
    r"""Ask the tables in SQL, as a user who may only read. `\d+` in `db shell` explains every table and column."""
    if csv and json:
        raise UsageError("--csv and --json exclude each other. Give one of them.")
    text = sys.stdin.read() if statement == "-" else statement
    session = session_of(context)
    with session.workspace(session.as_of(), json=True) as workspace:
        from alphafactory.store.reader import query  # noqa: PLC0415  psycopg, which help does not need

        columns, rows = query(workspace.database, text)
    if json:
        print_json([dict(zip(distinct(columns), row, strict=True)) for row in rows])
    elif csv:
        print_csv(columns, rows)
    else:
        print_table(columns, rows)
        print_line(f"{len(rows)} row{'' if len(rows) == 1 else 's'}")


def distinct(columns: list[str]) -> list[str]:
    """Number the repeated ones of a result's column names, so that none is lost as a key: n, n_2, n_3."""
    names: list[str] = []
    for column in columns:
        number, name = 2, column
        while name in names:
            number, name = number + 1, f"{column}_{number}"
        names.append(name)
    return names
