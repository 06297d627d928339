"""Values of TA-Lib's features beyond the standard ones: each as a direct call of the library gives it, to 1e-12."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import talib
from strategy_markets import random_bars

from alphafactory.domain.bars import Bars
from alphafactory.indicators.catalogue import compute_columns, compute_function, definitions, shipped_catalogue

if TYPE_CHECKING:
    from collections.abc import Callable

    from alphafactory.domain.arrays import FloatArray

FILES = {
    "averages", "channels", "cycle", "directional", "momentum", "oscillators", "overlap", "price", "speed",
    "statistic", "volatility", "volume",
}  # fmt: skip

# What TA-Lib is asked for each column, written apart from the catalogue.
ORACLES: dict[str, Callable[[Bars], FloatArray]] = {
    "wma_20": lambda b: talib.WMA(b.close, 20),
    "dema_20": lambda b: talib.DEMA(b.close, 20),
    "tema_20": lambda b: talib.TEMA(b.close, 20),
    "trima_20": lambda b: talib.TRIMA(b.close, 20),
    "hull_average_20": lambda b: talib.HMA(b.close, 20),
    "t3_5": lambda b: talib.T3(b.close, 5, 0.7),
    "zero_lag_ema_20": lambda b: talib.ZLEMA(b.close, 20),
    "vwma_20": lambda b: talib.VWMA(b.close, b.volume, 20),
    "kama_10": lambda b: talib.KAMA(b.close, 10),
    "mama": lambda b: talib.MAMA(b.close, 0.5, 0.05)[0],
    "fama": lambda b: talib.MAMA(b.close, 0.5, 0.05)[1],
    "hilbert_trendline": lambda b: talib.HT_TRENDLINE(b.close),
    "donchian_upper_20": lambda b: talib.DONCHIAN(b.high, b.low, 20)[0],
    "donchian_middle_20": lambda b: talib.DONCHIAN(b.high, b.low, 20)[1],
    "donchian_lower_20": lambda b: talib.DONCHIAN(b.high, b.low, 20)[2],
    "keltner_upper_20": lambda b: talib.KC(b.high, b.low, b.close, 20, 10, 2.0)[0],
    "keltner_middle_20": lambda b: talib.KC(b.high, b.low, b.close, 20, 10, 2.0)[1],
    "keltner_lower_20": lambda b: talib.KC(b.high, b.low, b.close, 20, 10, 2.0)[2],
    "acceleration_upper_20": lambda b: talib.ACCBANDS(b.high, b.low, b.close, 20)[0],
    "acceleration_lower_20": lambda b: talib.ACCBANDS(b.high, b.low, b.close, 20)[2],
    "supertrend": lambda b: talib.SUPERTREND(b.high, b.low, b.close, 10, 3.0)[0],
    "supertrend_direction": lambda b: behind(10, talib.SUPERTREND(b.high, b.low, b.close, 10, 3.0)[1]),
    "highest_55": lambda b: talib.MAX(b.high, 55),
    "lowest_55": lambda b: talib.MIN(b.low, 55),
    "highest_close_252": lambda b: talib.MAX(b.close, 252),
    "lowest_close_252": lambda b: talib.MIN(b.close, 252),
    "midpoint_14": lambda b: talib.MIDPOINT(b.close, 14),
    "midprice_14": lambda b: talib.MIDPRICE(b.high, b.low, 14),
    "plus_di_14": lambda b: talib.PLUS_DI(b.high, b.low, b.close, 14),
    "minus_di_14": lambda b: talib.MINUS_DI(b.high, b.low, b.close, 14),
    "plus_dm_14": lambda b: talib.PLUS_DM(b.high, b.low, 14),
    "minus_dm_14": lambda b: talib.MINUS_DM(b.high, b.low, 14),
    "dx_14": lambda b: talib.DX(b.high, b.low, b.close, 14),
    "adxr_14": lambda b: talib.ADXR(b.high, b.low, b.close, 14),
    "aroon_up_25": lambda b: talib.AROON(b.high, b.low, 25)[1],
    "aroon_down_25": lambda b: talib.AROON(b.high, b.low, 25)[0],
    "aroon_oscillator_25": lambda b: talib.AROONOSC(b.high, b.low, 25),
    "vortex_plus_14": lambda b: talib.VORTEX(b.high, b.low, b.close, 14)[0],
    "vortex_minus_14": lambda b: talib.VORTEX(b.high, b.low, b.close, 14)[1],
    "vertical_horizontal_filter_28": lambda b: talib.VHF(b.close, 28),
    "stochastic_fast_k": lambda b: talib.STOCHF(b.high, b.low, b.close, 5, 3, 0)[0],
    "stochastic_fast_d": lambda b: talib.STOCHF(b.high, b.low, b.close, 5, 3, 0)[1],
    "stochastic_rsi_k": lambda b: talib.STOCHRSI(b.close, 14, 14, 3, 0)[0],
    "stochastic_rsi_d": lambda b: talib.STOCHRSI(b.close, 14, 14, 3, 0)[1],
    "kdj_j": lambda b: talib.KDJ(b.high, b.low, b.close, 9, 3, 13, 3, 13)[2],
    "stochastic_momentum": lambda b: talib.SMI(b.high, b.low, b.close, 13, 2, 25, 9)[0],
    "stochastic_momentum_signal": lambda b: talib.SMI(b.high, b.low, b.close, 13, 2, 25, 9)[1],
    "cci_20": lambda b: talib.CCI(b.high, b.low, b.close, 20),
    "cmo_14": lambda b: talib.CMOU(b.close, 14),
    "mfi_14": lambda b: talib.MFI(b.high, b.low, b.close, b.volume, 14),
    "ultimate_oscillator": lambda b: talib.ULTOSC(b.high, b.low, b.close, 7, 14, 28),
    "intraday_momentum_14": lambda b: talib.IMI(b.open, b.close, 14),
    "true_strength": lambda b: talib.TSI(b.close, 25, 13),
    "balance_of_power": lambda b: talib.BOP(b.open, b.high, b.low, b.close),
    "momentum_10": lambda b: talib.MOM(b.close, 10),
    "absolute_price_oscillator_5_35": lambda b: talib.APO(b.close, 5, 35, 1),
    "percentage_price_oscillator": lambda b: talib.PPO(b.close, 12, 26, 1),
    "trix_15": lambda b: talib.TRIX(b.close, 15),
    "awesome_oscillator": lambda b: talib.AO(b.high, b.low, 5, 34),
    "accelerator_oscillator": lambda b: talib.AC(b.high, b.low, 5, 34, 5),
    "coppock": lambda b: talib.COPPOCK(b.close, 10, 11, 14),
    "detrended_price_20": lambda b: talib.DPO(b.close, 20),
    "forecast_oscillator_14": lambda b: talib.FOSC(b.close, 14),
    "bull_power_13": lambda b: talib.ERI(b.high, b.low, b.close, 13)[0],
    "bear_power_13": lambda b: talib.ERI(b.high, b.low, b.close, 13)[1],
    "qstick_10": lambda b: talib.QSTICK(b.open, b.close, 10),
    "natr_14": lambda b: talib.NATR(b.high, b.low, b.close, 14),
    "true_range": lambda b: talib.TRANGE(b.high, b.low, b.close),
    "average_day_range_14": lambda b: talib.ADR(b.high, b.low, 14),
    "chaikin_volatility_10": lambda b: talib.CVI(b.high, b.low, 10, 10),
    "mass_index": lambda b: talib.MASSI(b.high, b.low, 9, 25),
    "relative_volatility_14": lambda b: talib.RVI(b.close, 14, 10),
    "chaikin_money_flow_20": lambda b: talib.CMF(b.high, b.low, b.close, b.volume, 20),
    "force_index_13": lambda b: talib.EFI(b.close, b.volume, 13),
    "market_facilitation": lambda b: talib.MARKETFI(b.high, b.low, b.volume),
    "percentage_volume_oscillator": lambda b: talib.PVO(b.volume, 12, 26, 1),
    "price_volume_trend": lambda b: talib.PVT(b.close, b.volume),
    "negative_volume_index": lambda b: talib.NVI(b.close, b.volume),
    "positive_volume_index": lambda b: talib.PVI(b.close, b.volume),
    "williams_accumulation": lambda b: talib.WAD(b.high, b.low, b.close),
    "average_price": lambda b: talib.AVGPRICE(b.open, b.high, b.low, b.close),
    "median_price": lambda b: talib.MEDPRICE(b.high, b.low),
    "typical_price": lambda b: talib.TYPPRICE(b.high, b.low, b.close),
    "weighted_close": lambda b: talib.WCLPRICE(b.high, b.low, b.close),
    "average_deviation_14": lambda b: talib.AVGDEV(b.close, 14),
    "heikin_ashi_open": lambda b: talib.HA(b.open, b.high, b.low, b.close)[0],
    "heikin_ashi_high": lambda b: talib.HA(b.open, b.high, b.low, b.close)[1],
    "heikin_ashi_low": lambda b: talib.HA(b.open, b.high, b.low, b.close)[2],
    "dominant_cycle_period": lambda b: talib.HT_DCPERIOD(b.close),
    "dominant_cycle_phase": lambda b: talib.HT_DCPHASE(b.close),
    "phasor_in_phase": lambda b: talib.HT_PHASOR(b.close)[0],
    "phasor_quadrature": lambda b: talib.HT_PHASOR(b.close)[1],
    "sine_wave": lambda b: talib.HT_SINE(b.close)[0],
    "sine_wave_lead": lambda b: talib.HT_SINE(b.close)[1],
    "trend_mode": lambda b: behind(63, talib.HT_TRENDMODE(b.close)),
    "variance_20": lambda b: talib.VAR(b.close, 20),
    "linear_regression_14": lambda b: talib.LINEARREG(b.close, 14),
    "linear_regression_slope_14": lambda b: talib.LINEARREG_SLOPE(b.close, 14),
    "linear_regression_angle_14": lambda b: talib.LINEARREG_ANGLE(b.close, 14),
    "linear_regression_intercept_14": lambda b: talib.LINEARREG_INTERCEPT(b.close, 14),
    "time_series_forecast_14": lambda b: talib.TSF(b.close, 14),
    "price_volume_correlation_20": lambda b: talib.CORREL(b.close, b.volume, 20),
    "median_close_20": lambda b: talib.PERCENTILE(b.close, 20, 50.0),
    "percent_rank_100": lambda b: talib.PERCENTRANK(b.close, 100),
}


def behind(look_back: int, whole_numbers: FloatArray) -> FloatArray:
    """Return TA-Lib's whole numbers, unknown within its look-back, where it writes 0."""
    values = whole_numbers.astype(np.float64)
    values[:look_back] = np.nan
    return values


