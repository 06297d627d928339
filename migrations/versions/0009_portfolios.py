"""Make the tables of portfolios; a backtest may be a portfolio's, and the words of its limits are described.

A portfolio's run is a row of `backtests` without a strategy and without a symbol.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

COMMENTS = {
    ("backtests", "strategy_id"): (
        "The version of the strategy.",
        "The version of the strategy; NULL for a portfolio.",
    ),
    ("backtests", "scope"): (
        "What it ran on, in words: the ticker.",
        "What it ran on, in words: the ticker, or the portfolio's name.",
    ),
    ("trades", "exit_reason"): (
        "signal, stop, trail, break_even, take_profit, time, margin_call, delisted, ruined; NULL while open.",
        (
            "signal, stop, trail, break_even, take_profit, time, margin_call, delisted, ruined, loss_limit, "
            "risk_limit; NULL while open."
        ),
    ),
    ("orders", "outcome"): (
        (
            "filled; else what hindered it: no_cash, less_than_one_share, no_volume, halted, no_bar, no_estimate, "
            "no_edge, limit, stop, participation, direction_closed, level_crossed, max_entries, delisted, ruined, "
            "end_of_data."
        ),
        (
            "filled; else what hindered it: no_cash, less_than_one_share, no_volume, halted, no_bar, no_estimate, "
            "no_edge, limit, stop, participation, direction_closed, level_crossed, max_entries, delisted, ruined, "
            "end_of_data, or a limit of a portfolio: frozen, max_positions, correlation, position, sector, trade_loss, "
            "cash_reserve."
        ),
    ),
    ("equity", "position"): (
        "Split-adjusted shares held at each close.",
        "Split-adjusted shares held at each close; NULL for a portfolio, whose holdings are rows of positions.",
    ),
}
# A view takes over the columns of its tables: it is made anew whenever those of `backtests` change.
VIEWS = {
    "v_portfolios": (
        (
            "The current run of each portfolio, with every metric. Example: "
            "SELECT portfolio, total_return, sharpe, max_drawdown FROM v_portfolios ORDER BY portfolio;"
        ),
        """
        SELECT p.name AS portfolio, p.definition->>'title' AS title, p.definition, b.*
        FROM backtests b JOIN portfolios p ON p.id = b.portfolio_id
        WHERE b.superseded_by IS NULL AND b.origin = 'nightly' AND b.status = 'done'
        """,
    ),
    "v_portfolio_positions": (
        (
            "What the current run of each portfolio held at each close. Example: "
            "SELECT symbol, quantity, weight FROM v_portfolio_positions WHERE session = '2024-06-28' ORDER BY weight;"
        ),
        """
        SELECT b.portfolio, d.* FROM positions d JOIN v_portfolios b ON b.id = d.backtest_id
        """,
    ),
    "v_exposures": (
        (
            "What the current run of each portfolio was exposed to. Example: "
            "SELECT session, value FROM v_exposures WHERE portfolio = 'core' AND kind = 'gross' ORDER BY session;"
        ),
        """
        SELECT b.portfolio, d.* FROM exposures d JOIN v_portfolios b ON b.id = d.backtest_id
        """,
    ),
    "v_risk_events": (
        (
            "What the limits of each portfolio did in its current run. Example: "
            "SELECT rule, action, count(*) FROM v_risk_events GROUP BY rule, action ORDER BY 3 DESC;"
        ),
        """
        SELECT b.portfolio, d.* FROM risk_events d JOIN v_portfolios b ON b.id = d.backtest_id
        """,
    ),
    "v_limit_effects": (
        (
            "What each limit of a portfolio was good for in its current run: with it less without it. Example: "
            "SELECT portfolio, rule, acts, return_gained, sharpe_gained FROM v_limit_effects ORDER BY acts DESC;"
        ),
        """
        SELECT b.portfolio, d.*, d.total_return - d.total_return_without AS return_gained,
            d.max_drawdown - d.max_drawdown_without AS drawdown_spared,
            d.sharpe - d.sharpe_without AS sharpe_gained
        FROM limit_effects d JOIN v_portfolios b ON b.id = d.backtest_id
        """,
    ),
    "v_next_orders": (
        (
            "What each portfolio is to trade in the next session. Example: "
            "SELECT portfolio, side, quantity, symbol, kind, reason FROM v_next_orders ORDER BY portfolio, number;"
        ),
        """
        SELECT b.portfolio, d.* FROM next_orders d JOIN v_portfolios b ON b.id = d.backtest_id
        """,
    ),
}
TABLES = (
    "target_weights",
    "positions",
    "exposures",
    "risk_events",
    "limit_effects",
    "portfolio_measures",
    "next_orders",
    "allocation_fits",
)


def upgrade() -> None:
    create_portfolios()
    add_subject()
    for create in (
        create_target_weights, create_positions, create_exposures, create_risk_events, create_limit_effects,
        create_portfolio_measures, create_next_orders, create_allocation_fits,
    ):  # fmt: skip
        create()
    op.alter_column("equity", "position", nullable=True)
    set_comments(new=1)
    for name, (comment, query) in VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {query}")
        quoted = comment.replace("'", "''").replace(":", "\\:")
        op.execute(f"COMMENT ON VIEW {name} IS '{quoted}'")


def downgrade() -> None:
    for name in reversed(VIEWS):
        op.execute(f"DROP VIEW {name}")
    # The schema below has no place for the run of a portfolio.
    op.execute("DELETE FROM backtests WHERE portfolio_id IS NOT NULL")
    op.alter_column("equity", "position", nullable=False)
    for table in reversed(TABLES):
        op.drop_table(table)
    op.drop_constraint(op.f("ck_backtests_one_subject"), "backtests")
    op.drop_column("backtests", "portfolio_id")
    op.alter_column("backtests", "strategy_id", nullable=False)
    op.drop_table("portfolios")
    set_comments(new=0)


def add_subject() -> None:
    """Let a backtest be a strategy's or a portfolio's, and never both or neither."""
    op.add_column(
        "backtests",
        sa.Column(
            "portfolio_id",
            sa.Integer(),
            nullable=True,
            comment="The definition of the portfolio; NULL for a strategy on a symbol.",
        ),
    )
    op.create_foreign_key(
        op.f("fk_backtests_portfolio_id_portfolios"), "backtests", "portfolios", ["portfolio_id"], ["id"]
    )
    op.create_index(
        op.f("ix_backtests_portfolio_id"),
        "backtests",
        ["portfolio_id"],
        postgresql_where=sa.text("portfolio_id IS NOT NULL"),
    )
    op.alter_column("backtests", "strategy_id", nullable=True)
    op.create_check_constraint(
        op.f("ck_backtests_one_subject"), "backtests", "num_nonnulls(strategy_id, portfolio_id) = 1"
    )


def set_comments(new: int) -> None:
    for (table, column), comments in COMMENTS.items():
        quoted = comments[new].replace("'", "''").replace(":", "\\:")
        op.execute(f"COMMENT ON COLUMN {table}.{column} IS '{quoted}'")


def create_portfolios() -> None:
    op.create_table(
        "portfolios",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False, comment="Surrogate key."),
        sa.Column("name", sa.Text(), nullable=False, comment="Its name in the config."),
        sa.Column(
            "definition",
            postgresql.JSONB(),
            nullable=False,
            comment="Symbols, sleeves, allocation, rebalancing and limits.",
        ),
        sa.Column("definition_hash", sa.Text(), nullable=False, comment="Hash of that definition."),
        sa.Column(
            "first_seen_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="When this definition was first seen.",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_portfolios")),
        sa.UniqueConstraint("name", "definition_hash", name=op.f("uq_portfolios_name_definition_hash")),
        comment="A portfolio as the config defined it: a changed definition is a new row, old runs keep theirs.",
    )


def create_target_weights() -> None:
    op.create_table(
        "target_weights",
        sa.Column("backtest_id", sa.BigInteger(), nullable=False, comment="The run (backtests.id)."),
        sa.Column("session", sa.Date(), nullable=False, comment="Session at whose close it was decided."),
        sa.Column("symbol", sa.Text(), nullable=False, comment="Ticker of the symbol."),
        sa.Column(
            "weight", sa.Double(), nullable=False, comment="Signed share of equity; 0 where a symbol is to be left."
        ),
        sa.ForeignKeyConstraint(
            ["backtest_id"], ["backtests.id"], name=op.f("fk_target_weights_backtest_id_backtests"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("backtest_id", "session", "symbol", name=op.f("pk_target_weights")),
        comment="The weights a portfolio aims at from a close on: every one at a scheduled rebalance, between "
        "rebalances those that changed.",
    )


def create_positions() -> None:
    op.create_table(
        "positions",
        sa.Column("backtest_id", sa.BigInteger(), nullable=False, comment="The run (backtests.id)."),
        sa.Column("session", sa.Date(), nullable=False, comment="The session."),
        sa.Column("symbol", sa.Text(), nullable=False, comment="Ticker of the symbol."),
        sa.Column("quantity", sa.Double(), nullable=False, comment="Split-adjusted shares held, negative when short."),
        sa.Column(
            "price", sa.Double(), nullable=False, comment="Split-adjusted price it is marked at: its last close."
        ),
        sa.Column("value", sa.Double(), nullable=False, comment="quantity times price."),
        sa.Column("weight", sa.Double(), nullable=True, comment="value over equity; NULL where equity is not above 0."),
        sa.ForeignKeyConstraint(
            ["backtest_id"], ["backtests.id"], name=op.f("fk_positions_backtest_id_backtests"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("backtest_id", "session", "symbol", name=op.f("pk_positions")),
        comment="What a portfolio held at each close; a symbol that is not held has no row.",
    )


def create_exposures() -> None:
    op.create_table(
        "exposures",
        sa.Column("backtest_id", sa.BigInteger(), nullable=False, comment="The run (backtests.id)."),
        sa.Column("kind", sa.Text(), nullable=False, comment="gross, net, long, short, cash or sector."),
        sa.Column("name", sa.Text(), nullable=False, comment="The sector; empty for the other kinds."),
        sa.Column("session", sa.Date(), nullable=False, comment="The session."),
        sa.Column(
            "value", sa.Double(), nullable=False, comment="Share of equity; sectors without a position have no row."
        ),
        sa.ForeignKeyConstraint(
            ["backtest_id"], ["backtests.id"], name=op.f("fk_exposures_backtest_id_backtests"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("backtest_id", "kind", "name", "session", name=op.f("pk_exposures")),
        comment="What a portfolio was exposed to at each close, as shares of its equity.",
    )


def create_risk_events() -> None:
    op.create_table(
        "risk_events",
        sa.Column("backtest_id", sa.BigInteger(), nullable=False, comment="The run (backtests.id)."),
        sa.Column("number", sa.Integer(), nullable=False, comment="Its place in the run, from 1."),
        sa.Column("session", sa.Date(), nullable=False, comment="The session."),
        sa.Column(
            "rule",
            sa.Text(),
            nullable=False,
            comment="position, sector, trade_loss, max_positions, correlation, cash_reserve, leverage, day_loss, "
            "week_loss or drawdown.",
        ),
        sa.Column(
            "action",
            sa.Text(),
            nullable=False,
            comment="cut, refused, exit, freeze, halve, flat, rearm, trim or drifted.",
        ),
        sa.Column("symbol", sa.Text(), nullable=True, comment="Ticker; NULL where it was not about one symbol."),
        sa.Column("sector", sa.Text(), nullable=True, comment="Sector; NULL where it was not about one."),
        sa.Column(
            "measured", sa.Double(), nullable=False, comment="What was found: a share of equity, a return, or a count."
        ),
        sa.Column("limit_value", sa.Double(), nullable=False, comment="What the limit allows, in the same unit."),
        sa.Column(
            "wanted",
            sa.Double(),
            nullable=True,
            comment="Split-adjusted shares that were wanted, signed; NULL for none.",
        ),
        sa.Column(
            "allowed",
            sa.Double(),
            nullable=True,
            comment="Split-adjusted shares that were allowed, signed; NULL for none.",
        ),
        sa.ForeignKeyConstraint(
            ["backtest_id"], ["backtests.id"], name=op.f("fk_risk_events_backtest_id_backtests"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("backtest_id", "number", name=op.f("pk_risk_events")),
        comment="Every time a limit acted, in the order in which it happened, and what it did.",
    )


def create_limit_effects() -> None:
    op.create_table(
        "limit_effects",
        sa.Column("backtest_id", sa.BigInteger(), nullable=False, comment="The run (backtests.id)."),
        sa.Column("rule", sa.Text(), nullable=False, comment="The limit, as in risk_events.rule; * is all of them."),
        sa.Column("acts", sa.Integer(), nullable=False, comment="How often it acted."),
        sa.Column("total_return", sa.Double(), nullable=True, comment="Total return of the run."),
        sa.Column(
            "max_drawdown", sa.Double(), nullable=True, comment="Deepest drawdown of the run, a negative fraction."
        ),
        sa.Column("sharpe", sa.Double(), nullable=True, comment="Sharpe ratio of the run; NULL where it is undefined."),
        sa.Column("total_return_without", sa.Double(), nullable=True, comment="Total return without the limit."),
        sa.Column("max_drawdown_without", sa.Double(), nullable=True, comment="Deepest drawdown without the limit."),
        sa.Column("sharpe_without", sa.Double(), nullable=True, comment="Sharpe ratio without the limit."),
        sa.ForeignKeyConstraint(
            ["backtest_id"], ["backtests.id"], name=op.f("fk_limit_effects_backtest_id_backtests"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("backtest_id", "rule", name=op.f("pk_limit_effects")),
        comment="How often each limit of a portfolio acted, and what the run would have been without it.",
    )


def create_portfolio_measures() -> None:
    op.create_table(
        "portfolio_measures",
        sa.Column("backtest_id", sa.BigInteger(), nullable=False, comment="The run (backtests.id)."),
        sa.Column("kind", sa.Text(), nullable=False, comment="What family of measures it belongs to."),
        sa.Column("name", sa.Text(), nullable=False, comment="What it is, within its family."),
        sa.Column("value", sa.Double(), nullable=True, comment="The number; NULL where there is none."),
        sa.Column("detail", postgresql.JSONB(), nullable=False, comment="What else there is to say of it."),
        sa.ForeignKeyConstraint(
            ["backtest_id"],
            ["backtests.id"],
            name=op.f("fk_portfolio_measures_backtest_id_backtests"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("backtest_id", "kind", "name", name=op.f("pk_portfolio_measures")),
        comment="What else is measured of a portfolio: risk, stress, concentration, capacity, contributions.",
    )


def create_next_orders() -> None:
    op.create_table(
        "next_orders",
        sa.Column("backtest_id", sa.BigInteger(), nullable=False, comment="The run (backtests.id)."),
        sa.Column("number", sa.Integer(), nullable=False, comment="Its place in the list, from 1."),
        sa.Column("decided_session", sa.Date(), nullable=False, comment="Session at whose close it was decided."),
        sa.Column("symbol", sa.Text(), nullable=False, comment="Ticker of the symbol."),
        sa.Column("side", sa.Text(), nullable=False, comment="buy or sell."),
        sa.Column("quantity", sa.Double(), nullable=False, comment="Raw shares, as a broker counts them."),
        sa.Column("kind", sa.Text(), nullable=False, comment="market, limit, stop_market or stop_limit."),
        sa.Column("limit_price", sa.Double(), nullable=True, comment="Limit as a broker takes it, raw; NULL for none."),
        sa.Column("stop_price", sa.Double(), nullable=True, comment="Stop as a broker takes it, raw; NULL for none."),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why it is to be traded."),
        sa.Column(
            "weight_before", sa.Double(), nullable=False, comment="Share of equity that the position has now, signed."
        ),
        sa.Column("weight_after", sa.Double(), nullable=False, comment="Share of equity that it has then, signed."),
        sa.Column("risk", sa.Double(), nullable=True, comment="Share of equity lost at the stop; NULL without one."),
        sa.Column("note", sa.Text(), nullable=False, comment="What a person should know about it; may be empty."),
        sa.ForeignKeyConstraint(
            ["backtest_id"], ["backtests.id"], name=op.f("fk_next_orders_backtest_id_backtests"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("backtest_id", "number", name=op.f("pk_next_orders")),
        comment="The order list that a portfolio's run ends with, for the session after decided_session.",
    )


def create_allocation_fits() -> None:
    op.create_table(
        "allocation_fits",
        sa.Column("key", sa.Text(), nullable=False, comment="Hash of everything the fit depends on."),
        sa.Column("allocation", sa.Text(), nullable=False, comment="The model asked for."),
        sa.Column("session", sa.Date(), nullable=False, comment="Session up to whose close it knew the data."),
        sa.Column("universe_hash", sa.Text(), nullable=False, comment="Hash of the symbols it chose among."),
        sa.Column("settings", postgresql.JSONB(), nullable=False, comment="Settings of the allocation."),
        sa.Column("symbols", postgresql.ARRAY(sa.Text()), nullable=False, comment="Tickers of the symbols."),
        sa.Column(
            "weights",
            postgresql.ARRAY(sa.Double()),
            nullable=False,
            comment="Signed shares of equity, in the order of symbols.",
        ),
        sa.Column(
            "model",
            sa.Text(),
            nullable=False,
            comment="The model that gave the weights: the one asked for, or the fallback.",
        ),
        sa.Column(
            "note", sa.Text(), nullable=False, comment="Why it is another, or which wish was given up; may be empty."
        ),
        sa.Column(
            "created_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="When it was stored.",
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_allocation_fits")),
        comment="Weights that an optimiser found, kept so that no fit is computed twice.",
    )
