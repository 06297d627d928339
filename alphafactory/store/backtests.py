"""The tables of backtests, trades, orders and equity: written together, so that no result is ever half there.

Goes in: finished `BacktestRecord`s. Comes out: their keys. A fingerprint is stored once; a newer answer to the same
question supersedes the older one.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb
from sqlalchemy import text

from alphafactory.store.bulk import array_field, copy_fields, copy_rows
from alphafactory.store.database import raw
from alphafactory.store.orders import Deeds, write_orders, write_trades
from alphafactory.store.schema.results import DATE_METRICS, METRIC_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from sqlalchemy import Connection

    from alphafactory.domain.arrays import DateArray
    from alphafactory.domain.results import Simulation

_SUBJECT = {"strategy_id": "int4", "symbol_id": "int4", "portfolio_id": "int4"}
"""What was asked about: a strategy on a symbol, or a portfolio."""
_FIELDS = {
    "scope": "text", "params": "jsonb", "settings": "jsonb",
    "period_start": "date", "period_end": "date", "start_session": "date", "end_session": "date",
    "fingerprint": "text", "data_fingerprint": "text", "subject_key": "text", "origin": "text", "status": "text",
    "error": "text", "index_symbol": "text", "simulated_prices": "bool", "optimistic": "bool", "ruined": "bool",
    "periods_per_year": "int4", "risk_free_rate": "float8", "balance_error": "float8", "nan_targets": "int4",
    "undefined": "jsonb", "job_run_id": "int8", "code_version": "text",
}  # fmt: skip
_METRICS = {name: "date" if name in DATE_METRICS else "float8" for name in METRIC_COLUMNS}
_CURVE = ("backtest_id", "sessions", "equity", "cash", "position")
_ALL = {**_SUBJECT, **_FIELDS, **_METRICS}
_MERGE = f"""
INSERT INTO backtests ({", ".join(_ALL)}) SELECT {", ".join(_ALL)} FROM staged_backtests
ON CONFLICT (fingerprint) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _ALL)}
RETURNING fingerprint, id
"""  # noqa: S608  only our own column names are put in
_SUPERSEDE = """
UPDATE backtests b SET superseded_by = nullif(t.id, b.id)
FROM unnest(CAST(:subjects AS text[]), CAST(:ids AS bigint[])) AS t(subject_key, id)
WHERE b.origin = 'nightly' AND b.subject_key = t.subject_key AND b.superseded_by IS DISTINCT FROM nullif(t.id, b.id)
"""
_YIELD = """
UPDATE backtests b SET superseded_by = c.id FROM backtests c
WHERE b.id = ANY(:ids) AND b.superseded_by IS NULL AND c.subject_key = b.subject_key AND c.origin = 'nightly'
    AND c.superseded_by IS NULL AND NOT c.id = ANY(:ids)
