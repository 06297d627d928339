"""The panel on disk gives what was read, reads only what changed, and survives whatever happens to its files."""

from __future__ import annotations

import json
import logging
import os
import shutil
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
import pytest

from alphafactory.domain.bars import BarPanel, Bars
from alphafactory.domain.market import Listing
from alphafactory.pipeline.panel_cache import PanelCache
from alphafactory.store.symbols import SymbolRow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.pipeline.panel_cache import CachedPanel

NAMES = [field.name for field in fields(Bars)]
A, B, C, D = 1, 2, 3, 4


def row(key: int) -> SymbolRow:
    return SymbolRow(key, Listing(f"S{key}", "X"), "hand", simulated=False)


class Market:
    """Symbols with bars that change, and the cache in front of them; remembers what was read and computed."""

    def __init__(self, folder: Path, code: str = "code 1") -> None:
        self.folder = folder
        self.cache = PanelCache(folder, code)
        self.versions = {A: 0, B: 0, C: 0, D: 0}
        self.lengths = {A: 700, B: 3, C: 1500, D: 40}
        self.read_keys: list[int] = []
        self.computed: list[tuple[int, list[str]]] = []

    def change(self, key: int, rows: int = 0) -> None:
        self.versions[key] += 1
        self.lengths[key] += rows

    def bars(self, key: int) -> Bars:
        draw = np.random.default_rng([key, self.versions[key]])
        length = self.lengths[key]
        sessions = np.datetime64("2010-01-01") + np.arange(length)
        return Bars(sessions, *(draw.normal(size=length) for _ in NAMES[1:]))

    def panel(self, keys: Sequence[int]) -> BarPanel:
        """What the cache must give, made without it."""
        parts = [self.bars(key) for key in keys]
        columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in NAMES}
        starts = np.cumsum([0, *(len(part) for part in parts)], dtype=np.int64)
        return BarPanel(np.array(keys), tuple(f"S{key}" for key in keys), starts, Bars(**columns))

    def open(self, *keys: int, without: Sequence[int] = ()) -> CachedPanel:
        def read(rows: Sequence[SymbolRow]) -> BarPanel:
            self.read_keys += [row.id for row in rows]
            return self.panel([row.id for row in rows])

        self.read_keys = []
        fingerprints = {key: f"{key}.{version}" for key, version in self.versions.items() if key not in without}
        return self.cache.open([row(key) for key in keys], fingerprints, read)

    def factors(self, cached: CachedPanel, versions: Mapping[str, str]) -> dict[str, FloatArray]:
        def compute(bars: Bars, names: Sequence[str]) -> dict[str, FloatArray]:
            self.computed.append((len(bars), list(names)))
            return {name: bars.close * len(name) + len(versions[name]) for name in names}

        self.computed = []
        return cached.columns(versions, compute)

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture
def market(tmp_path: Path) -> Market:
    return Market(tmp_path / "panels")


def demand_same(found: BarPanel, expected: BarPanel) -> None:
    assert found.symbol_ids.tolist() == expected.symbol_ids.tolist()
    assert found.tickers == expected.tickers
    assert found.starts.tolist() == expected.starts.tolist()
    for name in NAMES:
        ours, theirs = getattr(found.bars, name), getattr(expected.bars, name)
        assert ours.dtype == theirs.dtype
        assert ours.tobytes() == theirs.tobytes(), name


def is_mapped(array: np.ndarray) -> bool:
    base: object = array
    while base is not None and not isinstance(base, np.memmap):
        base = getattr(base, "base", None)
    return base is not None


def test_what_was_read_comes_back_without_reading(market: Market) -> None:
    demand_same(market.open(A, B, C).panel, market.panel([A, B, C]))
    assert market.read_keys == [A, B, C]
    again = market.open(A, B, C).panel
    assert market.read_keys == []
    demand_same(again, market.panel([A, B, C]))
    assert all(is_mapped(getattr(again.bars, name)) for name in NAMES)
    with pytest.raises(ValueError, match="read-only"):
        again.bars.close[0] = 1.0


