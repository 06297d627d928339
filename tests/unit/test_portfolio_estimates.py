"""What a close knows: returns, windows, volatility and ATR by hand, gaps and late listings, nothing of the future."""

from __future__ import annotations

import numpy as np
import pytest
from portfolio_samples import future_replaced, random_market

from alphafactory.domain.bars import Bars
from alphafactory.portfolio import Market, estimate
from alphafactory.portfolio.estimates import filled_returns

DAYS = np.arange("2020-01-01", "2020-01-07", dtype="datetime64[D]")
NAN = np.nan


def bars_of(sessions: list[int], closes: list[float], dividends: list[float] | None = None) -> Bars:
    close = np.array(closes)
    paid = np.zeros(len(close)) if dividends is None else np.array(dividends)
    return Bars(DAYS[sessions], close, close + 1.0, close - 1.0, close, close, np.ones(len(close)), paid)


def test_bars_lie_on_common_sessions() -> None:
    market = Market.of([bars_of([0, 1, 3], [10.0, 11.0, 12.0]), bars_of([1, 5], [5.0, 6.0])], ["A", "B"], DAYS[1:5])
    np.testing.assert_array_equal(market.close, [[11.0, 5.0], [NAN, NAN], [12.0, NAN], [NAN, NAN]])
    np.testing.assert_array_equal(market.high, market.close + 1.0)
    assert market.tickers == ("A", "B")


def test_returns_bridge_gaps_and_hold_dividends() -> None:
    bars = bars_of([1, 2, 4, 5], [10.0, 11.0, 9.9, 9.9], [0.0, 0.0, 0.55, 0.99])
    returns = Market.of([bars], ["A"], DAYS).returns[:, 0]
    np.testing.assert_allclose(returns, [NAN, NAN, 0.1, NAN, (9.9 + 0.55) / 11.0 - 1.0, 0.1], rtol=1e-12)


def test_average_true_range_is_wilders() -> None:
    rng = np.random.default_rng(1)
    close = 100.0 + np.cumsum(rng.normal(0.0, 1.0, 40))
    high, low = close + rng.uniform(0.0, 2.0, 40), close - rng.uniform(0.0, 2.0, 40)
    sessions = np.arange(40).astype("datetime64[D]")
    columns = [array[:, None] for array in (high, low, close)]
    found = Market(("A",), sessions, *columns, dividends=np.zeros((40, 1))).atr[:, 0]
    ranges = [max(high[t], close[t - 1]) - min(low[t], close[t - 1]) for t in range(1, 40)]
    expected = sum(ranges[:14]) / 14.0
    assert np.isnan(found[:14]).all()
    assert found[14] == pytest.approx(expected / close[14], rel=1e-12)
    for row in range(15, 40):
        expected = (13.0 * expected + ranges[row - 1]) / 14.0
        assert found[row] == pytest.approx(expected / close[row], rel=1e-12)


def test_average_true_range_keeps_over_a_gap() -> None:
    market = random_market(2, 40, 1)
    gap = np.arange(40) != 25
    without = Market(
        ("A",), market.sessions[gap], *(a[gap] for a in (market.high, market.low, market.close)), market.dividends[gap]
    )
    holes = [np.where(gap[:, None], array, NAN) for array in (market.high, market.low, market.close)]
    withal = Market(("A",), market.sessions, *holes, dividends=market.dividends)
    np.testing.assert_allclose(withal.atr[gap], without.atr, rtol=1e-12)
    assert withal.atr[25, 0] == withal.atr[24, 0]


def test_windows_end_at_the_close() -> None:
    market = random_market(3, 60, 2)
    known = estimate(market, 49, 30)
    np.testing.assert_array_equal(known.returns, market.returns[20:50])
    assert estimate(market, 9, 30).returns.shape == (10, 2)
    assert estimate(market, 9, 30).sessions == 30


def test_volatility_needs_twenty_returns() -> None:
    market = random_market(4, 60, 2)
    known = estimate(market, 20, 40)
    np.testing.assert_allclose(known.volatility, np.std(market.returns[1:21], axis=0, ddof=1), rtol=1e-12)
    assert np.isnan(estimate(market, 19, 40).volatility).all()


def test_the_future_changes_no_estimate() -> None:
    market = random_market(5, 80, 3)
    changed = future_replaced(market, 50, 6)
    now, then = estimate(market, 50, 40), estimate(changed, 50, 40)
    np.testing.assert_array_equal(now.returns, then.returns)
    np.testing.assert_array_equal(now.atr, then.atr)
    assert not np.array_equal(estimate(market, 51, 40).returns, estimate(changed, 51, 40).returns)


def test_holes_are_filled_as_said() -> None:
    returns = np.array(
        [
            [NAN, NAN, NAN],
            [0.01, NAN, 0.03],
            [NAN, 0.02, 0.01],
            [0.02, -0.01, NAN],
        ]
    )
    expected = [[0.01, 0.02, 0.03], [0.0, 0.02, 0.01], [0.02, -0.01, 0.005]]
    np.testing.assert_allclose(filled_returns(returns), expected, rtol=1e-15)
    whole = np.ones((3, 2))
    assert filled_returns(whole) is whole
