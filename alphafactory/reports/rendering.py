"""Contexts become HTML text: the only door to Jinja.

Goes in: a context and the names of the shared assets. Comes out: one page as text. The same context gives the same text
to the byte. Templates are strict (an undefined name is an error) and escape everything; chart data stand in a JSON
block that cannot close its own element.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup

from alphafactory.reports import (
    backtest_summary,
    correlation_page,
    figures,
    formatting,
    mandate_words,
    palette,
    portfolio_figures,
    portfolio_summary,
    rolling_figure,
    sparklines,
    summary,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.reports.contexts import BacktestContext, NightContext
    from alphafactory.reports.correlation_contexts import CorrelationPage
    from alphafactory.reports.portfolio_contexts import PortfolioPage

_TEMPLATES = Path(__file__).parent / "templates"
_REFUSED_SHOWN = 30
_CHANGES_SHOWN = 50
_ORDERS_SHOWN = 200
_POSITIONS_AT_ONCE = 40
_METHOD_WORDS = {
    "history": "History",
    "normal": "Normal",
    "cornish_fisher": "Cornish-Fisher",
    "monte_carlo": "Monte Carlo",
}
_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


@dataclass(frozen=True, slots=True)
class Assets:
    """File names of the shared style sheet, script and Plotly inside the folder `assets`."""

    style: str
    script: str
    plotly: str


def render_index(
    night: NightContext, pages: Mapping[int, str], assets: Assets, portfolio_pages: Mapping[str, str] | None = None
) -> str:
    """Render the night's index; `pages` maps a backtest to its page, `portfolio_pages` a portfolio's name to its own.

    Both are relative to the index.
    """
    charts = {"sharpe": figures.compute_sharpe_figure(night)} if night.ranking else {}
    holding = figures.compute_holding_figure(night, pages)
    if holding is not None:
        charts["holding"] = holding
    return (
        environment()
        .get_template("index.html.j2")
        .render(
            night=night,
            summary=summary.compute_summary(night),
            formulas={row.label: row.formula for row in night.glossary},
            pages=pages,
            portfolio_pages=portfolio_pages or {},
            trend_floor=sparklines.compute_floor(night.quality.lowest),
            refused_shown=_REFUSED_SHOWN,
            assets=assets,
            charts=charts,
            chart_data=embed_json(_chart_values(charts, {})),
            root="",
        )
    )


def render_backtest(context: BacktestContext, assets: Assets, index: str | None) -> str:
    """Render a backtest's page; `index` is the link back to the night, None where there is none."""
    charts = {"equity": figures.compute_equity_figure(context)}
    if not context.several:
        charts["price"] = figures.compute_price_figure(context)
    rolling = rolling_figure.compute_rolling_figure(context)
    if rolling is not None:
        charts["rolling"] = rolling
    columns = figures.compute_backtest_columns(context) | rolling_figure.compute_rolling_columns(context)
    return (
        environment()
        .get_template("backtest.html.j2")
        .render(
            backtest=context,
            page=backtest_summary.compute_page(context),
            orders_shown=_ORDERS_SHOWN,
            end_words=backtest_summary.ORDER_END_WORDS,
            assets=assets,
            charts=charts,
            chart_data=embed_json(_chart_values(charts, columns)),
            index=index,
            root="../",
        )
    )


def render_portfolio(page: PortfolioPage, assets: Assets, index: str | None) -> str:
    """Render a portfolio's page; `index` is the link back to the night, None where there is none."""
    charts = portfolio_figures.compute_portfolio_charts(page)
    columns = portfolio_figures.compute_portfolio_columns(page) if charts else {}
    return (
        environment()
        .get_template("portfolio.html.j2")
        .render(
            portfolio=page,
            page=portfolio_summary.compute_summary(page),
            has_index=any(row.index is not None for row in (*page.comparison, *page.relative)),
            matrix_width=portfolio_figures.compute_matrix_width(page.correlation),
            gaps=page.correlation is not None and any(None in row for row in page.correlation.values),
            positions_at_once=_POSITIONS_AT_ONCE,
            action_words=mandate_words.ACTION_WORDS,
            limit_titles=mandate_words.LIMIT_TITLES,
            method_words=_METHOD_WORDS,
            write_measure=mandate_words.write_measure,
            end_words=backtest_summary.ORDER_END_WORDS,
            assets=assets,
            charts=charts,
            chart_data=embed_json(_chart_values(charts, columns)),
            index=index,
            root="../",
        )
    )


def render_correlations(page: CorrelationPage, assets: Assets, index: str | None) -> str:
    """Render the page of feature correlations; `index` is the link back to the night, None where there is none."""
    charts = {"features": correlation_page.compute_heatmap(page)}
    clusters = correlation_page.compute_clusters(page)
    return (
        environment()
        .get_template("correlations.html.j2")
        .render(
            page=page,
            clusters=clusters,
            redundant=sum(len(row.others) for row in clusters),
            left_out=correlation_page.compute_left_out(page),
            width=correlation_page.compute_size(page),
            assets=assets,
            charts=charts,
            chart_data=embed_json(_chart_values(charts, {})),
            index=index,
            root="",
        )
    )


def embed_json(value: Any) -> Markup:
    """Write `value` as JSON for a script element: no `<`, `>`, `&` or line separator stands in it as itself.

    Raises `ValueError` for NaN or infinity, which JSON does not have.
    """
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character, escape in _UNSAFE.items():
        text = text.replace(character, escape)
    return Markup(text)  # noqa: S704 - every character that HTML reads has just been escaped


@cache
def environment() -> jinja2.Environment:
    """Build the Jinja environment once a process, with the filters that write numbers."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        number=formatting.write_number,
        percent=formatting.write_percent,
        price=formatting.write_price,
        quantity=formatting.write_quantity,
        seconds=formatting.write_seconds,
        session=formatting.write_session,
        moment=formatting.write_moment,
        tone=formatting.write_signed_tone,
        heat=formatting.write_heat,
        sort_key=formatting.write_sort_key,
        words=formatting.write_words,
    )
    made.globals.update(
        write_metric=formatting.write_metric,
        count=summary.count,
        sparkline=sparklines.render_sparkline,
        changes_shown=_CHANGES_SHOWN,
    )
    return made


def _chart_values(charts: Mapping[str, figures.Figure], columns: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: {"data": f.data, "layout": f.layout, "links": f.links} for name, f in charts.items()}
    return {"columns": columns, "charts": shown, "dark": palette.DARK_OF}
