"""A number, or the reason why there is none: what every measure of a portfolio answers with."""

from __future__ import annotations

from typing import TypeAlias

Number: TypeAlias = float | str
"""The number, or the reason (a word such as `no_position`) why it is undefined."""

Outcome: TypeAlias = dict[str, Number]
"""By name the number, or the reason why there is none."""

ZERO_VOLATILITY = 1e-12
"""A deviation of returns below this is the rounding of float64, not risk."""
