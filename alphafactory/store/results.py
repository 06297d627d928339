"""Reads results back: backtests with their symbol and strategy, trades, orders, curves, and counts for the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from alphafactory.store.findings import OPEN_THEN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from sqlalchemy import Connection

_BACKTESTS = """
SELECT coalesce(y.ticker, b.scope) AS ticker, y.name AS symbol_name, y.sector, t.name AS strategy,
    t.title AS strategy_title, t.description AS strategy_idea, t.version AS strategy_version,
    t.code_hash AS strategy_hash, a.passed AS audit_passed, b.*
FROM backtests b JOIN strategies t ON t.id = b.strategy_id LEFT JOIN symbols y ON y.id = b.symbol_id
LEFT JOIN (SELECT DISTINCT ON (strategy_id) strategy_id, passed FROM verdicts WHERE kind = 'audit'
    ORDER BY strategy_id, audited_at DESC, id DESC) a ON a.strategy_id = t.id
WHERE b.id = ANY(:ids) ORDER BY 1, t.name, b.id
"""
_CURRENT = """
SELECT b.id FROM backtests b
WHERE b.superseded_by IS NULL AND b.origin = 'nightly' AND b.status = 'done'
    AND (b.symbol_id = ANY(:ids) OR b.symbol_id IS NULL AND b.strategy_id IS NOT NULL)
