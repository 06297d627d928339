"""Compiled code is made once: a second process loads it, and what the environment brought along is used first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from alphafactory.simulation import cache, configure_cache, source_hash, warm_up

if TYPE_CHECKING:
    from pathlib import Path

SECOND = """
import json, time
began = time.perf_counter()
from alphafactory.simulation import warm_up
warm_up()
seconds = time.perf_counter() - began
from alphafactory.simulation import kernel
stats = kernel.run.stats
print(json.dumps([sum(stats.cache_hits.values()), sum(stats.cache_misses.values()), seconds]))
"""


def test_a_second_process_loads_what_the_first_has_compiled() -> None:
    warm_up()  # compiles in this process, unless an earlier one has
    done = subprocess.run(
        [sys.executable, "-c", SECOND], check=True, capture_output=True, text=True, env=os.environ, timeout=120
    )
    loaded, compiled, seconds = json.loads(done.stdout)
    assert (loaded, compiled) == (1, 0)
    # Compiling takes half a minute. Loading takes most of a second, and more where other processes are at work.
    assert seconds < 10


@pytest.fixture
def ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    warm_up()  # a kernel that is loaded stays where it is
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    monkeypatch.setattr(cache, "AHEAD", tmp_path / "environment")
    return tmp_path / "environment" / source_hash()[:16]


def test_what_the_environment_has_compiled_is_used(tmp_path: Path, ahead: Path) -> None:
    (ahead / "simulation").mkdir(parents=True)
    (ahead / "simulation" / "kernel.run.nbi").touch()
    assert configure_cache(tmp_path / "var") == ahead
    assert os.environ["NUMBA_CACHE_DIR"] == str(ahead)
    assert not (tmp_path / "var").exists()


def test_what_the_environment_has_compiled_of_other_code_is_not(tmp_path: Path, ahead: Path) -> None:
    (ahead.parent / "0123456789abcdef").mkdir(parents=True)
    (ahead.parent / "0123456789abcdef" / "kernel.run.nbi").touch()
    ahead.mkdir()  # begun, and nothing compiled
    place = configure_cache(tmp_path / "var")
    assert place == tmp_path / "var" / source_hash()[:16]
    assert os.environ["NUMBA_CACHE_DIR"] == str(place)


def test_the_environment_compiles_into_its_own_folder(ahead: Path) -> None:
    assert configure_cache(cache.AHEAD) == ahead
    assert ahead.is_dir()
