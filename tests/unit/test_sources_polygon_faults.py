"""Polygon over real HTTP on loopback: every fault of wire, plan and payload is told apart, and none is silent."""

from __future__ import annotations

import importlib.util
from datetime import date

import pytest
from vendor_fakes.polygon import KEY, NOT_ENTITLED, NOT_FOUND, TOO_MANY, UNKNOWN_KEY
from vendor_fakes.polygon_desk import (
    ATTEMPTS,
    END,
    START,
    aggregates,
    assert_true,
    polygon,
    request,
    row,
)
from vendor_fakes.server import HTML, TRUNCATED, Reply, Request

from alphafactory.config_sources import PolygonSettings, VendorLimits
from alphafactory.errors import SourceError, SourceUnavailableError
from alphafactory.sources.polygon import PolygonSource
from alphafactory.sources.polygon_payloads import read_object
from alphafactory.sources.vendor import (
    BadKeyError,
    GarbageError,
    LocalBudget,
    NotEntitledError,
    RateLimitedError,
    UnknownSymbolError,
    VendorCaller,
    VendorDownError,
    VendorError,
)

FINAL = [
    (UNKNOWN_KEY, BadKeyError),
    (NOT_ENTITLED, NotEntitledError),
    (NOT_FOUND, UnknownSymbolError),
    (Reply({"status": "ERROR", "error": "bad"}, 400), VendorError),
    (Reply(b"", 302, {"Location": "http://127.0.0.1:9/elsewhere"}), VendorError),
]
PASSING = [
    (TOO_MANY, RateLimitedError),
    (Reply(TOO_MANY.body, 429, {"Retry-After": "3"}), RateLimitedError),
    (Reply("upstream", 500), VendorDownError),
    (Reply("bad gateway", 502), VendorDownError),
    (Reply(aggregates(row()).body, cut=0.5), VendorDownError),
    (HTML, GarbageError),
    (TRUNCATED, GarbageError),
    (Reply({}), GarbageError),
    (Reply("null"), GarbageError),
    (Reply("[" * 100_000), GarbageError),
    (Reply(b"\xff\xfe\x00"), GarbageError),
    (Reply(b"", 204), GarbageError),
    (Reply({"status": "ERROR", "error": "no"}), GarbageError),
    (Reply({"status": "OK", "results": None}), GarbageError),
    (Reply({"status": "OK", "resultsCount": 5}), GarbageError),
    (Reply({"status": "OK", "results": {"t": 1}}), GarbageError),
    (aggregates(row(), None), GarbageError),
    (aggregates("AAPL"), GarbageError),
    (aggregates(row(), adjusted=True), GarbageError),
    (aggregates(row(), next_url=7), GarbageError),
    (aggregates(row(), next_url="//"), GarbageError),
]


@pytest.mark.parametrize(("reply", "error"), FINAL)
def test_a_refusal_is_final_at_once(reply: Reply, error: type[VendorError]) -> None:
    with polygon() as (source, server, _):
        server.fail(reply, times=9)
        with pytest.raises(error) as told:
            source.fetch_bars(request())
        assert type(told.value) is error
        assert "polygon AAPL 1d" in str(told.value)
        assert len(server.requests) == 1


@pytest.mark.parametrize(("reply", "error"), PASSING)
def test_passing_trouble_is_tried_again_and_then_told(reply: Reply, error: type[VendorError]) -> None:
    slept: list[float] = []
    with polygon(slept=slept) as (source, server, app):
        server.fail(reply, times=ATTEMPTS)
        with pytest.raises(error) as told:
            source.fetch_bars(request())
        assert type(told.value) is error
        assert "polygon AAPL 1d" in str(told.value)
        assert len(str(told.value)) < 500
        assert (len(server.requests), len(slept)) == (ATTEMPTS, ATTEMPTS - 1)
        server.fail(reply)
        assert_true(source.fetch_bars(request()).bars, app.market["AAPL"])
        if "Retry-After" in reply.headers:
            assert all(3 <= wait < 3.1 for wait in slept)


