"""Where backtesting.py 0.6.6 and we differ: for each case the smallest market that shows it, and what both do.

An upgrade of the peer that changes one of its answers fails here; docs/peers.md then needs a new line.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from peer_markets import FLAT, bars_of
from peer_runs import ours, with_backtesting

from alphafactory.domain.signals import Signals

CALM = (100.0, 101.0, 99.0, 100.0)
BUY = np.array([0.0, 1.0, 1.0, 1.0, 1.0])
BUY_AND_SELL = np.array([0.0, 1.0, 0.0, 0.0, 0.0])
FLATS = (FLAT, FLAT, FLAT, FLAT, FLAT)


def priced(**prices: float) -> Signals:
    """Return the signal to buy, with the same prices in every session."""
    return Signals(BUY, **{name: np.full(len(BUY), price) for name, price in prices.items()})


def test_it_buys_a_share_less_where_equity_divides_exactly() -> None:
    bars = bars_of(*FLATS)
    assert ours(bars, BUY, shares="whole").trades[0, 4] == 1000
    assert with_backtesting(bars, BUY).trades[0, 4] == 999


def test_fills_at_the_close_reach_its_equity_a_session_late() -> None:
    bars = bars_of(*FLATS)
    mine = ours(bars, BUY, fill="same_close", commission="bps:100", shares="whole")
    theirs = with_backtesting(bars, BUY, trade_on_close=True, commission=0.01)
    assert mine.legs == theirs.legs == [(1, 100, -1, -1)]
    assert mine.trades[0, 4] == theirs.trades[0, 4] == 990
    assert mine.equity.tolist() == [100_000, 99_010, 99_010, 99_010, 99_010]
    assert theirs.equity.tolist() == [100_000, 100_000, 99_010, 99_010, 99_010]


def test_it_does_not_fill_at_the_last_close() -> None:
    bars, late = bars_of(*FLATS), np.array([0.0, 0.0, 0.0, 0.0, 1.0])
    assert ours(bars, late, fill="same_close").legs == [(4, 100, -1, -1)]
    assert with_backtesting(bars, late, trade_on_close=True).legs == []


def test_it_does_not_ask_in_the_first_session() -> None:
    bars, early = bars_of(*FLATS), np.ones(5)
    assert ours(bars, early).legs == [(1, 100, -1, -1)]
    assert with_backtesting(bars, early).legs == []


def test_it_stops_in_a_bar_that_opened_beyond_the_target() -> None:
    bars = bars_of(FLAT, FLAT, CALM, (106, 107, 94, 100), CALM)
    signals = priced(stop=95.0, take_profit=105.0)
    assert ours(bars, signals).legs == [(2, 100, 3, 106)]
    assert with_backtesting(bars, signals).legs == [(2, 100, 3, 95)]


def test_a_limit_entry_inside_the_bar_is_stopped_a_bar_later() -> None:
    bars = bars_of(FLAT, FLAT, (100, 100, 95, 97), (97, 98, 96, 97), (97, 98, 97, 97))
    signals = priced(entry_limit=98.0, stop=96.5)
    assert ours(bars, signals).legs == [(2, 98, 2, 96.5)]
    assert with_backtesting(bars, signals).legs == [(2, 98, 3, 96.5)]


def test_a_limit_entry_at_the_open_is_stopped_a_bar_later_too() -> None:
    bars = bars_of(FLAT, FLAT, (97, 98, 95, 97), (97, 98, 96, 97), (97, 98, 97, 97))
    signals = priced(entry_limit=98.0, stop=96.5)
    assert ours(bars, signals).legs == [(2, 97, 2, 96.5)]
    assert with_backtesting(bars, signals).legs == [(2, 97, 3, 96.5)]


def test_a_stop_entry_is_stopped_a_bar_later() -> None:
    bars = bars_of(FLAT, FLAT, (100, 102, 97, 101), (101, 103, 100, 102), (102, 103, 101, 102))
    signals = priced(entry_stop=101.0, stop=98.0)
    assert ours(bars, signals).legs == [(2, 101, 2, 98)]
    assert with_backtesting(bars, signals).legs == [(2, 101, -1, -1)]


def test_a_stop_entry_meets_its_target_in_the_same_bar() -> None:
    bars = bars_of(FLAT, FLAT, (100, 107, 99.5, 102), (102, 103, 101, 102), (102, 103, 101, 102.5))
    signals = priced(entry_stop=101.0, take_profit=105.0, stop=98.0)
    assert ours(bars, signals).legs == [(2, 101, -1, -1)]
    assert with_backtesting(bars, signals).legs == [(2, 101, 2, 105)]


def test_a_stop_limit_fills_at_a_price_that_the_bar_never_had() -> None:
    bars = bars_of(FLAT, FLAT, (105, 106, 102, 104), (104, 105, 103, 104), (104, 105, 103, 104.5))
    signals = priced(entry_stop=101.0, entry_limit=103.0)
    assert ours(bars, signals).legs == [(2, 103, -1, -1)]
    assert with_backtesting(bars, signals).legs == [(2, 101, -1, -1)]


def test_it_enters_beyond_its_own_stop_and_leaves_at_once() -> None:
    bars = bars_of(FLAT, FLAT, (95, 96, 94, 95), (95, 96, 94, 95.5), (95, 96, 94, 95))
    signals = priced(stop=97.0)
    assert ours(bars, signals).legs == []
    assert with_backtesting(bars, signals).legs == [(2, 95, 2, 95)]


def test_it_enters_beyond_its_own_target_and_leaves_at_once() -> None:
    bars = bars_of(FLAT, FLAT, (106, 107, 105, 106), (106, 107, 105, 106.5), (106, 107, 105, 106))
    signals = priced(take_profit=105.0)
    assert ours(bars, signals).legs == []
    assert with_backtesting(bars, signals).legs == [(2, 106, 2, 106)]


def test_it_cancels_an_order_that_cash_does_not_cover() -> None:
    bars = bars_of(*FLATS)
    assert ours(bars, BUY, sizing="shares:1001", shares="whole").trades[0, 4] == 1000
    assert with_backtesting(bars, BUY, size=1001).legs == []


def test_it_sizes_a_part_of_equity_with_the_fixed_fee_on_each_share() -> None:
    bars = bars_of(*FLATS)
    assert ours(bars, BUY, shares="whole", commission="per_trade:26").trades[0, 4] == 999
    assert with_backtesting(bars, BUY, commission=(26.0, 0.0)).trades[0, 4] == 793


def test_its_spread_hits_entries_alone() -> None:
    bars = bars_of(*FLATS)
    assert ours(bars, BUY_AND_SELL, slippage="bps:100").legs == [(2, 101, 3, 99)]
    assert with_backtesting(bars, BUY_AND_SELL, spread=0.01).legs == [(2, 101, 3, 100)]


def test_ruin_leaves_it_with_nothing_rather_than_debt() -> None:
    bars = bars_of(FLAT, FLAT, FLAT, (210, 210, 210, 210), (90, 90, 90, 90))
    mine, theirs = ours(bars, -BUY), with_backtesting(bars, -BUY, whole=False)
    assert mine.legs == theirs.legs == [(2, 100, 3, 210)]
    assert mine.equity.tolist() == [100_000, 100_000, 100_000, -10_000, -10_000]
    assert theirs.equity.tolist() == [100_000, 100_000, 100_000, 0, 0]


def test_it_fills_without_volume() -> None:
    bars = bars_of(FLAT, FLAT, CALM, (101, 102, 100, 101), FLAT, volume=[9, 8, 0, 7, 6])
    assert ours(bars, BUY).legs == [(3, 101, -1, -1)]
    assert with_backtesting(bars, BUY).legs == [(2, 100, -1, -1)]


@pytest.mark.parametrize(("close", "theirs"), [(100.0, 250), (120.0, 150)])
def test_it_sizes_an_addition_to_a_short_by_the_close_of_the_bar_it_fills_in(close: float, theirs: float) -> None:
    from backtesting import Backtest, Strategy  # noqa: PLC0415  takes a second
    from peer_runs import price_frame  # noqa: PLC0415

    bars = bars_of(FLAT, FLAT, FLAT, (100, max(close, 101), 99, close), FLAT)

    class SellTwice(Strategy):  # type: ignore[misc]
        def init(self) -> None:
            """Prepare nothing."""

        def next(self) -> None:
            if len(self.data) in {2, 3}:
                self.sell(size=0.5)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own: a trade left open
        answer = Backtest(price_frame(bars), SellTwice, cash=100_000.0).run()
    assert [-trade.size for trade in answer["_strategy"].trades] == [500, theirs]
    halves = ours(bars, np.array([0.0, -0.5, -0.75, -0.75, -0.75]))
    assert halves.trades[0, 4] == pytest.approx(-750)
