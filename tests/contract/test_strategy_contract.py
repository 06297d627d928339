"""What every strategy keeps, whoever wrote it: run over the registry, so that a new one is tested by being there.

A strategy of scope symbol is shown symbols side by side, as a sweep shows them, and one alone; one of scope universe is
shown six on their joint sessions. Combinations of each kind are tested beside the strategies.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from strategy_markets import context_of, random_symbols, view_of

from alphafactory.domain.bars import BAR_FIELDS
from alphafactory.domain.settings import parse_settings
from alphafactory.domain.signals import Signals
from alphafactory.errors import UsageError
from alphafactory.indicators.catalogue import function_warm_up, shipped_catalogue
from alphafactory.simulation import simulate, simulate_account
from alphafactory.simulation.inputs import judged_signals
from alphafactory.strategies.base import Filter
from alphafactory.strategies.catalogue import code_hash, discover_strategies
from alphafactory.strategies.combination import Combination, resolve_strategy
from alphafactory.strategies.parameters import resolve_parameters, warm_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.context import MarketContext, MarketSymbol
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import Strategy, StrategyParameters

REGISTRY = discover_strategies()
COMBINATIONS = (
    "0.6*sma_crossover+0.4*rsi_2",
    "vote(sma_crossover, z_score_reversion, rsi_2, 1)",
    "gap_fade & trend_filter & earnings_filter",
    "(0.5*z_score_reversion-0.5*sma_crossover) & volume_filter",
    "cross_sectional_reversal & regime_filter",
)
SUBJECTS = [*REGISTRY, *(resolve_strategy(text, REGISTRY) for text in COMBINATIONS)]
ARRAYS = tuple(field.name for field in dataclasses.fields(Signals) if field.name != "distances")
GROUPS = {"benchmark", "trend", "mean_reversion", "combined", "statistical", "filter"}
MANY = 6
SIZES = [(1, 1), (2, 3), (40, 1), (600, 4)]


def each(subjects: list[type[Strategy]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("strategy", subjects, ids=[subject.name for subject in subjects])


each_strategy = each(SUBJECTS)
each_of_one_symbol = each([subject for subject in SUBJECTS if subject.scope == "symbol"])
each_of_a_universe = each([subject for subject in SUBJECTS if subject.scope == "universe"])


def test_every_file_that_ships_is_sound() -> None:
    assert [str(broken) for broken in REGISTRY.broken] == []


def panel_of(
    strategy: type[Strategy], params: StrategyParameters, symbols: Sequence[MarketSymbol], context: MarketContext
) -> MarketView:
    """Return what a strategy sees of several symbols of equal sessions; every array is read-only."""
    if strategy.scope == "universe":
        return view_of(strategy, params, symbols, context)
    return joined([view_of(strategy, params, [symbol], context) for symbol in symbols])


def joined(views: Sequence[MarketView]) -> MarketView:
    """Put what is seen of single symbols side by side, as a sweep does."""

    def stacked(arrays: Sequence[FloatArray]) -> FloatArray:
        together = np.concatenate(arrays, axis=1)
        together.flags.writeable = False
        return together

    known = all(view.earnings is not None for view in views)
    return replace(
        views[0],
        **{name: stacked([getattr(view, name) for view in views]) for name in BAR_FIELDS},
        indicators={name: stacked([view.indicators[name] for view in views]) for name in views[0].indicators},
        tickers=tuple(ticker for view in views for ticker in view.tickers),
        sectors=tuple(sector for view in views for sector in view.sectors),
        earnings=stacked([view.earnings for view in views]) if known else None,
    )


def answer_of(strategy: type[Strategy], params: StrategyParameters, view: MarketView) -> Signals:
    """Ask a strategy; one that returns a target alone returns signals of nothing else."""
    returned = strategy.signals(view, params)
    return returned if isinstance(returned, Signals) else Signals(returned)


def signals_of(
    strategy: type[Strategy],
    params: StrategyParameters,
    symbols: Sequence[MarketSymbol],
    context: MarketContext | None = None,
) -> Signals:
    known = context_of(len(symbols[0].bars)) if context is None else context
    return answer_of(strategy, params, panel_of(strategy, params, symbols, known))


def market_for(strategy: type[Strategy], seed: int, length: int) -> list[MarketSymbol]:
    return random_symbols(seed, length, MANY if strategy.scope == "universe" else 3)


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
    assert strategy.group in GROUPS
    assert (strategy.group == "filter") == issubclass(strategy, Filter)
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
        assert strategy.settling(params) >= 0


@each_of_one_symbol
def test_of_no_bars_there_are_no_signals(strategy: type[Strategy]) -> None:
    assert signals_of(strategy, defaults(strategy), random_symbols(1, 0, 1)).target.shape == (0, 1)


@each_strategy
@pytest.mark.parametrize(("length", "symbols"), SIZES)
def test_signals_have_the_shape_and_the_range(strategy: type[Strategy], length: int, symbols: int) -> None:
    market = random_symbols(1, length, symbols)
    signals = signals_of(strategy, defaults(strategy), market)
    for array in arrays_of(signals).values():
        assert array.shape == (length, symbols)
        assert array.dtype == np.float64
    assert not np.isnan(signals.target).any()
    if issubclass(strategy, Filter):
        assert np.isin(signals.target, (0.0, 1.0)).all()
    # The simulator's own judgement: targets in [-1, 1], prices above 0, lives in whole bars.
    judged, missing = judged_signals(signals, market[0].bars.sessions, symbols, [symbol.ticker for symbol in market])
    assert (missing, judged.distances) == (0, signals.distances)


@each_strategy
def test_it_trades_on_some_market(strategy: type[Strategy]) -> None:
    found = (signals_of(strategy, defaults(strategy), market_for(strategy, seed, 900)).target for seed in (2, 12, 22))
    assert any(target.any() for target in found)


@each_strategy
def test_signals_on_a_prefix_are_the_prefix_of_the_signals(strategy: type[Strategy]) -> None:
    params, context, length = defaults(strategy), context_of(620), 620
    markets, cuts = (2, 10) if strategy.scope == "universe" else (8, 14)
    random = np.random.default_rng(8)
    for seed in random.integers(0, 2**32, markets).tolist():
        market = market_for(strategy, seed, length)
        whole = signals_of(strategy, params, market, context)
        for cut in [1, *random.integers(2, length, cuts - 2).tolist(), length - 1]:
            part = [symbol.part(slice(0, cut)) for symbol in market]
            known = context.until(market[0].bars.sessions[cut - 1])
            assert bits(signals_of(strategy, params, part, known)) == bits(whole, slice(0, cut))


@each_strategy
def test_later_bars_change_no_earlier_signal(strategy: type[Strategy]) -> None:
    params, market, context = defaults(strategy), market_for(strategy, 3, 640), context_of(640)
    factors = np.where(np.arange(640) < 600, 1.0, 3.0)
    other = [
        replace(
            symbol, bars=replace(symbol.bars, **{name: getattr(symbol.bars, name) * factors for name in BAR_FIELDS})
        )
        for symbol in market
    ]
    series = {name: values * factors for name, values in context.series.items()}
    before = signals_of(strategy, params, market, context)
    after = signals_of(strategy, params, other, replace(context, series=series))
    assert bits(before, slice(0, 600)) == bits(after, slice(0, 600))


@each_strategy
def test_is_deterministic_and_leaves_its_arguments_alone(strategy: type[Strategy]) -> None:
    params = defaults(strategy)
    view = panel_of(strategy, params, market_for(strategy, 4, 400), context_of(400))
    seen_params, seen_view = copy.deepcopy(params), copy.deepcopy(view)
    assert bits(answer_of(strategy, params, view)) == bits(answer_of(strategy, params, view))
    assert params == seen_params
    assert view.indicators.keys() == seen_view.indicators.keys()
    assert all(np.array_equal(getattr(view, name), getattr(seen_view, name), equal_nan=True) for name in BAR_FIELDS)


def tried_values(strategy: type[Strategy]) -> Iterator[tuple[str, StrategyParameters]]:
    """Yield each parameter's name with sets in which it alone differs, and which the strategy does not refuse."""
    for name, parameter in strategy.parameters.items():
        low, default, high = parameter.low, parameter.default, parameter.high
        kind = type(default)
        for value in dict.fromkeys((low, high, kind((low + default) / 2), kind((default + high) / 2))):
            if value != default:
                try:
                    yield name, resolve_parameters(strategy, {name: value})
                except UsageError:
                    continue


