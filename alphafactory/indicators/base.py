"""What an indicator function and a cached column declare of themselves.

An indicator file defines module-level instances: an `IndicatorFunction` says how values arise from bars and
parameters, an `IndicatorColumn` fixes the parameters and gives the result the name under which the nightly cache
keeps it. For example:

    MEDIAN = IndicatorFunction(
        name="median_price",
        title="Median price",
        group="overlap",
        inputs=("high", "low"),
        outputs=(Output("median_price", unit="price", low=0.0),),
        warm_up=lambda: 0,
        compute=lambda data: ((data.high + data.low) / 2.0,),
    )
    COLUMN = IndicatorColumn("median_price", "median_price", meaning="The middle of the day's range.")
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from alphafactory.domain.plugins import ParameterValue
from alphafactory.errors import PluginError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import Parameter

ValueKind: TypeAlias = Literal["float", "flag"]
"""`flag` values are small whole numbers: a pattern's -100..100, a crossing's -1/0/1, a state's 0/1."""

Arguments: TypeAlias = Mapping[str, ParameterValue]

GROUPS = (
    "overlap", "momentum", "volatility", "volume", "price", "cycle", "pattern", "statistic", "calendar", "regime",
    "derived",
)  # fmt: skip
"""The groups of this package, TA-Lib's first. A plug-in may bring a group of its own."""

Memory: TypeAlias = Literal["window", "fading", "endless"]
"""What a value depends on: the bars of its warm-up alone; all bars, the old ones ever less; all bars for ever."""


@dataclass(frozen=True, slots=True)
class Output:
    """One array that a function returns, with the inclusive range its values can take.

    `unit` is one of: price (the quote's currency), money (the same, for what is traded), percent, ratio, shares, bars,
    days, degrees, sign, state, strength.
    """

    name: str
    unit: str
    kind: ValueKind = "float"
    low: float = -math.inf
    high: float = math.inf


@dataclass(frozen=True, slots=True, eq=False)
class IndicatorFunction:
    """How values arise from one symbol's bars.

    `compute(data, **arguments)` receives a `Computation` and returns one float64 array of shape (bars,) for each of
    `outputs`, NaN in the warm-up. Row t may use rows up to t and no other. `warm_up(**arguments)` is the number of
    bars before the first value. `uses` names the functions that `compute` asks `data.value` for; asking for another
    is refused, because the hash of the source could not notice a change in it. `parameters` may be left empty.

    `inputs` are fields of bars, `session`, `next_session` (from the exchange's calendar), or series of the market:
    `index` and those of `domain.context.BREADTH`. `memory` says how far back a value reaches; of a `fading` one
    `settling(**arguments)` is the number of bars after the warm-up until where history starts weighs less than 1e-9.
    An `endless` one depends on it for ever, so that only its changes or ranks mean anything.
    """

    name: str
    title: str
    group: str
    inputs: tuple[str, ...]
    outputs: tuple[Output, ...]
    warm_up: Callable[..., int]
    compute: Callable[..., tuple[FloatArray, ...]]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    uses: tuple[str, ...] = ()
    memory: Memory = "window"
    settling: Callable[..., int] = field(default=lambda **_: 0)

    def output(self, name: str | None) -> Output:
        """Return the output of that name, or the only one for None."""
        if name is None and len(self.outputs) == 1:
            return self.outputs[0]
        for output in self.outputs:
            if output.name == name:
                return output
        if name is None:
            names = ", ".join(output.name for output in self.outputs)
            raise UsageError(f"The indicator '{self.name}' has several outputs. Name one of: {names}.")
        raise UnknownNameError(f"output of the indicator '{self.name}'", name, [output.name for output in self.outputs])

    def resolve(self, given: Arguments) -> dict[str, ParameterValue]:
        """Return every argument, defaults filled in; raise `UsageError` for an unknown, wrong or unbounded one."""
        for name in given:
            if name not in self.parameters:
                raise UnknownNameError(f"parameter of the indicator '{self.name}'", name, self.parameters)
        return {name: self._judge(name, given.get(name, p.default)) for name, p in self.parameters.items()}

    def _judge(self, name: str, value: ParameterValue) -> ParameterValue:
        parameter = self.parameters[name]
        where = f"The indicator '{self.name}', parameter '{name}'"
        wants_whole = isinstance(parameter.default, int)
        if isinstance(value, bool | str) or not math.isfinite(value) or (wants_whole and value != int(value)):
            raise UsageError(f"{where}: {value!r} is not a {'whole number' if wants_whole else 'number'}.")
        if not parameter.low <= value <= parameter.high:
            raise UsageError(f"{where}: {value} lies outside {parameter.low} to {parameter.high}.")
        return int(value) if wants_whole else float(value)


def settling_of(weight: float) -> int:
    """Return the steps after which an average that keeps 1 - `weight` of itself keeps less than 1e-9 of its start."""
    return math.ceil(math.log(1e-9) / math.log1p(-weight)) if weight < 1.0 else 0


@dataclass(frozen=True, slots=True, eq=False)
class IndicatorColumn:
    """A feature: a function with its arguments fixed, under its own name. `meaning` is for a trader.

    A `standard` one is kept by the nightly cache unless the config says otherwise; any other is computed on demand.
    """

    name: str
    function: str
    arguments: Arguments = field(default_factory=dict)
    output: str | None = None
    meaning: str = ""
    standard: bool = False


@dataclass(frozen=True, slots=True)
class IndicatorDefinition:
    """Everything the catalogue knows of a cached column, for people and for the table of indicators.

    `warm_up` is the number of bars before the first value; `low` and `high` bound the values, infinite where nothing
    does.
    """

    name: str
    title: str
    function: str
    arguments: Arguments
    output: str
    inputs: tuple[str, ...]
    warm_up: int
    group: str
    kind: ValueKind
    unit: str
    low: float
    high: float
    meaning: str
    standard: bool
    memory: Memory
    settling: int


def define(column: IndicatorColumn, function: IndicatorFunction) -> IndicatorDefinition:
    """Join a column with its function; raise `PluginError` or `UsageError` where they do not fit."""
    if not column.meaning:
        raise PluginError(f"the column '{column.name}' has no `meaning`; say in one line what it tells a trader")
    arguments = function.resolve(column.arguments)
    output = function.output(column.output)
    return IndicatorDefinition(
        name=column.name,
        title=function.title,
        function=function.name,
        arguments=arguments,
        output=output.name,
        inputs=function.inputs,
        warm_up=function.warm_up(**arguments),
        group=function.group,
        kind=output.kind,
        unit=output.unit,
        low=output.low,
        high=output.high,
        meaning=column.meaning,
        standard=column.standard,
        memory=function.memory,
        settling=function.settling(**arguments),
    )
