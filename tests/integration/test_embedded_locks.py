"""The locks: shared by users, exclusive for deciders, freed with their holder, and held by nobody else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from alphafactory.store.embedded.locks import FileLock

ROOT = Path(__file__).parents[2]
HOLDER = """
import sys
from pathlib import Path
from alphafactory.store.embedded.locks import FileLock
lock = FileLock(Path(sys.argv[1])).acquire(shared=sys.argv[2] == "shared", timeout=5)
print("held", flush=True)
sys.stdin.read()
"""


def holder(path: Path, kind: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, path, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_shared_locks_bear_each_other_and_no_exclusive_one(tmp_path: Path) -> None:
    first, second, third = (FileLock(tmp_path / "lock") for _ in range(3))
    assert first.try_acquire(shared=True)
    assert second.try_acquire(shared=True)
    assert not third.try_acquire()
    first.release()
    assert not third.try_acquire()
    second.release()
    assert third.try_acquire()
    assert not first.try_acquire(shared=True)
    third.release()


@pytest.mark.parametrize("kind", ["shared", "exclusive"])
def test_a_killed_holder_holds_no_longer(tmp_path: Path, kind: str) -> None:
    process = holder(tmp_path / "lock", kind)
    lock = FileLock(tmp_path / "lock")
    assert lock.is_held_elsewhere()
    assert lock.try_acquire(shared=True) == (kind == "shared")
    lock.release()
    process.kill()
    process.communicate()
    assert lock.try_acquire()
    lock.release()


def test_waiting_has_an_end(tmp_path: Path) -> None:
    with (
        FileLock(tmp_path / "lock").acquire(timeout=1),
        pytest.raises(TimeoutError, match="still locked by another process"),
    ):
        FileLock(tmp_path / "lock").acquire(timeout=0.05)


def test_a_spawned_program_does_not_hold_its_parents_lock(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock").acquire(timeout=1)
    child = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, close_fds=False
    )
    lock.release()
    # The kernel closes the child's descriptors a moment after we learn that it runs, so this may wait a little.
    lock.acquire(timeout=5).release()
    assert child.poll() is None
    child.communicate()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_neither_holds_nor_frees_its_parents_lock(tmp_path: Path) -> None:
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom alphafactory.store.embedded.locks import FileLock\n"
        "lock = FileLock(Path(sys.argv[1])).acquire(timeout=1)\nready, go = os.pipe(), os.pipe()\n"
        "if os.fork() == 0:\n    lock.release()\n    os.write(ready[1], b'1')\n    os.read(go[0], 1)\n    os._exit(0)\n"
        "os.read(ready[0], 1)\nother = FileLock(Path(sys.argv[1]))\nprint(other.is_held_elsewhere())\nlock.release()\n"
        "print(other.is_held_elsewhere())\nos.write(go[1], b'1')\nos.wait()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "lock"], capture_output=True, text=True, check=True, timeout=60,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stdout.split() == ["True", "False"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match="lock"):
        FileLock(tmp_path / "lock").try_acquire()
    assert not (tmp_path / "target").exists()
