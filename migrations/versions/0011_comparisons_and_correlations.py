"""Make the tables of comparisons of strategies and of correlations of features, and the views for people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

VIEWS = {
    "v_comparisons": (
        (
            "The strategies of every comparison in order of rank, with what they were compared with. Example: "
            "SELECT rank, strategy, median_sharpe, sharpe_over_baseline, sharpe_over_baseline_p_holm "
            "FROM v_comparisons WHERE comparison_id = 1 ORDER BY rank;"
        ),
        """
        SELECT r.*, c.baseline, r.strategy = ANY(c.strategies) AS asked_about, c.universe,
            cardinality(c.symbols) AS n_symbols, c.start_session, c.end_session, c.n_sessions, c.draws, c.seed, c.as_of,
            c.simulated_prices, c.created_at
        FROM comparison_rows r JOIN comparisons c ON c.id = r.comparison_id
        """,
    ),
    "v_feature_clusters": (
        (
            "The features of the newest measurement that say the same as another, cluster by cluster. Example: "
            "SELECT cluster, feature, keep, mean_correlation FROM v_feature_clusters ORDER BY cluster, keep DESC;"
        ),
        """
        SELECT f.cluster, f.feature, f.feature_group, f.keep, f.mean_correlation, f.warm_up, f.cluster_size, f.n_rows,
            r.threshold, r.universe, cardinality(r.symbols) AS n_symbols, r.end_session, r.measured_at
        FROM feature_clusters f JOIN feature_correlation_runs r ON r.id = f.run_id
        WHERE f.cluster_size > 1
            AND r.id = (SELECT id FROM feature_correlation_runs ORDER BY measured_at DESC, id DESC LIMIT 1)
        """,
    ),
    "v_feature_correlations": (
        (
            "The correlation of every two features in the newest measurement. Example: "
            "SELECT feature, other, correlation FROM v_feature_correlations ORDER BY abs(correlation) DESC NULLS LAST "
            "LIMIT 20;"
        ),
        """
        SELECT a.feature, b.feature AS other, c.correlation, c.n_rows, c.n_symbols, a.feature_group,
            b.feature_group AS other_group, a.cluster = b.cluster AS one_cluster
        FROM feature_correlations c
        JOIN feature_clusters a ON a.run_id = c.run_id AND a.position = c.first_position
        JOIN feature_clusters b ON b.run_id = c.run_id AND b.position = c.second_position
        WHERE c.run_id = (SELECT id FROM feature_correlation_runs ORDER BY measured_at DESC, id DESC LIMIT 1)
        """,
    ),
}


def upgrade() -> None:
    op.create_table(
        "comparisons",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Surrogate key."),
        sa.Column(
            "strategies", postgresql.ARRAY(sa.Text()), nullable=False, comment="The strategies that were asked about."
        ),
        sa.Column("baseline", sa.Text(), nullable=False, comment="The strategy that they are compared with."),
        sa.Column("universe", sa.Text(), nullable=True, comment="Universe compared on; NULL where symbols were named."),
        sa.Column(
            "symbols", postgresql.ARRAY(sa.Text()), nullable=False, comment="Tickers of the symbols compared on."
        ),
        sa.Column("failures", postgresql.JSONB(), nullable=False, comment="What was left out, each with its reason."),
        sa.Column("settings", postgresql.JSONB(), nullable=False, comment="Settings of the simulations."),
        sa.Column("period_start", sa.Date(), nullable=True, comment="First session asked for; NULL for all."),
        sa.Column("period_end", sa.Date(), nullable=True, comment="Last session asked for; NULL for all."),
        sa.Column("start_session", sa.Date(), nullable=False, comment="First session compared."),
        sa.Column("end_session", sa.Date(), nullable=False, comment="Last session compared."),
        sa.Column("n_sessions", sa.Integer(), nullable=False, comment="Sessions compared."),
        sa.Column("as_of", sa.Date(), nullable=False, comment="The date as of which it saw the world."),
        sa.Column("periods_per_year", sa.Integer(), nullable=False, comment="Sessions by which ratios are annualised."),
        sa.Column("risk_free_rate", sa.Double(), nullable=False, comment="Annual risk-free rate of its ratios."),
        sa.Column(
            "simulated_prices", sa.Boolean(), nullable=False, comment="True where the prices are made by a simulation."
        ),
        sa.Column("draws", sa.Integer(), nullable=False, comment="Samples that the bootstrap draws for each test."),
        sa.Column("seed", sa.BigInteger(), nullable=False, comment="Seed of its random draws."),
        sa.Column("fingerprint", sa.Text(), nullable=False, comment="Hash of everything its numbers depend on."),
        sa.Column("code_version", sa.Text(), nullable=False, comment="Version of AlphaFactory that computed it."),
        sa.Column(
            "created_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="When it was stored.",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comparisons")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_comparisons_fingerprint")),
        comment=(
            "One comparison of strategies with a baseline and with buying and holding, on the same sessions. "
            "The same comparison twice is the same row."
        ),
    )
    op.create_table(
        "feature_correlation_runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Surrogate key."),
        sa.Column("universe", sa.Text(), nullable=False, comment="Universe whose bars it is about."),
        sa.Column(
            "symbols", postgresql.ARRAY(sa.Text()), nullable=False, comment="Tickers of the symbols that took part."
        ),
        sa.Column(
            "threshold",
            sa.Double(),
            nullable=False,
            comment="Absolute correlation from which features count as saying the same.",
        ),
        sa.Column(
            "fewest", sa.Integer(), nullable=False, comment="Common values that a symbol needs to take part in a pair."
        ),
        sa.Column("start_session", sa.Date(), nullable=False, comment="First session of the bars."),
        sa.Column("end_session", sa.Date(), nullable=False, comment="Last session of the bars."),
        sa.Column("n_bars", sa.BigInteger(), nullable=False, comment="Bars of all symbols."),
        sa.Column("n_features", sa.Integer(), nullable=False, comment="Features measured."),
        sa.Column("n_clusters", sa.Integer(), nullable=False, comment="Clusters with more than one feature."),
        sa.Column(
            "left_out", postgresql.JSONB(), nullable=False, comment="What could not be computed, each with its reason."
        ),
        sa.Column("as_of", sa.Date(), nullable=False, comment="The date as of which it saw the world."),
        sa.Column(
            "simulated_prices", sa.Boolean(), nullable=False, comment="True where the prices are made by a simulation."
        ),
        sa.Column("seconds", sa.Double(), nullable=False, comment="Seconds it took."),
        sa.Column("fingerprint", sa.Text(), nullable=False, comment="Hash of everything its numbers depend on."),
        sa.Column("code_version", sa.Text(), nullable=False, comment="Version of AlphaFactory that computed it."),
        sa.Column(
            "measured_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="When it was measured last; the report shows the newest.",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feature_correlation_runs")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_feature_correlation_runs_fingerprint")),
        comment=(
            "One measurement of the rank correlations of all features over the bars of a universe. "
            "The same measurement twice is the same row."
        ),
    )
    op.create_table(
        "feature_correlations",
        sa.Column(
            "run_id",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            comment="The measurement (feature_correlation_runs.id).",
        ),
        sa.Column(
            "first_position",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="Place of the one feature (feature_clusters.position).",
        ),
        sa.Column(
            "second_position",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="Place of the other, the larger number.",
        ),
        sa.Column(
            "correlation",
            sa.Double(),
            nullable=True,
            comment="Spearman's correlation within symbols, averaged over them by common bars; NULL where unknown.",
        ),
        sa.Column("n_rows", sa.BigInteger(), nullable=False, comment="Common bars of all symbols that it rests on."),
        sa.Column("n_symbols", sa.Integer(), nullable=False, comment="Symbols that it rests on."),
        sa.PrimaryKeyConstraint("run_id", "first_position", "second_position", name=op.f("pk_feature_correlations")),
        comment="The rank correlation of two features, one row a pair.",
    )
    op.create_table(
        "comparison_rows",
        sa.Column("comparison_id", sa.BigInteger(), nullable=False, comment="The comparison."),
        sa.Column("strategy", sa.Text(), nullable=False, comment="Name of the strategy."),
        sa.Column(
            "rank",
            sa.Integer(),
            nullable=False,
            comment="Its place, from 1: by median_sharpe, or by average_sharpe where one account has all symbols.",
        ),
        sa.Column(
            "scope",
            sa.Text(),
            nullable=False,
            comment="symbol: an account for each symbol; universe: one account for all of them.",
        ),
        sa.Column("accounts", sa.Integer(), nullable=False, comment="Accounts that its medians are taken over."),
        sa.Column(
            "median_sharpe",
            sa.Double(),
            nullable=True,
            comment="Median Sharpe ratio of its accounts; NULL where none has one.",
        ),
        sa.Column("mean_return", sa.Double(), nullable=False, comment="Mean total return of its accounts."),
        sa.Column(
            "median_max_drawdown",
            sa.Double(),
            nullable=False,
            comment="Median of its accounts' deepest drawdowns, a negative fraction.",
        ),
        sa.Column(
            "beats_hold",
            sa.Double(),
            nullable=True,
            comment="Share of its accounts with a higher Sharpe ratio than buy and hold's on the same symbol.",
        ),
        sa.Column("beats_baseline", sa.Double(), nullable=True, comment="The same against the baseline."),
        sa.Column("n_trades", sa.Integer(), nullable=False, comment="Trades of all its accounts."),
        sa.Column(
            "average_sharpe",
            sa.Double(),
            nullable=True,
            comment="Sharpe ratio of the average of its accounts' daily returns, which the tests are about.",
        ),
        sa.Column(
            "undefined", postgresql.JSONB(), nullable=False, comment="Tests that are NULL, each with its reason."
        ),
        sa.Column(
            "backtest_ids",
            postgresql.ARRAY(sa.BigInteger()),
            nullable=False,
            comment="The simulations that it rests on (backtests.id).",
        ),
        sa.Column(
            "sharpe_over_baseline",
            sa.Double(),
            nullable=True,
            comment="The strategy's annualised Sharpe ratio less the baseline's, of the averages over symbols.",
        ),
        sa.Column("sharpe_over_baseline_low", sa.Double(), nullable=True, comment="Lower end of its 95 % interval."),
        sa.Column("sharpe_over_baseline_high", sa.Double(), nullable=True, comment="Upper end of its 95 % interval."),
        sa.Column(
            "sharpe_over_baseline_p",
            sa.Double(),
            nullable=True,
            comment="Two-sided p-value: how often chance alone shows a difference as large.",
        ),
        sa.Column(
            "sharpe_over_baseline_p_holm",
            sa.Double(),
            nullable=True,
            comment="The p-value after Holm, for all strategies that were asked about.",
        ),
        sa.Column(
            "return_over_baseline",
            sa.Double(),
            nullable=True,
            comment="The strategy's annualised mean return less the baseline's, of the averages over symbols.",
        ),
        sa.Column("return_over_baseline_low", sa.Double(), nullable=True, comment="Lower end of its 95 % interval."),
        sa.Column("return_over_baseline_high", sa.Double(), nullable=True, comment="Upper end of its 95 % interval."),
        sa.Column(
            "return_over_baseline_p",
            sa.Double(),
            nullable=True,
            comment="Two-sided p-value: how often chance alone shows a difference as large.",
        ),
        sa.Column(
            "return_over_baseline_p_holm",
            sa.Double(),
            nullable=True,
            comment="The p-value after Holm, for all strategies that were asked about.",
        ),
        sa.Column(
            "block_length_baseline",
            sa.Double(),
            nullable=True,
            comment="Mean length of the bootstrap's blocks, in sessions.",
        ),
        sa.Column(
            "sharpe_over_hold",
            sa.Double(),
            nullable=True,
            comment="The strategy's annualised Sharpe ratio less buy and hold's, of the averages over symbols.",
        ),
        sa.Column("sharpe_over_hold_low", sa.Double(), nullable=True, comment="Lower end of its 95 % interval."),
        sa.Column("sharpe_over_hold_high", sa.Double(), nullable=True, comment="Upper end of its 95 % interval."),
        sa.Column(
            "sharpe_over_hold_p",
            sa.Double(),
            nullable=True,
            comment="Two-sided p-value: how often chance alone shows a difference as large.",
        ),
        sa.Column(
            "sharpe_over_hold_p_holm",
            sa.Double(),
            nullable=True,
            comment="The p-value after Holm, for all strategies that were asked about.",
        ),
        sa.Column(
            "return_over_hold",
            sa.Double(),
            nullable=True,
            comment="The strategy's annualised mean return less buy and hold's, of the averages over symbols.",
        ),
        sa.Column("return_over_hold_low", sa.Double(), nullable=True, comment="Lower end of its 95 % interval."),
        sa.Column("return_over_hold_high", sa.Double(), nullable=True, comment="Upper end of its 95 % interval."),
        sa.Column(
            "return_over_hold_p",
            sa.Double(),
            nullable=True,
            comment="Two-sided p-value: how often chance alone shows a difference as large.",
        ),
        sa.Column(
            "return_over_hold_p_holm",
            sa.Double(),
            nullable=True,
            comment="The p-value after Holm, for all strategies that were asked about.",
        ),
        sa.Column(
            "block_length_hold",
            sa.Double(),
            nullable=True,
            comment="Mean length of the bootstrap's blocks, in sessions.",
        ),
        sa.ForeignKeyConstraint(
            ["comparison_id"],
            ["comparisons.id"],
            name=op.f("fk_comparison_rows_comparison_id_comparisons"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("comparison_id", "strategy", name=op.f("pk_comparison_rows")),
        comment="One strategy of a comparison, the baseline and buying and holding among them.",
    )
    op.create_table(
        "feature_clusters",
        sa.Column("run_id", sa.BigInteger(), nullable=False, comment="The measurement."),
        sa.Column(
            "position",
            sa.Integer(),
            nullable=False,
            comment="Its place in the matrix, from 0: clusters stand together.",
        ),
        sa.Column("feature", sa.Text(), nullable=False, comment="Name of the feature."),
        sa.Column("feature_group", sa.Text(), nullable=False, comment="Group of the catalogue."),
        sa.Column("cluster", sa.Integer(), nullable=False, comment="Number of its cluster, from 1, the largest first."),
        sa.Column(
            "cluster_size",
            sa.Integer(),
            nullable=False,
            comment="Features of that cluster; 1 for a feature that nothing resembles.",
        ),
        sa.Column(
            "keep",
            sa.Boolean(),
            nullable=False,
            comment="True for the one feature of a cluster that best stands for all of it.",
        ),
        sa.Column(
            "mean_correlation",
            sa.Double(),
            nullable=True,
            comment="Mean absolute correlation with the others of its cluster; NULL for one alone.",
        ),
        sa.Column("warm_up", sa.Integer(), nullable=False, comment="Bars before its first value."),
        sa.Column(
            "n_rows", sa.BigInteger(), nullable=False, comment="Bars with a value, of all symbols on which it varies."
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["feature_correlation_runs.id"],
            name=op.f("fk_feature_clusters_run_id_feature_correlation_runs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("run_id", "position", name=op.f("pk_feature_clusters")),
        comment="A feature of one measurement, with its cluster and whether it is the one to keep.",
    )
    for name, (comment, query) in VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {query}")
        quoted = comment.replace("'", "''").replace(":", "\\:")
        op.execute(f"COMMENT ON VIEW {name} IS '{quoted}'")


def downgrade() -> None:
    for name in reversed(VIEWS):
        op.execute(f"DROP VIEW {name}")
    for table in (
        "feature_clusters",
        "comparison_rows",
        "feature_correlations",
        "feature_correlation_runs",
        "comparisons",
    ):
        op.drop_table(table)
