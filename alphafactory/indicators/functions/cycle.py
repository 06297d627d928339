"""Cycles by Ehlers' Hilbert transform of the close. Values are TA-Lib's own.

The transform follows its own measurement of the period from bar to bar, so that what it forgets of the start, and when,
depends on the prices. TA-Lib writes 0 for the trend mode within its look-back; here those bars are NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.indicators.base import IndicatorFunction, Output
from alphafactory.indicators.talib_library import talib

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray
    from alphafactory.indicators.computation import Computation

_LOOK_BACK, _LONG_LOOK_BACK = 32, 63
_SETTLING = 500


def _trend_mode(data: Computation) -> tuple[FloatArray, ...]:
    (mode,) = talib("HT_TRENDMODE", data.close)
    values = mode.astype(np.float64)
    values[:_LONG_LOOK_BACK] = np.nan
    return (values,)


DOMINANT_CYCLE_PERIOD = IndicatorFunction(
    name="dominant_cycle_period",
    title="Period of the dominant cycle in bars, smoothed and held within 6 to 50",
    group="cycle",
    inputs=("close",),
    outputs=(Output("dominant_cycle_period", unit="bars", low=0.0, high=50.0),),
    warm_up=lambda: _LOOK_BACK,
    compute=lambda data: talib("HT_DCPERIOD", data.close),
    memory="fading",
    settling=lambda: _SETTLING,
)

DOMINANT_CYCLE_PHASE = IndicatorFunction(
    name="dominant_cycle_phase",
    title="Phase of the dominant cycle in degrees",
    group="cycle",
    inputs=("close",),
    outputs=(Output("dominant_cycle_phase", unit="degrees", low=-45.0, high=315.0),),
    warm_up=lambda: _LONG_LOOK_BACK,
    compute=lambda data: talib("HT_DCPHASE", data.close),
    memory="fading",
    settling=lambda: _SETTLING,
)

PHASOR = IndicatorFunction(
    name="phasor",
    title="In-phase and quadrature components of the detrended close",
    group="cycle",
    inputs=("close",),
    outputs=(Output("in_phase", unit="price"), Output("quadrature", unit="price")),
    warm_up=lambda: _LOOK_BACK,
    compute=lambda data: talib("HT_PHASOR", data.close),
    memory="fading",
    settling=lambda: _SETTLING,
)

SINE_WAVE = IndicatorFunction(
    name="sine_wave",
    title="Sine of the dominant cycle's phase, and the same 45 degrees ahead",
    group="cycle",
    inputs=("close",),
    outputs=(
        Output("sine", unit="ratio", low=-1.0, high=1.0),
        Output("lead", unit="ratio", low=-1.0, high=1.0),
    ),
    warm_up=lambda: _LONG_LOOK_BACK,
    compute=lambda data: talib("HT_SINE", data.close),
    memory="fading",
    settling=lambda: _SETTLING,
)

TREND_MODE = IndicatorFunction(
    name="trend_mode",
    title="State: the close follows a trend and no cycle",
    group="cycle",
    inputs=("close",),
    outputs=(Output("trend_mode", unit="state", kind="flag", low=0.0, high=1.0),),
    warm_up=lambda: _LONG_LOOK_BACK,
    compute=_trend_mode,
    memory="fading",
    settling=lambda: _SETTLING,
)

HILBERT_TRENDLINE = IndicatorFunction(
    name="hilbert_trendline",
    title="Instantaneous trendline: the mean over one dominant cycle, in which the cycle cancels out",
    group="overlap",
    inputs=("close",),
    outputs=(Output("hilbert_trendline", unit="price"),),
    warm_up=lambda: _LONG_LOOK_BACK,
    compute=lambda data: talib("HT_TRENDLINE", data.close),
    memory="fading",
    settling=lambda: _SETTLING,
)
