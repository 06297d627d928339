"""How the capital of a portfolio is divided among symbols: the settings of an allocation and its result."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.arrays import FloatArray

ALLOCATIONS = (
    "none", "equal", "signal", "inverse_volatility", "atr_parity", "risk_parity", "min_variance", "max_sharpe",
    "hierarchical_risk_parity", "black_litterman",
)  # fmt: skip
"""Models of allocation; `none` leaves the signals as they are."""

FITTED = ("risk_parity", "min_variance", "max_sharpe", "hierarchical_risk_parity", "black_litterman")
"""Models that an optimiser fits: these are cached."""

COVARIANCES = ("ledoit_wolf", "oas", "empirical")
SIDES = ("long_only", "long_short", "market_neutral")
FALLBACKS = ("inverse_volatility", "equal", "keep")
RANKINGS = ("signal", "volatility", "momentum", "random")
BETWEEN = ("exits", "signals", "nothing")


@dataclass(frozen=True, slots=True)
class AllocationSettings:
    """How weights come about. docs/portfolio.md says what each does.

    `sessions` newest returns are looked at. `gross` is the sum of absolute weights aimed at. `min_weight` and
    `max_weight` bound the absolute weight of each symbol that has one, `sector_bounds` the sum of absolute weights of
    a sector (low, high); shares of equity. `fallback` is taken where a model has no answer: another model, or `keep`
    for the weights of before.
    """

    model: str = "equal"
    sessions: int = 252
    covariance: str = "ledoit_wolf"
    side: str = "long_only"
    gross: float = 1.0
    min_weight: float = 0.0
    max_weight: float = 1.0
    sector_bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    fallback: str = "inverse_volatility"
    risk_free_rate: float = 0.0

    @property
    def canonical(self) -> dict[str, Any]:
        """The settings as plain values for JSON."""
        words = {item.name: getattr(self, item.name) for item in fields(self)}
        words["sector_bounds"] = {name: list(bounds) for name, bounds in sorted(self.sector_bounds.items())}
        return words


@dataclass(frozen=True, slots=True)
class Allocation:
    """Weights of one date: shape (symbols,), signed shares of equity, and how they came about.

    `model` is the one that gave them: the settings' own, or the fallback. `note` says in words why it is not the
    settings' own, or which wish was given up; empty where nothing was.
    """

    weights: FloatArray
    model: str
    note: str = ""
