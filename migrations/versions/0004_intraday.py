"""Make room for intraday bars: a partition for each of their lengths, and revisions that tell them apart.

A bar of a day is unique by its opening instant. Partitions are lists of the timeframe, so that a query for daily bars
never opens them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

LENGTHS = ("1h", "15m", "5m", "1m")
OLD_WORDS, WORDS = "Length of the bar: 1d.", "Length of the bar: 1d, 1h, 15m, 5m or 1m."
UNIQUE = "uq_bar_revisions_symbol_id_timeframe_session_ts_known_to"
# A partition does not inherit the comments of its columns.
COPY_COMMENTS = """
DO $$ DECLARE c record; BEGIN
    FOR c IN SELECT attname, col_description('bars'::regclass, attnum) AS words FROM pg_attribute
        WHERE attrelid = 'bars'::regclass AND attnum > 0 AND NOT attisdropped LOOP
        EXECUTE format('COMMENT ON COLUMN bars_{length}.%I IS %L', c.attname, c.words);
    END LOOP;
END $$
"""


def upgrade() -> None:
    describe_timeframe(WORDS, OLD_WORDS)
    for length in LENGTHS:
        table = f"bars_{length}"
        op.execute(f"CREATE TABLE {table} PARTITION OF bars FOR VALUES IN ('{length}')")
        op.execute(f"ALTER TABLE {table} ALTER ts SET NOT NULL")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT pk_{table} PRIMARY KEY (symbol_id, ts)")
        op.execute(f"COMMENT ON TABLE {table} IS 'The bars of {length}, each unique by its opening instant.'")
        op.execute(COPY_COMMENTS.format(length=length))
    op.drop_constraint("pk_bar_revisions", "bar_revisions")
    op.create_unique_constraint(
        op.f(UNIQUE),
        "bar_revisions",
        ["symbol_id", "timeframe", "session", "ts", "known_to"],
        postgresql_nulls_not_distinct=True,
    )


def downgrade() -> None:
    op.drop_constraint(op.f(UNIQUE), "bar_revisions")
    op.execute("DELETE FROM bar_revisions WHERE timeframe <> '1d'")
    op.create_primary_key(op.f("pk_bar_revisions"), "bar_revisions", ["symbol_id", "timeframe", "session", "known_to"])
    for length in LENGTHS:
        op.execute(f"DROP TABLE bars_{length}")
    describe_timeframe(OLD_WORDS, WORDS)


def describe_timeframe(words: str, before: str) -> None:
    for table in ("bars", "bar_revisions"):
        op.alter_column(
            table, "timeframe", existing_type=sa.Text(), existing_nullable=False, comment=words, existing_comment=before
        )
    op.execute(f"COMMENT ON COLUMN bars_1d.timeframe IS '{words}'")
