"""Keep the moment at which a night saw the world, and what was thought of a delisting before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "job_runs",
        sa.Column(
            "known_until",
            postgresql.TIMESTAMP(timezone=True),
            nullable=True,
            comment="The last moment that counted as known; NULL for a repetition of a past night.",
        ),
    )
    op.add_column(
        "symbols",
        sa.Column(
            "earlier_delistings",
            postgresql.JSONB(),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
            comment="What was thought of its delisting before: pairs of a day or null, and until when, oldest first.",
        ),
    )
    # What a night took in became known when the night began, or at the end of its day where it was made up for later.
    # A night that took nothing in may have been a repetition.
    op.execute(
        "UPDATE job_runs r SET known_until = CASE WHEN started_at < (as_of + 2)::timestamp AT TIME ZONE 'UTC' "
        "THEN started_at ELSE (as_of + 1)::timestamp AT TIME ZONE 'UTC' END WHERE EXISTS (SELECT 1 FROM job_steps t "
        "WHERE t.job_run_id = r.id AND t.name = 'download' AND t.outcome IN ('fine', 'partial'))"
    )
    op.execute(
        "UPDATE symbols SET earlier_delistings = jsonb_build_array(jsonb_build_array(NULL, delisted_known_at)) "
        "WHERE delisted_known_at IS NOT NULL"
    )


def downgrade() -> None:
    op.drop_column("symbols", "earlier_delistings")
    op.drop_column("job_runs", "known_until")
