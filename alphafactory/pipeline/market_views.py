"""What strategies are shown, and what they answer: symbols with what surrounds them in, judged signals out.

A strategy of scope symbol sees one symbol at a time, in arrays (n, 1). One of scope universe sees all on their joint
sessions, in arrays (N, m), NaN where a symbol has no bar; there it keeps the target of its last one.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.bars import BAR_FIELDS
from alphafactory.domain.plugins import MarketView
from alphafactory.domain.signals import Signals
from alphafactory.errors import SimulationError
from alphafactory.indicators.catalogue import computation_of, shipped_catalogue
from alphafactory.simulation import joint_sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from alphafactory.domain.arrays import BoolArray, DateArray, FloatArray
    from alphafactory.domain.context import MarketContext, MarketSymbol
    from alphafactory.domain.plugins import IndicatorRequest
    from alphafactory.indicators.computation import Computation
    from alphafactory.strategies.base import Strategy

SIGNAL_ARRAYS = tuple(field.name for field in fields(Signals) if field.name != "distances")


def symbol_view(
    strategy: type[Strategy], params: Mapping[str, int | float], symbol: MarketSymbol, computation: Computation
) -> MarketView:
    """Return what a strategy sees of one symbol, arrays of shape (n, 1); `computation` is that of its bars."""
    bars = symbol.bars
    return MarketView(
        sessions=bars.sessions,
        open=bars.open[:, None],
        high=bars.high[:, None],
        low=bars.low[:, None],
        close=bars.close[:, None],
        volume=bars.volume[:, None],
        indicators={name: values[:, None] for name, values in indicators_of(strategy, params, computation).items()},
        next_sessions=computation.context.next_sessions(bars.sessions) if computation.context.days.size else None,
        tickers=(symbol.ticker,),
        sectors=(None,),  # a sector matters beside others alone, and would be one thing more that results depend on
        member=None if symbol.member is None else symbol.member[:, None],
        earnings=earnings_of(strategy, symbol.earnings)[:, None] if "earnings" in strategy.needs else None,
    )


def indicators_of(
    strategy: type[Strategy], params: Mapping[str, int | float], computation: Computation
) -> dict[str, FloatArray]:
    """Return the values of the strategy's requests on one symbol, each of shape (n,)."""
    return {name: _indicator(request, params, computation) for name, request in strategy.indicators.items()}


def _indicator(request: IndicatorRequest, params: Mapping[str, int | float], computation: Computation) -> FloatArray:
    name = shipped_catalogue().functions.get(request.function).output(request.output).name
    return computation.outputs(request.function, request.resolve(params))[name]


def earnings_of(strategy: type[Strategy], earnings: FloatArray | None) -> FloatArray:
    """Return the announcements of a symbol; raise `SimulationError` where a strategy needs what is not given."""
    if earnings is None:
        raise SimulationError(
            f"The strategy '{strategy.name}' needs announcements of earnings, which are not given here."
        )
    return earnings


def symbol_signals(
    strategy: type[Strategy], params: Mapping[str, int | float], symbol: MarketSymbol, computation: Computation
) -> Signals:
    """Return the strategy's signals on one symbol's whole history, every array of shape (n, 1).

    Raises:
        SimulationError: the strategy returned arrays of another shape.
    """
    return asked(strategy, params, symbol_view(strategy, params, symbol, computation))


def asked(strategy: type[Strategy], params: Mapping[str, int | float], view: MarketView) -> Signals:
    """Return a strategy's answer to a view; raise `SimulationError` for arrays of another shape than the view's."""
    returned = strategy.signals(view, params)
    signals = returned if isinstance(returned, Signals) else Signals(returned)
    return _each(signals, lambda name, array: _judged(array, name, strategy, view.close.shape))


def _each(signals: Signals, change: Callable[[str, FloatArray], FloatArray]) -> Signals:
    """Return signals with every given array changed."""
    given = {name: getattr(signals, name) for name in SIGNAL_ARRAYS}
    arrays = {name: change(name, array) for name, array in given.items() if array is not None}
    return Signals(**arrays, distances=signals.distances)


