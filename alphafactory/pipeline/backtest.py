"""Backtests: symbols times strategies in, finished simulations out; what has been answered is not asked again.

1. A task's fingerprint is the hash of all that its result depends on; one that is stored is done.
2. The others go to workers in chunks of symbols; each comes back as arrays or as an error.
3. Results, trades, orders and curves are written together, then the new answers supersede the old.
4. A symbol with fewer bars than a strategy's warm-up is stored as skipped: it is no failure, and no result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from alphafactory.calendar import periods_per_year
from alphafactory.errors import AlphaFactoryError, UsageError
from alphafactory.pipeline.answers import adhoc_results
from alphafactory.pipeline.benchmark_index import read_index
from alphafactory.pipeline.delistings import is_delisted
from alphafactory.pipeline.known_strategies import known_strategies
from alphafactory.pipeline.market_contexts import index_is_known, needs_of, read_surroundings
from alphafactory.pipeline.panel import choose_universe, data_fingerprints
from alphafactory.pipeline.questions import Order, ask, by_symbol
from alphafactory.pipeline.records import backtest_record
from alphafactory.pipeline.running import StepReport, broken_plugins, failure
from alphafactory.pipeline.simulating import SymbolWork, Task, Terms
from alphafactory.pipeline.stored_panel import open_panel
from alphafactory.pipeline.universe_accounts import ask_accounts, compute_accounts
from alphafactory.pipeline.workers import run_work
from alphafactory.store import backtests, scores, symbols
from alphafactory.store.backtests import Answer
from alphafactory.strategies.base import Filter
from alphafactory.strategies.combination import resolve_strategy
from alphafactory.strategies.parameters import resolve_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from alphafactory.config import BacktestConfig
    from alphafactory.domain.bars import BarPanel
    from alphafactory.pipeline.benchmark_index import BenchmarkIndex
    from alphafactory.pipeline.fingerprints import Subject
    from alphafactory.pipeline.market_contexts import Surroundings
    from alphafactory.pipeline.records import Question
    from alphafactory.pipeline.running import Failure, Run
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.registry import Registry
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
    "earnings_calendar",
    "strategies",
    "backtests",
    "job_runs",
)
WRITES = ("strategies", "backtests", "trades", "orders", "equity", "series_fingerprints")
_SYMBOLS_A_WRITE = 400


@dataclass(frozen=True, slots=True)
class Answers:
    """The key of each question's answer, how many were computed now, what gave none, and why some were skipped."""

    keys: tuple[int, ...]
    computed: int
    failures: tuple[Failure, ...]
    skipped: tuple[str, ...]


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
    registry = known_strategies(workspace.config.paths.strategies)
    failures = list(broken_plugins(registry.broken))
    chosen = []
    has_index = index_is_known(workspace)
    for name in _names_of_night(config, registry):
        try:
            plugin = resolve_strategy(name, registry)
            _require_index(plugin, has_index=has_index)
            chosen.append((plugin, resolve_parameters(plugin, {})))
        except AlphaFactoryError as error:
            failures.append(
                failure("strategy", name, str(error), "Correct backtest.strategies or the strategy's file.")
            )
    with workspace.database.begin() as connection:
        universe = choose_universe(connection, workspace)
    if not universe.symbols:
        return StepReport(0, "There are no symbols yet.", (*failures, *universe.failures), skipped=True)
    index, no_index = _index_of_night(workspace)
    failures += no_index
    good, refused = _good_enough(workspace, universe.symbols, past=run.is_past)
    order = Order(
        chosen,
        good,
        config.start,
        config.end,
        workspace.config.simulation_settings(),
        index,
        "nightly",
        run.run_id,
        workspace.config.universe.name or "all",
    )
    answers = _answer(workspace, order, past=run.is_past)
    run.notes.update(backtests=answers.keys, computed=answers.computed)
    message = (
        f"{answers.computed} of {len(answers.keys)} backtests computed, the others stand."
        f"{_skipped_words(answers.skipped)}{refused}"
    )
    return StepReport(answers.computed, message, (*failures, *universe.failures, *answers.failures))


