"""Returns over horizons, and how a session's return divides into the night before it and the day itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.plugins import Parameter
from alphafactory.indicators.base import IndicatorFunction, Output
from alphafactory.indicators.rolling import lagged, rolling_sum

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray
    from alphafactory.indicators.computation import Computation


def _past_return(data: Computation, period: int, skip: int) -> tuple[FloatArray, ...]:
    return (lagged(data.close, skip) / lagged(data.close, skip + period) - 1.0,)


def _log_return(data: Computation, period: int) -> tuple[FloatArray, ...]:
    return (np.log(data.close / lagged(data.close, period)),)


def _gap(data: Computation) -> tuple[FloatArray, ...]:
    before = lagged(data.close, 1)
    above = np.maximum(data.low - lagged(data.high, 1), 0.0)
    below = np.minimum(data.high - lagged(data.low, 1), 0.0)
    return ((above + below) / before,)


def _overnight_drift(data: Computation, period: int) -> tuple[FloatArray, ...]:
    return (np.expm1(rolling_sum(np.log(data.open / lagged(data.close, 1)), period)),)


def _intraday_drift(data: Computation, period: int) -> tuple[FloatArray, ...]:
    return (np.expm1(rolling_sum(np.log(data.close / data.open), period)),)


PAST_RETURN = IndicatorFunction(
    name="past_return",
    title="Return of the close over a number of bars, the newest bars left out",
    group="momentum",
    inputs=("close",),
    outputs=(Output("past_return", unit="ratio", low=-1.0),),
    parameters={
        "period": Parameter(21, 1, 2000, "bars between the two closes"),
        "skip": Parameter(0, 0, 500, "newest bars that are left out"),
    },
    warm_up=lambda period, skip: period + skip,
    compute=_past_return,
)

LOG_RETURN = IndicatorFunction(
    name="log_return",
    title="Logarithm of the close divided by an earlier close",
    group="momentum",
    inputs=("close",),
    outputs=(Output("log_return", unit="ratio"),),
    parameters={"period": Parameter(1, 1, 2000, "bars between the two closes")},
    warm_up=lambda period: period,
    compute=_log_return,
)

OVERNIGHT_RETURN = IndicatorFunction(
    name="overnight_return",
    title="Return from the close before to the open",
    group="momentum",
    inputs=("open", "close"),
    outputs=(Output("overnight_return", unit="ratio", low=-1.0),),
    warm_up=lambda: 1,
    compute=lambda data: (data.open / lagged(data.close, 1) - 1.0,),
)

INTRADAY_RETURN = IndicatorFunction(
    name="intraday_return",
    title="Return from the open to the close",
    group="momentum",
    inputs=("open", "close"),
    outputs=(Output("intraday_return", unit="ratio", low=-1.0),),
    warm_up=lambda: 0,
    compute=lambda data: (data.close / data.open - 1.0,),
)

GAP = IndicatorFunction(
    name="gap",
    title="Gap left open between a bar's range and the range before, divided by the close before; 0 where they overlap",
    group="momentum",
    inputs=("high", "low", "close"),
    outputs=(Output("gap", unit="ratio"),),
    warm_up=lambda: 1,
    compute=_gap,
)

OVERNIGHT_DRIFT = IndicatorFunction(
    name="overnight_drift",
    title="Compounded return of the nights alone (Lou, Polk and Skouras, 2019)",
    group="momentum",
    inputs=("open", "close"),
    outputs=(Output("overnight_drift", unit="ratio", low=-1.0),),
    parameters={"period": Parameter(21, 1, 2000, "nights in the window")},
    warm_up=lambda period: period,
    compute=_overnight_drift,
)

INTRADAY_DRIFT = IndicatorFunction(
    name="intraday_drift",
    title="Compounded return of the days alone, from open to close (Lou, Polk and Skouras, 2019)",
    group="momentum",
    inputs=("open", "close"),
    outputs=(Output("intraday_drift", unit="ratio", low=-1.0),),
    parameters={"period": Parameter(21, 1, 2000, "days in the window")},
    warm_up=lambda period: period - 1,
    compute=_intraday_drift,
)
