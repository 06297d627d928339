"""How progress is shown: bars on a terminal, plain lines in a log. In: what work reports. Out: lines on stderr.

Results go to stdout, so that neither disturbs the other.
"""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from alphafactory.cli.output import mask_secrets
from alphafactory.domain.progress import SILENT, Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

SECONDS_BETWEEN_LINES = 10.0


class PlainProgress:
    """Lines with the seconds since the command started, for a log: each step, and now and then how far it is."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.last_line = self.started

    def step(self, name: str) -> None:
        """Write that a step begins."""
        self._write(name)

    def advance(self, done: int, total: int, what: str) -> None:
        """Write how far the step is, every ten seconds at most."""
        if time.monotonic() - self.last_line >= SECONDS_BETWEEN_LINES:
            self._write(f"  {what}: {done} of {total}")

    def say(self, message: str) -> None:
        """Write a line."""
        self._write(f"  {message}")

    def _write(self, text: str) -> None:
        self.last_line = time.monotonic()
        sys.stderr.write(f"[{self.last_line - self.started:7.1f} s] {mask_secrets(text)}\n")
        sys.stderr.flush()


class TerminalProgress:
    """One bar for the present step; what was said stands above it."""

    def __init__(self, bars: RichProgress) -> None:
        self.bars = bars
        self.task: TaskID | None = None
        self.name = ""

    def step(self, name: str) -> None:
        """Show a new bar, of unknown length."""
        if self.task is not None:
            self.bars.remove_task(self.task)
        self.name = name
        self.task = self.bars.add_task(name, total=None)

    def advance(self, done: int, total: int, what: str) -> None:
        """Move the bar."""
        if self.task is None:
            self.step(what)
        assert self.task is not None
        self.bars.update(self.task, completed=done, total=total, description=f"{self.name} · {what}")

    def say(self, message: str) -> None:
        """Write a line above the bar."""
        self.bars.console.print(mask_secrets(message), markup=False, highlight=False)


@contextmanager
def shown_progress(*, quiet: bool, json: bool) -> Iterator[Progress]:
    """Give the progress that fits: bars on a terminal, lines in a log, nothing where it was asked for."""
    if quiet or (json and not sys.stderr.isatty()):
        yield SILENT
    elif not sys.stderr.isatty():
        yield PlainProgress()
    else:
        from rich import progress as rich_progress  # noqa: PLC0415  as above
        from rich.console import Console  # noqa: PLC0415  0.2 s that only a terminal has to wait

        columns = (
            rich_progress.SpinnerColumn(),
            rich_progress.TextColumn("{task.description}", markup=False),
            rich_progress.BarColumn(),
            rich_progress.MofNCompleteColumn(),
            rich_progress.TimeElapsedColumn(),
        )
        with rich_progress.Progress(*columns, console=Console(stderr=True), transient=True) as bars:
            yield TerminalProgress(bars)
