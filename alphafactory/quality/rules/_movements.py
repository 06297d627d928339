"""How each bar moved against the one before it, and what was usual for its symbol until then.

Goes in: an ordered batch and what is known beside it. Comes out: log changes of the close with known actions and
the market taken out, and medians over trailing windows. Nothing here looks past the bar that it speaks of, so that a
verdict never changes with later bars. Bars that other rules quarantine for what they say of themselves (high below
close, a price of zero, a closed day) are left out first: a jump to them and back is no second fault.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.quality.rules._closed_days import closed_days

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from alphafactory.domain.arrays import BoolArray, DateArray, FloatArray, IntArray
    from alphafactory.domain.bars import BarBatch
    from alphafactory.domain.market import Dividend, Split
    from alphafactory.quality.rule import QualityContext

LONGEST_GAP = np.timedelta64(10, "D")
"""Over a longer hole a price may go anywhere; that hole is a finding of its own."""

VOLATILITY_SESSIONS = 60
VOLUME_SESSIONS = 20
FEWEST = 20
"""Fewer values than this tell nobody what is usual."""

_SIGMA_OF_MAD = 1.4826
"""Standard deviation over median absolute deviation of normally distributed values."""

_KEY_STEP = 1 << 24
_KEY_ORIGIN = 1 << 23
"""A symbol and a day become one integer; every date of Python lies within these bounds."""


@dataclass(frozen=True, slots=True)
class Movements:
    """The sound bars of a batch and their changes; every array has shape (n,) of `bars`.

    `first` is the row of the first bar of each bar's symbol. `change` is log(close / previous close), on an ex-date
    with the known split and dividend taken out where that makes it smaller; NaN where there is no bar shortly before.
    `excess` is `change` less the market's log return of that session, which counts as 0 where nobody knows it.
    `shares` is how many shares of that session one share of the symbol's first bar has become by known splits, and
    `traded` the volume in shares of the first bar.
    """

    bars: BarBatch
    first: IntArray
    change: FloatArray
    excess: FloatArray
    shares: FloatArray
    traded: FloatArray

    def volatility(self, rows: IntArray) -> FloatArray:
        """Return the robust standard deviation of the changes before each row, NaN where there are too few."""
        return self._deviation(windows(self.change, rows, self.first, VOLATILITY_SESSIONS))

    def usual_volume(self, rows: IntArray, sessions: int = VOLUME_SESSIONS) -> FloatArray:
        """Return the median volume of the sessions before each row in its own shares, NaN where there are too few."""
        return median(windows(self.traded, rows, self.first, sessions)) * self.shares[rows]

    @staticmethod
    def _deviation(values: FloatArray) -> FloatArray:
        centre = median(values)
        return _SIGMA_OF_MAD * median(np.abs(values - centre[:, None]))


def movements(series: BarBatch, context: QualityContext) -> Movements:
    """Return how the sound bars of an ordered batch moved."""
    return context.once("movements", series, _movements)


def _movements(series: BarBatch, context: QualityContext) -> Movements:
    bars = sound(series, context)
    first = first_rows(bars)
    change = np.full(len(bars), np.nan)
    logs = np.log(bars.close)
    near = (np.diff(bars.sessions) <= LONGEST_GAP) & (np.diff(bars.codes) == 0)
    change[1:] = np.where(near, np.diff(logs), np.nan)
    rows, ratios = split_rows(bars, context.splits)
    shares = _shares(bars, rows, ratios)
    adjusted = change[rows] + np.log(ratios)
    change[rows] = np.where(np.abs(adjusted) < np.abs(change[rows]), adjusted, change[rows])
    rows, amounts = dividend_rows(bars, context.dividends)
    adjusted = np.log(np.exp(change[rows]) + amounts / bars.close[rows - 1])
    change[rows] = np.where(np.abs(adjusted) < np.abs(change[rows]), adjusted, change[rows])
    excess = change - market_changes(bars.sessions, context.market)
    return Movements(bars, first, change, excess, shares, bars.volume / shares)


def _shares(bars: BarBatch, rows: IntArray, ratios: FloatArray) -> FloatArray:
    """Return `Movements.shares`."""
    shares, ends = np.ones(len(bars)), bars.starts()[1:]
    for row, ratio in zip(rows.tolist(), ratios.tolist(), strict=True):
        shares[row : ends[bars.codes[row]]] *= ratio
    return shares


def sound(series: BarBatch, context: QualityContext) -> BarBatch:
    """Return the bars of past sessions whose prices are positive and in order and whose volume is not negative."""
    body_high, body_low = np.maximum(series.open, series.close), np.minimum(series.open, series.close)
    kept = (series.low > 0) & (series.low <= body_low) & (series.high >= body_high) & (series.volume >= 0)
    kept &= (series.sessions <= np.datetime64(context.as_of, "D")) & ~closed_days(series, context)
    return series if bool(kept.all()) else series.take(kept)


def first_rows(bars: BarBatch) -> IntArray:
    """Return the row of the first bar of each bar's symbol, shape (n,)."""
    return bars.starts()[bars.codes]


