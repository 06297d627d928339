"""One backtest as its page shows it, gathered from the tables."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory.metrics import METRICS, drawdown_series, monthly_returns, yearly_returns
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
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.reports.contexts import MetricUnit
    from alphafactory.store.database import Connection

_UNITS: Mapping[str, MetricUnit] = {
    "ratio": "ratio", "fraction": "fraction", "money": "money", "count": "count", "sessions": "bars", "date": "session",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PageData:
    """What the pages of some backtests need, in a few bulk reads: bars by symbol, curves and trades by backtest."""

    bars: Mapping[int, Bars]
    curves: Mapping[int, dict[str, list[Any]]]
    trades: Mapping[int, list[dict[str, Any]]]


def read_page_data(
    connection: Connection, workspace: Workspace, rows: Sequence[dict[str, Any]], benchmarks: Sequence[int]
) -> PageData:
    """Read all that the pages of these backtests show; `benchmarks` are the backtests they are drawn against."""
    keys, ids = [row["id"] for row in rows], {row["symbol_id"] for row in rows}
    tickers = sorted({row["ticker"] for row in rows})
    chosen = [symbol for symbol in symbols.read_symbols(connection, tickers) if symbol.id in ids]
    panel = read_panel(connection, chosen, workspace.cutoff)
    return PageData(
        bars={key: series for key, _, series in panel},
        curves=results.read_curves(connection, [*keys, *benchmarks]),
        trades=results.read_trades(connection, keys),
    )


def page_stamp(row: dict[str, Any], holding: dict[str, Any] | None) -> str:
    """Return the hash of all that a backtest's page is made from."""
    held = None if holding is None else [holding["id"], holding["fingerprint"]]
    words = [row["id"], row["fingerprint"], row["ticker"], row["symbol_name"], row["sector"], held, code_version()]
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()


def backtest_context(
    connection: Connection,
    workspace: Workspace,
    data: PageData,
    row: dict[str, Any],
    holding: dict[str, Any] | None,
) -> BacktestContext | None:
    """Return the context of one finished backtest, None where its curve is no longer kept."""
    curve = data.curves.get(row["id"])
    if curve is None:
        return None
    sessions = np.array(curve["sessions"], dtype="datetime64[D]")
    equity = np.array(curve["equity"], dtype=np.float64)
    bars = _on_sessions(data.bars[row["symbol_id"]], sessions)
    start = float(row["start_equity"])
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
        settings=tuple((name.replace("_", " "), str(value)) for name, value in row["settings"].items()),
        fingerprint=row["fingerprint"],
        run_id=str(row["job_run_id"] or "ad hoc"),
        code_version=row["code_version"],
        data_stamp=row["data_fingerprint"],
        simulated=row["simulated_prices"],
        is_benchmark=row["strategy"] == workspace.config.backtest.benchmark,
        optimistic=row["optimistic"],
        ruined=row["ruined"],
        balance_error=row["balance_error"],
        metrics=tuple(_metric(metric, row) for metric in METRICS),
        sessions=sessions,
        equity=equity,
        benchmark_equity=_benchmark(data, holding, row, sessions),
        drawdown=drawdown_series(equity, start),
        open=bars.open,
        high=bars.high,
        low=bars.low,
        close=bars.close,
        trades=tuple(_trade(trade) for trade in data.trades[row["id"]]),
        monthly=tuple(_monthly(equity, start, sessions)),
        sources=tuple(
            SourceRow(*found)
            for found in results.read_sources(connection, row["symbol_id"], row["start_session"], row["end_session"])
        ),
        stamp=page_stamp(row, holding),
    )


def _on_sessions(known: Bars, sessions: DateArray) -> Bars:
    """Return the bars of the sessions of the curve; a bar quarantined since is shown as a gap."""
    place = np.searchsorted(known.sessions, sessions)
    inside = np.minimum(place, max(len(known) - 1, 0))
    there = known.sessions[inside] == sessions
    columns = {name: np.where(there, getattr(known, name)[inside], np.nan) for name in ("open", "high", "low", "close")}
    rest = {name: getattr(known, name)[inside] for name in ("volume", "split_factor", "dividends")}
    return type(known)(sessions=sessions, **columns, **rest)


def _benchmark(
    data: PageData, holding: dict[str, Any] | None, row: dict[str, Any], sessions: DateArray
) -> FloatArray | None:
    """Return buy-and-hold's curve on the same sessions, None where it is missing, the same, or of other sessions."""
    if holding is None or holding["id"] == row["id"]:
        return None
    curve = data.curves.get(holding["id"])
    if curve is None or not np.array_equal(np.array(curve["sessions"], dtype="datetime64[D]"), sessions):
        return None
    return np.array(curve["equity"], dtype=np.float64)


def _metric(metric: Metric, row: dict[str, Any]) -> MetricRow:
    reason = row["undefined"].get(metric.name)
    words = None if reason is None else str(reason).replace("_", " ")
    return MetricRow(metric.label, row[metric.name], _UNITS[metric.unit], metric.formula, words)


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
        costs=trade["commission"] + trade["slippage"],
        mae=trade["mae"],
        mfe=trade["mfe"],
        bars_held=trade["bars_held"],
        exit_reason=trade["exit_reason"] or "open",
    )


def _monthly(equity: FloatArray, start: float, sessions: DateArray) -> Iterable[MonthlyRow]:
    months = dict(zip(*(array.tolist() for array in monthly_returns(equity, start, sessions)), strict=True))
    years = dict(zip(*(array.tolist() for array in yearly_returns(equity, start, sessions)), strict=True))
    for year, total in years.items():
        values = tuple(
            next((value for day, value in months.items() if day.year == year.year and day.month == month), None)
            for month in range(1, 13)
        )
        yield MonthlyRow(year.year, values, total)
