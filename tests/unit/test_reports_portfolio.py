"""The page of a portfolio: orders, what limits were worth, breaches, risk, curves, and its place on the index."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
import pytest
from browser.limit_samples import WITH
from browser.portfolio_samples import LIMITS, bare_portfolio, sample_portfolio, sample_portfolio_rows
from browser.report_samples import sample_night

from alphafactory.errors import ReportError
from alphafactory.reports.portfolio_contexts import ContributionRow, EventRow, LimitEffect, VarBacktestRow, WorstWeek
from alphafactory.reports.portfolio_figures import (
    POINTS,
    compute_matrix_width,
    compute_portfolio_charts,
    compute_portfolio_columns,
    thin,
)
from alphafactory.reports.portfolio_summary import (
    compute_summary,
    find_overshoots,
    gather_contributions,
    judge_effect,
    judge_var_backtest,
)
from alphafactory.reports.rendering import Assets, render_index, render_portfolio
from alphafactory.reports.writing import write_portfolio_page, write_report

if TYPE_CHECKING:
    from pathlib import Path

    from alphafactory.reports.portfolio_contexts import PortfolioPage

ASSETS = Assets("report.css", "report.js", "plotly.js")
ALWAYS = ("headline", "orders", "equity", "positions", "months", "provenance")
SOMETIMES = (
    "limits", "risk", "exposures", "contribution", "correlation", "activity", "drawdowns", "week", "costs", "ends",
    "metrics", "definition", "notes",
)  # fmt: skip


def section(page: str, name: str) -> str:
    """Return the text of one section: no tags, single spaces, and a hyphen for each minus sign."""
    found = re.search(rf'<section id="{name}".*?</section>', page, re.DOTALL)
    assert found is not None, name
    return " ".join(re.sub("<[^>]*>", " ", found[0]).split()).replace("\u2212", "-")


def rendered(portfolio: PortfolioPage) -> str:
    return render_portfolio(portfolio, ASSETS, None)


def effect(
    without: tuple[float | None, float | None, float | None], actions: Any = (("cut", 2),), rule: str = "sector"
) -> LimitEffect:
    return LimitEffect(rule, actions, *WITH, *without, reason="the run without it was ruined")


@pytest.fixture(scope="module")
def portfolio() -> PortfolioPage:
    return sample_portfolio()


@pytest.fixture(scope="module")
def page(portfolio: PortfolioPage) -> str:
    return rendered(portfolio)


def test_every_section_is_there_in_order_and_linked(page: str) -> None:
    found = re.findall(r'<(?:section|footer) id="([a-z]+)"', page)
    assert set(found) == {*ALWAYS, *SOMETIMES}
    assert found[:4] == ["headline", "orders", "equity", "limits"]
    assert re.findall(r"<nav.*?</nav>", page, re.DOTALL)[0].count("<a ") == len(found)
    assert re.findall(r'href="#([a-z]+)"', re.findall(r"<nav.*?</nav>", page, re.DOTALL)[0]) == found


def test_what_a_page_does_not_hold_has_no_section() -> None:
    page = rendered(bare_portfolio())
    found = re.findall(r'<(?:section|footer) id="([a-z]+)"', page)
    assert set(found) == set(ALWAYS)
    assert set(re.findall(r'href="#([a-z]+)"', page)) == {*ALWAYS, "content"}
    assert "No position at the close of 2020-01-10" in section(page, "positions")


def test_headline_stands_beside_equal_weight_and_the_index(portfolio: PortfolioPage, page: str) -> None:
    text = section(page, "headline")
    first = portfolio.comparison[0]
    assert None not in (first.portfolio, first.equal_weight, first.index)
    shown = [f"{(value or 0.0) * 100:.2f}%" for value in (first.portfolio, first.equal_weight, first.index)]
    assert f"Total return {shown[0]} equal weight {shown[1]} SPY {shown[2]}" in text
    undefined = replace(first, equal_weight=None, equal_weight_reason="no member has bars")
    assert "equal weight — no member has bars" in section(
        rendered(replace(portfolio, comparison=(undefined,))), "headline"
    )


def test_an_order_says_all_that_a_broker_asks(portfolio: PortfolioPage, page: str) -> None:
    text = section(page, "orders")
    assert "5 orders for 2020-01-13, decided at the close of 2020-01-10." in text
    assert "UNH buy 16 limit 291.50 268.18 rebalance good for 3 sessions 292.82 0.00% 4.66% 0.37%" in text
    assert "TSLA sell short 9 stop limit 468.00 515.50" in text
    assert "BRK.B buy to cover 21.5000 market loss limit" in text
    open_ended = replace(portfolio.orders[2], risk=None, stop_price=None)
    assert "no stop" in section(rendered(replace(portfolio, orders=(open_ended,))), "orders")


def test_no_order_is_said_in_words(portfolio: PortfolioPage) -> None:
    quiet = replace(portfolio, orders=(), orders_note="")
    text = section(rendered(quiet), "orders")
    assert "No order for 2020-01-13. After the close of 2020-01-10 nothing is to be traded." in text
    frozen = section(rendered(replace(quiet, orders_note="The account is frozen until Friday.")), "orders")
    assert frozen.endswith("No order for 2020-01-13. The account is frozen until Friday.")
    assert "Quantity" not in text


@pytest.mark.parametrize(
    ("without", "begins"),
    [
        ((0.400, -0.200, 0.80), "Earned its keep: 9.4 points more return, 1.6 points less drawdown, Sharpe +0.09."),
        ((0.600, -0.150, 1.00), "Did not earn its keep: 10.6 points less return, 3.4 points deeper drawdown"),
        ((0.600, -0.300, 0.80), "Earned its keep by Sharpe: 10.6 points less return, 11.6 points less drawdown"),
        ((0.600, -0.190, 1.00), "Did not earn its keep by Sharpe: 10.6 points less return, 0.6 points less drawdown"),
        ((0.600, -0.300, 0.893), "A trade-off: 10.6 points less return, 11.6 points less drawdown."),
        ((0.600, -0.300, None), "A trade-off: 10.6 points less return"),
        (WITH, "Acted, and changed nothing that shows."),
        ((None, None, None), "Not judged: the run without it was ruined."),
    ],
)
def test_a_limit_is_judged_by_what_it_brought(without: Any, begins: str) -> None:
    assert judge_effect(effect(without)).startswith(begins)


def test_a_limit_that_only_watched_did_not_act() -> None:
    watched = (("drifted", 7), ("rearm", 1))
    assert judge_effect(effect(WITH, watched)) == "Never had to act."
    assert judge_effect(effect((None, None, None), watched)) == "Never had to act."
    assert judge_effect(effect((0.4, -0.2, 0.8), watched)).startswith("Met no order, but bounds the weights. Earned")
    assert judge_effect(effect((0.4, -0.2, 0.8), (), rule="*")).startswith("Earned its keep")


def test_limits_show_where_they_are_set_and_how_often_they_acted(page: str, portfolio: PortfolioPage) -> None:
    text = section(page, "limits")
    assert "As it ran all limits on +49.4% -18.4% 0.89" in text
    assert "Position 5% 311 cuts, 8 refusals, 96 trims, 204 drifts beyond +53.7% -20.7% 0.87" in text
    assert "Correlated positions 5 above 0.7 46 refusals" in text
    assert "Loss of a trade 2% 4 exits — — — Not judged: the run without it was ruined." in text
    assert "All limits together" in text
    free = replace(LIMITS, max_position=np.inf, max_positions=0, cash_reserve=0.0)
    assert "Position none 311 cuts" in section(rendered(replace(portfolio, limits=free)), "limits")
    assert "Position — 311 cuts" in section(rendered(replace(portfolio, limits=None)), "limits")


def test_breaches_are_ordered_by_their_share_of_the_limit(portfolio: PortfolioPage, page: str) -> None:
    rows = find_overshoots(portfolio.overshoots)
    assert [row.share for row in rows] == sorted((row.share for row in rows), reverse=True)
    assert rows[0].share == pytest.approx(0.0312 / 0.02 - 1)
    assert "Leverage" not in [row.title for row in rows], "it only reached its limit"
    reserve = next(row for row in rows if row.event.rule == "cash_reserve")
    assert (reserve.measured, reserve.limit, reserve.excess) == ("9.21%", "10.00%", "0.79%")
    text = section(page, "limits")
    assert "8 times a loss or a share lay beyond its limit" in text
    assert "loss of a day on 2016-06-24: -3.12% against 2.00%, 1.12% beyond." in text
    quiet = section(rendered(replace(portfolio, overshoots=())), "limits")
    assert "Nothing lay beyond its limit at any close." in quiet


def test_breaches_shown_are_the_furthest_and_the_rest_is_counted(portfolio: PortfolioPage) -> None:
    events = tuple(
        EventRow(date(2019, 1, day), "day_loss", "freeze", "", -0.02 - day / 1e4, 0.02) for day in range(1, 31)
    )
    summary = compute_summary(replace(portfolio, overshoots=events))
    assert [row.event.session.day for row in summary.overshoots] == list(range(30, 15, -1))
    assert summary.overshoots_total == 30


def test_counts_are_written_as_counts(page: str) -> None:
    assert "Open positions CAT refused 21 20 120 0" in section(page, "limits")
    assert "Every act" not in page
    assert "The newest 40 of 1,204 acts" in page


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (
            VarBacktestRow("history", 0.95, 252, 1000, 52, 50.0, 0.77, 0.41),
            ("Their number fits the level (Kupiec p = 0.770). Each comes on its own (Christoffersen p = 0.410)."),
        ),
        (
            VarBacktestRow("history", 0.95, 252, 1000, 90, 50.0, 0.00002, 0.012),
            (
                "They are too many: risk was understated (Kupiec p < 0.001). "
                "They depend on each other, as clusters do (Christoffersen p = 0.012)."
            ),
        ),
        (
            VarBacktestRow("history", 0.95, 252, 1000, 0, 50.0, 0.0, None, "", "no breach"),
            "They are too few: risk was overstated (Kupiec p < 0.001). Their spacing is not judged: no breach.",
        ),
        (
            VarBacktestRow("history", 0.95, 252, 0, 0, 0.0, None, None, "too few returns", "too few returns"),
            "Their number is not judged: too few returns. Their spacing is not judged: too few returns.",
        ),
    ],
)
def test_the_tests_of_the_var_speak_in_words(row: VarBacktestRow, words: str) -> None:
    assert judge_var_backtest(row) == words


def test_risk_is_shown_in_shares_and_money(portfolio: PortfolioPage, page: str) -> None:
    text = section(page, "risk")
    money = f"{0.0204 * portfolio.equity[-1]:,.0f}"
    assert f"History 99% 2.04% 2.69% {money}" in text
    assert "worst 21 sessions without 3.1% of equity: no data then 2018-11-26 to 2018-12-24 -11.8%" in text
    assert "The market falls by 10%, by beta shock — no index to measure beta —" in text


def test_contributions_add_up_and_the_middle_is_one_row(portfolio: PortfolioPage) -> None:
    rows = gather_contributions(portfolio.by_symbol)
    assert len(rows) == 21
    assert rows[10].name == "40 others"
    assert sum(row.contribution or 0.0 for row in rows) == pytest.approx(portfolio.equity[-1] / 1e5 - 1)
    assert sum(row.risk_share or 0.0 for row in rows) == pytest.approx(1.0)
    few = (
        ContributionRow("A", None, None, "no trade"),
        ContributionRow("B", -0.1, 0.5),
        ContributionRow("C", 0.1, 0.5),
    )
    assert [row.name for row in gather_contributions(few)] == ["C", "B", "A"]


def test_sums_of_positions_stand_below_them(portfolio: PortfolioPage, page: str) -> None:
    text = section(page, "positions").rpartition("Sum")[2]
    assert f"{sum(row.weight for row in portfolio.positions) * 100:.2f}%" in text
    assert f"{sum(row.var_component or 0.0 for row in portfolio.positions) * 100:.3f}%" in text
    bare = tuple(replace(row, var_component=None, cvar_component=None) for row in portfolio.positions)
    text = section(rendered(replace(portfolio, positions=bare)), "positions")
    assert "component" not in text.lower()


def test_a_cluster_of_one_is_none(portfolio: PortfolioPage) -> None:
    assert compute_summary(portfolio).clusters == {1, 2, 3, 4}
    alone = tuple(replace(row, cluster=place) for place, row in enumerate(portfolio.positions))
    assert "Cluster" not in section(rendered(replace(portfolio, positions=alone)), "positions")


def test_the_worst_week_begins_with_the_close_before(portfolio: PortfolioPage, page: str) -> None:
    week = compute_summary(portfolio).week
    assert [row.before for row in week] == [True, *[False] * (len(week) - 1)]
    crowded = max(week, key=lambda row: len(row.fills))
    assert len(crowded.fills) == 12
    assert crowded.fills[-1] == "and 7 more"
    assert crowded.acts[0] == "Position AAPL: cut (7.31% against 5.00%, 280 of 410 shares)"
    text = section(page, "week")
    assert "the close before" in text
    assert "sold 41 S01 at 52.20, risk limit" in text
    days = portfolio.worst_week.days[1:] if portfolio.worst_week else ()
    alone = replace(portfolio, worst_week=WorstWeek(-0.07, None, days))
    assert not any(row.before for row in compute_summary(alone).week)


def test_figures_are_what_plotly_accepts_and_hold_the_numbers(portfolio: PortfolioPage) -> None:
    columns, charts = compute_portfolio_columns(portfolio), compute_portfolio_charts(portfolio)
    assert set(charts) == {"equity", "exposures", "correlation"}
    drawn = {}
    for name, chart in charts.items():
        traces = [{key: item for key, item in trace.items() if key != "columns"} for trace in chart.data]
        for trace, made in zip(chart.data, traces, strict=True):
            made.update({key: columns[source] for key, source in trace.get("columns", {}).items()})
        drawn[name] = go.Figure(data=traces, layout=chart.layout)
    equity = {trace.name: trace for trace in drawn["equity"].data}
    assert np.allclose(equity["Trend followers of large companies"].y, portfolio.equity, atol=0.005)
    layers = [trace for trace in drawn["exposures"].data if trace.stackgroup]
    assert [trace.name for trace in layers][-1] == "other sectors"
    gross = next(trace for trace in drawn["exposures"].data if trace.name == "gross")
    assert np.allclose(np.sum([np.array(trace.y, float) for trace in layers], axis=0), gross.y, atol=6e-4)
    matrix = drawn["correlation"].data[0]
    assert np.array(matrix.z).shape == (16, 16)
    assert matrix.z[15][0] is None
    assert len(drawn["correlation"].layout.shapes) == 4, "a symbol alone has no frame"


def test_gross_and_net_are_one_line_where_they_are_equal(portfolio: PortfolioPage) -> None:
    assert portfolio.exposures is not None
    long_only = replace(portfolio, exposures=replace(portfolio.exposures, net=portfolio.exposures.gross))
    names = [trace["name"] for trace in compute_portfolio_charts(long_only)["exposures"].data]
    assert "gross = net" in names
    assert "net" not in names


@pytest.mark.parametrize("sessions", [1, 2, POINTS, POINTS + 1, 1258, 5040])
def test_thinned_rows_are_few_even_and_end_with_the_last(sessions: int) -> None:
    rows = thin(sessions)
    assert rows[-1] == sessions - 1
    assert 0 < len(rows) <= POINTS
    assert len(set(np.diff(rows))) <= 1


def test_twenty_years_stay_a_light_page() -> None:
    long = rendered(sample_portfolio(sessions=5040))
    assert len(long) < 600_000


def test_a_wide_matrix_asks_for_room(portfolio: PortfolioPage) -> None:
    assert portfolio.correlation is not None
    assert compute_matrix_width(portfolio.correlation) == 0
    wide = replace(portfolio.correlation, symbols=tuple(f"S{place}" for place in range(60)))
    assert compute_matrix_width(wide) > 800


def test_settings_are_said_in_words(page: str, portfolio: PortfolioPage) -> None:
    text = section(page, "definition")
    assert "Risk parity: every position contributes the same risk. Estimated from the newest 252 returns" in text
    assert "Gaps up to 0.5% of equity are left alone. A rebalance trades at most 50% of equity." in text
    assert "Limit: drawdown 15% below the peak, every position is closed" in text
    assert "Limit: leverage" not in text
    scheduled = replace(LIMITS, leverage_schedule=((date(2020, 3, 1), 0.5),), max_sector=np.inf)
    again = section(rendered(replace(portfolio, limits=scheduled)), "definition")
    assert "Limit: leverage By date: 0.5 from 2020-03-01." in again
    assert "Limit: sector" not in again


def test_foreign_text_is_escaped(portfolio: PortfolioPage) -> None:
    evil = "<img src=x onerror=alert(1)>"
    page = rendered(
        replace(
            portfolio, title=evil, index_symbol=evil, orders_note=evil,
            orders=(replace(portfolio.orders[0], symbol=evil, note=evil, reason=evil),),
            positions=(replace(portfolio.positions[0], symbol=evil, name=evil, sector=evil),),
            correlation=replace(portfolio.correlation, symbols=(evil,) * 16) if portfolio.correlation else None,
            notes=(replace(portfolio.notes[0], words=evil),),
        )
    )  # fmt: skip
    assert "<img" not in page
    assert "&lt;img" in page


def test_the_index_lists_portfolios_and_links_those_with_a_page() -> None:
    night = replace(sample_night(4), portfolios=sample_portfolio_rows())
    index = render_index(night, {}, ASSETS, {"core": "portfolios/core.html"})
    assert '<a href="portfolios/core.html">core</a>' in index
    assert 'href="portfolios/core.html#orders"' in index
    text = section(index, "portfolios")
    assert "core new tonight +49.4% 0.89 -18.4% +39.5% 0.55 1,204 5 2020-01-13" in text
    assert "young — — — — — 0 none —" in text
    assert 'id="portfolios"' not in render_index(sample_night(4), {}, ASSETS)


def test_pages_of_portfolios_come_and_go_with_the_night(tmp_path: Path) -> None:
    night = replace(sample_night(4), portfolios=sample_portfolio_rows())
    small = bare_portfolio()
    asked = write_portfolio_page(tmp_path, small)
    write_report(tmp_path, night, (), portfolios=[small, replace(small, name="calm")])
    assert {path.name for path in (tmp_path / "portfolios").iterdir()} == {"core.html", "calm.html"}
    write_report(tmp_path, night, (), portfolios=[small])
    assert {path.name for path in (tmp_path / "portfolios").iterdir()} == {"core.html"}
    links = re.findall(r'(?:href|src)="([^"#:]+)"', (tmp_path / "portfolios" / "core.html").read_text())
    assert all((tmp_path / "portfolios" / link).resolve().is_file() for link in links)
    assert asked == tmp_path / "asked" / "portfolio-core.html"
    assert asked.is_file()
    with pytest.raises(ReportError, match=r"\.\./core"):
        write_portfolio_page(tmp_path, replace(small, name="../core"))
