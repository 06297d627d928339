"""A market that an audit cuts, begins later, disturbs and tears holes into; what it was made of stays as it is.

Goes in: symbols with what surrounds them. Comes out: the same with other bars. A strategy of scope symbol is audited
on markets of one symbol, one of scope universe on a market of several; rows are the sessions on which any has a bar.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from alphafactory.domain.bars import Bars
from alphafactory.errors import SimulationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from alphafactory.domain.arrays import DateArray, FloatArray
    from alphafactory.domain.context import MarketContext, MarketSymbol

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, slots=True)
class AuditedMarket:
    """Symbols on their joint `sessions`, shape (n,). Arrays are read-only, so that a strategy that writes is caught."""

    symbols: tuple[MarketSymbol, ...]
    context: MarketContext
    sessions: DateArray

    def __len__(self) -> int:
        return len(self.sessions)

    @property
    def name(self) -> str:
        """The symbol's ticker, or those of the first and the last of several."""
        first, last = self.symbols[0].ticker, self.symbols[-1].ticker
        return first if len(self.symbols) == 1 else f"{first} to {last} ({len(self.symbols)} symbols)"

    @property
    def tickers(self) -> tuple[str, ...]:
        """The symbols' tickers, in the order of the columns of what a strategy sees."""
        return tuple(symbol.ticker for symbol in self.symbols)

    def session(self, row: int) -> date:
        """Return the session of a row."""
        return date.fromisoformat(str(self.sessions[row]))

    def until(self, row: int) -> AuditedMarket:
        """Return what was known at the close of a row; a symbol without a bar until then is not known at all."""
        newest = self.sessions[row]
        return self._cut(lambda bars: bars.window(None, newest), self.context.until(newest))

    def since(self, row: int) -> AuditedMarket:
        """Return the market whose history begins with a row; the market's own series keep theirs."""
        oldest = self.sessions[row]
        return self._cut(lambda bars: bars.window(oldest, None), self.context)

    def _cut(self, rows_of: Callable[[Bars], slice], context: MarketContext) -> AuditedMarket:
        parts = [symbol.part(rows_of(symbol.bars)) for symbol in self.symbols]
        return market_of([part for part in parts if len(part.bars)], context, copied=True)

    def disturbed(self, row: int, random: np.random.Generator) -> AuditedMarket:
        """Return the market with other bars, index, breadth, announcements and members after a row."""
        after = self.sessions[row]
        symbols = tuple(_disturbed_symbol(symbol, after, random) for symbol in self.symbols)
        return AuditedMarket(symbols, _disturbed_context(self.context, after, random), self.sessions)

    def torn(self) -> AuditedMarket:
        """Return the market with holes in it: sessions without a bar; of several symbols, one lists late, one leaves.

        The last symbol lists at half of its history, the first one has no bars in its last quarter.
        """
        symbols = [_without(symbol, 0.4, 0.4 + 0.01 * (2 + place)) for place, symbol in enumerate(self.symbols)]
        if len(symbols) > 1:
            symbols[0] = _without(symbols[0], 0.75, 1.0)
            symbols[-1] = _without(symbols[-1], 0.0, 0.5)
        return market_of(symbols, self.context)


def market_of(symbols: Sequence[MarketSymbol], context: MarketContext, *, copied: bool = False) -> AuditedMarket:
    """Return the market of these symbols, none of which is empty; their arrays become read-only.

    `copied` ones share no memory with what they are parts of: a view's `base` would show the rows that were cut off.

    Raises:
        SimulationError: there is no symbol, or one has no bar.
    """
    if not symbols or not all(len(symbol.bars) for symbol in symbols):
        raise SimulationError("An audit needs symbols with bars. Ingest some, or name a universe that has them.")
    locked = tuple(_locked(symbol) if copied or _is_writable(symbol) else symbol for symbol in symbols)
    if len(locked) == 1:
        return AuditedMarket(locked, context, locked[0].bars.sessions)
    return AuditedMarket(locked, context, np.unique(np.concatenate([symbol.bars.sessions for symbol in locked])))


