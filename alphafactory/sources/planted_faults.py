"""Faulty bars planted in a simulated market, so that a newcomer sees the quality gate at work.

Goes in: a clean batch, a seed and a number a year. Comes out: the batch with faults, the same ones on every night.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.bars import BAR_FIELDS

if TYPE_CHECKING:
    from alphafactory.config_sources import SyntheticSettings
    from alphafactory.domain.arrays import DateArray, IntArray
    from alphafactory.domain.bars import BarBatch

_KINDS = 5
_SESSIONS_OF_ANY_MONTH = 15
"""Every month has at least so many sessions, so a fault falls on the same one whatever the night."""


def plant_faults(clean: BarBatch, sessions: DateArray, settings: SyntheticSettings, spared: str) -> BarBatch:
    """Return the batch with `settings.faults` faulty bars in each calendar year; the symbol `spared` gets none.

    `sessions` are all since the market's start. A fault outside the batch is left out.
    """
    if settings.faults == 0 or len(clean) == 0:
        return clean
    columns = {name: getattr(clean, name).copy() for name in BAR_FIELDS}
    repeated: list[int] = []
    years = clean.sessions.astype("datetime64[Y]").astype(np.int64) + 1970
    for year in np.unique(years).tolist():
        draws = np.random.default_rng([settings.seed, 9, year]).random((settings.faults, 3))
        for number, draw in enumerate(draws.tolist()):
            row = _row_of(clean, _session_of(sessions, year, draw), draw[2], spared)
            if row is None:
                continue
            if number % _KINDS == _KINDS - 1:
                repeated.append(row)
            else:
                _spoil(columns, row, number % _KINDS)
    return _with_repeated(replace(clean, **columns), np.array(repeated, dtype=np.int64))


def _session_of(sessions: DateArray, year: int, draw: list[float]) -> np.datetime64:
    """Return the session that a draw of month and ordinal falls on, NaT while the market has not come to it."""
    month = np.datetime64(f"{year}-{int(draw[0] * 12) + 1:02d}", "M")
    position = int(np.searchsorted(sessions, month.astype("datetime64[D]"))) + int(draw[1] * _SESSIONS_OF_ANY_MONTH)
    return sessions[position] if position < len(sessions) else np.datetime64("NaT", "D")


def _row_of(clean: BarBatch, session: np.datetime64, draw: float, spared: str) -> int | None:
    """Return the row of the session's symbol that a draw falls on, None where the batch has no such session."""
    rows = np.flatnonzero(clean.sessions == session)
    rows = rows[[clean.tickers[code] != spared for code in clean.codes[rows].tolist()]]
    return int(rows[int(draw * len(rows))]) if len(rows) else None


def _spoil(columns: dict[str, np.ndarray], row: int, kind: int) -> None:
    """Make a bar faulty: high below the rest, low above the rest, a negative volume, or a missing close."""
    if kind == 0:
        columns["high"][row] = round(float(columns["low"][row]) * 0.99, 2)
    elif kind == 1:
        columns["low"][row] = round(float(columns["high"][row]) * 1.01, 2)
    elif kind == 2:  # noqa: PLR2004  the kinds in the order of the docstring
        columns["volume"][row] = -columns["volume"][row]
    else:
        columns["close"][row] = np.nan


def _with_repeated(batch: BarBatch, rows: IntArray) -> BarBatch:
    """Return the batch with the given rows repeated at a close one cent higher."""
    if len(rows) == 0:
        return batch
    whole = batch.take(np.concatenate([np.arange(len(batch)), rows]))
    whole.close[len(batch) :] += 0.01
    return whole.ordered()
