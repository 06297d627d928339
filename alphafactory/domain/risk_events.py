"""What the limits of an account did: one row an act. docs/portfolio.md says when each happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.table import Table

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray, IntArray

RISK_RULES = (
    "position", "sector", "trade_loss", "max_positions", "correlation", "cash_reserve", "leverage", "day_loss",
    "week_loss", "drawdown",
)  # fmt: skip
"""The limits; `RiskEvents.rule` holds positions in this tuple."""

RISK_ACTIONS = ("cut", "refused", "exit", "freeze", "halve", "flat", "rearm", "trim", "drifted")
"""What a limit did; `RiskEvents.action` holds positions in this tuple."""


@dataclass(frozen=True, slots=True)
class RiskEvents(Table):
    """Every act of a limit, in the order in which they happened. Every array has shape (events,).

    `row` is a position in the sessions; `rule` and `action` are positions in RISK_RULES and RISK_ACTIONS; `symbol` is a
    column and `sector` a code, -1 where the act was not about one. `measured` is what was found, `limit` what was
    allowed: shares of equity, or counts. `wanted` and `allowed` are signed adjusted shares, NaN where none were sought.
    """

    row: IntArray
    rule: IntArray
    action: IntArray
    symbol: IntArray
    sector: IntArray
    measured: FloatArray
    limit: FloatArray
    wanted: FloatArray
    allowed: FloatArray

    def __len__(self) -> int:
        return len(self.row)


def no_events() -> RiskEvents:
    """Return the events of an account without a mandate."""
    whole, real = np.empty(0, np.int64), np.empty(0)
    return RiskEvents(whole, whole, whole, whole, whole, real, real, real, real)
