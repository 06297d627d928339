"""Parameter sets of a strategy that sees a universe: each is one account over all symbols, and one trial.

Goes in: the order of a sweep, the symbols with bars. Comes out: blocks of numbers, one row a set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.errors import AlphaFactoryError, SimulationError
from alphafactory.pipeline.market_contexts import needs_of, read_surroundings
from alphafactory.pipeline.sweeping import Block
from alphafactory.pipeline.universe_accounts import account_settings, account_stage
from alphafactory.simulation import NUMBERS, measure_account, prepare_account

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alphafactory.domain.signals import Signals
    from alphafactory.pipeline.market_views import UniversePanel
    from alphafactory.pipeline.portfolio_market import Chosen
    from alphafactory.pipeline.sweep_order import SweepOrder
    from alphafactory.pipeline.workspace import Workspace

_SETS_A_BLOCK = 16


def account_blocks(workspace: Workspace, order: SweepOrder, chosen: Chosen) -> Iterator[Block]:
    """Yield the numbers of all sets, each of shape (sets, 1, NUMBERS), on the account of the chosen symbols.

    Raises:
        SimulationError: the strategy failed, or no symbol has a bar in the period.
    """
    settings = account_settings(order.settings)
    surroundings = read_surroundings(workspace, chosen.rows, needs_of(order.strategy))
    market, panel = account_stage(workspace, chosen, order.start, order.end, surroundings)
    prepared = prepare_account(market.simulated_bars, delisted=market.delisted, names=market.chosen.tickers)
    for first in range(0, len(order.grid), _SETS_A_BLOCK):
        sets = order.grid[first : first + _SETS_A_BLOCK]
        numbers = np.empty((len(sets), 1, len(NUMBERS)))
        for place, params in enumerate(sets):
            numbers[place, 0] = measure_account(
                prepared,
                _signals(panel, order, params).part(market.window),
                settings,
                periods_per_year=market.chosen.periods,
                risk_free_rate=workspace.config.backtest.risk_free_rate,
            )
        workspace.progress.advance(min(first + _SETS_A_BLOCK, len(order.grid)), len(order.grid), "accounts")
        yield Block(first, (0,), numbers, {})


def _signals(panel: UniversePanel, order: SweepOrder, params: dict[str, int | float]) -> Signals:
    try:
        return panel.signals(order.strategy, params)
    except AlphaFactoryError:
        raise
    except (Exception, SystemExit) as error:  # a user's strategy may raise anything at all
        words = ", ".join(f"{name}={value}" for name, value in params.items())
        raise SimulationError(
            f"{type(error).__name__} in {order.strategy.name} with {words}: {error}. Correct its file."
        ) from error
