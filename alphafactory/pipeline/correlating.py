"""Which features say the same: the bars of a universe in; rank correlations, clusters and whom to keep of each, out.

1. Every feature of the catalogue is computed on every symbol, with what surrounds it: index, breadth, calendar.
2. Within a symbol features are correlated by ranks, on the bars on which all have passed their warm-up where these are
   a year or more, else on those that each pair has in common.
3. Correlations are averaged over the symbols, each weighted by its bars.
4. Features of which any two have an absolute correlation of `threshold` or more are a cluster (complete linkage).
   The one to keep is the one that resembles the others most; of those that do so about equally, the one with the
   shortest warm-up.
5. The same measurement again is answered from the tables, and becomes the newest.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory.errors import AlphaFactoryError, SimulationError, UsageError
from alphafactory.indicators.catalogue import computation_of, definitions, source_hash
from alphafactory.metrics.rank_correlation import FEWEST, AverageCorrelation, rank_correlation
from alphafactory.pipeline.correlation_pages import page_of
from alphafactory.pipeline.market_contexts import read_surroundings
from alphafactory.pipeline.panel import choose_universe, data_fingerprints
from alphafactory.pipeline.running import digest, failure
from alphafactory.pipeline.stored_panel import open_panel
from alphafactory.pipeline.workspace import code_version
from alphafactory.portfolio.correlation import clusters
from alphafactory.reports.writing import write_correlation_page
from alphafactory.store import correlations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from alphafactory.domain.arrays import BoolArray, FloatArray, IntArray
    from alphafactory.domain.bars import BarPanel, Bars
    from alphafactory.domain.context import MarketContext
    from alphafactory.indicators.base import IndicatorDefinition
    from alphafactory.pipeline.market_contexts import Surroundings
    from alphafactory.pipeline.running import Failure
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.store.correlations import StoredCorrelations
    from alphafactory.store.symbols import SymbolRow

THRESHOLD = 0.9
_RECIPE = "correlations/1"
"""Names what is computed here; whoever changes that changes the name."""
_ABOUT_EQUAL = 0.01
"""Mean correlations closer than this say nothing about whom to keep."""


@dataclass(frozen=True, slots=True)
class CorrelationResult:
    """A measurement: its stored columns, its features in the order of the matrix, and the page that shows it.

    `known` says that it had been made before.
    """

    run_id: int
    known: bool
    run: dict[str, Any]
    features: list[dict[str, Any]]
    page: Path

    @property
    def clusters(self) -> list[list[dict[str, Any]]]:
        """The features of each cluster of more than one, the largest cluster first."""
        found: dict[int, list[dict[str, Any]]] = {}
        for row in self.features:
            if row["cluster_size"] > 1:
                found.setdefault(row["cluster"], []).append(row)
        return list(found.values())

    @property
    def sentences(self) -> list[str]:
        """What was measured, and what was left out."""
        run = self.run
        told = {one["subject"] for one in run["left_out"]}
        alone = [row["feature"] for row in self.features if row["n_rows"] == 0 and row["feature"] not in told]
        redundant = sum(len(cluster) - 1 for cluster in self.clusters)
        measured = (
            f"{run['n_features']} features on {len(run['symbols'])} symbols, {run['n_bars']:,} bars from "
            f"{run['start_session']} to {run['end_session']}: {redundant} of them say what another one says "
            f"(absolute rank correlation of {run['threshold']:g} or more)."
        )
        said = [measured]
        if alone:
            said.append(f"Undefined, for it never varies or has less than a year of values: {', '.join(alone)}.")
        return [*said, *_left_out_words(run["left_out"])]


def _left_out_words(left_out: Sequence[Mapping[str, str]]) -> list[str]:
    """Return a sentence for each reason with the subjects that share it."""
    subjects: dict[str, list[str]] = {}
    for one in left_out:
        subjects.setdefault(one["message"], []).append(one["subject"])
    return [f"Left out: {', '.join(names)}. {why}" for why, names in subjects.items()]


def run_correlations(workspace: Workspace, threshold: float = THRESHOLD) -> CorrelationResult:
    """Measure the features on the config's universe, or find the measurement that did; write its page.

    Raises:
        UsageError: there are no symbols.
        SimulationError: no symbol has a year of bars.
        ReportError: the page could not be written.
    """
    started = time.perf_counter()
    with workspace.database.begin() as connection:
        chosen = [row for row in choose_universe(connection, workspace).symbols if row.listing.asset_class != "index"]
        prints = data_fingerprints(connection, [row.id for row in chosen], workspace.cutoff)
    rows = sorted((row for row in chosen if row.id in prints), key=lambda row: (row.ticker, row.id))
    if not rows:
        raise UsageError(
            "There are no symbols with bars yet. Run `python run.py nightly` or `python run.py demo` first."
        )
    index = {"index"} if workspace.config.backtest.index else set()
    surroundings = read_surroundings(workspace, rows, {"breadth", *index})
    known = definitions()
    universe = workspace.config.universe.name or "all"
    print_ = digest(
        _RECIPE, universe, repr(threshold), *(source_hash(one.name) for one in known),
        *(prints[row.id] for row in rows), *(f"{name}={value}" for name, value in surroundings.prints.items()),
    )  # fmt: skip
    with workspace.database.begin() as connection:
        stands = correlations.touch_run(connection, print_)
    if not stands:
        _measure(workspace, rows, known, surroundings, universe=universe, threshold=threshold, named=(print_, started))
    with workspace.database.begin() as connection:
        stored = correlations.read_newest(connection)
    assert stored is not None
    return _result(workspace, stored, known=stands)


def _measure(
    workspace: Workspace,
    rows: Sequence[SymbolRow],
    known: Sequence[IndicatorDefinition],
    surroundings: Surroundings,
    *,
    universe: str,
    threshold: float,
    named: tuple[str, float],
) -> None:
    panel = open_panel(workspace, rows)
    average, used, left_out = _correlate(workspace, rows, panel, known, surroundings)
    matrix = average.matrix
    found = clusters(np.abs(matrix), threshold)
    order, labels = found.order, found.labels
    sizes = np.bincount(labels)
    kept = keepers(np.abs(matrix), labels, np.array([one.warm_up for one in known]))
    means = _mean_within(np.abs(matrix), labels)
    features = [
        {
            "position": position,
            "feature": known[place].name,
            "feature_group": known[place].group,
            "cluster": int(labels[place]),
            "cluster_size": int(sizes[labels[place]]),
            "keep": bool(kept[place]),
            "mean_correlation": None if np.isnan(means[place]) else float(means[place]),
            "warm_up": known[place].warm_up,
            "n_rows": int(average.rows[place, place]),
        }
        for position, place in enumerate(order.tolist())
    ]
    series = [panel.symbol(place) for place in used]
    values = {
        "universe": universe,
        "symbols": [rows[place].ticker for place in used],
        "threshold": threshold,
        "fewest": FEWEST,
        "start_session": min(bars.sessions[0] for bars in series).item(),
        "end_session": max(bars.sessions[-1] for bars in series).item(),
        "n_bars": sum(len(bars) for bars in series),
        "n_features": len(known),
        "n_clusters": int((sizes > 1).sum()),
        "left_out": left_out,
        "as_of": workspace.as_of,
        "simulated_prices": any(rows[place].simulated for place in used),
        "seconds": time.perf_counter() - named[1],
        "fingerprint": named[0],
        "code_version": code_version(),
    }
    place = np.ix_(order, order)
    with workspace.database.begin() as connection:
        correlations.insert_run(
            connection, values, features, matrix[place], rows=average.rows[place], symbols=average.symbols[place]
        )


def _correlate(
    workspace: Workspace,
    rows: Sequence[SymbolRow],
    panel: BarPanel,
    known: Sequence[IndicatorDefinition],
    surroundings: Surroundings,
) -> tuple[AverageCorrelation, list[int], list[Failure]]:
    """Return the average over symbols, the places of those that took part, and what was left out."""
    average, used, left_out = AverageCorrelation(len(known)), [], []
    refused: dict[str, list[str]] = {}
    contexts: dict[str, MarketContext] = {}
    for place, row in enumerate(rows):
        bars = panel.symbol(place)
        if len(bars) < FEWEST:
            left_out.append(failure("symbol", row.ticker, f"It has {len(bars)} bars, fewer than {FEWEST}."))
            continue
        calendar = row.listing.calendar
        if calendar not in contexts:
            contexts[calendar] = surroundings.context(calendar, panel.bars.sessions)
        values = _feature_values(bars, known, contexts[calendar], refused)
        average.add(*rank_correlation(_beyond_warm_up(values, known)))
        used.append(place)
        workspace.progress.advance(place + 1, len(rows), "symbols")
    if not used:
        raise SimulationError(f"No symbol has {FEWEST} bars, so that nothing can be correlated.")
    for name, why in refused.items():
        where = "" if len(why) == len(used) else f" (on {len(why)} of {len(used)} symbols)"
        left_out.append(failure("feature", name, f"{why[0]}{where}"))
    return average, used, left_out


def _feature_values(
    bars: Bars, known: Sequence[IndicatorDefinition], context: MarketContext, refused: dict[str, list[str]]
) -> FloatArray:
    """Return every feature of one symbol, shape (bars, features), NaN throughout for one that is refused here."""
    values = np.full((len(bars), len(known)), np.nan)
    computation = computation_of(bars, context=context)
    for place, definition in enumerate(known):
        try:
            values[:, place] = computation.column(definition)
        except AlphaFactoryError as error:
            refused.setdefault(definition.name, []).append(str(error))
    return values


def _beyond_warm_up(values: FloatArray, known: Sequence[IndicatorDefinition]) -> FloatArray:
    """Return the rows on which all features have passed their warm-up, or all rows where that leaves too few."""
    start = max(definition.warm_up for definition in known)
    return values[start:] if len(values) - start >= FEWEST else values


def keepers(strength: FloatArray, labels: IntArray, warm_up: IntArray) -> BoolArray:
    """Return whom to keep of each cluster, shape (m,): one of each, features that nothing resembles among them.

    Args:
        strength: absolute correlations, shape (m, m), NaN for unknown.
        labels: the clusters, shape (m,).
        warm_up: bars before each one's first value, shape (m,).
    """
    means = _mean_within(strength, labels)
    kept = np.zeros(len(labels), dtype=np.bool_)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) > 1:
            members = members[means[members] >= means[members].max() - _ABOUT_EQUAL]
        kept[members[np.argmin(warm_up[members])]] = True
    return kept


def _mean_within(strength: FloatArray, labels: IntArray) -> FloatArray:
    """Return each one's mean absolute correlation with the others of its cluster, NaN for one alone, shape (m,)."""
    together = (labels[:, None] == labels[None, :]) & ~np.eye(len(labels), dtype=np.bool_)
    sums = np.where(together, np.nan_to_num(strength), 0.0).sum(axis=1)
    means: FloatArray = np.full(len(labels), np.nan)
    np.divide(sums, together.sum(axis=1), out=means, where=together.any(axis=1))
    return means


def _result(workspace: Workspace, stored: StoredCorrelations, *, known: bool) -> CorrelationResult:
    page = write_correlation_page(workspace.config.reports.dir, page_of(stored))
    return CorrelationResult(stored.id, known, stored.values, stored.features, page)
