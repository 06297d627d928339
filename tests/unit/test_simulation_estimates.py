"""Estimates against TA-Lib and the formulas as their papers print them; and that no bar knows a later one."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
import talib

from alphafactory.simulation.estimates import ADV, ATR, ESTIMATES, SIGMA, SPREAD, compute_estimates

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray

FIRST = {ATR: 14, SIGMA: 20, ADV: 19, SPREAD: 19}


def random_bars(seed: int, days: int = 400) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return high, low, close and volume with gaps over night in both directions."""
    draw = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(draw.normal(0, 0.02, days)))
    opening = np.r_[50.0, close[:-1]] * np.exp(draw.normal(0, 0.01, days))
    high = np.maximum(opening, close) * np.exp(np.abs(draw.normal(0, 0.005, days)))
    low = np.minimum(opening, close) * np.exp(-np.abs(draw.normal(0, 0.005, days)))
    return high, low, close, draw.uniform(1e5, 1e7, days)


def printed_spread(high: FloatArray, low: FloatArray, close: FloatArray) -> float:
    """Corwin and Schultz (2012) for one run of days, letter by letter."""
    spreads = []
    for first, second in pairwise(range(len(high))):
        shift = max(0.0, low[second] - close[first]) - max(0.0, close[first] - high[second])
        high_2, low_2 = high[second] - shift, low[second] - shift
        beta = math.log(high[first] / low[first]) ** 2 + math.log(high_2 / low_2) ** 2
        gamma = math.log(max(high[first], high_2) / min(low[first], low_2)) ** 2
        root = 3 - 2 * math.sqrt(2)
        alpha = (math.sqrt(2 * beta) - math.sqrt(beta)) / root - math.sqrt(gamma / root)
        spreads.append(max(0.0, 2 * (math.exp(alpha) - 1) / (1 + math.exp(alpha))))
    return sum(spreads) / len(spreads)


@pytest.mark.parametrize("seed", range(5))
def test_true_range_is_that_of_ta_lib(seed: int) -> None:
    high, low, close, volume = random_bars(seed)
    estimates = compute_estimates(high, low, close, volume)
    np.testing.assert_allclose(estimates[ATR], talib.ATR(high, low, close, 14), rtol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_windows_are_those_of_their_formulas(seed: int) -> None:
    high, low, close, volume = random_bars(seed)
    estimates = compute_estimates(high, low, close, volume)
    returns = close[1:] / close[:-1] - 1
    for row in (20, 21, 137, 399):
        window = slice(row - 19, row + 1)
        assert estimates[SIGMA, row] == pytest.approx(np.std(returns[row - 20 : row], ddof=1), rel=1e-12)
        assert estimates[ADV, row] == pytest.approx(np.mean(volume[window]), rel=1e-12)
        wanted = printed_spread(high[window], low[window], close[window])
        assert wanted > 0.0
        assert estimates[SPREAD, row] == pytest.approx(wanted, rel=1e-10)


def test_the_spread_of_a_market_that_only_bounces_is_found() -> None:
    # The value never moves: every high is a purchase at the ask, every low a sale at the bid.
    days = np.ones(30)
    spread = compute_estimates(100.5 * days, 99.5 * days, 100 * days, days)[SPREAD]
    assert spread[19:] == pytest.approx(2 * (100.5 - 99.5) / (100.5 + 99.5), rel=1e-12)
    # The same ranges a step apart each day are one price and a gap over night.
    steps = np.arange(30.0)
    spread = compute_estimates(100.5 + steps, 99.5 + steps, 100 + steps, days)[SPREAD]
    assert spread[-1] == pytest.approx(printed_spread(100.5 + steps[-20:], 99.5 + steps[-20:], 100 + steps[-20:]))


def test_a_trend_is_no_spread() -> None:
    close = 100 * 1.05 ** np.arange(40.0)
    estimates = compute_estimates(close * 1.001, close / 1.05, close, np.ones(40))
    assert (estimates[SPREAD, 19:] == 0.0).all()


@pytest.mark.parametrize("row", ESTIMATES)
def test_the_first_value_stands_where_it_can_be_known(row: int) -> None:
    for days in (0, 1, FIRST[row], FIRST[row] + 1, 60):
        estimates = compute_estimates(*random_bars(3, days))
        assert np.isnan(estimates[row]).tolist() == [day < FIRST[row] for day in range(days)]


def test_no_row_knows_a_later_one_to_the_bit() -> None:
    bars = random_bars(11, 90)
    bars[3][40:60] = 0.0
    whole = compute_estimates(*bars)
    for end in range(91):
        assert compute_estimates(*(column[:end] for column in bars)).tobytes() == whole[:, :end].tobytes()
    later = [column.copy() for column in bars]
    for column in later:
        column[70:] *= 1.5
    changed = compute_estimates(*later)
    assert changed[:, :70].tobytes() == whole[:, :70].tobytes()
    assert (changed[:, 75] != whole[:, 75]).all()


def test_nothing_of_a_bar_stays_once_it_has_left() -> None:
    high, low, close, volume = random_bars(5, 120)
    volume[30] = 1e15
    high[30], low[30] = close[30] * 40, close[30] / 40
    estimates = compute_estimates(high, low, close, volume)
    alone = compute_estimates(high[31:], low[31:], close[31:], volume[31:])
    for row in (SIGMA, ADV, SPREAD):
        known = alone[row, FIRST[row] :]
        assert estimates[row, 31 + FIRST[row] :].tobytes() == known.tobytes()


def test_only_what_is_needed_is_computed() -> None:
    bars = random_bars(7, 60)
    whole = compute_estimates(*bars)
    for needed in ((), (ATR,), (SIGMA, SPREAD), {ADV}):
        some = compute_estimates(*bars, needed)
        for row in ESTIMATES:
            expected = whole[row] if row in needed else np.full(60, np.nan)
            np.testing.assert_array_equal(some[row], expected)


@pytest.mark.parametrize("missing", [[0, 1], [30], [17, 18, 19, 20], [59], range(60)])
def test_missing_bars_are_left_out_and_repeat_the_bar_before(missing: list[int]) -> None:
    bars = random_bars(9, 60)
    there = np.ones(60, bool)
    there[list(missing)] = False
    alone = compute_estimates(*(column[there] for column in bars))
    for column in bars:
        column[~there] = np.nan
    estimates = compute_estimates(*bars)
    np.testing.assert_array_equal(estimates[:, there], alone)
    for row in np.flatnonzero(~there):
        before = estimates[:, row - 1] if row else np.full(4, np.nan)
        np.testing.assert_array_equal(estimates[:, row], before)


def test_the_arrays_may_be_views_and_read_only_and_stay_as_they_are() -> None:
    bars = random_bars(13, 80)
    wide = np.stack(bars, axis=1)
    wide.flags.writeable = False
    before = wide.copy()
    strided = compute_estimates(*wide.T)
    assert strided.tobytes() == compute_estimates(*bars).tobytes()
    assert wide.tobytes() == before.tobytes()
    for column in bars:
        column.flags.writeable = False
    assert compute_estimates(*bars).tobytes() == strided.tobytes()
