"""Small calm markets for tests of quality rules, and ways to spoil them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.calendar import sessions_between
from alphafactory.domain.bars import BAR_FIELDS, PRICE_FIELDS, BarBatch
from alphafactory.domain.market import Listing
from alphafactory.quality import QualityContext, discover_rules, judge

if TYPE_CHECKING:
    from alphafactory.domain.findings import Finding

START, AS_OF = date(2023, 6, 1), date(2024, 3, 28)
RULES = discover_rules()


def calm_market(tickers: tuple[str, ...] = ("AAA", "BBB"), calendar: str = "XNYS", seed: int = 5) -> BarBatch:
    """Return bars with daily moves of 1 % and volumes around a million."""
    sessions = sessions_between(calendar, START, AS_OF)
    n = len(sessions) * len(tickers)
    random = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(random.normal(0, 0.01, (len(tickers), len(sessions))), axis=1)).ravel()
    opened = close * np.exp(random.normal(0, 0.005, n))
    return BarBatch(
        tickers=tickers,
        codes=np.repeat(np.arange(len(tickers)), len(sessions)).astype(np.int64),
        sessions=np.tile(sessions, len(tickers)),
        open=opened,
        high=np.maximum(opened, close) * np.exp(random.uniform(0.001, 0.008, n)),
        low=np.minimum(opened, close) * np.exp(-random.uniform(0.001, 0.008, n)),
        close=close,
        volume=np.round(1e6 * np.exp(random.normal(0, 0.2, n))),
        lines=np.zeros(n, dtype=np.int64),
    )


def context_of(batch: BarBatch, **known: object) -> QualityContext:
    """Return what is known beside the bars: plain listings, and whatever is given."""
    plain = QualityContext(AS_OF, AS_OF, {ticker: Listing(ticker) for ticker in batch.tickers})
    return replace(plain, **known)


def found(batch: BarBatch, rule: str | None = None, **known: object) -> list[Finding]:
    """Return what all rules, or one, find."""
    chosen = list(RULES) if rule is None else [RULES.get(rule)]
    return judge(batch, context_of(batch, **known), chosen)


def scaled(batch: BarBatch, rows: slice, price: float, volume: float = 1.0) -> BarBatch:
    """Return the batch with the prices and volumes of some rows multiplied."""
    factors = {**dict.fromkeys(PRICE_FIELDS, price), "volume": volume}
    columns = {name: getattr(batch, name).copy() for name in BAR_FIELDS}
    for name, factor in factors.items():
        columns[name][rows] *= factor
    return replace(batch, **columns)
