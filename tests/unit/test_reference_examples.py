"""Levels and orders of the simulator in examples worked out by hand; see both_simulators.py."""

from __future__ import annotations

import pytest
from both_simulators import CALM, NONE, Simulator, calm, close_to, ends, kinds, market, on_both, reasons

pytestmark = on_both


# Levels


def test_a_gap_through_the_stop_fills_at_the_open(simulate: Simulator) -> None:
    # 10 shares at 100, stop at 95. The open of 90 lies below it: out at 90, 10 x -10.
    run = simulate(market(CALM, "100 102 99 101", "90 93 88 91"), [1, 1, 1], stop="5%")
    assert reasons(run) == ["stop"]
    assert run.trades.exit_price.tolist() == [90.0]
    assert run.trades.net_pnl.tolist() == close_to(-100.0)
    assert run.equity.tolist() == close_to(1000.0, 1010.0, 900.0)
    # MAE and MFE: low 99 and high 102 of the first bar, the open of 90; the rest of the last bar was not held.
    assert (run.trades.mae[0], run.trades.mfe[0]) == pytest.approx((-0.10, 0.02))
    assert run.trades.risk.tolist() == close_to(50.0)
    assert not run.trades.ambiguous[0]


def test_stop_and_target_in_one_bar_count_as_the_stop(simulate: Simulator) -> None:
    # Bought at the open of the bar that goes to 94 and to 106: stop 95 (-50) counts, target 105 (+50) is kept.
    run = simulate(market(CALM, "100 106 94 101", "101 103 100 102"), [1, 1, 1], stop="5%", take_profit="5%")
    assert reasons(run) == ["stop"]
    assert run.trades.ambiguous.tolist() == [True]
    assert run.trades.net_pnl.tolist() == close_to(-50.0)
    assert run.trades.optimistic_pnl.tolist() == close_to(50.0)
    assert run.ambiguous_pnl == pytest.approx(100.0)
    assert run.trades.exit_row.tolist() == [1]


def test_the_target_alone_fills_at_the_target(simulate: Simulator) -> None:
    # R is 5 % of 100, so 2R lies at 110; the bar reaches 111 and never the stop of 95. Slippage does not touch it.
    run = simulate(market(CALM, "100 103 99 102", "104 111 103 107"), [1, 1, 1], stop="5%", take_profit="2R")
    assert reasons(run) == ["take_profit"]
    assert run.trades.exit_price.tolist() == [110.0]
    assert run.trades.net_pnl.tolist() == close_to(100.0)
    assert run.take_profits[:, 0].tolist() == close_to(NONE, 110.0, 110.0)


def test_an_open_beyond_the_target_fills_at_the_open(simulate: Simulator) -> None:
    run = simulate(market(CALM, "100 103 99 102", "112 113 108 109"), [1, 1, 1], take_profit="10%")
    assert run.trades.exit_price.tolist() == [112.0]


def test_an_entry_in_the_bar_can_meet_its_stop_but_not_its_target(simulate: Simulator) -> None:
    # Limit 2 % below the close of 100: in at 98 with 1000/98 shares; the stop of 93.1 is touched by the low of 92.
    # The bar also met the target of 98.98, which does not count. At the bar's close of 96: 1000/98 x -2.
    bars = market(CALM, "100 101 92 96", "96 97 95 96")
    run = simulate(bars, [1, 1, 1], entry="limit:2%", stop="5%", take_profit="1%")
    assert run.trades.entry_price.tolist() == [98.0]
    assert run.trades.net_pnl.tolist() == close_to(-50.0)
    assert run.trades.optimistic_pnl.tolist() == close_to(-2000.0 / 98.0)
    assert run.trades.ambiguous.tolist() == [True]
    assert (kinds(run), ends(run)) == (["limit", "stop"], ["filled", "filled"])


def test_a_trailing_stop_follows_the_best_close(simulate: Simulator) -> None:
    # 10 % below: 90 from the fill, 92.7 from the close of 103, 99 from 110. The high of 112 never counted.
    bars = market(CALM, "100 104 99 103", "103 112 100 110", "110 111 98 105")
    run = simulate(bars, [1, 1, 1, 1], trail="10%")
    assert run.stops[:, 0].tolist() == close_to(NONE, 90.0, 92.7, 99.0)
    assert reasons(run) == ["trail"]
    assert run.trades.net_pnl.tolist() == close_to(-10.0)


