"""What every indicator keeps, whoever wrote it: run over the registry, so that a new one is tested by being there."""

from __future__ import annotations

import csv
import functools
import gzip
import itertools
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from candle_markets import candle_bars
from hypothesis import given, settings
from hypothesis import strategies as st
from strategy_markets import context_of, sessions_of

from alphafactory.domain.bars import BAR_FIELDS, Bars
from alphafactory.domain.context import MARKET_INPUTS
from alphafactory.errors import IndicatorError, UsageError
from alphafactory.indicators.catalogue import (
    compute_columns,
    compute_function,
    definitions,
    function_hash,
    function_warm_up,
    shipped_catalogue,
)

if TYPE_CHECKING:
    from alphafactory.domain.context import MarketContext
    from alphafactory.indicators.base import Arguments, IndicatorDefinition

FUNCTIONS = shipped_catalogue().functions
REAL_PRICES = Path(__file__).resolve().parents[3] / "shared" / "data" / "sp500_daily_2015_2020.csv.gz"
UNITS = {"price", "percent", "ratio", "shares", "money", "degrees", "bars", "days", "sign", "state", "strength"}
CALENDAR_INPUTS = ("session", "next_session")
CONTEXT = context_of(3000)


def random_bars(seed: int, length: int, tick: float = 0.0) -> Bars:
    """Make a random walk; a tick rounds prices to a coarse grid, so that ties and flat bars occur."""
    random = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(random.normal(0.0, 0.015, length)))
    opening = close * np.exp(random.normal(0.0, 0.006, length))
    if tick:
        close, opening = (np.maximum(np.round(price / tick), 1.0) * tick for price in (close, opening))
    wicks = random.exponential(0.2, (2, length)) * (random.random((2, length)) < 0.7)
    high, low = np.maximum(opening, close) + wicks[0], np.minimum(opening, close) * np.exp(-wicks[1] / 50.0)
    volume = np.round(random.exponential(1e5, length)) * (random.random(length) < 0.9)
    return Bars(sessions_of(length), opening, high, low, close, volume, np.ones(length), np.zeros(length))


@functools.cache
def markets() -> list[Bars]:
    """Return three long walks, on finer and coarser ticks."""
    return [random_bars(seed, 3000, tick) for seed, tick in ((1, 0.0), (2, 1.0), (3, 5.0))]


def columns_of(bars: Bars, *names: str, context: MarketContext = CONTEXT) -> dict[str, np.ndarray]:
    return compute_columns(bars, names or None, context=context)


def outputs_of(
    name: str, bars: Bars, arguments: Arguments | None = None, context: MarketContext = CONTEXT
) -> dict[str, np.ndarray]:
    return compute_function(name, bars, arguments, context=context)


@functools.cache
def real_bars(*tickers: str) -> list[Bars]:
    if not REAL_PRICES.is_file():
        pytest.skip(f"real prices are not beside the project: {REAL_PRICES.name}")
    with gzip.open(REAL_PRICES, "rt") as lines:
        wanted = [row for row in csv.DictReader(lines) if row["symbol"] in tickers]
    found = []
    for _, group in itertools.groupby(wanted, key=lambda row: row["symbol"]):
        rows = list(group)
        columns = (np.array([float(row[name]) for row in rows]) for name in BAR_FIELDS)
        sessions = np.array([row["date"] for row in rows], dtype="datetime64[D]")
        found.append(Bars(sessions, *columns, np.ones(len(rows)), np.zeros(len(rows))))
    assert len(found) == len(tickers)
    return found


def assert_prefix(bars: Bars, cut: int) -> None:
    """Compare with what was known at the close of the bar before the cut, the market's series being cut there too."""
    known = CONTEXT.until(bars.sessions[cut - 1]) if cut else CONTEXT
    whole, part = columns_of(bars), columns_of(bars.part(slice(0, cut)), context=known)
    for name, values in whole.items():
        assert values[:cut].tobytes() == part[name].tobytes(), f"{name} changes its past when bars follow bar {cut}"


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert {key: values.tobytes() for key, values in found.items()} == {k: v.tobytes() for k, v in expected.items()}


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), length=st.integers(0, 400), share=st.floats(0, 1), tick=st.sampled_from([0.0, 0.5]))
def test_value_on_a_prefix_is_the_prefix_of_the_value(seed: int, length: int, share: float, tick: float) -> None:
    assert_prefix(random_bars(seed, length, tick), int(share * length))


@pytest.mark.parametrize("cut", [1, 27, 200, 777, 1200, 1258])
def test_prefix_on_real_prices(cut: int) -> None:
    for bars in real_bars("AAPL", "JPM", "AMZN"):
        assert_prefix(bars, cut)


