"""Values of the standard features: TA-Lib's own to 1e-12, derived ones by plain formulas, and where these break."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import talib

from alphafactory.domain.bars import Bars
from alphafactory.indicators.catalogue import chosen_definitions, compute_columns, compute_function
from alphafactory.indicators.functions.derived import crossing

if TYPE_CHECKING:
    from collections.abc import Callable

    from alphafactory.domain.arrays import FloatArray

NAN = float("nan")
STANDARD = {definition.name: definition for definition in chosen_definitions("standard")}


def random_bars(seed: int, length: int) -> Bars:
    """Make a plausible random walk whose bars keep low <= open, close <= high."""
    random = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(random.normal(0.0, 0.015, length)))
    opening = close * np.exp(random.normal(0.0, 0.006, length))
    high = np.maximum(opening, close) * (1.0 + random.exponential(0.005, length))
    low = np.minimum(opening, close) * (1.0 - random.exponential(0.005, length))
    volume = random.integers(0, 1_000_000, length).astype(np.float64)
    sessions = np.datetime64("2015-01-01") + np.arange(length)
    return Bars(sessions, opening, high, low, close, volume, np.ones(length), np.zeros(length))


def constant_bars(price: float, length: int) -> Bars:
    sessions = np.datetime64("2015-01-01") + np.arange(length)
    flat = np.full(length, price)
    return Bars(sessions, flat, flat, flat, flat, np.zeros(length), np.ones(length), np.zeros(length))


def close_only(close: FloatArray) -> Bars:
    sessions = np.datetime64("2015-01-01") + np.arange(len(close))
    return Bars(sessions, close, close, close, close, np.ones(len(close)), np.ones(len(close)), np.zeros(len(close)))


# What TA-Lib is asked for each column, written apart from the catalogue.
ORACLES: dict[str, Callable[[Bars], FloatArray]] = {
    "sma_20": lambda b: talib.SMA(b.close, 20),
    "sma_50": lambda b: talib.SMA(b.close, 50),
    "sma_200": lambda b: talib.SMA(b.close, 200),
    "ema_12": lambda b: talib.EMA(b.close, 12),
    "ema_26": lambda b: talib.EMA(b.close, 26),
    "rsi_14": lambda b: talib.RSI(b.close, 14),
    "rsi_7": lambda b: talib.RSI(b.close, 7),
    "macd_line": lambda b: talib.MACD(b.close, 12, 26, 9)[0],
    "macd_signal": lambda b: talib.MACD(b.close, 12, 26, 9)[1],
    "macd_histogram": lambda b: talib.MACD(b.close, 12, 26, 9)[2],
    "stochastic_k": lambda b: talib.STOCH(b.high, b.low, b.close, 14, 3, 0, 3, 0)[0],
    "stochastic_d": lambda b: talib.STOCH(b.high, b.low, b.close, 14, 3, 0, 3, 0)[1],
    "williams_r_14": lambda b: talib.WILLR(b.high, b.low, b.close, 14),
    "roc_10": lambda b: talib.ROC(b.close, 10),
    "bollinger_upper": lambda b: talib.BBANDS(b.close, 20, 2.0, 2.0, 0)[0],
    "bollinger_middle": lambda b: talib.BBANDS(b.close, 20, 2.0, 2.0, 0)[1],
    "bollinger_lower": lambda b: talib.BBANDS(b.close, 20, 2.0, 2.0, 0)[2],
    "atr_14": lambda b: talib.ATR(b.high, b.low, b.close, 14),
    "standard_deviation_20": lambda b: talib.STDDEV(b.close, 20, 1.0),
    "obv": lambda b: talib.OBV(b.close, b.volume),
    "ad_line": lambda b: talib.AD(b.high, b.low, b.close, b.volume),
    "adosc": lambda b: talib.ADOSC(b.high, b.low, b.close, b.volume, 3, 10),
    "adx_14": lambda b: talib.ADX(b.high, b.low, b.close, 14),
    "parabolic_sar": lambda b: talib.SAR(b.high, b.low, 0.02, 0.2),
    "close_to_sma_20": lambda b: b.close / talib.SMA(b.close, 20),
    "close_to_sma_50": lambda b: b.close / talib.SMA(b.close, 50),
    "close_to_sma_200": lambda b: b.close / talib.SMA(b.close, 200),
    "bollinger_percent_b": lambda b: percent_b(b.close),
    "sma_20_cross_50": lambda b: plain_crossing(talib.SMA(b.close, 20), talib.SMA(b.close, 50)),
    "sma_50_cross_200": lambda b: plain_crossing(talib.SMA(b.close, 50), talib.SMA(b.close, 200)),
    "macd_cross": lambda b: plain_crossing(*talib.MACD(b.close, 12, 26, 9)[:2]),
    "rsi_oversold": lambda b: np.where(np.isnan(talib.RSI(b.close, 14)), NAN, talib.RSI(b.close, 14) < 30.0),
    "rsi_overbought": lambda b: np.where(np.isnan(talib.RSI(b.close, 14)), NAN, talib.RSI(b.close, 14) > 70.0),
}

PATTERNS = {"doji", "hammer", "engulfing", "morning_star", "evening_star"}
"""Compared with TA-Lib in test_indicators_patterns."""


def percent_b(close: FloatArray) -> FloatArray:
    upper, _, lower = talib.BBANDS(close, 20, 2.0, 2.0, 0)
    return (close - lower) / (upper - lower)


def plain_crossing(first: FloatArray, second: FloatArray) -> FloatArray:
    """Walk bar by bar, as one would by hand."""
    events, side = [], None
    for one, two in zip(first.tolist(), second.tolist(), strict=True):
        if math.isnan(one) or math.isnan(two):
            events.append(NAN)
            continue
        now = (one > two) - (one < two)
        events.append(NAN if side is None else float(now) if now and side and now != side else 0.0)
        side = now or side or 0
    return np.array(events)


def test_every_column_has_an_oracle() -> None:
    assert set(STANDARD) == set(ORACLES) | PATTERNS


@pytest.mark.parametrize("name", sorted(ORACLES))
def test_column_equals_talib(name: str) -> None:
    bars = random_bars(7, 900)
    np.testing.assert_allclose(compute_columns(bars, [name])[name], ORACLES[name](bars), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("length", [0, 1, 2, 3, 12, 19, 20, 34, 50])
def test_short_series_give_values_only_behind_the_warm_up(length: int) -> None:
    columns = compute_columns(random_bars(3, length), list(STANDARD))
    assert len(columns) == 38
    for name, values in columns.items():
        assert values.shape == (length,)
        assert np.isnan(values[: STANDARD[name].warm_up]).all(), name
        assert not np.isnan(values[STANDARD[name].warm_up :]).any(), name


def test_prices_that_never_move() -> None:
    columns = compute_columns(constant_bars(100.37, 300), list(STANDARD))
    last = {name: values[-1] for name, values in columns.items()}
    # TA-Lib answers 0 where a division by no movement would be.
    for name in ("rsi_14", "rsi_7", "adx_14", "stochastic_k", "williams_r_14", "atr_14", "standard_deviation_20"):
        assert last[name] == 0.0, name
    assert last["sma_200"] == pytest.approx(100.37, rel=1e-13)
    assert np.isnan(columns["bollinger_percent_b"]).all()
    assert last["rsi_oversold"] == 0.0  # although the RSI is 0, nothing has been sold
    assert last["rsi_overbought"] == 0.0
    for name in ("obv", "ad_line", "adosc", "macd_cross", "sma_20_cross_50"):
        assert last[name] == 0.0, name


def test_oversold_wakes_with_the_first_move() -> None:
    close = np.concatenate([np.full(40, 10.0), 10.0 - 0.1 * np.arange(1, 20)])
    values = compute_function("rsi_oversold", close_only(close))["rsi_oversold"]
    assert values[39] == 0.0
    assert values[40:].tolist() == [1.0] * 19


def test_zero_volume_leaves_volume_lines_where_they_are() -> None:
    bars = random_bars(5, 120)
    volume = bars.volume.copy()
    volume[60:] = 0.0
    columns = compute_columns(
        Bars(bars.sessions, bars.open, bars.high, bars.low, bars.close, volume, bars.split_factor, bars.dividends),
        ["obv", "ad_line"],
    )
    for values in columns.values():
        assert set(values[60:].tolist()) == {values[59]}
        assert len(set(values[:60].tolist())) > 1


def test_crossing_by_hand() -> None:
    first = np.array([NAN, 1.0, 2.0, 2.0, 2.0, 1.0, 3.0, 3.0])
    second = np.array([NAN, 2.0, 1.0, 2.0, 1.0, 2.0, 2.0, 2.0])
    # Up, touch, the same side again (no crossing), down, up, and staying there.
    expected = np.array([NAN, NAN, 1.0, 0.0, 0.0, -1.0, 1.0, 0.0])
    np.testing.assert_array_equal(crossing(first, second), expected)


def test_crossing_through_a_touch_is_known_on_the_bar_that_leaves_it() -> None:
    values = crossing(np.array([1.0, 2.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0, 2.0]))
    np.testing.assert_array_equal(values, np.array([NAN, 0.0, 0.0, 1.0]))


def test_crossing_from_equality_at_the_start_has_no_side_to_leave() -> None:
    values = crossing(np.array([2.0, 3.0, 1.0]), np.array([2.0, 2.0, 2.0]))
    np.testing.assert_array_equal(values, np.array([NAN, 0.0, -1.0]))


def test_function_takes_any_period_and_names_its_outputs() -> None:
    bars = random_bars(2, 100)
    outputs = compute_function("macd", bars, {"fast": 5, "slow": 13, "signal": 4})
    assert list(outputs) == ["line", "signal", "histogram"]
    for values, expected in zip(outputs.values(), talib.MACD(bars.close, 5, 13, 4), strict=True):
        np.testing.assert_array_equal(values, expected)


def test_read_only_and_strided_bars_are_taken_and_left_alone() -> None:
    wide = np.ascontiguousarray(np.repeat(random_bars(4, 80).close[:, None], 2, axis=1))
    wide.flags.writeable = False
    bars = close_only(wide[:, 0])
    values = compute_columns(bars, ["sma_20"])["sma_20"]
    np.testing.assert_array_equal(values, talib.SMA(wide[:, 0].copy(), 20))
    with pytest.raises(ValueError, match="read-only"):
        values[0] = 1.0
