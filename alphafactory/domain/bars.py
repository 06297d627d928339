"""Bars: what a market did in one session.

`BarBatch` is what a source delivers and the quality gate reads: many symbols stacked in one set of columns, as traded.
`Bars` is what indicators, strategies and the simulation read: one symbol, split-adjusted, in session order.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alphafactory.domain.arrays import BoolArray, DateArray, FloatArray, IntArray

PRICE_FIELDS = ("open", "high", "low", "close")
BAR_FIELDS = (*PRICE_FIELDS, "volume")


@dataclass(frozen=True, slots=True)
class BarBatch:
    """Raw bars of many symbols, stacked. Every array has shape (n,).

    `codes[i]` is the position in `tickers` of bar i's symbol. Prices are in the listing's currency as traded, volume in
    shares. `lines[i]` is where the source had the bar (a file's line number), 0 where that has no meaning. Intraday
    bars carry their opening `instants`, datetime64[us] in UTC; daily bars have none. Rows may be in any order and may
    be faulty: judging them is the quality gate's work.
    """

    tickers: tuple[str, ...]
    codes: IntArray
    sessions: DateArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    lines: IntArray
    instants: DateArray | None = None

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def times(self) -> DateArray:
        """What tells a symbol's bars apart: the opening instants of intraday bars, else the sessions."""
        return self.sessions if self.instants is None else self.instants

    def take(self, rows: IntArray | BoolArray) -> BarBatch:
        """Return the batch of the chosen rows (positions or a mask), tickers unchanged."""
        columns = ("codes", "sessions", *BAR_FIELDS, "lines")
        chosen = {name: getattr(self, name)[rows] for name in columns}
        return replace(self, **chosen, instants=None if self.instants is None else self.instants[rows])

    def ordered(self) -> BarBatch:
        """Return the batch sorted by symbol, then time; rows that tie keep their order."""
        if len(self) == 0:
            return self
        step = np.diff(self.codes)
        if bool(np.all((step > 0) | ((step == 0) & (np.diff(self.times).astype(np.int64) >= 0)))):
            return self
        return self.take(np.lexsort((self.times, self.codes)))

    def starts(self) -> IntArray:
        """Return offsets, shape (len(tickers) + 1,), so that symbol k owns rows starts[k]:starts[k + 1].

        The batch must be ordered.
        """
        return np.searchsorted(self.codes, np.arange(len(self.tickers) + 1)).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Bars:
    """One symbol's bars on the split-adjusted basis, sessions ascending and distinct. Every array has shape (n,).

    `split_factor[t]` is the product of the ratios of all known splits after session t, so that
    raw price = price * split_factor and raw shares = shares / split_factor.
    `dividends[t]` is the cash per adjusted share whose ex-date is session t, 0 where there is none.
    """

    sessions: DateArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    split_factor: FloatArray
    dividends: FloatArray

    def __len__(self) -> int:
        return len(self.sessions)

    def window(self, start: np.datetime64 | None, end: np.datetime64 | None) -> slice:
        """Return the rows of the sessions from `start` to `end`, both inclusive, None for no bound."""
        first = 0 if start is None else int(np.searchsorted(self.sessions, start, side="left"))
        last = len(self) if end is None else int(np.searchsorted(self.sessions, end, side="right"))
        return slice(first, max(first, last))

    def part(self, rows: slice) -> Bars:
        """Return the bars of a run of rows, as views."""
        return Bars(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class BarPanel:
    """Split-adjusted bars of many symbols, stacked in symbol order; `starts` as in `BarBatch.starts`.

    `symbol_ids` has shape (symbols,); the columns have shape (n,).
    """

    symbol_ids: IntArray
    tickers: tuple[str, ...]
    starts: IntArray
    bars: Bars

    def __len__(self) -> int:
        return len(self.symbol_ids)

    def part(self, first: int, last: int) -> BarPanel:
        """Return the symbols from position `first` to before `last`, as views."""
        starts = self.starts[first : last + 1]
        rows = slice(int(starts[0]), int(starts[-1]))
        return BarPanel(self.symbol_ids[first:last], self.tickers[first:last], starts - starts[0], self.bars.part(rows))

    def symbol(self, position: int) -> Bars:
        """Return the bars of the symbol at `position`, as views."""
        return self.bars.part(slice(int(self.starts[position]), int(self.starts[position + 1])))

    def __iter__(self) -> Iterator[tuple[int, str, Bars]]:
        for position, (symbol_id, ticker) in enumerate(zip(self.symbol_ids, self.tickers, strict=True)):
            yield int(symbol_id), ticker, self.symbol(position)
