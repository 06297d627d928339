"""The rolling metrics of a backtest become one chart of stacked panels on one time axis.

Goes in: a context with `rolling`. Comes out: the columns that its lines share with the page, and the figure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alphafactory.reports import palette
from alphafactory.reports.figures import Figure, base_axis, base_layout, column, column_line, label, span

if TYPE_CHECKING:
    from alphafactory.reports.contexts import BacktestContext
    from alphafactory.reports.figures import Trace

_PANELS = (
    ("rolling_sharpe", "Sharpe ratio", "%{y:.2f}", None),
    ("rolling_volatility", "Volatility", "%{y:.1%}", ".0%"),
    ("rolling_drawdown", "Worst loss", "%{y:.1%}", ".0%"),
    ("beta", "Beta", "%{y:.2f}", None),
)
_GAP = 0.05


def compute_rolling_columns(context: BacktestContext) -> dict[str, list[float | None]]:
    """Return the columns of the chart, none where nothing rolls."""
    rolling = context.rolling
    if rolling is None:
        return {}
    found = {
        "volatility": rolling.volatility,
        "sharpe": rolling.sharpe,
        "drawdown": rolling.drawdown,
        "beta_hold": rolling.beta_hold,
        "beta_index": rolling.beta_index,
    }
    return {f"rolling_{name}": column(values, 4) for name, values in found.items() if values is not None}


def compute_rolling_figure(context: BacktestContext) -> Figure | None:
    """Sharpe ratio, volatility, drawdown and betas over a moving window, one panel each; None where nothing rolls."""
    rolling = context.rolling
    if rolling is None:
        return None
    betas = _betas(context)
    panels = _PANELS if betas else _PANELS[:-1]
    height = (1.0 - _GAP * (len(panels) - 1)) / len(panels)
    layout = base_layout(height=110 + 110 * len(panels), hovermode="x unified", titled=False)
    layout["xaxis"] = base_axis(None, type="date", anchor=f"y{len(panels)}", range=span(context))
    data: list[Trace] = []
    for number, (name, title, hover, ticks) in enumerate(panels, start=1):
        top = 1.0 - (number - 1) * (height + _GAP)
        more: dict[str, Any] = {"tickformat": ticks} if ticks else {"zeroline": True}
        layout[_axis_name("yaxis", number)] = base_axis(
            title, domain=[round(max(0.0, top - height), 4), round(top, 4)], nticks=5, **more
        )
        lines = betas if name == "beta" else [column_line(name, title, palette.GAIN, 1.4) | {"showlegend": False}]
        data += [line | {"yaxis": _axis_name("y", number), "hovertemplate": hover} for line in lines]
    named = ", ".join(title.lower() for _, title, _, _ in panels)
    words = (
        f"Over the last {rolling.window} sessions, as they passed: {named} of {context.strategy} on {context.symbol}."
    )
    return Figure(data, layout, words)


def _axis_name(kind: str, number: int) -> str:
    return kind if number == 1 else f"{kind}{number}"


def _betas(context: BacktestContext) -> list[Trace]:
    """Return the beta to holding, unless this is holding, and to the index."""
    rolling, lines = context.rolling, []
    if rolling is not None and rolling.beta_hold is not None and not context.is_benchmark:
        lines.append(column_line("rolling_beta_hold", "beta to holding", palette.BENCHMARK, 1.4, dash="dot"))
    if rolling is not None and rolling.beta_index is not None:
        title = f"beta to {label(context.index_symbol or 'the index')}"
        lines.append(column_line("rolling_beta_index", title, palette.INDEX, 1.4, dash="dash"))
    return lines
