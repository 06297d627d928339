"""How much capital a portfolio could run on before its own orders are too large for its markets.

Goes in: fills and volumes. Comes out: the capital at which fills would reach a share of the bars' volume.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.errors import UsageError

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray
    from alphafactory.portfolio.fills import Fills
    from alphafactory.portfolio.outcomes import Number


@dataclass(frozen=True, slots=True)
class Capacity:
    """Capital in account currency. `by_symbol` has shape (m,), NaN for symbols without a fill.

    `median` and `worst` are over the symbols that traded; `worst_symbol` is a column, -1 without any.
    """

    median: Number
    worst: Number
    worst_symbol: int
    by_symbol: FloatArray


def capacity(
    fills: Fills,
    volume: FloatArray,
    equity: FloatArray,
    initial_capital: float,
    *,
    participation: float = 0.05,
    exceeding: float = 0.05,
) -> Capacity:
    """Estimate the capital at which the portfolio's fills would reach `participation` of their bars' volume.

    One fill: participation * volume * E / |quantity|, E the equity at the close before, for a fill grows with the
    capital. One symbol: the quantile `exceeding` of its fills' capitals, at which all but that share of them stay
    within the participation. All fills of a symbol in one session count as one.

    Assumptions: weights do not change with capital; a price impact that the simulation did not charge stays uncharged;
    volume of the bar is all there is to trade with; the past's volume and prices. It is an upper bound of what could
    be traded without being most of the market, not a promise that the returns survive it.

    Args:
        fills: of `fills.session_fills`.
        volume: shape (n, m), adjusted shares.
        equity: shape (n,), at each close.
        initial_capital: equity before the first session.
        participation: share of a bar's volume, above 0 and at most 1.
        exceeding: share of a symbol's fills that may be larger, from 0 to below 1.

    Raises:
        UsageError: a share out of range.
    """
    if not 0.0 < participation <= 1.0 or not 0.0 <= exceeding < 1.0:
        raise UsageError(
            f"Participation must be above 0 and at most 1, not {participation:g}, and the share of fills that may "
            f"exceed it from 0 to below 1, not {exceeding:g}."
        )
    traded = np.zeros(volume.shape)
    np.add.at(traded, (fills.row, fills.symbol), np.abs(fills.quantity))
    before = np.concatenate(([initial_capital], equity[:-1]))
    rows, symbols = np.nonzero(traded)
    capital = participation * volume[rows, symbols] * before[rows] / traded[rows, symbols]
    by_symbol = np.full(volume.shape[1], np.nan)
    for symbol in np.unique(symbols):
        by_symbol[symbol] = np.quantile(capital[symbols == symbol], exceeding)
    if len(rows) == 0:
        return Capacity("no_fill", "no_fill", -1, by_symbol)
    worst = int(np.nanargmin(by_symbol))
    return Capacity(float(np.nanmedian(by_symbol)), float(by_symbol[worst]), worst, by_symbol)
