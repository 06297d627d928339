"""What holds of every simulation, whatever the market, the signals and the settings: searched at random.

The contract and the conditions of each rule: docs/simulation.md.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from random_markets import Case, cases, joint, settings_words
from small_markets import contents, differing, ends, model, ragged_market, random_target, same_bits

from alphafactory.domain.results import ORDER_ENDS, ORDER_KINDS, Simulation
from alphafactory.domain.settings import parse_settings
from alphafactory.domain.signals import Signals
from alphafactory.simulation import simulate, simulate_account
from alphafactory.simulation.inputs import judged_market
from alphafactory.simulation.layout import STATE, TRADABLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alphafactory.domain.bars import Bars

THOROUGH = os.environ.get("ALPHAFACTORY_THOROUGH") == "1"
SEARCH = settings(
    max_examples=5_000 if THOROUGH else 100,
    derandomize=not THOROUGH,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
SEEDS = st.integers(0, 2**32 - 1)
END_OF_DATA = ORDER_ENDS.index("end_of_data")
PRICES = ("open", "high", "low", "close")

EVERYTHING: dict[str, dict[str, Any]] = {
    "plain": {"commission": "ibkr_fixed", "slippage": "bps:5", "shares": "whole", "initial_capital": 1e5},
    "kelly": {"sizing": "kelly:0.5,min=2,percent=30%", "trail": "2atr", "commission": "bps:5", "leverage": 2.0},
    "volatility": {"sizing": "vol_target:20%", "slippage": "sqrt_impact:1", "participation": "10%", "leverage": 3.0},
    "risk": {"sizing": "risk:1%", "stop": "2atr", "take_profit": "2R", "break_even": "1R", "reentry": "immediate"},
    "chandelier": {"sizing": "atr:1%,k=2", "trail": "chandelier:3", "slippage": "atr:0.1", "shares": "lots:10",
                   "initial_capital": 1e5},
    "limits": {"entry": "limit:0.5atr", "good_for": 3, "stop": "3%", "take_profit": "4%", "time_stop": 9},
    "breakouts": {"entry": "stop_limit:1%,limit=0.5%", "fill": "next_close", "resting": "auction", "trail": "4%"},
    "borrowed": {"leverage": 3.0, "sizing": "percent:250%", "maintenance": "25%", "borrow": "5%", "interest": "2%",
                 "margin_interest": "6%", "slippage": "half_spread"},
    "closes": {"fill": "next_typical", "slippage": "volume_share:0.1", "participation": "2%", "initial_capital": 1e6},
    "decided": {"size_at": "decision", "shares": "whole", "max_entries": 2, "commission": "per_share:0.01,min=1"},
    "same_close": {"fill": "same_close", "stop": "2%", "reentry": "immediate", "commission": "bps:3"},
}  # fmt: skip
each_kind = pytest.mark.parametrize("words", list(EVERYTHING.values()), ids=list(EVERYTHING))


def account_of(case: Case, **changes: Any) -> Simulation:
    given_words = {
        "bars": case.bars,
        "signals": case.signals,
        "settings": case.settings,
        "periods_per_year": case.periods_per_year,
        "delisted": case.delisted,
    }
    return simulate_account(**(given_words | changes))


# Nothing that happens later changes what happened


def up_to(bars: Sequence[Bars], day: np.datetime64) -> list[Bars]:
    return [own.part(slice(0, int(np.searchsorted(own.sessions, day, side="right")))) for own in bars]


def with_another_future(bars: Bars, day: np.datetime64, draw: np.random.Generator) -> Bars:
    """The bars up to a day, and then others: prices, volumes and dividends, on the same basis of splits."""
    cut = int(np.searchsorted(bars.sessions, day, side="right"))
    later = len(bars) - cut
    change = np.append(np.ones(cut), np.exp(np.cumsum(draw.normal(0.0, 0.1, later))))
    prices = {name: getattr(bars, name) * change for name in PRICES}
    volume = np.append(bars.volume[:cut], np.where(draw.random(later) < 0.2, 0.0, draw.integers(1, 10**6, later)))
    dividends = np.append(bars.dividends[:cut], draw.choice([0.0, 0.01], later) * prices["open"][cut:])
    return replace(bars, **prices, volume=volume, dividends=dividends)


def until(run: Simulation, row: int) -> dict[str, np.ndarray]:
    """What a run says about its sessions up to a row, what is only marked at the end of the data aside."""
    curves = {name: getattr(run, name)[: row + 1] for name in ("equity", "cash", "positions", "stops", "take_profits")}
    orders = run.orders.take((run.orders.ended <= row) & (run.orders.end != END_OF_DATA))
    trades = run.trades.take(run.trades.closed & (run.trades.exit_row <= row))
    tables = contents(replace(run, orders=orders, trades=trades))
    begun = run.trades.take(run.trades.entry_row <= row)
    return {
        **curves,
        **{name: column for name, column in tables.items() if "." in name},
        "begun": begun.entry_row,
        "begun symbols": begun.symbol,
    }


def differing_until(row: int, one: Simulation, other: Simulation) -> list[str]:
    first, second = until(one, row), until(other, row)
    return [name for name in first if not same_bits(first[name], second[name])]


def cuts(case: Case) -> Iterator[tuple[int, np.datetime64, list[Bars]]]:
    """Each session at which every symbol has a bar already, with the bars up to it."""
    for row, day in enumerate(joint(case.bars)):
        bars = up_to(case.bars, day)
        if all(len(own) for own in bars):
            yield row, day, bars


@SEARCH
@given(case=cases())
def test_bars_after_a_session_change_nothing_up_to_it_at_every_bar(case: Case) -> None:
    whole = account_of(case)
    for row, day, bars in cuts(case):
        gone = [ended and own.sessions[-1] <= day for ended, own in zip(case.delisted, case.bars, strict=True)]
        part = account_of(case, bars=bars, signals=case.signals.part(slice(0, row + 1)), delisted=gone)
        assert differing_until(row, part, whole) == []


@SEARCH
@given(case=cases(), seed=SEEDS)
def test_another_future_changes_nothing_before_it_at_every_bar(case: Case, seed: int) -> None:
    draw, whole = np.random.default_rng(seed), account_of(case, delisted=[False] * len(case.bars))
    for row, day, _ in cuts(case):
        others = [with_another_future(own, day, draw) for own in case.bars]
        rows = np.arange(len(case.signals.target))[:, np.newaxis]
        target = np.where(rows <= row, case.signals.target, draw.choice([0.0, 1.0, -1.0, 0.5], rows.shape))
        signals = replace(case.signals, target=target)
        part = account_of(case, bars=others, signals=signals, delisted=[False] * len(case.bars))
        assert differing_until(row, part, whole) == []


@each_kind
def test_a_long_market_cut_at_every_bar(words: dict[str, Any]) -> None:
    bars, target = ragged_market(11, 240), random_target(12, 240)
    whole = simulate(bars, target, model(**words))
    assert len(whole.trades) > 3
    for row in range(len(bars)):
        part = simulate(bars.part(slice(0, row + 1)), target[: row + 1], model(**words))
        assert differing_until(row, part, whole) == [], row


def with_another_rest(bars: Bars, share: float) -> Bars:
    """The bars, and after the last one's open another range, close and volume."""
    other = replace(bars, **{name: getattr(bars, name).copy() for name in ("high", "low", "close", "volume")})
    opening = bars.open[-1]
    other.high[-1], other.low[-1], other.close[-1] = opening * (1 + share), opening * (1 - share), opening * (1 + share)
    other.volume[-1] = 1e6 * share
    return other


