"""Proportions within bounds are the nearest ones in relative entropy, and exact where a formula is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cvxpy as cp
import numpy as np
import pytest

from alphafactory.domain.allocation import AllocationSettings
from alphafactory.portfolio.bounds import Bounds, bounds_of, clash, reach, within_reach
from alphafactory.portfolio.projection import project, water_fill

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray


def random_bounds(seed: int, *, neutral: bool) -> tuple[FloatArray, Bounds]:
    """Proportions and bounds that do not clash, with sectors that bind more often than not."""
    rng = np.random.default_rng(seed)
    while True:
        count = int(rng.integers(2, 14))
        names = [f"Sector {number}" for number in range(int(rng.integers(1, 4)))]
        low, high = rng.uniform(0.0, 0.2, len(names)), rng.uniform(0.2, 0.7, len(names))
        settings = AllocationSettings(
            side="market_neutral" if neutral else "long_short",
            gross=float(rng.choice([0.9, 1.0, 1.6])),
            min_weight=float(rng.choice([0.0, 0.02])),
            max_weight=float(rng.uniform(0.1, 0.6)),
            sector_bounds={name: (float(low[i]) * (i % 2), float(high[i])) for i, name in enumerate(names)},
        )
        sides = rng.choice([-1.0, 1.0], count)
        both = bool((sides > 0).any() and (sides < 0).any())
        bounds = bounds_of(settings, sides, list(rng.choice([*names, "Free"], count)))
        if (both or not neutral) and not clash(bounds):
            return rng.lognormal(0.0, 1.0, count), within_reach(bounds)[0]


def nearest(raw: FloatArray, bounds: Bounds) -> FloatArray:
    """The same weights from a solver that knows nothing of levels."""
    weights = cp.Variable(len(raw))
    longs = (bounds.sides > 0.0).astype(np.float64)
    conditions = [weights >= bounds.least, weights <= bounds.most, cp.sum(weights) == bounds.gross]
    if bounds.neutral:
        conditions.append(longs @ weights == bounds.gross / 2.0)
    for number, (low, high) in enumerate(zip(bounds.low, bounds.high, strict=True)):
        members = (bounds.sector == number).astype(np.float64)
        conditions += [members @ weights <= high, members @ weights >= low]
    cp.Problem(cp.Minimize(cp.sum(cp.kl_div(weights, raw))), conditions).solve(solver="CLARABEL")
    return np.asarray(weights.value)


def entropy(weights: FloatArray, raw: FloatArray) -> float:
    positive = np.maximum(weights, 1e-300)
    return float((positive * np.log(positive / raw) - positive).sum())


def check_kept(weights: FloatArray, bounds: Bounds) -> None:
    assert weights.min() >= bounds.least - 1e-12
    assert weights.max() <= bounds.most + 1e-12
    assert weights.sum() == pytest.approx(bounds.gross, abs=1e-12)
    sums = np.bincount(bounds.sector, weights, len(bounds.names) + 1)[:-1]
    assert np.all(sums <= np.array(bounds.high) + 1e-12)
    assert np.all(sums >= np.array(bounds.low) - 1e-12)
    if bounds.neutral:
        assert (weights * bounds.sides).sum() == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("neutral", [False, True])
def test_it_is_the_nearest_in_relative_entropy(neutral: bool) -> None:
    for seed in range(25):
        raw, bounds = random_bounds(seed, neutral=neutral)
        found, expected = project(raw, bounds), nearest(raw, bounds)
        # The solver stops where the entropy is flat to 1e-8, which is 1e-4 of weight.
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-4, err_msg=str(seed))
        assert entropy(found, raw) <= entropy(expected, raw) + 1e-8


@pytest.mark.parametrize("neutral", [False, True])
def test_bounds_and_sums_are_kept(neutral: bool) -> None:
    for seed in range(400 if not neutral else 150):
        raw, bounds = random_bounds(1000 + seed, neutral=neutral)
        check_kept(project(raw, bounds), bounds)


def test_water_is_filled_by_hand() -> None:
    # The most, 0.4, holds the first; the rest share 0.6 as 3 to 2 to 1.
    np.testing.assert_allclose(water_fill(np.array([14.0, 3.0, 2.0, 1.0]), 0.0, 0.4, 1.0), [0.4, 0.3, 0.2, 0.1])
    # The least, 0.15, holds the last; the rest share 0.85 as 5 to 3.
    found = water_fill(np.array([5.0, 3.0, 0.1]), 0.15, 1.0, 1.0)
    np.testing.assert_allclose(found, [0.85 * 5 / 8, 0.85 * 3 / 8, 0.15])


def test_sums_out_of_reach_give_the_nearest() -> None:
    np.testing.assert_array_equal(water_fill(np.array([3.0, 1.0]), 0.0, 0.3, 1.0), [0.3, 0.3])
    np.testing.assert_array_equal(water_fill(np.array([3.0, 1.0]), 0.2, 0.3, 0.1), [0.2, 0.2])
    np.testing.assert_array_equal(water_fill(np.array([0.0, 0.0]), 0.0, 0.3, 0.1), [0.0, 0.0])


def test_without_bounds_that_bind_proportions_stay() -> None:
    raw = np.array([5.0, 1.0, 4.0])
    bounds = bounds_of(AllocationSettings(), np.ones(3), ["a", "b", "c"])
    np.testing.assert_allclose(project(raw, bounds), raw / 10.0, rtol=1e-15)


def test_a_sector_is_held_and_others_stay_in_proportion() -> None:
    settings = AllocationSettings(sector_bounds={"Energy": (0.0, 0.2)})
    bounds = bounds_of(settings, np.ones(4), ["Energy", "Energy", "Health", "Tech"])
    np.testing.assert_allclose(project(np.array([3.0, 1.0, 1.0, 3.0]), bounds), [0.15, 0.05, 0.2, 0.6], rtol=1e-14)


@pytest.mark.parametrize("neutral", [False, True])
def test_the_reach_is_what_a_linear_program_finds(neutral: bool) -> None:
    for seed in range(20):
        _, bounds = random_bounds(5000 + seed, neutral=False)
        weights = cp.Variable(len(bounds.sides))
        conditions = [weights >= bounds.least, weights <= bounds.most]
        for number, (low, high) in enumerate(zip(bounds.low, bounds.high, strict=True)):
            members = (bounds.sector == number).astype(np.float64)
            conditions += [members @ weights <= high, members @ weights >= low]
        measured = weights[bounds.sides > 0.0] if neutral else weights
        expected = reach(bounds).longs if neutral else reach(bounds).total
        if measured.size == 0:
            continue
        for found, direction in zip(expected, (cp.Minimize, cp.Maximize), strict=True):
            best = cp.Problem(direction(cp.sum(measured)), conditions).solve(solver="CLARABEL")
            assert found == pytest.approx(best, abs=1e-6)
