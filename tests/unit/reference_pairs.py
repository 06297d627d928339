"""Pairs trading written plainly: one pair at a time, one session after the other, least squares by the textbook."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import StrategyParameters

LEVELS = {0.01: (-3.89644, -10.9519, -22.527), 0.05: (-3.33613, -6.1101, -6.823), 0.1: (-3.04445, -4.2412, -2.72)}
"""MacKinnon (2010), two variables, constant."""


@dataclass
class PlainPair:
    statistic: float
    y: int
    x: int
    intercept: float
    slope: float
    deviation: float


def plain_dickey_fuller(spread: FloatArray, lags: int) -> float:
    """The t-statistic of the level in one multiple regression, its variance from the inverse of the whole matrix."""
    changes = np.diff(spread)
    rows = range(lags, len(changes))
    design = np.array([[spread[t], *(changes[t - lag] for lag in range(1, lags + 1))] for t in rows])
    wanted = changes[lags:]
    found, *_ = np.linalg.lstsq(design, wanted, rcond=None)
    error = wanted - design @ found
    variance = error @ error / (len(wanted) - design.shape[1])
    return float(found[0] / math.sqrt(variance * np.linalg.inv(design.T @ design)[0, 0]))


def plain_engle_granger(y: FloatArray, x: FloatArray, lags: int) -> tuple[float, float, float, float]:
    """Intercept, slope, deviation and statistic of one pair."""
    design = np.column_stack([np.ones(len(x)), x])
    (intercept, slope), *_ = np.linalg.lstsq(design, y, rcond=None)
    spread = y - intercept - slope * x
    deviation = math.sqrt(spread @ spread / (len(y) - 2))
    return float(intercept), float(slope), deviation, plain_dickey_fuller(spread, lags)


def plain_formation(view: MarketView, row: int, params: StrategyParameters) -> list[PlainPair]:
    """The pairs of one row, the clearest first."""
    first = row + 1 - int(params["window"])
    prices = np.log(view.close[first : row + 1])
    member = np.ones(view.close.shape, dtype=bool) if view.member is None else view.member
    there = [k for k in range(prices.shape[1]) if member[row, k] and np.isfinite(prices[:, k]).all()]
    level = np.interp(
        math.log(params["level"]),
        np.log(list(LEVELS)),
        [a + b / (len(prices) - 1) + c / (len(prices) - 1) ** 2 for a, b, c in LEVELS.values()],
    )
    found = []
    for one, other in combinations(there, 2):
        alike = np.corrcoef(np.diff(prices[:, one]), np.diff(prices[:, other]))[0, 1] >= params["correlation"]
        if not alike or view.sectors[one] != view.sectors[other]:
            continue
        ways = [
            (plain_engle_granger(prices[:, y], prices[:, x], int(params["lags"])), y, x)
            for y, x in ((one, other), (other, one))
        ]
        (intercept, slope, deviation, _), y, x = min(ways, key=lambda way: way[0][3])
        statistic = max(way[0][3] for way in ways)
        if statistic < level and slope > 0.0 and deviation > 1e-4:
            found.append(PlainPair(statistic, y, x, intercept, slope, deviation))
    return sorted(found, key=lambda pair: pair.statistic)[: int(params["pairs"])]


def plain_dates(view: MarketView, params: StrategyParameters) -> list[int]:
    """Rows in which pairs are formed."""
    assert view.next_sessions is not None
    found = []
    for row, (day, following) in enumerate(zip(view.sessions.tolist(), view.next_sessions.tolist(), strict=True)):
        months = (day.year - 1970) * 12 + day.month
        last = (day.year, day.month) != (following.year, following.month)
        if last and months % int(params["months"]) == 0 and row + 1 >= params["window"]:
            found.append(row)
    return found


def plain_position(before: int, barred: bool, away: float, params: StrategyParameters) -> tuple[int, bool]:
    """The position after a session, and whether the pair is to be left alone."""
    if math.isnan(away):
        return 0, barred
    if abs(away) > params["stop"]:
        barred = True
    elif abs(away) < params["leave"]:
        barred = False
    if barred or (before == 1 and away > -params["leave"]) or (before == -1 and away < params["leave"]):
        before = 0
    if not barred and abs(away) > params["enter"]:
        before = -1 if away > 0.0 else 1
    return before, barred


def plain_cointegration_pairs(view: MarketView, params: StrategyParameters) -> FloatArray:
    """The whole strategy."""
    member = np.ones(view.close.shape, dtype=bool) if view.member is None else view.member
    target, dates = np.zeros(view.close.shape), plain_dates(view, params)
    before: dict[frozenset[int], int] = {}
    for row, end in zip(dates, [*dates[1:], len(target)], strict=True):
        pairs = plain_formation(view, row, params)
        for pair in pairs:
            share = 1.0 / params["pairs"] / (1.0 + pair.slope)
            position, barred = 0, False
            for t in range(before.get(frozenset((pair.y, pair.x)), row), end):
                y, x = view.close[t, pair.y], view.close[t, pair.x]
                spread = math.log(y) - pair.intercept - pair.slope * math.log(x)
                both = member[t, pair.y] and member[t, pair.x]
                position, barred = plain_position(
                    position, barred, spread / pair.deviation if both else math.nan, params
                )
                if t >= row:
                    target[t, pair.y] += position * share
                    target[t, pair.x] -= position * share * pair.slope
        before = {frozenset((pair.y, pair.x)): row for pair in pairs}
    return target


def plain_kalman(y: FloatArray, x: FloatArray, slope: float, drift: float) -> tuple[list[float], list[float]]:
    """The textbook's filter with matrices: predict, then update where both prices are known."""
    state, variance = np.array([0.0, slope]), np.eye(2)
    surprises, slopes = [], []
    for one, other in zip(y, x, strict=True):
        variance = variance + drift * np.eye(2)
        if math.isnan(one) or math.isnan(other):
            surprises.append(math.nan)
        else:
            seen = np.array([1.0, other])
            expected = seen @ variance @ seen + 1.0
            gain = variance @ seen / expected
            error = one - seen @ state
            state = state + gain * error
            variance = (np.eye(2) - np.outer(gain, seen)) @ variance
            surprises.append(error / math.sqrt(expected))
        slopes.append(float(state[1]))
    return surprises, slopes


