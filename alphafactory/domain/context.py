"""What surrounds the bars of a symbol: the exchange's calendar, an index, the breadth of the universe, announcements.

A `MarketContext` is shared by all symbols of a calendar, a `MarketSymbol` is one symbol with what is known of it. Both
can be cut at a session, so that what a strategy says on the past can be compared with what it said then.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.errors import IndicatorError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.arrays import BoolArray, DateArray, FloatArray
    from alphafactory.domain.bars import Bars

BREADTH = ("advancing", "above_sma_50", "above_sma_200", "at_high_252", "at_low_252")
"""Shares of the universe's symbols, 0 to 1: closed higher than the session before; above their average of 50, of 200
closes; closed at the highest, at the lowest close of 252 bars."""
MARKET_INPUTS = ("index", *BREADTH)
"""Inputs of indicators that come from the market and not from the symbol's own bars."""


@dataclass(frozen=True, slots=True)
class MarketContext:
    """What is known of a market beside a symbol's own bars.

    `days` are the exchange's sessions, shape (k,), ascending and reaching beyond the newest bar: when it will be open
    is known long before. `sessions` has shape (n,) and dates `series`: the `index`' closes and the shares named in
    `BREADTH`, each of shape (n,), NaN where unknown, row t known at the close of its session. A series may be missing.
    """

    days: DateArray
    sessions: DateArray = field(default_factory=lambda: np.empty(0, dtype="datetime64[D]"))
    series: Mapping[str, FloatArray] = field(default_factory=dict)

    def next_sessions(self, sessions: DateArray) -> DateArray:
        """Return the exchange's first session after each, shape of `sessions`.

        Raises:
            IndicatorError: the calendar does not reach so far.
        """
        places = np.searchsorted(self.days, sessions, side="right")
        if len(places) and places.max() >= len(self.days):
            raise IndicatorError(f"The exchange's calendar is not given beyond {sessions[places.argmax()]}.")
        return self.days[places]

    def aligned(self, name: str, sessions: DateArray) -> FloatArray:
        """Return a series on these sessions, each with the newest value known then, NaN before the first.

        Raises:
            IndicatorError: the market has no such series.
        """
        if name not in self.series:
            remedy = "Set backtest.index." if name == "index" else "It needs a universe of symbols."
            raise IndicatorError(f"The market's series '{name}' is not known here. {remedy}")
        if len(self.sessions) == 0:
            return np.full(len(sessions), np.nan)
        places = np.searchsorted(self.sessions, sessions, side="right") - 1
        return np.where(places >= 0, self.series[name][places], np.nan)

    def until(self, session: np.datetime64) -> MarketContext:
        """Return what was known at the close of a session; the calendar stays whole."""
        end = int(np.searchsorted(self.sessions, session, side="right"))
        series = {name: values[:end] for name, values in self.series.items()}
        return replace(self, sessions=self.sessions[:end], series=series)


NO_CONTEXT = MarketContext(np.empty(0, dtype="datetime64[D]"))
"""For who knows nothing but bars: whatever asks for more is refused in words."""


@dataclass(frozen=True, slots=True)
class MarketSymbol:
    """One symbol as strategies see it.

    `earnings` has shape (n,): sessions until the next announcement of earnings that was known at that session's close,
    1 for the next session, NaN where none was known; None where announcements are not given. `member` has shape (n,):
    whether it belonged to the universe; None for always.
    """

    ticker: str
    bars: Bars
    sector: str | None = None
    earnings: FloatArray | None = None
    member: BoolArray | None = None

    def part(self, rows: slice) -> MarketSymbol:
        """Return a run of its sessions, as views."""
        return replace(
            self,
            bars=self.bars.part(rows),
            earnings=None if self.earnings is None else self.earnings[rows],
            member=None if self.member is None else self.member[rows],
        )
