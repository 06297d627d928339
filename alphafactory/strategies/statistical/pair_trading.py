"""Trades spreads of pairs: from how far each is from its mean to the weights of the symbols.

A spread is bought, y long and x short, when it lies `enter` deviations below its mean, and sold short that far above;
the trade ends at `leave`, or at `stop`. After a stop the pair is left alone until the spread has come back to `leave`:
what was wrong goes on being wrong. A pair of which a symbol has no bar or is no member any more is left, for half a
pair is no hedge.

Each formation begins anew, with one exception: a pair that is formed again is judged from the formation before on, by
its new estimates, so that an open trade goes on. A position thus depends on two formations and nothing older.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.strategies.holding import held

if TYPE_CHECKING:
    from alphafactory.domain.arrays import BoolArray, FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import StrategyParameters
    from alphafactory.strategies.statistical.pair_formation import Formation


def tradable(view: MarketView, formation: Formation, first: int) -> BoolArray:
    """Return whether both symbols can be held, in rows `first` to before the formation's end, (rows, pairs)."""
    rows = slice(first, formation.end)
    can = ~np.isnan(view.close[rows])
    if view.member is not None:
        can &= view.member[rows]
    return can[:, formation.y] & can[:, formation.x] & (np.arange(first, formation.end)[:, None] >= formation.since)


def positions(away: FloatArray, usable: BoolArray, params: StrategyParameters) -> FloatArray:
    """Return 1 where a spread is held long, -1 where it is held short, else 0.

    Args:
        away: deviations from the mean, shape (rows, pairs), NaN where unknown.
        usable: the same shape; where False, a pair is out and nothing is learnt of it.
        params: `enter`, `leave` and `stop`.
    """
    away = np.where(usable, away, np.nan)
    enter, leave, stop = params["enter"], params["leave"], params["stop"]
    out = held(np.abs(away) > stop, np.abs(away) < leave) | np.isnan(away)
    long, short = held(away < -enter, (away > -leave) | out), held(away > enter, (away < leave) | out)
    return long.astype(np.float64) - short


def legs(slope: FloatArray, share: float) -> tuple[FloatArray, FloatArray]:
    """Return the weights of y and x of a spread held long, which together are `share` of the equity.

    The spread is one of log prices, y - slope x: a return of x is met by `slope` times as much money in x as in y.
    """
    y = share / (1.0 + np.abs(slope))
    return y, -slope * y


def add_pairs(target: FloatArray, formation: Formation, y: FloatArray, x: FloatArray) -> None:
    """Add the weights of a formation's pairs, of shape (rows, pairs), to the symbols' targets.

    Pair by pair and in their order: a product of matrices may round otherwise where history is shorter.
    """
    rows = slice(formation.row, formation.end)
    for place, (one, other) in enumerate(zip(formation.y, formation.x, strict=True)):
        target[rows, one] += y[:, place]
        target[rows, other] += x[:, place]
