"""One backtest as its page shows it, gathered from the tables."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory.errors import UsageError
from alphafactory.metrics import METRICS, drawdown_series, monthly_returns, yearly_returns
from alphafactory.pipeline.audit_rows import read_audit_rows
from alphafactory.pipeline.benchmark_index import read_index
from alphafactory.pipeline.page_parts import (
    GROUPS,
    UNITS,
    page_curves,
    page_parts,
    r_multiple,
    shown_in_metrics,
    yearly,
)
from alphafactory.pipeline.panel import read_panel
from alphafactory.pipeline.workspace import code_version
from alphafactory.reports.contexts import BacktestContext, MetricRow, MonthlyRow, TradeRow
from alphafactory.reports.data_contexts import SourceRow
from alphafactory.store import results, symbols

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from alphafactory.domain.arrays import DateArray, FloatArray
    from alphafactory.domain.bars import Bars
    from alphafactory.metrics import Metric
    from alphafactory.pipeline.page_parts import PageCurves
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.reports.contexts import AuditRow
    from alphafactory.store.database import Connection


@dataclass(frozen=True, slots=True)
class PageData:
    """What the pages of some backtests need, in a few bulk reads.

    Bars by symbol, those of indices by ticker; curves, trades and the orders that were not filled whole by backtest;
    audits by the version of the strategy.
    """

    bars: Mapping[int, Bars]
    indices: Mapping[str | None, Bars | None]
    curves: Mapping[int, dict[str, list[Any]]]
    trades: Mapping[int, list[dict[str, Any]]]
    short_orders: Mapping[int, list[dict[str, Any]]]
    audits: Mapping[int, AuditRow]


def read_page_data(connection: Connection, workspace: Workspace, rows: Sequence[dict[str, Any]]) -> PageData:
    """Read all that the pages of these backtests show."""
    keys, ids = [row["id"] for row in rows], {row["symbol_id"] for row in rows}
    tickers = sorted({row["ticker"] for row in rows if row["symbol_id"] is not None})
    chosen = [symbol for symbol in symbols.read_symbols(connection, tickers) if symbol.id in ids]
    panel = read_panel(connection, chosen, workspace.cutoff)
    return PageData(
        bars={key: series for key, _, series in panel},
        indices={name: _index_bars(connection, workspace, name) for name in {row["index_symbol"] for row in rows}},
        curves=results.read_curves(connection, keys),
        trades=results.read_trades(connection, keys),
        short_orders=results.read_orders(connection, keys, short=True),
        audits=read_audit_rows(connection, [row["strategy_id"] for row in rows]),
    )


def _index_bars(connection: Connection, workspace: Workspace, ticker: str | None) -> Bars | None:
    """Return the bars of an index, None where it has none any more."""
    try:
        index = read_index(connection, ticker, workspace.cutoff)
    except UsageError:
        return None
    return None if index is None else index.bars


def page_stamp(row: dict[str, Any]) -> str:
    """Return the hash of all that a backtest's page is made from; its fingerprint holds the data and the index."""
    words = [row[name] for name in ("id", "fingerprint", "ticker", "symbol_name", "sector", "audit_passed")]
    words.append(code_version())
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()


def backtest_context(
    connection: Connection,
    workspace: Workspace,
    data: PageData,
    row: dict[str, Any],
) -> BacktestContext | None:
    """Return the context of one finished backtest, None where its curve is no longer kept."""
    curve = data.curves.get(row["id"])
    if curve is None:
        return None
    sessions = np.array(curve["sessions"], dtype="datetime64[D]")
    equity = np.array(curve["equity"], dtype=np.float64)
    own = data.bars.get(row["symbol_id"])
    prices = _prices(own, sessions)
    start = float(row["start_equity"])
    curves = page_curves(equity, start, sessions, own, data.indices[row["index_symbol"]])
    trades = data.trades[row["id"]]
    return BacktestContext(
        backtest_id=row["id"],
        strategy=row["strategy"],
        strategy_title=row["strategy_title"],
        idea=row["strategy_idea"],
        params=tuple((name, str(value)) for name, value in row["params"].items()),
        symbol=row["ticker"],
        name=row["symbol_name"],
        sector=row["sector"],
        start=row["start_session"],
        end=row["end_session"],
        settings=tuple(_setting(name, value) for name, value in row["settings"].items()),
        fingerprint=row["fingerprint"],
        run_id=str(row["job_run_id"] or "ad hoc"),
        code_version=row["code_version"],
        data_stamp=row["data_fingerprint"],
        simulated=row["simulated_prices"],
        is_benchmark=row["strategy"] == workspace.config.backtest.benchmark,
        optimistic=row["optimistic"],
        ruined=row["ruined"],
        balance_error=row["balance_error"],
        metrics=tuple(metric_row(metric, row) for metric in METRICS if shown_in_metrics(metric)),
        sessions=sessions,
        equity=equity,
        drawdown=drawdown_series(equity, start),
        open=prices["open"],
        high=prices["high"],
        low=prices["low"],
        close=prices["close"],
        several=own is None,
        audit=data.audits.get(row["strategy_id"]),
        trades=tuple(_trade(trade) for trade in trades),
        monthly=tuple(monthly_rows(equity, start, sessions, curves)),
        sources=_sources(connection, row),
        stamp=page_stamp(row),
        **page_parts(row, sessions, equity, curves, trades, data.short_orders[row["id"]]),
    )


