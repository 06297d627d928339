"""What surrounds a symbol: calendars, market series, breadth of a universe, announcements as they were known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
from strategy_markets import context_of, random_bars, random_symbols, sessions_of, signals_of, view_of

from alphafactory.domain.bars import BarPanel, Bars
from alphafactory.domain.context import BREADTH, NO_CONTEXT, MarketContext, MarketSymbol
from alphafactory.domain.plugins import IndicatorRequest
from alphafactory.domain.signals import Signals
from alphafactory.errors import IndicatorError, SimulationError
from alphafactory.indicators.catalogue import computation_of
from alphafactory.pipeline.announcements import sessions_to_earnings
from alphafactory.pipeline.market_contexts import Surroundings, breadth_of, calendar_days
from alphafactory.pipeline.market_views import UniversePanel
from alphafactory.pipeline.memberships import Memberships
from alphafactory.strategies.base import Strategy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.plugins import MarketView

SESSIONS = sessions_of(400)


def test_the_next_session_comes_from_the_calendar_and_not_from_the_next_row() -> None:
    holed = np.delete(SESSIONS[:20], [5, 6])
    found = context_of(400).next_sessions(holed)
    assert found[4] == SESSIONS[5]
    assert found[-1] == SESSIONS[20]
    with pytest.raises(IndicatorError, match="calendar is not given beyond"):
        NO_CONTEXT.next_sessions(holed)


def test_calendar_days_reach_beyond_the_newest_bar() -> None:
    days = calendar_days("XNYS", np.array(["1962-01-02", "2019-12-31"], dtype="datetime64[D]"))
    assert days[0] == np.datetime64("1962-01-02")
    assert days[-1] > np.datetime64("2020-12-31")


def test_a_market_series_has_the_newest_value_known_at_each_close() -> None:
    context = MarketContext(SESSIONS, SESSIONS[[2, 5]], {"index": np.array([10.0, 11.0])})
    assert np.array_equal(context.aligned("index", SESSIONS[:7]), [np.nan, np.nan, 10, 10, 10, 11, 11], equal_nan=True)
    assert np.array_equal(context.until(SESSIONS[4]).aligned("index", SESSIONS[4:7]), [10, 10, 10])
    assert np.isnan(context.until(SESSIONS[0]).aligned("index", SESSIONS[:3])).all()
    with pytest.raises(IndicatorError, match=r"Set backtest\.index"):
        NO_CONTEXT.aligned("index", SESSIONS[:3])


@pytest.mark.parametrize("unit", ["W", "M", "Q", "Y"])
def test_the_last_session_of_a_period_is_one_before_another_period(unit: Any) -> None:
    view = view_of(Plain, {}, random_symbols(1, 400, 1), context_of(400))
    numbers = {
        "W": lambda day: day.isocalendar()[:2],
        "M": lambda day: (day.year, day.month),
        "Q": lambda day: (day.year, (day.month - 1) // 3),
        "Y": lambda day: day.year,
    }[unit]
    days = [*SESSIONS.tolist(), sessions_of(401)[-1].item()]
    assert view.last_of(unit).tolist() == [numbers(a) != numbers(b) for a, b in pairwise(days)]


def test_without_a_calendar_the_end_of_a_month_is_refused() -> None:
    view = view_of(Plain, {}, random_symbols(1, 30, 1), NO_CONTEXT)
    with pytest.raises(SimulationError, match="has no calendar"):
        view.last_of("M")


def test_breadth_counts_members_that_have_a_bar() -> None:
    bars = [random_bars(seed, 400) for seed in range(4)]
    bars[1] = bars[1].part(slice(50, 300))
    spells = Memberships({10: ((10, None, None),), 11: ((11, None, None),), 12: ((12, None, None),), 13: (
        (13, SESSIONS[100].item(), SESSIONS[349].item()),
    )})  # fmt: skip
    sessions, shares = breadth_of(stacked(bars), [10, 11, 12, 13], spells)
    assert sessions.tolist() == SESSIONS.tolist()
    assert set(shares) == set(BREADTH)
    for row in (0, 1, 60, 120, 255, 320, 399):
        for name in BREADTH:
            expected = plain_share(bars, name, row)
            assert shares[name][row] == pytest.approx(expected, nan_ok=True), (name, row)


def stacked(bars: list[Bars]) -> BarPanel:
    starts = np.concatenate([[0], np.cumsum([len(one) for one in bars])])
    columns = [np.concatenate([getattr(one, name) for one in bars]) for name in Bars.__slots__]
    return BarPanel(np.arange(len(bars)), tuple("ABCD"[: len(bars)]), starts, Bars(*columns))


def plain_share(bars: list[Bars], name: str, row: int) -> float:
    states = []
    for place, one in enumerate(bars):
        own = int(np.searchsorted(one.sessions, SESSIONS[row]))
        if own >= len(one) or one.sessions[own] != SESSIONS[row] or (place == 3 and not 100 <= row <= 349):
            continue
        past = one.close[: own + 1]
        if name == "advancing" and own >= 1:
            states.append(past[-1] > past[-2])
        elif name.startswith("above_sma") and own + 1 >= (period := int(name.rsplit("_", 1)[1])):
            states.append(past[-1] > past[-period:].mean())
        elif name.startswith("at_") and own + 1 >= 252:
            window = past[-252:]
            states.append(past[-1] == (window.max() if "high" in name else window.min()))
    return float(np.mean(states)) if states else float("nan")


def announcement(period: str, announced: date, known: datetime) -> dict[str, Any]:
    return {"fiscal_period": period, "announced": announced, "known_at": known}


def test_an_announcement_counts_from_when_it_was_known_and_moves_with_its_versions() -> None:
    days = [day.item() for day in SESSIONS[:40]]
    evening = [datetime(day.year, day.month, day.day, 22, tzinfo=UTC) for day in days]
    versions = [
        announcement("Q1", days[20], evening[9]),
        announcement("Q1", days[25], evening[14]),  # put off
        announcement("Q2", days[30], evening[11]),
        announcement("Q0", days[3], datetime(days[3].year, days[3].month, days[3].day, tzinfo=UTC)),  # never foreseen
    ]
    found = sessions_to_earnings(versions, SESSIONS[:40], "XNYS", SESSIONS)
    # What is learned in the evening is known at the next close. From the day itself on nothing is to come.
    expected = [np.nan] * 10 + [20.0 - row for row in range(10, 15)] + [25.0 - row for row in range(15, 25)]
    expected += [30.0 - row for row in range(25, 30)] + [np.nan] * 10
    assert np.array_equal(found, expected, equal_nan=True)


def test_later_versions_change_no_earlier_count() -> None:
    random = np.random.default_rng(3)
    versions = []
    for number in range(12):
        told = int(random.integers(0, 300))
        day = SESSIONS[told].item()
        known = datetime(day.year, day.month, day.day, 23, tzinfo=UTC)
        versions.append(announcement(f"Q{number % 5}", SESSIONS[told + int(random.integers(1, 60))].item(), known))
    whole = sessions_to_earnings(versions, SESSIONS, "XNYS", sessions_of(700))
    for cut in (50, 150, 250):
        moment = datetime.combine(SESSIONS[cut - 1].item(), datetime.max.time(), tzinfo=UTC)
        known = [row for row in versions if row["known_at"] <= moment]
        part = sessions_to_earnings(known, SESSIONS[:cut], "XNYS", sessions_of(700))
        assert np.array_equal(whole[:cut], part, equal_nan=True)


class Plain(Strategy):
    """Long with the close above its average."""

    name = "plain"
    title = idea = source = fails_when = "For these tests."
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {"average": IndicatorRequest("sma", {"period": 5})}

    @staticmethod
    def signals(view: MarketView, params: Any) -> Any:  # noqa: ARG004  it has none
        return np.where(view.close > view.indicators["average"], 0.5, 0.0)


class Whole(Plain):
    """The same over all symbols at once, which may know who belongs to the universe and who announces."""

    name = "whole"
    scope = "universe"
    needs = frozenset({"earnings"})


def test_a_panel_lays_symbols_on_joint_sessions() -> None:
    early, late = random_symbols(4, 60, 2)
    rows = np.r_[10:30, 33:60]
    bars = replace(late.bars, **{name: getattr(late.bars, name)[rows] for name in Bars.__slots__})
    late = MarketSymbol("LATE", bars, "Energy", np.arange(len(rows), dtype=np.float64))
    panel = UniversePanel([early, late], context_of(400))
    view = panel.view(Whole, {})
    assert view.close.shape == (60, 2)
    assert np.isnan(view.close[:10, 1]).all()
    assert np.isnan(view.close[30:33, 1]).all()
    assert (view.tickers, view.sectors) == (("S4", "LATE"), (early.sector, "Energy"))
    assert view.earnings is not None
    assert view.earnings[10, 1] == 0.0
    average = computation_of(bars).value("sma", period=5)
    assert np.array_equal(view.indicators["average"][rows, 1], average, equal_nan=True)
    target = panel.signals(Whole, {}).target
    assert (target[:10, 1] == 0.0).all()
    assert (target[30:33, 1] == target[29, 1]).all()  # it keeps what was wanted of it


def test_nobody_is_held_beyond_membership() -> None:
    symbol = random_symbols(5, 60, 1)[0]
    member = np.arange(60) < 40
    panel = UniversePanel([replace(symbol, member=member), random_symbols(9, 60, 1)[0]], context_of(400))
    target = panel.signals(Whole, {}).target
    assert target[:40, 0].any()
    assert not target[40:, 0].any()
    assert target[40:, 1].any()


def test_announcements_that_are_needed_must_be_given() -> None:
    symbol = replace(random_symbols(1, 50, 1)[0], earnings=None)
    with pytest.raises(SimulationError, match="needs announcements of earnings"):
        signals_of(Whole, {}, [symbol], context_of(400))


def test_prices_beside_targets_are_kept() -> None:
    class Stopped(Whole):
        name = "stopped"

        @staticmethod
        def signals(view: MarketView, params: Any) -> Any:  # noqa: ARG004  it has none
            return Signals(np.full(view.close.shape, np.nan), stop=np.full(view.close.shape, 2.0), distances=True)

    answer = signals_of(Stopped, {}, random_symbols(1, 30, 2), context_of(400))
    assert not answer.target.any()
    assert answer.stop is not None
    assert (answer.stop == 2.0).all()
    assert answer.distances


def test_an_estimate_that_moves_changes_nothing_that_is_read() -> None:
    evening = datetime(2024, 1, 2, 22, tzinfo=UTC)
    first = announcement("Q1", date(2024, 2, 1), evening)
    revised = announcement("Q1", date(2024, 2, 1), evening + timedelta(days=3))
    moved = announcement("Q1", date(2024, 2, 5), evening + timedelta(days=3))
    nothing = (np.empty(0, dtype="datetime64[D]"), {})
    prints = [
        Surroundings(nothing, {}, {7: versions}).print_of({"earnings"}, [7])
        for versions in ([first], [first, revised], [first, moved])
    ]
    assert prints[0] == prints[1] != prints[2]
    assert Surroundings(nothing, {}).print_of((), [7]) is None
