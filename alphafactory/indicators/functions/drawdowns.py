"""Distance from the highs and lows of a window, and the losses within it.

Every measure looks at a window of fixed length. A drawdown since the first bar would depend on where history begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.plugins import Parameter
from alphafactory.indicators.base import IndicatorFunction, Output
from alphafactory.indicators.rolling import rolling_decline, rolling_max, rolling_min
from alphafactory.indicators.talib_library import talib

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray
    from alphafactory.indicators.computation import Computation

STAGES = (-0.05, -0.10, -0.20)
"""Where a pullback, a correction and a bear market begin, by the market's usual words."""


def _drawdown(data: Computation, period: int) -> tuple[FloatArray, ...]:
    return (data.close / rolling_max(data.high, period) - 1.0,)


def _drawdown_stage(data: Computation, period: int) -> tuple[FloatArray, ...]:
    drawdown = data.value("drawdown", period=period)
    stage = sum((drawdown <= bound).astype(np.float64) for bound in STAGES)
    return (np.where(np.isnan(drawdown), np.nan, stage),)


def _bars_since(data: Computation, period: int) -> tuple[FloatArray, ...]:
    # Aroon measures the age of the extremes in a window of one bar more than its period, in percent of the period.
    down, up = talib("AROON", data.high, data.low, timeperiod=period - 1)
    return tuple(np.round((100.0 - age) * (period - 1) / 100.0) for age in (up, down))


DISTANCE_FROM_HIGH = IndicatorFunction(
    name="distance_from_high",
    title="Close divided by the highest close of the window, less 1",
    group="statistic",
    inputs=("close",),
    outputs=(Output("distance_from_high", unit="ratio", low=-1.0, high=0.0),),
    parameters={"period": Parameter(252, 2, 2000, "closes in the window")},
    warm_up=lambda period: period - 1,
    compute=lambda data, period: (data.close / rolling_max(data.close, period) - 1.0,),
)

DISTANCE_FROM_LOW = IndicatorFunction(
    name="distance_from_low",
    title="Close divided by the lowest close of the window, less 1",
    group="statistic",
    inputs=("close",),
    outputs=(Output("distance_from_low", unit="ratio", low=0.0),),
    parameters={"period": Parameter(252, 2, 2000, "closes in the window")},
    warm_up=lambda period: period - 1,
    compute=lambda data, period: (data.close / rolling_min(data.close, period) - 1.0,),
)

DRAWDOWN = IndicatorFunction(
    name="drawdown",
    title="Close divided by the highest high of the window, peaks within the bars included, less 1",
    group="statistic",
    inputs=("high", "close"),
    outputs=(Output("drawdown", unit="ratio", low=-1.0, high=0.0),),
    parameters={"period": Parameter(252, 1, 2000, "bars in the window")},
    warm_up=lambda period: period - 1,
    compute=_drawdown,
)

DEEPEST_DRAWDOWN = IndicatorFunction(
    name="deepest_drawdown",
    title="Largest loss from a close to a later close, both within the window",
    group="statistic",
    inputs=("close",),
    outputs=(Output("deepest_drawdown", unit="ratio", low=-1.0, high=0.0),),
    parameters={"period": Parameter(252, 2, 2000, "closes in the window")},
    warm_up=lambda period: period - 1,
    compute=lambda data, period: (rolling_decline(data.close, period),),
)

DRAWDOWN_STAGE = IndicatorFunction(
    name="drawdown_stage",
    title="Stage of the drawdown: 0 near the high, 1 pullback of 5 %, 2 correction of 10 %, 3 bear market of 20 %",
    group="regime",
    inputs=("high", "close"),
    outputs=(Output("drawdown_stage", unit="state", kind="flag", low=0.0, high=3.0),),
    parameters={"period": Parameter(252, 1, 2000, "bars in the window")},
    warm_up=lambda period: period - 1,
    compute=_drawdown_stage,
    uses=("drawdown",),
)

BARS_SINCE = IndicatorFunction(
    name="bars_since",
    title="Bars since the highest high and since the lowest low of the window, the newest of several that tie",
    group="statistic",
    inputs=("high", "low"),
    outputs=(
        Output("high", unit="bars", kind="flag", low=0.0, high=1999.0),
        Output("low", unit="bars", kind="flag", low=0.0, high=1999.0),
    ),
    parameters={"period": Parameter(252, 3, 2000, "bars in the window")},
    warm_up=lambda period: period - 1,
    compute=_bars_since,
)
