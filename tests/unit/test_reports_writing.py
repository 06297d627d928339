"""Pages become files: whole or not at all, the same to the byte, and no page that the index does not know."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from browser.backtest_samples import sample_backtest
from browser.report_samples import sample_night

from alphafactory.errors import ReportError
from alphafactory.reports.writing import write_backtest_page, write_report

if TYPE_CHECKING:
    from pathlib import Path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_report_is_complete_and_every_link_leads_somewhere(tmp_path: Path) -> None:
    index = write_report(tmp_path, sample_night(10), (sample_backtest(number) for number in (0, 2)))
    assert index == tmp_path / "index.html"
    pages = [index, *(tmp_path / "backtests").iterdir()]
    assert {page.name for page in pages} == {"index.html", "0.html", "2.html"}
    for page in pages:
        links = re.findall(r'(?:href|src)="([^"#:]+)"', page.read_text())
        assert len(links) >= 3
        assert all((page.parent / link).resolve().is_file() for link in links)
    assert len(list((tmp_path / "assets").iterdir())) == 3


def test_same_contexts_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        write_report(tmp_path / name, sample_night(10), [sample_backtest(0)])
    write_report(tmp_path / "second", sample_night(10), [sample_backtest(0)])
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


def test_pages_of_earlier_nights_go_and_those_asked_for_stay(tmp_path: Path) -> None:
    asked = write_backtest_page(tmp_path, sample_backtest(6))
    assert "../index.html" not in asked.read_text(), "there is no night to go back to yet"
    write_report(tmp_path, sample_night(10), [sample_backtest(0), sample_backtest(2)])
    (tmp_path / "backtests" / "notes.txt").write_text("the reader's own")
    write_report(tmp_path, sample_night(10), [sample_backtest(2), sample_backtest(4)])
    assert {path.name for path in (tmp_path / "backtests").iterdir()} == {"2.html", "4.html", "notes.txt"}
    assert asked.is_file()
    assert 'href="../index.html"' in write_backtest_page(tmp_path, sample_backtest(6)).read_text()


def test_shared_files_are_written_once_and_mended_when_cut_short(tmp_path: Path) -> None:
    write_report(tmp_path, sample_night(2), ())
    plotly = next((tmp_path / "assets").glob("plotly-*.min.js"))
    whole, written = plotly.read_bytes(), plotly.stat().st_mtime_ns
    write_report(tmp_path, sample_night(2), ())
    assert plotly.stat().st_mtime_ns == written
    plotly.write_bytes(whole[:1000])
    write_report(tmp_path, sample_night(2), ())
    assert plotly.read_bytes() == whole


def test_full_disk_is_one_clear_error_and_the_old_report_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_report(tmp_path, sample_night(10), [sample_backtest(0)])
    before = contents(tmp_path)

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        ReportError, match=r"0\.html could not be written .*disk is full: free some space.*reports\.dir"
    ):
        write_report(tmp_path, sample_night(20), [sample_backtest(0)])
    assert contents(tmp_path) == before


def test_a_write_that_stops_half_way_leaves_nothing(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="this system has no limit on the size of files")
    write_report(tmp_path, sample_night(10), [sample_backtest(0)])
    before = contents(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(ReportError, match="size limit"):
            write_report(tmp_path, sample_night(20), [sample_backtest(2)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert contents(tmp_path) == before


def test_a_file_where_the_folder_should_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("in the way")
    with pytest.raises(ReportError, match="A file stands where a folder should be"):
        write_report(tmp_path / "reports", sample_night(2), ())


def test_what_a_killed_process_left_is_cleared_and_a_living_one_is_spared(tmp_path: Path) -> None:
    write_report(tmp_path, sample_night(4), [sample_backtest(0)])
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(30)
    dead = tmp_path / "backtests" / f".8.html.{ended.pid}.tmp"
    alive = tmp_path / "backtests" / f".8.html.{os.getppid()}.tmp"
    for path in (dead, alive):
        path.write_text("half a page")
    write_report(tmp_path, sample_night(4), [sample_backtest(0)])
    assert not dead.exists()
    assert alive.exists()


def test_pages_are_rendered_one_at_a_time(tmp_path: Path) -> None:
    written: list[list[str]] = []

    def backtests() -> Any:
        for number in (0, 2):
            written.append(sorted(path.name for path in tmp_path.glob("backtests/*.html")))
            yield sample_backtest(number)

    write_report(tmp_path, sample_night(4), backtests())
    assert written == [[], ["0.html"]]
