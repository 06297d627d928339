"""The table of quality scores: one a symbol and night."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb
from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy import Connection

_WRITE = """
INSERT INTO quality_scores (symbol_id, night, score, parts, known_at)
SELECT symbol_id, :night, score, parts, :moment
FROM unnest(CAST(:ids AS int[]), CAST(:scores AS float8[]), CAST(:parts AS jsonb[])) AS s(symbol_id, score, parts)
ON CONFLICT (symbol_id, night) DO UPDATE SET score = excluded.score, parts = excluded.parts,
    known_at = excluded.known_at
WHERE (quality_scores.score, quality_scores.parts) IS DISTINCT FROM (excluded.score, excluded.parts)
"""
_CARRY = """
INSERT INTO quality_scores (symbol_id, night, score, parts, known_at)
SELECT symbol_id, :night, score, parts, :moment FROM (
    SELECT DISTINCT ON (symbol_id) symbol_id, night, score, parts FROM quality_scores
    WHERE symbol_id = ANY(:ids) AND night <= :night ORDER BY symbol_id, night DESC
) newest WHERE night < :night
ON CONFLICT DO NOTHING
"""


def upsert_scores(
    connection: Connection,
    scores: Mapping[int, tuple[float, Mapping[str, Any]]],
    *,
    night: date,
    moment: datetime,
    others: Sequence[int] = (),
) -> None:
    """Write tonight's scores with their parts; the `others`, judged earlier and unchanged, keep theirs for tonight."""
    values = {
        "night": night,
        "moment": moment,
        "ids": list(scores),
        "scores": [score for score, _ in scores.values()],
        "parts": [Jsonb(dict(parts)) for _, parts in scores.values()],
    }
    connection.execute(text(_WRITE), values)
    connection.execute(text(_CARRY), {"ids": list(others), "night": night, "moment": moment})


def read_scores(connection: Connection, symbol_ids: Sequence[int], night: date) -> dict[int, float]:
    """Return the newest score of each symbol up to a night."""
    query = text(
        "SELECT DISTINCT ON (symbol_id) symbol_id, score FROM quality_scores "
        "WHERE symbol_id = ANY(:ids) AND night <= :night ORDER BY symbol_id, night DESC"
    )
    found = connection.execute(query, {"ids": list(symbol_ids), "night": night})
    return {int(key): float(score) for key, score in found}


def read_trends(connection: Connection, symbol_ids: Sequence[int], nights: int) -> dict[int, list[tuple[date, float]]]:
    """Return the scores of each symbol over its last nights, oldest first."""
    query = text(
        "SELECT symbol_id, night, score FROM (SELECT symbol_id, night, score, "
        "row_number() OVER (PARTITION BY symbol_id ORDER BY night DESC) AS age FROM quality_scores "
        "WHERE symbol_id = ANY(:ids)) s WHERE age <= :nights ORDER BY symbol_id, night"
    )
    trends: dict[int, list[tuple[date, float]]] = {}
    for key, night, score in connection.execute(query, {"ids": list(symbol_ids), "nights": nights}):
        trends.setdefault(int(key), []).append((night, float(score)))
    return trends


def read_nights(connection: Connection, symbol_id: int, night: date, most: int) -> list[dict[str, Any]]:
    """Return night, score and parts of a symbol's last `most` nights up to a night, oldest first."""
    query = text(
        "SELECT night, score, parts->'parts' AS parts FROM quality_scores WHERE symbol_id = :key AND night <= :night "
        "ORDER BY night DESC LIMIT :most"
    )
    found = connection.execute(query, {"key": symbol_id, "night": night, "most": most}).mappings()
    return [dict(row) for row in found][::-1]
