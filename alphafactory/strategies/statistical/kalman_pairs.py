"""Pairs trading with a hedge ratio that a Kalman filter follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.plugins import Parameter
from alphafactory.strategies.base import Strategy
from alphafactory.strategies.statistical.pair_formation import (
    PAIR_PARAMETERS,
    check_pairs,
    formations,
    log_closes,
    settling_of_pairs,
)
from alphafactory.strategies.statistical.pair_trading import add_pairs, legs, positions, tradable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.arrays import BoolArray, FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import Scope, StrategyParameters
    from alphafactory.strategies.statistical.pair_formation import Formation


class KalmanPairs(Strategy):
    """Long the cheap and short the dear of two cointegrated shares, by a hedge ratio learnt from session to session."""

    name = "kalman_pairs"
    title = "Pairs by a Kalman filter"
    idea = (
        "How much of one company hedges another changes slowly with their businesses. A regression over a fixed window "
        "learns it late and forgets it at once; a Kalman filter weighs each session by how much is still uncertain. "
        "What it did not foresee of today's price is the mispricing, measured in its own expected error, and is "
        "expected to go away."
    )
    source = (
        "Kalman (1960), A New Approach to Linear Filtering and Prediction Problems, Journal of Basic Engineering "
        "82(1); Elliott, van der Hoek and Malcolm (2005), Pairs Trading, Quantitative Finance 5(3); Chan (2013), "
        "Algorithmic Trading: Winning Strategies and Their Rationale, chapter 3."
    )
    fails_when = (
        "The ratio jumps, as after a merger: the filter calls it a mispricing until it has learnt. With too much drift "
        "it explains every mispricing away before it pays, with too little it is a late regression. It shares the "
        "accidents, the crowding and the double costs of all pairs."
    )
    group = "statistical"
    scope: ClassVar[Scope] = "universe"
    parameters: ClassVar[Mapping[str, Parameter]] = {
        **PAIR_PARAMETERS,
        "drift": Parameter(
            1e-5, 1e-7, 1e-2, "variance by which level and ratio change a session, in that of the noise"
        ),
    }

    @classmethod
    def check(cls, params: StrategyParameters) -> None:
        """Refuse thresholds that do not lie in order."""
        check_pairs(cls.name, params)

    @classmethod
    def settling(cls, params: StrategyParameters) -> int:
        """Return the sessions of two formations; the filter begins with the window of its own."""
        return settling_of_pairs(params)

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:
        """Return the weights of the symbols; a pair keeps those of its entry."""
        target, prices = np.zeros(view.close.shape), log_closes(view)
        formed = list(formations(view, prices, params))
        for formation, (surprise, slope) in zip(formed, _filtered(prices, formed, params), strict=True):
            usable = tradable(view, formation, formation.row + 1 - int(params["window"]))
            held = positions(surprise, usable & (slope > 0.0), params)
            y, x = legs(_at_entry(slope, held), 1.0 / params["pairs"])
            rows = slice(int(params["window"]) - 1, None)
            add_pairs(target, formation, (held * y)[rows], (held * x)[rows])
        return target


@dataclass(frozen=True, slots=True)
class Filtered:
    """What the filter says of each row and pair, arrays of shape (rows, pairs); NaN where a price is missing.

    `surprise` is what it did not foresee of y, in expected errors; `slope` is the ratio after the row.
    """

    surprise: FloatArray
    slope: FloatArray


def kalman(y: FloatArray, x: FloatArray, slope: FloatArray, drift: float) -> Filtered:
    """Follow level and slope of y = level + slope x + noise of variance 1, both walking at random.

    Args:
        y: shape (rows, pairs), in deviations of the noise around its mean.
        x: the same, in deviations of its own around its mean.
        slope: where the slope begins, shape (pairs,). The level begins at 0, both with a variance of 1.
        drift: variance of a step of each.
    """
    known = ~(np.isnan(y) | np.isnan(x))
    y, x = np.where(known, y, 0.0), np.where(known, x, 0.0)
    surprises, slopes = np.empty(y.shape), np.empty(y.shape)
    level, slope = np.zeros(y.shape[1]), slope.copy()
    level_variance, slope_variance, covariance = np.ones_like(level), np.ones_like(level), np.zeros_like(level)
    for row in range(len(y)):
        level_variance += drift
        slope_variance += drift
        error = y[row] - level - slope * x[row]
        with_level = level_variance + covariance * x[row]
        with_slope = covariance + slope_variance * x[row]
        expected = with_level + with_slope * x[row] + 1.0
        to_level, to_slope = known[row] * with_level / expected, known[row] * with_slope / expected
        level += to_level * error
        slope += to_slope * error
        level_variance -= to_level * with_level
        slope_variance -= to_slope * with_slope
        covariance -= to_level * with_slope
        surprises[row], slopes[row] = error / np.sqrt(expected), slope
    return Filtered(np.where(known, surprises, np.nan), slopes)


def _filtered(
    prices: FloatArray, formed: list[Formation], params: StrategyParameters
) -> list[tuple[FloatArray, FloatArray]]:
    """Return surprises and slopes of each formation from the start of its window to its end, (rows, pairs).

    All formations go through the filter together, each from the start of its own window on: a loop over a window of
    many columns costs little more than one over few.
    """
    if not formed:
        return []
    window = int(params["window"])
    longest = window + max(formation.end - formation.row for formation in formed) - 1
    parts = [_scaled(prices, formation, window, longest) for formation in formed]
    y, x, slope, unit = (np.concatenate([part[k] for part in parts], axis=-1) for k in range(4))
    found = kalman(y, x, slope, params["drift"])
    lasts = np.cumsum([len(formation.y) for formation in formed])[:-1]
    surprises, slopes = np.split(found.surprise, lasts, axis=1), np.split(found.slope * unit, lasts, axis=1)
    lengths = [window + formation.end - formation.row - 1 for formation in formed]
    return [(a[:n], b[:n]) for a, b, n in zip(surprises, slopes, lengths, strict=True)]


def _scaled(
    prices: FloatArray, formation: Formation, window: int, length: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return y and x, (length, pairs), the slope in their units, and what a slope of 1 is in those of prices.

    The units are those of the window, so that one drift fits all: y in deviations of the spread, x in deviations of its
    own, both around their means. Beyond the formation's end is nothing.
    """
    first = formation.row + 1 - window
    both = (formation.y, formation.x)
    past = np.stack([prices[first : formation.row + 1, one] for one in both])
    rows = np.full((2, length, len(formation.y)), np.nan)
    rows[:, : formation.end - first] = [prices[first : formation.end, one] for one in both]
    rows -= past.mean(axis=1, keepdims=True)
    spread, own = formation.regression.deviation, past[1].std(axis=0, ddof=1)
    return rows[0] / spread, rows[1] / own, formation.regression.slope * own / spread, spread / own


def _at_entry(slope: FloatArray, held: FloatArray) -> FloatArray:
    """Return in each row the slope of the row in which the position of that row began, (rows, pairs)."""
    begins: BoolArray = held != np.vstack([np.zeros((1, held.shape[1])), held[:-1]])
    began = np.maximum.accumulate(np.where(begins, np.arange(len(held))[:, None], 0), axis=0)
    return np.take_along_axis(slope, began, axis=0)
