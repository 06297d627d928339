"""Metrics against their published definitions, their edge cases, and trades counted by hand."""

# A metric set has values of its own, which are no pandas values.
# ruff: noqa: PD011

from __future__ import annotations

import itertools
import math
import statistics
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest
from metric_samples import RATE, START, curves, days, measure, orders_of, run, trades_of

from alphafactory.errors import SimulationError
from alphafactory.metrics import (
    METRICS,
    compute_metrics,
    simple_returns,
)

with warnings.catch_warnings():
    # Both oracles warn of their own dependencies while they are imported.
    warnings.simplefilter("ignore")
    import empyrical
    import pandas as pd
    import quantstats.stats as quantstats

if TYPE_CHECKING:
    from collections.abc import Callable

PERIOD_RATE = (1 + RATE) ** (1 / 252) - 1
EMPYRICAL: dict[str, Callable[[np.ndarray], float]] = {
    "total_return": empyrical.cum_returns_final,
    "cagr": lambda r: empyrical.annual_return(r, annualization=252),
    "annual_volatility": lambda r: empyrical.annual_volatility(r, annualization=252),
    "sharpe": lambda r: empyrical.sharpe_ratio(r, risk_free=PERIOD_RATE, annualization=252),
    "sortino": lambda r: empyrical.sortino_ratio(r, required_return=PERIOD_RATE, annualization=252),
    "max_drawdown": empyrical.max_drawdown,
    "calmar": lambda r: empyrical.calmar_ratio(r, annualization=252),
    "omega": empyrical.omega_ratio,
    "tail_ratio": empyrical.tail_ratio,
    "value_at_risk": empyrical.value_at_risk,
    "conditional_value_at_risk": empyrical.conditional_value_at_risk,
}
QUANTSTATS: dict[str, Callable[[pd.Series], float]] = {
    "cagr": lambda r: quantstats.cagr(r, periods=252),
    "annual_volatility": lambda r: quantstats.volatility(r, periods=252),
    "sharpe": lambda r: quantstats.sharpe(r, rf=RATE, periods=252),
    "sortino": lambda r: quantstats.sortino(r, rf=RATE, periods=252),
    "max_drawdown": quantstats.max_drawdown,
    "calmar": lambda r: quantstats.calmar(r, periods=252),
    "skew": quantstats.skew,
    "kurtosis": quantstats.kurtosis,
    "probabilistic_sharpe": lambda r: quantstats.probabilistic_sharpe_ratio(r, rf=RATE, periods=252),
}


@pytest.mark.parametrize("name", EMPYRICAL)
def test_agrees_with_empyrical(name: str) -> None:
    for equity in curves():
        expected = float(EMPYRICAL[name](simple_returns(equity, START)))
        assert measure(equity).values[name] == pytest.approx(expected, rel=1e-12, abs=1e-12), len(equity)


