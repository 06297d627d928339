"""The prices that living entries wait for: a simulation's rows of orders do not keep them, so they are told again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from alphafactory.domain.bars import Bars
    from alphafactory.pipeline.portfolio_account import Account

_ATR = 14


@dataclass(frozen=True, slots=True)
class Waiting:
    """What an entry waits for, on the adjusted basis: `kind` as in a broker, NaN for a price that it has not.

    `price` is where it would fill: the stop, or the limit where there is none or the stop has been reached before.
    """

    kind: str
    limit: float
    stop: float

    @property
    def price(self) -> float:
        """Where the order would fill."""
        return self.limit if math.isnan(self.stop) else self.stop


def waiting_price(account: Account, column: int, decided: int, kind: str, side: float) -> Waiting | None:
    """Return what the entry of a symbol waits for, decided at the close of row `decided`; None where none is known."""
    limit, stop = (
        math.nan if array is None else float(array[decided, column])
        for array in (account.signals.entry_limit, account.signals.entry_stop)
    )
    if math.isnan(limit) and math.isnan(stop):
        limit, stop = _of_settings(account, column, decided, kind, side)
    if math.isnan(limit) and math.isnan(stop):
        return None
    if not math.isnan(stop) and not math.isnan(limit) and _reached(account, column, decided, stop, side):
        stop = math.nan  # triggered, it is a limit from then on
    word = "limit" if math.isnan(stop) else "stop_market" if math.isnan(limit) else "stop_limit"
    return Waiting(word, limit, stop)


def _of_settings(account: Account, column: int, decided: int, kind: str, side: float) -> tuple[float, float]:
    """Return limit and stop as `entry` of the settings sets them, from the close of the decision."""
    entry, bars = account.settings.entry, account.bars[column]
    row = int(np.searchsorted(bars.sessions, account.sessions[decided]))
    if row == len(bars) or bars.sessions[row] != account.sessions[decided] or entry.value is None:
        return math.nan, math.nan
    close = float(bars.close[row])
    distance = entry.value * (_average_true_range(bars, row) if entry.unit == "atr" else close)
    if kind == "limit":
        return close - side * distance, math.nan
    stop = close + side * distance
    return (stop * (1.0 + side * entry.options["limit"]) if kind == "stop_limit" else math.nan), stop


def _reached(account: Account, column: int, decided: int, stop: float, side: float) -> bool:
    """Whether a bar since the decision has reached the stop."""
    bars = account.bars[column]
    since = bars.sessions > account.sessions[decided]
    return bool((bars.high[since] >= stop).any() if side > 0.0 else (bars.low[since] <= stop).any())


def _average_true_range(bars: Bars, row: int) -> float:
    """Return Wilder's average true range of 14 bars at a row, NaN before row 14."""
    if row < _ATR:
        return math.nan
    before = bars.close[:row]
    high, low = bars.high[1 : row + 1], bars.low[1 : row + 1]
    ranges = np.maximum(high, before) - np.minimum(low, before)
    average = float(ranges[:_ATR].mean())
    for true_range in ranges[_ATR:].tolist():
        average = ((_ATR - 1) * average + true_range) / _ATR
    return average
