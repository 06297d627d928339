"""Sizes, costs and ends of the simulator in examples worked out by hand; see both_simulators.py."""

from __future__ import annotations

import pytest
from both_simulators import CALM, NONE, Simulator, calm, close_to, ends, market, on_both, reasons

pytestmark = on_both


# Sizes


def test_risk_is_what_the_first_stop_loses(simulate: Simulator) -> None:
    # 1 % of 10,000 over a distance of 5 a share: 20 shares.
    run = simulate(market(CALM, "100 102 99 101"), [1, 1], initial_capital=1e4, sizing="risk:1%", stop="5%")
    assert run.trades.quantity.tolist() == close_to(20.0)
    assert run.trades.risk.tolist() == close_to(100.0)


def test_kelly_learns_from_closed_trades_alone(simulate: Simulator) -> None:
    # Half of equity twice: +10 % on 500 = 50, -5 % on 525 = -26.25; equity 1023.75. Mean 2.5 %, sample variance
    # 2 x 7.5 %^2 = 0.01125; a quarter of 0.025/0.01125 = 5/9 of equity: 568.75 at 100 = 5.6875 shares.
    bars = market(
        *(CALM, "100 102 99 101", "110 112 109 111", "100 102 98 101", "95 97 94 96", "100 103 98 102"),
    )
    run = simulate(bars, [1, 0, 1, 0, 1, 1], sizing="kelly:0.25,min=2,percent=50%")
    assert run.trades.net_pnl[:2].tolist() == close_to(50.0, -26.25)
    assert run.trades.quantity[2] == pytest.approx(5.6875)


def test_kelly_without_an_edge_buys_nothing(simulate: Simulator) -> None:
    bars = market(*(CALM, "100 102 99 101", "90 92 89 91", "100 102 98 101", "95 97 94 96", "100 103 98 102"))
    run = simulate(bars, [1, 0, 1, 0, 1, 1], sizing="kelly:0.25,min=2,percent=50%")
    assert (len(run.trades), ends(run)[-1]) == (2, "no_edge")


def test_atr_and_volatility_sizes(simulate: Simulator) -> None:
    # ATR 2: 1 % of 1000 over 2 x 2 = 2.5 shares.
    run = simulate(market(*calm(16)), [0] * 14 + [1, 1], sizing="atr:1%,k=2")
    assert run.trades.quantity.tolist() == close_to(2.5)
    # Closes alternate between 100 and 101: returns +1 % and -1/101, ten of each. Their sample deviation is
    # (1/100 + 1/101)/2 x sqrt(20/19); the size is 16 % over that times sqrt(252), in money, at a price of 100.
    waves = market(*[f"100 102 99 {100 + k % 2}" for k in range(22)])
    deviation = (1 / 100 + 1 / 101) / 2 * (20 / 19) ** 0.5
    run = simulate(waves, [0] * 20 + [1, 1], sizing="vol_target:8%")
    assert run.trades.quantity.tolist() == close_to(10 * 0.08 / (deviation * 252**0.5))


def test_whole_shares_round_the_change_down(simulate: Simulator) -> None:
    # 1000 pay for 9.7 shares at 103: 9. A split of 2 later: half shares of the adjusted basis are whole as traded.
    run = simulate(market(CALM, "103 104 102 103"), [1, 1], shares="whole")
    assert run.positions[-1].tolist() == [9.0]
    # Factor 2 before the split: a raw share is two adjusted ones, 9.7 adjusted are 4.85 raw: 4 raw are 8 adjusted.
    split = simulate(market(CALM, "103 104 102 103", CALM, ratios={2: 2.0}), [1, 1, 1], shares="whole")
    assert split.positions[-1].tolist() == [8.0]
    none = simulate(market(CALM, "103 104 102 103"), [1, 1], shares="whole", initial_capital=100.0)
    assert (ends(none), none.orders.asked.tolist()) == (["less_than_one_share"], close_to(100 / 103))


def test_a_size_decided_at_the_close_is_cut_where_the_open_is_dearer(simulate: Simulator) -> None:
    # Decided: 1000/100 = 10 shares. At 125 cash pays for 8, at 80 for all ten.
    dear = simulate(market(CALM, "125 126 124 125"), [1, 1], size_at="decision")
    assert (dear.positions[-1].tolist(), ends(dear), dear.orders.asked.tolist()) == ([8.0], ["no_cash"], [10.0])
    cheap = simulate(market(CALM, "80 81 79 80"), [1, 1], size_at="decision")
    assert (cheap.positions[-1].tolist(), cheap.cash[-1]) == ([10.0], 200.0)


