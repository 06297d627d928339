"""What a strategy hands over: a target for each session and symbol, and optionally the prices its orders wait for."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class Signals:
    """Row t is known at session t's close. Every array has shape (sessions, symbols), or (sessions,) for one symbol.

    `target` lies in [-1, 1]: the share of the position that the sizing calls full, negative for short; NaN is flat.
    The others are optional, NaN standing for none. `entry_limit` and `entry_stop` are prices that an entry waits for
    (both: a stop-limit order). `stop` and `take_profit` are prices at which the trade is to end or, with `distances`,
    amounts of price away from the entry. `good_for` is the number of bars an order lives, 0 being without end. They
    count for the order that arises at their row and replace the settings of the same name. `priority` decides whose
    entry comes first where cash is short: the larger one; ties go to the earlier column.
    """

    target: FloatArray
    entry_limit: FloatArray | None = None
    entry_stop: FloatArray | None = None
    stop: FloatArray | None = None
    take_profit: FloatArray | None = None
    good_for: FloatArray | None = None
    priority: FloatArray | None = None
    distances: bool = False

    def part(self, rows: slice) -> Signals:
        """Return the signals of a run of rows, as views."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "distances"}
        cut = {name: array[rows] for name, array in arrays.items() if array is not None}
        return replace(self, **cut)
