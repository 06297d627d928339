"""A scheduled time belongs to the one process that claims it, and to nobody who comes later."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from alphafactory.errors import JobError
from alphafactory.store import job_runs

if TYPE_CHECKING:
    from nights import Nights

ROOT = Path(__file__).parents[2]
CLAIM = """
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from alphafactory.config_loading import load_config
from alphafactory.store import job_runs
from alphafactory.store.database import open_database
loaded = load_config(Path.cwd(), {}, overrides={"database.url": sys.argv[1]})
due = datetime(2024, 6, 14, 22, 30, tzinfo=UTC)
with open_database(loaded.config) as database:
    print("ready", flush=True)
    sys.stdin.readline()
    with job_runs.exclusive(database, 30):
        request = job_runs.RunRequest("nightly", date(2024, 6, 14), "test", {}, "here", 1, due)
        run = job_runs.claim(database, request)
        if run is not None:
            job_runs.finish_run(database, run, outcome="fine", seconds=0.0, error=None)
    print(run, flush=True)
"""


def request(**changes: object) -> job_runs.RunRequest:
    values = {
        "job": "nightly",
        "as_of": date(2024, 6, 14),
        "code_version": "test",
        "config": {},
        "host": "here",
        "pid": 1,
    }
    return job_runs.RunRequest(**(values | changes))


def test_ten_processes_claim_one_scheduled_time_once(nights: Nights) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIM, nights.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            cwd=nights.folder, env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        for _ in range(10)
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert sorted(answers)[1:] == ["None"] * 9
    assert nights.ask("SELECT count(*) FROM job_runs") == [(1,)]


def test_runs_by_hand_are_never_claimed_twice_over(nights: Nights) -> None:
    with nights.database() as database:
        keys = [job_runs.claim(database, request()) for _ in range(2)]
        assert None not in keys
        assert keys[0] != keys[1]


def test_the_run_of_a_dead_process_is_closed_by_the_next(nights: Nights) -> None:
    with nights.database() as database:
        dead = job_runs.claim(database, request())
        assert dead is not None
        job_runs.start_step(database, dead, 1, "download")
        job_runs.claim(database, request())
        run, steps = job_runs.read_run(database, dead)
        assert (run["outcome"], steps[0]["outcome"]) == ("interrupted", "interrupted")
        assert run["finished_at"] is not None


def test_a_second_job_waits_and_says_for_what(nights: Nights) -> None:
    with (
        nights.database() as database,
        job_runs.exclusive(database, 1),
        pytest.raises(JobError, match="Another job is still running"),
        job_runs.exclusive(database, 0.05),
    ):
        pass


def test_a_scheduled_time_is_remembered_once_it_has_run(nights: Nights) -> None:
    due = datetime(2024, 6, 14, 22, 30, tzinfo=UTC)
    with nights.database() as database:
        assert job_runs.last_scheduled(database, "nightly") is None
        run = job_runs.claim(database, request(scheduled_for=due))
        assert run is not None
        job_runs.finish_run(database, run, outcome="failed", seconds=1.0, error="no prices")
        assert job_runs.claim(database, request(scheduled_for=due)) is None
        assert job_runs.claim(database, request(job="report", scheduled_for=due)) is not None
        assert job_runs.last_scheduled(database, "nightly") == due
        assert sorted(row["job"] for row in job_runs.overview(database)) == ["nightly", "report"]


def test_a_dead_process_gives_its_scheduled_time_back(nights: Nights) -> None:
    due = datetime(2024, 6, 14, 22, 30, tzinfo=UTC)
    with nights.database() as database:
        with job_runs.exclusive(database, 1):
            assert job_runs.claim(database, request(scheduled_for=due)) is not None
            assert job_runs.last_scheduled(database, "nightly") == due  # it runs: somebody holds the right
        assert job_runs.last_scheduled(database, "nightly") is None
        assert job_runs.claim(database, request(scheduled_for=due)) is not None
