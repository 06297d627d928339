"""Real processes around an embedded server: folders that its account may enter, and clients that can be killed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psutil
import psycopg
import pytest

from alphafactory.store.embedded import Address, EmbeddedServer, lifecycle
from alphafactory.store.embedded.locks import FileLock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
CLIENT = """
import sys
from pathlib import Path
from alphafactory.store.embedded import EmbeddedServer
with EmbeddedServer(Path(sys.argv[1])).use() as address:
    print(address.url(), flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def template() -> Iterator[Path]:
    """A folder with a cluster that is whole and stopped."""
    with open_folder() as place:
        folder = place / "postgres"
        with EmbeddedServer(folder).use():
            pass
        yield folder


@pytest.fixture
def quick_initdb(template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copy the template where this process would run initdb, in tests whose subject is something else."""

    def copy(home: Path, *_: object) -> None:
        subprocess.run(["cp", "--archive", template / "data", home / "data"], check=True, timeout=60)

    monkeypatch.setattr(lifecycle, "make_cluster", copy)


@contextmanager
def open_folder() -> Iterator[Path]:
    """Give a folder that other accounts may enter; pytest's own lie below one of mode 0700."""
    place = Path(tempfile.mkdtemp(prefix="embedded-"))
    place.chmod(0o755)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


class Client:
    """A process that uses the server until it is told to leave, or is killed."""

    def __init__(self, folder: Path) -> None:
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", CLIENT, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip

    def url(self) -> str:
        """Wait until it has joined. Empty when it failed."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        """Kill it as hard as can be."""
        self.process.kill()
        self.process.communicate()

    def leave(self) -> str:
        """Let it leave and end; give what it said on stderr."""
        return self.process.communicate("", timeout=60)[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()


def answer(address: Address | str, query: str = "select 1") -> object:
    """Ask the server one thing."""
    url = address if isinstance(address, str) else address.url()
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Wait until a condition holds, and say whether it came to hold."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def is_gone(folder: Path) -> bool:
    """Whether no server process of an open folder lives and nobody watches."""
    locks = (folder / "server.lock", folder / "watchdog.lock")
    return not any(FileLock(lock).is_held_elsewhere() for lock in locks)


def watchdogs(folder: Path) -> list[psutil.Process]:
    """List the watchdogs of a folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if str(folder) in words and any("embedded.watchdog" in word for word in words):
            found.append(process)
    return found


def put_away(folder: Path) -> None:
    """Stop what a failed test left behind."""
    if EmbeddedServer(folder).status().running:
        EmbeddedServer(folder).release()
