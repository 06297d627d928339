"""Where one account of vectorbt 1.2.0 and ours differ: the smallest market that shows it, and what both do with it.

Where they agree stands in `peer_portfolios`. An upgrade of the peer that changes one of its answers fails here;
docs/peers.md then needs a new line.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from peer_markets import FLAT, bars_of
from peer_portfolios import CAPITAL, closes_of, from_second, ours, small_markets, with_vectorbt

STEADY = (100.0, 100.0, 100.0, 100.0)
SECOND = np.array([False, True, False, False])
SECOND_AND_THIRD = np.array([False, True, True, False])


def test_weights_beyond_the_account_cut_the_last_in_line() -> None:
    markets, weights = small_markets(STEADY, STEADY), from_second(0.6, 0.6)
    assert with_vectorbt(markets, weights, SECOND).positions[-1].tolist() == pytest.approx([600, 400])
    assert ours(markets, weights, SECOND).positions[-1].tolist() == pytest.approx([500, 500])


def test_its_shorts_need_no_money() -> None:
    markets, weights = small_markets(STEADY, STEADY), from_second(1.0, -1.0)
    assert with_vectorbt(markets, weights, SECOND).positions[-1].tolist() == pytest.approx([1_000, -1_000])
    assert ours(markets, weights, SECOND).positions[-1].tolist() == pytest.approx([500, -500])


def test_its_costs_come_on_top_until_money_is_short() -> None:
    markets, weights = small_markets(STEADY, STEADY), from_second(0.5, 0.5)
    theirs = with_vectorbt(markets, weights, SECOND, fees=0.01)
    mine = ours(markets, weights, SECOND, commission="bps:100")
    first = 500 / 1.01
    assert theirs.positions[-1].tolist() == pytest.approx([500, (CAPITAL - 50_500) / 101])
    assert mine.positions[-1].tolist() == pytest.approx([first, (CAPITAL - first) / 200 / 1.01])


def test_it_buys_before_it_sells_unless_told() -> None:
    markets, weights = small_markets(STEADY, STEADY), np.array([[0, 0], [0, 1], [1, 0], [1, 0]], float)
    in_columns = with_vectorbt(markets, weights, SECOND_AND_THIRD, call_seq="default")
    sales_first = with_vectorbt(markets, weights, SECOND_AND_THIRD)
    mine = ours(markets, weights, SECOND_AND_THIRD)
    assert [run.positions[-1].tolist() for run in (in_columns, sales_first, mine)] == [[0, 0], [1_000, 0], [1_000, 0]]


def test_it_forgets_what_could_not_be_sold() -> None:
    first, second = small_markets((100, 100, 100, 110), STEADY)
    weights = np.array([[0.0, 0.0], [0.5, 0.5], [0.25, 0.75], [0.25, 0.75]])
    closes = closes_of([first, second])
    closes[2, 0] = np.nan
    theirs = with_vectorbt([replace(first, close=closes[:, 0]), second], weights, SECOND_AND_THIRD)
    kept = [0, 1, 3]
    holed = small_markets((100, 100, 110))[0]
    mine = ours([replace(holed, sessions=first.sessions[kept]), second], weights, SECOND_AND_THIRD)
    assert theirs.positions[-1].tolist() == [500, 500]
    assert mine.positions[-1].tolist() == pytest.approx([0.25 * 105_000 / 110, 500])


def test_it_holds_for_ever_what_no_longer_trades() -> None:
    first, second = small_markets((100, 110, 110, 110), STEADY)
    weights, at_once = np.tile([0.5, 0.5], (4, 1)), np.array([True, False, False, False])
    closes = closes_of([first, second])
    closes[2:, 0] = np.nan
    theirs = with_vectorbt([replace(first, close=closes[:, 0]), second], weights, at_once)
    mine = ours([first.part(slice(0, 2)), second], weights, at_once, delisted=[True, False])
    assert theirs.positions[:, 0].tolist() == [500, 500, 500, 500]
    assert mine.positions[:, 0].tolist() == [500, 0, 0, 0]
    assert theirs.equity.tolist() == mine.equity.tolist() == [100_000, 105_000, 105_000, 105_000]


def test_it_fills_without_volume() -> None:
    markets = [bars_of(FLAT, FLAT, FLAT, FLAT, volume=[9, 8, 0, 7]), *small_markets(STEADY)]
    weights = np.array([[0, 0], [0.5, 0.5], [0.25, 0.5], [0.25, 0.5]])
    assert with_vectorbt(markets, weights, SECOND_AND_THIRD).positions[:, 0].tolist() == [0, 500, 250, 250]
    assert ours(markets, weights, SECOND_AND_THIRD).positions[:, 0].tolist() == [0, 500, 500, 250]


def test_it_knows_no_dividends() -> None:
    markets, weights = small_markets(STEADY, STEADY), from_second(0.5, 0.5)
    markets[0] = replace(markets[0], dividends=np.array([0.0, 0.0, 5.0, 0.0]))
    mine, theirs = ours(markets, weights, SECOND), with_vectorbt(markets, weights, SECOND)
    assert (mine.equity - theirs.equity).tolist() == [0, 0, 2_500, 2_500]