def _judged(values: object, name: str, strategy: type[Strategy], shape: tuple[int, ...]) -> FloatArray:
    array: FloatArray = np.asarray(values, dtype=np.float64)
    if array.shape != shape:
        symbols = "one symbol" if shape[1] == 1 else f"{shape[1]} symbols"
        raise SimulationError(
            f"The strategy '{strategy.name}' returned {name} of shape {array.shape} for {shape[0]} sessions and "
            f"{symbols}. Return one row a session and one column a symbol, shape {shape}."
        )
    return array


class UniversePanel:
    """Several symbols on their joint sessions, as a strategy of scope universe sees them."""

    def __init__(self, symbols: Sequence[MarketSymbol], context: MarketContext) -> None:
        """Lay the symbols' bars on the sessions on which any of them has one."""
        self._symbols = tuple(symbols)
        self._context = context
        self.sessions: DateArray = joint_sessions([symbol.bars for symbol in symbols])
        self._rows = [np.searchsorted(self.sessions, symbol.bars.sessions) for symbol in symbols]
        self._prices = {name: self._laid([getattr(symbol.bars, name) for symbol in symbols]) for name in BAR_FIELDS}
        self._computations = [computation_of(symbol.bars, context=context) for symbol in symbols]
        self.member: BoolArray = self._members()

    def signals(self, strategy: type[Strategy], params: Mapping[str, int | float]) -> Signals:
        """Return the strategy's signals, arrays of shape (N, m): no target beyond membership, none of a missing bar."""
        answer = asked(strategy, params, self.view(strategy, params))
        target = np.where(self.member, self._carried(np.nan_to_num(answer.target, nan=0.0)), 0.0)
        return _each(answer, lambda name, array: target if name == "target" else array)

    def view(self, strategy: type[Strategy], params: Mapping[str, int | float]) -> MarketView:
        """Return what the strategy sees."""
        columns = [indicators_of(strategy, params, one) for one in self._computations]
        return MarketView(
            sessions=self.sessions,
            open=self._prices["open"],
            high=self._prices["high"],
            low=self._prices["low"],
            close=self._prices["close"],
            volume=self._prices["volume"],
            indicators={name: self._laid([column[name] for column in columns]) for name in strategy.indicators},
            next_sessions=self._context.next_sessions(self.sessions) if self._context.days.size else None,
            tickers=tuple(symbol.ticker for symbol in self._symbols),
            sectors=tuple(symbol.sector for symbol in self._symbols),
            member=self.member,
            earnings=(
                self._laid([earnings_of(strategy, symbol.earnings) for symbol in self._symbols])
                if "earnings" in strategy.needs
                else None
            ),
        )

    def _laid(self, columns: Sequence[FloatArray]) -> FloatArray:
        """Put series of the symbols' own sessions on the joint ones, NaN elsewhere, read-only, (N, m)."""
        laid = np.full((len(self.sessions), len(columns)), np.nan)
        for place, (rows, values) in enumerate(zip(self._rows, columns, strict=True)):
            laid[rows, place] = values
        laid.flags.writeable = False
        return laid

    def _members(self) -> BoolArray:
        """Return who may be held: from the first bar on, in the spells of the universe; between bars as at the last."""
        member = np.zeros((len(self.sessions), len(self._symbols)), dtype=np.bool_)
        for place, (rows, symbol) in enumerate(zip(self._rows, self._symbols, strict=True)):
            own = np.ones(len(rows), dtype=np.bool_) if symbol.member is None else symbol.member
            member[rows[0] :, place] = np.repeat(own, np.diff(np.append(rows, len(self.sessions))))
        member.flags.writeable = False
        return member

    def _carried(self, target: FloatArray) -> FloatArray:
        """Let a symbol keep its target in sessions without a bar."""
        carried = target.copy()
        for place, rows in enumerate(self._rows):
            carried[: rows[0], place] = 0.0
            carried[rows[0] :, place] = np.repeat(target[rows, place], np.diff(np.append(rows, len(self.sessions))))
        return carried
