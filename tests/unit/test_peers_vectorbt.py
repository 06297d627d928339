"""Where vectorbt 1.2.0 and we differ: for each case the smallest market that shows it, and what both programs do.

An upgrade of the peer that changes one of its answers fails here; docs/peers.md then needs a new line.
"""

from __future__ import annotations

import numpy as np
import pytest
from peer_markets import FLAT, bars_of
from peer_runs import ours, with_vectorbt

CALM = (100.0, 101.0, 99.0, 100.0)
BUY = np.array([0.0, 1.0, 1.0, 1.0, 1.0])
BUY_AND_SELL = np.array([0.0, 1.0, 0.0, 0.0, 0.0])
BUY_AND_TURN = np.array([0.0, 1.0, -1.0, -1.0, -1.0])


def test_it_ignores_a_stop_in_the_bar_of_the_entry() -> None:
    bars = bars_of(FLAT, FLAT, (100, 101, 94, 98), (98, 99, 96, 97), (97, 98, 96, 97))
    assert ours(bars, BUY, stop="5%").legs == [(2, 100, 2, 95)]
    assert with_vectorbt(bars, BUY, sl_stop=0.05).legs == [(2, 100, -1, -1)]


def test_it_ignores_a_target_in_the_bar_of_the_entry() -> None:
    bars = bars_of(FLAT, FLAT, (100, 106, 99, 101), CALM, FLAT)
    assert ours(bars, BUY, take_profit="5%").legs == [(2, 100, 2, 105)]
    assert with_vectorbt(bars, BUY, tp_stop=0.05).legs == [(2, 100, -1, -1)]


def test_it_sells_at_the_stop_what_the_signal_has_sold_at_the_open() -> None:
    bars = bars_of(FLAT, FLAT, CALM, (100, 101, 94, 96), FLAT)
    assert ours(bars, BUY_AND_SELL, stop="5%").legs == [(2, 100, 3, 100)]
    assert with_vectorbt(bars, BUY_AND_SELL, sl_stop=0.05).legs == [(2, 100, 3, 95)]


def test_it_sells_at_the_target_what_the_signal_has_sold_at_the_open() -> None:
    bars = bars_of(FLAT, FLAT, CALM, (100, 106, 99, 100), FLAT)
    assert ours(bars, BUY_AND_SELL, take_profit="5%").legs == [(2, 100, 3, 100)]
    assert with_vectorbt(bars, BUY_AND_SELL, tp_stop=0.05).legs == [(2, 100, 3, 105)]


def test_it_drops_the_other_side_when_a_stop_fills_in_that_bar() -> None:
    bars = bars_of(FLAT, FLAT, CALM, (94, 95, 93, 94), (94, 95, 93, 94.5))
    assert ours(bars, BUY_AND_TURN, stop="5%").legs == [(2, 100, 3, 94), (3, 94, -1, -1)]
    assert with_vectorbt(bars, BUY_AND_TURN, sl_stop=0.05).legs == [(2, 100, 3, 94)]


def test_it_stops_in_a_bar_that_opened_beyond_the_target() -> None:
    bars = bars_of(FLAT, FLAT, CALM, (106, 107, 94, 100), CALM)
    assert ours(bars, BUY, stop="5%", take_profit="5%").legs == [(2, 100, 3, 106)]
    assert with_vectorbt(bars, BUY, sl_stop=0.05, tp_stop=0.05).legs == [(2, 100, 3, 95)]


def test_it_trails_from_the_highest_high() -> None:
    bars = bars_of(FLAT, FLAT, CALM, (100, 110, 99, 101), (101, 102, 100, 101))
    assert ours(bars, BUY, trail="5%").legs == [(2, 100, -1, -1)]
    assert with_vectorbt(bars, BUY, sl_stop=0.05, sl_trail=True).legs == [(2, 100, 4, 101)]


def test_it_trails_from_the_session_after_the_entry() -> None:
    bars = bars_of(FLAT, FLAT, (100, 110, 99, 110), (109, 109, 103, 104), (104, 105, 103, 104))
    assert ours(bars, BUY, trail="5%").legs == [(2, 100, 3, 104.5)]
    assert with_vectorbt(bars, BUY, sl_stop=0.05, sl_trail=True).legs == [(2, 100, 4, 103.55)]


