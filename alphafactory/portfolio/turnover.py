"""How much a portfolio trades, and what that costs it.

Goes in: a simulation and its fills. Comes out: turnover by session and by year, and costs as return lost in a year.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from alphafactory.domain.arrays import DateArray, FloatArray
    from alphafactory.domain.results import Simulation
    from alphafactory.portfolio.fills import Fills
    from alphafactory.portfolio.outcomes import Outcome

_COSTS = ("commission", "slippage", "fees", "borrow")


@dataclass(frozen=True, slots=True)
class YearTurnover:
    """One calendar year: `turnover` is traded value, `drag` `costs` over the year's mean equity at the closes.

    `costs` are commission, slippage and fees of the year's fills, in money. NaN where mean equity is not above 0. A
    year in part is not blown up to a whole one.
    """

    year: int
    turnover: float
    costs: float
    drag: float


def session_turnover(fills: Fills, equity: FloatArray, initial_capital: float) -> FloatArray:
    """Return traded value over the equity at the close before (the starting cash at first), shape (n,).

    NaN where there was no equity. Buying everything with all cash is 1, and so is selling it again.
    """
    before = np.concatenate(([initial_capital], equity[:-1]))
    traded = np.bincount(fills.row, weights=fills.value, minlength=len(equity))
    return traded / np.where(before > 0.0, before, np.nan)


def turnover_by_year(fills: Fills, equity: FloatArray, sessions: DateArray) -> tuple[YearTurnover, ...]:
    """Return the trading of each calendar year, in order.

    Args:
        fills: of `fills.session_fills`.
        equity: shape (n,), at each close.
        sessions: shape (n,).
    """
    years = sessions.astype("datetime64[Y]").astype(np.int64) + 1970
    cost = fills.commission + fills.slippage + fills.fees
    found = []
    for year in np.unique(years):
        own = years[fills.row] == year
        mean = float(equity[years == year].mean())
        base = mean if mean > 0.0 else np.nan
        costs = float(cost[own].sum())
        found.append(YearTurnover(int(year), float(fills.value[own].sum()) / base, costs, costs / base))
    return tuple(found)


def cost_drag(simulation: Simulation, periods_per_year: int) -> Outcome:
    """Compute what costs took from the annual return: each cost over mean equity, times sessions in a year over n.

    Names are `commission`, `slippage`, `fees`, `borrow` (each followed by `_drag`) and their sum `cost_drag`; all
    positive. `turnover` is Σ |traded value| on the same terms. `no_equity` where mean equity is not above 0.
    """
    names = (*(f"{name}_drag" for name in _COSTS), "cost_drag", "turnover")
    mean = float(simulation.equity.mean())
    if mean <= 0.0:
        return dict.fromkeys(names, "no_equity")
    scale = periods_per_year / len(simulation.equity) / mean
    parts = [float(getattr(simulation, name)) * scale for name in _COSTS]
    return dict(zip(names, [*parts, sum(parts), simulation.traded_value * scale], strict=True))
