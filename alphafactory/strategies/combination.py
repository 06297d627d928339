"""Several strategies as one: `0.6*sma_crossover+0.4*buy_and_hold` holds the weighted sum of what they want.

Goes in: such a text, wherever a strategy is named, and the registry. Comes out: a strategy class like any other. Its
parameters are `sma_crossover.fast` and so on, its indicators those of its parts, and its name is the text in one way of
writing, from which a worker makes the same class again. What decides its targets stands in this folder, so that its
version is the hash of this file, the weights and the sources of all parts.
"""

from __future__ import annotations

import re
from dataclasses import fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, TypeAlias, TypeVar

import numpy as np

from alphafactory.domain.grammar import parse_number
from alphafactory.domain.signals import Signals
from alphafactory.errors import SimulationError, UsageError
from alphafactory.strategies.base import Strategy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import IndicatorRequest, MarketView, Parameter
    from alphafactory.registry import Registry
    from alphafactory.strategies.base import StrategyParameters

T = TypeVar("T")
Part: TypeAlias = tuple[float, type[Strategy]]
"""A weight and what it weighs."""

_PART = re.compile(r"\s*([+-]?)\s*((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?%?)\s*\*\s*(\w+)\s*")
_OPERATORS = re.compile(r"[*+]")


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


def resolve_strategy(name: str, registry: Registry[type[Strategy]]) -> type[Strategy]:
    """Return the strategy of that name, or the combination that the text describes.

    The same text and the same registered classes give the same class.

    Raises:
        UnknownNameError: no strategy has that name, or a part's.
        UsageError: the text is no sum of weight*strategy, a weight is 0 or too large, or a part stands twice.
    """
    if name in registry.plugins or not _OPERATORS.search(name):
        return registry.get(name)
    return _combined(tuple(_parse(name, registry)))


def _parse(text: str, registry: Registry[type[Strategy]]) -> Iterator[Part]:
    """Yield the weights and classes of a combination's parts."""
    where, at = f"The combination '{text}'", 0
    seen: set[str] = set()
    while at < len(text):
        match = _PART.match(text, at)
        if match is None or (seen and not match[1]):
            raise UsageError(
                f"{where}: '{text[at:].strip()}' is no part. Write weights and strategies, such as "
                "0.6*sma_crossover+0.4*buy_and_hold."
            )
        sign, number, name = match.groups()
        weight = parse_number(f"{sign}{number}", f"{where}, the weight of '{name}'")
        if weight == 0.0:
            raise UsageError(f"{where}: the weight of '{name}' is 0. Leave the part out, or weigh it.")
        if name in seen:
            raise UsageError(
                f"{where}: '{name}' stands twice. A part has one set of parameters: write it once with the sum of its "
                "weights, or keep a copy of its file under another name."
            )
        seen.add(name)
        yield weight, registry.get(name)
        at = match.end()


@lru_cache(maxsize=256)
def _combined(parts: tuple[Part, ...]) -> type[Strategy]:
    """Make the class. An edited strategy is another class, so that a combination of it is made anew."""
    declaration = {
        "__module__": __name__,
        "__doc__": "A weighted sum of strategies.",
        "name": "".join(_term(weight, part, first=at == 0) for at, (weight, part) in enumerate(parts)),
        "title": ", ".join(f"{weight * 100:.12g}% {part.title}" for weight, part in parts),
        "idea": "Strategies that fail at different times are steadier together. " + _told(parts, "idea"),
        "source": _told(parts, "source"),
        "fails_when": "Its parts fail together. " + _told(parts, "fails_when"),
        "parameters": dict(_parameters(parts)),
        "indicators": dict(_indicators(parts)),
        "parts": parts,
        "signals": classmethod(_weighted_sum),
    }
    return type("WeightedSum", (Combination,), declaration)


def _weighted_sum(combination: type[Combination], view: MarketView, params: StrategyParameters) -> FloatArray:
    """Return the weighted sum of the parts' targets, cut to [-1, 1], shape (sessions, symbols).

    A part without a number counts as flat; where no part has one, neither has the sum.

    Raises:
        SimulationError: a part returned another shape, or a target outside [-1, 1].
        UsageError: a part returned more than a target, which has no sum.
    """
    total, known = np.zeros(view.close.shape), np.zeros(view.close.shape, dtype=bool)
    for weight, part in combination.parts:
        own = replace(view, indicators=_of_part(part, view.indicators))
        answer = part.signals(own, _of_part(part, params))
        target = _judged_target(answer, f"'{combination.name}': the strategy '{part.name}'", view)
        there = ~np.isnan(target)
        total += weight * np.where(there, target, 0.0)
        known |= there
    return np.where(known, np.clip(total, -1.0, 1.0), np.nan)


def _judged_target(answer: FloatArray | Signals, who: str, view: MarketView) -> FloatArray:
    if isinstance(answer, Signals):
        options = [field.name for field in fields(answer) if field.name not in {"target", "distances"}]
        given = [name for name in options if getattr(answer, name) is not None]
        if given:
            raise UsageError(
                f"{who} returns {', '.join(given)} beside its target, and only targets can be summed. Backtest it "
                "alone, or leave it out."
            )
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


def _term(weight: float, part: type[Strategy], *, first: bool) -> str:
    """Write a part so that it is read back to the last bit: `repr` of a float does that."""
    number = repr(weight).removesuffix(".0")
    return f"{'' if first or weight < 0.0 else '+'}{number}*{part.name}"


def _told(parts: tuple[Part, ...], text: str) -> str:
    return " ".join(f"{part.title}: {getattr(part, text)}" for _, part in parts)


def _parameters(parts: tuple[Part, ...]) -> Iterator[tuple[str, Parameter]]:
    for _, part in parts:
        for name, parameter in part.parameters.items():
            yield f"{part.name}.{name}", parameter


def _indicators(parts: tuple[Part, ...]) -> Iterator[tuple[str, IndicatorRequest]]:
    """Yield the parts' requests; a text among the arguments names a parameter, which has a longer name here."""
    for _, part in parts:
        for name, request in part.indicators.items():
            arguments = {
                argument: f"{part.name}.{value}" if isinstance(value, str) else value
                for argument, value in request.arguments.items()
            }
            yield f"{part.name}.{name}", replace(request, arguments=arguments)


def _of_part(part: type[Strategy], named: Mapping[str, T]) -> dict[str, T]:
    """Return what belongs to a part, under the names that it knows."""
    prefix = f"{part.name}."
    return {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}
