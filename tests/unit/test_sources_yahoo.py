"""Yahoo over real HTTP on loopback with its real client: bars of every length equal the truth to the bit."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
from vendor_fakes.server import LoopbackServer, Request
from vendor_fakes.truth import FIELDS, Market, make_security
from vendor_fakes.yahoo import YahooApp, at, intraday_bars, stamp
from vendor_fakes.yahoo_desk import (
    END,
    LATER_SPLIT_DAY,
    SPLIT_DAY,
    START,
    ask,
    assert_equals_truth,
    charts,
    connect,
    small_market,
)

from alphafactory.domain.market import Dividend
from alphafactory.domain.timeframes import SECONDS, Timeframe
from alphafactory.sources.vendor import NotEntitledError
from alphafactory.sources.yahoo import Yahoo, spell
from alphafactory.sources.yahoo_payloads import without_noise

if TYPE_CHECKING:
    from collections.abc import Iterator


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


def test_it_is_available_without_a_key(yahoo: Yahoo, server: LoopbackServer) -> None:
    yahoo.check_available()
    assert server.requests == []
