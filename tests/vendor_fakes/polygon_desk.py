"""A desk for tests of Polygon: the source, asking a fake that tells of a small market with splits and dividends."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import SecretStr

from alphafactory.config_sources import PolygonSettings, VendorLimits
from alphafactory.domain.market import Dividend, Listing
from alphafactory.sources.base import BarRequest
from alphafactory.sources.polygon import PolygonSource
from alphafactory.sources.vendor import LocalBudget, VendorCaller
from vendor_fakes.polygon import KEY, PolygonApp
from vendor_fakes.server import LoopbackServer, Reply
from vendor_fakes.truth import Market, Security, make_security

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alphafactory.domain.bars import BarBatch
    from alphafactory.domain.timeframes import Timeframe

START, END = date(2023, 10, 2), date(2024, 6, 28)
SPLIT_DAY = date(2024, 3, 11)  # the first session after the clocks changed
ATTEMPTS = 2


def market() -> Market:
    splits = [(date(2023, 11, 20), 0.1), (SPLIT_DAY, 4.0)]
    dividends = [(date(2024, 2, 9), 0.24), (SPLIT_DAY, 0.5), (date(2024, 5, 10), 0.25)]
    aapl = make_security("AAPL", START, END, splits=splits, dividends=dividends)
    aapl.dividends.append(Dividend("AAPL", date(2024, 5, 10), 2.0, "special"))
    return {"AAPL": aapl, "BRK.B": make_security("BRK.B", START, END, sector="Financials", dividends=dividends[:1])}


@contextmanager
def polygon(
    app: PolygonApp | None = None, slept: list[float] | None = None, **settings: Any
) -> Iterator[tuple[PolygonSource, LoopbackServer, PolygonApp]]:
    app = PolygonApp(market()) if app is None else app
    limits = {"per_minute": 100_000, "first_wait": 0.001, "attempts": ATTEMPTS, "timeout": 5}
    limits |= settings.pop("limits", {})
    with LoopbackServer(app) as server:
        chosen = PolygonSettings(
            api_key=SecretStr(settings.pop("key", KEY)),
            base_url=server.url + "/",
            limits=VendorLimits.model_validate(limits),
            **settings,
        )
        sleep = {} if slept is None else {"sleep": slept.append}
        caller = VendorCaller("polygon", chosen.limits, LocalBudget("polygon"), seed=1, secret=KEY, **sleep)
        yield PolygonSource(chosen, caller), server, app


def request(ticker: str = "AAPL", start: date = START, end: date = END, timeframe: Timeframe = "1d") -> BarRequest:
    return BarRequest(Listing(ticker), ticker, start, end, timeframe)


def assert_true(bars: BarBatch, security: Security, start: date = START, end: date = END) -> None:
    true = security.between(start, end)
    assert bars.sessions.tolist() == list(true)
    for name in ("open", "high", "low", "close", "volume"):
        column = getattr(bars, name)
        assert column.dtype == np.float64
        assert column.tolist() == [getattr(bar, name) for bar in true.values()], name
    assert bars.lines.tolist() == [0] * len(true)
    assert bars.sessions.dtype == np.dtype("datetime64[D]")


def aggregates(*rows: Any, **said: Any) -> Reply:
    return Reply({"status": "OK", "adjusted": False, "resultsCount": len(rows), "results": list(rows), **said})


def row(moment: Any = 1704171600000, **changed: Any) -> dict[str, Any]:
    """Return 2 January 2024's row, unless changed."""
    return {"v": 82488674, "vw": 185.9, "o": 187.15, "c": 185.64, "h": 188.44, "l": 183.885, "t": moment, **changed}
