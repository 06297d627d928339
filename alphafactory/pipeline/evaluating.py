"""Parameter sets on symbols of equal sessions, in one go: signals for all of them at once, then their numbers.

Goes in: symbols, a strategy, parameter sets. Comes out: a row of `NUMBERS` for each set and symbol.

1. Each indicator is computed once for each of its arguments, as one array (sessions, symbols).
2. Each set is one call of the strategy on those arrays and one of the simulator, each symbol on an account of its own.
3. A strategy whose columns look at one another would answer differently alone: it gets the symbols one by one.
4. What fails is tried again in halves, down to the symbol at fault, which costs no other its result.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.context import NO_CONTEXT
from alphafactory.domain.plugins import MarketView
from alphafactory.domain.signals import Signals
from alphafactory.errors import AlphaFactoryError, SimulationError
from alphafactory.indicators.catalogue import computation_of, shipped_catalogue
from alphafactory.pipeline.market_views import earnings_of
from alphafactory.simulation import NUMBERS, measure, prepare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.bars import Bars
    from alphafactory.domain.context import MarketContext
    from alphafactory.domain.plugins import IndicatorRequest, ParameterValue
    from alphafactory.domain.settings import SimulationSettings
    from alphafactory.indicators.base import IndicatorFunction
    from alphafactory.strategies.base import Strategy

_INDICATOR_BYTES = 64_000_000
"""What computed indicators may take; the one used longest ago goes first."""
_PRICES = ("open", "high", "low", "close", "volume")
_SIGNALS = tuple(field.name for field in fields(Signals) if field.name != "distances")


@dataclass(frozen=True, slots=True)
class SweepSymbol:
    """One symbol's whole history, with what surrounds it."""

    name: str
    bars: Bars
    periods_per_year: int = 252
    delisted: bool = False
    earnings: FloatArray | None = None
    context: MarketContext = NO_CONTEXT


@dataclass(frozen=True, slots=True)
class SweepTerms:
    """What all simulations of a sweep share. `start` and `end` bound the simulated sessions, None for no bound."""

    settings: SimulationSettings
    start: np.datetime64 | None = None
    end: np.datetime64 | None = None
    risk_free_rate: float = 0.0


def evaluate(
    symbols: Sequence[SweepSymbol],
    strategy: type[Strategy],
    parameter_sets: Sequence[Mapping[str, int | float]],
    terms: SweepTerms,
) -> tuple[FloatArray, dict[int, str]]:
    """Return the numbers of all sets on symbols of equal sessions, and what went wrong by the place of its symbol.

    The numbers have shape (sets, symbols, NUMBERS), NaN where one is undefined and throughout for what went wrong.
    """
    try:
        return _evaluated(symbols, strategy, parameter_sets, terms), {}
    except AlphaFactoryError as error:
        if len(symbols) == 1:
            nothing = np.full((len(parameter_sets), 1, len(NUMBERS)), np.nan)
            return nothing, {0: str(error).removeprefix(f"{symbols[0].name}: ")}
    half = len(symbols) // 2  # whoever is at fault is found in a few steps
    left, faults = evaluate(symbols[:half], strategy, parameter_sets, terms)
    right, others = evaluate(symbols[half:], strategy, parameter_sets, terms)
    return np.concatenate([left, right], axis=1), faults | {half + place: text for place, text in others.items()}


def _evaluated(
    symbols: Sequence[SweepSymbol],
    strategy: type[Strategy],
    parameter_sets: Sequence[Mapping[str, int | float]],
    terms: SweepTerms,
) -> FloatArray:
    """Return the numbers of all sets, shape (sets, symbols, NUMBERS)."""
    bars, periods = symbols[0].bars, symbols[0].periods_per_year
    rows = bars.window(terms.start, terms.end)
    if rows.start == rows.stop:
        raise SimulationError("It has no usable bar in the period. Choose another --from or --to.")
    prepared = prepare(
        [symbol.bars.part(rows) for symbol in symbols],
        terms.settings,
        periods_per_year=periods,
        delisted=[symbol.delisted and rows.stop == len(bars) for symbol in symbols],
        names=[symbol.name for symbol in symbols],
    )
    panel = _Panel(symbols, strategy)
    if len(symbols) > 1 and not panel.columns_stand_alone(parameter_sets[0]):
        alone = [_evaluated([symbol], strategy, parameter_sets, terms) for symbol in symbols]
        return np.concatenate(alone, axis=1)
    numbers = np.empty((len(parameter_sets), len(symbols), len(NUMBERS)))
    for place, params in enumerate(parameter_sets):
        signals = panel.signals(params)
        part = signals.part(rows) if isinstance(signals, Signals) else signals[rows]
        numbers[place] = measure(prepared, part, risk_free_rate=terms.risk_free_rate)
    return numbers


