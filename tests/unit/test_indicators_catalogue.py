"""The catalogue: what it knows, what it refuses, how a user's file joins it, and how versions arise."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from strategy_markets import context_of, random_bars

from alphafactory.domain.bars import Bars
from alphafactory.errors import IndicatorError, PluginError, UnknownNameError, UsageError
from alphafactory.indicators.base import IndicatorFunction, Output
from alphafactory.indicators.catalogue import (
    chosen_definitions,
    computation_of,
    compute_columns,
    compute_function,
    definitions,
    discover_catalogue,
    function_hash,
    function_settling,
    function_warm_up,
    shipped_catalogue,
    source_hash,
)
from alphafactory.indicators.computation import Computation
from alphafactory.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = [
    "sma_20",
    "sma_50",
    "sma_200",
    "ema_12",
    "ema_26",
    "rsi_14",
    "rsi_7",
    "macd_line",
    "macd_signal",
    "macd_histogram",
    "stochastic_k",
    "stochastic_d",
    "williams_r_14",
    "roc_10",
    "bollinger_upper",
    "bollinger_middle",
    "bollinger_lower",
    "atr_14",
    "standard_deviation_20",
    "obv",
    "ad_line",
    "adosc",
    "adx_14",
    "parabolic_sar",
    "doji",
    "hammer",
    "engulfing",
    "morning_star",
    "evening_star",
    "close_to_sma_20",
    "close_to_sma_50",
    "close_to_sma_200",
    "sma_20_cross_50",
    "sma_50_cross_200",
    "rsi_oversold",
    "rsi_overbought",
    "macd_cross",
    "bollinger_percent_b",
]

USER_FILE = """
from alphafactory.domain.plugins import Parameter
from alphafactory.indicators.base import IndicatorColumn, IndicatorFunction, Output
from .weights import FACTOR

