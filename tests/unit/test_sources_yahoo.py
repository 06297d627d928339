"""Yahoo over real HTTP on loopback with its real client: every answer equals the truth, every fault is told apart."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from vendor_fakes.server import HTML, TRUNCATED, LoopbackServer, Reply, Request
from vendor_fakes.truth import FIELDS, Market, Security, make_security
from vendor_fakes.yahoo import YahooApp, at, intraday_bars, stamp

from alphafactory.config_sources import VendorLimits, YahooSettings
from alphafactory.domain.market import Dividend, EarningsDate, Listing
from alphafactory.domain.timeframes import SECONDS, Timeframe
from alphafactory.sources.base import BarAnswer, BarRequest
from alphafactory.sources.vendor import (
    BadKeyError,
    DelistedError,
    EmptyAnswerError,
    GarbageError,
    LocalBudget,
    NotEntitledError,
    RateLimitedError,
    UnknownSymbolError,
    VendorCaller,
    VendorDownError,
    VendorError,
)
from alphafactory.sources.yahoo import Yahoo, spell
from alphafactory.sources.yahoo_payloads import without_noise
from alphafactory.sources.yahoo_session import YahooConnection

if TYPE_CHECKING:
    from collections.abc import Iterator

START, END = date(2021, 1, 4), date(2024, 3, 15)
SPLIT_DAY, LATER_SPLIT_DAY = date(2022, 6, 6), date(2024, 2, 20)
ATTEMPTS = 2
LIMITS = VendorLimits(per_minute=100_000, first_wait=0.001, attempts=ATTEMPTS, timeout=10.0)
"""Patient, so that a busy machine fails no test; those of time limits have their own."""


def split_security() -> Security:
    """Two splits, one on a dividend's ex-date; dividends before, between and after."""
    return make_security(
        "AAPL",
        START,
        END,
        splits=[(SPLIT_DAY, 4.0), (LATER_SPLIT_DAY, 1.5)],
        dividends=[(date(2021, 8, 6), 0.88), (SPLIT_DAY, 0.92), (date(2023, 5, 12), 0.24), (date(2024, 3, 1), 0.17)],
    )


@cache
def made() -> tuple[Security, ...]:
    return (split_security(), make_security("BRK.B", START, END), make_security("MSFT", START, END))


@pytest.fixture
def market() -> Market:
    """Copies, for tests edit them."""
    return {
        each.ticker: Security(each.listing, dict(each.bars), list(each.splits), list(each.dividends)) for each in made()
    }


@pytest.fixture
def app(market: Market) -> YahooApp:
    return YahooApp(market)


@pytest.fixture
def server(app: YahooApp) -> Iterator[LoopbackServer]:
    with LoopbackServer(app) as running:
        yield running


@pytest.fixture
def yahoo(server: LoopbackServer) -> Yahoo:
    return connect(server)


def connect(server: LoopbackServer, limits: VendorLimits = LIMITS) -> Yahoo:
    caller = VendorCaller("yahoo", limits, LocalBudget("yahoo"), seed=1)
    return Yahoo(YahooSettings(base_url=server.url, limits=limits), caller)


def ask(
    security: Security, start: date = START, end: date = END, timeframe: Timeframe = "1d", known_as: str | None = None
) -> BarRequest:
    return BarRequest(security.listing, known_as or security.ticker, start, end, timeframe)


def chart_only(request: Request) -> bool:
    return "/v8/finance/chart/" in request.path


def charts(server: LoopbackServer) -> int:
    return sum(chart_only(request) for request in server.requests)


def assert_equals_truth(answer: BarAnswer, security: Security, start: date, end: date) -> None:
    expected = security.between(start, end)
    assert answer.bars.tickers == (security.ticker,)
    assert answer.bars.sessions.astype(object).tolist() == list(expected)
    for name in FIELDS:
        found = getattr(answer.bars, name)
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, [getattr(bar, name) for bar in expected.values()])
    assert not answer.bars.lines.any()
    assert answer.bars.instants is None


# The normal path.


