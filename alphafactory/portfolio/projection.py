"""Proportions become weights within bounds, kept in proportion wherever a bound does not say otherwise.

Goes in: positive numbers of any scale, and bounds that do not clash. Comes out: the weights w that are nearest to them
in the sense of relative entropy, sum w·ln(w / raw). They are clip(level · raw) with one level for all (one for each
side of a market-neutral portfolio), and a level of their own for the symbols of a sector that its bounds hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from alphafactory.domain.arrays import BoolArray, FloatArray
    from alphafactory.portfolio.bounds import Bounds

_WIDEST_TILT = 60.0
"""Sides are tilted against each other by at most e to this power, beyond which doubles see no difference."""


def project(raw: FloatArray, bounds: Bounds) -> FloatArray:
    """Return the absolute weights, shape (k,), whose sum is `bounds.gross` and which keep the bounds.

    Args:
        raw: proportions, shape (k,), not negative; where one is 0 the symbol gets the least.
        bounds: must not clash, and `gross` must be within their reach.
    """
    if not bounds.neutral:
        return _within_sectors(raw, bounds, bounds.gross)
    longs = bounds.sides > 0.0
    half = bounds.gross / 2.0
    weights = np.empty(len(raw))
    for side in (longs, ~longs):
        weights[side] = water_fill(raw[side], bounds.least, bounds.most, half)
    if _sectors_kept(weights, bounds):
        return weights
    return _tilted(raw, bounds, longs)


def water_fill(raw: FloatArray, least: float, most: float, total: float) -> FloatArray:
    """Return clip(level · raw, least, most) with the level at which the sum is `total`, exactly.

    Where no level reaches the total, the nearest sum that one reaches.
    """
    if len(raw) == 0:
        return raw
    return np.clip(_level(raw, least, most, total) * raw, least, most)


def _level(raw: FloatArray, least: float, most: float, total: float) -> float:
    positive = raw[raw > 0.0]
    breaks = np.sort(np.concatenate([least / positive, most / positive]))
    return _crossing(lambda level: float(np.clip(level * raw, least, most).sum()), breaks, total)


def _crossing(total_at: Callable[[float], float], breaks: FloatArray, total: float) -> float:
    """Return the level at which a rising function, straight between its breaks and flat beyond them, is `total`."""
    if len(breaks) == 0:
        return 0.0
    first, last = 0, len(breaks) - 1
    while first < last:
        middle = (first + last) // 2
        first, last = (first, middle) if total_at(float(breaks[middle])) >= total else (middle + 1, last)
    right, left = float(breaks[first]), float(breaks[first - 1]) if first else 0.0
    above, below = total_at(right), total_at(left)
    if not below < total < above:
        return left if total <= below else right
    return left + (total - below) / (above - below) * (right - left)


def _within_sectors(raw: FloatArray, bounds: Bounds, total: float) -> FloatArray:
    if not bounds.names:
        return water_fill(raw, bounds.least, bounds.most, total)
    low, high = np.append(bounds.low, 0.0), np.append(bounds.high, np.inf)

    def clipped(level: float) -> FloatArray:
        return np.clip(level * raw, bounds.least, bounds.most)

    def sums(level: float) -> FloatArray:
        return np.bincount(bounds.sector, clipped(level), len(low)).astype(np.float64)

    positive = raw[raw > 0.0]
    own = [_sector_levels(raw[bounds.sector == number], bounds, number) for number in range(len(bounds.names))]
    breaks = np.sort(np.concatenate([bounds.least / positive, bounds.most / positive, *own]))
    level = _crossing(lambda one: float(np.clip(sums(one), low, high).sum()), breaks, total)
    weights, reached = clipped(level), sums(level)
    for number in np.flatnonzero((reached > high) | (reached < low)):
        members = bounds.sector == number
        wanted = float(np.clip(reached[number], low[number], high[number]))
        weights[members] = water_fill(raw[members], bounds.least, bounds.most, wanted)
    return weights


def _sector_levels(raw: FloatArray, bounds: Bounds, number: int) -> FloatArray:
    """Return the levels at which a sector reaches its least and its most."""
    wanted = (bounds.low[number], bounds.high[number])
    return np.array([_level(raw, bounds.least, bounds.most, total) for total in wanted])


def _sectors_kept(weights: FloatArray, bounds: Bounds) -> bool:
    sums = np.bincount(bounds.sector, weights, len(bounds.names) + 1)[:-1]
    return bool(np.all((sums <= np.array(bounds.high)) & (sums >= np.array(bounds.low))))


def _tilted(raw: FloatArray, bounds: Bounds, longs: BoolArray) -> FloatArray:
    """Fill both sides at once, the shorts' proportions tilted until each side has half.

    The longs' sum falls as the tilt rises, without a leap, because the nearest weights change without one.
    """
    from scipy.optimize import brentq  # noqa: PLC0415  needed where sectors bind a market-neutral portfolio alone

    half = bounds.gross / 2.0

    def filled(tilt: float) -> FloatArray:
        return _within_sectors(raw * np.where(longs, np.exp(-tilt / 2.0), np.exp(tilt / 2.0)), bounds, bounds.gross)

    def surplus(tilt: float) -> float:
        return float(filled(tilt)[longs].sum()) - half

    if surplus(-_WIDEST_TILT) <= 0.0:
        return filled(-_WIDEST_TILT)
    if surplus(_WIDEST_TILT) >= 0.0:
        return filled(_WIDEST_TILT)
    tilt = brentq(surplus, -_WIDEST_TILT, _WIDEST_TILT, xtol=1e-14, rtol=1e-15, maxiter=200)
    return filled(float(tilt))
