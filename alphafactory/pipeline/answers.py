"""From the tables of results to the command line's JSON: one object a backtest, with metrics, trades and orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alphafactory.metrics import METRICS
from alphafactory.store import results

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.store.database import Connection

_TRADE = (
    "number", "entry_session", "entry_price", "exit_session", "exit_price", "quantity", "gross_pnl", "net_pnl",
    "commission", "fees", "slippage", "dividends", "borrow", "mae", "mfe", "bars_held", "exit_reason", "risk",
    "ambiguous", "optimistic_pnl",
)  # fmt: skip
_ORDER = (
    "number", "decided_session", "ended_session", "kind", "outcome", "weight", "asked", "filled", "price",
    "first_fill_session", "commission", "fees", "slippage", "stop", "take_profit",
)  # fmt: skip


def adhoc_results(connection: Connection, keys: Sequence[int]) -> list[dict[str, Any]]:
    """Return the finished backtests as plain values: dates in ISO form, an undefined metric null with its reason."""
    trades, orders = results.read_trades(connection, keys), results.read_orders(connection, keys)
    return [
        _result(row, trades[row["id"]], orders[row["id"]])
        for row in results.read_backtests(connection, keys)
        if row["status"] == "done"
    ]


def _result(row: dict[str, Any], trades: list[dict[str, Any]], orders: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "backtest_id": row["id"],
        "strategy": row["strategy"],
        "symbol": row["ticker"],
        "params": row["params"],
        "start": _plain(row["start_session"]),
        "end": _plain(row["end_session"]),
        "settings": row["settings"],
        "simulated_prices": row["simulated_prices"],
        "optimistic": row["optimistic"],
        "audit_passed": row["audit_passed"],
        "fingerprint": row["fingerprint"],
        "metrics": {metric.name: _plain(row[metric.name]) for metric in METRICS},
        "undefined": row["undefined"],
        "trades": [{name: _plain(trade[name]) for name in _TRADE} for trade in trades],
        "orders": [{name: _plain(order[name]) for name in _ORDER} for order in orders],
    }


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
