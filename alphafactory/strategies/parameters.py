"""Joins what a caller asks of a strategy with what the strategy declares.

Goes in: values from the command line, the config or a search. Comes out: every parameter with a value of its own type,
within its bounds, or one clear refusal.
"""

from __future__ import annotations

import math
import numbers
from typing import TYPE_CHECKING

from alphafactory.domain.grammar import parse_number
from alphafactory.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from alphafactory.domain.plugins import Parameter, ParameterValue
    from alphafactory.strategies.base import Strategy, StrategyParameters


def resolve_parameters(strategy: type[Strategy], given: Mapping[str, object]) -> dict[str, int | float]:
    """Return a value for every parameter of the strategy, in the order of its declaration.

    Text is read as a number (`"10"`, `"2.5"`, `"5%"`). A whole-number parameter takes whole numbers alone and stays an
    int.

    Raises:
        UnknownNameError: `given` names what the strategy does not have.
        UsageError: a value is no number, is not finite, lies outside the bounds, or contradicts another.
    """
    for name in given:
        if name not in strategy.parameters:
            raise UnknownNameError(f"parameter of the strategy '{strategy.name}'", name, strategy.parameters)
    resolved: dict[str, int | float] = {
        name: parameter_value(strategy, name, given.get(name, parameter.default))
        for name, parameter in strategy.parameters.items()
    }
    strategy.check(resolved)
    return resolved


def parameter_value(strategy: type[Strategy], name: str, value: object) -> int | float:
    """Return a value of one of the strategy's parameters, in its own type; errors as in `resolve_parameters`."""
    return _convert(f"The strategy '{strategy.name}', parameter '{name}'", value, strategy.parameters[name])


def warm_up(
    strategy: type[Strategy],
    params: StrategyParameters,
    indicator_warm_up: Callable[[str, Mapping[str, ParameterValue]], int],
) -> int:
    """Return the bars before all of the strategy's indicators have a value.

    `indicator_warm_up(function, arguments)` answers for one indicator; the catalogue of indicators has such a function.
    """
    waits = [indicator_warm_up(request.function, request.resolve(params)) for request in strategy.indicators.values()]
    return max(waits, default=0)


def _convert(where: str, value: object, parameter: Parameter) -> int | float:
    number = _number(where, value)
    wants_whole = isinstance(parameter.default, int)
    if wants_whole and number != math.floor(number):
        raise UsageError(f"{where}: {value} is not a whole number. Write for example {parameter.default}.")
    if not parameter.low <= number <= parameter.high:
        raise UsageError(f"{where}: {value} lies outside its bounds, {parameter.low} to {parameter.high}.")
    return int(number) if wants_whole else float(number)


def _number(where: str, value: object) -> float:
    if isinstance(value, str):
        return parse_number(value, where)
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise UsageError(f"{where}: {value!r} is not a number.")
    if not math.isfinite(value):
        raise UsageError(f"{where}: {value} is not a finite number.")
    return float(value)
