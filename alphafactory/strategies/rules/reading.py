"""Reads a rule: a YAML file in, a strategy class like any other out.

1. `fields` reads the YAML and knows the line of everything.
2. `declaration` reads key by key: `parameters` the parameters, `compiling` the conditions, which `expressions` parses
   and refuses, `names` explains, and `arithmetic` and `terms` compute.
3. `positions` turns conditions into signals.
4. What they made becomes a class, whose version is the hash of the file's text and of these modules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from alphafactory.errors import PluginError
from alphafactory.strategies.base import Strategy
from alphafactory.strategies.rules.declaration import read_declaration
from alphafactory.strategies.rules.fields import read_fields

if TYPE_CHECKING:
    from pathlib import Path

    from alphafactory.domain.plugins import Vocabulary
    from alphafactory.strategies.base import StrategyParameters
    from alphafactory.strategies.rules.positions import Plan


class Rule(Strategy):
    """Base of the strategies that are written as rules; `text` is the file's."""

    group = "rule"
    text: ClassVar[str]
    plan: ClassVar[Plan]

    @classmethod
    def settling(cls, params: StrategyParameters) -> int:
        """Return how far its conditions look back, and what the newest entry or exit usually takes to come."""
        return cls.plan.look_back(params) + cls.plan.settling


def read_rule(vocabulary: Vocabulary, path: Path) -> type[Strategy]:
    """Return the strategy of a rule file; raise `PluginError` with the line of what is wrong.

    Line ends are newlines and a byte order mark is left out, so that the version is the same on every machine.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes().count(b"\n", 0, error.start) + 1
        raise PluginError(f"{path.name}:{line}: this is not UTF-8 text ({error.reason}). Save it so.", line) from None
    return rule_of(vocabulary, path.name, text)


def rule_of(vocabulary: Vocabulary, file: str, text: str) -> type[Strategy]:
    """Return the strategy that a text describes; `file` is what errors call it."""
    fields = read_fields(file, text)
    declared = read_declaration(vocabulary, fields)
    body = {
        "__module__": __name__,
        "__doc__": declared.texts["idea"],
        **declared.texts,
        "text": text,
        "parameters": dict(declared.parameters),
        "indicators": dict(declared.indicators),
        "plan": declared.plan,
        "signals": staticmethod(declared.plan.signals),
    }
    try:
        return type("RuleStrategy", (Rule,), body)
    except PluginError as error:
        raise fields.fields()["name"].refusal(f"{error}.") from None