def test_bars_and_actions_equal_the_truth_to_the_bit(yahoo: Yahoo, market: Market, server: LoopbackServer) -> None:
    security = market["AAPL"]
    answer = yahoo.fetch_bars(ask(security))
    assert_equals_truth(answer, security, START, END)
    assert list(answer.splits) == security.splits
    assert list(answer.dividends) == security.dividends
    assert answer.rejected == ()
    assert answer.actions_from == START
    assert charts(server) == 1


def test_the_fake_serves_another_basis_than_the_truth(app: YahooApp, market: Market) -> None:
    """Without this the comparison with the truth would prove nothing."""
    query = {"period1": str(stamp(START)), "period2": str(stamp(END)), "interval": "1d"}
    reply = app(Request("GET", "/query2.finance.yahoo.com/v8/finance/chart/AAPL", query, {}, b""))
    result = json.loads(reply.content)["chart"]["result"][0]
    close = market["AAPL"].bars[START].close
    assert result["indicators"]["quote"][0]["close"][0] == float(np.float32(close / 6))
    amounts = [event["amount"] for event in result["events"]["dividends"].values()]
    assert amounts == [round(0.88 / 6, 6), round(0.92 / 6, 6), round(0.24 / 1.5, 6), 0.17]


def test_a_split_after_the_requests_end_is_undone(yahoo: Yahoo, market: Market) -> None:
    security, end = market["AAPL"], date(2022, 3, 1)
    answer = yahoo.fetch_bars(ask(security, end=end))
    assert_equals_truth(answer, security, START, end)
    assert [split.ex_date for split in answer.splits] == [SPLIT_DAY, LATER_SPLIT_DAY]


def test_a_split_that_arrives_tonight_changes_no_raw_bar(market: Market) -> None:
    app = YahooApp(market, newest=LATER_SPLIT_DAY - timedelta(days=4))
    with LoopbackServer(app) as server:
        yahoo = connect(server)
        before = yahoo.fetch_bars(ask(market["AAPL"], end=app.newest or END))
        app.newest = END
        app.forget()
        after = yahoo.fetch_bars(ask(market["AAPL"], end=LATER_SPLIT_DAY - timedelta(days=4)))
    assert len(before.splits) == 1
    assert len(after.splits) == 2
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(before.bars, name), getattr(after.bars, name))


def test_total_return_over_the_shared_ex_date_agrees_with_yahoos_adjusted_close(app: YahooApp, yahoo: Yahoo) -> None:
    query = {"period1": "0", "period2": "9999999999", "interval": "1d"}
    reply = app(Request("GET", "/query2.finance.yahoo.com/v8/finance/chart/AAPL", query, {}, b""))
    adjusted = np.array(json.loads(reply.content)["chart"]["result"][0]["indicators"]["adjclose"][0]["adjclose"])
    answer = yahoo.fetch_bars(ask(app.market["AAPL"]))
    row = answer.bars.sessions.tolist().index(SPLIT_DAY)
    dividend = next(each for each in answer.dividends if each.ex_date == SPLIT_DAY)
    close = answer.bars.close
    # One share before is four after, and the dividend is paid on the one.
    ours = 4 * close[row] / (close[row - 1] - dividend.amount)
    assert ours == pytest.approx(adjusted[row] / adjusted[row - 1], rel=1e-6)


@pytest.mark.parametrize("ratio", [2.0, 3.0, 7.0, 20.0, 0.1, 0.125, 1.5])
def test_every_usual_ratio_is_undone_exactly(ratio: float) -> None:
    security = make_security(
        "X", START, date(2021, 6, 30), splits=[(date(2021, 4, 1), ratio)], dividends=[(date(2021, 2, 1), 0.11)]
    )
    for day, bar in security.bars.items():
        security.restate(day, volume=float(int(bar.volume) * 840))
    with LoopbackServer(YahooApp({"X": security})) as server:
        answer = connect(server).fetch_bars(ask(security, end=date(2021, 6, 30)))
    assert_equals_truth(answer, security, START, date(2021, 6, 30))
    assert [split.ratio for split in answer.splits] == [ratio]
    assert [dividend.amount for dividend in answer.dividends] == [0.11]


