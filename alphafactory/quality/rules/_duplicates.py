"""Rows that stand for the same symbol and session, as the two duplicate rules see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.bars import BAR_FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alphafactory.domain.arrays import BoolArray, IntArray
    from alphafactory.domain.bars import BarBatch


@dataclass(frozen=True, slots=True)
class SameSession:
    """The rows of one symbol and session, in the source's order, and whether all say the same."""

    rows: IntArray
    identical: bool


def same_sessions(delivered: BarBatch) -> Iterator[SameSession]:
    """Yield every symbol and session (intraday: opening instant) that has more than one row of finite numbers."""
    finite = np.logical_and.reduce([np.isfinite(getattr(delivered, name)) for name in BAR_FIELDS])
    usable = np.flatnonzero(finite)
    codes, times = delivered.codes[usable], delivered.times[usable]
    if _strictly_ordered(codes, times.astype(np.int64)):
        return
    rows = usable[np.lexsort((times, codes))]
    repeats = (np.diff(delivered.codes[rows]) == 0) & (np.diff(delivered.times[rows]).astype(np.int64) == 0)
    equal = np.logical_and.reduce([np.diff(getattr(delivered, name)[rows]) == 0 for name in BAR_FIELDS])
    starts = np.flatnonzero(np.concatenate(([True], ~repeats)))
    ends = np.append(starts[1:], len(rows))
    # A session's rows are all the same when each equals the one before it; its first row has none before it.
    contradictions = np.concatenate(([0], np.cumsum(repeats & ~equal)))
    several = np.flatnonzero(ends - starts > 1)
    for start, end in zip(starts[several].tolist(), ends[several].tolist(), strict=True):
        yield SameSession(rows[start:end], bool(contradictions[end - 1] == contradictions[start]))


def _strictly_ordered(codes: IntArray, days: IntArray) -> bool:
    """Return whether no two rows can be of one symbol and session, because each comes after the one before."""
    step = np.diff(codes)
    return bool(np.all((step > 0) | ((step == 0) & (np.diff(days) > 0))))


def first_only(delivered: BarBatch, groups: list[SameSession]) -> BoolArray:
    """Return the mask, shape (n,), of the rows that stay when each group keeps its first."""
    kept = np.ones(len(delivered), dtype=np.bool_)
    if groups:
        kept[np.concatenate([group.rows[1:] for group in groups])] = False
    return kept
