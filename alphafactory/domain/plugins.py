"""What a plug-in declares of itself: parameters with bounds, and the indicators it wants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from alphafactory.errors import SimulationError

if TYPE_CHECKING:
    from alphafactory.domain.arrays import BoolArray, DateArray, FloatArray, IntArray

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
class IndicatorSignature:
    """How a function of the catalogue is asked for: its parameters in order, and the names of its outputs."""

    name: str
    title: str
    group: str
    parameters: Mapping[str, Parameter]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a rule may name: functions with parameters, such as `rsi(2)`, and features, such as `rsi_14`."""

    functions: Mapping[str, IndicatorSignature] = field(default_factory=dict)
    features: Mapping[str, IndicatorRequest] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MarketView:
    """What a strategy sees. Every array has shape (sessions, symbols); row t is known at session t's close.

    Prices are split-adjusted, NaN in sessions in which a symbol of several has no bar. `indicators` holds the declared
    requests by their names. `next_sessions`, shape (sessions,), is the exchange's next session after each row, known
    from its calendar: the last session of a month is a row whose next session lies in another month. `tickers` and
    `sectors` have an entry for each symbol, a sector None unless the strategy sees a universe. `member` says who
    belongs to the universe; None for all. `earnings` counts the sessions until the next announcement known then, NaN
    for none; None unless the strategy `needs` them.
    """

    sessions: DateArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    indicators: Mapping[str, FloatArray]
    next_sessions: DateArray | None = None
    tickers: tuple[str, ...] = ()
    sectors: tuple[str | None, ...] = ()
    member: BoolArray | None = None
    earnings: FloatArray | None = None

    def last_of(self, unit: Literal["W", "M", "Q", "Y"]) -> BoolArray:
        """Return whether a row is the last session of its week (Monday to Sunday), month, quarter or year, (sessions,).

        Raises:
            SimulationError: no calendar is given.
        """
        if self.next_sessions is None:
            raise SimulationError("This market has no calendar, so that the last session of a period is unknown.")
        return np.asarray(_period(self.sessions, unit) != _period(self.next_sessions, unit))


def _period(days: DateArray, unit: Literal["W", "M", "Q", "Y"]) -> IntArray:
    """Number periods so that days of one have one number. NumPy's own weeks begin on Thursdays, as 1970 did."""
    if unit == "W":
        return (days.astype("datetime64[D]").astype(np.int64) + 3) // 7
    months = days.astype(f"datetime64[{'M' if unit == 'Q' else unit}]").astype(np.int64)
    return months // 3 if unit == "Q" else months
