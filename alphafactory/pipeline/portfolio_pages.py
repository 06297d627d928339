"""The page of a portfolio, and its row on the night's index, gathered from the tables.

Nothing is computed here that the tables do not hold, pairings aside: the step that ran the portfolio has measured it.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory.config_portfolios import PortfolioConfig, RiskConfig
from alphafactory.errors import AlphaFactoryError
from alphafactory.metrics import METRICS, drawdown_series, simple_returns
from alphafactory.pipeline.page_parts import PageCurves, page_parts, shown_in_metrics
from alphafactory.pipeline.pages import metric_row, monthly_rows
from alphafactory.pipeline.portfolio_page_parts import (
    activity,
    compared,
    contributions,
    correlation,
    definition_in_words,
    exposure_curves,
    positions,
    relative,
    stress_rows,
    turnover_rows,
    value_at_risk_rows,
    var_backtest_rows,
    worst_week,
)
from alphafactory.reports.portfolio_contexts import (
    EventRow,
    LimitEffect,
    NextOrderRow,
    NoteRow,
    PortfolioPage,
    PortfolioRow,
)
from alphafactory.store import portfolio_reading as reading
from alphafactory.store import results

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.store.database import Connection

_EVENTS = 200
_NOTES = 50
_TOLD = frozenset({"drifted", "rearm"})
"""Events that tell of a state; the others are acts."""
_OVERSHOT = frozenset({"exit", "freeze", "halve", "flat", "drifted"})
"""Events of a close: the loss or the share may lie beyond its limit there."""
_ALL = "*"
Told = dict[str, list[dict[str, Any]]]
"""Measures by kind, each with its name, value and detail."""


def portfolio_row(connection: Connection, key: int, run_id: int) -> PortfolioRow:
    """Return a finished run's row on the index."""
    row = reading.read_portfolio_runs(connection, [key])[0]
    told = {one["name"]: one for one in reading.read_measures(connection, key, "comparison")}
    orders, coming = reading.read_next_orders(connection, key), reading.read_measures(connection, key, "orders")
    beside = {name: told[name]["detail"].get("equal_weight") for name in ("total_return", "sharpe") if name in told}
    return PortfolioRow(
        name=row["portfolio"],
        title=row["title"] or "",
        start=row["start_session"],
        end=row["end_session"],
        total_return=row["total_return"],
        sharpe=row["sharpe"],
        max_drawdown=row["max_drawdown"],
        equal_weight_return=beside.get("total_return"),
        equal_weight_sharpe=beside.get("sharpe"),
        acts=sum(event["action"] not in _TOLD for event in reading.read_risk_events(connection, key)),
        orders=len(orders),
        orders_session=_session(coming[0]["detail"]["session"]) if coming else None,
        changed=row["job_run_id"] == run_id,
        ruined=row["ruined"],
    )


def portfolio_page(connection: Connection, key: int) -> PortfolioPage | None:
    """Return the page of one finished run, None where its curve is no longer kept."""
    row = reading.read_portfolio_runs(connection, [key])[0]
    curve = reading.read_portfolio_curve(connection, key)
    if curve is None:
        return None
    told = _told(reading.read_measures(connection, key))
    sessions = np.array(curve["sessions"], dtype="datetime64[D]")
    equity, start = np.array(curve["equity"], dtype=np.float64), float(row["start_equity"])
    beside, index = (_curve(told, name) for name in ("equal_weight", "index"))
    curves = PageCurves(
        simple_returns(equity, start),
        None if beside is None else simple_returns(beside, start),
        None if index is None else simple_returns(index, start),
    )
    trades = results.read_trades(connection, [key])[key]
    parts = page_parts(row, sessions, equity, curves, trades, results.read_orders(connection, [key], short=True)[key])
    events = [_event(event) for event in reading.read_risk_events(connection, key)]
    coming = told["orders"][0]["detail"]
    notes = [_note(one["detail"]) for one in told.get("note", [])]
    kept = ("drawdowns", "order_counts", "exits", "costs", "simulation")
    return PortfolioPage(
        name=row["portfolio"],
        title=row["title"] or "",
        backtest_id=key,
        start=row["start_session"],
        end=row["end_session"],
        universe_symbols=int(told["symbols"][0]["value"]),
        initial_capital=start,
        comparison=compared(told.get("comparison", [])),
        sessions=sessions,
        equity=equity,
        drawdown=drawdown_series(equity, start),
        run_id=str(row["job_run_id"] or "ad hoc"),
        code_version=row["code_version"],
        data_stamp=row["data_fingerprint"],
        fingerprint=row["fingerprint"],
        simulated=row["simulated_prices"],
        ruined=row["ruined"],
        optimistic=row["optimistic"],
        balance_error=row["balance_error"],
        equal_weight=beside,
        equal_weight_drawdown=None if beside is None else drawdown_series(beside, start),
        index_equity=index,
        index_symbol=row["index_symbol"],
        relative=relative(told.get("relative", [])),
        orders=tuple(_order(order) for order in reading.read_next_orders(connection, key)),
        orders_session=_session(coming["session"]),
        orders_note=coming["note"],
        effects=_effects(reading.read_limit_effects(connection, key), events),
        overshoots=tuple(event for event in events if event.action in _OVERSHOT),
        events=tuple(events[-_EVENTS:]),
        events_total=len(events),
        value_at_risk=value_at_risk_rows(told.get("value_at_risk", [])),
        var_sessions=max((one["detail"]["sessions"] for one in told.get("value_at_risk", [])), default=0),
        var_backtests=var_backtest_rows(told.get("var_backtest", [])),
        stress=stress_rows(told.get("stress", [])),
        exposures=exposure_curves(reading.read_exposures(connection, key), sessions),
        positions=positions(told.get("position", [])),
        by_symbol=contributions(told, "symbol"),
        by_sector=contributions(told, "sector"),
        by_strategy=contributions(told, "strategy"),
        correlation=correlation(told.get("correlation", [])),
        activity=activity(told),
        turnover=turnover_rows(told.get("year", [])),
        monthly=tuple(monthly_rows(equity, start, sessions, curves)),
        worst_week=worst_week(told.get("worst_week", [])),
        metrics=tuple(metric_row(metric, row) for metric in METRICS if shown_in_metrics(metric)),
        notes=tuple(notes[:_NOTES]),
        notes_total=len(notes),
        stamp=row["fingerprint"],
        **{name: parts[name] for name in kept},
        **_terms(row),
    )