DISTANCE = IndicatorFunction(
    name="distance", title="Distance from the average", group="mine", inputs=("close",),
    outputs=(Output("distance", unit="price"),),
    parameters={"period": Parameter(20, 1, 500, "closes in the average")},
    warm_up=lambda period: period - 1,
    compute=lambda data, period: (FACTOR * (data.close - data.value("sma", period=period)),),
    uses=("sma",),
)
COLUMN = IndicatorColumn("distance_20", "distance", {"period": 20}, meaning="How far it has run.")
"""


def ramp(length: int) -> Bars:
    price = 10.0 + np.arange(length, dtype=np.float64)
    sessions = np.datetime64("2020-01-01") + np.arange(length)
    return Bars(sessions, price, price + 1, price - 1, price, price * 10, np.ones(length), np.zeros(length))


def write_plugin(folder: Path, factor: float = 2.0) -> None:
    (folder / "distance.py").write_text(USER_FILE)
    (folder / "weights.py").write_text(f"FACTOR = {factor}\n")


def test_the_cache_holds_the_38_columns() -> None:
    assert len(COLUMNS) == 38
    standard = chosen_definitions("standard")
    assert {d.name for d in standard} == set(COLUMNS)
    assert len(standard) == 38
    assert all(d.standard for d in standard)


def test_there_are_well_over_167_features() -> None:
    assert shipped_catalogue().broken == ()
    assert len(definitions()) > 250
    assert chosen_definitions("all") == definitions()
    assert {"overlap", "momentum", "volatility", "volume", "price", "cycle", "pattern", "statistic"} <= {
        d.group for d in definitions()
    }


def test_no_two_features_are_the_same_one() -> None:
    asked = [(d.function, json.dumps(dict(d.arguments), sort_keys=True), d.output) for d in definitions()]
    assert len(set(asked)) == len(asked)
    meanings = [d.meaning for d in definitions()]
    assert [meaning for meaning in meanings if meanings.count(meaning) > 1] == []


def test_no_two_features_have_the_same_values() -> None:
    columns = compute_columns(random_bars(5, 900), context=context_of(900))
    groups = {d.name: d.group for d in definitions()}  # rare patterns are alike in having found nothing
    rounded = {name: np.round(v, 7).tobytes() for name, v in columns.items() if groups[name] != "pattern"}
    names = sorted(rounded, key=lambda name: rounded[name])
    twins = [{one, two} for one, two in itertools.pairwise(names) if rounded[one] == rounded[two]]
    assert twins == [{"sma_20", "bollinger_middle"}]


def test_every_function_is_of_use() -> None:
    functions = shipped_catalogue().functions
    used = {d.function for d in definitions()} | {name for function in functions for name in function.uses}
    assert set(functions.names()) == used


def test_settling_is_told_with_the_warm_up() -> None:
    rsi = shipped_catalogue().column("rsi_14")
    assert (rsi.memory, rsi.warm_up) == ("fading", 14)
    assert rsi.settling == pytest.approx(np.log(1e-11) / np.log(13.0 / 14.0), abs=2)
    assert function_settling("rsi", {"period": 14}) == rsi.warm_up + rsi.settling
    assert function_settling("macd") > function_settling("ema", {"period": 26})
    assert function_settling("sma", {"period": 50}) == 49
    assert shipped_catalogue().column("obv").memory == "endless"


def test_names_choose_columns_in_order() -> None:
    assert list(compute_columns(ramp(60), ["sma_50", "obv"])) == ["sma_50", "obv"]


def test_an_unknown_name_meets_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'sma_20'"):
        compute_columns(ramp(60), ["sma_2"])
    with pytest.raises(UnknownNameError, match="Did you mean 'rsi'"):
        compute_function("rsii", ramp(60))
    with pytest.raises(UnknownNameError, match="Did you mean 'period'"):
        compute_function("sma", ramp(60), {"perod": 3})


@pytest.mark.parametrize("value", [0, 2001, 2.5, float("nan"), float("inf"), "20", True])
def test_an_impossible_argument_is_refused(value: float | str) -> None:
    with pytest.raises(UsageError, match="'sma', parameter 'period'"):
        compute_function("sma", ramp(60), {"period": value})


def test_an_output_must_be_named_where_there_are_several() -> None:
    computation = Computation(shipped_catalogue().functions, ramp(60))
    with pytest.raises(UsageError, match="line, signal, histogram"):
        computation.value("macd")
    with pytest.raises(UnknownNameError, match="output of the indicator 'macd'"):
        computation.value("macd", "lines")


@pytest.mark.parametrize("field", ["open", "high", "low", "close", "volume"])
@pytest.mark.parametrize("hole", [float("nan"), float("inf")])
def test_a_hole_is_refused_with_its_session(field: str, hole: float) -> None:
    bars = ramp(60)
    values = getattr(bars, field).copy()
    values[31] = hole
    with pytest.raises(IndicatorError, match=rf"{field} is (nan|inf) in the session 2020-02-01"):
        compute_columns(replace(bars, **{field: values}), COLUMNS)


def test_a_hole_in_a_column_that_is_not_read_does_no_harm() -> None:
    bars = ramp(60)
    holes = replace(bars, volume=np.full(60, np.nan))
    np.testing.assert_array_equal(
        compute_columns(holes, ["sma_20"])["sma_20"], compute_columns(bars, ["sma_20"])["sma_20"]
    )


def test_a_result_that_is_shared_is_computed_once() -> None:
    calls: list[int] = []

    def compute(data: Computation, period: int) -> tuple[np.ndarray, ...]:
        calls.append(period)
        return (data.close * 1.0, data.close * 2.0)

    base = shipped_catalogue().functions.get("sma")
    outputs = (Output("one", unit="price"), Output("two", unit="price"))
    function = replace(base, name="pair", outputs=outputs, compute=compute, uses=())
    computation = Computation(Registry("indicators", {"pair": function}), ramp(5))
    first = computation.value("pair", "one", period=3)
    second = computation.value("pair", "two", period=3)
    np.testing.assert_array_equal(second, first * 2.0)
    computation.value("pair", "two", period=4)
    assert calls == [3, 4]


def test_a_failing_plugin_costs_only_its_own_column(tmp_path: Path) -> None:
    text = PLAIN.format(name="faulty", uses="()", compute="lambda data: (data.close / [],)")
    (tmp_path / "faulty.py").write_text(text + 'C = IndicatorColumn("faulty", "faulty", meaning="None at all.")')
    catalogue = discover_catalogue(tmp_path)
    computation = computation_of(ramp(30), catalogue)
    with pytest.raises(ValueError, match="broadcast"):
        computation.column(catalogue.column("faulty"))
    assert computation.column(catalogue.column("sma_20"))[-1] == pytest.approx(29.5)
    with pytest.raises(UsageError, match="several outputs"):
        computation.value("macd")  # asked from outside again, nothing is left running


def test_warm_up_is_known_without_bars() -> None:
    assert function_warm_up("sma", {"period": 50}) == 49
    assert function_warm_up("sma_cross") == 50
    assert function_warm_up("obv") == 0


def test_a_users_file_joins_the_catalogue(tmp_path: Path) -> None:
    write_plugin(tmp_path)
    catalogue = discover_catalogue(tmp_path)
    assert catalogue.broken == ()
    assert len(definitions(catalogue)) == len(definitions()) + 1
    values = compute_columns(ramp(40), ["distance_20"], catalogue)["distance_20"]
    assert np.isnan(values[:19]).all()
    np.testing.assert_allclose(values[19:], 2.0 * 9.5, rtol=1e-12)
    assert "distance_20" not in shipped_catalogue().columns
    assert not (tmp_path / "__pycache__").exists()


def test_an_edited_neighbour_is_a_new_version_and_is_read_again(tmp_path: Path) -> None:
    write_plugin(tmp_path, factor=2.0)
    before = discover_catalogue(tmp_path)
    old_hash, old_sma = source_hash("distance_20", before), source_hash("sma_20", before)
    write_plugin(tmp_path, factor=3.0)
    after = discover_catalogue(tmp_path)
    np.testing.assert_allclose(compute_columns(ramp(40), ["distance_20"], after)["distance_20"][-1], 28.5, rtol=1e-12)
    assert source_hash("distance_20", after) != old_hash
    assert source_hash("sma_20", after) == old_sma


def test_a_change_of_what_is_used_is_a_new_version(tmp_path: Path) -> None:
    (tmp_path / "half.py").write_text(PLAIN.format(name="half", uses="()", compute="lambda data: (data.close / 2.0,)"))
    user = PLAIN.format(name="quarter", uses="('half',)", compute="lambda data: (data.value('half') / 2.0,)")
    (tmp_path / "quarter.py").write_text(user)
    old = function_hash("quarter", discover_catalogue(tmp_path))
    (tmp_path / "half.py").write_text(PLAIN.format(name="half", uses="()", compute="lambda data: (data.close / 3.0,)"))
    assert function_hash("quarter", discover_catalogue(tmp_path)) != old


def test_versions_tell_arguments_and_outputs_apart() -> None:
    names = ("sma_20", "sma_50", "macd_line", "macd_signal", "bollinger_percent_b")
    assert len({source_hash(name) for name in names}) == len(names)


def test_versions_are_equal_in_every_process() -> None:
    code = (
        "from alphafactory.indicators.catalogue import definitions, source_hash\n"
        "print(' '.join(source_hash(d.name) for d in definitions()))\n"
        "import sys; assert 'talib' not in sys.modules and 'pandas' not in sys.modules, 'the catalogue must load fast'"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "77"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60, check=True
    )
    assert done.stdout.split() == [source_hash(d.name) for d in definitions()]


PLAIN = """
from alphafactory.indicators.base import IndicatorColumn, IndicatorFunction, Output

