"""The wheel holds: who may import whom, and who may ask the clock.

The contracts stand in `pyproject.toml`; each is also broken on purpose in a copy, so that none is an empty promise.
What lies outside the package (`run.py`, `jobs`, `migrations`) and what one name cannot tell (an HTTP module of the
standard library, a clock) is read from the syntax trees here.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[2]
PACKAGE = PROJECT / "alphafactory"
CONTRACTS = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]

PLANTS = {
    "layers": ("domain/bars.py", "import alphafactory.config"),
    "steps": ("pipeline/enrich.py", "import alphafactory.pipeline.ingest"),
    "stages": ("cli/__init__.py", "import alphafactory.simulation"),
    "bootstrap": ("cli/__init__.py", "import alphafactory.bootstrap"),
    "door-numba": ("metrics/compute.py", "import numba"),
    "door-talib": ("indicators/catalogue.py", "import talib"),
    "door-database": ("pipeline/ingest.py", "import sqlalchemy"),
    "door-pages": ("cli/__init__.py", "import plotly"),
    "door-joblib": ("simulation/engine.py", "import joblib"),
    "door-optimiser": ("metrics/compute.py", "import skfolio"),
    "door-terminal": ("pipeline/ingest.py", "import rich"),
    "door-scheduler": ("cli/__init__.py", "import apscheduler"),
    "door-files": ("store/__init__.py", "import pyarrow"),
    "door-calendars": ("quality/gate.py", "import exchange_calendars"),
    "door-config": ("cli/__init__.py", "import dotenv"),
}
"""For each contract an import that it must refuse."""

FORBIDDEN_BETWEEN_STAGES = [
    ("sources/base.py", "import alphafactory.store"),
    ("quality/gate.py", "import alphafactory.indicators"),
    ("universes/rules.py", "import alphafactory.quality"),
    ("indicators/base.py", "import alphafactory.strategies"),
    ("strategies/base.py", "import alphafactory.indicators"),
    ("simulation/engine.py", "import alphafactory.metrics"),
    ("portfolio/sleeves.py", "import alphafactory.simulation"),
    ("metrics/compute.py", "import alphafactory.simulation"),
    ("reports/writing.py", "import alphafactory.metrics"),
    ("store/__init__.py", "import alphafactory.pipeline"),
]

OUTSIDE = {
    "run.py": ("alphafactory.bootstrap", "alphafactory.cli"),
    "jobs": ("alphafactory.job", "alphafactory.pipeline", "jobs"),
    "migrations": ("alembic", "sqlalchemy", "alphafactory.store"),
}
"""What lies outside the package, and what it may import beside the standard library."""

NETWORK = {"urllib.request", "http.client", "ftplib", "smtplib", "requests", "httpx", "aiohttp", "urllib3"}

CLOCKS = {"now", "utcnow", "today"}
CLOCK_TYPES = {"datetime", "date", "Timestamp"}
TIME_CLOCKS = {"time", "time_ns", "localtime", "gmtime", "ctime"}
MAY_ASK_THE_CLOCK = {"scheduling.py"}


def lint(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"]
    return subprocess.run(
        [*command, "--no-cache", "--no-logo", "--config", str(folder / "pyproject.toml"), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        # A narrow terminal would break the contracts' names over two lines.
        env={**os.environ, "COLUMNS": "200", "PYTHONPATH": str(folder)},
    )


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package and its contracts."""
    folder = tmp_path_factory.mktemp("original")
    shutil.copytree(PACKAGE, folder / "alphafactory", ignore=lambda _, names: [n for n in names if not wanted(n)])
    shutil.copy(PROJECT / "pyproject.toml", folder)
    return folder


def wanted(name: str) -> bool:
    return name.endswith(".py") or ("." not in name and not name.startswith("__"))


