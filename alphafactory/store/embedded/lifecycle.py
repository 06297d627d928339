"""Start and stop the server of one home. In: a home, its start lock held by the caller. Out: a ready server, or none.

1. A postmaster that is proven ours is waited for until it is ready, or gone.
2. Otherwise what a killed one left is ended. `server.lock`, which every process of a cluster holds, proves that none is
   left, also none that another container started and that we cannot see; only then is a stale postmaster.pid removed.
3. A missing cluster is made, settings and socket folder are made anew, and the server starts in a session of its own.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import stat
import sys
import time
from typing import TYPE_CHECKING

from alphafactory.errors import DatabaseError
from alphafactory.store.embedded.accounts import Account, can, server_account
from alphafactory.store.embedded.binaries import Installation, installation, reachable
from alphafactory.store.embedded.cluster import make_cluster, write_settings
from alphafactory.store.embedded.launch import launch
from alphafactory.store.embedded.locks import PAUSE_SECONDS, FileLock
from alphafactory.store.embedded.places import socket_folder
from alphafactory.store.embedded.processes import Postmaster, end_remains, postmaster, remains, request_stop

if TYPE_CHECKING:
    from pathlib import Path

SOCKET_PORT = 5432
START_SECONDS = 600.0
"""A start after a crash first replays up to 4 GB of log."""
STOP_SECONDS = 120.0
REMAINS_SECONDS = 90.0
"""A server whose data folder was removed under it notices within a minute."""
LOG_LIMIT_BYTES = 16 * 2**20


def log_path(home: Path) -> Path:
    """Give the path of the server's log."""
    return home / "server.log"


def ensure_running(home: Path, start_lock: FileLock) -> Postmaster:
    """Give the running server, started if need be.

    Raises:
        DatabaseError: It does not start; the message has the end of its log.
    """
    return _settled(home) or _start(home, start_lock)


def stop(home: Path) -> None:
    """Stop the server if it runs, by PostgreSQL's fast shutdown, and wait for its end; end what a killed one left.

    Raises:
        DatabaseError: It is still there after two minutes.
    """
    found = postmaster(home / "data")
    if found is None:
        if _lives(home):
            end_remains(home / "data")
        return
    request_stop(found, home / "data", cluster_installation(home).program("pg_ctl"))
    end = time.monotonic() + STOP_SECONDS
    while _lives(home):
        if time.monotonic() > end:
            raise DatabaseError(
                f"The embedded PostgreSQL (process {found.process.pid}) is still stopping after {STOP_SECONDS:.0f} s. "
                f"Its log {log_path(home)} tells why: {_log_end(home, 0)}"
            )
        time.sleep(PAUSE_SECONDS)


def cluster_installation(home: Path) -> Installation:
    """Give the installed PostgreSQL that fits the cluster, or the newest where there is no cluster yet."""
    try:
        return installation(int((home / "data" / "PG_VERSION").read_text(encoding="ascii")))
    except FileNotFoundError:
        return installation()


def _settled(home: Path) -> Postmaster | None:
    """Wait for a server that another process began to start or to stop: it gets ready, or it goes."""
    end = time.monotonic() + START_SECONDS
    while (found := postmaster(home / "data")) is not None and not found.ready:
        if time.monotonic() > end:
            raise DatabaseError(
                f"The embedded PostgreSQL (process {found.process.pid}) neither gets ready nor ends. "
                f"Its log {log_path(home)} tells why: {_log_end(home, 0)}"
            )
        time.sleep(PAUSE_SECONDS)
    return found


def _start(home: Path, start_lock: FileLock) -> Postmaster:
    account = server_account(home / "data")
    if account is not None and not can(account, "-x", home):
        raise DatabaseError(
            f"The embedded database in {home} belongs to {account.name}, who may no longer enter that folder. "
            "Let that account enter the folders above it (x for others), or run this as an ordinary user."
        )
    programs = reachable(cluster_installation(home), account)
    with _sole_server_lock(home) as server_lock:
        if not (home / "data").exists():
            make_cluster(home, programs, account, start_lock, _password_file(home))
        (home / "data" / "postmaster.pid").unlink(missing_ok=True)
        write_settings(home, account, *_listening_place(home, account))
        log_start = _rotate_log(home)
        _launch_server(home, programs, account, server_lock)
    return _await_ready(home, log_start)


