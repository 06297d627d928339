"""How work reports its progress: a protocol, and the silent form of it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Somebody who is told what is going on: a terminal, a log, nobody."""

    def step(self, name: str) -> None:
        """Say that a step of a job begins."""

    def advance(self, done: int, total: int, what: str) -> None:
        """Say how far the present step is."""

    def say(self, message: str) -> None:
        """Say something worth a line."""


class Silence:
    """Tells nobody."""

    def step(self, name: str) -> None:
        """Say nothing."""

    def advance(self, done: int, total: int, what: str) -> None:
        """Say nothing."""

    def say(self, message: str) -> None:
        """Say nothing."""


SILENT: Progress = Silence()