def test_noise_of_float32_is_removed_and_nothing_else() -> None:
    noisy = np.float32([187.15, 0.0523, 4321.98, 83_000.01, 1.0001, -5.25, 0.0]).astype(np.float64)
    assert without_noise(noisy).tolist() == [187.15, 0.0523, 4321.98, 83_000.01, 1.0001, -5.25, 0.0]
    assert noisy[0] == 187.14999389648438
    # No exchange's tick is finer than this, so that more decimals are what a split's division left over.
    assert without_noise(np.array([1.23456, 0.12345678])).tolist() == [1.2346, 0.123457]
    assert without_noise(np.array([1e300])).tolist() == [1e300]


def test_only_the_asked_span_is_answered(yahoo: Yahoo, market: Market) -> None:
    start, end = date(2023, 7, 3), date(2023, 7, 7)
    assert_equals_truth(yahoo.fetch_bars(ask(market["MSFT"], start, end)), market["MSFT"], start, end)


def test_a_span_from_before_the_listing_gives_what_there_is(yahoo: Yahoo, market: Market) -> None:
    answer = yahoo.fetch_bars(ask(market["MSFT"], start=date(1965, 1, 4)))
    assert_equals_truth(answer, market["MSFT"], START, END)


def test_a_ten_year_gap_is_passed_on(yahoo: Yahoo, app: YahooApp) -> None:
    security = make_security("GAP", date(2009, 1, 2), date(2009, 1, 30))
    security.bars.update(make_security("GAP", date(2019, 1, 2), date(2019, 1, 31)).bars)
    app.market["GAP"] = security
    answer = yahoo.fetch_bars(ask(security, start=date(2009, 1, 1), end=date(2019, 1, 31)))
    assert_equals_truth(answer, security, date(2009, 1, 1), date(2019, 1, 31))


def test_tickers_are_spelled_as_yahoo_does(yahoo: Yahoo, market: Market, server: LoopbackServer) -> None:
    assert [spell(ticker) for ticker in ("BRK.B", "^GSPC", "AAPL")] == ["BRK-B", "^GSPC", "AAPL"]
    answer = yahoo.fetch_bars(ask(market["BRK.B"]))
    assert_equals_truth(answer, market["BRK.B"], START, END)
    assert server.requests[-1].path.endswith("/BRK-B")


@pytest.mark.parametrize("ticker", ["^GSPC", "ÄÖ漢", "X'; DROP TABLE bars;--", "A/B?c=d&e#f", "100%25", "../up"])
def test_strange_tickers_reach_the_vendor_whole(yahoo: Yahoo, app: YahooApp, ticker: str) -> None:
    security = make_security(ticker, START, date(2021, 2, 1))
    symbol = ticker.replace(".", "-")
    app.market[symbol] = replace(security, listing=replace(security.listing, ticker=symbol))
    answer = yahoo.fetch_bars(ask(security, end=date(2021, 2, 1)))
    assert_equals_truth(answer, security, START, date(2021, 2, 1))


def test_the_newest_session_is_that_of_the_benchmark(yahoo: Yahoo, app: YahooApp, server: LoopbackServer) -> None:
    assert yahoo.newest_session(date(2024, 3, 17)) == END
    assert yahoo.newest_session(date(2023, 7, 4)) == date(2023, 7, 3)
    assert charts(server) == 2
    app.forget()
    app.market["SPY"] = make_security("SPY", START, END)
    app.unpriced.add("SPY")
    assert yahoo.newest_session(date(2024, 3, 17)) == date(2024, 3, 14)


def test_many_threads_share_one_connection(server: LoopbackServer, app: YahooApp) -> None:
    tickers = [f"T{number}" for number in range(12)]
    app.market.update({ticker: make_security(ticker, START, date(2021, 12, 31)) for ticker in tickers})
    yahoo = connect(server)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda ticker: yahoo.fetch_bars(ask(app.market[ticker])), tickers))
    for ticker, answer in zip(tickers, answers, strict=True):
        assert_equals_truth(answer, app.market[ticker], START, END)


