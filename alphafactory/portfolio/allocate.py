"""One date's division of the capital: the settings' model where it has an answer, the declared fallback where not.

Goes in: signals and estimates of one close. Comes out: an `Allocation`, always; its note says what was given up.

The formulas, in proportion, of a symbol on its side, before bounds:

* `equal`: 1.
* `signal`: the absolute signal.
* `inverse_volatility`: 1 / volatility, the sample deviation of the window's returns.
* `atr_parity`: 1 / (ATR / price), so that a session's usual range moves equity by the same amount for every symbol.
* the fitted ones: `optimisers.optimise`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.allocation import FITTED, Allocation
from alphafactory.portfolio.bounds import leave_no_choice
from alphafactory.portfolio.fits import Fit
from alphafactory.portfolio.problems import state_problem, wanted_sides
from alphafactory.portfolio.projection import project

if TYPE_CHECKING:
    from collections.abc import Callable

    from alphafactory.domain.allocation import AllocationSettings
    from alphafactory.domain.arrays import FloatArray
    from alphafactory.portfolio.problems import Close, Problem

_LAST_RESORT = "equal"
"""It asks nothing of the data, so that it always has an answer."""


def allocate(
    close: Close, settings: AllocationSettings, *, solve: Callable[[Fit], Allocation] = Fit.solve
) -> Allocation:
    """Return the weights of one close, shape (symbols,).

    The sum of absolute weights is `settings.gross`, or the most that bounds allow. Where the model has no answer
    (bounds that clash at this date, too little data, a solver that fails), the fallback gives it: a model, under the
    same bounds where they do not clash and under those from above alone where they do; or `keep`, the weights before
    of the symbols whose signal is still on their side (each side of a market-neutral portfolio scaled down to the
    smaller). A fallback without an answer gives way to `equal`. Without signals, and market-neutral with signals of one
    side alone, nothing is held.

    Args:
        close: what is known.
        settings: how weights come about; their model is one of `domain.allocation.ALLOCATIONS` except `none`.
        solve: what answers a fit: by default the optimiser, else whoever remembers its answer.
    """
    problem = state_problem(settings, close)
    reason = problem.failure
    if not reason:
        found = _answer(settings, problem, close, solve)
        if found.model:
            return found
        reason = found.note
    return _fall_back(settings, close, f"{settings.model}: {reason}")


def fit_of(settings: AllocationSettings, problem: Problem, close: Close) -> Fit | None:
    """Return the fit that a problem needs; None where a formula answers, or bounds leave no choice, or one symbol."""
    if settings.model not in FITTED or problem.failure or len(problem.columns) <= 1 or _one_sided(problem):
        return None
    if leave_no_choice(problem.bounds):
        return None
    return Fit(
        session=close.session,
        tickers=tuple(close.tickers[column] for column in problem.columns.tolist()),
        settings=settings,
        bounds=problem.bounds,
        strengths=problem.strengths,
        window=close.estimates.returns,
        columns=problem.columns,
        rate=close.rate,
    )


def _answer(
    settings: AllocationSettings, problem: Problem, close: Close, solve: Callable[[Fit], Allocation]
) -> Allocation:
    """Return what the model says of all symbols; an allocation without a model where it has no answer."""
    weights = np.zeros(len(close.signals))
    if len(problem.columns) == 0:
        return Allocation(weights, settings.model)
    if _one_sided(problem):
        return Allocation(weights, settings.model, "market_neutral holds nothing: all signals are on one side")
    fit = fit_of(settings, problem, close)
    if fit is None:
        raw = _proportions(settings.model, problem, close)
        weights[problem.columns] = project(raw, problem.bounds) * problem.bounds.sides
        return Allocation(weights, settings.model, problem.note)
    solved = solve(fit)
    if not solved.model:
        return solved
    weights[problem.columns] = solved.weights
    return Allocation(weights, settings.model, "; ".join(note for note in (problem.note, solved.note) if note))


def _proportions(model: str, problem: Problem, close: Close) -> FloatArray:
    if model == "signal":
        return problem.strengths
    if model == "inverse_volatility":
        return 1.0 / close.estimates.volatility[problem.columns]
    if model == "atr_parity":
        return 1.0 / close.estimates.atr[problem.columns]
    return np.ones(len(problem.columns))


def _one_sided(problem: Problem) -> bool:
    """Whether a market-neutral portfolio lacks a side."""
    sides = problem.bounds.sides
    return problem.bounds.neutral and abs(float(sides.sum())) == len(sides)


def _fall_back(settings: AllocationSettings, close: Close, reason: str) -> Allocation:
    if settings.fallback == "keep":
        return Allocation(_kept(settings, close), "keep", reason)
    for model in (settings.fallback, _LAST_RESORT):
        asked = replace(settings, model=model)
        for keep_least in (True, False):
            problem = state_problem(asked, close, keep_least=keep_least)
            if not problem.failure:
                found = _answer(asked, problem, close, Fit.solve)
                aside = "" if keep_least else "bounds from below are left aside"
                return replace(found, note="; ".join(note for note in (reason, aside, found.note) if note))
        reason = reason if problem.failure in reason else f"{reason}; {model}: {problem.failure}"
    raise AssertionError("equal weights under bounds from above always have an answer")


def _kept(settings: AllocationSettings, close: Close) -> FloatArray:
    """Return the weights of before where the signal is still on their side."""
    kept = np.where(np.sign(close.before) == wanted_sides(close.signals, settings.side), close.before, 0.0)
    if settings.side != "market_neutral":
        return kept
    longs, shorts = float(kept[kept > 0.0].sum()), -float(kept[kept < 0.0].sum())
    smaller = min(longs, shorts)
    if smaller == 0.0:
        return np.zeros(len(kept))
    return np.where(kept > 0.0, kept * (smaller / longs), kept * (smaller / shorts))
