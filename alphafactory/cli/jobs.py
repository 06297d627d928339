"""Commands that run jobs: `nightly`, `run`, each step alone, `schedule`, and `jobs`, which shows how they went."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from alphafactory.cli.output import one_line, plain, print_json, print_line, print_note, print_table
from alphafactory.cli.session import AsOfOption, JsonOption, Session, exit_status, session_of
from alphafactory.errors import AlphaFactoryError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from alphafactory.job import Job
    from alphafactory.pipeline.running import JobResult
    from alphafactory.registry import Registry

FAILURES_SHOWN = 10
NIGHT, STEPS = "The night", "The steps alone"
indicators = typer.Typer(help="Compute the indicators; `indicators list` shows what they are.")


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    for command in (nightly, run, jobs, schedule):
        app.command(rich_help_panel=NIGHT)(command)
    for command in (download, backtests):
        app.command(rich_help_panel=STEPS)(command)
    app.add_typer(indicators, name="indicators", rich_help_panel=STEPS)


def nightly(context: typer.Context, as_of: AsOfOption = None, json: JsonOption = False) -> int:
    """Run the whole night: download, quality, indicators, audits, backtests, portfolios, report."""
    return run_named(session_of(context), "nightly", as_of, json=json)


def run(
    context: typer.Context,
    job: Annotated[str, typer.Argument(metavar="JOB", help="A job; `jobs` lists them.")],
    as_of: AsOfOption = None,
    json: JsonOption = False,
) -> int:
    """Run one job now."""
    return run_named(session_of(context), job, as_of, json=json)


def download(context: typer.Context, as_of: AsOfOption = None, json: JsonOption = False) -> int:
    """Take new prices in."""
    return run_named(session_of(context), "download", as_of, json=json)


def backtests(context: typer.Context, as_of: AsOfOption = None, json: JsonOption = False) -> int:
    """Backtest every strategy on every symbol whose data changed."""
    return run_named(session_of(context), "backtests", as_of, json=json)


@indicators.callback(invoke_without_command=True)
def compute(context: typer.Context, as_of: AsOfOption = None, json: JsonOption = False) -> int:
    """Compute the indicators of every symbol whose bars changed; `indicators list` shows what they are."""
    if context.invoked_subcommand is not None:
        return 0
    return run_named(session_of(context), "indicators", as_of, json=json)


def jobs(context: typer.Context, json: JsonOption = False) -> None:
    """Show every job: when it ran last and how it ended, and when it runs next."""
    session = session_of(context)
    registry = known_jobs()
    with session.workspace(session.as_of(), json=True) as workspace:
        from alphafactory.store.job_runs import overview  # noqa: PLC0415  SQLAlchemy, which help does not need

        last = {row["job"]: row for row in overview(workspace.database)}
    rows = [_job_row(job, last.get(job.name, {}), session) for job in registry]
    if json:
        print_json(rows)
        return
    zone = ZoneInfo(session.config.schedule.timezone)
    for row in rows:
        for moment in ("last_started_at", "next_at"):
            row[moment] = row[moment].astimezone(zone) if row[moment] else None
    columns = ("job", "schedule", "last_started_at", "outcome", "seconds", "run_id", "next_at", "error")
    titles = ("job", "schedule", "last run", "outcome", "seconds", "run", "next run", "error")
    print_table(titles, [[row[column] for column in columns] for row in rows])


def _job_row(job: Job, last: dict[str, Any], session: Session) -> dict[str, Any]:
    from alphafactory.scheduling import Timetable  # noqa: PLC0415  APScheduler, for the commands that schedule

    schedule = session.config.schedule
    timetable = Timetable(schedule, known_jobs())
    return {
        "job": job.name,
        "description": job.description,
        "after": list(job.after),
        "schedule": schedule.jobs.get(job.name),
        "next_at": timetable.next_due(job.name, session.now) if job.name in schedule.jobs else None,
        "last_started_at": last.get("started_at"),
        "outcome": last.get("outcome"),
        "seconds": last.get("seconds"),
        "run_id": last.get("run_id", last.get("id")),
        "error": last.get("error"),
    }


def schedule(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Run what is due now and stop: for cron or systemd.")] = False,
) -> int:
    """Run the jobs at their times (schedule.* in the config) until Ctrl-C; a missed night is made up for at start.

    Any number of schedulers on one database run a job once. Start it again after a change of the config or of a job.
    """
    from alphafactory.scheduling import Scheduler, Timetable  # noqa: PLC0415  APScheduler takes 0.2 s

    session = session_of(context)
    registry = known_jobs()
    timetable = Timetable(session.config.schedule, registry)
    scheduler = Scheduler(timetable, lambda name, due, now: _run_due(session, registry.get(name), due, now, timetable))
    if not timetable.entries:
        raise UsageError("schedule.jobs names no job. Add for example `nightly: '30 18 * * mon-fri'` to the config.")
    if once:
        return 0 if scheduler.attend() else 1
    for name in timetable.entries:
        due = timetable.next_due(name, session.now)
        _log(f"{name}: next due {due.astimezone(timetable.zone):%Y-%m-%d %H:%M %Z}" if due else f"{name}: never due")
    scheduler.run_until_stopped()
    _log("The scheduler has stopped.")
    return 0


def _run_due(session: Session, job: Job, due: datetime, now: datetime, timetable: Any) -> bool:
    """Claim and run one due job; say so; never raise. False where the tables could not be asked."""
    mine = Session(session.root, now, session.environ, session.overlay, session.quiet)
    label = f"{job.name}, due {due.astimezone(timetable.zone):%Y-%m-%d %H:%M %Z}"
    try:
        return _claim_and_run(mine, job, due, label, timetable.session_of(due))
    except AlphaFactoryError as error:
        _log(f"{label}: {error} It is tried again in five minutes.")
    except Exception as error:  # noqa: BLE001  one broken night shall not end all the following ones
        _log(f"{label}: {type(error).__name__}: {error}\n{traceback.format_exc()}")
    return False


def _claim_and_run(session: Session, job: Job, due: datetime, label: str, as_of: date) -> bool:
    from alphafactory.pipeline.running import run_job  # noqa: PLC0415  SQLAlchemy, which help does not need
    from alphafactory.store.job_runs import last_scheduled  # noqa: PLC0415  as above

    with session.workspace(as_of) as workspace:
        last = last_scheduled(workspace.database, job.name)
        if last is not None and last >= due:
            return True
        result = run_job(workspace, job.name, job.steps, scheduled_for=due)
    if result is None:
        _log(f"{label}: another scheduler has it.")
        return True
    _log(f"{label}: {result.outcome} after {result.seconds:.1f} s (run {result.run_id}).")
    return True


def _log(text: str) -> None:
    from alphafactory.scheduling import present_moment  # noqa: PLC0415  APScheduler takes 0.2 s

    print_note(f"{present_moment():%Y-%m-%d %H:%M:%SZ} {text}")


def known_jobs() -> Registry[Job]:
    """Return every job; a file of `jobs/` that cannot be used is said on stderr and the others go on."""
    from alphafactory.job import discover_jobs  # noqa: PLC0415  jobs import the whole pipeline

    registry = discover_jobs()
    for broken in registry.broken:
        print_note(f"Warning: this job cannot be used: {broken}")
    return registry


def run_named(session: Session, name: str, as_of: str | None, *, json: bool) -> int:
    """Run a job now, print how it went and return the exit status."""
    result = run_job_now(session, name, session.as_of(as_of), json=json)
    if json:
        print_json(job_as_json(result))
    else:
        print_result(result)
    print_failures(result)
    return exit_status(result.outcome)


def run_job_now(session: Session, name: str, as_of: date, *, json: bool) -> JobResult:
    """Run a job now and return its result; raise `UnknownNameError` before anything is opened."""
    job = known_jobs().get(name)
    from alphafactory.pipeline.running import run_job  # noqa: PLC0415  SQLAlchemy, which help does not need

    with session.workspace(as_of, json=json) as workspace:
        result = run_job(workspace, job.name, job.steps)
    assert result is not None  # only a scheduled run can be claimed by somebody else
    return result


def job_as_json(result: JobResult) -> dict[str, Any]:
    """Return what `--json` prints of a run."""
    steps = [
        {
            "name": step.name,
            "outcome": step.outcome,
            "seconds": step.seconds,
            "rows": step.rows,
            "message": step.message,
            "failures": plain(step.failures),
        }
        for step in result.steps
    ]
    return {
        "run_id": result.run_id,
        "job": result.job,
        "outcome": result.outcome,
        "seconds": result.seconds,
        "steps": steps,
        "report": result.report,
    }


def failure_in_words(failure: Mapping[str, str]) -> str:
    """Write one failure of a step: what gave no result, why, and what to do."""
    subject = " ".join(failure[key] for key in ("kind", "subject") if failure.get(key))
    return f"{subject}: {failure.get('message', '')} {failure.get('remedy', '')}".strip()


def print_result(result: JobResult) -> None:
    """Print the steps of a run, how it ended and where the report is; what failed is `print_failures`' to tell."""
    rows = [
        [step.name, step.outcome, round(step.seconds, 1), step.rows, "" if step.outcome == "failed" else step.message]
        for step in result.steps
    ]
    print_table(("step", "outcome", "seconds", "rows", ""), rows)
    print_line(f"{result.job}: {result.outcome} after {result.seconds:.1f} s (run {result.run_id}).")
    if result.report:
        print_line(f"Report: {result.report}")


def print_failures(result: JobResult) -> None:
    """Say on stderr, a line each, which steps failed and what gave no result."""
    sys.stdout.flush()
    for step in result.steps:
        if step.outcome == "failed":
            print_note(f"Error in {step.name}: {one_line(step.message)}")
    failures = [(step.name, failure) for step in result.steps for failure in step.failures]
    for step_name, failure in failures[:FAILURES_SHOWN]:
        print_note(f"Failed in {step_name}: {one_line(failure_in_words(failure))}")
    if len(failures) > FAILURES_SHOWN:
        print_note(f"... and {len(failures) - FAILURES_SHOWN} more failures, all in the table job_steps.")
