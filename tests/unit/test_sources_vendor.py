"""The seam for vendors: limits, patience and refusals told apart, at last over real HTTP on loopback."""

from __future__ import annotations

import http.client
import json
import threading
import traceback
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from alphafactory.config_sources import VendorLimits
from alphafactory.sources.vendor import (
    BadKeyError,
    GarbageError,
    LocalBudget,
    NotEntitledError,
    QuotaSpentError,
    RateLimitedError,
    UnknownSymbolError,
    VendorCaller,
    VendorDownError,
    VendorError,
    classify_status,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


SECRET = f"k-{123}"  # no line of this file holds it: a traceback, which quotes lines, shows it only if an error does


class FakeTime:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def caller(time: FakeTime, spent_today: int = 0, secret: str | None = None, **limits: Any) -> VendorCaller:
    budget = LocalBudget("fake", spent_today, time.clock)
    return VendorCaller("fake", VendorLimits(**limits), budget, seed=1, secret=secret, sleep=time.sleep)


def spent(vendor: VendorCaller) -> int:
    assert isinstance(vendor.budget, LocalBudget)
    return vendor.budget.spent


def failing(times: int, error: Exception) -> Callable[[float], str]:
    left = [times]

    def request(timeout: float) -> str:
        assert timeout > 0
        if left[0]:
            left[0] -= 1
            raise error
        return "bars"

    return request


def test_a_minute_never_holds_more_requests_than_allowed() -> None:
    time, sent = FakeTime(), []
    vendor = caller(time, per_minute=3)
    for _ in range(10):
        vendor.call(lambda _timeout: sent.append(time.now))
        time.now += 1.0
    assert sent == [0, 1, 2, 60, 61, 62, 120, 121, 122, 180]


def test_the_daily_budget_survives_a_restart_and_then_ends_the_vendor() -> None:
    time = FakeTime()
    vendor = caller(time, per_minute=100, per_day=5, spent_today=3)
    assert [vendor.call(lambda _timeout: "bars") for _ in range(2)] == ["bars", "bars"]
    with pytest.raises(QuotaSpentError, match="budget of 5 requests is spent"):
        vendor.call(lambda _timeout: "bars")
    assert spent(vendor) == 5
    assert time.slept == []


@pytest.mark.parametrize("error", [RateLimitedError("slow down"), VendorDownError("down"), GarbageError("html")])
def test_passing_trouble_is_tried_again_after_growing_random_waits(error: Exception) -> None:
    time = FakeTime()
    assert caller(time, per_minute=100, attempts=4).call(failing(3, error)) == "bars"
    assert len(time.slept) == 3
    for attempt, wait in enumerate(time.slept, start=1):
        assert 2**attempt / 2 <= wait <= 2**attempt


def test_the_last_attempt_raises_what_happened() -> None:
    time = FakeTime()
    vendor = caller(time, per_minute=100, attempts=3)
    with pytest.raises(VendorDownError, match="down"):
        vendor.call(failing(3, VendorDownError("down")))
    assert (len(time.slept), spent(vendor)) == (2, 3)


@pytest.mark.parametrize("error", [NotEntitledError("no"), UnknownSymbolError("who"), VendorError("bad"), ValueError()])
def test_a_final_refusal_is_not_tried_again(error: Exception) -> None:
    time = FakeTime()
    vendor = caller(time)
    with pytest.raises(type(error)):
        vendor.call(failing(1, error))
    assert (time.slept, spent(vendor)) == ([], 1)


def test_the_wait_that_the_vendor_asks_for_is_kept() -> None:
    time = FakeTime()
    assert caller(time).call(failing(1, RateLimitedError("slow down", retry_after=17))) == "bars"
    assert 17 <= time.slept[0] <= 18


def test_a_vendor_that_asks_for_too_long_a_wait_has_failed() -> None:
    time = FakeTime()
    with pytest.raises(RateLimitedError):
        caller(time, longest_wait=60).call(failing(1, RateLimitedError("slow down", retry_after=3600)))
    assert time.slept == []


def test_what_the_vendor_says_of_its_quota_ends_it() -> None:
    time = FakeTime()
    vendor = caller(time, secret=SECRET)
    with pytest.raises(QuotaSpentError, match=r"your key \*\*\* has"):
        vendor.call(failing(1, QuotaSpentError(f"your key {SECRET} has 25 requests a day")))
    with pytest.raises(QuotaSpentError, match="budget is spent"):
        vendor.call(lambda _timeout: "bars")
    assert spent(vendor) == 1


def test_no_key_is_in_an_error_nor_in_what_lies_beneath_it() -> None:
    address = f"https://vendor/?apikey={SECRET}"

    def request(_timeout: float) -> str:
        trouble = ValueError(address)
        raise VendorError(f"refused: {address}") from trouble

    with pytest.raises(VendorError) as caught:
        caller(FakeTime(), secret=SECRET).call(request)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_threads_share_one_budget() -> None:
    time = FakeTime()
    vendor = caller(time, per_minute=4)
    threads = [threading.Thread(target=vendor.call, args=(lambda _timeout: None,)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert spent(vendor) == 12
    assert time.now >= 120.0


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, BadKeyError),
        (403, NotEntitledError),
        (404, UnknownSymbolError),
        (429, RateLimitedError),
        (500, VendorDownError),
        (503, VendorDownError),
        (418, VendorError),
    ],
)
def test_statuses_are_told_apart(status: int, kind: type[VendorError]) -> None:
    error = classify_status(status, "fake AAPL")
    assert type(error) is kind
    assert "fake AAPL" in str(error)
    assert str(status) in str(error)
    assert classify_status(200, "fake AAPL") is None


