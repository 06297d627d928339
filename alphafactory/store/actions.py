"""The tables of corporate actions and announcements, versioned by the moment at which they became known.

Goes in: what a delivery says. Comes out: the newest version known at a moment. A row is written only when it differs
from the version before, and only its own source changes it: another one adds what is not there. An action that its own
source no longer reports is withdrawn by a version of amount 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy import Connection

    from alphafactory.domain.market import Dividend, EarningsDate, Split

_WRITE = """
WITH delivered AS (
    SELECT * FROM unnest(
        CAST(:ids AS int[]), CAST(:dates AS date[]), CAST(:kinds AS text[]), CAST(:amounts AS float8[])
    ) AS d(symbol_id, ex_date, kind, amount)
), newest AS (
    SELECT DISTINCT ON (symbol_id, ex_date{kind_comma}) symbol_id, ex_date, {kind} AS kind, {amount} AS amount, source
    FROM {table} WHERE symbol_id = ANY(:covered) ORDER BY symbol_id, ex_date{kind_comma}, known_at DESC
), wanted AS (
    SELECT d.symbol_id, d.ex_date, d.kind, d.amount, n.symbol_id IS NULL AS unseen FROM delivered d
    LEFT JOIN newest n USING (symbol_id, ex_date, kind)
    WHERE (n.symbol_id IS NULL OR abs(n.amount - d.amount) > 0.0005 AND (n.source = :source OR n.amount = 0))
    AND NOT EXISTS (
        SELECT 1 FROM newest o WHERE o.symbol_id = d.symbol_id AND o.source <> :source AND o.amount > 0
        AND (o.ex_date = d.ex_date
            OR abs(o.ex_date - d.ex_date) <= {days} AND abs(o.amount - d.amount) <= 0.01 * o.amount)
    )
    UNION ALL
    SELECT n.symbol_id, n.ex_date, n.kind, 0, false FROM newest n LEFT JOIN delivered d USING (symbol_id, ex_date, kind)
    WHERE d.symbol_id IS NULL AND n.source = :source AND n.amount > 0 AND n.ex_date BETWEEN :first AND :last
)
INSERT INTO {table} (symbol_id, ex_date{kind_comma}, known_at, {amount}, source)
SELECT symbol_id, ex_date{kind_comma},
    CASE WHEN unseen AND symbol_id = ANY(:fresh)
        -- Midnight itself belongs to the day before, which must not know of it.
        THEN CAST(ex_date AS timestamp) AT TIME ZONE 'UTC' + interval '1 second' ELSE :moment END,
    amount, :source
FROM wanted
ON CONFLICT (symbol_id, ex_date{kind_comma}, known_at) DO UPDATE
SET {amount} = excluded.{amount}, source = excluded.source
"""
# Vendors date and name the same action differently: one that stands beside another vendor's is no second action. Of one
# day, one vendor's word holds: what is a regular and a special dividend to one is their sum to another.
_SPLITS = _WRITE.format(table="splits", amount="ratio", kind="'split'", kind_comma="", days=7)
_DIVIDENDS = _WRITE.format(table="dividends", amount="amount", kind="kind", kind_comma=", kind", days=4)
_EARNINGS = """
INSERT INTO earnings_calendar
    (symbol_id, fiscal_period, known_at, announced, estimate, actual, surprise, source, hindsight)
SELECT d.symbol_id, d.fiscal_period,
    CASE WHEN n.announced IS NULL AND d.announced < y.first_night THEN CAST(d.announced AS timestamp) AT TIME ZONE 'UTC'
        ELSE :moment END,
    d.announced, d.estimate, d.actual, d.actual - d.estimate, :source,
    n.announced IS NULL AND d.announced < y.first_night
FROM unnest(CAST(:ids AS int[]), CAST(:periods AS text[]), CAST(:announced AS date[]), CAST(:estimates AS float8[]),
    CAST(:actuals AS float8[])) AS d(symbol_id, fiscal_period, announced, estimate, actual)
JOIN symbols y ON y.id = d.symbol_id
LEFT JOIN LATERAL (
    SELECT announced, estimate, actual FROM earnings_calendar e
    WHERE e.symbol_id = d.symbol_id AND e.fiscal_period = d.fiscal_period ORDER BY known_at DESC LIMIT 1
) n ON true
WHERE (n.announced, n.estimate, n.actual) IS DISTINCT FROM (d.announced, d.estimate, d.actual)
    AND NOT EXISTS (  -- vendors name fiscal periods differently: the same announcement is no second one
        SELECT 1 FROM earnings_calendar o WHERE o.symbol_id = d.symbol_id AND o.source <> :source
        AND o.fiscal_period <> d.fiscal_period AND abs(o.announced - d.announced) <= 10
    )
