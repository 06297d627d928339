"""Bad input, broken plug-ins and a full disk: each is said once and clearly, and everything else goes on."""

from __future__ import annotations

import errno
import os
import subprocess
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from nights import Nights, PriceFile, later_that_evening

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from alphafactory.pipeline.running import JobResult, StepResult

DAY = date(2024, 2, 15)
SPOILT = date(2023, 6, 1)
FINDINGS = "SELECT rule, subject, session, quarantined FROM quality_findings WHERE closed_at IS NULL ORDER BY 1, 2"
STRATEGY = """
import numpy as np
from alphafactory.domain.plugins import IndicatorRequest
from alphafactory.strategies.base import Strategy

class Mine(Strategy):
    name = "{name}"
    title = idea = source = fails_when = "A test."

    @staticmethod
    def signals(view, params):
        {body}
"""
UNHEARD = STRATEGY.format(name="unheard", body="return view.close * 0").replace(
    "    @staticmethod", '    indicators = {"average": IndicatorRequest("smma")}\n\n    @staticmethod', 1
)


@pytest.fixture
def file(nights: Nights) -> PriceFile:
    return PriceFile(nights, last=DAY)


def step(result: JobResult, name: str) -> StepResult:
    return next(step for step in result.steps if step.name == name)


def spoil(column: int, value: object) -> Callable[[PriceFile], None]:
    def change(file: PriceFile) -> None:
        file.row("S0", SPOILT)[column] = value

    return change


def double(file: PriceFile) -> None:
    row = list(file.row("S0", SPOILT))
    row[5] += 0.01
    file.rows.append(row)


def repeat(file: PriceFile) -> None:
    file.rows.append(list(file.row("S0", SPOILT)))