"""
_FINDINGS = f"""
SELECT rule, severity, subject, session, message, payload, quarantined FROM ({OPEN_THEN}) o
ORDER BY quarantined DESC, array_position(ARRAY['error', 'warning', 'note'], severity), subject, session LIMIT :most
"""  # noqa: S608  only our own words are put in
_FINDING_COUNTS = f"""
SELECT rule, severity, count(*), count(*) FILTER (WHERE quarantined) FROM ({OPEN_THEN}) o
GROUP BY rule, severity ORDER BY 4 DESC, 3 DESC, rule
"""  # noqa: S608  only our own words are put in
_SOURCES = """
SELECT source, count(*), min(session), max(session) FROM bars_1d
WHERE symbol_id = :symbol AND session BETWEEN :first AND :last GROUP BY source ORDER BY source
"""
_KNOWN_THEN = """
symbol_id = ANY(:ids) AND session <= :as_of AND (known_at <= :cutoff OR EXISTS (
    SELECT 1 FROM bar_revisions r WHERE r.symbol_id = b.symbol_id AND r.session = b.session
        AND r.timeframe = '1d' AND r.known_from <= :cutoff
))
"""
_OF_SOURCES = f"""
SELECT source, count(*), min(session), max(session) FROM bars_1d b WHERE {_KNOWN_THEN}
GROUP BY source ORDER BY 2 DESC, source
"""  # noqa: S608  only our own words are put in
_SCORES = """
SELECT DISTINCT ON (q.symbol_id) q.symbol_id, y.ticker, q.score, q.parts FROM quality_scores q
JOIN symbols y ON y.id = q.symbol_id
WHERE q.symbol_id = ANY(:ids) AND q.night <= :night ORDER BY q.symbol_id, q.night DESC
"""
_SPAN = f"SELECT min(session), max(session) FROM bars_1d b WHERE {_KNOWN_THEN}"  # noqa: S608  the same
_COUNTED = ("symbols", "bars", "quality_findings", "indicators", "strategies", "backtests", "trades", "orders")


def read_backtests(connection: Connection, keys: Sequence[int]) -> list[dict[str, Any]]:
    """Return backtests with every column, their symbol and their strategy, in order of ticker and strategy."""
    return [dict(row) for row in connection.execute(text(_BACKTESTS), {"ids": list(keys)}).mappings()]


def read_current(connection: Connection, symbol_ids: Sequence[int]) -> list[int]:
    """Return the keys of the current results on these symbols."""
    return [int(key) for key in connection.execute(text(_CURRENT), {"ids": list(symbol_ids)}).scalars()]


def read_trades(connection: Connection, keys: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """Return the trades of each backtest in order of entry."""
    return _by_backtest(connection, "SELECT * FROM trades WHERE backtest_id = ANY(:ids) ORDER BY number", keys)


def read_orders(connection: Connection, keys: Sequence[int], *, short: bool = False) -> dict[int, list[dict[str, Any]]]:
    """Return the orders of each backtest as they ended; `short`: those that were refused, cut or given up."""
    chosen = " AND outcome <> 'filled'" if short else ""
    query = f"SELECT * FROM orders WHERE backtest_id = ANY(:ids){chosen} ORDER BY number"  # noqa: S608  our own words
    return _by_backtest(connection, query, keys)


def _by_backtest(connection: Connection, query: str, keys: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {int(key): [] for key in keys}
    for row in connection.execute(text(query), {"ids": list(keys)}).mappings():
        found[int(row["backtest_id"])].append(dict(row))
    return found


def read_curves(connection: Connection, keys: Sequence[int]) -> dict[int, dict[str, list[Any]]]:
    """Return sessions and equity of each backtest whose curve is kept."""
    query = text("SELECT backtest_id, sessions, equity FROM equity WHERE backtest_id = ANY(:ids)")
    return {int(row["backtest_id"]): dict(row) for row in connection.execute(query, {"ids": list(keys)}).mappings()}


def read_findings(connection: Connection, most: int, cutoff: datetime) -> list[dict[str, Any]]:
    """Return the findings open at `cutoff`, those that keep a bar out and the worst first, at most so many."""
    return [dict(row) for row in connection.execute(text(_FINDINGS), {"most": most, "cutoff": cutoff}).mappings()]


def count_findings(connection: Connection, cutoff: datetime) -> list[tuple[str, str, int, int]]:
    """Return rule, severity, the findings open at `cutoff` and how many of them keep a bar out."""
    found = connection.execute(text(_FINDING_COUNTS), {"cutoff": cutoff})
    return [(str(rule), str(severity), int(n), int(q)) for rule, severity, n, q in found]


def read_sources(
    connection: Connection, symbol_id: int, first: object, last: object
) -> list[tuple[str, int, Any, Any]]:
    """Return which source delivered how many bars of a symbol in a span, and the span of each."""
    values = {"symbol": symbol_id, "first": first, "last": last}
    return [(str(s), int(n), a, b) for s, n, a, b in connection.execute(text(_SOURCES), values)]


def count_by_source(
    connection: Connection, symbol_ids: Sequence[int], as_of: date, cutoff: datetime
) -> list[tuple[str, int, Any, Any]]:
    """Return how many daily bars up to `as_of`, known at `cutoff`, each source delivered, with their span."""
    found = connection.execute(text(_OF_SOURCES), {"ids": list(symbol_ids), "as_of": as_of, "cutoff": cutoff})
    return [(str(source), int(bars), first, last) for source, bars, first, last in found]


def read_scores(connection: Connection, symbol_ids: Sequence[int], night: object) -> list[dict[str, Any]]:
    """Return the newest quality score of each symbol up to a night, with its parts, the lowest first."""
    rows = connection.execute(text(_SCORES), {"ids": list(symbol_ids), "night": night}).mappings()
    return sorted((dict(row) for row in rows), key=lambda row: (row["score"], row["ticker"]))


def read_span(connection: Connection, symbol_ids: Sequence[int], as_of: date, cutoff: datetime) -> tuple[Any, Any]:
    """Return the first and the last session up to `as_of` of which a bar of these symbols was known at `cutoff`."""
    first, last = connection.execute(text(_SPAN), {"ids": list(symbol_ids), "as_of": as_of, "cutoff": cutoff}).one()
    return first, last


def count_rows(connection: Connection) -> list[tuple[str, int]]:
    """Return the number of rows of the tables that a reader asks about."""
    return [
        (table, int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()))  # noqa: S608  our own names
        for table in _COUNTED
    ]
