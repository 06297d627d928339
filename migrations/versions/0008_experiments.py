"""Make the tables of searches: experiments, their parameter sets and trials, and the views for people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

VIEWS = {
    "v_experiments": (
        (
            "The searches, with how many trials each made. Example: "
            "SELECT experiment_id, strategy, evaluated, finished_at FROM v_experiments ORDER BY finished_at DESC;"
        ),
        """
        SELECT e.id AS experiment_id, s.name AS strategy, s.version AS strategy_version, e.grid, e.fixed, e.settings,
            e.profile, e.universe, cardinality(e.symbols) AS n_symbols, e.parameter_sets, e.evaluated, e.skipped,
            e.failures, e.period_start, e.period_end, e.as_of, e.simulated_prices, e.seconds, e.started_at,
            e.finished_at
        FROM experiments e JOIN strategies s ON s.id = e.strategy_id
        """,
    ),
    "v_trials": (
        (
            "The trials of every search with their parameters. Example: "
            "SELECT ticker, params, sharpe FROM v_trials WHERE experiment_id = 1 ORDER BY sharpe DESC NULLS LAST;"
        ),
        """
        SELECT t.experiment_id, s.name AS strategy, y.ticker, t.number, p.params, t.total_return, t.sharpe, t.sortino,
            t.max_drawdown, t.n_trades, t.n_closed_trades, t.win_rate, t.profit_factor, t.exposure, t.end_equity,
            t.symbol_id
        FROM trials t JOIN experiments e ON e.id = t.experiment_id JOIN strategies s ON s.id = e.strategy_id
        JOIN parameter_sets p ON p.experiment_id = t.experiment_id AND p.number = t.number
        JOIN symbols y ON y.id = t.symbol_id
        """,
    ),
}


def upgrade() -> None:
    op.create_table(
        "experiments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Surrogate key."),
        sa.Column("strategy_id", sa.Integer(), nullable=False, comment="The version of the strategy."),
        sa.Column(
            "grid",
            postgresql.JSONB(),
            nullable=False,
            comment="The searched parameters, each with its values in order.",
        ),
        sa.Column("fixed", postgresql.JSONB(), nullable=False, comment="The other parameters of the strategy."),
        sa.Column("settings", postgresql.JSONB(), nullable=False, comment="Settings of the simulations."),
        sa.Column(
            "profile", sa.Text(), nullable=True, comment="Profile of the config that they came from; NULL for none."
        ),
        sa.Column("universe", sa.Text(), nullable=True, comment="Universe searched; NULL where symbols were named."),
        sa.Column(
            "symbols", postgresql.ARRAY(sa.Text()), nullable=False, comment="Tickers of the symbols that gave trials."
        ),
        sa.Column(
            "failures", postgresql.JSONB(), nullable=False, comment="Symbols that gave none, each with its reason."
        ),
        sa.Column("period_start", sa.Date(), nullable=True, comment="First session asked for; NULL for all."),
        sa.Column("period_end", sa.Date(), nullable=True, comment="Last session asked for; NULL for all."),
        sa.Column("as_of", sa.Date(), nullable=False, comment="The date as of which it saw the world."),
        sa.Column("risk_free_rate", sa.Double(), nullable=False, comment="Annual risk-free rate of its ratios."),
        sa.Column(
            "simulated_prices", sa.Boolean(), nullable=False, comment="True where the prices are made by a simulation."
        ),
        sa.Column(
            "seed", sa.BigInteger(), nullable=True, comment="Seed of its random draws; NULL where it draws none."
        ),
        sa.Column("fingerprint", sa.Text(), nullable=False, comment="Hash of everything its results depend on."),
        sa.Column("origin", sa.Text(), nullable=False, comment="What asked for it: sweep."),
        sa.Column("parameter_sets", sa.Integer(), nullable=False, comment="Parameter sets evaluated."),
        sa.Column("evaluated", sa.BigInteger(), nullable=False, comment="Trials: parameter sets times symbols."),
        sa.Column(
            "skipped", sa.BigInteger(), nullable=False, comment="Combinations of the grid that the strategy refuses."
        ),
        sa.Column("seconds", sa.Double(), nullable=False, comment="Seconds it took."),
        sa.Column("code_version", sa.Text(), nullable=False, comment="Version of AlphaFactory that computed it."),
        sa.Column(
            "started_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="When it started.",
        ),
        sa.Column(
            "finished_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="When it ended.",
        ),
        sa.ForeignKeyConstraint(["strategy_id"], ["strategies.id"], name=op.f("fk_experiments_strategy_id_strategies")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiments")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_experiments_fingerprint")),
        comment=(
            "One search over parameter sets. Rows are never deleted: they count honestly what was tried. "
            "The same search twice is the same row."
        ),
    )
    op.create_table(
        "parameter_sets",
        sa.Column("experiment_id", sa.BigInteger(), nullable=False, comment="The search."),
        sa.Column("number", sa.Integer(), nullable=False, comment="Its place in the search, from 1."),
        sa.Column("params", postgresql.JSONB(), nullable=False, comment="A value for every parameter of the strategy."),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name=op.f("fk_parameter_sets_experiment_id_experiments")
        ),
        sa.PrimaryKeyConstraint("experiment_id", "number", name=op.f("pk_parameter_sets")),
        comment="One combination of parameters that a search evaluated.",
    )
    op.create_table(
        "trials",
        sa.Column(
            "experiment_id",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            comment="The search (experiments.id).",
        ),
        sa.Column("symbol_id", sa.Integer(), autoincrement=False, nullable=False, comment="The symbol (symbols.id)."),
        sa.Column(
            "number",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="The parameter set (parameter_sets.number).",
        ),
        sa.Column("total_return", sa.Double(), nullable=True, comment="End equity over starting cash, less 1."),
        sa.Column(
            "sharpe", sa.Double(), nullable=True, comment="Annualised Sharpe ratio; NULL where returns do not vary."
        ),
        sa.Column("sortino", sa.Double(), nullable=True, comment="Annualised Sortino ratio; NULL without a loss."),
        sa.Column("max_drawdown", sa.Double(), nullable=True, comment="Deepest drawdown, a negative fraction."),
        sa.Column("n_trades", sa.Integer(), nullable=True, comment="Trades, an open one included."),
        sa.Column("n_closed_trades", sa.Integer(), nullable=True, comment="Trades that have ended."),
        sa.Column(
            "win_rate",
            sa.Double(),
            nullable=True,
            comment="Winning closed trades over closed trades; NULL without any.",
        ),
        sa.Column(
            "profit_factor", sa.Double(), nullable=True, comment="Money won over money lost; NULL without a loss."
        ),
        sa.Column("exposure", sa.Double(), nullable=True, comment="Sessions with a position over all sessions."),
        sa.Column("end_equity", sa.Double(), nullable=True, comment="Equity at the last close."),
        sa.PrimaryKeyConstraint("experiment_id", "symbol_id", "number", name=op.f("pk_trials")),
        comment="One parameter set simulated on one symbol, on an account of its own.",
    )
    for name, (comment, query) in VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {query}")
        quoted = comment.replace("'", "''").replace(":", "\\:")
        op.execute(f"COMMENT ON VIEW {name} IS '{quoted}'")


def downgrade() -> None:
    for name in reversed(VIEWS):
        op.execute(f"DROP VIEW {name}")
    for table in ("trials", "parameter_sets", "experiments"):
        op.drop_table(table)
