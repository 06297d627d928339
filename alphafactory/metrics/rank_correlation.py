"""Spearman's rank correlation of many series at once.

Goes in: columns of values, NaN where there is none. Comes out: a matrix of correlations with the number of common
values of each pair, and their average over several symbols.

Ranks do not care about units, about outliers, or about whether one series is another one's square: what is left of two
features with a rank correlation near 1 or -1 is the same order of days.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from alphafactory.domain.arrays import BoolArray, FloatArray, IntArray

FEWEST = 250
"""A year of common values."""


def average_ranks(values: FloatArray) -> FloatArray:
    """Return the ranks within each column, from 1, the mean rank for equal values; shape of `values`, (n, m)."""
    rows = np.ascontiguousarray(values.T)
    order = np.argsort(rows, axis=1, kind="stable")
    ordered = np.take_along_axis(rows, order, axis=1)
    places = np.broadcast_to(np.arange(rows.shape[1], dtype=np.float64), rows.shape)
    differs = ordered[:, 1:] != ordered[:, :-1]
    edge = np.ones((len(rows), 1), dtype=np.bool_)
    first = np.maximum.accumulate(np.where(np.hstack([edge, differs]), places, 0.0), axis=1)
    last_place = np.where(np.hstack([differs, edge]), places, np.inf)
    last = np.minimum.accumulate(last_place[:, ::-1], axis=1)[:, ::-1]
    ranks = np.empty(rows.shape)
    np.put_along_axis(ranks, order, (first + last) / 2.0 + 1.0, axis=1)
    return np.ascontiguousarray(ranks.T)


def rank_correlation(values: FloatArray, fewest: int = FEWEST) -> tuple[FloatArray, IntArray]:
    """Return Spearman's correlations of the columns and the number of rows that each of them rests on, (m, m) both.

    A pair is ranked on the rows on which both have a value. NaN, resting on 0 rows, for a pair with fewer than
    `fewest` of them, or of which one does not vary there.

    Args:
        values: shape (n, m), NaN where a column has no value.
        fewest: common values that a correlation needs.
    """
    known = ~np.isnan(values)
    patterns, group = _patterns(known)
    correlations = np.full((values.shape[1], values.shape[1]), np.nan)
    counts = np.zeros(correlations.shape, dtype=np.int64)
    for rows, pairs in _common_rows(patterns, fewest):
        columns = np.flatnonzero(np.isin(group, np.unique(pairs)))
        found = _correlations(average_ranks(values[np.ix_(rows, columns)]))
        wanted = np.zeros((patterns.shape[1],) * 2, dtype=np.bool_)
        wanted[pairs[:, 0], pairs[:, 1]] = wanted[pairs[:, 1], pairs[:, 0]] = True
        here = wanted[np.ix_(group[columns], group[columns])] & ~np.isnan(found)
        place = np.ix_(columns, columns)
        correlations[place] = np.where(here, found, correlations[place])
        counts[place] = np.where(here, len(rows), counts[place])
    return correlations, counts


class AverageCorrelation:
    """The average of correlation matrices over symbols, each pair weighted by the rows that it rests on."""

    def __init__(self, columns: int) -> None:
        """Start with nothing known of so many columns."""
        self._sums = np.zeros((columns, columns))
        self._rows = np.zeros((columns, columns), dtype=np.int64)
        self._symbols = np.zeros((columns, columns), dtype=np.int64)

    def add(self, correlations: FloatArray, counts: IntArray) -> None:
        """Take one symbol's matrices in, as `rank_correlation` returns them."""
        known = ~np.isnan(correlations)
        self._sums += np.where(known, correlations, 0.0) * counts
        self._rows += counts
        self._symbols += known

    @property
    def matrix(self) -> FloatArray:
        """The averages, shape (m, m), NaN for a pair that no symbol knows."""
        averages: FloatArray = np.full(self._sums.shape, np.nan)
        np.divide(self._sums, self._rows, out=averages, where=self._rows > 0)
        return averages

    @property
    def rows(self) -> IntArray:
        """The rows that each average rests on, over all symbols, shape (m, m)."""
        return self._rows

    @property
    def symbols(self) -> IntArray:
        """The symbols that each average rests on, shape (m, m)."""
        return self._symbols


def _patterns(known: BoolArray) -> tuple[BoolArray, IntArray]:
    """Return the distinct columns, shape (n, k), and for each column which of them it is, shape (m,)."""
    numbers: dict[bytes, int] = {}
    packed = np.packbits(known, axis=0).T
    group = np.array([numbers.setdefault(column.tobytes(), len(numbers)) for column in packed], dtype=np.int64)
    _, first = np.unique(group, return_index=True)
    return known[:, first], group


def _common_rows(patterns: BoolArray, fewest: int) -> list[tuple[IntArray, IntArray]]:
    """Return each distinct set of common rows with the pairs of patterns that have it, (rows, pairs of shape (k, 2)).

    Features differ by their warm-up above all, so that a pair's common rows are those of one of both, and there are as
    many sets as there are warm-ups.
    """
    left, right = np.triu_indices(patterns.shape[1])
    sets: dict[bytes, list[int]] = {}
    common = patterns[:, left] & patterns[:, right]
    packed = np.packbits(common, axis=0)
    for pair in np.flatnonzero(common.sum(axis=0) >= fewest).tolist():
        sets.setdefault(packed[:, pair].tobytes(), []).append(pair)
    return [
        (np.flatnonzero(common[:, pairs[0]]), np.column_stack([left[pairs], right[pairs]])) for pairs in sets.values()
    ]


def _correlations(ranks: FloatArray) -> FloatArray:
    """Return Pearson's correlations of ranks, (m, m), NaN for a column in which all are equal."""
    centred = ranks - (len(ranks) + 1) / 2.0
    spread = np.sqrt((centred * centred).sum(axis=0))
    spread = np.where(spread > 0.0, spread, np.nan)
    return np.asarray(np.clip((centred.T @ centred) / np.outer(spread, spread), -1.0, 1.0))
