"""What a simulation refuses, how several symbols meet on joint sessions, and where compiled code is kept."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from small_markets import market, model, random_market

from alphafactory.domain.signals import Signals
from alphafactory.errors import SimulationError
from alphafactory.simulation import cache, configure_cache, simulate, source_hash
from alphafactory.simulation.inputs import joint_sessions, judged_market, judged_signals
from alphafactory.simulation.layout import (
    CLOSE,
    DIVIDEND,
    HALTED,
    NO_BAR,
    NO_VOLUME,
    OPEN,
    SPLIT_FACTOR,
    STATE,
    TRADABLE,
    VOLUME,
)

if TYPE_CHECKING:
    from pathlib import Path

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.bars import Bars
    from alphafactory.simulation.inputs import JudgedSignals

NAN, INF = float("nan"), float("inf")
COLUMNS = ("open", "high", "low", "close", "volume", "split_factor", "dividends")
OPTIONAL = ("entry_limit", "entry_stop", "stop", "take_profit", "good_for", "priority")


def judged(*bars: Bars, names: tuple[str, ...] = ("ABC", "DEF")) -> FloatArray:
    return judged_market(bars, names, joint_sessions(bars))


def judged_one(signals: FloatArray | Signals) -> tuple[JudgedSignals, int]:
    return judged_signals(signals, market([10, 11, 12.0]).sessions, 1, ["ABC"])


def shifted(bars: Bars, days: int) -> Bars:
    return replace(bars, sessions=bars.sessions + days)


def test_the_rows_of_one_symbol_are_its_columns() -> None:
    bars, _ = random_market(1)
    table = judged(bars)
    assert table.shape == (1, 8, 300)
    assert table.flags.c_contiguous
    for row, column in enumerate(COLUMNS):
        assert table[0, row].tobytes() == getattr(bars, column).tobytes()
    assert (table[0, STATE] == TRADABLE).all()
    table[:] = 0.0
    assert bars.close.min() > 0.0


def test_a_bar_says_whether_it_can_be_traded() -> None:
    bars = market([10, 10, 10, 10, 11, 11, 11, 11.0], volume=[5, 5, 0, 0, 5, 5, 6, 6])
    expected = [TRADABLE, HALTED, NO_VOLUME, NO_VOLUME, TRADABLE, HALTED, TRADABLE, HALTED]
    assert judged(bars)[0, STATE].tolist() == expected


@pytest.mark.parametrize("column", ["open", "high", "low", "close", "volume"])
def test_a_bar_repeats_another_only_in_all_five_numbers(column: str) -> None:
    bars = market([10, 10.0], volume=[5, 5])
    same = replace(bars, high=bars.high + 1.0, low=bars.low - 1.0)
    assert judged(same)[0, STATE].tolist() == [TRADABLE, HALTED]
    getattr(same, column)[1] += 0.5
    assert judged(same)[0, STATE].tolist() == [TRADABLE, TRADABLE]


def test_a_market_of_no_volume_at_all_is_a_market() -> None:
    bars = market([10, 10, 10.0], volume=[0, 0, 0])
    assert judged(bars)[0, STATE].tolist() == [NO_VOLUME] * 3


def test_symbols_meet_on_the_sessions_of_any() -> None:
    one = market([10, 11, 12.0], factor=[4, 2, 1], dividends=[0, 0.5, 0])
    two = market([20, 21, 22.0], factor=[6, 6, 3], dividends=[0.1, 0, 0.2])
    gaps = replace(two, sessions=np.array(["2024-01-02", "2024-01-04", "2024-01-06"], "datetime64[D]"))
    sessions = joint_sessions([one, gaps])
    assert [str(day)[-2:] for day in sessions] == ["01", "02", "03", "04", "06"]
    table = judged_market([one, gaps], ["ABC", "DEF"], sessions)
    assert table.shape == (2, 8, 5)
    assert table.flags.c_contiguous
    np.testing.assert_array_equal(table[0, CLOSE], [10, 11, 12, NAN, NAN])
    np.testing.assert_array_equal(table[1, OPEN], [NAN, 20, NAN, 21, 22])
    assert table[0, SPLIT_FACTOR].tolist() == [4, 2, 1, 1, 1]
    assert table[1, SPLIT_FACTOR].tolist() == [6, 6, 6, 6, 3]
    assert table[0, DIVIDEND].tolist() == [0, 0.5, 0, 0, 0]
    assert table[1, DIVIDEND].tolist() == [0, 0.1, 0, 0, 0.2]
    np.testing.assert_array_equal(table[1, VOLUME], [0, two.volume[0], 0, two.volume[1], two.volume[2]])
    assert table[0, STATE].tolist() == [TRADABLE, TRADABLE, TRADABLE, NO_BAR, NO_BAR]
    assert table[1, STATE].tolist() == [NO_BAR, TRADABLE, NO_BAR, TRADABLE, TRADABLE]


def test_a_halt_looks_back_to_the_symbols_own_bar_before() -> None:
    one, two = market([10, 11, 12.0]), market([20, 20.0], volume=[5, 5])
    gaps = replace(two, sessions=one.sessions[[0, 2]])
    assert judged(one, gaps)[1, STATE].tolist() == [TRADABLE, NO_BAR, HALTED]


def test_symbols_of_equal_sessions_need_no_gaps() -> None:
    one, two = random_market(1)[0], random_market(2)[0]
    assert joint_sessions([one, two]) is one.sessions
    both = judged(one, two)
    assert both[0].tobytes() == judged(one).tobytes()
    assert both[1].tobytes() == judged(two).tobytes()


def test_intraday_instants_are_sessions_too() -> None:
    bars = market([10, 11, 12.0])
    instants = np.datetime64("2024-01-02T14:30", "us") + np.arange(3) * np.timedelta64(5, "m")
    one, two = replace(bars, sessions=instants), replace(bars, sessions=instants + np.timedelta64(5, "m"))
    assert joint_sessions([one, two]).tolist() == [*instants, instants[-1] + np.timedelta64(5, "m")]
    one.close[1] = 0.0
    with pytest.raises(SimulationError, match=r"ABC: close of 2024-01-02T14:35:00\.000000 is 0; it must be above 0"):
        judged(one, two)


@pytest.mark.parametrize(
    ("column", "value", "wanted"),
    [("open", NAN, "above 0"), ("close", 0.0, "above 0"), ("low", -1.0, "above 0"), ("high", INF, "above 0"),
     ("close", -INF, "above 0"), ("split_factor", 0.0, "above 0"), ("split_factor", NAN, "above 0"),
     ("volume", NAN, "0 or more"), ("volume", -1.0, "0 or more"), ("volume", INF, "0 or more"),
     ("dividends", -0.1, "0 or more"), ("dividends", NAN, "0 or more")],
)  # fmt: skip
@pytest.mark.parametrize("alone", [True, False])
def test_an_impossible_value_is_named(column: str, value: float, wanted: str, alone: bool) -> None:
    bars = market([10, 11, 12.0])
    getattr(bars, column)[1] = value
    symbols = [bars] if alone else [shifted(market([5, 5.0]), 9), bars]
    name = "ABC" if alone else "DEF"
    with pytest.raises(SimulationError, match=rf"{name}: {column} of 2024-01-02 is {value:g}; it must be {wanted}"):
        judged(*symbols)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [("high", 9.0, "high of 2024-01-02 is 9, below the bar's low of 10"),
     ("high", 11.5, "high of 2024-01-02 is 11.5, below the bar's close of 12"),
     ("low", 11.0, "low of 2024-01-02 is 11, above the bar's open of 10"),
     ("close", 9.0, "low of 2024-01-02 is 10, above the bar's close of 9"),
     ("open", 13.0, "high of 2024-01-02 is 12, below the bar's open of 13")],
)  # fmt: skip
def test_a_range_that_does_not_hold_its_prices_is_named(column: str, value: float, message: str) -> None:
    bars = market([9, 10, 11.0], [10, 12, 13.0])
    getattr(bars, column)[1] = value
    with pytest.raises(SimulationError, match=rf"ABC: {message}\. Quarantine"):
        judged(bars)


def test_what_a_vendor_rounded_is_no_fault() -> None:
    bars = market([9, 10, 11.0], [10, 12, 13.0])
    bars.high[1] = 12 * (1 - 0.9e-9)
    bars.low[1] = 10 * (1 + 0.9e-9)
    assert judged(bars)[0, STATE].tolist() == [TRADABLE] * 3
    bars.high[1] = 12 * (1 - 1.1e-9)
    with pytest.raises(SimulationError, match="below the bar's close"):
        judged(bars)


@pytest.mark.parametrize(
    ("days", "message"),
    [(["2024-01-01", "2024-01-02", "2024-01-02"], "session 2024-01-02 is not after"),
     (["2024-01-01", "2024-01-03", "2024-01-02"], "session 2024-01-02 is not after"),
     (["2024-01-01", "NaT", "2024-01-02"], "session NaT is not after"),
     (["2024-01-01", "2024-01-02", "NaT"], "session NaT is not after")],
)  # fmt: skip
def test_sessions_in_disorder_are_named(days: list[str], message: str) -> None:
    bars = replace(market([10, 11, 12.0]), sessions=np.array(days, "datetime64[D]"))
    with pytest.raises(SimulationError, match=f"ABC: {message}"):
        judged(bars)
    with pytest.raises(SimulationError, match=f"DEF: {message}"):
        judged(market([10.0]), bars)


def test_a_bar_of_no_session_is_refused() -> None:
    bars = replace(market([10.0]), sessions=np.array(["NaT"], "datetime64[D]"))
    with pytest.raises(SimulationError, match="ABC: the first bar has no session"):
        judged(bars)


def test_there_must_be_symbols_and_bars_and_as_many_numbers_as_sessions() -> None:
    with pytest.raises(SimulationError, match="no symbol to simulate"):
        joint_sessions([])
    with pytest.raises(SimulationError, match="ABC: there are no bars to simulate"):
        judged(market([]))
    with pytest.raises(SimulationError, match="DEF: there are no bars to simulate"):
        judged(market([10.0]), market([]))
    for column in COLUMNS:
        bars = replace(market([10, 11, 12.0]), **{column: np.ones(1)})
        with pytest.raises(SimulationError, match=rf"ABC: {column} has shape \(1,\) for 3 sessions"):
            judged(bars)


def test_a_symbol_without_a_name_has_none_in_its_error() -> None:
    bars = market([10, 0, 12.0])
    with pytest.raises(SimulationError, match=r"^open of 2024-01-02"):
        judged_market([bars], [], bars.sessions)


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
@pytest.mark.parametrize("kind", [float, np.float32, int])
def test_one_symbols_target_may_be_a_line_or_a_column(shape: tuple[int, ...], kind: type) -> None:
    signals, missing = judged_one(np.array([0, 1, -1], kind).reshape(shape))
    assert signals.target.tolist() == [[0.0, 1.0, -1.0]]
    assert signals.target.dtype == np.float64
    assert missing == 0
    assert all(getattr(signals, name) is None for name in OPTIONAL)
    assert not signals.distances


def test_signals_are_laid_out_by_symbol() -> None:
    draw = np.random.default_rng(4)
    arrays = {field.name: draw.random((4, 3)) for field in fields(Signals) if field.name != "distances"}
    arrays["good_for"] = np.round(arrays["good_for"] * 9)
    sessions = np.datetime64("2024-01-01") + np.arange(4)
    signals, missing = judged_signals(Signals(**arrays, distances=True), sessions, 3, "ABC")
    for name, array in arrays.items():
        laid_out = getattr(signals, name)
        np.testing.assert_array_equal(laid_out, array.T)
        assert laid_out.flags.c_contiguous
        assert laid_out.flags.writeable
    assert (signals.distances, missing) == (True, 0)


def test_missing_targets_are_flat_and_counted_and_stay_as_they_are_for_their_owner() -> None:
    target = np.array([[NAN, 0.5], [1.0, NAN], [NAN, -1.0]])
    before = target.copy()
    signals, missing = judged_signals(target, market([1, 2, 3.0]).sessions, 2, ["ABC", "DEF"])
    assert signals.target.tolist() == [[0.0, 1.0, 0.0], [0.5, 0.0, -1.0]]
    assert missing == 3
    np.testing.assert_array_equal(target, before)


@pytest.mark.parametrize("value", [1.5, -1.01, 1 + 1e-9, INF, -INF])
def test_a_target_outside_its_bounds_is_named(value: float) -> None:
    with pytest.raises(SimulationError, match=rf"ABC: the target of 2024-01-02 is {value:g}\. A target lies"):
        judged_one(np.array([0.0, value, NAN]))
    two = np.array([[0.0, NAN], [1.0, value], [0, 0]])
    with pytest.raises(SimulationError, match=rf"DEF: the target of 2024-01-02 is {value:g}"):
        judged_signals(two, market([1, 2, 3.0]).sessions, 2, ["ABC", "DEF"])
    with pytest.raises(SimulationError, match=rf"symbol 1: the target of 2024-01-02 is {value:g}"):
        judged_signals(two, market([1, 2, 3.0]).sessions, 2, [])


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in ("entry_limit", "entry_stop", "stop", "take_profit") for value in (0.0, -1.0, INF)]
    + [("good_for", value) for value in (-1.0, 0.5, INF, -INF)],
)
def test_an_impossible_price_or_count_is_named(name: str, value: float) -> None:
    with pytest.raises(SimulationError, match=rf"ABC: the {name} of 2024-01-03 is {value:g}\. (A price|It counts)"):
        judged_one(Signals(np.zeros(3), **{name: np.array([NAN, 2.0, value])}))


def test_none_of_an_option_is_not_a_number_and_no_priority_is_the_last() -> None:
    arrays = {name: np.array([NAN, 2.0, NAN]) for name in OPTIONAL}
    arrays["good_for"][2] = 0.0
    signals, missing = judged_one(Signals(np.ones(3), **arrays))
    for name in OPTIONAL[:-1]:
        np.testing.assert_array_equal(getattr(signals, name), arrays[name][np.newaxis])
    assert signals.priority is not None
    assert signals.priority.tolist() == [[-INF, 2.0, -INF]]
    assert missing == 0


@pytest.mark.parametrize("name", ["target", *OPTIONAL])
@pytest.mark.parametrize("shape", [(2,), (4,), (1, 3), (3, 2), (3, 1, 1), ()])
def test_an_array_of_another_shape_is_named(name: str, shape: tuple[int, ...]) -> None:
    arrays = {"target": np.zeros(3), name: np.ones(shape)}
    with pytest.raises(SimulationError) as error:
        judged_one(Signals(**arrays))
    assert str(error.value).startswith(f"ABC: {name} has shape {shape} for 3 sessions and 1 symbol. Give one row")


def test_a_line_is_not_enough_for_two_symbols() -> None:
    with pytest.raises(SimulationError, match=r"^target has shape \(3,\) for 3 sessions and 2 symbols"):
        judged_signals(np.zeros(3), market([1, 2, 3.0]).sessions, 2, ["ABC", "DEF"])


@pytest.mark.parametrize("target", [np.array(["long", "flat", "short"]), np.array([1, {}, 0], object)])
def test_words_are_no_signals(target: np.ndarray) -> None:
    with pytest.raises(SimulationError, match=r"ABC: target is no array of numbers.*Return floats"):
        judged_one(target)


def test_read_only_and_strided_arrays_are_taken() -> None:
    bars, target = random_market(3)
    twice = np.repeat(target, 2)[::2]
    frozen = target.copy()
    frozen.flags.writeable = False
    for name in ("open", "close", "volume"):
        getattr(bars, name).flags.writeable = False
    expected = simulate(bars, target, model()).equity.tobytes()
    assert simulate(bars, twice, model()).equity.tobytes() == expected
    assert simulate(bars, frozen, model()).equity.tobytes() == expected
    assert simulate(bars, target[:, np.newaxis], model()).equity.tobytes() == expected


def test_a_simulation_passes_the_judgement_on() -> None:
    with pytest.raises(SimulationError, match="ABC: the target of 2024-01-02 is 2"):
        simulate(market([10, 11, 12.0]), np.array([0, 2.0, 0]), model(), name="ABC")
    with pytest.raises(SimulationError, match="ABC: open of 2024-01-02 is 0"):
        simulate(market([10, 0, 12.0], [10, 11, 12.0]), np.zeros(3), model(), name="ABC")


def test_importing_the_package_does_not_import_numba() -> None:
    words = "import sys, alphafactory.simulation; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", words], check=False).returncode == 0


def test_the_cache_is_keyed_by_the_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    monkeypatch.setattr(cache, "AHEAD", tmp_path / "nothing")
    place = configure_cache(tmp_path / "numba")
    assert place.is_dir()
    assert place.name == source_hash()[:16]
    assert len(source_hash()) == 64


def test_what_was_compiled_ahead_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    monkeypatch.setattr(cache, "AHEAD", tmp_path / "ahead")
    ahead = tmp_path / "ahead" / source_hash()[:16]
    ahead.mkdir(parents=True)
    assert configure_cache(tmp_path / "numba") != ahead  # an empty folder is not a compiled kernel
    (ahead / "kernel.nbi").touch()
    assert configure_cache(tmp_path / "numba") == ahead


def test_a_cache_that_cannot_be_made_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "AHEAD", tmp_path / "nothing")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SimulationError, match=r"cannot be kept in .*paths\.var"):
        configure_cache(tmp_path / "file")
