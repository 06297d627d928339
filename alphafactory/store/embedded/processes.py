"""Which processes are our server. In: a data folder. Out: its postmaster and its remains, proven, never assumed.

A number in postmaster.pid proves nothing: the process may be gone and the number be somebody else's. A process counts
as the cluster's own only when its executable is called postgres and it works in this very data folder.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from alphafactory.store.embedded.locks import PAUSE_SECONDS

EXECUTABLES = ("postgres", "postgres.exe")
QUIT_SECONDS = 5.0
if sys.platform == "win32":
    ENDING_SIGNALS = (signal.SIGTERM,)  # which ends a process at once there
else:
    ENDING_SIGNALS = (signal.SIGQUIT, signal.SIGKILL)


@dataclass(frozen=True)
class Postmaster:
    """A running server, proven to be the one of a data folder.

    Attributes:
        process: The operating system's process.
        host: Folder of its socket, or its internet address; empty until the server listens.
        port: Its port; 0 until the server listens.
        ready: Whether it takes connections (it may still be recovering, or be stopping).
    """

    process: psutil.Process
    host: str
    port: int
    ready: bool


def postmaster(data: Path) -> Postmaster | None:
    """Find the running server of a data folder, or None when postmaster.pid names none or an unrelated process."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return None
    # pid, data folder, start time, port, socket folder, internet address, shared memory, status: written bit by bit.
    lines = [line.strip() for line in lines] + [""] * 8
    try:
        process = psutil.Process(int(lines[0]))
    except (ValueError, OverflowError, psutil.NoSuchProcess):
        return None
    if not serves(process, data):
        return None
    port = int(lines[3]) if lines[3].isdigit() else 0
    return Postmaster(process, lines[4] or lines[5], port, lines[7] == "ready")


def serves(process: psutil.Process, data: Path) -> bool:
    """Whether a process is a living PostgreSQL process of this data folder (the postmaster or a child of it)."""
    try:
        if process.status() == psutil.STATUS_ZOMBIE or not _is_postgres(process):
            return False
        return _works_in(process, data)
    except (psutil.Error, OSError):
        return False


def _is_postgres(process: psutil.Process) -> bool:
    """Judge by the executable; when its file was replaced, Linux still tells its name."""
    path = process.exe() or next(iter(process.cmdline()), "")
    return Path(path.removesuffix(" (deleted)")).name.lower() in EXECUTABLES


def _works_in(process: psutil.Process, data: Path) -> bool:
    """PostgreSQL makes the data folder its working folder; where that is hidden from us, its -D argument tells."""
    try:
        place = process.cwd()
    except psutil.AccessDenied:
        words = process.cmdline()
        place = words[words.index("-D") + 1] if "-D" in words[:-1] else ""
    return bool(place) and Path(place).exists() and data.samefile(place)


def remains(data: Path) -> list[psutil.Process]:
    """List every living process of the cluster, also those that outlived a killed postmaster."""
    named = (p for p in psutil.process_iter(["name"]) if (p.info["name"] or "").lower() in EXECUTABLES)
    return [process for process in named if serves(process, data)]


def end_remains(data: Path) -> None:
    """End what a killed postmaster left: such children hold its shared memory, and no new server starts before.

    They are asked first (SIGQUIT, PostgreSQL's immediate exit). Killing the rest loses nothing, for without a
    postmaster nothing that they do is ever confirmed; the log of transactions is replayed at the next start.
    """
    for number in ENDING_SIGNALS:
        left = remains(data)
        for process in left:
            _signal(process, data, number)
        end = time.monotonic() + QUIT_SECONDS
        while any(serves(process, data) for process in left) and time.monotonic() < end:
            time.sleep(PAUSE_SECONDS)


def _signal(process: psutil.Process, data: Path, number: signal.Signals) -> None:
    """Signal a process that is proven ours at this moment; psutil refuses a number that was taken over since."""
    try:
        if serves(process, data):
            process.send_signal(number)
    except psutil.NoSuchProcess:
        pass


def request_stop(found: Postmaster, data: Path, pg_ctl: Path) -> None:
    """Ask a proven postmaster for PostgreSQL's fast shutdown: open transactions are rolled back, all else is saved."""
    if sys.platform == "win32":  # Windows has no signals; PostgreSQL brings its own, which pg_ctl knows to send.
        subprocess.run([pg_ctl, "kill", "INT", str(found.process.pid)], check=False, timeout=60)
    else:
        _signal(found.process, data, signal.SIGINT)
