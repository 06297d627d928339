"""What every step works in: the config, the database, the date as of which the world is seen."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alphafactory import __version__
from alphafactory.domain.progress import SILENT
from alphafactory.store import job_runs, migrating
from alphafactory.store.database import Database, mask_password, open_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from alphafactory.config import Config
    from alphafactory.config_loading import LoadedConfig
    from alphafactory.domain.progress import Progress


@dataclass(frozen=True, slots=True)
class Workspace:
    """An open database with the config, and the date as of which the night sees the world. `now` is aware UTC.

    `replay` marks a night that repeats a past date: it knows what that night knew (`known_until`), or without one what
    was known by the end of that date. Any other night knows what is known now, also in the morning after its date.
    """

    loaded: LoadedConfig
    database: Database
    as_of: date
    now: datetime
    progress: Progress = SILENT
    replay: bool = False
    known_until: datetime | None = None

    @property
    def config(self) -> Config:
        """The merged config."""
        return self.loaded.config

    @property
    def cutoff(self) -> datetime:
        """The last moment that counts as known: the end of `as_of`, UTC, or now where that is later."""
        end = end_of(self.as_of)
        return (self.known_until or end) if self.replay else max(end, self.now)

    @property
    def moment(self) -> datetime:
        """When what is ingested now became known: now, or the end of `as_of` in the repetition of a past night."""
        return min(self.now, self.cutoff)


def end_of(day: date) -> datetime:
    """Return the end of a day, UTC."""
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=UTC)


@contextmanager
def open_workspace(
    loaded: LoadedConfig,
    as_of: date,
    now: datetime,
    progress: Progress = SILENT,
    *,
    upgrade: bool = True,
    replay: bool | None = None,
) -> Iterator[Workspace]:
    """Open the configured database, bring its schema up to date, and hand over the workspace.

    `replay` says whether the night repeats a past date; by default it does once that date is over.
    """
    with open_database(loaded.config) as database:
        if upgrade:
            migrating.upgrade(database)
        else:
            migrating.require_current(database)
        past = now > end_of(as_of) if replay is None else replay
        with database.begin() as connection:
            known_until = job_runs.read_moment(connection, as_of) if past else None
        yield Workspace(loaded, database, as_of, now, progress, past, known_until)


@cache
def code_version() -> str:
    """Return the version with a hash of all our code, so that a result names exactly what computed it."""
    digest = hashlib.sha256()
    root = Path(__file__).resolve().parents[1]
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:12]}"


def masked_config(config: Config) -> dict[str, Any]:
    """Return the whole config as plain values, passwords hidden."""
    tree: dict[str, Any] = config.model_dump(mode="json")
    for key in ("url", "reader_url"):
        if tree["database"][key]:
            tree["database"][key] = mask_password(tree["database"][key])
    return tree
