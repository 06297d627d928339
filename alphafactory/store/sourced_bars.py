"""Bars with where they come from, for a person to read: raw values, source, and since when they are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy import Connection

    from alphafactory.domain.timeframes import Timeframe

_SPAN = """
timeframe = :timeframe AND symbol_id = :symbol_id
    AND (CAST(:first AS date) IS NULL OR session >= :first) AND (CAST(:last AS date) IS NULL OR session <= :last)
"""
_READ = f"""
SELECT session, ts, open, high, low, close, volume, source, known_at, known_at_assumed AS assumed, false AS replaced
FROM bars WHERE {_SPAN} AND known_at <= :cutoff
UNION ALL
SELECT session, ts, open, high, low, close, volume, source, known_from, NULL, true
FROM bar_revisions WHERE {_SPAN} AND known_from <= :cutoff AND known_to > :cutoff
ORDER BY session, ts
"""  # noqa: S608  only our own words are put in


def read_sourced_bars(
    connection: Connection,
    symbol_id: int,
    timeframe: Timeframe,
    cutoff: datetime,
    *,
    first: date | None = None,
    last: date | None = None,
) -> list[dict[str, Any]]:
    """Return a symbol's raw bars of sessions `first` to `last` as known at `cutoff`, in order of time.

    `ts` is None for daily bars. `assumed` says that `known_at` is the session's close because the first load came
    later; it is None where the values have been `replaced` since, for then nobody noted it.
    """
    values = {"symbol_id": symbol_id, "timeframe": timeframe, "cutoff": cutoff, "first": first, "last": last}
    return [dict(row) for row in connection.execute(text(_READ), values).mappings()]
