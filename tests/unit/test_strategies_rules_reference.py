"""Compiled rules against a slow reading of the same text, over random expressions of the grammar."""

from __future__ import annotations

import ast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_reference import Reference, positions

from alphafactory.domain.plugins import IndicatorRequest, IndicatorSignature, MarketView, Parameter, Vocabulary
from alphafactory.domain.signals import Signals
from alphafactory.strategies.rules.compiling import compile_condition
from alphafactory.strategies.rules.fields import read_fields
from alphafactory.strategies.rules.names import Names
from alphafactory.strategies.rules.reading import rule_of
from alphafactory.strategies.rules.terms import where_true

BARS = 45
PERIOD = {"period": Parameter(5, 1, 50, "bars")}
KNOWN = Vocabulary(
    {
        "level": IndicatorSignature("level", "Level", "test", PERIOD, ("level",)),
        "band": IndicatorSignature("band", "Band", "test", PERIOD, ("upper", "lower")),
        "atr": IndicatorSignature("atr", "Range", "test", {"period": Parameter(14, 1, 50, "bars")}, ("atr",)),
    },
    {"level_5": IndicatorRequest("level", {"period": 5})},
)
PARAMETERS = {"few": Parameter(3, 1, 6, "bars"), "limit": Parameter(10.0, -20.0, 20.0, "a level")}
VALUES = {"few": 3, "limit": 10.0}
LEAVES = ["open", "high", "low", "close", "volume", "level_5", "level(3)", "band(period=4).upper", "band(few).lower"]
EXACT = ["close", "volume", "high - low", "close[1] + 2 * open", "level(3) - limit"]
"""Sums of these have no rounding, whatever the order: prices are eighths."""


def market(seed: int, bars: int = BARS) -> MarketView:
    """Make small prices in eighths, with ties, zeros and missing bars; indicators are unknown at first."""
    random = np.random.default_rng(seed)
    prices = [random.integers(-16, 240, (bars, 1)) / 8.0 for _ in range(5)]
    for array in prices:
        array[random.random((bars, 1)) < 0.08] = np.nan
    keys = {
        "level(period=5).level": 5, "level(period=3).level": 3, "band(period=4).upper": 4, "band(period=few).lower": 2,
        "atr(period=14).atr": 9,
    }  # fmt: skip
    indicators = {}
    for key, warm_up in keys.items():
        values = random.integers(-16, 240, (bars, 1)) / 8.0
        values[:warm_up] = np.nan
        indicators[key] = values
    return MarketView(np.datetime64("2020-01-01") + np.arange(bars), *prices, indicators=indicators)


def reference(view: MarketView) -> Reference:
    """Return the slow reading of that market."""
    spelled = {
        "level_5": "level(period=5).level", "level(3)": "level(period=3).level",
        "band(period=4).upper": "band(period=4).upper", "band(few).lower": "band(period=few).lower",
    }  # fmt: skip
    names = {name: getattr(view, name)[:, 0].tolist() for name in ("open", "high", "low", "close", "volume")}
    names |= {text: view.indicators[key][:, 0].tolist() for text, key in spelled.items()}
    return Reference(names, VALUES)


lengths = st.sampled_from(["1", "2", "5", "7", "few"])
leaves = st.sampled_from(LEAVES)
numbers = st.deferred(
    lambda: st.one_of(
        leaves,
        st.sampled_from(["0", "2.5", "10", "limit", "-3"]),
        st.builds("{}[{}]".format, leaves, st.sampled_from(["0", "1", "4", "few", "70"])),
        st.builds("{} {} {}".format, numbers, st.sampled_from(["+", "-", "*", "/", "%"]), numbers),
        st.builds("(close + ({}))[{}]".format, numbers, lengths),
        st.builds("-({})".format, numbers),
        st.builds("abs({})".format, numbers),
        st.builds("{}({}, {}, close)".format, st.sampled_from(["min", "max"]), numbers, numbers),
        st.builds("{}(low - ({}), {})".format, st.sampled_from(["highest_of", "lowest_of"]), numbers, lengths),
        st.builds(
            "{}({}, {})".format,
            st.sampled_from(["sum_of", "average_of", "deviation_of"]),
            st.sampled_from(EXACT),
            lengths,
        ),
        st.builds("count_of({}, {})".format, conditions_of_series, lengths),
    )
)
comparisons = st.builds("{} {} {}".format, numbers, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), numbers)
conditions = st.deferred(
    lambda: st.one_of(
        comparisons,
        st.builds("{} < {} <= {}".format, numbers, numbers, numbers),
        st.builds("{} {} {}".format, conditions, st.sampled_from(["and", "or"]), conditions),
        st.builds("not ({})".format, conditions),
        st.builds("({} or {})[{}]".format, conditions_of_series, conditions, lengths),
        st.builds("{}(close, {})".format, st.sampled_from(["crosses_above", "crosses_below"]), numbers),
        st.builds("{}({}, {})".format, st.sampled_from(["any_of", "all_of"]), conditions_of_series, lengths),
    )
)
conditions_of_series = st.builds("({} or {} > close)".format, conditions, numbers)


