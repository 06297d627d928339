"""The curves of a portfolio become charts: equity with drawdown, exposures with sectors, correlations.

Goes in: a `PortfolioPage`. Comes out: the columns that lines share with the page, and figures as in `figures`. Charts
of exposures show at most `POINTS` closes, evenly spaced and with the last, for layers weigh more than their detail
tells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory.reports import palette
from alphafactory.reports.figures import Figure, base_axis, base_layout, column, column_line, label, session_column
from alphafactory.reports.formatting import write_session

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray, IntArray
    from alphafactory.reports.figures import Trace
    from alphafactory.reports.portfolio_contexts import CorrelationMatrix, ExposureCurves, PortfolioPage

POINTS = 800
SECTORS_SHOWN = len(palette.STACKED)
_OTHERS = "other sectors"
_CELL, _LEAST_HEIGHT = 18, 420
_FITS_A_PHONE, _MARGINS, _LABEL = 16, 150, 13


def compute_portfolio_columns(page: PortfolioPage) -> dict[str, list[Any]]:
    """Return the columns that the charts of a portfolio's page share."""
    columns: dict[str, list[Any]] = {"sessions": session_column(page.sessions), "equity": column(page.equity, 2)}
    curves = {
        "benchmark": (page.equal_weight, 2),
        "index": (page.index_equity, 2),
        "drawdown": (page.drawdown, 4),
        "benchmark_drawdown": (page.equal_weight_drawdown, 4),
    }
    columns |= {name: column(values, digits) for name, (values, digits) in curves.items() if values is not None}
    if page.exposures is None or len(page.sessions) == 0:
        return columns
    shown = thin(len(page.sessions))
    columns["exposure_sessions"] = session_column(page.sessions[shown])
    for name, values in _exposure_values(page.exposures).items():
        columns[name] = column(np.asarray(values)[shown], 4)
    return columns


