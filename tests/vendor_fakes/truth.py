"""The made-up market that all fake vendors tell of: raw bars as traded, splits, dividends, announcements.

Prices are whole cents and volumes whole shares, so that every vendor's convention can be undone exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.calendar import sessions_between
from alphafactory.domain.market import Dividend, EarningsDate, Listing, Split

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

FIELDS = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True)
class Bar:
    """One session as traded."""

    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass
class Security:
    """A symbol with all that is true of it. Tests may edit any of it."""

    listing: Listing
    bars: dict[date, Bar]
    splits: list[Split] = field(default_factory=list)
    dividends: list[Dividend] = field(default_factory=list)
    earnings: list[EarningsDate] = field(default_factory=list)

    @property
    def ticker(self) -> str:
        return self.listing.ticker

    def between(self, start: date, end: date) -> dict[date, Bar]:
        return {day: bar for day, bar in sorted(self.bars.items()) if start <= day <= end}

    def split_factor(self, day: date) -> float:
        """Product of the ratios of all splits after `day`: raw price / factor is the split-adjusted price."""
        return float(np.prod([split.ratio for split in self.splits if split.ex_date > day]))

    def dividend_factor(self, day: date) -> float:
        """Product over all dividends after `day` of 1 - amount / previous raw close."""
        factor = 1.0
        days = sorted(self.bars)
        for dividend in self.dividends:
            if dividend.ex_date > day:
                before = max(d for d in days if d < dividend.ex_date)
                factor *= 1 - dividend.amount / self.bars[before].close
        return factor

    def restate(self, day: date, **changed: float) -> None:
        self.bars[day] = replace(self.bars[day], **changed)


Market = dict[str, Security]
"""Securities by our ticker."""


def make_security(
    ticker: str,
    start: date,
    end: date,
    *,
    seed: int = 1,
    splits: Sequence[tuple[date, float]] = (),
    dividends: Sequence[tuple[date, float]] = (),
    sector: str | None = "Technology",
    calendar: str = "XNYS",
    asset_class: str = "equity",
) -> Security:
    """Make a security whose split-adjusted price walks at random around 100."""
    sessions = [day.item() for day in sessions_between(calendar, start, end)]
    # Seeded by the ticker's own letters, so that a security is the same in whatever market it stands.
    random = np.random.default_rng([seed, *ticker.encode()])
    closes = 100 * np.exp(np.cumsum(random.normal(0.0003, 0.012, len(sessions))))
    bars: dict[date, Bar] = {}
    before = closes[0] if sessions else 0.0
    for day, close in zip(sessions, closes, strict=True):
        factor = float(np.prod([ratio for ex_date, ratio in splits if ex_date > day]))
        first = before * np.exp(random.normal(0, 0.003))
        high = max(first, close) * (1 + abs(random.normal(0, 0.004)))
        low = min(first, close) * (1 - abs(random.normal(0, 0.004)))
        prices = [round(float(price * factor), 2) for price in (first, high, low, close)]
        volume = float(int(random.integers(500, 5000)) * 1200)  # divisible by the usual ratios
        bars[day] = Bar(prices[0], max(prices), min(prices), prices[3], volume)
        before = close
    listing = Listing(ticker, f"{ticker} Inc.", sector=sector, calendar=calendar, asset_class=asset_class, listed=start)
    return Security(
        listing,
        bars,
        [Split(ticker, day, ratio) for day, ratio in splits],
        [Dividend(ticker, day, amount) for day, amount in dividends],
    )


def make_market(tickers: Sequence[str], start: date, end: date, seed: int = 1) -> Market:
    """Make a market of plain securities."""
    return {ticker: make_security(ticker, start, end, seed=seed) for ticker in tickers}