def test_two_sources_in_one_process_do_not_disturb_each_other(market: Market, yahoo: Yahoo) -> None:
    other_market = {"MSFT": make_security("MSFT", START, END, seed=9)}
    with LoopbackServer(YahooApp(other_market)) as other_server:
        other = connect(other_server)
        for _ in range(2):
            assert_equals_truth(other.fetch_bars(ask(other_market["MSFT"])), other_market["MSFT"], START, END)
            assert_equals_truth(yahoo.fetch_bars(ask(market["MSFT"])), market["MSFT"], START, END)


# Intraday.


@pytest.mark.parametrize("timeframe", ["1h", "15m", "5m", "1m"])
def test_intraday_bars_equal_the_truth(yahoo: Yahoo, market: Market, app: YahooApp, timeframe: Timeframe) -> None:
    app.live = True
    security, start = market["AAPL"], date(2024, 2, 16)
    answer = yahoo.fetch_bars(ask(security, start, END, timeframe))
    expected = {
        instant: (day, part)
        for day, bar in security.between(start, END).items()
        for instant, part in intraday_bars(bar, day, SECONDS[timeframe]).items()
    }
    assert answer.bars.instants is not None
    assert answer.bars.instants.tolist() == [at(instant).item() for instant in expected]
    assert answer.bars.sessions.tolist() == [day for day, _ in expected.values()]
    for name in FIELDS:
        truth = np.array([getattr(part, name) for _, part in expected.values()])
        # Equal volumes of a fifth of a share more or less: only prices must come back to the bit.
        np.testing.assert_allclose(getattr(answer.bars, name), truth, rtol=0, atol=1.0 if name == "volume" else 0)
    assert [split.ex_date for split in answer.splits] == [LATER_SPLIT_DAY]
    assert answer.dividends == (Dividend("AAPL", date(2024, 3, 1), 0.17),)


def test_minutes_are_asked_for_a_few_days_at_a_time(yahoo: Yahoo, market: Market, server: LoopbackServer) -> None:
    yahoo.fetch_bars(ask(market["MSFT"], date(2024, 2, 26), END, "1m"))
    spans = [request.query for request in server.requests if request.query.get("interval") == "1m"]
    assert len(spans) == 4
    assert all(int(span["period2"]) - int(span["period1"]) <= 8 * 86_400 for span in spans)


def test_intraday_beyond_yahoos_reach_is_not_entitled(yahoo: Yahoo, market: Market, server: LoopbackServer) -> None:
    with pytest.raises(NotEntitledError, match="within the last 60 days"):
        yahoo.fetch_bars(ask(market["MSFT"], date(2023, 1, 3), END, "15m"))
    assert charts(server) == 2


# Actions, profiles, announcements.


def test_actions_of_several_tickers_within_a_span(yahoo: Yahoo, market: Market, app: YahooApp) -> None:
    app.delisted.add("MSFT")
    actions = yahoo.fetch_actions(["AAPL", "MSFT", "NONE"], SPLIT_DAY, date(2023, 12, 31))
    security = market["AAPL"]
    assert list(actions.splits) == security.splits[:1]
    assert list(actions.dividends) == security.dividends[1:3]


def test_actions_do_not_hide_an_outage(yahoo: Yahoo, server: LoopbackServer) -> None:
    server.fail(Reply("down", 503), ATTEMPTS, chart_only)
    with pytest.raises(VendorDownError):
        yahoo.fetch_actions(["AAPL"], START, END)


def test_a_profile_is_a_listing(yahoo: Yahoo, market: Market) -> None:
    market["MSFT"].listing = replace(market["MSFT"].listing, name='Müller\'s "Ünï"; DROP TABLE symbols;--')
    assert yahoo.fetch_profile("MSFT") == market["MSFT"].listing


