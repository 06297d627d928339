"""Contexts become pages: figures that Plotly accepts, text that HTML cannot misread, and an honest summary."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
import pytest
from browser.backtest_samples import sample_backtest
from browser.portfolio_samples import bare_portfolio, sample_portfolio, sample_portfolio_rows
from browser.report_samples import sample_night

from alphafactory.reports import figures, palette
from alphafactory.reports.rendering import Assets, embed_json, render_backtest, render_index, render_portfolio
from alphafactory.reports.summary import compute_summary, compute_verdict, sort_ranking

if TYPE_CHECKING:
    from alphafactory.reports.contexts import NightContext

ASSETS = Assets("report.css", "report.js", "plotly.js")
VOID = {"meta", "link", "input", "br"}
COLOR = re.compile(r"#[0-9a-f]{6}|rgba\([^)]*\)")


class Nesting(HTMLParser):
    """Fails where a tag closes what is not open, and counts rows."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.external: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src") and "//" in (value or ""):
                self.external.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def chart_data(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="chart-data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return dict(json.loads(found[1]))


def figures_of(page: str) -> dict[str, go.Figure]:
    """Put every chart of a page through Plotly's own validation, as the page's script would build it."""
    values = chart_data(page)
    made = {}
    for name, chart in values["charts"].items():
        for trace in chart["data"]:
            trace.update({key: values["columns"][column] for key, column in trace.pop("columns", {}).items()})
        made[name] = go.Figure(data=chart["data"], layout=chart["layout"])
    return made


def colors_of(value: Any) -> set[str]:
    return set(COLOR.findall(json.dumps(value)))


@pytest.fixture(scope="module")
def night() -> NightContext:
    return sample_night(30, partial=True)


def test_pages_nest_and_ask_nothing_of_a_network(night: NightContext) -> None:
    night = replace(night, portfolios=sample_portfolio_rows())
    pages = (
        render_index(night, {}, ASSETS, {"core": "portfolios/core.html"}),
        render_backtest(sample_backtest(), ASSETS, "../index.html"),
        render_portfolio(sample_portfolio(), ASSETS, "../index.html"),
        render_portfolio(bare_portfolio(), ASSETS, None),
    )
    for page in pages:
        parser = Nesting()
        parser.feed(page)
        assert parser.open == []
        assert len(parser.ids) == len(set(parser.ids))
        assert parser.external == []


def test_plotly_accepts_every_figure(night: NightContext) -> None:
    index = figures_of(render_index(night, {}, ASSETS))
    assert set(index) == {"sharpe", "holding"}
    assert sum(len(trace.x) for trace in index["sharpe"].data) == sum(row.sharpe is not None for row in night.ranking)
    context = sample_backtest()
    page = figures_of(render_backtest(context, ASSETS, None))
    index_line, benchmark, equity, drawdown = page["equity"].data
    assert np.allclose(index_line.y, context.index_equity, atol=0.005)
    assert np.allclose(equity.y, context.equity, atol=0.005)
    assert np.allclose(benchmark.y, context.benchmark_equity, atol=0.005)
    assert np.allclose(drawdown.y, context.drawdown, atol=5e-6)
    candles = next(trace for trace in page["price"].data if trace.type == "candlestick")
    assert len(candles.open) == len(candles.x) == len(context.sessions)
    exits = next(trace for trace in page["price"].data if trace.name == "exit")
    assert list(exits.x) == [str(trade.exit_session) for trade in context.trades if trade.exit_session]


def test_every_colour_of_a_chart_has_a_dark_form(night: NightContext) -> None:
    portfolio = render_portfolio(sample_portfolio(), ASSETS, None)
    for page in (render_index(night, {}, ASSETS), render_backtest(sample_backtest(), ASSETS, None), portfolio):
        used = colors_of(chart_data(page)["charts"]) - {"rgba(0,0,0,0)"}
        assert len(used) >= 4
        assert used <= set(palette.DARK_OF)


def test_every_axis_of_numbers_has_a_title(night: NightContext) -> None:
    portfolio = render_portfolio(sample_portfolio(), ASSETS, None)
    pages = (render_index(night, {}, ASSETS), render_backtest(sample_backtest(), ASSETS, None), portfolio)
    layouts = [chart["layout"] for page in pages for chart in chart_data(page)["charts"].values()]
    titled = [axis["title"]["text"] for layout in layouts for key, axis in layout.items() if "title" in str(axis)]
    assert len(layouts) == 8
    assert all(any(key.startswith("yaxis") or "title" in layout["xaxis"] for key in layout) for layout in layouts)
    wanted = {"Equity (account currency)", "Drawdown", "Price per share (split-adjusted)", "Beta", "Share of equity"}
    assert wanted | {"By sector (gross)"} <= set(titled)


def test_json_cannot_close_its_element_and_holds_no_nan() -> None:
    text = str(embed_json({"name": "</script><!-- & \u2028"}))
    assert not re.search("[<>&\u2028]", text)
    assert json.loads(text) == {"name": "</script><!-- & \u2028"}
    with pytest.raises(ValueError, match="JSON"):
        embed_json(float("nan"))


def test_what_is_not_finite_becomes_null() -> None:
    assert figures.column(np.array([1.234567, np.nan, np.inf]), 2) == [1.23, None, None]
    context = sample_backtest()
    broken = replace(context, equity=np.where(np.arange(len(context.equity)) == 5, np.nan, context.equity))
    assert chart_data(render_backtest(broken, ASSETS, None))["columns"]["equity"][5] is None


def test_foreign_text_is_escaped() -> None:
    evil = "<img src=x onerror=alert(1)>"
    night = sample_night(4)
    rows = tuple(replace(row, symbol=evil, strategy=evil, sector=evil, params=evil, name=evil) for row in night.ranking)
    index = render_index(replace(night, ranking=rows, title=evil), {}, ASSETS)
    backtest = replace(sample_backtest(), symbol=evil, idea=evil, strategy=evil, index_symbol=evil)
    page = render_backtest(backtest, ASSETS, None)
    for text in (index, page):
        assert "<img" not in text
        assert "&lt;img" in text


def test_verdict_counts_what_was_covered_and_held_back(night: NightContext) -> None:
    assert compute_verdict(night) == "30 symbols, 60 backtests, 3 bars quarantined, 2 failures"
    one = replace(night, failures=(), changes=replace(night.changes, bars_quarantined=1))
    assert compute_verdict(one) == "30 symbols, 60 backtests, 1 bar quarantined"


def test_best_stand_beside_holding_of_the_same_period() -> None:
    night = sample_night(2)
    own, held = night.ranking[2:4]
    assert (own.symbol, own.is_benchmark, held.is_benchmark) == (held.symbol, False, True)
    later = replace(held, backtest_id=99, start=night.changes.last_session or held.start, sharpe=9.0)
    best = compute_summary(replace(night, ranking=(later, own, held))).best
    assert [(item.row, item.holding) for item in best] == [(own, held)]


def test_ranking_puts_the_undefined_last() -> None:
    first, second, third, _ = sample_night(2).ranking
    rows = (replace(first, sharpe=None), replace(second, sharpe=-1.0), replace(third, sharpe=2.0))
    assert [row.sharpe for row in sort_ranking(rows)] == [2.0, -1.0, None]


def test_honest_line_counts_trials_and_those_that_beat_holding() -> None:
    night = sample_night(50)
    tried = [row for row in night.ranking if not row.is_benchmark]
    beating = sum((row.excess_return or 0) > 0 for row in tried)
    page = " ".join(render_index(night, {}, ASSETS).split())
    assert f"50 combinations of strategy and symbol were tried; {beating} of 50 returned more than holding" in page
    assert "The best of 50 is partly luck" in page


@pytest.mark.parametrize("simulated", [True, False])
def test_simulated_is_said_on_every_page(simulated: bool) -> None:
    index = render_index(sample_night(3, simulated=simulated), {}, ASSETS)
    page = render_backtest(replace(sample_backtest(), simulated=simulated), ASSETS, None)
    assert ("SIMULATED" in index) is simulated
    assert ("SIMULATED" in page) is simulated


def test_failures_stand_before_everything_else(night: NightContext) -> None:
    page = render_index(night, {}, ASSETS)
    assert page.index('id="failures"') < page.index('id="night"') < page.index('id="best"') < page.index('id="ranking"')
    assert "What failed" not in render_index(replace(night, failures=()), {}, ASSETS)


def test_an_undefined_metric_gives_its_reason() -> None:
    page = render_backtest(sample_backtest(), ASSETS, None)
    assert re.search(r"<dt>Profit factor</dt><dd>— <span class=\"reason\">no losing trade</span>", page)


def test_a_backtest_without_trades_or_benchmark_is_a_page() -> None:
    bare = replace(
        sample_backtest(), trades=(), monthly=(), benchmark_equity=None, index_equity=None, name=None, sector=None
    )
    page = render_backtest(bare, ASSETS, None)
    assert "The strategy never traded in this period." in page
    assert {trace.name for trace in figures_of(page)["price"].data} == {"close", "bars"}
    assert [trace.name for trace in figures_of(page)["equity"].data] == ["sma_crossover", "drawdown"]
