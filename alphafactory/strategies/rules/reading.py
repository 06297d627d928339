"""Reads a rule: a YAML file in, a strategy class out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alphafactory.errors import PluginError

if TYPE_CHECKING:
    from pathlib import Path

    from alphafactory.domain.plugins import Vocabulary
    from alphafactory.strategies.base import Strategy


def read_rule(vocabulary: Vocabulary, path: Path) -> type[Strategy]:
    """Return the strategy of a rule file; raise `PluginError` with the line of what is wrong."""
    raise PluginError(f"{path.name}: rules are not read yet; {len(vocabulary.functions)} functions are known")
