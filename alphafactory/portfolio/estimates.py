"""What an allocation may know at a close: prices of many symbols on common sessions, and windows that end there.

Goes in: bars of many symbols. Comes out: a `Market` of arrays with shape (sessions, symbols), and for each row
`Estimates` that reach up to it and no further.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.arrays import BoolArray, DateArray, FloatArray, IntArray
    from alphafactory.domain.bars import Bars

ATR_SESSIONS = 14
LEAST_RETURNS = 20
"""Returns without which a volatility is anybody's guess."""

LEAST_SHARE = 0.6
"""Share of the window that a symbol must know for a fitted model to include it."""


@dataclass(frozen=True)
class Market:
    """Split-adjusted prices of many symbols. Arrays have shape (n, symbols), NaN (dividends: 0) where there is no bar.

    `sessions` has shape (n,). `dividends` is cash per adjusted share on the ex-date. `periods_per_year` is the number
    of sessions by which rates a year are divided.
    """

    tickers: tuple[str, ...]
    sessions: DateArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    dividends: FloatArray
    periods_per_year: int = 252

    @classmethod
    def of(
        cls, bars: Sequence[Bars], tickers: Sequence[str], sessions: DateArray, periods_per_year: int = 252
    ) -> Market:
        """Lay the bars of several symbols on common sessions; bars of other sessions are left out."""
        shape = (len(sessions), len(bars))
        columns = {name: np.full(shape, np.nan) for name in ("high", "low", "close")}
        dividends = np.zeros(shape)
        for column, one in enumerate(bars):
            _, rows, own = np.intersect1d(sessions, one.sessions, assume_unique=True, return_indices=True)
            for name, values in columns.items():
                values[rows, column] = getattr(one, name)[own]
            dividends[rows, column] = one.dividends[own]
        return cls(tuple(tickers), sessions, **columns, dividends=dividends, periods_per_year=periods_per_year)

    @cached_property
    def returns(self) -> FloatArray:
        """Total returns: (close + dividend) / last known close before, less 1; NaN without a bar, and at the first."""
        before = _last_known(self.close)
        with np.errstate(divide="ignore", invalid="ignore"):
            returns: FloatArray = (self.close + self.dividends) / before - 1.0
        return returns

    @cached_property
    def atr(self) -> FloatArray:
        """Wilder's average true range over 14 bars, as a share of the close; NaN before the fifteenth bar.

        The mean of the first 14 true ranges, then (13·ATR + TR) / 14; without a bar the last known. Wilder, New
        Concepts in Technical Trading Systems, 1978.
        """
        return _average_true_range(self.high, self.low, self.close)


@dataclass(frozen=True, slots=True)
class Estimates:
    """What is known at one close.

    `returns` has shape (T, symbols): total returns of the newest sessions, the last row being that of the close itself,
    NaN where unknown; T is `sessions`, or less where the data begin later. `atr` has shape (symbols,): average true
    range as a share of price, NaN where unknown.
    """

    returns: FloatArray
    atr: FloatArray
    sessions: int

    @property
    def known(self) -> IntArray:
        """Number of known returns of each symbol, shape (symbols,)."""
        number: IntArray = np.count_nonzero(np.isfinite(self.returns), axis=0)
        return number

    @property
    def volatility(self) -> FloatArray:
        """Sample deviation of each symbol's known returns, a session; NaN with fewer than 20. Shape (symbols,)."""
        mask = np.isfinite(self.returns)
        count = mask.sum(axis=0)
        enough = count >= LEAST_RETURNS
        values = np.where(mask, self.returns, 0.0)
        mean = values.sum(axis=0) / np.maximum(count, 1)
        squares = (np.where(mask, values - mean, 0.0) ** 2).sum(axis=0)
        return np.where(enough, np.sqrt(squares / np.maximum(count - 1, 1)), np.nan)

    @property
    def long_enough(self) -> BoolArray:
        """Whether a symbol knows the share of the window that a fitted model asks for, shape (symbols,)."""
        enough: BoolArray = self.known >= LEAST_SHARE * self.sessions
        return enough


def estimate(market: Market, row: int, sessions: int) -> Estimates:
    """Return what is known at the close of `row`, from the `sessions` newest returns; nothing later is looked at."""
    first = max(row + 1 - sessions, 0)
    return Estimates(market.returns[first : row + 1], market.atr[row], sessions)


def filled_returns(returns: FloatArray) -> FloatArray:
    """Return the returns without NaN: what an optimiser can read, shape (at most T, symbols).

    Sessions in which nobody has a return are left out. Between a symbol's first known return and its last, a missing
    one is 0, because the price stood still. Before the first (and after the last) it is the mean of the returns that
    the others had in that session, so that a late listing counts as an average one for as long as it says nothing.
    """
    known = np.isfinite(returns)
    if known.all():
        return returns
    returns, known = returns[known.any(axis=1)], known[known.any(axis=1)]
    mean = np.where(known, returns, 0.0).sum(axis=1, keepdims=True) / known.sum(axis=1, keepdims=True)
    begun = np.maximum.accumulate(known, axis=0)
    lasting = np.maximum.accumulate(known[::-1], axis=0)[::-1]
    return np.where(known, returns, np.where(begun & lasting, 0.0, mean))


def _last_known(close: FloatArray) -> FloatArray:
    """Return for each row the newest known close of the rows before it, NaN where there is none."""
    rows = np.where(np.isfinite(close), np.arange(len(close))[:, None], -1)
    newest = np.maximum.accumulate(rows, axis=0)
    before = np.vstack([np.full((1, close.shape[1]), -1), newest[:-1]]) if len(close) else rows
    return np.where(before >= 0, np.take_along_axis(close, np.maximum(before, 0), axis=0), np.nan)


def _average_true_range(high: FloatArray, low: FloatArray, close: FloatArray) -> FloatArray:
    before = _last_known(close)
    ranges = np.fmax(high - low, np.fmax(np.abs(high - before), np.abs(low - before)))
    ranges[np.isnan(before) | np.isnan(close)] = np.nan
    counted = np.isfinite(ranges)
    number = np.cumsum(counted, axis=0)
    shares = np.full(close.shape, np.nan)
    average, price = np.zeros(close.shape[1]), np.full(close.shape[1], np.nan)
    for row in range(len(close)):
        now, count = counted[row], number[row]
        step = np.where(count <= ATR_SESSIONS, ranges[row] / ATR_SESSIONS, (ranges[row] - average) / ATR_SESSIONS)
        average = np.where(now, average + step, average)
        price = np.where(np.isfinite(close[row]), close[row], price)
        shares[row] = np.where(count >= ATR_SESSIONS, average / price, np.nan)
    return shares