def test_unless_told_it_measures_a_stop_from_the_close_of_the_entry() -> None:
    bars = bars_of(FLAT, FLAT, (100, 101, 98, 98), (98, 99, 94, 95), (95, 96, 94, 95))
    assert ours(bars, BUY, stop="5%").legs == [(2, 100, 3, 95)]
    assert with_vectorbt(bars, BUY, sl_stop=0.05, stop_entry_price="Close").legs == [(2, 100, -1, -1)]


def test_unless_told_its_stops_do_not_slip() -> None:
    bars = bars_of(FLAT, FLAT, (101, 102, 100, 101), (100, 101, 94, 96), (96, 97, 95, 96))
    mine, theirs = {"stop": "5%", "slippage": "bps:100"}, {"sl_stop": 0.05, "slippage": 0.01}
    level = 101 * 1.01 * 0.95
    assert ours(bars, BUY, **mine).legs == [(2, 102.01, 3, round(level * 0.99, 6))]
    assert with_vectorbt(bars, BUY, **theirs, stop_exit_price="StopLimit").legs == [(2, 102.01, 3, round(level, 6))]


def test_its_targets_slip_when_its_stops_do() -> None:
    bars = bars_of(FLAT, FLAT, FLAT, (100, 107, 99, 100), (100, 101, 99, 100.5))
    mine, theirs = {"take_profit": "5%", "slippage": "bps:100"}, {"tp_stop": 0.05, "slippage": 0.01}
    assert ours(bars, BUY, **mine).legs == [(2, 101, 3, 106.05)]
    assert with_vectorbt(bars, BUY, **theirs).legs == [(2, 101, 3, round(106.05 * 0.99, 6))]


def test_a_change_of_side_costs_it_one_fee() -> None:
    bars = bars_of(FLAT, FLAT, FLAT, FLAT, FLAT)
    assert ours(bars, BUY_AND_TURN, commission="per_trade:1000").equity[-1] == pytest.approx(97_000)
    assert with_vectorbt(bars, BUY_AND_TURN, fixed_fees=1000.0).equity[-1] == pytest.approx(98_000)


def test_it_survives_ruin() -> None:
    bars = bars_of(FLAT, FLAT, FLAT, (210, 210, 210, 210), (90, 90, 90, 90))
    mine, theirs = ours(bars, -BUY), with_vectorbt(bars, -BUY)
    assert mine.legs == [(2, 100, 3, 210)]
    assert theirs.legs == [(2, 100, -1, -1)]
    assert mine.equity.tolist() == [100_000, 100_000, 100_000, -10_000, -10_000]
    assert theirs.equity.tolist() == [100_000, 100_000, 100_000, -10_000, 110_000]


def test_it_pays_costs_beside_the_money_asked_for() -> None:
    bars = bars_of(FLAT, FLAT, FLAT, FLAT, FLAT)
    mine = ours(bars, BUY, sizing="cash:50500", commission="bps:100")
    theirs = with_vectorbt(bars, BUY, size=50_500.0, size_type="value", fees=0.01)
    assert mine.trades[0, 4] == pytest.approx(500)
    assert theirs.trades[0, 4] == pytest.approx(505)


def test_it_fills_without_volume() -> None:
    bars = bars_of(FLAT, FLAT, (100, 101, 99, 100), (101, 102, 100, 101), FLAT, volume=[9, 8, 0, 7, 6])
    assert ours(bars, BUY).legs == [(3, 101, -1, -1)]
    assert with_vectorbt(bars, BUY).legs == [(2, 100, -1, -1)]


def test_it_fills_in_a_bar_that_repeats_the_one_before() -> None:
    bars = bars_of(FLAT, FLAT, FLAT, (101, 102, 100, 101), FLAT, volume=[9, 8, 8, 7, 6])
    assert ours(bars, BUY).legs == [(3, 101, -1, -1)]
    assert with_vectorbt(bars, BUY).legs == [(2, 100, -1, -1)]
