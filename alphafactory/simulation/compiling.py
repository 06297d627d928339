"""How the simulator's functions are compiled: one decorator for those that only compiled code calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from numba import njit

if TYPE_CHECKING:
    from collections.abc import Callable

    _Function = TypeVar("_Function", bound=Callable[..., Any])

# NumPy's error model spares a branch at each division: judged input has no zero divisor. These functions allocate
# nothing, so arrays need not be counted, and Python never calls them, so no wrapper is needed: both take time.
_OPTIONS: dict[str, Any] = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": False}


def inner(function: _Function) -> _Function:
    """Compile a function, once for each combination of types, when compiled code first calls it."""
    compiled: _Function = njit(**_OPTIONS)(function)
    return compiled


def folded(function: _Function) -> _Function:
    """Compile a function into each of its callers: for what is short, or called in one place and often.

    A call hands over some fifty words of arrays, which takes longer than most of these functions.
    """
    compiled: _Function = njit(forceinline=True, **_OPTIONS)(function)
    return compiled


def inner_sum(function: _Function) -> _Function:
    """Compile a function whose sums and extremes of numbers may be taken in another order, several at a time."""
    compiled: _Function = njit(fastmath={"reassoc", "nnan", "nsz"}, **_OPTIONS)(function)
    return compiled
