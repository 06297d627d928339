"""Say where data come from: vendors asked, holes, other names, universes, judgements, scores; date what is found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

VIEWS = {
    "v_quarantined": (
        (
            "Bars that nothing downstream uses, and why. Example: "
            "SELECT ticker, session, rule, message FROM v_quarantined ORDER BY session DESC;"
        ),
        """
        SELECT s.ticker, f.symbol_id, f.timeframe, f.session, f.rule, f.message, f.payload, f.found_at,
            f.id AS finding_id
        FROM quality_findings f JOIN symbols s ON s.id = f.symbol_id
        WHERE f.closed_at IS NULL AND f.session IS NOT NULL
            AND CASE f.judgement WHEN 'accepted' THEN false WHEN 'rejected' THEN true ELSE f.quarantined END
        """,
    ),
    "v_revisions": (
        (
            "What a bar said before its source changed it, and what it says now. Example: "
            "SELECT ticker, session, old_close, new_close FROM v_revisions ORDER BY known_to DESC LIMIT 20;"
        ),
        """
        SELECT s.ticker, r.symbol_id, r.session, r.source, r.close AS old_close, b.close AS new_close,
            r.volume AS old_volume, b.volume AS new_volume, r.known_from, r.known_to
        FROM bar_revisions r JOIN symbols s ON s.id = r.symbol_id
        JOIN bars_1d b ON b.symbol_id = r.symbol_id AND b.session = r.session
        WHERE r.timeframe = '1d'
        """,
    ),
    "v_universe_members": (
        (
            "Who belongs to which universe, as known now. Example: "
            "SELECT ticker FROM v_universe_members WHERE universe = 'liquid' AND '2020-03-02' BETWEEN "
            "coalesce(valid_from, '-infinity') AND coalesce(valid_to, 'infinity');"
        ),
        """
        SELECT u.name AS universe, s.ticker, m.symbol_id, m.valid_from, m.valid_to, m.known_at, m.known_at_assumed
        FROM universe_members m JOIN universes u ON u.id = m.universe_id JOIN symbols s ON s.id = m.symbol_id
        WHERE m.known_to IS NULL
        """,
    ),
    "v_quality_scores": (
        (
            "The newest score of each symbol and the one a week of nights before. Example: "
            "SELECT ticker, score, earlier_score FROM v_quality_scores ORDER BY score LIMIT 10;"
        ),
        """
        SELECT s.ticker, n.symbol_id, n.night, n.score, e.score AS earlier_score, n.parts
        FROM (SELECT DISTINCT ON (symbol_id) * FROM quality_scores ORDER BY symbol_id, night DESC) n
        JOIN symbols s ON s.id = n.symbol_id
        LEFT JOIN LATERAL (
            SELECT score FROM quality_scores q WHERE q.symbol_id = n.symbol_id AND q.night < n.night
            ORDER BY night DESC OFFSET 4 LIMIT 1
        ) e ON true
        """,
    ),
    "v_earnings": (
        (
            "Announcements of earnings as known now; hindsight marks those of before the first night. Example: "
            "SELECT * FROM v_earnings WHERE ticker = 'AAPL' ORDER BY announced DESC;"
        ),
        """
        SELECT DISTINCT ON (e.symbol_id, e.fiscal_period) s.ticker, e.symbol_id, e.fiscal_period, e.announced,
            e.estimate, e.actual, e.surprise, e.hindsight, e.source, e.known_at
        FROM earnings_calendar e JOIN symbols s ON s.id = e.symbol_id
        ORDER BY e.symbol_id, e.fiscal_period, e.known_at DESC
        """,
    ),
}
OLD_QUARANTINED = """
SELECT s.ticker, f.symbol_id, f.timeframe, f.session, f.rule, f.message, f.payload, f.found_at, f.id AS finding_id
FROM quality_findings f JOIN symbols s ON s.id = f.symbol_id
WHERE f.quarantined AND f.closed_at IS NULL AND f.judgement IS DISTINCT FROM 'accepted'
"""


def upgrade() -> None:
    op.create_table(
        "universes",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False, comment="Surrogate key."),
        sa.Column("name", sa.Text(), nullable=False, comment="Its name in the config."),
        sa.Column("definition", postgresql.JSONB(), nullable=False, comment="Its definition in the config."),
        sa.Column(
            "updated_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="When the definition last changed.",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_universes")),
        sa.UniqueConstraint("name", name=op.f("uq_universes_name")),
        comment="A named list of symbols, as the config defines it.",
    )
    op.create_table(
        "vendor_answers",
        sa.Column("vendor", sa.Text(), nullable=False, comment="Name of the source."),
        sa.Column(
            "subject",
            sa.Text(),
            nullable=False,
            comment="bars, recheck, history, actions, profile, earnings, delistings, …",
        ),
        sa.Column("key", sa.Text(), nullable=False, comment="Ticker or session asked for; empty for a whole market."),
        sa.Column("night", sa.Date(), nullable=False, comment="The night of the question."),
        sa.Column("outcome", sa.Text(), nullable=False, comment="delivered, or the kind of refusal."),
        sa.Column("message", sa.Text(), server_default="", nullable=False, comment="The refusal in words."),
        sa.Column(
            "answered_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="When it was answered.",
        ),
        sa.PrimaryKeyConstraint("vendor", "subject", "key", name=op.f("pk_vendor_answers")),
        comment="The last answer of a vendor to each question, so that nothing is asked twice a night.",
    )
    op.create_table(
        "vendor_budgets",
        sa.Column("vendor", sa.Text(), nullable=False, comment="Name of the source."),
        sa.Column("day", sa.Date(), nullable=False, comment="The day of the night."),
        sa.Column("spent", sa.Integer(), server_default="0", nullable=False, comment="Requests sent."),
        sa.Column(
            "exhausted",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="True once the vendor said that the quota is spent.",
        ),
        sa.Column(
            "recent",
            postgresql.ARRAY(postgresql.TIMESTAMP(timezone=True)),
            nullable=False,
            comment="When the requests of the last minute were sent.",
        ),
        sa.PrimaryKeyConstraint("vendor", "day", name=op.f("pk_vendor_budgets")),
        comment="Requests sent to a vendor on one day. Shared by all processes; survives a restart.",
    )
    op.create_table(
        "bar_gaps",
        sa.Column("symbol_id", sa.Integer(), nullable=False, comment="The symbol."),
        sa.Column("timeframe", sa.Text(), nullable=False, comment="Timeframe of the bars."),
        sa.Column("source", sa.Text(), nullable=False, comment="Who was asked."),
        sa.Column("first_session", sa.Date(), nullable=False, comment="First session of the hole."),
        sa.Column("last_session", sa.Date(), nullable=False, comment="Last session of the hole."),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why there is none, as the source said."),
        sa.Column("asked_on", sa.Date(), nullable=False, comment="The night on which it was asked."),
        sa.ForeignKeyConstraint(["symbol_id"], ["symbols.id"], name=op.f("fk_bar_gaps_symbol_id_symbols")),
        sa.PrimaryKeyConstraint("symbol_id", "timeframe", "source", "first_session", name=op.f("pk_bar_gaps")),
        comment="Sessions that a source was asked for and does not have; they are not asked for again.",
    )
    op.create_table(
        "bar_observations",
        sa.Column("symbol_id", sa.Integer(), nullable=False, comment="The symbol."),
        sa.Column("timeframe", sa.Text(), nullable=False, comment="Timeframe of the bar."),
        sa.Column("session", sa.Date(), nullable=False, comment="Session of the bar."),
        sa.Column("source", sa.Text(), nullable=False, comment="The vendor that says so."),
        sa.Column("close", sa.Double(), nullable=False, comment="Closing price as traded."),
        sa.Column("volume", sa.Double(), nullable=False, comment="Shares traded."),
        sa.Column("observed_at", postgresql.TIMESTAMP(timezone=True), nullable=False, comment="When it was asked."),
        sa.ForeignKeyConstraint(["symbol_id"], ["symbols.id"], name=op.f("fk_bar_observations_symbol_id_symbols")),
        sa.PrimaryKeyConstraint("symbol_id", "timeframe", "session", "source", name=op.f("pk_bar_observations")),
        comment="What another vendor says of a session, kept beside the bar and never in its place.",
    )
    op.create_table(
        "quality_scores",
        sa.Column("symbol_id", sa.Integer(), nullable=False, comment="The symbol."),
        sa.Column("night", sa.Date(), nullable=False, comment="The night."),
        sa.Column("score", sa.Double(), nullable=False, comment="From 0 to 1."),
        sa.Column("parts", postgresql.JSONB(), nullable=False, comment="What was deducted for what."),
        sa.Column("known_at", postgresql.TIMESTAMP(timezone=True), nullable=False, comment="When it was computed."),
        sa.ForeignKeyConstraint(["symbol_id"], ["symbols.id"], name=op.f("fk_quality_scores_symbol_id_symbols")),
        sa.PrimaryKeyConstraint("symbol_id", "night", name=op.f("pk_quality_scores")),
        comment="The score of a symbol's series on a night, from 0 (useless) to 1 (nothing found).",
    )
    op.create_table(
        "symbol_aliases",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False, comment="Surrogate key."),
        sa.Column("symbol_id", sa.Integer(), nullable=False, comment="The symbol."),
        sa.Column("ticker", sa.Text(), nullable=False, comment="Ticker of that time."),
        sa.Column("valid_from", sa.Date(), nullable=True, comment="First day; NULL for its first ticker."),
        sa.Column("valid_to", sa.Date(), nullable=True, comment="Last day; NULL while it is in use."),
        sa.Column(
            "merged_into", sa.Text(), nullable=True, comment="Ticker of the company that took it over at the end."
        ),
        sa.Column("source", sa.Text(), nullable=False, comment="Who says so."),
        sa.Column("known_at", postgresql.TIMESTAMP(timezone=True), nullable=False, comment="When we learned of it."),
        sa.ForeignKeyConstraint(["symbol_id"], ["symbols.id"], name=op.f("fk_symbol_aliases_symbol_id_symbols")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_symbol_aliases")),
        sa.UniqueConstraint(
            "symbol_id",
            "ticker",
            "valid_from",
            name=op.f("uq_symbol_aliases_symbol_id_ticker_valid_from"),
            postgresql_nulls_not_distinct=True,
        ),
        comment="Tickers under which a symbol traded, dated: a symbol stays itself when its ticker changes.",
    )
    op.create_index(op.f("ix_symbol_aliases_ticker"), "symbol_aliases", ["ticker"], unique=False)
    op.create_table(
        "universe_members",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Surrogate key."),
        sa.Column("universe_id", sa.Integer(), nullable=False, comment="The universe."),
        sa.Column("symbol_id", sa.Integer(), nullable=False, comment="The symbol."),
        sa.Column("valid_from", sa.Date(), nullable=True, comment="First day of membership; NULL without bound."),
        sa.Column("valid_to", sa.Date(), nullable=True, comment="Last day of membership; NULL without bound."),
        sa.Column(
            "known_at", postgresql.TIMESTAMP(timezone=True), nullable=False, comment="From when this spell was known."
        ),
        sa.Column(
            "known_to",
            postgresql.TIMESTAMP(timezone=True),
            nullable=True,
            comment="When it was found otherwise; NULL while it holds.",
        ),
        sa.Column(
            "known_at_assumed",
            sa.Boolean(),
            nullable=False,
            comment="True where the universe was defined later than the spell.",
        ),
        sa.ForeignKeyConstraint(["symbol_id"], ["symbols.id"], name=op.f("fk_universe_members_symbol_id_symbols")),
        sa.ForeignKeyConstraint(
            ["universe_id"], ["universes.id"], name=op.f("fk_universe_members_universe_id_universes")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_universe_members")),
        sa.UniqueConstraint(
            "universe_id",
            "symbol_id",
            "valid_from",
            "known_at",
            name=op.f("uq_universe_members_universe_id_symbol_id_valid_from_known_at"),
            postgresql_nulls_not_distinct=True,
        ),
        comment="A spell of membership in a universe, versioned by when it was known.",
    )
    op.create_table(
        "quality_judgements",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Surrogate key."),
        sa.Column("finding_id", sa.BigInteger(), nullable=False, comment="The finding."),
        sa.Column("verdict", sa.Text(), nullable=False, comment="accepted (use the bar) or rejected (do not)."),
        sa.Column("note", sa.Text(), server_default="", nullable=False, comment="The person's reason."),
        sa.Column("judged_at", postgresql.TIMESTAMP(timezone=True), nullable=False, comment="When the person judged."),
        sa.ForeignKeyConstraint(
            ["finding_id"], ["quality_findings.id"], name=op.f("fk_quality_judgements_finding_id_quality_findings")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quality_judgements")),
        comment="Every judgement of a person on a finding; the newest known one holds.",
    )
    op.create_index(
        op.f("ix_quality_judgements_finding_id_judged_at"),
        "quality_judgements",
        ["finding_id", "judged_at"],
        unique=False,
    )
    op.add_column(
        "earnings_calendar",
        sa.Column(
            "hindsight",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="True for an announcement before our first night: nobody recorded when it became known.",
        ),
    )
    op.add_column(
        "quality_findings",
        sa.Column(
            "evidence", sa.Date(), nullable=True, comment="Session whose close first showed it; NULL: its own session."
        ),
    )
    op.add_column(
        "quality_findings",
        sa.Column(
            "known_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="When the world could know of it.",
        ),
    )
    op.alter_column(
        "quality_findings",
        "found_at",
        existing_type=postgresql.TIMESTAMP(timezone=True),
        comment="When it was found.",
        existing_comment="When it was first found.",
        existing_nullable=False,
        existing_server_default=sa.text("clock_timestamp()"),
    )
    op.drop_constraint(op.f("uq_quality_findings_rule_subject_timeframe_session"), "quality_findings", type_="unique")
    op.create_index(
        "ix_quality_findings_open",
        "quality_findings",
        ["rule", "subject", "timeframe", "session"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
        postgresql_nulls_not_distinct=True,
    )
    op.add_column(
        "source_states", sa.Column("night", sa.Date(), nullable=True, comment="The last night on which it was asked.")
    )
    op.add_column(
        "source_states",
        sa.Column(
            "outcome",
            sa.Text(),
            server_default="delivered",
            nullable=False,
            comment="delivered, stopped (and why in message), skipped.",
        ),
    )
    op.add_column(
        "source_states",
        sa.Column("message", sa.Text(), server_default="", nullable=False, comment="How it went, in a sentence."),
    )
    op.add_column(
        "source_states",
        sa.Column("requests", sa.Integer(), server_default="0", nullable=False, comment="Requests of that night."),
    )
    op.add_column(
        "source_states",
        sa.Column(
            "bars",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="Bars it delivered that night that are new or changed.",
        ),
    )
    op.add_column(
        "symbols",
        sa.Column(
            "delisted_known_at",
            postgresql.TIMESTAMP(timezone=True),
            nullable=True,
            comment="When we learned of the delisting; NULL: always.",
        ),
    )
    op.add_column(
        "symbols",
        sa.Column(
            "first_night",
            sa.Date(),
            nullable=True,
            comment="The night of its first bars, deemed known at their sessions.",
        ),
    )
    # What was found before this version became known when it was found; a symbol's first night is that of its bars.
    op.execute("UPDATE quality_findings SET known_at = found_at")
    op.execute(
        "UPDATE symbols s SET first_night = b.night FROM "
        "(SELECT symbol_id, min(ingested_at)::date AS night FROM bars_1d GROUP BY symbol_id) b WHERE b.symbol_id = s.id"
    )
    op.execute(
        "INSERT INTO quality_judgements (finding_id, verdict, judged_at) "
        "SELECT id, judgement, coalesce(judged_at, found_at) FROM quality_findings WHERE judgement IS NOT NULL"
    )
    for name, (comment, query) in VIEWS.items():
        op.execute(f"CREATE OR REPLACE VIEW {name} AS {query}")
        quoted = comment.replace("'", "''").replace(":", "\\:")
        op.execute(f"COMMENT ON VIEW {name} IS '{quoted}'")


def downgrade() -> None:
    for name in VIEWS.keys() - {"v_quarantined"}:
        op.execute(f"DROP VIEW {name}")
    op.execute(f"CREATE OR REPLACE VIEW v_quarantined AS {OLD_QUARANTINED}")
    # One row a fault is what the version below knows: of several versions the newest stays.
    op.execute("DELETE FROM quality_judgements")
    op.execute(
        "DELETE FROM quality_findings q USING quality_findings n WHERE n.id > q.id AND n.rule = q.rule "
        "AND n.subject = q.subject AND n.timeframe = q.timeframe AND n.session IS NOT DISTINCT FROM q.session"
    )
    op.drop_column("symbols", "first_night")
    op.drop_column("symbols", "delisted_known_at")
    op.drop_column("source_states", "bars")
    op.drop_column("source_states", "requests")
    op.drop_column("source_states", "message")
    op.drop_column("source_states", "outcome")
    op.drop_column("source_states", "night")
    op.drop_index(
        "ix_quality_findings_open",
        table_name="quality_findings",
        postgresql_where=sa.text("closed_at IS NULL"),
        postgresql_nulls_not_distinct=True,
    )
    op.create_unique_constraint(
        op.f("uq_quality_findings_rule_subject_timeframe_session"),
        "quality_findings",
        ["rule", "subject", "timeframe", "session"],
        postgresql_nulls_not_distinct=True,
    )
    op.alter_column(
        "quality_findings",
        "found_at",
        existing_type=postgresql.TIMESTAMP(timezone=True),
        comment="When it was first found.",
        existing_comment="When it was found.",
        existing_nullable=False,
        existing_server_default=sa.text("clock_timestamp()"),
    )
    op.drop_column("quality_findings", "known_at")
    op.drop_column("quality_findings", "evidence")
    op.drop_column("earnings_calendar", "hindsight")
    op.drop_index(op.f("ix_quality_judgements_finding_id_judged_at"), table_name="quality_judgements")
    op.drop_table("quality_judgements")
    op.drop_table("universe_members")
    op.drop_index(op.f("ix_symbol_aliases_ticker"), table_name="symbol_aliases")
    op.drop_table("symbol_aliases")
    op.drop_table("quality_scores")
    op.drop_table("bar_observations")
    op.drop_table("bar_gaps")
    op.drop_table("vendor_budgets")
    op.drop_table("vendor_answers")
    op.drop_table("universes")
