"""The commands on a real database: a small simulated night, and everything a user then asks of it."""

from __future__ import annotations

import csv
import io
import json
import signal
from typing import TYPE_CHECKING, Any

import pytest
from command_line import SMALL_MARKET, CommandLine

if TYPE_CHECKING:
    from pathlib import Path

STEPS = ["download", "quality", "universes", "indicators", "audits", "backtests", "portfolios", "report"]


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    return CommandLine(tmp_path_factory.mktemp("project"), SMALL_MARKET)


@pytest.fixture(scope="module")
def night(commands: CommandLine) -> dict[str, Any]:
    found: dict[str, Any] = commands.value("nightly", "--as-of", "2024-06-28")
    return found


def test_a_night_ends_fine_and_says_what_it_did(night: dict[str, Any], commands: CommandLine) -> None:
    assert night["outcome"] == "fine"
    assert [step["name"] for step in night["steps"]] == STEPS
    assert all(step["seconds"] >= 0 and step["outcome"] in ("fine", "skipped") for step in night["steps"])
    assert night["report"] == str(commands.folder / "reports" / "index.html")
    assert (commands.folder / "reports" / "index.html").stat().st_size > 1000


def test_a_second_night_on_the_same_data_changes_nothing(night: dict[str, Any], commands: CommandLine) -> None:
    again = commands.value("nightly", "--as-of", "2024-06-28")
    assert again["run_id"] != night["run_id"]
    assert {step["name"]: step["rows"] for step in again["steps"]} == dict.fromkeys(STEPS, 0)


@pytest.mark.usefixtures("night")
def test_a_backtest_prints_one_array(commands: CommandLine) -> None:
    words = ("backtest", "sma_crossover", "--symbols", "all", "--set", "fast=5", "--set", "slow=20")
    results = commands.value(*words, "--as-of", "2024-06-28", "--from", "2024-01-02")
    assert len(results) == 4  # three companies and the index
    for result in results:
        assert {"backtest_id", "strategy", "symbol", "params", "start", "end", "metrics", "trades"} <= set(result)
        assert result["params"] == {"fast": 5, "slow": 20}
        assert result["start"] >= "2024-01-02"
    trades = [trade for result in results for trade in result["trades"]]
    keys = {"entry_session", "entry_price", "exit_session", "exit_price", "quantity", "net_pnl", "exit_reason"}
    assert trades
    assert all(keys <= set(trade) for trade in trades)
    page = commands.value("report", "--backtest", str(results[0]["backtest_id"]))["page"]
    assert str(commands.folder / "reports") in page


@pytest.mark.usefixtures("night")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["backtest", "sma_crossover", "--symbol", "SIMXX"], "There is no symbol 'SIMXX'. Did you mean 'SIMX'?"),
        (["backtest", "sma_crossover", "--symbol", "SIMX", "--set", "fst=1"], "Did you mean 'fast'?"),
        (["backtest", "sma_crossover", "--symbol", "SIMX", "--set", "fast=many"], "many"),
        (["sql", "SELECT nothing FROM nowhere"], '"nowhere" does not exist'),
        (["report", "--backtest", "999999"], "999999"),
    ],
)
def test_a_wrong_word_is_one_line(commands: CommandLine, words: list[str], said: str) -> None:
    done = commands.run(*words, "--quiet")
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.usefixtures("night")
def test_sql_answers_in_three_forms(commands: CommandLine) -> None:
    question = "SELECT ticker, count(*) AS n FROM v_bars GROUP BY ticker ORDER BY ticker"
    rows = commands.value("sql", question)
    assert [row["ticker"] for row in rows][:1] == ["SIMX"]
    table = commands.run("sql", question, "--csv").stdout
    assert [dict(row, n=int(row["n"])) for row in csv.DictReader(io.StringIO(table))] == rows
    assert "SIMX" in commands.run("sql", question).stdout


@pytest.mark.usefixtures("night")
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM bars",
        "COMMIT; BEGIN READ WRITE; DELETE FROM bars; COMMIT",
        "COPY (SELECT 1) TO PROGRAM 'touch stolen'",
        "SET default_transaction_read_only = off; DELETE FROM bars",
        "RESET ROLE; DELETE FROM bars",
    ],
)
def test_sql_only_reads(commands: CommandLine, statement: str) -> None:
    before = commands.value("sql", "SELECT count(*) AS n FROM bars")
    done = commands.run("sql", statement)
    assert done.returncode != 0
    assert done.stderr.startswith("Error: ")
    assert commands.value("sql", "SELECT count(*) AS n FROM bars") == before


