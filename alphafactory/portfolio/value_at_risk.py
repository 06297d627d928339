"""Value at risk: what a portfolio, or an account, may lose in bad times.

Goes in: returns of an account, or weights and the joint returns of their symbols. Comes out: value at risk and
conditional value at risk as returns (a loss is negative, as everywhere), and for a portfolio their marginals and
components, or the reason why they are undefined.

Four methods. `history`: empirical quantile and tail mean, as empyrical. `normal` and `cornish_fisher`: from moments,
see parametric_risk. `monte_carlo`: a bootstrap. Sessions are drawn with replacement, all symbols of a session together,
which keeps the fat tails and the joint crashes that a multivariate normal draw assumes away. Over one session it
converges to `history`; its use is the longer `horizon`, for which history has too few windows. Draws are independent:
clusters of volatility are not in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.errors import UnknownNameError, UsageError
from alphafactory.portfolio.parametric_risk import Gradient, cornish_fisher_risk, normal_risk

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray, IntArray
    from alphafactory.portfolio.outcomes import Number

METHODS = ("history", "normal", "cornish_fisher", "monte_carlo")
"""How a value at risk may be estimated."""

_PARAMETRIC = {"normal": normal_risk, "cornish_fisher": cornish_fisher_risk}
_FEWEST = 2


@dataclass(frozen=True, slots=True)
class TailRisk:
    """Value at risk and the mean return beyond it, both returns (a loss is negative); `sessions` were looked at."""

    value_at_risk: Number
    conditional: Number
    sessions: int


@dataclass(frozen=True, slots=True)
class RiskParts:
    """A risk of a portfolio and what its symbols have in it.

    `marginal` is the derivative by each weight, NaN for symbols not held; `component` weight times marginal, 0 for
    symbols not held; both of shape (m,). Components add up to `total`.
    """

    total: float
    marginal: FloatArray
    component: FloatArray


@dataclass(frozen=True, slots=True)
class PortfolioTailRisk:
    """Value at risk and the mean beyond it with their parts, or reasons; `sessions` were looked at."""

    value_at_risk: RiskParts | str
    conditional: RiskParts | str
    sessions: int


def tail_risk(
    returns: FloatArray,
    method: str = "history",
    level: float = 0.95,
    *,
    seed: int = 0,
    horizon: int = 1,
    draws: int = 10_000,
) -> TailRisk:
    """Compute value at risk of one series of returns, such as those of an account's equity.

    Args:
        returns: shape (n,), simple returns; NaN is left out.
        method: one of METHODS.
        level: the confidence, between 0.5 and 1.
        seed: of the random draws of `monte_carlo`.
        horizon: how many sessions ahead `monte_carlo` looks; the others look one ahead.
        draws: how many paths `monte_carlo` draws.

    Raises:
        UsageError: an unknown method, or a level, horizon or count out of range.
    """
    own = np.ones(1)
    found = portfolio_tail_risk(own, returns[:, None], method, level, seed=seed, horizon=horizon, draws=draws)
    return TailRisk(_total(found.value_at_risk), _total(found.conditional), found.sessions)


def portfolio_tail_risk(
    weights: FloatArray,
    returns: FloatArray,
    method: str = "history",
    level: float = 0.95,
    *,
    seed: int = 0,
    horizon: int = 1,
    draws: int = 10_000,
) -> PortfolioTailRisk:
    """Compute value at risk of weights as they are now, had they been held in the sessions of the returns.

    Only sessions in which every held symbol has a return are looked at: a made-up return would be a made-up risk. The
    parts of `history` and `monte_carlo` are the symbols' returns in the very scenarios that make the quantile (two at
    most, so they are exact and jumpy) and in all those beyond it (steadier).

    Args:
        weights: shape (m,), signed shares of equity; cash is what they leave.
        returns: shape (n, m), simple returns, NaN where unknown.
        method: one of METHODS.
        level: the confidence, between 0.5 and 1.
        seed: of the random draws of `monte_carlo`.
        horizon: how many sessions ahead `monte_carlo` looks; the others look one ahead.
        draws: how many paths `monte_carlo` draws.

    Raises:
        UsageError: an unknown method, or a level, horizon or count out of range.
    """
    _judge(method, level, horizon, draws)
    held = np.flatnonzero(weights)
    if len(held) == 0:
        return PortfolioTailRisk("no_position", "no_position", 0)
    known = returns[:, held]
    known = known[np.isfinite(known).all(axis=1)]
    if len(known) < _FEWEST:
        return PortfolioTailRisk("fewer_than_two_returns", "fewer_than_two_returns", len(known))
    if method in _PARAMETRIC:
        found = _PARAMETRIC[method](weights[held], known, level)
    else:
        scenarios = _paths(known, seed, horizon, draws) if method == "monte_carlo" else known
        found = _empirical(weights[held], scenarios, level)
    if isinstance(found, str):
        return PortfolioTailRisk(found, found, len(known))
    return PortfolioTailRisk(_parts(found[0], weights, held), _parts(found[1], weights, held), len(known))


def _empirical(weights: FloatArray, scenarios: FloatArray, level: float) -> tuple[Gradient, Gradient]:
    """Return the interpolated quantile of the scenarios, and the mean of those up to it, as empyrical has them."""
    own = scenarios @ weights
    # 1 - 0.9 is a little less than 0.1 in float64, which must not move the count of scenarios.
    place = round(1.0 - level, 12) * (len(own) - 1)
    below = math.floor(place)
    share = place - below
    above = min(below + 1, len(own) - 1)
    worst = np.argpartition(own, (below, above))[: above + 1]
    low, high = scenarios[worst[below]], scenarios[worst[above]]
    marginal = low + (high - low) * share
    beyond = scenarios[worst[: below + 1]].mean(axis=0)
    return Gradient(float(marginal @ weights), marginal), Gradient(float(beyond @ weights), beyond)


def _paths(returns: FloatArray, seed: int, horizon: int, draws: int) -> FloatArray:
    """Return each symbol's return over paths of sessions drawn with replacement, shape (draws, m)."""
    random = np.random.default_rng(seed)
    growth = np.ones((draws, returns.shape[1]))
    for _ in range(horizon):
        growth *= 1.0 + returns[random.integers(len(returns), size=draws)]
    return growth - 1.0


def _parts(found: Gradient, weights: FloatArray, held: IntArray) -> RiskParts:
    marginal, component = np.full(len(weights), np.nan), np.zeros(len(weights))
    marginal[held] = found.marginal
    component[held] = weights[held] * found.marginal
    return RiskParts(found.total, marginal, component)


def _total(found: RiskParts | str) -> Number:
    return found if isinstance(found, str) else found.total


def _judge(method: str, level: float, horizon: int, draws: int) -> None:
    if method not in METHODS:
        raise UnknownNameError("method of value at risk", method, METHODS)
    if not 0.5 <= level < 1.0:  # noqa: PLR2004  the confidence that leaves half is the loosest that speaks of losses
        raise UsageError(f"The confidence of a value at risk must lie from 0.5 to below 1, not at {level:g}.")
    if horizon < 1 or draws < 1:
        raise UsageError(f"A simulated risk needs a horizon and draws of at least 1, not {horizon} and {draws}.")
