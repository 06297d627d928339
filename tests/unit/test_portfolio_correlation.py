"""Correlations against NumPy and pandas, clusters against what they promise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphafactory.portfolio.correlation import average_correlation, clusters, correlation_matrix


def returns_of(seed: int, sessions: int = 60, symbols: int = 8) -> np.ndarray:
    random = np.random.default_rng(seed)
    factors = random.normal(0, 0.01, (sessions, 2)) @ random.normal(0, 1, (2, symbols))
    return factors + random.normal(0, 0.005, (sessions, symbols))


def test_the_matrix_is_pearsons() -> None:
    returns = returns_of(1)
    found = correlation_matrix(returns)
    np.testing.assert_allclose(found, np.corrcoef(returns.T), atol=1e-14)
    np.testing.assert_array_equal(found, found.T)
    assert (np.diag(found) == 1.0).all()
    scaled = correlation_matrix(returns * np.arange(1, 9) + 0.5)
    np.testing.assert_allclose(scaled, found, atol=1e-12)


def test_an_unknown_correlation_is_not_zero() -> None:
    returns = returns_of(2, symbols=4)
    returns[:, 1] = 0.001
    returns[3, 2] = np.nan
    found = correlation_matrix(returns)
    assert np.isnan(found[[1, 2]]).all()
    assert np.isnan(found[:, [1, 2]]).all()
    assert found[0, 3] == pytest.approx(pd.DataFrame(returns).corr().loc[0, 3], abs=1e-12)
    assert np.isnan(correlation_matrix(returns[:2])).all()


def test_the_average_is_of_the_known_pairs() -> None:
    matrix = np.array([[1.0, 0.5, np.nan], [0.5, 1.0, -0.1], [np.nan, -0.1, 1.0]])
    assert average_correlation(matrix) == pytest.approx(0.2)
    assert average_correlation(np.ones((1, 1))) == "one_symbol"
    assert average_correlation(np.empty((0, 0))) == "one_symbol"
    assert average_correlation(np.full((3, 3), np.nan)) == "no_correlation_is_known"


def test_two_blocks_and_a_loner() -> None:
    random = np.random.default_rng(3)
    first, second = random.normal(0, 1, 500), random.normal(0, 1, 500)
    noise = random.normal(0, 0.2, (500, 6))
    returns = np.column_stack([second, first, random.normal(0, 1, 500), first, second, first]) + noise
    found = clusters(correlation_matrix(returns), 0.7)
    assert found.labels.tolist() == [2, 1, 3, 1, 2, 1]
    assert found.labels[found.order].tolist() == [1, 1, 1, 2, 2, 3]
    assert sorted(found.order.tolist()) == list(range(6))


@given(seed=st.integers(0, 10_000), threshold=st.sampled_from([0.3, 0.5, 0.7, 0.9]))
@settings(max_examples=60, deadline=None)
def test_all_of_a_cluster_move_together_and_clusters_could_not_be_merged(seed: int, threshold: float) -> None:
    matrix = correlation_matrix(returns_of(seed))
    found = clusters(matrix, threshold)
    groups = [np.flatnonzero(found.labels == label) for label in range(1, found.labels.max() + 1)]
    assert [len(group) for group in groups] == sorted((len(group) for group in groups), reverse=True)
    for group in groups:
        assert matrix[np.ix_(group, group)].min() >= threshold - 1e-9
    for one, own in enumerate(groups):
        for other in groups[one + 1 :]:
            assert matrix[np.ix_(own, other)].min() < threshold
    assert (np.diff(found.labels[found.order]) >= 0).all()


def test_a_pair_of_exactly_the_threshold_belongs_together() -> None:
    assert clusters(np.array([[1.0, 0.7], [0.7, 1.0]]), 0.7).labels.tolist() == [1, 1]
    assert clusters(np.array([[1.0, 0.6999], [0.6999, 1.0]]), 0.7).labels.tolist() == [1, 2]


def test_what_is_unknown_stays_alone_and_opposites_are_no_cluster() -> None:
    matrix = np.array([[1.0, 0.9, np.nan], [0.9, 1.0, np.nan], [np.nan, np.nan, np.nan]])
    assert clusters(matrix).labels.tolist() == [1, 1, 2]
    assert clusters(np.array([[1.0, -0.99], [-0.99, 1.0]])).labels.tolist() == [1, 2]


def test_one_symbol_or_none() -> None:
    one = clusters(np.ones((1, 1)))
    assert (one.labels.tolist(), one.order.tolist()) == ([1], [0])
    assert clusters(np.empty((0, 0))).labels.tolist() == []
