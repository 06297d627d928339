"""Two rows of one symbol and session that say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from alphafactory.domain.findings import Severity
from alphafactory.quality.rule import DeliveryRule, Screened, payload_at, session_at
from alphafactory.quality.rules._duplicates import SameSession, first_only, same_sessions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.bars import BarBatch
    from alphafactory.domain.findings import Finding
    from alphafactory.domain.market import Payload, RejectedRow

_SHOWN = 10


class DuplicateBar(DeliveryRule):
    """Keeps one of several equal rows."""

    name: ClassVar[str] = "duplicate_bar"
    severity: ClassVar[Severity] = Severity.NOTE
    quarantines: ClassVar[bool] = False
    reason: ClassVar[str] = "The source repeats itself; the bar is certain, but the file was put together carelessly."
    remedy: ClassVar[str] = "None is needed: one of the rows is used."

    def screen(self, delivered: BarBatch, rejected: Sequence[RejectedRow]) -> Screened:  # noqa: ARG002  bars alone
        """Return the rows without the repetitions, and one finding a symbol with the first of its repeated bars."""
        groups = [group for group in same_sessions(delivered) if group.identical]
        by_symbol: dict[int, list[SameSession]] = {}
        for group in groups:
            by_symbol.setdefault(int(delivered.codes[group.rows[0]]), []).append(group)
        findings = [self._repeated(delivered, code, repeated) for code, repeated in by_symbol.items()]
        return Screened(first_only(delivered, groups), findings)

    def _repeated(self, delivered: BarBatch, code: int, repeated: list[SameSession]) -> Finding:
        first = repeated[0]
        session = session_at(delivered, int(first.rows[0]))
        message = f"the bar stands {len(first.rows)} times, each time the same"
        if len(repeated) > 1:
            message = f"{len(repeated)} bars stand more than once, each time the same, the first of {session}"
        rows: list[Payload] = [
            {"session": session_at(delivered, row).isoformat(), **payload_at(delivered, row)}
            for group in repeated[:_SHOWN]
            for row in group.rows.tolist()
        ]
        return self.finding(delivered.tickers[code], message, session, {"count": len(repeated), "rows": rows})
