"""Where two answers about the same sessions differ: bit for bit, or beyond what rounding explains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from alphafactory.audit.witness import Answer
    from alphafactory.domain.arrays import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class Difference:
    """The first row in which answers differ: its place, the symbol, the array of signals, and the two values.

    `indicators` are those of the strategy that differ for that symbol in that row or before it.
    """

    row: int
    ticker: str
    array: str
    early: float
    late: float
    indicators: tuple[str, ...]


def first_difference(early: Answer, late: Answer, rows: int, tolerance: float = 0.0) -> Difference | None:
    """Return the first of `rows` rows in which two answers differ for a symbol of both; None where none does.

    With a tolerance of 0 they differ where a bit does, NaN included. An array that only one of them has differs in its
    first number.
    """
    columns = [(ticker, place, late.columns[ticker]) for ticker, place in early.columns.items()]
    first = None
    for name in dict.fromkeys([*early.arrays, *late.arrays]):
        for ticker, mine, theirs in columns:
            one, other = _column(early, name, mine, rows), _column(late, name, theirs, rows)
            differs = differing(one, other, tolerance)
            row = int(differs.argmax())
            if differs[row] and (first is None or row < first.row):
                named = _indicators(early, late, (mine, theirs), row, tolerance)
                first = Difference(row, ticker, name, float(one[row]), float(other[row]), named)
    return first


def differing(one: FloatArray, other: FloatArray, tolerance: float) -> BoolArray:
    """Return where arrays of one shape differ by more than a tolerance; NaN is equal to NaN, 0.0 to -0.0."""
    with np.errstate(invalid="ignore"):  # infinite minus infinite
        near = (one == other) | (np.abs(one - other) <= tolerance)
    return np.asarray(~(near | (np.isnan(one) & np.isnan(other))))


def _column(answer: Answer, name: str, column: int, rows: int) -> FloatArray:
    array = answer.arrays.get(name)
    return np.full(rows, np.nan) if array is None else array[:rows, column]


def _indicators(early: Answer, late: Answer, columns: tuple[int, int], row: int, tolerance: float) -> tuple[str, ...]:
    mine, theirs = columns
    return tuple(
        name
        for name, values in early.indicators.items()
        if differing(values[: row + 1, mine], late.indicators[name][: row + 1, theirs], tolerance).any()
    )
