"""A desk for tests of Yahoo: the source with its real client, asking a fake that tells of a small market."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory.config_sources import VendorLimits, YahooSettings
from alphafactory.sources.base import BarAnswer, BarRequest
from alphafactory.sources.vendor import LocalBudget, VendorCaller
from alphafactory.sources.yahoo import Yahoo
from vendor_fakes.server import LoopbackServer, Reply, Request
from vendor_fakes.truth import FIELDS, Market, Security, make_security

if TYPE_CHECKING:
    from alphafactory.domain.timeframes import Timeframe

START, END = date(2021, 1, 4), date(2024, 3, 15)
SPLIT_DAY, LATER_SPLIT_DAY = date(2022, 6, 6), date(2024, 2, 20)
ATTEMPTS = 2
LIMITS = VendorLimits(per_minute=100_000, first_wait=0.001, attempts=ATTEMPTS, timeout=10.0)
"""Patient, so that a busy machine fails no test; those of time limits have their own."""


def split_security() -> Security:
    """Two splits, one on a dividend's ex-date; dividends before, between and after."""
    return make_security(
        "AAPL",
        START,
        END,
        splits=[(SPLIT_DAY, 4.0), (LATER_SPLIT_DAY, 1.5)],
        dividends=[(date(2021, 8, 6), 0.88), (SPLIT_DAY, 0.92), (date(2023, 5, 12), 0.24), (date(2024, 3, 1), 0.17)],
    )


@cache
def made() -> tuple[Security, ...]:
    return (split_security(), make_security("BRK.B", START, END), make_security("MSFT", START, END))


def small_market() -> Market:
    """Copies, for tests edit them."""
    return {
        each.ticker: Security(each.listing, dict(each.bars), list(each.splits), list(each.dividends)) for each in made()
    }


def connect(server: LoopbackServer, limits: VendorLimits = LIMITS) -> Yahoo:
    caller = VendorCaller("yahoo", limits, LocalBudget("yahoo"), seed=1)
    return Yahoo(YahooSettings(base_url=server.url, limits=limits), caller)


def ask(
    security: Security, start: date = START, end: date = END, timeframe: Timeframe = "1d", known_as: str | None = None
) -> BarRequest:
    return BarRequest(security.listing, known_as or security.ticker, start, end, timeframe)


def chart_only(request: Request) -> bool:
    return "/v8/finance/chart/" in request.path


def charts(server: LoopbackServer) -> int:
    return sum(chart_only(request) for request in server.requests)


def assert_equals_truth(answer: BarAnswer, security: Security, start: date, end: date) -> None:
    expected = security.between(start, end)
    assert answer.bars.tickers == (security.ticker,)
    assert answer.bars.sessions.astype(object).tolist() == list(expected)
    for name in FIELDS:
        found = getattr(answer.bars, name)
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, [getattr(bar, name) for bar in expected.values()])
    assert not answer.bars.lines.any()
    assert answer.bars.instants is None


def served(rows: list[tuple[int, Any, Any, Any, Any, Any]], **events: Any) -> Reply:
    columns = {name: [row[place + 1] for row in rows] for place, name in enumerate(FIELDS)}
    result = {
        "meta": {"exchangeTimezoneName": "America/New_York", "regularMarketTime": 1},
        "timestamp": [row[0] for row in rows],
        "indicators": {"quote": [columns]},
        "events": events,
    }
    return Reply({"chart": {"result": [result], "error": None}})
