"""Make a cluster and say how its server works. In: an empty place. Out: a complete data folder, or none at all.

1. initdb works in a sibling folder with a name of its own, with locale, encoding and checksums set explicitly, and ends
   by writing everything to disk.
2. One atomic rename makes the sibling the data folder. Killed before, there is no cluster; killed after, a whole one.
3. The next to come removes the siblings that the killed have left.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

import psutil

from alphafactory.errors import DatabaseError
from alphafactory.store.embedded.accounts import Account, spawn_options
from alphafactory.store.embedded.address import SUPERUSER
from alphafactory.store.embedded.launch import server_environment

if TYPE_CHECKING:
    from pathlib import Path

    from alphafactory.store.embedded.binaries import Installation
    from alphafactory.store.embedded.locks import FileLock

SCRATCH = "data.new-"
SETTINGS_FILE = "alphafactory.conf"
INITDB_SECONDS = 300.0
MEBIBYTE = 2**20
FIXED_SETTINGS = {
    # What is committed survives a power cut.
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    # One machine, no replicas: a load into a table made in the same transaction then needs no log.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # A night loads hundreds of megabytes at once; few checkpoints and recycled segments keep that steady.
    "min_wal_size": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "work_mem": "32MB",
    "jit": "off",
    "max_connections": "50",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}


def make_cluster(
    home: Path, programs: Installation, account: Account | None, start_lock: FileLock, password_file: Path | None
) -> None:
    """Make `home/data`, owned by `account` or the caller, who holds `start_lock`, so that nobody else is at it.

    Args:
        home: The cluster's home.
        programs: A PostgreSQL that `account` can run.
        account: Who shall own the cluster; None for the caller.
        start_lock: Held; initdb gets it along.
        password_file: The superuser's password, where the server listens on the network.

    Raises:
        DatabaseError: initdb failed; the message has its last words.
    """
    sweep(home)
    scratch = home / f"{SCRATCH}{secrets.token_hex(4)}"
    scratch.mkdir(mode=0o700)
    try:
        if sys.platform != "win32" and account is not None:
            os.chown(scratch, account.uid, account.gid)
        _initdb(scratch, programs, account, start_lock, password_file)
        scratch.rename(home / "data")
        _sync(home)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def sweep(home: Path) -> None:
    """Remove siblings that a killed process left. What cannot be removed now is left to the next."""
    for left in home.glob(f"{SCRATCH}*"):
        shutil.rmtree(left, ignore_errors=True)


def _sync(folder: Path) -> None:
    """Write a folder's list of names to disk, so that a rename in it survives a power cut."""
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _initdb(
    scratch: Path, programs: Installation, account: Account | None, start_lock: FileLock, password_file: Path | None
) -> None:
    # PostgreSQL's own C.UTF-8 sorts alike on every system; the C library's is not known to each of them.
    command = [
        str(programs.program("initdb")), f"--pgdata={scratch}", f"--username={SUPERUSER}", "--encoding=UTF8",
        "--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--data-checksums",
        "--auth-local=trust", "--auth-host=scram-sha-256", "--no-instructions",
        "--set", f"include_if_exists={SETTINGS_FILE}",
    ]  # fmt: skip
    if sys.platform == "linux":  # One call instead of one a file: 2 s in place of 6 s where others keep the disk busy.
        command.append("--sync-method=syncfs")
    if password_file is not None:
        command.append(f"--pwfile={password_file}")
    # initdb holds our lock with us: when we are killed and it lives on, the next process waits for its end.
    handed = () if start_lock.descriptor is None or sys.platform == "win32" else (start_lock.descriptor,)
    with tempfile.TemporaryFile() as said:
        try:
            done = subprocess.run(
                command, check=False, timeout=INITDB_SECONDS, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                cwd=scratch.parent, env=server_environment(), pass_fds=handed, start_new_session=True,
                **spawn_options(account),
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError) as error:
            raise DatabaseError(f"initdb could not make the embedded database in {scratch.parent}: {error}") from error
        said.seek(0)
        words = " ".join(said.read().decode(errors="replace").splitlines()[-6:])
    if done.returncode != 0:
        cause = f"was killed by signal {-done.returncode}" if done.returncode < 0 else "failed"
        raise DatabaseError(
            f"initdb {cause} while it made the embedded database in {scratch.parent}, and nothing is left of it. "
            f"Mend what it said and run the command again. It said: {words}"
        )


def write_settings(home: Path, account: Account | None, socket_folder: Path | None, port: int) -> None:
    """Write the server's settings for its next start; what a person sets by ALTER SYSTEM still wins.

    Args:
        home: The cluster's home.
        account: Who owns the cluster; None for the caller.
        socket_folder: Where to listen; None to listen on the loopback address instead.
        port: TCP port, or number of the socket.
    """
    share = min(256, max(16, psutil.virtual_memory().total // MEBIBYTE // 8))
    # The list of folders is split at commas and blanks unless each is quoted, and the file's own quotes come on top.
    folders = "" if socket_folder is None else '"' + str(socket_folder).replace('"', '""') + '"'
    settings = FIXED_SETTINGS | {
        "shared_buffers": f"{share}MB",
        "maintenance_work_mem": f"{share}MB",
        "listen_addresses": "127.0.0.1" if socket_folder is None else "",
        "unix_socket_directories": folders,
        "port": str(port),
    }
    lines = [f"{name} = '{_quoted(value)}'\n" for name, value in settings.items()]
    # The folder belongs to the server's account: a rename replaces whatever stands there and follows no link.
    scratch = home / SETTINGS_FILE
    scratch.write_bytes(os.fsencode("# Written anew before each start.\n" + "".join(lines)))
    scratch.chmod(0o600)
    if sys.platform != "win32" and account is not None:
        os.chown(scratch, account.uid, account.gid)
    scratch.replace(home / "data" / SETTINGS_FILE)


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")
