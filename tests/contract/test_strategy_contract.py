"""What every strategy keeps, whoever wrote it: run over the registry, so that a new one is tested by being there."""

from __future__ import annotations

import copy
import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphafactory.domain.bars import BAR_FIELDS, Bars
from alphafactory.domain.plugins import MarketView
from alphafactory.domain.settings import parse_settings
from alphafactory.domain.signals import Signals
from alphafactory.errors import UsageError
from alphafactory.indicators.catalogue import compute_function, function_warm_up, shipped_catalogue
from alphafactory.simulation import simulate
from alphafactory.simulation.inputs import judged_signals
from alphafactory.strategies.catalogue import code_hash, discover_strategies
from alphafactory.strategies.parameters import resolve_parameters, warm_up

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray
    from alphafactory.strategies.base import Strategy, StrategyParameters

REGISTRY = discover_strategies()
ARRAYS = tuple(field.name for field in dataclasses.fields(Signals) if field.name != "distances")
each_strategy = pytest.mark.parametrize("strategy", list(REGISTRY), ids=REGISTRY.names())


def random_bars(seed: int, length: int) -> Bars:
    random = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(random.normal(0.0, 0.02, length)))
    opening = close * np.exp(random.normal(0.0, 0.006, length))
    high = np.maximum(opening, close) * (1.0 + random.exponential(0.005, length))
    low = np.minimum(opening, close) * (1.0 - random.exponential(0.005, length))
    volume = random.integers(0, 1_000_000, length).astype(np.float64)
    sessions = np.datetime64("2015-01-01") + np.arange(length)
    return Bars(sessions, opening, high, low, close, volume, np.ones(length), np.zeros(length))


def view_of(strategy: type[Strategy], params: StrategyParameters, market: list[Bars]) -> MarketView:
    """Stack the symbols' bars and the indicators that the strategy asks for; every array is read-only."""
    indicators = {}
    for name, request in strategy.indicators.items():
        function = shipped_catalogue().functions.get(request.function)
        output = function.output(request.output).name
        arguments = request.resolve(params)
        columns = [compute_function(request.function, bars, arguments)[output] for bars in market]
        indicators[name] = np.stack(columns, axis=1)
    prices = {name: np.stack([getattr(bars, name) for bars in market], axis=1) for name in BAR_FIELDS}
    for array in (*prices.values(), *indicators.values()):
        array.flags.writeable = False
    return MarketView(market[0].sessions, **prices, indicators=indicators)


def random_market(seed: int, length: int, symbols: int = 3) -> list[Bars]:
    return [random_bars(seed + symbol, length) for symbol in range(symbols)]


def answer_of(strategy: type[Strategy], params: StrategyParameters, view: MarketView) -> Signals:
    """Ask a strategy; one that returns a target alone returns signals of nothing else."""
    returned = strategy.signals(view, params)
    return returned if isinstance(returned, Signals) else Signals(returned)


def signals_of(strategy: type[Strategy], params: StrategyParameters, market: list[Bars]) -> Signals:
    return answer_of(strategy, params, view_of(strategy, params, market))


def arrays_of(signals: Signals) -> dict[str, FloatArray]:
    """The arrays that a strategy gave, by name."""
    given_arrays = {name: getattr(signals, name) for name in ARRAYS}
    return {name: array for name, array in given_arrays.items() if array is not None}


def bits(signals: Signals, rows: slice = slice(None)) -> dict[str, bytes]:
    return {name: array[rows].tobytes() for name, array in arrays_of(signals).items()}


def defaults(strategy: type[Strategy]) -> StrategyParameters:
    return resolve_parameters(strategy, {})


@each_strategy
def test_is_documented(strategy: type[Strategy]) -> None:
    assert strategy.__doc__
    assert len(strategy.title) > 3
    assert len(strategy.idea) > 80
    assert len(strategy.source) > 20
    assert len(strategy.fails_when) > 40
    assert all(parameter.meaning for parameter in strategy.parameters.values())
    assert len(code_hash(strategy)) == 64


@each_strategy
def test_defaults_lie_within_bounds_and_bounds_are_enforced(strategy: type[Strategy]) -> None:
    assert set(defaults(strategy)) == set(strategy.parameters)
    for name, parameter in strategy.parameters.items():
        assert parameter.low < parameter.high
        for outside in (parameter.low - 1, parameter.high + 1):
            with pytest.raises(UsageError, match="outside its bounds"):
                resolve_parameters(strategy, {name: outside})


