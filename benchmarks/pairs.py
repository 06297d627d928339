"""Forming pairs among 400 symbols: few are looked at, and those together; what strategies over many symbols cost.

Tested one at a time by the textbook, all 79,800 pairs are the floor that a formation starts from. A test of so many
pairs is also worth what its critical values are worth: independent random walks must be rejected as often as they say.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import measuring
import numpy as np
from measuring import DisagreementError, Row, demand_equal

from alphafactory.calendar import sessions_between
from alphafactory.domain.context import MarketContext, MarketSymbol
from alphafactory.pipeline.market_views import UniversePanel
from alphafactory.strategies.catalogue import discover_strategies
from alphafactory.strategies.parameters import resolve_parameters
from alphafactory.strategies.statistical.cointegration import CRITICAL_VALUES, critical_value, engle_granger
from alphafactory.strategies.statistical.cointegration_pairs import CointegrationPairs
from alphafactory.strategies.statistical.pair_formation import form_pairs, log_closes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import MarketView

FORMATION_TARGET, SMALL_TARGET = 0.5, 0.1
TARGETS = {
    "cointegration_pairs": 3.0,
    "kalman_pairs": 3.0,
    "cross_sectional_momentum": 0.1,
    "cross_sectional_reversal": 0.1,
    "low_volatility": 0.1,
}
"""Seconds that a strategy may need for the targets of all symbols."""
SMALL = 13
SAMPLE, LAGS = 400, 1
WALKS, WALK_LENGTH = 40_000, 250


def real_symbols() -> list[MarketSymbol]:
    """Read the prices and sectors."""
    delivery = measuring.read_prices()
    sector_of = {listing.ticker: listing.sector for listing in delivery.listings}
    return [MarketSymbol(name, bars, sector_of.get(name)) for name, bars in measuring.bars_by_symbol(delivery).items()]


def panel_of(symbols: list[MarketSymbol]) -> UniversePanel:
    """Lay the symbols side by side, with the calendar around them."""
    return UniversePanel(symbols, MarketContext(sessions_between("XNYS", date(2014, 1, 1), date(2021, 1, 1))))


def textbook_statistic(y: FloatArray, x: FloatArray) -> float:
    """Return the test's statistic of one pair by two regressions of NumPy's own."""
    design = np.column_stack([np.ones(len(x)), x])
    spread = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    changes = np.diff(spread)
    design = np.column_stack([spread[LAGS:-1], *(changes[LAGS - lag : -lag] for lag in range(1, LAGS + 1))])
    found = np.linalg.lstsq(design, changes[LAGS:], rcond=None)[0]
    error = changes[LAGS:] - design @ found
    variance = error @ error / (len(error) - design.shape[1]) * np.linalg.inv(design.T @ design)[0, 0]
    return float(found[0] / np.sqrt(variance))


def formation(view: MarketView) -> Iterator[Row]:
    """Time one formation, every pair together without a look at sectors and returns, and every pair by itself."""
    params, prices = resolve_parameters(CointegrationPairs, {"lags": LAGS}), log_closes(view)
    row = len(prices) - 1
    window = prices[row + 1 - int(params["window"]) :]
    closes = window[:, ~np.isnan(window).any(axis=0)]
    one, other = np.triu_indices(closes.shape[1], k=1)
    some = np.random.default_rng(1).choice(len(one), SAMPLE, replace=False)

    def alone() -> list[float]:
        return [textbook_statistic(closes[:, one[k]], closes[:, other[k]]) for k in some]

    def together() -> FloatArray:
        return engle_granger(closes[:, one[some]], closes[:, other[some]], LAGS).statistic

    demand_equal("the statistics of pairs", together(), alone(), 1e-6)
    chosen = measuring.seconds(lambda: form_pairs(view, prices, row, params), repeats=3)
    # Both directions of each pair are tested.
    every = 2.0 * len(one) / SAMPLE
    peer = f"all {len(one)} pairs"
    claim = f"a formation of {closes.shape[1]} symbols, {len(window)} sessions"
    batched = measuring.seconds(together, repeats=3) * every
    yield Row(claim, chosen, "s", FORMATION_TARGET, f"{peer} together (by {SAMPLE})", batched)
    plain = measuring.seconds(alone) * every
    yield Row(claim, chosen, "s", FORMATION_TARGET, f"{peer} one by one (by {SAMPLE})", plain)


def rejections() -> Iterator[Row]:
    """Count how often independent random walks are called cointegrated.

    Raises:
        DisagreementError: Not as often as the critical values say.
    """
    random, statistics = np.random.default_rng(2), []
    for _ in range(0, WALKS, 1000):
        y, x = np.cumsum(random.normal(size=(2, WALK_LENGTH, 1000)), axis=1)
        statistics.append(engle_granger(y, x, LAGS).statistic)
    found = np.concatenate(statistics)
    for level in CRITICAL_VALUES:
        share = float((found < critical_value(level, WALK_LENGTH - 1)).mean())
        # Three deviations of a share, and a tenth for what the lag and the few sessions change.
        if abs(share - level) > 3.0 * np.sqrt(level / WALKS) + 0.1 * level:
            raise DisagreementError(f"{share:.3%} of random walks are rejected at {level:.0%}.")
        yield Row(f"of {WALKS} pairs of random walks rejected, level {level:.0%}", 100.0 * share, "%")


def strategies(symbols: list[MarketSymbol]) -> Iterator[Row]:
    """Time the targets of each strategy over many symbols, for a few and for all."""
    registry, few, all_of_them = discover_strategies(), panel_of(symbols[:SMALL]), panel_of(symbols)
    for name, target in TARGETS.items():
        strategy = registry.get(name)
        params = resolve_parameters(strategy, {})
        for panel, limit in ((few, SMALL_TARGET), (all_of_them, target)):
            view = panel.view(strategy, params)
            sessions, count = view.close.shape
            taken = measuring.seconds(lambda v=view, s=strategy, p=params: s.signals(v, p), repeats=3)  # type: ignore[misc]
            yield Row(f"targets of {name}, {count} symbols, {sessions} sessions", taken, target=limit)


def run() -> Iterator[Row]:
    """Measure each."""
    symbols = real_symbols()
    yield from formation(panel_of(symbols).view(CointegrationPairs, resolve_parameters(CointegrationPairs, {})))
    yield from rejections()
    yield from strategies(symbols)


if __name__ == "__main__":
    measuring.finish(run)
