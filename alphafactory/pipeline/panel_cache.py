"""The panel on disk: bars and factors of many symbols as mapped columns, shared by all processes, true by fingerprint.

Goes in: the symbols, the fingerprint of each one's data, and how to read what is not there. Comes out: a `BarPanel`
whose arrays lie in files.

1. A stored set is a folder: one file a column, and an index of its symbols with their fingerprints. It never changes,
   but that computed columns are added to it.
2. A set that holds every wanted symbol at its fingerprint answers. Neighbours come as views, others as copies.
3. Otherwise what no set holds is read, the rest is taken over from the set that holds most, and a new set is written.
   Its index comes last, so that a killed process leaves nothing that looks like a set.
4. Whatever is damaged is as good as absent. Sets that were not used for longest are removed.

Fingerprints speak of data; the code that adjusts them is named by `code`, and a set of other code is not used.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, fields
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory.domain.bars import BarPanel, Bars
from alphafactory.pipeline.panel_files import open_column, read_record, write_column, write_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.store.symbols import SymbolRow

    Compute = Callable[[Bars, Sequence[str]], Mapping[str, FloatArray]]
    Read = Callable[[Sequence[SymbolRow]], BarPanel]
    Columns = Mapping[str, npt.NDArray[Any]]

_log = logging.getLogger(__name__)
_BAR_COLUMNS = tuple(field.name for field in fields(Bars))
_EMPTY = {name: np.empty(0, dtype="datetime64[D]" if name == "sessions" else np.float64) for name in _BAR_COLUMNS}
_INDEX = "index.json"
_SETS_KEPT = 3
"""Tonight's, last night's to take over from, and one as of a past date."""

_Key = tuple[int, str]
"""A symbol and the fingerprint of its data; empty for a symbol without a usable bar."""
_NO_ROWS = slice(0, 0)


@dataclass(frozen=True, slots=True)
class _Stored:
    """A set on disk: the rows of each symbol, in the order of the set, and the columns, each of shape (n,)."""

    folder: Path
    rows: Mapping[_Key, slice]
    columns: Columns

    def holds(self, wanted: Sequence[_Key]) -> bool:
        """Whether every wanted symbol with usable bars is here at its fingerprint."""
        return all(key in self.rows for key in wanted if key[1])

    def runs(self, wanted: Sequence[_Key]) -> list[slice]:
        """Return the rows of the wanted symbols in their order, neighbours merged."""
        runs: list[slice] = []
        for key in wanted:
            _append(runs, self.rows.get(key, _NO_ROWS))
        return runs


@dataclass(frozen=True, slots=True)
class CachedPanel:
    """A panel, and the computed columns beside it."""

    panel: BarPanel
    _cache: PanelCache
    _keys: tuple[_Key, ...]
    _stored: _Stored | None

    def columns(self, versions: Mapping[str, str], compute: Compute) -> dict[str, FloatArray]:
        """Return computed columns over the whole panel, each of shape (n,).

        Args:
            versions: for each column, by its name (a-z, 0-9, _), what its values depend on beside the bars: a hash of
                code and arguments.
            compute: given one symbol's bars and names of columns, returns those columns of shape (bars,). It is asked
                for symbols alone that no set holds under this version.
        """
        found = {name: self._read(name, version) for name, version in versions.items()}
        missing = {name: versions[name] for name, values in found.items() if values is None}
        computed = self._cache.compute(self.panel, self._keys, missing, compute) if missing else {}
        for name, values in computed.items():
            found[name] = self._keep(name, versions[name], values)
        return {name: values for name, values in found.items() if values is not None}

    def _read(self, name: str, version: str) -> FloatArray | None:
        if self._stored is None:
            return None
        values = open_column(self._stored.folder / _file_of(name, version))
        return None if values is None else _gather(values, self._stored.runs(self._keys))

    def _keep(self, name: str, version: str, values: FloatArray) -> FloatArray:
        """Add a column to the set, if this panel is the whole of it; return it as it will be found next time."""
        values.flags.writeable = False
        if self._stored is None or tuple(self._stored.rows) != self._keys:
            return values
        path = self._stored.folder / _file_of(name, version)
        try:
            write_column(path, values)
        except OSError as error:
            _warn(path, error)
        mapped = open_column(path)
        return values if mapped is None else mapped


class PanelCache:
    """The stored sets of one folder."""

    def __init__(self, folder: Path, code: str) -> None:
        """Name the folder, which is made when needed, and the version of the code that makes panels."""
        self._folder = folder
        self._code = code

    def open(self, chosen: Sequence[SymbolRow], fingerprints: Mapping[int, str], read: Read) -> CachedPanel:
        """Return the panel of the chosen symbols, in their order.

        Args:
            chosen: the symbols.
            fingerprints: for each symbol with usable bars, the hash of all that its rows of the panel depend on.
            read: reads the panel of some of the symbols, in the order asked. It must see the rows of which the
                fingerprints were taken: use one REPEATABLE READ transaction for both.
        """
        keys = tuple((row.id, fingerprints.get(row.id, "")) for row in chosen)
        tickers = tuple(row.ticker for row in chosen)
        stored = next((stored for stored in self._sets() if stored.holds(keys)), None)
        if stored is not None:
            with suppress(OSError):  # another process may have removed it; what is mapped stays
                os.utime(stored.folder)  # used just now: removed last
            runs = stored.runs(keys)
            columns: Columns = {name: _gather(values, runs) for name, values in stored.columns.items()}
            return CachedPanel(_panel(keys, tickers, _lengths(stored.rows, keys), columns), self, keys, stored)
        lengths, columns = self._assemble(keys, chosen, read)
        kept = self._write(keys, lengths, columns)
        return CachedPanel(_panel(keys, tickers, lengths, kept.columns if kept else columns), self, keys, kept)

    def compute(
        self, panel: BarPanel, keys: Sequence[_Key], versions: Mapping[str, str], compute: Compute
    ) -> dict[str, FloatArray]:
        """Compute columns of a panel, taking over from other sets the symbols that did not change."""
        values = {name: np.empty(len(panel.bars)) for name in versions}
        sets = list(self._sets())
        held = {name: _takeover(sets, _file_of(name, version)) for name, version in versions.items()}
        for position, (_, _, bars) in enumerate(panel):
            rows = slice(int(panel.starts[position]), int(panel.starts[position + 1]))
            missing = []
            for name, known in held.items():
                if keys[position] in known:
                    values[name][rows] = known[keys[position]]
                else:
                    missing.append(name)
            if missing and len(bars):
                computed = compute(bars, missing)
                for name in missing:
                    values[name][rows] = computed[name]
        return values

    def _sets(self) -> Iterator[_Stored]:
        """Yield the sound sets of this code, the one used last first."""
        for folder in _newest_first(self._folder):
            stored = self._open(folder)
            if stored is not None:
                yield stored

    def _open(self, folder: Path) -> _Stored | None:
        record = read_record(folder / _INDEX)
        if record is None or record["code"] != self._code:
            return None
        ends = np.cumsum([0, *(count for _, _, count in record["symbols"])]).tolist()
        columns = {name: open_column(folder / f"{name}.npy") for name in _BAR_COLUMNS}
        sound = {name: values for name, values in columns.items() if values is not None and len(values) == ends[-1]}
        if len(sound) < len(columns):
            return None
        keys = [(key, fingerprint) for key, fingerprint, _ in record["symbols"]]
        return _Stored(folder, dict(zip(keys, map(slice, ends, ends[1:]), strict=False)), sound)

    def _assemble(
        self, keys: Sequence[_Key], chosen: Sequence[SymbolRow], read: Read
    ) -> tuple[list[int], dict[str, npt.NDArray[Any]]]:
        """Put the panel together from the set that holds most of it and from what is read; lengths by symbol first."""
        base = max(self._sets(), key=lambda stored: len(stored.rows.keys() & set(keys)), default=None)
        held = {} if base is None else base.rows
        absent = [(key, row) for key, row in zip(keys, chosen, strict=True) if key[1] and key not in held]
        fresh = read([row for _, row in absent]) if absent else None
        bounds = [] if fresh is None else fresh.starts.tolist()
        read_rows = {key: slice(*ends) for (key, _), ends in zip(absent, pairwise(bounds), strict=True)}
        parts = list(_parts(keys, read_rows, held))
        origins: tuple[Columns, Columns] = (_EMPTY if base is None else base.columns, _columns_of(fresh))
        columns = {
            name: _joined([origins[is_fresh][name][rows] for is_fresh, rows in parts], _EMPTY[name])
            for name in _BAR_COLUMNS
        }
        return _lengths({**held, **read_rows}, keys), columns

    def _write(self, keys: Sequence[_Key], lengths: Sequence[int], columns: Columns) -> _Stored | None:
        """Write a set and open it; None where the disk refuses, which costs time and nothing else."""
        name = hashlib.sha256(json.dumps([self._code, list(keys)]).encode()).hexdigest()[:32]
        folder = self._folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for column, values in columns.items():
                write_column(folder / f"{column}.npy", values)
            symbols = [[*key, rows] for key, rows in zip(keys, lengths, strict=True)]
            write_record(folder / _INDEX, {"code": self._code, "symbols": symbols})
        except OSError as error:
            _warn(folder, error)
            return None
        for old in _newest_first(self._folder)[_SETS_KEPT:]:
            shutil.rmtree(old, ignore_errors=True)  # where another process still reads it, the next night removes it
        return self._open(folder)


def _newest_first(root: Path) -> list[Path]:
    ages: list[tuple[int, Path]] = []
    for folder in root.iterdir() if root.is_dir() else ():
        with suppress(FileNotFoundError):  # another process removed it just now
            ages.append((folder.stat().st_mtime_ns, folder))
    return [folder for _, folder in sorted(ages, reverse=True)]


def _takeover(sets: Sequence[_Stored], file: str) -> dict[_Key, FloatArray]:
    """Return a computed column by symbol, of the set used last that has it."""
    for stored in sets:
        values = open_column(stored.folder / file)
        if values is not None:
            return {key: values[rows] for key, rows in stored.rows.items()}
    return {}


def _parts(
    keys: Sequence[_Key], read_rows: Mapping[_Key, slice], held: Mapping[_Key, slice]
) -> Iterator[tuple[bool, slice]]:
    """Yield where the rows of the panel come from, in its order, neighbours merged: read anew or not, and which."""
    for is_fresh, group in groupby(keys, key=read_rows.__contains__):
        runs: list[slice] = []
        for key in group:
            _append(runs, (read_rows if is_fresh else held).get(key, _NO_ROWS))
        yield from ((is_fresh, rows) for rows in runs)


def _append(runs: list[slice], rows: slice) -> None:
    if rows.start == rows.stop:
        return
    if runs and runs[-1].stop == rows.start:
        rows = slice(runs.pop().start, rows.stop)
    runs.append(rows)


def _gather(values: npt.NDArray[Any], runs: Sequence[slice]) -> npt.NDArray[Any]:
    return _joined([values[rows] for rows in runs], values[:0])


def _joined(parts: Sequence[npt.NDArray[Any]], empty: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return one array, a view where there is one part."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else empty


def _columns_of(panel: BarPanel | None) -> Columns:
    return _EMPTY if panel is None else {name: getattr(panel.bars, name) for name in _BAR_COLUMNS}


def _lengths(rows: Mapping[_Key, slice], keys: Sequence[_Key]) -> list[int]:
    return [part.stop - part.start for part in (rows.get(key, _NO_ROWS) for key in keys)]


def _panel(keys: Sequence[_Key], tickers: tuple[str, ...], lengths: Sequence[int], columns: Columns) -> BarPanel:
    starts = np.cumsum([0, *lengths], dtype=np.int64)
    return BarPanel(np.array([key for key, _ in keys], dtype=np.int64), tickers, starts, Bars(**columns))


def _file_of(name: str, version: str) -> str:
    return f"computed_{name}_{hashlib.sha256(version.encode()).hexdigest()[:16]}.npy"


def _warn(path: Path, error: OSError) -> None:
    _log.warning(
        "The panel cannot be kept in %s: %s. Make room or set paths.var; until then it is read anew.", path, error
    )
