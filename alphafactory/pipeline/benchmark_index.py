"""The index that backtests are measured against: a symbol of the tables, as known at the night."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alphafactory.errors import UsageError
from alphafactory.pipeline.aliases import the_symbol
from alphafactory.pipeline.panel import data_fingerprints, read_panel

if TYPE_CHECKING:
    from datetime import datetime

    from alphafactory.domain.bars import Bars
    from alphafactory.store.database import Connection


@dataclass(frozen=True, slots=True)
class BenchmarkIndex:
    """An index by its ticker: its whole history, and the fingerprint of that."""

    ticker: str
    fingerprint: str
    bars: Bars


def read_index(connection: Connection, ticker: str | None, cutoff: datetime) -> BenchmarkIndex | None:
    """Return the index as known at `cutoff`, None where no ticker is given.

    Raises:
        UsageError: no symbol has that ticker, or it has no usable bar.
    """
    if ticker is None:
        return None
    row = the_symbol(connection, ticker)
    found = data_fingerprints(connection, [row.id], cutoff)
    if row.id not in found:
        raise UsageError(
            f"backtest.index: {ticker} has no usable bar. See `python run.py show {ticker}`, or name another index."
        )
    return BenchmarkIndex(ticker, found[row.id], read_panel(connection, [row], cutoff).symbol(0))
