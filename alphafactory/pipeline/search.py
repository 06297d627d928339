"""A sweep as a person asks for it: a grid of parameters and symbols in; an experiment with trials, and a ranking, out.

1. The grid is read; combinations that the strategy refuses are counted and left out.
2. The fingerprint of everything that the trials depend on is taken: the same sweep again is the same experiment, and is
   answered from the tables, so that nothing that was tried once counts twice.
3. Symbols without bars, or with no more than the longest warm-up of all sets, are named and left out.
4. Blocks of trials are written as they come, in one transaction: a killed sweep leaves nothing behind.
5. The sets are ranked by their medians over symbols, beside what the best of so many would show by luck alone.
"""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from alphafactory.calendar import periods_per_year
from alphafactory.errors import SimulationError
from alphafactory.pipeline.audits import require_honest
from alphafactory.pipeline.delistings import is_delisted
from alphafactory.pipeline.evaluating import SweepSymbol, SweepTerms
from alphafactory.pipeline.market_contexts import needs_of, read_surroundings
from alphafactory.pipeline.panel import data_fingerprints
from alphafactory.pipeline.questions import strategy_row
from alphafactory.pipeline.running import failure
from alphafactory.pipeline.stored_panel import open_panel
from alphafactory.pipeline.sweep_order import longest_warm_up, order_fingerprint, read_order
from alphafactory.pipeline.sweeping import StrategyPlace, sweep_blocks
from alphafactory.pipeline.universe_accounts import account_symbols
from alphafactory.pipeline.universe_sweeping import account_blocks
from alphafactory.pipeline.workspace import code_version
from alphafactory.simulation import configure_cache, warm_up
from alphafactory.store import bars, experiments, strategies
from alphafactory.store.experiments import ExperimentRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from alphafactory.domain.context import MarketContext
    from alphafactory.pipeline.running import Failure
    from alphafactory.pipeline.sweep_order import SweepOrder
    from alphafactory.pipeline.sweeping import Block
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.store.database import Connection
    from alphafactory.store.experiments import ExperimentRow
    from alphafactory.store.symbols import SymbolRow

_BARS_A_SECOND = 100_000_000
"""What one process sweeps in a second, roughly; it only decides whether workers pay."""
_WORKER_START_SECONDS = 2.5
_EULER_MASCHERONI = 0.5772156649015329


@dataclass(frozen=True, slots=True)
class SweepResult:
    """A finished search. `top` holds the best sets in order of rank; `known` says that it had been made before.

    `expected_by_luck` is the median Sharpe ratio that the best of as many sets without any skill is expected to have,
    None where that is undefined.
    """

    experiment_id: int
    strategy: str
    evaluated: int
    parameter_sets: int
    symbols: int
    skipped: int
    seconds: float
    known: bool
    top: list[dict[str, Any]]
    expected_by_luck: float | None
    failures: tuple[Failure, ...]

    @property
    def outcome(self) -> str:
        """How it ended."""
        return "partial" if self.failures else "fine"


def run_sweep(
    workspace: Workspace,
    strategy: str,
    wanted: Sequence[str] | Literal["all"],
    grid: Sequence[str],
    params: Mapping[str, str],
    *,
    start: date | None = None,
    end: date | None = None,
    words: Mapping[str, Any] | None = None,
    profile: str | None = None,
    top: int = 10,
) -> SweepResult:
    """Evaluate every combination of a grid on every symbol, or find the experiment that did.

    Args:
        workspace: with the config and the tables.
        strategy: a strategy's name, or a combination of several.
        wanted: tickers, or all of the universe.
        grid: words such as `fast=5:50:5`.
        params: values of parameters that are not searched.
        start: first session simulated, by default the config's.
        end: last session simulated, by default the config's.
        words: settings of the simulation, above the config's.
        profile: of the config.
        top: how many sets to rank.

    Raises:
        UsageError: a name or value that does not exist, a sweep too large, or a strategy that failed its audit.
        SimulationError: no symbol gave a result.
    """
    order = read_order(workspace, strategy, wanted, grid, params, start=start, end=end, words=words, profile=profile)
    require_honest(workspace, order.strategy)
    with workspace.database.begin() as connection:
        prints = data_fingerprints(connection, [row.id for row in order.symbols], workspace.cutoff)
        version = strategies.register_strategy(connection, strategy_row(order.strategy))
        found = experiments.read_experiment(connection, order_fingerprint(workspace, order, prints))
    known = found is not None
    if found is None:
        workspace.progress.step("sweep")
        configure_cache(_compiled(workspace))
        warm_up()  # compiling happens once after each change of the simulator, and is no part of a sweep
        found = _search(workspace, order, prints, version)
    with workspace.database.begin() as connection:
        ranked = experiments.rank_sets(connection, found.id, top)
    return _result(order, found, ranked, known=known)


