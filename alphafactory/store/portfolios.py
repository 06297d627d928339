"""The tables of portfolios: a definition registered once, and what a run of it held, met and tells to trade next.

Goes in: a definition, then the arrays of a finished run whose row `backtests.upsert_backtests` has written. Comes out:
keys and rows. Positions in the sessions become sessions, columns become tickers, codes become words.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from psycopg.types.json import Jsonb
from sqlalchemy import text

from alphafactory.domain.risk_events import RISK_ACTIONS, RISK_RULES
from alphafactory.errors import DatabaseError
from alphafactory.store.bulk import ColumnData, copy_in, copy_rows, words_column
from alphafactory.store.database import raw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    import psycopg
    from sqlalchemy import Connection

    from alphafactory.domain.arrays import BoolArray, DateArray, FloatArray, IntArray
    from alphafactory.domain.risk_events import RiskEvents

ALL_LIMITS = "*"
"""The rule of the row of `limit_effects` that tells of a run without any limit."""

_REGISTER = """
INSERT INTO portfolios (name, definition, definition_hash) VALUES (:name, :definition, :hash)
ON CONFLICT (name, definition_hash) DO NOTHING
"""
_WITHDRAW = """
UPDATE backtests SET superseded_by = id
WHERE portfolio_id IS NOT NULL AND superseded_by IS NULL AND origin = 'nightly'
    AND NOT id = ANY(CAST(:ids AS bigint[]))
"""
_TABLES = (
    "target_weights", "positions", "exposures", "risk_events", "limit_effects", "portfolio_measures", "next_orders",
)  # fmt: skip
_EFFECTS = {
    "backtest_id": "int8", "rule": "text", "acts": "int4", "total_return": "float8", "max_drawdown": "float8",
    "sharpe": "float8", "total_return_without": "float8", "max_drawdown_without": "float8",
    "sharpe_without": "float8",
}  # fmt: skip
_MEASURES = {"backtest_id": "int8", "kind": "text", "name": "text", "value": "float8", "detail": "jsonb"}
_NEXT_ORDERS = {
    "backtest_id": "int8", "number": "int4", "decided_session": "date", "symbol": "text", "side": "text",
    "quantity": "float8", "kind": "text", "limit_price": "float8", "stop_price": "float8", "reason": "text",
    "weight_before": "float8", "weight_after": "float8", "risk": "float8", "note": "text",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class LimitEffect:
    """How often a limit acted, and the run with and without it; None is undefined.

    `rule` is one of RISK_RULES, or ALL_LIMITS for all of them off. Returns and drawdowns are fractions.
    """

    rule: str
    acts: int
    total_return: float | None
    max_drawdown: float | None
    sharpe: float | None
    total_return_without: float | None
    max_drawdown_without: float | None
    sharpe_without: float | None


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of a run, or what it has to say in `detail`, plain values for JSON. `kind` and `name` are its key."""

    kind: str
    name: str
    value: float | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NextOrder:
    """A line of the order list for the session after `decided_session`, as a person types it into a broker.

    `side` is buy or sell, `quantity` raw shares above 0, `kind` market, limit, stop_market or stop_limit. Prices are
    raw, too. Weights are signed shares of equity, `risk` the share of equity lost at the stop, None without one.
    """

    decided_session: date
    symbol: str
    side: str
    quantity: float
    kind: str
    limit_price: float | None
    stop_price: float | None
    reason: str
    weight_before: float
    weight_after: float
    risk: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class PortfolioDetail:
    """What a portfolio's run leaves behind beside its backtest, trades, orders and curve.

    `sessions` has shape (n,), `symbols` are the m tickers of the columns, `sectors` the names of the sectors by code.
    `targets` (n, m) are the weights handed to the simulator, NaN being 0; `rebalanced` (n,) marks the scheduled
    rebalances. `quantity` (n, m) are adjusted shares held at each close, `price` (n, m) what each is marked at (read
    only where something is held), `equity` (n,). `exposures` maps (kind, name) to shares of equity, shape (n,): kinds
    gross, net, long, short and cash have the name "", kind sector the sector's; NaN is left out.
    """

    sessions: DateArray
    symbols: tuple[str, ...]
    sectors: tuple[str, ...]
    targets: FloatArray
    rebalanced: BoolArray
    quantity: FloatArray
    price: FloatArray
    equity: FloatArray
    exposures: Mapping[tuple[str, str], FloatArray]
    events: RiskEvents
    limit_effects: Sequence[LimitEffect] = ()
    measures: Sequence[Measure] = ()
    next_orders: Sequence[NextOrder] = ()


def register_portfolio(connection: Connection, name: str, definition: Mapping[str, Any]) -> int:
    """Store a definition that is not there yet; return the key of this name with this definition.

    `definition` holds plain values for JSON; infinity is none of them (write None). Its order does not matter.
    """
    words = json.dumps(dict(definition), sort_keys=True, separators=(",", ":"), allow_nan=False)
    key = {"name": name, "hash": hashlib.sha256(words.encode()).hexdigest()}
    connection.execute(text(_REGISTER), key | {"definition": Jsonb(dict(definition))})
    find = text("SELECT id FROM portfolios WHERE name = :name AND definition_hash = :hash")
    return int(connection.execute(find, key).scalar_one())


def withdraw_other_portfolios(connection: Connection, keys: Sequence[int]) -> int:
    """Make no run of a portfolio a current one but these: the night asks for no others; return how many it were.

    A portfolio that is no longer configured has no current run; its rows stay, superseded by themselves.
    """
    return connection.execute(text(_WITHDRAW), {"ids": list(keys)}).rowcount


