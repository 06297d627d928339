"""From the tables of results to the command line's JSON: one object a backtest, with its metrics and its trades."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alphafactory.metrics import METRICS
from alphafactory.store import results

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.store.database import Connection

_TRADE = (
    "number", "entry_session", "entry_price", "exit_session", "exit_price", "quantity", "gross_pnl", "net_pnl",
    "commission", "slippage", "dividends", "mae", "mfe", "bars_held", "exit_reason",
)  # fmt: skip


def adhoc_results(connection: Connection, keys: Sequence[int]) -> list[dict[str, Any]]:
    """Return the finished backtests as plain values: dates in ISO form, an undefined metric null with its reason."""
    trades = results.read_trades(connection, keys)
    return [
        _result(row, trades[row["id"]]) for row in results.read_backtests(connection, keys) if row["status"] == "done"
    ]


def _result(row: dict[str, Any], trades: list[dict[str, Any]]) -> dict[str, Any]:
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
        "fingerprint": row["fingerprint"],
        "metrics": {metric.name: _plain(row[metric.name]) for metric in METRICS},
        "undefined": row["undefined"],
        "refused": row["refused"],
        "trades": [{name: _plain(trade[name]) for name in _TRADE} for trade in trades],
    }


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
