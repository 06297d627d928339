"""Strategies of several views at once against plain loops, and by hand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from strategy_markets import beside_nothing, context_of, random_symbol, sessions_of, signals_of, view_of

from alphafactory.domain.plugins import MarketView
from alphafactory.errors import SimulationError, UsageError
from alphafactory.strategies.combined.candlestick_trend import CandlestickTrend
from alphafactory.strategies.combined.multi_factor import MultiFactor
from alphafactory.strategies.combined.regime_switching import RegimeSwitching
from alphafactory.strategies.combined.rsi_macd import RsiMacd
from alphafactory.strategies.parameters import resolve_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from alphafactory.strategies.base import Strategy

NAN = float("nan")
LENGTH = 700
STRATEGIES: tuple[type[Strategy], ...] = (CandlestickTrend, MultiFactor, RegimeSwitching, RsiMacd)


def view_with(close: Sequence[float], **indicators: Sequence[float]) -> MarketView:
    """Make what a strategy sees of one symbol, its indicators written by hand; it trades on every day."""
    prices = np.array(close, dtype=np.float64)[:, None]
    sessions = np.datetime64("2020-01-02") + np.arange(len(prices))  # a Thursday
    named = {name: np.array(values, dtype=np.float64)[:, None] for name, values in indicators.items()}
    return MarketView(sessions, prices, prices, prices, prices, prices, named, sessions + 1)


def by_hand(strategy: type[Strategy], view: MarketView, **given: float) -> list[float]:
    answer = strategy.signals(view, resolve_parameters(strategy, given))
    assert isinstance(answer, np.ndarray)
    return answer[:, 0].tolist()


def seen(strategy: type[Strategy], seed: int, **given: float) -> tuple[MarketView, list[float]]:
    params, symbols = resolve_parameters(strategy, given), [random_symbol(seed, LENGTH)]
    context = context_of(LENGTH)
    targets = signals_of(strategy, params, symbols, context).target[:, 0]
    return view_of(strategy, params, symbols, context), targets.tolist()


def rows_of(view: MarketView) -> Iterator[tuple[float, dict[str, float]]]:
    """The close and the indicators of each row."""
    for row, close in enumerate(view.close[:, 0].tolist()):
        yield close, {name: float(values[row, 0]) for name, values in view.indicators.items()}


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("length", [0, 1, 2, 12])
def test_a_history_too_short_to_judge_is_flat(strategy: type[Strategy], length: int) -> None:
    targets = signals_of(strategy, resolve_parameters(strategy, {}), [random_symbol(1, length)], context_of(20)).target
    np.testing.assert_array_equal(targets, np.zeros((length, 1)))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_symbol_without_prices_is_flat_beside_one_with(strategy: type[Strategy]) -> None:
    view, alone = seen(strategy, 1)
    target = beside_nothing(strategy, resolve_parameters(strategy, {}), view)
    assert target[:, 0].tolist() == alone
    assert not target[:, 1].any()


def recovery_loop(view: MarketView, params: Mapping[str, float]) -> list[float]:
    held, low_ago, targets = False, math.inf, []
    for _, now in rows_of(view):
        low_ago = 0.0 if now["rsi"] < params["oversold"] else low_ago + 1.0
        if now["rsi"] > params["overbought"] or now["line"] < now["signal"]:
            held = False
        elif now["line"] > now["signal"] and low_ago <= params["within"]:
            held = True
        targets.append(float(held))
    return targets


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    "given",
    [{}, {"oversold": 30.0, "within": 20}, {"period": 5, "overbought": 60.0, "fast": 5, "slow": 20, "within": 1}],
)
def test_recoveries_are_bought_once_confirmed(seed: int, given: dict[str, float]) -> None:
    view, targets = seen(RsiMacd, seed, **given)
    assert targets == recovery_loop(view, resolve_parameters(RsiMacd, given))
    assert any(targets)


def test_recovery_by_hand() -> None:
    view = view_with(
        [1.0] * 9,
        rsi=[NAN, 30.0, 45.0, 45.0, 50.0, 71.0, 50.0, 35.0, 50.0],
        line=[NAN, 0.0, 0.0, 2.0, 2.0, 2.0, 2.0, 2.0, 0.0],
        signal=[NAN, 1.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0, 1.0],
    )
    # Two bars after the low RSI MACD confirms it; lines that touch keep it; RSI ends it; the next low has MACD already.
    assert by_hand(RsiMacd, view, within=2) == [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0]
    assert by_hand(RsiMacd, view, within=1) == [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    assert by_hand(RsiMacd, view, within=10)[6] == 1.0


def test_without_a_low_rsi_there_is_no_recovery_and_an_rsi_at_its_bound_is_not_beyond_it() -> None:
    lines = {"line": [2.0] * 4, "signal": [1.0] * 4}
    assert not any(by_hand(RsiMacd, view_with([1.0] * 4, rsi=[50.0, 40.0, 50.0, 60.0], **lines)))
    assert by_hand(RsiMacd, view_with([1.0] * 4, rsi=[39.0, 50.0, 70.0, 71.0], **lines)) == [1.0, 1.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("given", "message"),
    [({"fast": 26}, "not fast=26 and slow=26"), ({"oversold": 50.0, "overbought": 50.0}, "wants oversold below")],
)
def test_recovery_refuses_what_contradicts(given: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resolve_parameters(RsiMacd, given)


def cut(value: float) -> float:
    return max(-1.0, min(1.0, value))


def score_of(close: float, now: Mapping[str, float], params: Mapping[str, float]) -> float:
    """The weighted mean of the four factors, as their definitions say."""
    trend_scale = now["usual"] * math.sqrt(params["trend"] / 3.0 / 252.0)
    momentum_scale = now["usual"] * math.sqrt(params["momentum"] / 252.0)
    factors = {
        "trend": cut((close / now["average"] - 1.0) / trend_scale),
        "momentum": cut(now["return"] / momentum_scale),
        "volatility": cut(1.0 - now["recent"] / now["usual"]),
        "volume": (now["flow"] - 50.0) / 50.0,
    }
    weights = {name: params[f"{name}_weight"] for name in factors}
    return sum(weights[name] * factors[name] for name in factors) / sum(weights.values())


def ends_a_week(row: int) -> bool:
    here, after = sessions_of(LENGTH + 1)[row : row + 2].tolist()
    return bool(here.isocalendar()[:2] != after.isocalendar()[:2])


def factor_loop(view: MarketView, params: Mapping[str, float]) -> list[float]:
    target, targets = 0.0, []
    for row, (close, now) in enumerate(rows_of(view)):
        if ends_a_week(row):
            score = 0.0 if any(map(math.isnan, now.values())) else score_of(close, now, params)
            target = int(cut(score / params["full"]) * params["steps"]) / params["steps"]
            target = target if params["short"] else max(target, 0.0)
        targets.append(target)
    return targets


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"short": 1, "full": 1.0, "steps": 20, "trend": 50, "momentum": 21, "usual": 60},
        {"short": 1, "steps": 10, "trend_weight": 0.0, "volatility_weight": 3.0, "volume": 30},
    ],
)
def test_the_score_is_the_weighted_mean_of_its_factors(seed: int, given: dict[str, float]) -> None:
    view, targets = seen(MultiFactor, seed, **given)
    assert targets == factor_loop(view, resolve_parameters(MultiFactor, given))
    assert any(targets)
    assert all(ends_a_week(row) for row in range(1, LENGTH) if targets[row] != targets[row - 1])


def scored(**values: float) -> MarketView:
    """Four days, Thursday to Sunday, of a share of which all factors but the given ones are 0."""
    neutral = {"average": 100.0, "return": 0.0, "recent": 0.2, "usual": 0.2, "flow": 50.0}
    return view_with([values.pop("close", 100.0)] * 4, **{k: [v] * 4 for k, v in (neutral | values).items()})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, 0.0),
        ({"close": 300.0}, 0.25),
        ({"close": 300.0, "return": 2.0}, 0.5),
        ({"close": 300.0, "return": 2.0, "flow": 100.0}, 0.75),
        ({"close": 300.0, "return": 2.0, "flow": 100.0, "recent": 0.0}, 1.0),
        ({"close": 300.0, "return": 2.0, "flow": 99.0}, 0.5),  # a step not quite reached
        ({"close": 10.0, "return": -0.9}, -0.5),
        ({"recent": 0.6}, -0.25),
        ({"close": 10.0, "return": -0.9, "flow": 0.0, "recent": 9.0}, -1.0),
        ({"usual": 0.0}, 0.0),  # a price that never moves
        ({"flow": NAN, "close": 300.0, "return": 2.0}, 0.0),
    ],
)
def test_the_score_by_hand(values: dict[str, float], expected: float) -> None:
    # It is decided on Sunday, the week's last day of this market.
    assert by_hand(MultiFactor, scored(**values), short=1, full=1.0) == [0.0, 0.0, 0.0, expected]
    assert by_hand(MultiFactor, scored(**values), full=1.0) == [0.0, 0.0, 0.0, max(expected, 0.0)]


def test_a_score_beyond_the_full_one_holds_no_more_than_the_full_size() -> None:
    view = scored(close=300.0, **{"return": 2.0})  # a score of one half
    sizes = [by_hand(MultiFactor, view, full=full)[3] for full in (0.1, 0.5, 0.6, 0.7, 1.0)]
    assert sizes == [1.0, 1.0, 0.75, 0.5, 0.5]


def test_a_full_score_is_full_whatever_the_weights() -> None:
    view = scored(close=300.0, flow=100.0, recent=0.0, **{"return": 2.0})
    for weight in np.linspace(0.01, 5.0, 97):
        assert by_hand(MultiFactor, view, trend_weight=weight, volume_weight=0.7, full=1.0, steps=7)[3] == 1.0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (dict.fromkeys(["trend_weight", "momentum_weight", "volatility_weight", "volume_weight"], 0.0), "weights of 0"),
        ({"recent": 60, "usual": 60}, "not recent=60 and usual=60"),
    ],
)
def test_the_score_refuses_what_contradicts(given: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resolve_parameters(MultiFactor, given)


def test_the_score_needs_a_calendar() -> None:
    view = scored()
    view = MarketView(view.sessions, *[view.close] * 5, indicators=view.indicators)
    with pytest.raises(SimulationError, match="no calendar"):
        MultiFactor.signals(view, resolve_parameters(MultiFactor, {}))


def regime_loop(view: MarketView, params: Mapping[str, float]) -> list[float]:
    bought, targets = False, []
    for close, now in rows_of(view):
        if now["regime"] != 0.0 or now["rsi"] > params["recovered"]:
            bought = False
        elif now["rsi"] < params["oversold"]:
            bought = True
        follows = now["regime"] == 1.0 and close > now["average"]
        targets.append(float(follows or bought))
    return targets


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("given", [{}, {"regime": 60, "trend": 10}, {"regime": 100, "period": 5, "oversold": 30.0}])
def test_each_regime_has_its_rule(seed: int, given: dict[str, float]) -> None:
    view, targets = seen(RegimeSwitching, seed, **given)
    assert targets == regime_loop(view, resolve_parameters(RegimeSwitching, given))
    regime = view.indicators["regime"][:, 0]
    assert not np.array(targets)[regime == -1.0].any()
    assert 0.0 < np.array(targets)[regime == 0.0].mean() < 1.0
    assert np.array(targets)[regime == 1.0].any()


def test_regimes_by_hand() -> None:
    view = view_with(
        [10.0] * 8,
        regime=[NAN, 1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0],
        average=[9.0, 9.0, 10.0, 9.0, 9.0, 9.0, 9.0, 9.0],
        rsi=[1.0, 50.0, 50.0, 50.0, 5.0, 50.0, 50.0, 50.0],
    )
    # The trend is followed above the average only; weakness in a range is held until the regime turns.
    assert by_hand(RegimeSwitching, view) == [0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]
    assert by_hand(RegimeSwitching, view, recovered=45.0) == [0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("given", "message"),
    [({"trend": 50, "regime": 50}, "not trend=50"), ({"oversold": 45.0, "recovered": 45.0}, "wants oversold below")],
)
def test_regimes_refuse_what_contradicts(given: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resolve_parameters(RegimeSwitching, given)


def candle_loop(view: MarketView, setback: int, most: int) -> list[float]:
    low = view.low[:, 0].tolist()
    age, targets = 0, []
    for row, (close, now) in enumerate(rows_of(view)):
        bullish = max(now[name] for name in ("hammer", "engulfing", "piercing", "morning_star")) > 0.0
        bearish = min(now[name] for name in ("shooting_star", "engulfing", "dark_cloud_cover", "evening_star")) < 0.0
        at_low = row >= setback - 1 and min(low[row - 2 : row + 1]) == min(low[row - setback + 1 : row + 1])
        if age > 0:
            # The bar on which a trade ends, by its age or otherwise, begins no other.
            age = 0 if bearish or close < now["average"] or age == most else age + 1
        elif bullish and at_low and not bearish and close > now["average"]:
            age = 1
        targets.append(float(age > 0))
    return targets


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("trend", "setback", "hold"), [(100, 5, 10), (20, 3, 1), (50, 10, 40)])
def test_patterns_are_bought_at_lows_within_rises(seed: int, trend: int, setback: int, hold: int) -> None:
    view, targets = seen(CandlestickTrend, seed, trend=trend, setback=setback, hold=hold)
    assert targets == candle_loop(view, setback, hold)
    assert any(targets)


def candles(**changes: Sequence[float]) -> MarketView:
    """Five bars of a rise: a hammer at a low on the first, nothing else."""
    quiet = dict.fromkeys(CandlestickTrend.indicators, (0.0,) * 5)
    lows = {"average": (9.0,) * 5, "pattern_low": (8.0,) * 5, "setback_low": (8.0,) * 5}
    return view_with([10.0] * 5, **(quiet | lows | {"hammer": (100.0, 0.0, 0.0, 0.0, 0.0)} | changes))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [1.0, 1.0, 1.0, 0.0, 0.0]),  # out after three bars
        ({"engulfing": (0.0, -80.0, 0.0, 0.0, 0.0)}, [1.0, 0.0, 0.0, 0.0, 0.0]),
        ({"evening_star": (0.0, 0.0, -100.0, 0.0, 0.0)}, [1.0, 1.0, 0.0, 0.0, 0.0]),
        ({"dark_cloud_cover": (0.0, 0.0, -100.0, 0.0, 0.0)}, [1.0, 1.0, 0.0, 0.0, 0.0]),
        ({"shooting_star": (-100.0, 0.0, 0.0, 0.0, 0.0)}, [0.0, 0.0, 0.0, 0.0, 0.0]),
        ({"average": (9.0, 11.0, 9.0, 9.0, 9.0)}, [1.0, 0.0, 0.0, 0.0, 0.0]),
        ({"average": (10.0, 9.0, 9.0, 9.0, 9.0)}, [0.0, 0.0, 0.0, 0.0, 0.0]),  # no rise
        ({"setback_low": (7.0,) * 5}, [0.0, 0.0, 0.0, 0.0, 0.0]),  # nothing to reverse
        ({"piercing": (0.0, 0.0, 0.0, 0.0, 100.0)}, [1.0, 1.0, 1.0, 0.0, 1.0]),
        ({"hammer": (NAN, NAN, 0.0, 0.0, 0.0), "morning_star": (0.0, 100.0, 0.0, 0.0, 0.0)}, [0.0, 1.0, 1.0, 1.0, 0.0]),
    ],
)
def test_patterns_by_hand(changes: dict[str, Sequence[float]], expected: list[float]) -> None:
    assert by_hand(CandlestickTrend, candles(**changes), hold=3) == expected