def market_changes(sessions: DateArray, market: Mapping[date, float]) -> FloatArray:
    """Return the market's log return of each session, shape of `sessions`, 0 where it is not known."""
    found = np.zeros(len(sessions))
    if not market:
        return found
    days = np.array(list(market), dtype="datetime64[D]").astype(np.int64)
    returns = np.fromiter(market.values(), dtype=np.float64, count=len(days))
    start, end = days.min(), days.max()
    table = np.zeros(end - start + 1)
    table[days - start] = np.log1p(np.where(np.isfinite(returns) & (returns > -1), returns, 0.0))
    offsets = sessions.astype(np.int64) - start
    inside = (offsets >= 0) & (offsets <= end - start)
    found[inside] = table[offsets[inside]]
    return found


def rows_from(bars: BarBatch, tickers: Sequence[str], days: Sequence[date]) -> IntArray:
    """Return the row of each ticker's first bar on or shortly after a day that follows an earlier bar, else -1."""
    codes = {ticker: code for code, ticker in enumerate(bars.tickers)}
    wanted_codes = np.array([codes.get(ticker, -1) for ticker in tickers], dtype=np.int64)
    wanted_days = np.array(days, dtype="datetime64[D]")
    if len(bars) == 0 or len(wanted_codes) == 0:
        return np.full(len(wanted_codes), -1, dtype=np.int64)
    rows = np.searchsorted(_keys(bars.codes, bars.sessions), _keys(wanted_codes, wanted_days))
    there = np.minimum(rows, len(bars) - 1)
    found = (rows < len(bars)) & (rows > 0) & (bars.codes[there] == wanted_codes)
    found &= bars.codes[there - 1] == wanted_codes
    found &= bars.sessions[there] - bars.sessions[there - 1] <= LONGEST_GAP
    return np.where(found, there, -1)


def split_rows(bars: BarBatch, splits: Sequence[Split]) -> tuple[IntArray, FloatArray]:
    """Return the rows at which known splits took effect, each once, and the product of their ratios."""
    rows = action_rows(bars, splits)
    ratios = np.array([split.ratio for split in splits], dtype=np.float64)
    known = (rows >= 0) & (ratios > 0)  # a vendor's 0 for 1 is no split
    distinct, positions = np.unique(rows[known], return_inverse=True)
    return distinct, np.exp(np.bincount(positions, weights=np.log(ratios[known]), minlength=len(distinct)))


def dividend_rows(bars: BarBatch, dividends: Sequence[Dividend]) -> tuple[IntArray, FloatArray]:
    """Return the rows at which known dividends went ex, each once, and the sum of their amounts."""
    rows = action_rows(bars, dividends)
    amounts = np.array([dividend.amount for dividend in dividends], dtype=np.float64)
    known = (rows >= 0) & (amounts > 0)
    distinct, positions = np.unique(rows[known], return_inverse=True)
    return distinct, np.bincount(positions, weights=amounts[known], minlength=len(distinct)).astype(np.float64)


def action_rows(bars: BarBatch, actions: Sequence[Split] | Sequence[Dividend]) -> IntArray:
    """Return the row at which each action took effect, -1 where no bar shows it."""
    return rows_from(bars, [action.ticker for action in actions], [action.ex_date for action in actions])


def _keys(codes: IntArray, days: DateArray) -> IntArray:
    keys: IntArray = codes * _KEY_STEP + days.astype(np.int64) + _KEY_ORIGIN
    return keys


def windows(values: FloatArray, rows: IntArray, first: IntArray, length: int) -> FloatArray:
    """Return the `length` values before each row, shape (rows, length), NaN where its symbol had none yet."""
    positions = rows[:, None] - np.arange(length, 0, -1)
    found: FloatArray = np.where(positions >= first[rows][:, None], values[np.maximum(positions, 0)], np.nan)
    return found


def median(values: FloatArray, fewest: int = FEWEST) -> FloatArray:
    """Return the median of each row's numbers, shape (rows,), NaN where fewer than `fewest` are no NaN."""
    ordered = np.sort(values, axis=1)  # NaN come last
    count = np.count_nonzero(~np.isnan(values), axis=1)
    each = np.arange(len(values))
    lower, upper = (
        ordered[each, np.maximum(count - 1, 0) // 2],
        ordered[each, np.minimum(count // 2, values.shape[1] - 1)],
    )
    found: FloatArray = np.where(count >= fewest, (lower + upper) / 2, np.nan)
    return found


def trailing_mean(values: FloatArray, first: IntArray, length: int) -> FloatArray:
    """Return the mean of up to `length` values before each row, shape (n,), NaN where there are fewer than `FEWEST`."""
    rows = np.arange(len(values))
    since = np.maximum(rows - length, first)
    sums = np.concatenate(([0.0], np.cumsum(values)))
    count = rows - since
    found: FloatArray = np.where(count >= FEWEST, (sums[rows] - sums[since]) / np.maximum(count, 1), np.nan)
    return found


def mask_of(rows: IntArray, size: int) -> BoolArray:
    """Return the mask, shape (size,), that is true at `rows`."""
    mask = np.zeros(size, dtype=np.bool_)
    mask[rows] = True
    return mask
