"""Make the table of verdicts; what an audit failed is ranked nowhere; accounts over a universe join the views."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

COMMENTS = {
    ("backtests", "symbol_id"): (
        "The symbol; NULL for several on one account.",
        "The symbol; NULL for several on one account: a portfolio, or a strategy that sees a universe.",
    ),
    ("backtests", "scope"): (
        "What it ran on, in words: the ticker, or the portfolio's name.",
        "What it ran on, in words: the ticker, the universe of a strategy over many symbols, or the portfolio's name.",
    ),
    ("equity", "position"): (
        "Split-adjusted shares held at each close; NULL for a portfolio, whose holdings are rows of positions.",
        "Split-adjusted shares held at each close; NULL for an account of several symbols.",
    ),
    ("trials", "symbol_id"): (
        "The symbol (symbols.id).",
        "The symbol (symbols.id); 0 for an account over all symbols of the search.",
    ),
}
CURRENT = """
SELECT coalesce(y.ticker, b.scope) AS ticker, y.name AS symbol_name, y.sector, t.name AS strategy,
    t.version AS strategy_version, b.*, a.passed AS audit_passed
FROM backtests b JOIN strategies t ON t.id = b.strategy_id LEFT JOIN symbols y ON y.id = b.symbol_id
LEFT JOIN LATERAL (
    SELECT v.passed FROM verdicts v WHERE v.strategy_id = t.id AND v.kind = 'audit'
    ORDER BY v.audited_at DESC, v.id DESC LIMIT 1
) a ON true
WHERE b.superseded_by IS NULL AND b.origin = 'nightly' AND b.status = 'done'
"""
BEST = """
SELECT DISTINCT ON (sector) sector, ticker, strategy, params, sharpe, total_return, max_drawdown, n_trades, id
FROM v_current_backtests WHERE sharpe IS NOT NULL AND sector IS NOT NULL AND audit_passed IS NOT FALSE
ORDER BY sector, sharpe DESC, ticker, strategy
"""
TRIALS = """
SELECT t.experiment_id, s.name AS strategy, coalesce(y.ticker, e.universe, 'all') AS ticker, t.number, p.params,
    t.total_return, t.sharpe, t.sortino, t.max_drawdown, t.n_trades, t.n_closed_trades, t.win_rate, t.profit_factor,
    t.exposure, t.end_equity, t.symbol_id
FROM trials t JOIN experiments e ON e.id = t.experiment_id JOIN strategies s ON s.id = e.strategy_id
JOIN parameter_sets p ON p.experiment_id = t.experiment_id AND p.number = t.number
LEFT JOIN symbols y ON y.id = t.symbol_id
"""
AUDITS = """
SELECT s.name AS strategy, s.version AS strategy_version, v.passed, v.errors, v.warnings, v.findings, v.symbols,
    v.cuts, v.disturbances, v.warm_up_declared, v.warm_up_median, v.warm_up_high, v.warm_up_worst, v.warm_up_never,
    v.seconds, v.audited_at, v.strategy_id, v.id AS verdict_id