def test_a_profile_tells_funds_indices_and_other_exchanges(yahoo: Yahoo, app: YahooApp) -> None:
    app.profiles["MSFT"] = {"quoteType": {"quoteType": "ETF", "exchange": "PCX", "shortName": "A fund"}}
    assert yahoo.fetch_profile("MSFT") == Listing("MSFT", "A fund", sector="Technology", asset_class="etf")
    app.profiles["MSFT"] = {"quoteType": {"quoteType": "EQUITY", "exchange": "GER"}, "assetProfile": None}
    assert yahoo.fetch_profile("MSFT") == Listing("MSFT", None, "GER", calendar="XETR")
    app.profiles["MSFT"] = {"quoteType": {"quoteType": "FUTURE", "exchange": "CBT"}}
    with pytest.raises(VendorError, match="FUTURE on exchange CBT"):
        yahoo.fetch_profile("MSFT")


@pytest.mark.parametrize("body", [{}, {"quoteSummary": None}, {"quoteSummary": {"result": [{}], "error": None}}, []])
def test_a_garbled_profile_is_garbage(yahoo: Yahoo, server: LoopbackServer, body: object) -> None:
    server.fail(Reply(body), ATTEMPTS, lambda request: "quoteSummary" in request.path)
    with pytest.raises(GarbageError):
        yahoo.fetch_profile("MSFT")


def test_an_unknown_profile(yahoo: Yahoo, server: LoopbackServer) -> None:
    with pytest.raises(UnknownSymbolError, match="Quote not found"):
        yahoo.fetch_profile("NONE")
    assert sum("quoteSummary" in request.path for request in server.requests) == 1


def test_announcements_come_in_few_requests(app: YahooApp, yahoo: Yahoo, server: LoopbackServer) -> None:
    expected = []
    for number in range(150):
        security = make_security(f"E.{number}", END, END)
        security.earnings = [
            EarningsDate(security.ticker, "2023Q4", date(2024, 1, 25), 1.0 + number, 2.5),
            EarningsDate(security.ticker, "2024Q1", date(2024, 4, 25), 3.5, None),
            EarningsDate(security.ticker, "2025Q1", date(2025, 4, 25), None, None),
        ]
        app.market[security.ticker] = security
        expected += security.earnings[:2]
    found = yahoo.fetch_earnings([earnings.ticker for earnings in expected], date(2024, 1, 25), date(2024, 4, 25))
    assert sorted(found, key=lambda each: (each.ticker, each.announced)) == sorted(
        expected, key=lambda each: (each.ticker, each.announced)
    )
    # A hundred symbols with two rows each are three pages, the last of them empty; the other fifty are two.
    assert sum("visualization" in request.path for request in server.requests) == 5


def test_an_announcement_of_no_quarter_is_named_by_its_day(app: YahooApp, yahoo: Yahoo) -> None:
    app.market["MSFT"].earnings = [EarningsDate("MSFT", "special", date(2024, 1, 25), 1.0, 2.0)]
    assert yahoo.fetch_earnings(["MSFT"], START, END) == (
        EarningsDate("MSFT", "2024-01-25", date(2024, 1, 25), 1.0, 2.0),
    )


def test_a_calendar_page_that_repeats_for_ever_ends(yahoo: Yahoo, server: LoopbackServer) -> None:
    columns = [{"id": name} for name in ("ticker", "startdatetime")]
    rows = [["MSFT", "2024-01-25T21:00:00.000Z"]] * 100
    endless = Reply({"finance": {"result": [{"documents": [{"columns": columns, "rows": rows}]}], "error": None}})
    server.fail(endless, 50, lambda request: "visualization" in request.path)
    with pytest.raises(GarbageError, match="repeats"):
        yahoo.fetch_earnings(["MSFT"], START, END)
    assert sum("visualization" in request.path for request in server.requests) == 2


