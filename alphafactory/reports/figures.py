"""Contexts become Plotly figures, as the plain JSON values that Plotly.newPlot takes.

Plain dicts spare each process the start of plotly.graph_objects and its validation of every number; the tests put every
figure through their validation instead. Long columns are kept once a page: a trace names them in `columns`
(attribute -> column) and the page's script puts them in, so that equity, drawdown and price share one list of sessions.
"""

from __future__ import annotations

import html
import math
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory.reports import palette
from alphafactory.reports.formatting import write_price, write_quantity, write_session

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from alphafactory.domain.arrays import DateArray, FloatArray
    from alphafactory.reports.contexts import BacktestContext, NightContext, RankRow, TradeRow

Trace = dict[str, Any]
Layout = dict[str, Any]
_FEW = 6
"""Strategies that colours and shapes can tell apart."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One chart: `data` and `layout` as Plotly reads them, and the sentence that a screen reader says for it."""

    data: list[Trace]
    layout: Layout
    description: str
    links: dict[str, str] = field(default_factory=dict)


def column(values: FloatArray, digits: int) -> list[float | None]:
    """Round an array for the page; what is not finite becomes null."""
    rounded = np.round(np.asarray(values, dtype=np.float64), digits)
    return [number if finite else None for number, finite in zip(rounded.tolist(), np.isfinite(rounded), strict=True)]


def session_column(sessions: DateArray) -> list[str]:
    """Write sessions as ISO dates."""
    return [str(day) for day in np.datetime_as_string(sessions, unit="D")]


def compute_backtest_columns(context: BacktestContext) -> dict[str, list[Any]]:
    """Return the columns that the charts of a backtest page share."""
    columns: dict[str, list[Any]] = {"sessions": session_column(context.sessions)}
    columns["equity"] = column(context.equity, 2)
    if context.benchmark_equity is not None:
        columns["benchmark"] = column(context.benchmark_equity, 2)
    if context.index_equity is not None:
        columns["index"] = column(context.index_equity, 2)
    columns["drawdown"] = column(context.drawdown, 5)
    for name in ("open", "high", "low", "close"):
        columns[name] = [] if context.several else column(getattr(context, name), 4)
    return columns


def compute_equity_figure(context: BacktestContext) -> Figure:
    """Equity against buy-and-hold and the index above, drawdown below, on one time axis."""
    data = [column_line("equity", label(context.strategy), palette.GAIN, 2.0)]
    if context.benchmark_equity is not None and not context.is_benchmark:
        data.insert(0, column_line("benchmark", "buy and hold", palette.BENCHMARK, 1.4, dash="dot"))
    if context.index_equity is not None:
        data.insert(0, column_line("index", label(context.index_symbol or "index"), palette.INDEX, 1.4, dash="dash"))
    data.append(_drawdown_area())
    layout = base_layout(height=450, hovermode="x unified", titled=False)
    layout["xaxis"] = base_axis(None, type="date", anchor="y2", range=span(context))
    layout["yaxis"] = base_axis("Equity (account currency)", domain=[0.33, 1.0])
    layout["yaxis2"] = base_axis("Drawdown", domain=[0.0, 0.25], tickformat=".0%", rangemode="tozero")
    against = "" if context.is_benchmark else " against buy and hold"
    period = f"from {write_session(context.start)} to {write_session(context.end)}"
    words = f"Equity of {context.strategy} on {context.symbol}{against}, with its drawdown below, {period}."
    return Figure(data, layout, words)


def compute_price_figure(context: BacktestContext) -> Figure:
    """Split-adjusted price with every entry and exit, each trade joined by a line in its tone."""
    data = [column_line("close", "close", palette.MUTED, 1.2), _candles()]
    data += [_trade_lines(context.trades, won=True), _trade_lines(context.trades, won=False)]
    data += [_entries(context.trades, short=False), _entries(context.trades, short=True), _exits(context.trades)]
    layout = base_layout(height=430, hovermode="closest", titled=False)
    layout["xaxis"] = base_axis(None, type="date", rangeslider={"visible": False}, range=span(context))
    layout["yaxis"] = base_axis("Price per share (split-adjusted)")
    words = (
        f"Close of {context.symbol} with {len(context.trades)} trades of {context.strategy} marked at entry and exit."
    )
    return Figure([trace for trace in data if trace], layout, words)


