"""The one tree of errors. A message says what happened, to what, and what to do next.

Anything below `AlphaFactoryError` is a condition that the user or the outside world can mend; the command line prints
its message in one line without a traceback. Everything else is a defect of ours and keeps its traceback in the log.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class AlphaFactoryError(Exception):
    """Base of every error that a person can act on."""


class UsageError(AlphaFactoryError):
    """The command's words are off: unknown name, impossible value, contradicting options. Exit status 2."""


class ConfigError(UsageError):
    """A setting is missing, unknown, of the wrong type or out of range."""


class UnknownNameError(UsageError):
    """A name that no symbol, strategy, indicator, job or parameter has."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        """Build the message, with the nearest known name where there is one near."""
        super().__init__(f"There is no {kind} '{name}'. {suggestion(name, known)}")


class SourceError(AlphaFactoryError):
    """A data source could not deliver: missing file, unreadable content, refused request."""


class SourceUnavailableError(SourceError):
    """A source is not set up (no path, no key) and is skipped; its message says how to set it up."""


class DatabaseError(AlphaFactoryError):
    """PostgreSQL cannot be reached, refuses us, or holds something that is not ours."""


class SchemaError(DatabaseError):
    """The database's schema is newer than this code, damaged, or somebody else's."""


class PluginError(AlphaFactoryError):
    """A plug-in file is broken; the message starts with its path and line. `line` is 0 where the traceback says it."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


class IndicatorError(AlphaFactoryError):
    """Indicators were asked of bars that have holes; the message names the column and the session."""


class SimulationError(AlphaFactoryError):
    """A simulation was given impossible input, or its balance does not hold."""


class ReportError(AlphaFactoryError):
    """A report could not be written."""


class JobError(AlphaFactoryError):
    """A job cannot start or was interrupted."""


def suggestion(name: str, known: Iterable[str], most: int = 12) -> str:
    """Say which known name is nearest to `name`, or list the known ones."""
    names = sorted(set(known))
    near = difflib.get_close_matches(name.lower(), [n.lower() for n in names], n=1, cutoff=0.6)
    if near:
        meant = next(n for n in names if n.lower() == near[0])
        return f"Did you mean '{meant}'?"
    if not names:
        return "There are none."
    listed = ", ".join(names[:most])
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"Known: {listed}{more}."