@pytest.mark.parametrize("row", [["MSFT", 7], [None, "2024-01-25"], ["MSFT"], ["MSFT", "soon"]])
def test_a_garbled_calendar_is_garbage(yahoo: Yahoo, server: LoopbackServer, row: list[object]) -> None:
    columns = [{"id": name} for name in ("ticker", "startdatetime")]
    body = {"finance": {"result": [{"documents": [{"columns": columns, "rows": [row]}]}], "error": None}}
    server.fail(Reply(body), ATTEMPTS, lambda request: "visualization" in request.path)
    with pytest.raises(GarbageError):
        yahoo.fetch_earnings(["MSFT"], START, END)


# Faulty rows.


def served(rows: list[tuple[int, Any, Any, Any, Any, Any]], **events: Any) -> Reply:
    columns = {name: [row[place + 1] for row in rows] for place, name in enumerate(FIELDS)}
    result = {
        "meta": {"exchangeTimezoneName": "America/New_York", "regularMarketTime": 1},
        "timestamp": [row[0] for row in rows],
        "indicators": {"quote": [columns]},
        "events": events,
    }
    return Reply({"chart": {"result": [result], "error": None}})


def test_the_last_session_without_prices_is_rejected(yahoo: Yahoo, app: YahooApp, market: Market) -> None:
    app.unpriced.add("MSFT")
    answer = yahoo.fetch_bars(ask(market["MSFT"]))
    assert_equals_truth(answer, market["MSFT"], START, date(2024, 3, 14))
    (row,) = answer.rejected
    assert (row.ticker, row.where, row.reason) == ("MSFT", "yahoo:2024-03-15", "no prices yet")
    assert row.payload["volume"] == market["MSFT"].bars[END].volume
    assert row.payload["close"] is None


def test_rows_that_are_no_bars_are_rejected_with_their_words(
    yahoo: Yahoo, market: Market, server: LoopbackServer
) -> None:
    days = [date(2024, 3, day) for day in (4, 5, 6, 7, 8, 11, 12)]
    words = [1.0, None, "n/a", float("nan"), float("inf"), True, 10**400]
    rows = [(stamp(day), 1.0, 2.0, 1.0, word, 100) for day, word in zip(days, words, strict=True)]
    server.fail(served([*rows, (stamp(date(2024, 3, 13)), 1.0, 2.0, 1.0, 1.5, None)]), 1, chart_only)
    answer = yahoo.fetch_bars(ask(market["MSFT"], days[0], END))
    assert answer.bars.sessions.tolist() == [days[0]]
    assert [row.where for row in answer.rejected] == [f"yahoo:{day}" for day in (*days[1:], "2024-03-13")]
    assert [row.reason.split(":")[0] for row in answer.rejected] == ["close"] * 6 + ["volume"]
    assert answer.rejected[1].payload["close"] == "n/a"
    json.dumps([row.payload for row in answer.rejected], allow_nan=False)


def test_duplicated_and_unordered_rows_are_left_to_the_gate(
    yahoo: Yahoo, market: Market, server: LoopbackServer
) -> None:
    first, second = date(2024, 3, 4), date(2024, 3, 5)
    rows = [(stamp(day), 1.0, 2.0, 1.0, 1.5, 100 + place) for place, day in enumerate((second, first, second, second))]
    server.fail(served(rows), 1, chart_only)
    answer = yahoo.fetch_bars(ask(market["MSFT"], first, second))
    assert answer.bars.sessions.tolist() == [second, first, second, second]
    assert answer.bars.volume.tolist() == [100, 101, 102, 103]


def test_the_live_row_replaces_that_of_its_day(yahoo: Yahoo, app: YahooApp, market: Market) -> None:
    app.live = True
    assert_equals_truth(yahoo.fetch_bars(ask(market["MSFT"])), market["MSFT"], START, END)


def test_a_stamp_an_hour_before_midnight_is_of_the_next_day(
    yahoo: Yahoo, market: Market, server: LoopbackServer
) -> None:
    day = date(2024, 3, 5)
    server.fail(served([(stamp(day) - int(10.5 * 3600), 1.0, 2.0, 1.0, 1.5, 100)]), 1, chart_only)
    assert yahoo.fetch_bars(ask(market["MSFT"], day, day)).bars.sessions.tolist() == [day]


