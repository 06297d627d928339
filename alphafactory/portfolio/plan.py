"""Weights over time: what the allocation says at each rebalance, and what signals do to it in between.

Goes in: signals, a market, rebalances, settings. Comes out: first the fits that optimisers must make, so that they can
be made elsewhere and kept; then targets for the simulator, with notes wherever something was given up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.allocation import BETWEEN, FITTED, Allocation
from alphafactory.errors import UnknownNameError
from alphafactory.portfolio.allocate import allocate, fit_of
from alphafactory.portfolio.estimates import estimate
from alphafactory.portfolio.problems import Close, state_problem, wanted_sides

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alphafactory.domain.allocation import AllocationSettings
    from alphafactory.domain.arrays import BoolArray, FloatArray
    from alphafactory.portfolio.estimates import Market
    from alphafactory.portfolio.fits import Fit


@dataclass(frozen=True, slots=True)
class Note:
    """What a rebalance gave up: its row, the model that gave the weights, and words."""

    row: int
    model: str
    words: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Targets for the simulator, shape (n, symbols), signed shares of equity, and notes in order of rows."""

    weights: FloatArray
    notes: tuple[Note, ...]


def needed_fits(
    signals: FloatArray,
    market: Market,
    rebalance: BoolArray,
    settings: AllocationSettings,
    sectors: Sequence[str],
) -> list[Fit]:
    """Return the fits of all rebalances, oldest first; none for models without an optimiser.

    Args:
        signals: shape (n, symbols), finite; 0 for no member.
        market: on the same sessions and symbols.
        rebalance: mask of shape (n,).
        settings: how weights come about.
        sectors: of each symbol.
    """
    if settings.model not in FITTED:
        return []
    nothing = np.zeros(signals.shape[1])
    fits = []
    for row in np.flatnonzero(rebalance).tolist():
        close = _close(signals, market, row, settings=settings, sectors=sectors, before=nothing)
        fits.append(fit_of(settings, state_problem(settings, close), close))
    return [fit for fit in fits if fit is not None]


def weights_over_time(
    signals: FloatArray,
    market: Market,
    rebalance: BoolArray,
    settings: AllocationSettings,
    sectors: Sequence[str],
    *,
    between: str = "exits",
    solved: Mapping[str, Allocation] | None = None,
) -> Plan:
    """Return the targets of every session.

    Before the first rebalance they are 0. At a rebalance they are those of `allocate`. Between rebalances, row by row:

    * `exits`: a weight becomes 0 in the row in which the symbol's signal is no longer on the weight's side (0, or the
      other side), and stays 0 until the next rebalance even if the signal comes back.
    * `signals`: that, and a symbol without a weight whose side in this row is not 0 and differs from its side in the
      row before gets, on that side, the mean of the absolute weights of the last rebalance that are not 0 (nothing
      where it had none). Sides that `settings.side` forbids do not begin. Bounds of sectors, gross and neutrality are
      not asked again before the next rebalance; the account's limits are, at every order.
    * `nothing`: weights wait for the next rebalance.

    With the model `none` the signals themselves are the targets.

    Args:
        signals: shape (n, symbols), finite; 0 for no member.
        market: on the same sessions and symbols.
        rebalance: mask of shape (n,).
        settings: how weights come about.
        sectors: of each symbol.
        between: one of `domain.allocation.BETWEEN`.
        solved: answers of fits by their key; a fit that is not among them is solved here.

    Raises:
        UnknownNameError: no such `between`.
    """
    if between not in BETWEEN:
        raise UnknownNameError("rule between rebalances", between, BETWEEN)
    if settings.model == "none":
        return Plan(signals.copy(), ())
    answers = {} if solved is None else solved
    sides = wanted_sides(signals, settings.side)
    weights, notes = np.zeros(signals.shape), []
    held, usual = np.zeros(signals.shape[1]), 0.0
    for row in range(len(signals)):
        if rebalance[row]:
            close = _close(signals, market, row, settings=settings, sectors=sectors, before=held)
            found = allocate(close, settings, solve=lambda fit: answers.get(fit.key) or fit.solve())
            held = found.weights
            usual = float(np.abs(held[held != 0.0]).mean()) if held.any() else 0.0
            if found.note:
                notes.append(Note(row, found.model, found.note))
        elif row and between != "nothing":
            held = _between(held, sides[row - 1], sides[row], usual if between == "signals" else 0.0)
        weights[row] = held
    return Plan(weights, tuple(notes))


def _between(held: FloatArray, before: FloatArray, now: FloatArray, usual: float) -> FloatArray:
    """Return the weights after the signals of a row: ended ones are 0, begun ones have the usual weight."""
    kept = np.where(np.sign(held) == now, held, 0.0)
    begun = (now != 0.0) & (now != before) & (kept == 0.0)
    return np.where(begun, now * usual, kept)


def _close(
    signals: FloatArray,
    market: Market,
    row: int,
    *,
    settings: AllocationSettings,
    sectors: Sequence[str],
    before: FloatArray,
) -> Close:
    """Return what is known at the close of a row."""
    return Close(
        signals=signals[row],
        estimates=estimate(market, row, settings.sessions),
        sectors=sectors,
        tickers=market.tickers,
        before=before,
        session=market.sessions[row],
        # The return of one session that compounds to the annual rate.
        rate=float((1.0 + settings.risk_free_rate) ** (1.0 / market.periods_per_year) - 1.0),
    )
