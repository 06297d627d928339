"""What audits look at: who comes and goes, who announces, which symbols move alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from strategy_markets import random_bars, random_symbol, random_symbols

from alphafactory.pipeline.audit_ground import _announcing, _likeness, _with_comings_and_goings


def test_one_symbol_leaves_and_one_joins_within_the_history() -> None:
    seen = _with_comings_and_goings(random_symbols(1, 100, 5))
    assert [symbol.member is None for symbol in seen] == [True, True, True, False, False]
    joins, leaves = seen[3].member, seen[4].member
    assert joins is not None
    assert leaves is not None
    assert (np.flatnonzero(joins)[0], joins[-1]) == (40, True)
    assert (leaves[0], np.flatnonzero(leaves)[-1]) == (True, 69)


@pytest.mark.parametrize(("count", "changed"), [(0, 0), (1, 0), (2, 1), (3, 2)])
def test_somebody_always_stays(count: int, changed: int) -> None:
    seen = _with_comings_and_goings(random_symbols(1, 50, count))
    assert sum(symbol.member is not None for symbol in seen) == changed


def test_announcements_are_made_up_only_where_none_is_known() -> None:
    known = random_symbol(3, 200)
    assert _announcing(known) is known
    assert _announcing(replace(known, earnings=None)).earnings is None  # nobody asked for them
    made = _announcing(replace(known, earnings=np.full(200, np.nan))).earnings
    assert made is not None
    assert np.nanmin(made) == 1.0
    assert np.nanmax(made) == 20.0
    assert np.isnan(made).any()


def test_likeness_is_the_mean_correlation_of_the_newest_returns() -> None:
    first = random_bars(1, 400)
    same = [first, first, first]
    assert _likeness(same) == pytest.approx(3 / 14)
    others = [random_bars(seed, 400) for seed in range(20, 34)]
    matrix = np.corrcoef([np.diff(np.log(bars.close[-253:])) for bars in others])
    assert _likeness(others) == pytest.approx((matrix.sum() - 14) / (14 * 13))
    assert _likeness([first, random_bars(2, 400)]) == -1.0
    assert _likeness([first, first, random_bars(2, 300)]) == -1.0  # other sessions are not compared
    flat = replace(first, close=np.full(400, 5.0))
    assert _likeness([first, first, flat]) == -1.0