def test_no_rows_where_the_calendar_has_sessions(yahoo: Yahoo, market: Market, server: LoopbackServer) -> None:
    with pytest.raises(EmptyAnswerError, match="no rows where the calendar has sessions"):
        yahoo.fetch_bars(ask(market["MSFT"], END + timedelta(days=3), END + timedelta(days=4)))
    server.fail(served([]), 1, chart_only)
    with pytest.raises(EmptyAnswerError):
        yahoo.fetch_bars(ask(market["MSFT"]))
    assert charts(server) == 2


def test_no_rows_where_there_is_no_session_is_no_error(yahoo: Yahoo, market: Market) -> None:
    answer = yahoo.fetch_bars(ask(market["MSFT"], END + timedelta(days=1), END + timedelta(days=2)))
    assert len(answer.bars) == 0
    assert answer.bars.tickers == ("MSFT",)


# Refusals.


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply("nonsense", 401), BadKeyError),
        (Reply("forbidden", 403), NotEntitledError),
        (Reply("not here", 404), UnknownSymbolError),
        (Reply({"chart": {"result": None, "error": {"code": "Bad Request", "description": "why"}}}, 400), VendorError),
    ],
)
def test_a_final_refusal_is_not_tried_again(
    yahoo: Yahoo, market: Market, server: LoopbackServer, reply: Reply, kind: type[VendorError]
) -> None:
    server.fail(reply, 10, chart_only)
    with pytest.raises(kind) as caught:
        yahoo.fetch_bars(ask(market["MSFT"]))
    assert caught.type is kind
    assert "MSFT" in str(caught.value)
    # With a crumb that was refused yfinance tries a fresh one, once.
    assert charts(server) == (2 if reply.status in {401, 403} else 1)


def test_a_stale_crumb_is_renewed(yahoo: Yahoo, market: Market, server: LoopbackServer) -> None:
    server.fail(Reply("Invalid Crumb", 401), 1, chart_only)
    assert_equals_truth(yahoo.fetch_bars(ask(market["MSFT"])), market["MSFT"], START, END)
    assert yahoo.fetch_profile("MSFT").ticker == "MSFT"


def test_delisted_and_unknown_symbols_are_told_apart_by_yahoos_words(
    yahoo: Yahoo, app: YahooApp, market: Market, server: LoopbackServer
) -> None:
    app.delisted.add("MSFT")
    with pytest.raises(DelistedError, match="may be delisted"):
        yahoo.fetch_bars(ask(market["MSFT"]))
    assert charts(server) == 1


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply("slow down", 429), RateLimitedError),
        (Reply("slow down", 429, {"Retry-After": "0"}), RateLimitedError),
        (Reply(HTML.body, 500), VendorDownError),
        (Reply("*** Will be right back ***"), VendorDownError),
        (HTML, GarbageError),
        (TRUNCATED, GarbageError),
        (Reply({}), GarbageError),
        (Reply("null"), GarbageError),
        (Reply({"chart": None}), GarbageError),
        (Reply({"chart": {"result": [None], "error": None}}), GarbageError),
        (Reply({"chart": {"result": [{"meta": None}], "error": None}}), GarbageError),
        (Reply({"chart": {"result": {"meta": 1}, "error": None}}), GarbageError),
        (Reply(b"\xff\xfe\x00garbage"), GarbageError),
        (served([("soon", 1.0, 1.0, 1.0, 1.0, 1)]), GarbageError),
        (served([(10**30, 1.0, 1.0, 1.0, 1.0, 1)]), GarbageError),
        (served([], splits={"1": {"date": 1, "numerator": 1, "denominator": 0}}), GarbageError),
        (served([], splits=[1]), GarbageError),
        (served([], dividends={"1": {"date": 1, "amount": "much"}}), GarbageError),
        (served([], dividends={"1": {"date": None, "amount": 1.0}}), GarbageError),
    ],
)
def test_a_passing_trouble_is_tried_again(
    yahoo: Yahoo, market: Market, server: LoopbackServer, reply: Reply, kind: type[VendorError]
) -> None:
    server.fail(reply, ATTEMPTS, chart_only)
    with pytest.raises(kind) as caught:
        yahoo.fetch_bars(ask(market["MSFT"]))
    assert caught.type is kind
    assert "yahoo, MSFT" in str(caught.value)
    assert len(str(caught.value)) < 600
    assert charts(server) == ATTEMPTS
    assert_equals_truth(yahoo.fetch_bars(ask(market["MSFT"])), market["MSFT"], START, END)


