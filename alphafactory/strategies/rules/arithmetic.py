"""What expressions compute, on arrays (sessions, symbols): ratios, comparisons, bars ago, windows of bars.

A window is put together from windows of half its length, and those of half theirs: about as many additions as the
length has binary digits, in an order that depends on the length alone. No sum runs over the whole history, so that a
value is the same to the bit wherever history begins or ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from alphafactory.domain.arrays import BoolArray, FloatArray


def quotient(dividend: Any, divisor: Any) -> Any:
    """Return dividend / divisor, NaN where the divisor is 0: such a ratio is not known, rather than endless."""
    if isinstance(divisor, np.ndarray):
        unknown = np.full_like(divisor, np.nan)
        return np.divide(dividend, divisor, out=unknown, where=divisor != 0.0)
    return np.divide(dividend, divisor) if divisor != 0.0 else np.multiply(dividend, np.nan)


def remainder(dividend: Any, divisor: Any) -> Any:
    """Return what is left of dividend / divisor, of the divisor's sign, NaN where the divisor is 0."""
    return np.remainder(dividend, divisor)


def differs(left: Any, right: Any) -> Any:
    """Return whether two numbers differ; False where one is NaN."""
    return np.logical_or(np.less(left, right), np.greater(left, right))


def crossed(left: Any, right: Any, beyond: Callable[..., Any], opposite: Callable[..., Any]) -> BoolArray:
    """Return whether left is beyond right now and was known not to be on the bar before."""
    before: BoolArray = opposite(left, right)
    found = np.empty_like(before)
    found[:1] = False
    np.logical_and(beyond(left, right)[1:], before[:-1], out=found[1:])
    return found


def not_crossed(left: Any, right: Any, beyond: Callable[..., Any], opposite: Callable[..., Any]) -> BoolArray:
    """Return whether left is known not to have crossed: it is not beyond now, or it was so on the bar before."""
    not_beyond: BoolArray = np.logical_or(opposite(left, right), ago(beyond(left, right), 1, False))
    return not_beyond


def ago(values: Any, bars: int, fill: float | bool) -> Any:
    """Return the values so many bars ago, `fill` on the bars before there are any."""
    if bars == 0:
        return values
    moved = np.empty_like(values)
    moved[:bars] = fill
    moved[bars:] = values[: max(len(values) - bars, 0)]
    return moved


def highest(values: FloatArray, bars: int, fill: float) -> Any:
    """Return the highest of the last `bars` values, NaN where one is unknown."""
    return _window(values, bars, np.maximum, fill)


def lowest(values: FloatArray, bars: int, fill: float) -> Any:
    """Return the lowest of the last `bars` values, NaN where one is unknown."""
    return _window(values, bars, np.minimum, fill)


def total(values: FloatArray, bars: int, fill: float) -> Any:
    """Return the sum of the last `bars` values, NaN where one is unknown."""
    return _window(values, bars, np.add, fill)


def average(values: FloatArray, bars: int, fill: float) -> FloatArray:
    """Return the mean of the last `bars` values, NaN where one is unknown."""
    mean: FloatArray = np.divide(total(values, bars, fill), bars)
    return mean


def deviation(values: FloatArray, bars: int, fill: float) -> FloatArray:
    """Return the standard deviation (divisor `bars`) of the last values about their mean, NaN where one is unknown."""
    mean = average(values, bars, fill)
    squares = np.zeros_like(values)
    for place in range(bars):
        squares += np.square(ago(values, place, fill) - mean)
    root: FloatArray = np.sqrt(squares / bars)
    return root


def ever(values: BoolArray, bars: int, fill: bool) -> Any:
    """Return whether any of the last `bars` values is true, as many as there are."""
    return _window(values, bars, np.logical_or, fill)


def always(values: BoolArray, bars: int, fill: bool) -> Any:
    """Return whether all of the last `bars` values are true, all of them being there."""
    return _window(values, bars, np.logical_and, fill)


def counted(true: BoolArray, false: BoolArray, bars: int) -> FloatArray:
    """Return how many of the last `bars` conditions are true, NaN where one is unknown."""
    known = np.where(np.logical_or(true, false), np.asarray(true, dtype=np.float64), np.nan)
    count: FloatArray = total(known, bars, np.nan)
    return count


def _window(values: Any, bars: int, join: Callable[..., Any], fill: float | bool) -> Any:
    """Join the last `bars` values by joining windows of 1, 2, 4, ... values, one for each binary digit of `bars`."""
    found, covered, length = None, 0, 1
    while True:
        if bars & length:
            part = ago(values, covered, fill)
            found = part if found is None else join(found, part)
            covered += length
        if covered == bars:
            return found
        values = join(values, ago(values, length, fill))
        length *= 2
