"""Mean reversion: each strategy against a loop that is written from its own words, and by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from strategy_markets import context_of, random_symbol, signals_of, view_of

from alphafactory.domain.bars import Bars
from alphafactory.domain.plugins import MarketView
from alphafactory.domain.results import EXIT_REASONS, ORDER_ENDS
from alphafactory.domain.settings import parse_settings
from alphafactory.errors import UsageError
from alphafactory.simulation import simulate
from alphafactory.strategies.catalogue import discover_strategies
from alphafactory.strategies.levels import above, below
from alphafactory.strategies.mean_reversion.gap_fade import GapFade
from alphafactory.strategies.mean_reversion.rsi_2 import Rsi2
from alphafactory.strategies.mean_reversion.short_term_reversion import ShortTermReversion
from alphafactory.strategies.mean_reversion.z_score_reversion import ZScoreReversion
from alphafactory.strategies.parameters import resolve_parameters

if TYPE_CHECKING:
    from collections.abc import Callable

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.signals import Signals
    from alphafactory.simulation import Simulation

NAN = float("nan")
FATE = ("decided", "ended", "end")
REGISTRY = discover_strategies()
Row = tuple[bool, bool, bool, bool]
"""Whether a row says: enter long, leave long, enter short, leave short."""


def average(values: FloatArray, row: int, period: int) -> float:
    return NAN if row < period - 1 else float(np.mean(values[row - period + 1 : row + 1]))


def deviation(values: FloatArray, row: int, period: int) -> float:
    return NAN if row < period - 1 else float(np.std(values[row - period + 1 : row + 1]))


def rsi_2(view: MarketView, p: dict[str, float], row: int) -> Row:
    close, rsi = view.close[:, 0], view.indicators["rsi"][row, 0]
    enter = rsi < p["entry"] and close[row] > average(close, row, int(p["trend"]))
    return enter, close[row] > average(close, row, int(p["exit"])), False, False


def bollinger_rsi(view: MarketView, p: dict[str, float], row: int) -> Row:
    close, rsi, period = view.close[:, 0], view.indicators["rsi"][row, 0], int(p["period"])
    middle, band = average(close, row, period), p["deviations"] * deviation(close, row, period)
    return (
        close[row] < middle - band and rsi < p["oversold"],
        close[row] > middle,
        close[row] > middle + band and rsi > 100 - p["oversold"],
        close[row] < middle,
    )


def short_term_reversion(view: MarketView, p: dict[str, float], row: int) -> Row:
    usual = float(np.mean(view.volume[row - int(p["period"]) : row, 0])) if row >= p["period"] else NAN
    falls, back, _, _ = bollinger_rsi(view, p, row)
    return falls and view.volume[row, 0] > p["volume"] * usual, back, False, False


def z_score_reversion(view: MarketView, p: dict[str, float], row: int) -> Row:
    close, period = view.close[:, 0], int(p["period"])
    spread = deviation(close, row, period)
    score = (close[row] - average(close, row, period)) / spread if spread > 0 else NAN
    return score < -p["entry"], score > -p["exit"], score > p["entry"], score < p["exit"]


def williams_r_reversion(view: MarketView, p: dict[str, float], row: int) -> Row:
    first = row - int(p["period"]) + 1
    if first < 0:
        return False, False, False, False
    top, bottom = view.high[first : row + 1, 0].max(), view.low[first : row + 1, 0].min()
    place = -100.0 * (top - view.close[row, 0]) / (top - bottom)
    return place < p["entry"], place > p["exit"], False, False


def side_of(rows: list[tuple[bool, bool]], most: int) -> list[float]:
    """Hold from an entry until an exit, or for `most` rows; the row that ends it begins nothing."""
    found, held, since = [], False, 0
    for at, (enter, leave) in enumerate(rows):
        if held:
            held = not leave and not (most and at == since + most)
        elif enter and not leave:
            held, since = True, at
        found.append(float(held))
    return found


def expected(name: str, view: MarketView, params: dict[str, float]) -> FloatArray:
    judge: Callable[[MarketView, dict[str, float], int], Row] = globals()[name]
    rows = [judge(view, params, row) for row in range(len(view.close))]
    most = int(params.get("bars", 0))
    long = side_of([(enter, leave) for enter, leave, _, _ in rows], most)
    short = side_of([(enter, leave) for _, _, enter, leave in rows], most)
    return np.array(long) - (np.array(short) if params.get("short") else 0.0)


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("rsi_2", {}),
        ("rsi_2", {"period": 3, "entry": 25, "trend": 50, "exit": 10}),
        ("bollinger_rsi", {}),
        ("bollinger_rsi", {"period": 10, "deviations": 1.0, "rsi": 5, "oversold": 45, "short": 1}),
        ("short_term_reversion", {}),
        ("short_term_reversion", {"deviations": 0.5, "oversold": 50, "volume": 0.7, "bars": 2}),
        ("short_term_reversion", {"deviations": 0.5, "oversold": 50, "volume": 0.5, "bars": 1}),
        ("z_score_reversion", {}),
        ("z_score_reversion", {"period": 50, "entry": 1.0, "exit": -0.5, "short": 1}),
        ("williams_r_reversion", {}),
        ("williams_r_reversion", {"period": 30, "entry": -70, "exit": -45}),
    ],
)
def test_signals_are_those_of_the_loop(name: str, changed: dict[str, float]) -> None:
    strategy = REGISTRY.get(name)
    params = resolve_parameters(strategy, changed)
    traded = 0
    for seed in (1, 2, 3):
        view = view_of(strategy, params, [random_symbol(seed, 700)], context_of(700))
        found = strategy.signals(view, params)
        np.testing.assert_array_equal(found[:, 0], expected(name, view, params))
        traded += len(np.unique(found)) > 1 + params.get("short", 0)
    assert traded == 3


def hand_made(close: list[float], **indicators: list[float]) -> MarketView:
    prices = np.array(close)[:, None]
    sessions = np.datetime64("2020-01-01") + np.arange(len(prices))
    named = {name: np.array(values, dtype=np.float64)[:, None] for name, values in indicators.items()}
    return MarketView(sessions, prices, prices, prices, prices, prices, named)


def test_rsi_2_buys_weakness_in_a_rise_and_sells_the_first_strong_close() -> None:
    view = hand_made(
        [90, 101, 99, 101, 104, 101, 101],
        rsi=[5, 5, NAN, 8, 60, 10, 9],
        trend=[100, 100, 100, NAN, 100, 100, 100],
        exit=[102, 102, 102, 102, 102, 102, 102],
    )
    params = resolve_parameters(Rsi2, {})
    # Below the trend; bought; held without an RSI; held without a trend; sold; not below 10; bought.
    assert Rsi2.signals(view, params)[:, 0].tolist() == [0, 1, 1, 1, 0, 0, 1]


def test_a_price_that_equals_its_average_is_not_above_it_whatever_the_last_bit() -> None:
    level = np.array([113.97, np.nextafter(113.97, 0), np.nextafter(113.97, 200), 113.96, 113.98, NAN])
    price = np.full(6, 113.97)
    assert above(price, level).tolist() == [False, False, False, True, False, False]
    assert below(price, level).tolist() == [False, False, False, False, True, False]


def test_short_term_reversion_is_out_after_its_bars_and_may_begin_again_a_bar_later() -> None:
    rows = 9
    view = hand_made([90] * rows, middle=[100] * rows, lower=[95] * rows, rsi=[10] * rows, volume=[2] * rows)
    params = resolve_parameters(ShortTermReversion, {"bars": 3})
    assert ShortTermReversion.signals(view, params)[:, 0].tolist() == [1, 1, 1, 0, 1, 1, 1, 0, 1]


def test_z_score_goes_both_ways_only_when_asked() -> None:
    view = hand_made([1] * 6, score=[-2.5, -1, -0.4, 2.5, 1, 0.4])
    both = resolve_parameters(ZScoreReversion, {"short": 1})
    assert ZScoreReversion.signals(view, both)[:, 0].tolist() == [1, 1, 0, -1, -1, 0]
    assert ZScoreReversion.signals(view, {**both, "short": 0})[:, 0].tolist() == [1, 1, 0, 0, 0, 0]
    with pytest.raises(UsageError, match=r"wants exit below entry, not exit=1\.5 and entry=1\.5"):
        resolve_parameters(ZScoreReversion, {"entry": 1.5, "exit": 1.5})


def gap_bars(bid_day: list[float], after: list[float]) -> Bars:
    """A rise, a first lower close of 100 in row 3, the session of the bid, and two after it; open high low close."""
    rows = [[98, 99, 97, 98], [98, 101, 98, 101], [101, 103, 101, 102], [102, 102, 99, 100], bid_day, after, after]
    opening, high, low, close = np.array(rows, dtype=np.float64).T
    volume = np.arange(1e6, 1e6 + len(rows))
    sessions = np.datetime64("2020-01-01") + np.arange(len(rows))
    return Bars(sessions, opening, high, low, close, volume, np.ones(len(rows)), np.zeros(len(rows)))


def gap_signals(bars: Bars) -> Signals:
    """Ask with an average far below and a range of 6, half of which is 3: the bid is 97."""
    columns = {name: getattr(bars, name)[:, None] for name in ("open", "high", "low", "close", "volume")}
    known = {"trend": np.full((len(bars), 1), 50.0), "range": np.full((len(bars), 1), 6.0)}
    return GapFade.signals(MarketView(bars.sessions, **columns, indicators=known), resolve_parameters(GapFade, {}))


def faded(bid_day: list[float], **words: object) -> Simulation:
    bars = gap_bars(bid_day, [98.5, 99.5, 98, 99])
    return simulate(bars, gap_signals(bars), parse_settings(initial_capital=1e5, **words))


def only_trade(result: Simulation) -> tuple[int, float, int, float, str]:
    trades = result.trades
    assert len(trades) == 1
    reason = EXIT_REASONS[trades.exit_reason[0]]
    return int(trades.entry_row[0]), trades.entry_price[0], int(trades.exit_row[0]), trades.exit_price[0], reason


def test_the_bid_stands_for_one_row_below_the_close_that_it_aims_at() -> None:
    signals = gap_signals(gap_bars([96, 99, 95, 98], [98.5, 99.5, 98, 99]))
    assert signals.target[:, 0].tolist() == [0, 0, 0, 1, 0, 0, 0]
    for name, value in (("entry_limit", 97.0), ("take_profit", 100.0), ("good_for", 1.0)):
        array = getattr(signals, name)[:, 0]
        assert array[3] == value
        assert np.isnan(np.delete(array, 3)).all()


def test_a_gap_is_bought_at_the_open_and_sold_at_the_open_that_follows() -> None:
    assert only_trade(faded([96, 99, 95, 98])) == (4, 96.0, 5, 98.5, "signal")


def test_filled_at_the_close_it_is_out_at_the_close_of_its_own_day() -> None:
    assert only_trade(faded([96, 99, 95, 98], fill="same_close")) == (4, 96.0, 4, 98.0, "signal")


def test_a_gap_that_is_closed_within_the_day_is_sold_there() -> None:
    assert only_trade(faded([96, 101, 95, 100.5])) == (4, 96.0, 4, 100.0, "take_profit")


def test_a_bid_that_the_day_reaches_later_is_filled_at_its_price_and_cannot_meet_its_aim_that_day() -> None:
    assert only_trade(faded([99, 101, 96, 100.5])) == (4, 97.0, 5, 98.5, "signal")


def test_a_bid_that_is_not_reached_is_given_up_after_one_session() -> None:
    result = faded([98, 99, 97.5, 98.5])
    assert len(result.trades) == 0
    orders = [(o, e, ORDER_ENDS[end]) for o, e, end in zip(*(getattr(result.orders, n) for n in FATE), strict=True)]
    assert orders == [(3, 4, "limit")]


def test_no_bids_are_neighbours_and_none_is_without_a_price() -> None:
    params = resolve_parameters(GapFade, {"trend": 10, "depth": 3.0})
    signals = signals_of(GapFade, params, [random_symbol(4, 900)], context_of(900))
    bids = signals.target[:, 0] == 1.0
    assert bids.sum() > 30
    assert not (bids[1:] & bids[:-1]).any()
    assert (signals.entry_limit[bids] < signals.take_profit[bids]).all()
    deep = hand_made([1, 2, 3, 2.9], trend=[1] * 4, range=[6] * 4)
    assert GapFade.signals(deep, params).target.sum() == 0.0, "a bid of no price"
