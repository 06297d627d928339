"""Vendors that refuse, wait or fail: each refusal costs as few requests as it must, budgets hold for all."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from vendor_fakes.downloads import download, sources_of
from vendor_fakes.server import HTML, TRUNCATED, Reply
from vendor_fakes.street import Street, open_street
from vendor_fakes.truth import make_market

from alphafactory.store import vendors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nights import Nights

ROOT = Path(__file__).parents[2]
FIRST, NIGHT = date(2024, 1, 2), date(2024, 3, 14)
TICKERS = [f"T{number:02d}" for number in range(12)]
TOO_MANY = {"status": "ERROR", "error": "You've exceeded the maximum requests per minute, please wait."}


@pytest.fixture
def street() -> Iterator[Street]:
    with open_street(make_market(TICKERS, FIRST, NIGHT)) as opened:
        opened.open_until(NIGHT)
        yield opened


def asked(street: Street, vendor: str) -> int:
    return len(street.servers[vendor].requests)


def all_from(nights: Nights, vendor: str) -> bool:
    return nights.ask("SELECT DISTINCT source FROM bars") == [(vendor,)]


@pytest.mark.parametrize("vendor", ["polygon", "alpha_vantage"])
def test_a_refused_key_costs_one_request(nights: Nights, street: Street, vendor: str) -> None:
    street.polygon.key = street.alpha_vantage.key = "another-key-than-ours"
    street.lead(nights, vendor, "yahoo")
    nights.settings |= {"sources.alpha_vantage.api_key": "our-own-key", "quality.cross_check_symbols": 5}
    step = download(nights, NIGHT)
    assert step.outcome == "fine"
    assert asked(street, vendor) == 1
    assert "left out for the night" in step.message
    assert all_from(nights, "yahoo")


def test_a_spent_quota_is_not_asked_again_that_day(nights: Nights, street: Street) -> None:
    street.alpha_vantage.per_day = 0
    street.lead(nights, "alpha_vantage", "yahoo")
    assert download(nights, NIGHT).outcome == "fine"
    assert asked(street, "alpha_vantage") == 1
    street.forget()
    street.alpha_vantage.per_day = None
    assert download(nights, NIGHT).outcome in {"fine", "skipped"}  # a new run knows of the day only by the tables
    assert asked(street, "alpha_vantage") == 0
    later = NIGHT + timedelta(days=1)
    download(nights, later)
    assert asked(street, "alpha_vantage") > 0


def test_our_own_daily_budget_ends_in_the_next_vendor(nights: Nights, street: Street) -> None:
    street.lead(nights, "polygon", "yahoo")
    nights.settings["sources.polygon.limits"] = {**nights.settings["sources.polygon.limits"], "per_day": 5}
    assert download(nights, NIGHT).outcome == "fine"
    assert asked(street, "polygon") == 5
    held = [sources_of(nights, ticker) for ticker in TICKERS]
    assert sum("polygon" in sources for sources in held) == 5
    assert sum("yahoo" in sources for sources in held) == len(TICKERS) - 5
    download(nights, NIGHT)
    assert asked(street, "polygon") == 5


def test_a_vendor_that_asks_to_wait_a_moment_is_waited_for(nights: Nights, street: Street) -> None:
    """A rate limit passes: without a word of how long, and with one that is short."""
    server = street.servers["polygon"]
    server.fail(Reply(TOO_MANY, 429), 1)
    server.fail(Reply(TOO_MANY, 429, {"Retry-After": "0"}), 1, lambda request: "T05" in request.path)
    street.lead(nights, "polygon", "yahoo")
    assert download(nights, NIGHT).outcome == "fine"
    assert all_from(nights, "polygon")


TROUBLES = {
    "asks to wait longer than we do": Reply(TOO_MANY, 429, {"Retry-After": "3600"}),
    "is always over its limit": Reply(TOO_MANY, 429),
    "hangs": Reply({"status": "OK"}, hang=0.4),
    "sends HTML": HTML,
    "sends half a body": TRUNCATED,
    "cuts the connection": Reply({"status": "OK", "results": []}, cut=0.5),
    "is out of order": Reply({"status": "ERROR"}, 503),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_three_failures_in_a_row_leave_a_vendor_out(nights: Nights, street: Street, trouble: str) -> None:
    street.servers["polygon"].fail(TROUBLES[trouble], 10_000)
    street.lead(nights, "polygon", "yahoo", timeout=0.2 if trouble == "hangs" else 5)
    nights.settings["sources.yahoo.limits"] = {**nights.settings["sources.yahoo.limits"], "timeout": 5}
    step = download(nights, NIGHT)
    assert step.outcome == "fine"
    attempts = 1 if "longer" in trouble else 2
    threads = 4
    # The third failure in a row stops it; requests under way at that moment come to their end.
    assert 3 * attempts <= asked(street, "polygon") <= (3 + threads - 1) * attempts
    assert "polygon: 0 new" in step.message
    assert "left out for the night" in step.message
    assert all_from(nights, "yahoo")


def test_actions_of_a_dead_vendor_are_given_up_too(nights: Nights, street: Street) -> None:
    """The bars came, then the vendor died: its corporate actions are asked for three times, not once a symbol."""
    street.lead(nights, "polygon", "alpha_vantage")
    refused = Reply({"status": "NOT_AUTHORIZED", "message": "not in your plan"}, 403)
    street.servers["polygon"].fail(refused, 10_000, lambda request: "/reference/" in request.path)
    street.servers["alpha_vantage"].fail(HTML, 10_000)
    step = download(nights, NIGHT)
    assert all_from(nights, "polygon")
    assert {failure["kind"] for failure in step.failures} == {"actions"}
    assert len(step.failures) == len(TICKERS)
    assert "left out for the night" in step.message
    assert asked(street, "alpha_vantage") == 3 * 2


def test_what_the_vendor_says_of_the_key_is_written_nowhere(nights: Nights, street: Street) -> None:
    key = "s3cret-Key-0123456789"
    street.alpha_vantage.key, street.alpha_vantage.per_day = key, 3
    street.lead(nights, "alpha_vantage", "polygon")
    nights.settings["sources.alpha_vantage.api_key"] = key
    other = nights.settings["sources.polygon.api_key"]
    street.servers["polygon"].fail(Reply({"status": "ERROR", "error": f"Unknown API Key {other}"}, 401), 10_000)
    step = download(nights, NIGHT)
    assert step.failures
    assert asked(street, "alpha_vantage") >= 4  # three answers, and the refusals that quote the key
    said = [step.message, *(str(failure) for failure in step.failures)]
    for (table,) in nights.ask(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') "
        "AND NOT relispartition"
    ):
        said += [str(row) for (row,) in nights.ask(f'SELECT to_jsonb(t) FROM "{table}" t')]
    said += [path.read_text(errors="replace") for path in nights.folder.rglob("*") if path.is_file()]
    said += [path.read_text(errors="replace") for path in nights.cache.rglob("*.log")]
    assert any("***" in words for words in said)
    for secret in (key, other):
        assert not [words for words in said if secret in words and "postgres" not in words]


TAKER = """
import sys
from datetime import date
from nights import Nights
from pathlib import Path
from test_vendor_limits import take_many
for moment, spent in take_many(Nights(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])), 8, int(sys.argv[4])):
    print(moment, int(spent))
