"""Bounds of one date: how little and how much each symbol, each sector, each side and all together may have.

Goes in: the settings of an allocation, the sides of the symbols that take part, their sectors. Comes out: `Bounds` of
which every one can bind, the words of those that clash, and the most that they allow together.

Weights are absolute here; a symbol's side is known before its weight. What a sector's longs (x) and shorts (y) may be
together is then a polygon x, y, x + y between bounds, and such polygons add up by adding their tightened bounds. So
what all sectors allow together is known without solving anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.allocation import AllocationSettings
    from alphafactory.domain.arrays import FloatArray, IntArray

TOLERANCE = 1e-12


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds of k symbols on absolute weights, shares of equity.

    `least` and `most` bound each symbol. `sides` has shape (k,): 1 long, -1 short. `sector` has shape (k,): the number
    of its bounded sector in `names`, or `len(names)` for all without bounds. `low` and `high` bound each sector's sum.
    `gross` is the sum of all; with `neutral` each side has half of it.
    """

    least: float
    most: float
    sides: FloatArray
    sector: IntArray
    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    gross: float
    neutral: bool


@dataclass(frozen=True, slots=True)
class Reach:
    """The least and the most that longs, shorts and all together may have under the bounds, shares of equity."""

    longs: tuple[float, float]
    shorts: tuple[float, float]
    total: tuple[float, float]


def bounds_of(settings: AllocationSettings, sides: FloatArray, sectors: Sequence[str]) -> Bounds:
    """Return the bounds that count for symbols with these sides, shape (k,), and sectors, of length k.

    A sector's bounds that cannot bind are left away: those of a sector without symbols and without a least.
    """
    counts = {name: sectors.count(name) for name in settings.sector_bounds}
    limits = {name: bounds for name, bounds in sorted(settings.sector_bounds.items()) if counts[name] or bounds[0] > 0}
    names = tuple(name for name in limits if _can_bind(limits[name], counts[name], settings))
    code = {name: number for number, name in enumerate(names)}
    return Bounds(
        least=settings.min_weight,
        most=settings.max_weight,
        sides=sides,
        sector=np.array([code.get(name, len(names)) for name in sectors], dtype=np.int64),
        names=names,
        low=tuple(limits[name][0] for name in names),
        high=tuple(limits[name][1] for name in names),
        gross=settings.gross,
        neutral=settings.side == "market_neutral",
    )


def _can_bind(limits: tuple[float, float], count: int, settings: AllocationSettings) -> bool:
    low, high = limits
    return low > count * settings.min_weight or high < min(settings.gross, count * settings.max_weight)


def without_least(bounds: Bounds) -> Bounds:
    """Return the bounds that can always be kept: those above."""
    return replace(bounds, least=0.0, low=tuple(0.0 for _ in bounds.low))


def clash(bounds: Bounds) -> str:
    """Return which bounds contradict each other, by name and number; empty where none do."""
    if bounds.least > bounds.most + TOLERANCE:
        return f"min_weight {bounds.least:.2%} lies above max_weight {bounds.most:.2%}"
    return _sector_clash(bounds) or _total_clash(bounds, reach(bounds))


def _sector_clash(bounds: Bounds) -> str:
    counts = np.bincount(bounds.sector, minlength=len(bounds.names) + 1).tolist()
    for name, low, high, count in zip(bounds.names, bounds.low, bounds.high, counts, strict=False):
        least, most = count * bounds.least, count * bounds.most
        symbols = f"{count} symbol{'s'[: count != 1]}"
        if low > high + TOLERANCE:
            return f"sectors.{name}: the least, {low:.2%}, lies above the most, {high:.2%}"
        if least > high + TOLERANCE:
            return f"sectors.{name} allows {high:.2%}, but min_weight {bounds.least:.2%} of {symbols} is {least:.2%}"
        if most < low - TOLERANCE:
            return f"sectors.{name} wants {low:.2%}, but max_weight {bounds.most:.2%} of {symbols} is {most:.2%}"
    return ""


def _total_clash(bounds: Bounds, within: Reach) -> str:
    wants = _wants(bounds)
    if within.total[0] > bounds.gross + TOLERANCE:
        return f"{wants} add up to {within.total[0]:.2%}, above gross {bounds.gross:.2%}"
    if not bounds.neutral:
        return ""
    half = min(bounds.gross / 2.0, within.longs[1], within.shorts[1], within.total[1] / 2.0)
    # What both want together needs no question of its own: where it is too much for two halves, one side's least is.
    for side, (least, _) in (("longs", within.longs), ("shorts", within.shorts)):
        if least > half + TOLERANCE:
            return f"market_neutral: {wants} give the {side} {least:.2%}, but each side may have {half:.2%}"
    return ""


def _wants(bounds: Bounds) -> str:
    """Name the bounds from below."""
    wants = [f"min_weight {bounds.least:.2%} of {len(bounds.sector)} symbols"] if bounds.least > 0.0 else []
    wants += [f"sectors.{name} {low:.2%}" for name, low in zip(bounds.names, bounds.low, strict=True) if low > 0.0]
    return ", ".join(wants)


def reach(bounds: Bounds) -> Reach:
    """Return what the bounds of symbols and sectors allow, whatever `gross` is. They must not clash within a sector."""
    groups = len(bounds.names) + 1
    longs = np.bincount(bounds.sector, bounds.sides > 0.0, groups)
    shorts = np.bincount(bounds.sector, bounds.sides < 0.0, groups)
    low, high = np.append(bounds.low, 0.0), np.append(bounds.high, np.inf)
    lows, highs = (longs * bounds.least, shorts * bounds.least), (longs * bounds.most, shorts * bounds.most)
    total_low, total_high = np.maximum(low, lows[0] + lows[1]), np.minimum(high, highs[0] + highs[1])
    sides = [
        (
            float(np.maximum(lows[side], total_low - highs[1 - side]).sum()),
            float(np.minimum(highs[side], total_high - lows[1 - side]).sum()),
        )
        for side in (0, 1)
    ]
    return Reach(sides[0], sides[1], (float(total_low.sum()), float(total_high.sum())))


def within_reach(bounds: Bounds) -> tuple[Bounds, str]:
    """Return the bounds with the gross that they allow, and words about it where that is less than was aimed at."""
    within = reach(bounds)
    gross = min(bounds.gross, within.total[1])
    if bounds.neutral:
        gross = min(gross, 2.0 * within.longs[1], 2.0 * within.shorts[1])
    if gross >= bounds.gross - TOLERANCE:
        return bounds, ""
    count = len(bounds.sector)
    binding = f"max_weight {bounds.most:.2%} of {count} symbol{'s'[: count != 1]}"
    counts = np.bincount(bounds.sector, minlength=len(bounds.names) + 1).tolist()
    for name, high, members in zip(bounds.names, bounds.high, counts, strict=False):
        binding += f", sectors.{name} {high:.2%}" if high < members * bounds.most else ""
    words = f"bounds allow {gross:.2%} of equity, not {bounds.gross:.2%}: {binding}"
    return replace(bounds, gross=gross), words


def leave_no_choice(bounds: Bounds) -> bool:
    """Return whether every symbol has the most that it may have, or the least: there is nothing to optimise."""
    count = len(bounds.sector)
    return bounds.gross >= count * bounds.most - TOLERANCE or bounds.gross <= count * bounds.least + TOLERANCE
