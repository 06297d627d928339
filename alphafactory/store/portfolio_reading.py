"""Reads portfolios back: their runs with every metric, and the detail of one run, for pages and the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy import Connection

_RUNS = """
SELECT p.name AS portfolio, p.definition->>'title' AS title, p.definition, p.definition_hash, b.*
FROM backtests b JOIN portfolios p ON p.id = b.portfolio_id WHERE b.id = ANY(:ids) ORDER BY p.name, b.id
"""
_CURRENT = "SELECT portfolio, id FROM v_portfolios ORDER BY portfolio, id"
_POSITIONS = """
SELECT * FROM positions
WHERE backtest_id = :id AND session BETWEEN coalesce(CAST(:first AS date), '-infinity')
    AND coalesce(CAST(:last AS date), 'infinity')
ORDER BY session, symbol
"""
_EXPOSURES = """
SELECT kind, name, array_agg(session ORDER BY session), array_agg(value ORDER BY session)
FROM exposures WHERE backtest_id = :id GROUP BY kind, name ORDER BY kind, name
"""
_CURVE = "SELECT sessions, equity, cash FROM equity WHERE backtest_id = :id"


def read_portfolio_runs(connection: Connection, keys: Sequence[int]) -> list[dict[str, Any]]:
    """Return runs with every column of `backtests`, `portfolio` (its name), `title` and `definition`, by name."""
    return [dict(row) for row in connection.execute(text(_RUNS), {"ids": list(keys)}).mappings()]


def read_current_portfolios(connection: Connection) -> dict[str, int]:
    """Return the key of each portfolio's current run, by name."""
    return {str(name): int(key) for name, key in connection.execute(text(_CURRENT))}


def read_portfolio_curve(connection: Connection, key: int) -> dict[str, list[Any]] | None:
    """Return `sessions`, `equity` and `cash` of a run; None where its detail is no longer kept."""
    row = connection.execute(text(_CURVE), {"id": key}).mappings().one_or_none()
    return None if row is None else dict(row)


def read_target_weights(connection: Connection, key: int) -> list[dict[str, Any]]:
    """Return the weights aimed at, in order of session and symbol."""
    return _rows(connection, "SELECT * FROM target_weights WHERE backtest_id = :id ORDER BY session, symbol", key)


def read_positions(
    connection: Connection, key: int, first: date | None = None, last: date | None = None
) -> list[dict[str, Any]]:
    """Return what was held at the closes from `first` to `last` (None: all), in order of session and symbol."""
    found = connection.execute(text(_POSITIONS), {"id": key, "first": first, "last": last})
    return [dict(row) for row in found.mappings()]


def read_exposures(connection: Connection, key: int) -> dict[tuple[str, str], tuple[list[date], list[float]]]:
    """Return sessions and values of each series by (kind, name), in order of session."""
    found = connection.execute(text(_EXPOSURES), {"id": key})
    return {(str(kind), str(name)): (sessions, values) for kind, name, sessions, values in found}


def read_risk_events(connection: Connection, key: int) -> list[dict[str, Any]]:
    """Return the acts of the limits as they happened."""
    return _rows(connection, "SELECT * FROM risk_events WHERE backtest_id = :id ORDER BY number", key)


def read_limit_effects(connection: Connection, key: int) -> list[dict[str, Any]]:
    """Return the run with and without each limit, by rule; the rule * is all of them."""
    return _rows(connection, 'SELECT * FROM limit_effects WHERE backtest_id = :id ORDER BY rule COLLATE "C"', key)


def read_measures(connection: Connection, key: int, kind: str | None = None) -> list[dict[str, Any]]:
    """Return the measures of a run, or those of one kind, by kind and name."""
    chosen = " AND kind = :kind" if kind is not None else ""
    query = f'SELECT * FROM portfolio_measures WHERE backtest_id = :id{chosen} ORDER BY kind, name COLLATE "C"'  # noqa: S608  our own words
    found = connection.execute(text(query), {"id": key} | ({"kind": kind} if kind is not None else {}))
    return [dict(row) for row in found.mappings()]


def read_next_orders(connection: Connection, key: int) -> list[dict[str, Any]]:
    """Return the order list that a run ends with, in its order."""
    return _rows(connection, "SELECT * FROM next_orders WHERE backtest_id = :id ORDER BY number", key)


def _rows(connection: Connection, query: str, key: int) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(text(query), {"id": key}).mappings()]