@pytest.mark.parametrize("changed", [[A], [B], [C], [A, C], [A, B, C]])
@pytest.mark.parametrize("more", [0, 1, -2])
def test_only_what_changed_is_read(market: Market, changed: list[int], more: int) -> None:
    market.open(A, B, C)
    for key in changed:
        market.change(key, more)
    demand_same(market.open(A, B, C).panel, market.panel([A, B, C]))
    assert market.read_keys == changed
    demand_same(market.open(A, B, C).panel, market.panel([A, B, C]))
    assert market.read_keys == []


@pytest.mark.parametrize("keys", [[A], [B, C], [C, A], [D, C, B, A], [A, C]])
def test_a_part_of_a_set_is_not_read_again(market: Market, keys: list[int]) -> None:
    market.open(A, B, C, D)
    before = market.files()
    demand_same(market.open(*keys).panel, market.panel(keys))
    assert market.read_keys == []
    assert market.files() == before


def test_neighbours_are_views(market: Market) -> None:
    market.open(A, B, C, D)
    assert is_mapped(market.open(B, C).panel.bars.close)


def test_more_symbols_than_before_read_the_new_ones(market: Market) -> None:
    market.open(A, C)
    demand_same(market.open(D, A, B, C).panel, market.panel([D, A, B, C]))
    assert market.read_keys == [D, B]


def test_a_symbol_without_a_usable_bar_has_no_rows(market: Market) -> None:
    for _ in range(2):
        panel = market.open(A, B, C, without=[B]).panel
        assert np.diff(panel.starts).tolist() == [700, 0, 1500]
        assert panel.symbol(2).close.tobytes() == market.bars(C).close.tobytes()
    assert market.read_keys == []
    demand_same(market.open(A, B, C).panel, market.panel([A, B, C]))
    assert market.read_keys == [B]


def test_no_symbol_with_bars_gives_an_empty_panel(market: Market) -> None:
    for _ in range(2):
        panel = market.open(A, B, without=[A, B]).panel
        assert len(panel) == 2
        assert len(panel.bars) == 0
        assert panel.bars.sessions.dtype == np.dtype("datetime64[D]")
    assert market.read_keys == []


def test_other_code_reads_anew(market: Market) -> None:
    market.open(A, B)
    other = Market(market.folder, "code 2")
    other.open(A, B)
    assert other.read_keys == [A, B]
    market.open(A, B)
    assert market.read_keys == []


