"""Same trades, same prices, same equity as vectorbt 1.2.0 and backtesting.py 0.6.6, where they model the same."""

from __future__ import annotations

import numpy as np
import pytest
from peer_agreements import AGREEMENTS
from peer_markets import bars_of, random_targets, random_walk, without_halts
from peer_runs import PeerRun, demand_same, with_vectorbt

from alphafactory.domain.settings import parse_settings
from alphafactory.domain.signals import Signals
from alphafactory.simulation import simulate_account

SESSIONS = 250


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", AGREEMENTS)
def test_the_programs_agree(name: str, seed: int) -> None:
    bars = without_halts(random_walk(seed, SESSIONS))
    AGREEMENTS[name](bars, random_targets(seed, len(bars)))


def test_a_difference_is_seen() -> None:
    run = with_vectorbt(random_walk(0), random_targets(0, SESSIONS))
    for error in (
        PeerRun(run.equity * (1 + 3e-9), run.trades),
        PeerRun(run.equity, run.trades[:-1]),
        PeerRun(run.equity, run.trades * (1 + 3e-9)),
    ):
        with pytest.raises(AssertionError):
            demand_same(error, run)


def test_halted_bars_are_left_out() -> None:
    flat = (1.0, 2.0, 1.0, 2.0)
    bars = bars_of(flat, flat, flat, (2.0, 3.0, 2.0, 3.0), flat, volume=[5, 5, 0, 5, 5])
    assert (without_halts(bars).sessions - bars.sessions[0]).astype(int).tolist() == [0, 3, 4]


@pytest.mark.parametrize("seed", range(3))
def test_weights_on_one_account_agree_with_vectorbt_without_costs(seed: int) -> None:
    import vectorbt  # noqa: PLC0415  takes seconds

    markets = [random_walk(10 * seed + k, SESSIONS) for k in range(3)]
    weights = np.column_stack([random_targets(10 * seed + k, SESSIONS, (0.0, 0.1, 0.25)) for k in range(3)])
    changed = np.vstack((weights[:1] != 0.0, np.diff(weights, axis=0) != 0.0))
    ordered = np.vstack((np.full((1, 3), np.nan), np.where(changed, weights, np.nan)[:-1]))
    portfolio = vectorbt.Portfolio.from_orders(
        np.column_stack([bars.close for bars in markets]),
        size=ordered,
        size_type="targetpercent",
        price=np.column_stack([bars.open for bars in markets]),
        init_cash=100_000.0,
        cash_sharing=True,
        group_by=np.zeros(3, dtype=int),
        call_seq="auto",
    )
    mine = simulate_account(markets, Signals(weights), parse_settings(initial_capital=100_000.0))
    np.testing.assert_allclose(mine.equity, portfolio.value().to_numpy(), rtol=1e-9)
    np.testing.assert_allclose(mine.positions, portfolio.assets().to_numpy(), rtol=1e-9, atol=1e-9)
