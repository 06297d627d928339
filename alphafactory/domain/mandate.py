"""What an account of many symbols may and must do: limits of risk, and rebalances.

docs/portfolio.md says what each does. Shares of equity are fractions; a limit of infinity is none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date

    from alphafactory.domain.arrays import BoolArray, IntArray

BREAKER_ACTIONS = ("freeze", "halve", "flat")
"""What an account may do after a loss, the mildest first."""


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """Limits of one account. Shares of equity; infinite (0 for `cash_reserve`) is no limit, and so are counts of 0.

    `leverage_schedule` holds dates with the leverage in force from each on; before the first, the settings' holds.
    """

    max_position: float = math.inf
    max_sector: float = math.inf
    max_correlated: int = 0
    correlated_above: float = 0.7
    correlation_sessions: int = 60
    cash_reserve: float = 0.0
    leverage_schedule: tuple[tuple[date, float], ...] = ()
    max_positions: int = 0
    trade_loss: float = math.inf
    day_loss: float = math.inf
    day_action: str = "freeze"
    week_loss: float = math.inf
    week_action: str = "freeze"
    drawdown: float = math.inf
    drawdown_action: str = "flat"
    cool_down: int = 20

    @property
    def canonical(self) -> dict[str, Any]:
        """The limits as plain values for JSON; None is no limit."""
        words = {item.name: getattr(self, item.name) for item in fields(self)}
        words["leverage_schedule"] = [f"{since} {leverage:g}" for since, leverage in self.leverage_schedule]
        return {name: None if value == math.inf else value for name, value in words.items()}


@dataclass(frozen=True, slots=True)
class RebalanceRules:
    """When an account trades back to its targets beyond the schedule, and what it leaves alone.

    `drift`: distance of a weight from its target that makes a close a rebalance, infinite for never. `band`: gaps of
    weight up to this are left alone. `turnover`: share of equity that one rebalance may trade, infinite for any.
    `risk_aversion` and `cost_sessions`: of the test whether a trade is worth its cost, 0 for none.
    """

    drift: float = math.inf
    band: float = 0.0
    turnover: float = math.inf
    risk_aversion: float = 0.0
    cost_sessions: float = 21.0


@dataclass(frozen=True, slots=True)
class Mandate:
    """What an account of several symbols obeys.

    `rebalance` has shape (sessions,): closes that are scheduled rebalances. `sectors` has shape (symbols,): a code from
    0 for each symbol's sector, equal codes being one sector.
    """

    rebalance: BoolArray
    sectors: IntArray
    limits: RiskLimits = field(default_factory=RiskLimits)
    rules: RebalanceRules = field(default_factory=RebalanceRules)

    @property
    def rebalances(self) -> bool:
        """Whether some close may be a rebalance."""
        return self.rules.drift < math.inf or bool(self.rebalance.any())
