"""Yahoo over real HTTP on loopback with its real client: actions, profiles and announcements."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest
from vendor_fakes.server import LoopbackServer, Reply
from vendor_fakes.truth import Market, make_security
from vendor_fakes.yahoo import YahooApp
from vendor_fakes.yahoo_desk import ATTEMPTS, END, SPLIT_DAY, START, chart_only, connect, small_market

from alphafactory.domain.market import EarningsDate, Listing
from alphafactory.sources.vendor import GarbageError, UnknownSymbolError, VendorDownError, VendorError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alphafactory.sources.yahoo import Yahoo


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


def test_actions_of_several_tickers_within_a_span(yahoo: Yahoo, market: Market, app: YahooApp) -> None:
    actions = yahoo.fetch_actions(["AAPL", "MSFT"], SPLIT_DAY, date(2023, 12, 31))
    security = market["AAPL"]
    assert list(actions.splits) == security.splits[:1]
    assert list(actions.dividends) == security.dividends[1:3]
    app.delisted.add("MSFT")
    with pytest.raises(UnknownSymbolError):  # to say that it has none would take back what was told
        yahoo.fetch_actions(["AAPL", "MSFT"], SPLIT_DAY, date(2023, 12, 31))


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
