"""Pairs by a Kalman filter: the filter against the textbook's, and the whole against plain loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from reference_pairs import plain_kalman, plain_kalman_pairs
from strategy_markets import context_of, random_symbols, view_of
from uneven_panels import demand_no_peeking, settled_after, targets, uneven_symbols

from alphafactory.errors import UsageError
from alphafactory.strategies.parameters import resolve_parameters
from alphafactory.strategies.statistical.kalman_pairs import KalmanPairs, kalman
from alphafactory.strategies.statistical.pair_formation import formations, log_closes

DEFAULTS = resolve_parameters(KalmanPairs, {})
SHORT = resolve_parameters(KalmanPairs, {"window": 100, "months": 1, "pairs": 4, "enter": 1.5, "level": 0.1})


def drifting(seed: int, length: int, drift: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make y, x and the true slope, which walks at random from 1."""
    random = np.random.default_rng(seed)
    x = np.cumsum(random.normal(0.0, 0.2, (length, 4)), axis=0)
    slope = 1.0 + np.cumsum(random.normal(0.0, np.sqrt(drift), (length, 4)), axis=0)
    return slope * x + random.normal(0.0, 1.0, (length, 4)), x, slope


@pytest.mark.parametrize("drift", [1e-7, 1e-4, 1e-2])
def test_the_filter_is_the_textbooks(drift: float) -> None:
    y, x, _ = drifting(1, 400, drift)
    y[np.random.default_rng(2).random(y.shape) < 0.05] = np.nan
    x[100:110, 1] = np.nan
    begin = np.array([1.0, 0.5, 2.0, -1.0])
    found = kalman(y, x, begin, drift)
    for column in range(4):
        surprises, slopes = plain_kalman(y[:, column], x[:, column], begin[column], drift)
        np.testing.assert_allclose(found.surprise[:, column], surprises, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(found.slope[:, column], slopes, rtol=1e-8, atol=1e-10)
    assert begin.tolist() == [1.0, 0.5, 2.0, -1.0]


def test_a_filter_without_drift_is_least_squares_with_a_prior() -> None:
    # Two more observations, of the level and of the slope themselves, each with the noise's variance, are the prior.
    y, x, _ = drifting(3, 300, 0.0)
    found = kalman(y, x, np.full(4, 0.8), 0.0)
    for column in range(4):
        design = np.vstack([np.eye(2), np.column_stack([np.ones(300), x[:, column]])])
        expected, *_ = np.linalg.lstsq(design, np.concatenate([[0.0, 0.8], y[:, column]]), rcond=None)
        assert found.slope[-1, column] == pytest.approx(expected[1], rel=1e-9)


def test_it_follows_a_ratio_that_walks_and_its_surprises_are_standard() -> None:
    y, x, slope = drifting(4, 3000, 1e-3)
    found, still = kalman(y, x, np.ones(4), 1e-3), kalman(y, x, np.ones(4), 0.0)
    rows = slice(200, None)
    assert np.abs(found.slope - slope)[rows].mean() < 0.3 * np.abs(still.slope - slope)[rows].mean()
    assert found.surprise[rows].std() == pytest.approx(1.0, abs=0.03)
    lagged = np.corrcoef(found.surprise[200:-1].ravel(), found.surprise[201:].ravel())[0, 1]
    assert abs(lagged) < 0.03


def test_a_session_without_a_price_teaches_nothing() -> None:
    y, x, _ = drifting(5, 50, 1e-4)
    y[20:30] = np.nan
    found = kalman(y, x, np.ones(4), 1e-4)
    assert np.isnan(found.surprise[20:30]).all()
    assert (found.slope[20:30] == found.slope[19]).all()
    assert not np.isnan(found.slope).any()


@pytest.mark.parametrize("seed", [20, 21])
@pytest.mark.parametrize("params", [DEFAULTS, SHORT], ids=["defaults", "short"])
def test_the_whole_equals_plain_loops_on_an_uneven_universe(seed: int, params: dict[str, float]) -> None:
    view = view_of(KalmanPairs, params, uneven_symbols(seed, 800), context_of(2000))
    found = KalmanPairs.signals(view, params)
    assert found.any(axis=1).mean() > 0.1
    np.testing.assert_allclose(found, plain_kalman_pairs(view, params), atol=1e-9)


def test_a_pair_keeps_the_weights_of_its_entry() -> None:
    params = {**SHORT, "drift": 1e-2, "enter": 0.8, "leave": 0.1}
    view = view_of(KalmanPairs, params, random_symbols(24, 900, 4)[::3], context_of(2000))
    target, trades = KalmanPairs.signals(view, params), 0
    for one in formations(view, log_closes(view), params):
        rows = target[one.row : one.end]
        starts = np.flatnonzero(np.diff(np.sign(rows[:, 0]))) + 1
        for trade in np.split(rows, starts):
            assert len(np.unique(trade, axis=0)) == 1
            np.testing.assert_allclose(np.abs(trade).sum(axis=1), 0.25 if trade.any() else 0.0)
        trades += len(starts)
    hedges = target[:, 1][target[:, 0] != 0.0] / target[:, 0][target[:, 0] != 0.0]
    assert trades > 20
    assert len(np.unique(hedges.round(9))) > 10


def test_a_pair_whose_ratio_turns_round_is_left() -> None:
    params = {**SHORT, "months": 12, "drift": 1e-2, "enter": 0.6, "leave": 0.1, "stop": 10.0}
    symbols = random_symbols(27, 400, 4)[::3]
    rows = np.arange(400) > 260
    mirror = np.where(rows, symbols[0].bars.close[260] ** 2 / symbols[0].bars.close, symbols[1].bars.close)
    symbols[1] = replace(symbols[1], bars=replace(symbols[1].bars, close=mirror))
    view = view_of(KalmanPairs, params, symbols, context_of(2000))
    found = KalmanPairs.signals(view, params)
    np.testing.assert_allclose(found, plain_kalman_pairs(view, params), atol=1e-9)
    assert found[252:262].any()
    assert (found.prod(axis=1) <= 0.0).all()


def test_weights_are_never_more_than_the_equity() -> None:
    for seed in range(3):
        target = targets(KalmanPairs, {**SHORT, "enter": 0.6}, random_symbols(seed, 600, 9))
        assert 0.8 < np.abs(target).sum(axis=1).max() <= 1.0 + 1e-12


def test_returning_spreads_earn_money_before_costs() -> None:
    gains = []
    for seed in range(30, 42):
        symbols = random_symbols(seed, 760, 6)
        target = targets(KalmanPairs, DEFAULTS, symbols)
        opens = np.column_stack([symbol.bars.open for symbol in symbols])
        gains.append((target[:-2] * (opens[2:] / opens[1:-1] - 1.0)).sum())
    assert np.mean(gains) > 3.0 * np.std(gains, ddof=1) / np.sqrt(len(gains))


def test_nothing_is_seen_before_it_is_known() -> None:
    demand_no_peeking(KalmanPairs, SHORT, uneven_symbols(25, 700), [98, 120, 333, 480, 619, 641, 698])


@pytest.mark.parametrize("start", [7, 40, 101, 163, 225])
def test_it_forgets_where_history_starts_as_soon_as_declared(start: int) -> None:
    assert settled_after(KalmanPairs, SHORT, random_symbols(26, 700, 6), start) <= KalmanPairs.settling(SHORT)


def test_thresholds_must_lie_in_order() -> None:
    with pytest.raises(UsageError, match="'kalman_pairs' wants leave < enter < stop"):
        resolve_parameters(KalmanPairs, {"leave": 1.9, "enter": 1.5})
