"""Answers that would cost money if they were believed: actions told twice or forgotten, other symbols' data, words."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from vendor_fakes.downloads import bars_of, download, sources_of
from vendor_fakes.server import Reply
from vendor_fakes.street import Street, open_street
from vendor_fakes.truth import make_market, make_security
from vendor_fakes.yahoo import stamp

from alphafactory.domain.market import Dividend, Split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nights import Nights
    from vendor_fakes.server import Request

FIRST, BEFORE, NIGHT, NEXT = date(2024, 1, 2), date(2024, 3, 13), date(2024, 3, 14), date(2024, 3, 15)
SPLIT_DAY, EX_DAY = date(2024, 3, 8), date(2024, 2, 26)
TICKERS = [f"T{number:02d}" for number in range(4)]


@pytest.fixture
def street() -> Iterator[Street]:
    market = make_market(TICKERS, FIRST, NEXT)
    market["T01"] = make_security("T01", FIRST, NEXT, splits=[(SPLIT_DAY, 4.0)])
    with open_street(market) as opened:
        opened.open_until(BEFORE)
        yield opened


def retold(street: Street, vendor: str, change: Callable[[Request, Any], Any]) -> None:
    """Let a vendor's good answers pass through `change`."""
    true_answer = street.servers[vendor].app

    def app(request: Request) -> Reply:
        reply = true_answer(request)
        if reply.status != 200 or not isinstance(reply.body, dict):
            return reply
        return replace(reply, body=change(request, json.loads(json.dumps(reply.body))))

    street.servers[vendor].app = app


def splits(nights: Nights) -> list[tuple[Any, ...]]:
    return nights.ask("SELECT ticker, ex_date, ratio, source FROM v_splits ORDER BY 1, 2")


def dividends(nights: Nights) -> list[tuple[Any, ...]]:
    return nights.ask("SELECT ticker, ex_date, amount, source FROM v_dividends ORDER BY 1, 2, 3")


def truth(street: Street, ticker: str, until: date) -> dict[date, tuple[float, ...]]:
    return {
        day: (bar.open, bar.high, bar.low, bar.close, bar.volume)
        for day, bar in street.market[ticker].between(FIRST, until).items()
    }


def raw(nights: Nights, ticker: str) -> dict[date, tuple[Any, ...]]:
    return {day: tuple(bar[:5]) for day, bar in bars_of(nights, ticker).items()}


@pytest.mark.parametrize("kind", ["splits", "dividends"])
def test_an_action_that_polygon_lists_twice_happens_once(nights: Nights, street: Street, kind: str) -> None:
    street.market["T01"].dividends.append(Dividend("T01", EX_DAY, 0.5))

    def twice(request: Request, body: Any) -> Any:
        if f"/reference/{kind}" in request.path:
            body["results"] += [{**row, "id": f"{row['id']}-again"} for row in body["results"]]
        return body

    retold(street, "polygon", twice)
    street.lead(nights, "polygon")
    assert download(nights, BEFORE).outcome == "fine"
    assert splits(nights) == [("T01", SPLIT_DAY, 4.0, "polygon")]
    assert dividends(nights) == [("T01", EX_DAY, 0.5, "polygon")]


def test_a_split_that_yahoo_lists_twice_happens_once(nights: Nights, street: Street) -> None:
    def twice(_: Request, body: Any) -> Any:
        found = body.get("chart", {}).get("result", [{}])[0].get("events", {}).get("splits", {})
        found.update({f"{key}1": {**event, "date": event["date"] + 60} for key, event in list(found.items())})
        return body

    retold(street, "yahoo", twice)
    street.lead(nights, "yahoo")
    assert download(nights, BEFORE).outcome == "fine"
    assert splits(nights) == [("T01", SPLIT_DAY, 4.0, "yahoo")]
    assert raw(nights, "T01") == truth(street, "T01", BEFORE)


def test_a_vendor_that_forgets_a_symbol_takes_none_of_its_splits_back(nights: Nights, street: Street) -> None:
    street.lead(nights, "yahoo")
    download(nights, BEFORE)
    assert splits(nights) == [("T01", SPLIT_DAY, 4.0, "yahoo")]
    street.open_until(NIGHT)
    street.yahoo.delisted.add("T01")
    download(nights, NIGHT)
    assert splits(nights) == [("T01", SPLIT_DAY, 4.0, "yahoo")]


