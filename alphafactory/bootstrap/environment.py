"""Tells in milliseconds whether `.venv` is complete.

In: the project's folder and the names of the lock files a command needs. Out: yes or no, from a stamp that the
installation writes last. The stamp holds which interpreter the environment stands on and the hash of each installed
lock file; a killed installation has none, a changed lock file or a replaced interpreter does not match it.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from alphafactory.errors import AlphaFactoryError

if TYPE_CHECKING:
    from collections.abc import Iterable

WINDOWS = sys.platform == "win32"


class Stamp(NamedTuple):
    """What an installation leaves behind: the interpreter's path, and the hash of each lock file installed on it."""

    interpreter: str
    locks: dict[str, str]


class EnvironmentSetupError(AlphaFactoryError):
    """The project's `.venv` could not be made; the message says why and what to do."""


class Environment:
    """The `.venv` of one project folder."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self.folder = project / ".venv"
        self.python = self.folder / ("Scripts/python.exe" if WINDOWS else "bin/python")
        self.stamp = self.folder / "installed.json"
        self.lock_file = self.folder / "install.lock"
        self.log = self.folder / "install.log"

    def __repr__(self) -> str:
        return f"Environment({self.project!r})"

    def is_running(self) -> bool:
        """Say whether this very process is the environment's interpreter."""
        return Path(sys.prefix).resolve() == self.folder.resolve()

    def fits(self, locks: Iterable[str]) -> bool:
        """Say whether each lock file is installed as it reads now, on an interpreter that still exists."""
        stamp = self.read_stamp()
        if stamp is None or stamp.interpreter != self.interpreter():
            return False
        return all(stamp.locks.get(name) == self.lock_hash(name) for name in locks)

    def interpreter(self) -> str:
        """Return the path of the interpreter that the environment stands on, or "" where it is gone.

        On POSIX that is the end of the symbolic links, so that an upgrade behind `/usr/bin/python3` is noticed; on
        Windows, where `python.exe` is a launcher, it stands in `pyvenv.cfg`.
        """
        target = self._configured_interpreter() if WINDOWS else self.python.resolve()
        return str(target) if target is not None and self.python.exists() and target.exists() else ""

    def _configured_interpreter(self) -> Path | None:
        try:
            lines = (self.folder / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
        except OSError:
            return None
        settings = dict(line.split(" = ", 1) for line in lines if " = " in line)
        return Path(settings["executable"]) if "executable" in settings else None

    def lock_path(self, name: str) -> Path:
        """Return the path of a lock file; one that is missing means an incomplete clone."""
        path = self.project / "requirements" / name
        if not path.is_file():
            raise EnvironmentSetupError(f"{path} is missing: the project is incomplete. Clone or unpack it again.")
        return path

    def lock_hash(self, name: str) -> str:
        """Return the SHA-256 of a lock file's bytes, in hexadecimal."""
        return hashlib.sha256(self.lock_path(name).read_bytes()).hexdigest()

    def read_stamp(self) -> Stamp | None:
        """Return the stamp, or None where there is no readable one."""
        try:
            content = json.loads(self.stamp.read_text(encoding="utf-8"))
            return Stamp(str(content["interpreter"]), dict(content["locks"]))
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def write_stamp(self, locks: dict[str, str]) -> None:
        """Write the stamp in one step: it is there whole or not at all, also after a power cut.

        Args:
            locks: The hash of each installed lock file by its name; empty for an environment that holds only pip.
        """
        aside = self.stamp.with_suffix(".new")
        with aside.open("w", encoding="utf-8") as file:
            json.dump(Stamp(self.interpreter(), locks)._asdict(), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self.stamp)
