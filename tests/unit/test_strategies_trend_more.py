"""Momentum, the 52-week high and the volatility breakout against plain loops, and by hand."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from strategy_markets import beside_nothing, context_of, random_symbol, random_symbols, sessions_of, signals_of, view_of

from alphafactory.domain.bars import Bars
from alphafactory.domain.plugins import MarketView
from alphafactory.errors import SimulationError, UsageError
from alphafactory.strategies.parameters import resolve_parameters
from alphafactory.strategies.rebalancing import kept_between
from alphafactory.strategies.trend.dual_momentum import DualMomentum
from alphafactory.strategies.trend.high_52_week import High52Week
from alphafactory.strategies.trend.time_series_momentum import TimeSeriesMomentum
from alphafactory.strategies.trend.volatility_breakout import VolatilityBreakout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.context import MarketSymbol
    from alphafactory.strategies.base import Strategy

NAN = float("nan")
LENGTH = 700
STRATEGIES: tuple[type[Strategy], ...] = (DualMomentum, High52Week, TimeSeriesMomentum, VolatilityBreakout)


def view_with(
    close: Sequence[Sequence[float]], months: Sequence[int], **indicators: Sequence[Sequence[float]]
) -> MarketView:
    """Make what a strategy sees, its indicators and the months of its sessions written by hand."""
    prices = np.array(close, dtype=np.float64)
    first = np.datetime64("2020-01-01").astype("datetime64[M]")
    sessions = np.array([(first + month).astype("datetime64[D]") + 1 for month in months])
    sessions += np.array([months[:row].count(month) for row, month in enumerate(months)])
    after = np.append(sessions[1:], (first + months[-1] + 1).astype("datetime64[D]"))
    named = {name: np.array(values, dtype=np.float64) for name, values in indicators.items()}
    return MarketView(sessions, prices, prices, prices, prices, prices, named, after)


def by_hand(strategy: type[Strategy], view: MarketView, **given: float) -> list[list[float]]:
    answer = strategy.signals(view, resolve_parameters(strategy, given))
    assert isinstance(answer, np.ndarray)
    return answer.tolist()


def seen(strategy: type[Strategy], seed: int, **given: float) -> tuple[MarketView, list[float]]:
    params, symbols = resolve_parameters(strategy, given), [random_symbol(seed, LENGTH)]
    context = context_of(LENGTH)
    targets = signals_of(strategy, params, symbols, context).target[:, 0]
    return view_of(strategy, params, symbols, context), targets.tolist()


def ends_a_month(row: int) -> bool:
    """Whether the exchange's session of that row is its month's last, by the sessions as texts."""
    here, after = sessions_of(LENGTH + 1)[row : row + 2].astype(str)
    return bool(here[:7] != after[:7])


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("length", [1, 2, 12])
def test_a_history_too_short_to_judge_is_flat(strategy: type[Strategy], length: int) -> None:
    targets = signals_of(strategy, resolve_parameters(strategy, {}), [random_symbol(1, length)], context_of(20)).target
    np.testing.assert_array_equal(targets, np.zeros((length, 1)))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_symbol_without_prices_is_flat_beside_one_with(strategy: type[Strategy]) -> None:
    view, alone = seen(strategy, 1)
    target = beside_nothing(strategy, resolve_parameters(strategy, {}), view)
    assert target[:, 0].tolist() == alone
    assert not target[:, 1].any()


def test_what_was_decided_is_kept_until_the_next_decision() -> None:
    values = np.array([[1.0, 2.0], [3.0, NAN], [5.0, 6.0], [7.0, 8.0]])
    kept = kept_between(values, np.array([False, True, False, True]))
    np.testing.assert_array_equal(kept, [[0.0, 0.0], [3.0, 0.0], [3.0, 0.0], [7.0, 8.0]])
    assert kept_between(values[:0], np.zeros(0, dtype=bool)).shape == (0, 2)


def momentum_loop(view: MarketView, period: int, skip: int, aim: float, *, short: bool) -> list[float]:
    close, volatility = view.close[:, 0].tolist(), view.indicators["volatility"][:, 0].tolist()
    target, targets = 0.0, []
    for row in range(len(close)):
        if ends_a_month(row):
            target = 0.0
            if row >= period + skip:
                past = close[row - skip] / close[row - skip - period] - 1.0
                direction = 1.0 if past > 0 else -1.0 if past < 0 and short else 0.0
                target = direction * min(1.0, aim / volatility[row])
        targets.append(target)
    return targets


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("period", "skip", "aim", "short"), [(231, 21, 0.4, 1), (63, 0, 0.1, 1), (126, 21, 0.2, 0)])
def test_time_series_momentum_follows_the_past_return(
    seed: int, period: int, skip: int, aim: float, short: int
) -> None:
    view, targets = seen(TimeSeriesMomentum, seed, period=period, skip=skip, volatility=aim, short=short)
    assert targets == momentum_loop(view, period, skip, aim, short=bool(short))
    changes = [row for row in range(1, LENGTH) if targets[row] != targets[row - 1]]
    assert changes
    assert all(ends_a_month(row) for row in changes)


def test_time_series_momentum_by_hand() -> None:
    view = view_with(
        [[1.0]] * 6,
        [0, 0, 1, 1, 2, 3],
        **{
            "return": [[NAN], [0.2], [-0.1], [-0.3], [0.0], [0.1]],
            "volatility": [[0.2], [0.2], [0.8], [0.8], [0.8], [0.0]],
        },
    )
    # Months end in the rows 1, 3, 4 and 5; no volatility is no reason to hold less.
    assert by_hand(TimeSeriesMomentum, view) == [[0.0], [1.0], [1.0], [-0.5], [0.0], [1.0]]
    assert by_hand(TimeSeriesMomentum, view, short=0) == [[0.0], [1.0], [1.0], [0.0], [0.0], [1.0]]
    assert by_hand(TimeSeriesMomentum, view, volatility=0.1) == [[0.0], [0.5], [0.5], [-0.125], [0.0], [1.0]]


@pytest.mark.parametrize("strategy", [TimeSeriesMomentum, DualMomentum])
def test_a_market_without_a_calendar_is_refused_in_words(strategy: type[Strategy]) -> None:
    view = replace(seen(strategy, 1)[0], next_sessions=None)
    with pytest.raises(SimulationError, match="no calendar"):
        strategy.signals(view, resolve_parameters(strategy, {}))


def thinned(symbol: MarketSymbol, seed: int) -> MarketSymbol:
    """Take a tenth of the symbol's bars away."""
    keep = np.random.default_rng(seed).random(len(symbol.bars)) > 0.1
    bars = Bars(*(getattr(symbol.bars, field.name)[keep] for field in fields(Bars)))
    return replace(symbol, bars=bars, earnings=None)