@pytest.mark.parametrize("adjusted_already", [True, False])
def test_prices_on_an_unknown_share_basis_are_not_stored(
    nights: Nights, street: Street, adjusted_already: bool
) -> None:
    """Yahoo lists a split before the first session on the new basis: its prices may be on either."""

    def announce(request: Request, body: Any) -> Any:
        if "/chart/T02" in request.path and request.query["interval"] == "1d":
            result = body["chart"]["result"][0]
            events, moment = result.setdefault("events", {}), stamp(NEXT)
            events.setdefault("splits", {})[str(moment)] = {"date": moment, "numerator": 4.0, "denominator": 1.0}
            columns = result["indicators"]["quote"][0] if adjusted_already else {}
            columns |= {name: [price / 4 for price in column] for name, column in columns.items() if name != "volume"}
        return body

    true_answer = street.servers["yahoo"].app
    retold(street, "yahoo", announce)
    street.open_until(NIGHT)
    street.lead(nights, "yahoo")
    step = download(nights, NIGHT)
    assert step.outcome == "partial"
    assert any(one["subject"] == "T02" and "lists a split on 2024-03-15" in str(one) for one in step.failures), step
    assert raw(nights, "T02") == {}
    assert raw(nights, "T01") == truth(street, "T01", NIGHT)
    street.servers["yahoo"].app = true_answer
    street.open_until(NEXT)
    assert download(nights, NEXT).outcome == "fine"
    assert raw(nights, "T02") == truth(street, "T02", NEXT)