def compiled(text: str) -> tuple[list[bool], list[bool], Names]:
    names = Names(KNOWN, PARAMETERS, frozenset())
    return compile_condition(read_fields("x.yaml", f'enter: "{text}"').fields()["enter"], names), names


@settings(max_examples=60, deadline=None)
@given(conditions, st.integers(0, 10_000))
def test_a_condition_means_what_it_says(text: str, seed: int) -> None:
    if len(text) > 1_500 or depth(ast.parse(text, mode="eval")) > 55:
        return
    condition, _ = compiled(text)
    view = market(seed)
    expected = reference(view).truths(text, BARS)
    with np.errstate(over="ignore", invalid="ignore"):
        true = np.broadcast_to(condition.true(view, VALUES), (BARS, 1))[:, 0].tolist()
        false = np.broadcast_to(condition.false(view, VALUES), (BARS, 1))[:, 0].tolist()
    assert true == [truth is True for truth in expected]
    assert false == [truth is False for truth in expected]


def depth(node: ast.AST) -> int:
    return 1 + max((depth(child) for child in ast.iter_child_nodes(node)), default=0)


@settings(max_examples=30, deadline=None)
@given(conditions, st.integers(0, 10_000), st.integers(1, BARS))
def test_no_condition_depends_on_what_comes_later(text: str, seed: int, end: int) -> None:
    if len(text) > 1_500 or depth(ast.parse(text, mode="eval")) > 55:
        return
    condition, _ = compiled(text)
    view = market(seed)
    cut = MarketView(
        view.sessions[:end], *(getattr(view, name)[:end] for name in ("open", "high", "low", "close", "volume")),
        indicators={name: values[:end] for name, values in view.indicators.items()},
    )  # fmt: skip
    with np.errstate(over="ignore", invalid="ignore"):
        whole, part = where_true(condition, view, VALUES), where_true(condition, cut, VALUES)
    assert whole[:end].tobytes() == part.tobytes()


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("close > 1 or open > 1 and high > 1", "close > 1 or (open > 1 and high > 1)"),
        ("not close > 1 and open > 1", "(not close > 1) and open > 1"),
        ("close - open - high > 0", "(close - open) - high > 0"),
        ("close + open * 2 > 4", "close + (open * 2) > 4"),
        ("-close[1] > -5", "(-(close[1])) > -5"),
        ("(close - open)[1] > 0", "close[1] - open[1] > 0"),
        ("close > open > high", "close > open and open > high"),
    ],
)
def test_operators_bind_as_in_mathematics(text: str, meaning: str) -> None:
    view = market(5)
    first, second = (where_true(compiled(each)[0], view, VALUES) for each in (text, meaning))
    assert first.tobytes() == second.tobytes()
    assert 0 < first.sum() < BARS
    assert first[:, 0].tolist() == [truth is True for truth in reference(view).truths(meaning, BARS)]


def test_not_of_what_is_unknown_is_not_true() -> None:
    view = market(3)
    for text in ("not (level(3) > 5)", "level(3) != 5", "not (level(3) == 5)", "not crosses_above(level(3), close)"):
        assert not where_true(compiled(text)[0], view, VALUES)[:3].any()
    decided = where_true(compiled("volume == volume or level(3) > 5")[0], view, VALUES)[:3, 0]
    assert decided.tolist() == (~np.isnan(view.volume[:3, 0])).tolist()


FILE = """
name: random_rule
enter: "{}"
exit: "{}"
params: {{few: {{default: 3, range: [1, 6]}}, limit: {{default: 10.0, range: [-20, 20]}}}}
time_stop: few
stop: {{atr: 2}}
take_profit: {{r: 1.5}}
"""


@settings(max_examples=30, deadline=None)
@given(comparisons, comparisons, st.integers(0, 10_000), st.integers(1, 6))
def test_positions_are_held_as_by_hand(enter: str, leave: str, seed: int, few: int) -> None:
    leave = f"{leave} and limit > 0"
    rule = rule_of(KNOWN, "x.yaml", FILE.format(enter, leave))
    view, params = market(seed), {"few": few, "limit": 10.0}
    slow = Reference(reference(view).names, params)
    stop = 2 * view.indicators["atr(period=14).atr"][:, 0]
    ready = (stop > 0).tolist()
    expected = positions(slow.truths(enter, BARS), slow.truths(leave, BARS), ready, few)
    signals = rule.signals(view, params)
    assert isinstance(signals, Signals)
    assert signals.distances
    assert signals.target[:, 0].tolist() == [float(one) for one in expected]
    np.testing.assert_array_equal(signals.stop, np.where(stop > 0, stop, np.nan)[:, None])
    np.testing.assert_array_equal(signals.take_profit, 1.5 * signals.stop)


def test_the_grammars_own_functions_leave_the_catalogue_its_names() -> None:
    from alphafactory.indicators.catalogue import vocabulary  # noqa: PLC0415  the other tests need no indicator
    from alphafactory.strategies.rules.compiling import WORDS  # noqa: PLC0415  the same

    known = vocabulary()
    assert not WORDS & {*known.functions, *known.features}
    assert not {"open", "high", "low", "close", "volume"} & {*known.functions, *known.features}