def test_every_feature_of_these_files_has_an_oracle() -> None:
    paths = shipped_catalogue().functions.paths
    ours = {d.name for d in definitions() if Path(paths[d.function]).stem in FILES and not d.standard}
    assert ours == set(ORACLES)


@pytest.mark.parametrize("name", sorted(ORACLES))
def test_feature_equals_talib(name: str) -> None:
    bars = random_bars(17, 900)
    np.testing.assert_allclose(compute_columns(bars, [name])[name], ORACLES[name](bars), rtol=1e-12, atol=1e-12)


def test_prices_that_never_move_have_no_direction() -> None:
    flat, sessions = np.full(400, 100.37), np.datetime64("2015-01-01") + np.arange(400)
    bars = Bars(sessions, flat, flat, flat, flat, np.zeros(400), np.ones(400), np.zeros(400))
    columns = compute_columns(bars, list(ORACLES))
    # TA-Lib answers 0 where a division by no movement, or by no volume, would be.
    names = ["plus_di_14", "dx_14", "vortex_plus_14", "mfi_14", "cmo_14", "cci_20", "true_strength", "natr_14"]
    names += ["chaikin_money_flow_20", "market_facilitation", "price_volume_correlation_20", "stochastic_rsi_k"]
    assert {name: columns[name][-1] for name in names} == dict.fromkeys(names, 0.0)
    assert np.isnan(columns["vwma_20"]).all()
    others = np.array([values[-1] for name, values in columns.items() if name != "vwma_20"])
    assert np.isfinite(others).all()


def test_a_volume_weighted_average_recovers_from_bars_without_trades() -> None:
    bars = random_bars(4, 60)
    volume = bars.volume.copy()
    volume[20:30] = 0.0
    bars = Bars(bars.sessions, bars.open, bars.high, bars.low, bars.close, volume, bars.split_factor, bars.dividends)
    values = compute_function("vwma", bars, {"period": 5})["vwma"]
    assert np.flatnonzero(np.isnan(values)).tolist() == [0, 1, 2, 3, *range(24, 30)]
    assert values[30] == pytest.approx(bars.close[30], rel=1e-12)
