"""Universes in which symbols list late, leave, have gaps and are members for a time, and what was known of them."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np
from strategy_markets import context_of, random_bars, random_symbols, signals_of

from alphafactory.domain.bars import BAR_FIELDS, Bars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.arrays import BoolArray, FloatArray
    from alphafactory.domain.context import MarketSymbol
    from alphafactory.strategies.base import Strategy, StrategyParameters


def uneven_symbols(seed: int, length: int) -> list[MarketSymbol]:
    """Make nine symbols: three are whole, the others late, gone, with gaps, members for a time, or both."""
    symbols, rows = random_symbols(seed, length, 9), np.arange(length)
    random = np.random.default_rng((seed, 2))
    symbols[1] = kept(symbols[1], rows >= length // 6)
    symbols[2] = kept(symbols[2], rows < length * 5 // 6)
    symbols[3] = kept(symbols[3], (random.random(length) > 0.004) | (rows < length // 2))
    symbols[4] = replace(symbols[4], member=(rows // (length // 4)) % 2 == 0)
    symbols[5] = replace(symbols[5], member=rows > length // 3)
    return symbols


def kept(symbol: MarketSymbol, rows: BoolArray) -> MarketSymbol:
    """Keep some of a symbol's sessions."""
    bars = Bars(**{field.name: getattr(symbol.bars, field.name)[rows] for field in fields(Bars)})
    earnings = None if symbol.earnings is None else symbol.earnings[rows]
    return replace(symbol, bars=bars, earnings=earnings)


def known_until(symbols: Sequence[MarketSymbol], session: np.datetime64) -> dict[int, MarketSymbol]:
    """Return what there was of each at the close of a session, by place; who had no bar yet is not there."""
    rows = [int(np.searchsorted(symbol.bars.sessions, session, side="right")) for symbol in symbols]
    return {place: symbols[place].part(slice(0, end)) for place, end in enumerate(rows) if end}


def changed_after(symbols: Sequence[MarketSymbol], session: np.datetime64) -> list[MarketSymbol]:
    """Return the symbols with other prices after a session."""
    changed = []
    for place, symbol in enumerate(symbols):
        other, later = random_bars(1000 + place, len(symbol.bars)), symbol.bars.sessions > session
        arrays = {name: np.where(later, getattr(other, name), getattr(symbol.bars, name)) for name in BAR_FIELDS}
        changed.append(replace(symbol, bars=replace(symbol.bars, **arrays)))
    return changed


def targets(strategy: type[Strategy], params: StrategyParameters, symbols: Sequence[MarketSymbol]) -> FloatArray:
    """Return the judged targets of a strategy on sessions of which all are before the 2,000th."""
    return signals_of(strategy, params, symbols, context_of(2000)).target


def demand_no_peeking(
    strategy: type[Strategy], params: StrategyParameters, symbols: Sequence[MarketSymbol], cuts: Sequence[int]
) -> None:
    """Cut at sessions, and change what follows them: up to there every bit stays."""
    whole, sessions = targets(strategy, params, symbols), symbols[0].bars.sessions
    assert whole.any()
    for cut in cuts:
        known = known_until(symbols, sessions[cut])
        expected = whole[: cut + 1]
        assert targets(strategy, params, list(known.values())).tobytes() == expected[:, list(known)].tobytes()
        assert not np.delete(expected, list(known), axis=1).any()
        after = targets(strategy, params, changed_after(symbols, sessions[cut]))
        assert after[: cut + 1].tobytes() == expected.tobytes()


def settled_after(
    strategy: type[Strategy], params: StrategyParameters, symbols: Sequence[MarketSymbol], start: int
) -> int:
    """Return the bars after a later start of history until the targets are what they are with all of it."""
    whole = targets(strategy, params, symbols)[start:]
    late = targets(strategy, params, [symbol.part(slice(start, None)) for symbol in symbols])
    return int(np.flatnonzero((np.abs(whole - late) > 1e-9).any(axis=1)).max(initial=-1)) + 1
