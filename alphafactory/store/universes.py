"""The tables of universes: spells of membership, dated by when they were known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb
from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy import Connection

Spell = tuple[int, "date | None", "date | None"]
"""Symbol key, first and last day of membership, None without bound."""

_DEFINE = """
INSERT INTO universes (name, definition) VALUES (:name, :definition)
ON CONFLICT (name) DO UPDATE SET definition = excluded.definition,
    updated_at = CASE WHEN universes.definition = excluded.definition THEN universes.updated_at
        ELSE clock_timestamp() END
RETURNING id
"""
_SPELLS = """
unnest(CAST(:ids AS int[]), CAST(:starts AS date[]), CAST(:ends AS date[])) AS s(symbol_id, valid_from, valid_to)
"""
_END = f"""
UPDATE universe_members m SET known_to = :moment
WHERE m.universe_id = :universe AND m.known_to IS NULL AND NOT EXISTS (
    SELECT 1 FROM {_SPELLS} WHERE s.symbol_id = m.symbol_id AND s.valid_from IS NOT DISTINCT FROM m.valid_from
        AND s.valid_to IS NOT DISTINCT FROM m.valid_to
)
"""  # noqa: S608  only our own words are put in
_ADD = f"""
INSERT INTO universe_members (universe_id, symbol_id, valid_from, valid_to, known_at, known_at_assumed)
SELECT :universe, symbol_id, valid_from, valid_to,
    CASE WHEN :first THEN coalesce(CAST(valid_from AS timestamp) AT TIME ZONE 'UTC', '-infinity') ELSE :moment END,
    :first
FROM {_SPELLS}
WHERE NOT EXISTS (
    SELECT 1 FROM universe_members m WHERE m.universe_id = :universe AND m.known_to IS NULL
        AND m.symbol_id = s.symbol_id AND m.valid_from IS NOT DISTINCT FROM s.valid_from
        AND m.valid_to IS NOT DISTINCT FROM s.valid_to
)
ON CONFLICT (universe_id, symbol_id, valid_from, known_at) DO UPDATE SET valid_to = excluded.valid_to, known_to = NULL
"""  # noqa: S608  only our own words are put in
_MEMBERS = """
SELECT m.symbol_id, m.valid_from, m.valid_to FROM universe_members m JOIN universes u ON u.id = m.universe_id
WHERE u.name = :name AND m.known_at <= :cutoff AND (m.known_to IS NULL OR m.known_to > :cutoff)
ORDER BY m.symbol_id, m.valid_from NULLS FIRST
"""


def upsert_universe(
    connection: Connection, name: str, definition: Mapping[str, Any], spells: Sequence[Spell], moment: datetime
) -> int:
    """Write who belongs to a universe; return the number of spells added or ended.

    The spells of a universe's first night are deemed known on their first day; later changes from `moment` on.
    """
    values = {"name": name, "definition": Jsonb(dict(definition))}
    key = connection.execute(text(_DEFINE), values).scalar_one()
    query = text("SELECT NOT EXISTS (SELECT 1 FROM universe_members WHERE universe_id = :universe)")
    terms = {
        "universe": key,
        "moment": moment,
        "first": connection.execute(query, {"universe": key}).scalar_one(),
        "ids": [spell[0] for spell in spells],
        "starts": [spell[1] for spell in spells],
        "ends": [spell[2] for spell in spells],
    }
    ended = connection.execute(text(_END), terms).rowcount
    return ended + connection.execute(text(_ADD), terms).rowcount


def read_spells(connection: Connection, name: str, cutoff: datetime) -> list[Spell]:
    """Return the memberships of a universe as known at `cutoff`."""
    found = connection.execute(text(_MEMBERS), {"name": name, "cutoff": cutoff})
    return [(int(key), start, end) for key, start, end in found]
