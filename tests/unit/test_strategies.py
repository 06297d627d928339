"""The two strategies that ship, by hand, and how parameters are resolved."""

from __future__ import annotations

import math

import numpy as np
import pytest

from alphafactory.domain.plugins import IndicatorRequest, MarketView, Parameter
from alphafactory.errors import PluginError, UnknownNameError, UsageError
from alphafactory.indicators.catalogue import function_warm_up
from alphafactory.strategies.base import Strategy
from alphafactory.strategies.buy_and_hold import BuyAndHold
from alphafactory.strategies.parameters import resolve_parameters, warm_up
from alphafactory.strategies.trend.sma_crossover import SmaCrossover

NAN = float("nan")


def view_of(close: list[list[float]], **indicators: list[list[float]]) -> MarketView:
    prices = np.array(close)
    sessions = np.datetime64("2020-01-01") + np.arange(len(prices))
    named = {name: np.array(values) for name, values in indicators.items()}
    return MarketView(sessions, prices, prices, prices, prices, prices, named)


def scaled(low: float, high: float, default: float) -> type[Strategy]:
    """Make a strategy with one parameter, `scale`, that is no whole number."""

    class Scaled(Strategy):
        name = "scaled"
        title = idea = source = fails_when = "A test's."
        parameters = {"scale": Parameter(default, low, high, "the size")}  # noqa: RUF012  as a user writes it

        @staticmethod
        def signals(view: MarketView, params: dict[str, float]) -> np.ndarray:
            return np.full(view.close.shape, params["scale"])

    return Scaled


def test_crossover_is_long_only_while_fast_is_above_slow() -> None:
    fast = [[NAN, 3.0], [1.0, 3.0], [2.0, 2.0], [3.0, 1.0]]
    slow = [[NAN, NAN], [NAN, 2.0], [2.0, 2.0], [2.0, 2.0]]
    view = view_of([[1.0, 1.0]] * 4, fast=fast, slow=slow)
    targets = SmaCrossover.signals(view, {"fast": 20, "slow": 50})
    np.testing.assert_array_equal(targets, [[0.0, 0.0], [0.0, 1.0], [0.0, 0.0], [1.0, 0.0]])


def test_crossover_asks_for_its_two_averages() -> None:
    params = resolve_parameters(SmaCrossover, {"fast": 7})
    asked = {name: (r.function, r.resolve(params)) for name, r in SmaCrossover.indicators.items()}
    assert asked == {"fast": ("sma", {"period": 7}), "slow": ("sma", {"period": 50})}


@pytest.mark.parametrize(("fast", "slow"), [(50, 50), (60, 50), (20, 20)])
def test_crossover_refuses_a_fast_average_that_is_not_faster(fast: int, slow: int) -> None:
    with pytest.raises(UsageError, match=f"fast={fast} and slow={slow}"):
        resolve_parameters(SmaCrossover, {"fast": fast, "slow": slow})


def test_buy_and_hold_holds_from_the_first_bar_on_through_gaps() -> None:
    view = view_of([[NAN, 1.0], [2.0, NAN], [NAN, NAN], [2.0, 1.0]])
    targets = BuyAndHold.signals(view, {})
    np.testing.assert_array_equal(targets, [[0.0, 1.0], [1.0, 1.0], [1.0, 1.0], [1.0, 1.0]])


def test_parameters_take_their_defaults_in_order() -> None:
    resolved = resolve_parameters(SmaCrossover, {})
    assert list(resolved.items()) == [("fast", 20), ("slow", 50)]
    assert resolve_parameters(BuyAndHold, {}) == {}


@pytest.mark.parametrize("given", ["10", " 10 ", 10, 10.0, np.int64(10), np.float64(10.0), "1e1"])
def test_a_whole_number_stays_one_however_it_is_written(given: object) -> None:
    fast = resolve_parameters(SmaCrossover, {"fast": given})["fast"]
    assert fast == 10
    assert type(fast) is int


@pytest.mark.parametrize(("given", "expected"), [("0.5", 0.5), ("25%", 0.25), (1, 1.0), (np.float64(0.3), 0.3)])
def test_a_real_number_stays_one(given: object, expected: float) -> None:
    scale = resolve_parameters(scaled(0.0, 1.0, 0.7), {"scale": given})["scale"]
    assert scale == expected
    assert type(scale) is float


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (10.5, "not a whole number"),
        ("10.5", "not a whole number"),
        ("ten", "'ten' is not a number"),
        ("", "is not a number"),
        ("nan", "is not a number"),
        ("1e999", "too large"),
        (math.nan, "not a finite number"),
        (math.inf, "not a finite number"),
        (True, "True is not a number"),
        (None, "None is not a number"),
        ([10], "is not a number"),
        (1, "lies outside its bounds, 2 to 100"),
        ("101", "lies outside its bounds, 2 to 100"),
        (-20, "lies outside"),
    ],
)
def test_an_impossible_value_is_refused_by_name(given: object, message: str) -> None:
    with pytest.raises(UsageError, match=message) as error:
        resolve_parameters(SmaCrossover, {"fast": given})
    assert "'fast'" in str(error.value)
    assert "sma_crossover" in str(error.value)


def test_an_unknown_parameter_meets_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"'sma_crossover' 'fats'\. Did you mean 'fast'"):
        resolve_parameters(SmaCrossover, {"fats": 10})
    with pytest.raises(UnknownNameError, match="There are none"):
        resolve_parameters(BuyAndHold, {"fast": 10})


def test_warm_up_is_the_slowest_indicator() -> None:
    assert warm_up(SmaCrossover, {"fast": 20, "slow": 50}, function_warm_up) == 49
    assert warm_up(SmaCrossover, {"fast": 20, "slow": 200}, function_warm_up) == 199
    assert warm_up(BuyAndHold, {}, function_warm_up) == 0


GOOD = {
    "name": "x",
    "title": "X",
    "idea": "i",
    "source": "s",
    "fails_when": "f",
    "signals": staticmethod(lambda view, params: view.close * len(params)),
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"title": ""}, "lacks the text `title`"),
        ({"idea": None}, "lacks the text `idea`"),
        ({"name": 3}, "lacks the text `name`"),
        ({"name": "My-Strategy"}, "no strategy name"),
        ({"parameters": {"n": Parameter(5, 6, 9, "n")}}, "the default 5 of 'n' lies outside 6 to 9"),
        (
            {"indicators": {"a": IndicatorRequest("sma", {"period": "n"})}},
            "takes period from 'n', which is no",
        ),
        ({"signals": lambda _self, view, _params: view.close}, "must be a @staticmethod"),
    ],
)
def test_a_declaration_that_does_not_fit_is_refused_at_once(change: dict[str, object], message: str) -> None:
    type("Good", (Strategy,), dict(GOOD))
    with pytest.raises(PluginError, match=message):
        type("Bad", (Strategy,), {**GOOD, **change})
