"""The tables of findings and judgements: a fault is opened, closed when it is found no more, judged by a person.

A finding is a version of what is said of a bar or series: it holds from `known_at` to `closed_at`, and other words or
values are another version, which begins where the one before it ends. What a person judges sticks as long as the values
stay the same; other values are to be judged anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from psycopg.types.json import Jsonb
from sqlalchemy import text

from alphafactory.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy import Connection

    from alphafactory.domain.findings import Finding
    from alphafactory.domain.timeframes import Timeframe

Verdict = Literal["accepted", "rejected"]
_FOUND = """
unnest(CAST(:rules AS text[]), CAST(:severities AS text[]), CAST(:subjects AS text[]), CAST(:ids AS int[]),
    CAST(:sessions AS date[]), CAST(:messages AS text[]), CAST(:payloads AS jsonb[]), CAST(:quarantined AS bool[]),
    CAST(:evidence AS date[]), CAST(:known AS timestamptz[]))
    AS f(rule, severity, subject, symbol_id, session, message, payload, quarantined, evidence, known_at)
"""
_CLOSE = f"""
UPDATE quality_findings q SET closed_at = :moment
WHERE q.closed_at IS NULL AND q.timeframe = :timeframe AND q.rule = ANY(:applied)
    AND (:everything OR q.subject = ANY(:covered))
    AND (CAST(:first AS date) IS NULL OR q.session BETWEEN :first AND :last)
    AND NOT EXISTS (
        SELECT 1 FROM {_FOUND}
        WHERE f.rule = q.rule AND f.subject = q.subject AND f.session IS NOT DISTINCT FROM q.session
            AND (f.severity, f.symbol_id, f.message, f.payload, f.quarantined)
                IS NOT DISTINCT FROM (q.severity, q.symbol_id, q.message, q.payload, q.quarantined)
    )
"""  # noqa: S608  only our own words are put in
_WRITE = f"""
INSERT INTO quality_findings
    (rule, severity, subject, symbol_id, timeframe, session, message, payload, quarantined, evidence, known_at,
    found_at)
SELECT DISTINCT ON (rule, subject, session)
    rule, severity, subject, symbol_id, :timeframe, session, message, payload, quarantined, evidence,
    greatest(known_at, (
        SELECT max(o.closed_at) FROM quality_findings o WHERE o.rule = f.rule AND o.subject = f.subject
            AND o.timeframe = :timeframe AND o.session IS NOT DISTINCT FROM f.session
    )), :moment
FROM {_FOUND}
ON CONFLICT (rule, subject, timeframe, session) WHERE closed_at IS NULL DO NOTHING
RETURNING id
"""  # noqa: S608  only our own words are put in
_STICK = """
WITH judged AS (
    SELECT DISTINCT ON (n.id) n.id, j.verdict, j.note, j.judged_at
    FROM quality_findings n
    JOIN quality_findings o ON o.rule = n.rule AND o.subject = n.subject AND o.timeframe = n.timeframe
        AND o.session IS NOT DISTINCT FROM n.session AND o.id < n.id AND o.payload = n.payload
    JOIN quality_judgements j ON j.finding_id = o.id
    WHERE n.id = ANY(:new) ORDER BY n.id, j.judged_at DESC, j.id DESC
), kept AS (
    INSERT INTO quality_judgements (finding_id, verdict, note, judged_at)
    SELECT id, verdict, note, judged_at FROM judged
)
UPDATE quality_findings q SET judgement = j.verdict, judged_at = j.judged_at FROM judged j WHERE j.id = q.id
"""
_READ = """
SELECT f.id, f.severity, f.rule, f.subject, f.session, f.message, f.payload,
    CASE j.verdict WHEN 'accepted' THEN false WHEN 'rejected' THEN true ELSE f.quarantined END AS quarantined,
    j.verdict AS judgement, j.judged_at, f.found_at, f.known_at
FROM quality_findings f
LEFT JOIN LATERAL (
    SELECT verdict, judged_at FROM quality_judgements
    WHERE finding_id = f.id AND (CAST(:cutoff AS timestamptz) IS NULL OR judged_at <= :cutoff)
    ORDER BY judged_at DESC, id DESC LIMIT 1
) j ON true
WHERE (CAST(:ticker AS text) IS NULL OR f.subject = :ticker)
    AND (CAST(:cutoff AS timestamptz) IS NULL OR f.known_at <= :cutoff)
    AND (f.closed_at IS NULL OR f.closed_at > :cutoff)