@pytest.mark.parametrize("name", QUANTSTATS)
def test_agrees_with_quantstats(name: str) -> None:
    for equity in curves():
        series = pd.Series(simple_returns(equity, START), index=pd.date_range("2020-01-01", periods=len(equity)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = float(QUANTSTATS[name](series))
        assert measure(equity).values[name] == pytest.approx(expected, rel=1e-12, abs=1e-12), len(equity)


def test_every_metric_has_either_a_value_or_a_reason() -> None:
    for equity in ([1000.0], [1000.0] * 5, [0.0], [500.0, 0.0, 0.0], [2000.0, -10.0, -10.0], [1010.0, 1020, 1040]):
        found = measure(equity)
        names = [metric.name for metric in METRICS]
        assert sorted([*found.values, *found.reasons]) == sorted(names)
        assert all(type(value) is float and math.isfinite(value) for value in found.values.values())
        assert list(found.values) == [name for name in names if name in found.values]


def test_names_are_distinct_columns_and_every_word_is_there() -> None:
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() and name.islower() and len(name) <= 63 for name in names)
    assert all(metric.label and metric.formula and metric.source for metric in METRICS)


def test_a_loss_on_the_first_day_is_a_drawdown_from_starting_cash() -> None:
    found = measure([900.0, 950.0, 1001.0])
    assert found.values["max_drawdown"] == pytest.approx(-0.1)
    assert found.reasons["max_drawdown_peak"] == "peak_is_starting_cash"
    assert found.values["max_drawdown_trough"] == 0.0
    assert found.values["max_drawdown_recovery"] == 2.0


def test_the_deepest_drawdown_has_its_three_sessions() -> None:
    found = measure([1100.0, 1200.0, 1200.0, 900.0, 1000.0, 1200.0, 1199.0])
    rows = [found.values[f"max_drawdown_{name}"] for name in ("peak", "trough", "recovery")]
    assert rows == [2.0, 3.0, 5.0]
    assert measure([1100.0, 900.0, 1000.0]).reasons["max_drawdown_recovery"] == "not_recovered"


def test_without_drawdown_there_is_no_calmar() -> None:
    found = measure([1000.0, 1010.0, 1020.0])
    assert found.values["max_drawdown"] == 0.0
    for name in ("calmar", "max_drawdown_peak", "max_drawdown_trough", "max_drawdown_recovery"):
        assert found.reasons[name] == "no_drawdown"
    assert found.reasons["omega"] == "no_losing_return"


def test_constant_equity_has_no_volatility_and_no_sharpe() -> None:
    found = measure([START] * 10)
    assert found.values["annual_volatility"] == 0.0
    assert found.values["total_return"] == 0.0
    for name in ("sharpe", "skew", "kurtosis", "probabilistic_sharpe"):
        assert found.reasons[name] == "zero_volatility"
    # Money that earns nothing falls short of the risk-free rate every day.
    assert found.values["sortino"] == pytest.approx(-math.sqrt(252))
    assert found.reasons["tail_ratio"] == "zero_tail"


def test_steady_growth_has_no_volatility_in_spite_of_rounding() -> None:
    found = measure(START * 1.001 ** np.arange(1, 50))
    assert found.reasons["sharpe"] == "zero_volatility"
    assert found.reasons["sortino"] == "no_downside"


def test_one_return_defines_growth_alone() -> None:
    found = measure([1010.0])
    assert found.values["total_return"] == pytest.approx(0.01)
    assert found.values["cagr"] == pytest.approx(1.01**252 - 1)
    assert found.reasons["cagr_calendar"] == "single_session"
    for name in ("annual_volatility", "sharpe", "sortino", "value_at_risk", "probabilistic_sharpe"):
        assert found.reasons[name] == "fewer_than_two_returns"
    assert measure([1010.0, 1000.0]).reasons["skew"] == "fewer_than_three_returns"
    assert measure([1010.0, 1000.0, 1030.0]).reasons["kurtosis"] == "fewer_than_four_returns"
    assert measure([9e6]).reasons["cagr"] == "too_short_to_annualise"


def test_calendar_growth_counts_days() -> None:
    sessions = np.array(["2020-01-01", "2020-06-01", "2022-01-01"], "datetime64[D]")
    found = compute_metrics(run([1000.0, 1100.0, 1210.0]), sessions, 252, 0.0)
    assert found.values["cagr_calendar"] == pytest.approx(1.21 ** (365.25 / 731) - 1, rel=1e-13)


def test_ruin_keeps_its_numbers_and_is_flagged() -> None:
    found = measure([1100.0, 0.0, 0.0])
    assert found.flags == ("ruined",)
    assert found.values["total_return"] == -1.0
    assert found.values["cagr"] == -1.0
    assert found.values["max_drawdown"] == -1.0
    assert found.values["annual_volatility"] > 1.0
    below = measure([1100.0, -50.0, -50.0], ruined=True)
    assert below.flags == ("ruined",)
    assert below.values["total_return"] == pytest.approx(-1.05)
    assert below.reasons["cagr"] == "equity_below_zero"
    assert below.reasons["calmar"] == "equity_below_zero"


def test_returns_stop_when_equity_is_gone() -> None:
    assert simple_returns(np.array([500.0, -100.0, -100.0]), START).tolist() == [-0.5, -1.2, 0.0]


def test_flags_tell_of_open_trades_nan_targets_short_orders_and_ambiguous_trades() -> None:
    trades = trades_of([], 5.0, ambiguous=np.array([True]))
    found = measure([1000.0] * 3, trades, nan_targets=2, orders=orders_of("filled", "no_cash", "limit"))
    assert found.flags == ("open_trade", "nan_targets", "short_orders", "ambiguous_trades")
    assert found.values["n_short_orders"] == 2.0
    assert found.values["n_ambiguous_trades"] == 1.0
    whole = measure([1000.0] * 3, orders=orders_of("filled", "filled"))
    assert whole.flags == ()
    assert whole.values["n_short_orders"] == whole.values["n_ambiguous_trades"] == 0.0


def test_activity() -> None:
    found = measure(
        [1000.0, 1200.0, 1100.0, 1100.0], positions=np.array([[0.0, 3.0, -2.0, 0.0]]).T, traded_value=550.0,
        commission=1.5, slippage=2.5, fees=0.5, dividends=-3.5, borrow=4.5, interest=-5.5, ambiguous_pnl=6.5,
    )  # fmt: skip
    assert found.values["exposure"] == 0.5
    assert found.values["turnover"] == pytest.approx(550 / 1100 * 252 / 4)
    kinds = ("commission", "slippage", "fees", "dividends", "borrow", "interest")
    assert [found.values[f"{kind}_total"] for kind in kinds] == [1.5, 2.5, 0.5, -3.5, 4.5, -5.5]
    assert found.values["ambiguous_pnl"] == 6.5
    assert (found.values["start_equity"], found.values["end_equity"]) == (1000.0, 1100.0)


def test_an_account_of_several_symbols_is_exposed_while_it_holds_any_of_them() -> None:
    held = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, -1.0], [2.0, 3.0], [0.0, 0.0]])
    assert measure([1000.0] * 5, positions=held).values["exposure"] == pytest.approx(3 / 5)