def expected_by_luck(sets: int, deviation: float | None) -> float | None:
    """Return the Sharpe ratio that the best of so many sets without skill is expected to have, None if undefined.

    Expected maximum of N independent normal ratios around 0 with the deviation that was seen: Bailey and López de
    Prado (2014), The Deflated Sharpe Ratio, Journal of Portfolio Management 40(5). Sets of one grid resemble each
    other, so that it is rather too much than too little.
    """
    if deviation is None or sets < 2:  # noqa: PLR2004  one set is no choice
        return None
    quantile = NormalDist().inv_cdf
    weight = _EULER_MASCHERONI
    return deviation * ((1.0 - weight) * quantile(1.0 - 1.0 / sets) + weight * quantile(1.0 - 1.0 / (sets * math.e)))


@dataclass(frozen=True, slots=True)
class _Work:
    """What is to be evaluated: symbols, the keys of their trials, blocks as they come, and what is left out."""

    rows: Sequence[SymbolRow]
    trial_keys: Sequence[int]
    blocks: Iterable[Block]
    failures: list[Failure]


def _search(workspace: Workspace, order: SweepOrder, prints: Mapping[int, str], version: int) -> ExperimentRow:
    """Evaluate all trials and write them; return what stands in the tables then."""
    started = time.perf_counter()
    work = (
        _accounts(workspace, order, prints)
        if order.strategy.scope == "universe"
        else _singles(workspace, order, prints)
    )
    failures, print_ = work.failures, order_fingerprint(workspace, order, prints)
    _require_some(len(work.rows), failures)
    with workspace.database.begin() as connection:
        record = _record(workspace, order, work.rows, version, print_)
        key = experiments.insert_experiment(connection, record, order.grid)
        if key is not None:  # else another process has made the same meanwhile
            failed = _write_trials(connection, key, work.trial_keys, work.blocks)
            failures += [_failed(work.rows[place], text) for place, text in sorted(failed.items())]
            good = [row.ticker for place, row in enumerate(work.rows) if place not in failed]
            _require_some(len(good), failures)
            experiments.finish_experiment(connection, key, good, failures, time.perf_counter() - started)
    with workspace.database.begin() as connection:
        found = experiments.read_experiment(connection, print_)
    assert found is not None
    return found


def _singles(workspace: Workspace, order: SweepOrder, prints: Mapping[int, str]) -> _Work:
    """Return the work of a strategy that judges symbols by themselves: an account for each set and symbol."""
    rows, loads, failures = _fit(workspace, order, prints)
    return _Work(rows, [row.id for row in rows], _blocks(workspace, order, loads), failures)


def _accounts(workspace: Workspace, order: SweepOrder, prints: Mapping[int, str]) -> _Work:
    """Return the work of a strategy that sees a universe: one account for each set."""
    failures = [_failed(row, "It has no usable bar.") for row in _without_bars(workspace, order, prints)]
    with workspace.database.begin() as connection:
        whole = order.universe is not None
        chosen = account_symbols(connection, workspace, order.symbols, prints, whole_universe=whole)
    return _Work(chosen.rows, [experiments.ALL_SYMBOLS], account_blocks(workspace, order, chosen), failures)


def _write_trials(
    connection: Connection, key: int, symbol_ids: Sequence[int], blocks: Iterable[Block]
) -> dict[int, str]:
    """Write the blocks as they come; return what went wrong by the symbol's place. Who failed has no trial at all."""
    ids = np.array(symbol_ids, dtype=np.int64)
    failed: dict[int, str] = {}
    for block in blocks:
        failed = {**block.errors, **failed}  # the first error of each is told
        good = [column for column, place in enumerate(block.positions) if place not in failed]
        numbers = np.arange(block.first, block.first + len(block.numbers)) + 1
        chosen = ids[[block.positions[column] for column in good]]
        experiments.write_trials(connection, key, numbers, chosen, block.numbers[:, good])
    if failed:
        experiments.drop_symbols(connection, key, [symbol_ids[place] for place in failed])
    return failed


def _fit(
    workspace: Workspace, order: SweepOrder, prints: Mapping[int, str]
) -> tuple[list[SymbolRow], list[SweepSymbol], list[Failure]]:
    """Return the symbols that can be simulated, with their bars, and the others as failures."""
    failures = [_failed(row, "It has no usable bar.") for row in _without_bars(workspace, order, prints)]
    rows, loads = [], []
    needed = longest_warm_up(order.strategy, order.grid) + 1
    surroundings = read_surroundings(workspace, order.symbols, needs_of(order.strategy))
    contexts: dict[str, MarketContext] = {}
    asked = [row for row in order.symbols if row.id in prints]
    panel = open_panel(workspace, asked)
    for row, (_, _, series) in zip(asked, panel, strict=True):
        held = series.window(None, None if order.end is None else np.datetime64(order.end, "D")).stop
        if held < needed:
            words = f"It has {held} usable bars up to the end of the period; the longest warm-up needs {needed}."
            failures.append(_failed(row, words))
            continue
        rows.append(row)
        calendar, seen = row.listing.calendar, surroundings.symbol(row, series)
        if calendar not in contexts:
            contexts[calendar] = surroundings.context(calendar, panel.bars.sessions)
        loads.append(
            SweepSymbol(
                row.ticker, series, periods_per_year(calendar), is_delisted(row, workspace), seen.earnings,
                contexts[calendar],
            )
        )  # fmt: skip
    return rows, loads, failures