def test_a_short_trails_downwards(simulate: Simulator) -> None:
    # 10 shares short at 100: 110, then 99 from the close of 90; the high of 101 takes it at 99.
    bars = market(CALM, "100 101 89 90", "91 101 90 95")
    run = simulate(bars, [-1, -1, -1], trail="10%")
    assert run.stops[:, 0].tolist() == close_to(NONE, 110.0, 99.0)
    assert run.trades.net_pnl.tolist() == close_to(10.0)
    assert run.trades.quantity.tolist() == close_to(-10.0)


def test_a_chandelier_hangs_from_the_best_high(simulate: Simulator) -> None:
    # ATR is 2: 94 at the fill, 101 - 6 = 95 after a calm bar. Then high 109, TR 10, ATR (13 x 2 + 10)/14 = 18/7:
    # 109 - 3 x 18/7 = 101 2/7, where the low of 101 takes 10 shares out.
    bars = market(*calm(16), "100 109 99 108", "108 110 101 105")
    run = simulate(bars, [0] * 14 + [1] * 4, trail="chandelier:3")
    assert run.stops[15:, 0].tolist() == close_to(94.0, 95.0, 109 - 54 / 7)
    assert run.trades.net_pnl.tolist() == close_to(10 * (9 - 54 / 7))
    assert reasons(run) == ["trail"]


def test_break_even_moves_the_stop_to_the_entry(simulate: Simulator) -> None:
    # R is 5; the close of 105 is one R above the fill. The next bar comes back to 99: out at 100 for nothing.
    bars = market(CALM, "100 106 99 105", "104 106 99 103")
    run = simulate(bars, [1, 1, 1], stop="5%", break_even="1R")
    assert reasons(run) == ["break_even"]
    assert run.stops[:, 0].tolist() == close_to(NONE, 95.0, 100.0)
    assert run.trades.net_pnl.tolist() == close_to(0.0)


def test_a_time_stop_leaves_at_the_close_of_its_session(simulate: Simulator) -> None:
    # In at row 1; two sessions later is row 3, at its close of 104.
    bars = market(CALM, "100 102 99 101", "101 103 100 102", "103 105 102 104", "105 107 104 106")
    run = simulate(bars, [1, 1, 1, 1, 1], time_stop=2)
    assert (reasons(run), run.trades.exit_row.tolist()) == (["time"], [3])
    assert run.trades.net_pnl.tolist() == close_to(40.0)
    assert run.trades.bars_held.tolist() == [2]
    assert run.equity[-1] == pytest.approx(1040.0)


def test_a_price_that_the_fill_has_reached_already_refuses_the_order(simulate: Simulator) -> None:
    run = simulate(market(CALM, "97 99 96 98"), [1, 1], stop_price=[98, NONE])
    assert ends(run) == ["level_crossed"]
    assert len(run.trades) == 0


def test_distances_are_counted_from_the_fill(simulate: Simulator) -> None:
    run = simulate(
        market(CALM, "102 103 99 101", "101 106 100 105"),
        [1, 1, 1],
        stop_price=[5, NONE, NONE],
        take_profit_price=[4, NONE, NONE],
        distances=True,
    )
    assert run.stops[:, 0].tolist() == close_to(NONE, 97.0, 97.0)
    assert run.trades.exit_price.tolist() == close_to(106.0)


# Orders


def test_a_change_of_side_is_an_exit_and_an_entry_of_what_is_then_there(simulate: Simulator) -> None:
    # 10 bought at 100, sold at 110: 1100, hence 10 short at 110. At the close of 105: 1100 + 10 x 5.
    bars = market(CALM, "100 102 99 101", "104 108 103 107", "110 111 104 105")
    run = simulate(bars, [1, 1, -1, -1])
    assert run.trades.net_pnl.tolist() == close_to(100.0, 50.0)
    assert reasons(run) == ["signal", "open"]
    assert run.positions[:, 0].tolist() == close_to(0.0, 10.0, 10.0, -10.0)
    assert run.orders.filled.tolist() == close_to(10.0, -20.0)
    assert run.equity[-1] == pytest.approx(1150.0)


