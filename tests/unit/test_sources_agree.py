"""One security, told by every vendor in its own convention, becomes the same raw bars and corporate actions."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import numpy as np
import pytest
from pydantic import SecretStr
from vendor_fakes.alpha_vantage import FakeAlphaVantage
from vendor_fakes.polygon import PolygonApp
from vendor_fakes.server import LoopbackServer
from vendor_fakes.truth import make_security
from vendor_fakes.yahoo import YahooApp

from alphafactory.config_sources import AlphaVantageSettings, PolygonSettings, VendorLimits, YahooSettings
from alphafactory.domain.bars import BAR_FIELDS
from alphafactory.sources.alpha_vantage import AlphaVantageSource
from alphafactory.sources.base import BarRequest
from alphafactory.sources.polygon import PolygonSource
from alphafactory.sources.vendor import LocalBudget, VendorCaller
from alphafactory.sources.yahoo import Yahoo

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vendor_fakes.server import App
    from vendor_fakes.truth import Market, Security

    from alphafactory.domain.market import Dividend, Split
    from alphafactory.sources.base import BarAnswer, VendorSource

TICKER = "ACME.B"
START, END = date(2021, 1, 4), date(2023, 12, 29)
FOUR_FOR_ONE, THREE_FOR_TWO, ONE_FOR_TEN = date(2021, 8, 31), date(2022, 6, 6), date(2023, 5, 15)
SPLITS = ((FOUR_FOR_ONE, 4.0), (THREE_FOR_TWO, 1.5), (ONE_FOR_TEN, 0.1))
BETWEEN = date(2022, 12, 30)
"""A day after which a split is still to come: vendors that adjust have adjusted the bars before it as well."""

QUARTERS = tuple(date(year, month, 10) for year in (2021, 2022, 2023) for month in (2, 5, 8, 11))
AMOUNTS = (0.82, 0.205, 0.2125, 0.24, 0.3333, 1.0)
LIMITS = VendorLimits(per_minute=100_000, first_wait=0.001, attempts=2, timeout=5)
KEY = SecretStr("a-key")


def make_acme() -> Security:
    """Make three years with three splits, and dividends each quarter and on the day of the second split."""
    paid = [(day, AMOUNTS[place % len(AMOUNTS)]) for place, day in enumerate(QUARTERS)]
    dividends = sorted([*paid, (THREE_FOR_TWO, 0.57)])
    return make_security(TICKER, START, END, seed=7, splits=SPLITS, dividends=dividends)


Make = Callable[[str, VendorCaller], "VendorSource"]
Ask = Callable[[str], dict[date, float]]


@dataclass(frozen=True)
class Vendor:
    """A vendor's convention: its server, and the source that asks it. `sessions` is how far back its plan reaches."""

    serve: Callable[[Market], App]
    make: Make
    sessions: int | None = None


def serve_polygon(market: Market) -> App:
    return PolygonApp(market, key=KEY.get_secret_value())


VENDORS: dict[str, Vendor] = {
    "polygon raw": Vendor(
        serve_polygon,
        lambda url, caller: PolygonSource(PolygonSettings(api_key=KEY, base_url=url, limits=LIMITS), caller),
    ),
    "polygon adjusted": Vendor(
        serve_polygon,
        lambda url, caller: PolygonSource(
            PolygonSettings(api_key=KEY, base_url=url, basis="split_adjusted", limits=LIMITS), caller
        ),
    ),
    "alpha vantage free": Vendor(
        FakeAlphaVantage,
        lambda url, caller: AlphaVantageSource(AlphaVantageSettings(api_key=KEY, base_url=url, limits=LIMITS), caller),
        sessions=100,
    ),
    "alpha vantage premium": Vendor(
        lambda market: FakeAlphaVantage(market, premium=True),
        lambda url, caller: AlphaVantageSource(
            AlphaVantageSettings(api_key=KEY, base_url=url, premium=True, limits=LIMITS), caller
        ),
    ),
    "yahoo": Vendor(YahooApp, lambda url, caller: Yahoo(YahooSettings(base_url=url, limits=LIMITS), caller)),
}

WHOLE_HISTORIES = [name for name, vendor in VENDORS.items() if vendor.sessions is None]


@dataclass(frozen=True)
class Desk:
    """One vendor at work."""

    security: Security
    server: LoopbackServer
    source: VendorSource
    sessions: int | None

    def bars(self, start: date = START, end: date = END) -> BarAnswer:
        return self.source.fetch_bars(BarRequest(self.security.listing, TICKER, start, end))


@contextmanager
def open_desk(name: str) -> Iterator[Desk]:
    vendor, security = VENDORS[name], make_acme()
    with LoopbackServer(vendor.serve({TICKER: security})) as server:
        caller = VendorCaller(name, LIMITS, LocalBudget(name), seed=1, secret=KEY.get_secret_value())
        yield Desk(security, server, vendor.make(server.url, caller), vendor.sessions)


@pytest.fixture(params=VENDORS)
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    with open_desk(request.param) as desk:
        yield desk


def assert_true_to_the_bit(answer: BarAnswer, security: Security, start: date, end: date) -> None:
    bars, truth = answer.bars.ordered(), security.between(start, end)
    assert answer.rejected == ()
    assert bars.tickers == (TICKER,)
    assert bars.sessions.tolist() == list(truth)
    for name in BAR_FIELDS:
        expected = np.array([getattr(bar, name) for bar in truth.values()])
        assert getattr(bars, name).tobytes() == expected.tobytes(), name