def _without_bars(workspace: Workspace, order: SweepOrder, prints: Mapping[int, str]) -> list[SymbolRow]:
    """Return the symbols that lack daily bars; of a universe those of hours or minutes alone lack nothing."""
    lacking = [row for row in order.symbols if row.id not in prints]
    if order.universe is None or not lacking:
        return lacking
    with workspace.database.begin() as connection:
        held = bars.read_held(connection, [row.id for row in lacking], workspace.cutoff)
    return [row for row in lacking if row.first_night is None or row.id in held]


def _blocks(workspace: Workspace, order: SweepOrder, loads: Sequence[SweepSymbol]) -> Iterator[Block]:
    config = workspace.config
    terms = SweepTerms(
        order.settings,
        None if order.start is None else np.datetime64(order.start, "D"),
        None if order.end is None else np.datetime64(order.end, "D"),
        config.backtest.risk_free_rate,
    )
    place = StrategyPlace(order.strategy.name, str(config.paths.strategies), str(_compiled(workspace)))
    workers = _worker_count(workspace, loads, len(order.grid))
    total, done = len(order.grid) * len(loads), 0
    for block in sweep_blocks(
        loads, order.strategy, order.grid, terms, place, workers=workers, backend=config.compute.backend
    ):
        done += len(block.numbers) * len(block.positions)
        workspace.progress.advance(done, total, "backtests")
        yield block


def _compiled(workspace: Workspace) -> Path:
    return workspace.config.paths.var / "cache" / "numba"


def _worker_count(workspace: Workspace, loads: Sequence[SweepSymbol], sets: int) -> int:
    """Return the configured number of workers; 0 means as many as pay, given what starting one costs."""
    compute = workspace.config.compute
    if compute.backend == "sequential":
        return 1
    if compute.workers:
        return compute.workers
    cores = os.cpu_count() or 1
    seconds = sum(len(load.bars) for load in loads) * sets / _BARS_A_SECOND
    return cores if seconds * (1 - 1 / cores) > _WORKER_START_SECONDS else 1


def _record(
    workspace: Workspace, order: SweepOrder, rows: Sequence[SymbolRow], version: int, print_: str
) -> ExperimentRecord:
    return ExperimentRecord(
        strategy_id=version,
        grid={name: list(values) for name, values in order.grid.values.items()},
        fixed=order.grid.fixed,
        settings=order.settings.canonical,
        profile=order.profile,
        universe=order.universe,
        period_start=order.start,
        period_end=order.end,
        as_of=workspace.as_of,
        risk_free_rate=workspace.config.backtest.risk_free_rate,
        simulated_prices=any(row.simulated for row in rows),
        fingerprint=print_,
        origin="sweep",
        parameter_sets=len(order.grid),
        skipped=order.grid.skipped,
        code_version=code_version(),
    )


def _result(
    order: SweepOrder, found: ExperimentRow, ranked: Sequence[Mapping[str, Any]], *, known: bool
) -> SweepResult:
    columns = (
        "number", "median_sharpe", "median_total_return", "worst_drawdown", "share_positive", "trades", "symbols",
        "defined",
    )  # fmt: skip
    top = [
        {"rank": rank, "params": row["params"], **{name: row[name] for name in columns}}
        for rank, row in enumerate(ranked, start=1)
    ]
    deviation = ranked[0]["deviation"] if ranked else None
    return SweepResult(
        experiment_id=found.id,
        strategy=order.strategy.name,
        evaluated=found.evaluated,
        parameter_sets=found.parameter_sets,
        symbols=len(found.symbols),
        skipped=found.skipped,
        seconds=found.seconds,
        known=known,
        top=top,
        expected_by_luck=expected_by_luck(found.parameter_sets, deviation),
        failures=tuple(found.failures),
    )


def _failed(row: SymbolRow, why: str) -> Failure:
    return failure("symbol", row.ticker, why, "")


def _require_some(good: int, failures: Sequence[Failure]) -> None:
    if good == 0:
        first = failures[0]
        more = f" and {len(failures) - 1} more symbols" if len(failures) > 1 else ""
        raise SimulationError(f"Nothing could be searched on {first['subject']}{more}: {first['message']}")
