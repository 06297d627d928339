"""The table of strategy versions: a changed source text is a new version, and old results keep theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb
from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

_WRITE = """
INSERT INTO strategies (name, version, title, description, params_schema, source_text, code_hash)
SELECT :name, coalesce(max(version), 0) + 1, :title, :description, :params_schema, :source_text, :code_hash
FROM strategies WHERE name = :name
ON CONFLICT (name, code_hash) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class StrategyRow:
    """A strategy as its file declares it."""

    name: str
    title: str
    description: str
    params_schema: Mapping[str, Any]
    source_text: str
    code_hash: str


def register_strategy(connection: Connection, row: StrategyRow) -> int:
    """Store a version that is not there yet; return the version's key."""
    find = text("SELECT id FROM strategies WHERE name = :name AND code_hash = :code_hash")
    key = {"name": row.name, "code_hash": row.code_hash}
    found = connection.execute(find, key).scalar()
    if found is None:
        connection.execute(text("LOCK TABLE strategies IN SHARE ROW EXCLUSIVE MODE"))
        values = {name: getattr(row, name) for name in ("title", "description", "source_text")}
        connection.execute(text(_WRITE), {**key, **values, "params_schema": Jsonb(dict(row.params_schema))})
        found = connection.execute(find, key).scalar_one()
    return int(found)
