"""What a simulation knows of a market before it trades: the four estimates, computed plainly.

Goes in: the bars of one symbol. Comes out: `Estimates`, four lists of one number a bar, each from that bar and those
before it, NaN where there are too few.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alphafactory.domain.bars import Bars

NONE = math.nan


@dataclass
class Estimates:
    atr: list[float]
    volatility: list[float]
    volume: list[float]
    spread: list[float]


def estimate(bars: Bars) -> Estimates:
    high, low, close, volume = (
        [float(value) for value in column] for column in (bars.high, bars.low, bars.close, bars.volume)
    )
    rows = range(len(close))
    return Estimates(
        average_true_ranges(high, low, close),
        [deviation(close[t - 20 : t + 1]) if t >= 20 else NONE for t in rows],
        [sum(volume[t - 19 : t + 1]) / 20 if t >= 19 else NONE for t in rows],
        mean_spreads(high, low, close),
    )


def average_true_ranges(high: list[float], low: list[float], close: list[float]) -> list[float]:
    """Wilder: the mean of the first 14 true ranges, then 13 parts of the old to one of the new."""
    ranges = [NONE] + [
        max(high[t] - low[t], abs(high[t] - close[t - 1]), abs(low[t] - close[t - 1])) for t in range(1, len(close))
    ]
    averages: list[float] = []
    for t in range(len(close)):
        if t < 14:
            averages.append(NONE)
        elif t == 14:
            averages.append(sum(ranges[1:15]) / 14)
        else:
            averages.append((13 * averages[t - 1] + ranges[t]) / 14)
    return averages


def deviation(closes: list[float]) -> float:
    """Sample deviation of the close-to-close returns."""
    returns = [now / before - 1 for before, now in pairwise(closes)]
    mean = sum(returns) / len(returns)
    return math.sqrt(sum((r - mean) ** 2 for r in returns) / (len(returns) - 1))


def mean_spreads(high: list[float], low: list[float], close: list[float]) -> list[float]:
    """Mean over the 19 pairs in 20 bars; a negative estimate of a pair counts as 0."""
    pairs = [NONE] + [max(0.0, two_day_spread(high, low, close, t)) for t in range(1, len(close))]
    return [sum(pairs[t - 18 : t + 1]) / 19 if t >= 19 else NONE for t in range(len(close))]


def two_day_spread(high: list[float], low: list[float], close: list[float], row: int) -> float:
    """Corwin and Schultz (2012), equations 14 and 18, days row - 1 and row.

    A night that leaves the second day wholly above (or below) the first close is taken out of it (their section II.C).
    """
    gap = 0.0
    if low[row] > close[row - 1]:
        gap = low[row] - close[row - 1]
    elif high[row] < close[row - 1]:
        gap = high[row] - close[row - 1]
    second_high, second_low = high[row] - gap, low[row] - gap
    beta = math.log(high[row - 1] / low[row - 1]) ** 2 + math.log(second_high / second_low) ** 2
    gamma = math.log(max(high[row - 1], second_high) / min(low[row - 1], second_low)) ** 2
    root = 3 - 2 * math.sqrt(2)
    alpha = (math.sqrt(2 * beta) - math.sqrt(beta)) / root - math.sqrt(gamma / root)
    return 2 * (math.exp(alpha) - 1) / (1 + math.exp(alpha))
