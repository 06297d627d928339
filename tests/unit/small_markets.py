"""Markets small enough to check by hand, and one random walk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.bars import Bars
from alphafactory.domain.settings import SimulationSettings, parse_settings

if TYPE_CHECKING:
    from collections.abc import Sequence


def market(
    opens: Sequence[float],
    closes: Sequence[float] | None = None,
    *,
    volume: Sequence[float] | None = None,
    factor: Sequence[float] | None = None,
    dividends: Sequence[float] | None = None,
) -> Bars:
    """Make bars whose high and low are the larger and the smaller of open and close."""
    first, last = np.array(opens, float), np.array(opens if closes is None else closes, float)
    days = len(first)
    return Bars(
        np.datetime64("2024-01-01") + np.arange(days),
        first,
        np.maximum(first, last),
        np.minimum(first, last),
        last,
        # Volumes differ, or equal prices would make a bar that repeats the one before.
        np.array(volume, float) if volume is not None else 1e6 + np.arange(days),
        np.ones(days) if factor is None else np.array(factor, float),
        np.zeros(days) if dividends is None else np.array(dividends, float),
    )


def model(**words: str | float) -> SimulationSettings:
    plain: dict[str, str | float] = {
        "initial_capital": 1000.0,
        "fill": "next_open",
        "commission": "none",
        "slippage": "none",
        "sizing": "all_in",
        "shares": "fractional",
    }
    return parse_settings(**(plain | words))


def random_market(seed: int, days: int = 300) -> tuple[Bars, np.ndarray]:
    """Make a random walk with dividends, and targets that change every few days."""
    draw = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(draw.normal(0, 0.02, days)))
    opening = close * np.exp(draw.normal(0, 0.01, days))
    dividends = np.where(draw.random(days) < 0.02, 0.3, 0.0)
    target = np.repeat(draw.choice([0.0, 1.0, 0.5, -0.5, -1.0], days // 5 + 1), 5)[:days]
    return market(opening, close, dividends=dividends), target
