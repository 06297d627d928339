"""Holds the best, or the worst, of a universe from one date of the calendar until the next.

Goes in: a score of each symbol, higher being better, and the rows in which portfolios are made. Comes out: weights that
stay the same in between, so that orders arise on those dates alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.strategies.rebalancing import kept_between

if TYPE_CHECKING:
    from alphafactory.domain.arrays import BoolArray, FloatArray, IntArray
    from alphafactory.domain.plugins import MarketView

LONGEST_MONTH = 23
LONGEST_WEEK = 5
"""Sessions of an exchange between two ends of months and of weeks, at most."""


def held_between(view: MarketView, score: FloatArray, due: BoolArray, share: float, *, short: bool) -> FloatArray:
    """Return weights made in each row of `due` and kept until the next, 0 before the first, (sessions, symbols).

    Args:
        view: who is a member.
        score: shape (sessions, symbols), NaN where unknown or without a bar: such a symbol takes no part.
        due: shape (sessions,).
        share: part of the symbols that is held long, and as many short.
        short: whether the worst are sold short; both sides then have half of the equity each.
    """
    rows = np.flatnonzero(due)
    present = ~np.isnan(score[rows])
    if view.member is not None:
        present &= view.member[rows]
    made = np.zeros(score.shape)
    made[rows] = ranked_weights(score[rows], present, share, short=short)
    weights = kept_between(made, due)
    return weights if view.member is None else np.where(view.member, weights, 0.0)


def ranked_weights(score: FloatArray, present: BoolArray, share: float, *, short: bool) -> FloatArray:
    """Return equal weights of the best of each row, and negative ones of the worst, shape of `score`.

    Of n present symbols `share` x n, rounded down, and at least one, are held on each side; a single one has nobody to
    be better than and is not held. Of equals the earlier column is the better one.
    """
    rank = _ranks(np.where(present, score, -np.inf))
    there = present.sum(axis=1, keepdims=True)
    # The small amount keeps 0.29 x 100 from being 28, for want of the last bit of 0.29.
    count = np.where(there > 1, np.maximum(np.floor(share * there + 1e-9), 1.0), 0.0)
    weight = np.divide(0.5 if short else 1.0, count, out=np.zeros_like(count), where=count > 0.0)
    best = np.where(rank < count, weight, 0.0)
    return best - np.where((rank >= there - count) & (rank < there), weight, 0.0) if short else best


def _ranks(score: FloatArray) -> IntArray:
    """Return places from 0, the highest score, on in each row."""
    order = np.argsort(-score, axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(score.shape[1])[None, :], axis=1)
    return rank
