"""Candlestick patterns: 0 where there is none, up to 100 for a bullish one and down to -100 for a bearish one.

Values are TA-Lib's own behind its look-back, within which TA-Lib writes 0; here those bars are NaN, for a pattern that
could not be judged is not absent. Whether a body is long or a shadow short, TA-Lib judges by the bars before.
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


def candlestick(
    name: str,
    title: str,
    function: str,
    look_back: int,
    *,
    low: float = 0.0,
    high: float = 0.0,
    penetration: float | None = None,
) -> IndicatorFunction:
    """Return the pattern that TA-Lib's `function` finds, whose strength lies within `low` to `high`.

    `penetration` is the default share of the first candle's body that a later one must close within, if that matters.
    """
    meaning = "share of the first candle's body that a later one must close within"
    return IndicatorFunction(
        name=name,
        title=title,
        group="pattern",
        inputs=("open", "high", "low", "close"),
        outputs=(Output(name, unit="strength", kind="flag", low=low, high=high),),
        parameters={} if penetration is None else {"penetration": Parameter(penetration, 0.0, 1.0, meaning)},
        warm_up=lambda **_: look_back,
        compute=lambda data, **options: _pattern(data, function, look_back, **options),
    )


def _pattern(data: Computation, function: str, look_back: int, **options: float) -> tuple[FloatArray, ...]:
    (strength,) = talib(function, data.open, data.high, data.low, data.close, **options)
    values = strength.astype(np.float64)
    values[:look_back] = np.nan
    return (values,)


PATTERNS = (
    candlestick("doji", "Doji: open and close almost equal", "CDLDOJI", 10, high=100.0),
    candlestick(
        "hammer",
        "Hammer: a small body on a long lower shadow, near or below the previous low",
        "CDLHAMMER",
        11,
        high=100.0,
    ),
    candlestick(
        "engulfing",
        "Engulfing: a body that covers the previous, opposite one (80 where one end is shared)",
        "CDLENGULFING",
        2,
        low=-100.0,
        high=100.0,
    ),
    candlestick(
        "morning_star",
        "Morning star: a long fall, a small body below it, a rise back into the fall",
        "CDLMORNINGSTAR",
        12,
        high=100.0,
        penetration=0.3,
    ),
    candlestick(
        "evening_star",
        "Evening star: a long rise, a small body above it, a fall back into the rise",
        "CDLEVENINGSTAR",
        12,
        low=-100.0,
        penetration=0.3,
    ),
)
"""The patterns that the nightly cache keeps."""
