"""Nights on vendors over real HTTP on loopback, through the vendors' own client libraries."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest
from vendor_fakes.street import Street, open_street
from vendor_fakes.truth import make_market

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nights import Nights
    from vendor_fakes.server import Reply, Request

FIRST, YESTERDAY, NIGHT = date(2023, 1, 3), date(2024, 3, 13), date(2024, 3, 14)
TICKERS = [f"T{number:02d}" for number in range(12)]


@pytest.fixture
def street() -> Iterator[Street]:
    with open_street(make_market(TICKERS, FIRST, NIGHT)) as opened:
        opened.open_until(YESTERDAY)
        yield opened


def stored(nights: Nights, ticker: str) -> list[tuple[object, ...]]:
    return nights.ask(
        "SELECT session, open, high, low, close, volume FROM bars b JOIN symbols s ON s.id = b.symbol_id "
        "WHERE ticker = %s ORDER BY session",
        ticker,
    )


def truth(street: Street, ticker: str, until: date) -> list[tuple[object, ...]]:
    bars = street.market[ticker].between(FIRST, until)
    return [(day, bar.open, bar.high, bar.low, bar.close, bar.volume) for day, bar in bars.items()]


@pytest.mark.parametrize("vendor", ["polygon", "yahoo"])
def test_a_first_night_stores_the_market_as_traded(nights: Nights, street: Street, vendor: str) -> None:
    street.lead(nights, vendor)
    result = nights.run(YESTERDAY)
    assert result.outcome == "fine", result.steps
    for ticker in TICKERS:
        assert stored(nights, ticker) == truth(street, ticker, YESTERDAY)
    assert nights.ask("SELECT DISTINCT source, known_at_assumed FROM bars") == [(vendor, True)]
    assert nights.ask("SELECT count(*) FROM backtests WHERE status = 'done'")[0][0] >= 2 * len(TICKERS)


def test_one_missing_session_is_one_request(nights: Nights, street: Street) -> None:
    street.lead(nights, "polygon")
    nights.settings["sources.recheck_sessions"] = 0
    nights.run(YESTERDAY)
    street.open_until(NIGHT)
    street.forget()
    assert nights.run(NIGHT).outcome == "fine"
    assert len(street.asked("polygon", "/aggs/grouped/")) == 1
    assert len(street.asked("polygon", "/aggs/ticker/")) == 0
    assert nights.ask("SELECT count(*) FROM bars WHERE session = %s", NIGHT) == [(len(TICKERS),)]


def test_of_two_stories_of_a_session_neither_is_stored_and_another_vendor_is_asked(
    nights: Nights, street: Street
) -> None:
    street.lead(nights, "polygon", "yahoo")
    day, ticker = sorted(street.market["T03"].bars)[50], "T03"
    true_answer = street.polygon

    def two_stories(request: Request) -> Reply:
        reply = true_answer(request)
        if f"/aggs/ticker/{ticker}/" in request.path and reply.status == 200:
            rows = list(reply.body["results"])
            told = {**rows[50], "c": rows[50]["c"] + 1, "h": rows[50]["h"] + 1}
            return replace(reply, body={**reply.body, "results": [*rows[:51], told, *rows[51:]]})
        return reply

    street.servers["polygon"].app = two_stories
    result = nights.run(YESTERDAY)
    assert result.outcome == "fine", result.steps
    assert stored(nights, ticker) == truth(street, ticker, YESTERDAY)
    sources = dict(
        nights.ask(
            "SELECT session, b.source FROM bars b JOIN symbols s ON s.id = b.symbol_id WHERE ticker = %s", ticker
        )
    )
    assert {session for session, source in sources.items() if source == "yahoo"} == {day}
    found = nights.ask("SELECT subject, session, quarantined FROM quality_findings WHERE rule = 'conflicting_bars'")
    assert found == [(ticker, day, False)]
