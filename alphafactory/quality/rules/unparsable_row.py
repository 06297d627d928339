"""A row that could not be read as a bar at all."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.findings import Severity
from alphafactory.quality.rule import DeliveryRule, Screened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.bars import BarBatch
    from alphafactory.domain.market import RejectedRow


class UnparsableRow(DeliveryRule):
    """Reports the rows that a source had to reject, with their words as found."""

    name: ClassVar[str] = "unparsable_row"
    severity: ClassVar[Severity] = Severity.ERROR
    quarantines: ClassVar[bool] = True
    reason: ClassVar[str] = "A cell that should be a number or a date is neither, so the row means nothing."
    remedy: ClassVar[str] = "Correct the row at the given line of the source."

    def screen(self, delivered: BarBatch, rejected: Sequence[RejectedRow]) -> Screened:
        """Return every row, and one finding a rejected row; its session where the row had a readable date."""
        findings = []
        for row in rejected:
            session = row.payload.get("session")
            findings.append(
                self.finding(
                    row.ticker or row.where,
                    f"{row.where}: {row.reason}",
                    date.fromisoformat(session) if isinstance(session, str) else None,
                    {**row.payload, "where": row.where},
                )
            )
        return Screened(np.ones(len(delivered), dtype=np.bool_), findings)
