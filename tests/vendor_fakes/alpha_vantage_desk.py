"""A desk for tests of Alpha Vantage: the source with its real library, asking a fake that tells of a small market."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from alphafactory.config_sources import AlphaVantageSettings, VendorLimits
from alphafactory.domain.market import Listing
from alphafactory.sources.alpha_vantage import AlphaVantageSource
from alphafactory.sources.base import BarAnswer, BarRequest
from alphafactory.sources.vendor import LocalBudget, VendorCaller, VendorError
from vendor_fakes.alpha_vantage import FakeAlphaVantage
from vendor_fakes.server import LoopbackServer, Reply
from vendor_fakes.truth import FIELDS, make_market, make_security

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vendor_fakes.truth import Market, Security

KEY = "Q7SECRETKEY9+/&x"
START, END = date(2024, 1, 2), date(2024, 6, 28)
LATE = date(2024, 5, 1)
"""Within the hundred sessions before END."""

SERIES = "Time Series (Daily)"
ROW = {"1. open": "10.0", "2. high": "11.0", "3. low": "9.0", "4. close": "10.5", "5. volume": "100"}


def market() -> Market:
    made = make_market(["MSFT", "BRK.B"], START, END)
    made["AAPL"] = make_security(
        "AAPL",
        START,
        END,
        splits=[(date(2024, 5, 6), 4.0)],
        dividends=[(date(2024, 2, 9), 0.96), (date(2024, 5, 6), 1.04), (date(2024, 6, 10), 0.25)],
    )
    return made


@dataclass
class World:
    app: FakeAlphaVantage
    server: LoopbackServer
    slept: list[float] = field(default_factory=list)

    def source(self, **changed: Any) -> AlphaVantageSource:
        limits = {"per_minute": 100_000, "first_wait": 0.001, "attempts": 2, "timeout": 5, **changed}
        settings = AlphaVantageSettings(
            api_key=KEY, base_url=self.server.url, premium=self.app.premium, limits=VendorLimits(**limits)
        )
        # The caller knows no secret here: the source itself must keep the key out of its words.
        caller = VendorCaller(
            "alpha_vantage", settings.limits, LocalBudget("alpha_vantage"), seed=1, sleep=self.slept.append
        )
        return AlphaVantageSource(settings, caller)

    def request(self, ticker: str, start: date = LATE, end: date = END) -> BarRequest:
        return BarRequest(Listing(ticker), ticker, start, end)

    def bars(self, ticker: str = "AAPL", start: date = LATE, end: date = END, **changed: Any) -> BarAnswer:
        return self.source(**changed).fetch_bars(self.request(ticker, start, end))


@contextmanager
def open_world() -> Iterator[World]:
    app = FakeAlphaVantage(market())
    with LoopbackServer(app) as server:
        yield World(app, server)


def series(rows: object) -> Reply:
    return Reply({"Meta Data": {"1. Information": "Daily Prices, a premium feature per day"}, SERIES: rows})


def assert_truth(answer: BarAnswer, security: Security, start: date, end: date) -> None:
    bars, true = answer.bars, security.between(start, end)
    order = np.argsort(bars.sessions)
    assert bars.tickers == (security.ticker,)
    assert [day.item() for day in bars.sessions[order]] == list(true)
    for name in FIELDS:
        column = getattr(bars, name)
        assert column.dtype == np.float64
        assert column[order].tolist() == [getattr(bar, name) for bar in true.values()], name
    assert not bars.codes.any()
    assert not bars.lines.any()
    assert bars.instants is None


QUESTIONS: dict[str, Callable[[AlphaVantageSource], object]] = {
    "bars": lambda source: source.fetch_bars(BarRequest(Listing("AAPL"), "AAPL", LATE, END)),
    "newest": lambda source: source.newest_session(END),
    "actions": lambda source: source.fetch_actions(["AAPL"], START, END),
    "profile": lambda source: source.fetch_profile("AAPL"),
    "earnings": lambda source: source.fetch_earnings(["AAPL"], START, END),
    "delistings": lambda source: source.fetch_delistings(END),
}


def refused(world: World, question: str, reply: Reply, **changed: Any) -> VendorError:
    world.server.fail(reply, times=10)
    with pytest.raises(VendorError) as caught:
        QUESTIONS[question](world.source(**changed))
    return caught.value
