"""Metrics against an index and against holding the symbol: published definitions, calendars that differ, edge cases."""

# A metric set has values of its own, which are no pandas values.

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest
from metric_samples import RATE, START, curves, days, measure

from alphafactory.domain.bars import Bars
from alphafactory.errors import SimulationError
from alphafactory.metrics import (
    METRICS,
    Benchmarks,
    aligned_returns,
    compute_curve_metrics,
    hold_returns,
    simple_returns,
)

with warnings.catch_warnings():
    # The oracle warns of its own dependencies while it is imported.
    warnings.simplefilter("ignore")
    import empyrical

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RELATIVE = ("alpha", "beta", "up_capture", "down_capture", "tracking_error", "information_ratio")
PERIOD_RATE = (1 + RATE) ** (1 / 252) - 1
ORACLES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "return": lambda _, b: empyrical.cum_returns_final(b),
    "alpha": lambda r, b: empyrical.alpha_aligned(r, b, risk_free=PERIOD_RATE, annualization=252),
    "beta": lambda r, b: empyrical.beta_aligned(r, b, risk_free=PERIOD_RATE),
    "up_capture": empyrical.up_capture,
    "down_capture": empyrical.down_capture,
    "tracking_error": lambda r, b: empyrical.annual_volatility(r - b, annualization=252),
    "information_ratio": lambda r, b: empyrical.excess_sharpe(r, b) * math.sqrt(252),
}


def bars_of(closes: Sequence[float], dividends: Sequence[float] = (), sessions: Sequence[str] = ()) -> Bars:
    close = np.array(closes, float)
    paid = np.array(dividends, float) if len(dividends) else np.zeros(len(close))
    made = np.array(sessions, "datetime64[D]") if len(sessions) else days(len(close))
    return Bars(made, close, close, close, close, close, np.ones(len(close)), paid)


@pytest.mark.parametrize("name", ORACLES)
def test_agrees_with_empyrical(name: str) -> None:
    for number, equity in enumerate(curves()):
        returns = simple_returns(equity, START)
        noise = np.random.default_rng(number).normal(0.0002, 0.006, len(equity))
        benchmark = 0.7 * returns + noise
        index = np.random.default_rng(99 + number).permutation(benchmark)
        found = measure(equity, benchmarks=Benchmarks(hold=benchmark, index=index))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = [float(ORACLES[name](returns, other)) for other in (benchmark, index)]
        against_index = found.values["index_return" if name == "return" else name]
        assert found.values[f"hold_{name}"] == pytest.approx(expected[0], rel=1e-12, abs=1e-12), len(equity)
        assert against_index == pytest.approx(expected[1], rel=1e-12, abs=1e-12), len(equity)


def test_an_account_that_is_its_benchmark_has_beta_one_and_no_alpha() -> None:
    equity = START * np.cumprod(1 + np.random.default_rng(3).normal(0, 0.01, 300))
    found = measure(equity, benchmarks=Benchmarks(hold=simple_returns(equity, START)))
    assert found.values["hold_beta"] == pytest.approx(1.0, abs=1e-12)
    assert found.values["hold_alpha"] == pytest.approx(0.0, abs=1e-12)
    assert found.values["hold_up_capture"] == found.values["hold_down_capture"] == 1.0
    assert found.values["hold_tracking_error"] == 0.0
    assert found.reasons["hold_information_ratio"] == "zero_tracking_error"


def test_a_half_invested_account_has_half_the_beta() -> None:
    market = np.random.default_rng(4).normal(0.001, 0.01, 500)
    equity = START * np.cumprod(1 + market / 2)
    found = measure(equity, benchmarks=Benchmarks(index=market)).values
    assert found["beta"] == pytest.approx(0.5, rel=1e-12)
    # The other half earns nothing instead of the risk-free rate.
    assert found["alpha"] == pytest.approx((1 - PERIOD_RATE / 2) ** 252 - 1, rel=1e-9)
    assert 0.0 < found["down_capture"] < 1.0


def test_without_benchmarks_their_metrics_say_so() -> None:
    found = measure([1000.0, 1010.0, 1005.0])
    assert {found.reasons[name] for name in ("index_return", *RELATIVE)} == {"no_index"}
    assert {found.reasons[f"hold_{name}"] for name in ("return", *RELATIVE)} == {"no_holding"}


