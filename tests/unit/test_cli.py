"""The command line without a database: words, exit statuses, messages, what is printed where."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from alphafactory.cli import application, backtests, development, main
from alphafactory.cli.application import global_options_first
from alphafactory.cli.output import mask_secrets, plain, print_csv, print_table, shown
from alphafactory.cli.progress import PlainProgress, shown_progress
from alphafactory.cli.session import Session, newest_closed_day
from alphafactory.domain.progress import SILENT
from alphafactory.errors import DatabaseError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
NOW = datetime(2024, 6, 5, 23, 30, tzinfo=UTC)  # 19:30 in New York
Captured = pytest.CaptureFixture[str]


def call(folder: Path, *words: str, environ: dict[str, str] | None = None) -> int:
    return main(words, NOW, root=folder, environ=environ or {})


def error_of(capsys: Captured) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    return captured.err


@pytest.mark.parametrize(
    ("words", "moved"),
    [
        (["nightly", "--config", "a.yaml", "--json"], ["--config", "a.yaml", "nightly", "--json"]),
        (["nightly", "--config=a.yaml"], ["--config=a.yaml", "nightly"]),
        (["--quiet", "run", "report"], ["--quiet", "run", "report"]),
        (["run", "report", "--quiet"], ["--quiet", "run", "report"]),
        (["test", "--quiet", "-k", "x"], ["test", "--quiet", "-k", "x"]),
        (["--config", "a.yaml", "test", "--config", "b"], ["--config", "a.yaml", "test", "--config", "b"]),
        (["run", "test", "--quiet"], ["--quiet", "run", "test"]),
        (["sql", "--", "--quiet"], ["sql", "--", "--quiet"]),
    ],
)
def test_global_options_may_stand_anywhere(words: list[str], moved: list[str]) -> None:
    assert global_options_first(words) == moved


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nigtly"], "Did you mean 'nightly'?"),
        (["nightly", "--jsn"], "--json"),
        (["backtest"], "STRATEGY"),
        (["nightly", "--config"], "--config needs a file"),
        (["nightly", "--as-of", "2999-01-01"], "lies in the future"),
        (["nightly", "--as-of", "yesterday"], "'yesterday' is no date"),
        (["backtest", "sma_crossover"], "No symbol is named"),
        (["backtest", "sma_crossover", "--symbol", "A", "--set", "fast"], "--set 'fast' is no NAME=VALUE"),
        (["backtest", "sma_crossover", "--symbol", "A", "--from", "2024-02-30"], "--from: '2024-02-30' is no date"),
        (["backtest", "x", "--symbol", "A", "--from", "2024-02-01", "--to", "2024-01-01"], "lies after --to"),
        (["sql", "SELECT 1", "--csv", "--json"], "exclude each other"),
        (["quality", "--severity", "eror"], "Did you mean 'error'?"),
        (["quality", "--limit", "0"], "--limit"),
        (["quality", "accept"], "ID"),
        (["quality", "accept", "first"], "'ID'"),
        (["bars", "A", "--timeframe", "2h"], "there is no timeframe '2h'"),
        (["bars", "A", "--from", "2024-02-01", "--to", "2024-01-01"], "lies after --to"),
        (["symbols", "alias", "A", "B", "--remove", "--to", "2024-01-01"], "--remove forgets all times"),
        (["universe", "show", "x", "--on", "then"], "--on: 'then' is no date"),
        (["run", "nightlly"], "There is no job 'nightlly'. Did you mean 'nightly'?"),
        (["db", "restore", "nowhere.dump"], "There is no file nowhere.dump"),
        (["config", "show", "--config", "nowhere.yaml"], "nowhere.yaml does not exist"),
    ],
)
def test_a_wrong_word_is_told_in_one_line(tmp_path: Path, capsys: Captured, words: list[str], said: str) -> None:
    assert call(tmp_path, *words) == 2
    assert said in error_of(capsys)


@pytest.mark.parametrize("words", [["nightly"], ["config", "check"], ["strategies"], ["indicators", "list"], ["jobs"]])
def test_a_broken_config_stops_every_command(tmp_path: Path, capsys: Captured, words: list[str]) -> None:
    (tmp_path / "global_config.yaml").write_text("reports: {pags: 1}", encoding="utf-8")
    assert call(tmp_path, *words) == 2
    assert "reports.pags" in error_of(capsys)


def test_help_names_every_command(tmp_path: Path, capsys: Captured) -> None:
    assert call(tmp_path) == 0
    first = capsys.readouterr().out
    assert call(tmp_path, "--help") == 0
    assert capsys.readouterr().out.split() == first.split()
    words = "demo test bench nightly run jobs schedule download indicators quality report backtest strategies db sql"
    words += " sources universe symbols bars sweep explain"
    assert [word for word in [*words.split(), "config", "version", "--config", "--quiet"] if word not in first] == []


@pytest.mark.parametrize(
    ("group", "command"),
    [("db", "check"), ("config", "check"), ("sources", "check"), ("universe", "show"), ("symbols", "alias")],
)
def test_a_group_alone_shows_its_commands(tmp_path: Path, capsys: Captured, group: str, command: str) -> None:
    assert call(tmp_path, group) == 2
    captured = capsys.readouterr()
    assert command in captured.out + captured.err
    assert "Error" not in captured.err


def test_passwords_are_never_shown(tmp_path: Path, capsys: Captured) -> None:
    environ = {
        "DATABASE_URL": "postgresql://me:s3cr:t@x@host/db",
        "ALPHAFACTORY__DATABASE__READER_URL": "pg://r:s3cr@h/d",
        "POLYGON_API_KEY": "s3cr-polygon",
        "ALPHA_VANTAGE_API_KEY": "s3cr-vantage",
    }
    for words in (["config", "show"], ["config", "show", "--json"], ["config", "check"]):
        call(tmp_path, *words, environ=environ)
        captured = capsys.readouterr()
        assert "s3cr" not in captured.out + captured.err
    assert mask_secrets("at postgresql://u:p@s@h/d, password=hunter2 ") == "at postgresql://u:***@h/d, password=*** "
    assert mask_secrets("postgresql://u@h/d and https://h/p") == "postgresql://u@h/d and https://h/p"


def test_config_show_prints_what_is_in_force(tmp_path: Path, capsys: Captured) -> None:
    overlay = tmp_path / "mine.yaml"
    overlay.write_text("compute: {workers: 5}", encoding="utf-8")
    assert call(tmp_path, "config", "show", "--json", "--config", str(overlay)) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["compute"]["workers"] == 5
    assert captured.err == ""
    assert call(tmp_path, "--config", str(overlay), "config", "show") == 0
    assert "workers: 5" in capsys.readouterr().out


def test_config_check_judges_the_names(tmp_path: Path, capsys: Captured) -> None:
    assert call(tmp_path, "config", "check", "--json", environ={"ALPHAFACTORY__COMPUTE__WORKERS": "1"}) == 0
    assert json.loads(capsys.readouterr().out) == {
        "outcome": "fine",
        "problems": [],
        "origins": {"compute.workers": "environment"},
    }
    environ = {
        "ALPHAFACTORY__BACKTEST__STRATEGIES": '["sma_crosover"]',
        "ALPHAFACTORY__SOURCES__ORDER": '["cvs"]',
        "ALPHAFACTORY__SCHEDULE__JOBS": '{"nightly": "99 1 * * *"}',
    }
    assert call(tmp_path, "config", "check", environ=environ) == 2
    said = capsys.readouterr().err
    for words in ("Did you mean 'sma_crossover'?", "Did you mean 'csv'?", "'99 1 * * *' is no cron entry"):
        assert words in said


def test_strategies_lists_the_users_own_and_warns_of_a_broken_one(tmp_path: Path, capsys: Captured) -> None:
    folder = tmp_path / "strategies"
    folder.mkdir()
    (folder / "mine.py").write_text(
        "import numpy as np\nfrom alphafactory.strategies.base import Strategy\n"
        "class Mine(Strategy):\n    name = 'mine'\n    title = idea = source = fails_when = 'x'\n"
        "    @staticmethod\n    def signals(view, params):\n        return np.zeros_like(view.close)\n",
        encoding="utf-8",
    )
    (folder / "broken.py").write_text("x = 1\nimport nowhere_at_all\n", encoding="utf-8")
    assert call(tmp_path, "strategies", "--json") == 0
    captured = capsys.readouterr()
    listed = {row["name"]: row for row in json.loads(captured.out)}
    assert {"mine", "sma_crossover", "buy_and_hold"} <= set(listed)
    assert listed["sma_crossover"]["parameters"]["fast"]["default"] == 20
    assert f"{folder / 'broken.py'}:2" in captured.err


def test_indicators_list_has_the_catalogue(tmp_path: Path, capsys: Captured) -> None:
    assert call(tmp_path, "indicators", "list", "--json") == 0
    names = [row["name"] for row in json.loads(capsys.readouterr().out)]
    assert {"sma_20", "rsi_14", "obv", "doji"} <= set(names)


@pytest.mark.parametrize(
    ("fault", "status", "said"),
    [
        (UsageError("Your word\nis off."), 2, "Error: Your word is off.\n"),
        (DatabaseError("postgresql://u:pw@h/d: no."), 1, "Error: postgresql://u:***@h/d: no.\n"),
        (KeyboardInterrupt(), 130, "Interrupted. "),
        (OSError(errno.ENOSPC, "No space left on device", "x.html"), 1, "No space left on device"),
        (ZeroDivisionError("by pw://a:secret@b"), 1, "Error: ZeroDivisionError: by pw://a:***@b. This is a defect"),
    ],
)
def test_what_goes_wrong_is_one_line_and_a_status(  # noqa: PLR0917  pytest hands fixtures over by name
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch, fault: BaseException, status: int, said: str
) -> None:
    def fail(_arguments: Sequence[str], _session: Session) -> int:
        raise fault

    monkeypatch.setattr(application, "_call", fail)
    assert call(tmp_path, "nightly") == status
    assert said in error_of(capsys)
    logs = [file.read_text(encoding="utf-8") for file in (tmp_path / "var" / "logs").glob("error-*.log")]
    assert len(logs) == (not isinstance(fault, UsageError | DatabaseError | KeyboardInterrupt))
    assert all("Traceback" in text and "secret" not in text for text in logs)


def test_a_reader_who_has_enough_is_no_error() -> None:
    """`run.py indicators list | head -1`: the pipe breaks, and nothing is said about it."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, str(ROOT / "run.py"), "indicators", "list"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_cheap_commands_load_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from datetime import datetime, UTC; from pathlib import Path; from alphafactory.cli import main\n"
        "status = main(['config', 'show'], datetime.now(UTC), root=Path(sys.argv[1]), environ={})\n"
        "heavy = {'pandas', 'numba', 'sqlalchemy', 'psycopg', 'plotly', 'apscheduler', 'exchange_calendars'}\n"
        "sys.stderr.write(' '.join(sorted(heavy & set(sys.modules)))); sys.exit(status)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_day_is_over_in_the_evening_at_the_exchange() -> None:
    def closed(hour: int, minute: int) -> date:
        return newest_closed_day(datetime(2024, 6, 5, hour, minute, tzinfo=UTC), "America/New_York")

    assert closed(21, 59) == date(2024, 6, 4)  # 17:59 in New York
    assert closed(22, 0) == date(2024, 6, 5)
    assert newest_closed_day(datetime(2024, 6, 6, 3, 0, tzinfo=UTC), "America/New_York") == date(2024, 6, 5)