def test_retry_after_is_read_from_seconds_and_ignored_otherwise() -> None:
    asked = classify_status(429, "fake", "12")
    dated = classify_status(429, "fake", "Wed, 21 Oct 2026 07:28:00 GMT")
    strange = classify_status(429, "fake", "²")
    assert isinstance(asked, RateLimitedError)
    assert asked.retry_after == 12.0
    assert isinstance(dated, RateLimitedError)
    assert dated.retry_after is None
    assert isinstance(strange, RateLimitedError)
    assert strange.retry_after is None


@contextmanager
def fake_vendor(answers: list[tuple[int, dict[str, str], bytes]], hang: threading.Event) -> Iterator[int]:
    """Serve the answers in turn on loopback and yield the port; status 0 hangs until the event."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answers.pop(0)
            if status == 0:
                hang.wait(10)
                return
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        hang.set()
        server.shutdown()
        thread.join()
        server.server_close()


def get_closes(port: int, timeout: float) -> list[float]:
    """Ask the fake as a vendor source would: transport, status and body each have their error."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", "/bars/AAPL")
        response = connection.getresponse()
        body = response.read()
        error = classify_status(response.status, "fake AAPL", response.headers.get("Retry-After"))
    except (OSError, http.client.HTTPException) as trouble:
        raise VendorDownError(f"fake AAPL: no answer ({trouble})") from trouble
    finally:
        connection.close()
    if error is not None:
        raise error
    try:
        closes: list[float] = json.loads(body)["closes"]
    except (ValueError, KeyError) as trouble:
        raise GarbageError("fake AAPL: the answer is no JSON of closes") from trouble
    return closes


def test_over_http_a_vendor_is_limited_hangs_garbles_and_answers_at_last() -> None:
    answers = [
        (429, {"Retry-After": "3"}, b""),
        (0, {}, b""),
        (200, {}, b"<html>maintenance</html>"),
        (200, {"Content-Length": "500"}, b'{"closes": [1'),
        (200, {}, b'{"closes": [1.5, 2.5]}'),
    ]
    time = FakeTime()
    vendor = caller(time, per_minute=100, attempts=5, timeout=0.2)
    with fake_vendor(answers, threading.Event()) as port:
        assert vendor.call(lambda timeout: get_closes(port, timeout)) == [1.5, 2.5]
    assert spent(vendor) == 5
    assert 3 <= time.slept[0] <= 4
    assert answers == []
