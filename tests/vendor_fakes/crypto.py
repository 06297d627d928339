"""Binance on loopback: the list of pairs and the candles of the made-up market, in Binance's own wire."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from alphafactory.domain.timeframes import SECONDS
from vendor_fakes.server import Reply, Request
from vendor_fakes.truth import Bar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alphafactory.domain.timeframes import Timeframe
    from vendor_fakes.truth import Market

EPOCH = date(1970, 1, 1)
DAY_MS = 86_400_000
DEFAULT_LIMIT, MOST = 500, 1000

Row = list[Any]


def milliseconds(day: date) -> int:
    return (day - EPOCH).days * DAY_MS


def slices(bar: Bar, count: int) -> Iterator[Bar]:
    """Cut a day's bar into `count` candles that walk in a straight line from its open to its close."""
    steps = [round(bar.open + (bar.close - bar.open) * place / count, 4) for place in range(count + 1)]
    for first, last in itertools.pairwise(steps):
        yield Bar(first, max(first, last), min(first, last), last, round(bar.volume / count, 4))


def to_row(opening: int, length: int, bar: Bar) -> Row:
    """Return a candle as Binance sends it: twelve places, numbers as words with eight decimals."""
    words = [f"{value:.8f}" for value in (bar.open, bar.high, bar.low, bar.close, bar.volume)]
    return [opening, *words, opening + length - 1, "0.00000000", 100, "0.00000000", "0.00000000", "0"]


@dataclass
class BinanceApp:
    """Serves `market`, whose tickers are pairs such as BTC/USDT.

    `history_start` and `newest_session` bound what is offered, `unknown` pairs are not listed, the newest candle of
    `blank_last` pairs holds no prices.
    """

    market: Market
    history_start: date = date.min
    newest_session: date = date.max
    unknown: set[str] = field(default_factory=set)
    blank_last: set[str] = field(default_factory=set)

    def __call__(self, request: Request) -> Reply:
        if request.path == "/api/v3/exchangeInfo":
            return Reply({"timezone": "UTC", "rateLimits": [], "exchangeFilters": [], "symbols": self._symbols()})
        if request.path == "/api/v3/klines":
            return self._klines(request.query)
        return Reply({"code": -1, "msg": f"no such path: {request.path}"}, status=404)

    def candles(self, ticker: str, timeframe: Timeframe, since: int = 0, limit: int = MOST) -> list[tuple[int, Bar]]:
        """Return the true candles that open at `since` or later, as openings in milliseconds and bars."""
        found: list[tuple[int, Bar]] = []
        length = SECONDS[timeframe] * 1000
        days = sorted(self.market[ticker].between(self.history_start, self.newest_session))
        for day in days[bisect_left(days, EPOCH + timedelta(days=since // DAY_MS)) :]:
            bar = self.market[ticker].bars[day]
            for place, part in enumerate([bar] if timeframe == "1d" else slices(bar, DAY_MS // length)):
                opening = milliseconds(day) + place * length
                if opening >= since:
                    found.append((opening, part))
            if len(found) >= limit:
                break
        return found[:limit]

    def _symbols(self) -> list[dict[str, Any]]:
        return [self._symbol(ticker) for ticker in self.market if ticker not in self.unknown]

    def _symbol(self, ticker: str) -> dict[str, Any]:
        base, quote = ticker.split("/")
        return {
            "symbol": base + quote,
            "status": "TRADING",
            "baseAsset": base,
            "baseAssetPrecision": 8,
            "quoteAsset": quote,
            "quotePrecision": 8,
            "quoteAssetPrecision": 8,
            "orderTypes": ["LIMIT", "MARKET"],
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"},
                {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
                {"filterType": "NOTIONAL", "minNotional": "5"},
            ],
            "permissions": ["SPOT"],
        }

    def _klines(self, query: dict[str, str]) -> Reply:
        tickers = {ticker.replace("/", ""): ticker for ticker in self.market if ticker not in self.unknown}
        ticker = tickers.get(query["symbol"])
        if ticker is None:
            return Reply({"code": -1121, "msg": "Invalid symbol."}, status=400)
        timeframe: Any = query["interval"]
        limit = min(int(query.get("limit", DEFAULT_LIMIT)), MOST)
        candles = self.candles(ticker, timeframe, int(query.get("startTime", 0)), limit)
        rows = [to_row(opening, SECONDS[timeframe] * 1000, bar) for opening, bar in candles]
        offered = self.market[ticker].between(self.history_start, self.newest_session)
        if ticker in self.blank_last and rows and rows[-1][0] >= milliseconds(max(offered)):
            rows[-1][1:5] = [None] * 4
        return Reply(rows)
