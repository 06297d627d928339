"""What every source must do, asked of each that the registry finds."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest

from alphafactory.config import SourcesConfig
from alphafactory.config_sources import CsvSettings, SyntheticSettings
from alphafactory.domain.bars import BAR_FIELDS
from alphafactory.errors import SourceUnavailableError, UnknownNameError
from alphafactory.sources import BulkSource, VendorSource, sources
from alphafactory.sources.base import Offer
from alphafactory.sources.vendor import LocalBudget, VendorCaller

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from alphafactory.domain.market import Delivery

AS_OF = date(2024, 6, 28)
REGISTRY = sources()
BULK = [name for name, plugin in REGISTRY.items() if issubclass(plugin, BulkSource)]
VENDORS = [name for name, plugin in REGISTRY.items() if issubclass(plugin, VendorSource)]


def csv_settings(folder: Path) -> CsvSettings:
    header = "symbol,date,open,high,low,close,adj_close,volume"
    rows = [
        f"{ticker},2024-06-{day:02d},10,11,9,{close},{close - 0.1 * (day < 20)},100"
        for ticker in ("AAA", "BBB")
        for day, close in ((18, 10.0), (20, 10.5), (21, 10.25))
    ]
    (folder / "prices.csv").write_text("\n".join([header, *rows, ""]))
    return CsvSettings(path=folder / "prices.csv")


SETTINGS: dict[str, Callable[[Path], Any]] = {
    "csv": csv_settings,
    "synthetic": lambda _folder: SyntheticSettings(symbols=12, years=2),
}


@pytest.fixture(params=BULK)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> BulkSource:
    assert request.param in SETTINGS, f"give the source '{request.param}' settings here, so that it is tested"
    plugin: Any = REGISTRY.get(request.param)
    built: BulkSource = plugin(SETTINGS[request.param](tmp_path))
    return built


def test_the_registry_finds_every_source_and_none_is_broken() -> None:
    assert {"csv", "synthetic"} <= set(REGISTRY.names())
    assert REGISTRY.broken == []


def test_an_unknown_source_names_a_near_one() -> None:
    with pytest.raises(UnknownNameError, match=r"There is no source 'sintetic'.*'synthetic'"):
        REGISTRY.get("sintetic")


def test_it_says_what_it_is(source: BulkSource) -> None:
    assert source.name
    assert 10 < len(source.description) < 80
    assert "\n" not in source.description
    assert isinstance(source.simulated, bool)


def test_a_delivery_is_well_formed(source: BulkSource) -> None:
    source.check_available()
    delivery = source.fetch(AS_OF)
    bars = delivery.bars
    assert (delivery.source, delivery.simulated) == (source.name, source.simulated)
    assert len(bars) > 0
    assert list(bars.tickers) == sorted(set(bars.tickers))
    assert bars.codes.min() >= 0
    assert bars.codes.max() < len(bars.tickers)
    assert bars.sessions.dtype == np.dtype("datetime64[D]")
    assert bars.codes.dtype == bars.lines.dtype == np.int64
    assert all(getattr(bars, name).dtype == np.float64 for name in BAR_FIELDS)
    assert {len(getattr(bars, name)) for name in ("codes", "sessions", "lines", *BAR_FIELDS)} == {len(bars)}
    assert not np.isnat(bars.sessions).any()
    assert delivery.newest_session == bars.sessions.max().item() <= AS_OF
    listed = [listing.ticker for listing in delivery.listings]
    assert len(listed) == len(set(listed))
    assert set(bars.tickers) <= set(listed)


def test_actions_are_of_known_symbols_positive_and_distinct(source: BulkSource) -> None:
    delivery = source.fetch(AS_OF)
    known = {listing.ticker for listing in delivery.listings}
    assert delivery.dividends
    assert all(split.ticker in known and split.ratio > 0 for split in delivery.splits)
    assert all(dividend.ticker in known and dividend.amount > 0 for dividend in delivery.dividends)
    for actions in (delivery.splits, delivery.dividends):
        keys = [(action.ticker, action.ex_date) for action in actions]
        assert len(keys) == len(set(keys))


def as_text(delivery: Delivery) -> str:
    columns = [getattr(delivery.bars, name).tobytes() for name in ("codes", "sessions", "lines", *BAR_FIELDS)]
    parts = (delivery.listings, delivery.splits, delivery.dividends, delivery.earnings, delivery.rejected)
    return f"{delivery.bars.tickers} {columns} {parts}"


def test_it_delivers_the_same_twice_under_the_same_stamp(source: BulkSource) -> None:
    again = type(source)(source.settings)  # type: ignore[attr-defined]
    assert as_text(source.fetch(AS_OF)) == as_text(again.fetch(AS_OF))
    assert source.stamp(AS_OF) == again.stamp(AS_OF)


def test_it_delivers_only_the_tickers_asked_for(source: BulkSource) -> None:
    chosen = source.fetch(AS_OF).bars.tickers[1]
    part = source.fetch(AS_OF, [chosen, "NO-SUCH-TICKER"])
    assert part.bars.tickers == (chosen,)
    assert {listing.ticker for listing in part.listings} == {chosen}
    assert {dividend.ticker for dividend in part.dividends} <= {chosen}
    nobody = source.fetch(AS_OF, ["NO-SUCH-TICKER"])
    assert (len(nobody.bars), nobody.listings) == (0, ())


def test_it_reports_its_progress_to_the_end(source: BulkSource) -> None:
    seen: list[tuple[int, int]] = []
    source.fetch(AS_OF, progress=lambda _label, done, count: seen.append((done, count)))
    assert seen
    assert seen[-1][0] == seen[-1][1]


@pytest.mark.parametrize("name", VENDORS)
def test_a_vendor_does_what_it_offers_and_says_what_it_does_not(name: str) -> None:
    vendor: Any = REGISTRY.get(name)
    assert vendor.description
    assert "bars" in vendor.offers
    assert vendor.timeframes
    for offer in get_args(Offer):
        written = getattr(vendor, f"fetch_{offer}") is not getattr(VendorSource, f"fetch_{offer}")
        assert written == (offer in vendor.offers), offer


@pytest.mark.parametrize("name", VENDORS)
def test_a_vendor_without_its_key_says_how_to_set_it_up(name: str) -> None:
    vendor: Any = REGISTRY.get(name)
    settings = getattr(SourcesConfig(), name)
    caller = VendorCaller(name, settings.limits, LocalBudget(name), seed=1)
    if hasattr(settings, "api_key"):
        with pytest.raises(SourceUnavailableError, match=f"{name.upper()}_API_KEY"):
            vendor(settings, caller).check_available()
    else:
        vendor(settings, caller).check_available()