@pytest.mark.parametrize("definition", definitions(), ids=lambda d: d.name)
class TestColumn:
    def test_is_documented(self, definition: IndicatorDefinition) -> None:
        assert definition.title
        assert len(definition.meaning) > 20
        assert definition.unit in UNITS
        assert definition.kind in {"float", "flag"}
        assert definition.low < definition.high
        assert set(definition.inputs) <= {*BAR_FIELDS, *CALENDAR_INPUTS, *MARKET_INPUTS}

    def test_first_value_comes_right_behind_the_warm_up(self, definition: IndicatorDefinition) -> None:
        values = columns_of(random_bars(1, 400), definition.name)[definition.name]
        assert np.isnan(values[: definition.warm_up]).all()
        assert not np.isnan(values[definition.warm_up :]).any()

    def test_values_keep_their_range_and_kind(self, definition: IndicatorDefinition) -> None:
        values = np.concatenate([columns_of(bars, definition.name)[definition.name] for bars in markets()])
        known = values[~np.isnan(values)]
        assert np.isfinite(known).all()
        # TA-Lib's running sums may miss a bound by a rounding.
        assert known.min() >= definition.low - 1e-9
        assert known.max() <= definition.high + 1e-9
        if definition.kind == "flag":
            assert (known == np.round(known)).all()
            # Candlestick patterns are rare, and looked for on candles made to show them, in test_indicators_patterns.
            assert len(np.unique(known)) > 1 or definition.group == "pattern"


@pytest.mark.parametrize("name", FUNCTIONS.names())
class TestFunction:
    def test_is_documented(self, name: str) -> None:
        function = FUNCTIONS.get(name)
        assert function.title
        assert function.group
        assert all(parameter.meaning for parameter in function.parameters.values())
        assert len(function_hash(name)) == 64

    def test_defaults_lie_within_bounds_and_bounds_are_enforced(self, name: str) -> None:
        function = FUNCTIONS.get(name)
        function.resolve({})
        for parameter_name, parameter in function.parameters.items():
            for outside in (parameter.low - 1, parameter.high + 1):
                with pytest.raises(UsageError, match="outside"):
                    function.resolve({parameter_name: outside})

    def test_warm_up_is_true_at_other_arguments(self, name: str) -> None:
        parameters = FUNCTIONS.get(name).parameters
        bars = random_bars(8, 300)
        for shift in (1, 3, 10):
            arguments = {
                key: min(p.default + shift, p.high) for key, p in parameters.items() if isinstance(p.default, int)
            }
            warm_up = function_warm_up(name, arguments)
            for values in outputs_of(name, bars, arguments).values():
                assert np.isnan(values[:warm_up]).all()
                assert not np.isnan(values[warm_up:]).any()

    def test_lowest_and_highest_arguments_are_computable(self, name: str) -> None:
        parameters = FUNCTIONS.get(name).parameters
        bars = random_bars(9, 250)
        # What is divided by the volume of one bar is undefined where nothing was traded.
        bars = replace(bars, volume=np.maximum(bars.volume, 1.0))
        for bound in ("low", "high"):
            arguments = {key: getattr(parameter, bound) for key, parameter in parameters.items()}
            warm_up = function_warm_up(name, arguments)
            for values in outputs_of(name, bars, arguments).values():
                assert np.isnan(values[:warm_up]).all()
                if len(bars) > warm_up:
                    assert not np.isnan(values[warm_up])

    def test_every_parameter_matters(self, name: str) -> None:
        bars = candle_bars(10, 20_000) if FUNCTIONS.get(name).group == "pattern" else random_bars(10, 3000)
        for key, parameter in FUNCTIONS.get(name).parameters.items():
            values = outputs_of(name, bars)
            others = [outputs_of(name, bars, {key: bound}) for bound in (parameter.low, parameter.high)]
            assert any(values[output].tobytes() != other[output].tobytes() for other in others for output in values), (
                f"{key} changes nothing"
            )

    def test_reads_the_bars_it_declares_and_no_others(self, name: str) -> None:
        function = FUNCTIONS.get(name)
        bars = random_bars(12, 400)
        expected = outputs_of(name, bars)
        for field in BAR_FIELDS:
            holed = replace(bars, **{field: np.full(400, np.nan)})
            if field in function.inputs:
                with pytest.raises(IndicatorError, match=field):
                    outputs_of(name, holed)
            else:
                assert_same(outputs_of(name, holed), expected)

    def test_reads_the_market_it_declares_and_no_other(self, name: str) -> None:
        function = FUNCTIONS.get(name)
        bars = random_bars(12, 400)
        expected = outputs_of(name, bars)
        for series in MARKET_INPUTS:
            others = {key: values for key, values in CONTEXT.series.items() if key != series}
            without = replace(CONTEXT, series=others)
            if series in function.inputs:
                with pytest.raises(IndicatorError, match=series):
                    outputs_of(name, bars, context=without)
            else:
                assert_same(outputs_of(name, bars, context=without), expected)

    def test_reads_the_calendar_if_it_says_so(self, name: str) -> None:
        function = FUNCTIONS.get(name)
        bars = random_bars(12, 400)
        later = replace(bars, sessions=sessions_of(407)[7:])
        without = replace(CONTEXT, days=sessions_of(0))
        if "next_session" in function.inputs:
            with pytest.raises(IndicatorError, match="calendar"):
                outputs_of(name, bars, context=without)
        elif "session" in function.inputs:
            assert any(v.tobytes() != outputs_of(name, later)[k].tobytes() for k, v in outputs_of(name, bars).items())
        elif not set(function.inputs) & set(MARKET_INPUTS):
            assert_same(outputs_of(name, later, context=without), outputs_of(name, bars))

    def test_is_deterministic(self, name: str) -> None:
        bars = random_bars(13, 200)
        first, second = outputs_of(name, bars), outputs_of(name, bars)
        assert all(first[key].tobytes() == second[key].tobytes() for key in first)