def _told(measures: Iterable[dict[str, Any]]) -> Told:
    found: Told = {}
    for one in measures:
        found.setdefault(one["kind"], []).append(one)
    return found


def _curve(told: Told, name: str) -> FloatArray | None:
    found = [one for one in told.get("curve", []) if one["name"] == name]
    return np.array(found[0]["detail"]["values"]) if found else None


def _terms(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the portfolio was run on; nothing where today's config no longer knows its words."""
    definition = row["definition"]
    try:
        portfolio = PortfolioConfig.model_validate(definition)
        limits = RiskConfig.model_validate(definition["risk"]).limits()
        leverage = float(row["settings"]["leverage"])
        allocation = portfolio.allocation_settings(limits, leverage, row["risk_free_rate"])
        rules = portfolio.rules()
    except (AlphaFactoryError, ValueError):
        return {}
    return {
        "definition": definition_in_words(portfolio), "allocation": allocation, "rules": rules, "limits": limits,
    }  # fmt: skip


def _event(event: Mapping[str, Any]) -> EventRow:
    return EventRow(
        session=event["session"],
        rule=event["rule"],
        action=event["action"],
        subject=event["symbol"] or event["sector"] or "",
        measured=event["measured"],
        limit=event["limit_value"],
        wanted=event["wanted"],
        allowed=event["allowed"],
    )


def _effects(stored: Sequence[Mapping[str, Any]], events: Sequence[EventRow]) -> tuple[LimitEffect, ...]:
    counted = Counter((event.rule, event.action) for event in events)
    ordered = sorted(stored, key=lambda row: row["rule"] == _ALL)
    return tuple(_effect(row, counted) for row in ordered)


def _effect(row: Mapping[str, Any], counted: Mapping[tuple[str, str], int]) -> LimitEffect:
    rule = row["rule"]
    acts: dict[str, int] = {}
    for (own, action), times in counted.items():
        if rule in {own, _ALL}:
            acts[action] = acts.get(action, 0) + times
    lacking = row["total_return_without"] is None
    reason = "it never acted, so nothing would be different" if not row["acts"] else "no account is without it"
    return LimitEffect(
        rule=rule,
        actions=tuple(sorted(acts.items())),
        total_return=row["total_return"],
        max_drawdown=row["max_drawdown"],
        sharpe=row["sharpe"],
        total_return_without=row["total_return_without"],
        max_drawdown_without=row["max_drawdown_without"],
        sharpe_without=row["sharpe_without"],
        reason=reason if lacking else "",
    )


def _order(order: Mapping[str, Any]) -> NextOrderRow:
    names = (
        "symbol", "side", "quantity", "kind", "limit_price", "stop_price", "reason", "weight_before", "weight_after",
        "risk", "note",
    )  # fmt: skip
    return NextOrderRow(**{name: order[name] for name in names})


def _note(detail: Mapping[str, Any]) -> NoteRow:
    return NoteRow(None if detail["session"] is None else _session(detail["session"]), detail["words"])


def _session(text: str) -> date:
    return date.fromisoformat(text)
