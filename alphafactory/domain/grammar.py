"""The one grammar of model values: `name`, `name:value`, `name:value,key=value`.

It is read alike in YAML, on the command line and in rules: `bps:10`, `per_share:0.005,min=1`, `percent:25%`.
A number may end in `%` (hundredths) or in a unit such as `R` or `atr`, which the model that receives it must expect.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from alphafactory.errors import UsageError, suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping

_NUMBER = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(%?)$")


@dataclass(frozen=True, slots=True)
class Model:
    """What models of one kind exist: the value each takes (or None for none) and its optional keys with defaults."""

    takes_value: bool
    keys: Mapping[str, float] = field(default_factory=dict)
    default: float | None = None


@dataclass(frozen=True, slots=True)
class ModelValue:
    """A parsed model: `per_share:0.005,min=1` is name `per_share`, value 0.005, options {"min": 1.0}."""

    name: str
    value: float | None = None
    options: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [] if self.value is None else [f"{self.value:.12g}"]
        parts += [f"{key}={number:.12g}" for key, number in self.options.items()]
        return f"{self.name}:{','.join(parts)}" if parts else self.name


def parse_number(text: str, where: str) -> float:
    """Read a plain or percent number; `where` names the setting in the error."""
    match = _NUMBER.match(text.strip())
    if match is None:
        raise UsageError(f"{where}: '{text}' is not a number. Write for example 0.25 or 25%.")
    number = float(match[1]) / (100.0 if match[2] else 1.0)
    if not math.isfinite(number):
        raise UsageError(f"{where}: '{text}' is too large to be a number. Write for example 0.25 or 25%.")
    return number


def parse_model(text: str, kind: str, models: Mapping[str, Model]) -> ModelValue:
    """Parse `text` as one of `models`; every error names the kind, the text and what would be right."""
    name, _, rest = text.strip().partition(":")
    if name not in models:
        raise UsageError(f"{kind}: '{name}' is not a {kind} model. {suggestion(name, models)}")
    model = models[name]
    value: float | None = model.default
    options = dict(model.keys)
    for position, part in enumerate(p.strip() for p in rest.split(",") if p.strip()):
        key, equals, number = part.partition("=")
        if equals:
            if key.strip() not in model.keys:
                raise UsageError(f"{kind}: '{name}' has no option '{key.strip()}'. {suggestion(key, model.keys)}")
            options[key.strip()] = parse_number(number, f"{kind} '{text}'")
        elif position == 0 and model.takes_value:
            value = parse_number(part, f"{kind} '{text}'")
        else:
            raise UsageError(f"{kind}: '{part}' in '{text}' has no meaning here; options are written key=value.")
    if model.takes_value and value is None:
        raise UsageError(f"{kind}: '{name}' needs a value, for example {name}:0.005.")
    return ModelValue(name, value, options)
