"""The simulated market: the same for the same seed, only appended to by time, and as rich as a real one."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pytest

from alphafactory.config_sources import SyntheticSettings
from alphafactory.domain.bars import BAR_FIELDS, BarBatch
from alphafactory.errors import SourceError
from alphafactory.sources.simulated_companies import Rotation
from alphafactory.sources.synthetic import INDEX_TICKER, SyntheticSource

if TYPE_CHECKING:
    from alphafactory.domain.market import Delivery

AS_OF = date(2024, 6, 28)
MARKET = SyntheticSettings(symbols=40, years=5, seed=7)


def fetch(settings: SyntheticSettings, as_of: date = AS_OF, tickers: list[str] | None = None) -> Delivery:
    return SyntheticSource(settings).fetch(as_of, tickers)


def rows(batch: BarBatch) -> dict[tuple[str, date], tuple[float, ...]]:
    values = zip(*(getattr(batch, name).tolist() for name in BAR_FIELDS), strict=True)
    keys = zip((batch.tickers[code] for code in batch.codes.tolist()), batch.sessions.tolist(), strict=True)
    return dict(zip(keys, values, strict=True))


def series(delivery: Delivery, ticker: str) -> BarBatch:
    return delivery.bars.take(delivery.bars.codes == delivery.bars.tickers.index(ticker))


@pytest.mark.parametrize("faults", [0, 40])
@pytest.mark.parametrize("later", [date(2024, 7, 1), date(2024, 8, 16), date(2025, 2, 3)])
def test_a_later_night_only_appends(later: date, faults: int) -> None:
    settings = SyntheticSettings(symbols=12, years=2, seed=3, start=date(2019, 1, 2), faults=faults)
    first, second = fetch(settings), fetch(settings, later)
    before, after = rows(first.bars), rows(second.bars)
    window_begins = second.bars.sessions.min().item()
    shared = {key for key in before if key[1] >= window_begins}
    assert shared == {key for key in after if key[1] <= AS_OF}
    assert {key: str(before[key]) for key in shared} == {key: str(after[key]) for key in shared}
    assert max(key[1] for key in after) == later
    for kind in ("splits", "dividends"):
        old = {action for action in getattr(first, kind) if action.ex_date >= window_begins}
        assert old == {action for action in getattr(second, kind) if action.ex_date <= AS_OF}
    assert set(first.earnings) >= {e for e in second.earnings if e.announced <= AS_OF}


def test_another_seed_is_another_market() -> None:
    one, other = fetch(MARKET), fetch(MARKET.model_copy(update={"seed": 8}))
    assert not np.array_equal(one.bars.close, other.bars.close)


@pytest.mark.parametrize("symbols", [1, 2, 9, 40, 137])
@pytest.mark.parametrize("as_of", [date(2024, 1, 2), date(2024, 6, 28), date(2025, 3, 17)])
def test_any_night_sees_as_many_symbols_as_were_asked_for(symbols: int, as_of: date) -> None:
    delivery = fetch(SyntheticSettings(symbols=symbols, years=3, start=date(2018, 1, 2)), as_of)
    assert len(delivery.bars.tickers) == symbols + 1
    assert sorted(listing.ticker for listing in delivery.listings) == sorted(delivery.bars.tickers)
    assert bool(np.all(np.bincount(delivery.bars.codes) > 0))


def test_a_rotation_fills_every_window_wherever_it_lies() -> None:
    rotation = Rotation.plan(symbols=40, years=5)
    for sessions in range(rotation.window, rotation.window + 2 * rotation.period):
        tenures = rotation.tenures(sessions)
        assert len({tenure.number for tenure in tenures}) == len(tenures) == 40
        assert all(tenure.first <= tenure.last for tenure in tenures)


def test_some_are_listed_late_and_some_delisted_within_five_years() -> None:
    delivery = fetch(MARKET)
    begin = delivery.bars.sessions.min().item()
    assert (AS_OF - begin).days in range(1820, 1840)
    late = [listing for listing in delivery.listings if listing.listed is not None and listing.listed > begin]
    gone = [listing for listing in delivery.listings if listing.delisted is not None]
    assert len(late) == len(gone) == 4
    for listing in late:
        assert series(delivery, listing.ticker).sessions[0].item() == listing.listed
    for listing in gone:
        assert series(delivery, listing.ticker).sessions[-1].item() == listing.delisted


def test_prices_are_in_cents_and_fall_by_splits_and_dividends() -> None:
    delivery = fetch(MARKET)
    for name in ("open", "high", "low", "close"):
        prices = getattr(delivery.bars, name)
        np.testing.assert_array_equal(prices, np.round(prices, 2))
    assert len(delivery.splits) >= 3
    for split in delivery.splits:
        bars = series(delivery, split.ticker)
        t = int(np.flatnonzero(bars.sessions == np.datetime64(split.ex_date))[0])
        if t:
            assert bars.open[t] * split.ratio / bars.close[t - 1] == pytest.approx(1.0, abs=0.12)
    assert len(delivery.dividends) > 100
    assert all(dividend.amount > 0 for dividend in delivery.dividends)


def test_dividends_and_earnings_come_once_a_quarter() -> None:
    delivery = fetch(MARKET)
    paid = [(d.ticker, d.ex_date.year, (d.ex_date.month - 1) // 3) for d in delivery.dividends]
    announced = [(e.ticker, e.fiscal_period) for e in delivery.earnings]
    assert len(paid) == len(set(paid))
    assert len(announced) == len(set(announced)) > 500


def test_sectors_move_together_and_volatility_clusters() -> None:
    delivery = fetch(SyntheticSettings(symbols=60, years=8, seed=7))
    length = int(np.bincount(delivery.bars.codes).max())
    sector = {listing.ticker: listing.sector for listing in delivery.listings}
    whole = [t for t in delivery.bars.tickers if len(series(delivery, t)) == length and t != INDEX_TICKER]
    whole = [t for t in whole if t not in {s.ticker for s in delivery.splits}]
    returns = np.array([np.diff(np.log(series(delivery, t).close)) for t in whole])
    correlation = np.corrcoef(returns)
    same = np.array([[sector[a] == sector[b] for b in whole] for a in whole])
    within = correlation[same & ~np.eye(len(whole), dtype=bool)].mean()
    across = correlation[~same].mean()
    assert 0.1 < across < within - 0.03
    size = np.abs(np.diff(np.log(series(delivery, INDEX_TICKER).close)))
    assert np.corrcoef(size[1:], size[:-1])[0, 1] > 0.08


def test_the_index_has_its_class_and_neither_splits_nor_dividends() -> None:
    delivery = fetch(MARKET)
    index = next(listing for listing in delivery.listings if listing.ticker == INDEX_TICKER)
    assert index.asset_class == "index"
    assert INDEX_TICKER not in {action.ticker for action in (*delivery.splits, *delivery.dividends)}


def test_only_the_tickers_asked_for_are_delivered_and_are_the_same() -> None:
    settings = MARKET.model_copy(update={"faults": 30})
    whole = fetch(settings)
    chosen = [whole.bars.tickers[3], INDEX_TICKER, "UNKNOWN"]
    part = fetch(settings, tickers=chosen)
    assert set(part.bars.tickers) == set(chosen[:2])
    expected = {key: str(bar) for key, bar in rows(whole.bars).items() if key[0] in chosen}
    assert {key: str(bar) for key, bar in rows(part.bars).items()} == expected
    assert {dividend.ticker for dividend in part.dividends} <= set(chosen)


def test_a_night_before_the_start_says_so() -> None:
    with pytest.raises(SourceError, match=r"begins on 2005-01-03.*sources\.synthetic\.start"):
        fetch(MARKET, date(2004, 12, 31))


def test_the_stamp_follows_the_settings_and_the_day() -> None:
    stamps = {
        SyntheticSource(settings).stamp(day)
        for settings in (MARKET, MARKET.model_copy(update={"seed": 8}))
        for day in (AS_OF, date(2024, 7, 1))
    }
    assert len(stamps) == 4
    assert SyntheticSource(MARKET).stamp(AS_OF) in stamps
