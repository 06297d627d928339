"""What a search asks of many runs at once: the short way's numbers are the long way's to the bit, and the metrics'.

`measure` keeps nothing but numbers and, where settings allow it, leaves most of the machinery out.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_markets import market, model, ragged_market, random_target, same_bits

from alphafactory.domain.signals import Signals
from alphafactory.errors import SimulationError
from alphafactory.metrics import compute_metrics
from alphafactory.simulation import NUMBERS, measure, prepare, simulate
from alphafactory.simulation.rules import serves_plain

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.bars import Bars

THOROUGH = os.environ.get("ALPHAFACTORY_THOROUGH") == "1"
SEARCH = settings(
    max_examples=10_000 if THOROUGH else 400,
    derandomize=not THOROUGH,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
SEEDS = st.integers(0, 2**32 - 1)

SHORT: dict[str, tuple[Any, ...]] = {
    "initial_capital": (1e5, 1e5, 3000.0, 60.0),
    "stop": ("none", "none", "3%", "12%", "2atr", "0.7atr"),
    "take_profit": ("none", "none", "4%", "3atr", "2R", "0.6R"),
    "trail": ("none", "none", "2.7%", "1.5atr", "chandelier:2", "chandelier:0.8"),
    "break_even": ("none", "none", "1R", "1.1%", "0.5atr"),
    "time_stop": (0, 0, 1, 9),
    "commission": (
        "none", "bps:10", "per_trade:1", "ibkr_fixed", "per_share:0.1,min=30", "per_share:0.02,min=2,max_pct=0.5",
    ),
    "slippage": (
        "none", "bps:5", "bps:200", "per_share:0.01", "half_spread", "atr:0.1", "volume_share:0.1", "sqrt_impact:1",
    ),
    "sizing": (
        "all_in", "all_in", "percent:25%", "percent:180%", "cash:1000", "shares:10", "risk:1%", "risk:30%",
        "atr:1%,k=2", "vol_target:20%", "kelly:0.5,min=2,percent=30%", "kelly:2,min=3,percent=80%",
    ),
    "shares": ("fractional", "fractional", "whole", "lots:10"),
    "leverage": (1.0, 1.0, 2.0, 3.7),
    "delisting_return": ("none", "-30%", "-100%", "20%"),
}  # fmt: skip
"""What the short way serves."""

LONG_ALONE: tuple[dict[str, Any], ...] = (
    {"fill": "next_close"},
    {"entry": "limit:1%"},
    {"reentry": "immediate", "stop": "3%"},
    {"size_at": "decision"},
    {"good_for": 1},
    {"participation": "1%", "initial_capital": 1e6},
    {"max_entries": 1},
    {"maintenance": "40%", "sizing": "percent:250%", "leverage": 3.0},
    {"borrow": "3%"},
    {"interest": "2%"},
    {"margin_interest": "5%", "sizing": "percent:150%", "leverage": 2.0},
    {"sell_fees": ("2014-01-01 bps:0.3",)},
)
"""A switch that the short way does not serve, and others that make it do something."""


@st.composite
def short_words(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from(sorted(SHORT)), max_size=len(SHORT), unique=True))
    words = {name: draw(st.sampled_from(SHORT[name])) for name in names}
    if words.get("sizing") == "percent:180%":
        words["leverage"] = max(words.get("leverage", 1.0), 2.0)
    if words.get("stop", "none") == words.get("trail", "none") == "none":
        needs_stop = any("R" in str(words.get(name, "")) for name in ("take_profit", "break_even"))
        if needs_stop or words.get("sizing", "").startswith("risk"):
            words["stop"] = "3%"
    return words


def equal_sessions(seed: int, symbols: int, days: int) -> list[Bars]:
    bars = [ragged_market(seed + symbol, days) for symbol in range(symbols)]
    return [replace(own, sessions=bars[0].sessions) for own in bars]


def columns_of_targets(seed: int, symbols: int, days: int) -> FloatArray:
    targets: FloatArray = np.asfortranarray([random_target(seed + symbol, days) for symbol in range(symbols)]).T
    return targets


def expected_numbers(
    bars: Bars, target: FloatArray, words: dict[str, Any], *, periods: int, rate: float, delisted: bool
) -> list[float]:
    run = simulate(bars, target, model(**words), periods_per_year=periods, delisted=delisted)
    metrics = compute_metrics(run, bars.sessions, periods, rate)
    return [metrics.values.get(name, np.nan) for name in NUMBERS]


@SEARCH
@given(
    seed=SEEDS, words=short_words(), days=st.sampled_from([1, 2, 30, 120, 400]), symbols=st.integers(1, 3),
    periods=st.sampled_from([252, 365]), rate=st.sampled_from([0.0, 0.04]), gone=st.booleans(),
)  # fmt: skip
def test_the_short_way_is_the_long_way_to_the_bit(  # noqa: PLR0917  what Hypothesis draws
    seed: int, words: dict[str, Any], days: int, symbols: int, periods: int, rate: float, gone: bool
) -> None:
    bars, targets = equal_sessions(seed, symbols, days), columns_of_targets(seed, symbols, days)
    assert serves_plain(model(**words))
    delisted = [gone and symbol == 0 for symbol in range(symbols)]
    prepared = prepare(bars, model(**words), periods_per_year=periods, delisted=delisted)
    short = measure(prepared, targets, risk_free_rate=rate)
    long = measure(replace(prepared, short_way=False), targets, risk_free_rate=rate)
    assert same_bits(short, long), [NUMBERS[at] for at in np.flatnonzero((short != long).any(axis=0))]
    for symbol, own in enumerate(bars):
        expected = expected_numbers(
            own, targets[:, symbol], words, periods=periods, rate=rate, delisted=delisted[symbol]
        )
        assert short[symbol].tolist() == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("words", LONG_ALONE, ids=[next(iter(words)) for words in LONG_ALONE])
def test_what_the_short_way_does_not_serve_goes_the_long_way(words: dict[str, Any]) -> None:
    assert serves_plain(model())
    assert not serves_plain(model(**words))
    bars, targets = equal_sessions(3, 2, 300), columns_of_targets(3, 2, 300)
    found = measure(prepare(bars, model(**words)), targets)
    plain = dict(list(words.items())[1:])
    for symbol, own in enumerate(bars):
        expected = expected_numbers(own, targets[:, symbol], words, periods=252, rate=0.0, delisted=False)
        assert found[symbol].tolist() == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)
    # The switch does something here, so that going the short way would have shown.
    assert not same_bits(found, measure(prepare(bars, model(**plain)), targets))


def test_signals_with_prices_go_the_long_way() -> None:
    bars, targets = equal_sessions(4, 1, 300), columns_of_targets(4, 1, 300)
    below = Signals(targets, entry_limit=bars[0].close[:, np.newaxis] * 0.99)
    prepared = prepare(bars, model())
    waited, at_market = measure(prepared, below), measure(prepared, targets)
    run = simulate(bars[0], below, model())
    assert waited[0, NUMBERS.index("end_equity")] == pytest.approx(run.equity[-1], rel=1e-12)
    assert waited[0, NUMBERS.index("n_trades")] == len(run.trades)
    assert not same_bits(waited, at_market)


def test_each_symbol_has_an_account_of_its_own() -> None:
    bars, targets = equal_sessions(5, 4, 200), columns_of_targets(5, 4, 200)
    together = measure(prepare(bars, model(stop="3%")), targets)
    for symbol, own in enumerate(bars):
        alone = measure(prepare([own], model(stop="3%")), targets[:, symbol])
        assert same_bits(alone[0], together[symbol])


def test_what_is_prepared_serves_any_number_of_parameter_sets() -> None:
    bars = equal_sessions(6, 2, 200)
    prepared = prepare(bars, model(trail="2atr", commission="bps:5"))
    sets = [columns_of_targets(seed, 2, 200) for seed in range(5)]
    once = [measure(prepared, targets) for targets in sets]
    again = [measure(prepared, targets) for targets in reversed(sets)]
    assert all(same_bits(one, other) for one, other in zip(once, reversed(again), strict=True))
    assert len({numbers.tobytes() for numbers in once}) == 5
    in_rows = [measure(prepared, np.ascontiguousarray(targets)) for targets in sets]
    assert all(same_bits(one, other) for one, other in zip(once, in_rows, strict=True))


def test_undefined_numbers_are_not_numbers() -> None:
    bars = market([10, 10.0, 11, 12])
    flat = dict(zip(NUMBERS, measure(prepare([bars], model()), np.zeros(4))[0], strict=True))
    assert [name for name, number in flat.items() if np.isnan(number)] == [
        "sharpe", "sortino", "win_rate", "profit_factor",
    ]  # fmt: skip
    assert (flat["total_return"], flat["end_equity"], flat["max_drawdown"]) == (0.0, 1000.0, 0.0)
    held = dict(zip(NUMBERS, measure(prepare([bars], model()), np.array([1.0, 1, 0, 0]))[0], strict=True))
    # Bought at 10, sold at 12: one trade that won, so no loss to divide by; held at two of four closes.
    assert held["end_equity"] == pytest.approx(1200.0)
    assert (held["n_trades"], held["n_closed_trades"], held["win_rate"], held["exposure"]) == (1, 1, 1, 0.5)
    assert np.isnan(held["profit_factor"])


def test_symbols_of_other_sessions_are_not_searched_together() -> None:
    bars = [market([10, 11, 12.0]), market([10, 11.0])]
    with pytest.raises(SimulationError, match=r"DEF has 2 of 3 sessions\. Search symbols of equal sessions together"):
        prepare(bars, model(), names=["ABC", "DEF"])


def test_impossible_input_is_named_before_anything_is_measured() -> None:
    bars = market([10, 11, 12.0])
    bars.close[1] = -3.0
    with pytest.raises(SimulationError, match=r"ABC: close of 2024-01-02 is -3; it must be above 0"):
        prepare([bars], model(), names=["ABC"])
    prepared = prepare([market([10, 11, 12.0])], model(), names=["ABC"])
    with pytest.raises(SimulationError, match=r"ABC: the target of 2024-01-03 is 7\. A target lies"):
        measure(prepared, np.array([0.0, 1.0, 7.0]))
    with pytest.raises(SimulationError, match=r"ABC: target has shape \(4,\) for 3 sessions"):
        measure(prepared, np.zeros(4))
    with pytest.raises(SimulationError, match=r"sizing: risk:0\.01 is measured by the distance to the stop"):
        measure(prepare([market([10, 11, 12.0])], model(sizing="risk:1%")), np.zeros(3))
