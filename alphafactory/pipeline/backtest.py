"""Backtests: symbols times strategies in, finished simulations out; what has been answered is not asked again.

1. A task's fingerprint is the hash of all that its result depends on; one that is stored is done.
2. The others go to workers in chunks of symbols; each comes back as arrays or as an error.
3. Results, trades and curves are written together, then the new answers supersede the old.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from alphafactory.calendar import periods_per_year
from alphafactory.errors import AlphaFactoryError, UsageError
from alphafactory.pipeline.answers import adhoc_results
from alphafactory.pipeline.fingerprints import Subject, fingerprint
from alphafactory.pipeline.panel import choose_universe, data_fingerprints
from alphafactory.pipeline.records import Question, backtest_record
from alphafactory.pipeline.running import StepReport, broken_plugins, failure
from alphafactory.pipeline.simulating import SymbolWork, Task, Terms
from alphafactory.pipeline.stored_panel import open_panel
from alphafactory.pipeline.workers import run_work
from alphafactory.store import backtests, bars, scores, strategies, symbols
from alphafactory.strategies.catalogue import code_hash, discover_strategies, source_text
from alphafactory.strategies.parameters import resolve_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from alphafactory.domain.bars import BarPanel
    from alphafactory.domain.settings import SimulationSettings
    from alphafactory.pipeline.running import Failure, Run
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.store.database import Connection
    from alphafactory.store.symbols import SymbolRow
    from alphafactory.strategies.base import Strategy

READS = (
    "symbols",
    "symbol_aliases",
    "universes",
    "universe_members",
    "quality_judgements",
    "quality_scores",
    "job_steps",
    "series_versions",
    "series_fingerprints",
    "bars",
    "bar_revisions",
    "splits",
    "dividends",
    "quality_findings",
    "strategies",
    "backtests",
    "job_runs",
)
WRITES = ("strategies", "backtests", "trades", "equity", "series_fingerprints")
_SYMBOLS_A_WRITE = 400


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be backtested: strategies with parameters, on symbols, over a period, on which terms."""

    strategies: Sequence[tuple[type[Strategy], Mapping[str, int | float]]]
    symbols: Sequence[SymbolRow]
    start: date | None
    end: date | None
    settings: SimulationSettings
    origin: Literal["nightly", "adhoc"]
    job_run_id: int | None


@dataclass(frozen=True, slots=True)
class Answers:
    """The key of each question's answer, how many were computed now, and what gave none."""

    keys: tuple[int, ...]
    computed: int
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class AdhocResult:
    """Backtests that a person asked for, in the shape of the command line's JSON."""

    results: list[dict[str, object]]
    outcome: str
    failures: tuple[Failure, ...]


def run_backtests(run: Run) -> StepReport:
    """Backtest every configured strategy on every symbol of the universe."""
    workspace = run.workspace
    config = workspace.config.backtest
    registry = discover_strategies(workspace.config.paths.strategies)
    failures = list(broken_plugins(registry.broken))
    chosen = []
    for name in (
        registry.names() if config.strategies == "all" else _with_benchmark(config.strategies, config.benchmark)
    ):
        try:
            chosen.append((registry.get(name), resolve_parameters(registry.get(name), {})))
        except AlphaFactoryError as error:
            failures.append(
                failure("strategy", name, str(error), "Correct backtest.strategies or the strategy's file.")
            )
    with workspace.database.begin() as connection:
        universe = choose_universe(connection, workspace)
    if not universe.symbols:
        return StepReport(0, "There are no symbols yet.", (*failures, *universe.failures), skipped=True)
    good, refused = _good_enough(workspace, universe.symbols, past=run.is_past)
    order = Order(
        chosen,
        good,
        config.start,
        config.end,
        workspace.config.simulation_settings(),
        "nightly",
        run.run_id,
    )
    answers = _answer(workspace, order, past=run.is_past)
    run.notes.update(backtests=answers.keys, computed=answers.computed)
    message = f"{answers.computed} of {len(answers.keys)} backtests computed, the others stand.{refused}"
    return StepReport(answers.computed, message, (*failures, *universe.failures, *answers.failures))


