"""Locks between processes. In: the path of a lock file. Out: a lock that the operating system frees with its holder.

A lock belongs to one open file, not to a process: two locks on one path exclude each other even inside one process, and
a process that is killed, however hard, leaves none behind. Standard library only, for the watchdog loads this module
and nothing else.
"""

from __future__ import annotations

import os
import sys
import time
import weakref
from pathlib import Path  # noqa: TC003  # annotations of a public class stay resolvable at run time
from typing import Self

if sys.platform == "win32":
    import ctypes
    import msvcrt
    from ctypes import wintypes

    class _Overlapped(ctypes.Structure):
        """OVERLAPPED of the Windows API; all zeros mean the first byte of the file."""

        _fields_ = (
            ("Internal", ctypes.c_void_p),
            ("InternalHigh", ctypes.c_void_p),
            ("Offset", wintypes.DWORD),
            ("OffsetHigh", wintypes.DWORD),
            ("hEvent", wintypes.HANDLE),
        )

    _FAIL_IMMEDIATELY, _EXCLUSIVE, _ERROR_LOCK_VIOLATION = 1, 2, 33
    _kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)

    def _try_lock(descriptor: int, *, shared: bool) -> bool:
        """Try to lock an open file without waiting. False when another open file holds it."""
        flags = _FAIL_IMMEDIATELY | (0 if shared else _EXCLUSIVE)
        handle = wintypes.HANDLE(msvcrt.get_osfhandle(descriptor))
        if _kernel32.LockFileEx(handle, flags, 0, 1, 0, ctypes.byref(_Overlapped())):
            return True
        code = ctypes.get_last_error()
        if code == _ERROR_LOCK_VIOLATION:
            return False
        raise ctypes.WinError(code)

else:
    import fcntl

    def _try_lock(descriptor: int, *, shared: bool) -> bool:
        """Try to lock an open file without waiting. False when another open file holds it."""
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


PAUSE_SECONDS = 0.01
"""Between two attempts. Waiting by attempts gives every wait an end, which a blocking lock would not."""

_held: weakref.WeakSet[FileLock] = weakref.WeakSet()


class FileLock:
    """A shared or exclusive lock on a file, made on first use and never removed.

    The descriptor is closed on exec, so that a spawned program does not hold the lock unless it is handed over, and
    closed in a forked child, so that a worker does not outlive its parent's lock. Freeing is closing: an explicit
    unlock in a child that shares the open file would free the parent's lock too.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor: int | None = None

    def try_acquire(self, *, shared: bool = False) -> bool:
        """Take the lock if that is possible at once. Raises OSError when the file cannot be opened."""
        assert self.descriptor is None, f"{self.path} is held already"
        # A final symbolic link is refused: as root we would create or open what somebody else chose.
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(self.path, flags, 0o600)
        try:
            taken = _try_lock(descriptor, shared=shared)
        except BaseException:
            os.close(descriptor)
            raise
        if not taken:
            os.close(descriptor)
            return False
        self.descriptor = descriptor
        _held.add(self)
        return True

    def acquire(self, *, shared: bool = False, timeout: float) -> Self:
        """Take the lock, waiting up to `timeout` seconds. Raises TimeoutError, or OSError as `try_acquire`."""
        end = time.monotonic() + timeout
        while not self.try_acquire(shared=shared):
            if time.monotonic() > end:
                raise TimeoutError(f"{self.path} is still locked by another process after {timeout:.0f} s")
            time.sleep(PAUSE_SECONDS)
        return self

    def release(self) -> None:
        """Close the file. The lock ends unless a process that it was handed to still has the file open."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None
            _held.discard(self)

    def is_held_elsewhere(self) -> bool:
        """Whether some open file holds the lock, shared or exclusive, at this moment."""
        if not self.try_acquire():
            return True
        self.release()
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _forget_parents_locks() -> None:
    """Close the parent's descriptors in a forked child; the parent keeps its locks."""
    for lock in list(_held):
        lock.release()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_forget_parents_locks)
