"""Keep every order with how it ended, what the simulator knows of trades by now, and metrics against benchmarks.

Orders that were refused stood in `backtests.refused`; they become rows, and what was not kept of them is NULL.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

METRICS = {
    "index_return": "Total return of the index between the simulation's sessions, dividends included.",
    "alpha": "Annual return beyond beta times the index's.",
    "beta": "Covariance with the index over the index's variance.",
    "up_capture": "Annual growth on sessions on which the index rose over the index's own.",
    "down_capture": "Annual growth on sessions on which the index fell over the index's own.",
    "tracking_error": "Annualised deviation of the returns beyond the index's.",
    "information_ratio": "Annualised mean over deviation of the returns beyond the index's.",
    "hold_return": "Total return of the share itself from the first close, dividends included.",
    "hold_alpha": "Annual return beyond beta times that of holding the share.",
    "hold_beta": "Covariance with holding the share over its variance.",
    "hold_up_capture": "Annual growth on sessions on which the share rose over the share's own.",
    "hold_down_capture": "Annual growth on sessions on which the share fell over the share's own.",
    "hold_tracking_error": "Annualised deviation of the returns beyond those of holding the share.",
    "hold_information_ratio": "Annualised mean over deviation of the returns beyond those of holding the share.",
    "expectancy_r": "Mean of net profit over risk, closed trades that have a stop.",
    "n_ambiguous_trades": "Trades in which one bar met two levels.",
    "n_short_orders": "Orders that were refused, cut or given up.",
    "fees_total": "Fees of sales.",
    "interest_total": "Interest earned on cash less paid on debt.",
    "ambiguous_pnl": "Money that hangs on bars that met two levels: optimistic less counted profit.",
}
KNOWN = ("n_ambiguous_trades", "fees_total", "interest_total", "ambiguous_pnl")
"""What is 0 in every older result: there were no levels, no fees of sales and no interest."""
COMMENTS = {
    ("backtests", "status"): (
        "done or failed.",
        "done, failed, or skipped where there are fewer bars than the strategy's warm-up.",
    ),
    ("backtests", "error"): ("Why it failed.", "Why it failed or was skipped."),
    ("trades", "exit_reason"): (
        "signal, delisted, ruined; NULL while open.",
        "signal, stop, trail, break_even, take_profit, time, margin_call, delisted, ruined; NULL while open.",
    ),
    ("trades", "gross_pnl"): ("Profit before commission.", "Profit before commission, slippage and fees."),
    ("trades", "net_pnl"): (
        "Profit after every cost, without dividends.",
        "Profit after commission, slippage and fees, without dividends and borrow.",
    ),
}
# These views take over the columns of their tables, so that they are made anew whenever those change.
VIEWS = {
    "v_current_backtests": (
        (
            "The current results: one row a question, neither replaced nor ad hoc. Example: "
            "SELECT ticker, strategy, sharpe FROM v_current_backtests ORDER BY sharpe DESC NULLS LAST LIMIT 10;"
        ),
        """
        SELECT y.ticker, y.name AS symbol_name, y.sector, t.name AS strategy, t.version AS strategy_version, b.*
        FROM backtests b JOIN strategies t ON t.id = b.strategy_id LEFT JOIN symbols y ON y.id = b.symbol_id
        WHERE b.superseded_by IS NULL AND b.origin = 'nightly' AND b.status = 'done'
        """,
    ),
    "v_best_by_sector": (
        "The best current result of each sector by Sharpe ratio. Example: SELECT * FROM v_best_by_sector;",
        """
        SELECT DISTINCT ON (sector) sector, ticker, strategy, params, sharpe, total_return, max_drawdown, n_trades, id
        FROM v_current_backtests WHERE sharpe IS NOT NULL AND sector IS NOT NULL
        ORDER BY sector, sharpe DESC, ticker, strategy
        """,
    ),
    "v_trades": (
        (
            "The trades of the current results. Example: "
            "SELECT * FROM v_trades WHERE ticker = 'AAPL' ORDER BY entry_session DESC LIMIT 10;"
        ),
        """
        SELECT b.ticker, b.sector, b.strategy, b.params, t.*
        FROM trades t JOIN v_current_backtests b ON b.id = t.backtest_id
        """,
    ),
}
ORDER_VIEWS = {
    "v_orders": (
        (
            "The orders of the current results. Example: "
            "SELECT * FROM v_orders WHERE ticker = 'AAPL' ORDER BY ended_session DESC LIMIT 10;"
        ),
        """
        SELECT b.ticker, b.sector, b.strategy, b.params, o.*
        FROM orders o JOIN v_current_backtests b ON b.id = o.backtest_id
        """,
    ),
    "v_orders_refused": (
        (
            "The orders of the current results that were refused, cut or given up, and why. Example: "
            "SELECT outcome, count(*) FROM v_orders_refused GROUP BY outcome ORDER BY 2 DESC;"
        ),
        """
        SELECT ticker, sector, strategy, params, backtest_id, number, decided_session, ended_session, kind, outcome,
            weight, asked, filled, price
        FROM v_orders WHERE outcome <> 'filled'
        """,
    ),
}
MOVE = """
INSERT INTO orders (backtest_id, number, symbol, decided_session, ended_session, kind, outcome, asked, filled,
    commission, fees, slippage)
