"""Statistical features against a plain formula for each window, written apart from the catalogue."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from scipy import stats
from strategy_markets import random_bars

from alphafactory.indicators.catalogue import compute_columns, compute_function, definitions, shipped_catalogue

if TYPE_CHECKING:
    from collections.abc import Callable

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.bars import Bars

NAN = float("nan")
FILES = {"returns", "range_volatility", "moments", "memory", "volume_statistics", "drawdowns"}
LAGS = (1, 2, 4, 8, 16)
YEAR = math.sqrt(252.0)


def windows(values: FloatArray, length: int) -> FloatArray:
    """Return the window that ends at each bar, shape (bars, length), NaN before the first bar."""
    return sliding_window_view(np.concatenate([np.full(length - 1, NAN), values]), length)


def back(values: FloatArray, bars: int) -> FloatArray:
    return np.concatenate([np.full(bars, NAN), values[: len(values) - bars]])


def logs(bars: Bars, lag: int = 1) -> FloatArray:
    return np.log(bars.close) - np.log(back(bars.close, lag))


def past(bars: Bars, period: int, skip: int = 0) -> FloatArray:
    return back(bars.close, skip) / back(bars.close, skip + period) - 1.0


def gap(bars: Bars) -> FloatArray:
    found = np.zeros(len(bars))
    found[0] = NAN
    for t in range(1, len(bars)):
        if bars.low[t] > bars.high[t - 1]:
            found[t] = (bars.low[t] - bars.high[t - 1]) / bars.close[t - 1]
        elif bars.high[t] < bars.low[t - 1]:
            found[t] = (bars.high[t] - bars.low[t - 1]) / bars.close[t - 1]
    return found


def compounded(returns: FloatArray, period: int) -> FloatArray:
    return windows(1.0 + returns, period).prod(axis=1) - 1.0


def realised(bars: Bars, period: int) -> FloatArray:
    return YEAR * windows(logs(bars), period).std(axis=1, ddof=1)


def yang_zhang(bars: Bars, period: int) -> FloatArray:
    night, day = np.log(bars.open / back(bars.close, 1)), np.log(bars.close / bars.open)
    weight = 0.34 / (1.34 + (period + 1) / (period - 1))
    both = windows(night, period).var(axis=1, ddof=1) + weight * windows(day, period).var(axis=1, ddof=1)
    return YEAR * np.sqrt(both + (1.0 - weight) * windows(satchell(bars), period).mean(axis=1))


def satchell(bars: Bars) -> FloatArray:
    up, down, day = np.log(bars.high / bars.open), np.log(bars.low / bars.open), np.log(bars.close / bars.open)
    return up * (up - day) + down * (down - day)


def garman_klass(bars: Bars) -> FloatArray:
    spread, day = np.log(bars.high / bars.low), np.log(bars.close / bars.open)
    return spread**2 / 2.0 - (2.0 * math.log(2.0) - 1.0) * day**2


def volatility_rank(bars: Bars, period: int, window: int) -> FloatArray:
    held = windows(realised(bars, period), window)
    return np.where(np.isnan(held).any(axis=1), NAN, (held[:, :-1] < held[:, -1:]).sum(axis=1) / (window - 1))


def z_score(values: FloatArray, period: int) -> FloatArray:
    held = windows(values, period)
    return (values - held.mean(axis=1)) / held.std(axis=1)


def streak(bars: Bars, longest: int) -> FloatArray:
    found, count = [0], 0
    for before, now in zip(bars.close[:-1].tolist(), bars.close[1:].tolist(), strict=True):
        side = (now > before) - (now < before)
        count = count + side if count * side > 0 else side
        found.append(max(-longest, min(longest, count)))
    return np.where(np.arange(len(bars)) < longest, NAN, found)


def correlation(one: FloatArray, other: FloatArray, period: int) -> FloatArray:
    first, second = windows(one, period), windows(other, period)
    first = first - first.mean(axis=1, keepdims=True)
    second = second - second.mean(axis=1, keepdims=True)
    return (first * second).sum(axis=1) / np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))


def variance_ratio(bars: Bars, period: int, horizon: int) -> FloatArray:
    """Follow Lo and MacKinlay on the log prices of each window; the mean return is its ends' difference."""
    found = np.full(len(bars), NAN)
    for t in range(period, len(bars)):
        price = np.log(bars.close[t - period : t + 1])
        mean = (price[-1] - price[0]) / period
        short = ((np.diff(price) - mean) ** 2).sum() / (period - 1)
        scale = horizon * (period - horizon + 1) * (1.0 - horizon / period)
        found[t] = ((price[horizon:] - price[:-horizon] - horizon * mean) ** 2).sum() / scale / short
    return found


