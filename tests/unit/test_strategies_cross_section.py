"""Cross-sections: momentum, reversal and low volatility against a plain loop, on universes that are not even."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from strategy_markets import context_of, random_symbols, view_of
from uneven_panels import demand_no_peeking, kept, settled_after, targets, uneven_symbols

from alphafactory.indicators.catalogue import function_warm_up
from alphafactory.strategies.parameters import resolve_parameters, warm_up
from alphafactory.strategies.statistical.cross_section import ranked_weights
from alphafactory.strategies.statistical.cross_sectional_momentum import CrossSectionalMomentum
from alphafactory.strategies.statistical.cross_sectional_reversal import CrossSectionalReversal
from alphafactory.strategies.statistical.low_volatility import LowVolatility

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.context import MarketSymbol
    from alphafactory.strategies.base import Strategy

CASES = [
    (CrossSectionalMomentum, {}),
    (CrossSectionalMomentum, {"period": 60, "skip": 5, "share": 0.34, "short": 1}),
    (CrossSectionalReversal, {}),
    (CrossSectionalReversal, {"period": 3, "skip": 1, "share": 0.5, "short": 1}),
    (LowVolatility, {}),
    (LowVolatility, {"period": 30, "share": 0.45}),
]
each_case = pytest.mark.parametrize(
    ("strategy", "given"), CASES, ids=[f"{strategy.name}-{len(given)}" for strategy, given in CASES]
)


def plain_score(strategy: type[Strategy], closes: np.ndarray, params: dict[str, float]) -> float:
    """The score of a symbol by its closes up to now, NaN where there are too few."""
    period, skip = int(params["period"]), int(params.get("skip", 0))
    if len(closes) <= period + skip:
        return math.nan
    if strategy is LowVolatility:
        volatility = np.diff(np.log(closes[-period - 1 :])).std(ddof=1)
        return -volatility if volatility > 0.0 else math.nan
    risen = closes[len(closes) - 1 - skip] / closes[len(closes) - 1 - skip - period] - 1.0
    return risen if strategy is CrossSectionalMomentum else -risen


def is_due(strategy: type[Strategy], day: object, following: object) -> bool:
    if strategy is CrossSectionalReversal:
        return day.isocalendar()[:2] != following.isocalendar()[:2]  # type: ignore[attr-defined]
    return day.month != following.month  # type: ignore[attr-defined]


def plain_targets(strategy: type[Strategy], params: dict[str, float], symbols: Sequence[MarketSymbol]) -> np.ndarray:
    """The weights, session by session and symbol by symbol."""
    sessions = sorted({day for symbol in symbols for day in symbol.bars.sessions.tolist()})
    days = context_of(2000).days.tolist()
    holding: dict[int, float] = {}
    found = np.zeros((len(sessions), len(symbols)))
    for row, day in enumerate(sessions):
        ends = [int(np.searchsorted(symbol.bars.sessions, np.datetime64(day), side="right")) for symbol in symbols]
        members = [
            end > 0 and (symbol.member is None or bool(symbol.member[end - 1]))
            for end, symbol in zip(ends, symbols, strict=True)
        ]
        if is_due(strategy, day, days[days.index(day) + 1]):
            scores = {}
            for place, (end, symbol) in enumerate(zip(ends, symbols, strict=True)):
                trades = end > 0 and symbol.bars.sessions[end - 1] == np.datetime64(day)
                score = plain_score(strategy, symbol.bars.close[:end], params)
                if trades and members[place] and not math.isnan(score):
                    scores[place] = score
            ranked = sorted(scores, key=lambda place: -scores[place])
            count = max(1, math.floor(params["share"] * len(ranked) + 1e-9)) if len(ranked) > 1 else 0
            both = params.get("short", 0) == 1
            holding = dict.fromkeys(ranked[:count], (0.5 if both else 1.0) / max(count, 1))
            if both and count:
                holding |= dict.fromkeys(ranked[-count:], -0.5 / count)
        for place, weight in holding.items():
            traded = ends[place] > 0 and symbols[place].bars.sessions[ends[place] - 1] == np.datetime64(day)
            # A symbol without a bar keeps the weight of its last one.
            found[row, place] = (weight if traded else found[row - 1, place]) if members[place] else 0.0
        for place in set(range(len(symbols))) - set(holding):
            traded = ends[place] > 0 and symbols[place].bars.sessions[ends[place] - 1] == np.datetime64(day)
            found[row, place] = 0.0 if traded or not members[place] or row == 0 else found[row - 1, place]
    return found


@each_case
@pytest.mark.parametrize("seed", [1, 2])
def test_it_equals_a_plain_loop_on_an_uneven_universe(
    strategy: type[Strategy], given: dict[str, float], seed: int
) -> None:
    params, symbols = resolve_parameters(strategy, given), uneven_symbols(seed, 700)
    found = targets(strategy, params, symbols)
    assert found.any()
    np.testing.assert_allclose(found, plain_targets(strategy, params, symbols), atol=1e-15)


@each_case
def test_it_trades_on_the_dates_of_the_calendar_alone(strategy: type[Strategy], given: dict[str, float]) -> None:
    params, symbols = resolve_parameters(strategy, given), random_symbols(3, 900, 7)
    view = view_of(strategy, params, symbols, context_of(2000))
    target = strategy.signals(view, params)
    changed = (np.diff(target, axis=0) != 0.0).any(axis=1)
    due = view.last_of("W" if strategy is CrossSectionalReversal else "M")[1:]
    assert not changed[~due].any()
    assert changed[due].mean() > 0.2


@each_case
def test_its_weights_are_equal_and_sum_to_the_equity(strategy: type[Strategy], given: dict[str, float]) -> None:
    params = resolve_parameters(strategy, given)
    target = targets(strategy, params, random_symbols(4, 700, 7))
    held = target.any(axis=1)
    np.testing.assert_allclose(np.abs(target).sum(axis=1)[held], 1.0, rtol=1e-12)
    np.testing.assert_allclose(target.sum(axis=1)[held], 0.0 if params.get("short") == 1 else 1.0, atol=1e-12)
    assert all(len(np.unique(np.abs(row[row != 0.0]))) == 1 for row in target[held])
    assert held[-400:].all()


@each_case
def test_nothing_is_seen_before_it_is_known(strategy: type[Strategy], given: dict[str, float]) -> None:
    symbols = uneven_symbols(5, 600)
    demand_no_peeking(strategy, resolve_parameters(strategy, given), symbols, [98, 250, 333, 480, 519, 541, 598])


@each_case
def test_it_forgets_where_history_starts_as_soon_as_declared(strategy: type[Strategy], given: dict[str, float]) -> None:
    params, symbols = resolve_parameters(strategy, given), random_symbols(6, 700, 6)
    declared = warm_up(strategy, params, function_warm_up) + strategy.settling(params)
    measured = [settled_after(strategy, params, symbols, start) for start in range(5, 30)]
    assert declared - 8 <= max(measured) <= declared


def test_the_best_are_ranked_and_ties_go_to_the_earlier() -> None:
    score = np.array([[3.0, np.nan, 1.0, 5.0, 4.0, 1.0], [1.0, 1.0, 1.0, 1.0, np.nan, 1.0]])
    present = ~np.isnan(score)
    best = ranked_weights(score, present, 0.4, short=False)
    assert best.tolist() == [[0, 0, 0, 0.5, 0.5, 0], [0.5, 0.5, 0, 0, 0, 0]]
    both = ranked_weights(score, present, 0.4, short=True)
    assert both.tolist() == [[0, 0, -0.25, 0.25, 0.25, -0.25], [0.25, 0.25, 0, -0.25, 0, -0.25]]
    alike = ranked_weights(np.arange(200.0)[None, :] // 50, np.ones((1, 200), dtype=bool), 0.1, short=True)
    assert np.flatnonzero(alike > 0.0).tolist() == list(range(150, 170))
    assert np.flatnonzero(alike < 0.0).tolist() == list(range(30, 50))


@pytest.mark.parametrize(("symbols", "share", "held"), [(100, 0.29, 29), (30, 0.1, 3), (9, 0.05, 1), (2, 0.5, 1), (1, 0.5, 0), (0, 0.5, 0)])  # fmt: skip  # noqa: E501  a table
def test_the_share_is_rounded_down_but_holds_one(symbols: int, share: float, held: int) -> None:
    score = np.random.default_rng(7).normal(size=(4, 100))
    weights = ranked_weights(score, np.arange(100) < np.full((4, 1), symbols), share, short=False)
    assert (weights > 0.0).sum(axis=1).tolist() == [held] * 4


def test_momentum_holds_the_winners_and_sells_the_losers_short() -> None:
    symbols = [risen(symbol, 0.002 * (place - 2)) for place, symbol in enumerate(random_symbols(8, 500, 5))]
    params = resolve_parameters(CrossSectionalMomentum, {"short": 1})
    assert targets(CrossSectionalMomentum, params, symbols)[-1].tolist() == [-0.5, 0.0, 0.0, 0.0, 0.5]
    reversal = resolve_parameters(CrossSectionalReversal, {"period": 63, "short": 1})
    assert targets(CrossSectionalReversal, reversal, symbols)[-1].tolist() == [0.5, 0.0, 0.0, 0.0, -0.5]


def test_the_newest_bars_are_left_out_of_momentum() -> None:
    symbols, late = random_symbols(9, 500, 5), {"skip": 21}
    params, fresh = (resolve_parameters(CrossSectionalMomentum, given) for given in (late, {"skip": 0}))
    before = targets(CrossSectionalMomentum, params, symbols)
    loser = int(np.flatnonzero(before[-1] == 0.0)[0])
    tripled = np.where(np.arange(500) >= 480, 3.0, 1.0) * symbols[loser].bars.close
    symbols[loser] = replace(symbols[loser], bars=replace(symbols[loser].bars, close=tripled))
    assert targets(CrossSectionalMomentum, params, symbols).tobytes() == before.tobytes()
    assert targets(CrossSectionalMomentum, fresh, symbols)[-1, loser] == 1.0


def test_low_volatility_holds_the_calm_but_not_what_stands_still() -> None:
    symbols = random_symbols(10, 500, 5)
    still = np.full(500, 50.0)
    calm = still * np.exp(np.random.default_rng(11).normal(0.0, 0.001, 500))
    symbols[1] = replace(symbols[1], bars=replace(symbols[1].bars, close=still))
    symbols[3] = replace(symbols[3], bars=replace(symbols[3].bars, close=calm))
    target = targets(LowVolatility, resolve_parameters(LowVolatility, {}), symbols)
    assert target[-1].tolist() == [0.0, 0.0, 0.0, 1.0, 0.0]


def test_who_left_is_held_no_more() -> None:
    symbols = random_symbols(12, 600, 4)
    params = resolve_parameters(CrossSectionalReversal, {"share": 0.5})
    symbols[0] = kept(symbols[0], np.arange(600) < 400)
    symbols[1] = replace(symbols[1], member=np.arange(600) < 450)
    target = targets(CrossSectionalReversal, params, symbols)
    assert target[:400, 0].any()
    assert target[:450, 1].any()
    assert not target[450:, 1].any()
    # Two are left to be ranked, and one of them is held.
    assert (target[460:, 2:] != 0.0).sum(axis=1).tolist() == [1] * 140


def risen(symbol: MarketSymbol, rate: float) -> MarketSymbol:
    factor = np.exp(rate * np.arange(len(symbol.bars)))
    return replace(symbol, bars=replace(symbol.bars, close=symbol.bars.close * factor))
