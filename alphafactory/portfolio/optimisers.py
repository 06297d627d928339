"""Models that an optimiser fits: the only place where skfolio is spoken to.

Goes in: returns without NaN, the symbols' sides and bounds. Comes out: absolute weights, or words why there are none.

A symbol's side is known before its weight, so every model is asked for positive weights of the returns times the side,
which is what a short earns. Shrinkage towards a multiple of the identity (Ledoit-Wolf, OAS) is the same for both. All
convex ones are solved by Clarabel, an interior-point solver. Linear algebra runs on one thread: on several, sums are
added in another order, which changes the last digits, and matrices of this size take longer.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray
    from alphafactory.portfolio.bounds import Bounds

TAU = 0.05
EQUILIBRIUM_RISK_AVERSION = 2.5
"""Both as in He and Litterman, The Intuition Behind Black-Litterman Model Portfolios, 1999."""

INFORMATION_COEFFICIENT = 0.05
"""Correlation of forecast and return that Grinold and Kahn, Active Portfolio Management, 2000, call good."""

PERCENT = 100.0
"""Returns are handed over in percent: no weight depends on their unit, but the solver's tolerances are absolute, and
with fractions it stops where marginal variances still differ by 1e-3 of themselves (with percent, by 1e-5)."""

_NO_GROWTH = 1e-8
"""Expected excess returns of a session, in percent, up to this are none: a ratio with them is all noise."""


def optimise(
    model: str,
    returns: FloatArray,
    strengths: FloatArray,
    *,
    covariance: str,
    bounds: Bounds,
    rate: float,
) -> tuple[FloatArray | None, str]:
    """Return absolute weights, shape (k,), and words about what the optimiser had to give up.

    * `risk_parity`: equal contributions to variance, w_i·(Σw)_i (Maillard, Roncalli and Teïletche, 2010); with bounds
      that bind, the nearest that a constrained risk budget gives (Richard and Roncalli, 2019).
    * `min_variance`: the least w'Σw.
    * `max_sharpe`: the most mean excess return a deviation, of the returns of the window.
    * `hierarchical_risk_parity`: López de Prado, 2016. It knows no bounds; the caller brings it within them.
    * `black_litterman`: `max_sharpe` with the returns expected of `black_litterman_prior`.

    Args:
        model: one of `domain.allocation.FITTED`.
        returns: shape (T, k), finite.
        strengths: absolute signals, shape (k,).
        covariance: its estimator, one of `domain.allocation.COVARIANCES`.
        bounds: must not clash, and `gross` must be within their reach.
        rate: risk-free return of a session.

    Returns:
        Weights as the solver gave them, accurate to about 1e-8, and a remark; or None and the reason.
    """
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  the models alone need it

    oriented = PERCENT * (returns - rate if model == "max_sharpe" else returns) * bounds.sides
    with warnings.catch_warnings(record=True) as said, np.errstate(all="ignore"), threadpool_limits(limits=1):
        warnings.simplefilter("always")
        try:
            estimator = _estimator(model, oriented, strengths, covariance, bounds)
            weights = np.asarray(estimator.fit(oriented).weights_, dtype=np.float64)
        except _faults() as fault:
            return None, f"the optimiser found no answer ({_first_line(fault)})"
    if not np.isfinite(weights).all():
        return None, "the optimiser's answer is no number"
    if model in ("risk_parity", "hierarchical_risk_parity"):
        weights = weights * bounds.gross  # these two know no other sum than 1
    return weights, _remark([str(one.message) for one in said])


def _faults() -> tuple[type[Exception], ...]:
    """What an optimiser raises when data or bounds leave it without an answer."""
    from cvxpy.error import SolverError  # noqa: PLC0415  a second of imports that most commands do without
    from skfolio.exceptions import OptimizationError  # noqa: PLC0415  the same

    return (OptimizationError, SolverError, np.linalg.LinAlgError, ArithmeticError, ValueError)


def _estimator(model: str, oriented: FloatArray, strengths: FloatArray, covariance: str, bounds: Bounds) -> Any:
    from skfolio.optimization import HierarchicalRiskParity, MeanRisk, ObjectiveFunction, RiskBudgeting  # noqa: PLC0415

    prior = _empirical_prior(covariance)
    if model == "risk_parity":
        return RiskBudgeting(prior_estimator=prior, **_budget_bounds(bounds))
    if model == "hierarchical_risk_parity":
        return HierarchicalRiskParity(prior_estimator=prior)
    if model == "min_variance":
        return MeanRisk(prior_estimator=prior, **_mean_risk_bounds(bounds))
    if model == "black_litterman":
        prior = black_litterman_prior(oriented, strengths, bounds.sides, covariance)
    elif oriented.mean(axis=0).max() <= _NO_GROWTH:
        raise ValueError("no expected return is above the risk-free rate")
    ratio = ObjectiveFunction.MAXIMIZE_RATIO
    return MeanRisk(objective_function=ratio, prior_estimator=prior, **_mean_risk_bounds(bounds))


def _covariance(name: str) -> Any:
    from skfolio.moments import OAS, EmpiricalCovariance, LedoitWolf  # noqa: PLC0415

    return {"ledoit_wolf": LedoitWolf, "oas": OAS, "empirical": EmpiricalCovariance}[name]()


def _empirical_prior(covariance: str) -> Any:
    from skfolio.prior import EmpiricalPrior  # noqa: PLC0415

    return EmpiricalPrior(covariance_estimator=_covariance(covariance))


def black_litterman_prior(oriented: FloatArray, strengths: FloatArray, sides: FloatArray, covariance: str) -> Any:
    """Return the estimator (returns in percent) of Black and Litterman, 1991, whose views are the strategies' signals.

    For each symbol the view is an expected excess return a session of

        information coefficient · volatility · |signal| = 0.05 · volatility_i · |signal_i|

    in the direction of its side: "alpha is volatility times IC times score" (Grinold, 1994, Journal of Portfolio
    Management 20). The volatility is the window's sample deviation. The views meet an equilibrium of an equally
    weighted long market with risk aversion 2.5, at τ = 0.05, each view as uncertain as its own prior: Ω = diag(τΣ)
    (He and Litterman, 1999).
    """
    from skfolio.moments import EquilibriumMu  # noqa: PLC0415
    from skfolio.prior import BlackLitterman, EmpiricalPrior  # noqa: PLC0415

    count = len(sides)
    names = [f"a{number}" for number in range(count)]
    views = INFORMATION_COEFFICIENT * oriented.std(axis=0, ddof=1) * strengths
    # The market is long in every symbol; seen from a short's side its weight is negative. A variance in squares of
    # percent has to become a return in percent.
    equilibrium = EquilibriumMu(
        risk_aversion=EQUILIBRIUM_RISK_AVERSION / PERCENT,
        weights=sides / count,
        covariance_estimator=_covariance(covariance),
    )
    return BlackLitterman(
        views=[f"{name} = {view:.17f}" for name, view in zip(names, views, strict=True)],
        groups=[names],
        tau=TAU,
        prior_estimator=EmpiricalPrior(mu_estimator=equilibrium, covariance_estimator=_covariance(covariance)),
    )


def _mean_risk_bounds(bounds: Bounds) -> dict[str, Any]:
    return {
        "min_weights": bounds.least,
        "max_weights": min(bounds.most, bounds.gross),
        "budget": None if bounds.neutral else bounds.gross,
        **_sums(bounds, 1.0),
    }


def _budget_bounds(bounds: Bounds) -> dict[str, Any]:
    """Return the bounds of weights that add up to 1; those that hold anyhow are left away, which halves the time."""
    return {
        "min_weights": bounds.least / bounds.gross if bounds.least > 0.0 else None,
        "max_weights": bounds.most / bounds.gross if bounds.most < bounds.gross else None,
        **_sums(bounds, bounds.gross),
    }


def _sums(bounds: Bounds, scale: float) -> dict[str, Any]:
    """Return bounds of sums: each sector's, and each side's in a market-neutral portfolio, in units of `scale`."""
    sides = ["long" if side > 0.0 else "short" for side in bounds.sides]
    sectors = [f"sector{number}" for number in bounds.sector]
    half = bounds.gross / 2.0 / scale
    equations = [f"{side} = {half:.17f}" for side in ("long", "short")] if bounds.neutral else []
    for number, (low, high) in enumerate(zip(bounds.low, bounds.high, strict=True)):
        members = int((bounds.sector == number).sum())
        if low > members * bounds.least:
            equations.append(f"sector{number} >= {low / scale:.17f}")
        if high < min(bounds.gross, members * bounds.most):
            equations.append(f"sector{number} <= {high / scale:.17f}")
    return {"groups": [sides, sectors], "linear_constraints": equations} if equations else {}


def _remark(messages: list[str]) -> str:
    """Say in our words what the libraries warned of; what they deprecate is no business of the reader."""
    remarks = []
    if any("inaccurate" in message for message in messages):
        remarks.append("the optimiser calls its answer inaccurate")
    if any("not positive definite" in message for message in messages):
        remarks.append("the covariance is singular; the nearest regular one was taken")
    return "; ".join(remarks)


def _first_line(fault: Exception) -> str:
    return str(fault).strip().split("\n")[0][:200].rstrip(".") or type(fault).__name__