"""
_DETAIL = ("trades", "orders", "target_weights", "positions", "exposures", "risk_events", "portfolio_measures")
"""What goes with a curve once its result is replaced for long; a few rows of limits and order lists stay."""
_RETIRE = f"""
WITH old AS (
    SELECT b.id FROM backtests b WHERE b.superseded_by IS NOT NULL AND (
        SELECT count(*) FROM job_runs r WHERE r.job = 'nightly' AND r.id > b.job_run_id
    ) > :nights
), {", ".join(f"{t}_gone AS (DELETE FROM {t} d USING old WHERE d.backtest_id = old.id)" for t in _DETAIL)}
DELETE FROM equity e USING old WHERE e.backtest_id = old.id
"""  # noqa: S608  only our own table names are put in


@dataclass(frozen=True, slots=True)
class BacktestRecord:
    """One backtest on its way to the tables.

    `values` holds the fields of the table by name, `metrics` the defined metrics. Of a strategy on a symbol it names
    `strategy_id` and `symbol_id`, of a portfolio `portfolio_id`. A finished one has its simulation, the sessions of
    that, shape (n,), and the tickers of its symbols, in the order of the simulation's columns.
    """

    values: Mapping[str, Any]
    metrics: Mapping[str, float | date] = field(default_factory=dict)
    symbols: tuple[str, ...] = ()
    sessions: DateArray | None = None
    simulation: Simulation | None = None

    @property
    def fingerprint(self) -> str:
        """Hash of everything the result depends on."""
        return str(self.values["fingerprint"])


@dataclass(frozen=True, slots=True)
class Answer:
    """What is stored under a fingerprint: its key, its status (done, failed or skipped) and why it is not done."""

    key: int
    status: str
    error: str | None = None


def read_answers(connection: Connection, fingerprints: Sequence[str]) -> dict[str, Answer]:
    """Return what is answered among these fingerprints; what failed is to be tried again."""
    query = text(
        "SELECT fingerprint, id, status, error FROM backtests "
        "WHERE status IN ('done', 'skipped') AND fingerprint = ANY(:prints)"
    )
    found = connection.execute(query, {"prints": list(fingerprints)})
    return {str(print_): Answer(int(key), str(status), error) for print_, key, status, error in found}


def upsert_backtests(connection: Connection, records: Sequence[BacktestRecord]) -> dict[str, int]:
    """Write the records with their trades, orders and curves; return the key of each fingerprint."""
    if not records:
        return {}
    session = raw(connection)
    session.execute("CREATE TEMP TABLE staged_backtests (LIKE backtests) ON COMMIT DROP")
    session.execute("ALTER TABLE staged_backtests ALTER id DROP NOT NULL, ALTER created_at DROP NOT NULL")
    copy_rows(session, "staged_backtests", _ALL, (_row(record) for record in records))
    keys = {str(print_): int(key) for print_, key in connection.execute(text(_MERGE))}
    session.execute("DROP TABLE staged_backtests")
    for table in ("trades", "orders", "equity"):
        connection.execute(
            text(f"DELETE FROM {table} WHERE backtest_id = ANY(:ids)"),  # noqa: S608  a literal of ours
            {"ids": list(keys.values())},
        )
    deeds = list(_deeds(records, keys))
    write_trades(session, deeds)
    write_orders(session, deeds)
    copy_fields(session, "equity", _CURVE, _curves(deeds))
    return keys


def _row(record: BacktestRecord) -> list[Any]:
    subject = [record.values.get(name) for name in _SUBJECT]
    fields = [Jsonb(record.values[name]) if kind == "jsonb" else record.values[name] for name, kind in _FIELDS.items()]
    return subject + fields + [record.metrics.get(name) for name in _METRICS]


def _deeds(records: Sequence[BacktestRecord], keys: Mapping[str, int]) -> Iterator[Deeds]:
    for record in records:
        if record.simulation is not None and record.sessions is not None:
            several = record.values.get("symbol_id") is None
            yield Deeds(keys[record.fingerprint], record.sessions, record.symbols, record.simulation, several)


def _curves(deeds: Sequence[Deeds]) -> Iterator[Sequence[bytes | None]]:
    for deed in deeds:
        simulation = deed.simulation
        key = struct.pack(">q", deed.backtest_id)
        money = (array_field(column, "float8") for column in (simulation.equity, simulation.cash))
        position = None if deed.several else array_field(simulation.positions[:, 0], "float8")
        yield (key, array_field(deed.sessions, "date"), *money, position)


def promote(connection: Connection, keys: Sequence[int]) -> None:
    """Make ad hoc results, which the night needs as well, results of the night."""
    statement = text("UPDATE backtests SET origin = 'nightly' WHERE id = ANY(:ids) AND origin <> 'nightly'")
    connection.execute(statement, {"ids": list(keys)})


def supersede(connection: Connection, answers: Mapping[str, int]) -> int:
    """Make these the current answers to their questions (subject key: backtest key); return how many rows changed."""
    values = {"subjects": list(answers), "ids": list(answers.values())}
    return connection.execute(text(_SUPERSEDE), values).rowcount


def yield_to_current(connection: Connection, keys: Sequence[int]) -> None:
    """Let answers computed as of a past date stand behind the current ones; without such, they are withdrawn."""
    connection.execute(text(_YIELD), {"ids": list(keys)})
    statement = text("UPDATE backtests SET superseded_by = id WHERE id = ANY(:ids) AND superseded_by IS NULL")
    connection.execute(statement, {"ids": list(keys)})


def withdraw(connection: Connection, symbol_ids: Sequence[int]) -> int:
    """Make no result of these symbols a current one: their data are not good enough; return the number of rows.

    A withdrawn result is superseded by itself, until a night answers its question again.
    """
    statement = text(
        "UPDATE backtests SET superseded_by = id WHERE symbol_id = ANY(:ids) AND superseded_by IS NULL "
        "AND origin = 'nightly'"
    )
    return connection.execute(statement, {"ids": list(symbol_ids)}).rowcount


def withdraw_others(connection: Connection, symbol_ids: Sequence[int]) -> int:
    """Make no result of other symbols a current one: the night does not ask about them any more."""
    statement = text(
        "UPDATE backtests SET superseded_by = id WHERE symbol_id IS NOT NULL AND NOT symbol_id = ANY(:ids) "
        "AND superseded_by IS NULL AND origin = 'nightly'"
    )
    return connection.execute(statement, {"ids": list(set(symbol_ids))}).rowcount


def withdraw_other_accounts(connection: Connection, keys: Sequence[int]) -> int:
    """Make no other result of a strategy over a whole universe a current one: the night asks for these alone."""
    statement = text(
        "UPDATE backtests SET superseded_by = id WHERE symbol_id IS NULL AND strategy_id IS NOT NULL "
        "AND NOT id = ANY(:keys) AND superseded_by IS NULL AND origin = 'nightly'"
    )
    return connection.execute(statement, {"keys": list(keys)}).rowcount


def retire_detail(connection: Connection, nights: int) -> int:
    """Drop the detail of results replaced more than so many nightly runs ago; return the number of curves."""
    return connection.execute(text(_RETIRE), {"nights": nights}).rowcount
