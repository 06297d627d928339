"""Several strategies as one, wherever a strategy is named.

* `0.6*sma_crossover+0.4*buy_and_hold` holds the weighted sum of what they want.
* `vote(sma_crossover, rsi_2, buy_and_hold)` holds what most of them want.
* `sma_crossover & trend_filter` enters only while the filter permits it.

Goes in: such a text and the registry. Comes out: a strategy class like any other. Its parameters are
`sma_crossover.fast` and so on, its indicators those of its parts, and its name is the text in one way of writing, from
which a worker makes the same class again. What decides its targets stands in this folder, so that its version is the
hash of its name, of this file and what it imports, and of the sources of all parts.
"""

from __future__ import annotations

import re
from dataclasses import fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, TypeAlias, TypeVar

import numpy as np

from alphafactory.domain.signals import Signals
from alphafactory.errors import SimulationError, UsageError
from alphafactory.strategies.base import Filter, Strategy
from alphafactory.strategies.combination_grammar import Gate, Name, Vote, WeightedTerms, read_combination, written
from alphafactory.strategies.filtering import let_in
from alphafactory.strategies.voting import agreed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import IndicatorRequest, MarketView, Parameter
    from alphafactory.registry import Registry
    from alphafactory.strategies.base import Scope, StrategyParameters
    from alphafactory.strategies.combination_grammar import Node

T = TypeVar("T")
Part: TypeAlias = tuple[float, type[Strategy]]
"""A weight and what it weighs; 1 where nothing is weighed."""

_OPERATORS = re.compile(r"[*+&(),]")
_SHUT_AT_MOST = 252
"""Bars for which a condition may keep out what an earlier start would hold: a falling market's long average can be
above the price for a year."""


class Combination(Strategy):
    """Base of the classes that combine strategies; `parts` are their weights and classes, as written."""

    parts: ClassVar[tuple[Part, ...]] = ()

    def __init_subclass__(cls, **kwargs: object) -> None:
        """Take the declaration as it is: it is made of declarations that were judged, and its name is no word."""
        super(Strategy, cls).__init_subclass__(**kwargs)

    @classmethod
    def check(cls, params: StrategyParameters) -> None:
        """Let each part judge its own parameters."""
        for _, part in cls.parts:
            part.check(_of_part(part, params))

    @classmethod
    def settling(cls, params: StrategyParameters) -> int:
        """Return what its slowest part needs."""
        return max(part.settling(_of_part(part, params)) for _, part in cls.parts)


class Gated(Combination):
    """Base of those that enter under a condition."""

    @classmethod
    def settling(cls, params: StrategyParameters) -> int:
        """Return what its slowest part needs, and until the condition has been open once or nothing was wanted."""
        return super().settling(params) + _SHUT_AT_MOST


class Voting(Combination):
    """Base of those that vote; `needed` is how many must agree."""

    needed: ClassVar[int] = 0


def resolve_strategy(name: str, registry: Registry[type[Strategy]]) -> type[Strategy]:
    """Return the strategy of that name, or the combination that the text describes.

    The same text and the same registered classes give the same class.

    Raises:
        UnknownNameError: no strategy has that name, or a part's.
        UsageError: the text is no combination, or its parts do not go together.
    """
    if name in registry.plugins or not _OPERATORS.search(name):
        return registry.get(name)
    return _resolved(read_combination(name), registry)


def _resolved(node: Node, registry: Registry[type[Strategy]]) -> type[Strategy]:
    match node:
        case Name(name):
            return registry.get(name)
        case WeightedTerms(terms):
            parts = tuple((weight, _resolved(term, registry)) for weight, term in terms)
        case Vote(voters, _):
            parts = tuple((1.0, _resolved(voter, registry)) for voter in voters)
        case Gate(wanted, permits):
            parts = tuple((1.0, _resolved(part, registry)) for part in (wanted, *permits))
    return _combined(node, parts)


