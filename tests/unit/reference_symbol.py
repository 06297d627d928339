"""One column of the slow simulator: its bars by the account's rows, its position, its orders and its levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reference_estimates import estimate
from reference_records import NONE, Order, Trade

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from alphafactory.domain.bars import Bars


@dataclass
class Bar:
    open: float
    high: float
    low: float
    close: float
    volume: float
    factor: float
    dividend: float


class Symbol:
    """One column: its bars by the account's rows, its position and its orders."""

    def __init__(self, column: int, bars: Bars, sessions: Sequence[np.datetime64], *, delisted: bool) -> None:
        names = ("open", "high", "low", "close", "volume", "split_factor", "dividends")
        self.column, self.delisted = column, delisted
        self.bars = [Bar(*map(float, values)) for values in zip(*(getattr(bars, n) for n in names), strict=True)]
        self.estimates = estimate(bars)
        own = {session: k for k, session in enumerate(bars.sessions)}
        self.own_bar = [own.get(session, -1) for session in sessions]
        """Which of its bars each row is, -1 for none."""
        self.newest = [max(self.own_bar[: row + 1]) for row in range(len(sessions))]
        """Its newest bar as of each row."""
        self.row = 0
        self.trade: Trade | None = None
        self.order: Order | None = None
        self.exiting: Order | None = None
        self.target, self.closed_direction, self.may_reenter = 0.0, 0, 0
        self.levels = (NONE, NONE)

    @property
    def side_wanted(self) -> int:
        return (self.target > 0) - (self.target < 0)

    @property
    def bar(self) -> Bar | None:
        index = self.own_bar[self.row]
        return self.bars[index] if index >= 0 else None

    @property
    def position(self) -> float:
        return self.trade.position if self.trade is not None else 0.0

    def close_of(self, row: int) -> float:
        index = self.newest[row]
        return self.bars[index].close if index >= 0 else NONE

    @property
    def last_close(self) -> float:
        return self.close_of(self.row)

    @property
    def last_bar(self) -> Bar:
        return self.bars[self.newest[self.row]]

    @property
    def gone(self) -> bool:
        """Whether its last bar before a delisting has come: it takes no orders any more."""
        return self.delisted and self.newest[self.row] == len(self.bars) - 1

    @property
    def known(self) -> int:
        """The bar whose estimates a fill of this session may use, -1 for none."""
        return self.newest[self.row - 1] if self.row > 0 else -1

    def estimated(self, name: str, index: int) -> float:
        return getattr(self.estimates, name)[index] if index >= 0 else NONE

    def hindrance(self) -> str | None:
        """Why nothing fills in this session, None if it may."""
        index = self.own_bar[self.row]
        if index < 0:
            return "no_bar"
        bar = self.bars[index]
        if bar.volume == 0:
            return "no_volume"
        five = [(b.open, b.high, b.low, b.close, b.volume) for b in self.bars[max(index - 1, 0) : index + 1]]
        return "halted" if len(five) == 2 and five[0] == five[1] else None
