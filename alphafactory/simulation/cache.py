"""Where Numba keeps compiled code, and the hash of the code that decides it.

Goes in: a folder. Comes out: a subfolder named by the sources of this package, in use by Numba. Numba's own cache looks
only at the file of the function it caches and would keep an outdated callee from another file; a folder keyed by all
files of the package cannot.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from alphafactory.errors import SimulationError

if TYPE_CHECKING:
    from types import ModuleType

_KERNEL = "alphafactory.simulation.kernel"


AHEAD = Path(sys.prefix) / "compiled"
"""Where the environment keeps what was compiled when it was made."""


@cache
def source_hash() -> str:
    """Return the SHA-256, as 64 hexadecimal digits, of every source file of this package."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        # The length keeps two files from trading bytes at their border; line ends depend on the checkout, not the code.
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{path.name}:{len(content)}\n".encode() + content)
    return digest.hexdigest()


def configure_cache(folder: Path) -> Path:
    """Make Numba keep the compiled kernel below `folder`, and return the subfolder.

    What `python -m alphafactory.simulation` has compiled of this very code into the environment is used instead.

    The setting travels to child processes by the environment variable NUMBA_CACHE_DIR. A kernel that this process has
    already loaded stays as it is.

    Raises:
        SimulationError: the folder cannot be made or written.
    """
    ahead = AHEAD / source_hash()[:16]
    place = ahead if any(ahead.rglob("*.nbi")) else folder.absolute() / source_hash()[:16]
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(place, error.strerror or str(error)) from error
    if not os.access(place, os.W_OK):
        raise _unwritable(place, "no right to write")
    os.environ["NUMBA_CACHE_DIR"] = str(place)
    if "numba" in sys.modules and _KERNEL not in sys.modules:
        # Numba has read its environment at import and must be told.
        sys.modules["numba"].config.CACHE_DIR = str(place)
    return place


def load_kernel() -> ModuleType:
    """Return the compiled kernel; where nobody has chosen a folder for it, it is kept in the environment."""
    if "NUMBA_CACHE_DIR" not in os.environ:
        configure_cache(AHEAD)
    return importlib.import_module(_KERNEL)


def _unwritable(place: Path, why: str) -> SimulationError:
    return SimulationError(
        f"The compiled simulator cannot be kept in {place}: {why}. Make the folder writable or set paths.var."
    )
