"""The table of verdicts: one row for each version of a strategy, kind of question and evidence."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb
from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

_FOUND = """
SELECT v.strategy_id FROM verdicts v JOIN unnest(CAST(:ids AS int[]), CAST(:hashes AS text[]))
AS w(strategy_id, evidence_hash) USING (strategy_id, evidence_hash) WHERE v.kind = 'audit'
"""
_RENEW = """
UPDATE verdicts v SET audited_at = clock_timestamp()
FROM unnest(CAST(:ids AS int[]), CAST(:hashes AS text[])) AS w(strategy_id, evidence_hash),
    (SELECT strategy_id, max(audited_at) AS newest FROM verdicts WHERE kind = 'audit' GROUP BY strategy_id) n
WHERE v.kind = 'audit' AND (v.strategy_id, v.evidence_hash) = (w.strategy_id, w.evidence_hash)
    AND n.strategy_id = v.strategy_id AND v.audited_at < n.newest
"""
_NEWEST = """
SELECT DISTINCT ON (v.strategy_id) v.*, s.name AS strategy, s.version AS strategy_version
FROM verdicts v JOIN strategies s ON s.id = v.strategy_id
WHERE v.kind = 'audit' AND v.strategy_id = ANY(:ids) ORDER BY v.strategy_id, v.audited_at DESC, v.id DESC
"""


@dataclass(frozen=True, slots=True)
class VerdictRecord:
    """A verdict on its way to the table; fields as the columns of `verdicts`."""

    strategy_id: int
    kind: str
    evidence_hash: str
    passed: bool
    errors: int
    warnings: int
    findings: Sequence[Mapping[str, Any]]
    params: Mapping[str, Any]
    symbols: Sequence[str]
    cuts: int
    disturbances: int
    warm_up_declared: int | None
    warm_up_median: float | None
    warm_up_high: float | None
    warm_up_worst: int | None
    warm_up_never: float | None
    seconds: float
    job_run_id: int | None
    code_version: str


def upsert_verdict(connection: Connection, record: VerdictRecord) -> None:
    """Write a verdict; the same evidence of the same version again takes the place of what stood there."""
    names = [field.name for field in fields(VerdictRecord)]
    values = {name: getattr(record, name) for name in names}
    values |= {"findings": Jsonb(list(record.findings)), "params": Jsonb(dict(record.params))}
    values["symbols"] = list(record.symbols)
    key = {"strategy_id", "kind", "evidence_hash"}
    changes = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key)
    changes += ", audited_at = clock_timestamp()"
    statement = (
        f"INSERT INTO verdicts ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)}) "  # noqa: S608  our own column names
        f"ON CONFLICT (strategy_id, kind, evidence_hash) DO UPDATE SET {changes}"
    )
    connection.execute(text(statement), values)


def read_audited(connection: Connection, evidence: Mapping[int, str]) -> set[int]:
    """Return the versions of which this very evidence (version's key: hash) has been judged.

    Where other evidence was judged since, this one's verdict becomes the newest again.
    """
    values = {"ids": list(evidence), "hashes": list(evidence.values())}
    connection.execute(text(_RENEW), values)
    return {int(key) for key in connection.execute(text(_FOUND), values).scalars()}


def read_verdicts(connection: Connection, strategy_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Return the newest audit of each of these versions that has one."""
    found = connection.execute(text(_NEWEST), {"ids": list(strategy_ids)}).mappings()
    return {int(row["strategy_id"]): dict(row) for row in found}
