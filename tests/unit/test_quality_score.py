"""The score of a symbol: what it counts, what it never does, and that its parts explain it."""

from __future__ import annotations

from datetime import date, timedelta
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quality_markets import AS_OF, calm_market, context_of, found, scaled

from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality import compute_scores, explain
from alphafactory.quality.score import LOST

BATCH = calm_market(("AAA", "BBB"))
CONTEXT = context_of(BATCH)
DAYS = [day.item() for day in BATCH.sessions[BATCH.codes == 0]]


def score(findings: list[Finding], ticker: str = "AAA") -> float:
    return compute_scores(BATCH, findings, CONTEXT)[ticker]


def quarantined(day: date, rule: str = "spoiled") -> Finding:
    return Finding(rule, Severity.ERROR, "AAA", "it is wrong", day, quarantined=True)


def gap(first: int, last: int, rule: str = "missing_sessions") -> Finding:
    span = {"from": DAYS[first].isoformat(), "to": DAYS[last].isoformat(), "sessions": last - first + 1}
    return Finding(rule, Severity.WARNING, "AAA", "no bar", DAYS[first], span)


def notes(count: int, severity: Severity = Severity.NOTE, kinds: int = 1) -> list[Finding]:
    return [Finding(f"kind_{k % kinds}", severity, "AAA", "look", DAYS[k]) for k in range(count)]


def test_nothing_found_is_one_and_no_bar_is_zero() -> None:
    assert compute_scores(BATCH, [], CONTEXT) == {"AAA": 1.0, "BBB": 1.0}
    assert compute_scores(BATCH.take(BATCH.codes == 0), [], CONTEXT) == {"AAA": 1.0, "BBB": 0.0}


def test_findings_of_one_symbol_leave_the_others_alone() -> None:
    scores = compute_scores(BATCH, [*notes(3), quarantined(DAYS[5])], CONTEXT)
    assert scores["AAA"] < scores["BBB"] == 1.0


def test_a_symbol_without_three_tenths_of_its_bars_falls_below_one_half() -> None:
    third = int(0.3 * len(DAYS)) + 1
    assert score([quarantined(day) for day in DAYS[:third]]) < 0.5
    held = BATCH.take(BATCH.sessions >= BATCH.sessions[third])
    assert compute_scores(held, [gap(0, third - 1)], CONTEXT)["AAA"] < 0.5


def test_a_sound_stock_with_a_handful_of_notes_stays_near_one() -> None:
    assert score([*notes(5, kinds=5), quarantined(DAYS[7])]) > 0.95
    assert score(notes(100)) == pytest.approx(0.995)


def test_warnings_weigh_by_kind_up_to_a_cap() -> None:
    assert score(notes(3, Severity.WARNING)) == pytest.approx(0.97)
    assert score(notes(50, Severity.WARNING)) == pytest.approx(0.9)
    assert score(notes(50, Severity.WARNING, kinds=2)) == pytest.approx(0.81)


def test_an_error_of_a_whole_series_is_enough_to_refuse_it() -> None:
    split = scaled(BATCH, slice(100, int((BATCH.codes == 0).sum())), 0.25, 4.0)
    findings = found(split, "missed_split")
    assert compute_scores(split, findings, CONTEXT)["AAA"] < 0.5


def test_stale_bars_are_lost_but_the_first_of_a_run() -> None:
    [lost] = [part for part in explain(BATCH, [gap(10, 19, "stale_prices")], CONTEXT)["AAA"] if part.name == LOST]
    assert lost.count == 9
    assert lost.kept == pytest.approx(1 - 2 * 9 / len(DAYS))


def test_a_session_that_is_quarantined_and_missing_counts_once() -> None:
    # A delivery's unreadable row is quarantined in its finding, and its session has no bar.
    both = [gap(10, 12), *(quarantined(day) for day in DAYS[10:13])]
    [missing], [together] = (
        [p.count for p in explain(BATCH, f, CONTEXT)["AAA"] if p.name == LOST] for f in (both[:1], both)
    )
    assert missing == together == 3


def test_quarantined_days_within_a_gap_do_not_get_lost_in_it() -> None:
    friday = next(k for k, day in enumerate(DAYS) if day.weekday() == 4 and (DAYS[k + 1] - day).days == 3)
    days = [quarantined(DAYS[friday] + timedelta(days=k)) for k in range(4)]
    counts = [explain(BATCH, f, CONTEXT)["AAA"][0].count for f in (days, [gap(friday, friday + 1), *days])]
    assert counts == [4, 4]


def test_two_rules_on_one_bar_lose_it_once() -> None:
    parts = explain(BATCH, [quarantined(DAYS[5]), quarantined(DAYS[5], "other")], CONTEXT)["AAA"]
    assert [(part.name, part.count) for part in parts] == [(LOST, 1), ("other", 1), ("spoiled", 1)]


def test_what_shows_only_later_does_not_count_yet() -> None:
    later = Finding("reversal", Severity.ERROR, "AAA", "x", AS_OF, quarantined=True, evidence=AS_OF + timedelta(days=4))
    assert score([later]) == 1.0
    assert score([quarantined(AS_OF)]) < 1.0


def test_the_parts_multiply_to_the_score_and_can_be_stored() -> None:
    findings = [*notes(2), *notes(4, Severity.WARNING, kinds=2), quarantined(DAYS[3]), gap(40, 44)]
    parts = explain(BATCH, findings, CONTEXT)["AAA"]
    assert prod(part.kept for part in parts) == score(findings)
    assert parts[0].as_payload() == {"name": LOST, "count": 6, "kept": round(parts[0].kept, 6)}


@st.composite
def any_findings(draw: st.DrawFn) -> list[Finding]:
    day = st.integers(0, len(DAYS) - 1)
    kinds = {
        "note": lambda: notes(1, draw(st.sampled_from(list(Severity))))[0],
        # Days that are no session too: a quarantined weekend bar may lie within a gap.
        "bar": lambda: quarantined(DAYS[draw(day)] + timedelta(days=draw(st.integers(0, 3)))),
        "gap": lambda: gap(
            *sorted((draw(day), draw(day))), draw(st.sampled_from(["missing_sessions", "stale_prices"]))
        ),
    }
    return [kinds[kind]() for kind in draw(st.lists(st.sampled_from(sorted(kinds)), min_size=1, max_size=12))]


@settings(max_examples=150, deadline=None)
@given(any_findings(), st.randoms(use_true_random=False))
def test_more_findings_never_raise_a_score(findings: list[Finding], random: object) -> None:
    fewer = list(findings)
    fewer.pop(random.randrange(len(fewer)))  # type: ignore[attr-defined]
    assert 0.0 <= score(findings) <= score(fewer) + 1e-12
