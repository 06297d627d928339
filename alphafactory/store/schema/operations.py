"""The tables of the running system: what ran, when, on what code and config, and how it ended."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Date, ForeignKey, Identity, Index, Integer, Text, UniqueConstraint
from sqlalchemy.orm import Mapped

from alphafactory.store.schema.base import JSON, MOMENT, NOW, NUMBER, Model, column


class JobRun(Model):
    """One run of one job."""

    __tablename__ = "job_runs"
    __table_args__ = (
        UniqueConstraint("job", "scheduled_for"),
        Index(None, "job", "started_at"),
        {"comment": "One run of one job. A scheduled run is claimed by inserting its row, so it happens once."},
    )
    id: Mapped[int] = column("Surrogate key.", BigInteger, Identity(always=True), primary_key=True)
    job: Mapped[str] = column("Name of the job.", Text)
    scheduled_for: Mapped[datetime | None] = column("Time it was due; NULL when a person started it.", MOMENT)
    as_of: Mapped[date] = column("The date as of which it saw the world.", Date)
    known_until: Mapped[datetime | None] = column(
        "The last moment that counted as known; NULL for a repetition of a past night.", MOMENT
    )
    started_at: Mapped[datetime] = column("When it started.", MOMENT, server_default=NOW)
    finished_at: Mapped[datetime | None] = column("When it ended; NULL while it runs.", MOMENT)
    outcome: Mapped[str] = column("running, fine, partial, failed or interrupted.", Text)
    error: Mapped[str | None] = column("Why it failed.", Text)
    code_version: Mapped[str] = column("Version of AlphaFactory, with the hash of its code.", Text)
    config: Mapped[dict[str, Any]] = column("The whole config it ran on, secrets masked.", JSON)
    host: Mapped[str] = column("Machine it ran on.", Text)
    pid: Mapped[int] = column("Process it ran in.", Integer)
    seconds: Mapped[float | None] = column("How long it took.", NUMBER)


class JobStep(Model):
    """One step of a run."""

    __tablename__ = "job_steps"
    __table_args__ = ({"comment": "One step of a job run."},)
    job_run_id: Mapped[int] = column("The run.", ForeignKey("job_runs.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = column("Name of the step.", Text, primary_key=True)
    position: Mapped[int] = column("Its place in the run, from 1.", Integer)
    started_at: Mapped[datetime] = column("When it started.", MOMENT, server_default=NOW)
    finished_at: Mapped[datetime | None] = column("When it ended.", MOMENT)
    outcome: Mapped[str] = column("running, fine, partial, failed, skipped or interrupted.", Text)
    rows: Mapped[int] = column("Rows written.", BigInteger, server_default="0")
    seconds: Mapped[float | None] = column("How long it took.", NUMBER)
    message: Mapped[str] = column("What it did, in a sentence.", Text, server_default="")
    failures: Mapped[list[dict[str, Any]]] = column("What gave no result: kind, subject, message.", JSON)
