"""Leaves in a batch only the symbols that were asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection

    from alphafactory.domain.arrays import BoolArray
    from alphafactory.domain.bars import BarBatch


def only_tickers(batch: BarBatch, tickers: Collection[str]) -> tuple[BarBatch, BoolArray]:
    """Return the batch of the given tickers, others unknown to it, and the mask of the rows that stayed."""
    kept = [code for code, ticker in enumerate(batch.tickers) if ticker in tickers]
    new_code = np.full(len(batch.tickers), -1, dtype=np.int64)
    new_code[kept] = np.arange(len(kept))
    rows = new_code[batch.codes] >= 0
    chosen = batch.take(rows)
    return replace(chosen, tickers=tuple(batch.tickers[code] for code in kept), codes=new_code[chosen.codes]), rows
