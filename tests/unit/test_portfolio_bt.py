"""Portfolios of bt 1.4.1: the same equity and positions where it models the same; else the market that shows it.

An upgrade of the peer that changes one of its answers fails here; docs/peers.md then needs a new line.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from peer_markets import FLAT, bars_of, random_walk, without_halts
from peer_portfolios import (
    CAPITAL,
    LOOKBACK,
    PORTFOLIO_AGREEMENTS,
    PortfolioRun,
    bt_calendar,
    bt_module,
    bt_targets,
    closes_of,
    demand_same_portfolio,
    from_second,
    ours,
    period_ends,
    small_markets,
    with_bt,
)

from alphafactory.portfolio.schedule import rebalance_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.bars import Bars

SYMBOLS, SESSIONS = 6, 250
SECOND = np.array([False, True, False, False])
SECOND_AND_THIRD = np.array([False, True, True, False])
STEADY = (100.0, 100.0, 100.0, 100.0)
ONE_PERCENT = {"commissions": lambda quantity, price: abs(quantity) * price * 0.01}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", PORTFOLIO_AGREEMENTS)
def test_the_programs_agree(name: str, seed: int) -> None:
    PORTFOLIO_AGREEMENTS[name]([without_halts(random_walk(10 * seed + k, SESSIONS)) for k in range(SYMBOLS)])


def test_a_difference_is_seen() -> None:
    markets = small_markets(STEADY, STEADY)
    run = with_bt(markets, bt_targets(markets, from_second(0.5, 0.5), SECOND))
    assert demand_same_portfolio(run, run, markets) == 0.0
    wrong = run.positions.copy()
    wrong[1, 0] *= 1 + 3e-9
    for error in (
        PortfolioRun(run.equity * (1 + 3e-9), run.positions),
        PortfolioRun(run.equity, wrong),
        PortfolioRun(run.equity, np.zeros_like(wrong)),
    ):
        with pytest.raises(AssertionError):
            demand_same_portfolio(error, run, markets)


def test_weights_beyond_the_account_are_lent_to_it() -> None:
    markets, weights = small_markets((100, 100, 100, 110), (100, 100, 100, 110)), from_second(0.6, 0.6)
    theirs, mine = with_bt(markets, bt_targets(markets, weights, SECOND)), ours(markets, weights, SECOND)
    assert theirs.positions[-1].tolist() == [600, 600]
    assert theirs.equity[-1] == pytest.approx(112_000)
    assert mine.positions[-1].tolist() == pytest.approx([500, 500])
    assert mine.equity[-1] == pytest.approx(110_000)


def test_a_switch_with_costs_is_paid_with_money_that_is_not_there() -> None:
    markets, weights = small_markets(STEADY, STEADY), np.array([[0, 0], [1, 0], [0, 1], [0, 1]], float)
    theirs = with_bt(markets, bt_targets(markets, weights, SECOND_AND_THIRD), **ONE_PERCENT)
    mine = ours(markets, weights, SECOND_AND_THIRD, commission="bps:100")
    cash = [run.equity[-1] - run.positions[-1].sum() * 100 for run in (theirs, mine)]
    assert cash == pytest.approx([-CAPITAL / 1.01 * 0.01, 0.0], abs=1e-6)


def test_it_sizes_by_the_equity_before_the_costs_of_this_rebalance() -> None:
    markets, weights = small_markets(STEADY, STEADY), from_second(0.5, 0.5)
    theirs = with_bt(markets, bt_targets(markets, weights, SECOND), **ONE_PERCENT)
    mine = ours(markets, weights, SECOND, commission="bps:100")
    first = 500 / 1.01
    assert theirs.positions[-1].tolist() == pytest.approx([first, first])
    assert mine.positions[-1].tolist() == pytest.approx([first, (CAPITAL - first) / 200 / 1.01])


def test_it_sells_more_so_that_the_fee_is_earned_as_well() -> None:
    markets, weights = small_markets(STEADY), np.array([[0], [0.5], [0.25], [0.25]])
    theirs = with_bt(markets, bt_targets(markets, weights, SECOND_AND_THIRD), **ONE_PERCENT)
    mine = ours(markets, weights, SECOND_AND_THIRD, commission="bps:100")
    bought = 500 / 1.01
    equity = CAPITAL - bought
    shed = bought - equity / 400
    assert mine.positions[-1].tolist() == pytest.approx([bought - shed])
    assert theirs.positions[-1].tolist() == pytest.approx([bought - shed / 0.99])


def test_it_rounds_a_reduction_up_to_whole_shares() -> None:
    markets, weights = small_markets(STEADY), np.array([[0], [0.333], [0.2121], [0.2121]])
    theirs = with_bt(markets, bt_targets(markets, weights, SECOND_AND_THIRD), integer_positions=True)
    mine = ours(markets, weights, SECOND_AND_THIRD, shares="whole")
    assert theirs.positions[:, 0].tolist() == [0, 333, 212, 212]
    assert mine.positions[:, 0].tolist() == [0, 333, 213, 213]


def test_it_fills_without_volume() -> None:
    markets = [bars_of(FLAT, FLAT, FLAT, FLAT, volume=[9, 8, 0, 7]), *small_markets(STEADY)]
    weights = np.array([[0, 0], [0.5, 0.5], [0.25, 0.5], [0.25, 0.5]])
    theirs = with_bt(markets, bt_targets(markets, weights, SECOND_AND_THIRD))
    assert theirs.positions[:, 0].tolist() == [0, 500, 250, 250]
    assert ours(markets, weights, SECOND_AND_THIRD).positions[:, 0].tolist() == [0, 500, 500, 250]


def test_it_knows_no_dividends() -> None:
    markets, weights = small_markets(STEADY), from_second(0.5)
    markets[0] = replace(markets[0], dividends=np.array([0.0, 0.0, 5.0, 0.0]))
    theirs, mine = with_bt(markets, bt_targets(markets, weights, SECOND)), ours(markets, weights, SECOND)
    assert (mine.equity - theirs.equity).tolist() == [0, 0, 2_500, 2_500]


def test_it_cannot_hold_what_has_no_bar() -> None:
    first, second = small_markets((100, 100, 110, 120), STEADY)
    weights = from_second(0.5, 0.5)
    holed = bars_of(*[(price,) * 4 for price in (100.0, 100.0, 120.0)])
    holed = replace(holed, sessions=np.delete(first.sessions, 2))
    mine = ours([holed, second], weights, SECOND)
    assert mine.equity.tolist() == [100_000, 100_000, 100_000, 110_000]
    frame = closes_of([first, second])
    frame[2, 0] = np.nan
    missing = [replace(first, close=frame[:, 0]), second]
    with pytest.raises(ValueError, match="latest price is NaN"):
        with_bt(missing, bt_targets(missing, weights, SECOND))


def test_it_learns_from_the_next_session_that_a_month_has_ended() -> None:
    walks = [random_walk(seed, 153) for seed in range(2)]
    may = [walk.part(slice(0, 152)) for walk in walks]
    assert may[0].sessions[-1] == np.datetime64("2024-05-31")
    until, beyond = (with_bt(markets, _monthly(markets)).positions for markets in (may, walks))
    np.testing.assert_array_equal(until[:151], beyond[:151])
    np.testing.assert_array_equal(until[151], until[150])
    assert (beyond[151] != beyond[150]).all()
    sessions = may[0].sessions
    ours_too = rebalance_rows(sessions, "24/7", "monthly", "last")
    assert ours_too[-1]
    np.testing.assert_array_equal(ours_too[LOOKBACK:-1], period_ends(sessions, "monthly")[LOOKBACK:-1])


def _monthly(markets: Sequence[Bars]) -> list[Any]:
    algorithms = bt_module().algos
    return [*bt_calendar(markets, "monthly"), algorithms.WeighEqually(), algorithms.Rebalance()]