def test_symbols_and_parameters_of_a_backtest() -> None:
    assert backtests.chosen_symbols(["A", "B"], "B, C,") == ["A", "B", "C"]
    assert backtests.chosen_symbols([], "all") == "all"
    assert backtests.chosen_parameters(["fast=10", "slow = 20"]) == {"fast": "10", "slow": "20"}
    with pytest.raises(UsageError, match="--set fast is given twice"):
        backtests.chosen_parameters(["fast=1", "fast=2"])


@pytest.mark.parametrize(
    ("words", "picked"),
    [("", False), ("--thorough", False), ("-x -q", False), ("-n 4", False), ("--maxfail 3", False), ("-k cli", True),
     ("tests/unit", True), ("-x tests/unit/test_cli.py::test_a", True), ("-m thorough", True), ("--lf", True)],
)  # fmt: skip
def test_pytest_runs_alone_where_tests_are_named(words: str, picked: bool) -> None:
    assert development.names_tests(words.split()) is picked


def test_test_runs_every_check_and_fails_if_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command[2:])
        return subprocess.CompletedProcess(command, 1 if command[2:] == ["mypy"] else 0)

    monkeypatch.setattr(subprocess, "run", run)
    assert call(tmp_path, "test", "--thorough") == 1
    assert [command[:2] for command in commands[:3]] == [["ruff", "check"], ["ruff", "format"], ["mypy"]]
    assert commands[3][0] == "pytest"
    assert commands[3][-1] == "--thorough"
    commands.clear()
    assert call(tmp_path, "test", "-k", "cli", "--quiet") == 0
    assert commands == [["pytest", "-k", "cli", "--quiet"]]


