"""From the arrays of a portfolio's run to the tables of its detail: positions, exposures, weights, events, measures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.portfolio.exposure import exposures
from alphafactory.store.portfolios import PortfolioDetail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.pipeline.portfolio_measures import Measured
    from alphafactory.store.portfolios import LimitEffect, Measure, NextOrder


def portfolio_detail(
    measured: Measured,
    effects: Sequence[LimitEffect],
    measures: Sequence[Measure],
    orders: Sequence[NextOrder],
) -> PortfolioDetail:
    """Return what a run leaves behind beside its backtest."""
    account, simulation, market = measured.account, measured.simulation, measured.market
    return PortfolioDetail(
        sessions=market.simulated_sessions,
        symbols=market.chosen.tickers,
        sectors=sector_names(market.chosen.sectors),
        targets=account.signals.target,
        rebalanced=account.mandate.rebalance,
        quantity=simulation.positions,
        price=market.close[market.window],
        equity=simulation.equity,
        exposures=_exposures(measured),
        events=simulation.events,
        limit_effects=effects,
        measures=measures,
        next_orders=orders,
    )


def sector_names(sectors: Sequence[str]) -> tuple[str, ...]:
    """Return the sectors by code: in order of their names."""
    return tuple(sorted(set(sectors)))


def _exposures(measured: Measured) -> dict[tuple[str, str], FloatArray]:
    market, simulation = measured.market, measured.simulation
    found = exposures(
        simulation.positions,
        market.close[market.window],
        np.asarray(simulation.equity),
        np.asarray(simulation.cash),
        market.chosen.sectors,
    )
    kinds = ("gross", "net", "long", "short", "cash")
    sums: dict[tuple[str, str], FloatArray] = {(kind, ""): getattr(found, kind) for kind in kinds}
    for place, name in enumerate(found.sectors):
        sums["sector", name] = found.sector_gross[:, place]
    return sums