def as_told(splits: Sequence[Split], dividends: Sequence[Dividend]) -> tuple[Any, Any]:
    """Return ratios and amounts by ex-date, the amounts in millionths."""
    ratios = {split.ex_date: round(split.ratio, 9) for split in splits if split.ticker == TICKER}
    amounts = {dividend.ex_date: round(dividend.amount, 6) for dividend in dividends if dividend.ticker == TICKER}
    return ratios, amounts


def test_all_vendors_tell_the_same_raw_bars(desk: Desk) -> None:
    shown = sorted(desk.security.bars)[-desk.sessions :] if desk.sessions else sorted(desk.security.bars)
    assert_true_to_the_bit(desk.bars(), desk.security, shown[0], END)


@pytest.mark.parametrize("desk", WHOLE_HISTORIES, indirect=True)
def test_bars_before_a_later_split_are_as_traded_too(desk: Desk) -> None:
    assert_true_to_the_bit(desk.bars(START, BETWEEN), desk.security, START, BETWEEN)
    day = FOUR_FOR_ONE - timedelta(days=1)
    assert_true_to_the_bit(desk.bars(day, day), desk.security, day, day)


def test_all_vendors_tell_the_same_splits_and_dividends(desk: Desk) -> None:
    actions = desk.source.fetch_actions([TICKER], START, END)
    assert len(actions.splits) == 3
    assert len(actions.dividends) == len(QUARTERS) + 1
    expected = as_told(desk.security.splits, desk.security.dividends)
    assert as_told(actions.splits, actions.dividends) == expected
    answer = desk.bars()
    if answer.actions_from is not None:
        assert answer.actions_from <= START
        assert as_told(answer.splits, answer.dividends) == expected


def adjusted_closes(answer: BarAnswer, splits: Sequence[Split], dividends: Sequence[Dividend]) -> dict[date, float]:
    """Return closes on today's share basis with dividends reinvested, from raw bars and actions.

    The factor of a split is 1 / ratio, that of a dividend 1 - cash / previous close; where they share the ex-date, both
    cash and previous close stand on the basis after the split, each divided by the ratio.
    """
    bars = answer.bars.ordered()
    closes = dict(zip(bars.sessions.tolist(), bars.close.tolist(), strict=True))
    ratios = {split.ex_date: split.ratio for split in splits}
    amounts = {dividend.ex_date: dividend.amount for dividend in dividends}
    factor, adjusted = 1.0, {max(closes): closes[max(closes)]}
    for later, day in pairwise(sorted(closes, reverse=True)):
        ratio = ratios.get(later, 1.0)
        factor *= (1 - (amounts.get(later, 0.0) / ratio) / (closes[day] / ratio)) / ratio
        adjusted[day] = closes[day] * factor
    return adjusted


def wealth_of_a_holder(security: Security) -> dict[date, float]:
    """Return what one share becomes for a holder who puts each dividend back at the price that the ex-date leaves."""
    ratios = {split.ex_date: split.ratio for split in security.splits}
    amounts = {dividend.ex_date: dividend.amount for dividend in security.dividends}
    shares, before, wealth = 1.0, 0.0, {}
    for day, bar in sorted(security.bars.items()):
        cash = shares * amounts.get(day, 0.0)
        if cash:
            shares += cash / (before - amounts[day])
        shares *= ratios.get(day, 1.0)
        wealth[day], before = shares * bar.close, bar.close
    return wealth


def ask_yahoo(url: str) -> dict[date, float]:
    """Return the wire's own adjusted closes."""
    end = int(np.datetime64(END + timedelta(days=1), "s").astype(np.int64))
    begin = int(np.datetime64(START, "s").astype(np.int64))
    query = f"period1={begin}&period2={end}&interval=1d&events=div,splits"
    with urlopen(f"{url}/query2.finance.yahoo.com/v8/finance/chart/ACME-B?{query}", timeout=5) as reply:
        (result,) = json.load(reply)["chart"]["result"]
    days = np.array(result["timestamp"], dtype="datetime64[s]").astype("datetime64[D]").tolist()
    return dict(zip(days, result["indicators"]["adjclose"][0]["adjclose"], strict=True))


def ask_alpha_vantage(url: str) -> dict[date, float]:
    """Return the wire's own adjusted closes."""
    query = "function=TIME_SERIES_DAILY_ADJUSTED&symbol=ACME-B&outputsize=full&apikey=a-key"
    with urlopen(f"{url}/query?{query}", timeout=5) as reply:
        series = json.load(reply)["Time Series (Daily)"]
    return {date.fromisoformat(day): float(row["5. adjusted close"]) for day, row in series.items()}


@pytest.mark.parametrize(("name", "ask"), [("yahoo", ask_yahoo), ("alpha vantage premium", ask_alpha_vantage)])
def test_the_adjusted_close_of_bars_and_actions_is_the_vendor_s(name: str, ask: Ask) -> None:
    with open_desk(name) as desk:
        actions = desk.source.fetch_actions([TICKER], START, END)
        ours, theirs = adjusted_closes(desk.bars(), actions.splits, actions.dividends), ask(desk.server.url)
        assert sorted(ours) == sorted(theirs) == sorted(desk.security.bars)
        for day, close in ours.items():
            assert close == pytest.approx(theirs[day], rel=1e-6), day


@pytest.mark.parametrize("desk", WHOLE_HISTORIES, indirect=True)
def test_all_vendors_agree_on_the_total_return(desk: Desk) -> None:
    actions = desk.source.fetch_actions([TICKER], START, END)
    adjusted = adjusted_closes(desk.bars(), actions.splits, actions.dividends)
    wealth = wealth_of_a_holder(desk.security)
    assert sorted(adjusted) == sorted(wealth)
    for day, worth in wealth.items():
        assert adjusted[END] / adjusted[day] == pytest.approx(wealth[END] / worth, rel=1e-6), day
