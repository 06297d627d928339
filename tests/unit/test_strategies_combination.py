"""Strategies summed by weights: how the text is read, what is summed, and what the version depends on."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphafactory.domain.plugins import IndicatorRequest, MarketView, Parameter
from alphafactory.domain.signals import Signals
from alphafactory.errors import SimulationError, UnknownNameError, UsageError
from alphafactory.registry import Registry
from alphafactory.strategies.base import Filter, Strategy
from alphafactory.strategies.catalogue import code_hash, discover_strategies, source_text
from alphafactory.strategies.combination import resolve_strategy
from alphafactory.strategies.combination_grammar import Gate, Name, Vote, WeightedTerms, read_combination, written
from alphafactory.strategies.parameters import resolve_parameters, warm_up

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.strategies.combination_grammar import Node

NAN = float("nan")
PAGE = Path(__file__).parents[2] / "docs" / "combining.md"
SHIPPED = discover_strategies()
TEXT = "0.6*sma_crossover+0.4*buy_and_hold"

MINE = '''
import numpy as np
from alphafactory.strategies.base import Strategy

class Mine(Strategy):
    """A user's strategy."""

    name = "{name}"
    title = idea = source = fails_when = "A user's own words."

    @staticmethod
    def signals(view, params):
        return np.full(view.close.shape, {value})
