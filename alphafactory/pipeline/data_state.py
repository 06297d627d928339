"""The state of the data on the night's page: how the sources did, whose bars these are, how good each series is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alphafactory.reports.data_contexts import DataQuality, ScorePartRow, ScoreRow, SourceRow, VendorRow
from alphafactory.store import results, scores, vendors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from alphafactory.pipeline.running import Run
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.store.database import Connection

_LOWEST = 10
_TREND_NIGHTS = 30


def read_vendor_rows(connection: Connection, run: Run) -> Iterator[VendorRow]:
    """Yield how each vendor did tonight, then the sources that were skipped, with the reason."""
    for state in vendors.read_vendor_states(connection, run.workspace.as_of):
        yield VendorRow(state.source, state.outcome, state.requests, state.bars, state.message)
    for name, reason in run.notes.get("skipped_sources", {}).items():
        yield VendorRow(name, "skipped", None, None, reason)


def read_bars_by_source(
    connection: Connection, workspace: Workspace, symbol_ids: Sequence[int]
) -> tuple[SourceRow, ...]:
    """Return how many daily bars of the symbols each source delivered, as known at the night."""
    found = results.count_by_source(connection, symbol_ids, workspace.as_of, workspace.cutoff)
    return tuple(SourceRow(*row) for row in found)


def read_data_quality(connection: Connection, workspace: Workspace, symbol_ids: Sequence[int]) -> DataQuality:
    """Return the lowest scores with their parts and trends, and the symbols that strategies refuse."""
    minimum = workspace.config.quality.minimum_score
    found = results.read_scores(connection, symbol_ids, workspace.as_of)
    lowest = [row for row in found[:_LOWEST] if row["score"] < 1]
    trends = scores.read_trends(connection, [row["symbol_id"] for row in lowest], _TREND_NIGHTS)
    return DataQuality(
        minimum=minimum,
        scored=len(found),
        flawless=sum(row["score"] >= 1 for row in found),
        lowest=tuple(_score(row, trends.get(row["symbol_id"], []), minimum, workspace.as_of) for row in lowest),
        refused=tuple((row["ticker"], row["score"]) for row in found if row["score"] < minimum),
    )


def _score(row: Mapping[str, Any], trend: Sequence[tuple[date, float]], minimum: float, as_of: date) -> ScoreRow:
    parts = [
        ScorePartRow(str(part["name"]).replace("_", " "), int(part["count"]), 1 - float(part["kept"]))
        for part in row["parts"]["parts"]
    ]
    return ScoreRow(
        symbol=row["ticker"],
        score=row["score"],
        parts=tuple(sorted((part for part in parts if part.taken > 0), key=lambda part: -part.taken)),
        trend=tuple((night, score) for night, score in trend if night <= as_of),
        refused=row["score"] < minimum,
    )
