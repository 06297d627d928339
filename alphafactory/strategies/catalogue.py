"""Finds the strategies, and names the version of each by its source.

Goes in: the user's folder, if there is one. Comes out: a registry of strategy classes; from a class of it, the source
that decides its signals and the hash of that.
"""

from __future__ import annotations

import hashlib
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from alphafactory.registry import discover
from alphafactory.registry import source_text as plugin_source
from alphafactory.strategies.base import Strategy
from alphafactory.strategies.combination import Combination
from alphafactory.strategies.rules.reading import Rule, read_rule

if TYPE_CHECKING:
    from alphafactory.domain.plugins import Vocabulary
    from alphafactory.registry import Registry


def discover_strategies(
    user_folder: Path | None = None, vocabulary: Vocabulary | None = None
) -> Registry[type[Strategy]]:
    """Return the strategies that ship, those of the user's folder and those of installed packages.

    The user's are Python files and rules in YAML, which may name what the `vocabulary` holds; without one, rules are
    left aside. A file that cannot be used is in the registry's `broken`, with its path, line and reason; the others are
    there.
    """
    readers = None if vocabulary is None else dict.fromkeys((".yaml", ".yml"), partial(read_rule, vocabulary))
    found = discover("strategies", Strategy, "alphafactory.strategies", user_folder, readers)  # type: ignore[type-abstract, arg-type]
    return cast("Registry[type[Strategy]]", found)  # strategies are used as classes


def source_text(strategy: type[Strategy]) -> str:
    """Return the source of the strategy's file and of the local files it imports, the strategy base among them.

    That of a combination is followed by the sources of its parts. That of a rule is its file's text, followed by the
    source of what reads rules.
    """
    path = Path(str(sys.modules[strategy.__module__].__file__))
    if issubclass(strategy, Rule):
        return f"{strategy.text}\n# what reads rules\n{plugin_source(path, 'alphafactory.strategies')}"
    parts = strategy.parts if issubclass(strategy, Combination) else ()
    return plugin_source(path, "alphafactory.strategies") + "".join(
        f"\n# {weight!r} of {part.name}\n{source_text(part)}" for weight, part in parts
    )


def code_hash(strategy: type[Strategy]) -> str:
    """Return the strategy's version: SHA-256 of its name and its source text. Equal on every machine."""
    return hashlib.sha256(f"{strategy.name}\n{source_text(strategy)}".encode()).hexdigest()
