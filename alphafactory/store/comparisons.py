"""The tables of comparisons: what was compared with what, and a row for each strategy.

Goes in: a comparison by the names of its columns, with its rows. Comes out: the same, with its key. A comparison is
known by its fingerprint, and is written once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb
from sqlalchemy import text

from alphafactory.store.schema.research import TEST_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

_COLUMNS = (
    "strategies", "baseline", "universe", "symbols", "failures", "settings", "period_start", "period_end",
    "start_session", "end_session", "n_sessions", "as_of", "periods_per_year", "risk_free_rate", "simulated_prices",
    "draws", "seed", "fingerprint", "code_version",
)  # fmt: skip
_ROW_COLUMNS = (
    "strategy", "rank", "scope", "accounts", "median_sharpe", "mean_return", "median_max_drawdown", "beats_hold",
    "beats_baseline", "n_trades", "average_sharpe", "undefined", "backtest_ids", *TEST_COLUMNS,
)  # fmt: skip
_INSERT = f"""
INSERT INTO comparisons ({", ".join(_COLUMNS)}) VALUES ({", ".join(f":{name}" for name in _COLUMNS)})
ON CONFLICT (fingerprint) DO NOTHING RETURNING id
"""  # noqa: S608  only our own column names are put in
_INSERT_ROW = f"""
INSERT INTO comparison_rows (comparison_id, {", ".join(_ROW_COLUMNS)})
VALUES (:comparison_id, {", ".join(f":{name}" for name in _ROW_COLUMNS)})
"""  # noqa: S608  the same
_READ = f"SELECT id, {', '.join(_COLUMNS)} FROM comparisons WHERE fingerprint = :print"  # noqa: S608  the same
_READ_ROWS = f"""
SELECT {", ".join(_ROW_COLUMNS)} FROM comparison_rows WHERE comparison_id = :id ORDER BY rank
"""  # noqa: S608  the same


@dataclass(frozen=True, slots=True)
class StoredComparison:
    """A comparison: its key, its columns, and the columns of its strategies in order of rank, by name."""

    id: int
    values: dict[str, Any]
    rows: list[dict[str, Any]]


def read_comparison(connection: Connection, fingerprint: str) -> StoredComparison | None:
    """Return the comparison with that fingerprint."""
    found = connection.execute(text(_READ), {"print": fingerprint}).mappings().one_or_none()
    if found is None:
        return None
    values = dict(found)
    key = int(values.pop("id"))
    rows = [dict(row) for row in connection.execute(text(_READ_ROWS), {"id": key}).mappings()]
    return StoredComparison(key, values, rows)


def insert_comparison(
    connection: Connection, values: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> StoredComparison:
    """Write a comparison with its rows, unless another process has just done so; return what stands in the tables.

    `values` and `rows` hold every column by name but keys and `created_at`.
    """
    written = {name: values[name] for name in _COLUMNS}
    written["failures"] = Jsonb([dict(failure) for failure in values["failures"]])
    written["settings"] = Jsonb(dict(values["settings"]))
    key = connection.execute(text(_INSERT), written).scalar_one_or_none()
    if key is not None and rows:
        connection.execute(text(_INSERT_ROW), [_row(int(key), row) for row in rows])
    found = read_comparison(connection, values["fingerprint"])
    assert found is not None
    return found


def _row(key: int, row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in _ROW_COLUMNS} | {
        "comparison_id": key,
        "undefined": Jsonb(dict(row["undefined"])),
    }