def plain_kalman_pairs(view: MarketView, params: StrategyParameters) -> FloatArray:
    """The whole strategy."""
    member = np.ones(view.close.shape, dtype=bool) if view.member is None else view.member
    target, dates, window = np.zeros(view.close.shape), plain_dates(view, params), int(params["window"])
    before: dict[frozenset[int], int] = {}
    for row, end in zip(dates, [*dates[1:], len(target)], strict=True):
        pairs, first = plain_formation(view, row, params), row + 1 - window
        for pair in pairs:
            y, x = np.log(view.close[first:end, pair.y]), np.log(view.close[first:end, pair.x])
            own = x[:window].std(ddof=1)
            unit = pair.deviation / own
            surprises, slopes = plain_kalman(
                (y - y[:window].mean()) / pair.deviation, (x - x[:window].mean()) / own, pair.slope / unit,
                params["drift"],
            )  # fmt: skip
            position, barred, slope = 0, False, 0.0
            for t in range(before.get(frozenset((pair.y, pair.x)), row), end):
                usable = member[t, pair.y] and member[t, pair.x] and slopes[t - first] > 0.0
                was, away = position, surprises[t - first] if usable else math.nan
                position, barred = plain_position(position, barred, away, params)
                if position != was:
                    slope = slopes[t - first] * unit
                if t >= row:
                    share = position / params["pairs"] / (1.0 + slope)
                    target[t, pair.y] += share
                    target[t, pair.x] -= share * slope
        before = {frozenset((pair.y, pair.x)): row for pair in pairs}
    return target