def _names_of_night(config: BacktestConfig, registry: Registry[type[Strategy]]) -> list[str]:
    """Return whom the night backtests: of all strategies those that are more than a filter."""
    if config.strategies == "all":
        return [name for name, plugin in registry.items() if not issubclass(plugin, Filter)]
    return list(dict.fromkeys([*config.strategies, config.benchmark]))


def _require_index(strategy: type[Strategy], *, has_index: bool) -> None:
    if not has_index and "index" in needs_of(strategy):
        raise UsageError(f"{strategy.name} reads the index, and backtest.index names none that has bars. Set it.")


def _index_of_night(workspace: Workspace) -> tuple[BenchmarkIndex | None, list[Failure]]:
    """Return the index, or why the night goes on without one."""
    ticker = workspace.config.backtest.index
    try:
        with workspace.database.begin() as connection:
            return read_index(connection, ticker, workspace.cutoff), []
    except UsageError as error:
        return None, [failure("index", str(ticker), str(error), "Correct backtest.index.")]


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


def _skipped_words(skipped: Sequence[str]) -> str:
    if not skipped:
        return ""
    more = f" and {len(skipped) - 1} more" if len(skipped) > 1 else ""
    return f" {len(skipped)} skipped for too few bars: {skipped[0].partition('. ')[0]}{more}."


def run_adhoc(
    workspace: Workspace,
    strategy: str,
    wanted: Sequence[str] | Literal["all"],
    params: Mapping[str, str],
    *,
    start: date | None = None,
    end: date | None = None,
    words: Mapping[str, Any] | None = None,
    profile: str | None = None,
) -> AdhocResult:
    """Backtest one strategy as a person asks.

    `words` are settings of the simulation by name and `profile` one of the config's, both over what the config says.

    Raises:
        UsageError: a name or a value that does not exist.
    """
    if start is not None and end is not None and start > end:
        raise UsageError(f"--from {start} lies after --to {end}.")
    registry = known_strategies(workspace.config.paths.strategies)
    plugin = resolve_strategy(strategy, registry)
    settings = workspace.config.simulation_settings(words, profile)
    with workspace.database.begin() as connection:
        if wanted == "all":
            chosen = list(choose_universe(connection, workspace).symbols)
        else:
            named = symbols.read_symbols(connection, list(dict.fromkeys(wanted)))
            chosen = [row.as_known(workspace.cutoff) for row in named]
        index = read_index(connection, workspace.config.backtest.index, workspace.cutoff)
    if not chosen:
        raise UsageError("There are no symbols yet. Run `python run.py nightly` or `python run.py demo` first.")
    order = Order(
        [(plugin, resolve_parameters(plugin, params))],
        chosen,
        start or workspace.config.backtest.start,
        end or workspace.config.backtest.end,
        settings,
        index,
        "adhoc",
        None,
        (workspace.config.universe.name or "all") if wanted == "all" else ", ".join(row.ticker for row in chosen),
        wanted == "all",
    )
    answers = _answer(workspace, order, past=False)
    with workspace.database.begin() as connection:
        results = adhoc_results(connection, answers.keys)
    unfit = [failure("backtest", strategy, why, "") for why in answers.skipped]
    failures = (*answers.failures, *unfit)
    outcome = "fine" if not failures else "partial" if results else "failed"
    return AdhocResult(results, outcome, failures)


