"""What a plug-in declares of itself: parameters with bounds, and the indicators it wants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alphafactory.domain.arrays import DateArray, FloatArray

ParameterValue = int | float | str | bool
Parameters = Mapping[str, ParameterValue]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A tunable number: its default, its sane bounds (inclusive) and one line on what it does.

    The type is the default's.
    """

    default: int | float
    low: int | float
    high: int | float
    meaning: str


@dataclass(frozen=True, slots=True)
class IndicatorRequest:
    """An indicator a strategy wants: a catalogue function, and which of the strategy's parameters feed its arguments.

    A text among `arguments` names a parameter of the strategy; a number stands for itself.
    """

    function: str
    arguments: Mapping[str, str | int | float] = field(default_factory=dict)
    output: str | None = None

    def resolve(self, params: Parameters) -> dict[str, ParameterValue]:
        """Return the arguments with the strategy's parameters put in."""
        return {k: params[v] if isinstance(v, str) else v for k, v in self.arguments.items()}


@dataclass(frozen=True, slots=True)
class MarketView:
    """What a strategy sees. Every array has shape (sessions, symbols); row t is known at session t's close.

    Prices are split-adjusted. `indicators` holds the declared requests by their names.
    """

    sessions: DateArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    indicators: Mapping[str, FloatArray]