def test_values_become_what_json_has() -> None:
    import numpy as np  # noqa: PLC0415  for this test alone

    value = {"a": float("nan"), "b": (np.float64(1.5), np.int64(2)), "c": date(2024, 1, 2), "d": Path("x"), 1: None}
    assert plain(value) == {"a": None, "b": [1.5, 2], "c": "2024-01-02", "d": "x", "1": None}


def test_a_table_in_a_file_is_not_cut(capsys: Captured) -> None:
    print_table(("name", "value"), [["x" * 150, 1.25], ["[red]y[/red]", None]])
    out = capsys.readouterr().out
    assert "x" * 150 in out
    assert "[red]y[/red]" in out
    assert "1.25" in out
    assert (shown(float("nan")), shown(0.0), shown(1234.50001), shown(-0.00001)) == ("-", "0", "1,234.5", "0")


def test_csv_writes_nothing_for_null(capsys: Captured) -> None:
    print_csv(("a", "b"), [(1, None), ("x,y", date(2024, 1, 2))])
    assert capsys.readouterr().out == 'a,b\n1,\n"x,y",2024-01-02\n'


def test_progress_in_a_log_is_lines_now_and_then(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([0.0, 0.0, 1.0, 11.0, 11.0, 12.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(seconds))
    progress = PlainProgress()
    progress.step("download")
    progress.advance(1, 9, "symbols")
    progress.advance(5, 9, "symbols")
    progress.say("done")
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["[    0.0 s] download", "[   11.0 s]   symbols: 5 of 9", "[   12.0 s]   done"]


def test_progress_is_quiet_where_asked() -> None:
    for quiet, as_json in ((True, False), (False, True)):
        with shown_progress(quiet=quiet, json=as_json) as progress:
            assert progress is SILENT
    with shown_progress(quiet=False, json=False) as progress:
        assert isinstance(progress, PlainProgress)
