"""What optimisers answer is optimal by conditions of our own, keeps the bounds, and is skfolio's to the last digits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from portfolio_samples import WIDE, random_returns
from skfolio.moments import OAS, EmpiricalCovariance, EquilibriumMu, LedoitWolf
from skfolio.optimization import HierarchicalRiskParity, MeanRisk, ObjectiveFunction, RiskBudgeting
from skfolio.prior import BlackLitterman, EmpiricalPrior
from sklearn.covariance import ledoit_wolf, oas

from alphafactory.domain.allocation import COVARIANCES, FITTED, AllocationSettings
from alphafactory.portfolio.bounds import Bounds, bounds_of, clash, within_reach
from alphafactory.portfolio.optimisers import optimise

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray

SYMBOLS = 12
SECTORS = ["Energy", "Health", "Tech"] * 4
BOUNDED = replace(
    WIDE, gross=0.9, min_weight=0.01, max_weight=0.14, sector_bounds={"Energy": (0.0, 0.2), "Tech": (0.4, 1.0)}
)
RATIO = ObjectiveFunction.MAXIMIZE_RATIO


def bounds_for(settings: AllocationSettings, sides: FloatArray | None = None) -> Bounds:
    bounds = bounds_of(settings, np.ones(SYMBOLS) if sides is None else sides, SECTORS)
    assert clash(bounds) == ""
    return within_reach(bounds)[0]


def solved(
    model: str, returns: FloatArray, bounds: Bounds, covariance: str = "ledoit_wolf", rate: float = 0.0
) -> FloatArray:
    strengths = np.linspace(0.2, 1.0, returns.shape[1])
    weights, remark = optimise(model, returns, strengths, covariance=covariance, bounds=bounds, rate=rate)
    assert remark == ""
    assert weights is not None
    return weights


def sides_of(seed: int) -> FloatArray:
    return np.random.default_rng(seed).permutation(np.repeat([1.0, -1.0], SYMBOLS // 2))


def covariance_of(name: str, returns: FloatArray) -> FloatArray:
    """The estimators by scikit-learn and NumPy, without skfolio."""
    if name == "empirical":
        return np.cov(returns, rowvar=False)
    return np.asarray({"ledoit_wolf": ledoit_wolf, "oas": oas}[name](returns)[0])


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_risk_parity_gives_equal_contributions(covariance: str) -> None:
    for seed in range(4):
        returns = random_returns(seed, 120, SYMBOLS)
        weights = solved("risk_parity", returns, bounds_for(WIDE), covariance)
        contributions = weights * (covariance_of(covariance, returns) @ weights)
        np.testing.assert_allclose(contributions / contributions.mean(), 1.0, rtol=0, atol=1e-4)


@pytest.mark.parametrize("side", ["long_short", "market_neutral"])
def test_risk_parity_of_shorts_counts_their_side(side: str) -> None:
    returns, sides = random_returns(9, 120, SYMBOLS), sides_of(9)
    weights = solved("risk_parity", returns, bounds_for(replace(WIDE, side=side), sides)) * sides
    contributions = weights * (covariance_of("ledoit_wolf", returns) @ weights)
    if side == "long_short":
        np.testing.assert_allclose(contributions / contributions.mean(), 1.0, rtol=0, atol=1e-4)
    else:
        # Where the sides are held at half each, the contributions agree up to a multiple of the weight of the side.
        assert weights.sum() == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_min_variance_satisfies_its_optimality_conditions(covariance: str) -> None:
    """Karush, Kuhn and Tucker: free weights share a marginal variance; those at 0 have more, those at the most less."""
    for seed in range(4):
        returns = random_returns(seed, 120, SYMBOLS)
        weights = solved("min_variance", returns, bounds_for(replace(WIDE, max_weight=0.2)), covariance)
        marginal = covariance_of(covariance, returns) @ weights
        at_nothing, at_most = weights < 1e-5, weights > 0.2 - 1e-5
        free = ~at_nothing & ~at_most
        assert free.any()
        price = marginal[free].mean()
        np.testing.assert_allclose(marginal[free] / price, 1.0, rtol=0, atol=2e-4)
        assert np.all(marginal[at_nothing] >= price * (1 - 1e-4))
        assert np.all(marginal[at_most] <= price * (1 + 1e-4))


def feasible(bounds: Bounds, seed: int, count: int) -> FloatArray:
    """Random portfolios within the bounds, shape (count, symbols), made without the code under test."""
    rng = np.random.default_rng(seed)
    found: list[FloatArray] = []
    while len(found) < count:
        weights = rng.dirichlet(np.full(SYMBOLS, 4.0), 5000) * bounds.gross
        kept = (weights.min(axis=1) >= bounds.least) & (weights.max(axis=1) <= bounds.most)
        for number, (low, high) in enumerate(zip(bounds.low, bounds.high, strict=True)):
            sums = weights[:, bounds.sector == number].sum(axis=1)
            kept &= (sums >= low) & (sums <= high)
        found += list(weights[kept])
    return np.array(found[:count])


@pytest.mark.parametrize("settings", [WIDE, BOUNDED], ids=["wide", "bounded"])
def test_no_random_portfolio_within_the_bounds_is_better(settings: AllocationSettings) -> None:
    bounds = bounds_for(settings)
    for seed in range(3):
        returns = random_returns(seed, 120, SYMBOLS)
        others = feasible(bounds, seed, 400)
        covariance = covariance_of("ledoit_wolf", returns)
        calm = solved("min_variance", returns, bounds)
        assert calm @ covariance @ calm <= np.einsum("pi,ij,pj->p", others, covariance, others).min() * (1 + 1e-7)
        sharp = solved("max_sharpe", returns, bounds, rate=0.0001)
        excess = returns.mean(axis=0) - 0.0001
        ratios = others @ excess / np.sqrt(np.einsum("pi,ij,pj->p", others, covariance, others))
        assert excess @ sharp / np.sqrt(sharp @ covariance @ sharp) >= ratios.max() - 1e-7


@pytest.mark.parametrize("model", [model for model in FITTED if model != "hierarchical_risk_parity"])
@pytest.mark.parametrize("side", ["long_only", "long_short", "market_neutral"])
def test_bounds_are_kept_in_the_optimiser(model: str, side: str) -> None:
    returns = random_returns(21, 120, SYMBOLS)
    sides = np.ones(SYMBOLS) if side == "long_only" else sides_of(5)
    bounds = bounds_for(replace(BOUNDED, side=side), sides)
    weights = solved(model, returns, bounds)
    assert weights.sum() == pytest.approx(bounds.gross, abs=1e-6)
    assert weights.min() >= 0.01 - 1e-6
    assert weights.max() <= 0.14 + 1e-6
    sums = {name: sum(w for w, sector in zip(weights, SECTORS, strict=True) if sector == name) for name in set(SECTORS)}
    assert sums["Energy"] <= 0.2 + 1e-6
    assert sums["Tech"] >= 0.4 - 1e-6
    if side == "market_neutral":
        assert weights @ sides == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_the_weights_are_those_of_skfolio(covariance: str) -> None:
    returns = random_returns(31, 120, SYMBOLS)
    estimator = {"ledoit_wolf": LedoitWolf, "oas": OAS, "empirical": EmpiricalCovariance}[covariance]
    prior = EmpiricalPrior(covariance_estimator=estimator())
    direct: dict[str, Any] = {
        "min_variance": MeanRisk(prior_estimator=prior),
        "max_sharpe": MeanRisk(objective_function=RATIO, prior_estimator=prior),
        "hierarchical_risk_parity": HierarchicalRiskParity(prior_estimator=prior),
        "risk_parity": RiskBudgeting(prior_estimator=prior, min_weights=None, max_weights=None),
    }
    for model, estimator_of_model in direct.items():
        found = solved(model, returns, bounds_for(WIDE), covariance, rate=0.0002)
        asked = returns - 0.0002 if model == "max_sharpe" else returns
        expected = estimator_of_model.fit(100.0 * asked).weights_
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9, err_msg=model)
        # What skfolio answers in fractions is the same as far as its solver's tolerance goes.
        coarse = estimator_of_model.fit(asked).weights_
        np.testing.assert_allclose(found, coarse, rtol=0, atol=2e-3, err_msg=model)


def test_the_free_rate_is_skfolios() -> None:
    returns = random_returns(32, 120, SYMBOLS)
    found = solved("max_sharpe", returns, bounds_for(WIDE), rate=0.0002)
    prior = EmpiricalPrior(covariance_estimator=LedoitWolf())
    direct = MeanRisk(objective_function=RATIO, prior_estimator=prior, risk_free_rate=0.02)
    np.testing.assert_allclose(found, direct.fit(100.0 * returns).weights_, rtol=0, atol=1e-4)
    assert np.abs(found - solved("max_sharpe", returns, bounds_for(WIDE))).max() > 1e-2


def test_black_litterman_is_its_formula() -> None:
    """The posterior by hand (He and Litterman, 1999), against views and prior written out."""
    returns = random_returns(41, 120, SYMBOLS)
    strengths = np.linspace(0.2, 1.0, SYMBOLS)
    covariance = covariance_of("ledoit_wolf", returns)
    views = 0.05 * returns.std(axis=0, ddof=1) * strengths
    equilibrium = 2.5 * covariance @ np.full(SYMBOLS, 1.0 / SYMBOLS)
    precision = np.linalg.inv(0.05 * covariance)
    certainty = np.diag(1.0 / (0.05 * np.diag(covariance)))
    posterior = np.linalg.inv(precision + certainty) @ (precision @ equilibrium + certainty @ views)
    spread = covariance + np.linalg.inv(precision + certainty)
    weights = solved("black_litterman", returns, bounds_for(WIDE))
    # The most Sharpe ratio of the posterior: excess over marginal risk is one number for all that are held.
    held = weights > 1e-4
    assert held.sum() >= 3
    quotient = posterior / (spread @ weights)
    np.testing.assert_allclose(quotient[held] / quotient[held].mean(), 1.0, rtol=0, atol=1e-4)
    assert np.all(quotient[weights < 1e-6] <= quotient[held].mean() * (1 + 1e-4))


def test_black_litterman_is_skfolios_with_shorts_turned() -> None:
    returns, sides = random_returns(42, 120, SYMBOLS), sides_of(2)
    strengths = np.linspace(0.2, 1.0, SYMBOLS)
    mu = EquilibriumMu(risk_aversion=2.5, covariance_estimator=LedoitWolf())
    views = [f"s{i} = {v:.17f}" for i, v in enumerate(0.05 * returns.std(axis=0, ddof=1) * strengths * sides)]
    prior = BlackLitterman(
        views=views,
        groups=[[f"s{i}" for i in range(SYMBOLS)]],
        prior_estimator=EmpiricalPrior(mu_estimator=mu, covariance_estimator=LedoitWolf()),
    )
    low, high = np.where(sides > 0, 0.0, -1.0), np.where(sides > 0, 1.0, 0.0)
    direct = MeanRisk(objective_function=RATIO, prior_estimator=prior, min_weights=low, max_weights=high, budget=None)
    direct.set_params(groups=[["l" if s > 0 else "s" for s in sides]], linear_constraints=["l = 0.5", "s = -0.5"])
    found = solved("black_litterman", returns, bounds_for(replace(WIDE, side="market_neutral"), sides)) * sides
    np.testing.assert_allclose(found, direct.fit(returns).weights_, rtol=0, atol=2e-4)


def test_stronger_signals_get_more_from_black_litterman() -> None:
    returns = random_returns(43, 120, SYMBOLS)
    weak, _ = optimise(
        "black_litterman", returns, np.full(SYMBOLS, 0.3), covariance="oas", bounds=bounds_for(WIDE), rate=0.0
    )
    strengths = np.full(SYMBOLS, 0.3)
    strengths[4] = 1.0
    strong, _ = optimise("black_litterman", returns, strengths, covariance="oas", bounds=bounds_for(WIDE), rate=0.0)
    assert weak is not None
    assert strong is not None
    assert strong[4] > weak[4] + 0.05


def test_more_symbols_than_sessions_are_remarked_on() -> None:
    returns = random_returns(44, 8, SYMBOLS)
    weights, remark = optimise(
        "min_variance", returns, np.ones(SYMBOLS), covariance="empirical", bounds=bounds_for(WIDE), rate=0.0
    )
    assert weights is not None
    assert weights.sum() == pytest.approx(1.0, abs=1e-6)
    assert remark == "the covariance is singular; the nearest regular one was taken"


def test_falling_markets_have_no_best_ratio() -> None:
    returns = random_returns(45, 120, SYMBOLS) * 0.1 - 0.01
    weights, reason = optimise(
        "max_sharpe", returns, np.ones(SYMBOLS), covariance="oas", bounds=bounds_for(WIDE), rate=0.0
    )
    assert weights is None
    assert "no expected return is above the risk-free rate" in reason


@pytest.mark.parametrize("model", FITTED)
def test_nonsense_is_an_answer_in_words(model: str) -> None:
    returns = np.full((120, SYMBOLS), np.inf)
    weights, reason = optimise(model, returns, np.ones(SYMBOLS), covariance="oas", bounds=bounds_for(WIDE), rate=0.0)
    assert weights is None
    assert reason
