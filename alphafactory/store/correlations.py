"""The tables of feature correlations: a measurement, its features with their clusters, and a row for each pair.

Goes in: a measurement by the names of its columns, features in the order of its matrix, the matrix. Comes out: the
newest measurement. One is known by its fingerprint: measured again, it becomes the newest and nothing else changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from psycopg.types.json import Jsonb
from sqlalchemy import text

from alphafactory.store.bulk import ColumnData, copy_in
from alphafactory.store.database import raw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from alphafactory.domain.arrays import FloatArray, IntArray

_COLUMNS = (
    "universe", "symbols", "threshold", "fewest", "start_session", "end_session", "n_bars", "n_features", "n_clusters",
    "left_out", "as_of", "simulated_prices", "seconds", "fingerprint", "code_version",
)  # fmt: skip
_FEATURE_COLUMNS = (
    "position", "feature", "feature_group", "cluster", "cluster_size", "keep", "mean_correlation", "warm_up", "n_rows",
)  # fmt: skip
_INSERT = f"""
INSERT INTO feature_correlation_runs ({", ".join(_COLUMNS)}) VALUES ({", ".join(f":{name}" for name in _COLUMNS)})
ON CONFLICT (fingerprint) DO NOTHING RETURNING id
"""  # noqa: S608  only our own column names are put in
_INSERT_FEATURE = f"""
INSERT INTO feature_clusters (run_id, {", ".join(_FEATURE_COLUMNS)})
VALUES (:run_id, {", ".join(f":{name}" for name in _FEATURE_COLUMNS)})
"""  # noqa: S608  the same
_TOUCH = """
UPDATE feature_correlation_runs SET measured_at = clock_timestamp() WHERE fingerprint = :print RETURNING id
"""
_NEWEST = "(SELECT id FROM feature_correlation_runs ORDER BY measured_at DESC, id DESC LIMIT 1)"
_READ = f"SELECT id, measured_at, {', '.join(_COLUMNS)} FROM feature_correlation_runs WHERE id = {_NEWEST}"  # noqa: S608  the same
_READ_FEATURES = f"""
SELECT {", ".join(_FEATURE_COLUMNS)} FROM feature_clusters WHERE run_id = {_NEWEST} ORDER BY position
"""  # noqa: S608  the same
_READ_PAIRS = f"""
SELECT first_position, second_position, correlation FROM feature_correlations WHERE run_id = {_NEWEST}
"""  # noqa: S608  the same


@dataclass(frozen=True, slots=True)
class StoredCorrelations:
    """A measurement: its key, its columns, its features' columns in order, and the matrix, (m, m), NaN for unknown."""

    id: int
    values: dict[str, Any]
    features: list[dict[str, Any]]
    matrix: FloatArray


def read_newest(connection: Connection) -> StoredCorrelations | None:
    """Return the newest measurement, None before the first."""
    found = connection.execute(text(_READ)).mappings().one_or_none()
    features = [dict(row) for row in connection.execute(text(_READ_FEATURES)).mappings()]
    pairs = connection.execute(text(_READ_PAIRS)).all()
    if found is None:
        return None
    values = dict(found)
    matrix = np.full((len(features), len(features)), np.nan)
    np.fill_diagonal(matrix, 1.0)
    for first, second, correlation in pairs:
        matrix[first, second] = matrix[second, first] = np.nan if correlation is None else correlation
    return StoredCorrelations(int(values.pop("id")), values, features, matrix)


def touch_run(connection: Connection, fingerprint: str) -> bool:
    """Make the measurement with that fingerprint the newest; return whether there is one."""
    return connection.execute(text(_TOUCH), {"print": fingerprint}).scalar_one_or_none() is not None


def insert_run(
    connection: Connection,
    values: Mapping[str, Any],
    features: Sequence[Mapping[str, Any]],
    matrix: FloatArray,
    *,
    rows: IntArray,
    symbols: IntArray,
) -> None:
    """Write a measurement and make it the newest; one that another process has just written stands.

    Args:
        connection: a transaction.
        values: the run's columns by name, key and moment aside.
        features: the columns of each feature by name, in the order of the matrix.
        matrix: correlations, shape (m, m), NaN for unknown.
        rows: bars that each rests on, shape (m, m).
        symbols: symbols that each rests on, shape (m, m).
    """
    written = {name: values[name] for name in _COLUMNS}
    written["left_out"] = Jsonb([dict(one) for one in values["left_out"]])
    key = connection.execute(text(_INSERT), written).scalar_one_or_none()
    if key is None:
        touch_run(connection, values["fingerprint"])
        return
    if features:
        connection.execute(text(_INSERT_FEATURE), [dict(feature) | {"run_id": key} for feature in features])
    first, second = np.triu_indices(len(matrix), 1)
    if len(first):
        found = matrix[first, second]
        unknown = np.isnan(found)
        columns = [
            ColumnData("run_id", "int8", np.full(len(first), key)),
            ColumnData("first_position", "int4", first),
            ColumnData("second_position", "int4", second),
            ColumnData("correlation", "float8", np.where(unknown, 0.0, found), unknown),
            ColumnData("n_rows", "int8", rows[first, second]),
            ColumnData("n_symbols", "int4", symbols[first, second]),
        ]
        copy_in(raw(connection), "feature_correlations", columns)