"""


def take_many(nights: Nights, threads: int, times: int) -> list[tuple[float, bool]]:
    """Ask for places from many threads at once; return for each the wait and whether the day is spent."""
    barrier = threading.Barrier(threads)
    with nights.database() as database:

        def take(_: int) -> list[tuple[float, bool]]:
            barrier.wait()
            places = []
            for _ in range(times):
                with database.begin() as connection:
                    place = vendors.take_place(connection, "polygon", NIGHT, 30, 40)
                places.append((place.wait, place.spent))
            return places

        with ThreadPoolExecutor(threads) as pool:
            return [place for places in pool.map(take, range(threads)) for place in places]


def later(nights: Nights, seconds: int) -> None:
    """Let time pass, as the table sees it."""
    nights.ask(
        "UPDATE vendor_budgets SET recent = ARRAY(SELECT sent - make_interval(secs => %s) FROM unnest(recent) r(sent))",
        seconds,
    )


def test_one_budget_for_all_threads_processes_and_restarts(nights: Nights) -> None:
    command = [sys.executable, "-c", TAKER, nights.url, str(nights.folder), str(nights.cache), "5"]
    paths = ":".join(str(ROOT / part) for part in ("", "tests", "tests/integration"))
    others = [
        subprocess.Popen(command, env={"PYTHONPATH": paths, "PATH": ""}, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    ours = take_many(nights, 8, 5)
    told = [line.split() for process in others for line in process.communicate(timeout=60)[0].splitlines()]
    assert len(told) == 80
    places = [*ours, *((float(wait), spent == "1") for wait, spent in told)]
    assert sum(wait == 0 and not spent for wait, spent in places) == 30
    assert all(0 < wait <= 60 for wait, _ in places if wait)
    assert nights.ask("SELECT spent FROM vendor_budgets") == [(30,)]

    later(nights, 61)
    places = take_many(nights, 8, 5)
    assert sum(wait == 0 and not spent for wait, spent in places) == 10  # the day's forty are spent now
    assert sum(spent for _, spent in places) == 30
    assert nights.ask("SELECT spent FROM vendor_budgets") == [(40,)]


def test_the_last_minute_does_not_begin_anew_at_midnight(nights: Nights) -> None:
    def take(day: date) -> vendors.Place:
        with nights.database() as database, database.begin() as connection:
            return vendors.take_place(connection, "polygon", day, 2, None)

    assert [take(NIGHT).wait, take(NIGHT).wait] == [0, 0]
    assert 0 < take(NIGHT + timedelta(days=1)).wait <= 60
    later(nights, 61)
    assert take(NIGHT + timedelta(days=1)).wait == 0
    assert nights.ask("SELECT day, spent FROM vendor_budgets ORDER BY day") == [
        (NIGHT, 2), (NIGHT + timedelta(days=1), 1),
    ]  # fmt: skip
