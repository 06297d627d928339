"""How long the smoothings remember: bars until nothing is seen of where history starts.

An exponential average of period p keeps 1 - 2/(p + 1) of itself each bar, one of Wilder's keeps 1 - 1/p. Where one
smooths another, what is left of the start decays by the slower of the two, times a polynomial in the bars; the sum of
their times bounds that. Periods may be named, so that a function of nothing but periods hands these over as they are.

A start of wild days can be a hundred times what follows it. Its weight is therefore waited for to fall to 1e-11, so
that it adds less than 1e-9 of what it is compared with.
"""

from __future__ import annotations

import math

from alphafactory.indicators.base import settling_of

_FROM_1E9_TO_1E11 = 11.0 / 9.0
"""How much longer an exponential decay takes to the smaller weight."""


def exponential_settling(*periods: int, **named: int) -> int:
    """Return the bars after which exponential averages of these periods, one upon the other, forget their start."""
    return sum(_forgotten(2.0 / (period + 1.0)) for period in (*periods, *named.values()))


def wilder_settling(*periods: int, **named: int) -> int:
    """Return the bars after which Wilder's averages of these periods, one upon the other, forget their start."""
    return sum(_forgotten(1.0 / period) for period in (*periods, *named.values()))


def _forgotten(weight: float) -> int:
    return math.ceil(settling_of(weight) * _FROM_1E9_TO_1E11)
