"""Forms pairs now and then, from the past alone.

Goes in: a market. Comes out: a list of formations, each of which rules from its session until the next. The steps:

1. The dates come from the calendar: the last session of every so many months, counted from year 0, wherever history
   starts.
2. A symbol is a candidate when it is a member then and has a close in every session of the window.
3. Two candidates are looked at when they share a sector and their returns over the window are correlated enough: one
   product of matrices. All 79,800 pairs of 400 symbols are too many to test, and would bring thousands of accidents.
4. They are a pair when the test of cointegration rejects whichever of the two is the dependent one, which no order of
   symbols can change; the direction that rejects more clearly gives the hedge ratio.
5. The clearest are kept.

Sources: Gatev, Goetzmann and Rouwenhorst (2006), Pairs Trading, Review of Financial Studies 19(3), for forming and
trading in turn; Vidyamurthy (2004), Pairs Trading: Quantitative Methods and Analysis, for cointegrated log prices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.plugins import Parameter
from alphafactory.errors import UsageError
from alphafactory.strategies.statistical.cointegration import Regression, critical_value, engle_granger
from alphafactory.strategies.statistical.cross_section import LONGEST_MONTH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alphafactory.domain.arrays import BoolArray, FloatArray, IntArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import StrategyParameters

PAIR_PARAMETERS = {
    "window": Parameter(252, 60, 504, "sessions from which pairs are formed"),
    "months": Parameter(3, 1, 12, "months between formations"),
    "correlation": Parameter(0.6, 0.0, 0.95, "least correlation of the returns of a pair"),
    "level": Parameter(0.05, 0.01, 0.1, "level of significance of the test of cointegration"),
    "lags": Parameter(1, 0, 5, "earlier changes in the Dickey-Fuller regression"),
    "pairs": Parameter(10, 1, 50, "most pairs at a time; each has an equal share of the equity"),
    "enter": Parameter(2.0, 0.5, 4.0, "standard deviations from the mean at which a spread is traded"),
    "leave": Parameter(0.5, 0.0, 2.0, "standard deviations from the mean at which the trade ends well"),
    "stop": Parameter(4.0, 2.0, 10.0, "standard deviations from the mean at which it ends badly"),
}
SMALLEST_DEVIATION = 1e-4
"""Of a spread of log prices: one that moves a hundredth of a percent is one thing listed twice, not a trade."""
_AT_ONCE = 500
"""Pairs tested together: their windows fit into a processor's cache."""


@dataclass(frozen=True, slots=True)
class Formation:
    """The pairs of one date; arrays of shape (pairs,).

    They are traded from `row` to before `end`, by the windows of the `window` rows up to `row`. `y` and `x` are columns
    of the market, `since` is the row of the formation before where the pair was formed then, too, else `row`.
    """

    row: int
    end: int
    y: IntArray
    x: IntArray
    since: IntArray
    regression: Regression


def check_pairs(name: str, params: StrategyParameters) -> None:
    """Refuse thresholds that do not lie in order."""
    if not params["leave"] < params["enter"] < params["stop"]:
        raise UsageError(
            f"The strategy '{name}' wants leave < enter < stop, not leave={params['leave']:g}, "
            f"enter={params['enter']:g} and stop={params['stop']:g}. Set for example leave=0.5 enter=2 stop=4."
        )


def settling_of_pairs(params: StrategyParameters) -> int:
    """Return the sessions until formation and the one before it see whole windows."""
    return int(params["window"]) + 2 * LONGEST_MONTH * int(params["months"])


def log_closes(view: MarketView) -> FloatArray:
    """Return the logarithms of the closes, shape (sessions, symbols), NaN where there is no price."""
    close = np.ascontiguousarray(view.close)
    return np.log(close, out=np.full(close.shape, np.nan), where=close > 0.0)