def _sources(connection: Connection, row: Mapping[str, Any]) -> tuple[SourceRow, ...]:
    if row["symbol_id"] is None:
        return ()
    found = results.read_sources(connection, row["symbol_id"], row["start_session"], row["end_session"])
    return tuple(SourceRow(*one) for one in found)


def _prices(known: Bars | None, sessions: DateArray) -> dict[str, FloatArray]:
    """Return the prices that the page draws; an account of several symbols has none."""
    names = ("open", "high", "low", "close")
    if known is None:
        return {name: np.full(len(sessions), np.nan) for name in names}
    bars = _on_sessions(known, sessions)
    return {name: getattr(bars, name) for name in names}


def _setting(name: str, value: object) -> tuple[str, str]:
    return name.replace("_", " "), "; ".join(map(str, value)) if isinstance(value, list) else str(value)


def _on_sessions(known: Bars, sessions: DateArray) -> Bars:
    """Return the bars of the sessions of the curve; a bar quarantined since is shown as a gap."""
    place = np.searchsorted(known.sessions, sessions)
    inside = np.minimum(place, max(len(known) - 1, 0))
    there = known.sessions[inside] == sessions
    columns = {name: np.where(there, getattr(known, name)[inside], np.nan) for name in ("open", "high", "low", "close")}
    rest = {name: getattr(known, name)[inside] for name in ("volume", "split_factor", "dividends")}
    return type(known)(sessions=sessions, **columns, **rest)


def metric_row(metric: Metric, row: Mapping[str, Any]) -> MetricRow:
    """Return a metric of a stored run with its reason where it has no value."""
    reason = row["undefined"].get(metric.name)
    words = None if reason is None else str(reason).replace("_", " ")
    return MetricRow(metric.label, row[metric.name], UNITS[metric.unit], metric.formula, words, GROUPS[metric.basis])


def _trade(trade: dict[str, Any]) -> TradeRow:
    invested = abs(trade["quantity"]) * trade["entry_price"]
    return TradeRow(
        entry_session=trade["entry_session"],
        entry_price=trade["entry_price"],
        exit_session=trade["exit_session"],
        exit_price=trade["exit_price"],
        quantity=trade["quantity"],
        net_pnl=trade["net_pnl"],
        trade_return=trade["net_pnl"] / invested if invested > 0 else None,
        costs=trade["commission"] + trade["slippage"] + trade["fees"],
        mae=trade["mae"],
        mfe=trade["mfe"],
        bars_held=trade["bars_held"],
        exit_reason=trade["exit_reason"] or "open",
        symbol=trade["symbol"],
        r_multiple=r_multiple(trade),
        **{name: trade[name] for name in ("commission", "slippage", "fees", "borrow", "dividends")},
        **{name: trade[name] for name in ("ambiguous", "optimistic_pnl")},
    )


def monthly_rows(equity: FloatArray, start: float, sessions: DateArray, curves: PageCurves) -> Iterable[MonthlyRow]:
    """Yield a row a year: the months' returns, and what its benchmarks had in it."""
    months = dict(zip(*(array.tolist() for array in monthly_returns(equity, start, sessions)), strict=True))
    years = dict(zip(*(array.tolist() for array in yearly_returns(equity, start, sessions)), strict=True))
    held, index = (yearly(returns, start, sessions) for returns in (curves.hold, curves.index))
    for year, total in years.items():
        values = tuple(
            next((value for day, value in months.items() if day.year == year.year and day.month == month), None)
            for month in range(1, 13)
        )
        yield MonthlyRow(year.year, values, total, held.get(year.year), index.get(year.year))
