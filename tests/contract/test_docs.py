"""What the README and docs/ show exists: commands, options, settings, metrics, rules, links, the example plug-in.

The tables of settings, metrics and rules must stand in the docs as `setting_rows`, `metric_rows` and `rule_rows` write
them, which is from the code.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import typer.main
import yaml
from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from vendor_fakes.server import HTML, LoopbackServer, Reply

from alphafactory.cli.application import PROGRAM, app, global_options_first
from alphafactory.config import Config
from alphafactory.config_portfolios import PortfolioConfig
from alphafactory.config_sources import VendorLimits
from alphafactory.domain.bars import BarBatch
from alphafactory.domain.market import Listing
from alphafactory.domain.plugins import MarketView
from alphafactory.metrics import METRICS
from alphafactory.quality.gate import discover_rules
from alphafactory.quality.rule import QualityContext
from alphafactory.sources.base import BarRequest
from alphafactory.sources.vendor import (
    BadKeyError,
    EmptyAnswerError,
    LocalBudget,
    UnknownSymbolError,
    VendorCaller,
    VendorDownError,
)
from alphafactory.strategies.catalogue import discover_strategies
from alphafactory.strategies.parameters import resolve_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alphafactory.strategies.base import Strategy

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


def leaves(model: type[BaseModel], above: str = "", section: BaseModel | None = None) -> Iterator[tuple[str, Any, str]]:
    """Yield (dotted key, default, meaning) of every setting; a section's default may differ from its class's."""
    for name, info in model.model_fields.items():
        kind = info.annotation
        default = info.get_default(call_default_factory=True) if section is None else getattr(section, name)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from leaves(kind, f"{above}{name}.", default)
        else:
            yield f"{above}{name}", default, info.description or ""


def setting_rows() -> list[str]:
    """Return the table of settings, a line each."""
    return [f"| `{key}` | {written(default)} | {meaning} |" for key, default, meaning in leaves(Config)]


def portfolio_rows() -> list[str]:
    """Return the table of what a portfolio may say, a line each."""
    rows = [(key, "" if default is PydanticUndefined else written(default), meaning)
            for key, default, meaning in leaves(PortfolioConfig)]  # fmt: skip
    return [f"| `{key}` | {default} | {meaning} |" for key, default, meaning in rows]


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


def strategy_rows() -> list[str]:
    """Return the table of strategies, group by group, a line each."""
    sees = {"symbol": "a symbol", "universe": "the universe"}
    groups = ("benchmark", "trend", "mean_reversion", "combined", "statistical", "filter")
    shipped = list(discover_strategies())
    assert {one.group for one in shipped} == set(groups)
    return [
        f"| `{one.name}` | {one.group.replace('_', ' ')} | {sees[one.scope]} | {one.title} | {bounds(one)} |"
        for one in sorted(shipped, key=lambda one: (groups.index(one.group), one.name))
    ]


def bounds(strategy: type[Strategy]) -> str:
    """Return a strategy's parameters in words."""
    parameters = strategy.parameters.items()
    return ", ".join(f"`{name}` {p.default:g} ({p.low:g} to {p.high:g})" for name, p in parameters) or "none"


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("configuration.md", setting_rows()),
        ("strategies.md", strategy_rows()),
        ("metrics.md", metric_rows()),
        ("quality.md", rule_rows()),
        ("portfolio.md", portfolio_rows()),
    ],
)
def test_a_table_says_what_the_code_says(page: str, expected: list[str]) -> None:
    lines = (PROJECT / "docs" / page).read_text(encoding="utf-8").splitlines()
    assert expected, page
    start = next((number for number, line in enumerate(lines) if line == expected[0]), len(lines))
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


def example(name: str) -> str:
    """Return the one shown file with a class of that name."""
    [text] = [text for _, text in blocks("python") if f"class {name}(" in text]
    return text


def loaded(name: str) -> Any:
    """Run the shown file and return its class."""
    module: dict[str, Any] = {"__name__": name}
    exec(compile(example(name), f"{name}.py", "exec"), module)
    return module[name]


def test_every_example_is_tried() -> None:
    assert len(blocks("python")) == 4


def test_the_example_strategy_works(tmp_path: Path) -> None:
    (tmp_path / "example.py").write_text(example("MomentumPullback"), encoding="utf-8")
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


def test_the_example_with_prices_works(tmp_path: Path) -> None:
    (tmp_path / "example.py").write_text(example("PatientBid"), encoding="utf-8")
    bid = discover_strategies(tmp_path).get("patient_bid")
    close = np.array([[100.0], [101.0], [100.5], [102.0]])
    indicators = {"trend": np.full((4, 1), 90.0), "range": np.array([[np.nan], [2.0], [2.0], [2.0]])}
    view = MarketView(np.datetime64("2020-01-01") + np.arange(4), close, close, close, close, close, indicators)
    signals = bid.signals(view, resolve_parameters(bid, {}))
    assert signals.target.ravel().tolist() == [0, 0, 1, 1]
    prices = [array[2, 0] for array in (signals.entry_limit, signals.stop, signals.take_profit, signals.good_for)]
    assert prices == [98.5, 96.5, 100.5, 3]


def test_the_example_rule_works() -> None:
    rule = loaded("RepeatedVolume")()
    sessions = np.datetime64("2020-01-01") + np.arange(3)
    price, lines = np.full(6, 10.0), np.zeros(6, dtype=np.int64)
    volume = np.array([100.0, 100.0, 101.0, 101.0, 0.0, 0.0])
    codes = np.repeat([0, 1], 3)
    series = BarBatch(("A", "B"), codes, np.tile(sessions, 2), price, price, price, price, volume, lines)
    [found] = rule.find(series, QualityContext(date(2020, 1, 3), date(2020, 1, 3)))
    assert (found.subject, found.session, found.severity) == ("A", date(2020, 1, 2), "note")
    assert found.message == "the volume 100 is that of the session before"


def test_the_example_source_works() -> None:
    rows = [["2024-03-13", 10, 12, 9, 11, 500], ["2024-03-14", 11, 12, 10, 10.5, 600]]
    request = BarRequest(Listing("BRK.B"), "BRK.B", date(2024, 3, 13), date(2024, 3, 14))
    limits = VendorLimits(per_minute=1000, attempts=2, first_wait=0, timeout=5)
    with LoopbackServer(lambda asked: Reply(rows if asked.path in {"/BRK-B", "/SPY"} else [])) as server:
        caller = VendorCaller("example", limits, LocalBudget("example"), seed=1)
        source = loaded("ExampleSource")(SimpleNamespace(base_url=server.url), caller)
        server.fail(HTML)
        bars = source.fetch_bars(request).bars
        assert server.requests[-1].query == {"from": "2024-03-13", "to": "2024-03-14"}
        assert source.newest_session(date(2024, 3, 15)) == date(2024, 3, 14)
        with pytest.raises(EmptyAnswerError):
            source.fetch_bars(replace(request, known_as="GONE"))
        cut = Reply(rows, cut=0.5)
        refusals = [(Reply(status=401), BadKeyError), (Reply(status=404), UnknownSymbolError), (cut, VendorDownError)]
        for reply, kind in refusals:
            server.fail(reply, 2)
            with pytest.raises(kind):
                source.fetch_bars(request)
            server.mend()
    assert bars.tickers == ("BRK.B",)
    assert bars.sessions.tolist() == [date(2024, 3, 13), date(2024, 3, 14)]
    assert bars.close.tolist() == [11.0, 10.5]
    assert bars.volume.tolist() == [500.0, 600.0]