def test_trade_statistics_by_hand() -> None:
    found = measure([1000.0] * 9, trades_of([10, -4, -6, 0, 20, -5], open_profit=99.0)).values
    assert (found["n_trades"], found["n_closed_trades"]) == (7.0, 6.0)
    assert found["win_rate"] == pytest.approx(2 / 6)
    assert found["profit_factor"] == pytest.approx(30 / 15)
    assert found["expectancy"] == pytest.approx(15 / 6)
    assert found["payoff_ratio"] == pytest.approx(15 / 5)
    assert (found["avg_win"], found["avg_loss"]) == (15.0, -5.0)
    assert (found["largest_win"], found["largest_loss"]) == (20.0, -6.0)
    assert found["max_consecutive_losses"] == 2.0
    assert found["avg_bars_held"] == 3.5


@pytest.mark.parametrize("seed", range(4))
def test_trade_statistics_against_plain_python(seed: int) -> None:
    draw = np.random.default_rng(seed)
    profits = [float(x) for x in np.round(draw.normal(1, 10, 40 + seed))]
    found = measure([1000.0] * 5, trades_of(profits)).values
    wins, losses = [p for p in profits if p > 0], [-p for p in profits if p < 0]
    runs = [len(list(group)) for is_loss, group in itertools.groupby(profits, lambda p: p < 0) if is_loss]
    assert found["max_consecutive_losses"] == max(runs)
    assert found["win_rate"] == pytest.approx(len(wins) / len(profits))
    assert found["profit_factor"] == pytest.approx(math.fsum(wins) / math.fsum(losses), rel=1e-12)
    assert found["payoff_ratio"] == pytest.approx(statistics.mean(wins) / statistics.mean(losses), rel=1e-12)
    sqn = math.sqrt(len(profits)) * statistics.mean(profits) / statistics.stdev(profits)
    assert found["sqn"] == pytest.approx(sqn, rel=1e-12)


def test_trade_statistics_that_are_undefined_say_why() -> None:
    assert measure([1000.0] * 3).reasons["win_rate"] == "no_closed_trade"
    all_wins = measure([1000.0] * 3, trades_of([1.0, 2.0]))
    assert all_wins.values["win_rate"] == 1.0
    assert all_wins.values["max_consecutive_losses"] == 0.0
    for name in ("profit_factor", "payoff_ratio", "avg_loss", "largest_loss"):
        assert all_wins.reasons[name] == "no_losing_trade"
    all_losses = measure([1000.0] * 3, trades_of([-1.0, -2.0]))
    assert all_losses.values["profit_factor"] == 0.0
    assert all_losses.reasons["payoff_ratio"] == "no_winning_trade"
    assert measure([1000.0] * 3, trades_of([3.0])).reasons["sqn"] == "fewer_than_two_trades"
    assert measure([1000.0] * 3, trades_of([0.1 + 0.2, 0.3])).reasons["sqn"] == "zero_volatility"
    assert measure([1000.0] * 3, trades_of([], 5.0)).values["n_trades"] == 1.0


def test_expectancy_in_r_is_the_mean_over_the_closed_trades_with_a_stop() -> None:
    risk = np.array([5.0, 4.0, np.nan, 10.0, 2.0])
    found = measure([1000.0] * 5, trades_of([10, -4, 7, 5], 99.0, risk=risk))
    assert found.values["expectancy_r"] == pytest.approx((2 - 1 + 0.5) / 3)
    assert found.values["expectancy"] == pytest.approx(18 / 4)
    assert measure([1000.0] * 5, trades_of([10, -4])).reasons["expectancy_r"] == "no_stop"
    assert measure([1000.0] * 5).reasons["expectancy_r"] == "no_closed_trade"


def test_nan_in_equity_is_an_error_that_names_its_session() -> None:
    with pytest.raises(SimulationError, match="Equity of 2020-01-02 is nan"):
        measure([1000.0, float("nan"), 1000.0])
    with pytest.raises(SimulationError, match="1 equities and 2 sessions"):
        compute_metrics(run([1000.0]), days(2), 252, 0.0)