def _sole_server_lock(home: Path) -> FileLock:
    """Take the lock that a server's processes hold, after ending what a killed postmaster left."""
    lock = FileLock(home / "server.lock")
    if not (home / "data" / "postmaster.pid").exists() and lock.try_acquire():
        return lock
    end_remains(home / "data")
    try:
        return lock.acquire(timeout=REMAINS_SECONDS)
    except TimeoutError as error:
        raise DatabaseError(
            f"A server that cannot be seen from here still works on {home}: one of another container, or a program "
            f"that a server started. Stop it, then run the command again. ({error}.)"
        ) from error


def _launch_server(home: Path, programs: Installation, account: Account | None, lock: FileLock) -> None:
    data = home / "data"
    if sys.platform == "win32":  # pg_ctl sheds an administrator's rights, with which postgres refuses to run.
        command = [str(programs.program("pg_ctl")), "start", "-s", "-W", "-D", str(data)]
    else:
        command = [str(programs.program("postgres")), "-D", str(data)]
    launch(command, log_path(home), account=account, lock=lock)


def _await_ready(home: Path, log_start: int) -> Postmaster:
    end = time.monotonic() + START_SECONDS
    grace = time.monotonic() + (10.0 if sys.platform == "win32" else 0.0)  # pg_ctl needs a moment to bring it up there
    while time.monotonic() < end:
        found = postmaster(home / "data")
        if found is not None and found.ready:
            return found
        if found is None and time.monotonic() > grace and not _lives(home):
            break
        time.sleep(PAUSE_SECONDS)
    raise DatabaseError(
        f"The embedded PostgreSQL in {home} did not start. Mend what the end of its log {log_path(home)} names and run "
        f"the command again: {_log_end(home, log_start)}"
    )


def _lives(home: Path) -> bool:
    """Whether any process of the cluster lives; the lock, handed over at the launch, is the proof where it exists."""
    if sys.platform == "win32":
        return bool(remains(home / "data"))
    return FileLock(home / "server.lock").is_held_elsewhere() or postmaster(home / "data") is not None


def _listening_place(home: Path, account: Account | None) -> tuple[Path | None, int]:
    if sys.platform == "win32":
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return None, int(probe.getsockname()[1])
    folder = socket_folder(home)
    owners = {os.geteuid()} | ({account.uid} if account else set())
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        there = folder.lstat()
        if not stat.S_ISDIR(there.st_mode) or there.st_uid not in owners:
            raise DatabaseError(
                f"The server's socket belongs in {folder}, which is somebody else's. Remove it, or set TMPDIR to a "
                "folder of your own."
            ) from None
        for left in folder.iterdir():  # A stale lock file here would stop the server just as a stale postmaster.pid.
            left.unlink()
    folder.chmod(0o700)
    if account is not None:
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    return folder, SOCKET_PORT


def _password_file(home: Path) -> Path | None:
    """Make the superuser's password where the server listens on the network, and give its file."""
    if sys.platform != "win32":
        return None
    path = home / "password"
    if not path.exists():
        path.write_text(secrets.token_urlsafe(24), encoding="ascii")
    return path


def _rotate_log(home: Path) -> int:
    """Set a large log aside, and give the length of what the log holds already."""
    log = log_path(home)
    length = log.stat().st_size if log.exists() else 0
    if length > LOG_LIMIT_BYTES:
        shutil.move(log, log.with_suffix(".log.old"))
        return 0
    return length


def _log_end(home: Path, start: int) -> str:
    """Give the last lines of the log, from a position on, as one line."""
    with log_path(home).open("rb") as log:
        log.seek(start)
        return " ".join(log.read().decode(errors="replace").splitlines()[-6:]) or "(it is empty)"
