"""The embedded server and its users. In: the project's folder for it. Out: an address, for as long as it is used.

Files in the cluster's home: `data`, `socket`, `server.log`, `kept` (a mark: it stays up without users), and four locks.
`start.lock` is held by whoever decides about starting and stopping, `users.lock` is shared by the users, `server.lock`
is held by the server's own processes, `watchdog.lock` by the watchdog.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from alphafactory.errors import DatabaseError
from alphafactory.store.embedded import watchdog
from alphafactory.store.embedded.accounts import server_account
from alphafactory.store.embedded.address import Address
from alphafactory.store.embedded.launch import launch
from alphafactory.store.embedded.lifecycle import (
    START_SECONDS,
    STOP_SECONDS,
    cluster_installation,
    ensure_running,
    log_path,
    stop,
)
from alphafactory.store.embedded.locks import FileLock
from alphafactory.store.embedded.places import choose_home, settled_home
from alphafactory.store.embedded.processes import Postmaster, postmaster

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK_SECONDS = START_SECONDS + STOP_SECONDS
STOP_COMMAND = (
    "import os, sys; sys.path = sys.argv[1].split(os.pathsep); from pathlib import Path; "
    "from alphafactory.store.embedded.server import stop_unused; stop_unused(Path(sys.argv[2]))"
)
"""What the watchdog runs, with our own module search path, wherever that came from."""


@dataclass(frozen=True)
class Status:
    """What is known of the server at one moment.

    Attributes:
        running: Whether it takes connections.
        in_use: Whether any process uses it.
        kept: Whether it stays up without users.
        version: Of the PostgreSQL that runs or would run, such as "18.4".
        data: The data folder; it need not exist yet.
        log: The server's log.
        pid: Of the running server.
        address: Of the running server.
    """

    running: bool
    in_use: bool
    kept: bool
    version: str
    data: Path
    log: Path
    pid: int | None = None
    address: Address | None = None


class EmbeddedServer:
    """The PostgreSQL of one project, shared by all its processes.

    Args:
        folder: The project's folder for it, made on first use; such as `var/postgres`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().resolve()

    def __repr__(self) -> str:
        return f"EmbeddedServer({str(self.folder)!r})"

    @contextmanager
    def use(self) -> Iterator[Address]:
        """Use the server: start it if it is not running, and stop it on the way out if nobody else uses it.

        Raises:
            DatabaseError: It cannot be started or stopped; the message has the end of its log.
        """
        home = self._home()
        users, address = self._join(home)
        process = os.getpid()
        try:
            yield address
        finally:
            if os.getpid() == process:  # A forked worker that comes by here is no user, and ends nothing.
                users.release()
                stop_unused(home)

    def keep(self) -> Address:
        """Start the server if need be and hold it up without users, until `release`. Raises DatabaseError as `use`."""
        home = self._home()
        users, address = self._join(home, keep=True)
        users.release()
        return address

    def release(self) -> bool:
        """Hold the server up no longer. Raises DatabaseError when it cannot be stopped.

        Returns:
            True when it is stopped; False when others still use it, the last of whom will stop it.
        """
        home = settled_home(self.folder)
        if home is None:
            return True
        with _deciding(home):
            (home / "kept").unlink(missing_ok=True)
        return stop_unused(home)

    def status(self) -> Status:
        """Look at the server, changing nothing."""
        home = settled_home(self.folder) or self.folder
        with _explained(home):
            found = postmaster(home / "data")
            ready = found if found is not None and found.ready else None
            return Status(
                running=ready is not None,
                in_use=(home / "users.lock").exists() and FileLock(home / "users.lock").is_held_elsewhere(),
                kept=(home / "kept").exists(),
                version=cluster_installation(home).version,
                data=home / "data",
                log=log_path(home),
                pid=found.process.pid if found else None,
                address=_address(home, ready) if ready else None,
            )

    def binary(self, name: str) -> Path:
        """Give the path of a client program that fits the server (psql, pg_dump, pg_restore).

        Raises:
            DatabaseError: There is no such program, or no PostgreSQL installed.
        """
        return cluster_installation(settled_home(self.folder) or self.folder).program(name)

    def _home(self) -> Path:
        with _explained(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            return settled_home(self.folder) or choose_home(self.folder, server_account(self.folder / "data"))

    def _join(self, home: Path, *, keep: bool = False) -> tuple[FileLock, Address]:
        with _deciding(home) as start_lock:
            users = FileLock(home / "users.lock").acquire(shared=True, timeout=LOCK_SECONDS)
            try:
                _ensure_watched(home)
                address = _address(home, ensure_running(home, start_lock))
                if keep:
                    (home / "kept").touch()
            except BaseException:
                users.release()
                raise
        return users, address


def stop_unused(home: Path) -> bool:
    """Stop the server of a home unless somebody uses it or it is kept. True when it does not run afterwards."""
    with _deciding(home):
        if (home / "kept").exists() or FileLock(home / "users.lock").is_held_elsewhere():
            return postmaster(home / "data") is None
        stop(home)
    return True


@contextmanager
def _deciding(home: Path) -> Iterator[FileLock]:
    """Hold the right to start and stop the server of a home."""
    with _explained(home), FileLock(home / "start.lock").acquire(timeout=LOCK_SECONDS) as lock:
        yield lock


@contextmanager
def _explained(place: Path) -> Iterator[None]:
    """Turn the operating system's refusals into errors that say what to do."""
    try:
        yield
    except PermissionError as error:
        raise DatabaseError(
            f"The embedded database in {place} belongs to another user ({error.strerror}: {error.filename}). "
            "Run this as that user, or set paths.var to a folder of your own."
        ) from error
    except OSError as error:  # A full disk, a removed folder, a lock that is held too long (TimeoutError is one too).
        raise DatabaseError(
            f"The embedded database in {place} cannot be used: {error}. Mend that and run the command again."
        ) from error


def _ensure_watched(home: Path) -> None:
    """Start a watchdog unless there is one; before the server starts, so that none is ever unwatched."""
    if FileLock(home / "watchdog.lock").is_held_elsewhere():
        return
    places = os.pathsep.join(str(Path(place).resolve()) for place in sys.path)
    stop_command = [sys.executable, "-c", STOP_COMMAND, places, str(home)]
    here = str(Path(__file__).parent)
    launch([sys.executable, "-S", "-E", "-c", watchdog.COMMAND, here, str(home), *stop_command], log_path(home))


def _address(home: Path, found: Postmaster) -> Address:
    password = home / "password"
    return Address(found.host, found.port, password=password.read_text("ascii") if password.exists() else None)
