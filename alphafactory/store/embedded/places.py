"""Where a cluster lives. In: the project's folder for it. Out: its home, the folder of data, socket, locks and log.

The home is the project's folder itself, unless a root caller must run the server under an account that may not come
there (a clone below a home of mode 0700). Then the home stands in a shelter that root owns and everybody may enter, the
project's folder gets a note that says where, and the home one that says whose. No parent's mode is ever touched.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
from itertools import count
from pathlib import Path

from alphafactory.errors import DatabaseError
from alphafactory.store.embedded.accounts import Account, can

LASTING_SHELTER = Path("/var/lib/alphafactory")
NOTE, OWNER = "elsewhere.txt", "project.txt"
SOCKET_NAME_BYTES = len("/.s.PGSQL.5432")
SOCKET_PATH_LIMIT = 103 if sys.platform == "darwin" else 107


def shelter() -> Path:
    """Make and give the folder, owned by root and open to readers, for what the server's account must reach.

    Raises:
        DatabaseError: No such folder can be made, or somebody else could change what stands there.
    """
    refused = []
    for place in (LASTING_SHELTER, Path(tempfile.gettempdir()) / "alphafactory-root"):
        try:
            place.mkdir(exist_ok=True)
            mode = place.lstat()
            if not stat.S_ISDIR(mode.st_mode) or mode.st_uid != os.geteuid() or mode.st_mode & 0o022:
                refused.append(f"{place} is not a folder that root alone can write")
                continue
            place.chmod(0o755)
        except OSError as error:
            refused.append(str(error))
        else:
            return place
    raise DatabaseError(
        f"The database server needs a folder that its account can reach, and there is none: {'; '.join(refused)}. "
        "Mend that, run this as an ordinary user, or set DATABASE_URL to a PostgreSQL that runs elsewhere."
    )


def settled_home(folder: Path) -> Path | None:
    """Give the home of the cluster that belongs to `folder`, or None when it has none yet."""
    if (folder / "data").exists():
        return folder
    noted = _read(folder / NOTE)
    if noted is None:
        return None
    home = Path(noted.splitlines()[0])
    owner = _owner(home)
    if owner is None:
        return None
    if owner != folder and _noted_home(owner) != home:
        # The project was moved: its old folder knows nothing of this cluster any more, so it stays ours.
        _write(home / OWNER, f"{folder}\n")
        return home
    # A copied project finds its original's note; the cluster remains the original's and the copy gets its own.
    return home if owner == folder else None


def choose_home(folder: Path, account: Account | None) -> Path:
    """Choose where a new cluster of `folder` shall live, and leave notes when that is elsewhere."""
    if account is None or can(account, "-x", folder):
        return folder
    key = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    clusters = shelter() / "clusters"
    clusters.mkdir(mode=0o755, exist_ok=True)
    candidates = (clusters / (key if number == 0 else f"{key}-{number}") for number in count())
    home = next(place for place in candidates if _owner(place) in (None, folder))
    home.mkdir(mode=0o755, exist_ok=True)
    home.chmod(0o755)
    _write(home / OWNER, f"{folder}\n")
    reason = f"The embedded database lives there: {account.name}, who runs it for root, may not enter this folder."
    _write(folder / NOTE, f"{home}\n\n{reason}\n")
    return home


def socket_folder(home: Path) -> Path:
    """Give the folder for the server's socket: in the home, or a short one where that path is unfit.

    Raises:
        DatabaseError: Even the short one is too long.
    """
    key = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"alphafactory-{key}"
    for place in (home / "socket", short):
        # libpq takes a comma in a host for the next host, and no spelling avoids that.
        if len(os.fsencode(place)) + SOCKET_NAME_BYTES <= SOCKET_PATH_LIMIT and "," not in str(place):
            return place
    raise DatabaseError(
        f"The path of the server's socket would be longer than the {SOCKET_PATH_LIMIT} bytes that this system allows, "
        f"below {home} and below {short.parent} as well. Set TMPDIR to a folder with a short path, or move the project."
    )


def _noted_home(folder: Path) -> Path | None:
    noted = _read(folder / NOTE)
    return Path(noted.splitlines()[0]) if noted else None


def _owner(home: Path) -> Path | None:
    owner = _read(home / OWNER)
    return Path(owner.splitlines()[0]) if owner else None


def _read(path: Path) -> str | None:
    try:
        return os.fsdecode(path.read_bytes())
    except FileNotFoundError:
        return None


def _write(path: Path, text: str) -> None:
    scratch = path.with_suffix(f".{os.getpid()}")
    scratch.write_bytes(os.fsencode(text))
    scratch.replace(path)
