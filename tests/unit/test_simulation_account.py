"""Several symbols on one account, and the same result wherever, whenever and in whatever order it is computed."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_markets import contents, differing, digest, ends, lines, market, model, ragged_market, random_target

from alphafactory.domain.signals import Signals
from alphafactory.errors import SimulationError
from alphafactory.simulation import joint_sessions, simulate, simulate_account

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.bars import Bars
    from alphafactory.domain.results import Simulation

CALM = "100 101 99 100"
KINDS: tuple[dict[str, Any], ...] = (
    {"commission": "ibkr_fixed", "slippage": "bps:5", "shares": "whole", "initial_capital": 1e5},
    {"sizing": "kelly:0.5,min=2,percent=30%", "trail": "2atr", "slippage": "half_spread", "leverage": 2.0},
    {"sizing": "vol_target:20%", "slippage": "sqrt_impact:1", "participation": "10%", "stop": "3%"},
    {"entry": "limit:0.5atr", "good_for": 3, "take_profit": "4%", "time_stop": 9, "reentry": "immediate"},
)


def account(rows: Sequence[Sequence[str]], target: Sequence[Sequence[float]], **words: Any) -> Simulation:
    """Simulate symbols of equal sessions, each given by its lines."""
    return simulate_account([lines(*own) for own in rows], np.array(target, float), model(**words))


# What symbols have in common is money


def test_an_exit_pays_for_the_entry_of_an_earlier_column() -> None:
    # The second symbol is sold at 110 at the same open at which the first is bought: 1100 pay for 11 shares at 100.
    run = account(
        [[CALM, CALM, "100 103 99 102"], [CALM, "100 106 99 105", "110 111 108 109"]],
        [[0, 1], [1, 0], [1, 0]],
    )
    assert run.positions.tolist() == [[0, 0], [0, 10], [11, 0]]
    assert run.equity.tolist() == pytest.approx([1000.0, 1050.0, 1122.0])
    assert run.trades.symbol.tolist() == [1, 0]


def test_a_reduction_pays_for_an_entry_too() -> None:
    run = account(
        [[CALM, CALM, "100 103 99 102"], [CALM, "100 102 99 101", "100 102 98 101"]],
        [[0, 1], [0.4, 0.6], [0.4, 0.6]],
    )
    assert run.positions[-1].tolist() == pytest.approx([4.0, 6.0])
    assert ends(run) == ["filled"] * 3


def test_what_cash_does_not_pay_is_cut_in_the_order_of_the_columns() -> None:
    run = account([[CALM, "100 102 99 100"], ["50 51 49 50", "50 52 49 50"]], [[0.75, 0.5]] * 2)
    assert run.positions[-1].tolist() == pytest.approx([7.5, 5.0])
    assert ends(run) == ["filled", "no_cash"]
    assert run.orders.asked.tolist() == pytest.approx([7.5, 10.0])


def test_priority_has_no_say_over_exits() -> None:
    bars = [lines(CALM, "100 102 99 100", "100 103 99 100")] * 2
    target, priority = np.array([[1.0, 0], [0, 1], [0, 1]]), np.array([[0.0, 9], [0, 9], [0, 9]])
    run = simulate_account(bars, Signals(target, priority=priority), model())
    assert run.positions[-1].tolist() == [0.0, 10.0]


def test_equity_of_a_size_counts_other_symbols_at_the_open() -> None:
    # 4 of the first at 100; they open at 120, so 40 % of 1080 buy 4.32 of the second, whatever the first closes at.
    run = account(
        [[CALM, "100 102 99 101", "120 131 119 130"], [CALM, "100 103 99 100", "100 104 99 100"]],
        [[0.4, 0], [0.4, 0.4], [0.4, 0.4]],
    )
    assert run.positions[-1].tolist() == pytest.approx([4.0, 4.32])


def test_a_margin_call_closes_every_position() -> None:
    # 10 of each at 100 with 1000 of debt. At a close of 60 for the first: equity 600, below 40 % of 1600.
    run = account(
        [[CALM, "100 101 59 60", "61 62 60 61"], [CALM, "100 102 99 100", "99 103 98 100"]],
        [[1, 1]] * 3, sizing="percent:100%", leverage=2.0, maintenance="40%",
    )  # fmt: skip
    assert run.positions[-1].tolist() == [0.0, 0.0]
    assert run.equity[-1] == pytest.approx(1000 - 390 - 10)


def test_the_ruin_of_one_ends_all_whatever_the_volume() -> None:
    # 10 short of the first at 100, 10 of the second; at 310 nobody is left, though nothing trades in that bar.
    run = account(
        [[CALM, "100 101 99 100 5", "310 311 309 310 0", CALM], [CALM, "100 102 99 100", "100 103 98 100", CALM]],
        [[-1, 1]] * 4, sizing="percent:100%", leverage=2.0,
    )  # fmt: skip
    assert run.ruined
    assert run.positions[2:].tolist() == [[0, 0], [0, 0]]
    assert run.equity.tolist() == pytest.approx([1000.0, 1000.0, -1100.0, -1100.0])


def test_kelly_learns_from_the_trades_of_all_symbols() -> None:
    # +10 % and -5 % in the first symbol (mean 2.5 %, variance 2 x 7.5 %^2) size the second: 0.25 x 0.025/0.01125.
    first = [CALM, "100 102 99 101", "110 112 109 111", "100 102 98 101", "95 97 94 96", "95 98 94 96"]
    second = [CALM, "100 102 98 100", "100 103 99 100", "100 104 99 100", "100 105 99 100", "100 106 99 100"]
    run = account(
        [first, second], [[1, 0], [0, 0], [1, 0], [0, 0], [0, 1], [0, 1]], sizing="kelly:0.25,min=2,percent=50%"
    )
    assert run.trades.symbol.tolist() == [0, 0, 1]
    assert run.trades.quantity[2] == pytest.approx(1023.75 * 0.25 * 0.025 / 0.01125 / 100)


def test_a_symbol_that_lists_late_and_one_that_ends_early_share_the_account() -> None:
    early, late = market([10, 10, 11.0], [10, 10, 12]), market([20, 20, 25.0], [20, 22, 30])
    late = type(late)(
        late.sessions + 3, *(getattr(late, name) for name in late.__dataclass_fields__ if name != "sessions")
    )
    target = np.array([[1.0, 0], [1, 0], [1, 1], [1, 1], [1, 1], [1, 1]])
    run = simulate_account([early, late], target, model(), delisted=[True, False], names=["OLD", "NEW"])
    # 100 shares paid out at 12; the second is decided on before its first bar, and bought at its first open of 20.
    assert run.equity.tolist() == pytest.approx([1000, 1000, 1200, 1200, 1320, 1800])
    assert run.positions.tolist() == [[0, 0], [100, 0], [0, 0], [0, 60], [0, 60], [0, 60]]


# The order of the columns


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(seed=st.integers(0, 10**6), order=st.permutations(range(4)), words=st.sampled_from(KINDS))
def test_columns_in_any_order_are_the_same_where_cash_does_not_bind(
    seed: int, order: list[int], words: dict[str, Any]
) -> None:
    bars = [ragged_market(seed + symbol, 80) for symbol in range(4)]
    days = len(joint_sessions(bars))
    target = np.column_stack([random_target(seed + symbol, days) for symbol in range(4)])
    # Sizes that do not look at equity: sums of four positions round according to their order.
    ample = model(**(words | {"sizing": "cash:500", "initial_capital": 1e9, "leverage": 2.0}))
    run = simulate_account(bars, target, ample)
    other = simulate_account([bars[k] for k in order], target[:, order], ample)
    for name in ("positions", "stops", "take_profits"):
        np.testing.assert_array_equal(getattr(other, name), getattr(run, name)[:, order])
    assert other.equity == pytest.approx(run.equity, rel=1e-12)
    for column, old in enumerate(order):
        ours, theirs = other.trades.take(other.trades.symbol == column), run.trades.take(run.trades.symbol == old)
        for name in ("entry_row", "entry_price", "exit_row", "exit_reason", "quantity", "net_pnl", "mae", "mfe"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


# The same to the bit, everywhere


def run_of(seed: int) -> Simulation:
    """One of many simulations, of one symbol or of three."""
    words, bars = KINDS[seed % len(KINDS)], [ragged_market(seed + symbol, 250) for symbol in range(1 + 2 * (seed % 2))]
    days = len(joint_sessions(bars))
    target = np.column_stack([random_target(seed + symbol, days) for symbol in range(len(bars))])
    return (
        simulate(bars[0], target, model(**words)) if len(bars) == 1 else simulate_account(bars, target, model(**words))
    )


def digest_of(seed: int) -> str:
    return digest(run_of(seed))


def test_results_are_the_same_in_any_order_and_again() -> None:
    forward = [digest_of(seed) for seed in range(16)]
    backward = [digest_of(seed) for seed in reversed(range(16))]
    assert forward == backward[::-1]
    assert len(set(forward)) == 16
    assert differing(run_of(3), run_of(3)) == []


def test_results_are_the_same_in_threads() -> None:
    alone = [digest_of(seed) for seed in range(24)]
    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(digest_of, range(24))) == alone


def test_results_are_the_same_in_other_processes() -> None:
    alone = [digest_of(seed) for seed in range(8)]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as processes:
        assert list(processes.map(digest_of, range(8))) == alone


def test_a_run_leaves_its_arguments_alone() -> None:
    bars = [ragged_market(seed, 120) for seed in range(2)]
    target = np.column_stack([random_target(seed, len(joint_sessions(bars))) for seed in range(2)])
    target[3] = np.nan
    arrays = [target, *(getattr(own, name) for own in bars for name in ("open", "high", "low", "close", "volume"))]
    before = [array.copy() for array in arrays]
    simulate_account(bars, Signals(target, stop=np.where(target > 0, 1.0, np.nan)), model(trail="2atr"))
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_a_result_has_an_array_of_the_joint_sessions_for_each_curve() -> None:
    bars = [ragged_market(seed, 60) for seed in range(3)]
    days = len(joint_sessions(bars))
    run = simulate_account(bars, np.ones((days, 3)), model())
    assert run.equity.shape == run.cash.shape == run.invested.shape == (days,)
    assert run.positions.shape == run.stops.shape == run.take_profits.shape == (days, 3)
    assert all(np.isfinite(contents(run)[name]).all() for name in ("equity", "cash", "positions"))


# Bad input names the symbol, the session, the value, and what to do


def spoiled(column: str, row: int, value: float) -> Bars:
    bars = ragged_market(5, 30)
    getattr(bars, column)[row] = value
    return bars


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("close", float("nan"), "close of {day} is nan; it must be above 0. Quarantine the bar or correct its source."),
        ("open", -1.0, "open of {day} is -1; it must be above 0. Quarantine the bar or correct its source."),
        ("low", 0.0, "low of {day} is 0; it must be above 0. Quarantine the bar or correct its source."),
        ("volume", -5.0, "volume of {day} is -5; it must be 0 or more. Quarantine the bar or correct its source."),
    ],
)
def test_an_impossible_bar_of_one_symbol_is_named(column: str, value: float, words: str) -> None:
    bars = [ragged_market(5, 30), spoiled(column, 7, value)]
    with pytest.raises(SimulationError) as error:
        simulate_account(bars, np.zeros((30, 2)), model(), names=["GOOD", "BAD"])
    assert str(error.value) == "BAD: " + words.format(day=bars[1].sessions[7])


@pytest.mark.parametrize(("value", "word"), [(1.2, "1.2"), (-3.0, "-3"), (float("inf"), "inf")])
def test_an_impossible_target_of_one_symbol_is_named(value: float, word: str) -> None:
    bars, target = [ragged_market(5, 30)] * 2, np.zeros((30, 2))
    target[4, 1] = value
    with pytest.raises(SimulationError) as error:
        simulate_account(bars, target, model(), names=["GOOD", "BAD"])
    day = bars[0].sessions[4]
    assert str(error.value) == (
        f"BAD: the target of {day} is {word}. A target lies between -1 (all short) and 1 (all long)."
    )


def test_sessions_out_of_order_are_named() -> None:
    bars = ragged_market(5, 30)
    bars.sessions[9] = bars.sessions[8]
    with pytest.raises(SimulationError, match=rf"ABC: session {bars.sessions[9]} is not after .* Sort the bars"):
        simulate(bars, np.zeros(30), model(), name="ABC")


def test_signals_need_a_row_for_each_joint_session() -> None:
    bars = [market([10, 11, 12.0]), lines(CALM)]
    with pytest.raises(SimulationError, match=r"target has shape \(2, 2\) for 3 sessions and 2 symbols. Give one row"):
        simulate_account(bars, np.zeros((2, 2)), model())


@pytest.mark.parametrize("words", [{"sizing": "risk:1%"}, {"take_profit": "2R"}, {"break_even": "1R"}])
def test_what_is_measured_by_the_stop_needs_one(words: dict[str, Any]) -> None:
    bars, target = ragged_market(5, 30), np.ones(30)
    name = next(iter(words))
    with pytest.raises(SimulationError, match=rf"^{name}: .* there is none\. Set stop or trail"):
        simulate(bars, target, model(**words))
    for stop in ({"stop": "3%"}, {"trail": "chandelier:2"}):
        assert len(simulate(bars, target, model(**words, **stop)).trades) > 0
    given_stop = Signals(target, stop=0.9 * bars.close)
    assert len(simulate(bars, given_stop, model(**words)).trades) > 0
