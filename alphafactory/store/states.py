"""What has been done already: fingerprints of series and stamps of sources, so that an unchanged night does nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from sqlalchemy import Connection

Stage = Literal["gate", "indicators"]
_WRITE = """
INSERT INTO series_states (symbol_id, timeframe, {column})
SELECT symbol_id, '1d', fingerprint
FROM unnest(CAST(:ids AS int[]), CAST(:prints AS text[])) AS s(symbol_id, fingerprint)
ON CONFLICT (symbol_id, timeframe) DO UPDATE SET {column} = excluded.{column}
WHERE series_states.{column} IS DISTINCT FROM excluded.{column}
"""
_WRITE_SOURCE = """
INSERT INTO source_states (source, stamp, newest_session, rejected_rows)
VALUES (:source, :stamp, :newest_session, :rejected_rows)
ON CONFLICT (source) DO UPDATE SET stamp = excluded.stamp, newest_session = excluded.newest_session,
    rejected_rows = excluded.rejected_rows, delivered_at = clock_timestamp()
"""


@dataclass(frozen=True, slots=True)
class SourceState:
    """What a source last delivered from, how far it went, and how many rows could not be read."""

    stamp: str
    newest_session: date | None
    rejected_rows: int


def read_series_states(connection: Connection, stage: Stage) -> dict[int, str]:
    """Return the fingerprint at which each series last went through a stage."""
    query = text(f"SELECT symbol_id, {stage}_fingerprint FROM series_states WHERE timeframe = '1d'")  # noqa: S608  a literal
    return {int(key): str(value) for key, value in connection.execute(query) if value is not None}


def write_series_states(connection: Connection, stage: Stage, fingerprints: Mapping[int, str]) -> None:
    """Note that these series went through a stage at these fingerprints."""
    statement = text(_WRITE.format(column=f"{stage}_fingerprint"))
    connection.execute(statement, {"ids": list(fingerprints), "prints": list(fingerprints.values())})


def read_source_state(connection: Connection, source: str) -> SourceState | None:
    """Return what the source last delivered, None before its first time."""
    query = text("SELECT stamp, newest_session, rejected_rows FROM source_states WHERE source = :source")
    row = connection.execute(query, {"source": source}).one_or_none()
    return None if row is None else SourceState(*row)


def write_source_state(connection: Connection, source: str, state: SourceState) -> None:
    """Note what the source has delivered."""
    values = {"stamp": state.stamp, "newest_session": state.newest_session, "rejected_rows": state.rejected_rows}
    connection.execute(text(_WRITE_SOURCE), {"source": source, **values})
