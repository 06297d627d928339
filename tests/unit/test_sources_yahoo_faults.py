"""Yahoo over real HTTP on loopback with its real client: every faulty row and every refusal is told apart."""

from __future__ import annotations

import json
import time
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from vendor_fakes.server import HTML, TRUNCATED, LoopbackServer, Reply
from vendor_fakes.yahoo import YahooApp, stamp
from vendor_fakes.yahoo_desk import (
    ATTEMPTS,
    END,
    LIMITS,
    START,
    ask,
    assert_equals_truth,
    chart_only,
    charts,
    connect,
    served,
    small_market,
)

from alphafactory.config_sources import YahooSettings
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
from alphafactory.sources.yahoo import Yahoo
from alphafactory.sources.yahoo_session import YahooConnection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vendor_fakes.truth import Market


@pytest.fixture
def market() -> Market:
    return small_market()


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


# Faulty rows.


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
    words = [1.0, None, "n/a", float("nan"), 1e300, True, 10**400]
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
        (served([], splits={"1": {"date": 1, "numerator": 1, "denominator": 1e-320}}), GarbageError),
        (served([], splits={str(n): {"date": n, "numerator": n, "denominator": 1} for n in (2, 3)}), GarbageError),
        (served([], dividends={"1": {"date": 1, "amount": 1e300}}), GarbageError),
        (Reply('{"chart": {"result": [{"meta": {"exchangeTimezoneName": "UTC"}, "timestamp": 1e9}]}}'), GarbageError),
        (Reply("[" * 100_000), GarbageError),
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
    with pytest.raises(VendorDownError, match="connection failed") as caught:
        yahoo.fetch_bars(ask(market["MSFT"]))
    words = str(caught.value)
    assert "Could" in words, "the reason of curl itself is told"
    assert "https://" not in words
    assert words.endswith("). Try again later.")
    assert len(words) < 240


def test_only_yahoos_hosts_are_asked(server: LoopbackServer) -> None:
    connection = YahooConnection(server.url)
    for host in ("example.com", "notyahoo.com", "yahoo.com.example.com"):
        with pytest.raises(VendorError, match=f"wanted to ask {host}"):
            connection.ask("test", f"https://{host}/v8/finance/chart/X", {}, 0.5)
    assert not any("example" in request.path or "notyahoo" in request.path for request in server.requests)
