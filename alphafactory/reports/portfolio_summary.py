"""What the page of a portfolio says in words and pairings: what limits were worth, how far beyond them, who gave what.

Goes in: a `PortfolioPage`. Comes out: rows and sentences; nothing that a table would hold, sums and differences aside.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from alphafactory.reports.backtest_summary import (
    CostRow,
    MetricGroup,
    compute_cost_rows,
    describe_costs,
    group_metrics,
)
from alphafactory.reports.formatting import write_number, write_quantity, write_session, write_words
from alphafactory.reports.mandate_words import (
    ACTION_WORDS,
    LIMIT_TITLES,
    describe_allocation,
    describe_limits,
    describe_rules,
    write_act,
    write_limit,
    write_measure,
)
from alphafactory.reports.portfolio_contexts import ContributionRow
from alphafactory.reports.settings_words import describe_settings
from alphafactory.reports.summary import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from alphafactory.reports.portfolio_contexts import (
        EventRow,
        FillRow,
        LimitEffect,
        PortfolioPage,
        PositionRow,
        VarBacktestRow,
        WeekDay,
    )

OVERSHOOTS_SHOWN = 15
CONTRIBUTIONS_SHOWN = 10
"""How many of the best and of the worst contributors are named; the rest is one row."""
LINES_SHOWN = 12
"""How many acts or fills of one session of the worst week are named; the rest is counted."""

ALL_LIMITS = "*"
"""The rule of the effect that all limits have together."""

_OBSERVED = ("drifted", "rearm")
"""Rows of risk_events that record something but change no position."""
_UNLIKELY = 0.05
_ROUNDS_AWAY = 0.005
"""Differences of Sharpe ratios below this are shown as none."""


class EffectRow(NamedTuple):
    """One limit: its title, where it is set, its acts in words, what the portfolio is without it, and a judgement."""

    title: str
    limit: str
    acts: str
    effect: LimitEffect
    verdict: str


class OvershootRow(NamedTuple):
    """One time that a loss or a share lay beyond a limit: by how much, and what `share` of the limit that is."""

    event: EventRow
    title: str
    measured: str
    limit: str
    excess: str
    share: float


class DayRow(NamedTuple):
    """One session of the worst week with its acts and fills in words; `before` is the close before the week."""

    day: WeekDay
    before: bool
    acts: tuple[str, ...]
    fills: tuple[str, ...]


class PortfolioSummary(NamedTuple):
    """All that the template needs beyond the page; see the functions below."""

    orders_words: str
    effects: tuple[EffectRow, ...]
    overshoots: tuple[OvershootRow, ...]
    overshoots_total: int
    overshoot_words: str
    by_symbol: tuple[ContributionRow, ...]
    backtest_words: tuple[str, ...]
    week: tuple[DayRow, ...]
    activity: tuple[MetricGroup, ...]
    groups: tuple[MetricGroup, ...]
    costs: tuple[CostRow, ...]
    cost_words: str
    assumptions: tuple[tuple[str, str], ...]
    clusters: frozenset[int]


def compute_summary(page: PortfolioPage) -> PortfolioSummary:
    """Gather what the page of one portfolio says beside its tables."""
    overshoots = find_overshoots(page.overshoots)
    week = () if page.worst_week is None else page.worst_week.days
    return PortfolioSummary(
        orders_words=describe_orders(page),
        effects=tuple(_effect_row(effect, page) for effect in page.effects),
        overshoots=overshoots[:OVERSHOOTS_SHOWN],
        overshoots_total=len(overshoots),
        overshoot_words=_overshoot_words(overshoots),
        by_symbol=gather_contributions(page.by_symbol),
        backtest_words=tuple(judge_var_backtest(row) for row in page.var_backtests),
        week=tuple(_day_row(day, week[-1]) for day in week),
        activity=group_metrics(page.activity),
        groups=group_metrics(page.metrics),
        costs=() if page.costs is None else compute_cost_rows(page.costs),
        cost_words="" if page.costs is None else describe_costs(page.costs),
        assumptions=_assumptions(page),
        clusters=_shared_clusters(page.positions),
    )


def describe_orders(page: PortfolioPage) -> str:
    """Say for which session the orders hold, or that there are none."""
    session = f"for {write_session(page.orders_session)}" if page.orders_session else "for the next session"
    close = f"the close of {write_session(page.end)}"
    if page.orders:
        return f"{count(len(page.orders), 'order')} {session}, decided at {close}. {page.orders_note}".rstrip()
    return f"No order {session}. {page.orders_note or f'After {close} nothing is to be traded.'}"


def judge_effect(effect: LimitEffect) -> str:
    """Say in one sentence whether a limit earned its keep: return, drawdown and Sharpe with it against without."""
    acts = sum(times for action, times in effect.actions if action not in _OBSERVED)
    silent = not acts and effect.rule != ALL_LIMITS
    pairs = (
        (effect.total_return, effect.total_return_without),
        (effect.max_drawdown, effect.max_drawdown_without),
        (effect.sharpe, effect.sharpe_without),
    )
    earned, calmer, better = (None if a is None or b is None else a - b for a, b in pairs)
    if earned is None or calmer is None:
        return "Never had to act." if silent else f"Not judged: {effect.reason or 'undefined without it'}."
    words = [_points(earned, "more return", "less return"), _points(calmer, "less drawdown", "deeper drawdown")]
    if not any(words):
        return "Never had to act." if silent else "Acted, and changed nothing that shows."
    if better is not None and abs(better) >= _ROUNDS_AWAY:
        words.append(f"Sharpe {write_number(better, 2, signed=True)}")
    sentence = f"{_judgement(earned, calmer, better)}: {', '.join(word for word in words if word)}."
    return f"Met no order, but bounds the weights. {sentence}" if silent else sentence


def _judgement(earned: float, calmer: float, better: float | None) -> str:
    """More return and less drawdown is clear; where they part, the Sharpe ratio decides beyond a hundredth."""
    if earned >= 0.0 and calmer >= 0.0:
        return "Earned its keep"
    if earned <= 0.0 and calmer <= 0.0:
        return "Did not earn its keep"
    if better is None or abs(better) < _ROUNDS_AWAY:
        return "A trade-off"
    return "Earned its keep by Sharpe" if better > 0 else "Did not earn its keep by Sharpe"


def _points(change: float, gain: str, loss: str) -> str:
    """Write a difference of fractions in percentage points; empty where it rounds to none."""
    size = write_number(abs(change) * 100, 1)
    return "" if float(size.replace(",", "")) == 0.0 else f"{size} points {gain if change > 0 else loss}"


def _effect_row(effect: LimitEffect, page: PortfolioPage) -> EffectRow:
    return EffectRow(
        title=LIMIT_TITLES.get(effect.rule, write_words(effect.rule)),
        limit=write_limit(page.limits, effect.rule),
        acts=", ".join(write_act(action, times) for action, times in effect.actions)
        or ("together" if effect.rule == ALL_LIMITS else "never"),
        effect=effect,
        verdict=judge_effect(effect),
    )


def find_overshoots(events: Iterable[EventRow]) -> tuple[OvershootRow, ...]:
    """Order events by how far what was measured lay beyond the limit, relative to it, the worst first."""
    known = [(event, *_beyond(event)) for event in events]
    beyond = sorted((row for row in known if row[2] > 0.0), key=lambda row: (-row[2], row[0].session, row[0].subject))
    return tuple(
        OvershootRow(
            event=event,
            title=LIMIT_TITLES.get(event.rule, write_words(event.rule)),
            measured=write_measure(event.rule, event.measured),
            limit=write_measure(event.rule, event.limit),
            excess=write_measure(event.rule, excess),
            share=share,
        )
        for event, excess, share in beyond
    )


def _beyond(event: EventRow) -> tuple[float, float]:
    """Return by how much, absolutely and relative to the limit. A cash reserve is broken from above."""
    if event.measured is None or event.limit is None or event.limit == 0.0:
        return 0.0, 0.0
    excess = abs(event.measured) - abs(event.limit)
    if event.rule == "cash_reserve":
        excess = event.limit - event.measured
    return excess, excess / abs(event.limit)


def _overshoot_words(rows: Sequence[OvershootRow]) -> str:
    if not rows:
        return "Nothing lay beyond its limit at any close."
    worst = rows[0]
    about = f" ({worst.event.subject})" if worst.event.subject else ""
    return (
        f"{count(len(rows), 'time')} a loss or a share lay beyond its limit at a close. The furthest, relative to its "
        f"limit, was "
        f"{worst.title.lower()}{about} on {write_session(worst.event.session)}: {worst.measured} against "
        f"{worst.limit}, {worst.excess} beyond."
    )


def gather_contributions(rows: Sequence[ContributionRow]) -> tuple[ContributionRow, ...]:
    """Keep the best and the worst contributors, best first, and sum the others between them in one row."""
    ordered = sorted(rows, key=lambda row: (row.contribution is None, -(row.contribution or 0.0), row.name))
    if len(ordered) <= 2 * CONTRIBUTIONS_SHOWN + 1:
        return tuple(ordered)
    best, worst = ordered[:CONTRIBUTIONS_SHOWN], ordered[-CONTRIBUTIONS_SHOWN:]
    others = ordered[CONTRIBUTIONS_SHOWN:-CONTRIBUTIONS_SHOWN]
    risks = [row.risk_share for row in others if row.risk_share is not None]
    middle = ContributionRow(
        name=f"{write_number(len(others), 0)} others",
        contribution=sum(row.contribution or 0.0 for row in others),
        risk_share=sum(risks) if risks else None,
        reason="" if risks else others[0].reason,
    )
    return (*best, middle, *worst)


def judge_var_backtest(row: VarBacktestRow) -> str:
    """Say what the two tests found: whether the number of breaches fits, and whether they come in clusters."""
    if row.kupiec_p is None:
        number = f"Their number is not judged: {row.kupiec_reason or 'undefined'}."
    elif row.kupiec_p >= _UNLIKELY:
        number = f"Their number fits the level (Kupiec p {_p(row.kupiec_p)})."
    else:
        many = "too many: risk was understated" if row.breaches > row.expected else "too few: risk was overstated"
        number = f"They are {many} (Kupiec p {_p(row.kupiec_p)})."
    if row.christoffersen_p is None:
        return f"{number} Their spacing is not judged: {row.christoffersen_reason or 'undefined'}."
    alone = (
        "Each comes on its own" if row.christoffersen_p >= _UNLIKELY else "They depend on each other, as clusters do"
    )
    return f"{number} {alone} (Christoffersen p {_p(row.christoffersen_p)})."


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {write_number(value, 3)}"  # noqa: PLR2004 - three decimals


def _day_row(day: WeekDay, last: WeekDay) -> DayRow:
    before = day.session.isocalendar()[:2] != last.session.isocalendar()[:2]
    return DayRow(day, before, _shorten(map(_event_words, day.events)), _shorten(map(_fill_words, day.fills)))


def _shared_clusters(rows: Iterable[PositionRow]) -> frozenset[int]:
    """Return the clusters of more than one position; a symbol alone moves with nobody."""
    times = Counter(row.cluster for row in rows if row.cluster is not None)
    return frozenset(cluster for cluster, positions in times.items() if positions > 1)


def _shorten(lines: Iterable[str]) -> tuple[str, ...]:
    found = list(lines)
    if len(found) <= LINES_SHOWN:
        return tuple(found)
    return (*found[: LINES_SHOWN - 1], f"and {write_number(len(found) - LINES_SHOWN + 1, 0)} more")


def _event_words(event: EventRow) -> str:
    about = f" {event.subject}" if event.subject else ""
    act = ACTION_WORDS.get(event.action, write_words(event.action))
    found = f"{write_measure(event.rule, event.measured)} against {write_measure(event.rule, event.limit)}"
    shares = ""
    if event.wanted is not None and event.allowed is not None:
        shares = f", {write_quantity(event.allowed)} of {write_quantity(event.wanted)} shares"
    return f"{LIMIT_TITLES.get(event.rule, write_words(event.rule))}{about}: {act} ({found}{shares})"


def _fill_words(fill: FillRow) -> str:
    side = "bought" if fill.quantity > 0 else "sold"
    return (
        f"{side} {write_quantity(abs(fill.quantity))} {fill.symbol} at {write_number(fill.price, 2)}, "
        f"{write_words(fill.reason)}"
    )


def _assumptions(page: PortfolioPage) -> tuple[tuple[str, str], ...]:
    """Say what the portfolio is: definition, allocation, rebalances, limits, and the simulation's settings."""
    found = list(page.definition)
    if page.allocation is not None:
        found.append(("Allocation", describe_allocation(page.allocation)))
    rules = "" if page.rules is None else describe_rules(page.rules)
    if rules:
        found.append(("Rebalances", rules))
    if page.limits is not None:
        found += [(f"Limit: {title.lower()}", words) for title, words in describe_limits(page.limits)]
    if page.simulation is not None:
        found += describe_settings(page.simulation)
    return tuple(found)
