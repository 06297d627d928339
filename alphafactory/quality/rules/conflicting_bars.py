"""Two rows of one symbol and session that contradict each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from alphafactory.domain.findings import Severity
from alphafactory.quality.rule import DeliveryRule, Screened, payload_at, session_at
from alphafactory.quality.rules._duplicates import first_only, same_sessions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.bars import BarBatch
    from alphafactory.domain.market import RejectedRow


class ConflictingBars(DeliveryRule):
    """Keeps the first of several contradicting rows, and quarantines its session."""

    name: ClassVar[str] = "conflicting_bars"
    severity: ClassVar[Severity] = Severity.ERROR
    quarantines: ClassVar[bool] = True
    reason: ClassVar[str] = "The source tells two stories of one session; nobody can say which is true."
    remedy: ClassVar[str] = "Compare with another vendor and remove the wrong row from the source."

    def screen(self, delivered: BarBatch, rejected: Sequence[RejectedRow]) -> Screened:  # noqa: ARG002  bars alone
        """Return the rows with the first of each conflict, and one finding a symbol and session with all its rows."""
        groups = [group for group in same_sessions(delivered) if not group.identical]
        findings = []
        for group in groups:
            rows = group.rows.tolist()
            closes = ", ".join(f"{delivered.close[row]:.10g}" for row in rows)
            findings.append(
                self.finding(
                    delivered.tickers[delivered.codes[rows[0]]],
                    f"the bar stands {len(rows)} times and not the same (closes {closes})",
                    session_at(delivered, rows[0]),
                    {"rows": [payload_at(delivered, row) for row in rows]},
                )
            )
        return Screened(first_only(delivered, groups), findings)