def hurst(bars: Bars, period: int) -> FloatArray:
    """Fit a line through the five points of every window."""
    squares = np.stack([(windows(logs(bars, lag), period) ** 2).mean(axis=1) for lag in LAGS])
    known = ~np.isnan(squares).any(axis=0)
    found = np.full(len(bars), NAN)
    found[known] = np.polyfit(np.log(LAGS), np.log(squares[:, known]), 1)[0] / 2.0
    return found


def efficiency(bars: Bars, period: int) -> FloatArray:
    steps = windows(bars.close - back(bars.close, 1), period)
    return np.abs(steps.sum(axis=1)) / np.abs(steps).sum(axis=1)


def illiquidity(bars: Bars, period: int) -> FloatArray:
    impact = np.full(len(bars), NAN)
    traded = bars.volume > 0.0
    impact[traded] = np.abs(past(bars, 1)[traded]) / (bars.close * bars.volume)[traded]
    found = np.full(len(bars), NAN)
    for t in range(period, len(bars)):
        part = impact[t - period + 1 : t + 1]
        found[t] = 1e6 * part[~np.isnan(part)].mean()
    return found


def up_volume(bars: Bars, period: int) -> FloatArray:
    rising = np.where(bars.close > back(bars.close, 1), bars.volume, 0.0)
    rising[0] = NAN
    return windows(rising, period).sum(axis=1) / windows(bars.volume, period).sum(axis=1)


def to_vwap(bars: Bars, period: int) -> FloatArray:
    money = (bars.high + bars.low + bars.close) / 3.0 * bars.volume
    return bars.close / (windows(money, period).sum(axis=1) / windows(bars.volume, period).sum(axis=1)) - 1.0


def age(values: FloatArray, period: int) -> FloatArray:
    """Count the bars back to the newest largest value of each window."""
    newest_first = windows(values, period)[:, ::-1]
    return np.where(np.isnan(newest_first).any(axis=1), NAN, newest_first.argmax(axis=1))


def deepest(bars: Bars, period: int) -> FloatArray:
    held = windows(bars.close, period)
    return (held / np.maximum.accumulate(held, axis=1)).min(axis=1) - 1.0


def stage(bars: Bars, period: int) -> FloatArray:
    loss = 1.0 - bars.close / windows(bars.high, period).max(axis=1)
    return np.where(np.isnan(loss), NAN, np.digitize(loss, [0.05, 0.1, 0.2]))