def uneven_universe(seed: int) -> list[MarketSymbol]:
    """Six symbols: one with gaps, one that lists late, one that leaves, one that is no member for a time."""
    symbols = random_symbols(seed, LENGTH, 6)
    member = np.ones(LENGTH, dtype=bool)
    member[350:500] = False
    return [
        thinned(symbols[0], seed),
        symbols[1].part(slice(200, None)),
        symbols[2].part(slice(0, 450)),
        replace(symbols[3], member=member),
        *symbols[4:],
    ]


def past_returns(symbol: MarketSymbol, period: int, skip: int) -> dict[str, float]:
    """The returns of the sessions in which a symbol may be bought, by session."""
    close, member = symbol.bars.close.tolist(), symbol.member
    return {
        str(session): close[row - skip] / close[row - skip - period] - 1.0
        for row, session in enumerate(symbol.bars.sessions)
        if row >= period + skip and (member is None or member[row])
    }


def dual_loop(symbols: list[MarketSymbol], period: int, skip: int, holdings: int, hurdle: float) -> list[list[float]]:
    known = [past_returns(symbol, period, skip) for symbol in symbols]
    weights, targets = [0.0] * len(symbols), []
    for row, session in enumerate(sessions_of(LENGTH).astype(str).tolist()):
        if ends_a_month(row):
            ranked = sorted((-returns[session], place) for place, returns in enumerate(known) if session in returns)
            best = {place for negative, place in ranked[:holdings] if -negative > hurdle}
            weights = [1.0 / holdings if place in best else 0.0 for place in range(len(symbols))]
        targets.append(weights)
    return targets


@pytest.mark.parametrize("seed", [1, 20, 33])
@pytest.mark.parametrize(
    ("period", "skip", "holdings", "hurdle"), [(252, 0, 5, 0.02), (126, 21, 2, 0.0), (63, 0, 1, 0.1)]
)
def test_dual_momentum_holds_the_best_if_they_are_good(
    seed: int, period: int, skip: int, holdings: int, hurdle: float
) -> None:
    params = resolve_parameters(DualMomentum, {"period": period, "skip": skip, "holdings": holdings, "hurdle": hurdle})
    symbols = uneven_universe(seed)
    view = view_of(DualMomentum, params, symbols, context_of(LENGTH))
    found: FloatArray = np.asarray(DualMomentum.signals(view, params))
    assert found.tolist() == dual_loop(symbols, period, skip, holdings, hurdle)
    assert found.any()
    assert (found.sum(axis=1) <= 1.0 + 1e-12).all()


def test_dual_momentum_by_hand() -> None:
    view = view_with(
        [[1.0] * 4] * 5,
        [0, 0, 1, 1, 2],
        **{
            "return": [
                [0.9, 0.9, 0.9, 0.9],
                [0.1, 0.3, 0.2, 0.0],  # the second and the third are the best
                [0.9, 0.0, 0.0, 0.9],
                [0.1, 0.1, 0.1, NAN],  # equal ones come in order of their columns
                [-0.1, -0.2, 0.03, NAN],  # the second best loses: a half stays in cash
            ]
        },
    )
    assert by_hand(DualMomentum, view, holdings=2) == [
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.5, 0.5, 0.0],
        [0.0, 0.5, 0.5, 0.0],
        [0.5, 0.5, 0.0, 0.0],
        [0.0, 0.0, 0.5, 0.0],
    ]
    assert by_hand(DualMomentum, view, holdings=2, hurdle=0.15)[3:] == [[0.0] * 4, [0.0] * 4]


