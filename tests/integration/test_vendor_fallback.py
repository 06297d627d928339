"""What one vendor lacks comes from the next, exactly that; on later nights only what is missing is asked for."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from vendor_fakes.downloads import bars_of, download, sources_of
from vendor_fakes.server import Reply
from vendor_fakes.street import Street, open_street
from vendor_fakes.truth import make_market

from alphafactory.calendar import sessions_between

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nights import Nights

FIRST, EDGE, YESTERDAY, NIGHT = date(2024, 1, 2), date(2024, 2, 1), date(2024, 3, 13), date(2024, 3, 14)
HOLE = date(2024, 2, 20)
TICKERS = [f"T{number:02d}" for number in range(8)]
DAY = 86_400


@pytest.fixture
def street() -> Iterator[Street]:
    with open_street(make_market(TICKERS, FIRST, NIGHT)) as opened:
        opened.open_until(NIGHT)
        yield opened


def spans(street: Street, ticker: str) -> dict[str, list[tuple[date, date]]]:
    """Return which spans of a symbol each vendor was asked for."""
    polygon = [request.path.split("/") for request in street.asked("polygon", f"/aggs/ticker/{ticker}/")]
    yahoo = [request.query for request in street.asked("yahoo", f"/chart/{ticker}?")]
    return {
        "polygon": [(date.fromisoformat(path[-2]), date.fromisoformat(path[-1])) for path in polygon],
        "yahoo": [
            tuple(datetime.fromtimestamp(int(query[name]), UTC).date() for name in ("period1", "period2"))
            for query in yahoo
        ],  # type: ignore[misc]
    }


def is_complete(nights: Nights, street: Street, ticker: str, until: date = NIGHT) -> bool:
    told = street.market[ticker].between(FIRST, until)
    held = {day: bar[:5] for day, bar in bars_of(nights, ticker).items()}
    return held == {day: (bar.open, bar.high, bar.low, bar.close, bar.volume) for day, bar in told.items()}


def test_what_lies_before_the_plans_edge_comes_from_the_next_vendor(nights: Nights, street: Street) -> None:
    street.polygon.history_start = EDGE
    street.lead(nights, "polygon", "yahoo")
    assert download(nights, NIGHT).outcome == "fine"
    for ticker in TICKERS:
        assert is_complete(nights, street, ticker)
        held = sources_of(nights, ticker)
        assert max(held["yahoo"]) < EDGE <= min(held["polygon"])
        assert [len(asked) for asked in spans(street, ticker).values()] == [1, 1]
    assert nights.ask("SELECT count(*) FROM bar_revisions") == [(0,)]


def test_an_older_span_that_is_refused_comes_from_the_next_vendor(nights: Nights, street: Street) -> None:
    """The symbol's bars after the edge are there already; the plan refuses all that lies before, with 403."""
    street.lead(nights, "polygon")
    nights.settings["sources.start"] = EDGE
    assert download(nights, NIGHT).outcome == "fine"
    street.polygon.history_start = EDGE
    street.lead(nights, "polygon", "yahoo")
    street.forget()
    download(nights, NIGHT)
    assert all(is_complete(nights, street, ticker) for ticker in TICKERS)
    assert nights.ask("SELECT DISTINCT source FROM bars WHERE session < %s", EDGE) == [("yahoo",)]
    assert nights.ask("SELECT count(*), min(first_session), max(last_session) FROM bar_gaps WHERE source = 'polygon'")


def test_one_missing_session_within_is_asked_for_alone(nights: Nights, street: Street) -> None:
    bar = street.market["T02"].bars.pop(HOLE)
    street.lead(nights, "polygon")
    download(nights, NIGHT)
    assert HOLE not in bars_of(nights, "T02")
    street.market["T02"].bars[HOLE] = bar
    street.yahoo.forget()
    street.lead(nights, "polygon", "yahoo")
    street.forget()
    download(nights, NIGHT)
    assert spans(street, "T02")["polygon"] == []  # it is known there
    ((first, _),) = spans(street, "T02")["yahoo"]  # to the end of days, for later splits change Yahoo's prices
    assert timedelta() <= HOLE - first <= timedelta(days=1)
    assert sources_of(nights, "T02")["yahoo"] == [HOLE]
    assert is_complete(nights, street, "T02")
    assert nights.ask("SELECT count(*) FROM bar_revisions") == [(0,)]
    assert not spans(street, "T03")["yahoo"]


