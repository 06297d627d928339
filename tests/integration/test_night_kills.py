"""A night that is stopped or killed at any moment: the next one ends at the tables of a night that nobody disturbed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from nights import SIMULATED, Nights

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
DAY = date(2024, 6, 14)
CHILD = """
import sys
from datetime import UTC, datetime
from alphafactory.cli import main
sys.exit(main(sys.argv[1:], datetime(2024, 6, 14, 23, tzinfo=UTC)))
"""
PROJECT = """
database: {{url: '{url}'}}
paths: {{var: {var}, strategies: {folder}/strategies}}
reports: {{dir: {folder}/reports}}
sources: {{order: [synthetic], synthetic: {{symbols: 6, years: 1, faults: 3}}}}
compute: {{backend: sequential}}
backtest: {{strategies: [sma_crossover, buy_and_hold]}}
audit: {{symbols: 1, last_bars: 2, random_bars: 2, starts: 2}}
"""


def start(nights: Nights) -> subprocess.Popen[str]:
    """Start a night in a process of its own, as the command line does."""
    config = nights.folder / "overlay.yaml"
    config.write_text(PROJECT.format(url=nights.url, var=nights.cache, folder=nights.folder))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ALPHA", "DATABASE"))}
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, "nightly", "--as-of", str(DAY), "--config", str(config)],
        env=environment | {"PYTHONPATH": str(ROOT)}, cwd=nights.folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def wait_for_step(nights: Nights, process: subprocess.Popen[str], name: str) -> None:
    """Wait until a step of the night is under way."""
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        if nights.ask("SELECT 1 FROM job_steps WHERE name = %s", name):
            return
        time.sleep(0.01)
    raise AssertionError(process.communicate(timeout=5))


def tables(nights: Nights) -> dict[str, object]:
    return dict(nights.tables())


@pytest.fixture
def undisturbed(make_nights: Callable[..., Nights]) -> dict[str, object]:
    nights = make_nights()
    nights.settings = dict(SIMULATED)
    assert nights.run(DAY, report=True).outcome == "fine"
    return tables(nights)


def test_killed_nights_converge(undisturbed: dict[str, object], make_nights: Callable[..., Nights]) -> None:
    draw, cut_short = random.Random(11), 0
    for name, longest in (("download", 0.5), ("indicators", 0.4), ("backtests", 0.4)):
        nights = make_nights()
        nights.settings = dict(SIMULATED)
        process = start(nights)
        wait_for_step(nights, process, name)
        time.sleep(draw.uniform(0, longest))
        process.kill()
        process.communicate(timeout=30)
        runs = nights.ask("SELECT outcome FROM job_runs")
        result = nights.run(DAY, report=True)
        assert result.outcome == "fine", (name, result.steps)
        assert tables(nights) == undisturbed, name
        if runs == [("running",)]:  # it was killed before its end, as nearly always
            assert nights.ask("SELECT outcome, finished_at IS NULL FROM job_runs ORDER BY id") == [
                ("interrupted", False), ("fine", False),
            ]  # fmt: skip
            assert nights.ask("SELECT count(*) FROM job_steps WHERE outcome = 'running'") == [(0,)]
            cut_short += 1
    assert cut_short >= 2


def test_an_interrupted_night_says_so_and_converges(
    undisturbed: dict[str, object], make_nights: Callable[..., Nights]
) -> None:
    nights = make_nights()
    nights.settings = dict(SIMULATED)
    process = start(nights)
    wait_for_step(nights, process, "download")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert nights.ask("SELECT outcome FROM job_runs") == [("interrupted",)]
    assert nights.ask("SELECT count(*) FROM job_steps WHERE outcome = 'running'") == [(0,)]
    assert nights.run(DAY, report=True).outcome == "fine"
    assert tables(nights) == undisturbed
