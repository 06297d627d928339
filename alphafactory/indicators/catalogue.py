"""The indicators that are known: functions to compute on demand, and the columns that the nightly cache keeps.

Goes in: the user's folder, if there is one. Comes out: a `Catalogue`. The module's functions use the catalogue that
ships with AlphaFactory unless they are handed another.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from alphafactory.domain.context import MARKET_INPUTS, NO_CONTEXT
from alphafactory.domain.plugins import IndicatorRequest, IndicatorSignature, Vocabulary
from alphafactory.errors import AlphaFactoryError, PluginError, UnknownNameError
from alphafactory.indicators.base import IndicatorColumn, IndicatorDefinition, IndicatorFunction, define
from alphafactory.indicators.computation import Computation
from alphafactory.registry import BrokenPlugin, Registry, discover, source_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.bars import Bars
    from alphafactory.domain.context import MarketContext
    from alphafactory.indicators.base import Arguments

_COLUMN_NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}$")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every known function, every cached column by name in the order of its group, and the files that are broken."""

    functions: Registry[IndicatorFunction]
    columns: Mapping[str, IndicatorDefinition]
    broken: tuple[BrokenPlugin, ...]
    _sources: dict[str, str] = field(default_factory=dict, repr=False)

    def source(self, function: str) -> str:
        """Return the source of a function's file and of its local imports; files are read once."""
        path = self.functions.paths[self.functions.get(function).name]
        if path not in self._sources:
            self._sources[path] = source_text(Path(path), "alphafactory.indicators")
        return self._sources[path]

    def column(self, name: str) -> IndicatorDefinition:
        """Return a cached column; raise `UnknownNameError` listing the near ones."""
        if name not in self.columns:
            raise UnknownNameError("indicator", name, self.columns)
        return self.columns[name]


def discover_catalogue(user_folder: Path | None = None) -> Catalogue:
    """Read the indicators that ship, those of the user's folder and those of installed packages."""
    functions = discover("indicators", IndicatorFunction, "alphafactory.indicators.functions", user_folder)
    declared = discover("indicators", IndicatorColumn, "alphafactory.indicators.columns", user_folder)
    broken = list(dict.fromkeys([*functions.broken, *declared.broken]))
    columns: dict[str, IndicatorDefinition] = {}
    for name, column in declared.plugins.items():
        try:
            columns[name] = _define(column, functions)
        except AlphaFactoryError as error:
            broken.append(BrokenPlugin("indicators", declared.paths[name], 0, str(error)))
    return Catalogue(functions, columns, tuple(broken))


@functools.cache
def shipped_catalogue() -> Catalogue:
    """Return the catalogue without any user's folder, read once a process."""
    return discover_catalogue()


def definitions(catalogue: Catalogue | None = None) -> tuple[IndicatorDefinition, ...]:
    """Return every feature, group by group."""
    return tuple((catalogue or shipped_catalogue()).columns.values())


def chosen_definitions(
    wanted: str | Sequence[str], catalogue: Catalogue | None = None
) -> tuple[IndicatorDefinition, ...]:
    """Return the features of a set: `standard`, `all`, or those named; raise `UnknownNameError` for one that is not."""
    known = catalogue or shipped_catalogue()
    if wanted == "all":
        return definitions(known)
    if wanted == "standard":
        return tuple(definition for definition in definitions(known) if definition.standard)
    return tuple(known.column(name) for name in dict.fromkeys([wanted] if isinstance(wanted, str) else wanted))


def vocabulary(catalogue: Catalogue | None = None) -> Vocabulary:
    """Return what rules may name: every function with its parameters and outputs, and every feature."""
    known = catalogue or shipped_catalogue()
    functions = {
        name: IndicatorSignature(
            name, one.title, one.group, one.parameters, tuple(output.name for output in one.outputs)
        )
        for name, one in known.functions.items()
    }
    features = {
        name: IndicatorRequest(one.function, dict(one.arguments), one.output) for name, one in known.columns.items()
    }
    return Vocabulary(functions, features)