def test_a_known_hole_is_asked_for_again_when_the_whole_history_is_due(nights: Nights, street: Street) -> None:
    bar = street.market["T02"].bars.pop(HOLE)
    street.lead(nights, "polygon")
    nights.settings |= {"sources.recheck_nights": 365, "sources.recheck_sessions": 0}
    street.open_until(YESTERDAY)
    download(nights, YESTERDAY)
    street.market["T02"].bars[HOLE] = bar
    street.open_until(NIGHT)
    download(nights, NIGHT)
    assert HOLE not in bars_of(nights, "T02")
    nights.settings["sources.recheck_nights"] = 1  # every symbol's turn
    download(nights, NIGHT + timedelta(days=1))
    assert bars_of(nights, "T02")[HOLE][5] == "polygon"


def test_a_symbol_unknown_to_one_vendor_comes_from_the_next(nights: Nights, street: Street) -> None:
    street.polygon.unknown = {"T04"}
    street.yahoo.delisted = {"T05"}
    street.lead(nights, "polygon", "yahoo")
    assert download(nights, NIGHT).outcome == "fine"
    assert set(sources_of(nights, "T04")) == {"yahoo"}
    assert set(sources_of(nights, "T05")) == {"polygon"}
    assert not spans(street, "T05")["yahoo"]


def test_nobody_knows_the_symbol(nights: Nights, street: Street) -> None:
    street.polygon.unknown, street.yahoo.delisted = {"T04"}, {"T04"}
    street.lead(nights, "polygon", "yahoo")
    (failure,) = download(nights, NIGHT).failures
    assert failure["subject"] == "T04"
    assert "polygon" in failure["message"]
    assert "yahoo" in failure["message"]
    assert "delisted" in failure["message"]


def test_an_empty_answer_on_a_session_day_is_an_error(nights: Nights, street: Street) -> None:
    nothing = Reply({"ticker": "T01", "queryCount": 0, "resultsCount": 0, "adjusted": False, "status": "OK"})
    street.servers["polygon"].fail(nothing, 10, lambda request: "/ticker/T01/" in request.path)
    street.lead(nights, "polygon", "yahoo")
    assert download(nights, NIGHT).outcome == "fine"
    assert set(sources_of(nights, "T01")) == {"yahoo"}
    told = nights.ask("SELECT outcome, message FROM vendor_answers WHERE key = 'T01' AND outcome <> 'delivered'")
    assert [outcome for outcome, _ in told] == ["EmptyAnswer"]
    assert "no row came" in told[0][1]


def test_a_plan_without_today_gives_what_lies_before(nights: Nights, street: Street) -> None:
    """Polygon's plan refuses any span that includes today: it is asked for the rest, the next vendor for today."""
    street.polygon.newest, street.polygon.refuses_after = YESTERDAY, True
    street.lead(nights, "polygon", "yahoo")
    assert download(nights, NIGHT).outcome == "fine"
    for ticker in TICKERS:
        held = sources_of(nights, ticker)
        assert held["yahoo"] == [NIGHT]
        assert len(held["polygon"]) == len(street.market[ticker].bars) - 1
    # The next evening, whole sessions: today is refused, the others are looked at again, nothing goes one by one.
    friday = date(2024, 3, 15)
    street.polygon.newest = NIGHT
    street.forget()
    download(nights, friday)
    assert not street.asked("polygon", "/aggs/ticker/T")
    assert len(street.asked("polygon", "/grouped/")) <= 7