def write_portfolio_detail(connection: Connection, backtest_id: int, detail: PortfolioDetail) -> None:
    """Write the detail of one run, in the transaction that wrote its backtest; what was there of it is replaced.

    Raises:
        DatabaseError: a position without a price.
    """
    for table in _TABLES:
        connection.execute(
            text(f"DELETE FROM {table} WHERE backtest_id = :id"),  # noqa: S608  a literal of ours
            {"id": backtest_id},
        )
    session = raw(connection)
    _write_targets(session, backtest_id, detail)
    _write_positions(session, backtest_id, detail)
    _write_exposures(session, backtest_id, detail)
    _write_events(session, backtest_id, detail)
    effects = ([getattr(row, name) for name in LimitEffect.__slots__] for row in detail.limit_effects)
    measures = ((row.kind, row.name, row.value, Jsonb(dict(row.detail))) for row in detail.measures)
    orders = ([getattr(row, name) for name in NextOrder.__slots__] for row in detail.next_orders)
    copy_rows(session, "limit_effects", _EFFECTS, ((backtest_id, *row) for row in effects))
    copy_rows(session, "portfolio_measures", _MEASURES, ((backtest_id, *row) for row in measures))
    numbered = ((backtest_id, number, *row) for number, row in enumerate(orders, start=1))
    copy_rows(session, "next_orders", _NEXT_ORDERS, numbered)


def _write_targets(session: psycopg.Connection[Any], backtest_id: int, detail: PortfolioDetail) -> None:
    """Write what a rebalance aimed at, and between rebalances what changed."""
    targets = np.nan_to_num(detail.targets, nan=0.0)
    changed = np.diff(targets, axis=0, prepend=0.0) != 0.0
    rows, columns = np.nonzero(changed | (detail.rebalanced[:, None] & (targets != 0.0)))
    data = _at(backtest_id, detail, rows, columns)
    copy_in(session, "target_weights", [*data, ColumnData("weight", "float8", targets[rows, columns])])


def _write_positions(session: psycopg.Connection[Any], backtest_id: int, detail: PortfolioDetail) -> None:
    rows, columns = np.nonzero(detail.quantity)
    quantity, price = detail.quantity[rows, columns], detail.price[rows, columns]
    unknown = np.flatnonzero(~np.isfinite(price))
    if len(unknown):
        symbol, day = detail.symbols[columns[unknown[0]]], detail.sessions[rows[unknown[0]]]
        raise DatabaseError(f"{symbol} is held on {day} without a price. Report the portfolio as a defect.")
    value = quantity * price
    equity = detail.equity[rows]
    worthless = equity <= 0.0
    weight = np.divide(value, equity, out=np.zeros_like(value), where=~worthless)
    data = [
        *_at(backtest_id, detail, rows, columns),
        ColumnData("quantity", "float8", quantity),
        ColumnData("price", "float8", price),
        ColumnData("value", "float8", value),
        ColumnData("weight", "float8", weight, worthless),
    ]
    copy_in(session, "positions", data)


def _write_exposures(session: psycopg.Connection[Any], backtest_id: int, detail: PortfolioDetail) -> None:
    """Write each series, one after another; sectors have rows only where something of them is held."""
    keys = list(detail.exposures)
    if not keys:
        return
    values = np.array([detail.exposures[key] for key in keys], dtype=np.float64)
    sector = np.array([kind == "sector" for kind, _ in keys])
    series, rows = np.nonzero(~np.isnan(values) & ~(sector[:, None] & (values == 0.0)))
    data = [
        _same(backtest_id, len(rows)),
        words_column("kind", [kind for kind, _ in keys], series),
        words_column("name", [name for _, name in keys], series),
        ColumnData("session", "date", detail.sessions[rows]),
        ColumnData("value", "float8", values[series, rows]),
    ]
    copy_in(session, "exposures", data)


def _write_events(session: psycopg.Connection[Any], backtest_id: int, detail: PortfolioDetail) -> None:
    events = detail.events
    data = [
        _same(backtest_id, len(events)),
        ColumnData("number", "int4", np.arange(1, len(events) + 1)),
        ColumnData("session", "date", detail.sessions[events.row]),
        words_column("rule", RISK_RULES, events.rule),
        words_column("action", RISK_ACTIONS, events.action),
        _named("symbol", detail.symbols, events.symbol),
        _named("sector", detail.sectors, events.sector),
        ColumnData("measured", "float8", events.measured),
        ColumnData("limit_value", "float8", events.limit),
        ColumnData("wanted", "float8", events.wanted, np.isnan(events.wanted)),
        ColumnData("allowed", "float8", events.allowed, np.isnan(events.allowed)),
    ]
    copy_in(session, "risk_events", data)


def _at(backtest_id: int, detail: PortfolioDetail, rows: IntArray, columns: IntArray) -> list[ColumnData]:
    """Make backtest_id, session and symbol of places in the arrays of sessions and symbols."""
    return [
        _same(backtest_id, len(rows)),
        ColumnData("session", "date", detail.sessions[rows]),
        words_column("symbol", detail.symbols, columns),
    ]


def _same(backtest_id: int, rows: int) -> ColumnData:
    return ColumnData("backtest_id", "int8", np.full(rows, backtest_id, dtype=np.int64))


def _named(name: str, words: Sequence[str], codes: IntArray) -> ColumnData:
    """Make a column of words in which a code of -1 is NULL."""
    none = codes < 0
    return words_column(name, words or ("",), np.where(none, 0, codes), none)
