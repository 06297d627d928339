"""A finding: one rule broken by one bar, series, file or plug-in."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from alphafactory.domain.market import Payload


class Severity(StrEnum):
    """How bad: an error is quarantined, a warning is used with care, a note is worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """`rule` was broken by `subject`: a ticker, a file, a plug-in.

    `session` names the bar, None for a whole series or file. `evidence` is the session whose close first shows the
    fault where that is later than `session` (a spike is one only once it reverses): a night as of an earlier date does
    not know of it. `message` is one plain sentence with the offending values, `payload` the values themselves. A
    quarantined bar is never used by anything downstream.
    """

    rule: str
    severity: Severity
    subject: str
    message: str
    session: date | None = None
    payload: Payload = field(default_factory=dict)
    quarantined: bool = False
    evidence: date | None = None


def quarantine_in_words(found: Sequence[Finding]) -> str:
    """Say how many findings keep bars from being used, and the first of them; empty where none does."""
    kept = [finding for finding in found if finding.quarantined]
    if not kept:
        return ""
    first = min(kept, key=lambda finding: (finding.subject, str(finding.session)))
    return f" {len(kept)} quarantined, the first: {first.subject} {first.session or ''}: {first.message}"
