"""Filters, and what stands behind them: `a & b` against a loop, by hand, and in simulations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategy_markets import context_of, random_symbol, random_symbols, signals_of, view_of

from alphafactory.domain.plugins import MarketView
from alphafactory.domain.settings import parse_settings
from alphafactory.domain.signals import Signals
from alphafactory.errors import SimulationError, UsageError
from alphafactory.registry import Registry
from alphafactory.simulation import simulate
from alphafactory.strategies.base import Filter, Strategy
from alphafactory.strategies.catalogue import discover_strategies
from alphafactory.strategies.combination import only_filters, resolve_strategy
from alphafactory.strategies.filtering import let_in
from alphafactory.strategies.filters.earnings_filter import EarningsFilter
from alphafactory.strategies.filters.regime_filter import RegimeFilter
from alphafactory.strategies.filters.trend_filter import TrendFilter
from alphafactory.strategies.filters.volume_filter import VolumeFilter
from alphafactory.strategies.parameters import resolve_parameters

if TYPE_CHECKING:
    from alphafactory.domain.arrays import BoolArray, FloatArray

NAN = float("nan")
SHIPPED = discover_strategies()


def column(*values: float) -> FloatArray:
    return np.array(values, dtype=np.float64)[:, None]


def view_with(close: list[float], earnings: list[float] | None = None, **indicators: list[float]) -> MarketView:
    prices = column(*close)
    sessions = np.datetime64("2020-01-01") + np.arange(len(prices))
    known = {name: column(*values) for name, values in indicators.items()}
    return MarketView(
        sessions, *[prices] * 5, indicators=known, earnings=None if earnings is None else column(*earnings)
    )


def saying(name: str, answer: object, base: type[Strategy] = Strategy, **more: object) -> type[Strategy]:
    """Make a strategy, or a filter, that always answers the same."""
    texts = dict.fromkeys(("title", "idea", "source", "fails_when"), f"{name}'s words.")
    signals = staticmethod(lambda view, params: answer)  # noqa: ARG005  the names that a strategy's function has
    return type(name, (base,), {"name": name, "signals": signals, **texts, **more})


def known(*strategies: type[Strategy]) -> Registry[type[Strategy]]:
    found: Registry[type[Strategy]] = Registry("strategies")
    for strategy in strategies:
        found.add(strategy, "a test")
    return found


def let_in_slowly(wanted: FloatArray, longs: BoolArray, shorts: BoolArray) -> FloatArray:
    """Row by row, as a trader would say it."""
    found = np.zeros(wanted.shape)
    for place in range(wanted.shape[1]):
        held = 0.0
        for row in range(len(wanted)):
            want = wanted[row, place]
            permitted = longs[row, place] if want > 0 else shorts[row, place]
            if np.isnan(want) or want == 0:
                held = 0.0  # an exit passes
            elif permitted:
                held = want
            elif want * held <= 0:
                held = 0.0  # the other side is left, and the new one waits
            elif abs(want) <= abs(held):
                held = want  # a reduction passes
            found[row, place] = NAN if np.isnan(want) else held
    return found


TARGETS = st.sampled_from([NAN, -1.0, -0.7, -0.25, 0.0, 0.0, 0.1, 1 / 3, 0.5, 1.0])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(TARGETS, st.booleans(), st.booleans()), max_size=40), st.integers(1, 3))
def test_what_is_held_is_what_the_loop_holds(rows: list[tuple[float, bool, bool]], columns: int) -> None:
    cut = len(rows) // columns * columns
    wanted, longs, shorts = (
        np.array([row[part] for row in rows[:cut]], dtype=kind).reshape(-1, columns)
        for part, kind in ((0, np.float64), (1, np.bool_), (2, np.bool_))
    )
    found = let_in(wanted, longs, shorts)
    np.testing.assert_array_equal(found, let_in_slowly(wanted, longs, shorts))
    for end in range(len(wanted)):
        np.testing.assert_array_equal(let_in(wanted[:end], longs[:end], shorts[:end]), found[:end])


def test_what_is_held_stays_and_what_waits_comes_in() -> None:
    wanted = column(0.5, 0.5, 0.8, 0.3, 0.6, 0.6, 0, 1, 1, 1)
    opened = column(1, 0, 0, 0, 0, 1, 0, 0, 1, 0) == 1
    # Entered; stays; an enlargement waits; a reduction passes; waits; comes in; an exit passes; waits; comes in; stays.
    assert let_in(wanted, opened, opened)[:, 0].tolist() == [0.5, 0.5, 0.5, 0.3, 0.3, 0.6, 0, 0, 1, 1]


def test_a_change_of_side_leaves_at_once_and_waits_for_the_other() -> None:
    wanted = column(1, -1, -1, 1, 1)
    opened = column(1, 0, 1, 0, 0) == 1
    assert let_in(wanted, opened, opened)[:, 0].tolist() == [1, 0, -1, 0, 0]


def test_a_filter_permits_both_sides_and_a_strategy_its_own() -> None:
    first = saying("first", column(1, 1, 1, -1, -1, -1))
    registry = known(first, saying("gate", column(0, 1, 1, 0, 1, 1), Filter), saying("side", column(0, 1, 1, 0, 1, -1)))
    view = view_with([1] * 6)
    assert resolve_strategy("first & gate", registry).signals(view, {})[:, 0].tolist() == [0, 1, 1, 0, -1, -1]
    assert resolve_strategy("first & side", registry).signals(view, {})[:, 0].tolist() == [0, 1, 1, 0, 0, -1]
    assert resolve_strategy("first & side & gate", registry).signals(view, {})[:, 0].tolist() == [0, 1, 1, 0, 0, -1]


def test_a_vote_of_filters_is_a_filter() -> None:
    gates = [
        saying(name, column(*row), Filter) for name, row in {"f": (1, 0, 1), "g": (1, 0, 0), "h": (0, 1, 1)}.items()
    ]
    registry = known(saying("first", column(-1, -1, -1)), *gates, saying("own", column(1, 1, 1)))
    voted = resolve_strategy("first & vote(f, g, h)", registry)
    assert voted.signals(view_with([1] * 3), {})[:, 0].tolist() == [-1, -1, -1]
    assert resolve_strategy("first & vote(f, g, h, 3)", registry).signals(view_with([1] * 3), {}).sum() == 0
    assert only_filters(resolve_strategy("vote(f, g)", registry))
    assert not only_filters(resolve_strategy("vote(f, own)", registry))


def test_prices_stay_as_the_first_gave_them() -> None:
    given_signals = Signals(column(1, 1, 0), stop=column(2, 3, NAN), good_for=column(5, 5, 5), distances=True)
    registry = known(saying("first", given_signals), saying("gate", column(0, 1, 1), Filter))
    answer = resolve_strategy("first & gate", registry).signals(view_with([1] * 3), {})
    assert answer.target[:, 0].tolist() == [0, 1, 0]
    assert answer.stop is given_signals.stop
    assert answer.good_for is given_signals.good_for
    assert answer.distances


def test_a_part_behind_the_condition_is_judged_too() -> None:
    registry = known(saying("first", column(1, 1)), saying("wild", column(0, 2)), saying("long", column(1, 1, 1)))
    with pytest.raises(SimulationError, match=r"'first & wild': the strategy 'wild' wants 2 on 2020-01-02"):
        resolve_strategy("first & wild", registry).signals(view_with([1, 1]), {})
    with pytest.raises(SimulationError, match=r"the strategy 'long' returned signals of shape \(3, 1\)"):
        resolve_strategy("first & long", registry).signals(view_with([1, 1]), {})


def test_only_filters_of_one_symbol_stand_behind_a_universe() -> None:
    wide = saying("wide", column(1), scope="universe")
    registry = known(wide, saying("one", column(1)), saying("gate", column(1), Filter),
                     saying("breadth", column(1), Filter, scope="universe"))  # fmt: skip
    assert resolve_strategy("wide & gate", registry).scope == "universe"
    assert resolve_strategy("wide & breadth", registry).scope == "universe"
    for text in ("wide & one", "one & wide", "one & breadth", "0.5*wide+0.5*one", "vote(wide, gate)"):
        with pytest.raises(UsageError, match="Combine strategies of one scope"):
            resolve_strategy(text, registry)


def test_needs_and_settling_are_those_of_all_parts() -> None:
    slow = saying("slow", column(1), settling=classmethod(lambda cls, params: 70))  # noqa: ARG005  as it is declared
    registry = known(slow, saying("quick", column(1)), EarningsFilter)
    behind = resolve_strategy("quick & earnings_filter", registry)
    assert behind.needs == {"earnings"}
    assert resolve_strategy("0.5*quick+0.5*slow", registry).settling({}) == 70
    assert resolve_strategy("vote(quick, slow)", registry).settling({}) == 70
    params = {"earnings_filter.sessions": 3}
    assert resolve_strategy("slow & earnings_filter", registry).settling(params) == 70 + behind.settling(params) > 70


def test_only_who_needs_announcements_sees_them() -> None:
    def seen(view: MarketView, params: object) -> FloatArray:  # noqa: ARG001  the names that a strategy's function has
        assert view.earnings is None
        return np.ones(view.close.shape)

    registry = known(saying("blind", None, signals=staticmethod(seen)), EarningsFilter)
    blind = resolve_strategy("blind & earnings_filter", registry)
    view = view_with([1] * 4, earnings=[4, 3, 2, NAN])
    assert blind.signals(view, {"earnings_filter.sessions": 3})[:, 0].tolist() == [1, 1, 1, 1]
    late = view_with([1] * 4, earnings=[3, 2, 1, NAN])
    assert blind.signals(late, {"earnings_filter.sessions": 3})[:, 0].tolist() == [0, 0, 0, 1]


def test_the_trend_filter_is_open_above_the_average() -> None:
    view = view_with([3, 3, 3, NAN], average=[NAN, 2, 3, 2])
    assert TrendFilter.signals(view, {"period": 200})[:, 0].tolist() == [0, 1, 0, 0]


def test_the_volume_filter_is_open_on_high_volume() -> None:
    view = view_with([1] * 4, volume=[NAN, 1.5, 1.6, 0.2])
    assert VolumeFilter.signals(view, {"period": 20, "times": 1.5})[:, 0].tolist() == [0, 0, 1, 0]


def test_the_earnings_filter_is_shut_before_what_was_known() -> None:
    view = view_with([1, 1, 1, 1, NAN], earnings=[4, 3, 1, NAN, NAN])
    assert EarningsFilter.signals(view, {"sessions": 3})[:, 0].tolist() == [1, 0, 0, 1, 0]
    with pytest.raises(SimulationError, match="asked without announcements"):
        EarningsFilter.signals(view_with([1]), {"sessions": 3})


def test_the_regime_filter_is_open_in_what_is_chosen() -> None:
    view = view_with([1] * 7, trend=[1, 0, -1, 1, 0, -1, NAN], volatile=[0, 0, 0, 1, 1, 1, NAN])

    def opened(**chosen: int) -> list[float]:
        return RegimeFilter.signals(view, resolve_parameters(RegimeFilter, chosen))[:, 0].tolist()

    assert opened() == [1, 1, 0, 0, 0, 0, 0]
    assert opened(sideways=0, volatile=1) == [1, 0, 0, 1, 0, 0, 0]
    assert opened(rising=0, sideways=0, falling=1) == [0, 0, 1, 0, 0, 0, 0]
    with pytest.raises(UsageError, match="never open"):
        opened(rising=0, sideways=0)
    with pytest.raises(UsageError, match="wants volatility below trend, not volatility=100 and trend=100"):
        opened(trend=100, volatility=100)


def test_no_trade_begins_before_an_announcement() -> None:
    strategy = resolve_strategy("z_score_reversion & earnings_filter", SHIPPED)
    params = resolve_parameters(strategy, {"earnings_filter.sessions": 10, "z_score_reversion.entry": 1.0})
    symbol = random_symbol(3, 1200)
    behind = signals_of(strategy, params, [symbol], context_of(1200))
    result = simulate(symbol.bars, behind, parse_settings(initial_capital=1e5))
    plain = SHIPPED.get("z_score_reversion")
    alone = signals_of(plain, resolve_parameters(plain, {"entry": 1.0}), [symbol], context_of(1200))
    free = simulate(symbol.bars, alone, parse_settings(initial_capital=1e5))
    near = symbol.earnings <= 10
    assert not near[result.trades.entry_row - 1].any()
    assert near[free.trades.entry_row - 1].any(), "without the filter some do"
    assert len(result.trades) > 5


def test_a_filter_of_one_symbol_works_on_a_universe() -> None:
    symbols, context = random_symbols(5, 700, 6), context_of(700)
    strategy = resolve_strategy("cross_sectional_reversal & trend_filter", SHIPPED)
    params = resolve_parameters(strategy, {"trend_filter.period": 50})
    found = strategy.signals(view_of(strategy, params, symbols, context), params)
    plain = SHIPPED.get("cross_sectional_reversal")
    own = resolve_parameters(plain, {})
    wanted = plain.signals(view_of(plain, own, symbols, context), own)
    average = view_of(strategy, params, symbols, context).indicators["trend_filter.average"]
    opened = np.stack([symbol.bars.close for symbol in symbols], axis=1) > average
    np.testing.assert_array_equal(found, let_in_slowly(wanted, opened, opened))
    assert (found != wanted).any()