def test_a_return_of_the_hurdle_is_not_above_it() -> None:
    view = view_with([[1.0] * 2] * 2, [0, 1], **{"return": [[0.25, 0.5]] * 2})
    assert by_hand(DualMomentum, view, holdings=2, hurdle=0.25)[0] == [0.0, 0.5]


def test_of_many_equal_returns_the_first_columns_are_held() -> None:
    view = view_with([[1.0] * 40] * 2, [0, 1], **{"return": [[0.1] * 20 + [0.2, 0.1] * 10] * 2})
    held = np.flatnonzero(by_hand(DualMomentum, view, holdings=14)[0])
    assert held.tolist() == [0, 1, 2, 3, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38]


def test_dual_momentum_leaves_out_who_is_no_member_and_takes_the_next() -> None:
    view = view_with([[1.0] * 3] * 2, [0, 1], **{"return": [[0.3, 0.2, 0.1]] * 2})
    view = replace(view, member=np.array([[True, True, True], [False, True, True]]))
    assert by_hand(DualMomentum, view, holdings=1) == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]


def high_loop(view: MarketView, period: int, near: float, fall: float) -> list[float]:
    close = view.close[:, 0].tolist()
    position, targets = 0.0, []
    for row, price in enumerate(close):
        if row >= period - 1:
            distance = price / max(close[row - period + 1 : row + 1]) - 1.0
            if distance < -fall:
                position = 0.0
            elif distance >= -near:
                position = 1.0
        targets.append(position)
    return targets


@pytest.mark.parametrize("seed", [1, 3, 4])
@pytest.mark.parametrize(("period", "near", "fall"), [(252, 0.0, 0.1), (60, 0.0, 0.05), (120, 0.03, 0.2)])
def test_the_high_is_bought_and_the_fall_from_it_sold(seed: int, period: int, near: float, fall: float) -> None:
    view, targets = seen(High52Week, seed, period=period, near=near, fall=fall)
    assert targets == high_loop(view, period, near, fall)
    assert {0.0, 1.0} <= set(targets[period:])


def test_the_high_by_hand() -> None:
    view = view_with([[1.0]] * 6, [0] * 6, distance=[[NAN], [-0.05], [0.0], [-0.1], [-0.11], [-0.01]])
    assert by_hand(High52Week, view) == [[0.0], [0.0], [1.0], [1.0], [0.0], [0.0]]
    assert by_hand(High52Week, view, near=0.02) == [[0.0], [0.0], [1.0], [1.0], [0.0], [1.0]]


def test_an_entry_as_far_below_the_high_as_the_exit_is_refused() -> None:
    with pytest.raises(UsageError, match=r"not near=0\.05 and fall=0\.05"):
        resolve_parameters(High52Week, {"near": 0.05, "fall": 0.05})


def channel_loop(view: MarketView, *, short: bool) -> list[float]:
    upper, middle, lower = (view.indicators[name][:, 0].tolist() for name in ("upper", "middle", "lower"))
    position, targets = 0.0, []
    for row, price in enumerate(view.close[:, 0].tolist()):
        if position * (price - middle[row]) < 0.0:
            position = 0.0
        if price > upper[row]:
            position = 1.0
        if short and price < lower[row]:
            position = -1.0
        targets.append(position)
    return targets


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("ranges", "short"), [(2.0, 0), (1.0, 1), (2.5, 1)])
def test_the_breakout_is_held_until_the_price_is_back_at_its_average(seed: int, ranges: float, short: int) -> None:
    view, targets = seen(VolatilityBreakout, seed, ranges=ranges, short=short)
    assert targets == channel_loop(view, short=bool(short))
    assert any(targets)


def test_the_channel_is_as_wide_as_its_ranges() -> None:
    narrow, wide = (seen(VolatilityBreakout, 4, ranges=ranges)[0].indicators for ranges in (1.0, 3.0))
    known = ~np.isnan(narrow["upper"])
    width = {name: (view["upper"] - view["middle"])[known] for name, view in (("narrow", narrow), ("wide", wide))}
    np.testing.assert_allclose(width["wide"], 3.0 * width["narrow"], rtol=1e-9)
    assert math.isclose(np.nanmax(np.abs(wide["upper"] + wide["lower"] - 2.0 * wide["middle"])), 0.0, abs_tol=1e-9)


def test_the_breakout_by_hand() -> None:
    lines = {"upper": [[5.0]] * 6, "middle": [[4.0]] * 6, "lower": [[3.0]] * 6}
    view = view_with([[5.0], [6.0], [4.0], [3.5], [2.0], [4.5]], [0] * 6, **lines)
    assert by_hand(VolatilityBreakout, view) == [[0.0], [1.0], [1.0], [0.0], [0.0], [0.0]]
    assert by_hand(VolatilityBreakout, view, short=1) == [[0.0], [1.0], [1.0], [0.0], [-1.0], [0.0]]
