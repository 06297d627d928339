"""Indicators: clean bars in, cached indicators out, for what changed alone.

A series is computed again when its clean bars, its actions or the indicators' code changed. As of a past date nothing
is written: the cache holds the current basis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.errors import AlphaFactoryError
from alphafactory.indicators.catalogue import (
    chosen_definitions,
    computation_of,
    market_inputs,
    shipped_catalogue,
    source_hash,
)
from alphafactory.pipeline.market_contexts import index_is_known, read_surroundings, series_needed
from alphafactory.pipeline.panel import choose_universe, data_fingerprints
from alphafactory.pipeline.running import StepReport, broken_plugins, digest, failure
from alphafactory.pipeline.stored_panel import open_panel
from alphafactory.store import indicators, states

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.bars import BarPanel
    from alphafactory.domain.context import MarketContext
    from alphafactory.indicators.base import IndicatorDefinition
    from alphafactory.indicators.computation import Computation
    from alphafactory.pipeline.market_contexts import Surroundings
    from alphafactory.pipeline.running import Failure, Run
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.store.database import Connection
    from alphafactory.store.symbols import SymbolRow

READS = (
    "symbols", "symbol_aliases", "bars", "bar_revisions", "splits", "dividends", "quality_findings",
    "quality_judgements", "series_states", "indicators", "indicator_catalog", "universes", "universe_members",
    "job_runs", "job_steps", "series_versions", "series_fingerprints",
)  # fmt: skip
WRITES = ("series_states", "indicators", "indicator_catalog", "series_fingerprints")
_SYMBOLS_A_CHUNK = 100


def compute_indicators(run: Run) -> StepReport:
    """Compute the cached indicators of every series that changed; write the rows that differ."""
    workspace = run.workspace
    known, left_out = _chosen(workspace)
    if run.is_past:
        return StepReport(0, "The cache holds the current basis; a past date computes in memory.", skipped=True)
    with workspace.database.begin() as connection:
        universe = choose_universe(connection, workspace)
        prints = data_fingerprints(connection, [row.id for row in universe.symbols], workspace.cutoff)
        done = states.read_series_states(connection, "indicators")
        emptied = _empty(connection, [row.id for row in universe.symbols if done.get(row.id) and row.id not in prints])
    hashes = {definition.name: source_hash(definition.name) for definition in known}
    code = digest(*(f"{name}={value}" for name, value in sorted(hashes.items())))
    needs = series_needed(definition.function for definition in known)
    surroundings = read_surroundings(workspace, universe.symbols, needs)
    beside = surroundings.print_of(needs, ()) or ""
    wanted = {key: digest(value, code, beside) for key, value in prints.items()}
    changed = [row for row in universe.symbols if row.id in wanted and done.get(row.id) != wanted[row.id]]
    broken = broken_plugins(shipped_catalogue().broken)
    if not changed:
        message = "No series changed." if universe.symbols else "There are no symbols yet."
        return StepReport(emptied, message, broken, skipped=emptied == 0)
    indicators.register_columns(workspace.database, [_catalogue_row(d, hashes[d.name]) for d in known])
    rows, failures = _store_all(workspace, changed, wanted, known, surroundings)
    rows += emptied
    return StepReport(rows, f"{len(changed)} series computed, {rows} rows written.{left_out}", (*broken, *failures))


def _chosen(workspace: Workspace) -> tuple[tuple[IndicatorDefinition, ...], str]:
    """Return the features that the config keeps, and in words which cannot be computed for want of an index."""
    chosen = chosen_definitions(workspace.config.indicators.cached)
    if index_is_known(workspace):
        return chosen, ""
    lacking = [definition.name for definition in chosen if "index" in market_inputs(definition.function)]
    words = (
        f" {len(lacking)} features need an index, and backtest.index names none that has bars: {', '.join(lacking)}."
        if lacking
        else ""
    )
    return tuple(definition for definition in chosen if definition.name not in lacking), words


def _empty(connection: Connection, symbol_ids: list[int]) -> int:
    """Take away the indicators of series that have no clean bar any more; return the number of rows."""
    if not symbol_ids:
        return 0
    states.write_series_states(connection, "indicators", dict.fromkeys(symbol_ids, ""))
    return indicators.delete_series(connection, symbol_ids)


def _store_all(
    workspace: Workspace,
    changed: Sequence[SymbolRow],
    wanted: dict[int, str],
    known: Sequence[IndicatorDefinition],
    surroundings: Surroundings,
) -> tuple[int, list[Failure]]:
    rows, failures = 0, []
    kinds = {definition.name: definition.kind for definition in known}
    whole_panel = open_panel(workspace, changed)
    for start in range(0, len(changed), _SYMBOLS_A_CHUNK):
        chunk = changed[start : start + _SYMBOLS_A_CHUNK]
        panel = whole_panel.part(start, start + len(chunk))
        calendars = [row.listing.calendar for row in chunk]
        contexts = {name: surroundings.context(name, panel.bars.sessions) for name in set(calendars)}
        columns, faults = _compute(panel, known, [contexts[name] for name in calendars])
        with workspace.database.begin() as connection:
            keys = np.repeat(panel.symbol_ids, np.diff(panel.starts))
            rows += indicators.upsert_indicators(connection, keys, panel.bars.sessions, columns, kinds)
            whole = {row.id: wanted[row.id] for row in chunk if row.ticker not in {f["subject"] for f in faults}}
            states.write_series_states(connection, "indicators", whole)
        failures += faults
        workspace.progress.advance(min(start + _SYMBOLS_A_CHUNK, len(changed)), len(changed), "indicators")
    return rows, failures


def _compute(
    panel: BarPanel, known: Sequence[IndicatorDefinition], contexts: Sequence[MarketContext]
) -> tuple[dict[str, FloatArray], list[Failure]]:
    columns = {definition.name: np.full(len(panel.bars), np.nan) for definition in known}
    failures: list[Failure] = []
    for position, (_, ticker, series) in enumerate(panel):
        rows = slice(int(panel.starts[position]), int(panel.starts[position + 1]))
        computation = computation_of(series, context=contexts[position])
        for name, values in _columns_of(computation, ticker, known, failures):
            columns[name][rows] = values
    return columns, failures


def _columns_of(
    computation: Computation, ticker: str, known: Sequence[IndicatorDefinition], failures: list[Failure]
) -> Iterator[tuple[str, FloatArray]]:
    for definition in known:
        try:
            yield definition.name, computation.column(definition)
        except AlphaFactoryError as error:
            failures.append(
                failure("indicator", ticker, f"{definition.name}: {error}", "Correct its bars or its code.")
            )


def _catalogue_row(definition: IndicatorDefinition, code_hash: str) -> indicators.CatalogueRow:
    return indicators.CatalogueRow(
        name=definition.name,
        function=definition.function,
        params=dict(definition.arguments),
        inputs=list(definition.inputs),
        kind=definition.kind,
        warm_up=definition.warm_up,
        meaning=definition.meaning,
        code_hash=code_hash,
    )