@pytest.mark.parametrize(
    ("change", "rule", "kept_out"),
    [
        (spoil(3, 1.0), "high_below_open_or_close", True),
        (spoil(4, 1e6), "low_above_open_or_close", True),
        (spoil(5, "nan"), "not_a_number", True),
        (spoil(2, ""), "not_a_number", True),
        (spoil(5, "inf"), "not_a_number", True),
        (spoil(6, -5), "negative_volume", True),
        (spoil(4, -1.0), "non_positive_price", True),
        (double, "conflicting_bars", True),
        (repeat, "duplicate_bar", False),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_faulty_bar_is_a_finding_and_is_not_used(
    nights: Nights, file: PriceFile, change: Callable[[PriceFile], None], rule: str, *, kept_out: bool
) -> None:
    change(file)
    file.write()
    result = nights.run(DAY)
    assert result.outcome == "fine", result.steps
    assert (rule, "S0", SPOILT, kept_out) in nights.ask(FINDINGS)
    used = "SELECT count(*) FROM v_bars WHERE ticker = 'S0' AND session = %s"
    assert nights.ask(used, SPOILT) == [(0 if kept_out else 1,)]
    assert nights.ask(
        "SELECT count(*) FROM indicators i JOIN symbols s ON s.id = symbol_id WHERE ticker = 'S0' AND session = %s",
        SPOILT,
    ) == [(0 if kept_out else 1,)]
    payload = nights.ask("SELECT payload FROM quality_findings WHERE rule = %s", rule)[0][0]
    assert payload
    assert nights.ask("SELECT count(*) FROM v_current_backtests") == [(4,)]


def test_a_mended_bar_closes_its_finding(nights: Nights, file: PriceFile) -> None:
    good = file.row("S0", SPOILT)[5]
    for value, count in (("nan", 1), (good, 0), (-1, 1), (good, 0)):
        file.row("S0", SPOILT)[5] = value
        file.write()
        assert nights.run(DAY).outcome == "fine"
        assert nights.ask("SELECT count(DISTINCT session) FROM v_quarantined WHERE session = %s", SPOILT) == [(count,)]


@pytest.mark.parametrize("future", [date(2024, 6, 3), date(2099, 6, 1)], ids=str)
def test_a_bar_from_the_future_is_kept_out_and_the_next_nights_go_on(
    nights: Nights, file: PriceFile, future: date
) -> None:
    last = file.row("S0", DAY)
    file.rows.append([last[0], future, *last[2:]])
    file.write(until=None)
    result = nights.run(DAY)
    assert result.outcome == "fine", result.steps
    assert ("future_session", "S0", future, True) in nights.ask(FINDINGS)
    assert nights.ask("SELECT max(session) FROM v_bars") == [(DAY,)]
    assert nights.ask("SELECT count(*) FROM quality_findings") == [(1,)]  # nobody is missing the sessions in between
    tomorrow = date(2024, 2, 16)
    file.rows.append([last[0], tomorrow, *last[2:6], 5.0])
    file.write()
    assert step(nights.run(tomorrow), "download").rows == 1
    assert nights.ask("SELECT max(session) FROM v_bars") == [(tomorrow,)]


def test_a_number_that_is_none_is_said_with_its_line(nights: Nights, file: PriceFile) -> None:
    spoil(5, "12,3x")(file)
    line = file.rows.index(file.row("S0", SPOILT)) + 2
    file.rows = [[f'"{cell}"' if cell == "12,3x" else cell for cell in row] for row in file.rows]
    file.write()
    for _ in range(2):  # an unchanged file is no better the second night
        result = nights.run(DAY)
        assert result.outcome == "partial"
        assert "1 rows could not be read" in step(result, "download").failures[0]["message"]
    ((message, payload),) = nights.ask("SELECT message, payload FROM quality_findings WHERE rule = 'unparsable_row'")
    assert message.startswith(f"prices.csv:{line}: close '12,3x' is no number")
    assert payload["close"] == "12,3x"
    assert nights.ask("SELECT count(*) FROM v_current_backtests") == [(4,)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no such file"),
        ("", "empty"),
        ("symbol,date,open,high,low,close,volume\n", "prices.csv"),
        ("symbol,date,open,high,low,volume\nA,2024-01-02,1,1,1,5\n", "close"),
    ],
    ids=["missing", "empty", "header-alone", "no-close"],
)
def test_a_file_that_gives_nothing_fails_the_download_alone(
    nights: Nights, file: PriceFile, content: str | None, words: str
) -> None:
    file.write()
    nights.run(DAY)
    before = nights.tables()
    if content is None:
        file.path.unlink()
    else:
        file.path.write_text(content)
    result = nights.run(DAY, later_that_evening(DAY))
    assert result.outcome == "failed"
    assert [s.name for s in result.steps if s.outcome == "failed"] == ["download"]
    message = step(result, "download").message
    assert words in message
    assert "prices.csv" in message
    assert "\n" not in message
    assert nights.tables() == before


def test_a_symbol_without_one_good_bar_gives_no_result_and_stops_nobody(nights: Nights, file: PriceFile) -> None:
    for row in file.rows:
        if row[0] == "S1":
            row[6] = -1
    file.write()
    result = nights.run(DAY)
    assert result.outcome == "partial"
    assert [f["subject"] for f in step(result, "backtests").failures] == ["S1"]
    assert nights.ask("SELECT DISTINCT ticker FROM v_current_backtests") == [("S0",)]


def test_a_symbol_that_loses_every_bar_loses_its_indicators(nights: Nights, file: PriceFile) -> None:
    file.write()
    nights.run(DAY)
    stored = "SELECT ticker, count(*) FROM indicators i JOIN symbols s ON s.id = symbol_id GROUP BY 1 ORDER BY 1"
    both = nights.ask(stored)
    for sign, held in ((-1, both[:1]), (-1, both[:1]), (1, both)):
        for row in file.rows:
            row[6] = sign * abs(row[6]) if row[0] == "S1" else row[6]
        file.write()
        nights.run(DAY, later_that_evening(DAY))
        assert nights.ask(stored) == held


def test_an_unknown_symbol_of_the_universe_is_named(nights: Nights, file: PriceFile) -> None:
    file.write()
    nights.settings["universe.symbols"] = ["S0", "S11"]
    result = nights.run(DAY)
    assert result.outcome == "partial"
    failures = [f for s in result.steps for f in s.failures]
    assert {f["subject"] for f in failures} == {"S11"}
    assert all(f["message"] and f["remedy"] for f in failures)
    assert nights.ask("SELECT DISTINCT ticker FROM v_current_backtests") == [("S0",)]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("raises", STRATEGY.format(name="raises", body="raise ZeroDivisionError('by nought')"), "by nought"),
        ("shape", STRATEGY.format(name="shape", body="return np.zeros(3)"), "shape (3,)"),
        ("words", STRATEGY.format(name="words", body="return 'buy'"), "words"),
        ("syntax", "def broken(:\n", "syntax.py:1"),
        ("imports", "import no_such_library\n", "no_such_library"),
        ("leaves", "raise SystemExit(3)\n", "leaves.py:1"),
        ("quits", STRATEGY.format(name="quits", body="raise SystemExit(0)"), "SystemExit"),
        ("unheard", UNHEARD, "smma"),
    ],
)
def test_a_broken_strategy_of_the_user_stops_nobody(
    nights: Nights, file: PriceFile, name: str, text: str, words: str
) -> None:
    file.write()
    folder = nights.folder / "strategies"
    folder.mkdir()
    (folder / f"{name}.py").write_text(text)
    named = [] if name in {"syntax", "imports", "leaves"} else [name]
    nights.settings["backtest.strategies"] = ["sma_crossover", "buy_and_hold", *named]
    result = nights.run(DAY)
    assert result.outcome == "partial"
    failures = step(result, "backtests").failures
    assert failures
    assert all(words in f"{f['subject']} {f['message']}" for f in failures), failures
    assert nights.ask("SELECT DISTINCT strategy FROM v_current_backtests ORDER BY 1") == [
        ("buy_and_hold",), ("sma_crossover",),
    ]  # fmt: skip


