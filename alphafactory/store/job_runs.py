"""The tables of runs. A scheduled run is claimed by inserting its row: whoever inserts it runs the job, once.

A running job holds an advisory lock of its own for as long as its process lives; a row that says "running" while nobody
holds that lock belongs to a process that was killed: it is closed as interrupted and gives its scheduled time back.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.types.json import Jsonb
from sqlalchemy import text

from alphafactory.errors import JobError
from alphafactory.store.database import explain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy import Connection

    from alphafactory.store.database import Database

_LOCK = "hashtextextended('alphafactory.run', 0)"
_CLAIM = """
INSERT INTO job_runs (job, scheduled_for, as_of, outcome, code_version, config, host, pid)
VALUES (:job, :scheduled_for, :as_of, 'running', :code_version, :config, :host, :pid)
ON CONFLICT (job, scheduled_for) DO NOTHING RETURNING id
"""
_INTERRUPTED = """
WITH dead AS (
    UPDATE job_runs SET outcome = 'interrupted', finished_at = clock_timestamp(), scheduled_for = NULL,
        error = 'The process ended before the job did; the next run makes up for it.'
            || coalesce(' It was due at ' || scheduled_for || '.', '')
    WHERE outcome = 'running' RETURNING id
)
UPDATE job_steps s SET outcome = 'interrupted', finished_at = clock_timestamp()
FROM dead WHERE s.job_run_id = dead.id AND s.outcome = 'running'
"""
_MOMENT = """
SELECT r.known_until FROM job_runs r JOIN job_steps t ON t.job_run_id = r.id
WHERE r.as_of = :as_of AND r.known_until IS NOT NULL AND t.name <> 'report' AND t.outcome <> 'failed'
ORDER BY t.name = 'backtests' DESC, r.known_until DESC, r.id DESC LIMIT 1
"""
_OVERVIEW = """
SELECT DISTINCT ON (job) job, id AS run_id, scheduled_for, started_at, finished_at, seconds, outcome, error
FROM job_runs ORDER BY job, started_at DESC, id DESC
"""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What is to be run, and on what."""

    job: str
    as_of: date
    code_version: str
    config: Mapping[str, Any]
    host: str
    pid: int
    scheduled_for: datetime | None = None


@contextmanager
def exclusive(database: Database, wait_seconds: float) -> Iterator[None]:
    """Hold the right to run a job on this database; jobs of two processes wait for each other."""
    try:
        connection = psycopg.connect(database.url, autocommit=True, application_name="alphafactory job lock")
    except psycopg.Error as error:
        raise explain(error, database.masked_url) from error
    with connection:
        connection.execute(f"SET lock_timeout = '{int(wait_seconds * 1000)}ms'")
        try:
            connection.execute(f"SELECT pg_advisory_lock({_LOCK})")
        except psycopg.errors.LockNotAvailable:
            raise JobError(
                f"Another job is still running on {database.masked_url}. "
                "Wait for it to end; `python run.py jobs` shows it."
            ) from None
        try:
            yield
        finally:
            # The server frees it when it has noticed the end of the connection, which may be a moment later.
            with suppress(psycopg.Error):
                connection.execute(f"SELECT pg_advisory_unlock({_LOCK})")


def claim(database: Database, request: RunRequest) -> int | None:
    """Insert the row of a run and return its key, or None where another process has claimed that scheduled time.

    The caller holds the `exclusive` right, so every other row that says "running" is a dead process's.
    """
    values = {name: getattr(request, name) for name in RunRequest.__slots__ if name != "config"}
    with database.begin() as connection:
        connection.execute(text(_INTERRUPTED))
        found = connection.execute(text(_CLAIM), {**values, "config": Jsonb(dict(request.config))}).scalar()
    return None if found is None else int(found)


def note_moment(database: Database, run_id: int, moment: datetime) -> None:
    """Note the last moment that a run counts as known: its night is repeated as of this moment."""
    statement = text("UPDATE job_runs SET known_until = :moment WHERE id = :run")
    with database.begin() as connection:
        connection.execute(statement, {"run": run_id, "moment": moment})