AT_THE_OPEN = {name: EVERYTHING[name] for name in ("plain", "kelly", "risk", "chandelier", "borrowed", "decided")}


@pytest.mark.parametrize("words", list(AT_THE_OPEN.values()), ids=list(AT_THE_OPEN))
def test_a_fill_at_the_open_knows_of_its_session_the_open_alone(words: dict[str, Any]) -> None:
    bars, target = ragged_market(21, 160), random_target(22, 160)
    states, seen = judged_market([bars], (), bars.sessions)[0, STATE], 0
    for row in np.flatnonzero(states == TRADABLE)[1:]:
        known = bars.part(slice(0, row + 1))
        # Narrow ranges meet few levels, so that most positions of that session are still there at its close.
        runs = [simulate(with_another_rest(known, share), target[: row + 1], model(**words)) for share in (5e-4, 3e-3)]
        first, second = (
            run.orders.take((run.orders.first_fill == row) & (run.orders.kind == ORDER_KINDS.index("market")))
            for run in runs
        )
        for name in ("decided", "asked", "filled", "price", "commission", "slippage"):
            assert same_bits(getattr(first, name), getattr(second, name)), (row, name)
        if runs[0].positions[row].any() and runs[1].positions[row].any():
            assert same_bits(runs[0].stops[row], runs[1].stops[row]), row
            assert same_bits(runs[0].take_profits[row], runs[1].take_profits[row]), row
        seen += len(first)
    assert seen > 3


