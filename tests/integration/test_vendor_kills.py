"""A download from vendors that is killed at any moment: the next ends at the same tables and asks for nothing twice."""

from __future__ import annotations

import os
import pickle
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from vendor_fakes.downloads import download
from vendor_fakes.street import Street, open_street
from vendor_fakes.truth import make_market

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nights import Nights
    from vendor_fakes.server import App, Reply, Request

ROOT = Path(__file__).parents[2]
FIRST, EDGE, NIGHT = date(2023, 11, 1), date(2023, 12, 1), date(2024, 3, 14)
TICKERS = [f"T{number:02d}" for number in range(70)]
MOMENTS = ("vendor_budgets", "vendor_answers", "source_states")
"""Tables that tell how often and when was asked, which a killed night cannot repeat."""

CHILD = """
import pickle, sys
from nights import Nights
from vendor_fakes.downloads import download
values, day = pickle.load(open(sys.argv[1], "rb"))
print(download(Nights(*values), day).message)
"""


@dataclass
class Slow:
    """Makes every answer take a while, as the way to a real vendor does."""

    app: App

    def __call__(self, request: Request) -> Reply:
        time.sleep(0.004)
        return self.app(request)


@pytest.fixture
def street() -> Iterator[Street]:
    with open_street(make_market(TICKERS, FIRST, NIGHT)) as opened:
        opened.open_until(NIGHT)
        opened.polygon.history_start = EDGE
        for server in opened.servers.values():
            server.app = Slow(server.app)
        yield opened


def start(nights: Nights) -> subprocess.Popen[str]:
    """Start a download in a process of its own."""
    values = (nights.url, nights.folder, nights.cache, nights.settings)
    path = nights.folder / "nights.pickle"
    path.write_bytes(pickle.dumps((values, NIGHT)))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ALPHA", "DATABASE"))}
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)],
        env=environment | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}, cwd=nights.folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def kill_after(street: Street, process: subprocess.Popen[str], requests: int, vendor: str, words: str) -> None:
    """Kill a download once a vendor has had so many requests of a kind."""
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        if len(street.asked(vendor, words)) >= requests:
            break
        time.sleep(0.002)
    was_running = process.poll() is None
    process.kill()
    said = process.communicate(timeout=30)
    assert was_running, said


def bar_requests(street: Street) -> dict[str, list[str]]:
    """Return the tickers that each vendor was asked the bars of."""
    return {
        "polygon": [request.path.split("/")[4] for request in street.asked("polygon", "/aggs/ticker/")],
        "yahoo": [request.path.rsplit("/", 1)[-1] for request in street.asked("yahoo", "/v8/finance/chart/")],
    }


def landed(nights: Nights, vendor: str) -> set[str]:
    query = "SELECT DISTINCT ticker FROM bars b JOIN symbols s ON s.id = b.symbol_id WHERE b.source = %s"
    return {ticker for (ticker,) in nights.ask(query, vendor)}


def test_killed_downloads_converge_and_ask_for_nothing_twice(
    make_nights: Callable[..., Nights], street: Street
) -> None:
    undisturbed = make_nights()
    street.lead(undisturbed, "polygon", "yahoo")
    assert download(undisturbed, NIGHT).outcome == "fine"
    expected: dict[str, Any] = undisturbed.tables(*MOMENTS)
    assert len(expected["bars"]) == sum(len(security.bars) for security in street.market.values())

    draw, halves = random.Random(5), 0
    # While Polygon is asked, while Yahoo is, and while the rest is.
    moments = (("polygon", "/aggs/ticker/", 56, 69), ("yahoo", "/chart/", 56, 69), ("polygon", "/tickers/", 2, 20))
    for vendor, words, first, last in moments:
        nights = make_nights()
        street.lead(nights, "polygon", "yahoo")
        street.forget()
        moment = draw.randint(first, last)
        kill_after(street, start(nights), moment, vendor, words)
        before = {vendor: landed(nights, vendor) for vendor in ("polygon", "yahoo")}
        halves += 0 < len(before["polygon"]) < len(TICKERS) or 0 < len(before["yahoo"]) < len(TICKERS)
        street.forget()
        assert download(nights, NIGHT).outcome == "fine"
        assert nights.tables(*MOMENTS) == expected, moment
        for name, tickers in bar_requests(street).items():
            assert not before[name] & set(tickers), (moment, name)
            assert set(TICKERS) - before[name] == set(tickers), (moment, name)

        # Once more the same evening: nothing is missing, nothing is asked.
        street.forget()
        assert download(nights, NIGHT).outcome in {"fine", "skipped"}
        assert not any(bar_requests(street).values())
        assert not street.asked("polygon", "/grouped/")
    assert halves >= 2, "it was never killed half-way"


def test_a_killed_round_of_whole_sessions_is_not_repeated(make_nights: Callable[..., Nights], street: Street) -> None:
    """On an ordinary evening whole sessions are asked for; those that landed are not asked for again."""
    street.polygon.history_start = None
    before = NIGHT - timedelta(days=1)
    nights = make_nights()
    street.lead(nights, "polygon")
    street.open_until(before)
    assert download(nights, before).outcome == "fine"
    street.open_until(NIGHT)
    street.forget()
    kill_after(street, start(nights), 3, "polygon", "/grouped/")
    seen = {day for (day,) in nights.ask("SELECT key FROM vendor_answers WHERE subject = 'session'")}
    assert seen
    street.forget()
    assert download(nights, NIGHT).outcome == "fine"
    again = {request.path.rsplit("/", 1)[-1] for request in street.asked("polygon", "/grouped/")}
    assert not again & seen
    assert nights.ask("SELECT count(*) FROM bars WHERE session = %s", NIGHT) == [(len(TICKERS),)]
    assert nights.ask("SELECT count(*) FROM vendor_answers WHERE subject = 'session' AND night = %s", NIGHT) == [(6,)]