@each_strategy
def test_every_parameter_is_alive(strategy: type[Strategy]) -> None:
    dead = set(strategy.parameters)
    for seed in (5, 15, 25):
        if dead:
            market = market_for(strategy, seed, 1300)
            expected = bits(signals_of(strategy, defaults(strategy), market))
            for name, params in tried_values(strategy):
                if name in dead and bits(signals_of(strategy, params, market)) != expected:
                    dead.remove(name)
    assert dead == set(), "they never change a signal"


def with_hole(view: MarketView, rows: slice) -> MarketView:
    """Take a run of bars from the second symbol, and what is known of them."""

    def holed(array: FloatArray) -> FloatArray:
        changed = array.copy()
        changed[rows, 1] = np.nan
        return changed

    return replace(
        view,
        **{name: holed(getattr(view, name)) for name in BAR_FIELDS},
        indicators={name: holed(array) for name, array in view.indicators.items()},
        earnings=None if view.earnings is None else holed(view.earnings),
    )


@each_strategy
def test_a_symbol_that_lists_late_is_flat_until_then(strategy: type[Strategy]) -> None:
    params = defaults(strategy)
    view = panel_of(strategy, params, market_for(strategy, 6, 500), context_of(500))
    answer = answer_of(strategy, params, with_hole(view, slice(0, 100)))
    assert (answer.target[:100, 1] == 0.0).all()
    assert not np.isnan(answer.target).any()