# One symbol is an account of one symbol, and takes its short way through what cannot trade


@each_kind
@pytest.mark.parametrize("seed", range(4))
def test_one_symbol_equals_its_account_to_the_bit(words: dict[str, Any], seed: int) -> None:
    bars, target = ragged_market(seed, 1500), random_target(seed, 1500)
    alone = simulate(bars, target, model(**words), delisted=seed == 1)
    account = simulate_account([bars], target[:, np.newaxis], model(**words), delisted=[seed == 1])
    assert differing(alone, account) == []
    assert len(alone.trades) > 2


# Scale, zero and cost

SCALABLE = (
    {"sizing": "all_in"},
    {"sizing": "percent:40%", "stop": "2atr", "take_profit": "2R"},
    {"sizing": "risk:2%", "stop": "3%", "break_even": "1R"},
    {"sizing": "vol_target:15%", "trail": "chandelier:2.5"},
    {"sizing": "kelly:0.5,min=3,percent=30%", "entry": "limit:0.3atr"},
    {"sizing": "atr:1%,k=2", "fill": "next_close", "trail": "3%", "size_at": "decision"},
    {"sizing": "percent:180%", "leverage": 2.0, "maintenance": "30%", "borrow": "4%", "margin_interest": "5%"},
)


@SEARCH
@given(seed=SEEDS, power=st.integers(-20, 20), words=st.sampled_from(SCALABLE))
def test_prices_times_a_power_of_two_change_no_return(seed: int, power: int, words: dict[str, Any]) -> None:
    bars, target = ragged_market(seed, 120), random_target(seed, 120)
    dear = replace(bars, **{name: getattr(bars, name) * 2.0**power for name in (*PRICES, "dividends")})
    costly = model(commission="bps:10", slippage="bps:5", **words)
    one, other = simulate(bars, target, costly), simulate(dear, target, costly)
    for name in ("equity", "cash", "trades.net_pnl", "trades.mae", "orders.end", "orders.ended", "balance_error"):
        assert same_bits(contents(one)[name], contents(other)[name]), name


@SEARCH
@given(case=cases(), words=settings_words())
def test_a_target_of_zero_is_a_flat_line(case: Case, words: dict[str, Any]) -> None:
    needs_stop = {"take_profit": "none", "break_even": "none", "sizing": "all_in"}
    still = parse_settings(**(words | needs_stop | {"interest": "none"}))
    run = account_of(case, signals=Signals(np.zeros_like(case.signals.target)), settings=still)
    assert set(run.equity) == set(run.cash) == {still.initial_capital}
    assert (len(run.trades), len(run.orders), run.traded_value) == (0, 0, 0.0)


LONG_SHARES, WHOLE_SIDES = (0.0, 1.0, 0.5, 0.25), (0.0, 1.0, -1.0)


