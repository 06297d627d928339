"""Concentration, capacity, holding periods, turnover, comparisons and effects of limits, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from metric_samples import run, trades_of

from alphafactory.errors import UsageError
from alphafactory.portfolio.capacity import capacity
from alphafactory.portfolio.concentration import concentration
from alphafactory.portfolio.fills import Fills
from alphafactory.portfolio.holding import holding_periods
from alphafactory.portfolio.limit_effects import LimitEffect, RunNumbers, limit_effects
from alphafactory.portfolio.turnover import cost_drag, session_turnover, turnover_by_year


def fills_of(*rows: tuple[int, int, float, float], cost: float = 0.0) -> Fills:
    """Make fills of (row, symbol, quantity, price), each with a commission."""
    row, symbol, quantity, price = (
        (np.array(column) for column in zip(*rows, strict=True)) if rows else [np.empty(0)] * 4
    )
    nothing = np.zeros(len(rows))
    whole = (row.astype(np.int64), symbol.astype(np.int64))
    return Fills(*whole, quantity.astype(float), price.astype(float), nothing + cost, nothing, nothing)


# Concentration


def test_concentration_by_hand() -> None:
    found = concentration(np.array([0.4, -0.2, 0.1, 0.1, 0.0]), ["A", "A", "B", "C", "D"])
    assert found["positions"] == 4
    assert found["herfindahl"] == pytest.approx(0.25 + 0.0625 + 2 * 0.125**2)
    assert found["effective_names"] == pytest.approx(1 / 0.34375)
    assert found["largest_weight"] == pytest.approx(0.4)
    assert found["top_five_weight"] == pytest.approx(0.8)
    assert found["sector_herfindahl"] == pytest.approx(0.75**2 + 2 * 0.125**2)
    assert found["effective_sectors"] == pytest.approx(1 / 0.59375)
    assert found["largest_sector_weight"] == pytest.approx(0.6)


@pytest.mark.parametrize("count", [1, 3, 20])
def test_equal_positions_are_as_many_as_they_are(count: int) -> None:
    found = concentration(np.full(count, 0.5 / count), [f"S{k}" for k in range(count)])
    assert found["effective_names"] == pytest.approx(count)
    assert found["effective_sectors"] == pytest.approx(count)
    assert found["top_five_weight"] == pytest.approx(min(5, count) * 0.5 / count)


def test_a_flat_account_is_not_concentrated() -> None:
    found = concentration(np.zeros(3), ["A", "B", "C"])
    assert found.pop("positions") == 0.0
    assert set(found.values()) == {"no_position"}


# Capacity


def test_capacity_by_hand() -> None:
    fills = fills_of((0, 0, 20.0, 5.0), (1, 0, -20.0, 5.0), (1, 1, 30.0, 5.0), (1, 1, -10.0, 5.0))
    volume = np.array([[1000.0, 500.0, 9.0], [1000.0, 500.0, 9.0]])
    found = capacity(fills, volume, np.array([2000.0, 2000.0]), 1000.0, participation=0.1, exceeding=0.0)
    # 20 of 1000 shares on 1000: 10 % are 5,000. 20 on 2000: 10,000. 40 of 500 on 2000 (both fills of the session):
    # 10 % are 2,500.
    assert found.by_symbol[:2].tolist() == pytest.approx([5_000.0, 2_500.0])
    assert np.isnan(found.by_symbol[2])
    assert found.median == pytest.approx(3_750.0)
    assert (found.worst, found.worst_symbol) == (pytest.approx(2_500.0), 1)


def test_capacity_is_where_fills_reach_the_participation() -> None:
    random = np.random.default_rng(1)
    rows = [(day, 0, float(random.integers(1, 50)), 10.0) for day in range(100)]
    volume, equity = random.uniform(1e3, 1e4, (100, 1)), np.full(100, 1e5)
    found = capacity(fills_of(*rows), volume, equity, 1e5, participation=0.05, exceeding=0.1)
    assert isinstance(found.worst, float)
    scaled = np.array([quantity for _, _, quantity, _ in rows]) * found.worst / 1e5
    assert np.count_nonzero(scaled > 0.05 * volume[:, 0]) == 10
    doubled = capacity(fills_of(*rows), 2 * volume, equity, 1e5, participation=0.05, exceeding=0.1)
    assert doubled.worst == pytest.approx(2 * found.worst)


def test_without_a_fill_there_is_no_capacity() -> None:
    found = capacity(fills_of(), np.ones((3, 2)), np.ones(3), 1.0)
    assert (found.median, found.worst, found.worst_symbol) == ("no_fill", "no_fill", -1)
    for words in ({"participation": 0.0}, {"participation": 1.5}, {"exceeding": 1.0}):
        with pytest.raises(UsageError, match="Participation"):
            capacity(fills_of(), np.ones((3, 2)), np.ones(3), 1.0, **words)


# Holding periods


def test_holding_periods_by_hand() -> None:
    trades = trades_of([5.0, -1.0, 3.0, 0.0, -2.0], open_profit=9.0, bars_held=np.array([1, 2, 3, 4, 10, 50]))
    found = holding_periods(trades)
    assert (found["mean"], found["median"], found["shortest"], found["longest"]) == (4.0, 3.0, 1.0, 10.0)
    assert (found["quarter"], found["three_quarters"]) == (2.0, 4.0)
    assert found["tenth"] == pytest.approx(1.4)
    assert found["nine_tenths"] == pytest.approx(7.6)
    assert (found["winners_mean"], found["losers_mean"]) == (2.0, 6.0)
    assert found["open_mean"] == 50.0


def test_holding_periods_without_trades_have_reasons() -> None:
    nothing = holding_periods(trades_of([]))
    assert (nothing["mean"], nothing["winners_median"]) == ("no_closed_trade", "no_winning_trade")
    assert nothing["open_mean"] == "no_open_trade"
    still = holding_periods(trades_of([], open_profit=1.0))
    assert (still["median"], still["open_mean"]) == ("no_closed_trade", 1.0)
    assert holding_periods(trades_of([1.0]))["losers_mean"] == "no_losing_trade"


# Turnover and cost


def test_turnover_by_session_and_by_year() -> None:
    fills = fills_of((0, 0, 50.0, 10.0), (2, 0, -50.0, 11.0), (2, 1, 5.0, 10.0), cost=3.0)
    equity = np.array([1000.0, 1100.0, 1200.0, 1300.0])
    assert session_turnover(fills, equity, 500.0).tolist() == pytest.approx([1.0, 0.0, 600 / 1100, 0.0])
    sessions = np.array(["2020-12-30", "2020-12-31", "2021-01-04", "2021-01-05"], "datetime64[D]")
    first, second = turnover_by_year(fills, equity, sessions)
    assert (first.year, second.year) == (2020, 2021)
    assert (first.turnover, first.costs, first.drag) == pytest.approx((500 / 1050, 3.0, 3 / 1050))
    assert (second.turnover, second.costs, second.drag) == pytest.approx((600 / 1250, 6.0, 6 / 1250))
    still = turnover_by_year(fills_of(), equity, sessions)
    assert [(year.turnover, year.drag) for year in still] == [(0.0, 0.0), (0.0, 0.0)]


def test_cost_drag_is_costs_over_mean_equity_a_year() -> None:
    simulation = run([900.0, 1100.0], commission=1.0, slippage=2.0, fees=0.5, borrow=0.25, traded_value=500.0)
    found = cost_drag(simulation, 252)
    scale = 252 / 2 / 1000
    assert found["commission_drag"] == pytest.approx(1.0 * scale)
    assert found["cost_drag"] == pytest.approx(3.75 * scale)
    assert found["turnover"] == pytest.approx(500 * scale)
    assert set(cost_drag(run([-1.0, 0.5]), 252).values()) == {"no_equity"}
    assert cost_drag(run([1000.0]), 252)["cost_drag"] == 0.0


# Effects of limits

KEPT = RunNumbers(0.10, -0.12, 0.9)


def effect(without: RunNumbers, acts: int = 5, kept: RunNumbers = KEPT) -> LimitEffect:
    return limit_effects(kept, {"sector": without}, {"sector": acts})[0]


@pytest.mark.parametrize(
    ("without", "verdict"),
    [
        ((0.12, -0.20, 0.7), "earned its keep"),
        ((0.08, -0.12, 0.7), "earned its keep"),
        ((0.12, -0.08, 0.7), "raised Sharpe, deepened the drawdown"),
        ((0.15, -0.20, 1.0), "softened the drawdown, cost Sharpe"),
        ((0.15, -0.20, 0.9), "softened the drawdown"),
        ((0.15, -0.10, 1.0), "cost more than it saved"),
        ((0.15, -0.12, 1.0), "cost more than it saved"),
        ((0.10, -0.12, 0.9), "changed nothing"),
    ],
)
def test_a_verdict_says_what_the_differences_say(without: tuple[float, float, float], verdict: str) -> None:
    assert effect(RunNumbers(*without)).verdict == verdict


def test_differences_are_positive_where_the_limit_helped() -> None:
    found = effect(RunNumbers(0.12, -0.20, 0.7))
    assert found.difference.total_return == pytest.approx(-0.02)
    assert found.difference.max_drawdown == pytest.approx(0.08)
    assert found.difference.sharpe == pytest.approx(0.2)


def test_a_limit_that_never_acted_and_one_that_cannot_be_judged() -> None:
    assert effect(KEPT, acts=0).verdict == "never acted"
    flat: dict[str, Any] = {"kept": RunNumbers(0.0, 0.0, "zero_volatility")}
    assert effect(KEPT, **flat).verdict == "cannot be judged"
    assert effect(KEPT, **flat).difference.sharpe == "zero_volatility"
    assert effect(KEPT, acts=0, **flat).verdict == "never acted"


def test_all_limits_off_counts_all_acts() -> None:
    runs = {"sector": KEPT, "drawdown": KEPT, "*": RunNumbers(0.2, -0.3, 0.5)}
    found = limit_effects(KEPT, runs, {"sector": 3, "position": 4})
    assert [(row.rule, row.acts) for row in found] == [("sector", 3), ("drawdown", 0), ("*", 7)]
    assert found[2].verdict == "earned its keep"
