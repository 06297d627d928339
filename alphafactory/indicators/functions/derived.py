"""Values derived from other indicators: ratios, crossings and states.

A crossing is an event on the bar at whose close it is known: 1 where the first line has come above the second, -1
where it has fallen below, 0 on every other bar. The state itself is the comparison of the two lines, which any query
can write. Lines that touch and part again on the same side have not crossed, so that 1 and -1 always take turns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.plugins import Parameter
from alphafactory.indicators.base import IndicatorFunction, Output
from alphafactory.indicators.smoothing import exponential_settling, wilder_settling

if TYPE_CHECKING:
    from alphafactory.domain.arrays import BoolArray, FloatArray
    from alphafactory.indicators.computation import Computation


def crossing(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return the events at which `first` crosses `second`, both of shape (bars,) with NaN in the warm-up only.

    1 up, -1 down, 0 none, NaN up to and including the first bar on which both have a value: there is no bar before it.
    """
    side = np.sign(first - second)
    rows = np.arange(len(side))
    last_apart = np.maximum.accumulate(np.where((side == 1.0) | (side == -1.0), rows, -1))
    held = np.where(last_apart >= 0, side[last_apart], 0.0) if len(side) else side
    event = np.zeros(len(side))
    event[1:] = np.where((held[1:] != held[:-1]) & (held[:-1] != 0.0), held[1:], 0.0)
    known = np.isfinite(side)
    known[1:] &= known[:-1].copy()
    known[:1] = False
    event[~known] = np.nan
    return event


def _state(condition: BoolArray, of: FloatArray) -> tuple[FloatArray, ...]:
    """Return 1 where the condition holds and 0 elsewhere, NaN where the value it is about has none yet."""
    return (np.where(np.isnan(of), np.nan, condition.astype(np.float64)),)


def _has_moved(close: FloatArray) -> BoolArray:
    """Mask of the bars by which the close has ever changed; TA-Lib's RSI is 0 until then, which says nothing."""
    return np.logical_or.accumulate(close != close[:1]) if len(close) else np.zeros(0, dtype=np.bool_)


def _close_to_sma(data: Computation, period: int) -> tuple[FloatArray, ...]:
    return (data.close / data.value("sma", period=period),)


def _sma_cross(data: Computation, fast: int, slow: int) -> tuple[FloatArray, ...]:
    return (crossing(data.value("sma", period=fast), data.value("sma", period=slow)),)


def _rsi_oversold(data: Computation, period: int, level: float) -> tuple[FloatArray, ...]:
    rsi = data.value("rsi", period=period)
    return _state((rsi < level) & _has_moved(data.close), rsi)


def _rsi_overbought(data: Computation, period: int, level: float) -> tuple[FloatArray, ...]:
    rsi = data.value("rsi", period=period)
    return _state(rsi > level, rsi)


def _macd_cross(data: Computation, fast: int, slow: int, signal: int) -> tuple[FloatArray, ...]:
    lines = data.outputs("macd", {"fast": fast, "slow": slow, "signal": signal})
    return (crossing(lines["line"], lines["signal"]),)


def _bollinger_percent_b(data: Computation, period: int, deviations: float) -> tuple[FloatArray, ...]:
    bands = data.outputs("bollinger", {"period": period, "deviations": deviations})
    width = bands["upper"] - bands["lower"]
    place = data.close - bands["lower"]
    return (np.divide(place, width, out=np.full(len(data), np.nan), where=width > 0.0),)


CLOSE_TO_SMA = IndicatorFunction(
    name="close_to_sma",
    title="Close divided by its simple moving average",
    group="derived",
    inputs=("close",),
    outputs=(Output("close_to_sma", unit="ratio"),),
    parameters={"period": Parameter(20, 1, 2000, "closes in the average")},
    warm_up=lambda period: period - 1,
    compute=_close_to_sma,
    uses=("sma",),
)

SMA_CROSS = IndicatorFunction(
    name="sma_cross",
    title="Event: the fast simple average crosses the slow one",
    group="derived",
    inputs=("close",),
    outputs=(Output("sma_cross", unit="sign", kind="flag", low=-1.0, high=1.0),),
    parameters={
        "fast": Parameter(20, 1, 2000, "closes in the fast average"),
        "slow": Parameter(50, 1, 2000, "closes in the slow average"),
    },
    warm_up=lambda **periods: max(periods.values()),
    compute=_sma_cross,
    uses=("sma",),
)

RSI_OVERSOLD = IndicatorFunction(
    name="rsi_oversold",
    title="State: the relative strength index is below a level, on a price that has moved at all",
    group="derived",
    inputs=("close",),
    outputs=(Output("rsi_oversold", unit="state", kind="flag", low=0.0, high=1.0),),
    parameters={
        "period": Parameter(14, 2, 2000, "period of the relative strength index"),
        "level": Parameter(30.0, 0.0, 100.0, "below it the price counts as oversold"),
    },
    warm_up=lambda period, **_: period,
    compute=_rsi_oversold,
    uses=("rsi",),
    memory="fading",
    settling=lambda period, **_: wilder_settling(period),
)

RSI_OVERBOUGHT = IndicatorFunction(
    name="rsi_overbought",
    title="State: the relative strength index is above a level",
    group="derived",
    inputs=("close",),
    outputs=(Output("rsi_overbought", unit="state", kind="flag", low=0.0, high=1.0),),
    parameters={
        "period": Parameter(14, 2, 2000, "period of the relative strength index"),
        "level": Parameter(70.0, 0.0, 100.0, "above it the price counts as overbought"),
    },
    warm_up=lambda period, **_: period,
    compute=_rsi_overbought,
    uses=("rsi",),
    memory="fading",
    settling=lambda period, **_: wilder_settling(period),
)

MACD_CROSS = IndicatorFunction(
    name="macd_cross",
    title="Event: the MACD line crosses its signal line",
    group="derived",
    inputs=("close",),
    outputs=(Output("macd_cross", unit="sign", kind="flag", low=-1.0, high=1.0),),
    parameters={
        "fast": Parameter(12, 2, 2000, "period of the fast exponential average"),
        "slow": Parameter(26, 2, 2000, "period of the slow exponential average"),
        "signal": Parameter(9, 1, 2000, "period of the exponential average of the line"),
    },
    warm_up=lambda fast, slow, signal: max(fast, slow) - 1 + signal,
    compute=_macd_cross,
    uses=("macd",),
    memory="fading",
    settling=lambda fast, slow, signal: exponential_settling(max(fast, slow), signal),
)

BOLLINGER_PERCENT_B = IndicatorFunction(
    name="bollinger_percent_b",
    title="Bollinger %B: 0 at the lower band, 1 at the upper, undefined (NaN) while the bands have no width",
    group="derived",
    inputs=("close",),
    outputs=(Output("bollinger_percent_b", unit="ratio"),),
    parameters={
        "period": Parameter(20, 2, 2000, "closes in the average and in the deviation"),
        "deviations": Parameter(2.0, 0.1, 10.0, "standard deviations from the middle to each band"),
    },
    warm_up=lambda period, **_: period - 1,
    compute=_bollinger_percent_b,
    uses=("bollinger",),
)
