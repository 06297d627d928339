"""A row with a price or a volume that is missing or infinite."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.bars import BAR_FIELDS
from alphafactory.domain.findings import Severity
from alphafactory.quality.rule import DeliveryRule, Screened, payload_at, session_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.bars import BarBatch
    from alphafactory.domain.market import RejectedRow


class NotANumber(DeliveryRule):
    """Takes out rows with a NaN or an infinite number."""

    name: ClassVar[str] = "not_a_number"
    severity: ClassVar[Severity] = Severity.ERROR
    quarantines: ClassVar[bool] = True
    reason: ClassVar[str] = "One missing price poisons every indicator after it for ever."
    remedy: ClassVar[str] = "Fill the cell in the source, or remove the row if the symbol did not trade."

    def screen(self, delivered: BarBatch, rejected: Sequence[RejectedRow]) -> Screened:  # noqa: ARG002  bars alone
        """Return the rows whose five numbers are all finite, and one finding for each other row."""
        finite = np.logical_and.reduce([np.isfinite(getattr(delivered, name)) for name in BAR_FIELDS])
        findings = []
        for row in np.flatnonzero(~finite).tolist():
            empty = [name for name in BAR_FIELDS if not np.isfinite(getattr(delivered, name)[row])]
            message = f"{', '.join(empty)} {'is' if len(empty) == 1 else 'are'} no finite number"
            ticker = delivered.tickers[delivered.codes[row]]
            findings.append(self.finding(ticker, message, session_at(delivered, row), payload_at(delivered, row)))
        return Screened(finite, findings)