def test_what_a_bar_cannot_take_is_tried_again(simulate: Simulator) -> None:
    # A tenth of the volumes 300, 400 and 1000 may fill: 30 at 100, 40 at 99, and the 30 that are left of 100 at 98.
    bars = market(CALM, "100 102 98 101 300", "99 101 97 100 400", "98 99 96 97 1000")
    run = simulate(bars, [1, 1, 1, 1], initial_capital=10_000.0, participation="10%")
    assert run.positions[:, 0].tolist() == close_to(0.0, 30.0, 70.0, 100.0)
    assert run.cash[-1] == pytest.approx(10_000.0 - 3000.0 - 3960.0 - 2940.0)
    assert (ends(run), run.orders.asked.tolist(), run.orders.price.tolist()) == (["filled"], [100.0], [99.0])
    assert (run.orders.first_fill.tolist(), run.orders.ended.tolist()) == ([1], [3])
    assert len(run.trades) == 1


def test_a_stop_that_the_volume_caps_goes_on_at_the_next_opens(simulate: Simulator) -> None:
    # 10 shares in at 100; the stop of 95 may sell 4 of them (a tenth of 40), the next open of 93 the other 6.
    bars = market(CALM, "100 102 99 101", "98 99 94 97 40", "93 94 92 93")
    run = simulate(bars, [1, 1, 1, 1], stop="5%", participation="10%")
    assert run.positions[:, 0].tolist() == close_to(0.0, 10.0, 6.0, 0.0)
    assert run.trades.net_pnl.tolist() == close_to(4 * -5.0 + 6 * -7.0)
    assert (reasons(run), run.trades.exit_price.tolist()) == (["stop"], close_to((4 * 95.0 + 6 * 93.0) / 10))


def test_cash_goes_to_the_higher_priority_first(simulate: Simulator) -> None:
    # Both want 60 % of 1000. The second column is first: 600 / 50 = 12 shares; 400 are left for 4 of the first at 100.
    bars = [market(CALM, "100 102 99 101"), market("49 51 48 50", "50 52 49 51")]
    run = simulate(bars, [[1, 1], [1, 1]], sizing="percent:60%", priority=[[1, 2], [1, 2]])
    assert run.positions[-1].tolist() == close_to(4.0, 12.0)
    assert (ends(run), run.orders.symbol.tolist()) == (["filled", "no_cash"], [1, 0])
    assert run.orders.asked.tolist() == close_to(12.0, 6.0)


def test_a_stop_limit_is_triggered_and_then_waits_for_its_limit(simulate: Simulator) -> None:
    # Close 100: triggered at 102, at most 103.02. In the bar it fills at 102.
    plain = simulate(market(CALM, "101 103 100 102"), [1, 1], entry="stop_limit:2%,limit=1%")
    assert plain.trades.entry_price.tolist() == close_to(102.0)
    # The open of 104 triggers it beyond its limit; the low of 103 then meets 103.02.
    gap = simulate(market(CALM, "104 105 103 104"), [1, 1], entry="stop_limit:2%,limit=1%")
    assert gap.trades.entry_price.tolist() == close_to(103.02)
    # Triggered at 104 with a limit of 102.96 (1 % under): not in this bar, even though it falls there; in the next.
    under = simulate(market(CALM, "103 105 101 104", "103.5 104 102 103"), [1, 1, 1], entry="stop_limit:4%,limit=-1%")
    assert (under.trades.entry_price.tolist(), under.trades.entry_row.tolist()) == (close_to(102.96), [2])


def test_a_limit_that_the_open_has_reached_fills_at_the_open_and_does_not_slip(simulate: Simulator) -> None:
    run = simulate(market(CALM, "97 99 96 98"), [1, 1], entry="limit:2%", slippage="bps:100")
    assert run.trades.entry_price.tolist() == [97.0]


