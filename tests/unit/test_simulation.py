"""What one symbol's simulation does, each rule on a market small enough to check by hand.

The contract is docs/simulation.md. Examples that the slow simulator must give too stand in test_reference_examples.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from small_markets import ends, lines, market, model, random_market, refused, run

from alphafactory.domain.results import EXIT_REASONS
from alphafactory.errors import SimulationError
from alphafactory.simulation import simulate
from alphafactory.simulation.engine import prove_balance

if TYPE_CHECKING:
    from alphafactory.domain.results import Simulation

NAN = float("nan")
CALM = "100 101 99 100"


def test_a_signal_fills_at_the_next_open() -> None:
    result = simulate(market([10, 20, 40, 50], [11, 22, 44, 55]), np.array([1.0, 1.0, 0.0, 0.0]), model())
    trades = result.trades
    assert (trades.entry_row[0], trades.entry_price[0]) == (1, 20.0)
    assert (trades.exit_row[0], trades.exit_price[0]) == (3, 50.0)
    assert trades.bars_held[0] == 2
    assert EXIT_REASONS[trades.exit_reason[0]] == "signal"
    assert result.equity.tolist() == [1000.0, 1100.0, 2200.0, 2500.0]
    assert result.positions[:, 0].tolist() == [0.0, 50.0, 50.0, 0.0]


@pytest.mark.parametrize(
    ("fill", "row", "price"), [("next_open", 1, 20.0), ("next_close", 1, 22.0), ("same_close", 0, 11.0)]
)
def test_each_fill_has_its_session_and_price(fill: str, row: int, price: float) -> None:
    result = simulate(market([10, 20, 40], [11, 22, 44]), np.ones(3), model(fill=fill))
    assert (result.trades.entry_row[0], result.trades.entry_price[0]) == (row, price)


def test_all_cash_is_spent_with_costs_included_and_none_is_borrowed() -> None:
    result = simulate(market([100, 100.0, 100]), np.ones(3), model(commission="bps:100", slippage="bps:200"))
    bought = 1000 / (102 * 1.01)
    assert result.positions[:, 0][1] == pytest.approx(bought, rel=1e-15)
    assert 0.0 <= result.cash[1] < 1e-12
    assert result.commission == pytest.approx(bought * 102 * 0.01, rel=1e-14)
    assert result.slippage == pytest.approx(bought * 2, rel=1e-14)
    assert result.trades.net_pnl[0] == pytest.approx(bought * 100 - 1000, rel=1e-12)
    assert result.trades.gross_pnl[0] == pytest.approx(0.0, abs=1e-11)


def test_cash_never_goes_below_zero_on_long_positions() -> None:
    for seed in range(30):
        bars, target = random_market(seed)
        costly = model(commission="bps:7", slippage="bps:3", initial_capital=1234.56)
        assert simulate(bars, np.abs(target), costly).cash.min() >= 0.0


def test_fractional_targets_scale_the_position_and_drift_is_left_alone() -> None:
    bars = market([100, 100, 200, 200, 200, 200])
    result = simulate(bars, np.array([0.5, 0.5, 0.5, 1.0, 0.25, 0.25]), model())
    # Half of 1000 buys 5; they double to 1000 of 1500, untouched; then all in is 7.5; a quarter of 1500 is 1.875.
    assert result.positions[:, 0].tolist() == pytest.approx([0, 5, 5, 5, 7.5, 1.875], rel=1e-14)
    assert len(result.trades) == 1
    assert result.trades.quantity[0] == pytest.approx(7.5)
    assert result.trades.entry_price[0] == pytest.approx((5 * 100 + 2.5 * 200) / 7.5)
    assert np.isnan(result.trades.exit_price[0])


def test_percent_is_a_share_of_equity_times_the_target() -> None:
    result = simulate(market([10, 10.0]), np.array([0.5, 0.5]), model(sizing="percent:0.4"))
    assert result.positions[:, 0][1] == pytest.approx(1000 * 0.4 * 0.5 / 10, rel=1e-14)


def test_a_short_profits_from_a_fall_and_pays_dividends() -> None:
    bars = market([10, 10, 8, 8.0], dividends=[0, 0.5, 0.5, 0])
    result = simulate(bars, np.array([-1.0, -1.0, 0.0, 0.0]), model())
    # The ex-date of the entry itself pays nothing: the position was not held through the close before it.
    assert result.trades.quantity[0] == -100.0
    assert result.trades.dividends[0] == -50.0
    assert result.trades.net_pnl[0] == pytest.approx(200.0)
    assert result.equity[-1] == pytest.approx(1150.0)


def test_a_reversal_closes_first_and_sizes_with_what_is_left() -> None:
    bars = market([100, 100, 200.0, 200])
    result = simulate(bars, np.array([1.0, -1.0, -1.0, -1.0]), model(commission="bps:100"))
    bought = 1000 / 101
    left = bought * 200 * 0.99
    assert len(result.trades) == 2
    assert result.trades.exit_row.tolist() == [2, -1]
    assert result.positions[:, 0][2] == pytest.approx(-left / 202, rel=1e-13)


def test_nan_targets_are_flat_and_counted() -> None:
    bars, target = market([10, 20, 30, 40.0]), np.array([1.0, NAN, NAN, 0.0])
    result = simulate(bars, target, model())
    assert result.nan_targets == 2
    assert result.trades.exit_row.tolist() == [2]
    assert np.isnan(target[1])


def test_an_order_waits_while_there_is_no_volume() -> None:
    result = simulate(market([10, 11, 12, 13.0], volume=[9, 0, 0, 9]), np.ones(4), model())
    assert result.trades.entry_row.tolist() == [3]
    assert ends(result) == ["filled"]


def test_an_order_waits_on_a_bar_that_repeats_the_one_before() -> None:
    result = simulate(market([10, 10, 12.0], volume=[9, 9, 9]), np.ones(3), model())
    assert result.trades.entry_row.tolist() == [2]


def test_an_order_that_waited_in_vain_is_recorded() -> None:
    bars = market([10, 11, 12, 13.0, 14], volume=[9, 0, 0, 9, 9])
    result = simulate(bars, np.array([1.0, 1.0, 0.0, 0.0, 0.0]), model())
    assert refused(result) == [(2, "no_volume")]
    assert (result.orders.asked.tolist(), result.orders.filled.tolist()) == ([0.0], [0.0])
    assert len(result.trades) == 0
    halted = simulate(market([10, 10, 10, 10.0], volume=[9] * 4), np.array([0.0, 1.0, 0.0, 0.0]), model())
    assert refused(halted) == [(2, "halted")]


def test_the_last_signal_finds_no_session() -> None:
    result = simulate(market([10, 20.0]), np.array([0.0, 1.0]), model())
    assert refused(result) == [(1, "end_of_data")]
    assert (result.orders.decided.tolist(), result.orders.weight.tolist()) == ([1], [1.0])
    assert result.equity.tolist() == [1000.0, 1000.0]


def test_whole_shares_are_raw_shares() -> None:
    # A later split of 4 to 1: 103 of raw price, 25.75 adjusted; 1000 buys 9 raw shares, which are 36 adjusted ones.
    bars = market([25.75, 25.75, 25.75], factor=[4, 4, 1])
    result = simulate(bars, np.ones(3), model(shares="whole"))
    assert result.positions[:, 0][1] == 36.0
    assert result.cash[1] == pytest.approx(1000 - 9 * 103)


def test_less_than_one_share_is_refused() -> None:
    result = simulate(market([1500, 1500.0, 1500]), np.ones(3), model(shares="whole"))
    assert refused(result) == [(1, "less_than_one_share")]
    assert result.orders.asked.tolist() == pytest.approx([2 / 3])
    assert result.positions[:, 0].tolist() == [0.0, 0.0, 0.0]


def test_rounding_does_not_lose_a_whole_share() -> None:
    # 3 shares at 0.1 + 0.2 cost 0.9000000000000001 in float64, and 0.9 is all there is.
    bars = market([0.1 + 0.2] * 3)
    result = simulate(bars, np.ones(3), model(shares="whole", initial_capital=0.9))
    assert result.positions[:, 0][1] == 3.0
    assert result.cash[1] >= 0.0


def test_the_tolerance_never_buys_what_cash_cannot_pay() -> None:
    price = 1000 / (5 - 5e-10)
    result = simulate(market([price] * 3), np.ones(3), model(shares="whole"))
    assert result.positions[:, 0][1] == 4.0
    assert result.cash.min() >= 0.0


def test_commission_a_share_counts_raw_shares_and_has_a_minimum() -> None:
    bars = market([10, 10, 10.0], factor=[2, 2, 1])
    dear = simulate(bars, np.ones(3), model(commission="per_share:1"))
    adjusted = 1000 / (10 + 1 / 2)
    assert dear.positions[:, 0][1] == pytest.approx(adjusted, rel=1e-14)
    assert dear.commission == pytest.approx(adjusted / 2, rel=1e-14)
    least = simulate(bars, np.ones(3), model(commission="per_share:0.005,min=40"))
    assert least.commission == 40.0
    assert least.positions[:, 0][1] == pytest.approx(96.0, rel=1e-14)
    assert least.cash[1] == pytest.approx(0.0, abs=1e-12)


def test_an_order_below_its_own_fee_is_refused() -> None:
    assert refused(simulate(market([10, 10.0, 10]), np.ones(3), model(commission="per_trade:1001"))) == [(1, "no_cash")]
    # A hundredth of the position brings in 9.70, its sale costs 30, and there is no other cash.
    bars = market([100, 100, 100.0, 100])
    result = simulate(bars, np.array([1.0, 0.99, 0.99, 0.99]), model(commission="per_trade:30"))
    assert refused(result) == [(2, "no_cash")]
    assert result.positions[:, 0][2] == result.positions[:, 0][1]


def test_a_difference_of_rounding_is_no_order() -> None:
    # At the third open half of the equity is already in the position, up to the last bit of float64.
    bars = market([0.1, 0.1, 0.3, 0.3, 0.3], volume=[1, 2, 3, 4, 5])
    result = simulate(bars, np.array([0.25, 0.5, 0.5, 0.5, 0.5]), model(initial_capital=0.1))
    assert result.traded_value == result.positions[:, 0][1] * 0.1
    assert result.positions[:, 0][2] == result.positions[:, 0][1]


def test_an_order_given_up_for_the_position_already_held_leaves_no_dust() -> None:
    # The exit cannot fill in the bar that repeats another, and the last signal wants what is held, up to rounding.
    bars = market([100, 100, 102.125, 102.125], volume=[1, 2, 3, 3])
    result = simulate(bars, np.array([1.0, 1.0, 0.0, 1.0]), model(commission="bps:10", initial_capital=1e5))
    assert result.equity[-1] / 102.125 != result.positions[:, 0][-1]
    assert refused(result) == [(3, "halted"), (3, "end_of_data")]
    assert result.traded_value == pytest.approx(result.positions[1, 0] * 100)


def test_a_remainder_of_rounding_is_no_position() -> None:
    result = simulate(market([10, 10, 10.0, 10]), np.array([1.0, 1e-14, 1e-14, 1e-14]), model())
    assert result.positions[:, 0][2] == 0.0
    assert result.trades.exit_row.tolist() == [2]


def test_an_order_that_finds_no_equity_closes_the_position() -> None:
    # 50 shares short at 10 cost 2000 at 40, with 1500 in cash; the close of 10 comes too late.
    bars = market([10, 10, 40.0, 10], [10, 10, 10, 10])
    result = simulate(bars, np.array([-0.5, -1.0, -1.0, -1.0]), model())
    assert result.trades.exit_price.tolist() == [40.0]
    assert result.ruined
    assert result.equity[-1] == -500.0


def test_ruin_closes_everything_and_ends_the_simulation() -> None:
    bars = market([10, 10, 25, 5, 5.0], dividends=[0, 0, 0, 1, 0])
    result = simulate(bars, np.array([-1.0, -1.0, -1.0, 1.0, 1.0]), model(commission="bps:100"))
    assert result.ruined
    assert EXIT_REASONS[result.trades.exit_reason[0]] == "ruined"
    assert result.trades.exit_row.tolist() == [2]
    assert result.equity[2] < 0
    assert result.equity[2:].tolist() == [result.equity[2]] * 3
    assert result.positions[2:, 0].tolist() == [0.0] * 3


def test_a_delisted_position_is_paid_out_at_the_last_price_without_cost() -> None:
    result = simulate(market([10, 10, 9], [10, 11, 12]), np.ones(3), model(commission="bps:10"), delisted=True)
    assert EXIT_REASONS[result.trades.exit_reason[0]] == "delisted"
    assert (result.trades.exit_row[0], result.trades.exit_price[0]) == (2, 12.0)
    assert result.cash[-1] == result.equity[-1]
    assert result.trades.commission[0] == pytest.approx(1000 / 1.001 * 0.001)


def test_an_open_trade_is_marked_with_its_entry_costs_only() -> None:
    result = simulate(market([10, 10, 10], [10, 10, 12]), np.ones(3), model(commission="bps:100"))
    assert not result.trades.closed[0]
    assert result.trades.net_pnl[0] == pytest.approx(1000 / 10.1 * 12 - 1000)
    assert result.trades.bars_held[0] == 2


def test_excursions_use_every_bar_held_and_only_the_open_of_an_exit_at_the_open() -> None:
    bars = market([10, 10, 12, 9.0], [10, 8, 12, 1])
    trades = simulate(bars, np.array([1.0, 1.0, 0.0, 0.0]), model()).trades
    assert trades.mae[0] == pytest.approx(-0.2)
    assert trades.mfe[0] == pytest.approx(0.2)
    at_close = simulate(bars, np.array([1.0, 1.0, 0.0, 0.0]), model(fill="next_close")).trades
    # Entered at the close of 8; the exit bar counts whole, from 9 down to 1.
    assert at_close.mae[0] == pytest.approx(1 / 8 - 1)
    assert at_close.mfe[0] == pytest.approx(12 / 8 - 1)


@pytest.mark.parametrize("seed", range(5))
def test_money_adds_up_and_a_rerun_is_the_same_to_the_bit(seed: int) -> None:
    bars, target = random_market(seed)
    costly = model(commission="per_share:0.01,min=1", slippage="bps:5", initial_capital=1e6, shares="whole")
    one, two = simulate(bars, target, costly), simulate(bars, target, costly)
    assert one.trades.net_pnl.sum() + one.dividends + 1e6 == pytest.approx(one.equity[-1], rel=1e-11)
    assert one.balance_error < 1e-11
    assert one.trades.dividends.sum() == pytest.approx(one.dividends, rel=1e-12)
    assert one.equity.tobytes() == two.equity.tobytes()


# Carry


def test_what_a_session_owes_is_counted_from_the_close_before() -> None:
    # A dividend of the entry's own session is not paid; the one of the exit's session is, though it opens first.
    bars = lines(CALM, "100 102 99 101", "100 103 99 100", "100 104 99 100", dividends=[0, 1, 0, 2])
    result = simulate(bars, np.array([1.0, 1, 0, 0]), model())
    assert result.trades.exit_row.tolist() == [3]
    assert result.dividends == result.trades.dividends[0] == pytest.approx(20.0)
    assert result.equity[-1] == pytest.approx(1020.0)
    assert result.trades.net_pnl[0] == pytest.approx(0.0)


def test_interest_is_of_the_cash_before_this_sessions_dividend() -> None:
    bars = lines(CALM, "100 102 99 101", "100 103 99 100", dividends=[0, 0, 10])
    result = simulate(bars, np.array([0.5, 0.5, 0.5]), model(interest="36.5%"))
    # 1000 for the first day, half of 1001 for the second.
    assert result.interest == pytest.approx(1.0 + 0.5005)


# Results


def test_excursions_are_measured_from_the_average_at_the_moment() -> None:
    # In at 100 with half; the bar goes down to 90. Then as much again at 120: what follows is seen from the average.
    bars = [CALM, "100 101 90 100", "120 130 118 120"]
    result = run(*bars, target=[0.5, 1, 1])
    trade = result.trades
    average = trade.entry_price[0]
    assert 105 < average < 120
    assert trade.mae[0] == pytest.approx(-0.1)
    # The open of 120 is seen before the increase, from the entry of 100.
    assert trade.mfe[0] == pytest.approx(max(0.2, 130 / average - 1))


def test_a_target_met_in_the_bar_of_the_stop_is_what_could_have_been() -> None:
    # Optimistic: out at 110, unslipped, its commission of 1 % paid; entry at 101 with 1 %.
    words = {"stop": "5%", "take_profit": "10%", "slippage": "bps:100", "commission": "bps:100"}
    result = run(CALM, "100 102 99 101", "101 112 95 100", target=[1, 1, 1], **words)
    shares = 1000 / (101 * 1.01)
    assert result.trades.ambiguous.tolist() == [True]
    assert result.trades.net_pnl[0] == pytest.approx(shares * 101 * 0.95 * 0.99 * 0.99 - 1000)
    assert result.trades.optimistic_pnl[0] == pytest.approx(shares * 101 * 1.1 * 0.99 - 1000)
    assert result.ambiguous_pnl == pytest.approx(result.trades.optimistic_pnl[0] - result.trades.net_pnl[0])


def finished() -> Simulation:
    bars, target = random_market(3)
    return simulate(bars, target, model(commission="bps:5", borrow="3%", interest="1%"))


@pytest.mark.parametrize("column", ["dividends", "interest", "borrow"])
def test_a_total_that_does_not_add_up_fails_the_run(column: str) -> None:
    result = finished()
    off = replace(result, **{column: getattr(result, column) + 1e-3})
    with pytest.raises(SimulationError, match=r"ABC: start, profits, .* miss the end equity .* by .*report the symbol"):
        prove_balance(off, "ABC")


@pytest.mark.parametrize("change", [1e-3, -1e-3, NAN])
def test_a_trade_that_does_not_add_up_fails_the_run(change: float) -> None:
    result = finished()
    profits = result.trades.net_pnl.copy()
    profits[4] += change
    with pytest.raises(SimulationError, match=r"ABC: .* miss the end equity"):
        prove_balance(replace(result, trades=replace(result.trades, net_pnl=profits)), "ABC")


def test_the_breach_that_is_allowed_is_relative_and_kept_with_the_result() -> None:
    result = finished()
    assert prove_balance(result, "").balance_error == result.balance_error < 1e-11
    slightly = replace(result, interest=result.interest + 1e-7)
    assert 1e-11 < prove_balance(slightly, "").balance_error < 1e-9