def _answer(workspace: Workspace, order: Order, *, past: bool) -> Answers:
    with workspace.database.begin() as connection:
        prints = data_fingerprints(connection, [row.id for row in order.symbols], workspace.cutoff)
        if order.origin == "nightly" and not past:  # without a usable bar no earlier result is a current one
            backtests.withdraw(connection, [row.id for row in order.symbols if row.id not in prints])
        surroundings = read_surroundings(workspace, order.symbols, order.needs)
        questions, failures = ask(connection, workspace, order, prints, surroundings)
        accounts, unasked = ask_accounts(connection, workspace, order, prints, surroundings)
        answered = backtests.read_answers(connection, [*questions, *accounts])
    failures += unasked
    open_accounts = {print_: account for print_, account in accounts.items() if print_ not in answered}
    missing = [print_ for print_ in questions if print_ not in answered]
    asked = by_symbol(order.symbols, [questions[print_] for print_ in missing])
    panel = open_panel(workspace, [row for row, _ in asked])
    for start in range(0, len(asked), _SYMBOLS_A_WRITE):
        some = asked[start : start + _SYMBOLS_A_WRITE]
        part = panel.part(start, start + len(some))
        answered |= _compute(workspace, order, some, part, questions=questions, surroundings=surroundings)
    answered |= compute_accounts(workspace, order, open_accounts, surroundings)
    missing += open_accounts
    subjects = {print_: question.subject for print_, question in questions.items()}
    subjects |= {print_: account.question.subject for print_, account in accounts.items()}
    found = {print_: answered[print_] for print_ in subjects}
    failures += [
        failure("backtest", f"{subjects[print_]}", str(a.error), "Correct the strategy or the symbol's bars.")
        for print_, a in found.items()
        if a.status == "failed"
    ]
    if order.origin == "nightly":
        _settle(workspace, order, subjects, found, missing=missing, past=past)
    return Answers(
        keys=tuple(a.key for a in found.values() if a.status != "skipped"),
        computed=sum(found[print_].status == "done" for print_ in missing),
        failures=tuple(failures),
        skipped=tuple(str(a.error) for a in found.values() if a.status == "skipped"),
    )


def _compute(
    workspace: Workspace,
    order: Order,
    wanted: Sequence[tuple[SymbolRow, tuple[Question, ...]]],
    panel: BarPanel,
    *,
    questions: Mapping[str, Question],
    surroundings: Surroundings,
) -> dict[str, Answer]:
    config = workspace.config
    calendars = {row.listing.calendar for row, _ in wanted}
    terms = Terms(
        settings=order.settings,
        start=None if order.start is None else np.datetime64(order.start, "D"),
        end=None if order.end is None else np.datetime64(order.end, "D"),
        risk_free_rate=config.backtest.risk_free_rate,
        index=None if order.index is None else order.index.bars,
        contexts={calendar: surroundings.context(calendar, panel.bars.sessions) for calendar in calendars},
        strategies_folder=str(config.paths.strategies),
        cache_folder=str(config.paths.var / "cache" / "numba"),
    )
    loads = [
        SymbolWork(
            surroundings.symbol(row, series), is_delisted(row, workspace), periods_per_year(row.listing.calendar),
            row.listing.calendar,
            tuple(Task(q.subject.strategy, q.subject.params, q.fingerprint, q.code) for q in tasks),
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
    return {f.fingerprint: Answer(keys[f.fingerprint], f.status, f.error) for f in finished}


def _settle(
    workspace: Workspace,
    order: Order,
    subjects: Mapping[str, Subject],
    found: Mapping[str, Answer],
    *,
    missing: Sequence[str],
    past: bool,
) -> None:
    """Make tonight's answers the current ones; those of a past date stand behind what is current already."""
    answers = {subjects[print_].key: answer.key for print_, answer in found.items()}
    with workspace.database.begin() as connection:
        if past:
            backtests.yield_to_current(connection, [found[print_].key for print_ in missing])
        else:
            backtests.promote(connection, list(answers.values()))
            backtests.supersede(connection, answers)
            backtests.withdraw_others(connection, [row.id for row in order.symbols])
            backtests.withdraw_other_accounts(connection, list(answers.values()))
            backtests.retire_detail(connection, workspace.config.retention.detail_nights)
