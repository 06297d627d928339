"""Limits and rebalances of an account in examples worked out by hand; see both_simulators.py."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from statistics import stdev

import pytest
from both_simulators import NONE, Simulator, at, close_to, ends, events, mandate, on_both, reasons

pytestmark = on_both


# What an increase is asked


def test_a_position_is_cut_to_its_limit(simulate: Simulator) -> None:
    # 50 % of 1,000 are 5 shares at 100; 30 % leave room for 3. At 110 they are 330 of 1,030: prices carried them on.
    run = simulate(at(100, 100, 110), [0.5, 0.5, 0.5], mandate=mandate(3, [0], max_position=0.3))
    assert run.positions[:, 0].tolist() == close_to(0, 3, 3)
    assert ends(run) == ["position"]
    assert (run.orders.asked[0], run.orders.filled[0]) == pytest.approx((5, 3))
    assert events(run) == [(1, "position", "cut", 0, -1), (2, "position", "drifted", 0, -1)]
    assert run.events.measured.tolist() == close_to(0.5, 330 / 1030)
    assert run.events.limit.tolist() == close_to(0.3, 0.3)
    assert run.events.wanted.tolist() == close_to(5, NONE)
    assert run.events.allowed.tolist() == close_to(3, NONE)


def test_a_short_position_in_whole_shares_is_cut_to_a_whole_one(simulate: Simulator) -> None:
    # 35 % of 1,000 are 3.5 shares at 100, 3 whole ones; 5 were wanted, short.
    bars, words = at(100, 100), {"shares": "whole", "mandate": mandate(2, [0], max_position=0.35)}
    run = simulate(bars, [-0.5, -0.5], **words)
    assert run.positions[1].tolist() == close_to(-3)
    assert (run.events.wanted[0], run.events.allowed[0]) == pytest.approx((-5, -3))


def test_a_sector_counts_longs_and_shorts_together(simulate: Simulator) -> None:
    # Long 3 shares of the first: 300. The second, short, is of the same sector: 400 - 300 leave 1 share of 3. The
    # third has a sector of its own. The fourth, of the first sector, finds it full.
    bars = [at(100, 100)] * 4
    run = simulate(bars, [[0.3, -0.3, 0.2, 0.1]] * 2, mandate=mandate(2, [0, 0, 1, 0], max_sector=0.4))
    assert run.positions[1].tolist() == close_to(3, -1, 2, 0)
    assert ends(run) == ["filled", "sector", "filled", "sector"]
    assert events(run) == [(1, "sector", "cut", 1, 0), (1, "sector", "refused", 3, 0)]
    assert run.events.measured.tolist() == close_to(0.6, 0.5)
    assert run.events.wanted.tolist() == close_to(-3, 1)
    assert run.events.allowed.tolist() == close_to(-1, 0)


def test_too_many_on_the_same_risk_are_refused(simulate: Simulator) -> None:
    # Returns of rows 1 to 3: +10 %, -10 %, +20 % in A and B, the opposite in C: correlations of 1 and -1. With A held,
    # B long would be its neighbour, and C short as well; C long is not.
    a, b, c = at(100, 110, 99, 118.8, 118.8), at(10, 11, 9.9, 11.88, 11.88), at(100, 90, 99, 79.2, 79.2)
    limits = {"max_correlated": 1, "correlated_above": 0.7, "correlation_sessions": 3}
    run = simulate([a, b, c], [[0, 0, 0]] * 3 + [[0.2, 0.2, 0.2]] * 2, mandate=mandate(5, [0, 1, 2], **limits))
    assert ends(run) == ["filled", "correlation", "filled"]
    assert events(run) == [(4, "correlation", "refused", 1, -1)]
    assert (run.events.measured[0], run.events.limit[0]) == (2, 1)
    run = simulate([a, b, c], [[0, 0, 0]] * 3 + [[0.2, 0, -0.2]] * 2, mandate=mandate(5, [0, 1, 2], **limits))
    assert ends(run) == ["filled", "correlation"]
    # With two allowed B comes in, C short does not. With a window of four returns none is known yet.
    limits["max_correlated"] = 2
    run = simulate([a, b, c], [[0, 0, 0]] * 3 + [[0.2, 0.2, -0.2]] * 2, mandate=mandate(5, [0, 1, 2], **limits))
    assert ends(run) == ["filled", "filled", "correlation"]
    assert (run.events.measured[0], run.events.limit[0]) == (3, 2)
    limits["correlation_sessions"] = 4
    run = simulate([a, b, c], [[0, 0, 0]] * 3 + [[0.2, 0.2, -0.2]] * 2, mandate=mandate(5, [0, 1, 2], **limits))
    assert ends(run) == ["filled", "filled", "filled"]


def test_the_reserve_stays_in_cash(simulate: Simulator) -> None:
    # 500 for the first; 75 % of 1,000 less 500 leave 250 for the second, 2.5 shares of 5. All 5 would leave nothing.
    run = simulate([at(100, 100)] * 2, [[0.5, 0.5]] * 2, mandate=mandate(2, [0, 0], cash_reserve=0.25))
    assert run.positions[1].tolist() == close_to(5, 2.5)
    assert ends(run) == ["filled", "cash_reserve"]
    assert run.cash[1] == pytest.approx(250)
    assert events(run) == [(1, "cash_reserve", "cut", 1, -1)]
    assert (run.events.measured[0], run.events.limit[0]) == pytest.approx((0.0, 0.25))
    assert (run.events.wanted[0], run.events.allowed[0]) == pytest.approx((5, 2.5))


def test_the_leverage_of_the_day_holds(simulate: Simulator) -> None:
    # 1 until Tuesday; half from Wednesday on, the third session, in which the order fills: 500 of 1,000.
    schedule = ((date(2024, 1, 3), 0.5),)
    run = simulate(at(100, 100, 100), [0, 1, 1], mandate=mandate(3, [0], leverage_schedule=schedule))
    assert run.positions[:, 0].tolist() == close_to(0, 0, 5)
    assert ends(run) == ["no_cash"]
    assert events(run) == [(2, "leverage", "cut", 0, -1)]
    assert (run.events.measured[0], run.events.limit[0]) == pytest.approx((1.0, 0.5))


def test_the_first_in_rank_take_the_places(simulate: Simulator) -> None:
    # One place; the second symbol comes first by priority. The others would make it two positions.
    words = {"priority": [[1, 2, NONE]] * 2, "mandate": mandate(2, [0, 0, 0], max_positions=1)}
    run = simulate([at(100, 100)] * 3, [[0.3, 0.3, 0.3]] * 2, **words)
    assert run.positions[1].tolist() == close_to(0, 3, 0)
    assert sorted(ends(run)) == ["filled", "max_positions", "max_positions"]
    assert events(run) == [(1, "max_positions", "refused", 0, -1), (1, "max_positions", "refused", 2, -1)]
    assert (run.events.measured[0], run.events.limit[0]) == (2, 1)


def test_a_trade_risks_no_more_than_its_limit_to_its_stop(simulate: Simulator) -> None:
    # The stop lies 10 below 100: 2 % of 1,000 are 2 shares x 10. The 5 wanted would risk 50, 5 %.
    run = simulate(at(100, 100), [0.5, 0.5], stop="10%", mandate=mandate(2, [0], trade_loss=0.02))
    assert run.positions[1].tolist() == close_to(2)
    assert ends(run) == ["trade_loss"]
    assert (run.events.measured[0], run.events.limit[0]) == pytest.approx((0.05, 0.02))


# Losses at the close


def test_a_trade_that_loses_too_much_is_ended(simulate: Simulator) -> None:
    # 5 shares at 100. At 97: -15 of 985 is not beyond 2 %; at 94: -30 of 970 is. Out at the next open, 93: -35. The
    # direction is closed: the unchanged target brings nothing back.
    run = simulate(at(100, 100, 97, 94, 93, 99, 99), [0.5] * 7, mandate=mandate(7, [0], trade_loss=0.02))
    assert reasons(run) == ["loss_limit"]
    assert (run.trades.exit_row[0], run.trades.net_pnl[0]) == pytest.approx((4, -35))
    assert run.equity.tolist() == close_to(1000, 1000, 985, 970, 965, 965, 965)
    assert events(run) == [(3, "trade_loss", "exit", 0, -1)]
    assert (run.events.measured[0], run.events.limit[0]) == pytest.approx((-30 / 970, 0.02))


def test_a_margin_call_comes_before_the_loss_of_a_trade(simulate: Simulator) -> None:
    # 20 shares at 100 with 1,000 borrowed. At 70 400 are left, less than half of 1,400: the mark calls, and its exit
    # has begun when the loss of 600 is looked at. 1,400 of 400 are a leverage of 3.5.
    words = {
        "sizing": "percent:200%",
        "leverage": 2.0,
        "maintenance": "50%",
        "mandate": mandate(4, [0], trade_loss=0.5),
    }
    run = simulate(at(100, 100, 70, 70), [1] * 4, **words)
    assert reasons(run) == ["margin_call"]
    assert events(run) == [(2, "leverage", "drifted", -1, -1)]
    assert run.events.measured.tolist() == close_to(3.5)


def test_after_a_bad_day_the_next_takes_no_increase(simulate: Simulator) -> None:
    # 5 shares of A fall from 100 to 95: 975, -2.5 %. B, wanted at that very close, is refused in the next session and
    # comes in one later, though its target has not changed again: 20 % of 975 are 1.95 shares at 100.
    bars = [at(100, 100, 95, 95, 95), at(100, 100, 100, 100, 100)]
    target = [[0.5, 0], [0.5, 0], [0.5, 0.2], [0.5, 0.2], [0.5, 0.2]]
    run = simulate(bars, target, mandate=mandate(5, [0, 0], day_loss=0.02))
    assert run.positions[:, 1].tolist() == close_to(0, 0, 0, 0, 1.95)
    assert run.positions[:, 0].tolist() == close_to(0, 5, 5, 5, 5)
    assert ends(run) == ["filled", "frozen", "filled"]
    assert run.orders.decided.tolist() == [0, 2, 3]
    assert events(run) == [(2, "day_loss", "freeze", -1, -1)]
    assert (run.events.measured[0], run.events.limit[0]) == pytest.approx((-0.025, 0.02))


def test_after_a_bad_week_the_rest_of_it_takes_no_increase(simulate: Simulator) -> None:
    # Monday to Friday, then Monday. On Wednesday 5 shares fell to 90: 950, -5 % since the start. On Thursday at 80,
    # -10 %, but it has acted this week. Free at Friday's close: B comes in on Monday, 20 % of 900.
    days = (0, 1, 2, 3, 4, 7)
    bars = [at(100, 100, 90, 80, 80, 80, days=days), at(*[100] * 6, days=days)]
    target = [[0.5, 0], [0.5, 0], *[[0.5, 0.2]] * 4]
    run = simulate(bars, target, mandate=mandate(6, [0, 0], week_loss=0.03))
    assert run.positions[:, 1].tolist() == close_to(0, 0, 0, 0, 0, 1.8)
    assert ends(run) == ["filled", "frozen", "filled"]
    assert run.orders.decided.tolist() == [0, 2, 4]
    assert events(run) == [(2, "week_loss", "freeze", -1, -1)]
    assert run.events.measured[0] == pytest.approx(-0.05)


def test_a_drawdown_sells_cools_down_and_begins_anew(simulate: Simulator) -> None:
    # 10 shares at 100. At 89 the account is 11 % below its peak: out at the next open of 88, 880 in cash. Two sessions
    # take no increase; at the close of the second the peak becomes 880, and the unchanged target buys 11 shares at 80.
    # At 75 they are worth 825: 6 % below 880. Against the old peak it would have been 17.5 %.
    limits = {"drawdown": 0.1, "drawdown_action": "flat", "cool_down": 2}
    run = simulate(at(100, 100, 89, 88, 90, 80, 75, 75), [1] * 8, mandate=mandate(8, [0], **limits))
    assert run.equity.tolist() == close_to(1000, 1000, 890, 880, 880, 880, 825, 825)
    assert run.positions[:, 0].tolist() == close_to(0, 10, 10, 0, 0, 11, 11, 11)
    assert reasons(run) == ["risk_limit", "open"]
    assert events(run) == [(2, "drawdown", "flat", -1, -1), (4, "drawdown", "rearm", -1, -1)]
    assert run.events.measured.tolist() == close_to(-0.11, -0.12)
    assert ends(run) == ["filled", "filled", "filled"]


def test_half_of_every_position_is_sold_after_a_bad_day(simulate: Simulator) -> None:
    # 8 shares at 100 fall to 95: 960, -4 %. 4 are sold at the next open of 94: 200 + 376 in cash, 376 in shares.
    run = simulate(at(100, 100, 95, 94), [0.8] * 4, mandate=mandate(4, [0], day_loss=0.02, day_action="halve"))
    assert run.positions[:, 0].tolist() == close_to(0, 8, 8, 4)
    assert run.cash[-1] == pytest.approx(576)
    assert (run.orders.asked[1], run.orders.decided[1], run.orders.first_fill[1]) == pytest.approx((-4, 2, 3))
    assert events(run) == [(2, "day_loss", "halve", -1, -1)]
    assert run.events.measured[0] == pytest.approx(-0.04)


def test_of_several_losses_at_one_close_the_strongest_acts(simulate: Simulator) -> None:
    # 1,000 to 890 in a day: beyond 2 % a day (halve), 5 % a week (freeze) and 10 % of drawdown (flat). All is sold.
    actions = {"day_action": "halve", "week_action": "freeze", "drawdown_action": "flat"}
    losses = {"day_loss": 0.02, "week_loss": 0.05, "drawdown": 0.1}
    run = simulate(at(100, 100, 89, 88), [1] * 4, mandate=mandate(4, [0], **losses, **actions))
    assert [event[1:3] for event in events(run)] == [
        ("day_loss", "halve"), ("week_loss", "freeze"), ("drawdown", "flat")
    ]  # fmt: skip
    assert run.events.measured.tolist() == close_to(-0.11, -0.11, -0.11)
    assert run.positions[-1].tolist() == [0.0]
    assert reasons(run) == ["risk_limit"]


# Rebalances: 5 shares each at 100; then A at 120 makes 600 and 500 of 1,100: weights of 6/11 and 5/11

PAIR = [at(100, 100, 120, 120), at(100, 100, 100, 100)]
HALVES = [[0.5, 0.5]] * 4


def test_a_rebalance_trades_back_to_the_targets(simulate: Simulator) -> None:
    # 550 each: 50/120 shares of A are sold, 0.5 shares of B are bought.
    run = simulate(PAIR, HALVES, mandate=mandate(4, [0, 1], rebalance=[2]))
    assert run.positions[3].tolist() == close_to(550 / 120, 5.5)
    assert run.orders.decided.tolist() == [0, 0, 2, 2]
    assert run.orders.weight.tolist() == close_to(0.5, 0.5, 0.5, 0.5)
    assert len(run.events) == 0


def test_gaps_within_the_band_are_left_alone(simulate: Simulator) -> None:
    # Both gaps are 0.5/11, 4.5 %.
    run = simulate(PAIR, HALVES, mandate=mandate(4, [0, 1], rebalance=[2], rules={"band": 0.046}))
    assert run.positions[3].tolist() == close_to(5, 5)
    run = simulate(PAIR, HALVES, mandate=mandate(4, [0, 1], rebalance=[2], rules={"band": 0.045}))
    assert run.positions[3].tolist() == close_to(550 / 120, 5.5)


def test_drift_makes_a_close_a_rebalance(simulate: Simulator) -> None:
    run = simulate(PAIR, HALVES, mandate=mandate(4, [0, 1], rules={"drift": 0.046}))
    assert run.positions[3].tolist() == close_to(5, 5)
    run = simulate(PAIR, HALVES, mandate=mandate(4, [0, 1], rules={"drift": 0.045}))
    assert run.positions[3].tolist() == close_to(550 / 120, 5.5)


def test_turnover_shortens_every_gap_alike(simulate: Simulator) -> None:
    # The gaps sum to 1/11; 5 % are 0.55 of it. A: 6/11 - 0.55 x 0.5/11 = 5.725/11 of 1,100 are 572.5; B: 527.5.
    run = simulate(PAIR, HALVES, mandate=mandate(4, [0, 1], rebalance=[2], rules={"turnover": 0.05}))
    assert run.orders.weight[2:].tolist() == close_to(5.725 / 11, 5.275 / 11)
    assert run.positions[3].tolist() == close_to(572.5 / 120, 5.275)


def test_an_exit_goes_before_all_else_in_turnover(simulate: Simulator) -> None:
    # A goes whole, 6/11, more than the 5 % that may be traded; nothing is left for B.
    target = [[0.5, 0.5], [0.5, 0.5], [0, 0.5], [0, 0.5]]
    run = simulate(PAIR, target, mandate=mandate(4, [0, 1], rebalance=[2], rules={"turnover": 0.05}))
    assert run.positions[3].tolist() == close_to(0, 5)


def test_wanted_weights_are_brought_within_the_limits(simulate: Simulator) -> None:
    # Targets 0.6, 0.4, 0.4: the first at most 0.5; the first two share a sector, 0.9 to 0.6: 1/3 and 4/15; then all,
    # 1.0, to the 0.8 that the reserve leaves: 4/15, 3.2/15, 0.32. At 100 each, from 1,000.
    limits = {"max_position": 0.5, "max_sector": 0.6, "cash_reserve": 0.2}
    bars = [at(100, 100), at(100, 100), at(100, 100)]
    run = simulate(bars, [[0.6, 0.4, 0.4]] * 2, mandate=mandate(2, [0, 0, 1], rebalance=[0], **limits))
    assert run.positions[1].tolist() == close_to(40 / 15, 32 / 15, 3.2)
    assert ends(run) == ["filled"] * 3
    assert len(run.events) == 0


def test_a_position_beyond_its_limit_is_trimmed_inside_the_band(simulate: Simulator) -> None:
    # 3 shares at 100; at 150: 450 of 1,150. The gap of 9 % is inside the band, but 39 % is beyond 30 %: back to 345.
    limits, rules = {"max_position": 0.3}, {"band": 0.2}
    bars = at(100, 100, 150, 150)
    run = simulate(bars, [0.3] * 4, mandate=mandate(4, [0], rebalance=[2], rules=rules, **limits))
    assert run.positions[3].tolist() == close_to(2.3)
    assert events(run) == [(2, "position", "trim", 0, -1), (2, "position", "drifted", 0, -1)]
    assert run.events.measured.tolist() == close_to(450 / 1150, 450 / 1150)
    assert (run.events.wanted[0], run.events.allowed[0]) == pytest.approx((3, 2.3))


def test_a_sector_beyond_its_limit_is_trimmed_and_one_within_is_not(simulate: Simulator) -> None:
    # 2 shares each at 100. A at 150 makes 300 + 200 of 1,100: A and B, 45 % together, are beyond 40 %, C alone is not.
    # Targets of 20 % each fit the sector, so A sheds down to 220; B, at 18 %, is no smaller by its gap. All gaps lie
    # inside the band.
    limits, rules = {"max_sector": 0.4}, {"band": 0.2}
    bars, target = [at(100, 100, 150, 150), at(*[100] * 4), at(*[100] * 4)], [[0.2, 0.2, 0.2]] * 4
    run = simulate(bars, target, mandate=mandate(4, [5, 5, 2], rebalance=[2], rules=rules, **limits))
    assert run.positions[3].tolist() == close_to(220 / 150, 2, 2)
    assert events(run) == [(2, "sector", "trim", 0, 5), (2, "sector", "drifted", -1, 5)]
    assert run.events.measured.tolist() == close_to(500 / 1100, 500 / 1100)
    drift = {"drift": 0.5, **rules}
    run = simulate(bars, target, mandate=mandate(4, [5, 5, 2], rebalance=[2], rules=drift, max_sector=0.46))
    assert run.positions[3].tolist() == close_to(2, 2, 2)
    run = simulate(bars, target, mandate=mandate(4, [5, 5, 2], rebalance=[2], rules=rules, max_sector=0.46))
    assert run.positions[3].tolist() == close_to(2, 2, 2)
    assert len(run.events) == 0


def test_an_order_of_a_rebalance_leaves_the_sums_of_sectors_alone(simulate: Simulator) -> None:
    # A, new, is sized at the decision; B, whose sector may be 30 %, has risen to 22 % and goes back to 20 %: no trim.
    bars, target = [at(*[100] * 4), at(100, 100, 112.82051282051282, 112)], [[0, 0.2], [0, 0.2], [0.1, 0.2], [0.1, 0.2]]
    words = {"size_at": "decision", "stop": "50%", "mandate": mandate(4, [1, 0], rebalance=[2], max_sector=0.3)}
    run = simulate(bars, target, **words)
    # 2 shares at 112.82 are 225.64 of 1,025.64: 22 %; 20 % are 205.13, 1.8182 shares.
    assert run.positions[3].tolist() == close_to(102.564102564102564 / 100, 205.128205128205128 / 112.82051282051282)
    assert len(run.events) == 0


def test_the_end_of_a_freeze_and_a_new_target_make_one_order(simulate: Simulator) -> None:
    # Frozen in the fourth session; at its close B's target changes, but B is delisted with that bar: one row says so.
    bars = [at(100, 100, 95, 95, 95), at(*[100] * 4)]
    target = [[0.5, 0], [0.5, 0], [0.5, 0], [0.5, 0.2], [0.5, 0.2]]
    run = simulate(bars, target, delisted=[False, True], mandate=mandate(5, [0, 0], day_loss=0.02))
    assert ends(run) == ["filled", "delisted"]
    assert events(run) == [(2, "day_loss", "freeze", -1, -1)]


def test_the_end_of_a_freeze_takes_up_what_a_time_stop_has_just_ended(simulate: Simulator) -> None:
    # Filled at the closes themselves. 5 shares at 100; at 90 the account is frozen for the third session. At its close
    # the time stop sells. Flat, wanted and free: the order arises there, and 50 % of 950 buy at the next close.
    words = {"fill": "same_close", "time_stop": 2, "reentry": "immediate", "mandate": mandate(4, [0], day_loss=0.02)}
    run = simulate(at(100, 90, 90, 90), [0.5] * 4, **words)
    assert run.positions[:, 0].tolist() == close_to(5, 5, 0, 475 / 90)
    assert run.orders.decided.tolist() == [0, 2, 2]
    assert ends(run) == ["filled"] * 3


def test_a_frozen_account_says_so_even_where_costs_eat_the_size(simulate: Simulator) -> None:
    # 550 buy 4.5 shares of A and pay 100 of commission: 1,000 are left of 1,100, and 977.5 at 95. Both days freeze the
    # next session. B's 10 % are 97.75, less than its commission; free at the last close, it would be tried again.
    bars, words = [at(100, 100, 95, 95), at(*[100] * 4)], {"commission": "per_trade:100", "initial_capital": 1100.0}
    limits = mandate(4, [0, 0], day_loss=0.02)
    run = simulate(bars, [[0.5, 0], [0.5, 0], [0.5, 0.1], [0.5, 0.1]], mandate=limits, **words)
    assert ends(run) == ["filled", "frozen", "end_of_data"]
    assert run.equity.tolist() == close_to(1100, 1000, 977.5, 977.5)
    assert [event[:3] for event in events(run)] == [(1, "day_loss", "freeze"), (2, "day_loss", "freeze")]


def test_a_trade_that_costs_more_than_it_brings_is_left_alone(simulate: Simulator) -> None:
    # A goes to and fro between 100 and 102. Of A, 400 buy shares at 102 with 0.1 % of commission; 0.4 of the equity
    # that is left by that buy B at 100. At the close of row 22, A at 100 again, trading A's gap g costs 0.001·g·E and
    # brings 0.5·risk aversion·(g·sigma)²·21·E: worth it from a risk aversion of 0.001/(0.5·g·sigma²·21) on. B never
    # moves: its trade brings nothing, whatever the risk aversion. Neither is asked before there is a sigma.
    prices = [100, 102] * 12
    bars, target = [at(*prices), at(*[100] * 24)], [[0.4, 0.4]] * 24
    first = 400 / 1.001 / 102
    second = 0.4 * (1000 - 400 * 0.001 / 1.001) / 1.001 / 100
    equity = 1000 - 1.001 * (first * 102 + second * 100) + first * 100 + second * 100
    gap = 0.4 - first * 100 / equity
    returns = [now / before - 1 for before, now in pairwise(prices[2:23])]
    enough = 0.001 / (0.5 * gap * stdev(returns) ** 2 * 21)
    for aversion, row, traded in ((0.99 * enough, 22, []), (1.01 * enough, 22, [0]), (0.99 * enough, 18, [0, 1])):
        rules = {"risk_aversion": aversion, "cost_sessions": 21.0}
        words = {"commission": "bps:10", "mandate": mandate(24, [0, 1], rebalance=[row], rules=rules)}
        run = simulate(bars, target, **words)
        assert run.positions[18].tolist() == close_to(first, second)
        assert run.orders.symbol.tolist()[2:] == traded
