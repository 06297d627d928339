"""The equal-weight benchmark against share counts kept by hand, and how a portfolio stands beside it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from alphafactory.errors import UsageError
from alphafactory.portfolio.comparison import beside, equal_weight_returns

NAN = math.nan


def by_shares(closes: np.ndarray, dividends: np.ndarray, member: np.ndarray, rebalance: np.ndarray) -> np.ndarray:
    """Keep shares of every symbol in plain Python: the benchmark as a person would run it."""
    sessions, symbols = closes.shape
    shares, last, wealth, returns = [0.0] * symbols, [NAN] * symbols, 1.0, []
    for row in range(sessions):
        for k in range(symbols):
            if not math.isnan(closes[row, k]):
                shares[k] *= 1.0 + dividends[row, k] / closes[row, k]
                last[k] = closes[row, k]
        worth = sum(n * price for n, price in zip(shares, last, strict=True) if n)
        now = worth if any(shares) else wealth
        returns.append(now / wealth - 1.0)
        wealth = now
        chosen = [k for k in range(symbols) if member[row, k] and not math.isnan(closes[row, k])]
        if chosen and (rebalance[row] or not any(shares)):
            shares = [wealth / len(chosen) / last[k] if k in chosen else 0.0 for k in range(symbols)]
    return np.array(returns)


def market(seed: int, sessions: int = 120, symbols: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    closes = 50 * np.exp(np.cumsum(random.normal(0, 0.02, (sessions, symbols)), axis=0))
    closes[: random.integers(5, 60), 0] = NAN
    closes[random.integers(40, 110) :, 1] = NAN
    closes[random.random((sessions, symbols)) < 0.03] = NAN
    dividends = np.where((random.random((sessions, symbols)) < 0.03) & np.isfinite(closes), 0.7, 0.0)
    member = np.ones((sessions, symbols), bool)
    member[:70, 2] = False
    member[30:, 3] = False
    return closes, dividends, member, np.arange(sessions) % 21 == 20


@pytest.mark.parametrize("seed", range(8))
def test_the_benchmark_is_what_keeping_shares_gives(seed: int) -> None:
    inputs = market(seed)
    np.testing.assert_allclose(equal_weight_returns(*inputs), by_shares(*inputs), atol=1e-13)


def test_by_hand_with_drift_dividend_and_a_rebalance() -> None:
    closes = np.array([[10.0, 20.0], [20.0, 20.0], [20.0, 20.0], [20.0, 40.0]])
    dividends = np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
    both, never = np.ones((4, 2), bool), np.zeros(4, bool)
    # Halves become 1 and 0.5, then the dividend makes the second 0.55, then it doubles.
    drifting = equal_weight_returns(closes, dividends, both, never)
    assert np.cumprod(1 + drifting).tolist() == pytest.approx([1.0, 1.5, 1.55, 2.1])
    monthly = equal_weight_returns(closes, dividends, both, np.array([False, False, True, False]))
    assert np.cumprod(1 + monthly).tolist() == pytest.approx([1.0, 1.5, 1.55, 1.55 * 1.5])


def test_nothing_is_known_before_it_happens() -> None:
    closes, dividends, member, rebalance = market(3)
    whole = equal_weight_returns(closes, dividends, member, rebalance)
    for cut in (10, 21, 64, 100):
        part = equal_weight_returns(closes[:cut], dividends[:cut], member[:cut], rebalance[:cut])
        np.testing.assert_array_equal(part, whole[:cut])


def test_a_late_listing_is_bought_at_the_next_rebalance_and_not_before() -> None:
    closes = np.array([[10.0, NAN], [10.0, 5.0], [10.0, 10.0], [10.0, 20.0], [10.0, 40.0]])
    plain = np.zeros((5, 2)), np.ones((5, 2), bool), np.array([False, False, False, True, False])
    assert equal_weight_returns(closes, *plain).tolist() == pytest.approx([0.0, 0.0, 0.0, 0.0, 0.5])


def test_a_delisted_symbol_is_paid_out_and_lies_until_the_rebalance() -> None:
    closes = np.array([[10.0, 10.0], [10.0, 8.0], [20.0, NAN], [20.0, NAN], [40.0, NAN]])
    plain = np.zeros((5, 2)), np.ones((5, 2), bool), np.array([False, False, False, True, False])
    kept = np.cumprod(1 + equal_weight_returns(closes, *plain))
    assert kept.tolist() == pytest.approx([1.0, 0.9, 1.4, 1.4, 2.8])
    gone = equal_weight_returns(closes, *plain, delisted=np.array([False, True]), delisting_return=-0.5)
    assert np.cumprod(1 + gone).tolist() == pytest.approx([1.0, 0.7, 1.2, 1.2, 2.4])
    total = equal_weight_returns(closes[:, 1:], *(part[:, 1:] for part in plain[:2]), plain[2],
                                 delisted=np.array([True]), delisting_return=-1.0)  # fmt: skip
    assert total.tolist() == pytest.approx([0.0, -1.0, 0.0, 0.0, 0.0])


def test_it_waits_for_the_first_member_and_survives_an_empty_universe() -> None:
    closes = np.array([[10.0], [11.0], [22.0], [33.0]])
    member = np.array([[False], [True], [True], [False]])
    found = equal_weight_returns(closes, np.zeros((4, 1)), member, np.ones(4, bool))
    assert found.tolist() == pytest.approx([0.0, 0.0, 1.0, 0.5])
    nobody = equal_weight_returns(closes, np.zeros((4, 1)), np.zeros((4, 1), bool), np.ones(4, bool))
    assert nobody.tolist() == [0.0] * 4


def test_shapes_must_fit() -> None:
    with pytest.raises(UsageError, match="one shape"):
        equal_weight_returns(np.ones((3, 2)), np.zeros((3, 1)), np.ones((3, 2), bool), np.ones(3, bool))


def test_beside_by_hand() -> None:
    found = beside(np.array([0.1, -0.5, 0.2]), np.array([0.0, 0.0, 0.1]))
    assert found["portfolio_return"] == pytest.approx(-0.34)
    assert found["benchmark_return"] == pytest.approx(0.1)
    assert found["difference"] == pytest.approx(-0.44)
    assert found["relative_wealth"] == pytest.approx(0.66 / 1.1 - 1)
    assert found["worst_lag"] == pytest.approx(-0.5)
    same = beside(np.array([0.1, -0.1]), np.array([0.1, -0.1]))
    assert (same["relative_wealth"], same["worst_lag"]) == (0.0, 0.0)


def test_beside_a_benchmark_without_numbers() -> None:
    assert set(beside(np.zeros(2), np.array([0.0, NAN])).values()) == {"benchmark_is_unknown"}
    assert set(beside(np.empty(0), np.empty(0)).values()) == {"no_session"}
    broke = beside(np.zeros(2), np.array([-1.0, 0.0]))
    assert (broke["difference"], broke["worst_lag"]) == (1.0, "benchmark_lost_everything")
    with pytest.raises(UsageError, match="cannot be compared"):
        beside(np.zeros(2), np.zeros(3))