def test_undefined_comparisons_say_why() -> None:
    flat = measure([1000.0, 1010.0, 1005.0], benchmarks=Benchmarks(index=np.zeros(3)))
    assert flat.values["index_return"] == 0.0
    assert flat.reasons["alpha"] == flat.reasons["beta"] == "flat_benchmark"
    assert flat.reasons["up_capture"] == "no_rising_session"
    assert flat.reasons["down_capture"] == "no_falling_session"
    assert "information_ratio" in flat.values
    one = measure([1010.0], benchmarks=Benchmarks(hold=np.array([0.0])))
    assert one.values["hold_return"] == 0.0
    assert {one.reasons[f"hold_{name}"] for name in RELATIVE} == {"fewer_than_two_returns"}
    lost = measure([1000.0, -200.0, -200.0], benchmarks=Benchmarks(hold=np.array([0.0, 0.1, -0.1])))
    assert lost.reasons["hold_up_capture"] == "equity_below_zero"


def test_growth_beyond_float64_is_no_number() -> None:
    found = measure([1000.0] * 400, benchmarks=Benchmarks(hold=np.full(400, 9.0)))
    assert found.reasons["hold_return"] == "out_of_range"


def test_an_index_that_starts_later_or_has_a_gap_gives_no_metric_at_all() -> None:
    for row, reason in ((0, "index_starts_later"), (2, "index_has_a_gap")):
        index = np.array([0.0, 0.01, -0.01, 0.02])
        index[row] = np.nan
        found = measure([1000.0, 1010.0, 1005.0, 1003.0], benchmarks=Benchmarks(index=index))
        assert {found.reasons[name] for name in ("index_return", *RELATIVE)} == {reason}


def test_benchmarks_of_other_sessions_are_refused() -> None:
    with pytest.raises(SimulationError, match="2 returns of the index in 3 sessions"):
        measure([1000.0] * 3, benchmarks=Benchmarks(index=np.zeros(2)))
    with pytest.raises(SimulationError, match="4 returns of holding in 3 sessions"):
        measure([1000.0] * 3, benchmarks=Benchmarks(hold=np.zeros(4)))


def test_holding_earns_dividends_from_the_first_close_on() -> None:
    found = hold_returns(bars_of([100.0, 110.0, 99.0, 99.0], [7.0, 0.0, 1.1, 0.0]))
    assert found.tolist() == pytest.approx([0.0, 0.1, 100.1 / 110 - 1, 0.0])
    assert hold_returns(bars_of([50.0])).tolist() == [0.0]


def test_an_index_of_the_same_calendar_is_held_like_the_symbol() -> None:
    index = bars_of([100.0, 110.0, 99.0, 99.0], [0.0, 0.0, 1.1, 0.0])
    assert aligned_returns(index, index.sessions) == pytest.approx(hold_returns(index))


def test_an_index_counts_with_its_last_close_and_earns_what_lies_between() -> None:
    index = bars_of(
        [90.0, 100.0, 102.0, 101.0, 110.0], [0, 0, 0, 2.0, 0],
        ["2020-01-01", "2020-01-03", "2020-01-06", "2020-01-07", "2020-01-09"],
    )  # fmt: skip
    sessions = np.array(["2020-01-04", "2020-01-06", "2020-01-08", "2020-01-09"], "datetime64[D]")
    found = aligned_returns(index, sessions)
    assert found.tolist() == pytest.approx([0.0, 102 / 100 - 1, 103 / 102 - 1, 110 / 101 - 1])
    alone = aligned_returns(index, sessions[[0, 3]])
    assert alone[1] == pytest.approx(np.prod(1 + found) - 1)


def test_an_index_is_unknown_before_its_first_bar_and_a_week_after_its_last() -> None:
    index = bars_of([100.0, 101.0], (), ["2020-01-02", "2020-01-03"])
    sessions = np.array(["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-10", "2020-01-11"], "datetime64[D]")
    found = aligned_returns(index, sessions)
    assert np.isnan(found).tolist() == [True, True, False, False, True]
    assert found[3] == 0.0
    assert np.isnan(aligned_returns(bars_of([]), sessions)).all()


def test_a_benchmark_alone_has_the_metrics_of_its_curve() -> None:
    returns = np.random.default_rng(8).normal(0.0005, 0.01, 300)
    alone = compute_curve_metrics(returns, days(300), 252, RATE)
    account = measure(START * np.cumprod(1 + returns))
    assert {"sharpe", "max_drawdown", "calmar", "skew"} <= set(alone.values)
    scaled = {metric.name for metric in METRICS if metric.unit == "money"}
    for name, value in alone.values.items():
        if name not in scaled:
            assert value == pytest.approx(account.values[name], rel=1e-9), name
    assert "n_trades" not in alone.values
    assert "n_trades" not in alone.reasons
