"""From an order of backtests to questions: which strategy on which symbol, each with a fingerprint of its answer."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from alphafactory.calendar import periods_per_year
from alphafactory.errors import AlphaFactoryError
from alphafactory.pipeline.delistings import is_delisted
from alphafactory.pipeline.fingerprints import Subject, fingerprint
from alphafactory.pipeline.market_contexts import needs_of
from alphafactory.pipeline.records import Question
from alphafactory.pipeline.running import failure
from alphafactory.store import bars, strategies
from alphafactory.strategies.catalogue import code_hash, source_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from alphafactory.domain.settings import SimulationSettings
    from alphafactory.pipeline.benchmark_index import BenchmarkIndex
    from alphafactory.pipeline.market_contexts import Surroundings
    from alphafactory.pipeline.running import Failure
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.store.database import Connection
    from alphafactory.store.symbols import SymbolRow
    from alphafactory.strategies.base import Strategy


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be backtested: strategies with parameters, on symbols, over a period, on which terms, beside what.

    `scope` says in words which symbols these are together; `whole_universe` that they are those of the night's
    universe, and not named one by one.
    """

    strategies: Sequence[tuple[type[Strategy], Mapping[str, int | float]]]
    symbols: Sequence[SymbolRow]
    start: date | None
    end: date | None
    settings: SimulationSettings
    index: BenchmarkIndex | None
    origin: Literal["nightly", "adhoc"]
    job_run_id: int | None
    scope: str = "all"
    whole_universe: bool = True

    @property
    def needs(self) -> frozenset[str]:
        """What its strategies read beside the bars; one that asks for what does not exist is refused when it asks."""
        found: set[str] = set()
        for strategy, _ in self.strategies:
            with suppress(AlphaFactoryError):
                found |= needs_of(strategy)
        return frozenset(found)


def ask(
    connection: Connection,
    workspace: Workspace,
    order: Order,
    prints: Mapping[int, str],
    surroundings: Surroundings,
) -> tuple[dict[str, Question], list[Failure]]:
    """Return the questions of an order by their fingerprints, and what cannot be asked.

    `prints` are the fingerprints of the symbols' data, `surroundings` what strategies read beside them. A strategy that
    sees a universe is left aside: it asks one question about all symbols.
    """
    questions: dict[str, Question] = {}
    # A symbol of hours or minutes alone is no failure of backtests, which read days.
    started = [row.id for row in order.symbols if row.first_night is not None and row.id not in prints]
    intraday_alone = set(started) - bars.read_held(connection, started, workspace.cutoff).keys()
    failures = [
        failure("symbol", row.ticker, "It has no usable bar.", "See `python run.py quality`, and whether any came.")
        for row in order.symbols
        if row.id not in prints and row.id not in intraday_alone
    ]
    for strategy, params in order.strategies:
        if strategy.scope == "universe":
            continue
        try:
            asked = list(_questions_of(connection, workspace, order, strategy, params, prints, surroundings))
        except AlphaFactoryError as error:
            failures.append(failure("strategy", strategy.name, str(error), "Correct the strategy's file."))
        else:
            questions.update((question.fingerprint, question) for question in asked)
    return questions, failures


def _questions_of(  # noqa: PLR0917  what one strategy asks depends on all of this
    connection: Connection,
    workspace: Workspace,
    order: Order,
    strategy: type[Strategy],
    params: Mapping[str, int | float],
    prints: Mapping[int, str],
    surroundings: Surroundings,
) -> Iterator[Question]:
    """Yield what one strategy asks; raise where its declaration names what does not exist."""
    version, needs = strategies.register_strategy(connection, strategy_row(strategy)), needs_of(strategy)
    code = code_hash(strategy)
    for row in order.symbols:
        if row.id in prints:
            periods = periods_per_year(row.listing.calendar)
            subject = Subject(strategy.name, params, row.ticker, row.listing.exchange, order.start, order.end)
            found = fingerprint(
                subject,
                strategy,
                order.settings,
                data=prints[row.id],
                periods=periods,
                risk_free_rate=workspace.config.backtest.risk_free_rate,
                delisted=is_delisted(row, workspace),
                index=None if order.index is None else order.index.fingerprint,
                beside=surroundings.print_of(needs, [row.id]),
                calendar=row.listing.calendar,
            )
            index = None if order.index is None else order.index.ticker
            yield Question(
                found, subject, version, prints[row.id], periods, (row.ticker,), row.simulated, row.id, index, code
            )


def strategy_row(strategy: type[Strategy]) -> strategies.StrategyRow:
    """Return what the table of strategies keeps of a version."""
    schema = {
        name: {"default": p.default, "low": p.low, "high": p.high, "meaning": p.meaning}
        for name, p in strategy.parameters.items()
    }
    return strategies.StrategyRow(
        strategy.name, strategy.title, strategy.idea, schema, source_text(strategy), code_hash(strategy)
    )


def by_symbol(chosen: Sequence[SymbolRow], missing: Sequence[Question]) -> list[tuple[SymbolRow, tuple[Question, ...]]]:
    """Group the questions by symbol, in the order of the symbols; one without a question is left out."""
    grouped: dict[int, list[Question]] = {}
    for question in missing:
        if question.symbol_id is not None:
            grouped.setdefault(question.symbol_id, []).append(question)
    return [(row, tuple(grouped[row.id])) for row in chosen if row.id in grouped]
