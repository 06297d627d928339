"""The scheduler on a real database: a job that is due runs once, however many look, and a missed one is made up for."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from command_line import SECONDS, SMALL_MARKET, CommandLine

if TYPE_CHECKING:
    from pathlib import Path

RUNS = "SELECT job, outcome, scheduled_for FROM job_runs ORDER BY scheduled_for"
SCHEDULERS = 5


@pytest.fixture
def commands(tmp_path: Path) -> CommandLine:
    daily = {"ALPHAFACTORY__SCHEDULE__JOBS": '{"nightly": null, "download": "0 0 * * *"}'}
    return CommandLine(tmp_path, SMALL_MARKET | daily)


def test_many_schedulers_run_a_missed_job_once(commands: CommandLine) -> None:
    assert commands.run("db", "upgrade").returncode == 0
    processes = [commands.start("schedule", "--once") for _ in range(SCHEDULERS)]
    said = [process.communicate(timeout=SECONDS)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * SCHEDULERS, said
    assert sum("download, due" in text and ": fine after" in text for text in said) == 1
    runs = commands.value("sql", RUNS)
    assert [(run["job"], run["outcome"]) for run in runs] == [("download", "fine")]
    assert commands.run("schedule", "--once").returncode == 0
    assert commands.value("sql", RUNS) == runs


def test_a_scheduler_makes_up_for_a_missed_job_and_stops_on_a_signal(commands: CommandLine) -> None:
    with commands.start("schedule") as process:
        assert process.stderr is not None
        lines = []
        while not lines or ": fine after" not in lines[-1]:
            lines.append(process.stderr.readline())
            assert lines[-1], lines
        assert any("download: next due" in line for line in lines)
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "The scheduler has stopped." in rest
    assert [run["outcome"] for run in commands.value("sql", RUNS)] == ["fine"]


def test_a_database_that_is_away_does_not_end_the_scheduler(commands: CommandLine) -> None:
    with commands.start("schedule", DATABASE_URL="postgresql://u:s3cret@127.0.0.1:1/x") as process:
        assert process.stderr is not None
        line = ""
        while "tried again" not in line:
            line = process.stderr.readline()
            assert line
            assert "s3cret" not in line
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0
