"""Corporate actions hidden in prices: raw prices from split-adjusted ones, dividends from an adjusted close.

Goes in: a batch as the file has it, its adjusted closes, and the known splits. Comes out: the batch as traded, and the
dividends in cash a share as traded at the previous close.

An adjusted close divided by the close on the share basis of the newest session is the dividend factor f. Vendors that
publish one compute f[t-1] = f[t] * (1 - D / close[t-1]) on each ex-date t; solved for the cash,
D = close[t-1] * (1 - f[t-1] / f[t]).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.market import Dividend

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from alphafactory.domain.arrays import BoolArray, FloatArray, IntArray
    from alphafactory.domain.bars import BarBatch
    from alphafactory.domain.market import Split

SMALLEST_DIVIDEND = 0.005
"""Cash a share; smaller steps are rounding of the file's prices."""

LARGEST_SHARE_OF_PRICE = 0.5
"""A step worth more than half the price is a split that nobody told us of, not a dividend."""

_PRICE_DECIMALS = 6
_VOLUME_DECIMALS = 4
_CENT_ROUNDING = 0.005


@dataclass(frozen=True, slots=True)
class ImpliedDividends:
    """`dividends` in order of ticker and date; `refused` are rows of the batch whose step is too large to be one."""

    dividends: tuple[Dividend, ...]
    refused: IntArray


def split_factors(batch: BarBatch, splits: Iterable[Split], newest: date) -> FloatArray:
    """Return, shape (n,), the product of the ratios of all splits after each bar's session and up to `newest`.

    Later splits are left out: a file is adjusted for what had happened when it was made.
    """
    by_ticker: dict[str, list[Split]] = defaultdict(list)
    for split in splits:
        if split.ex_date <= newest:
            by_ticker[split.ticker].append(split)
    factors = np.ones(len(batch))
    order, starts = _grouped(batch)
    for code, ticker in enumerate(batch.tickers):
        if ticker not in by_ticker:
            continue
        dates = np.array([split.ex_date for split in by_ticker[ticker]], dtype="datetime64[D]")
        ascending = np.argsort(dates, kind="stable")
        ratios = np.array([split.ratio for split in by_ticker[ticker]])[ascending]
        later = np.append(np.cumprod(ratios[::-1])[::-1], 1.0)
        rows = order[starts[code] : starts[code + 1]]
        factors[rows] = later[np.searchsorted(dates[ascending], batch.sessions[rows], side="right")]
    return factors


def as_traded(batch: BarBatch, factors: FloatArray) -> BarBatch:
    """Return split-adjusted bars as they were traded: prices times, volume divided by the later splits' factor."""
    changed = factors != 1.0
    if not bool(np.any(changed)):
        return batch

    def price(column: FloatArray) -> FloatArray:
        return np.where(changed, np.round(column * factors, _PRICE_DECIMALS), column)

    return replace(
        batch,
        open=price(batch.open),
        high=price(batch.high),
        low=price(batch.low),
        close=price(batch.close),
        # Three-for-two splits have no exact factor; the noise is taken out, so that every vendor's bars are the same.
        volume=np.where(changed, np.round(batch.volume / factors, _VOLUME_DECIMALS), batch.volume),
    )


def implied_dividends(raw: BarBatch, factors: FloatArray, adjusted_close: FloatArray) -> ImpliedDividends:
    """Return the dividends that `adjusted_close` (shape (n,)) implies for raw bars with the given split factors.

    A step counts when the factor stays up: the later one is the smaller of t and t+1, the earlier one the larger of t-1
    and t-2, so that one faulty bar makes no dividend. A step within what rounding of the adjusted close can do is none.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        f = adjusted_close * factors / raw.close
    rows, starts = _grouped(raw)
    rows = rows[np.isfinite(f[rows]) & (f[rows] > 0) & (raw.close[rows] > 0)]
    f, close, codes = f[rows], raw.close[rows], raw.codes[rows]
    if len(rows) < 2:  # noqa: PLR2004  a step needs two bars
        return ImpliedDividends((), np.empty(0, dtype=np.int64))
    same = codes[1:] == codes[:-1]
    earlier, later = f[:-1].copy(), f[1:].copy()
    earlier[1:] = np.where(same[1:] & same[:-1], np.maximum(f[1:-1], f[:-2]), f[1:-1])
    later[:-1] = np.where(same[1:] & same[:-1], np.minimum(f[1:-1], f[2:]), f[1:-1])
    amounts = close[:-1] * (1.0 - earlier / later)
    falls = same & (close[:-1] * (f[:-1] / f[1:] - 1.0) >= SMALLEST_DIVIDEND)
    noisy = np.bincount(codes[1:][falls], minlength=len(starts))[codes[1:]] > 0
    noise = _rounding(adjusted_close[rows], close, noisy)
    steps = same & (amounts >= np.maximum(SMALLEST_DIVIDEND, noise))
    too_large = steps & (amounts > LARGEST_SHARE_OF_PRICE * close[:-1])
    found = np.flatnonzero(steps & ~too_large)
    dividends = tuple(
        Dividend(raw.tickers[code], day, round(amount, _PRICE_DECIMALS))
        for code, day, amount in zip(
            codes[found + 1].tolist(), raw.sessions[rows[found + 1]].tolist(), amounts[found].tolist(), strict=True
        )
    )
    return ImpliedDividends(dividends, rows[np.flatnonzero(too_large) + 1])


def _rounding(adjusted: FloatArray, close: FloatArray, noisy: BoolArray) -> FloatArray:
    """Return, shape (n - 1,), the largest amount that rounding alone can fake between two bars.

    The adjusted close is off by up to half its last decimal. A true factor never falls: where a symbol's does (`noisy`,
    shape (n - 1,)) it was divided by closes that are rounded to cents too, which comes on top.
    """
    half = next(
        (0.5 * 10.0**-d for d in (2, 3, 4) if np.allclose(adjusted, np.round(adjusted, d), rtol=0, atol=1e-9)), 0
    )
    relative = half * (1.0 / adjusted[:-1] + 1.0 / adjusted[1:])
    closes = _CENT_ROUNDING * (1.0 / close[:-1] + 1.0 / close[1:])
    bound: FloatArray = close[:-1] * (relative + np.where(noisy, closes, 0.0))
    return bound


def _grouped(batch: BarBatch) -> tuple[IntArray, IntArray]:
    """Return the rows by symbol, then session, and where each symbol starts among them."""
    order = np.lexsort((batch.sessions, batch.codes)).astype(np.int64)
    return order, np.searchsorted(batch.codes[order], np.arange(len(batch.tickers) + 1)).astype(np.int64)


def amount_as_paid(dividend: Dividend, splits: Iterable[Split], newest: date) -> Dividend:
    """Return a dividend given on the newest session's share basis as it was paid, before its own day's splits."""
    factor = 1.0
    for split in splits:
        if split.ticker == dividend.ticker and dividend.ex_date <= split.ex_date <= newest:
            factor *= split.ratio
    return replace(dividend, amount=round(dividend.amount * factor, _PRICE_DECIMALS))
