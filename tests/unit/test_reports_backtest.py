"""The page of a backtest: benchmarks, rolling metrics, drawdowns, costs, exits, orders, and the settings in words."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
import pytest
from browser.backtest_samples import SETTINGS, sample_backtest

from alphafactory.domain import settings as models
from alphafactory.domain.results import ORDER_ENDS
from alphafactory.domain.settings import parse_settings
from alphafactory.reports.backtest_contexts import CostSplit, OrderCount
from alphafactory.reports.backtest_summary import ORDER_END_WORDS, compute_cost_rows, compute_page, group_metrics
from alphafactory.reports.contexts import MetricRow
from alphafactory.reports.figures import compute_backtest_columns, compute_equity_figure, compute_price_figure
from alphafactory.reports.rendering import Assets, render_backtest
from alphafactory.reports.rolling_figure import compute_rolling_columns, compute_rolling_figure
from alphafactory.reports.settings_words import describe_settings

if TYPE_CHECKING:
    from alphafactory.domain.settings import SimulationSettings
    from alphafactory.reports.contexts import BacktestContext

ASSETS = Assets("report.css", "report.js", "plotly.js")
NEW_SECTIONS = ("benchmarks", "rolling", "drawdowns", "assumptions", "costs", "ambiguous", "orders")


def page_of(context: BacktestContext) -> str:
    return render_backtest(context, ASSETS, None)


def section(page: str, name: str) -> str:
    """Return the text of one section, its tags taken out and its spaces made one."""
    found = re.search(rf'<section id="{name}".*?</section>', page, re.DOTALL)
    assert found is not None, name
    return " ".join(re.sub("<[^>]*>", " ", found[0]).split())


def settings(**words: Any) -> SimulationSettings:
    return parse_settings(initial_capital=100_000.0, **words)


def words(topic: str, **switches: Any) -> str:
    return dict(describe_settings(settings(**switches)))[topic]


@pytest.fixture(scope="module")
def context() -> BacktestContext:
    return sample_backtest(2)


@pytest.fixture(scope="module")
def page(context: BacktestContext) -> str:
    return page_of(context)


def test_every_section_is_there_and_linked(page: str) -> None:
    for name in NEW_SECTIONS:
        assert f'<section id="{name}"' in page, name
    linked = re.findall(r'<a href="#([a-z]+)">', page)
    assert set(NEW_SECTIONS) - set(linked) == {"ambiguous"}
    assert all(f'id="{name}"' in page for name in linked)


def test_what_a_context_does_not_hold_has_no_section(context: BacktestContext) -> None:
    bare = replace(
        context, simulation=None, index_equity=None, index_symbol=None, comparison=(), relative=(), rolling=None,
        drawdowns=(), order_counts=(), short_orders=(), exits=(), costs=None, ambiguous_pnl=None, trades=(),
    )  # fmt: skip
    page = page_of(bare)
    for name in NEW_SECTIONS:
        assert f'id="{name}"' not in page, name
        assert f'href="#{name}"' not in page, name


def test_strategy_holding_and_index_stand_side_by_side(context: BacktestContext, page: str) -> None:
    text = section(page, "benchmarks")
    first = context.comparison[0]
    assert first.strategy is not None
    assert f"Total return {first.strategy * 100:.2f}%" in text
    assert "Strategy Holding SPY" in text
    assert "against holding against SPY" in text
    assert "— zero tracking error" in text


def test_without_a_known_index_there_is_no_column_of_it(context: BacktestContext) -> None:
    rows = tuple(replace(row, index=None) for row in context.comparison)
    relative = tuple(replace(row, index=None) for row in context.relative)
    page = page_of(replace(context, comparison=rows, relative=relative, index_equity=None))
    text = section(page, "benchmarks")
    assert "against SPY" not in text
    assert "the index SPY is not known on every session" in text
    assert next(trace["name"] for trace in compute_equity_figure(replace(context, index_equity=None)).data) != "SPY"


def test_rolling_figure_is_what_plotly_accepts_and_holds_the_numbers(context: BacktestContext) -> None:
    figure, columns = compute_rolling_figure(context), compute_rolling_columns(context)
    shared = compute_backtest_columns(context) | columns
    assert figure is not None
    assert context.rolling is not None
    traces = [{k: v for k, v in trace.items() if k != "columns"} for trace in figure.data]
    for trace, made in zip(figure.data, traces, strict=True):
        made.update({key: shared[name] for key, name in trace["columns"].items()})
    drawn = go.Figure(data=traces, layout=figure.layout)
    assert [trace.name for trace in drawn.data] == [
        "Sharpe ratio", "Volatility", "Worst loss", "beta to holding", "beta to SPY",
    ]  # fmt: skip
    assert columns["rolling_sharpe"][:125] == [None] * 125
    beta = np.array(drawn.data[3].y[125:], float)
    assert np.allclose(beta, context.rolling.beta_hold[125:], atol=5e-5)
    domains = [drawn.layout[name].domain for name in ("yaxis4", "yaxis3", "yaxis2", "yaxis")]
    edges = [edge for domain in domains for edge in domain]
    assert edges == sorted(edges)
    assert (edges[0], edges[-1]) == (0.0, 1.0)


def test_rolling_figure_without_benchmarks_has_no_beta(context: BacktestContext) -> None:
    assert context.rolling is not None
    alone = replace(context, rolling=replace(context.rolling, beta_hold=None, beta_index=None))
    figure = compute_rolling_figure(alone)
    assert figure is not None
    assert [trace["name"] for trace in figure.data] == ["Sharpe ratio", "Volatility", "Worst loss"]
    holding = compute_rolling_figure(replace(context, is_benchmark=True))
    assert holding is not None
    assert "beta to holding" not in [trace["name"] for trace in holding.data]
    assert compute_rolling_figure(replace(context, rolling=None)) is None


def test_drawdowns_say_where_they_began_and_whether_they_ended(context: BacktestContext) -> None:
    first = replace(context.drawdowns[0], peak=None, recovery=None, sessions_back=None)
    text = section(page_of(replace(context, drawdowns=(first,))), "drawdowns")
    assert "starting cash" in text
    assert "not yet" in text


def test_the_way_from_start_to_end_adds_up() -> None:
    costs = CostSplit(1000.0, 1150.0, 12.0, 1.0, 7.0, 5.0, -3.0, 8.0)
    rows = compute_cost_rows(costs)
    steps = [row.money for row in rows if not row.is_total]
    assert rows[0].money + sum(steps) == pytest.approx(rows[-1].money, abs=1e-9)
    assert steps == pytest.approx([170.0, -12.0, -1.0, -7.0, -5.0, -3.0, 8.0])
    assert rows[1].share == pytest.approx(0.17)


@pytest.mark.parametrize(
    ("costs", "expected"),
    [
        (CostSplit(1000.0, 1150.0, 12.0, 1.0, 7.0, 5.0, -3.0, 8.0), "Costs of 25.00 took 14.0% of what prices"),
        (
            CostSplit(1000.0, 900.0, 10.0, 0.0, 0.0, 0.0, 0.0, 0.0),
            "Prices and dividends earned nothing; costs of 10.00 came on top.",
        ),
        (CostSplit(1000.0, 1100.0, 0.0, 0.0, 0.0, 0.0, 5.0, 0.0), "Nothing was paid for trading or borrowing."),
    ],
)
def test_costs_are_said_against_what_was_earned(context: BacktestContext, costs: CostSplit, expected: str) -> None:
    assert compute_page(replace(context, costs=costs)).cost_words.startswith(expected)


def test_ambiguous_trades_are_marked_and_counted(context: BacktestContext, page: str) -> None:
    ambiguous = [trade for trade in context.trades if trade.ambiguous]
    assert 0 < len(ambiguous) < len(context.trades)
    text = section(page, "ambiguous")
    hangs = f"{context.ambiguous_pnl:,.2f}"
    assert f"In {len(ambiguous)} of {len(context.trades)} trades one bar met two levels" in text
    assert f"the better ones would have earned {hangs} more" in text
    assert section(page, "trades").count("ambiguous") == len(ambiguous)
    markers = next(trace for trace in compute_price_figure(context).data if trace["name"] == "exit")
    assert sum("ambiguous" in words for words in markers["text"]) == len(ambiguous)


def test_columns_of_fees_borrow_dividends_and_r_stand_where_there_are_any(context: BacktestContext, page: str) -> None:
    heads = section(page, "trades").partition("Reason")[0]
    assert {"R", "Fees", "Borrow", "Dividends"} <= set(heads.split())
    plain = tuple(replace(trade, fees=0.0, borrow=0.0, dividends=0.0, r_multiple=None) for trade in context.trades)
    heads = section(page_of(replace(context, trades=plain)), "trades").partition("Reason")[0]
    assert not {"R", "Fees", "Borrow", "Dividends"} & set(heads.split())
    assert "Costs" in heads


def test_names_of_the_tables_are_read_in_words(page: str) -> None:
    assert "take profit" in section(page, "costs")
    assert not re.search("take_profit|no_cash|stop_limit", section(page, "trades") + section(page, "orders"))


def test_every_end_of_an_order_has_a_meaning() -> None:
    assert set(ORDER_END_WORDS) == set(ORDER_ENDS) - {"filled"}
    assert all(words.endswith(".") for words in ORDER_END_WORDS.values())


def test_orders_are_counted_whole_and_shown_in_part(context: BacktestContext, page: str) -> None:
    text = section(page, "orders")
    assert text.startswith("13 orders refused, cut or given up")
    assert "no cash 9 4 The account could not pay for all of it." in text
    assert "Each of them" in text
    many = replace(context, order_counts=(OrderCount("no_cash", 4321, 0),), short_orders=context.short_orders * 30)
    page = page_of(many)
    assert "4,321 orders" in section(page, "orders")
    assert "The first 200 of them" in section(page, "orders")
    rows = page.partition('id="orders"')[2].partition("</section>")[0].count('<tr><th scope="row" class="period">')
    assert rows == 200


def test_margin_is_marked_with_its_calls(context: BacktestContext, page: str) -> None:
    assert "<strong>On margin:</strong> positions may reach 2 times equity" in page
    calls = sum(row.count for row in context.exits if row.reason == "margin_call")
    assert calls
    assert f"{calls} trade{'' if calls == 1 else 's'} ended in a margin call" in page
    assert ">margin</span>" in page
    calm = page_of(replace(context, simulation=settings(), exits=()))
    assert "On margin" not in calm
    assert ">margin</span>" not in calm


def test_optimistic_is_said_on_top_and_in_the_assumptions(context: BacktestContext) -> None:
    page = page_of(replace(context, optimistic=True, simulation=settings(fill="same_close")))
    assert "<strong>Optimistic:</strong>" in page
    assert "the very close that their signal has seen" in section(page, "assumptions")


def test_short_entries_have_a_marker_of_their_own(context: BacktestContext) -> None:
    first, *rest = context.trades
    figure = compute_price_figure(replace(context, trades=(replace(first, quantity=-250.0), *rest)))
    traces = {trace["name"]: trace for trace in figure.data}
    assert traces["short entry"]["x"] == [first.entry_session.isoformat()]
    assert traces["short entry"]["text"][0].startswith("250 shares at")
    assert len(traces["entry"]["x"]) == len(rest)
    assert traces["short entry"]["marker"]["symbol"] != traces["entry"]["marker"]["symbol"]


def test_metrics_stand_in_groups_in_the_order_of_their_first_rows() -> None:
    rows = [MetricRow(name, 1.0, "ratio", "", group=group) for name, group in (("a", "x"), ("b", "y"), ("c", "x"))]
    assert [(group.title, [row.label for row in group.rows]) for group in group_metrics(rows)] == [
        ("x", ["a", "c"]), ("y", ["b"]),
    ]  # fmt: skip


def test_years_stand_beside_holding_and_index(context: BacktestContext) -> None:
    assert "Total Holding SPY" in section(page_of(context), "months")
    alone = tuple(replace(row, holding=None, index=None) for row in context.monthly)
    assert "Holding" not in section(page_of(replace(context, monthly=alone)), "months")


@pytest.mark.parametrize(
    ("topic", "switches", "expected"),
    [
        ("Capital", {}, "100,000 in cash at the start. No debt: what an order spends is at most the cash there is."),
        ("Capital", {"leverage": 0.5}, "Positions take at most 50% of equity."),
        ("Capital", {"leverage": 4.0}, "positions may reach 4 times equity, without margin calls."),
        ("Capital", {"leverage": 2.0, "maintenance": "25%"}, "once equity is below 25% of their value."),
        ("Fills", {"participation": "10%"}, "at most 10% of the bar's volume"),
        ("Entries", {}, "Entries are market orders."),
        (
            "Entries",
            {"entry": "limit:1%", "good_for": 5},
            "1% better than the signal's close. They are given up after 5",
        ),
        (
            "Entries",
            {"entry": "stop:0.5atr", "resting": "auction"},
            "gone 0.5 ATR beyond the signal's close. They are tri",
        ),
        ("Entries", {"entry": "stop_limit:1%,limit=0.5%"}, "and then take at most 0.5% worse than that."),
        ("Entries", {"max_entries": 1, "good_for": 1}, "given up after 1 bar. A position is never added to."),
        ("Size", {"sizing": "risk:1%", "stop": "3%"}, "loses 1% of equity at its first stop"),
        ("Size", {"sizing": "cash:12500.5"}, "costs 12,500.5."),
        ("Size", {"sizing": "atr:1%,k=3"}, "moves 1% of equity by 3 ATR"),
        (
            "Size",
            {"sizing": "kelly:0.5"},
            "0.5 of the Kelly fraction of the trades closed so far (10% of equity until there",
        ),
        (
            "Size",
            {"size_at": "decision", "shares": "lots:100"},
            "fixed at the signal's close. Lots of 100 shares only.",
        ),
        ("Exits", {}, "By signal alone."),
        ("Exits", {"stop": "2atr", "take_profit": "2R"}, "at a stop 2 ATR from the first fill; at a target 2 R from"),
        (
            "Exits",
            {"trail": "3%", "reentry": "immediate"},
            "trailing 3% behind the best close. After such an exit a position",
        ),
        ("Exits", {"trail": "chandelier:3", "time_stop": 10}, "3 ATR behind the best high; at the close of session 10"),
        ("Exits", {"stop": "3%", "break_even": "1R"}, "once a close was 1 R ahead"),
        ("Commission and fees", {"commission": "bps:10"}, "A fill costs 0.1% of its value. No regulatory fees."),
        ("Commission and fees", {"commission": "per_share:0.005,min=1"}, "costs 0.005 a share, at least 1."),
        ("Commission and fees", {"sell_fees": ["2018-05-22 bps:0.13"]}, "in force since 2018-05-22."),
        ("Slippage", {"slippage": "bps:5"}, "lose 0.05% of the price"),
        ("Holding", {"interest": "3%", "borrow": "1%"}, "Cash earns 3% a year. Borrowed shares cost 1% a year."),
        ("Holding", {"delisting_return": "-30%"}, "paid out at its last close less 30%."),
    ],
)
def test_settings_are_said_in_words(topic: str, switches: dict[str, Any], expected: str) -> None:
    assert expected in words(topic, **switches)


def test_every_model_of_the_grammar_has_its_words() -> None:
    values = {"entry": "1%", "trail": "0.03", "sizing": "0.5"}
    stops = {"stop": "3%", "leverage": 2.0}
    said: dict[str, set[str]] = {}
    for switch, known in (
        ("fill", models.FILLS), ("entry", models.ENTRIES), ("trail", models.TRAILS), ("slippage", models.SLIPPAGES),
        ("commission", models.COMMISSIONS), ("sizing", models.SIZINGS), ("shares", models.SHARES),
    ):  # fmt: skip
        for name, model in known.items():
            text = f"{name}:{values.get(switch, '1')}" if model.takes_value else name
            found = describe_settings(settings(**stops, **{switch: text}))
            said.setdefault(switch, set()).add(" ".join(sentences for _, sentences in found))
        assert len(said[switch]) == len(known), switch
    assert not any(
        "None" in text.replace("None: market", "") or "nan" in text for texts in said.values() for text in texts
    )


def test_the_sample_is_of_these_settings(page: str) -> None:
    text = section(page, "assumptions")
    assert all(sentences in text for _, sentences in describe_settings(SETTINGS) if "'" not in sentences)