SELECT b.id, r.number, b.scope,
    CASE WHEN b.settings->>'fill' = 'same_close' THEN d.session
        ELSE coalesce(e.sessions[array_position(e.sessions, d.session) - 1], d.session) END,
    d.session, 'market', r.item->>'reason', (r.item->>'quantity')::float8, 0, 0, 0, 0
FROM backtests b JOIN equity e ON e.backtest_id = b.id
CROSS JOIN LATERAL jsonb_array_elements(b.refused) WITH ORDINALITY AS r(item, number)
CROSS JOIN LATERAL (SELECT (r.item->>'session')::date AS session) d
"""
MOVE_BACK = """
UPDATE backtests b SET refused = o.list FROM (
    SELECT backtest_id, jsonb_agg(jsonb_build_object('session', ended_session, 'quantity', asked, 'reason', outcome)
        ORDER BY number) AS list
    FROM orders WHERE outcome <> 'filled' GROUP BY backtest_id
) o WHERE o.backtest_id = b.id
"""


def upgrade() -> None:
    drop_views(VIEWS)
    create_orders()
    op.execute(MOVE)
    op.add_column(
        "backtests",
        sa.Column(
            "index_symbol",
            sa.Text(),
            nullable=True,
            comment="Ticker of the index it is measured against; NULL without one.",
        ),
    )
    for name, comment in METRICS.items():
        op.add_column("backtests", sa.Column(name, sa.Double(), nullable=True, comment=comment))
    fill_metrics()
    op.drop_column("backtests", "refused")
    add_trade_columns()
    set_comments(new=1)
    make_views(VIEWS | ORDER_VIEWS)


def downgrade() -> None:
    drop_views(VIEWS | ORDER_VIEWS)
    op.add_column(
        "backtests",
        sa.Column(
            "refused",
            postgresql.JSONB(),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
            comment="Orders refused or cut, each with session and reason.",
        ),
    )
    op.alter_column("backtests", "refused", server_default=None)
    op.execute(MOVE_BACK)
    # The schema below knows neither what was skipped nor why these metrics are undefined.
    op.execute(
        "UPDATE backtests SET superseded_by = id "
        "WHERE superseded_by IN (SELECT id FROM backtests WHERE status = 'skipped')"
    )
    op.execute("DELETE FROM backtests WHERE status = 'skipped'")
    names = ", ".join(f"'{name}'" for name in METRICS)
    op.execute(f"UPDATE backtests SET undefined = undefined - ARRAY[{names}]")  # noqa: S608  our own names
    for name in ("index_symbol", *METRICS):
        op.drop_column("backtests", name)
    for name in ("symbol", "fees", "borrow", "risk", "ambiguous", "optimistic_pnl"):
        op.drop_column("trades", name)
    op.drop_table("orders")
    set_comments(new=0)
    make_views(VIEWS)


def create_orders() -> None:
    op.create_table(
        "orders",
        sa.Column("backtest_id", sa.BigInteger(), nullable=False, comment="The simulation."),
        sa.Column("number", sa.Integer(), nullable=False, comment="Its place in the simulation, from 1."),
        sa.Column("symbol", sa.Text(), nullable=False, comment="Ticker of the symbol; several may share the account."),
        sa.Column(
            "decided_session",
            sa.Date(),
            nullable=False,
            comment="Session whose close gave rise to it; for levels, whose bar did.",
        ),
        sa.Column(
            "ended_session",
            sa.Date(),
            nullable=False,
            comment="Session in which it was filled whole, refused or given up.",
        ),
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            comment="market, limit, stop_market or stop_limit of a signal; else why a trade was ended, as in "
            "trades.exit_reason.",
        ),
        sa.Column(
            "outcome",
            sa.Text(),
            nullable=False,
            comment="filled; else what hindered it: no_cash, less_than_one_share, no_volume, halted, no_bar, "
            "no_estimate, no_edge, limit, stop, participation, direction_closed, level_crossed, max_entries, delisted, "
            "ruined, end_of_data.",
        ),
        sa.Column(
            "weight",
            sa.Double(),
            nullable=True,
            comment="Target that it served, -1 to 1; NULL where it was not kept.",
        ),
        sa.Column(
            "asked",
            sa.Double(),
            nullable=False,
            comment="Split-adjusted shares sought at its first attempt, negative for a sale.",
        ),
        sa.Column("filled", sa.Double(), nullable=False, comment="Split-adjusted shares traded, negative for a sale."),
        sa.Column(
            "price",
            sa.Double(),
            nullable=True,
            comment="Average price after slippage, split-adjusted; NULL without a fill.",
        ),
        sa.Column("first_fill_session", sa.Date(), nullable=True, comment="Session of its first fill."),
        sa.Column("commission", sa.Double(), nullable=False, comment="Commission of its fills."),
        sa.Column("fees", sa.Double(), nullable=False, comment="Fees of its sales."),
        sa.Column("slippage", sa.Double(), nullable=False, comment="Money lost to slippage."),
        sa.Column("stop", sa.Double(), nullable=True, comment="Stop of the trade after its last fill; NULL for none."),
        sa.Column(
            "take_profit",
            sa.Double(),
            nullable=True,
            comment="Target of the trade after its last fill; NULL for none.",
        ),
        sa.ForeignKeyConstraint(
            ["backtest_id"], ["backtests.id"], name=op.f("fk_orders_backtest_id_backtests"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("backtest_id", "number", name=op.f("pk_orders")),
        comment="Every order of a simulation, filled or not, in the order in which they ended, and how it ended.",
    )


def fill_metrics() -> None:
    """Write what is known of older results, and for the other metrics why they are missing."""
    zeros = ", ".join(f"{name} = 0" for name in KNOWN)
    unknown = ", ".join(f"'{name}', 'older_version'" for name in METRICS if name not in (*KNOWN, "n_short_orders"))
    op.execute(
        f"UPDATE backtests SET {zeros}, n_short_orders = jsonb_array_length(refused), "  # noqa: S608  our own names
        f"undefined = undefined || jsonb_build_object({unknown}) WHERE status = 'done'"
    )


def add_trade_columns() -> None:
    op.add_column(
        "trades",
        sa.Column("symbol", sa.Text(), nullable=True, comment="Ticker of the symbol; several may share the account."),
    )
    op.execute("UPDATE trades t SET symbol = b.scope FROM backtests b WHERE b.id = t.backtest_id")
    op.alter_column("trades", "symbol", nullable=False)
    new = {
        "fees": (sa.Double(), "0", "Fees of its sales."),
        "borrow": (sa.Double(), "0", "Cost of borrowed shares."),
        "ambiguous": (sa.Boolean(), "false", "True where one bar met two levels; the worse one counts."),
    }
    for name, (kind, earlier, comment) in new.items():
        op.add_column("trades", sa.Column(name, kind, server_default=earlier, nullable=False, comment=comment))
        op.alter_column("trades", name, server_default=None)
    optional = {
        "risk": "Money between the first fill and the first stop, for the largest holding; NULL without a stop.",
        "optimistic_pnl": "net_pnl of an ambiguous trade, had the better level been met first.",
    }
    for name, comment in optional.items():
        op.add_column("trades", sa.Column(name, sa.Double(), nullable=True, comment=comment))


def set_comments(new: int) -> None:
    for (table, column), comments in COMMENTS.items():
        quoted = comments[new].replace("'", "''").replace(":", "\\:")
        op.execute(f"COMMENT ON COLUMN {table}.{column} IS '{quoted}'")


def drop_views(views: dict[str, tuple[str, str]]) -> None:
    for name in reversed(views):
        op.execute(f"DROP VIEW {name}")


def make_views(views: dict[str, tuple[str, str]]) -> None:
    for name, (comment, query) in views.items():
        op.execute(f"CREATE VIEW {name} AS {query}")
        quoted = comment.replace("'", "''").replace(":", "\\:")
        op.execute(f"COMMENT ON VIEW {name} IS '{quoted}'")
