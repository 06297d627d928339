"""Workers use the code that was asked about: edited files are read again, and a file saved meanwhile is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alphafactory.errors import SimulationError
from alphafactory.pipeline.known_strategies import known_strategies, same_code, strategies_of_worker
from alphafactory.strategies.catalogue import code_hash

if TYPE_CHECKING:
    from pathlib import Path

STRATEGY = """import numpy as np
from alphafactory.strategies.base import Strategy
from .lib.sizes import SIZE


class Sized(Strategy):
    name = "sized"
    title = idea = source = fails_when = "For this test."

    @staticmethod
    def signals(view, params):
        return np.full(view.close.shape, SIZE)
"""


def write(folder: Path, size: float) -> None:
    (folder / "lib").mkdir(exist_ok=True)
    (folder / "lib" / "sizes.py").write_text(f"SIZE = {size}\n", encoding="utf-8")
    (folder / "sized.py").write_text(STRATEGY, encoding="utf-8")


def test_a_worker_reads_an_edited_package_of_the_user_again(tmp_path: Path) -> None:
    write(tmp_path, 0.5)
    first = strategies_of_worker(str(tmp_path))
    assert strategies_of_worker(str(tmp_path)) is first
    write(tmp_path, 1.0)
    again = strategies_of_worker(str(tmp_path))
    assert again is not first
    assert code_hash(again.get("sized")) == code_hash(known_strategies(tmp_path).get("sized"))


def test_a_file_that_was_saved_meanwhile_is_refused(tmp_path: Path) -> None:
    write(tmp_path, 0.5)
    asked = code_hash(known_strategies(tmp_path).get("sized"))
    assert same_code(strategies_of_worker(str(tmp_path)).get("sized"), asked).name == "sized"
    write(tmp_path, 1.0)
    with pytest.raises(SimulationError, match="saved while it was in use"):
        same_code(strategies_of_worker(str(tmp_path)).get("sized"), asked)