@SEARCH
@given(
    seed=SEEDS,
    choices=st.sampled_from([LONG_SHARES, WHOLE_SIDES]),
    kind=st.sampled_from(["commission", "slippage"]),
    fill=st.sampled_from(["next_open", "next_close", "next_mid"]),
)
def test_higher_costs_never_raise_equity(seed: int, choices: Sequence[float], kind: str, fill: str) -> None:
    bars, target = ragged_market(seed, 150), random_target(seed, 150, choices)
    runs = [simulate(bars, target, model(fill=fill, **{kind: f"bps:{cost}"})) for cost in (0, 1, 10, 50)]
    assume(not any(run.ruined for run in runs))
    assert set(itertools.chain.from_iterable(map(ends, runs))) <= {"filled", "end_of_data", "no_volume", "halted"}
    for cheap, dear in itertools.pairwise(runs):
        assert (dear.equity <= cheap.equity * (1 + 1e-12)).all()
    if runs[0].traded_value > 0.0:
        assert runs[-1].equity[-1] < runs[0].equity[-1]


# Cash, exposure, whole shares, and where nothing trades


@SEARCH
@given(case=cases(), leverage=st.sampled_from([1.0, 0.6]))
def test_cash_never_turns_negative_without_leverage_and_shorts(case: Case, leverage: float) -> None:
    words = case.words | {"leverage": leverage}
    if words["sizing"].startswith(("percent", "kelly")):
        words["sizing"] = "percent:50%"
    run = account_of(
        case, signals=replace(case.signals, target=np.abs(case.signals.target)), settings=parse_settings(**words)
    )
    assert run.cash.min() >= 0.0


@SEARCH
@given(case=cases(), costs=st.booleans())
def test_a_fill_never_leaves_more_exposure_than_the_leverage_allows(case: Case, costs: bool) -> None:
    """Fills at the close are marked where they happened.

    A loan is sized before the costs that it pays, so that costs are left out of it; a short is worth more than what it
    brought in by its slippage, which is left out of all.
    """
    words = case.words | {"fill": "next_close", "entry": "market", "maintenance": "none"}
    words |= dict.fromkeys(("stop", "take_profit", "trail", "break_even"), "none")
    if "risk" in words["sizing"]:
        words["sizing"] = "all_in"
    if costs:
        words |= {"leverage": 1.0, "sizing": "all_in"}
    else:
        words |= {"commission": "none", "sell_fees": ()}
    words["slippage"] = "none"
    target = Signals(case.signals.target, priority=case.signals.priority)
    run = account_of(case, signals=target, settings=parse_settings(**words), delisted=[False] * len(case.bars))
    closes = last_closes(case.bars)
    exposure = np.abs(run.positions * closes).sum(axis=1)
    before = np.vstack([np.zeros(len(case.bars)), run.positions[:-1]])
    grown = (np.abs(run.positions) > np.abs(before)) | (run.positions * before < 0.0)
    rows = grown.any(axis=1)
    allowed = float(words["leverage"]) * run.equity
    assert (exposure[rows] <= allowed[rows] + 1e-9 * np.abs(run.equity[rows])).all()


@SEARCH
@given(case=cases(), shares=st.sampled_from(["whole", "lots:10"]))
def test_every_change_is_in_whole_raw_lots_but_a_full_exit(case: Case, shares: str) -> None:
    lot = {"whole": 1.0, "lots:10": 10.0}[shares]
    run = account_of(case, settings=parse_settings(**(case.words | {"shares": shares})))
    factors = judged_market(case.bars, (), joint(case.bars))[:, 5].T
    before = np.vstack([np.zeros(len(case.bars)), run.positions[:-1]])
    change, left = (run.positions - before) / factors / lot, run.positions / factors / lot
    scale = 1e-9 * np.maximum(np.maximum(np.abs(change), np.abs(left)), np.abs(before / factors / lot)) + 1e-6
    whole_change = np.abs(change - np.round(change)) <= scale
    # What was opened anew in the session, after an exit, is whole by itself.
    whole_position = np.abs(left - np.round(left)) <= scale
    assert (whole_change | whole_position).all()


