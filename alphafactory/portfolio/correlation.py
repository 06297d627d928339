"""Which of the held symbols move together.

Goes in: joint returns of the symbols. Comes out: their correlations, and clusters of symbols that are all correlated
with each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.portfolio.outcomes import ZERO_VOLATILITY

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray, IntArray
    from alphafactory.portfolio.outcomes import Number

_FEWEST = 3
"""Two returns always lie on one line: their correlation says nothing."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """Symbols that move together.

    `labels` has shape (m,): numbers from 1, the largest cluster first (of equals the one with the first symbol).
    `order` has shape (m,): the symbols so that clusters stand together, for a matrix that a person reads.
    """

    labels: IntArray
    order: IntArray


def correlation_matrix(returns: FloatArray) -> FloatArray:
    """Return Pearson's correlations of the columns, shape (m, m), with 1 on the diagonal.

    NaN for a symbol with a return missing, with fewer than three, or that does not move (its diagonal too): an unknown
    correlation is not 0.

    Args:
        returns: shape (n, m), the newest n simple returns.
    """
    if len(returns) < _FEWEST:
        return np.full((returns.shape[1], returns.shape[1]), np.nan)
    centred = returns - returns.mean(axis=0)
    spread = np.sqrt((centred * centred).sum(axis=0))
    spread = np.where(spread >= ZERO_VOLATILITY * np.sqrt(len(returns)), spread, np.nan)
    matrix = np.clip((centred.T @ centred) / np.outer(spread, spread), -1.0, 1.0)
    np.fill_diagonal(matrix, np.where(np.isnan(spread), np.nan, 1.0))
    return np.asarray(matrix)


def average_correlation(matrix: FloatArray) -> Number:
    """Return the mean of the known correlations of different symbols; `one_symbol`, or `no_correlation_is_known`."""
    if len(matrix) < 2:  # noqa: PLR2004  one symbol has no pair
        return "one_symbol"
    pairs = matrix[np.triu_indices(len(matrix), 1)]
    known = pairs[np.isfinite(pairs)]
    return float(known.mean()) if len(known) else "no_correlation_is_known"


def clusters(matrix: FloatArray, threshold: float = 0.7) -> Clusters:
    """Group symbols by complete linkage of the distance 1 - correlation, cut at 1 - threshold.

    Complete linkage keeps its word: any two symbols of a cluster are correlated by at least `threshold`. A symbol whose
    correlations are unknown stays alone.

    Args:
        matrix: shape (m, m), of `correlation_matrix`.
        threshold: correlation from which symbols count as moving together.
    """
    symbols = len(matrix)
    if symbols < 2:  # noqa: PLR2004  one symbol is its own cluster
        return Clusters(np.ones(symbols, np.int64), np.arange(symbols))
    from scipy.cluster.hierarchy import fcluster, leaves_list, linkage  # noqa: PLC0415  slow to import

    # Unknown counts as the farthest there is: moving exactly against each other.
    distance = 1.0 - np.where(np.isnan(matrix), -1.0, matrix)
    tree = linkage(distance[np.triu_indices(symbols, 1)], method="complete")
    found = fcluster(tree, 1.0 - threshold, criterion="distance")
    labels = _by_size(found)
    return Clusters(labels, np.lexsort((np.argsort(leaves_list(tree)), labels)).astype(np.int64))


def _by_size(found: IntArray) -> IntArray:
    """Return the labels numbered from 1, the largest cluster first, of equals the one that begins first."""
    _, first, inverse, counts = np.unique(found, return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(len(counts), np.int64)
    rank[np.lexsort((first, -counts))] = np.arange(1, len(counts) + 1)
    return rank[inverse]