def test_a_broken_file_is_a_finding_until_it_is_mended(nights: Nights, file: PriceFile) -> None:
    file.write()
    folder = nights.folder / "strategies"
    folder.mkdir()
    (folder / "typo.py").write_text("def broken(:\n")
    nights.run(DAY)
    found = (
        "SELECT subject, severity, quarantined, closed_at IS NULL FROM quality_findings WHERE rule = 'broken_plugin'"
    )
    ((subject, severity, quarantined, is_open),) = nights.ask(found)
    assert subject.endswith("typo.py:1")
    assert (severity, quarantined, is_open) == ("error", False, True)
    (folder / "typo.py").unlink()
    assert nights.run(DAY, later_that_evening(DAY)).outcome == "fine"
    assert nights.ask(found)[0][3] is False


def test_a_strategy_that_is_dropped_in_runs_tonight_and_an_edit_is_a_new_version(
    nights: Nights, file: PriceFile
) -> None:
    file.write()
    folder = nights.folder / "strategies"
    folder.mkdir()
    nights.settings["backtest.strategies"] = ["sma_crossover", "buy_and_hold", "always"]
    for version, share in enumerate((1.0, 0.5), start=1):
        (folder / "always.py").write_text(
            STRATEGY.format(name="always", body=f"return np.full(view.close.shape, {share})")
        )
        assert nights.run(DAY).outcome == "fine"
        found = "SELECT strategy_version, count(*) FROM v_current_backtests WHERE strategy = 'always' GROUP BY 1"
        assert nights.ask(found) == [(version, 2)]
    assert nights.ask("SELECT count(*) FROM backtests WHERE superseded_by IS NOT NULL") == [(2,)]


@contextmanager
def tiny_disk(folder: Path) -> Iterator[None]:
    """Mount a disk of 64 kB, as only root may; skip elsewhere."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.name != "posix" or os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("No small disk can be mounted here.")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_fails_the_report_and_loses_nothing(nights: Nights, file: PriceFile) -> None:
    file.write()
    with tiny_disk(nights.folder / "reports"):
        result = nights.run(DAY, report=True)
        assert not list((nights.folder / "reports").rglob("*.tmp"))
    assert result.outcome == "failed"
    assert "No space left on device" in step(result, "report").message
    assert {s.outcome for s in result.steps if s.name not in {"report", "universes", "portfolios"}} == {"fine"}
    assert nights.run(DAY, later_that_evening(DAY), report=True).outcome == "fine"


def test_a_full_disk_leaves_the_earlier_report(
    nights: Nights, file: PriceFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write()
    first = nights.run(DAY, report=True)
    assert first.report is not None
    before = Path(first.report).read_bytes()

    def full(_: int) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    result = nights.run(DAY, later_that_evening(DAY), report=True)
    assert step(result, "report").outcome == "failed"
    assert Path(first.report).read_bytes() == before
