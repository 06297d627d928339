"""Random markets and closes for the tests of weights."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.allocation import AllocationSettings
from alphafactory.portfolio import Close, Estimates, Market

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.arrays import FloatArray

WIDE = AllocationSettings(sessions=120, max_weight=1.0)
"""Settings whose bounds bind nobody."""


def random_returns(seed: int, sessions: int, symbols: int) -> FloatArray:
    """Returns with one common factor and volatilities between 0.5 % and 3 %."""
    rng = np.random.default_rng(seed)
    market = rng.normal(0.0006, 0.008, (sessions, 1))
    own = rng.normal(0.0003, 1.0, (sessions, symbols)) * rng.uniform(0.005, 0.03, symbols)
    return market * rng.uniform(0.3, 1.5, symbols) + own


def close_of(
    returns: FloatArray,
    signals: Sequence[float] | FloatArray | None = None,
    *,
    sectors: Sequence[str] | None = None,
    before: FloatArray | None = None,
    sessions: int | None = None,
    atr: FloatArray | None = None,
) -> Close:
    """One close whose window is `returns`; by default every symbol has the signal 1 and a sector of its own."""
    symbols = returns.shape[1]
    return Close(
        signals=np.ones(symbols) if signals is None else np.array(signals, dtype=np.float64),
        estimates=Estimates(
            returns, np.full(symbols, 0.02) if atr is None else atr, sessions if sessions is not None else len(returns)
        ),
        sectors=[f"Sector {column}" for column in range(symbols)] if sectors is None else sectors,
        tickers=[f"S{column}" for column in range(symbols)],
        before=np.zeros(symbols) if before is None else before,
        session=np.datetime64("2020-01-31"),
    )


def random_market(seed: int, sessions: int, symbols: int) -> Market:
    """Prices that make `random_returns`, on business days from 2018-01-01 on, with ranges of 1 % about the close."""
    close = 50.0 * np.cumprod(1.0 + random_returns(seed, sessions, symbols), axis=0)
    return Market(
        tickers=tuple(f"S{column}" for column in range(symbols)),
        sessions=np.busday_offset("2018-01-01", np.arange(sessions), roll="forward"),
        high=close * 1.005,
        low=close * 0.995,
        close=close,
        dividends=np.zeros(close.shape),
    )


def future_replaced(market: Market, row: int, seed: int) -> Market:
    """Return the market with noise in place of everything after the row."""
    rng = np.random.default_rng(seed)

    def noisy(prices: FloatArray) -> FloatArray:
        later = prices.copy()
        later[row + 1 :] = rng.uniform(1.0, 900.0, later[row + 1 :].shape)
        return later

    return replace(market, high=noisy(market.high), low=noisy(market.low), close=noisy(market.close))
