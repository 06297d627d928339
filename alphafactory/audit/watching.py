"""Notes what a call does to the world outside: files, networks, processes.

Python tells its audit hooks of each (PEP 578). A hook cannot be taken out again, so that one is put in, once a process,
and it looks away unless its own thread is watched. Reading a module's file is no fault: an import may come late.
"""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_OF_MODULES = (".py", ".pyc", ".pyd", ".so", ".zip")
_OUTSIDE = (
    "socket.", "subprocess.", "urllib.", "http.", "ftplib.", "smtplib.", "sqlite3.", "ctypes.dlopen", "os.system",
    "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.remove", "os.rename", "os.mkdir", "os.putenv", "shutil.",
)  # fmt: skip


class _Watched(threading.local):
    """What is noted in this thread; None while nobody watches."""

    events: list[str] | None = None


_watched = _Watched()


@contextmanager
def watched() -> Iterator[list[str]]:
    """Yield a list that fills with what the calling thread does outside, in words, while the block runs."""
    _install()
    before, _watched.events = _watched.events, []
    try:
        yield _watched.events
    finally:
        _watched.events = before


@cache
def _install() -> None:
    sys.addaudithook(_note)


def _note(event: str, arguments: tuple[object, ...]) -> None:
    events = _watched.events
    if events is None:
        return
    if event == "open" and arguments:
        path = arguments[0]
        if not isinstance(path, int) and not str(path).endswith(_OF_MODULES):
            events.append(f"opens the file '{path!s}'")
    elif event.startswith(_OUTSIDE):
        events.append(f"calls {event}")
