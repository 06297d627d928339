"""Which series changed: versions that triggers keep, and fingerprints that are computed once a version.

Hashing every bar of 800 symbols takes the server most of a second. A statement that touches a series gives it a new
version (migration 0005), whoever runs it, so that only series whose version changed are hashed again:

1. Versions are read first. Whatever changes afterwards has another version the next time.
2. What is kept for that version holds, if it was computed of the same view: seen from `settled_at` or later, no moment
   in the series' rows tells one cutoff from another.
3. The others are computed, and kept if they are seen from such a cutoff.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from alphafactory.domain.timeframes import Timeframe

_HELD = """
SELECT v.symbol_id, v.version, f.fingerprint, f.symbol_id IS NOT NULL AS holds FROM series_versions v
LEFT JOIN series_fingerprints f ON f.symbol_id = v.symbol_id AND f.timeframe = v.timeframe AND f.recipe = :recipe
    AND f.version = v.version AND f.settled_at <= :cutoff
WHERE v.timeframe = :timeframe AND v.symbol_id = ANY(:ids)
"""
_KEEP = """
WITH moments AS (
    SELECT symbol_id, bars_known_at AS at FROM series_versions
    WHERE timeframe = :timeframe AND symbol_id = ANY(:ids)
    UNION ALL
    SELECT symbol_id, greatest(max(known_from), max(known_to)) FROM bar_revisions
    WHERE timeframe = :timeframe AND symbol_id = ANY(:ids) GROUP BY 1
    UNION ALL
    SELECT symbol_id, max(known_at) FROM splits WHERE symbol_id = ANY(:ids) GROUP BY 1
    UNION ALL
    SELECT symbol_id, max(known_at) FROM dividends WHERE symbol_id = ANY(:ids) GROUP BY 1
    UNION ALL
    SELECT symbol_id, greatest(max(found_at), max(known_at), max(closed_at), max(judged_at)) FROM quality_findings
    WHERE timeframe = :timeframe AND symbol_id = ANY(:ids) GROUP BY 1
    UNION ALL
    SELECT q.symbol_id, max(j.judged_at) FROM quality_judgements j JOIN quality_findings q ON q.id = j.finding_id
    WHERE q.timeframe = :timeframe AND q.symbol_id = ANY(:ids) GROUP BY 1
), settled AS (
    SELECT symbol_id, max(at) AS settled_at FROM moments GROUP BY symbol_id
)
INSERT INTO series_fingerprints (symbol_id, timeframe, recipe, version, fingerprint, settled_at)
SELECT c.symbol_id, :timeframe, :recipe, c.version, c.fingerprint, coalesce(s.settled_at, '-infinity')
FROM unnest(CAST(:ids AS int[]), CAST(:versions AS bigint[]), CAST(:prints AS text[]))
    AS c(symbol_id, version, fingerprint)
LEFT JOIN settled s USING (symbol_id)
WHERE coalesce(s.settled_at, '-infinity') <= :cutoff
ORDER BY c.symbol_id
ON CONFLICT (symbol_id, timeframe, recipe) DO UPDATE SET
    version = excluded.version, fingerprint = excluded.fingerprint, settled_at = excluded.settled_at
"""


def read_versions(connection: Connection, symbol_ids: Sequence[int], timeframe: Timeframe = "1d") -> dict[int, int]:
    """Return the version of each series that exists; a series that changes gets a number that no series ever had."""
    query = text(
        "SELECT symbol_id, version FROM series_versions WHERE timeframe = :timeframe AND symbol_id = ANY(:ids)"
    )
    found = connection.execute(query, {"timeframe": timeframe, "ids": list(symbol_ids)})
    return {int(key): int(version) for key, version in found}


def cached_fingerprints(
    connection: Connection,
    symbol_ids: Sequence[int],
    cutoff: datetime,
    compute: Callable[[list[int]], Mapping[int, str]],
    *,
    recipe: str,
    timeframe: Timeframe = "1d",
) -> dict[int, str]:
    """Return the fingerprint of each series as known at `cutoff`, computing those alone that changed.

    Args:
        connection: an open transaction.
        symbol_ids: the symbols; one without a fingerprint is left out of the result.
        cutoff: aware UTC; only what was known then counts.
        compute: returns the fingerprints, as known at `cutoff`, of the symbols that it is asked for.
        recipe: names what `compute` hashes and how. Another text never meets the fingerprints of this one.
        timeframe: of the series.
    """
    values = {"recipe": recipe, "cutoff": cutoff, "timeframe": timeframe, "ids": list(symbol_ids)}
    held = {int(row.symbol_id): row for row in connection.execute(text(_HELD), values)}
    changed = sorted(key for key, row in held.items() if not row.holds)
    found = {key: str(row.fingerprint) for key, row in held.items() if row.holds and row.fingerprint is not None}
    unseen = [key for key in symbol_ids if key not in held]  # they have no bars, or somebody emptied our records
    if not changed and not unseen:
        return found
    computed = compute([*changed, *unseen])
    kept = {"versions": [held[key].version for key in changed], "prints": [computed.get(key) for key in changed]}
    connection.execute(text(_KEEP), {**values, **kept, "ids": changed})
    return found | dict(computed)
