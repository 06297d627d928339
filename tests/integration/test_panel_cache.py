"""The panel on disk is the panel of the tables, whatever is changed in them by hand and however many ask at once."""

from __future__ import annotations

import threading
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest

from alphafactory.domain.bars import BarBatch, Bars
from alphafactory.domain.market import Listing
from alphafactory.pipeline.panel import data_fingerprints, read_panel
from alphafactory.pipeline.panel_cache import PanelCache
from alphafactory.store.bars import upsert_bars
from alphafactory.store.symbols import read_symbols, upsert_symbols

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nights import Nights

    from alphafactory.domain.bars import BarPanel
    from alphafactory.store.symbols import SymbolRow

CUTOFF = datetime(2024, 6, 1, tzinfo=UTC)
TICKERS = ("AA", "BB", "CC")
SESSION = "(SELECT max(session) - 7 FROM bars_1d)"
OF_BB = "(SELECT id FROM symbols WHERE ticker = 'BB')"
SPLIT = "INSERT INTO splits (symbol_id, ex_date, known_at, ratio, source) "
DIVIDEND = "INSERT INTO dividends (symbol_id, ex_date, kind, known_at, amount, source) "
FINDING = (
    "INSERT INTO quality_findings (rule, severity, subject, symbol_id, session, message, payload, quarantined, "
    "found_at, known_at) "
)
CHANGES = (
    f"UPDATE bars_1d SET close = close + 0.5 WHERE symbol_id = {OF_BB} AND session = {SESSION}",
    f"UPDATE bars SET volume = 5 WHERE symbol_id = {OF_BB} AND session = {SESSION}",
    f"DELETE FROM bars_1d WHERE symbol_id = {OF_BB} AND session = {SESSION}",
    SPLIT + f"SELECT {OF_BB}, {SESSION}, '2024-01-01', 2, ''",
    DIVIDEND + f"SELECT {OF_BB}, {SESSION}, 'cash', '2024-01-01', 0.5, ''",
    FINDING + f"SELECT 'r', 'error', 'BB', {OF_BB}, {SESSION}, '', '{{}}', true, '2024-01-01', '2024-01-01'",
)


@pytest.fixture
def market(nights: Nights) -> Nights:
    """Three symbols with 300 bars each."""
    draw = np.random.default_rng(7)
    days = np.busday_offset("2023-01-03", np.arange(300)).astype("datetime64[D]")
    rows = len(TICKERS) * len(days)
    prices = np.round(draw.uniform(10, 20, rows), 2)
    batch = BarBatch(
        TICKERS, np.repeat(np.arange(3), 300), np.tile(days, 3), prices, prices + 1, prices - 1, prices,
        np.round(draw.uniform(1e5, 1e6, rows)), np.zeros(rows, dtype=np.int64),
    )  # fmt: skip
    with nights.database() as database, database.begin() as connection:
        listings = [Listing(ticker, "X") for ticker in TICKERS]
        upsert_symbols(connection, listings, "made up", simulated=True, moment=CUTOFF)
        ids = np.array([row.id for row in read_symbols(connection, TICKERS)], dtype=np.int64)
        closes = batch.sessions.astype("datetime64[us]") + np.timedelta64(21, "h")
        upsert_bars(connection, batch, ids, "made up", closes=closes, moment=CUTOFF)
    return nights


def opened(nights: Nights, folder: Path) -> tuple[BarPanel, BarPanel, list[str]]:
    """Return the panel by the cache, the panel by the tables, and the tickers that the cache read from the tables."""
    asked: list[str] = []
    with nights.database() as database, database.begin() as connection:
        chosen = {row.id: row for row in read_symbols(connection, TICKERS)}

        def read(rows: Sequence[SymbolRow]) -> BarPanel:
            asked.extend(row.ticker for row in rows)
            return read_panel(connection, rows, CUTOFF)

        prints = data_fingerprints(connection, list(chosen), CUTOFF)
        found = PanelCache(folder, "code").open(list(chosen.values()), prints, read).panel
        return found, read_panel(connection, list(chosen.values()), CUTOFF), asked


def demand_same(found: BarPanel, expected: BarPanel) -> None:
    assert found.tickers == expected.tickers
    assert found.symbol_ids.tolist() == expected.symbol_ids.tolist()
    assert found.starts.tolist() == expected.starts.tolist()
    for field in fields(Bars):
        assert getattr(found.bars, field.name).tobytes() == getattr(expected.bars, field.name).tobytes(), field.name


@pytest.mark.parametrize("by_hand", CHANGES)
def test_a_change_by_hand_reads_that_symbol_anew(market: Nights, tmp_path: Path, by_hand: str) -> None:
    first, expected, asked = opened(market, tmp_path)
    demand_same(first, expected)
    assert asked == list(TICKERS)
    assert opened(market, tmp_path)[2] == []
    market.ask(by_hand)
    found, expected, asked = opened(market, tmp_path)
    demand_same(found, expected)
    assert asked == ["BB"]
    assert any(getattr(found.bars, f.name).tobytes() != getattr(first.bars, f.name).tobytes() for f in fields(Bars))


def test_a_symbol_whose_bars_are_gone_has_none(market: Nights, tmp_path: Path) -> None:
    opened(market, tmp_path)
    market.ask(f"DELETE FROM bars WHERE symbol_id = {OF_BB}")
    found, expected, asked = opened(market, tmp_path)
    demand_same(found, expected)
    assert np.diff(found.starts).tolist() == [300, 0, 300]
    assert asked == []


def test_several_at_once_make_one_sound_set(market: Nights, tmp_path: Path) -> None:
    gate = threading.Barrier(4)
    found: list[BarPanel] = []

    def ask() -> None:
        gate.wait(20)
        found.append(opened(market, tmp_path)[0])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    last, expected, asked = opened(market, tmp_path)
    assert asked == []
    assert len(found) == 4
    for panel in [*found, last]:
        demand_same(panel, expected)
    assert len(list(tmp_path.iterdir())) == 1
    assert not list(tmp_path.glob("*/.*"))  # no temporary file stays
