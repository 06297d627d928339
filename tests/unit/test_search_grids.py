"""Grids: which parameter sets a person's words stand for, and which words are refused."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphafactory.domain.plugins import IndicatorRequest, Parameter
from alphafactory.errors import PluginError, UsageError
from alphafactory.pipeline import grids
from alphafactory.pipeline.grids import parse_grid
from alphafactory.pipeline.sweep_order import longest_warm_up
from alphafactory.strategies.base import Strategy
from alphafactory.strategies.trend.sma_crossover import SmaCrossover

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import StrategyParameters


class Bands(Strategy):
    """Has a whole and a broken parameter, and one that nothing refuses."""

    name = "bands"
    title = idea = source = fails_when = "A test's own."
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "period": Parameter(20, 2, 300, "closes"),
        "width": Parameter(2.0, 0.1, 5.0, "deviations"),
        "share": Parameter(1.0, 0.0, 1.0, "of equity"),
    }
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "upper": IndicatorRequest("bollinger", {"period": "period", "deviations": "width"}, "upper"),
        "year": IndicatorRequest("sma", {"period": 200}),
    }

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:
        """Return the share above the upper band."""
        return np.where(view.close > view.indicators["upper"], params["share"], 0.0)


def values(words: str, strategy: type[Strategy] = Bands) -> list[int | float]:
    name = words.partition("=")[0].strip()
    return [params[name] for params in parse_grid(strategy, [words], {})]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("period=5:50:5", [5, 10, 15, 20, 25, 30, 35, 40, 45, 50]),
        ("period=5:52:15", [5, 20, 35, 50]),
        ("period=7:7:1", [7]),
        ("period=5,10,20", [5, 10, 20]),
        ("period=20,5,20", [20, 5]),
        ("period=2,10:30:10,300", [2, 10, 20, 30, 300]),
        (" period = 4 , 5 ", [4, 5]),
        ("width=0.1:0.5:0.1", [0.1, 0.2, 0.3, 0.4, 0.5]),
        ("width=1:2:0.25", [1.0, 1.25, 1.5, 1.75, 2.0]),
        ("share=10%:50%:20%", [0.1, 0.3, 0.5]),
        ("share=5%,.5,1e-1", [0.05, 0.5, 0.1]),
    ],
)
def test_a_range_includes_its_ends_and_a_list_keeps_its_order(words: str, expected: list[float]) -> None:
    found = values(words)
    assert found == expected
    assert all(isinstance(value, int if words.strip().startswith("period") else float) for value in found)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["period"], "--grid 'period' is no NAME=VALUES"),
        (["period="], "is no NAME=VALUES"),
        (["=5"], "is no NAME=VALUES"),
        (["perod=5"], "Did you mean 'period'?"),
        (["period=5", "period=6"], "--grid period is given twice"),
        (["share=1"], "--grid share is given twice, or with --set share too"),
        (["period=5:50"], "'5:50' is no START:END:STEP"),
        (["period=a:b:c"], "'a:b:c' is no START:END:STEP"),
        (["period=5:50:0"], "does not lead up"),
        (["period=50:5:5"], "does not lead up"),
        (["period=5:nan:5"], "does not lead up"),
        (["period=5:inf:5"], "does not lead up"),
        (["period=5:50:2.5"], "7.5 is not a whole number"),
        (["period=1:50:1"], "1 lies outside its bounds, 2 to 300"),
        (["period=5,many"], "'many' is not a number"),
        (["width=0.1:5:0.000001"], "has 4,900,001 values, more than 1,000,000"),
        (["width=0.1:5:0.001", "period=2:300:1"], "1,465,399 combinations, more than 1,000,000"),
        ([], "Nothing is searched"),
    ],
)
def test_words_that_make_no_grid_are_refused(words: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_grid(Bands, words, {"share": "1"} if words == ["share=1"] else {})


def test_what_is_fixed_is_in_every_set_and_judged() -> None:
    grid = parse_grid(Bands, ["width=1,2"], {"share": "50%"})
    assert list(grid) == [{"period": 20, "width": w, "share": 0.5} for w in (1.0, 2.0)]
    assert list(grid[0]) == list(Bands.parameters)
    with pytest.raises(UsageError, match="Did you mean 'share'"):
        parse_grid(Bands, ["width=1,2"], {"shre": "1"})
    with pytest.raises(UsageError, match="outside its bounds"):
        parse_grid(Bands, ["width=1,2"], {"share": "2"})


def test_sets_count_with_the_last_parameter_fastest_and_what_contradicts_itself_is_skipped() -> None:
    grid = parse_grid(SmaCrossover, ["fast=10,50", "slow=20:60:20"], {})
    assert [(params["fast"], params["slow"]) for params in grid] == [(10, 20), (10, 40), (10, 60), (50, 60)]
    assert (len(grid), grid.skipped) == (4, 2)
    assert grid[1:3] == [{"fast": 10, "slow": 40}, {"fast": 10, "slow": 60}]
    assert grid[-1] == {"fast": 50, "slow": 60}


def test_a_grid_of_contradictions_alone_is_refused_with_the_strategy_s_words() -> None:
    with pytest.raises(UsageError, match=r"refuses all 4 combinations.*wants fast below slow"):
        parse_grid(SmaCrossover, ["fast=50,60", "slow=20,30"], {})


def test_a_check_that_breaks_is_the_strategy_s_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bands, "check", classmethod(lambda _, params: params["perod"]))
    with pytest.raises(PluginError, match=r"The strategy 'bands' cannot judge .*KeyError: 'perod'"):
        parse_grid(Bands, ["width=1,2"], {})


@given(
    fast=st.lists(st.integers(2, 100), min_size=1, max_size=6, unique=True),
    slow=st.lists(st.integers(5, 400), min_size=1, max_size=6, unique=True),
)
def test_a_grid_holds_what_a_plain_product_holds(fast: list[int], slow: list[int]) -> None:
    expected = [{"fast": f, "slow": s} for f, s in itertools.product(fast, slow) if f < s]
    words = [f"fast={','.join(map(str, fast))}", f"slow={','.join(map(str, slow))}"]
    if not expected:
        with pytest.raises(UsageError, match="refuses all"):
            parse_grid(SmaCrossover, words, {})
        return
    grid = parse_grid(SmaCrossover, words, {})
    assert list(grid) == expected
    assert grid.skipped == len(fast) * len(slow) - len(expected)
    assert sorted(p["slow"] for p in grid.distinct(["slow"])) == sorted({p["slow"] for p in expected})
    assert longest_warm_up(SmaCrossover, grid) == max(p["slow"] for p in expected) - 1


def test_the_longest_warm_up_is_that_of_the_sets_that_are_evaluated() -> None:
    grid = parse_grid(SmaCrossover, ["fast=10,90", "slow=20,40"], {})  # fast=90 is never evaluated
    assert longest_warm_up(SmaCrossover, grid) == 39
    assert longest_warm_up(Bands, parse_grid(Bands, ["period=5,250", "width=1,2"], {})) == 249
    assert longest_warm_up(Bands, parse_grid(Bands, ["share=0.5,1"], {})) == 199
    assert len(parse_grid(Bands, ["period=5,250", "width=1,2", "share=0.5,1"], {}).distinct(["period", "width"])) == 4


def test_a_large_grid_takes_little_memory() -> None:
    grid = parse_grid(Bands, ["period=2:300:1", "width=0.1:5:0.01"], {})
    assert len(grid) == 299 * 491
    assert grid.accepted.nbytes == 8 * len(grid)
    assert grid[len(grid) - 1] == {"period": 300, "width": 5.0, "share": 1.0}
    assert len(grid) < grids.MOST_SETS
