"""Polygon over real HTTP on loopback, through the vendor's own client: what comes back is the truth, to the bit."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from vendor_fakes.polygon import KEY, PolygonApp
from vendor_fakes.polygon_desk import (
    END,
    SPLIT_DAY,
    START,
    assert_true,
    market,
    polygon,
    request,
)
from vendor_fakes.server import Reply
from vendor_fakes.truth import Security, make_market, make_security

from alphafactory.calendar import sessions_between
from alphafactory.domain.market import Listing, Rename, Split
from alphafactory.sources import sources
from alphafactory.sources.base import BarRequest
from alphafactory.sources.polygon import PolygonSource
from alphafactory.sources.polygon_payloads import sector_of
from alphafactory.sources.vendor import (
    EmptyAnswerError,
    GarbageError,
    NotEntitledError,
    UnknownSymbolError,
)

if TYPE_CHECKING:
    from alphafactory.domain.timeframes import Timeframe


def test_it_is_found_and_says_what_it_offers() -> None:
    found = sources().get("polygon")
    assert found is PolygonSource
    assert {"bars", "grouped", "actions", "profile", "delistings", "renames"} == found.offers
    assert found.timeframes == ("1d", "1h", "15m", "5m", "1m")
    assert not found.ticker_follows_rename


@pytest.mark.parametrize("basis", ["raw", "split_adjusted"])
def test_bars_equal_the_truth_to_the_bit_on_either_basis(basis: str) -> None:
    with polygon(basis=basis) as (source, server, app):
        answer = source.fetch_bars(request())
        assert answer.bars.tickers == ("AAPL",)
        assert (answer.rejected, answer.bars.instants) == ((), None)
        assert_true(answer.bars, app.market["AAPL"])
        asked = server.requests[0]
        assert asked.query["adjusted"] == ("false" if basis == "raw" else "true")
        assert asked.headers["authorization"] == f"Bearer {KEY}"
        assert len(server.requests) == (1 if basis == "raw" else 2)


def test_a_split_after_the_asked_span_is_undone_too() -> None:
    with polygon(basis="split_adjusted") as (source, _, app):
        answer = source.fetch_bars(request(end=date(2024, 1, 31)))
        assert_true(answer.bars, app.market["AAPL"], end=date(2024, 1, 31))


def test_a_split_that_is_only_announced_is_not_undone() -> None:
    app = PolygonApp(market(), today=END)
    app.market["AAPL"].splits.append(Split("AAPL", date(2190, 1, 2), 3.0))
    with polygon(app, basis="split_adjusted") as (source, _, _app):
        assert_true(source.fetch_bars(request()).bars, app.market["AAPL"])


def test_the_bars_carry_our_ticker_and_the_vendor_is_asked_for_that_of_the_time() -> None:
    listing = Listing("META")
    app = PolygonApp({"FB": make_security("FB", START, END, splits=[(SPLIT_DAY, 4.0)])})
    with polygon(app, basis="split_adjusted") as (source, server, _):
        bars = source.fetch_bars(BarRequest(listing, "FB", START, END)).bars
        assert bars.tickers == ("META",)
        assert_true(bars, app.market["FB"])
        assert "/ticker/FB/" in server.requests[0].path


@pytest.mark.parametrize("basis", ["raw", "split_adjusted"])
def test_pages_are_joined_and_stay_on_the_configured_host(basis: str) -> None:
    with polygon(PolygonApp(market(), page_size=40), basis=basis) as (source, server, app):
        assert_true(source.fetch_bars(request()).bars, app.market["AAPL"])
        assert len([one for one in server.requests if "range" in one.path]) == -(-len(app.market["AAPL"].bars) // 40)
        assert {one.headers["authorization"] for one in server.requests} == {f"Bearer {KEY}"}


@pytest.mark.parametrize(("timeframe", "a_day"), [("1h", 7), ("15m", 26), ("5m", 78), ("1m", 390)])
def test_intraday_bars_open_in_utc_and_belong_to_new_yorks_sessions(timeframe: Timeframe, a_day: int) -> None:
    start, end = date(2024, 3, 8), date(2024, 3, 12)  # the clocks change on the 10th
    with polygon() as (source, server, app):
        bars = source.fetch_bars(request(start=start, end=end, timeframe=timeframe)).bars
        count = {"1h": "1/hour", "15m": "15/minute", "5m": "5/minute", "1m": "1/minute"}[timeframe]
        assert f"/range/{count}/{start}/{end}" in server.requests[0].path
    assert bars.instants is not None
    assert bars.instants.dtype == np.dtype("datetime64[us]")
    assert len(bars) == 3 * a_day
    hour = "09:00" if timeframe == "1h" else "09:30"
    before, after = (str(int(hour[:2]) + shift).zfill(2) + hour[2:] for shift in (5, 4))
    opens = [np.datetime64(f"2024-03-08T{before}"), np.datetime64(f"2024-03-11T{after}")]
    assert bars.instants[[0, a_day]].tolist() == [moment.astype("datetime64[us]").item() for moment in opens]
    assert np.unique(bars.sessions).tolist() == [start, date(2024, 3, 11), end]
    assert bars.close.tolist() == [app.market["AAPL"].bars[day].close for day in bars.sessions.tolist()]


def test_a_whole_session_comes_in_one_request() -> None:
    with polygon() as (source, server, app):
        answer = source.fetch_grouped(END, ["NOT-THERE", "BRK.B", "AAPL"])
        assert answer.bars.tickers == ("AAPL", "BRK.B")
        assert answer.bars.sessions.tolist() == [END, END]
        for place, ticker in enumerate(answer.bars.tickers):
            assert_true(answer.bars.take(answer.bars.codes == place), app.market[ticker], END, END)
        assert len(server.requests) == 1
        with pytest.raises(EmptyAnswerError, match="no row came for 1 sessions"):
            source.fetch_grouped(date(2024, 7, 1), ["AAPL"])
        assert len(source.fetch_grouped(date(2024, 7, 4), ["AAPL"]).bars) == 0


def test_few_symbols_are_asked_for_actions_one_by_one() -> None:
    with polygon() as (source, server, app):
        actions = source.fetch_actions(["AAPL", "BRK.B"], START, END)
        true = app.market["AAPL"]
        assert actions.splits == tuple(true.splits)
        assert set(actions.dividends) == {*true.dividends, *app.market["BRK.B"].dividends}
        assert len(actions.dividends) == 5
        assert len(server.requests) == 4
        part = source.fetch_actions(["AAPL"], date(2024, 2, 9), SPLIT_DAY)
        assert part.splits == (Split("AAPL", SPLIT_DAY, 4.0),)
        assert [dividend.amount for dividend in part.dividends] == [0.24, 0.5]


def test_many_symbols_are_asked_for_actions_at_once() -> None:
    tickers = [f"T{number:03d}" for number in range(400)]
    made = {
        ticker: make_security(
            ticker, date(2024, 6, 3), END, splits=[(date(2024, 6, 10), 2.0)], dividends=[(date(2024, 6, 12), 0.1)]
        )
        for ticker in [*tickers, "OTHER"]
    }
    with polygon(PolygonApp(made, page_size=150)) as (source, server, _):
        actions = source.fetch_actions(tickers, START, END)
        assert [split.ticker for split in actions.splits] == tickers
        assert [dividend.ticker for dividend in actions.dividends] == tickers
        assert len(server.requests) == 6


def test_kinds_and_foreign_money_are_told_apart_and_repeats_dropped() -> None:
    paid = {"ticker": "AAPL", "ex_dividend_date": "2024-02-09", "cash_amount": 1}
    rows = [{**paid, "id": code, "dividend_type": code} for code in ("CD", "SC", "LT")]
    rows += [rows[0], {**paid, "id": "x", "dividend_type": "CD", "currency": "CAD"}, {**paid, "cash_amount": 0}]
    with polygon() as (source, server, _):
        server.fail(Reply({"status": "OK", "results": rows}), applies=lambda asked: "dividends" in asked.path)
        dividends = source.fetch_actions(["AAPL"], START, END).dividends
        assert [dividend.kind for dividend in dividends] == ["cash", "cash_cad", "lt", "special"]


@pytest.mark.parametrize(
    "broken",
    [{"split_from": 0}, {"split_to": None}, {"split_to": "many"}, {"execution_date": "soon"}, {"split_from": True}],
)
def test_a_split_that_cannot_be_read_fails_the_answer(broken: dict[str, Any]) -> None:
    split = {"ticker": "AAPL", "execution_date": "2024-03-11", "split_from": 1, "split_to": 4, **broken}
    with polygon() as (source, server, _):
        server.fail(Reply({"status": "OK", "results": [split]}))
        with pytest.raises(GarbageError, match="AAPL"):
            source.fetch_actions(["AAPL"], START, END)


def test_profiles_tell_names_classes_sectors_and_dates() -> None:
    fund = make_security("SPY", START, END, asset_class="etf", sector=None)
    app = PolygonApp({**market(), "SPY": fund})
    with polygon(app) as (source, _, _app):
        assert source.fetch_profile("AAPL") == Listing(
            "AAPL", "AAPL Inc.", sector="Information Technology", listed=START
        )
        assert source.fetch_profile("BRK.B").sector == "Financials"
        assert (source.fetch_profile("SPY").asset_class, source.fetch_profile("SPY").sector) == ("etf", None)
        with pytest.raises(UnknownSymbolError):
            source.fetch_profile("NOBODY")


SECTORS: list[tuple[object, str | None]] = [
    ("3571", "Information Technology"),
    ("2834", "Health Care"),
    ("3841", "Health Care"),
    ("6798", "Real Estate"),
    ("6021", "Financials"),
    ("5331", "Consumer Staples"),
    ("5311", "Consumer Discretionary"),
    ("4911", "Utilities"),
    ("4813", "Communication Services"),
    ("1311", "Energy"),
    ("0100", "Consumer Staples"),
    (100, "Consumer Staples"),  # a leading zero may be missing
    ("9999", None),
    ("", None),
    (None, None),
]


@pytest.mark.parametrize(("code", "sector"), SECTORS)
def test_sic_codes_become_sectors(code: object, sector: str | None) -> None:
    assert sector_of(code) == sector


def test_delistings_up_to_a_day() -> None:
    app = PolygonApp(market(), page_size=1)
    for number, day in enumerate([date(2024, 5, 2), date(2024, 1, 5), date(2025, 1, 1)]):
        ticker = f"GONE{number}"
        app.market[ticker] = Security(Listing(ticker, ticker, delisted=day), {})
    with polygon(app) as (source, server, _):
        gone = source.fetch_delistings(END)
        assert [(listing.ticker, listing.delisted) for listing in gone] == [
            ("GONE1", date(2024, 1, 5)),
            ("GONE0", date(2024, 5, 2)),
        ]
        assert server.requests[0].query["active"] == "false"
        assert server.requests[0].query["limit"] == "1000"
        assert len(server.requests) == 3


def test_renames_oldest_first() -> None:
    changes = [(date(2012, 5, 18), "FB"), (date(2022, 6, 9), "META")]
    with polygon(PolygonApp(make_market(["META", "AAPL"], START, END), renames={"META": changes})) as (source, _, _app):
        assert source.fetch_renames("META") == (Rename("FB", None), Rename("META", date(2022, 6, 9)))
        assert source.fetch_renames("AAPL") == (Rename("AAPL", None),)


def test_the_newest_session_takes_one_request_and_one_more_where_the_plan_lacks_today() -> None:
    with polygon() as (source, server, app):
        assert source.newest_session(date(2024, 6, 30)) == END
        assert source.newest_session(date(2024, 6, 23)) == date(2024, 6, 21)
        assert len(server.requests) == 2
        app.newest, app.refuses_after = date(2024, 6, 27), True
        assert source.newest_session(END) == date(2024, 6, 27)
        assert len(server.requests) == 4


def test_an_empty_answer_is_an_error_only_where_there_are_sessions() -> None:
    with polygon() as (source, _, _app):
        with pytest.raises(EmptyAnswerError, match=r"polygon NOBODY 1d .*no row came for \d+ sessions"):
            source.fetch_bars(request("NOBODY"))
        weekend = source.fetch_bars(request(start=date(2024, 6, 1), end=date(2024, 6, 2)))
        assert len(weekend.bars) == 0
        assert weekend.bars.close.dtype == np.float64


def test_a_gap_of_ten_years_is_passed_on() -> None:
    old, new = make_security("AAPL", date(2012, 1, 3), date(2012, 3, 1)), market()["AAPL"]
    new.bars = {**old.bars, **new.bars}
    with polygon(PolygonApp({"AAPL": new})) as (source, _, _app):
        bars = source.fetch_bars(request(start=date(2012, 1, 1))).bars
    assert_true(bars, new, start=date(2012, 1, 1))
    assert int(np.diff(bars.sessions).astype(int).max()) > 4000


def test_the_plans_edge_cuts_a_span_and_refuses_what_is_older() -> None:
    edge = date(2024, 1, 2)
    with polygon(PolygonApp(market(), history_start=edge)) as (source, server, app):
        assert_true(source.fetch_bars(request()).bars, app.market["AAPL"], start=edge)
        with pytest.raises(NotEntitledError, match=r"plan does not include it.*Your plan doesn't include"):
            source.fetch_bars(request(end=date(2023, 12, 29)))
        assert len(server.requests) == 2


def test_the_newest_sessions_hole_is_rejected() -> None:
    with polygon(PolygonApp(market(), holes={"AAPL"})) as (source, _, _app):
        answer = source.fetch_bars(request())
        assert answer.bars.sessions.max().item() < END
        assert [one.where for one in answer.rejected] == [f"polygon:{END}"]
        grouped = source.fetch_grouped(END, ["AAPL", "BRK.B"])
        assert grouped.bars.tickers[int(grouped.bars.codes[0])] == "BRK.B"
        assert [one.ticker for one in grouped.rejected] == ["AAPL"]


@pytest.mark.parametrize("ticker", ["ÄÖ→株", "'; DROP TABLE bars; --", 'A"B', "A/B?c=1#d", "50% off", "A+B C"])
def test_tickers_and_names_of_any_letters_survive(ticker: str) -> None:
    app = PolygonApp(make_market([ticker], START, END), renames={ticker: [(START, ticker)]})
    with polygon(app) as (source, server, _):
        assert_true(source.fetch_bars(request(ticker)).bars, app.market[ticker])
        assert source.fetch_profile(ticker).name == f"{ticker} Inc."
        assert source.fetch_renames(ticker) == (Rename(ticker, None),)
        app.market[ticker].splits.append(Split(ticker, SPLIT_DAY, 2.0))
        assert source.fetch_actions([ticker], START, END).splits == (Split(ticker, SPLIT_DAY, 2.0),)
        assert len(source.fetch_grouped(END, [ticker]).bars) == 1
        assert len(server.requests) == 6


def test_a_calendar_of_sessions_is_the_truths() -> None:
    """The made-up market has a bar a session; else the comparisons above would compare little."""
    assert list(market()["AAPL"].bars) == sessions_between("XNYS", START, END).tolist()
