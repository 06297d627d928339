"""Contributions: they add up to what the account did, session by session, and to its volatility."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from metric_samples import run as flat_run
from small_markets import model

from alphafactory.domain.bars import Bars
from alphafactory.domain.results import Orders
from alphafactory.portfolio.contribution import (
    VolatilityParts,
    by_group,
    by_sleeve,
    daily_parts,
    return_parts,
    session_profits,
    volatility_parts,
)
from alphafactory.portfolio.exposure import exposures
from alphafactory.portfolio.fills import session_fills

if TYPE_CHECKING:
    from alphafactory.domain.results import Simulation

START = 100_000.0
SESSIONS = 200
KINDS: dict[str, dict[str, Any]] = {
    "next_open": {},
    "same_close": {"fill": "same_close"},
    "stops": {"stop": "3%", "trail": "4%", "take_profit": "5%", "reentry": "immediate"},
    "interest": {"interest": 0.03},
    "pieces": {"participation": "2%", "good_for": 4},
    "pieces with interest": {"participation": "1%", "good_for": 6, "interest": 0.02},
}


@dataclass(frozen=True, slots=True)
class Account:
    simulation: Simulation
    prices: np.ndarray
    dividends: np.ndarray
    sessions: np.ndarray


def bars_of(seed: int, first: int, count: int) -> Bars:
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.02, count)))
    opened = close * np.exp(random.normal(0, 0.01, count))
    high, low = np.maximum(opened, close) * 1.01, np.minimum(opened, close) * 0.99
    dividends = np.where(random.random(count) < 0.03, 0.5, 0.0)
    days = np.busday_offset("2024-01-01", first + np.arange(count))
    volume = random.integers(500, 5000, count).astype(float)
    return Bars(days, opened, high, low, close, volume, np.ones(count), dividends)


@functools.cache
def account(kind: str) -> Account:
    """Simulate four symbols, long and short, one listed late and one delisted, with every cost."""
    from alphafactory.simulation import simulate_account  # noqa: PLC0415  compiles, which other tests need not wait for

    bars = [bars_of(1, 0, 200), bars_of(2, 30, 150), bars_of(3, 0, 120), bars_of(4, 0, 200)]
    wishes = np.random.default_rng(5).choice([-0.4, 0.0, 0.3, 0.5], size=(SESSIONS // 5, 4)).repeat(5, axis=0)
    words = {"initial_capital": START, "commission": "bps:5", "slippage": "bps:10", "borrow": 0.05}
    simulation = simulate_account(bars, wishes, model(**(words | KINDS[kind])), delisted=[False, False, True, False])
    sessions = bars[0].sessions
    closes, dividends = np.full((SESSIONS, 4), np.nan), np.zeros((SESSIONS, 4))
    for symbol, own in enumerate(bars):
        rows = np.searchsorted(sessions, own.sessions)
        closes[rows, symbol], dividends[rows, symbol] = own.close, own.dividends
    for row in range(1, SESSIONS):
        closes[row] = np.where(np.isnan(closes[row]), closes[row - 1], closes[row])
    return Account(simulation, closes, dividends, sessions)


def profits_of(run: Account) -> np.ndarray:
    return session_profits(run.simulation, run.prices, run.dividends, run.sessions)


@pytest.mark.parametrize("kind", KINDS)
def test_profits_are_the_trades_and_add_up_to_the_total_return(kind: str) -> None:
    run = account(kind)
    profits, trades = profits_of(run), run.simulation.trades
    earned = trades.net_pnl + trades.dividends - trades.borrow
    assert run.simulation.borrow > 0.0
    assert run.simulation.dividends != 0.0
    for symbol in range(4):
        assert profits[:, symbol].sum() == pytest.approx(earned[trades.symbol == symbol].sum(), abs=1e-7)
    parts = return_parts(profits, run.simulation.equity, START)
    assert parts.total == run.simulation.equity[-1] / START - 1.0
    assert parts.parts.sum() + parts.rest == pytest.approx(parts.total, abs=1e-15)
    assert parts.rest == pytest.approx(run.simulation.interest / START, abs=1e-12)


@pytest.mark.parametrize("kind", ["next_open", "same_close", "stops"])
def test_each_session_adds_up_too(kind: str) -> None:
    run = account(kind)
    changes = np.diff(run.simulation.equity, prepend=START)
    np.testing.assert_allclose(profits_of(run).sum(axis=1), changes, atol=1e-8)
    parts = daily_parts(profits_of(run), run.simulation.equity, START)
    returns = run.simulation.equity / np.concatenate(([START], run.simulation.equity[:-1])) - 1.0
    np.testing.assert_allclose(parts.sum(axis=1), returns, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_fills_are_the_positions_and_the_totals(kind: str) -> None:
    run = account(kind)
    fills = session_fills(run.simulation)
    positions = np.zeros((SESSIONS, 4))
    np.add.at(positions, (fills.row, fills.symbol), fills.quantity)
    np.testing.assert_allclose(positions.cumsum(axis=0), run.simulation.positions, atol=1e-9)
    assert fills.value.sum() == pytest.approx(run.simulation.traded_value, rel=1e-12)
    assert fills.commission.sum() == pytest.approx(run.simulation.commission, rel=1e-12)
    assert fills.slippage.sum() == pytest.approx(run.simulation.slippage, rel=1e-12)
    assert (np.abs(fills.quantity) > 0.0).all()


def test_orders_in_pieces_are_there() -> None:
    orders = account("pieces").simulation.orders
    assert (orders.ended[orders.filled != 0] > orders.first_fill[orders.filled != 0]).any()
    assert len(session_fills(account("pieces").simulation)) > np.count_nonzero(orders.filled)


def test_orders_at_work_at_once_share_a_session_in_the_order_in_which_they_began() -> None:
    # 100 bought, sold again in pieces of 40, 40 and 20; while the last is sold a short of 15 begins with 10.
    orders = {"filled": [100, -100, -15], "price": [10, 11, 12], "first_fill": [0, 1, 3], "ended": [0, 3, 4]}
    columns: dict[str, Any] = {field.name: np.zeros(3) for field in fields(Orders)}
    columns |= {name: np.array(values) for name, values in orders.items()}
    columns |= {"symbol": np.zeros(3, np.int64), "commission": np.array([1.0, 10.0, 3.0])}
    positions = np.array([100.0, 60.0, 20.0, -10.0, -15.0])[:, None]
    fills = session_fills(flat_run([1000.0] * 5, orders=Orders(**columns), positions=positions))
    assert fills.row.tolist() == [0, 1, 2, 3, 3, 4]
    assert fills.quantity.tolist() == pytest.approx([100, -40, -40, -20, -10, -5])
    assert fills.price.tolist() == [10, 11, 11, 11, 12, 12]
    assert fills.commission.tolist() == pytest.approx([1, 4, 4, 2, 2, 1])


def test_what_a_session_hides_is_still_a_fill() -> None:
    # Bought 30 in two pieces, all of it sold inside the second session.
    orders = {"filled": [30.0, -30.0], "price": [10.0, 9.0], "first_fill": [0, 1], "ended": [1, 1]}
    columns: dict[str, Any] = {field.name: np.zeros(2) for field in fields(Orders)}
    columns |= {name: np.array(values) for name, values in orders.items()} | {"symbol": np.zeros(2, np.int64)}
    fills = session_fills(flat_run([1000.0] * 2, orders=Orders(**columns), positions=np.array([[10.0], [0.0]])))
    found = sorted(zip(fills.row.tolist(), fills.quantity.tolist(), strict=True))
    assert [row for row, _ in found] == [0, 1, 1]
    assert [quantity for _, quantity in found] == pytest.approx([10.0, -30.0, 20.0])


def test_orders_that_hide_each_other_keep_their_sums() -> None:
    # 30 bought and 30 sold, each in pieces, and in the middle session both: no close shows 25 against 20.
    orders = {"filled": [30.0, -30.0], "price": [10.0, 9.0], "first_fill": [0, 1], "ended": [1, 2]}
    columns: dict[str, Any] = {field.name: np.zeros(2) for field in fields(Orders)}
    columns |= {name: np.array(values) for name, values in orders.items()} | {"symbol": np.zeros(2, np.int64)}
    positions = np.array([[10.0], [5.0], [0.0]])
    fills = session_fills(flat_run([1000.0] * 3, orders=Orders(**columns), positions=positions))
    assert fills.quantity[fills.price == 10.0].sum() == pytest.approx(30.0)
    assert fills.quantity[fills.price == 9.0].sum() == pytest.approx(-30.0)


def test_the_accounts_cash_is_what_positions_leave() -> None:
    run = account("next_open")
    found = exposures(run.simulation.positions, run.prices, run.simulation.equity, run.simulation.cash, ["A"] * 4)
    np.testing.assert_allclose(found.net + found.cash, 1.0, atol=1e-12)


def test_sectors_add_up_symbols() -> None:
    profits = profits_of(account("next_open"))
    names, columns = by_group(profits, ["Energy", "Banks", "Energy", "Care"])
    assert names == ("Banks", "Care", "Energy")
    np.testing.assert_allclose(columns[:, 2], profits[:, 0] + profits[:, 2])
    np.testing.assert_allclose(columns.sum(axis=1), profits.sum(axis=1), atol=1e-9)


def test_one_sleeve_earns_everything() -> None:
    run = account("next_open")
    profits = profits_of(run)
    wishes = np.random.default_rng(5).choice([-0.4, 0.0, 0.3, 0.5], size=(SESSIONS // 5, 4)).repeat(5, axis=0)
    parts = by_sleeve(profits, run.simulation.positions, wishes[None])
    np.testing.assert_allclose(parts[:, 0], profits.sum(axis=1), atol=1e-9)
    assert np.abs(parts[:, 1]).max() < 1e-9


def test_sleeves_add_up_whatever_they_wish() -> None:
    run, random = account("stops"), np.random.default_rng(6)
    profits = profits_of(run)
    parts = by_sleeve(profits, run.simulation.positions, random.normal(0, 1, (3, SESSIONS, 4)))
    assert parts.shape == (SESSIONS, 4)
    np.testing.assert_allclose(parts.sum(axis=1), profits.sum(axis=1), atol=1e-9)


def test_sleeves_by_hand() -> None:
    # Long from session 1 to 3, then flat. The first two wish it 3 to 1; the third is against it.
    positions = np.array([[0.0], [10.0], [10.0], [10.0], [0.0]])
    profits = np.array([[0.0], [8.0], [4.0], [-2.0], [1.0]])
    wishes = np.array([[0.3, 0.3, 0.0, 0.0, 0.0], [0.1, 0.1, 0.1, 0.0, 0.0], [-0.1, -0.1, -0.1, -0.1, 0.2]])[:, :, None]
    parts = by_sleeve(profits, positions, wishes)
    assert parts[1].tolist() == pytest.approx([6.0, 2.0, 0.0, 0.0])
    assert parts[2].tolist() == pytest.approx([3.0, 1.0, 0.0, 0.0])
    assert parts[3].tolist() == pytest.approx([0.0, -2.0, 0.0, 0.0])
    # Nobody wished the position any more at close 3: it is still the second sleeve's.
    assert parts[4].tolist() == pytest.approx([0.0, 1.0, 0.0, 0.0])


def test_a_fill_at_the_close_just_seen_belongs_to_that_closes_wish() -> None:
    parts = by_sleeve(np.array([[0.0], [-1.0]]), np.array([[0.0], [5.0]]), np.array([[[0.0], [0.5]]]))
    assert parts.tolist() == [[0.0, 0.0], [-1.0, 0.0]]
    nobody = by_sleeve(np.array([[0.0], [-1.0]]), np.array([[0.0], [5.0]]), np.zeros((1, 2, 1)))
    assert nobody.tolist() == [[0.0, 0.0], [0.0, -1.0]]


def test_a_flat_account_has_no_profits() -> None:
    from alphafactory.simulation import simulate_account  # noqa: PLC0415  as above

    bars = bars_of(1, 0, 5)
    simulation = simulate_account([bars], np.zeros((5, 1)), model(initial_capital=START))
    profits = session_profits(simulation, np.full((5, 1), np.nan), bars.dividends[:, None], bars.sessions)
    assert profits.tolist() == [[0.0]] * 5
    parts = return_parts(profits, simulation.equity, START)
    assert (parts.total, parts.parts.tolist(), parts.rest) == (0.0, [0.0], 0.0)
    assert volatility_parts(daily_parts(profits, simulation.equity, START), 252) == "zero_volatility"


def parts_of(found: VolatilityParts | str) -> VolatilityParts:
    assert isinstance(found, VolatilityParts)
    return found


def test_volatility_parts_add_up_to_the_accounts_volatility() -> None:
    run = account("next_open")
    returns = run.simulation.equity / np.concatenate(([START], run.simulation.equity[:-1])) - 1.0
    found = parts_of(volatility_parts(daily_parts(profits_of(run), run.simulation.equity, START), 252))
    assert found.total == pytest.approx(returns.std(ddof=1) * math.sqrt(252), rel=1e-10)
    assert found.parts.sum() == pytest.approx(found.total, rel=1e-12)


def test_volatility_parts_of_weights_are_those_of_the_covariance() -> None:
    returns = np.random.default_rng(7).normal(0, 0.01, (300, 3)) @ np.random.default_rng(8).normal(0, 1, (3, 3))
    weights = np.array([0.5, -0.3, 0.2])
    covariance = np.cov(returns.T)
    deviation = math.sqrt(weights @ covariance @ weights)
    found = parts_of(volatility_parts(returns * weights, 252))
    np.testing.assert_allclose(found.parts, weights * (covariance @ weights) / deviation * math.sqrt(252), rtol=1e-10)


def test_a_hedge_takes_volatility_away() -> None:
    own = np.random.default_rng(9).normal(0, 0.01, 100)
    found = parts_of(volatility_parts(np.column_stack((own, -0.25 * own)), 252))
    assert found.parts / found.total == pytest.approx([4 / 3, -1 / 3])


def test_sessions_with_an_unknown_return_are_left_out_and_too_few_are_told() -> None:
    parts = np.random.default_rng(10).normal(0, 0.01, (50, 2))
    gone = parts.copy()
    gone[:10, 1] = np.nan
    assert parts_of(volatility_parts(gone, 252)).total == parts_of(volatility_parts(parts[10:], 252)).total
    assert volatility_parts(parts[:1], 252) == "fewer_than_two_returns"
    assert volatility_parts(gone[:10], 252) == "fewer_than_two_returns"


def test_after_ruin_there_is_nothing_to_have_a_share_of() -> None:
    parts = daily_parts(np.array([[-1500.0], [0.0]]), np.array([-500.0, -500.0]), 1000.0)
    assert parts.tolist() == [[-1.5], [0.0]]
