"""The crypto source: the real ccxt over real HTTP, against Binance on loopback."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from vendor_fakes.crypto import BinanceApp, milliseconds, to_row
from vendor_fakes.server import HTML, LoopbackServer, Reply, Request
from vendor_fakes.truth import Bar, make_security

from alphafactory.config_sources import CryptoSettings, VendorLimits
from alphafactory.domain.bars import BAR_FIELDS
from alphafactory.domain.market import Listing
from alphafactory.errors import SourceError, SourceUnavailableError
from alphafactory.sources.base import BarRequest
from alphafactory.sources.crypto import CryptoSource
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
    from collections.abc import Iterator

    from vendor_fakes.truth import Market

    from alphafactory.domain.timeframes import Timeframe
    from alphafactory.sources.base import BarAnswer

pytest.importorskip("ccxt", reason="the optional extra is not installed")

START, END = date(2021, 1, 1), date(2024, 6, 30)
NAMES = ("BTC/USDT", "ETH/USDT", "ÄÖ株/USDT", "'; DROP TABLE BARS; --/USDT")
DAY = date(2024, 3, 1)


@dataclass
class Desk:
    """A source, the server it asks, and what it slept instead of waiting."""

    server: LoopbackServer
    app: BinanceApp
    source: CryptoSource
    slept: list[float]

    def bars(self, start: date, end: date, ticker: str = "BTC/USDT", timeframe: Timeframe = "1d") -> BarAnswer:
        listing = Listing(ticker, asset_class="crypto", calendar="24/7", currency="USDT")
        return self.source.fetch_bars(BarRequest(listing, ticker, start, end, timeframe))

    def asked(self, path: str = "klines") -> list[Request]:
        return [request for request in self.server.requests if request.path.endswith(path)]

    def fail(self, reply: Reply, times: int = 1, path: str = "klines") -> None:
        self.server.fail(reply, times, lambda request: request.path.endswith(path))


def make_source(base_url: str, slept: list[float], exchange: str = "binance") -> CryptoSource:
    limits = VendorLimits(per_minute=100_000, first_wait=0.001, attempts=2, timeout=2)
    caller = VendorCaller("crypto", limits, LocalBudget("crypto"), seed=1, sleep=slept.append)
    return CryptoSource(CryptoSettings(exchange=exchange, base_url=base_url, limits=limits), caller)


@cache
def market() -> Market:
    return {name: make_security(name, START, END, calendar="24/7", asset_class="crypto") for name in NAMES}


@pytest.fixture
def desk() -> Iterator[Desk]:
    app = BinanceApp({name: replace(security, bars=dict(security.bars)) for name, security in market().items()})
    slept: list[float] = []
    with LoopbackServer(app) as server:
        yield Desk(server, app, make_source(server.url, slept), slept)


def assert_true(answer: BarAnswer, expected: list[tuple[int, Bar]]) -> None:
    openings = np.array([opening for opening, _ in expected], dtype="datetime64[ms]")
    assert np.array_equal(answer.bars.times, openings.astype(answer.bars.times.dtype))
    assert np.array_equal(answer.bars.sessions, openings.astype("datetime64[D]"))
    for name in BAR_FIELDS:
        assert np.array_equal(getattr(answer.bars, name), [getattr(bar, name) for _, bar in expected]), name


@pytest.mark.parametrize("ticker", NAMES)
def test_daily_bars_over_two_pages_are_the_truth_to_the_bit(desk: Desk, ticker: str) -> None:
    end = END - timedelta(days=1)
    answer = desk.bars(START, end, ticker)
    assert answer.bars.tickers == (ticker,)
    assert answer.bars.instants is None
    assert answer.rejected == ()
    truth = desk.app.market[ticker].between(START, end)
    assert_true(answer, [(milliseconds(day), bar) for day, bar in truth.items()])
    assert len(truth) == 1276
    assert [int(request.query["limit"]) for request in desk.asked()] == [1000, 276]
    assert len(desk.asked("exchangeInfo")) == 1


@pytest.mark.parametrize(("timeframe", "count", "pages"), [("1h", 72, 1), ("15m", 288, 1), ("1m", 4320, 5)])
def test_intraday_bars_carry_their_opening_instants(desk: Desk, timeframe: Timeframe, count: int, pages: int) -> None:
    answer = desk.bars(DAY, DAY + timedelta(days=2), timeframe=timeframe)
    assert_true(answer, desk.app.candles("BTC/USDT", timeframe, milliseconds(DAY), count))
    assert answer.bars.instants is not None
    assert answer.bars.instants.dtype == np.dtype("datetime64[us]")
    assert (len(answer.bars), len(desk.asked())) == (count, pages)


def test_a_candle_after_the_end_is_no_bar(desk: Desk) -> None:
    bar = Bar(2.0, 3.0, 1.0, 2.0, 5.0)
    desk.fail(Reply([to_row(milliseconds(DAY + timedelta(days=offset)), 86_400_000, bar) for offset in (0, 1)]))
    assert desk.bars(DAY, DAY).bars.sessions.tolist() == [DAY]


def test_markets_are_asked_for_once_and_tell_the_profile(desk: Desk) -> None:
    expected = Listing("ETH/USDT", exchange="BINANCE", asset_class="crypto", calendar="24/7", currency="USDT")
    assert desk.source.fetch_profile("ETH/USDT") == expected
    desk.bars(DAY, DAY)
    desk.bars(DAY, DAY, "ETH/USDT")
    assert [request.path for request in desk.server.requests] == ["/api/v3/exchangeInfo", *["/api/v3/klines"] * 2]


def test_the_newest_session_is_that_of_the_exchange(desk: Desk) -> None:
    desk.app.newest_session = END - timedelta(days=2)
    assert desk.source.newest_session(END) == END - timedelta(days=2)
    assert desk.source.newest_session(DAY) == DAY
    with pytest.raises(EmptyAnswerError, match="no candle in a week"):
        desk.source.newest_session(END + timedelta(days=30))


def test_a_gap_of_ten_years_takes_no_request_of_its_own(desk: Desk) -> None:
    early, late = date(2011, 1, 1), date(2021, 1, 1)
    desk.app.market["BTC/USDT"].bars = {early: Bar(1.0, 2.0, 1.0, 2.0, 9.0), late: Bar(3.0, 4.0, 3.0, 4.0, 9.0)}
    answer = desk.bars(early, late)
    assert answer.bars.sessions.tolist() == [early, late]
    assert len(desk.asked()) == 1


def test_unordered_and_duplicated_candles_are_passed_on_as_they_are(desk: Desk) -> None:
    days = [DAY + timedelta(days=offset) for offset in (2, 0, 1, 1)]
    desk.fail(Reply([to_row(milliseconds(day), 86_400_000, Bar(2.0, 3.0, 1.0, 2.0, 5.0)) for day in days]))
    assert desk.bars(DAY, max(days)).bars.sessions.tolist() == days


@pytest.mark.parametrize("word", [None, "NaN", "inf", "abc", ""])
@pytest.mark.parametrize(("place", "field"), [(4, "close"), (5, "volume")])
def test_a_candle_with_a_word_that_is_no_number_is_rejected(desk: Desk, word: Any, place: int, field: str) -> None:
    rows = [to_row(milliseconds(day), 86_400_000, Bar(2.0, 3.0, 1.0, 2.0, 5.0)) for day in (DAY, DAY + timedelta(1))]
    rows[0][place] = word
    desk.fail(Reply(rows))
    answer = desk.bars(DAY, DAY + timedelta(days=1))
    assert answer.bars.sessions.tolist() == [DAY + timedelta(days=1)]
    (row,) = answer.rejected
    assert (row.ticker, row.where) == ("BTC/USDT", f"crypto:{DAY}")
    assert row.payload[str(place)] == word
    assert field in row.reason


def test_words_that_no_table_can_hold_are_made_plain(desk: Desk) -> None:
    row = to_row(milliseconds(DAY), 86_400_000, Bar(2.0, 3.0, 1.0, 2.0, 5.0))
    desk.fail(Reply([[*row[:4], "a\0b\ud800" + "c" * 500, *row[5:]]]))
    (rejected,) = desk.bars(DAY, DAY).rejected
    word = rejected.payload["4"]
    assert isinstance(word, str)
    assert word.startswith("ab?c")
    assert len(word) == 200


def test_a_candle_without_a_readable_time_is_rejected_too(desk: Desk) -> None:
    rows = [to_row(milliseconds(DAY), 86_400_000, Bar(2.0, 3.0, 1.0, 2.0, 5.0)) for _ in range(2)]
    rows[0][0] = "yesterday"
    desk.fail(Reply(rows))
    answer = desk.bars(DAY, DAY)
    assert len(answer.bars) == 1
    assert [row.where for row in answer.rejected] == ["crypto:unknown session"]


def test_the_last_candle_without_prices_is_rejected(desk: Desk) -> None:
    desk.app.blank_last = {"BTC/USDT"}
    answer = desk.bars(END - timedelta(days=4), END)
    assert len(answer.bars) == 4
    assert [row.where for row in answer.rejected] == [f"crypto:{END}"]


@pytest.mark.parametrize(
    ("reply", "kind", "requests"),
    [
        (Reply({"code": -2014, "msg": "API-key format invalid."}, status=401), BadKeyError, 1),
        (Reply("no", status=403), NotEntitledError, 1),
        (Reply({"code": 0, "msg": "Service unavailable from a restricted location"}, status=451), NotEntitledError, 1),
        (Reply("no", status=404), UnknownSymbolError, 1),
        (Reply({"code": -1121, "msg": "Invalid symbol."}, status=400), UnknownSymbolError, 1),
        (Reply({"code": -1003, "msg": "Too much request weight used"}, status=429), RateLimitedError, 2),
        (Reply({"code": -1003, "msg": "Way too much request weight used"}, status=418), QuotaSpentError, 1),
        (Reply("oops", status=500), VendorDownError, 2),
        (Reply("oops", status=503), VendorDownError, 2),
        (Reply([], hang=5.0), VendorDownError, 2),
        (Reply([to_row(milliseconds(DAY), 86_400_000, Bar(2.0, 3.0, 1.0, 2.0, 5.0))], cut=0.5), VendorDownError, 2),
        (HTML, GarbageError, 2),
        (Reply('[[1704067200000, "1.0", "2', headers={"Content-Type": "application/json"}), GarbageError, 2),
        (Reply({}), GarbageError, 2),
        (Reply("null"), GarbageError, 2),
        (Reply([None]), GarbageError, 2),
        (Reply([1, 2, 3]), GarbageError, 2),
        (Reply(["BTCUSDT"]), GarbageError, 2),
        (Reply([[]]), GarbageError, 2),
        (Reply({"rows": [[1]]}), GarbageError, 2),
        (Reply("", headers={"Content-Encoding": "gzip"}), GarbageError, 2),
        (Reply({"code": -1100, "msg": "Illegal characters found"}, status=400), VendorError, 1),
    ],
)
def test_every_refusal_is_told_apart(desk: Desk, reply: Reply, kind: type[VendorError], requests: int) -> None:
    desk.fail(reply, times=5)
    with pytest.raises(VendorError) as raised:
        desk.bars(DAY, DAY)
    assert type(raised.value) is kind
    assert len(desk.asked()) == requests
    message = str(raised.value)
    assert message.startswith("crypto (binance), BTC/USDT 1d 2024-03-01 to 2024-03-01: ")
    assert "http" not in message
    assert len(message) < 450


@pytest.mark.parametrize(
    ("reply", "kind", "requests"),
    [
        (Reply("no", status=451), NotEntitledError, 1),
        (Reply("oops", status=502), VendorDownError, 2),
        (Reply("not here", status=404), VendorDownError, 2),
        (HTML, GarbageError, 2),
        (Reply({}), GarbageError, 2),
        (Reply("null"), GarbageError, 2),
        (Reply({"symbols": None}), GarbageError, 2),
        (Reply({"symbols": [None]}), GarbageError, 2),
        (Reply({"symbols": {"BTCUSDT": 1}}), GarbageError, 2),
        (Reply([1, 2]), GarbageError, 2),
    ],
)
def test_a_list_of_pairs_that_fails_is_asked_for_again(
    desk: Desk, reply: Reply, kind: type[VendorError], requests: int
) -> None:
    desk.fail(reply, times=requests, path="exchangeInfo")
    with pytest.raises(VendorError) as raised:
        desk.bars(DAY, DAY)
    assert type(raised.value) is kind
    assert len(desk.asked("exchangeInfo")) == requests
    assert len(desk.bars(DAY, DAY).bars) == 1
    assert len(desk.asked("exchangeInfo")) == requests + 1


def test_a_trouble_that_passes_leaves_no_trace(desk: Desk) -> None:
    desk.fail(Reply("oops", status=500))
    assert len(desk.bars(DAY, DAY).bars) == 1
    assert len(desk.slept) == 1


def test_the_wait_that_the_exchange_asks_for_is_kept(desk: Desk) -> None:
    desk.fail(Reply({"code": -1003, "msg": "Too much"}, status=429, headers={"Retry-After": "7"}))
    assert len(desk.bars(DAY, DAY).bars) == 1
    assert 7 <= desk.slept[0] < 7.1


def test_a_ban_ends_the_exchange_for_the_night(desk: Desk) -> None:
    desk.fail(Reply("banned", status=418))
    for _ in range(2):
        with pytest.raises(QuotaSpentError):
            desk.bars(DAY, DAY)
    assert len(desk.asked()) == 1


def test_an_answer_that_does_not_advance_ends(desk: Desk) -> None:
    app = desk.app
    first = [to_row(opening, 86_400_000, bar) for opening, bar in app.candles("BTC/USDT", "1d", milliseconds(START))]
    desk.fail(Reply(first), times=50)
    with pytest.raises(GarbageError, match="does not advance"):
        desk.bars(START, END)
    assert len(desk.asked()) == 3


def test_a_candle_that_a_page_repeats_from_the_one_before_counts_once(desk: Desk) -> None:
    rows = [
        to_row(milliseconds(DAY + timedelta(offset)), 86_400_000, Bar(2.0, 3.0, 1.0, 2.0, 5.0)) for offset in (0, 1)
    ]
    desk.fail(Reply(rows[:1]))
    desk.fail(Reply(rows))
    assert desk.bars(DAY, DAY + timedelta(days=1)).bars.sessions.tolist() == [DAY, DAY + timedelta(days=1)]


def test_one_time_from_far_ahead_does_not_cut_the_series_short(desk: Desk) -> None:
    rows = [
        to_row(opening, 86_400_000, bar) for opening, bar in desk.app.candles("BTC/USDT", "1d", milliseconds(START))
    ]
    rows[500][0] = milliseconds(date(2200, 1, 1))
    desk.fail(Reply(rows))
    assert len(desk.bars(START, END).bars) == len(desk.app.market["BTC/USDT"].bars) - 1


def test_nothing_in_a_span_with_sessions_is_an_error(desk: Desk) -> None:
    with pytest.raises(EmptyAnswerError, match="the span has 31 sessions"):
        desk.bars(date(2019, 1, 1), date(2019, 1, 31))
    desk.app.newest_session = DAY
    with pytest.raises(EmptyAnswerError):
        desk.bars(DAY + timedelta(days=1), DAY + timedelta(days=3))


@pytest.mark.parametrize("ticker", ["DOGE/USDT", "BTCUSDT", "AAPL", "Ünïcödé'; --", ""])
def test_an_unknown_pair_costs_no_request_for_candles(desk: Desk, ticker: str) -> None:
    with pytest.raises(UnknownSymbolError, match="written as BTC/USDT"):
        desk.bars(DAY, DAY, ticker)
    assert desk.asked() == []


def test_a_timeframe_that_the_exchange_lacks_is_said(desk: Desk) -> None:
    desk.bars(DAY, DAY)
    del desk.source._exchange().timeframes["5m"]
    with pytest.raises(NotOfferedError, match="no candles of 5m"):
        desk.bars(DAY, DAY, timeframe="5m")


def test_an_exchange_that_nobody_listens_for_is_down() -> None:
    with LoopbackServer(lambda _: Reply()) as server:
        gone = server.url
    slept: list[float] = []
    with pytest.raises(VendorDownError, match="out of reach"):
        make_source(gone, slept).fetch_profile("BTC/USDT")
    assert len(slept) == 1


@pytest.mark.parametrize("exchange", ["binance", "bybit", "kraken", "coinbase", "okx"])
def test_nothing_is_asked_of_an_exchange_s_own_host(exchange: str) -> None:
    refused = Reply("no", status=403)
    with LoopbackServer(lambda _: refused) as server:
        source = make_source(server.url, [], exchange)
        source.check_available()
        with pytest.raises(NotEntitledError, match=rf"crypto \({exchange}\)"):
            source.fetch_profile("BTC/USDT")
        assert len(server.requests) == 1


def test_an_unknown_exchange_is_refused_with_the_nearest() -> None:
    with pytest.raises(SourceError, match="Did you mean 'binance'"):
        make_source("http://127.0.0.1:1", [], "binanse").check_available()


def test_without_the_library_the_source_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ccxt", None)
    with pytest.raises(SourceUnavailableError, match=r"pip install --no-deps -r requirements/crypto\.lock"):
        make_source("http://127.0.0.1:1", []).check_available()


def test_a_request_of_no_day_is_answered_with_nothing(desk: Desk) -> None:
    assert len(desk.bars(DAY, DAY - timedelta(days=1)).bars) == 0
    assert desk.asked() == []


def test_the_market_may_be_edited(desk: Desk) -> None:
    security = desk.app.market["BTC/USDT"]
    security.bars[DAY] = replace(security.bars[DAY], close=12345.6789)
    moment = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
    assert desk.bars(DAY, DAY).bars.close.tolist() == [12345.6789]
    assert desk.asked()[0].query["startTime"] == str(int(moment.timestamp() * 1000))