# Costs


def test_borrow_is_paid_for_every_day_of_a_weekend(simulate: Simulator) -> None:
    # 10 shares short at 100 on Friday; on Monday three days of 36.5 % a year on 1000: 3.
    bars = market(CALM, "100 101 98 100", "100 101 99 100.5", days=(3, 4, 7))
    run = simulate(bars, [-1, -1, -1], borrow="36.5%")
    assert run.trades.borrow.tolist() == close_to(3.0)
    assert run.cash.tolist() == close_to(1000.0, 2000.0, 1997.0)
    assert run.equity[-1] == pytest.approx(1000.0 - 3.0 - 5.0)


def test_interest_on_cash_and_on_debt(simulate: Simulator) -> None:
    # Row 1: one day of 3.65 % on 1000 earns 0.10. Twice 1000.10 of
    # shares leave -1000.10, which pays 7.30 % a year: 0.2.
    run = simulate(
        market(CALM, "100 101 98 100", "100 101 99 100.5"),
        [1, 1, 1],
        sizing="percent:200%",
        leverage=2.0,
        interest="3.65%",
        margin_interest="7.3%",
    )
    assert run.interest == pytest.approx(0.1 - 1000.10 * 0.0002)
    assert run.cash[1] == pytest.approx(-1000.10)


def test_dividends_are_received_by_longs_and_paid_by_shorts(simulate: Simulator) -> None:
    bars = market(CALM, "100 102 99 101", "100 101 98 100", day2=1.5)
    assert simulate(bars, [1, 1, 1]).trades.dividends.tolist() == close_to(15.0)
    assert simulate(bars, [-1, -1, -1]).trades.dividends.tolist() == close_to(-15.0)
    assert simulate(bars, [0, 1, 1]).dividends == 0.0


def test_fees_of_sales_from_their_date_on(simulate: Simulator) -> None:
    # 10 sold on the 3rd, before the fee; on the 5th 0.1 % of 1000 and a cent a share, at most 0.05.
    bars = market(*(CALM, "100 102 99 101", "100 101 98 100", "100 103 99 101", "100 102 97 101"))
    run = simulate(bars, [1, 0, 1, 0, 0], sell_fees=("2024-01-04 bps:10,per_share=0.01,max=0.05",))
    assert run.trades.fees.tolist() == close_to(0.0, 1.05)
    assert run.equity[-1] == pytest.approx(1000.0 - 1.05)


def test_a_commission_with_a_minimum_is_paid_out_of_the_size(simulate: Simulator) -> None:
    # 10 shares at half a cent are less than the minimum of 1: 999 buy 9.99 shares.
    run = simulate(market(CALM, "100 102 99 101"), [1, 1], commission="ibkr_fixed")
    assert run.positions[-1].tolist() == close_to(9.99)
    assert run.trades.commission.tolist() == close_to(1.0)
    assert run.cash[-1] == pytest.approx(0.0)


def test_slippage_of_volume_share_depends_on_the_fill(simulate: Simulator) -> None:
    # 10 of 100 shares: 100 x (1 + 0.1 x 0.1^2) = 100.1.
    run = simulate(
        market(CALM, "100 102 99 101 100"), [1, 1], slippage="volume_share", sizing="shares:10", leverage=2.0
    )
    assert run.trades.entry_price.tolist() == close_to(100.1)
    assert run.slippage == pytest.approx(1.0)


def test_half_of_the_estimated_spread(simulate: Simulator) -> None:
    # Days of one and the same range carry no volatility: Corwin and Schultz's alpha is then ln(101/99) exactly, the
    # spread 2 x (101/99 - 1)/(1 + 101/99) = 2 %, and a purchase pays 1 % of 100.
    run = simulate(market(*calm(22)), [0] * 20 + [1, 1], slippage="half_spread")
    assert run.trades.entry_price.tolist() == close_to(101.0)
    assert run.slippage == pytest.approx(1000.0 / 101.0)


def test_impact_grows_with_the_root_of_the_share_of_volume(simulate: Simulator) -> None:
    # Closes alternate between 100 and 101 (see the volatility's example); 10 of a mean volume of 1000: root 0.1.
    waves = market(*[f"100 102 99 {100 + k % 2}" for k in range(22)])
    deviation = (1 / 100 + 1 / 101) / 2 * (20 / 19) ** 0.5
    run = simulate(waves, [0] * 20 + [1, 1], slippage="sqrt_impact:2", sizing="shares:10", leverage=2.0)
    assert run.trades.entry_price.tolist() == close_to(100 * (1 + 2 * deviation * 0.1))


