"""Random candles on whole ticks, among which every candlestick pattern occurs: gaps, equal prices, no wicks."""

from __future__ import annotations

import numpy as np

from alphafactory.domain.bars import Bars

BODIES = (0, 0, 1, 1, 2, 3, 5, 8, 12, 20)
GAPS = (0, 0, 0, 1, -1, 2, -2, 4, -4, 8, -8, 12, -12)
WICKS = (0, 0, 0, 1, 1, 2, 4, 12, 25)
# Chance does not bring a mat hold: rise, gap up, three small falls that sink into the rise a little, a new high.
MAT_HOLD_GAPS, MAT_HOLD_BODIES = (0, 4, -1, 2, 1), (20, -2, -3, -3, 13)
MAT_HOLD_EVERY = 1000


def candle_bars(seed: int, length: int) -> Bars:
    """Make bars of ticks around 100,000; a mat hold is drawn into every thousand of them."""
    random = np.random.default_rng(seed)
    body = random.choice(BODIES, length) * random.choice([-1, 1], length)
    gap = random.choice(GAPS, length)
    above, below = random.choice(WICKS, (2, length))
    for start in range(MAT_HOLD_EVERY // 2, length - 5, MAT_HOLD_EVERY):
        body[start : start + 5], gap[start : start + 5] = MAT_HOLD_BODIES, MAT_HOLD_GAPS
        above[start : start + 5] = 0
    close = 100_000.0 + np.cumsum(gap + body)
    opening = close - body
    high, low = np.maximum(opening, close) + above, np.minimum(opening, close) - below
    sessions = np.datetime64("1000-01-01") + np.arange(length)
    return Bars(sessions, opening, high, low, close, np.ones(length), np.ones(length), np.zeros(length))