ONE = IndicatorFunction(
    name="{name}", title="t", group="mine", inputs=("close",), outputs=(Output("{name}", unit="price"),),
    warm_up=lambda: 0, uses={uses}, compute={compute},
)
"""

ONE = PLAIN.format(name="one", uses="()", compute="None")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("x = 1\ndef broken(:\n", 2, "SyntaxError"),
        ("x = 1\n\nraise ValueError('no')\n", 3, "ValueError: no"),
        (PLAIN.format(name="sma", uses="()", compute="None"), 0, "the name 'sma' is taken by"),
        (ONE + 'C = IndicatorColumn("c", "two", meaning="m")', 0, "two"),
        (ONE + 'C = IndicatorColumn("C", "one", meaning="m")', 0, "'C'"),
        (ONE + 'C = IndicatorColumn("c", "one")', 0, "no `meaning`"),
        (ONE.replace("uses=()", "uses=('smaa',)") + 'C = IndicatorColumn("c", "one", meaning="m")', 0, "smaa"),
    ],
)
def test_a_broken_file_is_named_and_the_others_go_on(tmp_path: Path, text: str, line: int, message: str) -> None:
    (tmp_path / "faulty.py").write_text(text)
    write_plugin(tmp_path)
    catalogue = discover_catalogue(tmp_path)
    assert "distance_20" in catalogue.columns
    assert "c" not in catalogue.columns
    assert len(catalogue.broken) == 1
    assert catalogue.broken[0].path.endswith("faulty.py")
    assert catalogue.broken[0].line == line
    assert message in catalogue.broken[0].message


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        ("lambda data: (data.value('sma'),)", "without naming it in `uses`"),
        ("lambda data: (data.close[:-1],)", "float64 array"),
        ("lambda data: data.close", "must return a tuple"),
        ("lambda data: (data.close.astype('int64'),)", "float64 array"),
        ("lambda data: (1.0,)", "float64 array"),
    ],
)
def test_a_function_that_breaks_its_contract_is_named(tmp_path: Path, compute: str, message: str) -> None:
    (tmp_path / "faulty.py").write_text(PLAIN.format(name="faulty", uses="()", compute=compute))
    with pytest.raises(PluginError, match=message) as error:
        compute_function("faulty", ramp(40), catalogue=discover_catalogue(tmp_path))
    assert "'faulty'" in str(error.value)


def test_a_function_may_hand_its_input_through_without_locking_the_bars(tmp_path: Path) -> None:
    (tmp_path / "same.py").write_text(PLAIN.format(name="same", uses="()", compute="lambda data: (data.close,)"))
    bars = ramp(5)
    compute_function("same", bars, catalogue=discover_catalogue(tmp_path))
    assert bars.close.flags.writeable


def test_functions_are_plain_values() -> None:
    assert all(isinstance(function, IndicatorFunction) for function in shipped_catalogue().functions)
