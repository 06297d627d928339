"""The bootstrap against a loop in plain Python, formulas of the literature, and what it promises under chance alone."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphafactory.metrics.significance import (
    CONFIDENCE,
    Difference,
    automatic_block_length,
    holm_adjusted,
    paired_test,
    resampled_differences,
    stationary_draws,
)

TERMS = {"periods_per_year": 252, "risk_free_rate": 0.0}


def pair_of(seed: int, count: int = 252, *, gain: float = 0.0, correlation: float = 0.5) -> np.ndarray:
    """Return two series of normal returns with equal Sharpe ratios, but for what the first one gains a session."""
    noise = np.random.default_rng(seed).normal(size=(count, 2))
    noise[:, 1] = correlation * noise[:, 0] + math.sqrt(1.0 - correlation**2) * noise[:, 1]
    return 0.0005 + 0.01 * noise + np.array([gain, 0.0])


def sharpe_of(returns: np.ndarray) -> float:
    return float(returns.mean() / returns.std(ddof=1))


def sharpe_difference(pair: np.ndarray, **more: float) -> Difference:
    given = {"draws": 1000, "seed": 1, **TERMS, **more}
    found = paired_test(pair[:, 0], pair[:, 1], **given).sharpe  # type: ignore[arg-type]
    assert isinstance(found, Difference)
    return found


def test_samples_are_blocks_of_sessions_in_order() -> None:
    [samples] = stationary_draws(50, 400, 8.0, seed=3)
    assert samples.shape == (400, 50)
    follows = samples[:, 1:] == (samples[:, :-1] + 1) % 50
    # A jump lands on the next session by chance as well.
    assert 1.0 - follows.mean() == pytest.approx((1.0 / 8.0) * (1.0 - 1.0 / 50), rel=0.05)
    assert np.bincount(samples.ravel(), minlength=50) / samples.size == pytest.approx(1.0 / 50, rel=0.15)


def test_the_same_seed_draws_the_same_samples_however_many_follow() -> None:
    few = np.concatenate(list(stationary_draws(30, 600, 4.0, seed=7)))
    many = np.concatenate(list(stationary_draws(30, 1000, 4.0, seed=7)))
    np.testing.assert_array_equal(few[:500], many[:500])
    assert not np.array_equal(many, np.concatenate(list(stationary_draws(30, 1000, 4.0, seed=8))))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(25, 80))
def test_all_samples_at_once_are_each_of_them_alone(seed: int, count: int) -> None:
    pair = pair_of(seed, count)
    samples = np.random.default_rng(seed).integers(0, count, (7, count))
    means, ratios = resampled_differences(pair, 0.0001, [samples[:4], samples[4:]])
    for place, rows in enumerate(samples):
        first, second = pair[rows, 0], pair[rows, 1]
        assert means[place] == pytest.approx(first.mean() - second.mean(), abs=1e-15)
        assert ratios[place] == pytest.approx(sharpe_of(first - 0.0001) - sharpe_of(second - 0.0001), rel=1e-9)


@pytest.mark.parametrize("memory", [0.5, -0.3, 0.8])
def test_blocks_are_as_long_as_an_autoregression_wants_them(memory: float) -> None:
    # Of x(t) = a x(t-1) + e the spectrum at 0 and its slope are known: G / g(0) = 2 a / (1 - a^2).
    count = 20_000
    noise = np.random.default_rng(11).normal(size=count)
    values = np.empty(count)
    values[0] = noise[0]
    for place in range(1, count):
        values[place] = memory * values[place - 1] + noise[place]
    wanted = abs(2.0 * memory / (1.0 - memory**2)) ** (2 / 3) * count ** (1 / 3)
    assert automatic_block_length(values) == pytest.approx(wanted, rel=0.15)


def test_blocks_of_what_has_no_memory_are_short_and_never_beyond_their_bound() -> None:
    lengths = [automatic_block_length(np.random.default_rng(seed).normal(size=1000)) for seed in range(20)]
    assert np.median(lengths) < 3.0
    assert automatic_block_length(np.zeros(100)) == 1.0
    trend = np.linspace(0.0, 1.0, 400)
    assert 20.0 < automatic_block_length(trend) <= math.ceil(3.0 * math.sqrt(400))


@pytest.mark.parametrize("gain", [0.0, 0.0002, -0.0004])
def test_without_memory_it_agrees_with_the_analytic_test(gain: float) -> None:
    """Jobson and Korkie (1981), in the form of Memmel (2003): the variance of the difference of two Sharpe ratios."""
    pair = pair_of(5, 2500, gain=gain)
    one, other = sharpe_of(pair[:, 0]), sharpe_of(pair[:, 1])
    together = np.corrcoef(pair.T)[0, 1]
    variance = (2 - 2 * together + 0.5 * (one**2 + other**2 - 2 * one * other * together**2)) / len(pair)
    analytic = 2 * NormalDist().cdf(-abs(one - other) / math.sqrt(variance))
    found = sharpe_difference(pair, draws=4000, block_length=1.0)
    assert found.p_value == pytest.approx(analytic, abs=0.03)
    assert found.value == pytest.approx((one - other) * math.sqrt(252), rel=1e-12)
    half = NormalDist().inv_cdf(0.975) * math.sqrt(variance * 252)
    assert found.high - found.value == pytest.approx(half, rel=0.06)


def test_chance_alone_is_found_about_as_often_as_promised() -> None:
    found = [sharpe_difference(pair_of(seed), draws=300, seed=seed).p_value for seed in range(300)]
    # 5 % and 20 % of 300, each within three standard errors.
    assert np.mean(np.array(found) <= 0.05) == pytest.approx(0.05, abs=0.038)
    assert np.mean(np.array(found) <= 0.20) == pytest.approx(0.20, abs=0.07)


def test_chance_with_memory_is_found_about_as_often_as_promised() -> None:
    found = []
    for seed in range(100):
        noise = pair_of(seed, 520) - 0.0005
        calm = np.repeat(np.random.default_rng(seed).choice([0.4, 1.0, 2.0], 26), 20)  # spells of volatility
        smooth = (noise[1:] + 0.4 * noise[:-1])[:500] * calm[:500, None]
        found.append(sharpe_difference(smooth, draws=300, seed=seed).p_value)
    assert 0.0 < np.mean(np.array(found) <= 0.05) < 0.12


def test_what_is_large_is_found() -> None:
    found = [sharpe_difference(pair_of(seed, gain=0.002), draws=300, seed=seed).p_value for seed in range(60)]
    assert np.mean(np.array(found) <= 0.05) > 0.8
    assert min(found) == pytest.approx(1 / 301)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(-0.002, 0.002))
def test_interval_and_p_value_never_contradict_each_other(seed: int, gain: float) -> None:
    pair = pair_of(seed, 100, gain=gain)
    test = paired_test(pair[:, 0], pair[:, 1], **TERMS, draws=200, seed=seed)
    for found in (test.sharpe, test.mean_return):
        assert isinstance(found, Difference)
        assert (found.low <= 0.0 <= found.high) == (found.p_value > 1.0 - CONFIDENCE)
        assert found.low < found.value < found.high


def test_exchanging_the_two_turns_the_sign() -> None:
    pair = pair_of(9, gain=0.001)
    there, back = sharpe_difference(pair), sharpe_difference(pair[:, ::-1])
    assert (back.value, back.low, back.high) == pytest.approx((-there.value, -there.high, -there.low), rel=1e-12)
    assert back.p_value == there.p_value


def test_a_strategy_does_not_differ_from_itself() -> None:
    pair = np.repeat(pair_of(2)[:, :1], 2, axis=1)
    assert sharpe_difference(pair) == Difference(0.0, 0.0, 0.0, 1.0)


def test_what_cannot_be_tested_says_why() -> None:
    returns, nothing = pair_of(1)[:, 0], np.zeros(252)
    test = paired_test(returns, nothing, **TERMS, draws=200, seed=1)
    assert test.sharpe == "zero_volatility"
    assert isinstance(test.mean_return, Difference)
    once = nothing.copy()
    once[100] = 0.05
    assert paired_test(returns, once, **TERMS, draws=200, seed=1).sharpe == "too_few_returns_vary"
    short = paired_test(returns[:10], nothing[:10], **TERMS, draws=200, seed=1)
    assert (short.sharpe, short.mean_return) == ("too_few_returns", "too_few_returns")


def test_the_risk_free_rate_counts_in_ratios_alone() -> None:
    pair = pair_of(4) * np.array([1.0, 2.0])
    without = paired_test(pair[:, 0], pair[:, 1], **TERMS, draws=200, seed=1, block_length=2.0)
    dear = {"periods_per_year": 252, "risk_free_rate": 0.05}
    beside = paired_test(pair[:, 0], pair[:, 1], **dear, draws=200, seed=1, block_length=2.0)
    assert beside.mean_return == without.mean_return
    rate = 1.05 ** (1 / 252) - 1
    wanted = (sharpe_of(pair[:, 0] - rate) - sharpe_of(pair[:, 1] - rate)) * math.sqrt(252)
    assert isinstance(beside.sharpe, Difference)
    assert beside.sharpe.value == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize(
    ("given", "adjusted"),
    [
        # The four hypotheses of the usual textbook example, and five evenly spaced ones, as R's p.adjust has them.
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.01, 0.02, 0.03, 0.04, 0.05], [0.05, 0.08, 0.09, 0.09, 0.09]),
        ([0.6, 0.9], [1.0, 1.0]),
        ([0.2], [0.2]),
        ([], []),
    ],
)
def test_holm(given: list[float], adjusted: list[float]) -> None:
    assert holm_adjusted(np.array(given)).tolist() == pytest.approx(adjusted, rel=1e-12)
