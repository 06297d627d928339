"""How orders wait and end, how large they are, where levels lie and what fills cost: each rule checked by hand.

The contract is docs/simulation.md. Examples that the slow simulator must give too stand in test_reference_examples.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from small_markets import calm, ends, kinds, lines, model, reasons, refused, run

from alphafactory.domain.signals import Signals
from alphafactory.simulation import simulate

NAN = float("nan")
CALM = "100 101 99 100"

# Orders: how they wait, and how they end


def test_an_order_lives_so_many_bars_and_an_exit_for_ever() -> None:
    bars = ["100 101 99 100 9", "101 102 100 101 0", "102 103 101 102 0", "103 104 102 103 9"]
    assert refused(run(*bars, target=[1, 1, 1, 1], good_for=2)) == [(2, "no_volume")]
    assert len(run(*bars, target=[1, 1, 1, 1], good_for=3).trades) == 1
    bars = [CALM, "100 102 99 101", *(f"{k} {k + 1} {k - 1} {k} 0" for k in range(101, 104)), "104 105 103 104 9"]
    result = run(*bars, target=[1, 0, 0, 0, 0, 0], good_for=1)
    assert (result.trades.exit_row.tolist(), ends(result)) == ([5], ["filled", "filled"])


def test_the_strategys_life_of_an_order_replaces_the_settings() -> None:
    bars = lines("100 101 99 100 9", "101 102 100 101 0", "102 103 101 102 0", "103 104 102 103 9")
    target = np.ones(4)
    for life, trades in ((1.0, 0), (3.0, 1), (0.0, 1), (NAN, 0)):
        signals = Signals(target, good_for=np.array([life, 1, 1, 1]))
        assert len(simulate(bars, signals, model(good_for=2)).trades) == trades


def test_an_order_ends_where_another_change_replaces_it_or_takes_it_back() -> None:
    bars = [CALM, "101 103 100 102", "102 104 101 103", "103 105 102 104"]
    result = run(*bars, target=[1, 0.5, 0.5, 0], entry="limit:2%")
    # The first never met 98, nor the second 99.96; a target of 0 then finds no position and leaves no row.
    assert refused(result) == [(1, "limit"), (3, "limit")]
    assert result.orders.weight.tolist() == [1.0, 0.5]
    assert len(result.trades) == 0


def test_an_order_that_finds_nothing_to_change_leaves_no_row() -> None:
    # Half of 1000, a double and half of it sold on its own account: at 200 a third of 1500 is what 2.5 shares are.
    result = run(CALM, "100 102 99 100", "200 201 199 200", target=[0.5, 2 / 3, 2 / 3])
    assert ends(result) == ["filled"]
    assert result.positions[:, 0].tolist() == pytest.approx([0.0, 5.0, 5.0])


@pytest.mark.parametrize(
    ("entry", "bar", "price"),
    [("limit:0.5atr", "100 101 98.5 100", 99.0), ("stop:0.5atr", "100 101.5 99 100", 101.0),
     ("limit:0.5atr", "98 99 97 98", 98.0), ("stop:0.5atr", "102 103 101 102", 102.0)],
)  # fmt: skip
def test_prices_in_units_of_the_range(entry: str, bar: str, price: float) -> None:
    result = run(*calm(15), bar, target=[0] * 14 + [1, 1], entry=entry)
    assert result.trades.entry_price.tolist() == pytest.approx([price])


def test_a_price_in_units_of_a_range_that_is_not_known_refuses_the_order() -> None:
    assert refused(run(*calm(3), target=[1, 1, 1], entry="limit:1atr")) == [(0, "no_estimate")]


def test_the_strategys_price_makes_an_order_of_its_own_kind() -> None:
    # The settings wait for a rise of 2 %; the strategy bids 97, and the bar that rises to 103 falls there too.
    bars = lines(CALM, "100 103 96 100")
    bid = simulate(bars, Signals(np.ones(2), entry_limit=np.array([97.0, NAN])), model(entry="stop:2%"))
    assert (bid.trades.entry_price.tolist(), kinds(bid)) == ([97.0], ["limit"])
    both = Signals(np.ones(2), entry_limit=np.array([102.5, NAN]), entry_stop=np.array([102.0, NAN]))
    stop_limit = simulate(bars, both, model(slippage="bps:100"))
    assert (stop_limit.trades.entry_price.tolist(), kinds(stop_limit)) == ([102.0], ["stop_limit"])
    setting = simulate(bars, np.ones(2), model(entry="stop:2%"))
    assert (setting.trades.entry_price.tolist(), kinds(setting)) == ([102.0], ["stop_market"])


def test_a_sale_waits_above() -> None:
    result = run(CALM, "100 103 99 101", target=[-1, -1], entry="limit:2%")
    assert (result.trades.entry_price.tolist(), result.trades.quantity[0]) == ([102.0], pytest.approx(-1000 / 102))
    result = run(CALM, "100 101 97 99", target=[-1, -1], entry="stop:2%", slippage="bps:100")
    assert result.trades.entry_price.tolist() == pytest.approx([97.02])


def test_an_auction_at_the_open_looks_at_the_open() -> None:
    bars = [CALM, "99 101 96 98", "97 100 95 99"]
    result = run(*bars, target=[1, 1, 1], entry="limit:2%", resting="auction")
    assert (result.trades.entry_row.tolist(), result.trades.entry_price.tolist()) == ([2], [97.0])


def test_market_orders_of_a_kind_of_fill_do_not_wait_for_a_price() -> None:
    # Exits go at the moment of `fill`, whatever entries wait for.
    bars = [CALM, "100 101 97 99", "100 105 99 104"]
    result = run(*bars, target=[1, 0, 0], entry="limit:2%", fill="next_close")
    assert (result.trades.entry_price.tolist(), result.trades.exit_price.tolist()) == ([98.0], [104.0])


# Sizes


@pytest.mark.parametrize(
    ("sizing", "shares"),
    [("all_in", 20.0), ("percent:50%", 10.0), ("cash:300", 6.0), ("shares:3", 6.0), ("percent:25%", 5.0)],
)
def test_each_size_in_money_or_raw_shares(sizing: str, shares: float) -> None:
    # At 50 and before a split of 2: a raw share is two adjusted ones.
    bars = lines("50 51 49 50", "50 52 49 50", "50 53 49 50", factor=[2, 2, 1])
    full = simulate(bars, np.ones(3), model(sizing=sizing))
    half = simulate(bars, np.full(3, -0.5), model(sizing=sizing))
    assert full.positions[1, 0] == pytest.approx(shares)
    assert half.positions[1, 0] == pytest.approx(-shares / 2)


def test_what_leverage_does_not_allow_is_cut() -> None:
    cut = run(CALM, "100 102 99 101", target=[1, 1], sizing="shares:30", leverage=2.0)
    assert (cut.positions[-1, 0], refused(cut)) == (20.0, [(1, "no_cash")])
    assert cut.cash[-1] == pytest.approx(-1000.0)
    half = run(CALM, "100 102 99 101", target=[1, 1], leverage=0.5)
    assert (half.positions[-1, 0], half.cash[-1]) == (5.0, 500.0)


def test_calm_markets_do_not_make_a_volatility_target_boundless() -> None:
    result = run(*calm(22), target=[0] * 20 + [1, 1], sizing="vol_target:20%", leverage=3.0)
    assert result.positions[-1, 0] == pytest.approx(30.0)


def test_an_estimate_that_is_missing_makes_an_entry_wait() -> None:
    result = run(*calm(18), target=[1] * 18, sizing="atr:1%")
    assert (result.trades.entry_row.tolist(), ends(result)) == ([15], ["filled"])
    assert refused(run(*calm(5), target=[1] * 5, sizing="atr:1%", good_for=3)) == [(3, "no_estimate")]


def test_lots_round_down_what_changes_and_not_an_exit() -> None:
    bars = [CALM, "100 102 99 100", "100 103 99 100", "100 104 99 100", "100 105 99 100"]
    result = run(*bars, target=[1, 0.63, 0.59, 0, 0], initial_capital=25_500.0, shares="lots:100")
    # 255 become 200; 160.65 are 39 less, no lot; nor is 150.45; out with all.
    assert result.positions[:, 0].tolist() == [0.0, 200.0, 200.0, 200.0, 0.0]
    assert ends(result) == ["filled", "less_than_one_share", "less_than_one_share", "filled"]


def test_a_full_exit_is_never_refused_for_its_fee() -> None:
    # The position is worth 5 at the end and the exit costs 30.
    result = run(CALM, "100 102 99 100", "1 2 0.5 1", target=[1, 0, 0], commission="per_trade:30")
    assert ends(result) == ["filled", "filled"]
    assert result.equity[-1] == pytest.approx(970 / 100 * 1 - 30)
    assert result.ruined


def test_a_cap_by_volume_is_in_whole_lots() -> None:
    bars = ["100 101 99 100 990", "100 102 99 100 1290", "100 103 99 100 1590", "100 104 99 100 5000"]
    result = run(*bars, target=[1] * 4, initial_capital=1e5, shares="lots:50", participation="10%")
    assert result.positions[:, 0].tolist() == [0.0, 100.0, 250.0, 750.0]


def test_what_is_left_after_a_split_is_whole_shares_again() -> None:
    # 10,050 buy 67 raw shares of 150, that is 100.5 of 100. Volume lets 10 raw shares (15) through, then 3-for-2 splits
    # them: 85.5 are left, of which 85 are whole.
    bars = lines("100 100 100 100 150", "100 100 100 100 151", "100 100 100 100 1005", factor=[1.5, 1.5, 1.0])
    settings = model(initial_capital=10_050.0, shares="whole", participation="10%")
    held = simulate(bars, np.ones(3), settings).positions[:, 0]
    assert held.tolist() == [0.0, 15.0, 100.0]


# Levels


@pytest.mark.parametrize(
    ("words", "price"),
    [({"stop": "2atr"}, 96.0), ({"trail": "1.5atr"}, 97.0), ({"stop": "2atr", "trail": "2.5%"}, 97.5),
     ({"stop": "1%", "trail": "2%"}, 99.0)],
)  # fmt: skip
def test_the_first_stop_is_the_tightest(words: dict[str, str], price: float) -> None:
    result = run(*calm(15), "100 101.5 99.5 100", "100 101 90 92", target=[0] * 14 + [1] * 3, **words)
    assert result.stops[15, 0] == pytest.approx(price)
    assert result.trades.exit_price.tolist() == pytest.approx([price])


@pytest.mark.parametrize(("level", "price"), [("3%", 103.0), ("1.5atr", 103.0), ("2R", 102.0)])
def test_each_unit_of_a_target(level: str, price: float) -> None:
    result = run(
        *calm(15), "100 101 99.5 100", "101 110 100 109", target=[0] * 14 + [1] * 3, take_profit=level, stop="1%"
    )
    assert (reasons(result), result.trades.exit_price.tolist()) == (["take_profit"], pytest.approx([price]))


@pytest.mark.parametrize("level", ["4%", "2atr", "2R"])
def test_each_unit_of_break_even(level: str) -> None:
    bars = [*calm(15), "100 105 99.5 103.9", "104 105 100.5 104", "104 105 97 99"]
    result = run(*bars, target=[0] * 14 + [1] * 4, break_even=level, stop="2%")
    # 103.9 is not enough, 104 is; then the price comes back to the entry.
    assert result.stops[15:, 0].tolist() == pytest.approx([98.0, 98.0, 100.0])
    assert reasons(result) == ["break_even"]


def test_levels_are_those_of_the_first_fill() -> None:
    bars = [CALM, "100 102 99 101", "110 112 109 111", "110 111 94 96"]
    result = run(*bars, target=[0.5, 1, 1, 1], stop="5%", take_profit="50%")
    assert result.stops[:, 0].tolist() == pytest.approx([NAN, 95, 95, 95], nan_ok=True)
    assert result.trades.entry_price[0] > 100.0
    assert result.trades.risk[0] == pytest.approx(5.0 * result.trades.quantity[0])


def test_a_gap_through_both_levels_is_no_question() -> None:
    # The open lies below the stop: it fills there, though the bar would later reach the target too.
    result = run(CALM, "100 102 99 101", "90 111 89 110", target=[1, 1, 1], stop="5%", take_profit="10%")
    assert (result.trades.exit_price.tolist(), result.trades.ambiguous.tolist()) == ([90.0], [False])


def test_a_level_at_the_open_goes_before_the_signal() -> None:
    result = run(CALM, "100 102 99 101", "90 92 89 91", target=[1, 0, 0], stop="5%")
    assert reasons(result) == ["stop"]
    result = run(CALM, "100 102 99 101", "97 98 90 91", target=[1, 0, 0], stop="5%")
    assert (reasons(result), result.trades.exit_price.tolist()) == (["signal"], [97.0])


@pytest.mark.parametrize("words", [{"time_stop": 1}, {"stop": "3%"}])
def test_a_direction_that_was_ended_is_closed_and_the_other_is_not(words: dict[str, Any]) -> None:
    bars = [CALM, "100 102 99 101", "100 103 96 100", "100 104 99 101", "101 103 100 102"]
    result = run(*bars, target=[0.5, 0.5, 1, -1, -1], **words)
    assert refused(result)[:1] == [(2, "direction_closed")]
    assert result.positions[4, 0] < 0.0


def test_stops_slip_and_targets_do_not() -> None:
    bars = [CALM, "100 102 99 101"]
    stopped = run(*bars, "98 99 90 91", target=[1, 1, 1], stop="5%", slippage="bps:100")
    assert stopped.trades.exit_price.tolist() == pytest.approx([101 * 0.95 * 0.99])
    taken = run(*bars, "102 120 101 119", target=[1, 1, 1], take_profit="5%", slippage="bps:100")
    assert taken.trades.exit_price.tolist() == pytest.approx([101 * 1.05])


# Costs


@pytest.mark.parametrize(
    ("commission", "paid"),
    [("none", 0.0), ("bps:50", 5.0), ("per_trade:7", 7.0), ("per_share:0.2", 2.0), ("per_share:0.2,min=3", 3.0),
     ("per_share:2,max_pct=1", 10.0), ("per_share:0.2,min=30,max_pct=1", 10.0), ("ibkr_fixed", 1.0)],
)  # fmt: skip
def test_each_commission_of_ten_shares_at_100(commission: str, paid: float) -> None:
    result = run(CALM, "100 102 99 100", target=[1, 1], commission=commission, sizing="shares:10", leverage=2.0)
    assert result.commission == pytest.approx(paid)
    assert result.cash[-1] == pytest.approx(-paid)


def test_a_sale_never_brings_in_less_than_nothing() -> None:
    result = run("1 1.1 0.9 1", "1 1.2 0.9 1", "1 1.3 0.9 1", target=[1, 0, 0], slippage="per_share:5")
    assert result.trades.exit_price.tolist() == [0.0]
    assert result.equity[-1] == pytest.approx(0.0)


def test_a_short_sale_pays_the_fees_of_sales() -> None:
    words = {"sell_fees": ("2020-01-01 bps:100",), "sizing": "shares:5"}
    result = run(CALM, "100 102 99 100", "100 103 99 100", target=[-1, 0, 0], **words)
    assert (result.fees, result.trades.fees[0]) == (pytest.approx(5.0), pytest.approx(5.0))


def test_a_delisting_can_take_all() -> None:
    bars = lines(CALM, "100 102 99 101", "100 103 99 100")
    result = simulate(bars, np.ones(3), model(delisting_return="-100%"), delisted=True)
    assert (result.trades.exit_price.tolist(), result.equity[-1]) == ([0.0], 0.0)
    short = simulate(bars, -np.ones(3), model(delisting_return="-100%"), delisted=True)
    assert short.equity[-1] == pytest.approx(2000.0)
