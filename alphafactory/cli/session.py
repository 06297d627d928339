"""What every command knows: the project, its start, the global options. Out: a config, an open workspace."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from alphafactory.cli.output import mask_secrets
from alphafactory.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from alphafactory.config import Config
    from alphafactory.config_loading import LoadedConfig
    from alphafactory.pipeline.workspace import Workspace

FINE, FAILED, USAGE, PARTIAL, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 3, 130, 141
"""Exit statuses; the last two are what a shell makes of SIGINT and SIGPIPE."""

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")]
AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="DATE",
        help="See the world as on this day, such as 2024-12-31. By default today from 18:00 on in the exchange's time "
        "zone (schedule.timezone), before that yesterday.",
    ),
]
EVENING = time(18, 0)
"""From then on, in the exchange's time zone, a day's prices are taken for final."""


@dataclass(slots=True)
class Session:
    """One command's surroundings. `now` is the aware moment at which it started."""

    root: Path
    now: datetime
    environ: Mapping[str, str]
    overlay: Path | None = None
    quiet: bool = False
    overrides: dict[str, Any] = field(default_factory=dict)
    _loaded: LoadedConfig | None = None

    @property
    def loaded(self) -> LoadedConfig:
        """The merged config, read on first use."""
        if self._loaded is None:
            from alphafactory.config_loading import load_config  # noqa: PLC0415  pydantic takes 0.2 s; help needs none

            self._loaded = load_config(self.root, self.environ, self.overlay, self.overrides)
        return self._loaded

    @property
    def config(self) -> Config:
        """The merged config's values."""
        return self.loaded.config

    @property
    def logs(self) -> Path:
        """The folder of the logs; where the config cannot be read, that of an unchanged one."""
        return (self._loaded.config.paths.var if self._loaded else self.root / "var") / "logs"

    def override(self, values: Mapping[str, Any]) -> None:
        """Put values above every other place where they may be set, by their dotted keys."""
        self.overrides.update(values)
        self._loaded = None

    def as_of(self, wanted: str | None = None) -> date:
        """Return the date as of which the world is seen: the wanted one, or the newest that is over at the exchange."""
        today = self.now.astimezone(ZoneInfo(self.config.schedule.timezone)).date()
        if wanted is None:
            return newest_closed_day(self.now, self.config.schedule.timezone)
        day = parse_date(wanted, "--as-of")
        if day > today:
            raise UsageError(
                f"--as-of {day} lies in the future: at the exchange it is {today}. Give that or an earlier."
            )
        return day

    @contextmanager
    def workspace(self, as_of: date, *, json: bool = False, upgrade: bool = True) -> Iterator[Workspace]:
        """Open the database and what else the pipeline works with, with progress shown as the options say."""
        from alphafactory.cli.progress import shown_progress  # noqa: PLC0415  only commands that work show progress
        from alphafactory.logging_setup import log_to  # noqa: PLC0415  only commands that work keep a log
        from alphafactory.pipeline.workspace import open_workspace  # noqa: PLC0415  SQLAlchemy; help does not need it

        loaded = self.loaded
        # The newest day that is over is tonight's, also on the morning after; an earlier one is a past night repeated.
        replay = as_of < newest_closed_day(self.now, loaded.config.schedule.timezone)
        with (
            log_to(self.logs, mask_secrets),
            shown_progress(quiet=self.quiet, json=json) as progress,
            open_workspace(loaded, as_of, self.now, progress, upgrade=upgrade, replay=replay) as workspace,
        ):
            yield workspace


def session_of(context: typer.Context) -> Session:
    """Return the session of a command's context."""
    session = context.find_object(Session)
    assert session is not None
    return session


def newest_closed_day(now: datetime, timezone: str) -> date:
    """Return the exchange's date if its evening has come, else the day before."""
    there = now.astimezone(ZoneInfo(timezone))
    return there.date() if there.time() >= EVENING else there.date() - timedelta(days=1)


def parse_date(text: str, option: str) -> date:
    """Read a date such as 2024-12-31; raise `UsageError` naming the option."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option}: '{text}' is no date. Write it as 2024-12-31.") from None


def exit_status(outcome: str) -> int:
    """Return the exit status of a run's outcome."""
    return {"fine": FINE, "skipped": FINE, "partial": PARTIAL}.get(outcome, FAILED)
