"""What the audit reads in a source, what it sees a call do, and what it sees a module remember."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from alphafactory.audit.memory import changed, kept_in
from alphafactory.audit.source_code import faults_in
from alphafactory.audit.subject import CodeFile
from alphafactory.audit.watching import watched

if TYPE_CHECKING:
    from pathlib import Path

REFUSED = [
    "import os",
    "import os.path as path",
    "from pathlib import Path",
    "import sys",
    "import time",
    "import random",
    "import socket",
    "import sqlite3",
    "import pickle",
    "import ctypes",
    "import importlib",
    "import http.client",
    "from urllib import request",
    "import subprocess",
    "import requests",
    "import yfinance as yf",
    "from alphafactory.store import database",
    "import alphafactory.pipeline.reading",
    "def f():\n    import io",
    "x = open('a')",
    "read = open",
    "x = eval('1')",
    "exec('x = 1')",
    "x = compile('1', 'a', 'eval')",
    "x = __import__('os')",
    "x = input()",
    "x = globals()",
    "setattr(f, 'x', 1)",
    "from datetime import datetime\nx = datetime.now()",
    "import datetime as dt\nx = dt.date.today()",
    "import datetime\nx = datetime.datetime.utcnow()",
    "import numpy as np\nx = np.datetime64('now')",
    "from numpy import datetime64\nx = datetime64('today', 'D')",
    "import pandas as pd\nx = pd.Timestamp('now')",
    "import pandas as pd\nx = pd.read_csv('a')",
    "from pandas import read_parquet as load\nx = load('a')",
    "import numpy as np\nx = np.load('a')",
    "import numpy as anything\nx = anything.loadtxt('a')",
    "from numpy import genfromtxt\nx = genfromtxt('a')",
    "import numpy\nx = numpy.memmap('a')",
    "import numpy as np\nx = np.fromfile('a')",
    "import numpy as np\nx = np.lib.format.open_memmap('a')",
    "import numpy as np\nnp.ones(3).tofile('a')",
    "import numpy as np\nx = np.random.normal()",
    "import numpy as np\nnp.random.seed(1)",
    "import numpy as np\nx = np.random.default_rng()",
    "import numpy as np\nx = np.random.default_rng(seed)",
    "from numpy.random import default_rng\nx = default_rng(None)",
    "import numpy as np\nnp.notes = {}",
    "import dataclasses\nx = dataclasses.sys.modules",
    "def f():\n    global x\n    x = 1",
    "def f():\n    x = 0\n    def g():\n        nonlocal x\n        x += 1",
]
ALLOWED = [
    "from __future__ import annotations",
    "import numpy as np",
    "import numpy.typing as npt",
    "from numpy.lib.stride_tricks import sliding_window_view",
    "import math, statistics, itertools",
    "from collections.abc import Mapping",
    "from functools import cache",
    "import pandas as pd\nx = pd.DataFrame()",
    "from alphafactory.domain.signals import Signals",
    "from alphafactory.errors import UsageError",
    "from alphafactory.strategies.base import Strategy",
    "from .neighbour import something",
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pathlib import Path",
    "import typing\nif typing.TYPE_CHECKING:\n    import os",
    "def f(view):\n    open = view.open\n    return open + 1",
    "def f(open, input):\n    return open < input",
    "import numpy as np\nx = np.datetime64('2020-01-02')",
    "import numpy as np\nx = np.random.default_rng(7)",
    "import numpy as np\nx = np.random.default_rng(seed=7)",
    "from datetime import date\nx = date(2020, 1, 2)",
    "x = settings.load",
    "now = 1\nx = now + 1",
    "x = 'import os'",
]


def faults(text: str) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    return faults_in(CodeFile("mine.py", "mine.py", text))


@pytest.mark.parametrize("text", REFUSED)
def test_what_reaches_beyond_the_arguments_is_refused_with_its_line(text: str) -> None:
    refused, _ = faults(text)
    assert refused
    assert all(1 <= line <= text.count("\n") + 1 and words for line, words in refused)


@pytest.mark.parametrize("text", ALLOWED)
def test_what_a_pure_function_needs_is_allowed(text: str) -> None:
    assert faults(text) == ([], [])


def test_a_library_that_nobody_knows_is_no_crime() -> None:
    refused, unknown = faults("import numpy as np\nimport sklearn.linear_model\n")
    assert refused == []
    assert [line for line, _ in unknown] == [2]


def test_lines_are_those_of_the_file() -> None:
    refused, _ = faults("import numpy as np\n\n\ndef f():\n    return np.load('a') + open('b')\n")
    assert [line for line, _ in refused] == [5, 5]


def test_a_file_that_is_opened_is_noted_and_only_while_watched(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1")
    with watched() as events:
        (tmp_path / "a.csv").read_text()
    (tmp_path / "a.csv").read_text()
    assert events == [f"opens the file '{tmp_path / 'a.csv'}'"]


def test_numpy_reading_a_file_is_noted(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.ones(3))
    with watched() as events:
        np.load(tmp_path / "a.npy")
    assert len(events) == 1
    assert "a.npy" in events[0]


def test_a_network_and_a_process_are_noted() -> None:
    with watched() as events:
        socket.socket().close()
        subprocess.run([sys.executable, "-c", ""], check=True)
    assert any("socket." in event for event in events)
    assert any("subprocess.Popen" in event for event in events)


def test_a_late_import_is_no_file_that_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "imported_late.py").write_text("VALUE = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with watched() as events:
        import imported_late  # noqa: PLC0415  the point of the test
    assert imported_late.VALUE == 1
    assert events == []


def test_another_thread_is_not_watched(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1")
    with watched() as events:
        thread = threading.Thread(target=(tmp_path / "a.csv").read_text)
        thread.start()
        thread.join()
    assert [event for event in events if "a.csv" in event] == []


def test_the_inner_of_two_watches_leaves_the_outer_one_alone(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1")
    with watched() as outer:
        with watched() as inner:
            (tmp_path / "a.csv").read_text()
        (tmp_path / "a.csv").read_text()
    assert (len(inner), len(outer)) == (1, 1)


class Remembering:
    """Stands for a strategy with places to remember something."""

    notes: dict[str, int] = {}  # noqa: RUF012  the place in question
    weights = np.zeros(3)

    @staticmethod
    def signals(said: list[int] = []) -> list[int]:  # noqa: B006  the place in question
        return said


def note_in_dictionary() -> None:
    Remembering.notes["seen"] = 1


def note_in_array() -> None:
    Remembering.weights[1] = 2.0


def note_in_default() -> None:
    Remembering.signals().append(1)


def note_on_function() -> None:
    Remembering.signals.last = 1


@pytest.mark.parametrize("note", [note_in_dictionary, note_in_array, note_in_default, note_on_function])
def test_what_is_remembered_anywhere_in_a_class_is_seen(note: object) -> None:
    variables = {"Remembering": Remembering, "plain": 3, "numpy": np}
    before = kept_in({"mine.py": variables})
    assert changed(before, kept_in({"mine.py": variables})) == []
    note()
    assert changed(before, kept_in({"mine.py": variables})) == ["mine.py: Remembering"]


def test_variables_that_come_go_and_draw_are_seen_and_cached_functions_are_free() -> None:
    @cache
    def kernel(length: int) -> np.ndarray:
        return np.ones(length)

    random, counted = np.random.default_rng(1), [0]

    def count() -> None:
        counted[0] += 1

    variables: dict[str, object] = {"kernel": kernel, "random": random, "count": count}
    before = kept_in({"mine.py": variables})
    kernel(3)
    assert changed(before, kept_in({"mine.py": variables})) == []
    random.random()
    count()
    variables["new"] = 1
    assert changed(before, kept_in({"mine.py": variables})) == ["mine.py: random", "mine.py: count", "mine.py: new"]
    del variables["kernel"]
    assert "mine.py: kernel" in changed(before, kept_in({"mine.py": variables}))