class _Panel:
    """What a strategy sees of symbols of equal sessions: arrays (sessions, symbols), a symbol's column contiguous."""

    def __init__(self, symbols: Sequence[SweepSymbol], strategy: type[Strategy]) -> None:
        self._strategy = strategy
        bars, context = [symbol.bars for symbol in symbols], symbols[0].context
        self._symbols = tuple(symbols)
        self._sessions = bars[0].sessions
        self._next_sessions = context.next_sessions(self._sessions) if context.days.size else None
        self._prices = {name: _stacked([getattr(one, name) for one in bars]) for name in _PRICES}
        self._earnings = _announced(symbols, strategy)
        self._computations = [computation_of(one, context=context) for one in bars]
        functions = shipped_catalogue().functions
        self._functions = {name: functions.get(request.function) for name, request in strategy.indicators.items()}
        self._outputs = {
            name: self._functions[name].output(request.output).name for name, request in strategy.indicators.items()
        }
        self._computed: OrderedDict[tuple[object, ...], dict[str, FloatArray]] = OrderedDict()
        self._held = 0
        self._most = max(1, _INDICATOR_BYTES // max(1, self._prices["close"].nbytes))

    def signals(self, params: Mapping[str, int | float], columns: slice = slice(None)) -> FloatArray | Signals:
        """Return the strategy's signals on the chosen symbols; what it raises becomes a `SimulationError`."""
        view = self._view(params, columns)
        try:
            answer = self._strategy.signals(view, params)
            signals = answer if isinstance(answer, Signals) else np.asarray(answer, dtype=np.float64)
        except AlphaFactoryError:
            raise
        except (Exception, SystemExit) as error:  # a user's strategy may raise anything at all
            raise SimulationError(
                f"{type(error).__name__} in {self._strategy.name} with {_words(params)}: {error}. Correct its file."
            ) from error
        self._check_shapes(signals, view.close.shape)
        return signals

    def columns_stand_alone(self, params: Mapping[str, int | float]) -> bool:
        """Whether each symbol gets to the bit the signals that it gets alone, as a backtest of it would give them."""
        together = _arrays(self.signals(params))
        for column in range(len(self._computations)):
            alone = _arrays(self.signals(params, slice(column, column + 1)))
            if together.keys() != alone.keys():
                return False
            if any(together[name][:, column].tobytes() != array.tobytes() for name, array in alone.items()):
                return False
        return True

    def _view(self, params: Mapping[str, int | float], columns: slice) -> MarketView:
        indicators = {
            name: self._indicator(name, request, params)[self._outputs[name]]
            for name, request in self._strategy.indicators.items()
        }
        chosen, prices = self._symbols[columns], self._prices
        return MarketView(
            sessions=self._sessions,
            open=prices["open"][:, columns],
            high=prices["high"][:, columns],
            low=prices["low"][:, columns],
            close=prices["close"][:, columns],
            volume=prices["volume"][:, columns],
            indicators={name: array[:, columns] for name, array in indicators.items()},
            next_sessions=self._next_sessions,
            tickers=tuple(symbol.name for symbol in chosen),
            sectors=(None,) * len(chosen),
            earnings=None if self._earnings is None else self._earnings[:, columns],
        )

    def _check_shapes(self, signals: FloatArray | Signals, expected: tuple[int, ...]) -> None:
        for name, array in _arrays(signals).items():
            if array.shape != expected:
                raise SimulationError(
                    f"The strategy '{self._strategy.name}' returned {name} of shape {array.shape} for {expected[0]} "
                    f"sessions and {expected[1]} symbols. Return one row a session and one column a symbol."
                )

    def _indicator(
        self, name: str, request: IndicatorRequest, params: Mapping[str, int | float]
    ) -> dict[str, FloatArray]:
        """Return the outputs of a function with these arguments, computed once as long as there is room."""
        arguments = request.resolve(params)
        key = (request.function, *arguments.items())
        if key in self._computed:
            self._computed.move_to_end(key)
            return self._computed[key]
        found = self._computed[key] = self._compute(self._functions[name], arguments)
        self._held += len(found)
        while self._held > self._most and len(self._computed) > 1:
            self._held -= len(self._computed.popitem(last=False)[1])
        return found

    def _compute(self, function: IndicatorFunction, arguments: Mapping[str, ParameterValue]) -> dict[str, FloatArray]:
        wanted = {self._outputs[name] for name, one in self._functions.items() if one is function}
        resolved = function.resolve(arguments)
        columns = [computation.once(function, resolved) for computation in self._computations]
        return {output: _stacked([column[output] for column in columns]) for output in wanted}


def _announced(symbols: Sequence[SweepSymbol], strategy: type[Strategy]) -> FloatArray | None:
    """Return the sessions to announcements, (sessions, symbols), for a strategy that needs them."""
    if "earnings" not in strategy.needs:
        return None
    return _stacked([earnings_of(strategy, symbol.earnings) for symbol in symbols])


def _stacked(columns: Sequence[FloatArray]) -> FloatArray:
    """Return a read-only array (sessions, symbols) in which each symbol's column is contiguous."""
    stacked: FloatArray = np.concatenate(columns).reshape(len(columns), -1).T
    stacked.flags.writeable = False
    return stacked


def _arrays(signals: FloatArray | Signals) -> dict[str, FloatArray]:
    if not isinstance(signals, Signals):
        return {"target": signals}
    values = {name: getattr(signals, name) for name in _SIGNALS}
    return {name: np.asarray(array) for name, array in values.items() if array is not None}


def _words(params: Mapping[str, int | float]) -> str:
    return ", ".join(f"{name}={value}" for name, value in params.items()) or "no parameters"
