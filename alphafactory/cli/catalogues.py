"""Commands that list what there is to work with: `strategies` and `indicators list`."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

import typer  # noqa: TC002  Typer reads the annotations at run time

from alphafactory.cli.jobs import indicators
from alphafactory.cli.output import print_json, print_note, print_table
from alphafactory.cli.session import JsonOption, session_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alphafactory.registry import BrokenPlugin

VERSION_DIGITS = 8


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command(rich_help_panel="Research")(strategies)
    indicators.command("list")(list_indicators)


def strategies(context: typer.Context, json: JsonOption = False) -> None:
    """List the strategies: yours in `strategies/`, ours, and those of installed packages."""
    from alphafactory.pipeline.known_strategies import known_strategies  # noqa: PLC0415  NumPy; help needs none
    from alphafactory.strategies.catalogue import code_hash  # noqa: PLC0415  the same

    registry = known_strategies(session_of(context).config.paths.strategies)
    rows: list[dict[str, Any]] = [
        {
            "name": name,
            "version": code_hash(strategy),
            "group": strategy.group,
            "scope": strategy.scope,
            "title": strategy.title,
            "parameters": {
                parameter: {"default": p.default, "low": p.low, "high": p.high, "meaning": p.meaning}
                for parameter, p in strategy.parameters.items()
            },
            "idea": strategy.idea,
            "source": strategy.source,
            "fails_when": strategy.fails_when,
            "path": registry.paths[name],
        }
        for name, strategy in registry.items()
    ]
    _warn(registry.broken)
    if json:
        print_json(rows)
        return
    shown = [
        [
            row["name"],
            row["group"].replace("_", " "),
            row["version"][:VERSION_DIGITS],
            "\n".join(f"{key}={p['default']} ({p['low']} to {p['high']})" for key, p in row["parameters"].items()),
            row["idea"],
        ]
        for row in rows
    ]
    print_table(("strategy", "group", "version", "parameters", "idea"), shown)


def list_indicators(context: typer.Context, json: JsonOption = False) -> None:
    """List the features: what each is computed from, its warm-up, what it tells a trader, and which the night keeps."""
    from alphafactory.indicators.catalogue import (  # noqa: PLC0415  TA-Lib; not for help
        chosen_definitions,
        definitions,
        shipped_catalogue,
    )

    kept = {one.name for one in chosen_definitions(session_of(context).config.indicators.cached)}
    _warn(shipped_catalogue().broken)
    rows: list[dict[str, Any]] = [
        {
            "name": indicator.name,
            "title": indicator.title,
            "group": indicator.group,
            "function": indicator.function,
            "arguments": dict(indicator.arguments),
            "inputs": list(indicator.inputs),
            "warm_up": indicator.warm_up,
            "unit": indicator.unit,
            "low": indicator.low if isfinite(indicator.low) else None,
            "high": indicator.high if isfinite(indicator.high) else None,
            "memory": indicator.memory,
            "settling": indicator.settling,
            "kept": indicator.name in kept,
            "meaning": indicator.meaning,
        }
        for indicator in definitions()
    ]
    if json:
        print_json(rows)
        return
    columns = ("name", "group", "inputs", "warm_up", "meaning")
    shown = [
        ["*" if row["kept"] else "", *(", ".join(row[c]) if c == "inputs" else row[c] for c in columns)] for row in rows
    ]
    print_table(("", "feature", "group", "from", "warm-up", "what it tells"), shown)
    print_note(f"{len(rows)} features; the night keeps {len(kept)} of them (*) in the table indicators.")


def _warn(broken: Iterable[BrokenPlugin]) -> None:
    for plugin in broken:
        print_note(f"Warning: this file cannot be used: {plugin}")
