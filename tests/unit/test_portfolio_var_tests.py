"""Tests of value at risk against published numbers: Kupiec (1995), and Jorion's examples of Christoffersen (1998)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from alphafactory.errors import UsageError
from alphafactory.portfolio.value_at_risk import METHODS, tail_risk
from alphafactory.portfolio.var_tests import christoffersen, coverage_tests, kupiec, var_backtest


def breaches(count: int, sessions: int) -> np.ndarray:
    """Spread breaches evenly."""
    found = np.zeros(sessions, bool)
    found[np.linspace(0, sessions - 1, count).astype(int)] = True
    return found


def runs(lengths: list[int], sessions: int) -> np.ndarray:
    """Set runs of breaches apart by two quiet sessions, after a quiet start."""
    found = [False]
    for length in lengths:
        found += [False] + [True] * length + [False]
    return np.array(found + [False] * (sessions - len(found)))


# Kupiec (1995), table of regions in which 5 % confidence does not reject: failures above the first, below the second.
REGIONS = [
    (0.01, 255, -1, 7), (0.01, 510, 1, 11), (0.01, 1000, 4, 17),
    (0.025, 255, 2, 12), (0.025, 510, 6, 21), (0.025, 1000, 15, 36),
    (0.05, 255, 6, 21), (0.05, 510, 16, 36), (0.05, 1000, 37, 65),
    (0.075, 255, 11, 28), (0.075, 510, 27, 51), (0.075, 1000, 59, 92),
    (0.1, 255, 16, 36), (0.1, 510, 38, 65), (0.1, 1000, 81, 120),
]  # fmt: skip


@pytest.mark.parametrize(("rate", "sessions", "low", "high"), REGIONS)
def test_kupiec_rejects_where_his_table_does(rate: float, sessions: int, low: int, high: int) -> None:
    critical = stats.chi2.ppf(0.95, 1)
    for count, rejected in ((low, True), (low + 1, False), (high - 1, False), (high, True)):
        if count > 0:
            statistic = kupiec(breaches(count, sessions), 1 - rate).statistic
            assert isinstance(statistic, float)
            assert (statistic > critical) == rejected, count


def test_jorions_bank_with_twenty_exceptions_in_a_year() -> None:
    # Jorion, Value at Risk, chapter 6: 20 exceptions in 252 days at 95 %, 6 of them after another: 3.91, 9.53, 13.44.
    coverage = kupiec(breaches(20, 252), 0.95)
    independence = christoffersen(runs([2] * 6 + [1] * 8, 253))
    assert coverage.statistic == pytest.approx(3.91, abs=0.005)
    assert independence.statistic == pytest.approx(9.53, abs=0.005)
    both = coverage_tests(runs([2] * 6 + [1] * 8, 253), 0.95).conditional
    assert both.statistic == pytest.approx(13.44, abs=0.12)  # 253 sessions have the 252 transitions that he counts


def test_jorions_question_of_bunched_exceptions() -> None:
    # Chapter 6, question 10: 6 exceptions in 252 days at 99 %, 4 of them after another: 3.498 and 25.837.
    assert kupiec(breaches(6, 252), 0.99).statistic == pytest.approx(3.498, abs=0.001)
    assert christoffersen(runs([3, 3], 253)).statistic == pytest.approx(25.837, abs=0.001)


def test_p_values_are_tails_of_chi_square() -> None:
    tests = coverage_tests(runs([1, 1, 3, 1, 2], 250), 0.95)
    for test, degrees in ((tests.coverage, 1), (tests.independence, 1), (tests.conditional, 2)):
        assert isinstance(test.statistic, float)
        assert test.p_value == pytest.approx(stats.chi2.sf(test.statistic, degrees), rel=1e-12)
    assert tests.conditional.statistic == tests.coverage.statistic + tests.independence.statistic  # type: ignore[operator]
    assert (tests.sessions, tests.breaches) == (250, 8)
    assert tests.expected == pytest.approx(12.5)


def test_likelihoods_by_hand_from_probabilities() -> None:
    found = runs([2, 1], 20)
    counts = {(a, b): 0 for a in (False, True) for b in (False, True)}
    for pair in zip(found[:-1].tolist(), found[1:].tolist(), strict=True):
        counts[pair] += 1
    rate = sum(found[1:]) / 19
    after_quiet = counts[False, True] / (counts[False, False] + counts[False, True])
    after_breach = counts[True, True] / (counts[True, False] + counts[True, True])
    together = rate ** sum(found[1:]) * (1 - rate) ** (19 - sum(found[1:]))
    apart = (
        (1 - after_quiet) ** counts[False, False] * after_quiet ** counts[False, True]
        * (1 - after_breach) ** counts[True, False] * after_breach ** counts[True, True]
    )  # fmt: skip
    assert christoffersen(found).statistic == pytest.approx(-2 * math.log(together / apart), rel=1e-10)


def test_no_breach_counts_against_coverage_and_says_nothing_of_independence() -> None:
    tests = coverage_tests(np.zeros(500, bool), 0.95)
    assert tests.coverage.statistic == pytest.approx(-1000 * math.log(0.95))
    assert tests.coverage.p_value < 1e-10  # type: ignore[operator]
    assert tests.independence.statistic == tests.independence.p_value == "no_breach"
    assert tests.conditional.statistic == "no_breach"


def test_other_one_sided_histories_have_their_reasons() -> None:
    for words, reason in {
        "0001": "breach_in_the_last_session_alone",
        "1111": "breach_in_every_session",
        "1110": "breach_in_all_but_the_last_session",
        "1": "fewer_than_two_sessions",
    }.items():
        assert christoffersen(np.array([letter == "1" for letter in words])).statistic == reason
    nothing = coverage_tests(np.zeros(0, bool), 0.95)
    assert nothing.coverage.statistic == nothing.conditional.p_value == "no_session"
    everything = kupiec(np.ones(4, bool), 0.95)
    assert everything.statistic == pytest.approx(-8 * math.log(0.05))


def test_single_breaches_far_apart_are_no_evidence_of_bunching() -> None:
    found = christoffersen(runs([1, 1], 100))
    assert 0.0 <= found.statistic < 0.2  # type: ignore[operator]


def test_independent_breaches_are_rejected_about_as_often_as_announced() -> None:
    random = np.random.default_rng(1)
    drawn = [coverage_tests(random.random(2000) < 0.05, 0.95) for _ in range(400)]
    for name in ("coverage", "independence", "conditional"):
        rejected = sum(getattr(tests, name).p_value < 0.05 for tests in drawn) / len(drawn)
        assert 0.02 < rejected < 0.10, name


@pytest.mark.parametrize("method", METHODS)
def test_forecasts_know_only_what_was_before(method: str) -> None:
    returns = 0.01 * np.random.default_rng(2).standard_t(8, 140)
    whole = var_backtest(returns, 60, 0.9, method, seed=3)
    assert np.isnan(whole.forecast[:60]).all()
    assert np.isfinite(whole.forecast[60:]).all()
    changed = returns.copy()
    changed[100:] *= 5
    other = var_backtest(changed, 60, 0.9, method, seed=3)
    np.testing.assert_array_equal(other.forecast[:101], whole.forecast[:101])
    assert (other.forecast[101:] != whole.forecast[101:]).any()
    assert whole.forecast[70] == tail_risk(returns[10:70], method, 0.9, seed=73).value_at_risk
    np.testing.assert_array_equal(whole.breached[60:], returns[60:] < whole.forecast[60:])
    assert not whole.breached[:60].any()
    assert whole.tests.sessions == 80


def test_a_good_forecast_passes_and_a_sleepy_one_does_not() -> None:
    random = np.random.default_rng(4)
    calm = random.normal(0, 0.01, 1500)
    assert var_backtest(calm, 250, 0.95, "normal").tests.conditional.p_value > 0.05  # type: ignore[operator]
    # Months of calm and of storm in turn: a window of a year knows neither.
    storms = calm * np.where((np.arange(1500) // 40) % 4 == 0, 4.0, 1.0)
    tests = var_backtest(storms, 250, 0.95, "history").tests
    assert tests.independence.p_value < 0.01  # type: ignore[operator]


def test_windows_in_which_nothing_moved_forecast_nothing() -> None:
    returns = np.concatenate((np.zeros(60), np.random.default_rng(5).normal(0, 0.01, 60)))
    found = var_backtest(returns, 20)
    assert np.isnan(found.forecast[:61]).all()
    assert np.isfinite(found.forecast[61:]).all()
    flat = var_backtest(np.zeros(100), 20)
    assert flat.tests.sessions == 0
    assert flat.tests.coverage.statistic == "no_session"


def test_a_short_history_has_no_forecast_and_a_short_window_is_refused() -> None:
    found = var_backtest(np.random.default_rng(6).normal(0, 0.01, 250), 250)
    assert found.tests.sessions == 0
    assert found.tests.independence.statistic == "fewer_than_two_sessions"
    with pytest.raises(UsageError, match="at least 2"):
        var_backtest(np.zeros(10), 1)
