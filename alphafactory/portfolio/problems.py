"""The question of one date: who takes part in an allocation, on which side, under which bounds.

Goes in: signals and estimates of one close, settings, sectors. Comes out: a `Problem`, or why there is none to solve.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.allocation import FITTED
from alphafactory.portfolio.bounds import Bounds, bounds_of, clash, within_reach, without_least
from alphafactory.portfolio.estimates import LEAST_RETURNS, LEAST_SHARE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.allocation import AllocationSettings
    from alphafactory.domain.arrays import BoolArray, FloatArray, IntArray
    from alphafactory.portfolio.estimates import Estimates

_STILL = 1e-10
"""Deviations of returns up to this are rounding: the price does not move."""

_NAMED = 5
"""Symbols that a note names before it counts."""


@dataclass(frozen=True, slots=True)
class Close:
    """What an allocation is told of one close.

    `signals` has shape (symbols,), finite, 0 for no member; `sectors` and `tickers` name each symbol's. `estimates`
    reach up to this close. `before` has shape (symbols,): the weights until now. `session` is its date, `rate` the
    risk-free return of a session.
    """

    signals: FloatArray
    estimates: Estimates
    sectors: Sequence[str]
    tickers: Sequence[str]
    before: FloatArray
    session: np.datetime64
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class Problem:
    """What is to be divided among whom.

    `columns` has shape (k,): the symbols that take part. `strengths` and `bounds.sides` have that shape too: absolute
    signals, and 1 or -1. `note` says what was given up to come so far, `failure` why the model cannot be asked at all;
    then there is nothing else in it.
    """

    columns: IntArray
    strengths: FloatArray
    bounds: Bounds
    note: str = ""
    failure: str = ""


def wanted_sides(signals: FloatArray, side: str) -> FloatArray:
    """Return the side of each symbol, shape as `signals`: 1, -1, or 0 where it may have no weight."""
    sides = np.sign(signals)
    return np.maximum(sides, 0.0) if side == "long_only" else sides


def state_problem(settings: AllocationSettings, close: Close, *, keep_least: bool = True) -> Problem:
    """Return the question that the settings' model is asked at one close.

    Symbols of a sector that may have nothing take no part. Those with a signal of which the model does not know enough
    are left out and noted. With `keep_least` False the
    bounds from below are left aside, so that no clash can arise.
    """
    barred = {name for name, (_, high) in settings.sector_bounds.items() if high <= 0.0}
    wanted = wanted_sides(close.signals, settings.side) * [sector not in barred for sector in close.sectors]
    able, lacks = _able(settings.model, close.estimates)
    columns = np.flatnonzero((wanted != 0.0) & able).astype(np.int64)
    bounds = bounds_of(settings, wanted[columns], [close.sectors[column] for column in columns.tolist()])
    bounds = bounds if keep_least else without_least(bounds)
    strengths = np.abs(close.signals[columns])
    left_out = _left_out(np.flatnonzero((wanted != 0.0) & ~able).tolist(), close.tickers, lacks)
    failure = _failure(bounds, wanted, lacks)
    if failure or len(columns) == 0:
        return Problem(columns, strengths, bounds, left_out, failure)
    bounds, less = within_reach(bounds)
    return Problem(columns, strengths, bounds, "; ".join(word for word in (left_out, less) if word))


def _able(model: str, estimates: Estimates) -> tuple[BoolArray, str]:
    """Return of which symbols the model knows enough, and what the others lack."""
    if model == "inverse_volatility":
        return estimates.volatility > _STILL, f"fewer than {LEAST_RETURNS} returns, or a price that does not move"
    if model == "atr_parity":
        return estimates.atr > _STILL, "no average true range, or a price that does not move"
    if model in FITTED:
        least = int(np.ceil(LEAST_SHARE * estimates.sessions))
        words = f"fewer than {least} of {estimates.sessions} returns, or a price that does not move"
        return estimates.long_enough & (estimates.volatility > _STILL), words
    return np.ones(estimates.returns.shape[1], dtype=np.bool_), ""


def _failure(bounds: Bounds, wanted: FloatArray, lacks: str) -> str:
    if len(bounds.sides) == 0:
        # Without a wish there is nothing to hold, which is an answer; with wishes there must be someone to judge.
        return f"every symbol with a signal has {lacks}" if wanted.any() else ""
    if bounds.neutral and abs(bounds.sides.sum()) == len(bounds.sides):
        both = bool((wanted > 0.0).any() and (wanted < 0.0).any())
        return f"every symbol of one side has {lacks}" if both else ""
    return clash(bounds)


def _left_out(columns: list[int], tickers: Sequence[str], lacks: str) -> str:
    if not columns:
        return ""
    names = ", ".join(tickers[column] for column in columns[:_NAMED])
    more = f" and {len(columns) - _NAMED} more" if len(columns) > _NAMED else ""
    return f"left out: {names}{more} ({lacks})"