def test_a_vendor_that_hangs_is_given_up_in_time() -> None:
    with polygon(limits={"timeout": 0.3}) as (source, server, _):
        server.fail(Reply(hang=1.0), times=ATTEMPTS)
        with pytest.raises(VendorDownError, match=r"polygon AAPL 1d .*0\.3 s"):
            source.fetch_bars(request())
        assert len(server.requests) == ATTEMPTS


def test_nobody_listening_is_an_outage() -> None:
    with polygon() as (source, _, _app):
        pass
    with pytest.raises(VendorDownError, match="polygon AAPL"):
        source.fetch_bars(request())


@pytest.mark.parametrize("target", ["splits", "dividends"])
def test_garbage_among_actions_is_never_no_actions(target: str) -> None:
    with polygon() as (source, server, _):
        server.fail(TRUNCATED, times=ATTEMPTS, applies=lambda asked: target in asked.path)
        with pytest.raises(GarbageError, match=f"polygon {target} of AAPL"):
            source.fetch_actions(["AAPL"], START, END)


@pytest.mark.parametrize("reply", [Reply({"status": "OK", "results": []}), Reply({"status": "OK"}), HTML])
def test_garbage_is_no_profile_and_no_rename(reply: Reply) -> None:
    with polygon() as (source, server, _):
        server.fail(reply, times=2 * ATTEMPTS)
        for ask in (source.fetch_profile, source.fetch_renames):
            with pytest.raises(GarbageError):
                ask("AAPL")


@pytest.mark.parametrize("events", [[None], "x", [{"type": "ticker_change", "date": "2022-06-09"}]])
def test_a_rename_that_cannot_be_read_is_garbage(events: object) -> None:
    with polygon() as (source, server, _):
        server.fail(Reply({"status": "OK", "results": {"events": events}}), times=ATTEMPTS)
        with pytest.raises(GarbageError, match="polygon renames of AAPL"):
            source.fetch_renames("AAPL")


def test_a_next_page_that_repeats_for_ever_is_garbage() -> None:
    address = "https://api.polygon.io/v2/aggs/ticker/AAPL/range/1/day/1704171600000/2024-01-31?cursor=bGltaXQ9Mg"
    with polygon() as (source, server, _):
        server.fail(aggregates(row(), next_url=address), times=50)
        with pytest.raises(GarbageError, match="already read"):
            source.fetch_bars(request())
        assert len(server.requests) == 1 + ATTEMPTS


def test_pages_without_end_are_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alphafactory.sources.polygon._MOST_PAGES", 7)
    served = 0

    def endless(_: Request) -> Reply:
        nonlocal served
        served += 1
        return aggregates(row(), next_url=f"https://api.polygon.io/v2/aggs/x?cursor={served}")

    with polygon() as (source, server, _):
        server.app = endless
        with pytest.raises(GarbageError, match="more than 7 pages"):
            source.fetch_bars(request())
        assert served == 7


def test_duplicated_and_unordered_rows_are_passed_on_as_they_are() -> None:
    day = 86_400_000
    moments = [1704171600000 + day, 1704171600000, 1704171600000 + day]
    with polygon() as (source, server, _):
        server.fail(aggregates(*(row(moment, c=184.0 + place) for place, moment in enumerate(moments))))
        bars = source.fetch_bars(request()).bars
    assert bars.sessions.tolist() == [date(2024, 1, 3), date(2024, 1, 2), date(2024, 1, 3)]
    assert bars.close.tolist() == [184.0, 185.0, 186.0]