def compute_function(
    name: str,
    bars: Bars,
    arguments: Arguments | None = None,
    catalogue: Catalogue | None = None,
    context: MarketContext = NO_CONTEXT,
) -> dict[str, FloatArray]:
    """Compute one function over one symbol, for any arguments.

    Args:
        name: a function of the catalogue, such as `sma`.
        bars: complete bars, sessions ascending; any number of them, none included.
        arguments: the function's parameters; those left out take their defaults.
        catalogue: what is known; what ships if left out.
        context: what surrounds the bars, for functions that read the calendar or the market.

    Returns:
        Read-only arrays of shape (bars,) by the name of the output, NaN in the warm-up.

    Raises:
        UsageError: an unknown function or parameter, or a value out of its bounds.
        IndicatorError: an input has a hole; the message names the session.
        PluginError: a plug-in's function broke its contract.
    """
    return computation_of(bars, catalogue, context).outputs(name, arguments or {})


def computation_of(bars: Bars, catalogue: Catalogue | None = None, context: MarketContext = NO_CONTEXT) -> Computation:
    """Return one symbol's computation, for whoever asks for several indicators of it and wants shared parts shared."""
    return Computation((catalogue or shipped_catalogue()).functions, bars, context)


def compute_columns(
    bars: Bars,
    names: Sequence[str] | None = None,
    catalogue: Catalogue | None = None,
    context: MarketContext = NO_CONTEXT,
) -> dict[str, FloatArray]:
    """Compute features (all, or those of `names`) over one symbol's whole history.

    Arguments, results and errors are as in `compute_function`. The whole series is always computed: a recursive average
    that starts elsewhere has other values.
    """
    known = catalogue or shipped_catalogue()
    computation = computation_of(bars, known, context)
    wanted = known.columns.values() if names is None else [known.column(name) for name in names]
    return {definition.name: computation.column(definition) for definition in wanted}


def function_warm_up(name: str, arguments: Arguments | None = None, catalogue: Catalogue | None = None) -> int:
    """Return the number of bars before a function's first value."""
    function = (catalogue or shipped_catalogue()).functions.get(name)
    return function.warm_up(**function.resolve(arguments or {}))


def function_settling(name: str, arguments: Arguments | None = None, catalogue: Catalogue | None = None) -> int:
    """Return the bars after which a function's value no longer depends on where history starts: 1e-9 of it is left.

    Of an endless one that is never, and what is returned is its warm-up.
    """
    function = (catalogue or shipped_catalogue()).functions.get(name)
    resolved = function.resolve(arguments or {})
    return function.warm_up(**resolved) + function.settling(**resolved)


def market_inputs(name: str, catalogue: Catalogue | None = None) -> frozenset[str]:
    """Return which series of the market a function reads, itself or through what it uses."""
    known = catalogue or shipped_catalogue()
    inputs = {one for function in _used(name, known.functions) for one in known.functions.get(function).inputs}
    return frozenset(inputs & set(MARKET_INPUTS))


def function_hash(name: str, catalogue: Catalogue | None = None) -> str:
    """Return the version of a function's code: a hash of its source, what that uses and TA-Lib's version."""
    known = catalogue or shipped_catalogue()
    sources = [known.source(function) for function in _used(name, known.functions)]
    return _digest([importlib.metadata.version("TA-Lib"), *sources])


def source_hash(name: str, catalogue: Catalogue | None = None) -> str:
    """Return the version of a cached column: its function's code, arguments and output. Equal on every machine."""
    definition = (catalogue or shipped_catalogue()).column(name)
    arguments = json.dumps(dict(definition.arguments), sort_keys=True)
    return _digest([function_hash(definition.function, catalogue), arguments, definition.output])


def _define(column: IndicatorColumn, functions: Registry[IndicatorFunction]) -> IndicatorDefinition:
    if not _COLUMN_NAME.match(column.name):
        raise PluginError(
            f"'{column.name}' is no column name: use a-z, 0-9 and _, a letter first, at most 63 characters"
        )
    _used(column.function, functions)  # a misspelt name in `uses` is better refused now than in the night
    return define(column, functions.get(column.function))


def _used(name: str, functions: Registry[IndicatorFunction]) -> list[str]:
    """Return the function and all that it uses, directly or through others, in order of name."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting.extend(functions.get(current).uses)
    return sorted(found)


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
