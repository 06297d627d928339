"""Stress tests of today's weights: windows found by brute force, shocks by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphafactory.errors import UnknownNameError, UsageError
from alphafactory.portfolio.stress import (
    WINDOWS,
    StressWindow,
    beta_shock,
    betas_to,
    equal_weight_market,
    sector_shock,
    worst_window,
)

WEIGHTS = np.array([0.5, -0.2, 0.3])


def sessions_of(count: int) -> np.ndarray:
    return np.datetime64("2020-01-01") + np.arange(count)


def returns_of(seed: int, sessions: int = 60, symbols: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.02, (sessions, symbols))


def found(window: StressWindow | str) -> StressWindow:
    assert isinstance(window, StressWindow)
    return window


@given(seed=st.integers(0, 10_000), length=st.sampled_from(WINDOWS))
@settings(max_examples=40, deadline=None)
def test_the_worst_window_is_the_worst_of_all(seed: int, length: int) -> None:
    returns = returns_of(seed)
    window = found(worst_window(WEIGHTS, returns, sessions_of(60), length))
    every = [
        sum(w * (math.prod(1 + r for r in returns[first : first + length, k]) - 1) for k, w in enumerate(WEIGHTS))
        for first in range(60 - length + 1)
    ]
    assert window.loss == pytest.approx(min(every), abs=1e-14)
    assert window.by_symbol.sum() == pytest.approx(window.loss, abs=1e-15)
    first = int(np.argmin(every))
    assert window.first == sessions_of(60)[first]
    assert window.last == sessions_of(60)[first + length - 1]


def test_a_window_by_hand() -> None:
    returns = np.array([[0.0, 0.0], [-0.1, 0.1], [-0.1, 0.0], [0.2, 0.0]])
    window = found(worst_window(np.array([1.0, -0.5]), returns, sessions_of(4), 2))
    # 0.9 * 0.9 - 1 = -0.19 on the long, and 10 % lost on half as much short.
    assert window.by_symbol == pytest.approx([-0.19, -0.05])
    assert window.loss == pytest.approx(-0.24)
    assert (str(window.first), str(window.last), window.length) == ("2020-01-02", "2020-01-03", 2)
    assert window.missing == 0.0


def test_a_short_book_fears_a_rally() -> None:
    returns = np.array([[0.01], [0.3], [-0.4]])
    window = found(worst_window(np.array([-1.0]), returns, sessions_of(3), 1))
    assert window.loss == pytest.approx(-0.3)
    assert str(window.first) == "2020-01-02"


def test_symbols_that_did_not_trade_count_with_nothing_and_are_told_of() -> None:
    returns = returns_of(1)
    returns[10, :] = -0.5
    returns[:20, 1] = np.nan
    window = found(worst_window(WEIGHTS, returns, sessions_of(60), 1))
    assert str(window.first) == "2020-01-11"
    assert window.missing == pytest.approx(0.2)
    assert window.by_symbol == pytest.approx([-0.25, 0.0, -0.15])
    # Without half of the weight the crash would say little of today's portfolio: it is passed over.
    returns[:20, 0] = np.nan
    later = found(worst_window(WEIGHTS, returns, sessions_of(60), 1))
    assert str(later.first) >= "2020-01-21"
    loose = found(worst_window(WEIGHTS, returns, sessions_of(60), 1, least_known=0.3))
    assert str(loose.first) == "2020-01-11"
    assert loose.missing == pytest.approx(0.7)


def test_symbols_that_are_not_held_do_not_matter() -> None:
    returns = returns_of(2)
    weights = np.array([0.5, 0.0, 0.3])
    window = found(worst_window(weights, returns, sessions_of(60), 5))
    returns[:, 1] = np.nan
    other = found(worst_window(weights, returns, sessions_of(60), 5))
    assert (other.loss, other.missing) == (window.loss, 0.0)


def test_without_a_position_or_a_past_there_is_a_reason() -> None:
    assert worst_window(np.zeros(3), returns_of(1), sessions_of(60), 5) == "no_position"
    assert worst_window(WEIGHTS, returns_of(1, 20), sessions_of(20), 21) == "fewer_than_21_sessions"
    assert worst_window(WEIGHTS, np.full((9, 3), np.nan), sessions_of(9), 1) == "no_window_is_known"
    with pytest.raises(UsageError, match="at least 1"):
        worst_window(WEIGHTS, returns_of(1), sessions_of(60), 0)


def test_a_sector_shock_moves_its_sectors_alone() -> None:
    shock = sector_shock(WEIGHTS, ["Energy", "Technology", "Energy"], {"Energy": -0.3, "Technology": 0.1})
    assert shock.by_symbol == pytest.approx([-0.15, -0.02, -0.09])
    assert shock.loss == pytest.approx(-0.26)
    assert shock.name == "Energy -30%, Technology +10%"
    assert not shock.assumed.any()
    with pytest.raises(UnknownNameError, match="Did you mean 'Energy'"):
        sector_shock(WEIGHTS, ["Energy", "Technology", "Energy"], {"Enery": -0.3})
    with pytest.raises(UsageError, match="from -1"):
        sector_shock(WEIGHTS, ["Energy", "Technology", "Energy"], {"Energy": -1.3})


def test_a_market_shock_goes_by_beta_and_takes_no_more_than_everything() -> None:
    shock = beta_shock(WEIGHTS, np.array([2.0, 0.5, np.nan]), -0.1)
    assert shock.by_symbol == pytest.approx([-0.1, 0.01, -0.03])
    assert shock.loss == pytest.approx(-0.12)
    assert shock.assumed.tolist() == [False, False, True]
    assert shock.name == "market -10%"
    deep = beta_shock(np.array([1.0]), np.array([3.0]), -0.5)
    assert deep.loss == -1.0
    assert beta_shock(np.zeros(3), np.full(3, np.nan), -0.1).loss == 0.0
    for move in (-1.5, math.nan, math.inf):
        with pytest.raises(UsageError, match="from -1"):
            beta_shock(WEIGHTS, np.ones(3), move)


def test_betas_are_regression_slopes_where_both_are_known() -> None:
    random = np.random.default_rng(3)
    market = random.normal(0, 0.01, 300)
    returns = np.outer(market, [1.5, -0.5, 0.0]) + random.normal(0, 0.001, (300, 3))
    returns[:100, 1] = np.nan
    returns[:250, 2] = np.nan
    market[200] = np.nan
    betas = betas_to(returns, market)
    for symbol, first in ((0, 0), (1, 100)):
        rows = np.setdiff1d(np.arange(first, 300), [200])
        assert betas[symbol] == pytest.approx(np.polyfit(market[rows], returns[rows, symbol], 1)[0], rel=1e-9)
    assert math.isnan(betas[2])
    assert np.isnan(betas_to(returns, np.full(300, 0.001))).all()


def test_the_equal_weight_market_is_the_mean_of_what_is_known() -> None:
    returns = np.array([[0.1, 0.3], [np.nan, -0.2], [np.nan, np.nan]])
    np.testing.assert_allclose(equal_weight_market(returns), [0.2, -0.2, np.nan])
    universe = returns_of(4, 200, 50)
    # Betas to the mean of all have the mean 1.
    assert betas_to(universe, equal_weight_market(universe)).mean() == pytest.approx(1.0, abs=1e-12)
