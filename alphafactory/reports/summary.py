"""The night in a few words: the verdict line, the best results beside holding, and how many were tried.

Goes in: a `NightContext`. Comes out: sentences and pairings for the top of the index; nothing that a table would hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alphafactory.reports.formatting import write_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from alphafactory.reports.contexts import NightContext, RankRow

RANKED_SHOWN, RANKED_EACH = 1_000, 25
"""How many backtests the ranking lists: the best of all, and of each strategy the best."""
BEST_SHOWN = 10
"""How many backtests stand beside holding on top of the index."""


@dataclass(frozen=True, slots=True)
class BestRow:
    """A backtest and the benchmark on the same symbol, None where there is none."""

    row: RankRow
    holding: RankRow | None


@dataclass(frozen=True, slots=True)
class Summary:
    """`tried` counts backtests without the benchmark, `beating` those of `compared` whose return exceeds holding's.

    `ranking` has every backtest, `shown` those that the page lists.
    """

    verdict: str
    tried: int
    compared: int
    beating: int
    changed: int
    best: tuple[BestRow, ...]
    ranking: tuple[RankRow, ...]
    shown: tuple[RankRow, ...]


def compute_summary(night: NightContext) -> Summary:
    """Judge the night by its counts; the ranking comes back in order of Sharpe."""
    ranking = sort_ranking(night.ranking)
    tried = [row for row in ranking if not row.is_benchmark]
    excesses = [row.excess_return for row in tried if row.excess_return is not None]
    best = [row for row in tried if row.sharpe is not None][:BEST_SHOWN]
    return Summary(
        verdict=compute_verdict(night),
        tried=len(tried),
        compared=len(excesses),
        beating=sum(excess > 0 for excess in excesses),
        changed=sum(row.changed for row in ranking),
        best=tuple(BestRow(row, _find_holding(row, ranking)) for row in best),
        ranking=ranking,
        shown=tuple(_shown(ranking)),
    )


def _shown(ranking: Iterable[RankRow]) -> Iterator[RankRow]:
    """Yield the best of all and the best of each strategy: a page of ten thousand rows is read by nobody."""
    seen: dict[str, int] = {}
    for place, row in enumerate(ranking):
        seen[row.strategy] = seen.get(row.strategy, 0) + 1
        if place < RANKED_SHOWN or seen[row.strategy] <= RANKED_EACH:
            yield row


def sort_ranking(rows: Iterable[RankRow]) -> tuple[RankRow, ...]:
    """Order by Sharpe, best first; the undefined come last, ties by symbol and number."""
    return tuple(
        sorted(rows, key=lambda row: (row.sharpe is None, -(row.sharpe or 0.0), row.symbol, row.backtest_id)),
    )


def compute_verdict(night: NightContext) -> str:
    """Say in one line how the night went: what it covered, what was held back, what is missing."""
    symbols = len({row.symbol for row in night.ranking})
    parts = [count(symbols, "symbol"), count(len(night.ranking), "backtest")]
    parts.append(f"{count(night.changes.bars_quarantined, 'bar')} quarantined")
    if night.failures:
        parts.append(count(len(night.failures), "failure"))
    return ", ".join(parts)


def count(number: int, noun: str) -> str:
    """Write a number with its noun: 1 bar, 2,000 bars."""
    return f"{write_number(number, 0)} {noun}{'' if number == 1 else 's'}"


def _find_holding(row: RankRow, ranking: Iterable[RankRow]) -> RankRow | None:
    """Take the benchmark of the same period before one of another period."""
    held = [other for other in ranking if other.is_benchmark and other.symbol == row.symbol]
    same = [other for other in held if (other.start, other.end) == (row.start, row.end)]
    return next(iter(same or held), None)