@each_strategy
def test_a_hole_in_a_history_is_survived(strategy: type[Strategy]) -> None:
    params = defaults(strategy)
    view = panel_of(strategy, params, market_for(strategy, 6, 500), context_of(500))
    answer = answer_of(strategy, params, with_hole(view, slice(400, 420)))
    assert (np.abs(answer.target) <= 1.0).all()
    assert bits(answer, slice(0, 400)) == bits(answer_of(strategy, params, view), slice(0, 400))


@each_of_one_symbol
def test_a_symbol_alone_gets_the_signals_that_it_gets_among_others(strategy: type[Strategy]) -> None:
    params, market = defaults(strategy), random_symbols(9, 500)
    together = arrays_of(signals_of(strategy, params, market))
    for column, symbol in enumerate(market):
        alone = arrays_of(signals_of(strategy, params, [symbol]))
        assert alone.keys() == together.keys()
        assert all(together[name][:, [column]].tobytes() == array.tobytes() for name, array in alone.items())


@each_of_a_universe
def test_one_account_is_enough(strategy: type[Strategy]) -> None:
    target = signals_of(strategy, defaults(strategy), market_for(strategy, 10, 900)).target
    assert np.abs(target).sum(axis=1).max() <= 1.0 + 1e-9


@each_strategy
def test_it_can_be_simulated(strategy: type[Strategy]) -> None:
    settings = parse_settings(initial_capital=1e5, stop="3%", commission="bps:5", sizing="percent:100%")
    trades = 0
    for seed in (7, 17, 27):
        market = market_for(strategy, seed, 900)
        if strategy.scope == "universe":
            signals = signals_of(strategy, defaults(strategy), market)
            result = simulate_account([symbol.bars for symbol in market], signals, settings)
        else:
            result = simulate(market[0].bars, signals_of(strategy, defaults(strategy), market[:1]), settings)
        assert result.balance_error <= 1e-9
        trades += len(result.trades)
    assert trades > 0


@each_strategy
def test_it_is_a_pure_function_of_a_class(strategy: type[Strategy]) -> None:
    function: Callable[..., object] = inspect.getattr_static(strategy, "signals")
    assert isinstance(function, classmethod if issubclass(strategy, Combination) else staticmethod)