ON CONFLICT DO NOTHING
"""
_READ = """
SELECT symbol_id, ex_date, amount FROM (
    SELECT DISTINCT ON (symbol_id, ex_date{kind}) symbol_id, ex_date, {amount} AS amount FROM {table}
    WHERE symbol_id = ANY(:ids) AND known_at <= :cutoff ORDER BY symbol_id, ex_date{kind}, known_at DESC
) newest WHERE amount > 0 ORDER BY symbol_id, ex_date
"""
Action = tuple[int, "date", float]
"""Symbol key, ex-date, and ratio or amount."""


def upsert_actions(
    connection: Connection,
    symbol_ids: Mapping[str, int],
    fresh: Sequence[int],
    splits: Sequence[Split],
    dividends: Sequence[Dividend],
    *,
    source: str,
    span: tuple[date, date],
    moment: datetime,
) -> int:
    """Write what one delivery says of its symbols within `span`; return the number of rows written.

    Actions of `fresh` symbols (their first load) are deemed known at their ex-date, later news at `moment`.
    """
    written = 0
    for statement, rows in (
        (_SPLITS, [(symbol_ids[s.ticker], s.ex_date, "split", s.ratio) for s in splits]),
        (_DIVIDENDS, [(symbol_ids[d.ticker], d.ex_date, d.kind, d.amount) for d in dividends]),
    ):
        keys = {"ids": 0, "dates": 1, "kinds": 2, "amounts": 3}
        values: dict[str, object] = {name: [row[position] for row in rows] for name, position in keys.items()}
        values |= {"covered": list(symbol_ids.values()), "fresh": list(fresh), "source": source, "moment": moment}
        values |= {"first": span[0], "last": span[1]}
        written += connection.execute(text(statement), values).rowcount
    return written


def upsert_earnings(
    connection: Connection,
    symbol_ids: Mapping[str, int],
    earnings: Sequence[EarningsDate],
    *,
    source: str,
    moment: datetime,
) -> int:
    """Write the announcements that are new or differ; return their number."""
    if not earnings:
        return 0
    values = {
        "ids": [symbol_ids[e.ticker] for e in earnings],
        "periods": [e.fiscal_period for e in earnings],
        "announced": [e.announced for e in earnings],
        "estimates": [e.estimate for e in earnings],
        "actuals": [e.actual for e in earnings],
    }
    return connection.execute(text(_EARNINGS), {**values, "source": source, "moment": moment}).rowcount


def read_splits(connection: Connection, symbol_ids: Sequence[int], cutoff: datetime) -> list[Action]:
    """Return the splits known at `cutoff`, ordered by symbol and ex-date."""
    return _read(connection, _READ.format(table="splits", amount="ratio", kind=""), symbol_ids, cutoff)


def read_dividends(connection: Connection, symbol_ids: Sequence[int], cutoff: datetime) -> list[Action]:
    """Return the dividends known at `cutoff`, ordered by symbol and ex-date, in cash a share as traded."""
    return _read(connection, _READ.format(table="dividends", amount="amount", kind=", kind"), symbol_ids, cutoff)


def _read(connection: Connection, statement: str, symbol_ids: Sequence[int], cutoff: datetime) -> list[Action]:
    found = connection.execute(text(statement), {"ids": list(symbol_ids), "cutoff": cutoff})
    return [(int(key), day, float(amount)) for key, day, amount in found]


def read_earnings(connection: Connection, symbol_ids: Sequence[int], cutoff: datetime) -> list[dict[str, Any]]:
    """Return each period's announcement as known at `cutoff`, ordered by symbol and day.

    An announcement of before the symbol's first night is deemed known on its own day and says `hindsight`: a filter
    that keeps away from coming announcements must not pretend that it knew of it in advance.
    """
    query = text(
        "SELECT DISTINCT ON (symbol_id, fiscal_period) symbol_id, fiscal_period, announced, estimate, actual, "
        "hindsight, source, known_at FROM earnings_calendar WHERE symbol_id = ANY(:ids) AND known_at <= :cutoff "
        "ORDER BY symbol_id, fiscal_period, known_at DESC"
    )
    found = [dict(row) for row in connection.execute(query, {"ids": list(symbol_ids), "cutoff": cutoff}).mappings()]
    return sorted(found, key=lambda row: (row["symbol_id"], row["announced"], row["fiscal_period"]))


def read_earnings_versions(connection: Connection, symbol_ids: Sequence[int], cutoff: datetime) -> list[dict[str, Any]]:
    """Return every version of every announcement known at `cutoff`, ordered by symbol, period and when it was known."""
    query = text(
        "SELECT symbol_id, fiscal_period, announced, known_at FROM earnings_calendar "
        "WHERE symbol_id = ANY(:ids) AND known_at <= :cutoff ORDER BY symbol_id, fiscal_period, known_at"
    )
    return [dict(row) for row in connection.execute(query, {"ids": list(symbol_ids), "cutoff": cutoff}).mappings()]
