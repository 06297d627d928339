"""Computes indicators over one symbol, each intermediate result once.

Goes in: the known functions and one symbol's complete bars. Comes out: read-only arrays of shape (bars,). A result is
remembered by function and arguments, so that three outputs of one function, or an average that four columns share, cost
one call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.context import NO_CONTEXT
from alphafactory.errors import IndicatorError, PluginError

if TYPE_CHECKING:
    from alphafactory.domain.arrays import DateArray, FloatArray
    from alphafactory.domain.bars import Bars
    from alphafactory.domain.context import MarketContext
    from alphafactory.domain.plugins import ParameterValue
    from alphafactory.indicators.base import Arguments, IndicatorDefinition, IndicatorFunction
    from alphafactory.registry import Registry

_Key = tuple[str, tuple[tuple[str, "ParameterValue"], ...]]


class Computation:
    """One symbol's bars and what has been computed of them so far. This is what an indicator function receives."""

    def __init__(self, functions: Registry[IndicatorFunction], bars: Bars, context: MarketContext = NO_CONTEXT) -> None:
        """Take the bars and what surrounds them; nothing is computed or checked until it is asked for."""
        self._functions = functions
        self._bars = bars
        self._context = context
        self._market: dict[str, FloatArray] = {}
        self._next_sessions: DateArray | None = None
        self._inputs: dict[str, FloatArray] = {}
        self._results: dict[_Key, dict[str, FloatArray]] = {}
        self._running: list[IndicatorFunction] = []

    def __len__(self) -> int:
        return len(self._bars)

    @property
    def open(self) -> FloatArray:
        """Opening prices, shape (bars,)."""
        return self._input("open")

    @property
    def high(self) -> FloatArray:
        """Highest prices, shape (bars,)."""
        return self._input("high")

    @property
    def low(self) -> FloatArray:
        """Lowest prices, shape (bars,)."""
        return self._input("low")

    @property
    def close(self) -> FloatArray:
        """Closing prices, shape (bars,)."""
        return self._input("close")

    @property
    def volume(self) -> FloatArray:
        """Shares traded, shape (bars,)."""
        return self._input("volume")

    @property
    def context(self) -> MarketContext:
        """What surrounds the bars."""
        return self._context

    @property
    def sessions(self) -> DateArray:
        """Sessions of the bars, shape (bars,)."""
        return self._bars.sessions

    @property
    def next_sessions(self) -> DateArray:
        """The exchange's next session after each bar, by its calendar, shape (bars,)."""
        if self._next_sessions is None:
            self._next_sessions = self._context.next_sessions(self._bars.sessions)
        return self._next_sessions

    def market(self, name: str) -> FloatArray:
        """Return a series of the market (`MARKET_INPUTS`), shape (bars,): the newest value known at each bar's close.

        NaN before it begins, or where it is unknown. IndicatorError: there is no such series here.
        """
        if name not in self._market:
            array = self._context.aligned(name, self._bars.sessions).view()
            array.flags.writeable = False
            self._market[name] = array
        return self._market[name]

    def value(self, function: str, output: str | None = None, /, **arguments: ParameterValue) -> FloatArray:
        """Return one output of a function, shape (bars,); `output` may be left out where there is only one."""
        name = self._functions.get(function).output(output).name
        return self.outputs(function, arguments)[name]

    def outputs(self, function: str, arguments: Arguments) -> dict[str, FloatArray]:
        """Return all outputs of a function by name, each of shape (bars,).

        Raises:
            UsageError: an unknown function or parameter, or a value out of its bounds.
            IndicatorError: an input has a hole.
            PluginError: the function broke its contract.
        """
        found = self._functions.get(function)
        self._check_declared(found)
        return self._compute(found, found.resolve(arguments))

    def once(self, function: IndicatorFunction, resolved: Arguments) -> dict[str, FloatArray]:
        """Return all outputs of a function for arguments that `resolve` has judged, and remember nothing of it.

        For a search, which asks for more arguments than memory should hold; errors as in `outputs`.
        """
        self._running.append(function)
        try:
            return self._judge(function, function.compute(self, **resolved))
        finally:
            self._running.pop()
            self._results.clear()

    def column(self, definition: IndicatorDefinition) -> FloatArray:
        """Return a cached column, shape (bars,); errors as in `outputs`.

        Whoever takes the columns one by one loses only that of a plug-in that fails.
        """
        function = self._functions.get(definition.function)
        return self._compute(function, definition.arguments)[definition.output]

    def _compute(self, function: IndicatorFunction, resolved: Arguments) -> dict[str, FloatArray]:
        key = (function.name, tuple(resolved.items()))
        if key not in self._results:
            self._running.append(function)
            try:
                self._results[key] = self._judge(function, function.compute(self, **resolved))
            finally:
                self._running.pop()
        return self._results[key]

    def _check_declared(self, wanted: IndicatorFunction) -> None:
        if self._running and wanted.name not in self._running[-1].uses:
            asking = self._running[-1].name
            raise PluginError(
                f"The indicator '{asking}' asks for '{wanted.name}' without naming it in `uses`. Add it there, "
                f"so that a change of '{wanted.name}' is seen as a change of '{asking}'."
            )

    def _input(self, name: str) -> FloatArray:
        if name not in self._inputs:
            array = np.ascontiguousarray(getattr(self._bars, name), dtype=np.float64).view()
            array.flags.writeable = False
            self._check_complete(name, array)
            self._inputs[name] = array
        return self._inputs[name]

    def _check_complete(self, name: str, array: FloatArray) -> None:
        """Refuse holes: TA-Lib would answer NaN, or worse 0.0, for every bar that follows one."""
        if bool(np.isfinite(array).all()):
            return
        holes = np.flatnonzero(~np.isfinite(array))
        raise IndicatorError(
            f"{name} is {array[holes[0]]} in the session {self._bars.sessions[holes[0]]}, "
            f"one of {len(holes)} such bars of {len(array)}. "
            "Close the gaps, or split the series at them, before indicators are computed."
        )

    def _judge(self, function: IndicatorFunction, arrays: tuple[FloatArray, ...]) -> dict[str, FloatArray]:
        """Name the arrays and make them read-only; refuse what is not one float64 array a declared output."""
        views: dict[str, FloatArray] = {}
        if isinstance(arrays, tuple) and len(arrays) == len(function.outputs):
            for output, array in zip(function.outputs, arrays, strict=True):
                if _is_column(array, len(self)):
                    views[output.name] = array.view()
                    views[output.name].flags.writeable = False
        if len(views) < len(function.outputs):
            raise PluginError(
                f"The indicator '{function.name}' must return a tuple of {len(function.outputs)} float64 array(s) "
                f"of shape ({len(self)},), one for each of its outputs."
            )
        return views


def _is_column(array: object, length: int) -> bool:
    return isinstance(array, np.ndarray) and array.shape == (length,) and array.dtype == np.float64