def _good_enough(workspace: Workspace, rows: Sequence[SymbolRow], *, past: bool) -> tuple[list[SymbolRow], str]:
    """Return the symbols whose data are good enough to be traded on, and the others in words.

    What is refused is the gate's doing and no failure; its earlier results are no current ones any more.
    """
    least = workspace.config.quality.minimum_score
    with workspace.database.begin() as connection:
        found = scores.read_scores(connection, [row.id for row in rows], workspace.as_of)
        low = [row for row in rows if found.get(row.id, 1.0) < least]
        # A symbol without any bar is a failure below.
        usable = data_fingerprints(connection, [row.id for row in low], workspace.cutoff)
        bad = [row for row in low if row.id in usable]
        if bad and not past:
            backtests.withdraw(connection, [row.id for row in bad])
    if not bad:
        return list(rows), ""
    worst = min(bad, key=lambda row: (found[row.id], row.ticker))
    words = (
        f" {len(bad)} symbols refused for a quality score below {least}, the worst: "
        f"{worst.ticker} {found[worst.id]:.2f} (`python run.py quality --symbol {worst.ticker}`)."
    )
    return [row for row in rows if row not in bad], words


def run_adhoc(
    workspace: Workspace,
    strategy: str,
    wanted: Sequence[str] | Literal["all"],
    params: Mapping[str, str],
    *,
    start: date | None = None,
    end: date | None = None,
) -> AdhocResult:
    """Backtest one strategy as a person asks; raise `UsageError` for a name or a value that does not exist."""
    if start is not None and end is not None and start > end:
        raise UsageError(f"--from {start} lies after --to {end}.")
    registry = discover_strategies(workspace.config.paths.strategies)
    plugin = registry.get(strategy)
    with workspace.database.begin() as connection:
        if wanted == "all":
            chosen = list(choose_universe(connection, workspace).symbols)
        else:
            named = symbols.read_symbols(connection, list(dict.fromkeys(wanted)))
            chosen = [row.as_known(workspace.cutoff) for row in named]
    if not chosen:
        raise UsageError("There are no symbols yet. Run `python run.py nightly` or `python run.py demo` first.")
    order = Order(
        [(plugin, resolve_parameters(plugin, params))],
        chosen,
        start or workspace.config.backtest.start,
        end or workspace.config.backtest.end,
        workspace.config.simulation_settings(),
        "adhoc",
        None,
    )
    answers = _answer(workspace, order, past=False)
    with workspace.database.begin() as connection:
        results = adhoc_results(connection, answers.keys)
    outcome = "fine" if not answers.failures else "partial" if results else "failed"
    return AdhocResult(results, outcome, answers.failures)


def _answer(workspace: Workspace, order: Order, *, past: bool) -> Answers:
    with workspace.database.begin() as connection:
        prints = data_fingerprints(connection, [row.id for row in order.symbols], workspace.cutoff)
        if order.origin == "nightly" and not past:  # without a usable bar no earlier result is a current one
            backtests.withdraw(connection, [row.id for row in order.symbols if row.id not in prints])
        questions, failures = _questions(connection, workspace, order, prints)
        done = backtests.read_done(connection, list(questions))
    missing = [print_ for print_ in questions if print_ not in done]
    keys = {print_: key for print_, (key, _) in done.items()}
    by_symbol = _by_symbol(order.symbols, [questions[print_] for print_ in missing])
    unasked = len(failures)
    panel = open_panel(workspace, [row for row, _ in by_symbol])
    for start in range(0, len(by_symbol), _SYMBOLS_A_WRITE):
        some = by_symbol[start : start + _SYMBOLS_A_WRITE]
        written, faults = _compute(workspace, order, some, panel.part(start, start + len(some)), questions)
        keys |= written
        failures += faults
    computed = len(missing) - (len(failures) - unasked)  # what failed is no result
    if order.origin == "nightly":
        _settle(workspace, order, questions, keys, missing=missing, past=past)
    return Answers(tuple(keys[print_] for print_ in questions if print_ in keys), computed, tuple(failures))


def _questions(
    connection: Connection, workspace: Workspace, order: Order, prints: Mapping[int, str]
) -> tuple[dict[str, Question], list[Failure]]:
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
        try:
            asked = list(_questions_of(connection, workspace, order, strategy, params=params, prints=prints))
        except AlphaFactoryError as error:
            failures.append(failure("strategy", strategy.name, str(error), "Correct the strategy's file."))
        else:
            questions.update((question.fingerprint, question) for question in asked)
    return questions, failures


