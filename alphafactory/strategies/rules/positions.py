"""From compiled conditions to signals: positions held from an entry to an exit, their strength, stops and targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from alphafactory.domain.signals import Signals
from alphafactory.strategies.holding import held
from alphafactory.strategies.rules.terms import where_true

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.arrays import BoolArray, FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import StrategyParameters
    from alphafactory.strategies.rules.terms import Amount, Condition, Number


@dataclass(frozen=True, slots=True)
class Side:
    """One side of the market, long (1) or short (-1): when a position is opened, and when closed; None for never."""

    direction: Literal[1, -1]
    enter: Condition
    leave: Condition | None


@dataclass(frozen=True, slots=True)
class Level:
    """How far from the entry a trade ends: a multiple of a range, percent of the close, or a multiple of the stop.

    `range_name` is where the view holds the average true range; of `atr` alone.
    """

    unit: Literal["atr", "percent", "r"]
    amount: Amount
    range_name: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that decides a rule's signals: one side of the market or both, and the rest.

    `settling` bars are what its memory of entries and exits takes; `arithmetic` says whether its expressions compute.
    """

    sides: tuple[Side, ...]
    stop: Level | None
    take_profit: Level | None
    time_stop: Amount | None
    strength: Number | None
    settling: int
    arithmetic: bool

    def signals(self, view: MarketView, params: StrategyParameters) -> FloatArray | Signals:
        """Return the targets, with distances of stop and take profit where the rule has such; see `Strategy`."""
        if not self.arithmetic:
            return self._signals(view, params)
        # What overflows or has no value is unknown; a warning would name no rule and no bar.
        with np.errstate(over="ignore", invalid="ignore"):
            return self._signals(view, params)

    def _signals(self, view: MarketView, params: StrategyParameters) -> FloatArray | Signals:
        if self.stop is None and self.take_profit is None:
            return self._target(view, params, None)
        stop = None if self.stop is None else _distance(self.stop, view, params)
        profit = None if self.take_profit is None else _distance(self.take_profit, view, params, stop)
        target = self._target(view, params, _known(stop, profit))
        return Signals(target, stop=stop, take_profit=profit, distances=True)

    def look_back(self, params: StrategyParameters) -> int:
        """Return the earlier bars that its conditions read beyond their indicators."""
        terms: list[Condition | Number | None] = [part for side in self.sides for part in (side.enter, side.leave)]
        return max(term.look_back(params) for term in [*terms, self.strength] if term is not None)

    def _target(self, view: MarketView, params: StrategyParameters, ready: BoolArray | None) -> FloatArray:
        """Return what is wanted, shape (sessions, symbols); an entry takes place where it is `ready`."""
        enters = [where_true(side.enter, view, params) for side in self.sides]
        target = self._side(0, enters, ready, view, params)
        if len(enters) > 1:
            target = target + self._side(1, enters, ready, view, params)
        return target if self.strength is None else _weighted(target, self.strength.evaluate(view, params))

    def _side(
        self,
        place: int,
        enters: Sequence[BoolArray],
        ready: BoolArray | None,
        view: MarketView,
        params: StrategyParameters,
    ) -> FloatArray:
        """Return 1 where one is long, -1 where short: until its own exit, or an entry of the other side."""
        side, enter = self.sides[place], enters[place]
        leave = np.zeros_like(enter) if side.leave is None else where_true(side.leave, view, params)
        if len(enters) > 1:
            leave = leave | enters[1 - place]
        most = 0 if self.time_stop is None else int(self.time_stop(params))
        target: FloatArray = held(enter if ready is None else enter & ready, leave, most).astype(np.float64)
        # Taken from 0, for -0.0 would be another 0.
        return target if side.direction > 0 else 0.0 - target


def _distance(level: Level, view: MarketView, params: StrategyParameters, stop: FloatArray | None = None) -> FloatArray:
    """Return how far from the entry a level lies, in money a share; NaN where it is not known or no distance."""
    amount = np.float64(level.amount(params))
    if level.unit == "atr":
        distance = amount * view.indicators[level.range_name]
    elif level.unit == "r" and stop is not None:
        distance = amount * stop
    else:
        distance = amount / 100.0 * view.close
    distance[distance <= 0.0] = np.nan
    return distance


def _known(stop: FloatArray | None, profit: FloatArray | None) -> BoolArray:
    """Return where every level is known; a position is not opened without the stop that the rule promises."""
    first, *others = [level for level in (stop, profit) if level is not None]
    known: BoolArray = np.equal(first, first)  # only NaN differs from itself
    for level in others:
        known &= np.equal(level, level)
    return known


def _weighted(target: FloatArray, strength: FloatArray) -> FloatArray:
    """Return the target times the strength, cut to [-1, 1]; flat where the strength is unknown."""
    cut = np.clip(strength, -1.0, 1.0)
    return target * np.where(np.isnan(cut), 0.0, cut)