def read_moment(connection: Connection, as_of: date) -> datetime | None:
    """Return the moment at which a past night saw the world, None where there was none.

    Of several runs it is the last that computed results, for those stand; else the last that worked on the data.
    """
    found: datetime | None = connection.execute(text(_MOMENT), {"as_of": as_of}).scalar()
    return found


def read_night(connection: Connection, run_id: int) -> tuple[date, datetime | None]:
    """Return the date of a run's night, and the moment at which it saw the world; None for a repetition."""
    query = text("SELECT as_of, known_until FROM job_runs WHERE id = :run")
    night, moment = connection.execute(query, {"run": run_id}).one()
    return night, moment


def start_step(database: Database, run_id: int, position: int, name: str) -> None:
    """Note that a step begins."""
    statement = text(
        "INSERT INTO job_steps (job_run_id, name, position, outcome, failures) "
        "VALUES (:run, :name, :position, 'running', '[]')"
    )
    with database.begin() as connection:
        connection.execute(statement, {"run": run_id, "name": name, "position": position})


def finish_step(
    database: Database,
    run_id: int,
    name: str,
    *,
    outcome: str,
    rows: int,
    seconds: float,
    message: str,
    failures: Sequence[Mapping[str, str]],
) -> None:
    """Note how a step ended."""
    statement = text(
        "UPDATE job_steps SET outcome = :outcome, rows = :rows, seconds = :seconds, message = :message, "
        "failures = :failures, finished_at = clock_timestamp() WHERE job_run_id = :run AND name = :name"
    )
    values = {"outcome": outcome, "rows": rows, "seconds": seconds, "message": message}
    with database.begin() as connection:
        found = {"run": run_id, "name": name, "failures": Jsonb([dict(failure) for failure in failures])}
        connection.execute(statement, {**values, **found})


def finish_run(database: Database, run_id: int, *, outcome: str, seconds: float, error: str | None) -> None:
    """Note how a run ended."""
    statement = text(
        "UPDATE job_runs SET outcome = :outcome, seconds = :seconds, error = :error, finished_at = clock_timestamp() "
        "WHERE id = :run"
    )
    with database.begin() as connection:
        connection.execute(statement, {"run": run_id, "outcome": outcome, "seconds": seconds, "error": error})


def read_run(database: Database, run_id: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a run and its steps in order."""
    with database.begin() as connection:
        run = connection.execute(text("SELECT * FROM job_runs WHERE id = :run"), {"run": run_id}).mappings().one()
        query = text("SELECT * FROM job_steps WHERE job_run_id = :run ORDER BY position")
        return dict(run), [dict(step) for step in connection.execute(query, {"run": run_id}).mappings()]


def overview(database: Database) -> list[dict[str, Any]]:
    """Return the last run of each job."""
    with database.begin() as connection:
        return [dict(row) for row in connection.execute(text(_OVERVIEW)).mappings()]


def last_scheduled(database: Database, job: str) -> datetime | None:
    """Return the newest scheduled time of a job that was claimed, None before the first.

    A run whose process was killed gives its scheduled time back first, so that the night is made up for. That is known
    when nobody holds the right to run; a job that is running now keeps its claim.
    """
    query = text("SELECT max(scheduled_for) FROM job_runs WHERE job = :job")
    with database.begin() as connection:
        if connection.execute(text(f"SELECT pg_try_advisory_xact_lock({_LOCK})")).scalar_one():
            connection.execute(text(_INTERRUPTED))
        found: datetime | None = connection.execute(query, {"job": job}).scalar()
    return found


def has_downloaded(connection: Connection, as_of: date, run_id: int) -> bool:
    """Whether another run as of this date or a later one has taken data in. One that was killed is yet to be ended."""
    query = text(
        "SELECT EXISTS (SELECT 1 FROM job_steps t JOIN job_runs r ON r.id = t.job_run_id WHERE t.name = 'download' "
        "AND t.outcome IN ('fine', 'partial') AND r.as_of >= :as_of AND r.outcome <> 'interrupted' AND r.id <> :run)"
    )
    return bool(connection.execute(query, {"as_of": as_of, "run": run_id}).scalar_one())