@lru_cache(maxsize=256)
def _combined(node: Node, parts: tuple[Part, ...]) -> type[Strategy]:
    """Make the class. An edited strategy is another class, so that a combination of it is made anew."""
    name = written(node)
    shared = {
        "__module__": __name__,
        "name": name,
        "group": parts[0][1].group if isinstance(node, Gate) else "combined",
        "scope": _joint_scope(name, node, parts),
        "needs": frozenset().union(*(part.needs for _, part in parts)),
        "source": _told(parts, "source"),
        "parameters": dict(_parameters(parts)),
        "indicators": dict(_indicators(parts)),
        "parts": parts,
    }
    match node:
        case Gate():
            return type("Gated", (Gated,), shared | _gate_words(parts) | {"signals": classmethod(_let_in)})
        case Vote(_, needed):
            words = _vote_words(parts, needed)
            return type("Voting", (Voting,), shared | words | {"needed": needed, "signals": classmethod(_agreed)})
        case _:
            return type("WeightedSum", (Combination,), shared | _sum_words(parts) | {"signals": classmethod(_summed)})


def _joint_scope(name: str, node: Node, parts: tuple[Part, ...]) -> Scope:
    """Return what the parts see; a filter that sees one symbol at a time can stand behind anything."""
    first = parts[0][1]
    for _, part in parts[1:]:
        if part.scope != first.scope and not (isinstance(node, Gate) and part.scope == "symbol" and only_filters(part)):
            raise UsageError(
                f"The combination '{name}': '{first.name}' judges a {first.scope} at a time and '{part.name}' a "
                f"{part.scope}, so that their targets mean different things. Combine strategies of one scope; only "
                "filters of one symbol stand behind any."
            )
    return first.scope


def only_filters(strategy: type[Strategy]) -> bool:
    """Whether a strategy is a filter, or a combination of nothing else, and so permits both directions alike."""
    if issubclass(strategy, Combination):
        return all(only_filters(part) for _, part in strategy.parts)
    return issubclass(strategy, Filter)


def _summed(combination: type[Combination], view: MarketView, params: StrategyParameters) -> FloatArray:
    """Return the weighted sum of the parts' targets, cut to [-1, 1], shape (sessions, symbols).

    A part without a number counts as flat; where no part has one, neither has the sum.

    Raises:
        SimulationError: a part returned another shape, or a target outside [-1, 1].
        UsageError: a part returned more than a target, which has no sum.
    """
    total, known = np.zeros(view.close.shape), np.zeros(view.close.shape, dtype=bool)
    for weight, part in combination.parts:
        target = _target_alone(combination, part, view, params)
        there = ~np.isnan(target)
        total += weight * np.where(there, target, 0.0)
        known |= there
    return np.where(known, np.clip(total, -1.0, 1.0), np.nan)


def _agreed(combination: type[Voting], view: MarketView, params: StrategyParameters) -> FloatArray:
    """Return what enough of the parts agree on, shape (sessions, symbols); errors as in `_summed`."""
    targets = [_target_alone(combination, part, view, params) for _, part in combination.parts]
    return agreed(targets, combination.needed, weights=combination.scope == "universe")


def _let_in(combination: type[Gated], view: MarketView, params: StrategyParameters) -> FloatArray | Signals:
    """Return what the first part wants, entered where all others permit it; prices stay as the first part gave them.

    Raises:
        SimulationError: a part returned another shape, or a target outside [-1, 1].
    """
    (_, first), *others = combination.parts
    answer = _answer(first, view, params)
    longs, shorts = np.ones(view.close.shape, dtype=bool), np.ones(view.close.shape, dtype=bool)
    for _, part in others:
        target = _target(combination, part, _answer(part, view, params), view)
        longs &= target > 0.0
        shorts &= target > 0.0 if only_filters(part) else target < 0.0
    return _with_target(answer, let_in(_target(combination, first, answer, view), longs, shorts))


def _with_target(answer: FloatArray | Signals, target: FloatArray) -> FloatArray | Signals:
    return replace(answer, target=target) if isinstance(answer, Signals) else target


def _answer(part: type[Strategy], view: MarketView, params: StrategyParameters) -> FloatArray | Signals:
    """Ask a part, which sees what it would see alone."""
    if issubclass(part, Combination):
        return part.signals(view, params)
    earnings = view.earnings if "earnings" in part.needs else None
    own = replace(view, indicators=_of_part(part, view.indicators), earnings=earnings)
    return part.signals(own, _of_part(part, params))


