"""Stop the server after users that were killed. In: a cluster's home. Out: nothing, once there is nothing to watch.

The last user stops the server, unless it is killed first. This small process sees then that nobody holds the users'
lock and runs the command that stops an unused server. It proves and signals nothing itself, and loads the standard
library alone, for it waits beside every server: `COMMAND` starts it without running any package's `__init__`.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from .locks import FileLock

COMMAND = (
    "import sys, types; package = types.ModuleType('embedded'); package.__path__ = [sys.argv[1]]; "
    "sys.modules['embedded'] = package; from embedded.watchdog import watch; watch(sys.argv[2], sys.argv[3:])"
)
POLL_SECONDS = 1.0
MOST_FAILURES = 3


def watch(home: str, stop_command: list[str]) -> None:
    """Wait until nobody uses the server of `home`, then stop it; return when it is gone, or kept on purpose."""
    place = Path(home)
    watching = FileLock(place / "watchdog.lock")
    if not watching.try_acquire():
        return  # Another watches already.
    for _ in range(MOST_FAILURES):
        while not _unused(place, watching):
            time.sleep(POLL_SECONDS)
        if watching.descriptor is None:
            return
        subprocess.run(stop_command, check=False, stdin=subprocess.DEVNULL)


def _unused(place: Path, watching: FileLock) -> bool:
    """Look whether nobody uses the server. Frees `watching` when, besides, there is nothing left to watch.

    All that happens under the start lock: whoever joins next either still finds us watching, or starts another.
    """
    start = FileLock(place / "start.lock")
    if not start.path.exists():  # The home was removed; a server without its folder ends by itself.
        watching.release()
        return True
    if not start.try_acquire():
        return False
    with start:
        if FileLock(place / "users.lock").is_held_elsewhere():
            return False
        if (place / "kept").exists() or not (place / "data" / "postmaster.pid").exists():
            watching.release()
        return True
