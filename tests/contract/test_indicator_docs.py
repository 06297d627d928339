"""docs/indicators.md shows the catalogue as it is: every feature in the table of its group, and names that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from alphafactory.indicators.base import GROUPS, IndicatorDefinition
from alphafactory.indicators.catalogue import definitions, shipped_catalogue

PAGE = (Path(__file__).parents[2] / "docs" / "indicators.md").read_text(encoding="utf-8")
HEADINGS = {group: group.capitalize() for group in GROUPS}


def reach(definition: IndicatorDefinition) -> str:
    """Return the bars before the first value, and those after it until it has settled."""
    if definition.memory == "endless":
        return f"{definition.warm_up}, endless"
    return f"{definition.warm_up} + {definition.settling}" if definition.settling else f"{definition.warm_up}"


def call(definition: IndicatorDefinition) -> str:
    """Return how the feature is written as a call of its function."""
    function = shipped_catalogue().functions.get(definition.function)
    arguments = ", ".join(f"{definition.arguments[name]:g}" for name in function.parameters)
    output = f".{definition.output}" if len(function.outputs) > 1 else ""
    return f"{definition.function}({arguments}){output}"


def feature_rows(group: str) -> list[str]:
    """Return the table of a group, a line each, in order of name."""
    return [
        f"| `{one.name}`{' *' if one.standard else ''} | `{call(one)}` | {', '.join(one.inputs)} | {reach(one)} "
        f"| {one.meaning} |"
        for one in sorted(definitions(), key=lambda one: one.name)
        if one.group == group
    ]


@pytest.mark.parametrize("group", GROUPS)
def test_the_table_of_a_group_is_the_catalogue(group: str) -> None:
    section = re.search(rf"^### {HEADINGS[group]}$(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert section, f"indicators.md has no section on {group}"
    shown = [line for line in section[1].splitlines() if line.startswith("| `")]
    assert shown
    assert shown == feature_rows(group)


def test_every_feature_stands_in_one_table() -> None:
    assert {one.group for one in definitions()} == set(GROUPS)
    shown = re.findall(r"^\| `(\w+)`", PAGE, re.MULTILINE)
    assert sorted(shown) == sorted(one.name for one in definitions())


def test_the_numbers_told_are_the_catalogue() -> None:
    features, functions = len(definitions()), len(shipped_catalogue().functions)
    assert f"{features} features from {functions} functions" in PAGE
    assert f"({sum(one.standard for one in definitions())})" in PAGE


def test_a_column_that_sql_asks_for_is_kept_by_the_night() -> None:
    named = {
        name for block in re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL) for name in re.findall(r"i\.(\w+)", block)
    }
    named -= {"session", "symbol_id"}
    assert len(named) > 2
    assert all(shipped_catalogue().column(name).standard for name in named)
