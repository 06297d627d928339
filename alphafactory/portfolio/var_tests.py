"""Tests of a value at risk against what then happened.

Goes in: an account's returns, or which sessions broke a forecast. Comes out: forecasts made before each session, the
breaches, and the likelihood-ratio tests of Kupiec (1995) and Christoffersen (1998), or reasons for no number.
The p values are asymptotic; with fewer than about five breaches expected they are rough, and a test that does not
reject has then hardly looked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.errors import UsageError
from alphafactory.portfolio.outcomes import ZERO_VOLATILITY
from alphafactory.portfolio.value_at_risk import tail_risk

if TYPE_CHECKING:
    from alphafactory.domain.arrays import BoolArray, FloatArray
    from alphafactory.portfolio.outcomes import Number

_FEWEST = 2


@dataclass(frozen=True, slots=True)
class LikelihoodTest:
    """A likelihood-ratio statistic and the probability of one as large under the hypothesis; or reasons for none."""

    statistic: Number
    p_value: Number


@dataclass(frozen=True, slots=True)
class CoverageTests:
    """What the breaches of a value at risk say of it.

    `coverage` asks whether there were as many as announced (Kupiec), `independence` whether one makes the next more
    likely, `conditional` both at once (Christoffersen). `expected` is how many were announced.
    """

    sessions: int
    breaches: int
    expected: float
    coverage: LikelihoodTest
    independence: LikelihoodTest
    conditional: LikelihoodTest


@dataclass(frozen=True, slots=True)
class VarBacktest:
    """Forecasts and breaches by session, and the tests of them.

    `forecast` has shape (n,): the value at risk as a return, known at the close before; NaN where there was none.
    `breached` marks the sessions whose return lay below their forecast.
    """

    forecast: FloatArray
    breached: BoolArray
    tests: CoverageTests


def var_backtest(
    returns: FloatArray, window: int = 250, level: float = 0.95, method: str = "history", *, seed: int = 0
) -> VarBacktest:
    """Forecast each session's value at risk from the `window` returns before it, and test the forecasts.

    Sessions without a full window before them have no forecast, nor those after a window in which the account never
    moved: a flat account announces no risk, and its first trade would break that.

    Args:
        returns: shape (n,), the account's own simple returns.
        window: how many returns a forecast is made from, at least 2.
        level: the confidence, between 0.5 and 1.
        method: one of `value_at_risk.METHODS`, one session ahead.
        seed: of the random draws of `monte_carlo`.

    Raises:
        UsageError: a window below 2, or what `tail_risk` refuses.
    """
    if window < _FEWEST:
        raise UsageError(f"A value at risk is forecast from at least {_FEWEST} returns, not {window}.")
    forecast = np.full(len(returns), np.nan)
    for row in range(window, len(returns)):
        before = returns[row - window : row]
        if np.ptp(before) >= ZERO_VOLATILITY:
            # A seed of each session's own: one seed for all would repeat the same draws day after day.
            found = tail_risk(before, method, level, seed=seed + row).value_at_risk
            forecast[row] = np.nan if isinstance(found, str) else found
    known = np.isfinite(forecast)
    breached = known & (returns < forecast)
    return VarBacktest(forecast, breached, coverage_tests(breached[known], level))


def coverage_tests(breached: BoolArray, level: float) -> CoverageTests:
    """Test breaches in order of time, shape (n,), of a value at risk with confidence `level`."""
    coverage, independence = kupiec(breached, level), christoffersen(breached)
    return CoverageTests(
        len(breached),
        int(np.count_nonzero(breached)),
        len(breached) * (1.0 - level),
        coverage,
        independence,
        _conditional(coverage, independence),
    )


def kupiec(breached: BoolArray, level: float) -> LikelihoodTest:
    """Test whether breaches came as often as announced: Kupiec's proportion of failures, chi-square with 1 degree.

    -2 ln of the likelihood of x breaches in n sessions at the announced rate 1 - level over that at x / n. No breach at
    all is a number too, -2 n ln(level): too few breaches also speak against a forecast. `no_session` without any.
    """
    sessions, count = len(breached), int(np.count_nonzero(breached))
    if sessions == 0:
        return LikelihoodTest("no_session", "no_session")
    quiet = sessions - count
    ratio = 2.0 * (_likelihood(quiet, count, count / sessions) - _likelihood(quiet, count, 1.0 - level))
    return _judged(ratio, 1)


def christoffersen(breached: BoolArray) -> LikelihoodTest:
    """Test whether a breach makes another the session after more or less likely: chi-square with 1 degree.

    -2 ln of the likelihood of the transitions at one common rate over that at one rate after a quiet session and
    another after a breach. Where one of the two rates was never seen there is nothing to compare: `no_breach`,
    `breach_in_the_last_session_alone`, `breach_in_all_but_the_last_session`; `fewer_than_two_sessions`.
    """
    if len(breached) < _FEWEST:
        return LikelihoodTest("fewer_than_two_sessions", "fewer_than_two_sessions")
    before, after = breached[:-1], breached[1:]
    if before.all() or not before.any():
        reason = _one_sided(breached)
        return LikelihoodTest(reason, reason)
    # How many sessions were quiet, and how many broke, after a quiet one and after a breach.
    counts = [_split(after[~before]), _split(after[before])]
    quiet, broken = (sum(side) for side in zip(*counts, strict=True))
    apart = sum(_likelihood(stayed, broke, broke / (stayed + broke)) for stayed, broke in counts)
    return _judged(2.0 * (apart - _likelihood(quiet, broken, broken / (quiet + broken))), 1)


def _split(breached: BoolArray) -> tuple[int, int]:
    """Return how many sessions were quiet, and how many broke."""
    broken = int(np.count_nonzero(breached))
    return len(breached) - broken, broken


def _one_sided(breached: BoolArray) -> str:
    """Say why all sessions but the last were alike."""
    if breached[0]:
        return "breach_in_every_session" if breached[-1] else "breach_in_all_but_the_last_session"
    return "breach_in_the_last_session_alone" if breached[-1] else "no_breach"


def _conditional(coverage: LikelihoodTest, independence: LikelihoodTest) -> LikelihoodTest:
    """Return the sum of both statistics, chi-square with 2 degrees; without one of them its reason."""
    for test in (coverage, independence):
        if isinstance(test.statistic, str):
            return test
    assert not isinstance(coverage.statistic, str)
    assert not isinstance(independence.statistic, str)
    return _judged(coverage.statistic + independence.statistic, 2)


def _likelihood(quiet: int, broken: int, rate: float) -> float:
    """Return the log likelihood of so many sessions without and with a breach; 0 ln 0 is 0."""
    without = quiet * math.log(1.0 - rate) if quiet else 0.0
    return without + (broken * math.log(rate) if broken else 0.0)


def _judged(statistic: float, degrees: int) -> LikelihoodTest:
    """Return the statistic with its tail of chi-square, which for 1 and 2 degrees has a closed form."""
    # The difference of two nearly equal logarithms may round to just below 0.
    ratio = max(statistic, 0.0)
    return LikelihoodTest(ratio, math.erfc(math.sqrt(ratio / 2.0)) if degrees == 1 else math.exp(-ratio / 2.0))
