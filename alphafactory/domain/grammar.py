"""The one grammar of model values: `name`, `name:value`, `name:value,key=value`; and of distances, such as `3%`.

It is read alike in YAML, on the command line and in rules: `bps:10`, `per_share:0.005,min=1`, `percent:25%`. A number
may end in `%` (hundredths). A distance from a price carries its unit: `3%` of the price, `2atr` for so many average
true ranges, `2R` for so many times the distance from entry to stop.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from alphafactory.errors import UsageError, suggestion

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_NUMBER = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(%?)$")
_DISTANCE = re.compile(r"^(.*?)\s*(%|atr|R)$", re.IGNORECASE)
Unit = Literal["%", "atr", "R"]


@dataclass(frozen=True, slots=True)
class Distance:
    """How far from a price: `amount` is a fraction of it for `%`, else a multiple of the average true range or of R."""

    amount: float
    unit: Unit

    def __str__(self) -> str:
        return f"{self.amount * 100:.12g}%" if self.unit == "%" else f"{self.amount:.12g}{self.unit}"


@dataclass(frozen=True, slots=True)
class Model:
    """What models of one kind exist: the value each takes (or None for none) and its optional keys with defaults.

    `units` are the units of a value that is a distance; without them the value is a plain number.
    """

    takes_value: bool
    keys: Mapping[str, float] = field(default_factory=dict)
    default: float | None = None
    units: tuple[Unit, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelValue:
    """A parsed model: `per_share:0.005,min=1` is name `per_share`, value 0.005, options {"min": 1.0}.

    Where the value is a distance, `unit` says of what.
    """

    name: str
    value: float | None = None
    options: Mapping[str, float] = field(default_factory=dict)
    unit: Unit | None = None

    def __str__(self) -> str:
        parts = []
        if self.value is not None:
            parts.append(str(Distance(self.value, self.unit)) if self.unit else f"{self.value:.12g}")
        parts += [f"{key}={number:.12g}" for key, number in self.options.items()]
        return f"{self.name}:{','.join(parts)}" if parts else self.name


def parse_number(text: str, where: str) -> float:
    """Read a plain or percent number; `where` names the setting in the error."""
    match = _NUMBER.match(text.strip())
    if match is None:
        raise UsageError(f"{where}: '{text}' is not a number. Write for example 0.25 or 25%.")
    number = float(match[1])
    if match[2]:
        # A hundredth by moving the point, for a division would round a second time and read 0.921% unlike 0.00921.
        digits, _, exponent = match[1].lower().partition("e")
        number = float(f"{digits}e{int(exponent or 0) - 2}")
    if not math.isfinite(number):
        raise UsageError(f"{where}: '{text}' is too large to be a number. Write for example 0.25 or 25%.")
    return number


def parse_distance(text: str, where: str, units: Collection[Unit]) -> Distance:
    """Read a distance above zero, in one of `units`; `where` names the setting in the error."""
    match = _DISTANCE.match(text.strip())
    unit = next((known for known in units if match is not None and known.lower() == match[2].lower()), None)
    if match is None or unit is None:
        examples = " or ".join(f"2{unit}" for unit in units)
        raise UsageError(f"{where}: '{text}' is no distance of a known unit. Write for example {examples}.")
    amount = parse_number(f"{match[1]}%" if unit == "%" else match[1], where)
    if amount <= 0.0:
        raise UsageError(f"{where}: {text} is not above 0. Write `none` for no such level.")
    return Distance(amount, unit)


def parse_model(text: str, kind: str, models: Mapping[str, Model]) -> ModelValue:
    """Parse `text` as one of `models`; every error names the kind, the text and what would be right."""
    name, _, rest = text.strip().partition(":")
    if name not in models:
        raise UsageError(f"{kind}: '{name}' is not a {kind} model. {suggestion(name, models)}")
    model = models[name]
    value, unit = model.default, None
    options = dict(model.keys)
    for position, part in enumerate(p.strip() for p in rest.split(",") if p.strip()):
        key, equals, number = part.partition("=")
        if equals:
            if key.strip() not in model.keys:
                raise UsageError(f"{kind}: '{name}' has no option '{key.strip()}'. {suggestion(key, model.keys)}")
            options[key.strip()] = parse_number(number, f"{kind} '{text}'")
        elif position == 0 and model.units:
            distance = parse_distance(part, f"{kind} '{text}'", model.units)
            value, unit = distance.amount, distance.unit
        elif position == 0 and model.takes_value:
            value = parse_number(part, f"{kind} '{text}'")
        else:
            raise UsageError(f"{kind}: '{part}' in '{text}' has no meaning here; options are written key=value.")
    if model.takes_value and value is None:
        raise UsageError(f"{kind}: '{name}' needs a value, for example {name}:{'3%' if model.units else '0.005'}.")
    return ModelValue(name, value, options, unit)