def _questions_of(
    connection: Connection,
    workspace: Workspace,
    order: Order,
    strategy: type[Strategy],
    *,
    params: Mapping[str, int | float],
    prints: Mapping[int, str],
) -> Iterator[Question]:
    """Yield what one strategy asks; raise where its declaration names what does not exist."""
    version = strategies.register_strategy(connection, _strategy_row(strategy))
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
                delisted=_is_delisted(row, workspace),
            )
            yield Question(found, subject, row, version, prints[row.id], periods)


def _strategy_row(strategy: type[Strategy]) -> strategies.StrategyRow:
    schema = {
        name: {"default": p.default, "low": p.low, "high": p.high, "meaning": p.meaning}
        for name, p in strategy.parameters.items()
    }
    return strategies.StrategyRow(
        strategy.name, strategy.title, strategy.idea, schema, source_text(strategy), code_hash(strategy)
    )


def _by_symbol(
    chosen: Sequence[SymbolRow], missing: Sequence[Question]
) -> list[tuple[SymbolRow, tuple[Question, ...]]]:
    grouped: dict[int, list[Question]] = {}
    for question in missing:
        grouped.setdefault(question.symbol.id, []).append(question)
    return [(row, tuple(grouped[row.id])) for row in chosen if row.id in grouped]


def _compute(
    workspace: Workspace,
    order: Order,
    wanted: Sequence[tuple[SymbolRow, tuple[Question, ...]]],
    panel: BarPanel,
    questions: Mapping[str, Question],
) -> tuple[dict[str, int], list[Failure]]:
    config = workspace.config
    terms = Terms(
        settings=order.settings,
        start=None if order.start is None else np.datetime64(order.start, "D"),
        end=None if order.end is None else np.datetime64(order.end, "D"),
        risk_free_rate=config.backtest.risk_free_rate,
        strategies_folder=str(config.paths.strategies),
        cache_folder=str(config.paths.var / "cache" / "numba"),
    )
    loads = [
        SymbolWork(
            row.ticker, series, _is_delisted(row, workspace), periods_per_year(row.listing.calendar),
            tuple(Task(q.subject.strategy, q.subject.params, q.fingerprint) for q in tasks),
        )
        for (row, tasks), (_, _, series) in zip(wanted, panel, strict=True)
    ]  # fmt: skip
    finished = run_work(loads, terms, config.compute, workspace.progress)
    records = [
        backtest_record(
            questions[f.fingerprint],
            f,
            settings=order.settings,
            origin=order.origin,
            job_run_id=order.job_run_id,
            risk_free_rate=config.backtest.risk_free_rate,
        )
        for f in finished
    ]
    with workspace.database.begin() as connection:
        keys = backtests.upsert_backtests(connection, records)
    faults = [
        failure(
            "backtest", f"{questions[f.fingerprint].subject}", f.error, "Correct the strategy or the symbol's bars."
        )
        for f in finished
        if f.error is not None
    ]
    return keys, faults


def _settle(
    workspace: Workspace,
    order: Order,
    questions: Mapping[str, Question],
    keys: Mapping[str, int],
    *,
    missing: Sequence[str],
    past: bool,
) -> None:
    """Make tonight's answers the current ones; those of a past date stand behind what is current already."""
    answers = {questions[print_].subject.key: key for print_, key in keys.items()}
    with workspace.database.begin() as connection:
        if past:
            backtests.yield_to_current(connection, [keys[print_] for print_ in missing if print_ in keys])
        else:
            backtests.promote(connection, list(keys.values()))
            backtests.supersede(connection, answers)
            backtests.withdraw_others(connection, [row.id for row in order.symbols])
            backtests.retire_detail(connection, workspace.config.retention.detail_nights)


def _is_delisted(row: SymbolRow, workspace: Workspace) -> bool:
    return row.listing.delisted is not None and row.listing.delisted <= workspace.as_of


def _with_benchmark(names: Sequence[str], benchmark: str) -> list[str]:
    return list(dict.fromkeys([*names, benchmark]))
