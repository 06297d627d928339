"""Judges what a simulation is given.

Goes in: bars and targets from anywhere. Comes out: float64 arrays of our own that the kernel can trust, or a
`SimulationError` that names the symbol, the session and the value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.errors import SimulationError

if TYPE_CHECKING:
    from alphafactory.domain.arrays import DateArray, FloatArray
    from alphafactory.domain.bars import Bars

_COLUMNS = ("open", "high", "low", "close", "volume", "split_factor", "dividends")
_MAY_BE_ZERO = ("volume", "dividends")


def judged_market(bars: Bars, name: str) -> FloatArray:
    """Return open, high, low, close, volume, split_factor and dividends as the rows of an array (7, sessions).

    Raises:
        SimulationError: no bars, lengths that differ, sessions out of order, or an impossible value.
    """
    sessions = bars.sessions
    if len(sessions) == 0:
        raise SimulationError(f"{_of(name)}there are no bars to simulate. Choose a period in which the symbol traded.")
    disorder = sessions[1:] <= sessions[:-1]
    if disorder.any():
        raise SimulationError(
            f"{_of(name)}session {sessions[1:][disorder][0]} is not after the session before it. "
            "Sort the bars and drop duplicates."
        )
    market = np.array([_column(getattr(bars, column), column, sessions, name) for column in _COLUMNS])
    least = market.min(axis=1)
    # NaN makes every comparison false, so what is asked is that the values are good.
    if not (least[:4].min() > 0.0 and least[4:].min() >= 0.0 and least[5] > 0.0 and market.max() < np.inf):
        raise _impossible(market, sessions, name)
    return market


def judged_target(target: FloatArray, sessions: DateArray, name: str) -> tuple[FloatArray, int]:
    """Return the target, shape (sessions,), with NaN made flat, and the number of NaN.

    Raises:
        SimulationError: a length other than the bars', or a target outside [-1, 1].
    """
    values = _column(target, "target", sessions, name)
    missing = np.isnan(values)
    count = int(np.count_nonzero(missing))
    if count:
        values = np.where(missing, 0.0, values)
    if np.abs(values).max() > 1.0:
        row = int(np.argmax(np.abs(values) > 1.0))
        raise SimulationError(
            f"{_of(name)}the target of {sessions[row]} is {values[row]:g}. "
            "A target lies between -1 (all short) and 1 (all long)."
        )
    return values, count


def _impossible(market: FloatArray, sessions: DateArray, name: str) -> SimulationError:
    """Build the error of the first impossible value, column by column."""
    zero_allowed = np.isin(_COLUMNS, _MAY_BE_ZERO)[:, np.newaxis]
    good = np.isfinite(market) & ((market > 0.0) | (zero_allowed & (market == 0.0)))
    column, row = np.argwhere(~good)[0]
    wanted = "0 or more" if _COLUMNS[column] in _MAY_BE_ZERO else "above 0"
    return SimulationError(
        f"{_of(name)}{_COLUMNS[column]} of {sessions[row]} is {market[column, row]:g}; it must be {wanted}. "
        "Quarantine the bar or correct its source."
    )


def _column(values: FloatArray, column: str, sessions: DateArray, name: str) -> FloatArray:
    array: FloatArray = np.ascontiguousarray(values, dtype=np.float64)
    if array.shape != sessions.shape:
        raise SimulationError(
            f"{_of(name)}{column} has shape {array.shape} for {len(sessions)} sessions. Give one number a session."
        )
    return array


def _of(name: str) -> str:
    return f"{name}: " if name else ""