@pytest.fixture
def planted(original: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return shutil.copytree(original, tmp_path / "planted")


def plant(folder: Path, file: str, statement: str) -> None:
    path = folder / "alphafactory" / file
    text = path.read_text(encoding="utf-8")
    # Inside a function, because an import that is late is an import all the same.
    path.write_text(f"{text}\n\ndef _planted() -> None:\n    {statement}\n", encoding="utf-8")


def test_every_contract_is_kept() -> None:
    answer = lint(PROJECT)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"{len(CONTRACTS)} kept, 0 broken" in answer.stdout


def test_every_contract_has_a_plant() -> None:
    assert sorted(PLANTS) == sorted(contract["id"] for contract in CONTRACTS)


@pytest.mark.parametrize("contract", sorted(PLANTS))
def test_a_contract_refuses_what_breaks_it(planted: Path, contract: str) -> None:
    before = lint(planted, "--contract", contract)
    assert before.returncode == 0, before.stdout + before.stderr
    plant(planted, *PLANTS[contract])
    after = lint(planted, "--contract", contract)
    assert after.returncode == 1, after.stdout + after.stderr
    assert "0 kept, 1 broken" in after.stdout


@pytest.mark.parametrize(("file", "statement"), FORBIDDEN_BETWEEN_STAGES)
def test_no_stage_sees_another(planted: Path, file: str, statement: str) -> None:
    plant(planted, file, statement)
    answer = lint(planted, "--contract", "layers")
    assert answer.returncode == 1
    assert "0 kept, 1 broken" in answer.stdout


def test_a_new_module_needs_a_place_in_the_layers(planted: Path) -> None:
    (planted / "alphafactory" / "somewhere.py").write_text('"""Nobody has given it a place."""\n', encoding="utf-8")
    answer = lint(planted, "--contract", "layers")
    assert answer.returncode == 1
    assert "somewhere" in answer.stdout


def imports_of(tree: ast.AST) -> Iterator[str]:
    """Yield every absolute import, at whatever depth, with the names taken from a module as its members."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_below(name: str, roots: tuple[str, ...]) -> bool:
    return any(name == root or name.startswith(f"{root}.") for root in roots)


def strangers(tree: ast.AST, allowed: tuple[str, ...]) -> list[str]:
    return [n for n in imports_of(tree) if n.split(".")[0] not in sys.stdlib_module_names and not is_below(n, allowed)]


def python_files(folder: Path) -> list[Path]:
    return [folder] if folder.is_file() else sorted(folder.rglob("*.py"))


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@pytest.mark.parametrize("place", sorted(OUTSIDE))
def test_what_lies_outside_imports_only_its_door(place: str) -> None:
    files = python_files(PROJECT / place)
    assert files, f"{place} has no Python file"
    assert {str(f.relative_to(PROJECT)): strangers(parsed(f), OUTSIDE[place]) for f in files} == {
        str(f.relative_to(PROJECT)): [] for f in files
    }


def test_a_stranger_outside_is_seen() -> None:
    tree = ast.parse("def f():\n    from alphafactory.store import database\nimport os, numpy\n")
    assert strangers(tree, ("alphafactory.pipeline",)) == ["numpy", "alphafactory.store.database"]


def speaks_to_a_network(tree: ast.AST) -> list[str]:
    return [name for name in imports_of(tree) if is_below(name, tuple(NETWORK))]


def test_sources_alone_speak_to_a_network() -> None:
    files = [f for f in python_files(PACKAGE) if "sources" not in f.relative_to(PACKAGE).parts]
    assert [(f.name, speaks_to_a_network(parsed(f))) for f in files if speaks_to_a_network(parsed(f))] == []


def test_a_network_is_seen() -> None:
    tree = ast.parse("from urllib import request\nfrom urllib.parse import quote\nimport http.client\n")
    assert speaks_to_a_network(tree) == ["urllib.request", "http.client"]


def clock_readings(tree: ast.AST) -> list[int]:
    """Return the lines that ask the wall clock: datetime.now, date.today, time.time, np.datetime64("now") and kin."""
    return sorted({node.lineno for node in ast.walk(tree) if isinstance(node, ASKING) and asks_the_clock(node)})


ASKING = (ast.Attribute, ast.ImportFrom, ast.Call)


def asks_the_clock(node: ast.Attribute | ast.ImportFrom | ast.Call) -> bool:
    if isinstance(node, ast.Attribute):
        owner = last_name(node.value)
        return (owner in CLOCK_TYPES and node.attr in CLOCKS) or (owner == "time" and node.attr in TIME_CLOCKS)
    if isinstance(node, ast.ImportFrom):
        return node.module == "time" and any(alias.name in TIME_CLOCKS for alias in node.names)
    words = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
    return last_name(node.func) == "datetime64" and not CLOCKS.isdisjoint(words)


def last_name(node: ast.expr) -> str:
    """Return the name at the end of `a.b.name`; nothing for other expressions."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def test_the_wall_clock_is_asked_at_the_top_alone() -> None:
    files = [f for f in python_files(PACKAGE) if str(f.relative_to(PACKAGE)) not in MAY_ASK_THE_CLOCK]
    files += python_files(PROJECT / "jobs")
    assert {str(f.relative_to(PROJECT)): clock_readings(parsed(f)) for f in files if clock_readings(parsed(f))} == {}


@pytest.mark.parametrize(
    "statement",
    [
        "datetime.now(UTC)",
        "dt.datetime.utcnow()",
        "date.today()",
        "time.time()",
        "from time import time",
        "clock = time.time_ns",
        "np.datetime64('now')",
        "pd.Timestamp.now()",
    ],
)
def test_a_clock_is_seen(statement: str) -> None:
    assert clock_readings(ast.parse(statement)) == [1]


@pytest.mark.parametrize(
    "statement", ["time.monotonic()", "perf_counter()", "np.datetime64('2020-01-02')", "session.now.time()"]
)
def test_what_asks_no_wall_clock_is_free(statement: str) -> None:
    assert clock_readings(ast.parse(statement)) == []
