"""The source `csv`: prices from one long file, or from a folder of one file a ticker.

Goes in: the section `sources.csv` of the config. Comes out: a `Delivery`. The steps of a fetch:

1. Recognise each file's columns, read them, and turn words into numbers, sessions and tickers (`files.py`); rows with a
   word that means nothing are kept as rejected rows.
2. Undo the split adjustment where the prices have it and the splits are known.
3. Read dividends from their file, or take them from the adjusted close.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.market import Delivery, Listing
from alphafactory.errors import SourceError, SourceUnavailableError
from alphafactory.sources.actions import amount_as_paid, as_traded, implied_dividends, split_factors
from alphafactory.sources.base import BulkSource, Progress
from alphafactory.sources.files import FileBars, price_files, read_bars
from alphafactory.sources.records import read_dividends, read_listings, read_splits
from alphafactory.sources.selection import only_tickers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from alphafactory.config_sources import CsvSettings
    from alphafactory.domain.bars import BarBatch
    from alphafactory.domain.market import Dividend, RejectedRow, Split


class CsvSource(BulkSource):
    """Prices from files: Yahoo's, Stooq's and plain columns are recognised, others are named in the config."""

    name: ClassVar[str] = "csv"
    description: ClassVar[str] = "prices from CSV or Parquet files"

    def __init__(self, settings: CsvSettings) -> None:
        self.settings = settings

    def check_available(self) -> None:
        """Return if the files are there; errors as `Source.check_available`."""
        if self.settings.path is None:
            raise SourceUnavailableError("csv: no file is named. Write its path into the config: sources.csv.path.")
        price_files(self.settings.path)
        for path in self._side_files():
            if not path.is_file():
                raise SourceError(f"{path}: there is no such file. Correct the path in the config (sources.csv).")

    def stamp(self, as_of: date) -> str | None:
        """Return a hash of all files' contents, the settings except paths, this source's code and the day."""
        self.check_available()
        whole = hashlib.sha256(as_of.isoformat().encode())
        paths = {"path", "symbols_path", "splits_path", "dividends_path"}
        whole.update(self.settings.model_dump_json(exclude=paths).encode())
        code = sorted(Path(__file__).parent.glob("*.py"))
        for path in (*self._price_files(), *self._side_files(), *code):
            try:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            except OSError as error:
                raise SourceError(f"{path}: the file cannot be read ({error}). Check its permissions.") from error
            whole.update(f"{path.name}:{content}\n".encode())
        return whole.hexdigest()

    def fetch(self, as_of: date, tickers: Sequence[str] | None = None, progress: Progress | None = None) -> Delivery:
        """Deliver every bar of the files; those dated after `as_of` are judged by the quality gate.

        Raises:
            SourceError: A file is missing, damaged or lacks a column, or no row at all could be read.
        """
        self.check_available()
        found = read_bars(self._price_files(), self.settings, progress)
        if tickers is not None:
            found = _only(found, frozenset(tickers))
        splits, dividends = self._actions(frozenset(tickers) if tickers is not None else None)
        sessions = found.batch.sessions[found.batch.sessions <= np.datetime64(as_of, "D")]
        newest: date | None = sessions.max().item() if len(sessions) else None
        batch, dividends, refused = self._on_raw_basis(found, splits, dividends, newest or as_of)
        return Delivery(
            source=self.name,
            simulated=self.simulated,
            bars=batch,
            listings=self._listings(batch, tickers),
            newest_session=newest,
            splits=tuple(splits),
            dividends=dividends,
            rejected=(*found.rejected, *refused),
        )

    def _price_files(self) -> list[Path]:
        return price_files(self.settings.path) if self.settings.path is not None else []

    def _side_files(self) -> list[Path]:
        chosen = (self.settings.symbols_path, self.settings.splits_path, self.settings.dividends_path)
        return [path for path in chosen if path is not None]

    def _actions(self, tickers: frozenset[str] | None) -> tuple[list[Split], tuple[Dividend, ...]]:
        settings = self.settings
        splits = read_splits(settings.splits_path, settings.date_format) if settings.splits_path else []
        dividends = read_dividends(settings.dividends_path, settings.date_format) if settings.dividends_path else []
        if tickers is None:
            return splits, tuple(dividends)
        return [s for s in splits if s.ticker in tickers], tuple(d for d in dividends if d.ticker in tickers)

    def _on_raw_basis(
        self, found: FileBars, splits: Sequence[Split], dividends: Iterable[Dividend], newest: date
    ) -> tuple[BarBatch, tuple[Dividend, ...], Iterable[RejectedRow]]:
        """Return bars as traded, dividends as paid, and the rows whose adjusted close makes no sense."""
        settings = self.settings
        factors = split_factors(found.batch, splits, newest)
        batch = as_traded(found.batch, factors) if settings.basis == "split_adjusted" else found.batch
        if settings.dividends_path is not None:
            if (settings.dividends_basis or settings.basis) == "split_adjusted":
                dividends = (amount_as_paid(dividend, splits, newest) for dividend in dividends)
            return batch, tuple(dividends), ()
        if found.adjusted_close is None or batch.instants is not None:  # dividends go by days
            return batch, (), ()
        implied = implied_dividends(batch, factors, found.adjusted_close)
        refused = [found.reject(row, _SPLIT_UNTOLD) for row in implied.refused.tolist()]
        return batch, implied.dividends, refused

    def _listings(self, batch: BarBatch, tickers: Sequence[str] | None) -> tuple[Listing, ...]:
        settings = self.settings
        known: dict[str, Listing] = {}
        if settings.symbols_path is not None:
            known = read_listings(settings.symbols_path, settings.calendar, settings.date_format)
        if tickers is not None:
            known = {ticker: listing for ticker, listing in known.items() if ticker in set(tickers)}
        plain = {ticker: Listing(ticker, calendar=settings.calendar) for ticker in batch.tickers}
        return tuple(listing for _, listing in sorted({**plain, **known}.items()))


_SPLIT_UNTOLD = (
    "the adjusted close steps by more than half the price, which is a split and no dividend; "
    "name the split in sources.csv.splits_path"
)


def _only(found: FileBars, tickers: frozenset[str]) -> FileBars:
    """Return the bars and rejected rows of the given tickers."""
    batch, rows = only_tickers(found.batch, tickers)
    return replace(
        found,
        batch=batch,
        file_of=found.file_of[rows],
        adjusted_close=found.adjusted_close[rows] if found.adjusted_close is not None else None,
        rejected=tuple(row for row in found.rejected if row.ticker is None or row.ticker in tickers),
    )