def test_a_share_of_the_range_and_cents_a_share(simulate: Simulator) -> None:
    # ATR 2, a tenth of it: 100.2. A cent a raw share is half a cent where a split of 2 is still to come.
    run = simulate(market(*calm(16)), [0] * 14 + [1, 1], slippage="atr:0.1")
    assert run.trades.entry_price.tolist() == close_to(100.2)
    run = simulate(market(CALM, "100 102 99 101", CALM, ratios={2: 2.0}), [1, 1, 1], slippage="per_share:0.01")
    assert run.trades.entry_price.tolist() == close_to(100.005)


# Ends


def test_a_delisted_position_is_paid_out_with_its_return(simulate: Simulator) -> None:
    # 10 shares, last close 98, 30 % less: 68.6 each. Not even the commission is due.
    words = {"delisting_return": "-30%", "delisted": [True]}
    run = simulate(market(CALM, "100 102 99 101", "100 101 97 98"), [1, 1, 1], **words)
    assert (reasons(run), run.trades.exit_price.tolist()) == (["delisted"], close_to(68.6))
    assert run.equity.tolist() == close_to(1000.0, 1010.0, 686.0)


def test_a_margin_call_sells_at_the_next_open(simulate: Simulator) -> None:
    # 20 shares with 1000 of debt: at a close of 80 equity is 600, below 40 % of 1600. Sold at 85: 700 are left.
    words = {"sizing": "percent:200%", "leverage": 2.0, "maintenance": "40%"}
    run = simulate(market(CALM, "100 101 79 80", "85 86 84 85", "85 87 84 86"), [1, 1, 1, 1], **words)
    assert reasons(run) == ["margin_call"]
    assert run.equity.tolist() == close_to(1000.0, 600.0, 700.0, 700.0)
    assert run.orders.decided.tolist() == [0, 1]


def test_ruin_closes_everything_and_ends_it(simulate: Simulator) -> None:
    # 20 shares with 1000 of debt at a close of 45: -100. They are sold there for 1 % less than that: -109.
    words = {"sizing": "percent:200%", "leverage": 2.0, "slippage": "bps:0", "commission": "bps:100"}
    run = simulate(market(CALM, "100 101 44 45", "85 86 84 85"), [1, 1, 1], **words)
    shares = 2000 / 101
    cash = 1000 - 2000 + shares * 45 * 0.99
    assert run.ruined
    assert run.equity.tolist() == close_to(1000.0, cash, cash)
    assert reasons(run) == ["ruined"]


def test_a_target_that_is_no_number_is_flat(simulate: Simulator) -> None:
    bars = market(CALM, "100 102 99 101", "100 101 98 100", "104 105 103 104")
    run = simulate(bars, [1, 1, NONE, NONE])
    assert (run.nan_targets, run.positions[-1].tolist()) == (2, [0.0])
    assert run.trades.net_pnl.tolist() == close_to(40.0)


def test_a_symbol_without_a_bar_keeps_its_last_price_and_waits(simulate: Simulator) -> None:
    # The first symbol has no bar on day 2: 5 shares count 101 each there, and its exit waits for the open of 96.
    bars = [
        market(CALM, "100 102 99 101", "96 97 95 96", days=(0, 1, 3)),
        market("50 51 49 50", "50 52 49 51", "51 53 50 52", "52 54 51 53"),
    ]
    run = simulate(bars, [[0.5, 0], [0, 0], [0, 0], [0, 0]])
    assert run.equity.tolist() == close_to(1000.0, 1005.0, 1005.0, 980.0)
    assert run.trades.exit_row.tolist() == [3]


def test_the_same_close_fills_with_its_own_signal(simulate: Simulator) -> None:
    run = simulate(market(CALM, "100 102 99 101", "104 105 103 104"), [0, 1, 0], fill="same_close")
    assert (run.trades.entry_price.tolist(), run.trades.exit_price.tolist()) == ([101.0], [104.0])


def test_mid_and_typical_prices(simulate: Simulator) -> None:
    bars = market(CALM, "100 106 98 105")
    assert simulate(bars, [1, 1], fill="next_mid").trades.entry_price.tolist() == [102.0]
    assert simulate(bars, [1, 1], fill="next_typical").trades.entry_price.tolist() == [103.0]


def test_orders_that_are_alive_at_the_end(simulate: Simulator) -> None:
    run = simulate(market(CALM, "100 102 99 101"), [0, 1])
    assert (ends(run), run.orders.asked.tolist()) == (["end_of_data"], [0.0])
