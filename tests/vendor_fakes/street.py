"""All the vendors on one street: one market, a server each, and the settings that lead a night there."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vendor_fakes.alpha_vantage import FakeAlphaVantage
from vendor_fakes.polygon import KEY as POLYGON_KEY
from vendor_fakes.polygon import PolygonApp
from vendor_fakes.server import LoopbackServer
from vendor_fakes.yahoo import YahooApp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from nights import Nights

    from vendor_fakes.server import Request
    from vendor_fakes.truth import Market

LIMITS = {"per_minute": 100_000, "threads": 4, "timeout": 5, "attempts": 2, "first_wait": 0.001, "longest_wait": 0.1}


@dataclass
class Street:
    """The vendors, each by its app (what it tells) and its server (what it was asked, how it fails)."""

    market: Market
    polygon: PolygonApp
    yahoo: YahooApp
    alpha_vantage: FakeAlphaVantage
    servers: dict[str, LoopbackServer]

    def open_until(self, day: date) -> None:
        """Let every vendor offer the sessions up to a day."""
        self.polygon.newest = self.yahoo.newest = self.alpha_vantage.newest = day
        self.polygon.today = day
        self.yahoo.forget()

    def asked(self, vendor: str, *words: str) -> list[Request]:
        """Return the requests that a vendor has had whose path or query holds all the words."""
        return [
            request
            for request in self.servers[vendor].requests
            if all(word in f"{request.path}?{request.query}" for word in words)
        ]

    def forget(self) -> None:
        """Forget what was asked."""
        for server in self.servers.values():
            server.requests.clear()

    def settings(self, *order: str, **limits: Any) -> dict[str, Any]:
        """Return the settings of a night that asks these vendors for the whole market."""
        terms = {**LIMITS, **limits}
        return {
            "sources.order": list(order),
            "universe.symbols": sorted(self.market),
            "sources.polygon.api_key": POLYGON_KEY,
            "sources.polygon.base_url": self.servers["polygon"].url,
            "sources.polygon.limits": terms,
            "sources.alpha_vantage.api_key": self.alpha_vantage.key,
            "sources.alpha_vantage.base_url": self.servers["alpha_vantage"].url,
            "sources.alpha_vantage.limits": terms,
            "sources.yahoo.base_url": self.servers["yahoo"].url,
            "sources.yahoo.limits": {**terms, "threads": 2},
            "quality.cross_check_symbols": 0,
        }

    def lead(self, nights: Nights, *order: str, **limits: Any) -> None:
        """Lead the nights here."""
        start = min(day for security in self.market.values() for day in security.bars)
        nights.settings |= {**self.settings(*order, **limits), "sources.start": start}


@contextmanager
def open_street(market: Market) -> Iterator[Street]:
    """Open the vendors' servers."""
    polygon, yahoo = PolygonApp(market), YahooApp(market)
    alpha_vantage = FakeAlphaVantage(market, key="loopback-key")
    apps: dict[str, Any] = {"polygon": polygon, "yahoo": yahoo, "alpha_vantage": alpha_vantage}
    with ExitStack() as stack:
        servers = {name: stack.enter_context(LoopbackServer(app)) for name, app in apps.items()}
        yield Street(market, polygon, yahoo, alpha_vantage, servers)
