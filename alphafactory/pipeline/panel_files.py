"""Columns of a panel as files: written whole or not at all, mapped into memory, noticed when damaged.

Goes in: arrays of shape (n,) whose values are 8 bytes wide. Comes out: read-only arrays that lie in the file; processes
that open the same file share its memory. A file is a plain .npy with 32 bytes after the values: their checksum.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    import numpy.typing as npt

_CHECKSUM_BYTES = 32
_WORDS_A_BLOCK = 512


def write_column(path: Path, values: npt.NDArray[Any]) -> None:
    """Write an array of shape (n,) under its final name in one step; raise `OSError` where the disk refuses."""
    contiguous = np.ascontiguousarray(values)
    with _replacing(path) as file:
        np.save(file, contiguous, allow_pickle=False)
        file.write(_checksum(contiguous))


def open_column(path: Path) -> npt.NDArray[Any] | None:
    """Return the array of a file, mapped and read-only, or None where the file is absent or damaged."""
    try:
        mapped = np.load(path, mmap_mode="r")
        with path.open("rb") as file:
            expected_bytes = mapped.offset + mapped.nbytes + _CHECKSUM_BYTES
            if file.seek(0, os.SEEK_END) != expected_bytes:
                return None
            file.seek(-_CHECKSUM_BYTES, os.SEEK_END)
            expected = file.read()
    except (OSError, ValueError, EOFError):  # absent, cut short, or no .npy any more
        return None
    # A plain array over the mapping: slices of the subclass memmap cost ten times as much.
    values: npt.NDArray[Any] = np.asarray(mapped)
    return values if _checksum(values) == expected else None


def write_record(path: Path, record: object) -> None:
    """Write a JSON value in one step, its checksum in the first line."""
    text = json.dumps(record).encode()
    with _replacing(path) as file:
        file.write(hashlib.sha256(text).hexdigest().encode() + b"\n" + text)


def read_record(path: Path) -> Any:
    """Return the JSON value of a file, or None where the file is absent or damaged."""
    try:
        checksum, _, text = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    return json.loads(text) if hashlib.sha256(text).hexdigest().encode() == checksum else None


def _checksum(values: npt.NDArray[Any]) -> bytes:
    """Return the hash of the sums of blocks of 4 kB.

    It is as fast as memory, so that each opening can afford it. A torn write, a page of zeros and any one flipped bit
    change it.
    """
    words = values.view(np.uint64)
    whole = len(words) - len(words) % _WORDS_A_BLOCK
    sums = np.add.reduce(words[:whole].reshape(-1, _WORDS_A_BLOCK), axis=1)
    digest = hashlib.sha256(f"{values.dtype.str} {len(values)}\n".encode())
    digest.update(sums.tobytes() + words[whole:].tobytes())
    return digest.digest()


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """Give a file beside `path` that takes its place when all went well, and leaves no trace otherwise."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
