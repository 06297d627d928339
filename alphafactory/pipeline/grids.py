"""Grids of parameters: the words of a person in, the complete parameter sets of a search out.

A range is written `fast=5:50:5`, ends inclusive; a list `fast=5,10,20`; a list may hold ranges. The sets count in the
order of the words, the last parameter fastest. Those that the strategy's own `check` refuses are counted and left out.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, overload

import numpy as np

from alphafactory.errors import PluginError, UnknownNameError, UsageError
from alphafactory.strategies.parameters import parameter_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.arrays import IntArray
    from alphafactory.strategies.base import Strategy

MOST_SETS = 1_000_000
"""Combinations of one grid; beyond it a person has slipped in a step."""
ParameterSet = dict[str, "int | float"]


@dataclass(frozen=True, slots=True, eq=False)
class Grid(Sequence[ParameterSet]):
    """The parameter sets of a search, made when they are asked for, so that a large grid takes no memory.

    `values` are those of each searched parameter, `fixed` a value for every other; `accepted` has shape (sets,) and
    holds the places of the accepted combinations among all. `skipped` combinations contradict themselves.
    """

    names: tuple[str, ...]
    values: Mapping[str, tuple[int | float, ...]]
    fixed: Mapping[str, int | float]
    accepted: IntArray
    skipped: int

    def __len__(self) -> int:
        return len(self.accepted)

    @overload
    def __getitem__(self, place: int) -> ParameterSet: ...
    @overload
    def __getitem__(self, place: slice) -> list[ParameterSet]: ...
    def __getitem__(self, place: int | slice) -> ParameterSet | list[ParameterSet]:
        """Return one set, or those of a slice as a list."""
        if isinstance(place, slice):
            return [self._set(int(where)) for where in self.accepted[place]]
        return self._set(int(self.accepted[place]))

    def distinct(self, names: Sequence[str]) -> list[ParameterSet]:
        """Return sets in which every combination of the named parameters that any set has stands once."""
        sizes = [len(values) for values in self.values.values()]
        places = np.unravel_index(self.accepted, sizes)
        looked_at = [place for name, place in zip(self.values, places, strict=True) if name in names]
        if not looked_at:
            return self[:1]
        _, first = np.unique(np.stack(looked_at), axis=1, return_index=True)
        return [self[int(place)] for place in first]

    def _set(self, where: int) -> ParameterSet:
        found: ParameterSet = {}
        for name, values in reversed(list(self.values.items())):
            where, position = divmod(where, len(values))
            found[name] = values[position]
        return {name: found[name] if name in found else self.fixed[name] for name in self.names}


def parse_grid(strategy: type[Strategy], words: Sequence[str], given: Mapping[str, object]) -> Grid:
    """Read `NAME=VALUES` words; `given` are values of parameters that are not searched.

    Raises:
        UnknownNameError: a name that is no parameter of the strategy.
        UsageError: words that cannot be read, a value out of its bounds, a grid too large, or one of which the strategy
            refuses every combination.
        PluginError: the strategy's `check` broke.
    """
    values: dict[str, tuple[int | float, ...]] = {}
    for word in words:
        name, sign, text = (part.strip() for part in word.partition("="))
        if not (name and sign and text):
            raise UsageError(f"--grid '{word}' is no NAME=VALUES. Write for example --grid fast=5:50:5.")
        if name not in strategy.parameters:
            raise UnknownNameError(f"parameter of the strategy '{strategy.name}'", name, strategy.parameters)
        if name in values or name in given:
            raise UsageError(f"--grid {name} is given twice, or with --set {name} too. Give it once.")
        values[name] = tuple(dict.fromkeys(parameter_value(strategy, name, value) for value in _values(word, text)))
    if not values:
        raise UsageError("Nothing is searched. Add for example --grid fast=5:50:5.")
    fixed = _fixed(strategy, given, values)
    combinations = math.prod(map(len, values.values()))
    if combinations > MOST_SETS:
        raise UsageError(
            f"The grid has {combinations:,} combinations, more than {MOST_SETS:,}. "
            "Take larger steps or fewer parameters."
        )
    return _judged(strategy, values, fixed)


def _fixed(
    strategy: type[Strategy], given: Mapping[str, object], searched: Mapping[str, object]
) -> dict[str, int | float]:
    for name in given:
        if name not in strategy.parameters:
            raise UnknownNameError(f"parameter of the strategy '{strategy.name}'", name, strategy.parameters)
    return {
        name: parameter_value(strategy, name, given.get(name, parameter.default))
        for name, parameter in strategy.parameters.items()
        if name not in searched
    }


def _judged(
    strategy: type[Strategy], values: Mapping[str, tuple[int | float, ...]], fixed: Mapping[str, int | float]
) -> Grid:
    """Ask the strategy about every combination."""
    names = tuple(strategy.parameters)
    accepted, refusal = [], ""
    for where, chosen in enumerate(itertools.product(*values.values())):
        found = {**fixed, **dict(zip(values, chosen, strict=True))}
        try:
            strategy.check({name: found[name] for name in names})
        except UsageError as error:
            refusal = refusal or str(error)
        except Exception as error:
            raise PluginError(
                f"The strategy '{strategy.name}' cannot judge {found}: {type(error).__name__}: {error}. "
                "Correct its `check`."
            ) from error
        else:
            accepted.append(where)
    combinations = math.prod(map(len, values.values()))
    if not accepted:
        raise UsageError(f"The strategy '{strategy.name}' refuses all {combinations:,} combinations. {refusal}")
    return Grid(names, values, fixed, np.array(accepted, dtype=np.int64), combinations - len(accepted))


def _values(word: str, text: str) -> list[str]:
    """Return the values that a list of numbers and ranges stands for, as text."""
    found: list[str] = []
    for part in (part.strip() for part in text.split(",")):
        if ":" in part:
            found += _range(word, part)
        else:
            found.append(part)
        if len(found) > MOST_SETS:
            raise UsageError(f"--grid '{word}' has {len(found):,} values, more than {MOST_SETS:,}. Take larger steps.")
    return found


def _range(word: str, text: str) -> list[str]:
    """Count in decimals, so that 0.1:0.5:0.1 meets its end."""
    try:
        start, end, step = (_decimal(part) for part in text.split(":"))
    except (ValueError, InvalidOperation):
        raise UsageError(f"--grid '{word}': '{text}' is no START:END:STEP, such as 5:50:5 or 0.5:2:0.25.") from None
    if not all(number.is_finite() for number in (start, end, step)) or step <= 0 or end < start:
        raise UsageError(f"--grid '{word}': '{text}' does not lead up from START to END by a STEP above 0.")
    steps = int((end - start) / step)
    if steps >= MOST_SETS:
        raise UsageError(f"--grid '{word}' has {steps + 1:,} values, more than {MOST_SETS:,}. Take larger steps.")
    return [str(start + step * number) for number in range(steps + 1)]


def _decimal(text: str) -> Decimal:
    words = text.strip()
    return Decimal(words[:-1]) / 100 if words.endswith("%") else Decimal(words)
