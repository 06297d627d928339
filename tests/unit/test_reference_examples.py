"""The contract of the simulator in examples that were worked out by hand; both simulators must give these numbers.

Capital is 1,000, shares are fractional and nothing costs anything unless an example says so. Sessions are days from
Monday, 2024-01-01 on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from reference_simulator import Reference, simulate_slowly

from alphafactory.domain.bars import Bars
from alphafactory.domain.results import EXIT_REASONS, ORDER_ENDS, ORDER_KINDS, Simulation
from alphafactory.domain.settings import parse_settings
from alphafactory.domain.signals import Signals

if TYPE_CHECKING:
    from collections.abc import Sequence

Run = Reference | Simulation
Simulator = Callable[..., Run]


def market(*rows: str, days: Sequence[int] = (), ratios: dict[int, float] | None = None, **paid: float) -> Bars:
    """Bars from lines `open high low close [volume]`; `days` after Monday; `paid={"day2": 1.0}` are dividends."""
    table = np.array([[float(word) for word in f"{row} 1000".split()[:5]] for row in rows]).T
    offsets = np.array(days or range(len(rows)))
    ratio = np.array([(ratios or {}).get(k, 1.0) for k in range(len(rows))])
    factor = np.append(np.cumprod(ratio[::-1])[::-1][1:], 1.0)
    dividends = np.array([paid.get(f"day{k}", 0.0) for k in range(len(rows))])
    return Bars(np.datetime64("2024-01-01") + offsets, *table, split_factor=factor, dividends=dividends)


def slowly(bars: Sequence[Bars], signals: Signals, **words: Any) -> Run:
    delisted = words.pop("delisted", ())
    return simulate_slowly(bars, signals, parse_settings(**{"initial_capital": 1000.0, **words}), delisted=delisted)


def quickly(bars: Sequence[Bars], signals: Signals, **words: Any) -> Run:
    from alphafactory.simulation import simulate_account  # noqa: PLC0415  the examples of the slow one stand without

    delisted = words.pop("delisted", ())
    settings = parse_settings(**{"initial_capital": 1000.0, **words})
    return simulate_account(bars, signals, settings, delisted=delisted)


@pytest.fixture(params=[slowly, quickly], ids=["slow", "fast"])
def simulate(request: pytest.FixtureRequest) -> Simulator:
    """One symbol or several, through either simulator."""

    def run(bars: Bars | Sequence[Bars], target: Sequence[Any], **words: Any) -> Run:
        several = [bars] if isinstance(bars, Bars) else list(bars)
        arrays = {
            name: np.array(words.pop(name), dtype=float)
            for name in ("entry_limit", "entry_stop", "stop_price", "take_profit_price", "good_for_bars", "priority")
            if name in words
        }
        renamed = {"stop_price": "stop", "take_profit_price": "take_profit", "good_for_bars": "good_for"}
        wishes = {renamed.get(name, name): array.reshape(len(target), -1) for name, array in arrays.items()}
        distances = words.pop("distances", False)
        targets = np.array(target, dtype=float).reshape(len(target), -1)
        return request.param(several, Signals(targets, **wishes, distances=distances), **words)

    return run


def reasons(run: Run) -> list[str]:
    return [EXIT_REASONS[k] for k in run.trades.exit_reason]


def ends(run: Run) -> list[str]:
    return [ORDER_ENDS[k] for k in run.orders.end]


def kinds(run: Run) -> list[str]:
    return [ORDER_KINDS[k] for k in run.orders.kind]


def close_to(*numbers: float) -> Any:
    return pytest.approx(list(numbers), rel=1e-12, abs=1e-9, nan_ok=True)


NONE = float("nan")
CALM = "100 101 99 100 900"
"""A bar whose range is 2; with the volume of its neighbour it would count as halted."""


def calm(sessions: int) -> list[str]:
    """Bars with a true range of 2 each: the ATR is exactly 2, a close is always 100."""
    return [f"100 101 99 100 {1000 + 7 * k}" for k in range(sessions)]


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
