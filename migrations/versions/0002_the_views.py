"""Make the views that people read: adjusted bars, what is quarantined, current results, their trades and their days."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

VIEWS = {
    "v_splits": (
        "The splits as known now. Example: SELECT * FROM v_splits WHERE ticker = 'AAPL';",
        """
        SELECT * FROM (
            SELECT DISTINCT ON (a.symbol_id, a.ex_date) s.ticker, a.symbol_id, a.ex_date, a.ratio, a.source, a.known_at
            FROM splits a JOIN symbols s ON s.id = a.symbol_id
            ORDER BY a.symbol_id, a.ex_date, a.known_at DESC
        ) newest WHERE ratio > 0
        """,
    ),
    "v_dividends": (
        "The dividends as known now. Example: SELECT * FROM v_dividends WHERE ticker = 'AAPL' ORDER BY ex_date DESC;",
        """
        SELECT * FROM (
            SELECT DISTINCT ON (a.symbol_id, a.ex_date, a.kind)
                s.ticker, a.symbol_id, a.ex_date, a.kind, a.amount, a.source, a.known_at
            FROM dividends a JOIN symbols s ON s.id = a.symbol_id
            ORDER BY a.symbol_id, a.ex_date, a.kind, a.known_at DESC
        ) newest WHERE amount > 0
        """,
    ),
    "v_quarantined": (
        (
            "Bars that nothing downstream uses, and why. Example: "
            "SELECT ticker, session, rule, message FROM v_quarantined ORDER BY session DESC;"
        ),
        """
        SELECT s.ticker, f.symbol_id, f.timeframe, f.session, f.rule, f.message, f.payload, f.found_at,
            f.id AS finding_id
        FROM quality_findings f JOIN symbols s ON s.id = f.symbol_id
        WHERE f.quarantined AND f.closed_at IS NULL AND f.judgement IS DISTINCT FROM 'accepted'
        """,
    ),
    "v_bars": (
        (
            "Daily bars without the quarantined ones, on the split-adjusted basis known now; raw_close is as traded. "
            "Example: "
            "SELECT session, close FROM v_bars WHERE ticker = 'AAPL' ORDER BY session DESC LIMIT 10;"
        ),
        """
        SELECT s.ticker, b.symbol_id, b.session, b.open / f.factor AS open, b.high / f.factor AS high,
            b.low / f.factor AS low, b.close / f.factor AS close, b.volume * f.factor AS volume,
            b.close AS raw_close, f.factor AS split_factor, b.source, b.known_at
        FROM bars_1d b JOIN symbols s ON s.id = b.symbol_id
        CROSS JOIN LATERAL (
            SELECT coalesce(exp(sum(ln(v.ratio))), 1) AS factor FROM v_splits v
            WHERE v.symbol_id = b.symbol_id AND v.ex_date > b.session
        ) f
        WHERE NOT EXISTS (
            SELECT 1 FROM v_quarantined q
            WHERE q.symbol_id = b.symbol_id AND q.timeframe = '1d' AND q.session = b.session
        )
        """,
    ),
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
    "performance_snapshots": (
        (
            "One row a session of every stored curve. Example: "
            "SELECT session, equity, drawdown FROM performance_snapshots WHERE backtest_id = 1 ORDER BY session;"
        ),
        """
        SELECT e.backtest_id, d.session, d.equity, d.cash, d.position,
            d.equity / coalesce(lag(d.equity) OVER run, b.start_equity) - 1 AS daily_return,
            d.equity / greatest(b.start_equity, max(d.equity) OVER run) - 1 AS drawdown
        FROM equity e JOIN backtests b ON b.id = e.backtest_id
        CROSS JOIN LATERAL unnest(e.sessions, e.equity, e.cash, e.position) AS d(session, equity, cash, position)
        WINDOW run AS (PARTITION BY e.backtest_id ORDER BY d.session)
        """,
    ),
}


def upgrade() -> None:
    for name, (comment, query) in VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {query}")
        quoted = comment.replace("'", "''").replace(":", "\\:")
        op.execute(f"COMMENT ON VIEW {name} IS '{quoted}'")


def downgrade() -> None:
    for name in reversed(VIEWS):
        op.execute(f"DROP VIEW {name}")
