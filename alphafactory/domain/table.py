"""A table as columns: the shape in which results cross processes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

    from alphafactory.domain.arrays import BoolArray, IntArray


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of equal length."""

    def take(self, rows: IntArray | BoolArray) -> Self:
        """Return the chosen rows."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))
