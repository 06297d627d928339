"""The table of quality findings: one row a broken rule, opened, closed when it is found no more, judged by a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.types.json import Jsonb
from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy import Connection

    from alphafactory.domain.findings import Finding

_WRITE = """
INSERT INTO quality_findings
    (rule, severity, subject, symbol_id, timeframe, session, message, payload, quarantined, found_at)
SELECT DISTINCT ON (rule, subject, session)
    rule, severity, subject, symbol_id, '1d', session, message, payload, quarantined, :moment
FROM unnest(CAST(:rules AS text[]), CAST(:severities AS text[]), CAST(:subjects AS text[]), CAST(:ids AS int[]),
    CAST(:sessions AS date[]), CAST(:messages AS text[]), CAST(:payloads AS jsonb[]), CAST(:quarantined AS bool[]))
    AS f(rule, severity, subject, symbol_id, session, message, payload, quarantined)
ON CONFLICT (rule, subject, timeframe, session) DO UPDATE SET
    severity = excluded.severity, symbol_id = excluded.symbol_id, message = excluded.message,
    payload = excluded.payload, quarantined = excluded.quarantined, closed_at = NULL,
    found_at = CASE WHEN quality_findings.closed_at IS NULL THEN quality_findings.found_at ELSE excluded.found_at END
WHERE (quality_findings.severity, quality_findings.symbol_id, quality_findings.message, quality_findings.payload,
    quality_findings.quarantined) IS DISTINCT FROM
    (excluded.severity, excluded.symbol_id, excluded.message, excluded.payload, excluded.quarantined)
    OR quality_findings.closed_at IS NOT NULL
"""
_CLOSE = """
UPDATE quality_findings q SET closed_at = :moment
WHERE q.closed_at IS NULL AND q.rule = ANY(:rules) AND (:everything OR q.subject = ANY(:subjects)) AND NOT EXISTS (
    SELECT 1 FROM unnest(CAST(:kept_rules AS text[]), CAST(:kept_subjects AS text[]), CAST(:kept_sessions AS date[]))
        AS k(rule, subject, session)
    WHERE k.rule = q.rule AND k.subject = q.subject AND k.session IS NOT DISTINCT FROM q.session
)
"""
_QUARANTINED = """
SELECT symbol_id, session FROM quality_findings
WHERE quarantined AND closed_at IS NULL AND judgement IS DISTINCT FROM 'accepted'
    AND symbol_id IS NOT NULL AND session IS NOT NULL
ORDER BY symbol_id, session
"""


def upsert_findings(
    connection: Connection,
    found: Sequence[Finding],
    symbol_ids: Mapping[str, int],
    *,
    rules: Sequence[str],
    subjects: Sequence[str] | None,
    moment: datetime,
) -> int:
    """Write what `rules` found on `subjects` (None: on anything), close what they find no more; return rows touched.

    Findings are dated by `moment`, as bars are, so that a past date can tell which version of a bar they speak of.
    """
    closing = {
        "moment": moment,
        "rules": list(rules),
        "everything": subjects is None,
        "subjects": list(subjects or ()),
        "kept_rules": [f.rule for f in found],
        "kept_subjects": [f.subject for f in found],
        "kept_sessions": [f.session for f in found],
    }
    closed = connection.execute(text(_CLOSE), closing).rowcount
    if not found:
        return closed
    values = {
        "moment": moment,
        "rules": [f.rule for f in found],
        "severities": [str(f.severity) for f in found],
        "subjects": [f.subject for f in found],
        "ids": [symbol_ids.get(f.subject) for f in found],
        "sessions": [f.session for f in found],
        "messages": [f.message for f in found],
        "payloads": [Jsonb(f.payload) for f in found],
        "quarantined": [f.quarantined for f in found],
    }
    return closed + connection.execute(text(_WRITE), values).rowcount


def read_quarantined(connection: Connection) -> dict[int, list[date]]:
    """Return the quarantined sessions of each symbol."""
    sessions: dict[int, list[date]] = {}
    for key, session in connection.execute(text(_QUARANTINED)):
        sessions.setdefault(int(key), []).append(session)
    return sessions
