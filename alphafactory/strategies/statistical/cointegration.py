"""Tests many pairs for cointegration at once: the two steps of Engle and Granger.

Two series that wander each for itself are cointegrated where a mix of them does not. The steps, for all pairs together:

1. Regress y on x and a constant over the window: the slope is the hedge ratio, the residual is the spread.
2. Ask by an augmented Dickey-Fuller regression whether the spread returns to its mean. Its t-statistic is judged by
   MacKinnon's critical values for two variables, which allow for the hedge ratio having been chosen to make the spread
   look tame.

Each pair is a column of its own, so that it has the same answer whoever stands beside it.

Sources: Engle and Granger (1987), Co-integration and Error Correction, Econometrica 55(2). MacKinnon (2010), Critical
Values for Cointegration Tests, Queen's Economics Department Working Paper 1227, table 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray

CRITICAL_VALUES = {
    0.01: (-3.89644, -10.9519, -22.527),
    0.05: (-3.33613, -6.1101, -6.823),
    0.10: (-3.04445, -4.2412, -2.720),
}
"""Of each level the terms in 1, 1/T and 1/T² for two variables and a constant."""


class Regression(NamedTuple):
    """What the two steps found for each pair, every array of shape (pairs,).

    y = `intercept` + `slope` x + a spread, whose standard deviation is `deviation`; `statistic` is the Dickey-Fuller t
    of the spread, 0 where there is nothing to regress.
    """

    intercept: FloatArray
    slope: FloatArray
    deviation: FloatArray
    statistic: FloatArray


def engle_granger(y: FloatArray, x: FloatArray, lags: int) -> Regression:
    """Regress each column of `y` on that of `x`, both of shape (sessions, pairs), and test the residuals."""
    middle_y, middle_x = y.mean(axis=0), x.mean(axis=0)
    away_y, away_x = y - middle_y, x - middle_x
    slope = _ratio(_product(away_x, away_y), _product(away_x, away_x))
    spread = away_y - slope * away_x
    deviation = np.sqrt(_product(spread, spread) / (len(y) - 2))
    return Regression(middle_y - slope * middle_x, slope, deviation, dickey_fuller(spread, lags))


def dickey_fuller(spread: FloatArray, lags: int) -> FloatArray:
    """Return the augmented Dickey-Fuller t-statistic of columns with mean 0: (sessions, pairs) in, (pairs,) out.

    It is that of r in d[t] = r s[t-1] + c1 d[t-1] + ... + c_lags d[t-lags] + noise, d being the changes of s. What the
    earlier changes explain is taken out of d and s one by one, which leaves a regression on s alone (the theorem of
    Frisch, Waugh and Lovell) and needs no matrix that could be singular.
    """
    changes = np.diff(spread, axis=0)
    change, level = changes[lags:], spread[lags:-1]
    explained: list[FloatArray] = []
    for lag in range(1, lags + 1):
        explained.append(_unexplained(changes[lags - lag : -lag], explained))
    change, level = _unexplained(change, explained), _unexplained(level, explained)
    level_square = _product(level, level)
    rate = _ratio(_product(level, change), level_square)
    noise = change - rate * level
    variance = _product(noise, noise) / (len(change) - 1 - lags)
    return rate * np.sqrt(_ratio(level_square, variance))


def critical_value(level: float, sessions: int) -> float:
    """Return the t-statistic below which a spread of so many sessions counts as returning, at a level of 1% to 10%.

    Between the published levels it is interpolated in the logarithm of the level.
    """
    known = [terms[0] + terms[1] / sessions + terms[2] / sessions**2 for terms in CRITICAL_VALUES.values()]
    return float(np.interp(np.log(level), np.log(list(CRITICAL_VALUES)), known))


def _unexplained(values: FloatArray, explained: list[FloatArray]) -> FloatArray:
    """Return what is left of the columns beside columns that are orthogonal to each other."""
    for one in explained:
        values = values - _ratio(_product(one, values), _product(one, one)) * one
    return values


def _product(one: FloatArray, other: FloatArray) -> FloatArray:
    """Return the sums of the products of two columns, (pairs,): without BLAS, whose rounding varies with threads."""
    found: FloatArray = np.einsum("tp,tp->p", one, other)
    return found


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Divide, with 0 where there is nothing to divide by."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0.0)