def test_a_connection_cut_within_the_body(yahoo: Yahoo, market: Market, server: LoopbackServer) -> None:
    server.fail(Reply(json.dumps({"chart": "x" * 5000}), cut=0.5), 1, chart_only)
    assert_equals_truth(yahoo.fetch_bars(ask(market["MSFT"])), market["MSFT"], START, END)
    server.fail(Reply(json.dumps({"chart": "x" * 5000}), cut=0.5), ATTEMPTS, chart_only)
    with pytest.raises(VendorDownError, match="connection failed"):
        yahoo.fetch_bars(ask(market["MSFT"]))
    assert charts(server) == 2 + ATTEMPTS


def test_the_wait_that_yahoo_asks_for_is_kept(server: LoopbackServer, market: Market) -> None:
    waits: list[float] = []
    limits = LIMITS.model_copy(update={"first_wait": 0.0})
    caller = VendorCaller("yahoo", limits, LocalBudget("yahoo"), seed=1, sleep=waits.append)
    yahoo = Yahoo(YahooSettings(base_url=server.url, limits=limits), caller)
    server.fail(Reply("slow down", 429, {"Retry-After": "17"}), 1, chart_only)
    assert_equals_truth(yahoo.fetch_bars(ask(market["MSFT"])), market["MSFT"], START, END)
    assert waits == [17.0]


def test_a_hanging_chart_is_given_up_and_tried_again(server: LoopbackServer, market: Market) -> None:
    yahoo = connect(server, LIMITS.model_copy(update={"timeout": 0.3}))
    server.fail(Reply({}, hang=2.0), ATTEMPTS, chart_only)
    with pytest.raises(VendorDownError, match="Timeout"):
        yahoo.fetch_bars(ask(market["MSFT"]))
    assert charts(server) == ATTEMPTS


def test_no_request_waits_longer_than_told(server: LoopbackServer, market: Market) -> None:
    yahoo = connect(server, LIMITS.model_copy(update={"timeout": 0.3}))
    server.fail(Reply("", hang=5.0), 100)
    began = time.monotonic()
    with pytest.raises(VendorDownError):
        yahoo.fetch_bars(ask(market["MSFT"]))
    # For each of two attempts a cookie by one way and the other, a crumb, and the chart.
    assert time.monotonic() - began < 5.0


def test_an_outage_of_the_cookies_alone_does_no_harm(yahoo: Yahoo, market: Market, server: LoopbackServer) -> None:
    server.fail(Reply("Too Many Requests", 429), 3, lambda request: "getcrumb" in request.path)
    assert_equals_truth(yahoo.fetch_bars(ask(market["MSFT"])), market["MSFT"], START, END)


def test_nobody_listens(market: Market) -> None:
    with LoopbackServer(YahooApp(market)) as server:
        yahoo = connect(server)
    with pytest.raises(VendorDownError, match="connection failed"):
        yahoo.fetch_bars(ask(market["MSFT"]))


def test_only_yahoos_hosts_are_asked(server: LoopbackServer) -> None:
    connection = YahooConnection(server.url)
    for host in ("example.com", "notyahoo.com", "yahoo.com.example.com"):
        with pytest.raises(VendorError, match=f"wanted to ask {host}"):
            connection.ask("test", f"https://{host}/v8/finance/chart/X", {}, 0.5)
    assert not any("example" in request.path or "notyahoo" in request.path for request in server.requests)


def test_it_is_available_without_a_key(yahoo: Yahoo, server: LoopbackServer) -> None:
    yahoo.check_available()
    assert server.requests == []
