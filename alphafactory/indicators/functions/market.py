"""Breadth: how many symbols of the universe take part in a move."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.plugins import Parameter
from alphafactory.indicators.base import IndicatorFunction, Output
from alphafactory.indicators.rolling import lagged, rolling_mean, rolling_min

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray
    from alphafactory.indicators.computation import Computation


def _breadth_momentum(data: Computation, period: int) -> tuple[FloatArray, ...]:
    share = data.market("above_sma_50")
    return (share - lagged(share, period),)


def _new_highs_less_lows(data: Computation, period: int) -> tuple[FloatArray, ...]:
    return (rolling_mean(data.market("at_high_252") - data.market("at_low_252"), period),)


def _breadth_thrust(data: Computation, period: int, washed_out: float, thrust: float) -> tuple[FloatArray, ...]:
    share = data.value("advancing_share", period=period)
    weakest = rolling_min(share, period)
    risen = (share > thrust) & (weakest < washed_out)
    return (np.where(np.isnan(weakest), np.nan, risen.astype(np.float64)),)


def _average_share(name: str, title: str, series: str) -> IndicatorFunction:
    return IndicatorFunction(
        name=name,
        title=title,
        group="regime",
        inputs=(series,),
        outputs=(Output(name, unit="ratio", low=0.0, high=1.0),),
        parameters={"period": Parameter(10, 1, 500, "sessions in the average")},
        warm_up=lambda period: period - 1,
        compute=lambda data, period: (rolling_mean(data.market(series), period),),
    )


ADVANCING_SHARE = _average_share(
    "advancing_share", "Average share of the universe's symbols that closed higher", "advancing"
)

SHARE_ABOVE_SMA_50 = _average_share(
    "share_above_sma_50", "Average share of the universe's symbols above their average of 50 closes", "above_sma_50"
)

SHARE_ABOVE_SMA_200 = _average_share(
    "share_above_sma_200", "Average share of the universe's symbols above their average of 200 closes", "above_sma_200"
)

BREADTH_MOMENTUM = IndicatorFunction(
    name="breadth_momentum",
    title="Change of the share of symbols above their average of 50 closes",
    group="regime",
    inputs=("above_sma_50",),
    outputs=(Output("breadth_momentum", unit="ratio", low=-1.0, high=1.0),),
    parameters={"period": Parameter(20, 1, 500, "sessions between the two shares")},
    warm_up=lambda period: period,
    compute=_breadth_momentum,
)

NEW_HIGHS_LESS_LOWS = IndicatorFunction(
    name="new_highs_less_lows",
    title="Average share of symbols at their highest close of 252 bars, less that at their lowest",
    group="regime",
    inputs=("at_high_252", "at_low_252"),
    outputs=(Output("new_highs_less_lows", unit="ratio", low=-1.0, high=1.0),),
    parameters={"period": Parameter(10, 1, 500, "sessions in the average")},
    warm_up=lambda period: period - 1,
    compute=_new_highs_less_lows,
)

BREADTH_THRUST = IndicatorFunction(
    name="breadth_thrust",
    title="State: the average share of rising symbols has gone from very low to very high in a few sessions (Zweig)",
    group="regime",
    inputs=("advancing",),
    outputs=(Output("breadth_thrust", unit="state", kind="flag", low=0.0, high=1.0),),
    parameters={
        "period": Parameter(10, 2, 250, "sessions in the average, and in which it must rise"),
        "washed_out": Parameter(0.4, 0.1, 0.5, "share from below which it must come"),
        "thrust": Parameter(0.615, 0.5, 0.9, "share above which it must get"),
    },
    warm_up=lambda period, **_: 2 * (period - 1),
    compute=_breadth_thrust,
    uses=("advancing_share",),
)
