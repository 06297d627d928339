"""Series for charts: drawdown and its episodes, months and years, moving windows."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from metric_samples import RATE, START, curves, days, measure

from alphafactory.errors import UsageError
from alphafactory.metrics import (
    drawdown_series,
    drawdown_table,
    monthly_returns,
    rolling_beta,
    rolling_drawdown,
    rolling_sharpe,
    rolling_volatility,
    simple_returns,
    yearly_returns,
)

with warnings.catch_warnings():
    # The oracle warns of its own dependencies while it is imported.
    warnings.simplefilter("ignore")
    import empyrical

PERIOD_RATE = (1 + RATE) ** (1 / 252) - 1
WINDOW = 40


def test_drawdown_series_starts_from_starting_cash() -> None:
    series = drawdown_series(np.array([900.0, 1100.0, 990.0, 1100.0]), START)
    assert series.tolist() == pytest.approx([-0.1, 0.0, -0.1, 0.0])


def test_months_and_years_compound_to_the_whole() -> None:
    draw = np.random.default_rng(5)
    equity = START * np.cumprod(1 + draw.normal(0, 0.01, 800))
    for periods, returns in (monthly_returns(equity, START, days(800)), yearly_returns(equity, START, days(800))):
        assert np.prod(1 + returns) == pytest.approx(equity[-1] / START, rel=1e-12)
        assert len(periods) == len(set(periods)) == len(returns)
    months, returns = monthly_returns(equity, START, days(800))
    assert str(months[0]) == "2020-01"
    assert returns[0] == pytest.approx(equity[30] / START - 1)
    years, yearly = yearly_returns(equity, START, days(800))
    assert [str(year) for year in years] == ["2020", "2021", "2022"]
    assert yearly[1] == pytest.approx(equity[730] / equity[365] - 1)


def test_drawdowns_by_hand_the_deepest_first() -> None:
    equity = np.array([950.0, 1000.0, 1100.0, 1045.0, 990.0, 1100.0, 1200.0, 1080.0, 1150.0])
    found = drawdown_table(equity, START)
    assert found.depth.tolist() == pytest.approx([-0.1, -0.1, -0.05])
    assert found.peak.tolist() == [2, 6, -1]
    assert found.trough.tolist() == [4, 7, 0]
    assert found.recovery.tolist() == [5, -1, 1]
    assert found.length.tolist() == [3, 2, 2]
    assert drawdown_table(equity, START, most=1).peak.tolist() == [2]


def test_without_a_loss_there_is_no_drawdown_and_rounding_is_none() -> None:
    assert len(drawdown_table(np.array([START, 1010.0, 1010.0]), START)) == 0
    assert len(drawdown_table(np.array([START, START * (1 - 1e-15), START]), START)) == 0


def test_the_deepest_drawdown_is_the_metric_of_this_name() -> None:
    for equity in curves():
        table, found = drawdown_table(equity, START), measure(equity)
        assert table.depth[0] == found.values["max_drawdown"]
        assert table.trough[0] == found.values["max_drawdown_trough"]
        assert table.peak[0] == found.values.get("max_drawdown_peak", -1.0)
        assert table.recovery[0] == found.values.get("max_drawdown_recovery", -1.0)
        assert (np.diff(table.depth) >= 0.0).all()


def test_rolling_metrics_agree_with_empyrical() -> None:
    for number, equity in enumerate(curve for curve in curves() if len(curve) > WINDOW):
        returns = simple_returns(equity, START)
        benchmark = 0.5 * returns + np.random.default_rng(number).normal(0, 0.005, len(returns))
        pairs = [
            (rolling_volatility(returns, 252, WINDOW), empyrical.roll_annual_volatility(returns, WINDOW)),
            (
                rolling_sharpe(returns, 252, RATE, WINDOW),
                empyrical.roll_sharpe_ratio(returns, WINDOW, risk_free=PERIOD_RATE),
            ),
            (rolling_drawdown(equity, START, WINDOW), empyrical.roll_max_drawdown(returns, WINDOW)),
            (rolling_beta(returns, benchmark, WINDOW), empyrical.roll_beta(returns, benchmark, WINDOW)),
        ]
        for found, expected in pairs:
            assert np.isnan(found[: WINDOW - 1]).all()
            assert found[WINDOW - 1 :] == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_a_window_of_all_returns_is_the_metric_itself() -> None:
    equity = curves()[3]
    returns, found = simple_returns(equity, START), measure(equity).values
    count = len(equity)
    assert rolling_volatility(returns, 252, count)[-1] == pytest.approx(found["annual_volatility"], rel=1e-12)
    assert rolling_sharpe(returns, 252, RATE, count)[-1] == pytest.approx(found["sharpe"], rel=1e-12)
    assert rolling_drawdown(equity, START, count)[-1] == pytest.approx(found["max_drawdown"], rel=1e-12)


def test_a_window_out_of_the_market_has_no_sharpe_and_no_volatility() -> None:
    returns = np.concatenate((np.random.default_rng(1).normal(0, 0.01, 30), np.zeros(30)))
    sharpe, volatility = rolling_sharpe(returns, 252, RATE, 10), rolling_volatility(returns, 252, 10)
    assert np.isfinite(sharpe[9:39]).all()
    assert np.isnan(sharpe[39:]).all()
    assert (volatility[39:] == 0.0).all()
    assert np.isnan(rolling_beta(returns, np.zeros(60), 10)).all()


def test_after_ruin_there_is_no_peak_to_fall_from() -> None:
    found = rolling_drawdown(np.array([500.0, 0.0, 0.0, 0.0, 0.0]), START, 2)
    assert found[1:3].tolist() == [-1.0, -1.0]
    assert np.isnan(found[3:]).all()


def test_a_window_that_never_fills_is_empty_and_one_of_a_single_session_is_refused() -> None:
    for found in (
        rolling_volatility(np.zeros(5), 252), rolling_sharpe(np.zeros(5), 252, 0.0),
        rolling_drawdown(np.ones(5), 1.0), rolling_beta(np.zeros(5), np.zeros(5)),
    ):  # fmt: skip
        assert found.shape == (5,)
        assert np.isnan(found).all()
    with pytest.raises(UsageError, match="over 1 sessions"):
        rolling_volatility(np.zeros(5), 252, 1)


def test_a_year_of_windows_is_annualised_by_its_own_periods() -> None:
    returns = np.tile([0.01, -0.01], 20)
    ratio = rolling_volatility(returns, 365, 10)[-1] / rolling_volatility(returns, 252, 10)[-1]
    assert ratio == pytest.approx(math.sqrt(365 / 252))