FROM (
    SELECT DISTINCT ON (strategy_id) * FROM verdicts WHERE kind = 'audit'
    ORDER BY strategy_id, audited_at DESC, id DESC
) v
JOIN strategies s ON s.id = v.strategy_id
"""
AUDITS_COMMENT = (
    "The newest audit of each version of a strategy. Example: "
    "SELECT strategy, strategy_version, passed, errors, warnings FROM v_audits ORDER BY passed, strategy;"
)


def upgrade() -> None:
    create_verdicts()
    set_comments(new=1)
    op.execute(f"CREATE OR REPLACE VIEW v_current_backtests AS {CURRENT}")
    op.execute(f"CREATE OR REPLACE VIEW v_best_by_sector AS {BEST}")
    op.execute(f"CREATE OR REPLACE VIEW v_trials AS {TRIALS}")
    op.execute(f"CREATE VIEW v_audits AS {AUDITS}")
    op.execute(f"COMMENT ON VIEW v_audits IS '{AUDITS_COMMENT}'")


def downgrade() -> None:
    op.execute("DROP VIEW v_audits")
    # A view cannot lose a column: those that were made of it are made anew, as the older migrations made them.
    op.execute("DROP VIEW v_current_backtests CASCADE")
    op.execute("DROP VIEW v_trials")
    op.execute("DELETE FROM trials WHERE symbol_id = 0")
    orders = context.script.get_revision("0007").module
    comment, query = orders.VIEWS["v_current_backtests"]
    views = orders.VIEWS | {"v_current_backtests": (comment, query.replace("b.*", columns_then()))}
    orders.make_views(views | orders.ORDER_VIEWS)
    trials = context.script.get_revision("0008").module
    orders.make_views({"v_trials": trials.VIEWS["v_trials"]})
    # The schema below has no place for the account of a strategy over many symbols.
    op.execute("DELETE FROM backtests WHERE symbol_id IS NULL AND strategy_id IS NOT NULL")
    op.drop_table("verdicts")
    set_comments(new=0)


def columns_then() -> str:
    """Return the columns of backtests that the view was made of; that of portfolios came later."""
    query = (
        "SELECT string_agg('b.' || quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute "
        "WHERE attrelid = 'backtests'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'portfolio_id'"
    )
    return str(op.get_bind().execute(sa.text(query)).scalar_one())


def create_verdicts() -> None:
    op.create_table(
        "verdicts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Surrogate key."),
        sa.Column("strategy_id", sa.Integer(), nullable=False, comment="The version of the strategy."),
        sa.Column("kind", sa.Text(), nullable=False, comment="What was looked into: audit."),
        sa.Column(
            "evidence_hash",
            sa.Text(),
            nullable=False,
            comment="Hash of the code that was audited, of the code that audits and of its terms.",
        ),
        sa.Column("passed", sa.Boolean(), nullable=False, comment="False where an error was found."),
        sa.Column("errors", sa.Integer(), nullable=False, comment="Findings that fail the strategy."),
        sa.Column("warnings", sa.Integer(), nullable=False, comment="Findings that do not."),
        sa.Column(
            "findings",
            postgresql.JSONB(),
            nullable=False,
            comment="Each finding: check, severity, message, symbol, session.",
        ),
        sa.Column("params", postgresql.JSONB(), nullable=False, comment="The parameters that were audited."),
        sa.Column(
            "symbols",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="Tickers of the symbols that were looked at.",
        ),
        sa.Column(
            "cuts",
            sa.Integer(),
            nullable=False,
            comment="Shorter histories on which signals were compared with the whole.",
        ),
        sa.Column(
            "disturbances",
            sa.Integer(),
            nullable=False,
            comment="Histories with other bars after some row on which they were.",
        ),
        sa.Column(
            "warm_up_declared",
            sa.Integer(),
            nullable=True,
            comment="Bars after which the strategy says that the start of history is forgotten.",
        ),
        sa.Column(
            "warm_up_median",
            sa.Double(),
            nullable=True,
            comment="Median over symbols and starts of the bars after which it was; NULL where it was not measured.",
        ),
        sa.Column("warm_up_high", sa.Double(), nullable=True, comment="Their 95th percentile."),
        sa.Column("warm_up_worst", sa.Integer(), nullable=True, comment="The most of them."),
        sa.Column(
            "warm_up_never", sa.Double(), nullable=True, comment="Share of histories whose start was never forgotten."
        ),
        sa.Column("seconds", sa.Double(), nullable=False, comment="Seconds it took."),
        sa.Column(
            "job_run_id", sa.BigInteger(), nullable=True, comment="The run that asked for it; NULL if a person did."
        ),
        sa.Column("code_version", sa.Text(), nullable=False, comment="Version of AlphaFactory that audited."),
        sa.Column(
            "audited_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="When it was found, or found to stand again.",
        ),
        sa.ForeignKeyConstraint(["strategy_id"], ["strategies.id"], name=op.f("fk_verdicts_strategy_id_strategies")),
        sa.ForeignKeyConstraint(["job_run_id"], ["job_runs.id"], name=op.f("fk_verdicts_job_run_id_job_runs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verdicts")),
        sa.UniqueConstraint(
            "strategy_id", "kind", "evidence_hash", name=op.f("uq_verdicts_strategy_id_kind_evidence_hash")
        ),
        comment="What was found out about a version of a strategy. The same evidence is never gathered twice.",
    )


def set_comments(new: int) -> None:
    for (table, column), comments in COMMENTS.items():
        op.execute(f"COMMENT ON COLUMN {table}.{column} IS '{comments[new].replace(chr(39), chr(39) * 2)}'")
