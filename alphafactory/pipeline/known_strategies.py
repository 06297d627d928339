"""The strategies that are known, rules among them, which may name whatever the catalogue of indicators holds."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from alphafactory.indicators.catalogue import vocabulary
from alphafactory.strategies.catalogue import discover_strategies

if TYPE_CHECKING:
    from alphafactory.registry import Registry
    from alphafactory.strategies.base import Strategy


def known_strategies(folder: Path | None) -> Registry[type[Strategy]]:
    """Return the strategies that ship, those of the user's folder, and those of installed packages, read anew."""
    return discover_strategies(folder, vocabulary())


@cache
def strategies_of_worker(folder: str | None) -> Registry[type[Strategy]]:
    """Return the same for a worker, which reads them once: a night does not change its strategies."""
    return known_strategies(None if folder is None else Path(folder))
