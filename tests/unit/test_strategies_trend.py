"""Crossings, channels, directional movement and the parabolic stop against plain loops, and by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from strategy_markets import beside_nothing, context_of, random_symbol, signals_of, view_of

from alphafactory.domain.plugins import MarketView
from alphafactory.domain.results import EXIT_REASONS
from alphafactory.domain.settings import parse_settings
from alphafactory.domain.signals import Signals
from alphafactory.errors import UsageError
from alphafactory.simulation import simulate
from alphafactory.strategies.parameters import resolve_parameters
from alphafactory.strategies.trend.adx_trend import AdxTrend
from alphafactory.strategies.trend.donchian_breakout import DonchianBreakout
from alphafactory.strategies.trend.ema_crossover import EmaCrossover
from alphafactory.strategies.trend.macd_crossover import MacdCrossover
from alphafactory.strategies.trend.parabolic_sar import ParabolicSar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.strategies.base import Strategy

NAN = float("nan")
LENGTH = 700
STRATEGIES: tuple[type[Strategy], ...] = (EmaCrossover, MacdCrossover, DonchianBreakout, AdxTrend, ParabolicSar)


def column(values: Sequence[float]) -> np.ndarray:
    return np.array(values, dtype=np.float64)[:, None]


def view_with(close: Sequence[float], **indicators: Sequence[float]) -> MarketView:
    """Make what a strategy sees of one symbol, its indicators written by hand."""
    prices = column(close)
    sessions = np.datetime64("2020-01-01") + np.arange(len(prices))
    return MarketView(sessions, prices, prices, prices, prices, prices, {k: column(v) for k, v in indicators.items()})


def by_hand(strategy: type[Strategy], view: MarketView, **given: float) -> list[float]:
    answer = strategy.signals(view, resolve_parameters(strategy, given))
    return (answer.target if isinstance(answer, Signals) else answer)[:, 0].tolist()


def seen(strategy: type[Strategy], seed: int, **given: float) -> tuple[MarketView, list[float]]:
    """What a strategy sees of a random market, and the targets that the pipeline gets of it."""
    params, symbols = resolve_parameters(strategy, given), [random_symbol(seed, LENGTH)]
    context = context_of(LENGTH)
    return view_of(strategy, params, symbols, context), signals_of(strategy, params, symbols, context).target[
        :, 0
    ].tolist()


def rows_of(view: MarketView, *names: str) -> list[tuple[float, ...]]:
    """The close and the indicators of each row."""
    return list(zip(view.close[:, 0].tolist(), *(view.indicators[name][:, 0].tolist() for name in names), strict=True))


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("length", [0, 1, 2, 12])
def test_a_history_too_short_to_judge_is_flat(strategy: type[Strategy], length: int) -> None:
    # Of the parabolic stop two bars are enough.
    length = min(length, 1) if strategy is ParabolicSar else length
    params = resolve_parameters(strategy, {"short": 1} if "short" in strategy.parameters else {})
    targets = signals_of(strategy, params, [random_symbol(1, length)], context_of(20)).target
    np.testing.assert_array_equal(targets, np.zeros((length, 1)))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_symbol_without_prices_is_flat_beside_one_with(strategy: type[Strategy]) -> None:
    view, alone = seen(strategy, 1)
    target = beside_nothing(strategy, resolve_parameters(strategy, {}), view)
    assert target[:, 0].tolist() == alone
    assert not target[:, 1].any()


@pytest.mark.parametrize(("strategy", "lines"), [(EmaCrossover, ("fast", "slow")), (MacdCrossover, ("line", "signal"))])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_crossings_are_long_only_while_the_first_line_is_above(
    strategy: type[Strategy], lines: tuple[str, str], seed: int
) -> None:
    view, targets = seen(strategy, seed)
    assert targets == [1.0 if first > second else 0.0 for _, first, second in rows_of(view, *lines)]
    assert 0.0 < np.mean(targets) < 1.0


def test_lines_that_touch_are_no_crossing() -> None:
    view = view_with([1.0] * 4, fast=[NAN, 2.0, 2.0, 3.0], slow=[NAN, NAN, 2.0, 2.0])
    assert by_hand(EmaCrossover, view) == [0.0, 0.0, 0.0, 1.0]
    view = view_with([1.0] * 4, line=[NAN, -2.0, -1.0, -1.0], signal=[NAN, -1.0, -1.0, -2.0])
    assert by_hand(MacdCrossover, view) == [0.0, 0.0, 0.0, 1.0]


def test_an_exponential_average_turns_before_a_simple_one() -> None:
    view, targets = seen(EmaCrossover, 4, fast=10, slow=40)
    close = view.close[:, 0]
    simple = [
        float(close[row - 9 : row + 1].mean() > close[row - 39 : row + 1].mean()) if row >= 39 else 0.0
        for row in range(LENGTH)
    ]
    turns = np.flatnonzero(np.diff(targets) == 1.0)
    later = [next(row for row in range(turn, LENGTH) if simple[row] == 1.0) - turn for turn in turns[:-1]]
    assert np.mean(later) > 1.0


@pytest.mark.parametrize("given", [{"fast": 50, "slow": 50}, {"fast": 60}, {"fast": 30, "slow": 20}])
def test_a_fast_average_that_is_not_faster_is_refused(given: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="wants fast below slow"):
        resolve_parameters(EmaCrossover, given)


def test_macd_refuses_a_fast_average_that_is_not_faster() -> None:
    with pytest.raises(UsageError, match="not fast=26 and slow=26"):
        resolve_parameters(MacdCrossover, {"fast": 26})


def donchian_loop(view: MarketView, entry: int, leave: int, *, short: bool) -> list[float]:
    """The rule as a trader keeps it, from the bars alone."""
    high, low, close = (getattr(view, name)[:, 0].tolist() for name in ("high", "low", "close"))
    position, targets = 0.0, []
    for row, price in enumerate(close):
        if row >= leave and (
            (position > 0 and price < min(low[row - leave : row]))
            or (position < 0 and price > max(high[row - leave : row]))
        ):
            position = 0.0
        if row >= entry and price > max(high[row - entry : row]):
            position = 1.0
        if short and row >= entry and price < min(low[row - entry : row]):
            position = -1.0
        targets.append(position)
    return targets


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("entry", "leave", "short"), [(55, 20, 0), (20, 10, 1), (10, 10, 1), (120, 5, 0)])
def test_donchian_trades_the_channels_of_the_bars_before(seed: int, entry: int, leave: int, short: int) -> None:
    view, targets = seen(DonchianBreakout, seed, entry=entry, exit=leave, short=short)
    assert targets == donchian_loop(view, entry, leave, short=bool(short))
    assert any(targets)


def test_donchian_by_hand() -> None:
    view = view_with(
        [5.0, 6.0, 6.0, 7.0, 5.0, 4.0, 3.0],
        entry_high=[5.0, 6.0, 6.0, 7.0, 7.0, 7.0, 7.0],
        entry_low=[5.0, 5.0, 5.0, 5.0, 5.0, 4.0, 3.0],
        exit_high=[5.0, 6.0, 6.0, 7.0, 7.0, 5.0, 5.0],
        exit_low=[5.0, 5.0, 6.0, 6.0, 5.0, 4.0, 3.0],
        range=[NAN, 0.0, 0.0, 1.0, 1.5, 1.5, 1.5],
    )
    # 6 exceeds the 5 before it; a second 6 only equals it; 5 breaks the 6 of the exit; 4 breaks the 5 of the entry.
    assert by_hand(DonchianBreakout, view) == [0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    assert by_hand(DonchianBreakout, view, short=1) == [0.0, 1.0, 1.0, 1.0, 0.0, -1.0, -1.0]


def test_a_close_at_the_line_is_no_breakout() -> None:
    lines = {"entry_high": [6.0] * 4, "entry_low": [3.0] * 4, "exit_high": [5.0] * 4, "exit_low": [4.0] * 4}
    above = view_with([6.0, 6.0, 7.0, 4.0], range=[1.0] * 4, **lines)
    assert by_hand(DonchianBreakout, above, short=1) == [0.0, 0.0, 1.0, 1.0]
    below = view_with([3.0, 3.0, 2.0, 5.0], range=[1.0] * 4, **lines)
    assert by_hand(DonchianBreakout, below, short=1) == [0.0, 0.0, -1.0, -1.0]


def test_donchian_puts_its_stop_some_ranges_from_the_entry() -> None:
    params, symbol = (
        resolve_parameters(DonchianBreakout, {"entry": 20, "exit": 10, "stop": 2.5}),
        random_symbol(2, LENGTH),
    )
    context = context_of(LENGTH)
    signals = signals_of(DonchianBreakout, params, [symbol], context)
    ranges = view_of(DonchianBreakout, params, [symbol], context).indicators["range"]
    np.testing.assert_array_equal(signals.stop, 2.5 * ranges)
    result = simulate(symbol.bars, signals, parse_settings(initial_capital=1e5))
    trades = result.trades
    stopped = np.flatnonzero(trades.exit_reason == EXIT_REASONS.index("stop"))
    assert 0 < len(stopped) < len(trades)
    for trade in stopped:
        entry, left = trades.entry_row[trade], trades.exit_row[trade]
        level = trades.entry_price[trade] - 2.5 * ranges[entry - 1, 0]
        assert symbol.bars.low[left] <= level
        # A bar that opens below the stop is sold at its open.
        assert trades.exit_price[trade] == pytest.approx(min(level, symbol.bars.open[left]), rel=1e-12)


def test_donchian_without_a_stop_or_a_range_has_none() -> None:
    view = view_with([5.0, 6.0], **{name: [NAN, 0.0] for name in DonchianBreakout.indicators})
    for given in ({"stop": 0.0}, {"stop": 2.0}):
        answer = DonchianBreakout.signals(view, resolve_parameters(DonchianBreakout, given))
        assert isinstance(answer, Signals)
        assert answer.distances
        assert answer.stop is not None
        assert np.isnan(answer.stop).all()


def test_donchian_refuses_an_exit_longer_than_the_entry() -> None:
    with pytest.raises(UsageError, match="not exit=60 and entry=55"):
        resolve_parameters(DonchianBreakout, {"exit": 60})


def adx_loop(rows: list[tuple[float, ...]], strength: float, *, short: bool) -> list[float]:
    position, targets = 0.0, []
    for _, adx, plus, minus in rows:
        if (position > 0 and plus < minus) or (position < 0 and plus > minus):
            position = 0.0
        if adx > strength and plus > minus:
            position = 1.0
        if short and adx > strength and plus < minus:
            position = -1.0
        targets.append(position)
    return targets


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("strength", "short"), [(25.0, 0), (15.0, 1), (30.0, 1)])
def test_adx_trend_takes_strong_trends_until_the_other_side_leads(seed: int, strength: float, short: int) -> None:
    view, targets = seen(AdxTrend, seed, strength=strength, short=short)
    assert targets == adx_loop(rows_of(view, "adx", "plus", "minus"), strength, short=bool(short))
    assert any(targets)


def test_adx_trend_by_hand() -> None:
    view = view_with(
        [1.0] * 7,
        adx=[NAN, 20.0, 25.0, 26.0, 10.0, 30.0, 30.0],
        plus=[9.0, 9.0, 9.0, 9.0, 9.0, 5.0, 4.0],
        minus=[5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0],
    )
    # 25 is not above 25; a trend that weakens is kept, and so is one whose sides are equal.
    assert by_hand(AdxTrend, view) == [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0]
    assert by_hand(AdxTrend, view, short=1) == [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, -1.0]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_parabolic_sar_is_on_the_side_of_the_stop(seed: int) -> None:
    view, targets = seen(ParabolicSar, seed)
    rows = rows_of(view, "stop")
    assert targets == [1.0 if close > stop else 0.0 for close, stop in rows]
    _, both = seen(ParabolicSar, seed, short=1)
    assert both == [float(close > stop) - float(close < stop) for close, stop in rows]
    assert {-1.0, 1.0} <= set(both)


def test_a_close_at_the_parabolic_stop_is_on_neither_side() -> None:
    view = view_with([5.0, 5.0, 5.0, 5.0], stop=[NAN, 4.0, 5.0, 6.0])
    assert by_hand(ParabolicSar, view) == [0.0, 1.0, 0.0, 0.0]
    assert by_hand(ParabolicSar, view, short=1) == [0.0, 1.0, 0.0, -1.0]


def test_a_faster_parabolic_stop_turns_more_often() -> None:
    changes = [np.count_nonzero(np.diff(seen(ParabolicSar, 5, acceleration=a)[1])) for a in (0.01, 0.02, 0.05)]
    assert changes == sorted(changes)
    assert changes[0] < changes[-1]


def test_parabolic_sar_refuses_a_first_factor_above_the_largest() -> None:
    with pytest.raises(UsageError, match=r"acceleration=0\.1 and maximum=0\.05"):
        resolve_parameters(ParabolicSar, {"acceleration": 0.1, "maximum": 0.05})
