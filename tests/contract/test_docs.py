"""What the README and docs/ show exists: commands, options, settings, metrics, rules, links, the example plug-in.

The tables of settings, metrics and rules must stand in the docs as `setting_rows`, `metric_rows` and `rule_rows` write
them, which is from the code.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import typer.main
import yaml
from pydantic import BaseModel

from alphafactory.cli.application import PROGRAM, app, global_options_first
from alphafactory.config import Config
from alphafactory.domain.plugins import MarketView
from alphafactory.metrics import METRICS
from alphafactory.quality.gate import discover_rules
from alphafactory.strategies.catalogue import discover_strategies
from alphafactory.strategies.parameters import resolve_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[2]
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"python run\.py ([^`\n]*)")
VARIABLE = re.compile(r"\bALPHAFACTORY(?:__[A-Z_]+?)+(?=[^A-Z_]|$)")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
SETTING = re.compile(r"`((?:[a-z_]+\.)+[a-z_]+)`")


def blocks(language: str) -> list[tuple[str, str]]:
    """Return (page, text) of every fenced block of that language."""
    found = [(page.name, match) for page in PAGES for match in BLOCK.findall(page.read_text(encoding="utf-8"))]
    return [(page, text) for page, (name, text) in found if name == language]


def commands() -> list[tuple[str, str]]:
    """Return (page, words) of every command shown, in blocks and in running text."""
    return [
        (page.name, words.partition("  #")[0].strip())
        for page in PAGES
        for words in COMMAND.findall(page.read_text(encoding="utf-8"))
    ]


def parse_command(words: str) -> None:
    """Parse a command line as the program would, without running it; raise what the parser raises."""
    rest = global_options_first(shlex.split(words))
    command: Any = typer.main.get_command(app)
    context = None
    name = PROGRAM
    while True:
        context = command.make_context(name, list(rest), parent=context)
        children = getattr(command, "commands", None)
        remaining = [*getattr(context, "_protected_args", ()), *context.args]
        if not children or not remaining:
            return
        name, command, rest = command.resolve_command(context, remaining)


@pytest.mark.parametrize(("page", "words"), commands())
def test_a_command_that_is_shown_exists(page: str, words: str) -> None:
    try:
        parse_command(words)
    except typer.TyperException as error:
        pytest.fail(f"{page}: python run.py {words}: {error.format_message()}")


@pytest.mark.parametrize(
    "words", ["nightli", "db begin", "sql", "nightly --yesterday", "backtest sma_crossover --sets a=1", "run"]
)
def test_a_wrong_command_is_seen(words: str) -> None:
    with pytest.raises(typer.TyperException):
        parse_command(words)


def test_pages_show_enough_commands() -> None:
    shown = {words.split()[0] for _, words in commands() if words}
    hidden = set(typer.main.get_command(app).commands) - shown
    assert hidden <= {"version"}, f"no page shows {sorted(hidden)}"


@pytest.mark.parametrize(("page", "text"), blocks("yaml"))
def test_a_config_that_is_shown_is_valid(page: str, text: str) -> None:
    tree = yaml.safe_load(text)
    assert tree, page
    Config.model_validate(tree)


def leaves(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, Any, str]]:
    """Yield (dotted key, default, meaning) of every setting."""
    for name, info in model.model_fields.items():
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from leaves(kind, f"{above}{name}.")
        else:
            yield f"{above}{name}", info.get_default(call_default_factory=True), info.description or ""


def setting_rows() -> list[str]:
    """Return the table of settings, a line each."""
    return [f"| `{key}` | {written(default)} | {meaning} |" for key, default, meaning in leaves(Config)]


def written(default: object) -> str:
    """Return a default as YAML would have it; nothing for none."""
    if default is None:
        return ""
    plain = default if isinstance(default, dict | list | bool | int | float) else str(default)
    text = yaml.safe_dump(plain, default_flow_style=True, width=1000).removesuffix("...\n").strip()
    return f"`{text.strip(chr(39))}`"


def metric_rows() -> list[str]:
    """Return the table of metrics, a line each."""
    return [f"| {m.label} | `{m.name}` | {m.formula} | {m.source} |" for m in METRICS]


def rule_rows() -> list[str]:
    """Return the table of rules, a line each."""
    return [
        f"| `{rule.name}` | {rule.severity} | {'yes' if rule.quarantines else 'no'} | {rule.reason} | {rule.remedy} |"
        for rule in discover_rules()
    ]


@pytest.mark.parametrize(
    ("page", "expected"),
    [("configuration.md", setting_rows()), ("metrics.md", metric_rows()), ("quality.md", rule_rows())],
)
def test_a_table_says_what_the_code_says(page: str, expected: list[str]) -> None:
    lines = (PROJECT / "docs" / page).read_text(encoding="utf-8").splitlines()
    assert expected, page
    start = max(number for number, line in enumerate(lines) if line.startswith("|---")) + 1
    table = lines[start : start + len(expected) + 1]
    assert [line for line in table if line.startswith("|")] == expected


def test_a_setting_that_is_named_exists() -> None:
    known = {key for key, _, _ in leaves(Config)}
    sections = {key.rpartition(".")[0] for key in known}
    named = {(p.name, key) for p in PAGES for key in SETTING.findall(p.read_text(encoding="utf-8"))}
    ours = {(page, key) for page, key in named if key.split(".")[0] in Config.model_fields}
    assert {(page, key) for page, key in ours if key not in known | sections} == set()
    assert len(ours) > 20


def test_a_variable_that_is_named_exists() -> None:
    known = {key for key, _, _ in leaves(Config)}
    named = {name for page in PAGES for name in VARIABLE.findall(page.read_text(encoding="utf-8"))}
    named.discard("ALPHAFACTORY__SECTION__KEY")
    assert named
    assert {
        name for name in named if name.removeprefix("ALPHAFACTORY__").lower().replace("__", ".") not in known
    } == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_readme_leads_to_every_page() -> None:
    reached, waiting = set(), [PROJECT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            waiting += [(page.parent / target).resolve() for target in LINK.findall(page.read_text(encoding="utf-8"))]
    assert set(PAGES) <= reached


def test_the_example_strategy_works(tmp_path: Path) -> None:
    for number, (_, text) in enumerate(blocks("python")):
        (tmp_path / f"example_{number}.py").write_text(text, encoding="utf-8")
    found = discover_strategies(tmp_path)
    assert found.broken == []
    mine = [strategy for name, strategy in found.items() if str(tmp_path) in found.paths[name]]
    assert [strategy.name for strategy in mine] == ["momentum_pullback"]
    close = np.full((6, 1), 100.0)
    indicators = {
        "trend": np.array([[np.nan], [90.0], [90.0], [90.0], [110.0], [90.0]]),
        "rsi": np.array([[np.nan], [20.0], [40.0], [70.0], [20.0], [20.0]]),
    }
    sessions = np.datetime64("2020-01-01") + np.arange(6)
    view = MarketView(sessions, close, close, close, close, close, indicators)
    assert mine[0].signals(view, resolve_parameters(mine[0], {})).ravel().tolist() == [0, 1, 1, 0, 0, 1]
