"""Rules of universes against a slow reference in plain Python, and against the future."""

from __future__ import annotations

import statistics
from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphafactory.calendar import sessions_between
from alphafactory.config_universes import UniverseSpec
from alphafactory.domain.market import Membership
from alphafactory.universes import (
    TradingHistory,
    choose_members,
    members_on,
    needs_history,
    rebalance_positions,
    resolve,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alphafactory.domain.arrays import BoolArray, DateArray, FloatArray

TRADED = sessions_between("XNYS", date(2019, 11, 20), date(2020, 9, 30))
REBALANCES = ["daily", "weekly", "monthly", "quarterly", "yearly"]


def history_of(close: FloatArray, dollar_volume: FloatArray, tickers: Iterable[str] | None = None) -> TradingHistory:
    count, symbols = close.shape
    names = tuple(tickers or (f"T{(7 * n) % 10}{n}" for n in range(symbols)))  # not in order of the alphabet
    return TradingHistory(names, TRADED[:count], TRADED[count].item(), close, dollar_volume)


def steady(sessions: int, **dollar_volumes: float) -> TradingHistory:
    """Symbols at a close of 10 that trade the same every session."""
    shape = (sessions, len(dollar_volumes))
    return history_of(np.full(shape, 10.0), np.full(shape, list(dollar_volumes.values())), dollar_volumes)


def everybody(history: TradingHistory) -> BoolArray:
    return np.ones(history.close.shape, dtype=np.bool_)


def chosen_on(spec: UniverseSpec, history: TradingHistory, day: date) -> tuple[str, ...]:
    return members_on(choose_members(spec, history, everybody(history)), day)


# --- the reference ---------------------------------------------------------------------------------------------------


def is_first_of_period(sessions: list[date], t: int, rebalance: str) -> bool:
    if t == 0:
        return True
    before, now = sessions[t - 1], sessions[t]
    if rebalance == "daily":
        return True
    if rebalance == "weekly":
        return before.isocalendar()[:2] != now.isocalendar()[:2]
    if rebalance == "yearly":
        return before.year != now.year
    if rebalance == "quarterly":
        return (before.year, (before.month + 2) // 3) != (now.year, (now.month + 2) // 3)
    return (before.year, before.month) != (now.year, now.month)


def reference_choice(spec: UniverseSpec, history: TradingHistory, candidates: BoolArray, t: int) -> set[str]:
    """Return the tickers chosen at session t, symbol by symbol from lists cut off behind t."""
    scored: list[tuple[float, str]] = []
    for s, ticker in enumerate(history.tickers):
        closes: list[float] = history.close[: t + 1, s].tolist()
        turnover: list[float] = history.dollar_volume[: t + 1, s].tolist()
        recent = [close for close in closes[-5:] if close == close]  # noqa: PLR0124  NaN differs from itself
        bars = sum(close == close for close in closes)  # noqa: PLR0124
        values = [value for value in turnover[-spec.window :] if value == value]  # noqa: PLR0124
        if not candidates[t, s] or not recent:
            continue
        if spec.minimum_price is not None and recent[-1] < spec.minimum_price:
            continue
        if spec.minimum_history is not None and bars < spec.minimum_history:
            continue
        if spec.top is not None and len(values) < spec.window / 2:
            continue
        scored.append((-statistics.median(values) if spec.top is not None else 0.0, ticker))
    return {ticker for _, ticker in sorted(scored)[: spec.top]}


def reference_days(spec: UniverseSpec, history: TradingHistory, candidates: BoolArray) -> list[tuple[date, set[str]]]:
    """Return the members on every session from the second to the following one."""
    sessions: list[date] = history.sessions.tolist()
    held: set[str] = set()
    days: list[tuple[date, set[str]]] = []
    for t, after in enumerate([*sessions[1:], history.following]):
        if is_first_of_period(sessions, t, spec.rebalance):
            held = reference_choice(spec, history, candidates, t)
        days.append((after, held))
    return days


# --- made-up histories -----------------------------------------------------------------------------------------------


@st.composite
def histories(draw: st.DrawFn) -> TradingHistory:
    """Small histories with holes, late listings, delistings and many ties."""
    count, symbols = draw(st.integers(1, 70)), draw(st.integers(1, 7))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    close = generator.integers(1, 8, (count, symbols)).astype(np.float64)
    close[generator.random(close.shape) < draw(st.sampled_from([0.0, 0.1, 0.6]))] = np.nan
    for s in range(symbols):
        first, last = sorted(generator.integers(-count // 2, count + count // 2, 2).tolist())
        close[: max(0, first), s] = np.nan
        close[max(0, last) :, s] = np.nan
    return history_of(close, np.where(np.isnan(close), np.nan, generator.integers(0, 4, close.shape) * close))


@st.composite
def rules(draw: st.DrawFn, of: str | None = None) -> UniverseSpec:
    given_settings: dict[str, Any] = {
        "top": draw(st.none() | st.integers(1, 4)),
        "minimum_price": draw(st.none() | st.sampled_from([2.0, 4.0, 6.5])),
        "minimum_history": draw(st.none() | st.integers(1, 30)),
        "of": of,
    }
    if given_settings["top"] is not None:
        given_settings["window"] = draw(st.integers(1, 25))
    if all(given_settings[name] is None for name in ("top", "minimum_price", "minimum_history")):
        given_settings["minimum_history"] = 1
    return UniverseSpec(**given_settings, rebalance=draw(st.sampled_from(REBALANCES)))


@settings(max_examples=300, deadline=None)
@given(spec=rules(), history=histories(), seed=st.integers(0, 2**32 - 1), share=st.sampled_from([0.5, 0.9, 1.0]))
def test_rules_choose_as_the_reference(spec: UniverseSpec, history: TradingHistory, seed: int, share: float) -> None:
    candidates = np.random.default_rng(seed).random(history.close.shape) < share
    memberships = choose_members(spec, history, candidates)
    for day, expected in reference_days(spec, history, candidates):
        assert set(members_on(memberships, day)) == expected, day
    assert members_on(memberships, history.sessions[0].item()) == ()
    assert list(memberships) == sorted(memberships, key=lambda m: (m.ticker, m.valid_from))


@settings(max_examples=200, deadline=None)
@given(spec=rules(), history=histories())
def test_spells_are_dated_by_sessions_and_never_touch(spec: UniverseSpec, history: TradingHistory) -> None:
    rebalances = {history.sessions[p].item() for p in rebalance_positions(history.sessions, spec.rebalance)}
    after = dict(zip(history.sessions.tolist(), [*history.sessions[1:].tolist(), history.following], strict=True))
    spells = choose_members(spec, history, everybody(history))
    assert {spell.valid_from for spell in spells} <= {after[day] for day in rebalances}
    assert {spell.valid_to for spell in spells} <= rebalances | {None}
    for before, later in pairwise(spells):
        if before.ticker == later.ticker:
            assert before.valid_to is not None
            assert after[before.valid_to] < later.valid_from, "two memberships without a gap must be one"


@settings(max_examples=300, deadline=None)
@given(first=rules(), second=rules(of="wide"), history=histories(), data=st.data())
def test_the_future_changes_no_membership(
    first: UniverseSpec, second: UniverseSpec, history: TradingHistory, data: st.DataObject
) -> None:
    newest = data.draw(st.integers(0, len(history.sessions) - 1), label="newest session known")
    generator = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    specs = {"wide": first, "narrow": second}
    sectors = dict.fromkeys(history.tickers)
    now = resolve("narrow", specs, sectors, history)
    cut = replace(
        history,
        sessions=history.sessions[: newest + 1],
        following=history.effective[newest].item(),
        close=history.close[: newest + 1],
        dollar_volume=history.dollar_volume[: newest + 1],
    )
    other_close, other_turnover = history.close.copy(), history.dollar_volume.copy()
    shape = other_close[newest + 1 :].shape
    other_close[newest + 1 :] = np.where(generator.random(shape) < 0.3, np.nan, generator.random(shape) * 10)
    other_turnover[newest + 1 :] = generator.random(shape) * 100
    other = replace(history, close=other_close, dollar_volume=other_turnover)
    without, otherwise = (resolve("narrow", specs, sectors, known) for known in (cut, other))
    for day in [*history.sessions[: newest + 1].tolist(), history.effective[newest].item()]:
        members = members_on(now, day)
        assert members_on(without, day) == members
        assert members_on(otherwise, day) == members


# --- one sentence each -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rebalance", "expected"),
    [
        ("weekly", ["2019-11-20", "2019-11-25", "2019-12-02", "2019-12-09"]),
        ("monthly", ["2019-11-20", "2019-12-02", "2020-01-02", "2020-02-03"]),
        ("quarterly", ["2019-11-20", "2020-01-02", "2020-04-01", "2020-07-01"]),
        ("yearly", ["2019-11-20", "2020-01-02"]),
        ("daily", ["2019-11-20", "2019-11-21", "2019-11-22", "2019-11-25"]),
    ],
)
def test_periods_begin_at_their_first_session(rebalance: Any, expected: list[str]) -> None:
    assert [str(day) for day in TRADED[rebalance_positions(TRADED, rebalance)][:4]] == expected


def test_a_week_begins_on_monday_where_every_day_is_a_session() -> None:
    days: DateArray = np.arange("2020-01-01", "2020-01-20", dtype="datetime64[D]")
    assert days[rebalance_positions(days, "weekly")].tolist() == [
        date(2020, 1, 1),
        date(2020, 1, 6),
        date(2020, 1, 13),
    ]


def test_a_choice_holds_from_the_next_session_until_the_next_choice() -> None:
    history = steady(60, SMALL=1.0, LARGE=2.0)
    turnover = history.dollar_volume.copy()
    turnover[20:, 0] = 9.0  # the median of the last 21 sessions follows by the rebalance of 2 January
    memberships = choose_members(
        UniverseSpec(top=1, window=5), replace(history, dollar_volume=turnover), everybody(history)
    )
    # Nobody has half of the window at the first session; 2 December is the first choice.
    assert memberships == (
        Membership("LARGE", date(2019, 12, 3), date(2020, 1, 2)),
        Membership("SMALL", date(2020, 1, 3), None),
    )


def test_a_choice_on_the_newest_session_holds_from_the_following_one() -> None:
    history = steady(9, A=1.0)  # 20 November to 3 December; a cut to 2 December makes that the newest session
    cut = history_of(history.close[:8], history.dollar_volume[:8], ["A"])
    assert cut.sessions[-1].item() == date(2019, 12, 2)
    spec = UniverseSpec(top=1, window=10)
    assert choose_members(spec, cut, everybody(cut)) == (Membership("A", date(2019, 12, 3), None),)


def test_ties_go_to_the_first_ticker() -> None:
    history = steady(40, C=5.0, B=5.0, A=5.0, D=6.0)
    assert chosen_on(UniverseSpec(top=2, window=5), history, date(2020, 1, 3)) == ("A", "D")


def test_one_large_day_does_not_make_a_symbol_liquid() -> None:
    history = steady(40, SPIKE=1.0, STEADY=2.0)
    turnover = history.dollar_volume.copy()
    turnover[25, 0] = 1e9
    history = replace(history, dollar_volume=turnover)
    assert chosen_on(UniverseSpec(top=1, window=20), history, date(2020, 1, 3)) == ("STEADY",)


def test_half_of_the_window_is_enough() -> None:
    spec = UniverseSpec(top=5, window=16)
    history = steady(40, A=1.0)
    at = int(np.searchsorted(TRADED, np.datetime64("2020-01-02")))
    for bars, expected in [(8, ("A",)), (7, ())]:
        close, turnover = history.close.copy(), history.dollar_volume.copy()
        close[: at + 1 - bars], turnover[: at + 1 - bars] = np.nan, np.nan
        listed = replace(history, close=close, dollar_volume=turnover)
        assert chosen_on(spec, listed, date(2020, 1, 3)) == expected


def test_the_delisted_stay_in_the_past_and_leave_at_the_next_choice() -> None:
    history = steady(60, GONE=5.0, HERE=1.0)
    gone = int(np.searchsorted(TRADED, np.datetime64("2019-12-16")))
    close, turnover = history.close.copy(), history.dollar_volume.copy()
    close[gone:, 0], turnover[gone:, 0] = np.nan, np.nan
    history = replace(history, close=close, dollar_volume=turnover)
    spec = UniverseSpec(top=1, window=8)
    assert choose_members(spec, history, everybody(history)) == (
        Membership("GONE", date(2019, 12, 3), date(2020, 1, 2)),
        Membership("HERE", date(2020, 1, 3), None),
    )


def test_a_symbol_may_miss_four_sessions_but_not_five() -> None:
    spec = UniverseSpec(minimum_history=1)
    at = int(np.searchsorted(TRADED, np.datetime64("2020-01-02")))
    for missing, expected in [(4, ("A",)), (5, ())]:
        history = steady(40, A=1.0)
        history.close[at + 1 - missing : at + 1] = np.nan
        assert chosen_on(spec, history, date(2020, 1, 3)) == expected


def test_the_lowest_price_is_judged_by_the_newest_close() -> None:
    history = steady(40, FELL=1.0, ROSE=1.0, EXACT=1.0)
    at = int(np.searchsorted(TRADED, np.datetime64("2020-01-02")))
    history.close[at - 1 : at + 1, 0] = [4.99, np.nan]
    history.close[: at - 1, 1] = 1.0
    history.close[at, 2] = 5.0
    assert chosen_on(UniverseSpec(minimum_price=5), history, date(2020, 1, 3)) == ("EXACT", "ROSE")


def test_history_counts_bars_and_not_sessions() -> None:
    history = steady(40, FULL=1.0, HOLE=1.0)
    at = int(np.searchsorted(TRADED, np.datetime64("2020-01-02")))
    history.close[3, 1] = np.nan
    spec = UniverseSpec(minimum_history=at + 1)
    assert chosen_on(spec, history, date(2020, 1, 3)) == ("FULL",)


def test_what_a_rule_chooses_from_another_is_a_part_of_it() -> None:
    history = steady(60, CHEAP=9.0, FINE=1.0)
    fell = int(np.searchsorted(TRADED, np.datetime64("2020-01-02")))
    history.close[fell:, 0] = 1.0
    specs = {"priced": UniverseSpec(minimum_price=5), "leader": UniverseSpec(of="priced", top=1, window=5)}
    memberships = resolve("leader", specs, {"CHEAP": None, "FINE": None}, history)
    assert needs_history("leader", specs)
    assert memberships == (
        Membership("CHEAP", date(2019, 12, 3), date(2020, 1, 2)),
        Membership("FINE", date(2020, 1, 3), None),
    )


def test_a_history_of_nothing_has_no_members() -> None:
    history = TradingHistory((), TRADED[:5], TRADED[5].item(), np.empty((5, 0)), np.empty((5, 0)))
    assert choose_members(UniverseSpec(top=3), history, everybody(history)) == ()
    history = TradingHistory(("A",), TRADED[:0], TRADED[0].item(), np.empty((0, 1)), np.empty((0, 1)))
    assert choose_members(UniverseSpec(top=3), history, everybody(history)) == ()
    assert resolve("x", {"x": UniverseSpec(top=3)}, {"A": None}, history) == ()


def test_a_history_that_does_not_fit_is_refused() -> None:
    close = np.ones((3, 2))
    following = TRADED[3].item()
    with pytest.raises(ValueError, match=r"\(3, 1\)"):
        TradingHistory(("A", "B"), TRADED[:3], following, close, close[:, :1])
    with pytest.raises(ValueError, match="ascend"):
        TradingHistory(("A", "B"), TRADED[:3][::-1], following, close, close)
    with pytest.raises(ValueError, match="following"):
        TradingHistory(("A", "B"), TRADED[:3], TRADED[2].item(), close, close)
    with pytest.raises(ValueError, match="twice"):
        TradingHistory(("A", "A"), TRADED[:3], following, close, close)