ORACLES: dict[str, Callable[[Bars], FloatArray]] = {
    **{f"return_{n}": lambda b, n=n: past(b, n) for n in (1, 2, 5, 10, 21, 63, 126, 252)},
    "momentum_12_1": lambda b: past(b, 231, 21),
    "overnight_return": lambda b: b.open / back(b.close, 1) - 1.0,
    "intraday_return": lambda b: b.close / b.open - 1.0,
    "gap": gap,
    "overnight_drift_21": lambda b: compounded(b.open / back(b.close, 1) - 1.0, 21),
    "intraday_drift_21": lambda b: compounded(b.close / b.open - 1.0, 21),
    **{f"realised_volatility_{n}": lambda b, n=n: realised(b, n) for n in (10, 20, 60, 252)},
    "downside_volatility_60": lambda b: YEAR * np.sqrt((np.minimum(windows(logs(b), 60), 0.0) ** 2).mean(axis=1)),
    "volatility_ratio_10_60": lambda b: realised(b, 10) / realised(b, 60),
    "volatility_ratio_20_252": lambda b: realised(b, 20) / realised(b, 252),
    "volatility_rank_252": lambda b: volatility_rank(b, 20, 252),
    "parkinson_volatility_20": lambda b: (
        YEAR * np.sqrt((windows(np.log(b.high / b.low), 20) ** 2).mean(axis=1) / (4.0 * math.log(2.0)))
    ),
    "garman_klass_volatility_20": lambda b: YEAR * np.sqrt(windows(garman_klass(b), 20).mean(axis=1)),
    "rogers_satchell_volatility_20": lambda b: YEAR * np.sqrt(windows(satchell(b), 20).mean(axis=1)),
    "yang_zhang_volatility_20": lambda b: yang_zhang(b, 20),
    **{f"z_score_{n}": lambda b, n=n: z_score(b.close, n) for n in (20, 60)},
    **{f"return_skew_{n}": lambda b, n=n: stats.skew(windows(logs(b), n), axis=1) for n in (60, 120)},
    **{f"return_kurtosis_{n}": lambda b, n=n: stats.kurtosis(windows(logs(b), n), axis=1) for n in (60, 120)},
    **{
        f"up_share_{n}": lambda b, n=n: np.where(
            np.arange(len(b)) < n, NAN, (windows(logs(b), n) > 0.0).sum(axis=1) / n
        )
        for n in (21, 63)
    },
    "streak": lambda b: streak(b, 20),
    "return_autocorrelation_1": lambda b: correlation(logs(b), back(logs(b), 1), 60),
    "return_autocorrelation_5": lambda b: correlation(logs(b), back(logs(b), 5), 60),
    "variance_ratio_5": lambda b: variance_ratio(b, 120, 5),
    "variance_ratio_20": lambda b: variance_ratio(b, 252, 20),
    **{f"hurst_exponent_{n}": lambda b, n=n: hurst(b, n) for n in (120, 252)},
    **{f"efficiency_ratio_{n}": lambda b, n=n: efficiency(b, n) for n in (10, 63)},
    **{f"volume_z_score_{n}": lambda b, n=n: z_score(b.volume, n) for n in (20, 60)},
    **{f"volume_ratio_{n}": lambda b, n=n: b.volume / back(windows(b.volume, n).mean(axis=1), 1) for n in (20, 60)},
    "up_volume_share_21": lambda b: up_volume(b, 21),
    "return_volume_correlation_20": lambda b: correlation(logs(b), b.volume, 20),
    "close_to_vwap_20": lambda b: to_vwap(b, 20),
    "dollar_volume_20": lambda b: windows(b.close * b.volume, 20).mean(axis=1),
    **{f"amihud_illiquidity_{n}": lambda b, n=n: illiquidity(b, n) for n in (21, 252)},
    **{f"distance_from_high_{n}": lambda b, n=n: b.close / windows(b.close, n).max(axis=1) - 1 for n in (20, 55, 252)},
    **{f"distance_from_low_{n}": lambda b, n=n: b.close / windows(b.close, n).min(axis=1) - 1 for n in (20, 55, 252)},
    **{f"bars_since_high_{n}": lambda b, n=n: age(b.high, n) for n in (20, 252)},
    **{f"bars_since_low_{n}": lambda b, n=n: age(-b.low, n) for n in (20, 252)},
    "drawdown_252": lambda b: b.close / windows(b.high, 252).max(axis=1) - 1.0,
    **{f"deepest_drawdown_{n}": lambda b, n=n: deepest(b, n) for n in (63, 252)},
    "drawdown_stage_252": lambda b: stage(b, 252),
}