def _locked(symbol: MarketSymbol) -> MarketSymbol:
    return replace(
        symbol,
        bars=Bars(*(_read_only(getattr(symbol.bars, field.name)) for field in fields(Bars))),
        earnings=None if symbol.earnings is None else _read_only(symbol.earnings),
        member=None if symbol.member is None else _read_only(symbol.member),
    )


def _is_writable(symbol: MarketSymbol) -> bool:
    arrays = [getattr(symbol.bars, field.name) for field in fields(Bars)] + [symbol.earnings, symbol.member]
    return any(array is not None and array.flags.writeable for array in arrays)


def _read_only(array: npt.NDArray[T]) -> npt.NDArray[T]:
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def _without(symbol: MarketSymbol, start: float, end: float) -> MarketSymbol:
    """Return the symbol without a share of its rows; one of few bars keeps all."""
    count = len(symbol.bars)
    first, last = int(start * count), int(end * count)
    if last - first in {0, count}:
        return symbol
    kept = np.r_[0:first, last:count]
    return replace(
        symbol,
        bars=Bars(*(getattr(symbol.bars, field.name)[kept] for field in fields(Bars))),
        earnings=None if symbol.earnings is None else symbol.earnings[kept],
        member=None if symbol.member is None else symbol.member[kept],
    )


def _disturbed_symbol(symbol: MarketSymbol, after: np.datetime64, random: np.random.Generator) -> MarketSymbol:
    bars = symbol.bars
    first = int(np.searchsorted(bars.sessions, after, side="right"))
    count = len(bars) - first
    if count == 0:
        return symbol
    base = bars.close[max(first - 1, 0)]
    close = base * _walk(count, random)
    opening = close * np.exp(random.normal(0.0, 0.01, count))
    high = np.maximum(opening, close) * (1.0 + random.exponential(0.01, count))
    low = np.minimum(opening, close) / (1.0 + random.exponential(0.01, count))
    volume = np.round(random.lognormal(0.0, 1.0, count) * (bars.volume[max(first - 1, 0)] + 1.0))
    return replace(
        symbol,
        bars=replace(
            bars,
            open=_joined(bars.open, first, opening),
            high=_joined(bars.high, first, high),
            low=_joined(bars.low, first, low),
            close=_joined(bars.close, first, close),
            volume=_joined(bars.volume, first, volume),
        ),
        earnings=None if symbol.earnings is None else _joined(symbol.earnings, first, _announcements(count, random)),
        member=None if symbol.member is None else _joined(symbol.member, first, random.integers(0, 2, count) > 0),
    )


def _disturbed_context(context: MarketContext, after: np.datetime64, random: np.random.Generator) -> MarketContext:
    first = int(np.searchsorted(context.sessions, after, side="right"))
    count = len(context.sessions) - first
    if count == 0:
        return context
    series: dict[str, FloatArray] = {}
    for name, values in context.series.items():
        base = values[max(first - 1, 0)]
        series[name] = _joined(values, first, base * _walk(count, random) if name == "index" else random.random(count))
    return replace(context, series=series)


def _walk(count: int, random: np.random.Generator) -> FloatArray:
    """Return a path from 1 that ends far above or far below: highest and lowest prices of the whole are others then."""
    drift = random.choice([-1.0, 1.0]) * random.uniform(0.5, 2.0) / max(count, 20)
    return np.exp(np.cumsum(random.normal(drift, random.uniform(0.01, 0.05), count)))


def _announcements(count: int, random: np.random.Generator) -> FloatArray:
    return np.where(random.integers(0, 2, count) > 0, np.nan, random.integers(1, 30, count).astype(np.float64))


def _joined(before: npt.NDArray[T], first: int, after: npt.NDArray[T]) -> npt.NDArray[T]:
    joined = np.concatenate([before[:first], after])
    joined.flags.writeable = False
    return joined
