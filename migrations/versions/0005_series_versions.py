"""Give every series a version that triggers count up, and keep fingerprints by version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# A statement's trigger fires on the table that the statement names: partitions have triggers of their own.
WITH_PARTITIONS = """
SELECT c.relname FROM pg_class c WHERE c.oid = '{table}'::regclass
UNION ALL
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = '{table}'::regclass
"""
# An action counts for all timeframes of its symbol. A finding counts where it decides what is quarantined.
CHANGED = {
    "bars": "SELECT symbol_id, timeframe, known_at FROM changed",
    "bar_revisions": "SELECT symbol_id, timeframe, NULL::timestamptz AS known_at FROM changed",
    "splits": (
        "SELECT v.symbol_id, v.timeframe, v.bars_known_at AS known_at FROM series_versions v "
        "JOIN changed USING (symbol_id)"
    ),
    "dividends": (
        "SELECT v.symbol_id, v.timeframe, v.bars_known_at AS known_at FROM series_versions v "
        "JOIN changed USING (symbol_id)"
    ),
    "quality_findings": (
        "SELECT symbol_id, timeframe, NULL::timestamptz AS known_at FROM changed "
        "WHERE symbol_id IS NOT NULL AND (quarantined OR judgement IS NOT NULL "
        "OR EXISTS (SELECT FROM quality_judgements j WHERE j.finding_id = changed.id))"
    ),
    "quality_judgements": (
        "SELECT q.symbol_id, q.timeframe, NULL::timestamptz AS known_at FROM changed c "
        "JOIN quality_findings q ON q.id = c.finding_id WHERE q.symbol_id IS NOT NULL"
    ),
}
# The order keeps two transactions from waiting for each other. DEFAULT is the next number of the identity.
NOTE = """
CREATE FUNCTION note_changed_{table}() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO series_versions AS v (symbol_id, timeframe, bars_known_at)
    SELECT symbol_id, timeframe, max(known_at) FROM ({changed}) touched GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (symbol_id, timeframe) DO UPDATE
    SET version = DEFAULT, bars_known_at = greatest(v.bars_known_at, excluded.bars_known_at);
    RETURN NULL;
END $$
"""
NOTE_ALL = """
CREATE FUNCTION note_emptied() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE series_versions SET version = DEFAULT;
    RETURN NULL;
END $$
"""
EVENTS = {"inserted": "INSERT", "updated_from": "UPDATE", "updated_to": "UPDATE", "deleted": "DELETE"}
"""A trigger an event and side: an update that moves a row to another series changes both."""


def upgrade() -> None:
    op.create_table(
        "series_versions",
        sa.Column("symbol_id", sa.Integer(), autoincrement=False, nullable=False, comment="The symbol (symbols.id)."),
        sa.Column("timeframe", sa.Text(), nullable=False, comment="Timeframe of the series."),
        sa.Column(
            "version",
            sa.BigInteger(),
            sa.Identity(always=True),
            nullable=False,
            comment="Unlike every number any series has had before.",
        ),
        sa.Column(
            "bars_known_at",
            postgresql.TIMESTAMP(timezone=True),
            nullable=True,
            comment="Newest moment at which any bar it has, or had, became known.",
        ),
        sa.PrimaryKeyConstraint("symbol_id", "timeframe", name=op.f("pk_series_versions")),
        comment=(
            "A number that changes with every change of a series: its bars, their revisions, its splits and "
            "dividends, what quarantines its bars. Triggers keep it, so that a change by hand counts too."
        ),
    )
    op.create_table(
        "series_fingerprints",
        sa.Column("symbol_id", sa.Integer(), autoincrement=False, nullable=False, comment="The symbol (symbols.id)."),
        sa.Column("timeframe", sa.Text(), nullable=False, comment="Timeframe of the series."),
        sa.Column("recipe", sa.Text(), nullable=False, comment="What was hashed, and how."),
        sa.Column("version", sa.BigInteger(), nullable=False, comment="Version of the series at that time."),
        sa.Column("fingerprint", sa.Text(), nullable=True, comment="The hash; NULL where there was nothing to hash."),
        sa.Column(
            "settled_at",
            postgresql.TIMESTAMP(timezone=True),
            nullable=False,
            comment="The newest moment in any of its rows: seen from there or later, the series is the same.",
        ),
        sa.PrimaryKeyConstraint("symbol_id", "timeframe", "recipe", name=op.f("pk_series_fingerprints")),
        comment="Fingerprints of series, each true as long as the series has the version it was computed at.",
    )
    op.execute(
        "INSERT INTO series_versions (symbol_id, timeframe, bars_known_at) "
        "SELECT symbol_id, timeframe, max(known_at) FROM bars GROUP BY symbol_id, timeframe"
    )
    op.execute(NOTE_ALL)
    for table, changed in CHANGED.items():
        op.execute(NOTE.format(table=table, changed=changed))
        for (name,) in op.get_bind().execute(sa.text(WITH_PARTITIONS.format(table=table))).all():
            watch(name, f"note_changed_{table}")


def watch(table: str, function: str) -> None:
    """Make the triggers of one table or partition."""
    for name, event in EVENTS.items():
        side = "OLD" if name in ("updated_from", "deleted") else "NEW"
        op.execute(
            f"CREATE TRIGGER series_{name} AFTER {event} ON {table} REFERENCING {side} TABLE AS changed "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
        )
    op.execute(
        f"CREATE TRIGGER series_emptied AFTER TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION note_emptied()"
    )


def downgrade() -> None:
    for table in CHANGED:
        op.execute(f"DROP FUNCTION note_changed_{table}() CASCADE")
    op.execute("DROP FUNCTION note_emptied() CASCADE")
    op.drop_table("series_fingerprints")
    op.drop_table("series_versions")