@each_strategy
def test_its_indicators_exist_and_take_the_parameters_at_their_bounds(strategy: type[Strategy]) -> None:
    catalogue = shipped_catalogue()
    for request in strategy.indicators.values():
        catalogue.functions.get(request.function).output(request.output)
    for bound in ("low", "default", "high"):
        params = {name: getattr(parameter, bound) for name, parameter in strategy.parameters.items()}
        assert warm_up(strategy, params, function_warm_up) >= 0


@each_strategy
@pytest.mark.parametrize(("length", "symbols"), [(0, 1), (1, 1), (2, 3), (40, 1), (600, 4)])
def test_signals_have_the_shape_and_the_range(strategy: type[Strategy], length: int, symbols: int) -> None:
    market = random_market(1, length, symbols)
    signals = signals_of(strategy, defaults(strategy), market)
    for array in arrays_of(signals).values():
        assert array.shape == (length, symbols)
        assert array.dtype == np.float64
    assert not np.isnan(signals.target).any()
    if length > 0:
        # The simulator's own judgement: targets in [-1, 1], prices above 0, lives in whole bars.
        judged, missing = judged_signals(signals, market[0].sessions, symbols, [f"symbol {k}" for k in range(symbols)])
        assert (missing, judged.distances) == (0, signals.distances)


@each_strategy
def test_it_trades_on_some_market(strategy: type[Strategy]) -> None:
    assert signals_of(strategy, defaults(strategy), random_market(2, 900)).target.any()


@each_strategy
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), length=st.integers(1, 300), share=st.floats(0.0, 1.0))
def test_signals_on_a_prefix_are_the_prefix_of_the_signals(
    strategy: type[Strategy], seed: int, length: int, share: float
) -> None:
    cut, params, market = int(share * length), defaults(strategy), random_market(seed, length)
    whole = signals_of(strategy, params, market)
    part = signals_of(strategy, params, [bars.part(slice(0, cut)) for bars in market])
    assert bits(whole, slice(0, cut)) == bits(part)


@each_strategy
def test_later_bars_change_no_earlier_signal(strategy: type[Strategy]) -> None:
    params, market = defaults(strategy), random_market(3, 400)
    factors = np.where(np.arange(400) < 300, 1.0, 3.0)
    other = [
        dataclasses.replace(bars, **{name: getattr(bars, name) * factors for name in BAR_FIELDS}) for bars in market
    ]
    before, after = signals_of(strategy, params, market), signals_of(strategy, params, other)
    assert bits(before, slice(0, 300)) == bits(after, slice(0, 300))


@each_strategy
def test_is_deterministic_and_leaves_its_arguments_alone(strategy: type[Strategy]) -> None:
    params = defaults(strategy)
    view = view_of(strategy, params, random_market(4, 300))
    seen_params, seen_view = copy.deepcopy(params), copy.deepcopy(view)
    assert bits(answer_of(strategy, params, view)) == bits(answer_of(strategy, params, view))
    assert params == seen_params
    assert view.indicators.keys() == seen_view.indicators.keys()
    assert all(np.array_equal(getattr(view, name), getattr(seen_view, name)) for name in BAR_FIELDS)


@each_strategy
def test_every_parameter_is_alive(strategy: type[Strategy]) -> None:
    params, market = defaults(strategy), random_market(5, 1500)
    expected = bits(signals_of(strategy, params, market))
    for name, parameter in strategy.parameters.items():
        others = [value for value in (parameter.low, parameter.high) if value != parameter.default]
        changed = [bits(signals_of(strategy, {**params, name: value}, market)) for value in others]
        assert any(found != expected for found in changed), f"{name} never changes a signal"


@each_strategy
def test_a_symbol_that_lists_late_is_flat_until_then(strategy: type[Strategy]) -> None:
    params = defaults(strategy)
    view = view_of(strategy, params, random_market(6, 300))

    def listed_late(array: FloatArray) -> FloatArray:
        late = array.copy()
        late[:100, 1] = np.nan
        return late

    late = MarketView(
        view.sessions,
        **{name: listed_late(getattr(view, name)) for name in BAR_FIELDS},
        indicators={name: listed_late(array) for name, array in view.indicators.items()},
    )
    assert (np.nan_to_num(answer_of(strategy, params, late).target[:100, 1]) == 0.0).all()


@each_strategy
def test_it_can_be_simulated(strategy: type[Strategy]) -> None:
    bars = random_bars(7, 900)
    signals = signals_of(strategy, defaults(strategy), [bars])
    result = simulate(bars, signals, parse_settings(initial_capital=1e5, stop="3%", commission="bps:5"))
    assert len(result.trades) > 0
    assert result.balance_error <= 1e-9