def test_a_reverse_split_tonight_revises_no_volume(nights: Nights, street: Street) -> None:
    """Yahoo's volumes are whole numbers on the newest basis: a tenth of a share's volume loses its last digit."""
    security = street.market["T03"]
    for day, bar in security.bars.items():
        security.restate(day, volume=bar.volume + 7 + 2 * (day.day % 3))
    street.yahoo.forget()
    street.lead(nights, "yahoo")
    nights.settings["sources.recheck_nights"] = 1
    download(nights, BEFORE)
    before = raw(nights, "T03")
    bar = security.bars[NIGHT]
    prices = {name: round(getattr(bar, name) * 10, 2) for name in ("open", "high", "low", "close")}
    security.restate(NIGHT, **prices, volume=bar.volume // 10)
    security.splits.append(Split("T03", NIGHT, 0.1))
    street.open_until(NIGHT)
    download(nights, NIGHT)
    assert splits(nights)[-1] == ("T03", NIGHT, 0.1, "yahoo")
    after = raw(nights, "T03")
    assert {day: after[day] for day in before} == before
    assert nights.ask("SELECT count(*) FROM bar_revisions") == [(0,)]


@pytest.mark.parametrize("vendor", ["polygon", "yahoo", "alpha_vantage"])
def test_another_symbols_bars_are_refused(nights: Nights, street: Street, vendor: str) -> None:
    """A vendor mixes its answers up: the next one fills in, and nothing of the other symbol is stored."""
    true_answer = street.servers[vendor].app

    def mixed_up(request: Request) -> Reply:
        bars = "/aggs/" in request.path or "/chart/" in request.path or "TIME_SERIES" in str(request.query)
        query = {name: "T02" if word == "T00" else word for name, word in request.query.items()} if bars else None
        path = request.path.replace("/T00", "/T02") if bars else request.path
        return true_answer(replace(request, path=path, query=query or request.query))

    street.servers[vendor].app = mixed_up
    other = "yahoo" if vendor != "yahoo" else "polygon"
    street.lead(nights, vendor, other)
    assert download(nights, BEFORE).outcome == "fine"
    assert raw(nights, "T00") == truth(street, "T00", BEFORE)
    assert set(sources_of(nights, "T00")) == {other}


def test_a_sum_of_dividends_is_not_stored_beside_its_parts(nights: Nights, street: Street) -> None:
    """Yahoo tells a regular and a special dividend of one day as their sum, Polygon tells both."""
    street.market["T00"].dividends.append(Dividend("T00", EX_DAY, 5.0))
    street.lead(nights, "yahoo", "polygon")
    download(nights, BEFORE)
    assert dividends(nights) == [("T00", EX_DAY, 5.0, "yahoo")]
    street.market["T00"].dividends[:] = [Dividend("T00", EX_DAY, 0.5), Dividend("T00", EX_DAY, 4.5, "special")]
    street.lead(nights, "polygon")
    nights.ask("DELETE FROM vendor_answers WHERE subject = 'actions'")
    street.open_until(NIGHT)
    download(nights, NIGHT)
    assert dividends(nights) == [("T00", EX_DAY, 5.0, "yahoo")]


@pytest.mark.parametrize("vendor", ["polygon", "yahoo", "alpha_vantage"])
def test_words_that_no_table_can_hold_stop_no_night(nights: Nights, street: Street, vendor: str) -> None:
    words = "Evil \0 \ud800 '); DROP TABLE bars; --%s"

    def strange(request: Request, body: Any) -> Any:
        if "/reference/tickers/T" in request.path:
            body["results"]["name"] = words
        if "quoteSummary" in body:
            body["quoteSummary"]["result"][0]["quoteType"]["longName"] = words
            body["quoteSummary"]["result"][0]["assetProfile"]["sector"] = words
        if "Name" in body:
            body |= {"Name": words, "Sector": words}
        if "/chart/T00" in request.path:
            body["chart"]["result"][0]["indicators"]["quote"][0]["close"][5] = words
        if "/aggs/ticker/T00" in request.path:
            body["results"][5]["c"] = words
        if "Time Series (Daily)" in body and request.query["symbol"] == "T00":
            day = sorted(body["Time Series (Daily)"])[5]
            body["Time Series (Daily)"][day]["4. close"] = words
        return body

    retold(street, vendor, strange)
    street.lead(nights, vendor)
    assert download(nights, BEFORE).outcome in {"fine", "partial"}
    assert len(raw(nights, "T00")) == len(truth(street, "T00", BEFORE)) - 1
    assert raw(nights, "T02") == truth(street, "T02", BEFORE)


@pytest.mark.parametrize("vendor", ["polygon", "yahoo", "alpha_vantage"])
def test_a_refusal_in_words_that_no_table_can_hold_stops_no_night(nights: Nights, street: Street, vendor: str) -> None:
    true_answer = street.servers[vendor].app
    told = "Evil \\u0000 \\ud800 '); DROP TABLE bars; --%s"

    def app(request: Request) -> Reply:
        if not any(word in request.path for word in ("/aggs/ticker/T00", "/chart/T00")) and (
            request.query.get("symbol") != "T00"
        ):
            return true_answer(request)
        if vendor == "yahoo":
            return Reply(f'{{"chart": {{"result": null, "error": {{"code": "x", "description": "{told}"}}}}}}', 400)
        return Reply(f'{{"Error Message": "{told}", "status": "ERROR"}}' + "\0" * (vendor == "polygon"))

    street.servers[vendor].app = app
    street.lead(nights, vendor)
    nights.settings["sources.recheck_sessions"] = 0
    assert download(nights, BEFORE).outcome == "partial"
    assert raw(nights, "T00") == {}
    assert raw(nights, "T02") == truth(street, "T02", BEFORE)


def test_a_real_change_of_volume_before_a_reverse_split_is_a_revision(nights: Nights, street: Street) -> None:
    """The tolerance of the lost digit reaches no further than half a share of today's."""
    street.market["T03"] = make_security("T03", FIRST, NEXT, splits=[(SPLIT_DAY, 0.1)])
    day = date(2024, 3, 7)
    street.open_until(BEFORE)
    street.lead(nights, "yahoo")
    download(nights, BEFORE)
    street.market["T03"].restate(day, volume=street.market["T03"].bars[day].volume + 20)
    street.open_until(NIGHT)
    nights.settings["sources.recheck_nights"] = 1
    download(nights, NIGHT)
    assert nights.ask("SELECT ticker, session FROM v_revisions") == [("T03", day)]


def test_a_coin_of_a_thousandth_of_a_cent_can_be_restated(nights: Nights, street: Street) -> None:
    """Half a hundredth of a cent is more than the whole price: what it doubles to is a revision, noise is none."""
    security, day = street.market["T02"], date(2024, 3, 11)
    for session in security.bars:
        security.restate(session, open=0.00002, high=0.00003, low=0.00001, close=0.00002)
    street.lead(nights, "polygon")
    download(nights, BEFORE)
    security.restate(day, open=0.00002000000001, close=0.00003)
    security.restate(date(2024, 3, 12), close=0.00002000000001)
    street.open_until(NIGHT)
    download(nights, NIGHT)
    assert nights.ask("SELECT ticker, session FROM v_revisions") == [("T02", day)]


def test_the_second_opinion_comes_from_a_vendor_that_has_the_symbol(nights: Nights, street: Street) -> None:
    street.market["T02"].listing = replace(street.market["T02"].listing, asset_class="etf")
    street.lead(nights, "polygon")
    download(nights, BEFORE)
    nights.ask("UPDATE symbols SET asset_class = 'etf' WHERE ticker = 'T02'")
    street.lead(nights, "polygon", "alpha_vantage", "yahoo")
    nights.settings["quality.cross_check_symbols"] = 10
    street.open_until(NIGHT)
    download(nights, NIGHT)
    query = "SELECT DISTINCT o.source FROM bar_observations o JOIN symbols s ON s.id = o.symbol_id WHERE ticker = %s"
    assert nights.ask(query, "T02") == [("yahoo",)]
    assert nights.ask(query, "T01") == [("alpha_vantage",)]


def test_a_split_of_the_days_before_a_rename_stays(nights: Nights) -> None:
    """Polygon files a split under the ticker of its day: under the new ticker there is none, and none is taken back."""
    changed = date(2024, 3, 11)
    whole = make_security("FB", FIRST, NEXT, splits=[(SPLIT_DAY, 4.0)])
    market = make_market(["T00", "T01"], FIRST, NEXT) | {"FB": whole, "META": make_security("META", FIRST, NEXT)}
    market["META"].bars = {day: bar for day, bar in whole.bars.items() if day >= changed}
    # Whoever had the new ticker before is another company.
    market["META"].splits.append(Split("META", date(2024, 3, 7), 7.0))
    whole.bars = {day: bar for day, bar in whole.bars.items() if day < changed}
    with open_street(market) as street:
        street.polygon.renames = {"FB": [(FIRST, "FB"), (changed, "META")]}
        street.lead(nights, "polygon")
        nights.settings["universe.symbols"] = ["FB", "T00", "T01"]
        for night in (SPLIT_DAY, changed, date(2024, 3, 12), BEFORE):
            street.open_until(night)
            assert download(nights, night).outcome == "fine"
            assert splits(nights) == [("FB", SPLIT_DAY, 4.0, "polygon")]
        assert len(bars_of(nights, "FB")) == len(street.market["T00"].between(FIRST, BEFORE))


@pytest.mark.parametrize("vendor", ["polygon", "yahoo", "alpha_vantage"])
def test_each_row_that_is_no_bar_is_told_until_it_is_mended(nights: Nights, street: Street, vendor: str) -> None:
    days = [date(2024, 3, 11), date(2024, 3, 12)]
    places = [sorted(street.market["T00"].bars).index(day) for day in days]
    true_answer = street.servers[vendor].app

    def torn(request: Request, body: Any) -> Any:
        for day, place in zip(days, places, strict=True):
            if "/aggs/ticker/T00" in request.path:
                body["results"][place]["c"] = None
            if "/chart/T00" in request.path:
                body["chart"]["result"][0]["indicators"]["quote"][0]["close"][place] = None
            if "Time Series (Daily)" in body and request.query["symbol"] == "T00":
                body["Time Series (Daily)"][str(day)]["4. close"] = "?"
        return body

    retold(street, vendor, torn)
    street.lead(nights, vendor)
    query = (
        "SELECT session FROM quality_findings WHERE rule = 'unparsable_row' AND closed_at IS NULL AND subject = 'T00' "
        "ORDER BY 1"
    )
    download(nights, BEFORE)
    assert nights.ask(query) == [(day,) for day in days]
    street.servers[vendor].app = true_answer
    street.open_until(NIGHT)
    download(nights, NIGHT)
    assert raw(nights, "T00") == truth(street, "T00", NIGHT)
    assert nights.ask(query) == []
