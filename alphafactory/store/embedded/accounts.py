"""Who runs the server. In: the caller's account and what it wants to reach. Out: the account to run PostgreSQL under.

PostgreSQL refuses to run as root. A root caller (a container, CI) therefore starts it under an existing account without
rights. Whether that account reaches a path is found by trying, as it: modes alone do not tell of access lists.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alphafactory.errors import DatabaseError

CANDIDATES = ("postgres", "nobody", "daemon")
"""Accounts that need no rights of their own, the fittest first."""


@dataclass(frozen=True)
class Account:
    """An account of the operating system that is not the caller's."""

    name: str
    uid: int
    gid: int


def spawn_options(account: Account | None) -> dict[str, Any]:
    """Give the subprocess options that run a child as `account` (None: as the caller), with none of root's groups."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def can(account: Account, test: str, path: Path) -> bool:
    """Whether `account` passes a test of the shell's `test` on a path (`-x` enter or execute, `-r` read)."""
    command = ["/bin/sh", "-c", 'test "$1" "$2"', "sh", test, str(path)]
    try:
        done = subprocess.run(command, check=False, cwd="/", timeout=30, **spawn_options(account))
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


if sys.platform == "win32":

    def server_account(data: Path) -> Account | None:
        """None: pg_ctl gives up an administrator's rights by itself."""
        del data
        return None

else:
    import pwd

    def server_account(data: Path) -> Account | None:
        """Choose who runs the server of a data folder: None for the caller, else the account a root caller uses.

        An existing cluster keeps its owner, so that root may use a person's cluster and leave it theirs.

        Raises:
            DatabaseError: The caller is root and no account without rights can be used.
        """
        if os.geteuid() != 0:
            return None
        if data.exists():
            owner = data.stat()
            if owner.st_uid != 0:
                return Account(_name(owner.st_uid), owner.st_uid, owner.st_gid)
        for name in CANDIDATES:
            account = _existing(name)
            if account is not None and can(account, "-x", Path("/")):
                return account
        raise DatabaseError(
            f"PostgreSQL does not run as root, and none of the accounts {', '.join(CANDIDATES)} can be used here. "
            "Run this as an ordinary user, or set DATABASE_URL to a PostgreSQL that runs elsewhere."
        )

    def _existing(name: str) -> Account | None:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            return None
        return Account(name, entry.pw_uid, entry.pw_gid) if entry.pw_uid != 0 else None

    def _name(uid: int) -> str:
        try:
            return pwd.getpwuid(uid).pw_name
        except KeyError:  # A bind mount may carry an owner that this container does not know; PostgreSQL does not mind.
            return str(uid)
