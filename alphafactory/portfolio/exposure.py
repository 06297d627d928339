"""How much of its equity an account has in the market, at each close.

Goes in: positions, prices, equity and cash. Comes out: shares of equity by session: gross, net, long, short, cash, by
symbol and by sector.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.errors import SimulationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class Exposures:
    """Shares of equity at each close; NaN where equity is not above 0.

    `gross`, `net`, `long`, `short` (at most 0) and `cash` have shape (n,): gross = long - short, net = long + short,
    net + cash = 1. `by_symbol` has shape (n, m), signed. `sectors` names the k sectors in alphabetical order;
    `sector_gross` (absolute values added) and `sector_net` have shape (n, k).
    """

    gross: FloatArray
    net: FloatArray
    long: FloatArray
    short: FloatArray
    cash: FloatArray
    by_symbol: FloatArray
    sectors: tuple[str, ...]
    sector_gross: FloatArray
    sector_net: FloatArray


def exposures(
    positions: FloatArray, prices: FloatArray, equity: FloatArray, cash: FloatArray, sectors: Sequence[str]
) -> Exposures:
    """Compute shares of equity over time.

    Args:
        positions: shape (n, m), adjusted shares held at each close, negative when short.
        prices: shape (n, m), adjusted, at which each is marked: the last known close. Read only where one is held.
        equity: shape (n,), at each close.
        cash: shape (n,), at each close.
        sectors: each symbol's sector.

    Raises:
        SimulationError: a position without a price.
    """
    weights = values(positions, prices) / _positive(equity)[:, None]
    long, short = np.maximum(weights, 0.0), np.minimum(weights, 0.0)
    names = tuple(sorted(set(sectors)))
    belongs = np.array([[own == name for name in names] for own in sectors], float).reshape(len(sectors), len(names))
    return Exposures(
        gross=np.abs(weights).sum(axis=1),
        net=weights.sum(axis=1),
        long=long.sum(axis=1),
        short=short.sum(axis=1),
        cash=cash / _positive(equity),
        by_symbol=weights,
        sectors=names,
        sector_gross=np.abs(weights) @ belongs,
        sector_net=weights @ belongs,
    )


def values(positions: FloatArray, prices: FloatArray) -> FloatArray:
    """Return what each position is worth, shape (n, m); 0 without one, whatever the price.

    Raises:
        SimulationError: a position without a price.
    """
    held = positions != 0.0
    blind = held & ~np.isfinite(prices)
    if blind.any():
        row, symbol = (int(place) for place in np.argwhere(blind)[0])
        raise SimulationError(
            f"The position in column {symbol} has no price in row {row}. "
            "Hand over the last known close of every session."
        )
    return np.where(held, positions * np.where(held, prices, 0.0), 0.0)


def _positive(equity: FloatArray) -> FloatArray:
    """Return the equity, NaN where there is none to have a share of."""
    return np.where(equity > 0.0, equity, np.nan)
