"""Alpha Vantage over real HTTP on loopback, with its real library: the truth to the bit, and what a plan reaches."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pytest
from vendor_fakes.alpha_vantage import FakeAlphaVantage, adjusted_closes
from vendor_fakes.alpha_vantage_desk import END, KEY, LATE, START, World, assert_truth, open_world, series
from vendor_fakes.server import LoopbackServer, Reply
from vendor_fakes.truth import make_security

from alphafactory.config_sources import AlphaVantageSettings
from alphafactory.domain.market import Dividend, EarningsDate, Listing, Split
from alphafactory.errors import SourceUnavailableError
from alphafactory.sources.alpha_vantage import AlphaVantageSource
from alphafactory.sources.vendor import EmptyAnswerError, NotEntitledError, NotOfferedError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def world() -> Iterator[World]:
    with open_world() as opened:
        yield opened


# --- what comes when all is well ---------------------------------------------------------------------------------


@pytest.mark.parametrize("ticker", ["AAPL", "MSFT", "BRK.B"])
def test_free_bars_are_the_truth_to_the_bit(world: World, ticker: str) -> None:
    answer = world.bars(ticker)
    assert_truth(answer, world.app.market[ticker], LATE, END)
    assert answer.rejected == ()
    assert answer.actions_from is None
    [asked] = world.server.requests
    assert asked.query == {
        "function": "TIME_SERIES_DAILY",
        "symbol": ticker.replace(".", "-"),
        "outputsize": "compact",
        "apikey": KEY,
        "datatype": "json",
    }


def test_premium_bars_are_raw_with_actions_inline(world: World) -> None:
    world.app.premium = True
    answer = world.bars(start=START)
    true = world.app.market["AAPL"]
    assert_truth(answer, true, START, END)
    assert answer.splits == tuple(true.splits)
    assert answer.dividends == tuple(true.dividends)
    assert answer.actions_from == START
    assert [asked.query["outputsize"] for asked in world.server.requests] == ["full"]


def test_premium_actions_stop_at_the_requests_end(world: World) -> None:
    world.app.premium = True
    answer = world.bars(start=date(2024, 3, 1), end=date(2024, 5, 3))
    assert_truth(answer, world.app.market["AAPL"], date(2024, 3, 1), date(2024, 5, 3))
    assert answer.splits == ()
    assert answer.dividends == (Dividend("AAPL", date(2024, 2, 9), 0.96),)


def test_premium_asks_for_all_only_where_the_newest_hundred_do_not_reach(world: World) -> None:
    world.app.premium = True
    world.app.market["NEW"] = make_security("NEW", date(2024, 6, 3), END)
    spans = [("AAPL", date(2024, 6, 21), END), ("AAPL", START, date(2024, 1, 31)), ("NEW", date(2024, 5, 1), END)]
    for ticker, start, end in spans:
        answer = world.bars(ticker, start, end)
        assert_truth(answer, world.app.market[ticker], start, end)
    sizes = [request.query["outputsize"] for request in world.server.requests]
    assert sizes == ["compact", "compact", "full", "compact"]
    assert world.app.asked == {"TIME_SERIES_DAILY_ADJUSTED": 4}


def test_adjusting_the_answer_gives_the_vendors_own_adjusted_close(world: World) -> None:
    world.app.premium = True
    answer = world.bars(start=START)
    order = np.argsort(answer.bars.sessions)
    days = [day.item() for day in answer.bars.sessions[order]]
    close = answer.bars.close[order]
    ours = close.copy()
    for split in answer.splits:
        ours[: days.index(split.ex_date)] /= split.ratio
    for dividend in answer.dividends:
        place = days.index(dividend.ex_date)
        ours[:place] *= 1 - dividend.amount / close[place - 1]
    served = adjusted_closes(world.app.market["AAPL"])
    np.testing.assert_allclose(ours, [served[day] for day in days], rtol=1e-12)
    true = world.app.market["AAPL"]
    expected = [true.bars[d].close / true.split_factor(d) * true.dividend_factor(d) for d in days]
    np.testing.assert_allclose(ours, expected, rtol=1e-12)


def test_actions_profile_earnings_and_delistings(world: World) -> None:
    gone = make_security("OLD.A", START, date(2024, 3, 1), sector=None)
    gone.listing = replace(gone.listing, name='Old, "Gone" Co', exchange="NYSE ARCA", delisted=date(2024, 3, 4))
    later = make_security("LATER", START, END)
    later.listing = replace(later.listing, delisted=date(2024, 7, 1))
    world.app.market |= {"OLD.A": gone, "LATER": later}
    announced = [
        EarningsDate("BRK.B", "2024-06-30", date(2024, 7, 30), 4.52),
        EarningsDate("BRK.B", "2024-09-30", date(2024, 10, 30)),
        EarningsDate("BRK.B", "2024-12-31", date(2025, 1, 30), 5.0),
    ]
    world.app.market["BRK.B"].earnings = announced
    world.app.market["MSFT"].earnings = [EarningsDate("MSFT", "2024-06-30", date(2024, 7, 25), 2.9)]
    source = world.source()
    true = world.app.market["AAPL"]

    actions = source.fetch_actions(["AAPL", "MSFT"], START, date(2024, 5, 31))
    assert actions.splits == (Split("AAPL", date(2024, 5, 6), 4.0),)
    assert actions.dividends == tuple(true.dividends[:2])

    profile = source.fetch_profile("BRK.B")
    assert profile == Listing("BRK.B", "BRK.B Inc.", sector="Information Technology")

    assert source.fetch_earnings(["AAPL", "BRK.B"], END, date(2024, 12, 31)) == tuple(announced[:2])

    assert source.fetch_delistings(END) == (
        Listing("OLD.A", 'Old, "Gone" Co', "NYSE ARCA", listed=START, delisted=date(2024, 3, 4)),
    )
    assert world.app.asked == {
        "SPLITS": 2, "DIVIDENDS": 2, "OVERVIEW": 1, "EARNINGS_CALENDAR": 1, "LISTING_STATUS": 1
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "sector"),
    [("HEALTHCARE", "Health Care"), ("UTILITIES", "Utilities"), ("REAL ESTATE", "Real Estate"), ("None", None)],
)
def test_sectors_are_in_our_words(world: World, words: str, sector: str | None) -> None:
    world.server.fail(Reply({"Symbol": "X", "Name": "-", "Sector": words, "Exchange": "NYSE"}))
    assert world.source().fetch_profile("X") == Listing("X", None, "NYSE", sector)


def test_the_newest_session_is_the_newest_offered(world: World) -> None:
    source = world.source()
    assert source.newest_session(date(2024, 7, 4)) == END
    world.app.newest = date(2024, 6, 26)
    assert source.newest_session(date(2024, 7, 4)) == date(2024, 6, 26)
    assert source.newest_session(date(2024, 6, 2)) == date(2024, 5, 31)
    with pytest.raises(NotEntitledError, match="begin on 2024-02-02"):
        source.newest_session(date(2024, 1, 15))
    assert len(world.server.requests) == 4


# --- what the plan does not reach --------------------------------------------------------------------------------


def test_the_free_plan_gives_what_it_reaches(world: World) -> None:
    answer = world.bars(start=START)
    assert_truth(answer, world.app.market["AAPL"], date(2024, 2, 6), END)


def test_a_span_before_the_free_plans_reach_is_not_entitled(world: World) -> None:
    with pytest.raises(NotEntitledError, match="reaches back to 2024-02-06"):
        world.bars(start=START, end=date(2024, 1, 31))
    assert len(world.server.requests) == 1


def test_a_span_before_a_young_listing_is_empty_on_any_plan(world: World) -> None:
    world.app.market["NEW"] = make_security("NEW", date(2024, 6, 3), END)
    with pytest.raises(EmptyAnswerError, match="no row came"):
        world.bars("NEW", START, date(2024, 5, 31))


def test_a_span_without_a_session_is_no_error(world: World) -> None:
    answer = world.bars(start=date(2024, 6, 29), end=date(2024, 6, 30))
    assert len(answer.bars) == 0
    assert answer.bars.sessions.dtype == np.dtype("datetime64[D]")


@pytest.mark.parametrize("reply", [Reply({}), series({})])
def test_nothing_on_a_session_day_is_an_error(world: World, reply: Reply) -> None:
    world.server.fail(reply)
    with pytest.raises(EmptyAnswerError, match="alpha_vantage, bars of AAPL 1d 2024-05-01 to 2024-06-28"):
        world.bars()
    assert len(world.server.requests) == 1


def test_bars_of_an_hour_are_not_offered(world: World) -> None:
    request = replace(world.request("AAPL"), timeframe="1h")
    with pytest.raises(NotOfferedError):
        world.source().fetch_bars(request)
    assert world.server.requests == []


# --- being set up ------------------------------------------------------------------------------------------------


def test_without_a_key_it_says_how_to_get_one(world: World) -> None:
    world.source().check_available()
    for key in (None, ""):
        settings = AlphaVantageSettings(api_key=key)
        with pytest.raises(SourceUnavailableError, match=r"ALPHA_VANTAGE_API_KEY into \.env"):
            AlphaVantageSource(settings, world.source().caller).check_available()


def test_without_the_library_it_says_how_to_get_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alphafactory.sources.alpha_vantage.find_spec", lambda _: None)
    with pytest.raises(SourceUnavailableError, match="pip install alpha_vantage"):
        world.source().check_available()


def test_importing_the_source_is_cheap() -> None:
    program = (
        "import sys, alphafactory.sources.alpha_vantage\n"
        "print([name for name in ('alpha_vantage', 'requests', 'pandas', 'exchange_calendars') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_two_threads_with_two_settings_do_not_meet(world: World) -> None:
    """The library keeps its address in a class attribute; ours must not be seen by another client."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  for this test alone

    other = FakeAlphaVantage({"AAPL": make_security("AAPL", LATE, END, seed=9)})
    with LoopbackServer(other) as server, ThreadPoolExecutor(2) as pool:
        there = World(other, server)
        pairs = [pool.submit(here.bars) for _ in range(10) for here in (world, there)]
        answers = [pair.result() for pair in pairs]
    for ours, theirs in zip(answers[::2], answers[1::2], strict=True):
        assert_truth(ours, world.app.market["AAPL"], LATE, END)
        assert_truth(theirs, other.market["AAPL"], LATE, END)


def test_a_restated_bar_is_served_restated(world: World) -> None:
    world.bars()
    world.app.market["AAPL"].restate(END, close=1.25, low=1.0)
    [close] = world.bars(start=END).bars.close
    assert close == 1.25
