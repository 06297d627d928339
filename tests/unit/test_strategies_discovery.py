"""The user's folder: a dropped file runs, a broken one is named, and an edit is a new version."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from alphafactory.domain.plugins import MarketView
from alphafactory.errors import UnknownNameError
from alphafactory.strategies.catalogue import code_hash, discover_strategies, source_text

STRATEGY = '''
import numpy as np
from alphafactory.strategies.base import Strategy
{imports}

class Mine(Strategy):
    """A user's strategy."""

    name = "{name}"
    title = idea = source = fails_when = "A user's own words."

    @staticmethod
    def signals(view, params):
        return np.full(view.close.shape, {value})
'''


def write(folder: Path, file: str, name: str, value: str = "0.5", imports: str = "") -> Path:
    path = folder / file
    path.write_text(STRATEGY.format(name=name, value=value, imports=imports))
    return path


def one_bar() -> MarketView:
    price = np.ones((1, 1))
    return MarketView(np.array(["2020-01-01"], dtype="datetime64[D]"), price, price, price, price, price, {})


def version(folder: Path, name: str) -> str:
    return code_hash(discover_strategies(folder).get(name))


def test_what_ships_is_found_without_a_folder() -> None:
    registry = discover_strategies()
    assert {"buy_and_hold", "sma_crossover"} <= set(registry.names())
    assert registry.broken == []
    with pytest.raises(UnknownNameError, match=r"There is no strategy 'sma_crosover'\. Did you mean 'sma_crossover'"):
        registry.get("sma_crosover")


def test_an_absent_folder_is_no_failure(tmp_path: Path) -> None:
    assert discover_strategies(tmp_path / "none").names() == discover_strategies().names()


def test_a_dropped_file_is_a_strategy(tmp_path: Path) -> None:
    write(tmp_path, "mine.py", "mine", "0.25")
    registry = discover_strategies(tmp_path)
    assert registry.broken == []
    assert registry.get("mine").signals(one_bar(), {}).tolist() == [[0.25]]
    assert Path(registry.paths["mine"]) == (tmp_path / "mine.py").resolve()
    assert not list(tmp_path.glob("__pycache__"))


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("import numpy\n\ndef f(:\n", 3, "SyntaxError"),
        ("import numpy\nimport no_such_module_at_all\n", 2, "no_such_module_at_all"),
        ("x = 1\n\n\n1 / 0\n", 4, "ZeroDivisionError"),
        ("raise SystemExit(3)\n", 1, "SystemExit"),
        (
            STRATEGY.format(name="untold", value="0.5", imports="").replace("    title =", "    untitled ="),
            6,
            "the strategy class Mine lacks the text `title`",
        ),
    ],
)
def test_a_broken_file_is_named_with_its_line_and_the_others_go_on(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    faulty = tmp_path / "faulty.py"
    faulty.write_text(text)
    write(tmp_path, "mine.py", "mine")
    registry = discover_strategies(tmp_path)
    assert {"mine", "sma_crossover"} <= set(registry.names())
    assert [(Path(b.path).resolve(), b.line) for b in registry.broken] == [(faulty.resolve(), line)]
    assert message in registry.broken[0].message


def test_a_taken_name_is_refused_and_the_first_stays(tmp_path: Path) -> None:
    write(tmp_path, "copy.py", "sma_crossover")
    write(tmp_path, "first.py", "mine", "0.1")
    write(tmp_path, "second.py", "mine", "0.2")
    registry = discover_strategies(tmp_path)
    assert registry.get("sma_crossover").title == "Moving average crossover"
    assert registry.get("mine").signals(one_bar(), {}).tolist() == [[0.1]]
    assert [Path(b.path).name for b in registry.broken] == ["copy.py", "second.py"]
    assert all("is taken by" in b.message for b in registry.broken)


def test_a_file_named_like_a_library_shadows_nothing(tmp_path: Path) -> None:
    import random  # noqa: PLC0415  the standard library's, before and after the discovery

    write(tmp_path, "random.py", "chance")
    write(tmp_path, "numpy.py", "numbers")
    registry = discover_strategies(tmp_path)
    assert {"chance", "numbers"} <= set(registry.names())
    assert registry.broken == []
    assert sys.modules["random"] is random
    assert random.Random(1).random() < 1.0
    assert not any(str(tmp_path) in entry for entry in sys.path)


def test_an_edit_is_read_again_and_is_a_new_version(tmp_path: Path) -> None:
    write(tmp_path, "mine.py", "mine", "0.25")
    before = version(tmp_path, "mine")
    assert version(tmp_path, "mine") == before
    write(tmp_path, "mine.py", "mine", "0.75")
    registry = discover_strategies(tmp_path)
    assert registry.get("mine").signals(one_bar(), {}).tolist() == [[0.75]]
    assert code_hash(registry.get("mine")) != before


@pytest.mark.parametrize(
    "imports",
    [
        "from .weights import SHARE",
        "from . import weights; SHARE = weights.SHARE",
        "from .middle import SHARE",
        "from .inner.deep import SHARE",
    ],
)
def test_an_edited_neighbour_is_read_again_and_is_a_new_version(tmp_path: Path, imports: str) -> None:
    (tmp_path / "middle.py").write_text(
        "def late():\n    from .weights import SHARE as S\n    return S\nSHARE = late()\n"
    )
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "__init__.py").write_text("")
    (tmp_path / "inner" / "deep.py").write_text("from ..weights import SHARE\n")
    write(tmp_path, "mine.py", "mine", "SHARE", imports)
    versions = []
    for share in ("0.1", "0.2"):
        (tmp_path / "weights.py").write_text(f"SHARE = {share}\n")
        registry = discover_strategies(tmp_path)
        assert registry.broken == []
        assert registry.get("mine").signals(one_bar(), {}).tolist() == [[float(share)]]
        versions.append(code_hash(registry.get("mine")))
    assert versions[0] != versions[1]


def test_a_stranger_in_the_folder_changes_no_version(tmp_path: Path) -> None:
    write(tmp_path, "mine.py", "mine")
    before = version(tmp_path, "mine")
    write(tmp_path, "other.py", "other")
    assert version(tmp_path, "mine") == before


def test_the_version_depends_on_the_text_and_not_on_the_place(tmp_path: Path) -> None:
    versions = []
    for folder, newline in (("one", "\n"), ("two", "\r\n")):
        (tmp_path / folder).mkdir()
        path = write(tmp_path / folder, "mine.py", "mine", "SHARE", "from .weights import SHARE")
        (tmp_path / folder / "weights.py").write_text("SHARE = 0.5\n", newline=newline)
        path.write_text(path.read_text(), newline=newline)
        versions.append(version(tmp_path / folder, "mine"))
    assert versions[0] == versions[1]


def test_two_strategies_of_one_file_have_versions_of_their_own(tmp_path: Path) -> None:
    path = write(tmp_path, "mine.py", "mine")
    text = path.read_text()
    path.write_text(text + text.replace('"mine"', '"yours"').replace("class Mine", "class Yours"))
    registry = discover_strategies(tmp_path)
    assert code_hash(registry.get("mine")) != code_hash(registry.get("yours"))


def test_the_source_holds_the_file_and_the_base_once() -> None:
    text = source_text(discover_strategies().get("sma_crossover"))
    assert text.startswith('"""Simple moving average crossover."""')
    assert text.count("class SmaCrossover(Strategy)") == 1
    assert text.count("class Strategy(ABC)") == 1
    assert "class BuyAndHold" not in text
    assert str(Path.cwd()) not in text


def test_versions_are_equal_in_every_process() -> None:
    code = (
        "from alphafactory.strategies.catalogue import code_hash, discover_strategies\n"
        "print(' '.join(code_hash(strategy) for strategy in discover_strategies()))\n"
        "import sys; assert 'pandas' not in sys.modules, 'the catalogue must load fast'"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "77"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60, check=True
    )
    assert done.stdout.split() == [code_hash(strategy) for strategy in discover_strategies()]
