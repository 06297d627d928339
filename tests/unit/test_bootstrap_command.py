"""Which lock files a command line needs, and which variables its interpreter must not see."""

from __future__ import annotations

import pytest

from alphafactory.bootstrap.command import clean_variables, locks_of

BASE = ("base.lock",)
TEST = ("base.lock", "test.lock", "crypto.lock")


@pytest.mark.parametrize(
    ("arguments", "locks"),
    [
        ([], BASE),
        (["--help"], BASE),
        (["nightly", "--as-of", "2026-01-02"], BASE),
        (["test"], TEST),
        (["test", "-k", "bench"], TEST),
        (["bench"], TEST),
        (["--quiet", "test"], TEST),
        (["--config", "my.yaml", "test"], TEST),
        (["--config=my.yaml", "bench"], TEST),
        (["--config", "test", "nightly"], BASE),
        (["--config"], BASE),
        (["backtest", "test"], BASE),
        (["sql", "bench"], BASE),
    ],
)
def test_the_command_word_chooses_the_lock_files(arguments: list[str], locks: tuple[str, ...]) -> None:
    assert locks_of(arguments) == locks


def test_only_the_variables_of_another_interpreter_are_dropped() -> None:
    variables = {
        "PYTHONHOME": "/a",
        "PYTHONPATH": "/b",
        "__PYVENV_LAUNCHER__": "/c",
        "PYTHONHASHSEED": "1",
        "PATH": "/d",
    }
    assert clean_variables(variables) == {"PYTHONHASHSEED": "1", "PATH": "/d"}
