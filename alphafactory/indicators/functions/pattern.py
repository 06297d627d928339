"""Candlestick patterns: 0 where there is none, up to 100 for a bullish one and down to -100 for a bearish one.

Values are TA-Lib's own behind its look-back, within which TA-Lib writes 0; here those bars are NaN, for a pattern that
could not be judged is not absent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.plugins import Parameter
from alphafactory.indicators.base import IndicatorFunction, Output
from alphafactory.indicators.talib_library import talib

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray
    from alphafactory.indicators.computation import Computation

_PENETRATION = Parameter(0.3, 0.0, 1.0, "share of the first candle's body that the third must close within")


def _pattern(data: Computation, function: str, look_back: int, **options: float) -> tuple[FloatArray, ...]:
    (strength,) = talib(function, data.open, data.high, data.low, data.close, **options)
    values = strength.astype(np.float64)
    values[:look_back] = np.nan
    return (values,)


def _strength(name: str, low: float, high: float) -> tuple[Output, ...]:
    return (Output(name, unit="strength", kind="flag", low=low, high=high),)


DOJI = IndicatorFunction(
    name="doji",
    title="Doji: open and close almost equal",
    group="pattern",
    inputs=("open", "high", "low", "close"),
    outputs=_strength("doji", 0.0, 100.0),
    warm_up=lambda: 10,
    compute=lambda data: _pattern(data, "CDLDOJI", 10),
)

HAMMER = IndicatorFunction(
    name="hammer",
    title="Hammer: a small body on a long lower shadow, near or below the previous low",
    group="pattern",
    inputs=("open", "high", "low", "close"),
    outputs=_strength("hammer", 0.0, 100.0),
    warm_up=lambda: 11,
    compute=lambda data: _pattern(data, "CDLHAMMER", 11),
)

ENGULFING = IndicatorFunction(
    name="engulfing",
    title="Engulfing: a body that covers the previous, opposite one (80 where one end is shared)",
    group="pattern",
    inputs=("open", "high", "low", "close"),
    outputs=_strength("engulfing", -100.0, 100.0),
    warm_up=lambda: 2,
    compute=lambda data: _pattern(data, "CDLENGULFING", 2),
)

MORNING_STAR = IndicatorFunction(
    name="morning_star",
    title="Morning star: a long fall, a small body below it, a rise back into the fall",
    group="pattern",
    inputs=("open", "high", "low", "close"),
    outputs=_strength("morning_star", 0.0, 100.0),
    parameters={"penetration": _PENETRATION},
    warm_up=lambda **_: 12,
    compute=lambda data, penetration: _pattern(data, "CDLMORNINGSTAR", 12, penetration=penetration),
)

EVENING_STAR = IndicatorFunction(
    name="evening_star",
    title="Evening star: a long rise, a small body above it, a fall back into the rise",
    group="pattern",
    inputs=("open", "high", "low", "close"),
    outputs=_strength("evening_star", -100.0, 0.0),
    parameters={"penetration": _PENETRATION},
    warm_up=lambda **_: 12,
    compute=lambda data, penetration: _pattern(data, "CDLEVENINGSTAR", 12, penetration=penetration),
)
