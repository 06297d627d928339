"""What the report says of its data: sparklines read without eyes, ranks, sentences that keep count."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest
from browser.report_samples import sample_night, sample_quality

from alphafactory.pipeline import changes
from alphafactory.reports.data_contexts import ChangeRow, Moved, PastChanges, RestatedBar
from alphafactory.reports.rendering import Assets, render_index
from alphafactory.reports.sparklines import compute_floor, render_sparkline
from alphafactory.store.changes import Earlier

ASSETS = Assets("report.css", "report.js", "plotly.js")
NIGHT = date(2024, 3, 1)


def points_of(markup: str) -> list[tuple[float, float]]:
    found = re.search(r'points="([^"]*)"', markup)
    assert found is not None
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in found[1].split())]


def section_of(page: str, name: str) -> str:
    found = re.search(f'<section id="{name}".*?</section>', page, re.DOTALL)
    assert found is not None
    return " ".join(re.sub("<[^>]*>", " ", found[0]).split())


def test_a_sparkline_rises_with_the_score_and_ends_in_its_dot() -> None:
    trend = [(NIGHT + timedelta(days=n), score) for n, score in enumerate((0.6, 1.0, 0.8))]
    markup = str(render_sparkline(trend, 0.6))
    (left, bottom), (_, top), (right, middle) = points_of(markup)
    assert left < right
    assert top < middle < bottom
    assert (top + bottom) / 2 == pytest.approx(middle)
    assert f'cx="{right}" cy="{middle}"' in markup
    assert 'aria-label="0.600 on 2024-03-01, 0.800 tonight, the lowest of 3 nights 0.600"' in markup


def test_one_night_is_a_dot_and_none_a_dash() -> None:
    assert len(points_of(str(render_sparkline([(NIGHT, 0.7)], 0.5)))) == 1
    assert str(render_sparkline([], 0.5)) == "—"


def test_no_score_falls_out_of_the_scale() -> None:
    rows = sample_quality().lowest
    floor = compute_floor(rows)
    heights = [y for row in rows for _, y in points_of(str(render_sparkline(row.trend, floor)))]
    assert all(0 <= y <= 20 for y in heights)
    assert compute_floor([]) == 0.9


def test_equal_ratios_share_a_rank_and_the_undefined_have_none() -> None:
    rows = [
        {"id": n, "symbol_id": n, "ticker": f"S{n}", "strategy": "s", "sharpe": sharpe, "total_return": 0.1}
        for n, sharpe in enumerate((0.5, 0.5, 0.9, None, 0.1))
    ]
    before = {0: Earlier(90, 1.0, 0.2), 3: Earlier(93, 0.6, 0.0), 4: Earlier(94, 0.7, 0.1)}
    moved = list(changes._moved(rows, before, {0: "1 restated bar", 1: "1 restated bar", 3: "1 late action"}, "b"))
    assert [(row.symbol, row.old_rank, row.new_rank, row.climbed) for row in moved] == [
        ("S0", 1, 2, -1),
        ("S3", 4, None, None),
    ]


def test_the_biggest_movers_come_first() -> None:
    same = Moved(1, "A", "s", "", 0.1, 0.4, None, None, 5, 5)
    rows = [
        same,
        replace(same, symbol="B", old_rank=9),
        replace(same, symbol="C", old_rank=None),
        replace(same, symbol="D", old_rank=1, new_rank=30),
    ]
    assert [row.symbol for row in sorted(rows, key=changes._most_moved)] == ["D", "B", "A", "C"]


def test_a_judgement_that_turns_nothing_affects_nobody() -> None:
    judged = {"symbol_id": 7, "verdict": "accepted", "quarantined": False}
    assert changes._causes([], [], [judged]) == {}
    assert changes._causes([], [], [{**judged, "quarantined": True}]) == {7: "1 judgement"}
    assert changes._causes([{"symbol_id": 7}] * 2, [], []) == {7: "2 restated bars"}


def test_an_unchanged_past_is_one_line() -> None:
    night = replace(sample_night(4), past=PastChanges(NIGHT))
    text = section_of(render_index(night, {}, ASSETS), "past")
    assert text.startswith("What changed under your feet Nothing: no stored bar")
    assert "restated" not in text


def test_what_is_left_out_is_counted() -> None:
    bar = RestatedBar("A", NIGHT, "csv", 0.0, 1.0, 0.0, 5.0)
    late = tuple(ChangeRow("A", NIGHT, f"action {n}", "csv") for n in range(70))
    night = replace(sample_night(4), past=PastChanges(NIGHT, (bar,), 320, actions=late))
    text = section_of(render_index(night, {}, ASSETS), "past")
    assert "320 bars restated" in text
    assert "The first 1 are shown" in text
    assert "learned late: 70, the first 50 are shown" in text
    assert "action 49" in text
    assert "action 50" not in text


def test_a_skipped_source_shows_its_reason_and_no_zero() -> None:
    text = section_of(render_index(sample_night(4), {}, ASSETS), "sources")
    assert "skipped — — The package ccxt is not installed." in text
    assert "alpha_vantage 12 &lt; 0.1%" in text
