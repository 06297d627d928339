"""What the limits of a portfolio did: the same account without each of them in turn, and without all.

Goes in: the account with all its limits, simulated, and a way to set it up under others: without a limit the weights
that an allocation aims at are others, too. Comes out: a `LimitEffect` for each limit that is set, and one for all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.mandate import RiskLimits
from alphafactory.domain.risk_events import RISK_ACTIONS, RISK_RULES
from alphafactory.errors import SimulationError
from alphafactory.store.portfolios import ALL_LIMITS, LimitEffect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from alphafactory.domain.results import Simulation
    from alphafactory.pipeline.portfolio_account import Account

_NONE = RiskLimits()
_SWITCHES: Mapping[str, str] = {
    "position": "max_position",
    "sector": "max_sector",
    "trade_loss": "trade_loss",
    "max_positions": "max_positions",
    "correlation": "max_correlated",
    "cash_reserve": "cash_reserve",
    "leverage": "leverage_schedule",
    "day_loss": "day_loss",
    "week_loss": "week_loss",
    "drawdown": "drawdown",
}
"""The setting that switches each limit off. Of leverage that is the schedule: no account is without its leverage."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The three numbers by which limits are judged; None where undefined."""

    total_return: float | None
    max_drawdown: float | None
    sharpe: float | None


def is_set(limits: RiskLimits, rule: str) -> bool:
    """Whether a limit is in force."""
    setting = _SWITCHES[rule]
    return bool(getattr(limits, setting) != getattr(_NONE, setting))


def without(limits: RiskLimits, rule: str) -> RiskLimits:
    """Return the limits without one of them."""
    setting = _SWITCHES[rule]
    return replace(limits, **{setting: getattr(_NONE, setting)})


def limit_effects(
    account: Account,
    simulation: Simulation,
    under: Callable[[RiskLimits], Account],
    measure: Callable[[Simulation], Outcome],
) -> list[LimitEffect]:
    """Return what each limit that is set did.

    Only what acted, or bound the weights aimed at, is simulated again: without any other limit nothing changes, and
    the numbers without it are left out.

    Args:
        account: the account under all its limits.
        simulation: what it did.
        under: sets the account up under other limits.
        measure: gives the numbers of a simulation.
    """
    limits, own = account.mandate.limits, measure(simulation)
    acts = np.bincount(simulation.events.rule[_is_act(simulation)], minlength=len(RISK_RULES))
    found = []
    for code, rule in enumerate(RISK_RULES):
        if is_set(limits, rule) or acts[code]:
            other = without(limits, rule) if is_set(limits, rule) else None
            found.append(_effect(rule, int(acts[code]), own, _measured(other, account, under, measure, acts[code])))
    if any(is_set(limits, rule) for rule in RISK_RULES):
        bare = _measured(_NONE, account, under, measure, acts.sum())
        found.append(_effect(ALL_LIMITS, int(acts.sum()), own, bare))
    return found


def _is_act(simulation: Simulation) -> np.ndarray:
    """Mark the events that did something: drifted and rearm tell of a state."""
    told = [RISK_ACTIONS.index("drifted"), RISK_ACTIONS.index("rearm")]
    return ~np.isin(simulation.events.action, told)


def _measured(
    limits: RiskLimits | None,
    account: Account,
    under: Callable[[RiskLimits], Account],
    measure: Callable[[Simulation], Outcome],
    acts: int,
) -> Outcome | None:
    """Simulate the account under other limits, where that can change anything; None where it cannot, or fails."""
    if limits is None:
        return None
    try:
        other = under(limits)
        same = other.signals.target is account.signals.target or np.array_equal(
            other.signals.target, account.signals.target
        )
        return None if same and acts == 0 else measure(other.run())
    except SimulationError:
        return None


def _effect(rule: str, acts: int, own: Outcome, other: Outcome | None) -> LimitEffect:
    lacking = other or Outcome(None, None, None)
    return LimitEffect(
        rule, acts, own.total_return, own.max_drawdown, own.sharpe, lacking.total_return, lacking.max_drawdown,
        lacking.sharpe,
    )  # fmt: skip


def outcome_of(values: Mapping[str, float]) -> Outcome:
    """Return the three numbers out of the metrics of a simulation."""
    numbers = (values.get(name) for name in ("total_return", "max_drawdown", "sharpe"))
    return Outcome(*(None if number is None or math.isnan(number) else float(number) for number in numbers))
