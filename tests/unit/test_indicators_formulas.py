"""What the less known of TA-Lib's indicators compute, by plain formulas: the titles and meanings rest on these.

A formula walks bar by bar from whatever start is simplest. Those with memory are compared where both have settled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from strategy_markets import random_bars

from alphafactory.indicators.catalogue import compute_function

if TYPE_CHECKING:
    from collections.abc import Callable

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.bars import Bars

BARS = random_bars(23, 2500)
SETTLED = slice(2000, 2500)


def windows(values: FloatArray, period: int) -> FloatArray:
    """Return the window that ends with each bar, (bars, period), with repeated first values before the first bar."""
    return sliding_window_view(np.concatenate([np.full(period - 1, values[0]), values]), period)


def mean(values: FloatArray, period: int) -> FloatArray:
    return windows(values, period).mean(axis=1)


def weighted(values: FloatArray, period: int) -> FloatArray:
    return windows(values, period) @ np.arange(1.0, period + 1.0) / (period * (period + 1) / 2)


def smooth(values: FloatArray, weight: float) -> FloatArray:
    found, state = [], values[0]
    for value in values:
        state += weight * (value - state)
        found.append(state)
    return np.array(found)


def exponential(values: FloatArray, period: int) -> FloatArray:
    return smooth(values, 2.0 / (period + 1.0))


def wilder(values: FloatArray, period: int) -> FloatArray:
    return smooth(values, 1.0 / period)


def before(values: FloatArray, bars: int = 1) -> FloatArray:
    """Return the value of so many bars before, the first one where there is none."""
    return np.concatenate([np.full(bars, values[0]), values[:-bars]])


def true_range(b: Bars) -> FloatArray:
    return np.maximum(b.high, before(b.close)) - np.minimum(b.low, before(b.close))


def line_ends(values: FloatArray, period: int, ahead: int = 0) -> FloatArray:
    """Return the least-squares line through each window at its last bar, or so many bars ahead."""
    x = np.arange(period)
    slope, start = np.polyfit(x, windows(values, period).T, 1)
    return start + slope * (period - 1 + ahead)


def keltner(b: Bars) -> FloatArray:
    typical = (b.high + b.low + b.close) / 3.0
    return exponential(typical, 20) + 2.0 * wilder(true_range(b), 10)


def hull(b: Bars) -> FloatArray:
    return weighted(2.0 * weighted(b.close, 10) - weighted(b.close, 20), 4)


def zero_lag(b: Bars) -> FloatArray:
    return exponential(2.0 * b.close - before(b.close, 9), 20)


def acceleration_upper(b: Bars) -> FloatArray:
    return mean(b.high * (1.0 + 4.0 * (b.high - b.low) / (b.high + b.low)), 20)


def vortex_plus(b: Bars) -> FloatArray:
    return mean(np.abs(b.high - before(b.low)), 14) / mean(true_range(b), 14)


def vertical_horizontal(b: Bars) -> FloatArray:
    closes = windows(b.close, 29)
    return np.ptp(closes[:, 1:], axis=1) / np.abs(np.diff(closes)).sum(axis=1)


def kdj_j(b: Bars) -> FloatArray:
    low, high = windows(b.low, 9).min(axis=1), windows(b.high, 9).max(axis=1)
    k = wilder(100.0 * (b.close - low) / (high - low), 3)
    return 3.0 * k - 2.0 * wilder(k, 3)


def stochastic_momentum(b: Bars) -> FloatArray:
    low, high = windows(b.low, 13).min(axis=1), windows(b.high, 13).max(axis=1)
    distance = exponential(exponential(b.close - (high + low) / 2.0, 25), 2)
    return 200.0 * distance / exponential(exponential(high - low, 25), 2)


def chande_momentum(b: Bars) -> FloatArray:
    changes = np.diff(windows(b.close, 15))
    return 100.0 * changes.sum(axis=1) / np.abs(changes).sum(axis=1)


def intraday_momentum(b: Bars) -> FloatArray:
    gains, losses = np.maximum(b.close - b.open, 0.0), np.maximum(b.open - b.close, 0.0)
    return 100.0 * mean(gains, 14) / (mean(gains, 14) + mean(losses, 14))


def true_strength(b: Bars) -> FloatArray:
    change = b.close - before(b.close)
    return 100.0 * exponential(exponential(change, 25), 13) / exponential(exponential(np.abs(change), 25), 13)


def awesome(b: Bars) -> FloatArray:
    middle = (b.high + b.low) / 2.0
    return mean(middle, 5) - mean(middle, 34)


def coppock(b: Bars) -> FloatArray:
    rates = sum(100.0 * (b.close / before(b.close, bars) - 1.0) for bars in (11, 14))
    return weighted(rates, 10)


def forecast(b: Bars) -> FloatArray:
    return 100.0 * (b.close - before(line_ends(b.close, 14, ahead=1))) / b.close


def mass_index(b: Bars) -> FloatArray:
    once = exponential(b.high - b.low, 9)
    return 25.0 * mean(once / exponential(once, 9), 25)


def chaikin_volatility(b: Bars) -> FloatArray:
    spread = exponential(b.high - b.low, 10)
    return 100.0 * (spread / before(spread, 10) - 1.0)


def relative_volatility(b: Bars) -> FloatArray:
    deviation = windows(b.close, 10).std(axis=1)
    change = b.close - before(b.close)
    up, down = wilder(deviation * (change > 0.0), 14), wilder(deviation * (change < 0.0), 14)
    return 100.0 * up / (up + down)


def money_flow(b: Bars) -> FloatArray:
    place = (2.0 * b.close - b.high - b.low) / (b.high - b.low)
    return mean(place * b.volume, 20) / mean(b.volume, 20)


def force(b: Bars) -> FloatArray:
    return exponential((b.close - before(b.close)) * b.volume, 13)


def volume_oscillator(b: Bars) -> FloatArray:
    return 100.0 * (exponential(b.volume, 12) / exponential(b.volume, 26) - 1.0)


def price_volume_trend(b: Bars) -> FloatArray:
    return np.cumsum(b.volume * (b.close / before(b.close) - 1.0))


def negative_volume(b: Bars) -> FloatArray:
    return 1000.0 * np.cumprod(np.where(b.volume < before(b.volume), b.close / before(b.close), 1.0))


def positive_volume(b: Bars) -> FloatArray:
    return 1000.0 * np.cumprod(np.where(b.volume > before(b.volume), b.close / before(b.close), 1.0))


def williams_accumulation(b: Bars) -> FloatArray:
    rise = b.close - np.minimum(b.low, before(b.close))
    fall = b.close - np.maximum(b.high, before(b.close))
    change = b.close - before(b.close)
    return np.cumsum(np.where(change > 0.0, rise, np.where(change < 0.0, fall, 0.0)))


def heikin_ashi_open(b: Bars) -> FloatArray:
    close = (b.open + b.high + b.low + b.close) / 4.0
    found = [(b.open[0] + b.close[0]) / 2.0]
    for value in close[:-1]:
        found.append((found[-1] + value) / 2.0)
    return np.array(found)


def supertrend(b: Bars) -> FloatArray:
    """Keep the stop where it is until the band passes it or the close breaks it."""
    width, middle = 3.0 * wilder(true_range(b), 10), (b.high + b.low) / 2.0
    upper, lower, rising, found = np.inf, -np.inf, True, []
    for day, close in enumerate(b.close):
        last = b.close[max(day - 1, 0)]
        upper = middle[day] + width[day] if last > upper else min(upper, middle[day] + width[day])
        lower = middle[day] - width[day] if last < lower else max(lower, middle[day] - width[day])
        rising = close >= lower if rising else close > upper
        found.append(lower if rising else upper)
    return np.array(found)


def percent_rank(b: Bars) -> FloatArray:
    closes = windows(b.close, 101)
    return 100.0 * (closes[:, :-1] < closes[:, -1:]).mean(axis=1)


def aroon_up(b: Bars) -> FloatArray:
    """The later of two equal highs counts."""
    return 100.0 - 100.0 * windows(b.high, 26)[:, ::-1].argmax(axis=1) / 25.0


FORMULAS: dict[tuple[str, str | None], Callable[[Bars], FloatArray]] = {
    ("keltner", "upper"): keltner,
    ("donchian", "middle"): lambda b: (windows(b.high, 20).max(axis=1) + windows(b.low, 20).min(axis=1)) / 2.0,
    ("hull_average", None): hull,
    ("zero_lag_ema", None): zero_lag,
    ("vwma", None): lambda b: mean(b.close * b.volume, 20) / mean(b.volume, 20),
    ("acceleration_bands", "upper"): acceleration_upper,
    ("supertrend", "line"): supertrend,
    ("vortex", "plus"): vortex_plus,
    ("vertical_horizontal_filter", None): vertical_horizontal,
    ("aroon", "up"): aroon_up,
    ("kdj", "j"): kdj_j,
    ("stochastic_momentum", "line"): stochastic_momentum,
    ("stochastic_momentum", "signal"): lambda b: exponential(stochastic_momentum(b), 9),
    ("cmo", None): chande_momentum,
    ("intraday_momentum", None): intraday_momentum,
    ("true_strength", None): true_strength,
    ("balance_of_power", None): lambda b: (b.close - b.open) / (b.high - b.low),
    ("awesome_oscillator", None): awesome,
    ("accelerator_oscillator", None): lambda b: awesome(b) - mean(awesome(b), 5),
    ("coppock", None): coppock,
    ("detrended_price", None): lambda b: before(b.close, 11) - mean(b.close, 20),
    ("forecast_oscillator", None): forecast,
    ("elder_ray", "bull_power"): lambda b: b.high - exponential(b.close, 13),
    ("elder_ray", "bear_power"): lambda b: b.low - exponential(b.close, 13),
    ("qstick", None): lambda b: mean(b.close - b.open, 10),
    ("average_day_range", None): lambda b: mean(b.high - b.low, 14),
    ("chaikin_volatility", None): chaikin_volatility,
    ("mass_index", None): mass_index,
    ("relative_volatility", None): relative_volatility,
    ("chaikin_money_flow", None): money_flow,
    ("force_index", None): force,
    ("market_facilitation", None): lambda b: (b.high - b.low) / b.volume,
    ("percentage_volume_oscillator", None): volume_oscillator,
    ("price_volume_trend", None): price_volume_trend,
    ("negative_volume_index", None): negative_volume,
    ("positive_volume_index", None): positive_volume,
    ("williams_accumulation", None): williams_accumulation,
    ("heikin_ashi", "open"): heikin_ashi_open,
    ("heikin_ashi", "close"): lambda b: (b.open + b.high + b.low + b.close) / 4.0,
    ("percentile", None): lambda b: np.sort(windows(b.close, 20))[:, 9],
    ("percent_rank", None): percent_rank,
    ("linear_regression", None): lambda b: line_ends(b.close, 14),
    ("time_series_forecast", None): lambda b: line_ends(b.close, 14, ahead=1),
}


@pytest.mark.parametrize(("name", "output"), FORMULAS, ids=lambda part: part or "")
def test_indicator_equals_its_formula(name: str, output: str | None) -> None:
    values = compute_function(name, BARS)[output or name]
    with np.errstate(invalid="ignore"):  # on the first bars, which repeat one value, some divide 0 by 0
        expected = FORMULAS[name, output](BARS)
    # Where a formula ends near 0, what counts is the size of what it is made of.
    size = np.abs(values[SETTLED]).max()
    np.testing.assert_allclose(values[SETTLED], expected[SETTLED], rtol=1e-9, atol=1e-9 * size)


def test_direction_is_the_side_of_the_stop() -> None:
    outputs = compute_function("supertrend", BARS)
    direction, line = outputs["direction"][SETTLED], outputs["line"][SETTLED]
    assert set(direction.tolist()) == {-1.0, 1.0}
    np.testing.assert_array_equal(direction, np.where(BARS.close[SETTLED] >= line, 1.0, -1.0))


def test_linear_regression_tells_one_line_in_four_ways() -> None:
    end = compute_function("linear_regression", BARS)["linear_regression"][SETTLED]
    slope = compute_function("linear_regression_slope", BARS)["linear_regression_slope"][SETTLED]
    angle = compute_function("linear_regression_angle", BARS)["linear_regression_angle"][SETTLED]
    start = compute_function("linear_regression_intercept", BARS)["linear_regression_intercept"][SETTLED]
    np.testing.assert_allclose(start + 13.0 * slope, end, rtol=1e-12)
    np.testing.assert_allclose(np.degrees(np.arctan(slope)), angle, rtol=1e-12)
