"""The parameters that a rule declares, and the amounts of its stops, which are numbers or such parameters.

A parameter is written in full, `{default: 10, range: [5, 20], meaning: ...}`, or as its default alone, `rsi_low: 10`:
then it ranges from half of that to twice as much.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from alphafactory.domain.plugins import Parameter
from alphafactory.errors import suggestion
from alphafactory.strategies.rules.names import MOST_BARS, check_parameter_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.strategies.rules.fields import Field
    from alphafactory.strategies.rules.names import Names
    from alphafactory.strategies.rules.terms import Amount

MOST_AMOUNT = 1_000
"""The largest multiple or percentage by which a level may lie away."""
_KEYS = ("default", "range", "meaning")


def read_parameters(field: Field, words: frozenset[str]) -> dict[str, Parameter]:
    """Return the parameters of the section `params`; `words` are names that the grammar keeps for itself."""
    found: dict[str, Parameter] = {}
    for name, one in field.fields().items():
        reason = check_parameter_name(name, words)
        if reason is not None:
            raise one.refusal(reason)
        found[name] = _in_full(one, name) if one.has_fields else _in_short(one, name)
    return found


def check_all_used(field: Field, names: Names) -> None:
    """Refuse a parameter that changes nothing, for it would be searched in vain."""
    for name, one in field.fields().items():
        if name not in names.used:
            raise one.refusal(f"nothing in the rule uses the parameter '{name}'. Use it, or leave it out.")


def read_amount(field: Field, names: Names, *, whole: bool = False) -> Amount:
    """Return a number above 0, or the parameter that gives it; `whole` for a number of bars."""
    text = field.text().strip()
    if not text[:1].isalpha():
        number = field.number()
        if not 0 < number <= MOST_AMOUNT or (whole and (not isinstance(number, int) or number > MOST_BARS)):
            wanted = f"a whole number of bars from 1 to {MOST_BARS}" if whole else f"above 0, at most {MOST_AMOUNT}"
            raise field.refusal(f"{text} is not {wanted}.")
        return lambda _params: number
    if text not in names.parameters:
        raise field.refusal(f"'{text}' is no number and no parameter. {suggestion(text, names.parameters)}")
    parameter = names.parameters[text]
    most = MOST_BARS if whole else MOST_AMOUNT
    if not 0 < parameter.low <= parameter.high <= most or (whole and not isinstance(parameter.default, int)):
        wanted = f"a whole number of bars from 1 to {MOST_BARS}" if whole else f"above 0, at most {MOST_AMOUNT}"
        raise field.refusal(f"the parameter '{text}' has to be {wanted}, not {parameter.low} to {parameter.high}.")
    names.used.add(text)
    return lambda params: params[text]


def read_period(field: Field, names: Names, wanted: Parameter) -> str | int:
    """Return the argument of an indicator: a number of bars, or the name of a parameter."""
    amount = read_amount(field, names, whole=True)
    text = field.text().strip()
    own = names.parameters.get(text)
    low, high = (own.low, own.high) if own is not None else (amount({}), amount({}))
    if not wanted.low <= low <= high <= wanted.high:
        raise field.refusal(f"'{text}' lies outside of {wanted.low} to {wanted.high} bars.")
    return text if own is not None else int(low)


def _in_full(field: Field, name: str) -> Parameter:
    given = field.fields(_KEYS)
    for key in ("default", "range"):
        if key not in given:
            raise field.refusal(f"the parameter lacks its {key}. Write {{default: 10, range: [5, 20]}}.")
    bounds = given["range"].items()
    if len(bounds) != 2:  # noqa: PLR2004  a range has two ends
        raise given["range"].refusal("a range has two ends, such as [5, 20].")
    low, high = (bound.number() for bound in bounds)
    default = given["default"].number()
    if not low <= default <= high:
        raise given["default"].refusal(f"the default {default} lies outside of the range {low} to {high}.")
    meaning = given["meaning"].text().strip() if "meaning" in given else _meaning(name)
    return _parameter(default, low, high, meaning)


def _in_short(field: Field, name: str) -> Parameter:
    default = field.number()
    if default == 0:
        raise field.refusal(f"half and twice 0 make no range. Write {name}: {{default: 0, range: [-1, 1]}}.")
    ends: Mapping[bool, tuple[float, float]] = {True: (default / 2, default * 2), False: (default * 2, default / 2)}
    low, high = ends[default > 0]
    if isinstance(default, int):
        return _parameter(default, math.ceil(low), math.floor(high), _meaning(name))
    return _parameter(default, low, high, _meaning(name))


def _parameter(default: float, low: float, high: float, meaning: str) -> Parameter:
    """Return it as whole numbers where all of them are, else as floats throughout."""
    if all(isinstance(number, int) for number in (default, low, high)):
        return Parameter(default, low, high, meaning)
    return Parameter(float(default), float(low), float(high), meaning)


def _meaning(name: str) -> str:
    return f"{name.replace('_', ' ')}, as the rule uses it"
