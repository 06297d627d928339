"""Verdicts as the report shows them: rows of the table in, rows of a page out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alphafactory.reports.contexts import AuditFindingRow, AuditRow
from alphafactory.store import verdicts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alphafactory.store.database import Connection


def read_audit_rows(connection: Connection, strategy_ids: Sequence[int]) -> dict[int, AuditRow]:
    """Return the newest audit of each of these versions of strategies, where there is one."""
    found = verdicts.read_verdicts(connection, sorted({key for key in strategy_ids if key is not None}))
    return {key: audit_row(row) for key, row in found.items()}


def audit_row(row: Mapping[str, Any]) -> AuditRow:
    """Return a verdict as pages show it, its errors first."""
    findings = sorted(row["findings"], key=lambda finding: finding["severity"] != "error")
    return AuditRow(
        strategy=row["strategy"],
        version=row["strategy_version"],
        passed=row["passed"],
        cuts=row["cuts"],
        disturbances=row["disturbances"],
        symbols=tuple(row["symbols"]),
        declared=row["warm_up_declared"],
        median=row["warm_up_median"],
        high=row["warm_up_high"],
        worst=row["warm_up_worst"],
        never=row["warm_up_never"],
        findings=tuple(
            AuditFindingRow(
                one["check"].replace("_", " "), one["severity"], one["message"], one["symbol"], one["session"]
            )
            for one in findings
        ),
    )
