"""The compiled simulator against the slow plain-Python one, on random markets."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference_simulator import Reference, average_price, simulate_slowly

from alphafactory.domain.bars import Bars
from alphafactory.domain.results import EXIT_REASONS
from alphafactory.domain.settings import SimulationSettings, parse_settings
from alphafactory.simulation import simulate

if TYPE_CHECKING:
    from alphafactory.domain.results import Simulation

THOROUGH = os.environ.get("ALPHAFACTORY_THOROUGH") == "1"
EXAMPLES = settings(
    max_examples=20_000 if THOROUGH else 300,
    derandomize=not THOROUGH,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

moves = st.one_of(st.floats(-0.05, 0.05), st.sampled_from([0.0, -0.5, 0.8, 1.5, -0.9]))
bar_draws = st.tuples(
    moves,  # close to open
    moves,  # open to close
    st.floats(0.0, 0.1),  # how far high and low go beyond both
    st.sampled_from([1e6, 1e6, 1e6, 1e6, 5e5, 0.0]),  # volume
    st.sampled_from([False] * 7 + [True]),  # repeats the bar before
    st.sampled_from([1.0] * 9 + [2.0, 1.5, 0.1]),  # split ratio
    st.sampled_from([0.0] * 7 + [0.01, 0.2]),  # dividend as a share of the price
    st.sampled_from([None] * 3 + [0.0, 1.0, 1.0, -1.0, 0.5, 0.3, -0.7, 1e-4, float("nan")]),  # target, or no change
)


@st.composite
def markets(draw: st.DrawFn) -> tuple[Bars, np.ndarray]:
    drawn = draw(st.lists(bar_draws, min_size=1, max_size=30))
    rows: list[list[float]] = []
    targets: list[float] = []
    close = draw(st.sampled_from([100.0, 7.13, 3000.0]))
    for gap, move, reach, volume, repeats, _, _, target in drawn:
        opening = close * (1 + gap)
        close = opening * (1 + move)
        row = [opening, max(opening, close) * (1 + reach), min(opening, close) * (1 - reach), close, volume]
        if repeats and rows:
            row = list(rows[-1])
            close = row[3]
        rows.append(row)
        targets.append(target if target is not None else (targets[-1] if targets else 0.0))
    ratios = np.array([d[5] for d in drawn])
    factor = np.append(np.cumprod(ratios[::-1])[::-1][1:], 1.0)
    columns = np.array(rows).T
    dividends = np.array([d[6] for d in drawn]) * columns[0]
    sessions = np.datetime64("2020-01-01") + np.arange(len(rows))
    return Bars(sessions, *columns, split_factor=factor, dividends=dividends), np.array(targets)


models = st.builds(
    lambda fill, commission, slippage, sizing, shares, capital: parse_settings(
        initial_capital=capital, fill=fill, commission=commission, slippage=slippage, sizing=sizing, shares=shares
    ),
    st.sampled_from(["next_open", "next_close", "same_close"]),
    st.sampled_from(["none", "bps:10", "per_share:0.005,min=1", "per_share:0.01", "bps:300", "per_share:0.1,min=30"]),
    st.sampled_from(["none", "bps:5", "bps:200"]),
    st.sampled_from(["all_in", "percent:0.25", "percent:1"]),
    st.sampled_from(["fractional", "whole"]),
    st.sampled_from([100_000.0, 500.0, 40.0]),
)


@EXAMPLES
@given(market=markets(), model=models, delisted=st.booleans())
def test_the_kernel_does_what_the_reference_does(
    market: tuple[Bars, np.ndarray], model: SimulationSettings, *, delisted: bool
) -> None:
    bars, target = market
    fast = simulate(bars, target, model, delisted=delisted, name="TEST")
    slow = simulate_slowly(bars, list(target), model, delisted=delisted)
    assert_same_run(fast, slow, float(bars.close[-1]))
    assert fast.nan_targets == np.isnan(target).sum()


def assert_same_run(fast: Simulation, slow: Reference, last_close: float) -> None:
    """Equity, cash, orders and every number of every trade agree to 1e-9 of what is at stake."""
    stake = max(slow.settings.initial_capital, np.abs(slow.equity).max())
    shares = max([abs(h) for t in slow.trades for h in t.holdings()], default=1.0)
    assert np.abs(fast.equity - np.array(slow.equity)).max() <= 1e-9 * stake
    assert fast.cash[-1] == pytest.approx(slow.cash, abs=1e-9 * stake)
    assert fast.position[-1] == pytest.approx(slow.position, abs=1e-9 * shares)
    assert fast.ruined == slow.ruined
    assert [(r.row, r.reason) for r in fast.refused] == [(row, reason) for row, _, reason in slow.refused]
    for ours, (_, quantity, _) in zip(fast.refused, slow.refused, strict=True):
        assert ours.quantity == pytest.approx(quantity, rel=1e-9, abs=1e-9 * max(1.0, abs(quantity)))
    assert len(fast.trades) == len(slow.trades)
    fills = [fill for trade in slow.trades for fill in trade.fills]
    assert fast.commission == pytest.approx(sum(f.commission for f in fills), abs=1e-9 * stake)
    assert fast.traded_value == pytest.approx(sum(abs(f.quantity) * f.price for f in fills), rel=1e-9)
    for k, trade in enumerate(slow.trades):
        assert_same_trade(fast, k, trade, slow.position * last_close, stake)


def assert_same_trade(fast: Simulation, k: int, trade: object, unrealised: float, stake: float) -> None:
    ours = fast.trades
    is_open = trade.reason == "open"
    assert EXIT_REASONS[ours.exit_reason[k]] == trade.reason
    assert ours.entry_row[k] == trade.fills[0].row
    assert ours.exit_row[k] == (-1 if is_open else trade.fills[-1].row)
    assert ours.bars_held[k] == (len(fast.equity) if is_open else trade.fills[-1].row) - trade.fills[0].row
    assert ours.entry_price[k] == pytest.approx(average_price(trade.entries()), rel=1e-9)
    if is_open:
        assert np.isnan(ours.exit_price[k])
    else:
        assert ours.exit_price[k] == pytest.approx(average_price(trade.exits()), rel=1e-9)
    assert ours.quantity[k] == pytest.approx(max(trade.holdings(), key=abs), rel=1e-9)
    net = (unrealised if is_open else 0.0) - sum(f.quantity * f.price + f.commission for f in trade.fills)
    gross = (unrealised if is_open else 0.0) - sum(f.quantity * f.market_price for f in trade.fills)
    money = {
        "net_pnl": net,
        "gross_pnl": gross,
        "commission": sum(f.commission for f in trade.fills),
        "slippage": sum(abs(f.quantity) * abs(f.price - f.market_price) for f in trade.fills),
        "dividends": trade.dividends,
    }
    for name, expected in money.items():
        assert getattr(ours, name)[k] == pytest.approx(expected, abs=1e-9 * stake), name
    assert ours.mae[k] == pytest.approx(min(trade.excursions), rel=1e-9, abs=1e-9)
    assert ours.mfe[k] == pytest.approx(max(trade.excursions), rel=1e-9, abs=1e-9)