def cut_off_last_byte(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def cut_in_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def flip_a_bit_in_the_middle(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def flip_a_bit_at_the_end(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-33] ^= 128
    path.write_bytes(content)


def fill_with_zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("file", ["index.json", "close.npy", "sessions.npy"])
@pytest.mark.parametrize(
    "damage",
    [cut_off_last_byte, cut_in_half, empty, lengthen, flip_a_bit_in_the_middle, flip_a_bit_at_the_end, fill_with_zeros,
     remove],
)  # fmt: skip
def test_damage_is_noticed_and_mended(market: Market, damage: Callable[[Path], None], file: str) -> None:
    market.open(A, B, C)
    (path,) = market.folder.glob(f"*/{file}")
    damage(path)
    demand_same(market.open(A, B, C).panel, market.panel([A, B, C]))
    assert market.read_keys == [A, B, C]
    market.open(A, B, C)
    assert market.read_keys == []


def test_a_process_killed_while_writing_leaves_nothing_that_looks_like_a_set(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_path: Path, _record: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("alphafactory.pipeline.panel_cache.write_record", killed)
        with pytest.raises(KeyboardInterrupt):
            market.open(A, B)
    demand_same(market.open(A, B).panel, market.panel([A, B]))
    assert market.read_keys == [A, B]


def test_a_full_disk_costs_time_and_nothing_else(
    market: Market, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("alphafactory.pipeline.panel_files.np.save", full)
    with caplog.at_level(logging.WARNING):
        cached = market.open(A, B)
        factors = market.factors(cached, {"f": "1"})
    demand_same(cached.panel, market.panel([A, B]))
    assert factors["f"].tolist() == (cached.panel.bars.close + 1).tolist()
    assert "No space left on device" in caplog.text
    assert [path.name for path in market.files()] == []


def test_what_is_mapped_outlives_the_removal_of_its_set(market: Market) -> None:
    panel = market.open(A, C).panel
    shutil.rmtree(market.folder)
    demand_same(panel, market.panel([A, C]))


def test_sets_not_used_for_longest_are_removed(market: Market) -> None:
    first = market.panel([A, B])
    market.open(A, B)
    (oldest,) = market.folder.iterdir()
    for _ in range(2):
        market.change(A)
        market.open(A, B)
    market.versions[A] = 0
    demand_same(market.open(A, B).panel, first)  # used again, so another one goes
    market.versions[A] = 2
    market.change(A)
    market.open(A, B)
    assert len(list(market.folder.iterdir())) == 3
    assert oldest.is_dir()


def test_factors_are_computed_once(market: Market) -> None:
    versions = {"slow": "1", "quick": "22"}
    cached = market.open(A, B, C)
    first = market.factors(cached, versions)
    assert market.computed == [(700, ["slow", "quick"]), (3, ["slow", "quick"]), (1500, ["slow", "quick"])]
    assert first["slow"].tolist() == (cached.panel.bars.close * 4 + 1).tolist()
    assert first["quick"].tolist() == (cached.panel.bars.close * 5 + 2).tolist()
    second = market.factors(market.open(A, B, C), versions)
    assert market.computed == []
    for name in versions:
        assert second[name].tobytes() == first[name].tobytes()
        assert is_mapped(second[name])


def test_a_factor_of_other_code_is_computed_anew(market: Market) -> None:
    market.factors(market.open(A, B), {"slow": "1", "quick": "22"})
    market.factors(market.open(A, B), {"slow": "1", "quick": "333"})
    assert market.computed == [(700, ["quick"]), (3, ["quick"])]


def test_factors_of_unchanged_symbols_are_taken_over(market: Market) -> None:
    versions = {"slow": "1"}
    market.factors(market.open(A, B, C), versions)
    market.change(B, rows=4)
    cached = market.open(A, B, C)
    found = market.factors(cached, versions)
    assert market.computed == [(7, ["slow"])]
    assert found["slow"].tolist() == (cached.panel.bars.close * 4 + 1).tolist()


def test_factors_of_a_part_come_from_the_whole(market: Market) -> None:
    whole = market.factors(market.open(A, B, C), {"slow": "1"})["slow"]
    found = market.factors(market.open(C, A), {"slow": "1"})["slow"]
    assert market.computed == []
    assert found.tolist() == [*whole[703:].tolist(), *whole[:700].tolist()]


def test_a_damaged_factor_is_computed_anew(market: Market) -> None:
    first = market.factors(market.open(A, B), {"slow": "1"})["slow"].tolist()
    (path,) = market.folder.glob("*/computed_slow_*.npy")
    flip_a_bit_in_the_middle(path)
    assert market.factors(market.open(A, B), {"slow": "1"})["slow"].tolist() == first
    assert len(market.computed) == 2
    market.factors(market.open(A, B), {"slow": "1"})
    assert market.computed == []


def test_the_index_says_what_a_set_is(market: Market) -> None:
    market.open(A, B)
    (path,) = market.folder.glob("*/index.json")
    record = json.loads(path.read_text().partition("\n")[2])
    assert record == {"code": "code 1", "symbols": [[A, "1.0", 700], [B, "2.0", 3]]}


def seen_by_a_worker(bars: Bars) -> tuple[float, bool, int]:
    return float(bars.close.sum()), is_mapped(bars.close), os.getpid()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_workers_map_the_same_file(market: Market) -> None:
    from joblib import Parallel, delayed  # noqa: PLC0415  half a second, for this test alone

    market.lengths[C] = 400_000
    panel = market.open(A, B, C).panel
    seen = Parallel(n_jobs=2, backend="loky")(delayed(seen_by_a_worker)(bars) for _, _, bars in panel)
    for (_, _, bars), (total, mapped, process) in zip(panel, seen, strict=True):
        assert total == float(bars.close.sum())
        assert mapped
        assert process != os.getpid()
