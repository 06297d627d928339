"""What a strategy's modules hold in their variables, so that two states of them can be compared.

A pure function keeps nothing. A list, dictionary or array of a module, a class or a function's defaults that is another
after the audit than before it is memory, with which an answer may depend on what was asked earlier.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DEEPEST = 6
_PLAIN = (int, float, complex, str, bytes, bool, type(None), np.generic, np.datetime64)


def kept_in(namespaces: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
    """Return what each variable holds, in words that differ where values do, by module and name."""
    return {
        f"{label}: {name}": _told(value, label, 0)
        for label, variables in namespaces.items()
        for name, value in variables.items()
        if not name.startswith("__")
    }


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return the names of the variables that came, went or changed."""
    return [name for name in dict.fromkeys([*before, *after]) if before.get(name) != after.get(name)]


def _told(value: object, label: str, depth: int) -> str:
    if isinstance(value, _PLAIN):
        return repr(value)
    if depth >= _DEEPEST:
        return type(value).__name__
    if isinstance(value, np.ndarray):
        return f"{value.shape}{value.dtype}{hash(value.tobytes())}"
    if isinstance(value, np.random.Generator):
        return repr(value.bit_generator.state)
    inside = [_told(member, label, depth + 1) for member in _members(value)]
    return f"{type(value).__name__}({', '.join(inside)})"


def _members(value: object) -> Iterator[object]:
    """Yield what a value holds that a strategy may have put there; nothing of modules and of foreign classes."""
    if isinstance(value, dict):
        yield from value.keys()
        yield from value.values()
    elif isinstance(value, list | tuple):
        yield from value
    elif isinstance(value, set | frozenset):
        yield from sorted(value, key=repr)
    elif isinstance(value, staticmethod | classmethod):
        yield value.__func__
    elif inspect.isfunction(value):
        yield from (value.__defaults__, value.__kwdefaults__, vars(value))
        yield from (cell.cell_contents for cell in value.__closure__ or () if _is_filled(cell))
    elif inspect.isclass(value):
        yield from (member for name, member in vars(value).items() if not _of_python(name))
    elif not inspect.ismodule(value) and hasattr(value, "__dict__"):
        yield vars(value)


def _of_python(name: str) -> bool:
    return name == "_abc_impl" or (name.startswith("__") and name.endswith("__"))


def _is_filled(cell: object) -> bool:
    try:
        cell.cell_contents  # type: ignore[attr-defined]  # noqa: B018  an empty cell raises
    except ValueError:
        return False
    return True
