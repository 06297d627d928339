"""Who comes first where cash is short: a priority for each symbol in each session, higher first.

Goes in: signals and returns up to each row. Comes out: priorities, known at their row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.allocation import RANKINGS
from alphafactory.errors import UnknownNameError

if TYPE_CHECKING:
    from alphafactory.domain.arrays import BoolArray, FloatArray

CALM_SESSIONS = 60
MOMENTUM_SESSIONS = 252
MOMENTUM_SKIPPED = 21
"""Twelve months of return without the newest (Jegadeesh and Titman, 1993), in sessions."""


def priorities(signals: FloatArray, returns: FloatArray, model: str, seed: int) -> FloatArray:
    """Return priorities, higher first; ties go to the earlier column, as the simulation has it.

    * `signal`: the absolute signal.
    * `volatility`: minus the sample deviation of the 60 newest returns: the calm come first.
    * `momentum`: the total return from 252 to 21 sessions ago, times the signal's side: what rose is bought first, what
      fell is sold short first.
    * `random`: a draw from [0, 1) for each row and symbol, given the seed. Later rows do not change earlier ones.

    Args:
        signals: shape (n, symbols), finite.
        returns: total returns, shape (n, symbols), NaN where unknown.
        model: one of `domain.allocation.RANKINGS`.
        seed: of the draws.

    Returns:
        Shape (n, symbols); -inf, the last in line, where the window begins before a symbol's first return. A missing
        return after that is 0, because the price stood still.

    Raises:
        UnknownNameError: no such ranking.
    """
    if model == "signal":
        return np.abs(signals)
    if model == "volatility":
        return _calm(_without_gaps(returns))
    if model == "momentum":
        return _momentum(_without_gaps(returns), np.sign(signals))
    if model == "random":
        return np.random.default_rng(seed).random(signals.shape)
    raise UnknownNameError("ranking", model, RANKINGS)


def first_in_line(signals: FloatArray, ranks: FloatArray, rebalance: BoolArray, places: int) -> FloatArray:
    """Return the signals of those for whom there is a place, 0 for the others, shape (n, symbols).

    Where an account may hold `places` positions only (0: any number), capital is divided among as many. At each
    rebalance the first by rank are chosen, ties by column. One that was not chosen has to wait for the next rebalance,
    unless its signal begins anew before that.

    Args:
        signals: shape (n, symbols).
        ranks: shape (n, symbols), higher first.
        rebalance: shape (n,).
        places: most positions at once.
    """
    if places == 0 or places >= signals.shape[1]:
        return signals
    sides, chosen = np.sign(signals), np.ones(signals.shape[1], dtype=np.bool_)
    found = np.zeros_like(signals)
    for row in range(len(signals)):
        if rebalance[row]:
            wishing = np.flatnonzero(sides[row])
            order = wishing[np.argsort(-ranks[row, wishing], kind="stable")]
            chosen = np.zeros(signals.shape[1], dtype=np.bool_)
            chosen[order[:places]] = True
        elif row > 0:
            chosen |= sides[row] != sides[row - 1]
        found[row, chosen] = signals[row, chosen]
    return found


def _without_gaps(returns: FloatArray) -> FloatArray:
    begun = np.maximum.accumulate(np.isfinite(returns), axis=0)
    return np.where(begun & np.isnan(returns), 0.0, returns)


def _calm(returns: FloatArray) -> FloatArray:
    found = np.full(returns.shape, -np.inf)
    if len(returns) >= CALM_SESSIONS:
        windows = np.lib.stride_tricks.sliding_window_view(returns, CALM_SESSIONS, axis=0)
        deviations = np.stack([rows.std(axis=-1, ddof=1) for rows in windows])
        found[CALM_SESSIONS - 1 :] = np.where(np.isnan(deviations), -np.inf, -deviations)
    return found


def _momentum(returns: FloatArray, sides: FloatArray) -> FloatArray:
    found = np.full(returns.shape, -np.inf)
    length = MOMENTUM_SESSIONS - MOMENTUM_SKIPPED
    rows = len(returns) - MOMENTUM_SESSIONS + 1
    for row in range(max(rows, 0)):
        # A product of its own for each row: one running sum over all rows would depend on where the data begin.
        growth = np.prod(1.0 + returns[row : row + length], axis=0) - 1.0
        oriented = growth * np.where(sides[row + MOMENTUM_SESSIONS - 1] < 0.0, -1.0, 1.0)
        found[row + MOMENTUM_SESSIONS - 1] = np.where(np.isnan(oriented), -np.inf, oriented)
    return found
