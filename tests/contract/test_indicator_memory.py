"""How far back values reach, as declared: whoever starts later than another must come to the same values in time.

A `window` function does so with its first value, a `fading` one when it has settled, an `endless` one never.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from strategy_markets import context_of, random_bars

from alphafactory.indicators.catalogue import compute_function, function_settling, function_warm_up, shipped_catalogue

if TYPE_CHECKING:
    from alphafactory.domain.bars import Bars
    from alphafactory.domain.plugins import ParameterValue

FUNCTIONS = shipped_catalogue().functions
TOLERANCE = 1e-9
STARTS = (1, 137, 333)
MOST_BARS = 4700


@functools.cache
def bars() -> Bars:
    return random_bars(21, MOST_BARS)


def arguments_of(name: str) -> list[dict[str, ParameterValue]]:
    """Return the defaults, and periods a little longer."""
    parameters = FUNCTIONS.get(name).parameters
    return [{}, {key: p.default + 4 for key, p in parameters.items() if isinstance(p.default, int)}]


def differences(name: str, arguments: dict[str, ParameterValue], length: int) -> np.ndarray:
    """Return by how much the values of histories that start elsewhere differ, at worst, (length - last start,).

    Rows count from each history's start. Differences are relative to the largest value there is.
    """
    whole = compute_function(name, bars().part(slice(0, length)), arguments, context=context_of(MOST_BARS))
    worst = np.zeros(length - STARTS[-1])
    for start in STARTS:
        part = compute_function(name, bars().part(slice(start, length)), arguments, context=context_of(MOST_BARS))
        for output, values in whole.items():
            largest = np.max(np.abs(values), initial=0.0, where=~np.isnan(values))
            apart = np.abs(values[start:] - part[output]) / (largest or 1.0)
            apart[np.isnan(part[output])] = 0.0
            worst = np.fmax(worst, apart[: len(worst)])
    return worst


def of_memory(memory: str) -> list[str]:
    return [name for name, function in FUNCTIONS.items() if function.memory == memory]


@pytest.mark.parametrize("name", of_memory("window"))
def test_a_window_agrees_from_its_first_value_on(name: str) -> None:
    for arguments in arguments_of(name):
        warm_up = function_warm_up(name, arguments)
        assert function_settling(name, arguments) == warm_up
        assert differences(name, arguments, warm_up + STARTS[-1] + 400)[warm_up:].max() < TOLERANCE


@pytest.mark.parametrize("name", of_memory("fading"))
def test_a_fading_value_agrees_once_it_has_settled(name: str) -> None:
    for arguments in arguments_of(name):
        settled = function_settling(name, arguments)
        assert settled > function_warm_up(name, arguments)
        # Kaufman's average at its slowest would need twenty years; it is asked at the end of the longest history.
        length = min(settled + STARTS[-1] + 300, MOST_BARS)
        assert differences(name, arguments, length)[min(settled, length - STARTS[-1] - 100) :].max() < TOLERANCE


@pytest.mark.parametrize("name", of_memory("fading"))
def test_a_fading_value_does_depend_on_its_start(name: str) -> None:
    warm_up = function_warm_up(name)
    assert differences(name, {}, warm_up + 1500).max() > TOLERANCE


@pytest.mark.parametrize("name", of_memory("endless"))
def test_an_endless_value_never_agrees(name: str) -> None:
    apart = differences(name, {}, 3000)
    assert apart[-500:].min() > 1e-6


def test_what_is_known_to_be_endless_says_so() -> None:
    endless = {"obv", "ad_line", "price_volume_trend", "negative_volume_index", "positive_volume_index"}
    assert endless | {"williams_accumulation"} <= set(of_memory("endless"))
    assert {"ema", "rsi", "macd", "adx", "atr", "parabolic_sar", "kama", "supertrend"} <= set(of_memory("fading"))
    assert {"sma", "bollinger", "stochastic", "donchian", "hammer"} <= set(of_memory("window"))
