"""Pairs by cointegration: the test of many pairs, forming, trading, and the whole against plain loops."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from reference_pairs import (
    plain_cointegration_pairs,
    plain_dickey_fuller,
    plain_engle_granger,
    plain_formation,
    plain_position,
)
from strategy_markets import context_of, random_symbols, sessions_of, view_of
from uneven_panels import demand_no_peeking, settled_after, targets, uneven_symbols

from alphafactory.domain.plugins import MarketView
from alphafactory.errors import UsageError
from alphafactory.strategies.parameters import resolve_parameters
from alphafactory.strategies.statistical.cointegration import critical_value, dickey_fuller, engle_granger
from alphafactory.strategies.statistical.cointegration_pairs import CointegrationPairs
from alphafactory.strategies.statistical.pair_formation import form_pairs, formations, log_closes
from alphafactory.strategies.statistical.pair_trading import legs, positions

DEFAULTS = resolve_parameters(CointegrationPairs, {})
SHORT = resolve_parameters(CointegrationPairs, {"window": 100, "months": 1, "pairs": 4, "enter": 1.5, "level": 0.1})
"""Pairs that are formed often and traded much."""


def walks(seed: int, length: int, columns: int) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).normal(0.0, 0.01, (length, columns)), axis=0)


def returning(seed: int, length: int, columns: int, keeps: float = 0.85) -> np.ndarray:
    steps, found = np.random.default_rng(seed).normal(0.0, 0.01, (length, columns)), np.zeros((length, columns))
    for row in range(1, length):
        found[row] = keeps * found[row - 1] + steps[row]
    return found


def panel(
    log_prices: np.ndarray, sectors: tuple[str | None, ...] = (), member: np.ndarray | None = None, first: int = 0
) -> MarketView:
    price, days = np.exp(log_prices), sessions_of(first + len(log_prices) + 1)[first:]
    prices = [price] * 5
    return MarketView(days[:-1], *prices, indicators={}, next_sessions=days[1:], sectors=sectors, member=member)


def pairs_at(view: MarketView, row: int, **params: float) -> list[tuple[int, int]]:
    y, x, _ = form_pairs(view, log_closes(view), row, {**DEFAULTS, **params})
    return list(zip(y.tolist(), x.tolist(), strict=True))


@pytest.mark.parametrize("lags", range(6))
def test_the_statistic_is_that_of_one_multiple_regression(lags: int) -> None:
    spreads = np.hstack([walks(1, 120, 4), returning(2, 120, 4)])
    spreads -= spreads.mean(axis=0)
    expected = [plain_dickey_fuller(spread, lags) for spread in spreads.T]
    np.testing.assert_allclose(dickey_fuller(spreads, lags), expected, rtol=1e-9)


def test_the_regression_is_least_squares_pair_by_pair() -> None:
    x = 4.0 + walks(3, 200, 5)
    y = 0.7 + x * np.array([0.5, 1.0, 1.5, 2.0, -1.0]) + returning(4, 200, 5)
    expected = [plain_engle_granger(one, other, 2) for one, other in zip(y.T, x.T, strict=True)]
    found = engle_granger(y, x, 2)
    np.testing.assert_allclose(np.column_stack(found), expected, rtol=1e-8)
    np.testing.assert_allclose(found.slope, [0.5, 1.0, 1.5, 2.0, -1.0], atol=0.1)


def test_what_cannot_be_regressed_has_no_hedge_and_no_statistic() -> None:
    constant, walk = np.full((50, 1), 4.0), 4.0 + walks(5, 50, 1)
    assert engle_granger(constant, constant, 1).statistic.tolist() == [0.0]
    assert engle_granger(constant, walk, 1).statistic.tolist() == [0.0]
    assert engle_granger(walk, constant, 1).slope.tolist() == [0.0]


def test_critical_values_are_the_published_ones() -> None:
    # MacKinnon (2010), table 2, N = 2 with a constant; for 100 sessions by hand: -3.33613 - 0.061101 - 0.0006823.
    for level, limit in ((0.01, -3.89644), (0.05, -3.33613), (0.1, -3.04445)):
        assert critical_value(level, 10**9) == pytest.approx(limit, abs=1e-7)
    assert critical_value(0.05, 100) == pytest.approx(-3.3979133, abs=1e-9)
    between = [critical_value(level, 250) for level in (0.01, 0.02, 0.05, 0.07, 0.1)]
    assert between == sorted(between)
    assert len(set(between)) == 5


@pytest.mark.parametrize("level", [0.01, 0.05, 0.1])
def test_random_walks_are_rejected_at_about_the_level(level: int) -> None:
    found = engle_granger(walks(6, 250, 4000), walks(7, 250, 4000), 1).statistic
    share = (found < critical_value(level, 249)).mean()
    # Three deviations of a share of 4,000 pairs, and a tenth for the terms of higher order.
    assert share == pytest.approx(level, abs=3.0 * np.sqrt(level / 4000) + 0.1 * level)


def test_cointegrated_pairs_are_found_and_others_are_not() -> None:
    common, own = walks(8, 252, 3), returning(9, 252, 6) * 0.5
    prices = 4.0 + np.hstack([common, common * 0.8])[:, [0, 3, 1, 4, 2, 5]] + own
    view = panel(prices)
    assert {frozenset(pair) for pair in pairs_at(view, 251)} == {
        frozenset((0, 1)),
        frozenset((2, 3)),
        frozenset((4, 5)),
    }
    _, _, found = form_pairs(view, log_closes(view), 251, DEFAULTS)
    assert found.statistic.tolist() == sorted(found.statistic)


def test_pairs_stay_within_a_sector_and_those_without_one_are_a_sector() -> None:
    common = walks(10, 252, 1)
    prices = 4.0 + common + 0.3 * returning(11, 252, 5)
    view = panel(prices, ("Energy", "Energy", "Utilities", None, None))
    assert {frozenset(pair) for pair in pairs_at(view, 251)} == {frozenset((0, 1)), frozenset((3, 4))}
    assert len(pairs_at(panel(prices), 251)) == 10
    assert len(pairs_at(panel(prices), 251, pairs=3)) == 3
    assert pairs_at(panel(prices), 251, pairs=3) == pairs_at(panel(prices), 251)[:3]
    assert pairs_at(panel(prices), 251, correlation=0.99) == []


def test_no_order_of_symbols_changes_the_pairs() -> None:
    view = panel(4.0 + walks(12, 252, 1) + 0.5 * returning(13, 252, 7, 0.93))
    expected, order = pairs_at(view, 251), np.array([4, 2, 6, 0, 5, 1, 3])
    turned = panel(np.log(view.close[:, order]))
    assert 1 < len(expected) < 21
    assert [(int(order[y]), int(order[x])) for y, x in pairs_at(turned, 251)] == expected


def test_who_is_no_member_has_a_gap_or_is_one_thing_twice_is_left_out() -> None:
    prices = 4.0 + walks(14, 252, 1) + 0.3 * returning(15, 252, 5)
    member = np.ones(prices.shape, dtype=bool)
    member[251, 0] = False
    prices[100, 1] = np.nan
    prices[:, 2] = 3.0
    prices = np.hstack([prices, prices[:, 4:] + 1e-5 * np.random.default_rng(16).normal(size=(252, 1))])
    view = panel(prices, member=np.hstack([member, member[:, 4:]]))
    assert {frozenset(pair) for pair in pairs_at(view, 251)} == {frozenset((3, 4)), frozenset((3, 5))}


def test_symbols_that_move_against_each_other_are_no_pair() -> None:
    # Their sum returns, so that they are cointegrated, but holding both against each other would hedge nothing.
    walk, noise = 0.6 * walks(16, 252, 1), returning(17, 252, 1, 0.2)
    prices = 4.0 + np.hstack([noise + walk, noise - walk])
    found = engle_granger(prices[:, :1], prices[:, 1:], 1)
    assert found.statistic[0] < critical_value(0.01, 251)
    assert found.slope[0] < 0.0
    assert pairs_at(panel(prices), 251, correlation=0.0) == []


def test_formations_come_with_the_calendar_once_there_is_a_window() -> None:
    view = panel(4.0 + walks(16, 700, 1) + 0.3 * returning(17, 700, 3))
    found = list(formations(view, log_closes(view), DEFAULTS))
    days = view.sessions[[one.row for one in found]].astype(str).tolist()
    assert days == [
        "2010-12-31",
        "2011-03-31",
        "2011-06-30",
        "2011-09-30",
        "2011-12-30",
        "2012-03-30",
        "2012-06-29",
        "2012-09-28",
    ]
    assert [one.end for one in found] == [*(one.row for one in found[1:]), 700]
    assert all(one.since[0] == before.row for before, one in itertools.pairwise(found))
    later = panel(np.log(view.close[300:]), first=300)
    again = list(formations(later, log_closes(later), DEFAULTS))
    assert {str(later.sessions[one.row]) for one in again} <= set(days)


def test_positions_are_those_of_a_plain_loop() -> None:
    random = np.random.default_rng(18)
    away = 1.6 * np.cumsum(random.normal(0.0, 0.4, (4000, 3)), axis=0) % 12.0 - 6.0
    away[random.random(away.shape) < 0.02] = np.nan
    usable = random.random(away.shape) > 0.01
    found = positions(away, usable, DEFAULTS)
    expected = np.zeros(away.shape)
    for column in range(3):
        position, barred = 0, False
        for row in range(len(away)):
            seen = away[row, column] if usable[row, column] else np.nan
            position, barred = plain_position(position, barred, seen, DEFAULTS)
            expected[row, column] = position
    np.testing.assert_array_equal(found, expected)
    assert set(np.unique(found)) == {-1.0, 0.0, 1.0}


def test_a_spread_that_ran_away_is_left_alone_until_it_is_back() -> None:
    away = np.array([[0.0, 2.5, 4.5, 3.0, 2.5, 0.4, 2.5, 0.6, 0.4, -5.0, -3.0, 0.0]]).T
    found = positions(away, np.ones(away.shape, dtype=bool), DEFAULTS)[:, 0]
    assert found.tolist() == [0, -1, 0, 0, 0, 0, -1, -1, 0, 0, 0, 0]


def test_legs_have_their_share_and_hedge_each_other() -> None:
    y, x = legs(np.array([0.5, 1.0, 2.0]), 0.1)
    np.testing.assert_allclose(np.abs(y) + np.abs(x), 0.1)
    np.testing.assert_allclose(x / y, [-0.5, -1.0, -2.0])


@pytest.mark.parametrize("seed", [20, 21])
@pytest.mark.parametrize("params", [DEFAULTS, SHORT], ids=["defaults", "short"])
def test_the_whole_equals_plain_loops_on_an_uneven_universe(seed: int, params: dict[str, float]) -> None:
    view = view_of(CointegrationPairs, params, uneven_symbols(seed, 800), context_of(2000))
    found = CointegrationPairs.signals(view, params)
    assert found.any(axis=1).mean() > 0.1
    np.testing.assert_allclose(found, plain_cointegration_pairs(view, params), atol=1e-9)


def test_a_trade_goes_on_where_its_pair_is_formed_again_and_ends_where_it_is_not() -> None:
    view = view_of(CointegrationPairs, SHORT, random_symbols(22, 900, 9), context_of(2000))
    target, formed = CointegrationPairs.signals(view, SHORT), list(formations(view, log_closes(view), SHORT))
    held = {one.row: {(a, b) for a, b in zip(one.y, one.x, strict=True)} for one in formed}
    went_on = ended = 0
    for before, one in itertools.pairwise(formed):
        for y, x in held[before.row]:
            if target[one.row - 1, y] * target[one.row - 1, x] < 0.0 and before.end == one.row:
                again = bool({(y, x), (x, y)} & held[one.row])
                went_on += again and target[one.row, y] * target[one.row - 1, y] > 0.0
                ended += not again and target[one.row, y] == 0.0
    assert went_on > 0
    assert ended > 0


def test_half_a_pair_is_not_held() -> None:
    symbols = random_symbols(23, 700, 4)[::3]
    whole = targets(CointegrationPairs, SHORT, symbols)
    row = int(np.flatnonzero(whole[:-5, 0])[10])
    member = np.arange(700) != row
    cut = [symbols[0], dataclasses.replace(symbols[1], member=member)]
    assert (whole[row] != 0.0).all()
    assert targets(CointegrationPairs, SHORT, cut)[row].tolist() == [0.0, 0.0]


def test_the_weights_of_a_pair_stay_while_it_is_held() -> None:
    view = view_of(CointegrationPairs, SHORT, random_symbols(24, 900, 4)[::3], context_of(2000))
    target, most = CointegrationPairs.signals(view, SHORT), 1.0 / SHORT["pairs"]
    for one in formations(view, log_closes(view), SHORT):
        sizes = np.abs(target[one.row : one.end])
        assert {len(np.unique(column[column > 0.0])) for column in sizes.T} <= {0, 1}
        np.testing.assert_allclose(sizes.sum(axis=1)[sizes[:, 0] > 0.0], most)
    assert target.any()


def test_weights_are_never_more_than_the_equity() -> None:
    for seed in range(3):
        target = targets(CointegrationPairs, {**SHORT, "enter": 0.6}, random_symbols(seed, 600, 9))
        assert 0.8 < np.abs(target).sum(axis=1).max() <= 1.0 + 1e-12


def test_returning_spreads_earn_money_before_costs() -> None:
    gains = []
    for seed in range(30, 42):
        symbols = random_symbols(seed, 760, 6)
        target = targets(CointegrationPairs, DEFAULTS, symbols)
        opens = np.column_stack([symbol.bars.open for symbol in symbols])
        # A target of one close is filled at the next open and held until the open after it.
        gains.append((target[:-2] * (opens[2:] / opens[1:-1] - 1.0)).sum())
    assert np.mean(gains) > 3.0 * np.std(gains, ddof=1) / np.sqrt(len(gains))


def test_nothing_is_seen_before_it_is_known() -> None:
    demand_no_peeking(CointegrationPairs, SHORT, uneven_symbols(25, 700), [98, 120, 333, 480, 619, 641, 698])


@pytest.mark.parametrize("start", [7, 40, 101, 163, 225])
def test_it_forgets_where_history_starts_as_soon_as_declared(start: int) -> None:
    assert settled_after(CointegrationPairs, SHORT, random_symbols(26, 700, 6), start) <= CointegrationPairs.settling(
        SHORT
    )


def test_it_is_still_where_there_is_nothing_to_trade() -> None:
    for length, columns in ((0, 2), (1, 1), (40, 3), (300, 1)):
        view = panel(4.0 + walks(27, length, columns))
        assert not CointegrationPairs.signals(view, DEFAULTS).any()
    assert not CointegrationPairs.signals(panel(np.full((300, 3), np.nan)), DEFAULTS).any()
    assert not CointegrationPairs.signals(panel(np.full((300, 3), 4.0)), DEFAULTS).any()


def test_thresholds_must_lie_in_order() -> None:
    for wrong in ({"enter": 0.5}, {"leave": 2.0}, {"enter": 4.0}, {"stop": 2.0}):
        with pytest.raises(UsageError, match="'cointegration_pairs' wants leave < enter < stop"):
            resolve_parameters(CointegrationPairs, wrong)


def test_the_reference_forms_the_same_pairs() -> None:
    view = panel(4.0 + walks(28, 300, 1) + 0.5 * returning(29, 300, 8, 0.94), ("A", "B") * 4)
    for row in (251, 270, 299):
        expected = [(pair.y, pair.x) for pair in plain_formation(view, row, DEFAULTS)]
        assert pairs_at(view, row) == expected
