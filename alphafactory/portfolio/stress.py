"""Stress tests: today's weights through bad times, those of the data and those a user imagines.

Goes in: weights as they are now, returns of their symbols, shocks. Comes out: the return of the portfolio and what each
symbol has in it, which add up. Positions are held through a window without trading.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.errors import UnknownNameError, UsageError
from alphafactory.portfolio.outcomes import ZERO_VOLATILITY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alphafactory.domain.arrays import BoolArray, DateArray, FloatArray

WINDOWS = (1, 5, 21)
"""Lengths of the historical windows in sessions: a day, a week, a month."""


@dataclass(frozen=True, slots=True)
class StressWindow:
    """Today's weights through a run of sessions of the data.

    `first` and `last` are the sessions whose returns count. `by_symbol` has shape (m,) and adds up to `loss`, a return
    (negative is a loss). `missing` is the weight of held symbols that did not yet, or no longer, trade, in absolute
    values: they count with 0, and the true loss might have been another.
    """

    length: int
    first: np.datetime64
    last: np.datetime64
    loss: float
    by_symbol: FloatArray
    missing: float


@dataclass(frozen=True, slots=True)
class Shock:
    """Today's weights under a shock. `by_symbol` adds up to `loss`; `assumed` marks betas that are not known."""

    name: str
    loss: float
    by_symbol: FloatArray
    assumed: BoolArray


def worst_window(
    weights: FloatArray, returns: FloatArray, sessions: DateArray, length: int, *, least_known: float = 0.8
) -> StressWindow | str:
    """Return the run of `length` sessions of the data in which today's weights would have lost most, or why none.

    The return over a run is the sum of weight times the symbol's compounded return. Runs in which symbols with less
    than `least_known` of the gross weight have all their returns are passed over, `no_window_is_known` if all are.

    Args:
        weights: shape (m,), signed shares of equity.
        returns: shape (n, m), simple total returns, NaN where unknown; 0 for a session in which a listed symbol had no
            bar.
        sessions: shape (n,), those of the returns.
        length: sessions in a run.
        least_known: share of the gross weight.

    Raises:
        UsageError: a length below 1.
    """
    if length < 1:
        raise UsageError(f"A historical window has at least 1 session, not {length}.")
    held = np.flatnonzero(weights)
    gross = float(np.abs(weights).sum())
    if len(held) == 0:
        return "no_position"
    if len(returns) < length:
        return f"fewer_than_{length}_sessions"
    grown = _compounded(returns[:, held], length)
    missing = np.abs(weights[held]) @ np.isnan(grown).T
    parts = np.where(np.isnan(grown), 0.0, grown) * weights[held]
    losses = np.where(gross - missing >= least_known * gross, parts.sum(axis=1), np.inf)
    worst = int(np.argmin(losses))
    if losses[worst] == np.inf:
        return "no_window_is_known"
    by_symbol = np.zeros(len(weights))
    by_symbol[held] = parts[worst]
    ends = sessions[worst], sessions[worst + length - 1]
    return StressWindow(length, *ends, float(losses[worst]), by_symbol, float(missing[worst]))


def sector_shock(weights: FloatArray, sectors: Sequence[str], shocks: Mapping[str, float], name: str = "") -> Shock:
    """Return what the weights lose when sectors move by `shocks` (-0.2 is a fall of 20 %), the others not at all.

    Raises:
        UnknownNameError: a sector that no symbol has.
        UsageError: a fall of more than everything.
    """
    moves = np.zeros(len(weights))
    labels = np.array(sectors)
    for sector, move in shocks.items():
        if sector not in sectors:
            raise UnknownNameError("sector", sector, sectors)
        _judge_move(move)
        moves[labels == sector] = move
    words = name or ", ".join(f"{sector} {move:+.0%}" for sector, move in shocks.items())
    return _shock(words, weights * moves, np.zeros(len(weights), bool))


def beta_shock(weights: FloatArray, betas: FloatArray, move: float, name: str = "") -> Shock:
    """Return what the weights lose when the market moves by `move` and each symbol by its beta times that.

    A symbol loses no more than everything. Symbols whose beta is NaN are taken to move with the market, beta 1, and
    marked in `assumed`.

    Raises:
        UsageError: a fall of more than everything.
    """
    _judge_move(move)
    unknown = np.isnan(betas)
    moves = np.maximum(np.where(unknown, 1.0, betas) * move, -1.0)
    return _shock(name or f"market {move:+.0%}", weights * moves, unknown & (weights != 0.0))


def betas_to(returns: FloatArray, market: FloatArray, least: int = 60) -> FloatArray:
    """Return each symbol's beta: covariance with the market over its variance, shape (m,).

    Over the sessions in which both are known; NaN with fewer than `least` of them, or a market that does not move.

    Args:
        returns: shape (n, m), NaN where unknown.
        market: shape (n,), such as an index's or those of `equal_weight_market`; NaN where unknown.
        least: joint returns needed.
    """
    return np.array([_beta(column, market, least) for column in returns.T])


def equal_weight_market(returns: FloatArray) -> FloatArray:
    """Return the mean of the returns that are known in each session, shape (n,), NaN where none is.

    A market of equal weights restored at each close: the benchmark of betas, not one that anybody could hold free.
    """
    known = np.isfinite(returns)
    count = known.sum(axis=1)
    total = np.where(known, returns, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _beta(returns: FloatArray, market: FloatArray, least: int) -> float:
    both = np.isfinite(returns) & np.isfinite(market)
    if np.count_nonzero(both) < max(least, 2):
        return np.nan
    own, index = returns[both], market[both] - market[both].mean()
    variance = float(index @ index)
    return float(index @ own) / variance if variance >= len(index) * ZERO_VOLATILITY**2 else np.nan


def _compounded(returns: FloatArray, length: int) -> FloatArray:
    """Return the return over every run of `length` rows, shape (n - length + 1, m)."""
    runs = len(returns) - length + 1
    grown = np.ones((runs, returns.shape[1]))
    for shift in range(length):
        grown *= 1.0 + returns[shift : shift + runs]
    return grown - 1.0


def _shock(name: str, by_symbol: FloatArray, assumed: BoolArray) -> Shock:
    return Shock(name, float(by_symbol.sum()), by_symbol, assumed)


def _judge_move(move: float) -> None:
    if not -1.0 <= move < np.inf:
        raise UsageError(f"A shock is a return from -1 (everything) on, such as -0.2 for a fall of 20 %, not {move:g}.")
