"""Runs the steps of a job and keeps the record of it.

1. Wait for the right to run, claim the run's row.
2. Run each step; what it did, or why it failed, goes to `job_steps`. A failed step does not stop the ones after it:
   they work on what the tables hold.
3. Close the run: `failed` if a step failed, `partial` if something gave no result, else `fine`.
"""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alphafactory.errors import AlphaFactoryError, DatabaseError
from alphafactory.pipeline.workspace import code_version, masked_config
from alphafactory.store import bars, job_runs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.registry import BrokenPlugin

_LOG = logging.getLogger(__name__)
_WAIT_SECONDS = 600.0
Failure = dict[str, str]
"""What gave no result: kind, subject, message, remedy."""


@dataclass(frozen=True, slots=True)
class StepReport:
    """What a step did: rows written, a sentence, what gave no result; `skipped` where there was nothing to do."""

    rows: int
    message: str
    failures: tuple[Failure, ...] = ()
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class StepResult:
    """How a step ended: fine, partial, failed or skipped."""

    name: str
    outcome: str
    seconds: float
    rows: int
    message: str
    failures: tuple[Failure, ...] = ()


@dataclass(slots=True)
class Run:
    """A run under way. `notes` is what a step leaves to the report: counts and keys, never data."""

    workspace: Workspace
    run_id: int
    job: str
    steps: list[StepResult] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def is_past(self) -> bool:
        """Whether the night of `as_of`, or a later one, has been: it is then repeated on what was known, to the bit.

        Asked once a run, for its own steps do not make a night past.
        """
        if "is_past" not in self.notes:
            workspace = self.workspace
            with workspace.database.begin() as connection:
                been = workspace.replay and job_runs.has_downloaded(connection, workspace.as_of, self.run_id)
                self.notes["is_past"] = been or bars.is_past(connection, workspace.cutoff)
        return bool(self.notes["is_past"])

    @property
    def outcome(self) -> str:
        """The outcome so far."""
        outcomes = {step.outcome for step in self.steps}
        return "failed" if "failed" in outcomes else "partial" if "partial" in outcomes else "fine"


Step = Callable[[Run], StepReport]


@dataclass(frozen=True, slots=True)
class JobResult:
    """How a run ended; `report` is the path of the report where one was written."""

    run_id: int
    job: str
    outcome: str
    seconds: float
    steps: tuple[StepResult, ...]
    report: str | None


def failure(kind: str, subject: str, message: str, remedy: str = "") -> Failure:
    """Describe something that gave no result."""
    return {"kind": kind, "subject": subject, "message": message, "remedy": remedy}


def broken_plugins(broken: Sequence[BrokenPlugin]) -> tuple[Failure, ...]:
    """Describe plug-in files that could not be used."""
    remedy = "Mend the file; the night went on without it."
    return tuple(failure("plug-in", f"{plugin.path}:{plugin.line}", plugin.message, remedy) for plugin in broken)


def digest(*parts: str) -> str:
    """Return one hash of several texts."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def run_job(
    workspace: Workspace,
    job: str,
    steps: Sequence[tuple[str, Step]],
    *,
    scheduled_for: datetime | None = None,
) -> JobResult | None:
    """Run a job; return None where another scheduler has already claimed that scheduled time."""
    started = time.perf_counter()
    with job_runs.exclusive(workspace.database, _WAIT_SECONDS):
        run_id = job_runs.claim(workspace.database, _request(workspace, job, scheduled_for))
        if run_id is None:
            return None
        run = Run(workspace, run_id, job)
        error: str | None = "The run was interrupted."
        outcome = "interrupted"
        try:
            if not run.is_past:
                job_runs.note_moment(workspace.database, run_id, workspace.moment)
            for position, (name, step) in enumerate(steps, start=1):
                run.steps.append(_run_step(run, position, name, step))
            outcome = run.outcome
            error = next((step.message for step in run.steps if step.outcome == "failed"), None)
        except AlphaFactoryError as fault:
            outcome, error = "failed", str(fault)
            raise
        finally:
            seconds = time.perf_counter() - started
            job_runs.finish_run(workspace.database, run_id, outcome=outcome, seconds=seconds, error=error)
    return JobResult(run_id, job, outcome, seconds, tuple(run.steps), run.notes.get("report"))


def _request(workspace: Workspace, job: str, scheduled_for: datetime | None) -> job_runs.RunRequest:
    return job_runs.RunRequest(
        job=job,
        as_of=workspace.as_of,
        code_version=code_version(),
        config=masked_config(workspace.config),
        host=platform.node(),
        pid=os.getpid(),
        scheduled_for=scheduled_for,
    )


def _run_step(run: Run, position: int, name: str, step: Step) -> StepResult:
    database = run.workspace.database
    run.workspace.progress.step(name)
    job_runs.start_step(database, run.run_id, position, name)
    started = time.perf_counter()
    outcome = "interrupted"
    report = StepReport(0, "The step was interrupted.")
    try:
        report = step(run)
        outcome = "skipped" if report.skipped else "partial" if report.failures else "fine"
    except DatabaseError as error:
        report, outcome = StepReport(0, str(error)), "failed"
        if _is_lost(run.workspace):
            raise
    except AlphaFactoryError as error:
        report, outcome = StepReport(0, str(error)), "failed"
    except Exception as error:  # noqa: BLE001  one broken step must not cost the night its other results
        _LOG.exception("The step %s met a defect", name)
        words = (
            f"A defect of AlphaFactory stopped this step ({type(error).__name__}: {error}); the log has the details."
        )
        report, outcome = StepReport(0, words), "failed"
    finally:
        seconds = time.perf_counter() - started
        if outcome != "failed" or not _is_lost(run.workspace):
            _finish(run, name, report, outcome, seconds)
    return StepResult(name, outcome, seconds, report.rows, report.message, report.failures)


def _finish(run: Run, name: str, report: StepReport, outcome: str, seconds: float) -> None:
    details: Mapping[str, Any] = {"rows": report.rows, "message": report.message, "failures": report.failures}
    job_runs.finish_step(run.workspace.database, run.run_id, name, outcome=outcome, seconds=seconds, **details)


def _is_lost(workspace: Workspace) -> bool:
    """Whether the database answers no more, so that no later step can do anything."""
    try:
        with workspace.database.begin():
            return False
    except DatabaseError:
        return True
