"""Value at risk against closed forms, empyrical, SciPy and finite differences, and its sums."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import integrate, stats

from alphafactory.errors import UnknownNameError, UsageError
from alphafactory.portfolio.value_at_risk import METHODS, RiskParts, portfolio_tail_risk, tail_risk

with warnings.catch_warnings():
    # The oracle warns of its own dependencies while it is imported.
    warnings.simplefilter("ignore")
    import empyrical
    import pandas as pd

if TYPE_CHECKING:
    from alphafactory.portfolio.value_at_risk import PortfolioTailRisk

WEIGHTS = np.array([0.3, -0.2, 0.0, 0.4])


def returns_of(seed: int, sessions: int = 400, symbols: int = 4) -> np.ndarray:
    """Draw joint returns with a common factor and fat tails."""
    random = np.random.default_rng(seed)
    market = 0.01 * random.standard_t(4, size=(sessions, 1))
    return 0.0004 + market + 0.01 * random.standard_t(5, size=(sessions, symbols))


def parts_of(found: PortfolioTailRisk) -> tuple[RiskParts, RiskParts]:
    assert isinstance(found.value_at_risk, RiskParts)
    assert isinstance(found.conditional, RiskParts)
    return found.value_at_risk, found.conditional


@pytest.mark.parametrize("sessions", [2, 3, 20, 21, 101, 252, 1000])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_history_is_what_empyrical_says(sessions: int, level: float) -> None:
    returns = returns_of(sessions, sessions)[:, 0]
    found = tail_risk(returns, "history", level)
    cutoff = round(1 - level, 12)
    assert found.value_at_risk == pytest.approx(empyrical.value_at_risk(returns, cutoff), abs=1e-15)
    assert found.conditional == pytest.approx(empyrical.conditional_value_at_risk(returns, cutoff), abs=1e-15)
    assert found.sessions == sessions


def test_history_by_hand() -> None:
    returns = np.array([0.03, -0.05, 0.01, -0.01, 0.02])
    # Place 0.25 * 4 = 1 in order: -0.05, -0.01 -> -0.01, and the mean of these two beyond it.
    found = tail_risk(returns, "history", 0.75)
    assert found.value_at_risk == pytest.approx(-0.01, abs=1e-16)
    assert found.conditional == pytest.approx(-0.03, abs=1e-16)


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_normal_is_the_quantile_and_the_tail_mean_of_the_fitted_normal(level: float) -> None:
    returns = returns_of(1)[:, 0]
    fitted = stats.norm(returns.mean(), returns.std(ddof=1))
    found = tail_risk(returns, "normal", level)
    assert found.value_at_risk == pytest.approx(fitted.ppf(1 - level), rel=1e-9)
    beyond = fitted.expect(lambda x: x, ub=fitted.ppf(1 - level)) / (1 - level)
    assert found.conditional == pytest.approx(beyond, rel=1e-6)


def expansion(z: float, skew: float, kurtosis: float) -> float:
    return z + (z**2 - 1) * skew / 6 + (z**3 - 3 * z) * kurtosis / 24 - (2 * z**3 - 5 * z) * skew**2 / 36


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_cornish_fisher_is_the_expansion_and_its_mean_over_the_tail(level: float) -> None:
    returns = returns_of(2)[:, 0]
    series = pd.Series(returns)
    mean, deviation, skew, kurtosis = series.mean(), series.std(), series.skew(), series.kurt()
    found = tail_risk(returns, "cornish_fisher", level)
    z = stats.norm.ppf(1 - level)
    assert found.value_at_risk == pytest.approx(mean + deviation * expansion(z, skew, kurtosis), rel=1e-9)
    area = integrate.quad(lambda x: expansion(x, skew, kurtosis) * stats.norm.pdf(x), -12, z)[0]
    assert found.conditional == pytest.approx(mean + deviation * area / (1 - level), rel=1e-7)


def test_cornish_fisher_by_hand_on_nine_returns() -> None:
    returns = np.array([-5.0, -1.0, -1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 5.0]) / 100
    # Symmetric, so S = 0. Sum of squares 54, of fourth powers 1254; s^2 = 54/8.
    # K = 9*10*8/(7*6) * 1254/54^2 - 3*8^2/(7*6) = 2.8007055
    z = -1.6448536269514722
    expected = math.sqrt(6.75) / 100 * (z + (z**3 - 3 * z) / 24 * (720 / 42 * 1254 / 2916 - 192 / 42))
    assert expected == pytest.approx(-0.041266, abs=1e-6)
    assert tail_risk(returns, "cornish_fisher", 0.95).value_at_risk == pytest.approx(expected, rel=1e-12)


def test_cornish_fisher_refuses_moments_for_which_it_is_no_quantile() -> None:
    lottery = np.concatenate((np.full(300, -0.001), [0.9]))
    found = tail_risk(lottery, "cornish_fisher", 0.95)
    assert found.value_at_risk == found.conditional == "outside_cornish_fisher_domain"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(5))
def test_components_add_up_to_the_whole(method: str, seed: int) -> None:
    found = portfolio_tail_risk(WEIGHTS, returns_of(seed), method, 0.95, seed=seed)
    for part in parts_of(found):
        assert part.component.sum() == pytest.approx(part.total, abs=1e-15)
        held = WEIGHTS != 0
        assert part.component[held] == pytest.approx(WEIGHTS[held] * part.marginal[held], abs=1e-18)
        assert part.component[2] == 0.0
        assert math.isnan(part.marginal[2])


@pytest.mark.parametrize("method", METHODS)
def test_the_portfolio_is_the_series_of_its_weighted_returns(method: str) -> None:
    returns = returns_of(3)
    of_weights = parts_of(portfolio_tail_risk(WEIGHTS, returns, method, 0.99, seed=7))
    of_series = tail_risk(returns @ WEIGHTS, method, 0.99, seed=7)
    assert of_weights[0].total == pytest.approx(of_series.value_at_risk, abs=1e-14)
    assert of_weights[1].total == pytest.approx(of_series.conditional, abs=1e-14)


@pytest.mark.parametrize("method", METHODS)
def test_marginals_are_derivatives(method: str) -> None:
    returns, step = returns_of(4), 1e-7
    weights = np.array([0.3, -0.2, 0.1, 0.4])
    base = parts_of(portfolio_tail_risk(weights, returns, method))
    for symbol in range(4):
        up, down = weights.copy(), weights.copy()
        up[symbol] += step
        down[symbol] -= step
        pairs = zip(
            parts_of(portfolio_tail_risk(up, returns, method)),
            parts_of(portfolio_tail_risk(down, returns, method)),
            base,
            strict=True,
        )
        for higher, lower, part in pairs:
            slope = (higher.total - lower.total) / (2 * step)
            assert part.marginal[symbol] == pytest.approx(slope, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_twice_the_weights_are_twice_the_risk(method: str) -> None:
    returns = returns_of(5)
    one, two = (parts_of(portfolio_tail_risk(scale * WEIGHTS, returns, method)) for scale in (1, 2))
    for single, double in zip(one, two, strict=True):
        assert double.total == pytest.approx(2 * single.total, rel=1e-12)
        assert double.marginal[[0, 1, 3]] == pytest.approx(single.marginal[[0, 1, 3]], rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_the_mean_beyond_is_no_better_than_the_quantile(method: str, level: float) -> None:
    for seed in range(10):
        var, beyond = parts_of(portfolio_tail_risk(WEIGHTS, returns_of(seed), method, level, draws=2000))
        assert beyond.total <= var.total


def test_a_symbol_that_is_not_held_changes_nothing_and_a_late_listing_shortens_the_history() -> None:
    returns = returns_of(6)
    full = parts_of(portfolio_tail_risk(WEIGHTS, returns))[0].total
    other = returns.copy()
    other[:, 2] = np.nan
    assert parts_of(portfolio_tail_risk(WEIGHTS, other))[0].total == full
    late = returns.copy()
    late[:100, 1] = np.nan
    found = portfolio_tail_risk(WEIGHTS, late)
    assert found.sessions == 300
    assert parts_of(found)[0].total == parts_of(portfolio_tail_risk(WEIGHTS, returns[100:]))[0].total


def test_monte_carlo_repeats_by_seed_and_tends_to_history() -> None:
    returns = returns_of(7)[:, 0]
    first, again, other = (tail_risk(returns, "monte_carlo", seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    many = tail_risk(returns, "monte_carlo", draws=400_000)
    history = tail_risk(returns)
    assert many.value_at_risk == pytest.approx(history.value_at_risk, rel=0.03)
    assert many.conditional == pytest.approx(history.conditional, rel=0.03)


def test_monte_carlo_keeps_fat_tails_that_a_normal_loses() -> None:
    returns = 0.01 * np.random.default_rng(8).standard_t(3, size=2000)
    bootstrap, normal = (tail_risk(returns, method, 0.99).conditional for method in ("monte_carlo", "normal"))
    assert isinstance(bootstrap, float)
    assert isinstance(normal, float)
    assert bootstrap < 1.2 * normal


def test_monte_carlo_looks_further_ahead_with_the_root_of_the_horizon() -> None:
    returns = np.random.default_rng(9).normal(0, 0.01, 2000)
    returns -= returns.mean()
    one, nine = (tail_risk(returns, "monte_carlo", horizon=days, draws=100_000).value_at_risk for days in (1, 9))
    assert isinstance(one, float)
    assert nine == pytest.approx(3 * one, rel=0.04)


def test_monte_carlo_draws_all_symbols_of_a_session_together() -> None:
    crash = np.full((100, 2), 0.001)
    crash[:10] = -0.1
    hedged = portfolio_tail_risk(np.array([0.5, -0.5]), crash, "monte_carlo", 0.99)
    assert parts_of(hedged)[1].total == pytest.approx(0.0, abs=1e-15)
    both = portfolio_tail_risk(np.array([0.5, 0.5]), crash, "monte_carlo", 0.95)
    assert parts_of(both)[0].total == pytest.approx(-0.1, abs=1e-15)


@pytest.mark.parametrize("method", METHODS)
def test_without_a_position_or_a_past_there_is_a_reason(method: str) -> None:
    assert portfolio_tail_risk(np.zeros(4), returns_of(1), method).value_at_risk == "no_position"
    assert tail_risk(np.array([0.01]), method).conditional == "fewer_than_two_returns"
    assert tail_risk(np.empty(0), method).value_at_risk == "fewer_than_two_returns"
    assert portfolio_tail_risk(WEIGHTS, np.full((9, 4), np.nan), method).sessions == 0


def test_what_never_moves_has_a_history_but_no_moments() -> None:
    flat = np.full(50, 0.001)
    assert tail_risk(flat, "history").value_at_risk == 0.001
    assert tail_risk(flat, "monte_carlo").conditional == pytest.approx(0.001, abs=1e-15)
    assert tail_risk(flat, "normal").value_at_risk == "zero_volatility"
    assert tail_risk(flat, "cornish_fisher").value_at_risk == "zero_volatility"
    assert tail_risk(np.array([0.01, -0.01, 0.02]), "cornish_fisher").value_at_risk == "fewer_than_four_returns"
    assert isinstance(tail_risk(np.array([0.01, -0.01]), "normal").value_at_risk, float)


def test_one_symbol_has_the_whole_risk() -> None:
    returns = returns_of(10, symbols=1)
    var = parts_of(portfolio_tail_risk(np.array([0.8]), returns, "normal"))[0]
    assert var.component[0] == pytest.approx(var.total, rel=1e-14)
    assert var.total == pytest.approx(0.8 * np.float64(tail_risk(returns[:, 0], "normal").value_at_risk), rel=1e-12)


def test_impossible_questions_are_refused() -> None:
    returns = returns_of(1)[:, 0]
    with pytest.raises(UnknownNameError, match="Did you mean 'history'"):
        tail_risk(returns, "histroy")
    for level in (0.05, 1.0, math.nan):
        with pytest.raises(UsageError, match="confidence"):
            tail_risk(returns, level=level)
    with pytest.raises(UsageError, match="horizon"):
        tail_risk(returns, "monte_carlo", horizon=0)
