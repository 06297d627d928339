"""What the page of a backtest says in words and pairings: groups of metrics, the way from start to end, orders' ends.

Goes in: a `BacktestContext`. Comes out: rows and sentences; nothing that a table would hold, sums aside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from alphafactory.reports.formatting import write_number, write_percent
from alphafactory.reports.settings_words import describe_settings
from alphafactory.reports.summary import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.reports.backtest_contexts import CostSplit
    from alphafactory.reports.contexts import BacktestContext, MetricRow, TradeRow

ORDER_END_WORDS = {
    "no_cash": "The account could not pay for all of it.",
    "less_than_one_share": "Rounded to whole shares or lots, nothing was left.",
    "no_volume": "The bars it waited for had no volume.",
    "halted": "The bars it waited for repeated the one before: nothing traded.",
    "no_bar": "The sessions it waited for had no bar.",
    "no_estimate": "Too few bars to estimate a size, a price or a cost from.",
    "no_edge": "The trades closed so far gave the Kelly fraction nothing to bet on.",
    "limit": "The price never came down (or up) to its limit.",
    "stop": "The price never reached its stop.",
    "participation": "The share of the bars' volume that it may take was too small.",
    "direction_closed": "After a stop, target or time stop this side waits for a fresh signal.",
    "level_crossed": "At the moment of the fill the price had already passed its stop or target.",
    "max_entries": "The position had been built by as many orders as are allowed.",
    "delisted": "The share was delisted before it could fill.",
    "ruined": "The account was lost before it could fill.",
    "end_of_data": "The period ended before it could fill.",
    "frozen": "After a loss the account took nothing new in that session.",
    "max_positions": "There were as many open positions as are allowed.",
    "correlation": "Too many of the held symbols moved together with it.",
    "position": "One symbol may take no larger share of equity.",
    "sector": "One sector may take no larger share of equity.",
    "trade_loss": "At its stop the trade would have lost more of equity than one may.",
    "cash_reserve": "The rest of the cash is a reserve that orders may not touch.",
}
"""What each way to end, other than being filled whole, means."""


class CostRow(NamedTuple):
    """One step on the way from the first to the last equity; `share` is of starting cash. Totals are not steps."""

    label: str
    money: float
    share: float
    is_total: bool = False


class MetricGroup(NamedTuple):
    """Metrics that stand together under one title, which may be empty."""

    title: str
    rows: tuple[MetricRow, ...]


class Page(NamedTuple):
    """All that the template needs beyond the context; see the functions below."""

    assumptions: tuple[tuple[str, str], ...]
    groups: tuple[MetricGroup, ...]
    costs: tuple[CostRow, ...]
    cost_words: str
    ambiguous: tuple[TradeRow, ...]
    ambiguous_words: str
    margin_calls: int
    has_index: bool
    has_fees: bool
    has_borrow: bool
    has_dividends: bool
    has_risk: bool


def compute_page(context: BacktestContext) -> Page:
    """Gather what the page of one backtest says beside its tables."""
    ambiguous = tuple(row for row in context.trades if row.ambiguous)
    compared = [row.index for row in context.comparison] + [row.index for row in context.relative]
    return Page(
        assumptions=() if context.simulation is None else describe_settings(context.simulation),
        groups=group_metrics(context.metrics),
        costs=() if context.costs is None else compute_cost_rows(context.costs),
        cost_words="" if context.costs is None else describe_costs(context.costs),
        ambiguous=ambiguous,
        ambiguous_words=_ambiguous_words(context, len(ambiguous)),
        margin_calls=sum(row.count for row in context.exits if row.reason in {"margin_call", "margin call"}),
        has_index=context.index_symbol is not None and any(value is not None for value in compared),
        has_fees=any(row.fees for row in context.trades),
        has_borrow=any(row.borrow for row in context.trades),
        has_dividends=any(row.dividends for row in context.trades),
        has_risk=any(row.r_multiple is not None for row in context.trades),
    )


def group_metrics(rows: Sequence[MetricRow]) -> tuple[MetricGroup, ...]:
    """Put the metrics of one group together, groups in the order of their first rows."""
    groups: dict[str, list[MetricRow]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row)
    return tuple(MetricGroup(title, tuple(found)) for title, found in groups.items())


def compute_cost_rows(costs: CostSplit) -> tuple[CostRow, ...]:
    """Return the way from starting cash to end equity, step by step; the steps add up to the end."""
    steps = (
        ("Price moves of the positions", _price_moves(costs)),
        ("Commission", -costs.commission),
        ("Fees of sales", -costs.fees),
        ("Slippage", -costs.slippage),
        ("Borrowed shares", -costs.borrow),
        ("Interest", costs.interest),
        ("Dividends", costs.dividends),
    )
    return (
        CostRow("Starting cash", costs.start_equity, 1.0, is_total=True),
        *(CostRow(label, money, money / costs.start_equity) for label, money in steps),
        CostRow("End equity", costs.end_equity, costs.end_equity / costs.start_equity, is_total=True),
    )


def _all_costs(costs: CostSplit) -> float:
    return costs.commission + costs.fees + costs.slippage + costs.borrow


def _price_moves(costs: CostSplit) -> float:
    """Return what prices alone earned: the profit before every cost, dividend and interest."""
    return costs.end_equity - costs.start_equity + _all_costs(costs) - costs.interest - costs.dividends


def describe_costs(costs: CostSplit) -> str:
    """Say what costs took of what prices and dividends earned."""
    earned, spent = _price_moves(costs) + costs.dividends, _all_costs(costs)
    if spent == 0.0:
        return "Nothing was paid for trading or borrowing."
    if earned <= 0.0:
        return f"Prices and dividends earned nothing; costs of {write_number(spent)} came on top."
    return f"Costs of {write_number(spent)} took {write_percent(spent / earned)} of what prices and dividends earned."


def _ambiguous_words(context: BacktestContext, ambiguous: int) -> str:
    if not ambiguous:
        return ""
    hangs = context.ambiguous_pnl
    better = "" if hangs is None else f"; the better ones would have earned {write_number(hangs)} more"
    trades = count(len(context.trades), "trade")
    met = f"In {write_number(ambiguous, 0)} of {trades} one bar met two levels and does not tell which came first."
    return f"{met} The worse fill counts{better}."
