"""Make the tables, with one partition for daily bars and one for daily indicators.

A partition has its own key: daily bars are unique by session, intraday ones will be by their opening instant.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


# A partition does not inherit the comments of its columns.
COPY_COMMENTS = """
DO $$ DECLARE c record; BEGIN
    FOR c IN SELECT attname, col_description('{table}'::regclass, attnum) AS words FROM pg_attribute
        WHERE attrelid = '{table}'::regclass AND attnum > 0 LOOP
        EXECUTE format('COMMENT ON COLUMN {table}_1d.%I IS %L', c.attname, c.words);
    END LOOP;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "indicator_catalog",
        sa.Column("name", sa.Text(), nullable=False, comment="Column of the table indicators."),
        sa.Column("function", sa.Text(), nullable=False, comment="Function that computes it."),
        sa.Column("params", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="Its arguments."),
        sa.Column("inputs", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="Bar columns it reads."),
        sa.Column("kind", sa.Text(), nullable=False, comment="float or flag."),
        sa.Column("warm_up", sa.Integer(), nullable=False, comment="Bars before the first value."),
        sa.Column("meaning", sa.Text(), nullable=False, comment="What it tells a trader."),
        sa.Column("code_hash", sa.Text(), nullable=False, comment="Hash of the code that computes it."),
        sa.Column(
            "active",
            sa.Boolean(),
            server_default=sa.text("true"),
            nullable=False,
            comment="False once no code provides it any more.",
        ),
        sa.Column(
            "updated_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="When this row last changed.",
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_indicator_catalog")),
        comment="What each column of `indicators` is.",
    )
    op.create_table(
        "job_runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Surrogate key."),
        sa.Column("job", sa.Text(), nullable=False, comment="Name of the job."),
        sa.Column(
            "scheduled_for",
            postgresql.TIMESTAMP(timezone=True),
            nullable=True,
            comment="Time it was due; NULL when a person started it.",
        ),
        sa.Column("as_of", sa.Date(), nullable=False, comment="The date as of which it saw the world."),
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
            nullable=True,
            comment="When it ended; NULL while it runs.",
        ),
        sa.Column("outcome", sa.Text(), nullable=False, comment="running, fine, partial, failed or interrupted."),
        sa.Column("error", sa.Text(), nullable=True, comment="Why it failed."),
        sa.Column(
            "code_version", sa.Text(), nullable=False, comment="Version of AlphaFactory, with the hash of its code."
        ),
        sa.Column(
            "config",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="The whole config it ran on, secrets masked.",
        ),
        sa.Column("host", sa.Text(), nullable=False, comment="Machine it ran on."),
        sa.Column("pid", sa.Integer(), nullable=False, comment="Process it ran in."),
        sa.Column("seconds", sa.Double(), nullable=True, comment="How long it took."),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_runs")),
        sa.UniqueConstraint("job", "scheduled_for", name=op.f("uq_job_runs_job_scheduled_for")),
        comment="One run of one job. A scheduled run is claimed by inserting its row, so it happens once.",
    )
    op.create_index(op.f("ix_job_runs_job_started_at"), "job_runs", ["job", "started_at"], unique=False)
    op.create_table(
        "source_states",
        sa.Column("source", sa.Text(), nullable=False, comment="Name of the source."),
        sa.Column("stamp", sa.Text(), nullable=False, comment="Hash of the content and settings it delivered from."),
        sa.Column("newest_session", sa.Date(), nullable=True, comment="Newest session it offered."),
        sa.Column(
            "delivered_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="When it last delivered.",
        ),
        sa.Column(
            "rejected_rows",
            sa.Integer(),
            nullable=False,
            comment="Rows of that delivery that could not be read as bars.",
        ),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_source_states")),
        comment="What each source last delivered.",
    )
    op.create_table(
        "strategies",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False, comment="Surrogate key."),
        sa.Column("name", sa.Text(), nullable=False, comment="Name of the strategy."),
        sa.Column("version", sa.Integer(), nullable=False, comment="Counts up by name."),
        sa.Column("title", sa.Text(), nullable=False, comment="Title for people."),
        sa.Column("description", sa.Text(), nullable=False, comment="The idea."),
        sa.Column(
            "params_schema",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="Parameters with default, bounds and meaning.",
        ),
        sa.Column("source_text", sa.Text(), nullable=False, comment="Source of the strategy and its local imports."),
        sa.Column("code_hash", sa.Text(), nullable=False, comment="Hash of that source."),
        sa.Column(
            "first_seen_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="When this version was first seen.",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_strategies")),
        sa.UniqueConstraint("name", "code_hash", name=op.f("uq_strategies_name_code_hash")),
        sa.UniqueConstraint("name", "version", name=op.f("uq_strategies_name_version")),
        comment="A version of a strategy: a changed source text is a new version, old results keep theirs.",
    )
    op.create_table(
        "symbols",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False, comment="Surrogate key."),
        sa.Column("ticker", sa.Text(), nullable=False, comment="Ticker as the first source writes it."),
        sa.Column(
            "exchange",
            sa.Text(),
            nullable=False,
            comment="Exchange or country of the listing; with the ticker the natural key.",
        ),
        sa.Column("name", sa.Text(), nullable=True, comment="Company or product name."),
        sa.Column("sector", sa.Text(), nullable=True, comment="Sector, as the source names it."),
        sa.Column("asset_class", sa.Text(), nullable=False, comment="equity, index, crypto, …."),
        sa.Column("calendar", sa.Text(), nullable=False, comment="Name of the exchange calendar, for example XNYS."),
        sa.Column("currency", sa.Text(), nullable=False, comment="Currency of the prices."),
        sa.Column("listed", sa.Date(), nullable=True, comment="First day of trading, where known."),
        sa.Column("delisted", sa.Date(), nullable=True, comment="Last day of trading; NULL while it trades."),
        sa.Column("source", sa.Text(), nullable=False, comment="Source that described it."),
        sa.Column(
            "simulated", sa.Boolean(), nullable=False, comment="True where every price is made by a seeded simulation."
        ),
        sa.Column(
            "updated_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="When this row last changed.",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_symbols")),
        sa.UniqueConstraint("ticker", "exchange", name=op.f("uq_symbols_ticker_exchange")),
        comment="A tradable thing, with its listing and what it belongs to.",
    )
    op.create_table(
        "backtests",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Surrogate key."),
        sa.Column("strategy_id", sa.Integer(), nullable=False, comment="The version of the strategy."),
        sa.Column("symbol_id", sa.Integer(), nullable=True, comment="The symbol; NULL for several on one account."),
        sa.Column("scope", sa.Text(), nullable=False, comment="What it ran on, in words: the ticker."),
        sa.Column(
            "params", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="Parameters of the strategy."
        ),
        sa.Column(
            "settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="Settings of the simulation."
        ),
        sa.Column("period_start", sa.Date(), nullable=True, comment="First session asked for; NULL for all."),
        sa.Column("period_end", sa.Date(), nullable=True, comment="Last session asked for; NULL for all."),
        sa.Column("start_session", sa.Date(), nullable=True, comment="First session simulated."),
        sa.Column("end_session", sa.Date(), nullable=True, comment="Last session simulated."),
        sa.Column("fingerprint", sa.Text(), nullable=False, comment="Hash of everything the result depends on."),
        sa.Column(
            "data_fingerprint", sa.Text(), nullable=False, comment="Hash of the bars, actions and quarantine it read."
        ),
        sa.Column(
            "subject_key", sa.Text(), nullable=False, comment="Hash of the question it answers; stable over nights."
        ),
        sa.Column("origin", sa.Text(), nullable=False, comment="nightly, adhoc or sweep."),
        sa.Column(
            "superseded_by",
            sa.BigInteger(),
            nullable=True,
            comment="The newer answer to the same question; NULL for the current one.",
        ),
        sa.Column("status", sa.Text(), nullable=False, comment="done or failed."),
        sa.Column("error", sa.Text(), nullable=True, comment="Why it failed."),
        sa.Column(
            "simulated_prices", sa.Boolean(), nullable=False, comment="True where the prices are made by a simulation."
        ),
        sa.Column(
            "optimistic", sa.Boolean(), nullable=False, comment="True where fills use a price that the signal had seen."
        ),
        sa.Column("ruined", sa.Boolean(), nullable=False, comment="True where equity fell to nothing."),
        sa.Column("periods_per_year", sa.Integer(), nullable=False, comment="Periods a year used by the metrics."),
        sa.Column("risk_free_rate", sa.Double(), nullable=False, comment="Annual risk-free rate used by the metrics."),
        sa.Column("balance_error", sa.Double(), nullable=True, comment="Relative breach of the balance identity."),
        sa.Column(
            "nan_targets",
            sa.Integer(),
            nullable=False,
            comment="Sessions whose target was not a number, taken as flat.",
        ),
        sa.Column(
            "undefined",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="Metrics that are NULL, each with its reason.",
        ),
        sa.Column(
            "refused",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="Orders refused or cut, each with session and reason.",
        ),
        sa.Column("job_run_id", sa.BigInteger(), nullable=True, comment="The run that computed it."),
        sa.Column("code_version", sa.Text(), nullable=False, comment="Version of AlphaFactory that computed it."),
        sa.Column(
            "created_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="When it was stored.",
        ),
        sa.Column("total_return", sa.Double(), nullable=True, comment="End equity over starting cash, less 1."),
        sa.Column("cagr", sa.Double(), nullable=True, comment="Annual growth by periods a year."),
        sa.Column("cagr_calendar", sa.Double(), nullable=True, comment="Annual growth by calendar days."),
        sa.Column("annual_volatility", sa.Double(), nullable=True, comment="Annualised standard deviation of returns."),
        sa.Column("sharpe", sa.Double(), nullable=True, comment="Annualised Sharpe ratio."),
        sa.Column("sortino", sa.Double(), nullable=True, comment="Annualised Sortino ratio."),
        sa.Column("max_drawdown", sa.Double(), nullable=True, comment="Deepest drawdown, a negative fraction."),
        sa.Column(
            "max_drawdown_peak", sa.Date(), nullable=True, comment="Session of the peak before the deepest drawdown."
        ),
        sa.Column("max_drawdown_trough", sa.Date(), nullable=True, comment="Session of the deepest drawdown's trough."),
        sa.Column(
            "max_drawdown_recovery",
            sa.Date(),
            nullable=True,
            comment="Session at which the peak was reached again; NULL if never.",
        ),
        sa.Column("calmar", sa.Double(), nullable=True, comment="cagr over abs(max_drawdown)."),
        sa.Column("omega", sa.Double(), nullable=True, comment="Omega ratio."),
        sa.Column("tail_ratio", sa.Double(), nullable=True, comment="Tail ratio."),
        sa.Column(
            "value_at_risk",
            sa.Double(),
            nullable=True,
            comment="One-day historical value at risk at 95 %, a negative fraction.",
        ),
        sa.Column(
            "conditional_value_at_risk",
            sa.Double(),
            nullable=True,
            comment="Mean loss beyond the value at risk, a negative fraction.",
        ),
        sa.Column("skew", sa.Double(), nullable=True, comment="Bias-corrected skewness of returns."),
        sa.Column("kurtosis", sa.Double(), nullable=True, comment="Bias-corrected excess kurtosis of returns."),
        sa.Column(
            "probabilistic_sharpe",
            sa.Double(),
            nullable=True,
            comment="Probability that the true Sharpe ratio is above 0.",
        ),
        sa.Column("exposure", sa.Double(), nullable=True, comment="Sessions with a position over all sessions."),
        sa.Column("turnover", sa.Double(), nullable=True, comment="Traded value over mean equity, a year."),
        sa.Column("n_trades", sa.Double(), nullable=True, comment="Trades, an open one included."),
        sa.Column("n_closed_trades", sa.Double(), nullable=True, comment="Trades that have ended."),
        sa.Column("win_rate", sa.Double(), nullable=True, comment="Winning closed trades over closed trades."),
        sa.Column(
            "profit_factor",
            sa.Double(),
            nullable=True,
            comment="Money won over money lost, closed trades, net of costs.",
        ),
        sa.Column("expectancy", sa.Double(), nullable=True, comment="Mean net profit of a closed trade."),
        sa.Column("sqn", sa.Double(), nullable=True, comment="System quality number."),
        sa.Column("payoff_ratio", sa.Double(), nullable=True, comment="Mean win over mean loss."),
        sa.Column("avg_win", sa.Double(), nullable=True, comment="Mean net profit of the winners."),
        sa.Column("avg_loss", sa.Double(), nullable=True, comment="Mean net loss of the losers."),
        sa.Column("largest_win", sa.Double(), nullable=True, comment="Largest net profit."),
        sa.Column("largest_loss", sa.Double(), nullable=True, comment="Largest net loss."),
        sa.Column("max_consecutive_losses", sa.Double(), nullable=True, comment="Longest run of losing trades."),
        sa.Column("avg_bars_held", sa.Double(), nullable=True, comment="Mean bars from entry to exit."),
        sa.Column("commission_total", sa.Double(), nullable=True, comment="Commission paid."),
        sa.Column("slippage_total", sa.Double(), nullable=True, comment="Money lost to slippage."),
        sa.Column("dividends_total", sa.Double(), nullable=True, comment="Dividends received less paid."),
        sa.Column("borrow_total", sa.Double(), nullable=True, comment="Cost of borrowed shares."),
        sa.Column("start_equity", sa.Double(), nullable=True, comment="Cash before the first session."),
        sa.Column("end_equity", sa.Double(), nullable=True, comment="Equity at the last close."),
        sa.Column("n_sessions", sa.Double(), nullable=True, comment="Sessions simulated."),
        sa.ForeignKeyConstraint(["job_run_id"], ["job_runs.id"], name=op.f("fk_backtests_job_run_id_job_runs")),
        sa.ForeignKeyConstraint(["strategy_id"], ["strategies.id"], name=op.f("fk_backtests_strategy_id_strategies")),
        sa.ForeignKeyConstraint(["superseded_by"], ["backtests.id"], name=op.f("fk_backtests_superseded_by_backtests")),
        sa.ForeignKeyConstraint(["symbol_id"], ["symbols.id"], name=op.f("fk_backtests_symbol_id_symbols")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backtests")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_backtests_fingerprint")),
        comment="One simulation with every metric. The same fingerprint is never simulated twice.",
    )
    op.create_index(
        "ix_backtests_current",
        "backtests",
        ["id"],
        unique=False,
        postgresql_where="superseded_by IS NULL AND origin = 'nightly'",
    )
    op.create_index(op.f("ix_backtests_subject_key"), "backtests", ["subject_key"], unique=False)
    op.create_index(op.f("ix_backtests_symbol_id_strategy_id"), "backtests", ["symbol_id", "strategy_id"], unique=False)
    op.create_table(
        "bar_revisions",
        sa.Column("symbol_id", sa.Integer(), nullable=False, comment="The symbol (symbols.id)."),
        sa.Column("timeframe", sa.Text(), nullable=False, comment="Length of the bar: 1d."),
        sa.Column("session", sa.Date(), nullable=False, comment="Session date on the symbol's calendar."),
        sa.Column(
            "ts",
            postgresql.TIMESTAMP(timezone=True),
            nullable=True,
            comment="Opening instant of an intraday bar; NULL for a daily one.",
        ),
        sa.Column("open", sa.Double(), nullable=False, comment="Opening price as traded."),
        sa.Column("high", sa.Double(), nullable=False, comment="Highest price as traded."),
        sa.Column("low", sa.Double(), nullable=False, comment="Lowest price as traded."),
        sa.Column("close", sa.Double(), nullable=False, comment="Closing price as traded."),
        sa.Column("volume", sa.Double(), nullable=False, comment="Shares traded."),
        sa.Column("source", sa.Text(), nullable=False, comment="Source of these values."),
        sa.Column(
            "known_from",
            postgresql.TIMESTAMP(timezone=True),
            nullable=False,
            comment="From when these values were the known ones.",
        ),
        sa.Column(
            "known_to",
            postgresql.TIMESTAMP(timezone=True),
            nullable=False,
            comment="When their own source replaced them.",
        ),
        sa.PrimaryKeyConstraint("symbol_id", "timeframe", "session", "known_to", name=op.f("pk_bar_revisions")),
        comment="What a bar said before its own source changed it.",
    )
    op.create_table(
        "bars",
        sa.Column("symbol_id", sa.Integer(), nullable=False, comment="The symbol (symbols.id)."),
        sa.Column("timeframe", sa.Text(), nullable=False, comment="Length of the bar: 1d."),
        sa.Column("session", sa.Date(), nullable=False, comment="Session date on the symbol's calendar."),
        sa.Column(
            "ts",
            postgresql.TIMESTAMP(timezone=True),
            nullable=True,
            comment="Opening instant of an intraday bar; NULL for a daily one.",
        ),
        sa.Column("open", sa.Double(), nullable=False, comment="Opening price as traded."),
        sa.Column("high", sa.Double(), nullable=False, comment="Highest price as traded."),
        sa.Column("low", sa.Double(), nullable=False, comment="Lowest price as traded."),
        sa.Column("close", sa.Double(), nullable=False, comment="Closing price as traded."),
        sa.Column("volume", sa.Double(), nullable=False, comment="Shares traded."),
        sa.Column("source", sa.Text(), nullable=False, comment="Source of these values."),
        sa.Column(
            "known_at",
            postgresql.TIMESTAMP(timezone=True),
            nullable=False,
            comment="When the world could know these values.",
        ),
        sa.Column(
            "known_at_assumed",
            sa.Boolean(),
            nullable=False,
            comment="True where known_at is the session's close because the first load came later.",
        ),
        sa.Column(
            "ingested_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="When we wrote the row.",
        ),
        comment="One bar of one timeframe, raw as traded, partitioned by timeframe. Each partition has its own key.",
        postgresql_partition_by="LIST (timeframe)",
    )
    op.create_table(
        "dividends",
        sa.Column("symbol_id", sa.Integer(), nullable=False, comment="The symbol."),
        sa.Column("ex_date", sa.Date(), nullable=False, comment="First session without the right to it."),
        sa.Column("kind", sa.Text(), nullable=False, comment="cash, special, …."),
        sa.Column(
            "known_at", postgresql.TIMESTAMP(timezone=True), nullable=False, comment="When the world could know."
        ),
        sa.Column(
            "amount",
            sa.Double(),
            nullable=False,
            comment="Cash a share as traded before the ex-date; 0 withdraws an earlier version.",
        ),
        sa.Column("source", sa.Text(), nullable=False, comment="Source of the row."),
        sa.Column(
            "ingested_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="When we wrote the row.",
        ),
        sa.ForeignKeyConstraint(["symbol_id"], ["symbols.id"], name=op.f("fk_dividends_symbol_id_symbols")),
        sa.PrimaryKeyConstraint("symbol_id", "ex_date", "kind", "known_at", name=op.f("pk_dividends")),
        comment="A cash dividend a share as traded. The newest known_at holds.",
    )
    op.create_table(
        "earnings_calendar",
        sa.Column("symbol_id", sa.Integer(), nullable=False, comment="The symbol."),
        sa.Column("fiscal_period", sa.Text(), nullable=False, comment="Fiscal period, for example 2019Q3."),
        sa.Column(
            "known_at", postgresql.TIMESTAMP(timezone=True), nullable=False, comment="When the world could know."
        ),
        sa.Column("announced", sa.Date(), nullable=False, comment="Day of the announcement."),
        sa.Column("estimate", sa.Double(), nullable=True, comment="Expected earnings a share."),
        sa.Column("actual", sa.Double(), nullable=True, comment="Reported earnings a share."),
        sa.Column("surprise", sa.Double(), nullable=True, comment="actual - estimate."),
        sa.Column("source", sa.Text(), nullable=False, comment="Source of the row."),
        sa.Column(
            "ingested_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="When we wrote the row.",
        ),
        sa.ForeignKeyConstraint(["symbol_id"], ["symbols.id"], name=op.f("fk_earnings_calendar_symbol_id_symbols")),
        sa.PrimaryKeyConstraint("symbol_id", "fiscal_period", "known_at", name=op.f("pk_earnings_calendar")),
        comment="An earnings announcement. The newest known_at holds.",
    )
    op.create_table(
        "indicators",
        sa.Column("symbol_id", sa.Integer(), nullable=False, comment="The symbol (symbols.id)."),
        sa.Column("timeframe", sa.Text(), nullable=False, comment="Length of the bar: 1d."),
        sa.Column("session", sa.Date(), nullable=False, comment="Session date on the symbol's calendar."),
        sa.Column(
            "ts",
            postgresql.TIMESTAMP(timezone=True),
            nullable=True,
            comment="Opening instant of an intraday bar; NULL for a daily one.",
        ),
        sa.Column(
            "row_hash", sa.BigInteger(), nullable=False, comment="Hash of the row's values, to write only what changed."
        ),
        comment="Indicator values on the split-adjusted basis known today, partitioned by timeframe. "
        "One column an indicator, added when it registers; see indicator_catalog.",
        postgresql_partition_by="LIST (timeframe)",
    )
    op.create_table(
        "job_steps",
        sa.Column("job_run_id", sa.BigInteger(), nullable=False, comment="The run."),
        sa.Column("name", sa.Text(), nullable=False, comment="Name of the step."),
        sa.Column("position", sa.Integer(), nullable=False, comment="Its place in the run, from 1."),
        sa.Column(
            "started_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="When it started.",
        ),
        sa.Column("finished_at", postgresql.TIMESTAMP(timezone=True), nullable=True, comment="When it ended."),
        sa.Column(
            "outcome", sa.Text(), nullable=False, comment="running, fine, partial, failed, skipped or interrupted."
        ),
        sa.Column("rows", sa.BigInteger(), server_default="0", nullable=False, comment="Rows written."),
        sa.Column("seconds", sa.Double(), nullable=True, comment="How long it took."),
        sa.Column("message", sa.Text(), server_default="", nullable=False, comment="What it did, in a sentence."),
        sa.Column(
            "failures",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="What gave no result: kind, subject, message.",
        ),
        sa.ForeignKeyConstraint(
            ["job_run_id"], ["job_runs.id"], name=op.f("fk_job_steps_job_run_id_job_runs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_run_id", "name", name=op.f("pk_job_steps")),
        comment="One step of a job run.",
    )
    op.create_table(
        "quality_findings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Surrogate key."),
        sa.Column("rule", sa.Text(), nullable=False, comment="Name of the rule."),
        sa.Column("severity", sa.Text(), nullable=False, comment="error, warning or note."),
        sa.Column("subject", sa.Text(), nullable=False, comment="Ticker, file or plug-in that broke it."),
        sa.Column("symbol_id", sa.Integer(), nullable=True, comment="The symbol, where the subject is one."),
        sa.Column(
            "timeframe", sa.Text(), server_default="1d", nullable=False, comment="Timeframe of the bar or series."
        ),
        sa.Column(
            "session",
            sa.Date(),
            nullable=True,
            comment="Session of the bar, or the first of a gap; NULL for a whole series.",
        ),
        sa.Column("message", sa.Text(), nullable=False, comment="What is wrong, in a sentence with the values."),
        sa.Column(
            "payload",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="The offending values themselves.",
        ),
        sa.Column(
            "quarantined",
            sa.Boolean(),
            nullable=False,
            comment="True where the bar is not used by anything downstream.",
        ),
        sa.Column(
            "found_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="When it was first found.",
        ),
        sa.Column(
            "closed_at",
            postgresql.TIMESTAMP(timezone=True),
            nullable=True,
            comment="When it was found no more; NULL while it stands.",
        ),
        sa.Column(
            "judgement", sa.Text(), nullable=True, comment="A person's word: accepted (use the bar) or rejected."
        ),
        sa.Column("judged_at", postgresql.TIMESTAMP(timezone=True), nullable=True, comment="When the person judged."),
        sa.ForeignKeyConstraint(["symbol_id"], ["symbols.id"], name=op.f("fk_quality_findings_symbol_id_symbols")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quality_findings")),
        sa.UniqueConstraint(
            "rule",
            "subject",
            "timeframe",
            "session",
            name=op.f("uq_quality_findings_rule_subject_timeframe_session"),
            postgresql_nulls_not_distinct=True,
        ),
        comment="One rule broken by one bar, series, file or plug-in, with the offending values.",
    )
    op.create_index(
        op.f("ix_quality_findings_symbol_id_session"), "quality_findings", ["symbol_id", "session"], unique=False
    )
    op.create_table(
        "series_states",
        sa.Column("symbol_id", sa.Integer(), nullable=False, comment="The symbol."),
        sa.Column("timeframe", sa.Text(), nullable=False, comment="Timeframe of the series."),
        sa.Column("gate_fingerprint", sa.Text(), nullable=True, comment="Bars and rules at the last quality gate."),
        sa.Column(
            "indicators_fingerprint", sa.Text(), nullable=True, comment="Bars, actions and code at the last indicators."
        ),
        sa.ForeignKeyConstraint(["symbol_id"], ["symbols.id"], name=op.f("fk_series_states_symbol_id_symbols")),
        sa.PrimaryKeyConstraint("symbol_id", "timeframe", name=op.f("pk_series_states")),
        comment="Fingerprints of what a series was when it was last judged and enriched.",
    )
    op.create_table(
        "splits",
        sa.Column("symbol_id", sa.Integer(), nullable=False, comment="The symbol."),
        sa.Column("ex_date", sa.Date(), nullable=False, comment="First session on the new basis."),
        sa.Column(
            "known_at", postgresql.TIMESTAMP(timezone=True), nullable=False, comment="When the world could know."
        ),
        sa.Column(
            "ratio",
            sa.Double(),
            nullable=False,
            comment="New shares for one old share; 0 withdraws an earlier version.",
        ),
        sa.Column("source", sa.Text(), nullable=False, comment="Source of the row."),
        sa.Column(
            "ingested_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="When we wrote the row.",
        ),
        sa.ForeignKeyConstraint(["symbol_id"], ["symbols.id"], name=op.f("fk_splits_symbol_id_symbols")),
        sa.PrimaryKeyConstraint("symbol_id", "ex_date", "known_at", name=op.f("pk_splits")),
        comment="A split: one old share became `ratio` new ones. The newest known_at holds.",
    )
    op.create_table(
        "equity",
        sa.Column("backtest_id", sa.BigInteger(), nullable=False, comment="The simulation."),
        sa.Column("sessions", postgresql.ARRAY(sa.Date()), nullable=False, comment="Sessions."),
        sa.Column("equity", postgresql.ARRAY(sa.Double()), nullable=False, comment="Equity at each close."),
        sa.Column("cash", postgresql.ARRAY(sa.Double()), nullable=False, comment="Cash at each close."),
        sa.Column(
            "position",
            postgresql.ARRAY(sa.Double()),
            nullable=False,
            comment="Split-adjusted shares held at each close.",
        ),
        sa.ForeignKeyConstraint(
            ["backtest_id"], ["backtests.id"], name=op.f("fk_equity_backtest_id_backtests"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("backtest_id", name=op.f("pk_equity")),
        comment="The curve of a backtest as arrays; performance_snapshots gives one row a session.",
    )
    op.create_table(
        "trades",
        sa.Column("backtest_id", sa.BigInteger(), nullable=False, comment="The simulation."),
        sa.Column("number", sa.Integer(), nullable=False, comment="Its place in the simulation, from 1."),
        sa.Column("entry_session", sa.Date(), nullable=False, comment="Session of the entry."),
        sa.Column(
            "entry_price", sa.Double(), nullable=False, comment="Average entry price after slippage, split-adjusted."
        ),
        sa.Column("exit_session", sa.Date(), nullable=True, comment="Session of the exit."),
        sa.Column(
            "exit_price", sa.Double(), nullable=True, comment="Average exit price after slippage, split-adjusted."
        ),
        sa.Column("exit_reason", sa.Text(), nullable=True, comment="signal, delisted, ruined; NULL while open."),
        sa.Column(
            "quantity",
            sa.Double(),
            nullable=False,
            comment="Largest holding in split-adjusted shares; negative when short.",
        ),
        sa.Column("gross_pnl", sa.Double(), nullable=False, comment="Profit before commission."),
        sa.Column("net_pnl", sa.Double(), nullable=False, comment="Profit after every cost, without dividends."),
        sa.Column("commission", sa.Double(), nullable=False, comment="Commission of all its fills."),
        sa.Column("slippage", sa.Double(), nullable=False, comment="Money lost to slippage."),
        sa.Column("dividends", sa.Double(), nullable=False, comment="Dividends received less paid."),
        sa.Column(
            "mae", sa.Double(), nullable=False, comment="Worst excursion, a fraction of the entry price, at most 0."
        ),
        sa.Column(
            "mfe", sa.Double(), nullable=False, comment="Best excursion, a fraction of the entry price, at least 0."
        ),
        sa.Column("bars_held", sa.Integer(), nullable=False, comment="Bars from entry to exit."),
        sa.ForeignKeyConstraint(
            ["backtest_id"], ["backtests.id"], name=op.f("fk_trades_backtest_id_backtests"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("backtest_id", "number", name=op.f("pk_trades")),
        comment="One round trip, from flat to flat. Exit columns are NULL while it is open.",
    )
    for table in ("bars", "indicators"):
        op.execute(f"CREATE TABLE {table}_1d PARTITION OF {table} FOR VALUES IN ('1d')")
        op.execute(f"ALTER TABLE {table}_1d ADD CONSTRAINT pk_{table}_1d PRIMARY KEY (symbol_id, session)")
        op.execute(f"COMMENT ON TABLE {table}_1d IS 'The daily rows of {table}.'")
        op.execute(COPY_COMMENTS.format(table=table))


def downgrade() -> None:
    op.drop_table("trades")
    op.drop_table("equity")
    op.drop_table("splits")
    op.drop_table("series_states")
    op.drop_index(op.f("ix_quality_findings_symbol_id_session"), table_name="quality_findings")
    op.drop_table("quality_findings")
    op.drop_table("job_steps")
    op.drop_table("indicators")
    op.drop_table("earnings_calendar")
    op.drop_table("dividends")
    op.drop_table("bars")
    op.drop_table("bar_revisions")
    op.drop_index(op.f("ix_backtests_symbol_id_strategy_id"), table_name="backtests")
    op.drop_index(op.f("ix_backtests_subject_key"), table_name="backtests")
    op.drop_index(
        "ix_backtests_current", table_name="backtests", postgresql_where="superseded_by IS NULL AND origin = 'nightly'"
    )
    op.drop_table("backtests")
    op.drop_table("symbols")
    op.drop_table("strategies")
    op.drop_table("source_states")
    op.drop_index(op.f("ix_job_runs_job_started_at"), table_name="job_runs")
    op.drop_table("job_runs")
    op.drop_table("indicator_catalog")
