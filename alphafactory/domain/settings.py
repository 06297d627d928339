"""The settings of a simulation, parsed and judged once.

Goes in: the words of the config or the command line. Comes out: a frozen `SimulationSettings` whose `canonical` form is
stored with every result and is part of its fingerprint.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alphafactory.domain.grammar import Model, ModelValue, parse_model
from alphafactory.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

FILLS: Mapping[str, Model] = {name: Model(takes_value=False) for name in ("next_open", "next_close", "same_close")}
COMMISSIONS: Mapping[str, Model] = {
    "none": Model(takes_value=False),
    "bps": Model(takes_value=True),
    "per_share": Model(takes_value=True, keys={"min": 0.0}),
}
SLIPPAGES: Mapping[str, Model] = {"none": Model(takes_value=False), "bps": Model(takes_value=True)}
SIZINGS: Mapping[str, Model] = {"all_in": Model(takes_value=False), "percent": Model(takes_value=True)}
SHARES: Mapping[str, Model] = {name: Model(takes_value=False) for name in ("fractional", "whole")}


@dataclass(frozen=True, slots=True)
class SimulationSettings:
    """How orders fill, what they cost and how large they are. Money in account currency."""

    initial_capital: float
    fill: ModelValue
    commission: ModelValue
    slippage: ModelValue
    sizing: ModelValue
    shares: ModelValue

    @property
    def optimistic(self) -> bool:
        """Whether fills use a price that the signal has already seen."""
        return self.fill.name == "same_close"

    @property
    def canonical(self) -> dict[str, str]:
        """The settings as the words that would parse to them again."""
        names = ("fill", "commission", "slippage", "sizing", "shares")
        words = {name: str(getattr(self, name)) for name in names}
        return {"initial_capital": f"{self.initial_capital:.12g}", **words}


def parse_settings(
    *, initial_capital: float, fill: str, commission: str, slippage: str, sizing: str, shares: str
) -> SimulationSettings:
    """Parse the words of a simulation; raise `UsageError` for an unknown model or a value out of range."""
    if not (math.isfinite(initial_capital) and initial_capital > 0):
        raise UsageError(f"initial_capital: {initial_capital} is not a positive amount of money.")
    settings = SimulationSettings(
        initial_capital=float(initial_capital),
        fill=parse_model(fill, "fill", FILLS),
        commission=parse_model(commission, "commission", COMMISSIONS),
        slippage=parse_model(slippage, "slippage", SLIPPAGES),
        sizing=parse_model(sizing, "sizing", SIZINGS),
        shares=parse_model(shares, "shares", SHARES),
    )
    for kind in ("commission", "slippage"):
        _refuse_negative(kind, getattr(settings, kind))
    _refuse_too_large("slippage", settings.slippage, "bps", 10_000.0)
    _refuse_too_large("commission", settings.commission, "bps", 10_000.0)
    share = settings.sizing.value
    if share is not None and not 0.0 < share <= 1.0:
        raise UsageError(f"sizing: {settings.sizing} must lie above 0 and at most at 1 (100%).")
    return settings


def _refuse_negative(kind: str, model: ModelValue) -> None:
    if any(number < 0 for number in (model.value or 0.0, *model.options.values())):
        raise UsageError(f"{kind}: {model} is negative; a cost is 0 or more.")


def _refuse_too_large(kind: str, model: ModelValue, name: str, limit: float) -> None:
    if model.name == name and model.value is not None and model.value >= limit:
        raise UsageError(f"{kind}: {model} would eat the whole price; write a value below {limit:.0f}.")