def thin(sessions: int) -> IntArray:
    """Return the rows that a chart of exposures shows: evenly spaced, the last always among them."""
    step = max(1, -(-sessions // POINTS))
    return np.arange((sessions - 1) % step, sessions, step)


def compute_portfolio_charts(page: PortfolioPage) -> dict[str, Figure]:
    """Return the page's charts by name, those for which there is something to draw."""
    if len(page.sessions) == 0:
        return {}
    charts = {"equity": _equity_figure(page)}
    if page.exposures is not None:
        charts["exposures"] = _exposure_figure(page, page.exposures)
    if page.correlation is not None and len(page.correlation.symbols) > 1:
        charts["correlation"] = _correlation_figure(page.correlation)
    return charts


def _equity_figure(page: PortfolioPage) -> Figure:
    """Equity against equal weight and the index above, drawdown below, on one time axis."""
    data = []
    if page.index_equity is not None:
        data.append(column_line("index", label(page.index_symbol or "index"), palette.INDEX, 1.4, dash="dash"))
    if page.equal_weight is not None:
        data.append(column_line("benchmark", "equal weight", palette.BENCHMARK, 1.4, dash="dot"))
    data.append(column_line("equity", label(page.title or page.name), palette.GAIN, 2.0))
    if page.equal_weight_drawdown is not None:
        line = column_line("benchmark_drawdown", "drawdown of equal weight", palette.BENCHMARK, 1.0, dash="dot")
        data.append(line | {"yaxis": "y2", "hovertemplate": "%{y:.1%}", "showlegend": False})
    area = column_line("drawdown", "drawdown", palette.LOSS, 1.0)
    data.append(area | {"yaxis": "y2", "fill": "tozeroy", "fillcolor": palette.LOSS_FILL, "hovertemplate": "%{y:.1%}"})
    layout = base_layout(height=450, hovermode="x unified", titled=False)
    layout["xaxis"] = base_axis(None, type="date", anchor="y2", range=_span(page))
    layout["yaxis"] = _value_axis("Equity (account currency)", [0.36, 1.0])
    layout["yaxis2"] = _value_axis("Drawdown", [0.0, 0.28], tickformat=".0%", rangemode="tozero", nticks=5)
    others = [
        name
        for name, curve in (("equal weight", page.equal_weight), (page.index_symbol or "the index", page.index_equity))
        if curve is not None
    ]
    against = f" against {' and '.join(others)}" if others else ""
    period = f"from {write_session(page.start)} to {write_session(page.end)}"
    return Figure(data, layout, f"Equity of {page.name}{against}, with its drawdown below, {period}.")


def _exposure_values(exposures: ExposureCurves) -> dict[str, FloatArray]:
    """Return every curve by the name of its column; sectors beyond those shown are one sum."""
    values = {"gross": exposures.gross, "net": exposures.net, "cash": exposures.cash}
    for place, (_, curve) in enumerate(exposures.sectors[:SECTORS_SHOWN]):
        values[f"sector_{place}"] = curve
    rest = [curve for _, curve in exposures.sectors[SECTORS_SHOWN:]]
    if rest:
        values["sector_rest"] = np.sum(rest, axis=0)
    return values


def _exposure_figure(page: PortfolioPage, exposures: ExposureCurves) -> Figure:
    """Gross, net and cash above, sectors stacked below, as shares of equity."""
    same = np.allclose(exposures.gross, exposures.net, atol=5e-5, equal_nan=True)
    lines = [
        ("gross", "gross = net" if same else "gross", palette.GAIN, "solid"),
        ("cash", "cash", palette.MUTED, "dot"),
    ]
    if not same:
        lines.insert(1, ("net", "net", palette.INDEX, "dash"))
    data = [_exposure_line(name, title, color) | _line(color, dash) for name, title, color, dash in lines]
    data += _layers(exposures)
    layout = base_layout(height=560, hovermode="x unified", titled=False)
    layout["legend"] |= {"traceorder": "normal"}
    layout["xaxis"] = base_axis(None, type="date", anchor="y2", range=_span(page))
    layout["yaxis"] = _value_axis("Share of equity", [0.64, 1.0], tickformat=".0%", nticks=6, zeroline=True)
    layout["yaxis2"] = _value_axis("By sector (gross)", [0.0, 0.57], tickformat=".0%", nticks=6, rangemode="tozero")
    named = ", ".join(name for name, _ in exposures.sectors)
    first = "Gross (which is net) and cash" if same else "Gross, net and cash"
    return Figure(data, layout, f"{first} as shares of equity, and below them the sectors on each other: {named}.")


def _layers(exposures: ExposureCurves) -> list[Trace]:
    shown = exposures.sectors[:SECTORS_SHOWN]
    titles = [(f"sector_{place}", label(name), palette.STACKED[place]) for place, (name, _) in enumerate(shown)]
    if len(exposures.sectors) > SECTORS_SHOWN:
        titles.append(("sector_rest", _OTHERS, palette.BENCHMARK))
    edge = {"line": {"color": palette.PAPER, "width": 0.6}}
    return [
        _exposure_line(name, title, color) | edge | {"yaxis": "y2", "stackgroup": "sectors", "fillcolor": color}
        for name, title, color in titles
    ]


def _exposure_line(name: str, title: str, color: str) -> Trace:
    line = column_line(name, title, color, 1.6)
    return line | {"columns": {"x": "exposure_sessions", "y": name}, "hovertemplate": "%{y:.1%}"}


def _line(color: str, dash: str) -> Trace:
    return {"line": {"color": color, "width": 1.6, "dash": dash}}


def _correlation_figure(matrix: CorrelationMatrix) -> Figure:
    """A cell a pair of symbols, clusters framed; together in the colour of loss, against each other in that of gain."""
    names = [label(symbol) for symbol in matrix.symbols]
    size = len(names)
    data: list[Trace] = [
        {
            "type": "heatmap",
            "x": names,
            "y": names,
            "z": [column(np.array(row, dtype=np.float64), 2) for row in matrix.values],
            "zmin": -1.0,
            "zmax": 1.0,
            "colorscale": [[0.0, palette.GAIN], [0.5, palette.NO_CORRELATION], [1.0, palette.LOSS]],
            "xgap": 1,
            "ygap": 1,
            "hovertemplate": "%{y} and %{x}: %{z:.2f}<extra></extra>",
            "colorbar": {
                "title": {"text": "Correlation", "side": "right", "font": {"color": palette.MUTED, "size": 12}},
                "thickness": 12,
                "outlinewidth": 0,
                "tickvals": [-1, -0.5, 0, 0.5, 1],
                "tickfont": {"color": palette.MUTED},
            },
        }
    ]
    layout = base_layout(height=max(_LEAST_HEIGHT, 110 + _CELL * size), hovermode="closest")
    names_axis = {"type": "category", "showgrid": False, "tickmode": "array", "tickvals": names, "automargin": True}
    layout["xaxis"] = base_axis(None, tickangle=-90, **names_axis)
    layout["yaxis"] = base_axis(None, autorange="reversed", **names_axis)
    layout["shapes"] = cluster_frames(matrix.clusters)
    words = (
        f"Correlations of the returns of {size} held symbols over {matrix.sessions} sessions, in "
        f"{len(set(matrix.clusters))} clusters."
    )
    return Figure(data, layout, words)


def compute_matrix_width(matrix: CorrelationMatrix | None) -> int:
    """Return the least width in pixels at which every symbol of the matrix can be read; 0 where any will do."""
    size = 0 if matrix is None else len(matrix.symbols)
    return 0 if size <= _FITS_A_PHONE else _MARGINS + _LABEL * size


def cluster_frames(clusters: tuple[int, ...]) -> list[dict[str, Any]]:
    """Frame each run of one cluster along the diagonal; a symbol alone needs no frame."""
    frames = []
    begin = 0
    for place in range(1, len(clusters) + 1):
        if place < len(clusters) and clusters[place] == clusters[begin]:
            continue
        if place - begin > 1:
            low, high = begin - 0.5, place - 0.5
            line = {"color": palette.INK, "width": 1.5}
            frames.append({"type": "rect", "x0": low, "x1": high, "y0": low, "y1": high, "line": line})
        begin = place
    return frames


def _value_axis(title: str, domain: list[float], **more: Any) -> dict[str, Any]:
    """Return an axis whose title keeps off its numbers, however wide they are."""
    axis = base_axis(title, domain=domain, automargin=True, **more)
    axis["title"]["standoff"] = 8
    return axis


def _span(page: PortfolioPage) -> list[str]:
    return [str(page.sessions[0]), str(page.sessions[-1])]
