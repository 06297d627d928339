"""Ranks and their correlations against SciPy, with holes, ties and constants; averages over symbols; whom to keep."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr

from alphafactory.metrics.rank_correlation import AverageCorrelation, average_ranks, rank_correlation
from alphafactory.pipeline.correlating import keepers
from alphafactory.portfolio.correlation import clusters


def market_of(seed: int, rows: int = 300, columns: int = 8) -> np.ndarray:
    random = np.random.default_rng(seed)
    values = random.normal(size=(rows, 3)) @ random.normal(size=(3, columns)) + random.normal(size=(rows, columns))
    values[:, 1] = np.round(values[:, 1])  # ties
    values[:, 2] = np.sign(values[:, 2])
    return values


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 5))
def test_ranks_are_scipys(seed: int, rows: int, levels: int) -> None:
    values = np.random.default_rng(seed).integers(0, levels * 3, (rows, 4)).astype(np.float64)
    np.testing.assert_array_equal(average_ranks(values), rankdata(values, axis=0))


def test_correlations_are_spearmans() -> None:
    values = market_of(1)
    found, counts = rank_correlation(values)
    np.testing.assert_allclose(found, spearmanr(values)[0], atol=1e-13)
    np.testing.assert_array_equal(found, found.T)
    assert (counts == 300).all()


def test_each_pair_is_ranked_on_the_rows_that_it_has_in_common() -> None:
    values = market_of(2, rows=600)
    values[:40, 3] = values[:100, 4] = values[:100, 5] = np.nan  # warm-ups
    values[250::7, 6] = np.nan  # and holes
    found, counts = rank_correlation(values)
    for one in range(8):
        for other in range(8):
            known = ~np.isnan(values[:, one]) & ~np.isnan(values[:, other])
            wanted = spearmanr(values[known, one], values[known, other])[0] if one != other else 1.0
            assert found[one, other] == pytest.approx(wanted, abs=1e-12)
            assert counts[one, other] == known.sum()


def test_too_few_common_values_are_no_correlation() -> None:
    values = market_of(3, rows=400)
    values[200:, 0] = np.nan
    values[:160, 1] = np.nan
    found, counts = rank_correlation(values, fewest=180)
    assert np.isnan(found[0, 1])
    assert counts[0, 1] == 0
    assert not np.isnan(found[0, 2])
    assert counts[0].tolist() == [200, 0, 200, 200, 200, 200, 200, 200]
    found, _ = rank_correlation(values, fewest=201)
    assert np.isnan(found[0]).all()
    assert not np.isnan(found[1, 1:]).any()


def test_a_constant_and_a_column_of_holes_are_undefined() -> None:
    values = market_of(4)
    values[:, 5], values[:, 6] = 7.0, np.nan
    found, counts = rank_correlation(values)
    for place in (5, 6):
        assert np.isnan(found[place]).all()
        assert np.isnan(found[:, place]).all()
        assert (counts[place] == 0).all()
    rest = [0, 1, 2, 3, 4, 7]
    np.testing.assert_allclose(found[np.ix_(rest, rest)], spearmanr(values[:, rest])[0], atol=1e-13)


def test_a_column_may_be_constant_only_where_another_one_is_known() -> None:
    values = market_of(5, rows=600)
    values[300:, 0] = 1.0
    values[:300, 1] = np.nan
    found, counts = rank_correlation(values)
    assert np.isnan(found[0, 1])
    assert counts[0, 1] == 0
    assert found[0, 2] == pytest.approx(spearmanr(values[:, 0], values[:, 2])[0], abs=1e-12)


def test_monotone_twins_are_found_whatever_their_units() -> None:
    values = market_of(6, columns=6)
    twins = np.column_stack([values, np.exp(values[:, 0]) * 1e6, -(values[:, 3] ** 3)])
    found, _ = rank_correlation(twins)
    assert found[0, 6] == pytest.approx(1.0, abs=1e-12)
    assert found[3, 7] == pytest.approx(-1.0, abs=1e-12)
    labels = clusters(np.abs(found), 0.95).labels
    assert labels[0] == labels[6]
    assert labels[3] == labels[7]
    assert len(set(labels.tolist())) == 6


def test_symbols_are_averaged_by_their_rows() -> None:
    average = AverageCorrelation(8)
    parts = [market_of(seed, rows=rows) for seed, rows in ((7, 300), (8, 900), (9, 260))]
    parts[1][:, 4] = 1.0  # unknown there
    parts[2][:, 0] = np.nan
    known = [rank_correlation(part) for part in parts]
    for one in known:
        average.add(*one)
    assert average.matrix[5, 6] == pytest.approx(
        sum(found[5, 6] * rows for (found, _), rows in zip(known, (300, 900, 260), strict=True)) / 1460, rel=1e-12
    )
    assert average.matrix[4, 5] == pytest.approx((known[0][0][4, 5] * 300 + known[2][0][4, 5] * 260) / 560, rel=1e-12)
    assert average.matrix[0, 4] == known[0][0][0, 4]
    assert (average.rows[0, 4], average.symbols[0, 4], average.symbols[5, 6]) == (300, 1, 3)
    assert np.isnan(AverageCorrelation(2).matrix).all()


def test_the_one_to_keep_resembles_the_others_most() -> None:
    strength = np.array(
        [
            [1.00, 0.95, 0.91, 0.10, np.nan],
            [0.95, 1.00, 0.97, 0.20, np.nan],
            [0.91, 0.97, 1.00, 0.30, np.nan],
            [0.10, 0.20, 0.30, 1.00, np.nan],
            [np.nan] * 5,
        ]
    )
    labels = np.array([1, 1, 1, 2, 3])
    warm_up = np.array([0, 200, 50, 5, 9])
    assert keepers(strength, labels, warm_up).tolist() == [False, True, False, True, True]
    strength[0, 2] = strength[2, 0] = 0.955  # now all resemble each other about equally: the shortest warm-up decides
    assert keepers(strength, labels, warm_up).tolist() == [True, False, False, True, True]