def compute_sharpe_figure(night: NightContext) -> Figure:
    """One box a strategy: how its Sharpe ratios spread over the symbols; of many the best median is on top."""
    data: list[Trace] = []
    rows_of = _rows_by_strategy(night.ranking)
    many = len(rows_of) > _FEW
    if many:
        rows_of = dict(sorted(rows_of.items(), key=lambda item: _median(item[1]), reverse=True))
    for position, (strategy, rows) in enumerate(reversed(rows_of.items())):
        color, shape = _look(0 if many else len(rows_of) - 1 - position, rows)
        defined = [row for row in rows if row.sharpe is not None]
        data.append(
            {
                "type": "box",
                "orientation": "h",
                "name": label(strategy),
                "x": [round(row.sharpe or 0.0, 4) for row in defined],
                "text": [label(row.symbol) for row in defined],
                "hovertemplate": "%{text}: %{x:.2f}<extra></extra>",
                "boxpoints": "outliers" if many or len(defined) > 1000 else "all",  # noqa: PLR2004 - dots were a smear
                "jitter": 0.6,
                "pointpos": 0,
                "marker": {"color": color, "size": 4, "opacity": 0.35, "symbol": shape},
                "line": {"color": color, "width": 1.5},
                "fillcolor": "rgba(0,0,0,0)",
            }
        )
    layout = base_layout(height=max(400, 100 + (24 if many else 60) * len(data)), hovermode="closest")
    layout["showlegend"] = False
    layout["xaxis"] = base_axis("Sharpe ratio (annualised)", zeroline=True)
    layout["yaxis"] = base_axis(None, automargin=True, showgrid=False, ticksuffix="  ")
    words = f"Spread of the Sharpe ratios of {len(rows_of)} strategies over their symbols, one box a strategy."
    return Figure(data, layout, words)


def compute_holding_figure(night: NightContext, pages: Mapping[int, str]) -> Figure | None:
    """One dot a backtest: its Sharpe against that of holding the same symbol; None where nothing can be paired.

    `pages` maps a backtest to its page; a click on a dot that has one opens it.
    """
    holding = {row.symbol: row.sharpe for row in night.ranking if row.is_benchmark and row.sharpe is not None}
    tried = [row for row in night.ranking if not row.is_benchmark and row.sharpe is not None and row.symbol in holding]
    if not tried:
        return None
    data: list[Trace] = []
    links: dict[str, str] = {}
    rows_of = _rows_by_strategy(tried)
    many = len(rows_of) > _FEW
    for position, (strategy, rows) in enumerate(rows_of.items()):
        color, shape = _look(0 if many else position, rows)
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": label(strategy),
                "x": [round(holding[row.symbol] or 0.0, 4) for row in rows],
                "y": [round(row.sharpe or 0.0, 4) for row in rows],
                "text": [label(row.symbol) for row in rows],
                "customdata": [row.backtest_id for row in rows],
                "hovertemplate": f"{label(strategy)}, %{{text}}: %{{y:.2f}}, holding %{{x:.2f}}<extra></extra>",
                "marker": {"color": color, "symbol": shape, "size": 4 if many else 6, "opacity": 0.3 if many else 0.6},
            }
        )
        links |= {str(row.backtest_id): pages[row.backtest_id] for row in rows if row.backtest_id in pages}
    layout = base_layout(height=400, hovermode="closest")
    layout["showlegend"] = len(data) > 1 and not many
    layout["xaxis"] = base_axis("Sharpe of holding the symbol", zeroline=True)
    layout["yaxis"] = base_axis("Sharpe of the strategy", zeroline=True)
    layout["shapes"] = [_diagonal([*holding.values(), *(row.sharpe for row in tried)])]
    words = f"Sharpe of {len(tried)} backtests against holding the same symbol; above the diagonal beats holding."
    return Figure(data, layout, words, links)


def _median(rows: Sequence[RankRow]) -> float:
    known = [row.sharpe for row in rows if row.sharpe is not None]
    return statistics.median(known) if known else -math.inf


def label(text: str) -> str:
    """Make a foreign name safe for Plotly, which reads a little HTML in its texts."""
    return html.escape(text, quote=False)


def _rows_by_strategy(rows: Iterable[RankRow]) -> dict[str, list[RankRow]]:
    found: dict[str, list[RankRow]] = {}
    for row in sorted(rows, key=lambda row: (row.is_benchmark, row.strategy, row.symbol, row.backtest_id)):
        found.setdefault(row.strategy, []).append(row)
    return found


def _look(position: int, rows: Sequence[RankRow]) -> tuple[str, str]:
    if rows[0].is_benchmark:
        return palette.BENCHMARK, "circle-open"
    return palette.SERIES[position % len(palette.SERIES)], palette.SHAPES[position % len(palette.SHAPES)]


def _diagonal(sharpes: Iterable[float | None]) -> dict[str, Any]:
    known = [value for value in sharpes if value is not None]
    low, high = round(min(known), 4), round(max(known), 4)
    line = {"color": palette.MUTED, "width": 1, "dash": "dash"}
    return {"type": "line", "layer": "below", "x0": low, "y0": low, "x1": high, "y1": high, "line": line}


