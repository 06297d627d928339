"""Options of the whole suite."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from alphafactory.simulation import warm_up

if TYPE_CHECKING:
    import pytest

pytest_plugins = ["nights"]

THOROUGH = "ALPHAFACTORY_THOROUGH"
"""Set to 1 in the environment of a thorough run; tests with random searches read it and search longer."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="run the long random searches too")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--thorough"):
        os.environ[THOROUGH] = "1"
    if config.getoption("numprocesses", None):
        warm_up()  # compiles what is new once, before several processes would each do it
