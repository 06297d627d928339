"""A portfolio's stored run as plain values, for the command line: metrics, limits, positions, orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alphafactory.metrics import METRICS
from alphafactory.store import portfolio_reading as reading

if TYPE_CHECKING:
    from alphafactory.pipeline.running import Failure
    from alphafactory.store.database import Connection

_EFFECT = (
    "rule", "acts", "total_return", "max_drawdown", "sharpe", "total_return_without", "max_drawdown_without",
    "sharpe_without",
)  # fmt: skip
_ORDER = (
    "number", "decided_session", "symbol", "side", "quantity", "kind", "limit_price", "stop_price", "reason",
    "weight_before", "weight_after", "risk", "note",
)  # fmt: skip
_POSITION = ("symbol", "quantity", "price", "value", "weight")


def portfolio_answer(connection: Connection, key: int) -> dict[str, Any]:
    """Return a finished run: dates in ISO form, an undefined metric null with its reason."""
    row = reading.read_portfolio_runs(connection, [key])[0]
    end = row["end_session"]
    told = {(one["kind"], one["name"]): one for one in reading.read_measures(connection, key)}
    orders = told.get(("orders", "coming"), {"detail": {}})["detail"]
    events = reading.read_risk_events(connection, key)
    return {
        "backtest_id": key,
        "portfolio": row["portfolio"],
        "title": row["title"],
        "start": row["start_session"],
        "end": end,
        "origin": row["origin"],
        "fingerprint": row["fingerprint"],
        "settings": row["settings"],
        "definition": row["definition"],
        "simulated_prices": row["simulated_prices"],
        "optimistic": row["optimistic"],
        "ruined": row["ruined"],
        "metrics": {metric.name: row[metric.name] for metric in METRICS},
        "undefined": row["undefined"],
        "comparison": _told(told, "comparison"),
        "relative": _told(told, "relative"),
        "limits": [{name: effect[name] for name in _EFFECT} for effect in reading.read_limit_effects(connection, key)],
        "acts": _acts(events),
        "positions": [
            {name: place[name] for name in _POSITION} for place in reading.read_positions(connection, key, end, end)
        ],
        "orders_session": orders.get("session"),
        "orders_note": orders.get("note", ""),
        "orders": [{name: order[name] for name in _ORDER} for order in reading.read_next_orders(connection, key)],
        "notes": [one["detail"] for (kind, _), one in told.items() if kind == "note"],
    }


def _told(told: dict[tuple[str, str], dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    rows = sorted((one["detail"]["place"], name, one) for (own, name), one in told.items() if own == kind)
    return {name: {"portfolio": one["value"], **one["detail"]} for _, name, one in rows}


def _acts(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Count what each limit did."""
    counted: dict[tuple[str, str], int] = {}
    for event in events:
        counted[event["rule"], event["action"]] = counted.get((event["rule"], event["action"]), 0) + 1
    return [{"rule": rule, "action": action, "times": times} for (rule, action), times in sorted(counted.items())]


def stored_failures(connection: Connection, key: int) -> list[Failure]:
    """Return what gave no result in a stored run: a strategy on a symbol. It is told again every night."""
    return [dict(one["detail"]) for one in reading.read_measures(connection, key, "failure")]
