"""Directional movement: the new ground that bars gain upwards, and downwards. Values are TA-Lib's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alphafactory.domain.plugins import Parameter
from alphafactory.indicators.base import IndicatorFunction, Output
from alphafactory.indicators.smoothing import wilder_settling
from alphafactory.indicators.talib_library import talib

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray
    from alphafactory.indicators.computation import Computation

_SMOOTHED = {"period": Parameter(14, 2, 2000, "bars of Wilder's smoothing")}


def _aroon(data: Computation, period: int) -> tuple[FloatArray, ...]:
    down, up = talib("AROON", data.high, data.low, timeperiod=period)
    return up, down


PLUS_DI = IndicatorFunction(
    name="plus_di",
    title="Wilder's plus directional indicator: upward movement as a share of the true range",
    group="momentum",
    inputs=("high", "low", "close"),
    outputs=(Output("plus_di", unit="percent", low=0.0, high=100.0),),
    parameters=_SMOOTHED,
    warm_up=lambda period: period,
    compute=lambda data, period: talib("PLUS_DI", data.high, data.low, data.close, timeperiod=period),
    memory="fading",
    settling=wilder_settling,
)

MINUS_DI = IndicatorFunction(
    name="minus_di",
    title="Wilder's minus directional indicator: downward movement as a share of the true range",
    group="momentum",
    inputs=("high", "low", "close"),
    outputs=(Output("minus_di", unit="percent", low=0.0, high=100.0),),
    parameters=_SMOOTHED,
    warm_up=lambda period: period,
    compute=lambda data, period: talib("MINUS_DI", data.high, data.low, data.close, timeperiod=period),
    memory="fading",
    settling=wilder_settling,
)

PLUS_DM = IndicatorFunction(
    name="plus_dm",
    title="Wilder's plus directional movement, smoothed to a sum of about `period` bars",
    group="momentum",
    inputs=("high", "low"),
    outputs=(Output("plus_dm", unit="price", low=0.0),),
    parameters=_SMOOTHED,
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("PLUS_DM", data.high, data.low, timeperiod=period),
    memory="fading",
    settling=wilder_settling,
)

MINUS_DM = IndicatorFunction(
    name="minus_dm",
    title="Wilder's minus directional movement, smoothed to a sum of about `period` bars",
    group="momentum",
    inputs=("high", "low"),
    outputs=(Output("minus_dm", unit="price", low=0.0),),
    parameters=_SMOOTHED,
    warm_up=lambda period: period - 1,
    compute=lambda data, period: talib("MINUS_DM", data.high, data.low, timeperiod=period),
    memory="fading",
    settling=wilder_settling,
)

DX = IndicatorFunction(
    name="dx",
    title="Wilder's directional movement index: the two indicators' distance, as a share of their sum",
    group="momentum",
    inputs=("high", "low", "close"),
    outputs=(Output("dx", unit="percent", low=0.0, high=100.0),),
    parameters=_SMOOTHED,
    warm_up=lambda period: period,
    compute=lambda data, period: talib("DX", data.high, data.low, data.close, timeperiod=period),
    memory="fading",
    settling=wilder_settling,
)

ADXR = IndicatorFunction(
    name="adxr",
    title="Wilder's average directional movement rating: the mean of the index now and `period` - 1 bars ago",
    group="momentum",
    inputs=("high", "low", "close"),
    outputs=(Output("adxr", unit="percent", low=0.0, high=100.0),),
    parameters={"period": Parameter(14, 2, 1000, "bars of each of the smoothings")},
    warm_up=lambda period: 3 * period - 2,
    compute=lambda data, period: talib("ADXR", data.high, data.low, data.close, timeperiod=period),
    memory="fading",
    settling=lambda period: wilder_settling(period, period),
)

AROON = IndicatorFunction(
    name="aroon",
    title="Chande's Aroon: how recent the window's highest and lowest prices are, 100 for the newest bar",
    group="momentum",
    inputs=("high", "low"),
    outputs=(
        Output("up", unit="percent", low=0.0, high=100.0),
        Output("down", unit="percent", low=0.0, high=100.0),
    ),
    parameters={"period": Parameter(25, 2, 2000, "bars before the newest in the window")},
    warm_up=lambda period: period,
    compute=_aroon,
)

AROON_OSCILLATOR = IndicatorFunction(
    name="aroon_oscillator",
    title="Aroon up less Aroon down",
    group="momentum",
    inputs=("high", "low"),
    outputs=(Output("aroon_oscillator", unit="percent", low=-100.0, high=100.0),),
    parameters={"period": Parameter(25, 2, 2000, "bars before the newest in the window")},
    warm_up=lambda period: period,
    compute=lambda data, period: talib("AROONOSC", data.high, data.low, timeperiod=period),
)

VORTEX = IndicatorFunction(
    name="vortex",
    title="Botes and Siepman's vortex: the ways from low to next high and from high to next low, over the true range",
    group="momentum",
    inputs=("high", "low", "close"),
    outputs=(Output("plus", unit="ratio", low=0.0), Output("minus", unit="ratio", low=0.0)),
    parameters={"period": Parameter(14, 2, 2000, "bars whose ways are summed")},
    warm_up=lambda period: period,
    compute=lambda data, period: talib("VORTEX", data.high, data.low, data.close, timeperiod=period),
)

VERTICAL_HORIZONTAL_FILTER = IndicatorFunction(
    name="vertical_horizontal_filter",
    title="White's vertical horizontal filter: the closes' range over the sum of their changes",
    group="momentum",
    inputs=("close",),
    outputs=(Output("vertical_horizontal_filter", unit="ratio", low=0.0, high=1.0),),
    parameters={"period": Parameter(28, 2, 2000, "changes in the sum")},
    warm_up=lambda period: period,
    compute=lambda data, period: talib("VHF", data.close, timeperiod=period),
)
