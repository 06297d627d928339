"""The tables of searches: an experiment with its parameter sets and trials, written in one transaction, and ranked.

Goes in: what was searched, then blocks of numbers as they come. Comes out: the key, and the best sets by their medians
over symbols. A killed search leaves nothing behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from psycopg.types.json import Jsonb
from sqlalchemy import text

from alphafactory.store.bulk import ColumnData, copy_in, copy_rows
from alphafactory.store.database import raw

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from sqlalchemy import Connection

    from alphafactory.domain.arrays import FloatArray, IntArray

ALL_SYMBOLS = 0
"""What stands for the symbol of a trial that is one account over all symbols of the search."""
TRIAL_NUMBERS = {
    "total_return": "float8", "sharpe": "float8", "sortino": "float8", "max_drawdown": "float8", "n_trades": "int4",
    "n_closed_trades": "int4", "win_rate": "float8", "profit_factor": "float8", "exposure": "float8",
    "end_equity": "float8",
}  # fmt: skip
"""The numbers of a trial with their column types, in the order in which the simulator gives them."""
_INSERT = """
INSERT INTO experiments (strategy_id, grid, fixed, settings, profile, universe, symbols, failures, period_start,
    period_end, as_of, risk_free_rate, simulated_prices, seed, fingerprint, origin, parameter_sets, evaluated, skipped,
    seconds, code_version)
VALUES (:strategy_id, :grid, :fixed, :settings, :profile, :universe, '{}', '[]', :period_start, :period_end, :as_of,
    :risk_free_rate, :simulated_prices, :seed, :fingerprint, :origin, :parameter_sets, 0, :skipped, 0, :code_version)
ON CONFLICT (fingerprint) DO NOTHING RETURNING id
"""
_FINISH = """
UPDATE experiments SET symbols = :symbols, failures = :failures, seconds = :seconds, finished_at = clock_timestamp(),
    evaluated = (SELECT count(*) FROM trials WHERE experiment_id = :id)
WHERE id = :id
"""
_READ = """
SELECT id, evaluated, parameter_sets, skipped, seconds, symbols, failures FROM experiments WHERE fingerprint = :print
"""
_RANK = """
WITH ranked AS (
    SELECT number, count(*) AS symbols, count(sharpe) AS defined,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY sharpe) AS median_sharpe,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY total_return) AS median_total_return,
        min(max_drawdown) AS worst_drawdown, avg((total_return > 0)::int)::float8 AS share_positive,
        sum(n_trades) AS trades
    FROM trials WHERE experiment_id = :id GROUP BY number
), spread AS (
    SELECT stddev_samp(median_sharpe ORDER BY number) AS deviation FROM ranked
)
SELECT r.*, p.params, s.deviation FROM ranked r CROSS JOIN spread s
JOIN parameter_sets p ON p.experiment_id = :id AND p.number = r.number
ORDER BY r.median_sharpe DESC NULLS LAST, r.median_total_return DESC NULLS LAST, r.number LIMIT :most
"""


@dataclass(frozen=True, slots=True)
class ExperimentRecord:
    """What is searched, before its first trial. `settings` are canonical words; `grid` maps names to values."""

    strategy_id: int
    grid: Mapping[str, Sequence[int | float]]
    fixed: Mapping[str, int | float]
    settings: Mapping[str, Any]
    profile: str | None
    universe: str | None
    period_start: date | None
    period_end: date | None
    as_of: date
    risk_free_rate: float
    simulated_prices: bool
    fingerprint: str
    origin: str
    parameter_sets: int
    skipped: int
    code_version: str
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class ExperimentRow:
    """A finished search."""

    id: int
    evaluated: int
    parameter_sets: int
    skipped: int
    seconds: float
    symbols: list[str]
    failures: list[dict[str, str]]


def read_experiment(connection: Connection, fingerprint: str) -> ExperimentRow | None:
    """Return the finished search with that fingerprint."""
    row = connection.execute(text(_READ), {"print": fingerprint}).one_or_none()
    return None if row is None else ExperimentRow(**row._mapping)  # noqa: SLF001  SQLAlchemy's public name for it


def insert_experiment(
    connection: Connection, record: ExperimentRecord, parameter_sets: Iterable[Mapping[str, int | float]]
) -> int | None:
    """Write a search with its parameter sets; return its key, None where another process has just made the same."""
    values = {name: getattr(record, name) for name in ExperimentRecord.__slots__}
    jsons = {name: Jsonb(dict(values[name])) for name in ("grid", "fixed", "settings")}
    key = connection.execute(text(_INSERT), values | jsons).scalar_one_or_none()
    if key is None:
        return None
    rows = ((key, number, Jsonb(params)) for number, params in enumerate(parameter_sets, start=1))
    copy_rows(raw(connection), "parameter_sets", {"experiment_id": "int8", "number": "int4", "params": "jsonb"}, rows)
    return int(key)


def write_trials(connection: Connection, key: int, numbers: IntArray, symbol_ids: IntArray, values: FloatArray) -> int:
    """Write a block of trials by COPY and return their number.

    Args:
        connection: the transaction that made the experiment.
        key: the experiment's.
        numbers: the parameter sets', shape (sets,).
        symbol_ids: shape (symbols,).
        values: shape (sets, symbols, len(TRIAL_NUMBERS)); NaN becomes NULL.
    """
    sets, symbols, _ = values.shape
    rows = sets * symbols
    columns = [
        ColumnData("experiment_id", "int8", np.full(rows, key)),
        ColumnData("symbol_id", "int4", np.repeat(symbol_ids, sets)),
        ColumnData("number", "int4", np.tile(numbers, symbols)),
    ]
    for place, (name, kind) in enumerate(TRIAL_NUMBERS.items()):
        column = values[:, :, place].ravel(order="F")  # in the order of the key, which the server adds to faster
        undefined = np.isnan(column)
        filled = np.where(undefined, 0.0, column)
        columns.append(ColumnData(name, kind, filled if kind == "float8" else filled.astype(np.int64), undefined))
    return copy_in(raw(connection), "trials", columns)


def drop_symbols(connection: Connection, key: int, symbol_ids: Sequence[int]) -> None:
    """Take back the trials of symbols that failed later in the same search, so that every set has the same symbols."""
    statement = text("DELETE FROM trials WHERE experiment_id = :id AND symbol_id = ANY(:symbols)")
    connection.execute(statement, {"id": key, "symbols": list(symbol_ids)})


def finish_experiment(
    connection: Connection, key: int, symbols: Sequence[str], failures: Sequence[Mapping[str, str]], seconds: float
) -> None:
    """Write how a search ended."""
    failed = Jsonb([dict(failure) for failure in failures])
    connection.execute(text(_FINISH), {"id": key, "symbols": list(symbols), "failures": failed, "seconds": seconds})


def rank_sets(connection: Connection, key: int, most: int) -> list[dict[str, Any]]:
    """Return the best parameter sets of a search by their median Sharpe ratio over symbols, undefined ones last.

    Ties go to the higher median return, then to the set that came first. `deviation` is that of the median ratios of
    all sets, None for fewer than two.
    """
    return [dict(row) for row in connection.execute(text(_RANK), {"id": key, "most": most}).mappings()]
