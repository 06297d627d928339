"""Who earned an account's return, and who made its risk.

Goes in: a simulation with the prices it was marked at, and what the sleeves wished. Comes out: profit by session and
symbol, sector or sleeve, whose sums are the account's; and volatility divided among them, which adds up to the whole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.portfolio.exposure import values
from alphafactory.portfolio.fills import session_fills
from alphafactory.portfolio.outcomes import ZERO_VOLATILITY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.arrays import DateArray, FloatArray
    from alphafactory.domain.results import Simulation

_FEWEST = 2


@dataclass(frozen=True, slots=True)
class ReturnParts:
    """The total return and its parts: shares of the starting cash.

    `parts` has shape (k,); `rest` is what no part earned, interest on cash. parts + rest = total, to rounding.
    """

    total: float
    parts: FloatArray
    rest: float


@dataclass(frozen=True, slots=True)
class VolatilityParts:
    """The annual volatility and its parts, shape (k,), which add up to it. A part that hedges is negative."""

    total: float
    parts: FloatArray


def session_profits(
    simulation: Simulation, prices: FloatArray, dividends: FloatArray, sessions: DateArray
) -> FloatArray:
    """Return each symbol's profit in each session after all costs, dividends and borrow, shape (n, m).

    Position of the close before times the change of price, plus quantity times (close - fill price) of each fill, less
    its commission and fees, plus dividends, less borrow. A trade's borrow is divided by what was short on which days,
    as it accrued. Summed over symbols it is the session's change of equity less interest on cash; summed over sessions
    it is the symbol's trades.

    Args:
        simulation: whose profits these are.
        prices: shape (n, m), adjusted, at which each symbol is marked: the last known close, NaN before the first.
        dividends: shape (n, m), cash per adjusted share by ex-date, 0 where there is none.
        sessions: shape (n,).

    Raises:
        SimulationError: a position without a price.
    """
    worth = values(simulation.positions, prices)
    before = np.zeros_like(simulation.positions)
    before[1:] = simulation.positions[:-1]
    profits = values(before, prices) + before * dividends
    profits[1:] -= worth[:-1]
    fills = session_fills(simulation)
    gained = fills.quantity * (prices[fills.row, fills.symbol] - fills.price) - fills.commission - fills.fees
    np.add.at(profits, (fills.row, fills.symbol), gained)
    _book_borrow(profits, simulation, worth, sessions)
    return profits


def by_group(columns: FloatArray, labels: Sequence[str]) -> tuple[tuple[str, ...], FloatArray]:
    """Return the names of the groups in alphabetical order, and the columns (n, m) added by group, shape (n, k)."""
    names = tuple(sorted(set(labels)))
    belongs = np.array([[label == name for name in names] for label in labels], float).reshape(len(labels), len(names))
    return names, columns @ belongs


def by_sleeve(profits: FloatArray, positions: FloatArray, wishes: FloatArray) -> FloatArray:
    """Divide each symbol's profit in each session among the sleeves, shape (n, sleeves + 1).

    It belongs to the sleeves whose wish at the close before was on the side of the position, in proportion to their
    wishes; a sleeve that wished the opposite made the position smaller, and neither earned nor lost by it. Where no
    sleeve is on its side, those of the session's own close count if the position began in it (fills at the close just
    seen), else those last known (the position outlives its signal), else nobody: the last column. Rows add up to those
    of `profits`.

    Args:
        profits: shape (n, m), as of `session_profits`.
        positions: shape (n, m), held at each close.
        wishes: shape (sleeves, n, m), capital share times target, known at each close.
    """
    sleeves, sessions, symbols = wishes.shape
    found = np.zeros((sessions, sleeves + 1))
    owners = np.zeros((sleeves, symbols))
    for row in range(sessions):
        before = wishes[:, max(row - 1, 0)]
        held = np.sign(positions[max(row - 1, 0)])
        side = np.where(held != 0.0, held, np.sign(positions[row]))
        side = np.where(side != 0.0, side, np.sign(before.sum(axis=0)))
        at_close = np.where(held == 0.0, wishes[:, row], 0.0)
        owners = _owners(side * before, _owners(side * at_close, owners))
        found[row, :sleeves] = owners @ profits[row]
        found[row, sleeves] = (1.0 - owners.sum(axis=0)) @ profits[row]
    return found


def return_parts(profits: FloatArray, equity: FloatArray, initial_capital: float) -> ReturnParts:
    """Divide the total return by what the columns of `profits` (n, k) earned, as shares of the starting cash."""
    total = float(equity[-1]) / initial_capital - 1.0
    parts = profits.sum(axis=0) / initial_capital
    return ReturnParts(total, parts, total - float(parts.sum()))


def daily_parts(profits: FloatArray, equity: FloatArray, initial_capital: float) -> FloatArray:
    """Return profits (n, k) as shares of the equity at the close before, shape (n, k); 0 once there is none.

    The first session's are shares of the starting cash. Without interest rows add up to the account's returns.
    """
    before = np.concatenate(([initial_capital], equity[:-1]))
    return np.where(before[:, None] > 0.0, profits / np.where(before > 0.0, before, 1.0)[:, None], 0.0)


def volatility_parts(parts: FloatArray, periods_per_year: int) -> VolatilityParts | str:
    """Divide the annual volatility of a sum of returns among its summands: covariance with the sum over its deviation.

    Of what was: `parts` from `daily_parts`, by symbol, sector or sleeve. Of what is held now: weights times the
    symbols' returns. Sample covariances (n - 1).

    Args:
        parts: shape (n, k), the summands of each session's return. Sessions with a NaN are left out.
        periods_per_year: sessions in a year.
    """
    known = parts[np.isfinite(parts).all(axis=1)]
    if len(known) < _FEWEST:
        return "fewer_than_two_returns"
    centred = known - known.mean(axis=0)
    whole = centred.sum(axis=1)
    deviation = math.sqrt(float(whole @ whole) / (len(known) - 1))
    if deviation < ZERO_VOLATILITY:
        return "zero_volatility"
    annual = math.sqrt(periods_per_year)
    return VolatilityParts(deviation * annual, (whole @ centred) / ((len(known) - 1) * deviation) * annual)


def _owners(agreeing: FloatArray, before: FloatArray) -> FloatArray:
    """Return each sleeve's share of each symbol, shape (sleeves, m); that of before where no sleeve agrees."""
    with_it = np.maximum(np.nan_to_num(agreeing), 0.0)
    total = with_it.sum(axis=0)
    return np.where(total > 0.0, with_it / np.where(total > 0.0, total, 1.0), before)


def _book_borrow(profits: FloatArray, simulation: Simulation, worth: FloatArray, sessions: DateArray) -> None:
    """Take each trade's borrow off the sessions in which it accrued: what was short over the days since the close."""
    days = np.diff(sessions).astype("timedelta64[D]").astype(np.float64)
    trades = simulation.trades
    for number in np.flatnonzero(trades.borrow):
        first, symbol = int(trades.entry_row[number]), int(trades.symbol[number])
        last = int(trades.exit_row[number]) if trades.exit_row[number] >= 0 else len(sessions) - 1
        accrued = -worth[first:last, symbol] * days[first:last]
        profits[first + 1 : last + 1, symbol] -= trades.borrow[number] * accrued / accrued.sum()