def test_rows_without_numbers_are_rejected_with_their_words_and_none_is_lost() -> None:
    bad = [{"c": None}, {"o": "n/a"}, {"v": None}, {"h": float("inf")}, {"l": float("nan")}, {"v": True}, {"c": "1_0"}]
    rows = [row(**one) for one in bad] + [row("yesterday"), row(None), row(10**30), row(c="185.64"), row()]
    with polygon() as (source, server, _):
        server.fail(aggregates(*rows))
        answer = source.fetch_bars(request())
    assert answer.bars.close.tolist() == [185.64, 185.64]
    assert answer.bars.tickers == ("AAPL",)
    assert len(answer.rejected) == 10
    assert {one.ticker for one in answer.rejected} == {"AAPL"}
    assert [one.where for one in answer.rejected] == ["polygon:2024-01-02"] * 7 + ["polygon:no session"] * 3
    assert answer.rejected[0].reason == "close is missing"
    assert answer.rejected[1].reason == "open is no number"
    assert answer.rejected[1].payload["o"] == "n/a"
    assert answer.rejected[3].payload["h"] == "inf"
    assert answer.rejected[8].reason == "time is missing"


def test_rejected_words_can_be_stored() -> None:
    with polygon() as (source, server, _):
        server.fail(aggregates(row(c="\0\ud800" + "x" * 500, note=[{"a": 1}])))
        payload = source.fetch_bars(request()).rejected[0].payload
    assert payload["c"] == "?" + "x" * 199
    assert payload["note"] == "[{'a': 1}]"


def test_rows_outside_the_request_are_dropped() -> None:
    with polygon() as (source, server, _):
        server.fail(aggregates(row(1704171600000 - 86_400_000), row(), row(1704171600000 + 86_400_000)))
        bars = source.fetch_bars(request(start=date(2024, 1, 2), end=date(2024, 1, 2))).bars
    assert bars.sessions.tolist() == [date(2024, 1, 2)]


def test_the_key_stands_in_no_error() -> None:
    words = "x" * 190 + f" the key {KEY} is bad"  # a cut at 200 characters would leave a part of the key
    echoes = [Reply(words, status) for status in (400, 401, 403, 404, 429, 500)]
    echoes += [Reply(words), Reply({"status": "ERROR", "error": words}), Reply({"status": "OK", "results": words})]
    echoes += [aggregates(words), Reply(f"<html>{KEY}</html>"), Reply(KEY, cut=0.5)]
    with polygon() as (source, server, _):
        for echo in echoes:
            server.fail(echo, times=ATTEMPTS)
            with pytest.raises(VendorError) as told:
                source.fetch_bars(request())
            error: BaseException | None = told.value
            while error is not None:
                assert KEY[:6] not in f"{error!r} {error.args}"
                error = error.__cause__ or error.__context__
            server.mend()


def test_it_says_how_to_set_it_up(monkeypatch: pytest.MonkeyPatch) -> None:
    caller = VendorCaller("polygon", VendorLimits.model_validate({}), LocalBudget("polygon"), seed=1)
    without = PolygonSource(PolygonSettings.model_validate({}), caller)
    for ask in (without.check_available, lambda: without.fetch_bars(request())):
        with pytest.raises(SourceUnavailableError, match=r"POLYGON_API_KEY=\.\.\. into \.env"):
            ask()
    with pytest.raises(SourceError, match="no key has") as told:
        PolygonSource(PolygonSettings.model_validate({"api_key": "abc\ndef"}), caller).check_available()
    assert "def" not in str(told.value)
    ready = PolygonSource(PolygonSettings.model_validate({"api_key": "abc"}), caller)
    ready.check_available()
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SourceUnavailableError, match="pip install polygon-api-client"):
        ready.check_available()


def test_an_answer_without_its_date_is_enough_unless_splits_must_be_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("http.server.BaseHTTPRequestHandler.date_time_string", lambda *_: "someday")
    with polygon() as (source, _, app):
        assert_true(source.fetch_bars(request()).bars, app.market["AAPL"])
    with polygon(basis="split_adjusted") as (source, _, _app), pytest.raises(GarbageError, match="tell its date"):
        source.fetch_bars(request())


def test_half_an_answer_is_never_read() -> None:
    whole = str(aggregates(row()).content, "utf-8")
    assert read_object(whole, "polygon")["resultsCount"] == 1
    for length in range(len(whole)):
        with pytest.raises(GarbageError):
            read_object(whole[:length], "polygon")
