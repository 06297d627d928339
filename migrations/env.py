"""Runs the migrations on the connection that `alphafactory.store.migrating` hands over.

Partitions, and the indicator columns that the store adds when an indicator registers, belong to no migration and are
left out of every comparison.
"""

from __future__ import annotations

from typing import Any

from alembic import context

from alphafactory.store.migrating import belongs_to_migrations
from alphafactory.store.schema import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("Run `python run.py db upgrade`: it finds the database, waits for its lock and sets the timeouts.")


def include(found: Any, name: str | None, kind: str, reflected: bool, compared: Any) -> bool:
    """Say whether Alembic should look at an object."""
    table = found.table.name if kind in ("column", "index", "unique_constraint") else name
    return belongs_to_migrations(kind, str(name), str(table), is_model=not reflected or compared is not None)


context.configure(
    connection=connection,
    target_metadata=metadata,
    compare_type=True,
    compare_server_default=False,
    include_object=include,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
