"""Rankings by hand, without a look ahead, the same every time."""

from __future__ import annotations

import numpy as np
import pytest
from portfolio_samples import random_returns

from alphafactory.domain.allocation import RANKINGS
from alphafactory.errors import UnknownNameError
from alphafactory.portfolio import first_in_line, priorities


def test_strong_signals_come_first_whatever_their_side() -> None:
    found = priorities(np.array([[0.2, -0.9, 0.5]]), np.zeros((1, 3)), "signal", 1)
    np.testing.assert_array_equal(found, [[0.2, 0.9, 0.5]])


def test_the_calm_come_first() -> None:
    returns = random_returns(3, 80, 4)
    found = priorities(np.ones((80, 4)), returns, "volatility", 1)
    assert np.all(found[:59] == -np.inf)
    for row in (59, 70, 79):
        by_hand = [-np.std(returns[row - 59 : row + 1, column], ddof=1) for column in range(4)]
        np.testing.assert_allclose(found[row], by_hand, rtol=1e-12)


def test_momentum_is_the_year_without_its_newest_month() -> None:
    returns = random_returns(4, 300, 3)
    closes = 20.0 * np.cumprod(1.0 + returns, axis=0)
    found = priorities(np.tile([1.0, -1.0, 0.0], (300, 1)), returns, "momentum", 1)
    assert np.all(found[:251] == -np.inf)
    for row in (252, 280, 299):
        by_hand = closes[row - 21] / closes[row - 252] - 1.0
        np.testing.assert_allclose(found[row], by_hand * [1.0, -1.0, 1.0], rtol=1e-10)


@pytest.mark.parametrize("model", ["volatility", "momentum"])
def test_a_late_listing_waits_for_its_window_and_a_gap_does_not_set_it_back(model: str) -> None:
    returns = random_returns(5, 400, 2)
    returns[:50, 0] = np.nan
    returns[120, 0] = np.nan
    needed = 60 if model == "volatility" else 252
    found = priorities(np.ones((400, 2)), returns, model, 1)
    # Momentum leaves the newest month out, but its window begins where it begins.
    assert np.all(found[: 50 + needed - 1, 0] == -np.inf)
    assert np.all(np.isfinite(found[50 + needed - 1 :, 0]))


def test_lots_depend_on_the_seed_alone() -> None:
    signals, returns = np.ones((30, 5)), np.zeros((30, 5))
    found = priorities(signals, returns, "random", 7)
    np.testing.assert_array_equal(found, priorities(signals, returns, "random", 7))
    assert not np.array_equal(found, priorities(signals, returns, "random", 8))
    np.testing.assert_array_equal(found[:20], priorities(signals[:20], returns[:20], "random", 7))
    assert len(np.unique(found)) == found.size


@pytest.mark.parametrize("model", RANKINGS)
def test_the_future_changes_nothing(model: str) -> None:
    returns, signals = random_returns(6, 320, 3), np.sign(random_returns(7, 320, 3))
    found = priorities(signals, returns, model, 1)
    changed = returns.copy()
    changed[280:] = random_returns(8, 40, 3)
    np.testing.assert_array_equal(priorities(signals, changed, model, 1)[:280], found[:280])


def test_an_unknown_ranking_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"ranking 'momentun'.*'momentum'"):
        priorities(np.ones((1, 1)), np.ones((1, 1)), "momentun", 1)


def test_capital_is_for_as_many_as_there_are_places() -> None:
    signals = np.array([[1.0, -1.0, 0.5, 1.0], [1.0, -1.0, 0.5, 1.0], [1.0, -1.0, -0.5, 1.0], [0.0, -1.0, -0.5, 1.0]])
    ranks = np.array([[1.0, 2.0, 9.0, 2.0]] * 3 + [[9.0, -np.inf, 1.0, 2.0]])
    rebalance = np.array([True, False, False, True])
    found = first_in_line(signals, ranks, rebalance, 2)
    # The third is first and the second wins the tie with the fourth; the third's new signal counts although it had a
    # place, the others wait. In the last row the first wants nothing any more.
    assert found.tolist() == [[0, -1, 0.5, 0], [0, -1, 0.5, 0], [0, -1, -0.5, 0], [0, 0, -0.5, 1]]
    begun = signals.copy()
    begun[1, 0], begun[2, 0] = 0.0, 1.0
    assert first_in_line(begun, ranks, rebalance, 2)[2].tolist() == [1, -1, -0.5, 0]
    assert first_in_line(signals, ranks, rebalance, 0) is signals
