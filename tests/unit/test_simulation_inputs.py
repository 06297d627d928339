"""What a simulation refuses, and where its compiled code is kept."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from small_markets import market, model, random_market

from alphafactory.errors import SimulationError
from alphafactory.simulation import configure_cache, engine, simulate, source_hash

if TYPE_CHECKING:
    from pathlib import Path

NAN = float("nan")


@pytest.mark.parametrize("value", [1.5, -1.01, float("inf")])
def test_a_target_outside_its_bounds_is_named(value: float) -> None:
    with pytest.raises(SimulationError, match=rf"ABC: the target of 2024-01-02 is {value:g}"):
        simulate(market([10, 10.0, 10]), np.array([0.0, value, NAN]), model(), name="ABC")


@pytest.mark.parametrize(
    ("column", "value", "wanted"),
    [("open", NAN, "above 0"), ("close", 0.0, "above 0"), ("low", -1.0, "above 0"), ("high", float("inf"), "above 0"),
     ("split_factor", 0.0, "above 0"), ("volume", NAN, "0 or more"), ("dividends", -0.1, "0 or more")],
)  # fmt: skip
def test_an_impossible_bar_is_named(column: str, value: float, wanted: str) -> None:
    bars = market([10, 11, 12.0])
    getattr(bars, column)[1] = value
    with pytest.raises(SimulationError, match=rf"ABC: {column} of 2024-01-02 is {value:g}; it must be {wanted}"):
        simulate(bars, np.zeros(3), model(), name="ABC")


def test_sessions_in_disorder_are_named() -> None:
    bars = market([10, 11, 12.0])
    bars.sessions[2] = bars.sessions[1]
    with pytest.raises(SimulationError, match="session 2024-01-02 is not after"):
        simulate(bars, np.zeros(3), model())


def test_lengths_must_agree_and_there_must_be_bars() -> None:
    with pytest.raises(SimulationError, match=r"target has shape \(2,\) for 3 sessions"):
        simulate(market([10, 11, 12.0]), np.zeros(2), model())
    with pytest.raises(SimulationError, match="no bars"):
        simulate(market([]), np.zeros(0), model())


def test_money_that_does_not_add_up_is_an_error() -> None:
    trades = simulate(market([10, 10, 11.0]), np.ones(3), model()).trades
    assert engine._balance_error(1000.0, trades, 0.0, np.array([1000.0, 1100.0]), "ABC") == 0.0
    with pytest.raises(SimulationError, match="ABC: start, profits and dividends miss"):
        engine._balance_error(1000.0, trades, 0.0, np.array([1000.0, 1100.01]), "ABC")


def test_read_only_and_strided_arrays_are_taken() -> None:
    bars, target = random_market(3)
    twice = np.repeat(target, 2)[::2]
    for name in ("open", "close", "volume"):
        getattr(bars, name).flags.writeable = False
    assert simulate(bars, twice, model()).equity.tobytes() == simulate(bars, target.copy(), model()).equity.tobytes()


def test_importing_the_package_does_not_import_numba() -> None:
    words = "import sys, alphafactory.simulation; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", words], check=False).returncode == 0


def test_the_cache_is_keyed_by_the_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    place = configure_cache(tmp_path / "numba")
    assert place.is_dir()
    assert place.name == source_hash()[:16]
    assert len(source_hash()) == 64


def test_a_cache_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SimulationError, match=r"cannot be kept in .*paths\.var"):
        configure_cache(tmp_path / "file")
