"""Alpha Vantage over real HTTP on loopback, with its real library: the truth to the bit, refusals told apart."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from vendor_fakes.alpha_vantage import (
    BAD_KEY,
    BURST,
    THROTTLED,
    FakeAlphaVantage,
    adjusted_closes,
    bad_call,
    premium_only,
    quota_spent,
)
from vendor_fakes.server import HTML, LoopbackServer, Reply
from vendor_fakes.truth import FIELDS, make_market, make_security

from alphafactory.config_sources import AlphaVantageSettings, VendorLimits
from alphafactory.domain.market import Dividend, EarningsDate, Listing, Split
from alphafactory.errors import SourceUnavailableError
from alphafactory.sources.alpha_vantage import AlphaVantageSource
from alphafactory.sources.alpha_vantage_payloads import number_of, spell
from alphafactory.sources.base import BarAnswer, BarRequest
from alphafactory.sources.vendor import (
    BadKeyError,
    EmptyAnswerError,
    GarbageError,
    LocalBudget,
    NotEntitledError,
    NotOfferedError,
    QuotaSpentError,
    RateLimitedError,
    UnknownSymbolError,
    VendorCaller,
    VendorDownError,
    VendorError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vendor_fakes.truth import Market, Security

KEY = "Q7SECRETKEY9+/&x"
START, END = date(2024, 1, 2), date(2024, 6, 28)
LATE = date(2024, 5, 1)
"""Within the hundred sessions before END."""

SERIES = "Time Series (Daily)"
ROW = {"1. open": "10.0", "2. high": "11.0", "3. low": "9.0", "4. close": "10.5", "5. volume": "100"}


def market() -> Market:
    made = make_market(["MSFT", "BRK.B"], START, END)
    made["AAPL"] = make_security(
        "AAPL",
        START,
        END,
        splits=[(date(2024, 5, 6), 4.0)],
        dividends=[(date(2024, 2, 9), 0.96), (date(2024, 5, 6), 1.04), (date(2024, 6, 10), 0.25)],
    )
    return made


@dataclass
class World:
    app: FakeAlphaVantage
    server: LoopbackServer
    slept: list[float] = field(default_factory=list)

    def source(self, **changed: Any) -> AlphaVantageSource:
        limits = {"per_minute": 100_000, "first_wait": 0.001, "attempts": 2, "timeout": 0.5, **changed}
        settings = AlphaVantageSettings(
            api_key=KEY, base_url=self.server.url, premium=self.app.premium, limits=VendorLimits(**limits)
        )
        # The caller knows no secret here: the source itself must keep the key out of its words.
        caller = VendorCaller(
            "alpha_vantage", settings.limits, LocalBudget("alpha_vantage"), seed=1, sleep=self.slept.append
        )
        return AlphaVantageSource(settings, caller)

    def request(self, ticker: str, start: date = LATE, end: date = END) -> BarRequest:
        return BarRequest(Listing(ticker), ticker, start, end)

    def bars(self, ticker: str = "AAPL", start: date = LATE, end: date = END, **changed: Any) -> BarAnswer:
        return self.source(**changed).fetch_bars(self.request(ticker, start, end))


@pytest.fixture
def world() -> Iterator[World]:
    app = FakeAlphaVantage(market())
    with LoopbackServer(app) as server:
        yield World(app, server)


def series(rows: object) -> Reply:
    return Reply({"Meta Data": {"1. Information": "Daily Prices, a premium feature per day"}, SERIES: rows})


def assert_truth(answer: BarAnswer, security: Security, start: date, end: date) -> None:
    bars, true = answer.bars, security.between(start, end)
    order = np.argsort(bars.sessions)
    assert bars.tickers == (security.ticker,)
    assert [day.item() for day in bars.sessions[order]] == list(true)
    for name in FIELDS:
        column = getattr(bars, name)
        assert column.dtype == np.float64
        assert column[order].tolist() == [getattr(bar, name) for bar in true.values()], name
    assert not bars.codes.any()
    assert not bars.lines.any()
    assert bars.instants is None


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


# --- every refusal -----------------------------------------------------------------------------------------------

REFUSALS = [
    pytest.param(Reply("", status=401), BadKeyError, 1, id="401"),
    pytest.param(Reply("", status=403), NotEntitledError, 1, id="403"),
    pytest.param(Reply("", status=404), UnknownSymbolError, 1, id="404"),
    pytest.param(Reply("", status=429), RateLimitedError, 2, id="429"),
    pytest.param(Reply("", status=429, headers={"Retry-After": "3"}), RateLimitedError, 2, id="429 wait"),
    pytest.param(Reply("", status=429, headers={"Retry-After": "900"}), RateLimitedError, 1, id="429 wait too long"),
    pytest.param(Reply(b"\xff\xfe", status=500), VendorDownError, 2, id="500"),
    pytest.param(Reply("{}", hang=0.6), VendorDownError, 2, id="hang"),
    pytest.param(replace(series({"2024-06-28": ROW}), cut=0.5), VendorDownError, 2, id="cut"),
    pytest.param(HTML, GarbageError, 2, id="html"),
    pytest.param(Reply('{"Meta Data": {"1.'), GarbageError, 2, id="truncated"),
    pytest.param(Reply(b"\xff\xfe\x00"), GarbageError, 2, id="no text"),
    pytest.param(Reply("x", headers={"Content-Encoding": "gzip"}), GarbageError, 2, id="no gzip"),
    pytest.param(Reply(""), GarbageError, 2, id="nothing"),
    pytest.param(Reply("[" * 100_000), GarbageError, 2, id="nested"),
    pytest.param(Reply("null"), GarbageError, 2, id="null"),
    pytest.param(Reply([1, 2]), GarbageError, 2, id="list"),
    pytest.param(Reply({"Information": None}), GarbageError, 2, id="null message"),
    pytest.param(Reply({"Note": ["a"]}), GarbageError, 2, id="list for a message"),
    pytest.param(Reply(quota_spent(KEY)), QuotaSpentError, 1, id="quota"),
    pytest.param(Reply(BURST), RateLimitedError, 2, id="burst"),
    pytest.param(Reply(THROTTLED), RateLimitedError, 2, id="throttled"),
    pytest.param(Reply(premium_only("outputsize=full parameter value")), NotEntitledError, 1, id="premium"),
    pytest.param(Reply(bad_call("TIME_SERIES_DAILY")), UnknownSymbolError, 1, id="unknown"),
    pytest.param(Reply(BAD_KEY), BadKeyError, 1, id="bad key"),
    pytest.param(Reply({"Information": f"Our key {KEY} is new"}), VendorError, 1, id="new words"),
]

QUESTIONS: dict[str, Callable[[AlphaVantageSource], object]] = {
    "bars": lambda source: source.fetch_bars(BarRequest(Listing("AAPL"), "AAPL", LATE, END)),
    "newest": lambda source: source.newest_session(END),
    "actions": lambda source: source.fetch_actions(["AAPL"], START, END),
    "profile": lambda source: source.fetch_profile("AAPL"),
    "earnings": lambda source: source.fetch_earnings(["AAPL"], START, END),
    "delistings": lambda source: source.fetch_delistings(END),
}


def refused(world: World, question: str, reply: Reply, **changed: Any) -> VendorError:
    world.server.fail(reply, times=10)
    with pytest.raises(VendorError) as caught:
        QUESTIONS[question](world.source(**changed))
    return caught.value


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(("reply", "kind", "requests"), REFUSALS)
def test_refusals_are_told_apart(
    world: World, question: str, reply: Reply, kind: type[VendorError], requests: int
) -> None:
    error = refused(world, question, reply, timeout=0.3)
    assert type(error) is kind
    assert str(error).startswith("alpha_vantage, ")
    assert len(world.server.requests) == requests
    told = f"{error!r} {error.__cause__!r} {error.__context__!r}"
    assert "SECRET" not in told
    assert len(str(error)) < 400


def test_a_wait_that_the_vendor_asks_for_is_kept(world: World) -> None:
    world.server.fail(Reply("", status=429, headers={"Retry-After": "3"}))
    assert_truth(world.bars(), world.app.market["AAPL"], LATE, END)
    assert len(world.slept) == 1
    assert 3.0 <= world.slept[0] < 3.1
    assert len(world.server.requests) == 2


@pytest.mark.parametrize(
    "reply", [HTML, Reply("", status=503), Reply(BURST), Reply("{", cut=0.5), Reply("{}", hang=0.6)]
)
def test_a_passing_trouble_passes(world: World, reply: Reply) -> None:
    world.server.fail(reply)
    assert_truth(world.bars(timeout=0.3), world.app.market["AAPL"], LATE, END)
    assert len(world.server.requests) == 2


def test_a_spent_quota_ends_the_night(world: World) -> None:
    world.app.per_day = 1
    source = world.source()
    source.fetch_bars(world.request("AAPL"))
    with pytest.raises(QuotaSpentError, match=r"detected your API key as \*\*\*"):
        source.fetch_bars(world.request("MSFT"))
    with pytest.raises(QuotaSpentError):
        source.fetch_earnings(["MSFT"], START, END)
    assert len(world.server.requests) == 2


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:1", "ftp://127.0.0.1", "nonsense"])
def test_an_address_where_nobody_listens(world: World, base_url: str) -> None:
    source = world.source()
    source.settings = source.settings.model_copy(update={"base_url": base_url})
    with pytest.raises(VendorError) as caught:
        source.fetch_profile("AAPL")
    assert isinstance(caught.value, VendorDownError) == base_url.endswith(":1")
    assert "SECRET" not in f"{caught.value!r}"


def test_the_key_is_hidden_wherever_a_long_text_is_cut(world: World) -> None:
    source = world.source()
    for place in range(150, 260):
        cut = source._shorten("x" * (place - len(KEY)) + KEY + "y" * 200)
        assert "Q7" not in cut
        assert len(cut) <= 200
    assert source._shorten("a\n b&apikey=Q7SECRETKEY9%2B%2F%26x") == "a b&apikey=***"


def test_an_unknown_symbol(world: World) -> None:
    world.app.unknown = {"AAPL"}
    for question in ("bars", "actions", "profile"):
        with pytest.raises(UnknownSymbolError, match="AAPL"):
            QUESTIONS[question](world.source())
    assert len(world.server.requests) == 3


# --- bodies that are nearly right --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "reply"),
    [
        ("bars", Reply({"Meta Data": None, SERIES: None})),
        ("bars", series([ROW])),
        ("bars", series("2024-06-28")),
        ("bars", Reply({"Meta Data": {}})),
        ("actions", Reply({"symbol": "AAPL", "data": None})),
        ("actions", Reply({"symbol": "AAPL", "data": [None]})),
        ("actions", Reply({"data": [{"effective_date": "2024-05-06", "split_factor": "four"}]})),
        ("actions", Reply({"data": [{"effective_date": "2024-05-06", "split_factor": "-4"}]})),
        ("actions", Reply({"data": [{"effective_date": "6.5.2024", "split_factor": "4"}]})),
        ("actions", Reply({"data": [{"effective_date": 20240506, "split_factor": "4"}]})),
        ("actions", Reply({"data": [{"effective_date": "2024-05-06", "split_factor": r} for r in ("4", "5")]})),
        ("profile", Reply({"Name": "Apple"})),
        ("profile", Reply({"Symbol": "AAPL", "Name": ["Apple"]})),
        ("earnings", Reply({})),
        ("earnings", Reply("symbol,reportDate\r\nAAPL,2024-03-01\r\n")),
        ("earnings", Reply("symbol,reportDate,fiscalDateEnding,estimate\r\nAAPL,2024-03-01,20")),
        ("earnings", Reply("symbol,reportDate,fiscalDateEnding,estimate\r\nAAPL,1.3.2024,2024-01-31,1\r\n")),
        ("earnings", Reply("symbol,reportDate,fiscalDateEnding,estimate\r\nAAPL,2024-03-01,,1\r\n")),
        ("earnings", Reply("symbol,reportDate,fiscalDateEnding,estimate\r\nAAPL,2024-03-01,2024-01-31,one\r\n")),
        ("earnings", Reply("symbol,reportDate,fiscalDateEnding,estimate\r\n" + "A" * 200_000 + ",,,\r\n")),
        ("delistings", Reply("symbol,name,exchange,ipoDate,delistingDate\r\nA,A,NYSE,x,2024-03-01\r\n")),
    ],
)
def test_wrong_types_are_garbage(world: World, question: str, reply: Reply) -> None:
    error = refused(world, question, reply)
    assert type(error) is GarbageError
    assert len(world.server.requests) == 2


def test_a_bad_dividend_or_inline_action_is_garbage(world: World) -> None:
    world.server.fail(
        Reply({"data": [{"ex_dividend_date": "2024-05-06", "amount": "None"}]}),
        times=2,
        applies=lambda request: request.query["function"] == "DIVIDENDS",
    )
    with pytest.raises(GarbageError, match="no dividend of 2024-05-06"):
        world.source().fetch_actions(["AAPL"], START, END)
    world.app.premium = True
    row = {**ROW, "6. volume": "1", "7. dividend amount": "0.0", "8. split coefficient": None}
    world.server.fail(series({"2024-06-28": row}), times=2)
    with pytest.raises(GarbageError, match="no split factor of 2024-06-28"):
        world.bars()


def test_a_ticker_used_twice_stands_twice_with_the_latest_last(world: World) -> None:
    header = "symbol,name,exchange,assetType,ipoDate,delistingDate,status\r\n"
    rows = ("FB,New,NYSE,Stock,2015-01-02,2021-03-01,Delisted", "FB,Old,NYSE,Stock,null,2009-05-04,Delisted")
    world.server.fail(
        Reply(header + "\r\n".join((*rows, ",,NYSE,Stock,null,2020-01-02,Delisted", "A,A,N,ETF,null,null,x")))
    )
    found = world.source().fetch_delistings(END)
    assert [(row.ticker, row.name, row.listed) for row in found] == [
        ("FB", "Old", None),
        ("FB", "New", date(2015, 1, 2)),
    ]


def test_an_earnings_calendar_without_a_row_is_an_error(world: World) -> None:
    with pytest.raises(EmptyAnswerError):
        world.source().fetch_earnings(["AAPL"], START, END)
    world.app.market["MSFT"].earnings = [EarningsDate("MSFT", "2024-06-30", date(2024, 7, 25), 2.9)]
    assert world.source().fetch_earnings(["AAPL"], START, END) == ()


def test_dividends_not_dated_or_after_the_end_are_left_out_and_one_days_payments_added_up(world: World) -> None:
    rows = [
        {"ex_dividend_date": "None", "amount": "None"},
        {"ex_dividend_date": "2024-07-01", "amount": "None"},
        {"ex_dividend_date": "2024-05-06", "amount": "0.24", "payment_date": "2024-05-16"},
        {"ex_dividend_date": "2024-05-06", "amount": "0.24", "payment_date": "2024-05-16"},
        {"ex_dividend_date": "2024-05-06", "amount": "2.00", "payment_date": "2024-05-20"},
        {"ex_dividend_date": "2024-02-09", "amount": "0"},
    ]
    applies = lambda request: request.query["function"] == "DIVIDENDS"  # noqa: E731  a word for the next line
    world.server.fail(Reply({"symbol": "AAPL", "data": rows}), applies=applies)
    actions = world.source().fetch_actions(["AAPL"], START, END)
    assert actions.dividends == (Dividend("AAPL", date(2024, 5, 6), 2.24),)


@pytest.mark.parametrize("cell", ["None", "NaN", "", None, "inf", "1e999", "1_0", "ten", "-", True, [1], {}, 10**400])
@pytest.mark.parametrize("column", ["3. low", "5. volume"])
def test_a_row_without_a_number_is_rejected_with_its_words(world: World, cell: object, column: str) -> None:
    world.server.fail(series({"2024-06-28": {**ROW, column: cell}, "2024-06-27": ROW}))
    answer = world.bars()
    assert [str(day) for day in answer.bars.sessions] == ["2024-06-27"]
    [row] = answer.rejected
    assert (row.ticker, row.where) == ("AAPL", "alpha_vantage:2024-06-28")
    assert row.reason == f"no number in {column[3:]}"
    assert row.payload[column] == (None if cell is None else str(cell)[:200])
    assert row.payload["1. open"] == "10.0"
    json.dumps(row.payload, allow_nan=False)


def test_json_words_for_no_number_are_rejected_too(world: World) -> None:
    body = json.dumps({"Meta Data": {}, SERIES: {"2024-06-28": {**ROW, "1. open": float("nan")}}})
    world.server.fail(Reply(body))
    [row] = world.bars().rejected
    assert row.payload["1. open"] == "nan"


@pytest.mark.parametrize("row", [None, "10.0", [10.0, 11.0], {}, {"close": "10"}])
def test_what_is_no_row_is_rejected(world: World, row: object) -> None:
    world.server.fail(series({"2024-06-28": row}))
    answer = world.bars()
    assert len(answer.bars) == 0
    assert [found.reason for found in answer.rejected] == ["no number in open, high, low, close, volume"]


@pytest.mark.parametrize("text", ["28.06.2024", "2024-02-30", "", "20240628", "2024-06-28 16:00", "٢٠٢٤-٠٦-٢٨"])
def test_a_row_without_a_date_is_rejected(world: World, text: str) -> None:
    world.server.fail(series({text: ROW, "2024-06-27": ROW, "2023-06-27": {}, "2024-07-01": {}}))
    answer = world.bars()
    assert [str(day) for day in answer.bars.sessions] == ["2024-06-27"]
    assert [(found.where, found.reason) for found in answer.rejected] == [
        (f"alpha_vantage:{text}", "the session is no date")
    ]


def test_duplicated_and_unordered_rows_are_passed_on(world: World) -> None:
    first, second = json.dumps(ROW), json.dumps({**ROW, "4. close": "9.75"})
    rows = f'"2024-06-26": {first}, "2024-06-28": {first}, "2024-06-27": {first}, "2024-06-28": {second}'
    world.server.fail(Reply(f'{{"Meta Data": {{}}, "{SERIES}": {{{rows}}}}}'))
    bars = world.bars().bars
    assert [str(day)[-2:] for day in bars.sessions] == ["26", "28", "27", "28"]
    assert bars.close.tolist() == [10.5, 10.5, 10.5, 9.75]


def test_the_last_session_without_prices_is_rejected(world: World) -> None:
    world.app.blank_last = {"AAPL"}
    answer = world.bars()
    assert_truth(answer, world.app.market["AAPL"], LATE, date(2024, 6, 27))
    assert [row.where for row in answer.rejected] == ["alpha_vantage:2024-06-28"]


def test_a_gap_of_ten_years_stays_a_gap(world: World) -> None:
    world.app.premium = True
    start, end = date(2005, 1, 3), date(2020, 12, 31)
    long = make_security("LONG", start, end)
    long.bars = {day: bar for day, bar in long.bars.items() if not 2007 <= day.year < 2017}
    world.app.market["LONG"] = long
    answer = world.bars("LONG", start, end, timeout=5)
    assert_truth(answer, long, start, end)
    steps = np.diff(np.sort(answer.bars.sessions)).astype(int)
    assert steps.max() > 3650


@pytest.mark.parametrize(
    "ticker", ["ÄÖÜ", "'; DROP TABLE symbols; --", 'A"B', "A&symbol=MSFT", "A/B#?=%", "日本", "A B", "%41", "A+B"]
)
def test_names_are_quoted_on_the_wire(world: World, ticker: str) -> None:
    security = make_security(ticker, LATE, END)
    security.listing = replace(security.listing, name=f'{ticker}, \r\n"Inc" 😀\')--')
    security.earnings = [EarningsDate(ticker, "2024-06-30", date(2024, 7, 30), 1.0)]
    spelled = spell(ticker)
    world.app.market = {spelled: replace(security, listing=replace(security.listing, ticker=spelled))}
    answer = world.bars(ticker)
    assert len(answer.bars) == len(security.bars)
    assert answer.bars.tickers == (ticker,)
    assert world.source().fetch_profile(ticker).name == security.listing.name
    assert world.source().fetch_earnings([ticker], LATE, date(2024, 12, 31)) == tuple(security.earnings)
    assert [request.query.get("symbol", spelled) for request in world.server.requests] == [spelled] * 3
    assert {request.query["apikey"] for request in world.server.requests} == {KEY}


def test_numbers_in_other_writings() -> None:
    assert [number_of(cell) for cell in ("184.2200", " 1e3 ", ".5", "-2", 7, 2.5)] == [
        184.22,
        1000.0,
        0.5,
        -2.0,
        7,
        2.5,
    ]
    assert [number_of(cell) for cell in ("\u0661", "0x10", "1,5", float("inf"), object())] == [None] * 5


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