def column_line(name: str, title: str, color: str, width: float, dash: str = "solid") -> Trace:
    """Return the line of one of the page's columns."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": title,
        "columns": {"x": "sessions", "y": name},
        "line": {"color": color, "width": width, "dash": dash},
        "hovertemplate": "%{y:,.2f}",
    }


def _drawdown_area() -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "drawdown",
        "columns": {"x": "sessions", "y": "drawdown"},
        "yaxis": "y2",
        "fill": "tozeroy",
        "fillcolor": palette.LOSS_FILL,
        "line": {"color": palette.LOSS, "width": 1},
        "hovertemplate": "%{y:.1%}",
    }


def _candles() -> Trace:
    return {
        "type": "candlestick",
        "name": "bars",
        "visible": False,
        "columns": {"x": "sessions", "open": "open", "high": "high", "low": "low", "close": "close"},
        "increasing": {"line": {"color": palette.GAIN, "width": 1}},
        "decreasing": {"line": {"color": palette.LOSS, "width": 1}},
    }


def _trade_lines(trades: Sequence[TradeRow], *, won: bool) -> Trace:
    xs: list[str | None] = []
    ys: list[float | None] = []
    for trade in trades:
        if trade.exit_session is not None and trade.exit_price is not None and (trade.net_pnl > 0) is won:
            xs += [trade.entry_session.isoformat(), trade.exit_session.isoformat(), None]
            ys += [round(trade.entry_price, 4), round(trade.exit_price, 4), None]
    if not xs:
        return {}
    color, dash = (palette.GAIN, "solid") if won else (palette.LOSS, "dot")
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "winning trade" if won else "losing trade",
        "x": xs,
        "y": ys,
        "line": {"color": color, "width": 2, "dash": dash},
        "hoverinfo": "skip",
    }


def _entries(trades: Sequence[TradeRow], *, short: bool) -> Trace:
    begun = [t for t in trades if (t.quantity < 0) is short]
    texts = [f"{write_quantity(abs(t.quantity))} shares at {write_price(t.entry_price)}" for t in begun]
    points = [(t.entry_session.isoformat(), t.entry_price) for t in begun]
    if short:
        return _markers("short entry", "triangle-left", palette.LOSS, points, texts)
    return _markers("entry", "triangle-up", palette.GAIN, points, texts)


def _exits(trades: Sequence[TradeRow]) -> Trace:
    ended = [t for t in trades if t.exit_session is not None and t.exit_price is not None]
    texts = [
        f"{label(t.exit_reason)} at {write_price(t.exit_price)}, {t.bars_held} bars held"
        + (", ambiguous" if t.ambiguous else "")
        for t in ended
    ]
    points = [(write_session(t.exit_session), t.exit_price or 0.0) for t in ended]
    return _markers("exit", "triangle-down", palette.INK, points, texts)


def _markers(name: str, symbol: str, color: str, points: Sequence[tuple[str, float]], texts: list[str]) -> Trace:
    if not points:
        return {}
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [x for x, _ in points],
        "y": [round(y, 4) for _, y in points],
        "text": texts,
        "hovertemplate": f"{name} %{{x|%Y-%m-%d}}<br>%{{text}}<extra></extra>",
        "marker": {"symbol": symbol, "size": 10, "color": color, "line": {"color": palette.PAPER, "width": 1}},
    }


def span(context: BacktestContext) -> list[str]:
    """The whole period, so that both charts show the same sessions whatever their markers need."""
    if len(context.sessions) == 0:
        return [context.start.isoformat(), context.end.isoformat()]
    return [str(context.sessions[0]), str(context.sessions[-1])]


def base_layout(*, height: int, hovermode: str, titled: bool = True) -> Layout:
    """Return what all charts share; `titled` leaves room for the title of the x axis."""
    return {
        "height": height,
        "hovermode": hovermode,
        "margin": {"l": 64, "r": 12, "t": 34, "b": 44 if titled else 28},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": palette.INK, "size": 12},
        "hoverlabel": {"bgcolor": palette.PAPER, "bordercolor": palette.MUTED, "font": {"color": palette.INK}},
        "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "xanchor": "left"},
    }


def base_axis(title: str | None, **more: Any) -> dict[str, Any]:
    """Return an axis in the house's colours, with `more` on top."""
    axis: dict[str, Any] = {
        "gridcolor": palette.GRID,
        "linecolor": palette.GRID,
        "zeroline": False,
        "zerolinecolor": palette.MUTED,
        "tickfont": {"color": palette.MUTED},
        **more,
    }
    if title is not None:
        axis["title"] = {"text": title, "font": {"color": palette.MUTED, "size": 12}}
    return axis