def test_another_vendors_word_is_no_revision(nights: Nights, street: Street) -> None:
    """Yahoo tells other prices: it fills what Polygon lacks and changes nothing that Polygon said."""
    street.polygon.history_start = EDGE
    street.lead(nights, "polygon", "yahoo")
    download(nights, NIGHT)
    before = bars_of(nights, "T00")
    for day in street.market["T00"].bars:
        street.market["T00"].restate(day, volume=street.market["T00"].bars[day].volume + 1200)
    street.yahoo.forget()
    street.polygon.unknown = set(TICKERS)
    nights.settings["sources.recheck_nights"] = 1
    download(nights, NIGHT + timedelta(days=1))
    changed = {day for day, bar in bars_of(nights, "T00").items() if bar != before[day]}
    assert changed == {day for day, bar in before.items() if bar[5] == "yahoo"}


def test_evenings_of_400_symbols_take_few_requests(nights: Nights) -> None:
    tickers = [f"S{number:03d}" for number in range(400)]
    first, restated, older = date(2024, 2, 20), date(2024, 3, 12), date(2024, 2, 22)
    with open_street(make_market(tickers, first, NIGHT)) as street:
        street.open_until(YESTERDAY)
        street.lead(nights, "polygon", "yahoo")
        nights.settings["sources.profiles_a_night"] = 0
        assert download(nights, YESTERDAY).outcome == "fine"

        street.forget()
        again = download(nights, YESTERDAY)
        assert again.outcome in {"fine", "skipped"}
        assert not street.asked("polygon", "/aggs/")
        assert not street.asked("yahoo", "/chart/")

        street.open_until(NIGHT)
        street.forget()
        ids = dict(nights.ask("SELECT ticker, id FROM symbols"))
        due = [ticker for ticker in tickers if ids[ticker] % 30 == NIGHT.toordinal() % 30]
        rest = [ticker for ticker in tickers if ticker not in due]
        street.market[rest[0]].restate(restated, volume=7.0)
        street.market[due[0]].restate(older, volume=7.0)
        street.market[rest[1]].restate(older, volume=7.0)
        assert download(nights, NIGHT).outcome == "fine"
        assert len(street.asked("polygon", "/grouped/")) == 1 + 5
        assert {request.path.split("/")[4] for request in street.asked("polygon", "/aggs/ticker/")} == set(due)
        assert not street.asked("yahoo", "/chart/")
        assert nights.ask("SELECT count(*) FROM bars WHERE session = %s", NIGHT) == [(400,)]
        revised = set(nights.ask("SELECT ticker, session FROM v_revisions"))
        assert revised == {(rest[0], restated), (due[0], older)}


@pytest.mark.parametrize(
    ("now", "newest"),
    [
        (datetime(2024, 7, 2, 19, 0, tzinfo=UTC), date(2024, 7, 1)),  # 15:00 in New York
        (datetime(2024, 7, 2, 20, 10, tzinfo=UTC), date(2024, 7, 1)),  # it has closed, late prints are to come
        (datetime(2024, 7, 2, 20, 30, tzinfo=UTC), date(2024, 7, 2)),
        (datetime(2024, 7, 3, 16, 30, tzinfo=UTC), date(2024, 7, 2)),  # a half day, until 13:00
        (datetime(2024, 7, 3, 17, 30, tzinfo=UTC), date(2024, 7, 3)),
    ],
)
@pytest.mark.parametrize("vendor", ["polygon", "yahoo"])
def test_a_session_that_has_not_closed_is_never_stored(
    make_nights: Callable[..., Nights], now: datetime, newest: date, vendor: str
) -> None:
    nights = make_nights()
    with open_street(make_market(TICKERS[:2], date(2024, 6, 3), now.date())) as street:
        street.open_until(now.date())
        street.yahoo.live = True
        street.lead(nights, vendor)
        assert download(nights, now.date(), now).outcome == "fine"
        assert max(bars_of(nights, "T00")) == newest
        assert len(bars_of(nights, "T00")) == len(sessions_between("XNYS", date(2024, 6, 3), newest))