@SEARCH
@given(case=cases())
def test_nothing_fills_where_nothing_trades(case: Case) -> None:
    run = account_of(case)
    states = judged_market(case.bars, (), joint(case.bars))[:, STATE].T
    before = np.vstack([np.zeros(len(case.bars)), run.positions[:-1]])
    allowed = states == TRADABLE
    if run.ruined:
        allowed[np.argmax((run.positions == 0.0).all(axis=1) & (run.equity <= 0.0))] = True
    sessions = joint(case.bars)
    for column, own in enumerate(case.bars):
        if case.delisted[column]:
            allowed[np.searchsorted(sessions, own.sessions[-1]), column] = True
    assert (run.positions == before)[~allowed].all()
    rows = run.orders.first_fill >= 0
    assert allowed[run.orders.first_fill[rows], run.orders.symbol[rows]].all()


# Money adds up


def last_closes(bars: Sequence[Bars]) -> np.ndarray:
    """Each symbol's newest close as of each joint session, 0 before its first, shape (sessions, symbols)."""
    sessions = joint(bars)
    columns = []
    for own in bars:
        newest = np.searchsorted(own.sessions, sessions, side="right") - 1
        columns.append(np.where(newest >= 0, own.close[np.maximum(newest, 0)], 0.0))
    return np.column_stack(columns)


@SEARCH
@given(case=cases())
def test_trades_orders_and_positions_add_up_to_the_account(case: Case) -> None:
    run = account_of(case)
    stake = max(run.initial_capital, np.abs(run.equity).max(), np.abs(run.cash).max(), run.traded_value)
    near = {"rel": 1e-9, "abs": 1e-9 * stake}
    marked = run.cash + (run.positions * last_closes(case.bars)).sum(axis=1)
    assert run.equity == pytest.approx(marked, **near)
    for name in ("commission", "fees", "slippage", "dividends", "borrow"):
        assert getattr(run.trades, name).sum() == pytest.approx(getattr(run, name), **near), name
    for name in ("commission", "fees", "slippage"):
        assert getattr(run.orders, name).sum() == pytest.approx(getattr(run, name), **near), name
    filled = np.where(run.orders.filled != 0.0, run.orders.filled, 0.0)
    for column in range(len(case.bars)):
        held = filled[run.orders.symbol == column].sum()
        assert held == pytest.approx(run.positions[-1, column], rel=1e-9, abs=1e-9 * np.abs(filled).sum())
    total = run.trades.net_pnl.sum() + run.dividends + run.interest - run.borrow
    assert run.equity[-1] - run.initial_capital == pytest.approx(total, **near)
    assert run.balance_error <= 1e-9
    hung = run.trades.optimistic_pnl - run.trades.net_pnl
    assert np.nansum(hung) == pytest.approx(run.ambiguous_pnl, **near)
    assert (run.trades.ambiguous == ~np.isnan(run.trades.optimistic_pnl)).all()


@SEARCH
@given(case=cases())
def test_tables_are_in_order_and_excursions_hold_what_happened(case: Case) -> None:
    run = account_of(case)
    trades, orders = run.trades, run.orders
    assert (np.diff(trades.entry_row) >= 0).all()
    assert (np.diff(orders.ended) >= 0).all()
    assert (orders.decided <= orders.ended).all()
    assert ((orders.first_fill < 0) == (orders.filled == 0.0)).all()
    assert (np.isnan(orders.price) == (orders.filled == 0.0)).all()
    assert (trades.mae <= 0.0).all()
    assert (trades.mfe >= 0.0).all()
    assert (trades.bars_held >= 0).all()
    assert (np.isnan(trades.exit_price) == ~trades.closed).all()
    for column in range(len(case.bars)):
        own = trades.take(trades.symbol == column)
        # A symbol's next trade begins when the one before has ended.
        assert (own.exit_row[:-1] <= own.entry_row[1:]).all()
        assert own.closed[:-1].all()
