"""Rules: memberships that follow from what was traded, without a look ahead.

Goes in: a `TradingHistory` (T sessions, S symbols), the mask of the candidates, a spec. Comes out: memberships.

1. The rebalance dates are the first session of each period that the history covers.
2. At a rebalance session's close, with data up to it: a candidate that traded lately and satisfies every condition of
   the spec is eligible; `top` keeps those of the highest median dollar volume.
3. What is known at a close holds from the next session on, until the next rebalance session has closed.
4. Memberships that follow one another without a gap become one; the last one stays open until a rebalance ends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.market import Membership

if TYPE_CHECKING:
    from datetime import date

    from alphafactory.config_universes import Rebalance, UniverseSpec
    from alphafactory.domain.arrays import BoolArray, DateArray, FloatArray, IntArray

RECENT_SESSIONS = 5
"""A symbol without a bar for so long is delisted or halted: nobody could have bought it."""

_MONDAY = 3
"""Days from a Monday to 1 January 1970, a Thursday: adding them lets a week of seven days start on Mondays."""


@dataclass(frozen=True)
class TradingHistory:
    """What was traded, as known on the day the rules are asked: symbols that were delisted belong in it.

    `sessions` has shape (T,), ascending and distinct: every session of one calendar. `following` is the first session
    after the last of them. `close` and `dollar_volume` (close x volume), as traded, have shape (T, S), NaN where a
    symbol has no bar; `tickers` has length S.

    Raises:
        ValueError: Shapes do not agree, or sessions do not ascend.
    """

    tickers: tuple[str, ...]
    sessions: DateArray
    following: date
    close: FloatArray
    dollar_volume: FloatArray

    def __post_init__(self) -> None:
        shape = (len(self.sessions), len(self.tickers))
        if self.close.shape != shape or self.dollar_volume.shape != shape:
            raise ValueError(f"close {self.close.shape} and dollar volume {self.dollar_volume.shape} are not {shape}")
        if len(set(self.tickers)) != len(self.tickers):
            raise ValueError("a ticker stands twice in the history")
        if not bool(np.all(self.effective > self.sessions)):
            raise ValueError("sessions must ascend, and the following one lie after them")

    @cached_property
    def rank(self) -> IntArray:
        """The place of each ticker in order of the alphabet, shape (S,)."""
        rank = np.empty(len(self.tickers), dtype=np.int64)
        rank[np.argsort(np.array(self.tickers, dtype=np.str_))] = np.arange(len(rank))
        return rank

    @property
    def effective(self) -> DateArray:
        """The session from which on what is known at each session's close holds: the next one, shape (T,)."""
        return np.append(self.sessions, np.datetime64(self.following, "D"))[1:]

    @cached_property
    def bars_so_far(self) -> IntArray:
        """The number of bars up to and including each session, shape (T, S)."""
        return np.cumsum(~np.isnan(self.close), axis=0, dtype=np.int64)

    @cached_property
    def newest_bar(self) -> IntArray:
        """The position of the newest bar at each session, shape (T, S); long ago where there is none yet."""
        positions = np.arange(len(self.sessions), dtype=np.int64)[:, None]
        return np.maximum.accumulate(np.where(np.isnan(self.close), -RECENT_SESSIONS, positions), axis=0)


def rebalance_positions(sessions: DateArray, rebalance: Rebalance) -> IntArray:
    """Return the positions of the first session of each period, shape (R,); weeks start on Mondays.

    A period that began before the first session is chosen for at that session.
    """
    days = sessions.astype("datetime64[D]")
    months = days.astype("datetime64[M]").astype(np.int64)
    periods = {
        "daily": days.astype(np.int64),
        "weekly": (days.astype(np.int64) + _MONDAY) // 7,
        "monthly": months,
        "quarterly": months // 3,
        "yearly": months // 12,
    }[rebalance]
    begins = np.ones(len(sessions), dtype=np.bool_)
    begins[1:] = periods[1:] != periods[:-1]
    return np.flatnonzero(begins).astype(np.int64)


def choose_members(spec: UniverseSpec, history: TradingHistory, candidates: BoolArray) -> tuple[Membership, ...]:
    """Return the memberships of a rule, ordered by ticker and date.

    Args:
        spec: The rule. Its sectors do not change with time and are applied to the candidates by the caller.
        history: What was traded.
        candidates: Who may be chosen at each session's close, shape (T, S).

    Returns:
        Membership is open (`valid_to` None) where the last rebalance of the history chose the symbol.
    """
    positions = rebalance_positions(history.sessions, spec.rebalance)
    chosen = np.zeros((len(positions), len(history.tickers)), dtype=np.bool_)
    for row, position in enumerate(positions.tolist()):
        columns = _eligible(spec, history, candidates[position], position)
        if spec.top is not None:
            columns = _most_traded(history, columns, position, window=spec.window)[: spec.top]
        chosen[row, columns] = True
    return tuple(
        spell for column in np.argsort(history.rank) for spell in _spells(history, positions, chosen[:, column], column)
    )


def _eligible(spec: UniverseSpec, history: TradingHistory, candidates: BoolArray, position: int) -> IntArray:
    """Return the columns of the candidates that satisfy every condition but `top` at the session's close."""
    newest = history.newest_bar[position]
    columns = np.flatnonzero(candidates & (newest > position - RECENT_SESSIONS))
    if spec.minimum_price is not None:
        columns = columns[history.close[newest[columns], columns] >= spec.minimum_price]
    if spec.minimum_history is not None:
        columns = columns[history.bars_so_far[position, columns] >= spec.minimum_history]
    return columns.astype(np.int64)


def _most_traded(history: TradingHistory, columns: IntArray, position: int, *, window: int) -> IntArray:
    """Return the columns by falling median dollar volume over the window; ties are in order of ticker.

    A symbol with bars in less than half of the window is too new, or trades too seldom, to be compared: it is left out.
    """
    # Sorting puts NaN last, so that the values of each column stand in front; no median of NaN is ever taken.
    values = np.sort(history.dollar_volume[max(0, position + 1 - window) : position + 1, columns], axis=0)
    counts = np.count_nonzero(~np.isnan(values), axis=0)
    enough = 2 * counts >= window
    columns, values, counts = columns[enough], values[:, enough], counts[enough]
    across = np.arange(len(columns))
    medians = (values[(counts - 1) // 2, across] + values[counts // 2, across]) / 2.0
    return columns[np.lexsort((history.rank[columns], -medians))]


def _spells(history: TradingHistory, positions: IntArray, chosen: BoolArray, column: int) -> list[Membership]:
    """Return one symbol's memberships: runs of rebalances that chose it; `chosen` has shape (R,)."""
    steps = np.diff(chosen.astype(np.int8), prepend=np.int8(0), append=np.int8(0))
    runs = zip(np.flatnonzero(steps == 1).tolist(), np.flatnonzero(steps == -1).tolist(), strict=True)
    return [
        Membership(
            ticker=history.tickers[column],
            valid_from=history.effective[positions[first]].item(),
            valid_to=None if end == len(positions) else history.sessions[positions[end]].item(),
        )
        for first, end in runs
    ]
