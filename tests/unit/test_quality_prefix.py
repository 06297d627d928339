"""A verdict on a bar does not depend on later bars: what is known on a date is found by the bars up to it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quality_markets import RULES, calm_market, context_of, scaled

from alphafactory.domain.market import Dividend, Split
from alphafactory.quality import QualityContext, SeriesRule, judge

if TYPE_CHECKING:
    from datetime import date

    from alphafactory.domain.bars import BarBatch
    from alphafactory.domain.findings import Finding

OF_SERIES = {"early_stop", "late_listing", "missing_sessions", "shifted_sessions", "truncated_history", "zero_volume"}
"""These sum up a whole series as it stands on the night: later bars change what they say. None quarantines."""

OF_BARS = [rule for rule in RULES if issubclass(rule, SeriesRule) and rule.name not in OF_SERIES]

BATCH = calm_market(("AAA", "BBB", "CCC"))
LENGTH = int((BATCH.codes == 0).sum())
FACTORS = st.sampled_from([0.01, 0.1, 0.25, 0.5, 0.66, 0.8, 1.3, 1.5, 2.0, 4.0, 10.0, 100.0])


def known_on(finding: Finding) -> date:
    known = finding.evidence or finding.session
    assert known is not None
    return known


def verdicts(batch: BarBatch, context: QualityContext, day: date) -> set[tuple[str, str, date | None, date]]:
    """Return what the rules on bars know at the close of a day; a run's length is no verdict and may grow."""
    found = judge(batch, context, OF_BARS)
    return {(f.rule, f.subject, f.session, known_on(f)) for f in found if known_on(f) <= day}


@st.composite
def spoiled(draw: st.DrawFn) -> BarBatch:
    """Return a market with bars, stretches and tails on other levels, of other volume, standing still or missing."""
    batch = BATCH
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(batch) - 1))
        rows = slice(start, start + draw(st.sampled_from([1, 2, 6, 30, 100])))
        kind = draw(st.sampled_from(["level", "level", "volume", "stale", "weekend", "missing", "split"]))
        factor = draw(FACTORS)
        if kind == "level":
            batch = scaled(batch, rows, factor)
        elif kind == "volume":
            batch = scaled(batch, rows, 1.0, factor)
        elif kind == "split":
            batch = scaled(batch, rows, 1 / factor, factor)
        elif kind == "stale":
            columns = {name: getattr(batch, name).copy() for name in ("open", "high", "low", "close")}
            for column in columns.values():
                column[rows] = column[start]
            batch = replace(batch, **columns)
        elif kind == "weekend":
            days = batch.sessions.copy()
            days[start] = days[start] + np.timedelta64(draw(st.sampled_from([1, 2])), "D")
            moved = replace(batch, sessions=days).ordered()
            repeats = (np.diff(moved.codes) == 0) & (np.diff(moved.sessions).astype(int) == 0)
            batch = moved.take(np.concatenate(([True], ~repeats)))
        else:
            batch = batch.take(np.delete(np.arange(len(batch)), np.arange(start, min(rows.stop, len(batch) - 1))))
    return batch


@settings(max_examples=60, deadline=None)
@given(spoiled(), st.integers(5, LENGTH - 1), st.integers(0, LENGTH - 1), FACTORS)
def test_what_is_known_on_a_date_is_found_by_the_bars_up_to_it(
    batch: BarBatch, cut: int, action: int, ratio: float
) -> None:
    day, ex_date = BATCH.sessions[cut].item(), BATCH.sessions[action].item()
    market = {session.item(): 0.001 * (k % 5 - 2) for k, session in enumerate(BATCH.sessions[:LENGTH])}
    whole = context_of(
        batch, market=market, splits=(Split("AAA", ex_date, ratio),), dividends=(Dividend("BBB", ex_date, 20.0),)
    )
    then = replace(
        whole,
        as_of=day,
        newest_session=day,
        market={session: value for session, value in market.items() if session <= day},
        splits=tuple(split for split in whole.splits if split.ex_date <= day),
        dividends=tuple(dividend for dividend in whole.dividends if dividend.ex_date <= day),
    )
    before = batch.take(batch.sessions <= np.datetime64(day))
    assert verdicts(before, then, day) == verdicts(batch, whole, day)
    # A table keeps one finding a rule, symbol and session.
    keys = [(f.rule, f.subject, f.session) for f in judge(batch, whole, list(RULES))]
    assert len(set(keys)) == len(keys)
    # And nothing that it finds there is said to be known only later.
    assert all(known_on(finding) <= day for finding in judge(before, then, OF_BARS))


@pytest.mark.parametrize(("first", "last"), [(0, 12), (70, 85), (100, 140), (130, LENGTH)])
def test_another_unit_is_judged_by_the_bars_until_then_alone(first: int, last: int) -> None:
    batch = scaled(BATCH, slice(first, last), 100.0)
    whole = context_of(batch)
    for day in BATCH.sessions[:LENGTH:3].tolist():
        then = replace(whole, as_of=day, newest_session=day)
        before = batch.take(batch.sessions <= np.datetime64(day))
        assert verdicts(before, then, day) == verdicts(batch, whole, day)


def test_every_rule_that_quarantines_is_among_them() -> None:
    quarantining = {rule.name for rule in RULES if issubclass(rule, SeriesRule) and rule.quarantines}
    assert quarantining <= {rule.name for rule in OF_BARS}
    assert len(quarantining) >= 8