def test_a_stop_order_slips(simulate: Simulator) -> None:
    # A rise of 2 % to 102, and 1 % of slippage on that.
    run = simulate(market(CALM, "101 103 100 102"), [1, 1], entry="stop:2%", slippage="bps:100")
    assert run.trades.entry_price.tolist() == close_to(103.02)


def test_an_auction_order_looks_at_one_price_only(simulate: Simulator) -> None:
    # The bar falls to 96, the limit of 98 is tried at the close alone: 99 is too dear, 97 is not.
    bars = market(CALM, "100 101 96 99", "99 100 95 97")
    run = simulate(bars, [1, 1, 1], entry="limit:2%", resting="auction", fill="next_close")
    assert (run.trades.entry_price.tolist(), run.trades.entry_row.tolist()) == ([97.0], [2])


def test_an_order_that_does_not_meet_its_price_grows_old(simulate: Simulator) -> None:
    bars = market(CALM, "100 102 99 101", "101 103 99 102", "102 103 90 101")
    run = simulate(bars, [1, 1, 1, 1], entry="limit:2%", good_for=2)
    assert (ends(run), run.orders.ended.tolist(), run.orders.first_fill.tolist()) == (["limit"], [2], [-1])
    assert len(run.trades) == 0


def test_nothing_fills_where_nothing_trades(simulate: Simulator) -> None:
    # No volume at 100, then that bar's repetition, then 104.
    bars = market(CALM, "100 103 98 102 0", "103 105 101 104", "103 105 101 104", "104 106 102 105")
    run = simulate(bars, [1, 1, 0, 0, 0])
    assert run.trades.entry_row.tolist() == [2]
    assert (run.trades.exit_row.tolist(), run.trades.exit_price.tolist()) == ([4], [104.0])


def test_a_stopped_direction_is_closed_until_the_target_has_left_it(simulate: Simulator) -> None:
    # Stopped at 95 in row 2. The target stays, shrinks (refused), leaves in row 4 and returns in row 5.
    bars = market(
        *(CALM, "100 102 99 101", "98 99 94 97", "97 98 96 97.5", "97 99 96 98", "98 99 97 98.5"),
        "98 100 97 99",
    )
    run = simulate(bars, [1, 1, 1, 0.5, 0, 1, 1], stop="5%")
    assert run.trades.entry_row.tolist() == [1, 6]
    assert ends(run) == ["filled", "filled", "direction_closed", "filled"]
    assert run.orders.ended.tolist() == [1, 2, 3, 6]


def test_immediate_reentry_buys_back_for_the_unchanged_target(simulate: Simulator) -> None:
    bars = market(CALM, "100 102 99 101", "98 99 94 97", "97 98 96 97.5")
    run = simulate(bars, [1, 1, 1, 1], stop="5%", reentry="immediate")
    assert (run.trades.entry_row.tolist(), run.trades.entry_price.tolist()) == ([1, 3], close_to(100.0, 97.0))
    assert run.orders.decided.tolist() == [0, 2, 2]


def test_only_so_many_orders_build_up_a_trade(simulate: Simulator) -> None:
    bars = market(CALM, "100 102 99 101", "100 103 98 102", "100 104 97 103")
    run = simulate(bars, [0.25, 0.5, 1, 1], max_entries=2)
    assert run.positions[:, 0].tolist() == close_to(0.0, 2.5, 5.0, 5.0)
    assert ends(run) == ["filled", "filled", "max_entries"]


def test_what_one_order_goes_on_to_build_is_a_trade_with_one_entry(simulate: Simulator) -> None:
    # A tenth of the volume fills: 4 of the 10 shares at first. The stop of 95 ends them; the order stays alive and
    # buys 4 more at the next open, a new trade, and 1.6 at the open after. It may be built up by one order: the larger
    # target of row 3 finds one already.
    bars = market(
        "100 101 99 100 40", "100 101 94 100 40", "100 101 99 100 40", "100 101 99 100 41", "100 101 99 100 42"
    )
    targets, words = [0.9, 0.9, 0.9, 1.0, 1.0], {"stop": "5%", "participation": "10%", "max_entries": 1}
    run = simulate(bars, targets, reentry="immediate", **words)
    assert reasons(run) == ["stop", "open"]
    assert ends(run)[-1] == "max_entries"
