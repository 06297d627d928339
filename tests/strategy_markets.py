"""Random markets as strategies see them: bars on the sessions of New York, an index, breadth, announcements."""

from __future__ import annotations

import functools
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.calendar import sessions_between
from alphafactory.domain.bars import BAR_FIELDS, PRICE_FIELDS, Bars
from alphafactory.domain.context import BREADTH, MarketContext, MarketSymbol
from alphafactory.domain.signals import Signals
from alphafactory.indicators.catalogue import computation_of
from alphafactory.pipeline.market_views import UniversePanel, symbol_signals, symbol_view

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.arrays import DateArray, FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import Strategy, StrategyParameters

SECTORS = ("Energy", "Technology", "Utilities")


@functools.cache
def sessions_of(length: int) -> DateArray:
    """Sessions of the New York exchange from 2010 on."""
    return sessions_between("XNYS", date(2010, 1, 1), date(2030, 1, 1))[:length]


def random_bars(seed: int, length: int) -> Bars:
    """Make a random walk with trends and calm and wild times, whose bars keep low <= open, close <= high."""
    random = np.random.default_rng(seed)
    wild = np.where(np.arange(length) // 120 % 3 == 1, 2.0, 1.0)
    drift = np.where(np.arange(length) // 90 % 2 == 0, 0.0008, -0.0004)
    close = 50.0 * np.exp(np.cumsum(random.normal(drift, 0.012 * wild)))
    opening = np.concatenate([close[:1], close[:-1]]) * np.exp(random.normal(0.0, 0.006 * wild, length))
    high = np.maximum(opening, close) * (1.0 + random.exponential(0.005, length) * wild)
    low = np.minimum(opening, close) * (1.0 - random.exponential(0.005, length) * wild)
    volume = np.round(random.lognormal(12.0, 0.5, length))
    return Bars(sessions_of(length), opening, high, low, close, volume, np.ones(length), np.zeros(length))


def random_symbol(seed: int, length: int) -> MarketSymbol:
    """Make a symbol with a sector and an announcement every 63 sessions, known 20 sessions ahead."""
    ahead = (63 - np.arange(length) % 63).astype(np.float64)
    earnings = np.where(ahead <= 20, ahead, np.nan)
    return MarketSymbol(f"S{seed}", random_bars(seed, length), SECTORS[seed % 3], earnings)


def random_symbols(seed: int, length: int, symbols: int = 3) -> list[MarketSymbol]:
    """Make several whose movements have a common part, beside which each goes its own way for some sessions.

    Any two are cointegrated, so that pairs and cross-sections exist; every third is of the same sector.
    """
    market = random_bars(seed, length)
    return [_beside(market, random_symbol(seed + place, length), seed + place) for place in range(symbols)]


def _beside(market: Bars, symbol: MarketSymbol, seed: int) -> MarketSymbol:
    steps = np.random.default_rng((seed, 1)).normal(0.0, 0.006, length := len(market))
    away = np.zeros(length)
    for row in range(1, length):
        away[row] = 0.85 * away[row - 1] + steps[row]
    prices = {name: getattr(market, name) * np.exp(away) for name in PRICE_FIELDS}
    return replace(symbol, bars=replace(symbol.bars, **prices))


@functools.cache
def context_of(length: int) -> MarketContext:
    """Make the index and the breadth of as many sessions, and the calendar beyond them."""
    random = np.random.default_rng(99)
    index = 100.0 * np.exp(np.cumsum(random.normal(0.0003, 0.01, length)))
    series = {"index": index} | {name: random.random(length) for name in BREADTH}
    return MarketContext(sessions_of(length + 300), sessions_of(length), series)


def view_of(
    strategy: type[Strategy], params: StrategyParameters, symbols: Sequence[MarketSymbol], context: MarketContext
) -> MarketView:
    """Return what a strategy sees: of one symbol arrays (n, 1), of several (N, m) on their joint sessions."""
    if strategy.scope == "symbol":
        (symbol,) = symbols
        return symbol_view(strategy, params, symbol, computation_of(symbol.bars, context=context))
    return UniversePanel(symbols, context).view(strategy, params)


def beside_nothing(strategy: type[Strategy], params: StrategyParameters, view: MarketView) -> FloatArray:
    """Return the targets of one symbol and of another without any price beside it, shape (n, 2)."""
    missing = np.full(view.close.shape, np.nan)
    prices = {name: np.hstack([getattr(view, name), missing]) for name in BAR_FIELDS}
    indicators = {name: np.hstack([values, missing]) for name, values in view.indicators.items()}
    both = replace(view, **prices, indicators=indicators, tickers=(*view.tickers, "NONE"), sectors=(None, None))
    answer = strategy.signals(both, params)
    return answer.target if isinstance(answer, Signals) else answer


def signals_of(
    strategy: type[Strategy], params: StrategyParameters, symbols: Sequence[MarketSymbol], context: MarketContext
) -> Signals:
    """Return what a strategy answers, judged as the pipeline judges it."""
    if strategy.scope == "symbol":
        (symbol,) = symbols
        return symbol_signals(strategy, params, symbol, computation_of(symbol.bars, context=context))
    return UniversePanel(symbols, context).signals(strategy, params)
