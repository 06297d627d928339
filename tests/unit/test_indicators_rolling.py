"""Windows against plain sums: exact to the last digits, blind to what follows, unspoilt by a NaN outside the window."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphafactory.indicators import rolling
from alphafactory.indicators.rolling import (
    lagged,
    ratio,
    rolling_comoments,
    rolling_correlation,
    rolling_decline,
    rolling_max,
    rolling_mean,
    rolling_min,
    rolling_moments,
    rolling_rank,
    rolling_sum,
    rolling_variance,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from alphafactory.domain.arrays import FloatArray

NAN = float("nan")
WINDOWS = (2, 3, 7, 20, 64)


def walk(seed: int, length: int, level: float = 0.0) -> FloatArray:
    return level + np.cumsum(np.random.default_rng(seed).normal(size=length))


def each_window(values: FloatArray, window: int, of: Callable[[list[float]], float]) -> FloatArray:
    """Answer for every window on its own, NaN where it is not filled or holds a NaN."""
    found = np.full(len(values), NAN)
    for end in range(window, len(values) + 1):
        part = values[end - window : end].tolist()
        if not any(math.isnan(value) for value in part):
            found[end - 1] = of(part)
    return found


def plain_moment(part: list[float], power: int) -> float:
    mean = math.fsum(part) / len(part)
    return math.fsum((value - mean) ** power for value in part) / len(part)


def plain_decline(part: list[float]) -> float:
    return min(later / earlier - 1.0 for place, earlier in enumerate(part) for later in part[place:])


def plain_rank(part: list[float]) -> float:
    *before, newest = part
    return sum((value < newest) + 0.5 * (value == newest) for value in before) / len(before)


PLAIN: dict[str, tuple[Callable[[FloatArray, int], FloatArray], Callable[[list[float]], float]]] = {
    "sum": (rolling_sum, math.fsum),
    "mean": (rolling_mean, lambda part: math.fsum(part) / len(part)),
    "max": (rolling_max, max),
    "min": (rolling_min, min),
    "variance": (rolling_variance, lambda part: plain_moment(part, 2) * len(part) / (len(part) - 1)),
    "first": (lambda x, n: rolling_moments(x, n, 4)[0], lambda part: math.fsum(part) / len(part)),
    "second": (lambda x, n: rolling_moments(x, n, 4)[1], lambda part: plain_moment(part, 2)),
    "third": (lambda x, n: rolling_moments(x, n, 4)[2], lambda part: plain_moment(part, 3)),
    "fourth": (lambda x, n: rolling_moments(x, n, 4)[3], lambda part: plain_moment(part, 4)),
    "rank": (rolling_rank, plain_rank),
}


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("name", sorted(PLAIN))
def test_equals_every_window_on_its_own(name: str, window: int) -> None:
    ours, plain = PLAIN[name]
    values = walk(window, 300)
    expected = each_window(values, window, plain)
    # A sum that all but vanishes has no more digits than what it was summed of.
    scale = max(1.0, np.nanmax(np.abs(expected)))
    np.testing.assert_allclose(ours(values, window), expected, rtol=1e-12, atol=1e-13 * scale)


@pytest.mark.parametrize("window", WINDOWS)
def test_decline_equals_the_worst_pair(window: int) -> None:
    values = np.exp(0.02 * walk(window, 300))
    np.testing.assert_allclose(
        rolling_decline(values, window), each_window(values, window, plain_decline), rtol=1e-12, atol=1e-15
    )


@pytest.mark.parametrize("window", WINDOWS)
def test_correlation_equals_numpy(window: int) -> None:
    one, other = walk(1, 200), walk(2, 200)
    expected = [
        NAN if end < window else np.corrcoef(one[end - window : end], other[end - window : end])[0, 1]
        for end in range(1, 201)
    ]
    np.testing.assert_allclose(rolling_correlation(one, other, window), expected, rtol=1e-11, atol=1e-12)


def test_a_level_far_above_the_scatter_costs_no_digits() -> None:
    values = walk(3, 500, level=1e6)
    expected = each_window(values, 20, PLAIN["variance"][1])
    np.testing.assert_allclose(rolling_variance(values, 20), expected, rtol=1e-12)


def test_equal_values_do_not_scatter_at_all() -> None:
    values = np.concatenate([walk(4, 50, 100.0), np.full(60, 0.1), walk(5, 50, 3000.0)])
    for moment in rolling_moments(values, 20, 4)[1:]:
        assert (moment[69:110] == 0.0).all()
    assert (rolling_moments(values, 20)[0][69:110] == 0.1).all()
    assert np.isnan(rolling_correlation(values, walk(6, 160), 20)[69:110]).all()


def test_comoments_are_numpy_covariances() -> None:
    one, other = walk(7, 100, 50.0), walk(8, 100, -900.0)
    found = rolling_comoments(one, other, 30)
    expected = np.cov(one[40:70], other[40:70], ddof=0)
    got = [found.variance[69], found.covariance[69], found.covariance[69], found.other_variance[69]]
    np.testing.assert_allclose(got, expected.ravel(), rtol=1e-12)
    np.testing.assert_allclose([found.mean[69], found.other_mean[69]], [one[40:70].mean(), other[40:70].mean()])


EVERY: dict[str, Callable[[FloatArray, int], FloatArray]] = {
    **{name: ours for name, (ours, _) in PLAIN.items()},
    "decline": lambda x, n: rolling_decline(np.exp(x), n),
    "correlation": lambda x, n: rolling_correlation(x, lagged(x, 1), n),
}


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), length=st.integers(0, 90), cut=st.integers(0, 90), window=st.integers(2, 40))
def test_what_follows_changes_nothing(seed: int, length: int, cut: int, window: int) -> None:
    values = np.round(walk(seed, length), 1)
    for name, ours in EVERY.items():
        whole, part = ours(values, window), ours(values[:cut], window)
        assert whole[:cut].tobytes() == part.tobytes(), name
        assert np.isnan(whole[: window - 1]).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), length=st.integers(0, 90), start=st.integers(0, 90), window=st.integers(2, 40))
def test_what_lies_before_the_window_changes_nothing(seed: int, length: int, start: int, window: int) -> None:
    values = walk(seed, length)
    for name, ours in EVERY.items():
        reach = window - 1 + (name == "correlation")  # the pair of a bar needs the bar before
        whole, later = ours(values, window), ours(values[start:], window)
        assert whole[start + reach :].tobytes() == later[reach:].tobytes(), name


@pytest.mark.parametrize("name", sorted(EVERY))
def test_a_nan_spoils_the_windows_that_hold_it_and_no_others(name: str) -> None:
    values = 0.1 * walk(9, 120)
    holed = values.copy()
    holed[[0, 50]] = NAN
    window = 12
    whole, found = EVERY[name](values, window), EVERY[name](holed, window)
    reach = window + (name == "correlation")  # the pair of a bar needs the bar before
    held = np.array([np.isnan(holed[max(end - reach, 0) : end]).any() for end in range(1, 121)])
    assert np.isnan(found[held]).all()
    assert (found[~held] == whole[~held]).all()


@pytest.mark.parametrize("name", sorted(EVERY))
def test_pieces_do_not_show(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values = walk(11, 500)
    whole = EVERY[name](values, 20)
    monkeypatch.setattr(rolling, "_PIECE", 64)
    assert EVERY[name](values, 20).tobytes() == whole.tobytes()


def test_a_window_of_one_is_the_value_itself() -> None:
    values = walk(10, 30)
    for ours in (rolling_sum, rolling_mean, rolling_max, rolling_min):
        assert (ours(values, 1) == values).all()
    assert (rolling_decline(np.exp(values), 1) == 0.0).all()


def test_rank_counts_a_tie_as_half() -> None:
    assert rolling_rank(np.array([1.0, 3.0, 2.0, 2.0, 2.0]), 5)[-1] == 0.5
    assert rolling_rank(np.array([1.0, 2.0, 3.0]), 3)[-1] == 1.0


def test_ratio_divides_by_what_is_positive_alone() -> None:
    found = ratio(np.array([1.0, 1.0, 1.0, 1.0]), np.array([2.0, 0.0, -1.0, NAN]))
    np.testing.assert_array_equal(found, [0.5, NAN, NAN, NAN])


def test_lagged_begins_with_nan() -> None:
    values = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(lagged(values, 0), values)
    np.testing.assert_array_equal(lagged(values, 2), [NAN, NAN, 1.0])
    np.testing.assert_array_equal(lagged(values, 5), [NAN, NAN, NAN])