def test_every_feature_of_these_files_has_an_oracle() -> None:
    paths = shipped_catalogue().functions.paths
    assert {d.name for d in definitions() if Path(paths[d.function]).stem in FILES} == set(ORACLES)


@pytest.mark.parametrize("name", sorted(ORACLES))
def test_feature_equals_a_plain_formula_for_each_window(name: str) -> None:
    bars = random_bars(17, 700)
    silent = replace(bars, volume=np.where(np.arange(700) % 37 == 5, 0.0, bars.volume))
    ours = compute_columns(silent, [name])[name]
    assert np.isfinite(ours).any()
    np.testing.assert_allclose(ours, ORACLES[name](silent), rtol=1e-12, atol=1e-12)


def flat_bars(price: float, length: int) -> Bars:
    flat = np.full(length, price)
    return replace(random_bars(1, length), open=flat, high=flat, low=flat, close=flat, volume=np.zeros(length))


def test_a_price_that_never_moves_has_no_place_and_no_shape() -> None:
    names = ["z_score_20", "return_skew_60", "return_kurtosis_60", "return_autocorrelation_1", "variance_ratio_5"]
    names += ["hurst_exponent_120", "efficiency_ratio_10", "volatility_ratio_10_60", "volume_ratio_20"]
    names += ["amihud_illiquidity_21", "close_to_vwap_20", "up_volume_share_21", "volume_z_score_20"]
    for name, values in compute_columns(flat_bars(0.1, 400), names).items():
        assert np.isnan(values).all(), name


def test_a_price_that_never_moves_is_calm_and_at_its_high() -> None:
    names = ["realised_volatility_20", "yang_zhang_volatility_20", "drawdown_252", "deepest_drawdown_63", "streak"]
    names += ["up_share_21", "distance_from_high_20", "distance_from_low_20", "bars_since_high_252", "gap", "return_21"]
    for name, values in compute_columns(flat_bars(0.1, 400), names).items():
        assert (values[252:] == 0.0).all(), name


def test_hurst_exponent_of_a_straight_line_is_one() -> None:
    close = 50.0 * np.exp(0.001 * np.arange(300))
    bars = replace(random_bars(1, 300), close=close)
    np.testing.assert_allclose(compute_columns(bars, ["hurst_exponent_120"])["hurst_exponent_120"][135:], 1.0)


def test_variance_ratio_tells_trends_from_turns() -> None:
    steps = np.tile([0.01, 0.01, 0.01, 0.01, -0.01, -0.01, -0.01, -0.01], 40)
    turns = np.tile([0.01, -0.01], 160)
    for moves, low, high in ((steps, 1.5, 5.0), (turns, 0.0, 0.5)):
        bars = replace(random_bars(1, 320), close=50.0 * np.exp(np.cumsum(moves)))
        found = compute_function("variance_ratio", bars, {"period": 120, "horizon": 2})["variance_ratio"][-1]
        assert low < found < high


@pytest.mark.parametrize("start", [1, 13, 100])
def test_features_do_not_remember_what_lies_before_their_window(start: int) -> None:
    """To the bit: prices on a coarse grid make ties, which the day on which history starts must not decide."""
    walk = random_bars(23, 700)
    grid = {name: np.maximum(np.round(getattr(walk, name) * 2.0) / 2.0, 0.5) for name in ("open", "close")}
    high, low = np.maximum(grid["open"], grid["close"]), np.minimum(grid["open"], grid["close"])
    bars = replace(walk, **grid, high=high, low=low)
    names = sorted(ORACLES)
    whole, later = compute_columns(bars, names), compute_columns(bars.part(slice(start, None)), names)
    for definition in definitions():
        if definition.name in later:
            got = later[definition.name][definition.warm_up :]
            assert got.tobytes() == whole[definition.name][start + definition.warm_up :].tobytes(), definition.name
