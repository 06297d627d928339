"""Start programs that outlive us. In: a command. Out: a process in a session of its own, with no tie to this one.

Ctrl-C in the terminal reaches it as little as the terminal's end, and no process of ours is its parent.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from alphafactory.store.embedded.accounts import Account, spawn_options

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from alphafactory.store.embedded.locks import FileLock

KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "TMP", "TEMP", "SYSTEMROOT")
"""All that PostgreSQL needs of our environment; no PG… variable may bend it, and no secret of ours goes along."""


def server_environment() -> dict[str, str]:
    """Give the environment of PostgreSQL's programs: English messages, UTC, nothing of the user's."""
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def launch(command: Sequence[str], log: Path, *, account: Account | None = None, lock: FileLock | None = None) -> None:
    """Start a command in the background, its words appended to `log`.

    Args:
        command: Program and arguments.
        log: The log file; the caller's, whoever runs the program.
        account: Who runs it; None for the caller.
        lock: A held lock that the program and its children shall hold on to for as long as one of them lives.
    """
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        if sys.platform == "win32":
            flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=server_environment(),
                creationflags=flags,
            )  # fmt: skip
            process.returncode = 0  # It is nobody's child here; without this Python warns that it still runs.
        else:
            handed = () if lock is None or lock.descriptor is None else (lock.descriptor,)
            subprocess.run(
                ["/bin/sh", "-c", 'exec "$@" &', "sh", *command], check=True, stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, cwd="/", env=server_environment(), pass_fds=handed, start_new_session=True,
                timeout=60, **spawn_options(account),
            )  # fmt: skip
    finally:
        os.close(output)