def formations(view: MarketView, prices: FloatArray, params: StrategyParameters) -> Iterator[Formation]:
    """Yield the formations that found pairs, in order of time; `prices` are the logarithms of the closes."""
    months = view.sessions.astype("datetime64[M]").astype(np.int64) + 1
    due = np.flatnonzero(view.last_of("M") & (months % int(params["months"]) == 0))
    due = due[due >= int(params["window"]) - 1]
    before: dict[tuple[int, int], int] = {}
    for row, end in zip(due, np.append(due, len(prices))[1:], strict=True):
        y, x, regression = form_pairs(view, prices, int(row), params)
        since = np.array([before.get((a, b), row) for a, b in zip(y, x, strict=True)], dtype=np.int64)
        if len(y):
            yield Formation(int(row), int(end), y, x, since, regression)
        before = {(a, b): int(row) for one, other in zip(y, x, strict=True) for a, b in ((one, other), (other, one))}


def form_pairs(
    view: MarketView, prices: FloatArray, row: int, params: StrategyParameters
) -> tuple[IntArray, IntArray, Regression]:
    """Return the pairs of one row, the clearest first: columns of y and of x, and their regressions."""
    window = prices[row + 1 - int(params["window"]) : row + 1]
    known = ~np.isnan(window).any(axis=0)
    if view.member is not None:
        known &= view.member[row]
    columns = np.flatnonzero(known)
    closes = window[:, columns]
    one, other = np.nonzero(np.triu(_alike(closes, params["correlation"]) & _neighbours(view, columns), k=1))
    direction, found, statistic = _tested(closes, one, other, int(params["lags"]))
    clear = statistic < critical_value(params["level"], len(window) - 1)
    good = np.flatnonzero(clear & (found.slope > 0.0) & (found.deviation > SMALLEST_DEVIATION))
    best = good[np.argsort(statistic[good], kind="stable")[: int(params["pairs"])]]
    y, x = np.where(direction, one, other)[best], np.where(direction, other, one)[best]
    return columns[y], columns[x], Regression(*(values[best] for values in found))


def _alike(closes: FloatArray, correlation: float) -> BoolArray:
    """Return whose returns are correlated at least so much, (symbols, symbols).

    This product may round its last bit as the threads of BLAS like; it decides who is looked at, never an estimate.
    """
    returns = np.diff(closes, axis=0)
    returns -= returns.mean(axis=0)
    length = np.sqrt(np.einsum("ts,ts->s", returns, returns))
    returns = np.divide(returns, length, out=np.zeros_like(returns), where=length > 0.0)
    found: BoolArray = (returns.T @ returns >= correlation) & (length > 0.0) & (length > 0.0)[:, None]
    return found


def _neighbours(view: MarketView, columns: IntArray) -> BoolArray:
    """Return who shares a sector, (symbols, symbols); symbols without one are neighbours of each other."""
    if not view.sectors:
        return np.ones((len(columns), len(columns)), dtype=np.bool_)
    numbers = {sector: number for number, sector in enumerate(dict.fromkeys(view.sectors))}
    codes = np.array([numbers[sector] for sector in view.sectors])[columns]
    found: BoolArray = codes[:, None] == codes
    return found


def _tested(closes: FloatArray, one: IntArray, other: IntArray, lags: int) -> tuple[BoolArray, Regression, FloatArray]:
    """Test pairs of columns both ways: whether `one` is y, the clearer regression, the less clear statistic."""
    starts = range(0, max(len(one), 1), _AT_ONCE)
    places = [slice(start, start + _AT_ONCE) for start in starts]
    forward = _joined([engle_granger(closes[:, one[at]], closes[:, other[at]], lags) for at in places])
    backward = _joined([engle_granger(closes[:, other[at]], closes[:, one[at]], lags) for at in places])
    ahead: BoolArray = forward.statistic <= backward.statistic
    clearer = Regression(*(np.where(ahead, a, b) for a, b in zip(forward, backward, strict=True)))
    return ahead, clearer, np.maximum(forward.statistic, backward.statistic)


def _joined(parts: list[Regression]) -> Regression:
    return Regression(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