def _target_alone(
    combination: type[Combination], part: type[Strategy], view: MarketView, params: StrategyParameters
) -> FloatArray:
    """Return a part's target; refuse one that returns more."""
    answer = _answer(part, view, params)
    if isinstance(answer, Signals):
        options = [field.name for field in fields(answer) if field.name not in {"target", "distances"}]
        given = [name for name in options if getattr(answer, name) is not None]
        if given:
            raise UsageError(
                f"'{combination.name}': the strategy '{part.name}' returns {', '.join(given)} beside its target, and "
                "only targets can be summed or vote. Backtest it alone, or leave it out."
            )
    return _target(combination, part, answer, view)


def _target(
    combination: type[Combination], part: type[Strategy], answer: FloatArray | Signals, view: MarketView
) -> FloatArray:
    """Return the judged target of a part's answer."""
    who = f"'{combination.name}': the strategy '{part.name}'"
    target = np.asarray(answer.target if isinstance(answer, Signals) else answer, dtype=np.float64)
    if target.shape != view.close.shape:
        raise SimulationError(
            f"{who} returned signals of shape {target.shape}. Return one row a session and one column a symbol, shape "
            f"{view.close.shape}."
        )
    outside = np.abs(target) > 1.0
    if outside.any():
        row, column = np.argwhere(outside)[0]
        raise SimulationError(
            f"{who} wants {target[row, column]:g} on {view.sessions[row]}. A target lies between -1 (all short) and 1 "
            "(all long)."
        )
    return target


def _sum_words(parts: tuple[Part, ...]) -> dict[str, str]:
    return {
        "__doc__": "A weighted sum of strategies.",
        "title": ", ".join(f"{weight * 100:.12g}% {_title(part)}" for weight, part in parts),
        "idea": "Strategies that fail at different times are steadier together. " + _told(parts, "idea"),
        "fails_when": "Its parts fail together. " + _told(parts, "fails_when"),
    }


def _vote_words(parts: tuple[Part, ...], needed: int) -> dict[str, str]:
    return {
        "__doc__": "A vote of strategies.",
        "title": f"{needed} of {len(parts)} agree: {', '.join(_title(part) for _, part in parts)}",
        "idea": "What several ways of looking agree on is less often chance. " + _told(parts, "idea"),
        "fails_when": "Its parts are one idea under several names and err together. " + _told(parts, "fails_when"),
    }


def _gate_words(parts: tuple[Part, ...]) -> dict[str, str]:
    first, *others = [_title(part) for _, part in parts]
    return {
        "__doc__": "A strategy that enters under conditions.",
        "title": f"{first}, entered where permitted by: {', '.join(others)}",
        "idea": "A signal is worth more in the conditions that suit it. " + _told(parts, "idea"),
        "fails_when": "The best trades begin while the conditions shut them out. " + _told(parts, "fails_when"),
    }


def _title(part: type[Strategy]) -> str:
    return f"({part.title})" if issubclass(part, Combination) else part.title


def _told(parts: tuple[Part, ...], text: str) -> str:
    """Return a text of each part; a combination among them already says whose each sentence is."""
    return " ".join(
        getattr(part, text) if issubclass(part, Combination) else f"{part.title}: {getattr(part, text)}"
        for _, part in parts
    )


def _parameters(parts: tuple[Part, ...]) -> Iterator[tuple[str, Parameter]]:
    for _, part in parts:
        for name, parameter in part.parameters.items():
            yield f"{_prefix(part)}{name}", parameter


def _indicators(parts: tuple[Part, ...]) -> Iterator[tuple[str, IndicatorRequest]]:
    """Yield the parts' requests; a text among the arguments names a parameter, which has a longer name here."""
    for _, part in parts:
        for name, request in part.indicators.items():
            arguments = {
                argument: f"{_prefix(part)}{value}" if isinstance(value, str) else value
                for argument, value in request.arguments.items()
            }
            yield f"{_prefix(part)}{name}", replace(request, arguments=arguments)


def _of_part(part: type[Strategy], named: Mapping[str, T]) -> Mapping[str, T]:
    """Return what belongs to a part, under the names that it knows; a combination picks its own itself."""
    prefix = _prefix(part)
    if not prefix:
        return named
    return {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}


def _prefix(part: type[Strategy]) -> str:
    """Return what a part's names begin with here; those of a combination carry the names of its own parts already."""
    return "" if issubclass(part, Combination) else f"{part.name}."