'''


def saying(name: str, answer: object) -> type[Strategy]:
    """Make a strategy that always answers the same."""
    texts = dict.fromkeys(("title", "idea", "source", "fails_when"), f"{name}'s words.")
    signals = staticmethod(lambda view, params: answer)  # noqa: ARG005  the names that a strategy's function has
    return type(name, (Strategy,), {"name": name, "signals": signals, **texts})


def registry(**answers: object) -> Registry[type[Strategy]]:
    found: Registry[type[Strategy]] = Registry("strategies")
    for name, answer in answers.items():
        found.add(saying(name, answer), "a test")
    return found


def view_of(rows: int, columns: int = 1, **indicators: FloatArray) -> MarketView:
    prices = np.ones((rows, columns))
    sessions = np.datetime64("2020-01-01") + np.arange(rows)
    return MarketView(sessions, prices, prices, prices, prices, prices, indicators)


def column(*values: float) -> FloatArray:
    return np.array(values)[:, np.newaxis]


def test_a_plain_name_is_the_registered_class() -> None:
    assert resolve_strategy("sma_crossover", SHIPPED) is SHIPPED.get("sma_crossover")
    with pytest.raises(UnknownNameError, match="Did you mean 'sma_crossover'"):
        resolve_strategy("sma-crossover", SHIPPED)


def test_targets_are_summed_by_weight() -> None:
    known = registry(a=column(1, 0, -1, 0.5), b=column(1, 1, 1, -1))
    both = resolve_strategy("0.5*a+0.25*b", known)
    assert both.signals(view_of(4), {}).tolist() == [[0.75], [0.25], [-0.25], [0.0]]
    apart = resolve_strategy("0.5*a-0.25*b", known)
    assert apart.signals(view_of(4), {}).tolist() == [[0.25], [-0.25], [-0.75], [0.5]]
    assert resolve_strategy("-50%*a", known).signals(view_of(4), {}).tolist() == [[-0.5], [0], [0.5], [-0.25]]


def test_the_sum_is_cut_and_not_its_parts() -> None:
    known = registry(a=column(1, -1, 1), b=column(1, -1, -1))
    assert resolve_strategy("3*a+2*b", known).signals(view_of(3), {}).tolist() == [[1.0], [-1.0], [1.0]]


def test_a_part_without_a_number_is_flat_and_all_without_one_is_none() -> None:
    known = registry(a=column(NAN, NAN, 1), b=column(NAN, 1, NAN))
    np.testing.assert_array_equal(
        resolve_strategy("0.5*a+0.25*b", known).signals(view_of(3), {}), column(NAN, 0.25, 0.5)
    )


def test_signals_that_are_a_target_alone_can_be_summed() -> None:
    known = registry(a=Signals(column(1, 0)), b=column(1, 1))
    assert resolve_strategy("0.5*a+0.25*b", known).signals(view_of(2), {}).tolist() == [[0.75], [0.25]]


@pytest.mark.parametrize("name", ["entry_limit", "entry_stop", "stop", "take_profit", "good_for", "priority"])
def test_more_than_a_target_cannot_be_summed(name: str) -> None:
    known = registry(a=Signals(column(1, 0), **{name: column(9, 9)}), b=column(1, 1))
    with pytest.raises(UsageError, match=rf"'0\.5\*a\+0\.5\*b': the strategy 'a' returns {name} beside its target"):
        resolve_strategy("0.5*a+0.5*b", known).signals(view_of(2), {})


@pytest.mark.parametrize("answer", [np.zeros(2), np.zeros((1, 2)), np.zeros((3, 1)), np.float64(1.0)])
def test_a_part_of_another_shape_is_named(answer: FloatArray) -> None:
    known = registry(a=answer, b=column(1, 1))
    with pytest.raises(SimulationError, match=r"the strategy 'a' returned signals of shape .* shape \(2, 1\)"):
        resolve_strategy("0.5*b+0.5*a", known).signals(view_of(2), {})


def test_a_part_outside_its_bounds_is_named_even_where_the_sum_is_not() -> None:
    known = registry(a=column(0, 1.5), b=column(1, 1))
    with pytest.raises(SimulationError, match=r"the strategy 'a' wants 1\.5 on 2020-01-02"):
        resolve_strategy("0.1*a+0.1*b", known).signals(view_of(2), {})


def test_parameters_and_indicators_carry_the_name_of_their_part() -> None:
    both = resolve_strategy(TEXT, SHIPPED)
    assert list(both.parameters) == ["sma_crossover.fast", "sma_crossover.slow"]
    params = resolve_parameters(both, {"sma_crossover.fast": "10"})
    assert params == {"sma_crossover.fast": 10, "sma_crossover.slow": 50}
    asked = {name: (request.function, request.resolve(params)) for name, request in both.indicators.items()}
    assert asked == {"sma_crossover.fast": ("sma", {"period": 10}), "sma_crossover.slow": ("sma", {"period": 50})}
    assert warm_up(both, params, lambda _, arguments: int(arguments["period"])) == 50
    fast, slow = column(1, 2, 3), column(2, 2, 2)
    view = view_of(3, **{"sma_crossover.fast": fast, "sma_crossover.slow": slow})
    assert both.signals(view, params).tolist() == [[0.4], [0.4], [1.0]]


def test_parts_with_parameters_of_one_name_keep_them_apart() -> None:
    def scaled(own_name: str) -> type[Strategy]:
        class Scaled(Strategy):
            name = own_name
            title = idea = source = fails_when = "A test's."
            parameters = {"scale": Parameter(1.0, 0.0, 1.0, "the size")}  # noqa: RUF012  as a user writes it
            indicators = {"x": IndicatorRequest("sma", {"period": 3})}  # noqa: RUF012  the same

            @staticmethod
            def signals(view: MarketView, params: dict[str, float]) -> FloatArray:
                return params["scale"] * view.indicators["x"]

        return Scaled

    known: Registry[type[Strategy]] = Registry("strategies")
    for name in ("one", "one_more"):
        known.add(scaled(name), "a test")
    both = resolve_strategy("1*one+1*one_more", known)
    assert both.indicators["one.x"].arguments == {"period": 3}
    params = resolve_parameters(both, {"one.scale": 0.5, "one_more.scale": 0.25})
    view = view_of(1, **{"one.x": column(0.2), "one_more.x": column(0.4)})
    assert both.signals(view, params).item() == pytest.approx(0.5 * 0.2 + 0.25 * 0.4)


def test_the_parts_judge_their_own_parameters() -> None:
    both = resolve_strategy(TEXT, SHIPPED)
    with pytest.raises(UsageError, match="wants fast below slow, not fast=60 and slow=50"):
        resolve_parameters(both, {"sma_crossover.fast": 60})
    with pytest.raises(UnknownNameError, match=r"no parameter of the strategy '0.6.*' 'fast'"):
        resolve_parameters(both, {"fast": 60})
    with pytest.raises(UsageError, match=r"'sma_crossover\.fast': 1 lies outside"):
        resolve_parameters(both, {"sma_crossover.fast": 1})


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (TEXT, TEXT),
        (" 60% * sma_crossover + .4 * buy_and_hold ", TEXT),
        ("+6e-1*sma_crossover+4e-1*buy_and_hold", TEXT),
        ("1*buy_and_hold-1.50*sma_crossover", "1*buy_and_hold-1.5*sma_crossover"),
        ("-1e-7*buy_and_hold", "-1e-07*buy_and_hold"),
        ("sma_crossover&trend_filter", "sma_crossover & trend_filter"),
        ("((sma_crossover & trend_filter) & (volume_filter))", "sma_crossover & trend_filter & volume_filter"),
        ("sma_crossover & (rsi_2 & trend_filter)", "sma_crossover & rsi_2 & trend_filter"),
        ("( .6*sma_crossover+.4*rsi_2 )&trend_filter", "(0.6*sma_crossover+0.4*rsi_2) & trend_filter"),
        ("0.5*(sma_crossover&trend_filter) + .5*rsi_2", "0.5*(sma_crossover & trend_filter)+0.5*rsi_2"),
        ("0.5*(0.5*sma_crossover-0.5*rsi_2)-1*rsi_macd", "0.5*(0.5*sma_crossover-0.5*rsi_2)-1*rsi_macd"),
        ("vote( rsi_2,rsi_macd ,buy_and_hold, 2 )", "vote(rsi_2, rsi_macd, buy_and_hold)"),
        ("vote(rsi_2&trend_filter, -1*rsi_macd, 1)", "vote(rsi_2 & trend_filter, -1*rsi_macd, 1)"),
        ("(2*vote(rsi_2, rsi_macd)) & trend_filter", "(2*vote(rsi_2, rsi_macd)) & trend_filter"),
        ("rsi_2 & vote(trend_filter, volume_filter, 1)", "rsi_2 & vote(trend_filter, volume_filter, 1)"),
    ],
)
def test_one_combination_has_one_name_and_is_made_again_from_it(text: str, name: str) -> None:
    made = resolve_strategy(text, SHIPPED)
    assert made.name == name
    assert resolve_strategy(name, SHIPPED) is made
    assert code_hash(resolve_strategy(made.name, discover_strategies())) == code_hash(made)


@given(
    st.floats(allow_nan=False, allow_infinity=False).filter(bool),
    st.floats(allow_nan=False, allow_infinity=False).filter(bool),
)
def test_weights_are_read_back_to_the_bit(first: float, second: float) -> None:
    sign = "" if second < 0 else "+"
    made = resolve_strategy(f"{first!r}*sma_crossover{sign}{second!r}*buy_and_hold", SHIPPED)
    again = resolve_strategy(made.name, SHIPPED)
    assert [weight for weight, _ in again.parts] == [first, second]
    assert again is made


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0*sma_crossover", "the weight of 'sma_crossover' is 0"),
        ("0.5*buy_and_hold-0.0*sma_crossover", "the weight of 'sma_crossover' is 0"),
        ("1e-999*sma_crossover", "the weight of 'sma_crossover' is 0"),
        ("1e999*sma_crossover", "the weight of 'sma_crossover': '1e999' is too large"),
        ("nan*sma_crossover", r"'nan\*sma_crossover' is no part"),
        ("inf*sma_crossover", r"'inf\*sma_crossover' is no part"),
        ("sma_crossover+0.4*buy_and_hold", "'sma_crossover.* is no part"),
        ("0.6*sma_crossover+buy_and_hold", r"'\+buy_and_hold' is no part"),
        ("0.6*sma_crossover 0.4*buy_and_hold", r"'0\.4\*buy_and_hold' is no part"),
        ("0.6*sma_crossover++0.4*buy_and_hold", r"'\+\+0\.4\*buy_and_hold' is no part"),
        ("0.6*sma_crossover+", r"'\+' is no part"),
        ("0.6*sma_crossover*2", r"'\*2' is no part"),
        ("+", r"'\+' is no part"),
        ("0.6*sma_crossover+0.4*sma_crossover", "'sma_crossover' stands twice"),
        ("vote(sma_crossover, 0.5*sma_crossover+0.5*buy_and_hold)", "'sma_crossover' stands twice"),
        ("buy_and_hold & trend_filter & trend_filter", "'trend_filter' stands twice"),
        ("0.6*sma_crossover & trend_filter", r"'0\.6\*sma_crossover' is a sum beside an `&`. Put it in brackets"),
        ("buy_and_hold & 0.6*sma_crossover", r"'0\.6\*sma_crossover' is no part"),
        ("buy_and_hold & trend_filter+0.4*sma_crossover", r"'buy_and_hold & trend_filter\+0\.4.*' is no part"),
        ("buy_and_hold &", "'' is no part"),
        ("& trend_filter", "'& trend_filter' is no part"),
        ("buy_and_hold && trend_filter", "'& trend_filter' is no part"),
        ("buy_and_hold & (trend_filter", r"the bracket of '\(trend_filter' is not closed"),
        ("(buy_and_hold & trend_filter))", r"'\)' is no part"),
        ("()", r"'\)' is no part"),
        ("2buy & trend_filter", "'2buy & trend_filter' is no part"),
        ("buy-and-hold & trend_filter", "'buy-and-hold & trend_filter' is no part"),
        ("__import__('os')", r"'__import__\(' is no function"),
    ],
)
def test_a_text_that_is_no_combination_is_refused_with_its_part(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as error:
        resolve_strategy(text, SHIPPED)
    assert f"The combination '{text}'" in str(error.value)


def test_brackets_within_brackets_have_an_end() -> None:
    assert resolve_strategy("(" * 20 + "buy_and_hold" + ")" * 20, SHIPPED) is SHIPPED.get("buy_and_hold")
    for text in ("(" * 10_000 + "buy_and_hold", "vote(" * 10_000):
        with pytest.raises(UsageError, match="more than 20 brackets within brackets"):
            resolve_strategy(text, SHIPPED)


@given(st.text(alphabet="ab01.*+-&(), %e_", max_size=25))
def test_any_text_is_a_combination_or_is_refused_in_words(text: str) -> None:
    known = registry(a=column(1), b=column(-1))
    made = None
    with contextlib.suppress(UsageError):
        made = resolve_strategy(text, known)
    assert made is None or resolve_strategy(made.name, known) is made


def grown(random: Random, names: Iterator[str], depth: int) -> Node:
    """Make a combination of any shape, each name in it once."""
    kinds = [Name] if depth == 0 else [Name, WeightedTerms, Vote, Gate]
    kind, parts = random.choice(kinds), random.randint(2, 3)
    if kind is WeightedTerms:
        weights = [random.choice((-1, 1)) * random.uniform(1e-9, 3.0) for _ in range(random.randint(1, 3))]
        return WeightedTerms(tuple((weight, grown(random, names, depth - 1)) for weight in weights))
    if kind is Vote:
        return Vote(tuple(grown(random, names, depth - 1) for _ in range(parts)), random.randint(1, parts))
    if kind is Gate:
        first, *others = (grown(random, names, 0) for _ in range(parts))
        summed = WeightedTerms(((0.5, first),)) if random.random() < 0.5 else first
        return Gate(summed, tuple(others))
    return Name(next(names))


@given(st.randoms(use_true_random=False))
def test_whatever_is_written_is_read_back(random: Random) -> None:
    node = grown(random, (f"s{number}" for number in itertools.count()), 3)
    assert read_combination(written(node)) == node


def test_combinations_of_combinations_keep_the_names_of_their_parts() -> None:
    made = resolve_strategy("0.5*(sma_crossover & trend_filter)+0.5*vote(rsi_2, macd_crossover, 1)", SHIPPED)
    assert {name.partition(".")[0] for name in made.parameters} == {
        "sma_crossover", "trend_filter", "rsi_2", "macd_crossover",
    }  # fmt: skip
    params = resolve_parameters(made, {"trend_filter.period": 50, "rsi_2.entry": 20})
    assert made.indicators["trend_filter.average"].resolve(params) == {"period": 50}
    with pytest.raises(UsageError, match="wants fast below slow"):
        resolve_parameters(made, {"sma_crossover.fast": 60})
    source = source_text(made)
    for part in ("SmaCrossover(Strategy)", "TrendFilter(Filter)", "Rsi2(Strategy)", "MacdCrossover(Strategy)"):
        assert f"class {part}" in source
    for text in ("idea", "source", "fails_when"):
        assert getattr(made, text).count(getattr(SHIPPED.get("rsi_2"), text)) == 1


def test_a_combination_of_combinations_asks_each_part_as_alone() -> None:
    known = registry(a=column(1, 1, 1), b=column(1, 0, -1), c=column(0, 1, 0), d=column(1, 1, 0))
    made = resolve_strategy("0.5*(a & d)-0.25*vote(b, c, 1)", known)
    assert made.signals(view_of(3), {})[:, 0].tolist() == [0.25, 0.25, 0.75]


def test_a_part_that_does_not_exist_meets_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"'buy_and_holt'\. Did you mean 'buy_and_hold'"):
        resolve_strategy("0.6*sma_crossover+0.4*buy_and_holt", SHIPPED)


def test_the_texts_tell_of_all_parts() -> None:
    made = resolve_strategy(TEXT, SHIPPED)
    assert made.title == "60% Moving average crossover, 40% Buy and hold"
    for name in ("sma_crossover", "buy_and_hold"):
        for text in ("idea", "source", "fails_when"):
            assert getattr(SHIPPED.get(name), text) in getattr(made, text)


def test_the_version_depends_on_the_weights_and_on_every_part() -> None:
    texts = (TEXT, "0.6*sma_crossover-0.4*buy_and_hold", "0.6*sma_crossover", "0.6*buy_and_hold+0.4*sma_crossover")
    assert len({code_hash(resolve_strategy(text, SHIPPED)) for text in texts}) == 4
    source = source_text(resolve_strategy(TEXT, SHIPPED))
    for part in ("class SmaCrossover(Strategy)", "class BuyAndHold(Strategy)", "class Combination(Strategy)"):
        assert source.count(part) == 1


def test_an_edited_part_is_a_new_version_and_speaks_anew(tmp_path: Path) -> None:
    text = "0.5*mine+0.25*yours"
    versions, answers = [], []
    for mine, yours in ((0.5, 0.5), (1.0, 0.5), (1.0, 0.0)):
        (tmp_path / "mine.py").write_text(MINE.format(name="mine", value=mine))
        (tmp_path / "yours.py").write_text(MINE.format(name="yours", value=yours))
        made = resolve_strategy(text, discover_strategies(tmp_path))
        versions.append(code_hash(made))
        answers.append(made.signals(view_of(1), {}).item())
    assert answers == [0.375, 0.625, 0.5]
    assert len(set(versions)) == 3


def test_a_combination_is_no_strategy_of_the_list() -> None:
    made = resolve_strategy(TEXT, SHIPPED)
    again = discover_strategies()
    assert again.names() == SHIPPED.names()
    assert again.broken == []
    assert made.name not in again.names()


def test_another_process_makes_the_same() -> None:
    code = (
        "from alphafactory.strategies.catalogue import code_hash, discover_strategies\n"
        "from alphafactory.strategies.combination import resolve_strategy\n"
        f"print(code_hash(resolve_strategy({TEXT!r}, discover_strategies())))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "77"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60, check=True
    )
    assert done.stdout.strip() == code_hash(resolve_strategy(TEXT, SHIPPED))


def shown(language: str) -> str:
    """Return the one block of a language on the page about combining."""
    [text] = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return text


@pytest.mark.parametrize("text", shown("text").splitlines())
def test_every_combination_that_is_shown_exists(text: str) -> None:
    assert resolve_strategy(text, SHIPPED).name == text


def test_the_filter_that_is_shown_works(tmp_path: Path) -> None:
    (tmp_path / "quiet_filter.py").write_text(shown("py"))
    known = discover_strategies(tmp_path)
    assert known.broken == []
    assert issubclass(known.get("quiet_filter"), Filter)
    made = resolve_strategy("buy_and_hold & quiet_filter", known)
    view = replace(view_of(4, **{"quiet_filter.range": column(NAN, 1, 1, 1)}), high=column(2, 3, 2, 3))
    assert made.signals(view, resolve_parameters(made, {})).ravel().tolist() == [0, 0, 1, 1]