@pytest.mark.usefixtures("night")
def test_jobs_shows_the_last_and_the_next_run(commands: CommandLine) -> None:
    rows = {row["job"]: row for row in commands.value("jobs")}
    assert set(rows) >= {*STEPS, "nightly"}
    assert rows["nightly"]["outcome"] == "fine"
    assert rows["nightly"]["next_at"] is not None
    assert rows["download"]["next_at"] is None
    assert "nightly" in commands.run("jobs").stdout


@pytest.mark.usefixtures("night")
def test_a_backup_brings_back_what_was_there(commands: CommandLine) -> None:
    count = "SELECT count(*) AS n FROM trades"
    before = commands.value("sql", count)
    assert commands.run("db", "backup", "night.dump").returncode == 0
    assert commands.run("backtest", "sma_crossover", "--symbol", "SIMX", "--set", "fast=3").returncode == 0
    assert commands.value("sql", count) != before
    assert commands.run("db", "restore", "night.dump").returncode == 0
    assert commands.value("sql", count) == before
    assert commands.value("db", "check") == []


@pytest.mark.usefixtures("night")
def test_the_embedded_server_is_kept_up_and_stopped(commands: CommandLine) -> None:
    assert commands.value("db", "status")["running"] is False
    try:
        assert commands.run("db", "start").returncode == 0
        status = commands.value("db", "status")
        assert (status["running"], status["kept_up"], status["schema"]) == (True, True, "current")
    finally:
        assert commands.run("db", "stop").returncode == 0
    assert commands.value("db", "status")["running"] is False


@pytest.mark.usefixtures("night")
def test_a_step_whose_plugin_breaks_makes_the_night_partial(commands: CommandLine) -> None:
    folder = commands.folder / "strategies"
    folder.mkdir(exist_ok=True)
    broken = folder / "broken.py"
    broken.write_text("import nowhere_at_all\n", encoding="utf-8")
    try:
        done = commands.run("run", "backtests", "--as-of", "2024-06-28")
    finally:
        broken.unlink()
    assert done.returncode == 3, done.stdout + done.stderr
    assert f"{broken}:1" in done.stderr


def test_a_step_that_fails_is_told_in_one_line(tmp_path: Path) -> None:
    settings = SMALL_MARKET | {
        "ALPHAFACTORY__SOURCES__ORDER": '["csv"]',
        "ALPHAFACTORY__SOURCES__CSV__PATH": str(tmp_path / "nowhere.csv"),
    }
    done = CommandLine(tmp_path, settings).run("nightly", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["outcome"] == "failed"
    assert done.stderr.startswith("Error in download: ")
    assert "nowhere.csv" in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_interrupted_night_leaves_the_next_one_working(tmp_path: Path) -> None:
    commands = CommandLine(tmp_path, SMALL_MARKET)
    with commands.start("nightly", "--as-of", "2024-06-28") as process:
        assert process.stderr is not None
        while "quality" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted." in err
    assert "Traceback" not in err
    assert commands.value("nightly", "--as-of", "2024-06-28")["outcome"] == "fine"
    outcomes = [row["outcome"] for row in commands.value("sql", "SELECT outcome FROM job_runs ORDER BY id")]
    assert outcomes == ["interrupted", "fine"]


def test_a_database_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = CommandLine(tmp_path, SMALL_MARKET).run("nightly", DATABASE_URL="postgresql://u:s3cret@127.0.0.1:1/x")
    assert done.returncode == 1
    assert "127.0.0.1" in done.stderr
    assert "s3cret" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_demo_needs_nothing_and_says_that_prices_are_simulated(tmp_path: Path) -> None:
    settings = {key: value for key, value in SMALL_MARKET.items() if not key.endswith("ORDER")}
    done = CommandLine(tmp_path, settings).run("demo", DATABASE_URL="postgresql://nobody@127.0.0.1:1/x")
    assert done.returncode == 0, done.stderr
    assert "prices are simulated" in done.stdout
    assert done.stdout.rstrip().endswith(str(tmp_path / "reports" / "demo" / "index.html"))
    assert (tmp_path / "reports" / "demo" / "index.html").is_file()