ORDER BY array_position(ARRAY['error', 'warning', 'note'], f.severity), f.subject, f.session NULLS FIRST, f.rule
"""

OPEN_THEN = """
SELECT f.rule, f.severity, f.subject, f.symbol_id, f.session, f.message, f.payload, coalesce((
    SELECT j.verdict = 'rejected' FROM quality_judgements j WHERE j.finding_id = f.id AND j.judged_at <= :cutoff
    ORDER BY j.judged_at DESC, j.id DESC LIMIT 1
), f.quarantined) AS quarantined
FROM quality_findings f
WHERE f.known_at <= :cutoff AND (f.closed_at IS NULL OR f.closed_at > :cutoff)
"""
"""The findings that were open at a moment; whether each keeps its bar out is a person's word of then, or the rule's."""
_COUNT_QUARANTINED = f"""
SELECT count(DISTINCT (symbol_id, session)) FROM ({OPEN_THEN}) o
WHERE quarantined AND session IS NOT NULL AND symbol_id = ANY(:ids)
"""  # noqa: S608  only our own words are put in


def upsert_findings(
    connection: Connection,
    found: Sequence[Finding],
    symbol_ids: Mapping[str, int],
    *,
    rules: Sequence[str],
    subjects: Sequence[str] | None,
    moment: datetime,
    known_at: Sequence[datetime] | None = None,
    span: tuple[date, date] | None = None,
    timeframe: Timeframe = "1d",
) -> int:
    """Write what `rules` found on `subjects` (None: on anything), close what they find no more; return rows touched.

    Args:
        connection: an open transaction.
        found: the findings.
        symbol_ids: the key of each subject that is a symbol.
        rules: names of the rules that were asked.
        subjects: what they were asked about.
        moment: aware UTC; when the judging became known.
        known_at: for each finding when the world could know of it, by default `moment`.
        span: the sessions that were looked at, where not all were.
        timeframe: of the bars; a fault of an intraday bar says nothing of the day's.
    """
    values = {
        "moment": moment,
        "timeframe": timeframe,
        "applied": list(rules),
        "everything": subjects is None,
        "covered": list(subjects or ()),
        "first": span[0] if span else None,
        "last": span[1] if span else None,
        "rules": [f.rule for f in found],
        "severities": [str(f.severity) for f in found],
        "subjects": [f.subject for f in found],
        "ids": [symbol_ids.get(f.subject) for f in found],
        "sessions": [f.session for f in found],
        "messages": [f.message for f in found],
        "payloads": [Jsonb(f.payload) for f in found],
        "quarantined": [f.quarantined for f in found],
        "evidence": [f.evidence for f in found],
        "known": list(known_at) if known_at is not None else [moment] * len(found),
    }
    closed = connection.execute(text(_CLOSE), values).rowcount
    if not found:
        return closed
    new = list(connection.execute(text(_WRITE), values).scalars())
    if new:
        connection.execute(text(_STICK), {"new": new})
    return closed + len(new)


def read_findings(
    connection: Connection, ticker: str | None = None, cutoff: datetime | None = None
) -> list[dict[str, Any]]:
    """Return the findings that were open at `cutoff`, by default now, the worst first, all or those of one subject.

    Judgements of that time are counted in.
    """
    found = connection.execute(text(_READ), {"ticker": ticker, "cutoff": cutoff})
    return [dict(row) for row in found.mappings()]


def read_verdicts(connection: Connection) -> dict[str, list[str]]:
    """Return by subject what persons have said of its open findings, one line each."""
    query = text(
        "SELECT subject, concat_ws(' ', rule, session, judgement) FROM quality_findings "
        "WHERE closed_at IS NULL AND judgement IS NOT NULL ORDER BY subject, rule, session"
    )
    verdicts: dict[str, list[str]] = {}
    for subject, words in connection.execute(query):
        verdicts.setdefault(str(subject), []).append(str(words))
    return verdicts


def judge_finding(connection: Connection, key: int, verdict: Verdict, note: str, moment: datetime) -> dict[str, Any]:
    """Write a person's judgement of an open finding and return the finding; raise `UnknownNameError` without one."""
    update = text(
        "UPDATE quality_findings SET judgement = :verdict, judged_at = :moment WHERE id = :id AND closed_at IS NULL "
        "RETURNING id, rule, subject, session, message, quarantined"
    )
    found = connection.execute(update, {"id": key, "verdict": verdict, "moment": moment}).mappings().one_or_none()
    if found is None:
        known = connection.execute(text("SELECT id FROM quality_findings WHERE closed_at IS NULL ORDER BY id LIMIT 50"))
        raise UnknownNameError("open finding", str(key), [str(row) for row in known.scalars()])
    insert = text(
        "INSERT INTO quality_judgements (finding_id, verdict, note, judged_at) VALUES (:id, :verdict, :note, :moment)"
    )
    connection.execute(insert, {"id": key, "verdict": verdict, "note": note, "moment": moment})
    return dict(found)


def count_quarantined(connection: Connection, symbol_ids: Sequence[int], cutoff: datetime) -> int:
    """Return how many bars of the symbols were not used at `cutoff`; one of now counts those of v_quarantined."""
    values = {"ids": list(symbol_ids), "cutoff": cutoff}
    return int(connection.execute(text(_COUNT_QUARANTINED), values).scalar_one())
