"""Markets and targets for the comparison with other programs: random ones, and some of a few bars."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.bars import Bars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.arrays import FloatArray

FLAT = (100.0, 100.0, 100.0, 100.0)


def bars_of(*rows: tuple[float, float, float, float], volume: Sequence[float] | None = None) -> Bars:
    """Make a session of each (open, high, low, close)."""
    days = len(rows)
    # Volumes differ, or equal prices would make a bar that repeats the one before.
    traded = 1e6 + np.arange(days) if volume is None else np.array(volume, float)
    columns = np.array(rows, float).T.copy()
    return Bars(np.datetime64("2024-01-01") + np.arange(days), *columns, traded, np.ones(days), np.zeros(days))


def random_walk(seed: int, days: int = 250) -> Bars:
    """Make a random walk in which opens gap, and highs and lows lie beyond open and close."""
    draw = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(draw.normal(0, 0.02, days)))
    first = np.append(50.0, close[:-1]) * np.exp(draw.normal(0, 0.008, days))
    high = np.maximum(first, close) * np.exp(np.abs(draw.normal(0, 0.006, days)))
    low = np.minimum(first, close) * np.exp(-np.abs(draw.normal(0, 0.006, days)))
    volume = draw.integers(100_000, 1_000_000, days).astype(np.float64)
    sessions = np.datetime64("2024-01-01") + np.arange(days)
    return Bars(sessions, first, high, low, close, volume, np.ones(days), np.zeros(days))


def random_targets(seed: int, sessions: int, choices: Sequence[float] = (0.0, 1.0, -1.0)) -> FloatArray:
    """Draw a target that changes every few sessions and is 0 in the first, of which backtesting.py does not ask."""
    draw = np.random.default_rng(seed + 1_000)
    target: FloatArray = np.repeat(draw.choice(choices, sessions), draw.integers(1, 12, sessions))[:sessions]
    target[0] = 0.0
    return target


def without_halts(bars: Bars) -> Bars:
    """Leave out bars without volume and bars that repeat the one before: others fill there, we do not."""
    kept: list[int] = []
    market = np.column_stack([bars.open, bars.high, bars.low, bars.close, bars.volume])
    for row, bar in enumerate(market):
        if bars.volume[row] > 0.0 and not (kept and (bar == market[kept[-1]]).all()):
            kept.append(row)
    return Bars(*(getattr(bars, field.name)[kept] for field in fields(bars)))
