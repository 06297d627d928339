"""The terms of an expression, compiled: numbers and conditions that are asked with a view and parameters.

A condition is true, false or unknown: a comparison with a value that is not known (NaN: a warm-up, a missing bar) is
unknown, and so is what follows from it alone, `not` included (Kleene's three-valued logic). Instead of carrying what is
known along, a condition can be asked both ways, where it is true and where it is false; unknown is where neither holds.
So `not` costs nothing, and a rule that is asked only where its conditions are true computes nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from alphafactory.domain.arrays import BoolArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import StrategyParameters

Evaluate: TypeAlias = "Callable[[MarketView, StrategyParameters], Any]"
"""Returns an array (sessions, symbols), or one value where the term is the same on every bar."""
LookBack: TypeAlias = "Callable[[StrategyParameters], int]"
"""Returns a number of bars."""
Amount: TypeAlias = "Callable[[StrategyParameters], int | float]"
"""A number that is the same on every bar: written so, or a parameter."""


@dataclass(frozen=True, slots=True)
class Number:
    """Float64 values, NaN where unknown; `look_back` counts the earlier bars it reads beyond its indicators.

    One that is no `series` is the same on every bar.
    """

    evaluate: Evaluate
    look_back: LookBack
    series: bool


@dataclass(frozen=True, slots=True)
class Condition:
    """Where it is true, and where it is false; where neither, it is unknown."""

    true: Evaluate
    false: Evaluate
    look_back: LookBack
    series: bool


Term: TypeAlias = Number | Condition


def nothing_before(params: StrategyParameters) -> int:  # noqa: ARG001  a LookBack
    """Say that no earlier bar is read."""
    return 0


def constant(value: float) -> Number:
    """Return a number that is written in the expression."""
    number = np.float64(value)
    return Number(lambda _view, _params: number, nothing_before, series=False)


def computed(function: Callable[..., Any], parts: Sequence[Number]) -> Number:
    """Return a function of numbers, bar by bar."""
    asks = [part.evaluate for part in parts]
    if len(asks) == 2:  # noqa: PLR2004  the usual case, spared a list
        return Number(_joined_pair(function, *asks), farthest(parts), _any_series(parts))
    return Number(
        lambda view, params: function(*[ask(view, params) for ask in asks]), farthest(parts), _any_series(parts)
    )


def compared(true: Callable[..., Any], false: Callable[..., Any], left: Number, right: Number) -> Condition:
    """Return a comparison; both functions give False for NaN."""
    both = (left.evaluate, right.evaluate)
    parts = (left, right)
    return Condition(_joined_pair(true, *both), _joined_pair(false, *both), farthest(parts), _any_series(parts))


def all_true(parts: Sequence[Condition]) -> Condition:
    """Return `and`: false as soon as one part is, even beside an unknown one."""
    true, false = [part.true for part in parts], [part.false for part in parts]
    return Condition(_joined(np.logical_and, true), _joined(np.logical_or, false), farthest(parts), _any_series(parts))


def any_true(parts: Sequence[Condition]) -> Condition:
    """Return `or`: true as soon as one part is, even beside an unknown one."""
    return negated(all_true([negated(part) for part in parts]))


def negated(condition: Condition) -> Condition:
    """Return `not`: unknown stays unknown."""
    return Condition(condition.false, condition.true, condition.look_back, condition.series)


def changed(term: Term, change: Callable[[Any, Any, Any], Any], parameter: Amount, look_back: LookBack) -> Term:
    """Return what `change(values, parameter, fill)` makes of a term's values; `fill` is what stands for unknown."""

    def ask(evaluate: Evaluate, fill: float | bool) -> Evaluate:
        return lambda view, params: change(evaluate(view, params), parameter(params), fill)

    def reach(params: StrategyParameters) -> int:
        return term.look_back(params) + look_back(params)

    if isinstance(term, Number):
        return Number(ask(term.evaluate, np.nan), reach, term.series)
    return Condition(ask(term.true, False), ask(term.false, False), reach, term.series)


def farthest(parts: Sequence[Term]) -> LookBack:
    """Return the longest look-back of several terms."""
    reaches = [part.look_back for part in parts if part.look_back is not nothing_before]
    if not reaches:
        return nothing_before
    return lambda params: max(reach(params) for reach in reaches)


def where_true(condition: Condition, view: MarketView, params: StrategyParameters) -> BoolArray:
    """Return where a condition is true, shape (sessions, symbols)."""
    true: BoolArray = condition.true(view, params)
    return true if condition.series else np.broadcast_to(true, view.close.shape)


def _joined(join: Callable[..., Any], asks: Sequence[Evaluate]) -> Evaluate:
    found = asks[0]
    for ask in asks[1:]:
        found = _joined_pair(join, found, ask)
    return found


def _joined_pair(join: Callable[..., Any], left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda view, params: join(left(view, params), right(view, params))


def _any_series(parts: Sequence[Term]) -> bool:
    return any(part.series for part in parts)
