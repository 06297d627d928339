"""The strategies that are known, rules among them, which may name whatever the catalogue of indicators holds."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from alphafactory.errors import SimulationError
from alphafactory.indicators.catalogue import vocabulary
from alphafactory.strategies.catalogue import code_hash, discover_strategies

if TYPE_CHECKING:
    from alphafactory.registry import Registry
    from alphafactory.strategies.base import Strategy


def known_strategies(folder: Path | None) -> Registry[type[Strategy]]:
    """Return the strategies that ship, those of the user's folder, and those of installed packages, read anew."""
    return discover_strategies(folder, vocabulary())


def strategies_of_worker(folder: str | None) -> Registry[type[Strategy]]:
    """Return the same for a worker, which reads them once for each state of the user's files.

    A process may live for many nights, and between two of them a file may be edited.
    """
    return _read_once(folder, _state(folder))


def same_code(strategy: type[Strategy], code: str) -> type[Strategy]:
    """Return a strategy whose code is the one that was asked about.

    Raises:
        SimulationError: its file has been saved meanwhile.
    """
    if code_hash(strategy) != code:
        raise SimulationError(f"The file of {strategy.name} was saved while it was in use. Run it again.")
    return strategy


def _state(folder: str | None) -> str:
    """Return the hash of the user's files, those of packages that strategies import among them."""
    digest = hashlib.sha256()
    for path in () if folder is None else sorted(Path(folder).rglob("*")):
        if path.suffix in {".py", ".yaml", ".yml"} and path.is_file():
            content = path.read_bytes()
            digest.update(f"{path}:{len(content)}\n".encode() + content)
    return digest.hexdigest()


@lru_cache(maxsize=4)
def _read_once(folder: str | None, state: str) -> Registry[type[Strategy]]:  # noqa: ARG001  part of the key
    return known_strategies(None if folder is None else Path(folder))
