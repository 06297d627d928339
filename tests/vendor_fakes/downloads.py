"""Downloads alone, without the computing that follows in a night, and what they stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alphafactory.pipeline.running import run_job
from jobs import nightly

if TYPE_CHECKING:
    from datetime import date, datetime

    from nights import Nights

    from alphafactory.pipeline.running import StepResult

DOWNLOAD = tuple(step for step in nightly.JOB.steps if step[0] == "download")

Row = tuple[Any, ...]


def download(nights: Nights, as_of: date, now: datetime | None = None) -> StepResult:
    """Run the first step of a night."""
    with nights.workspace(as_of, now) as workspace:
        result = run_job(workspace, "nightly", DOWNLOAD)
    assert result is not None
    return result.steps[0]


def bars_of(nights: Nights, ticker: str) -> dict[date, Row]:
    """Return a symbol's raw bars as (open, high, low, close, volume, source) by session."""
    rows = nights.ask(
        "SELECT session, open, high, low, close, volume, b.source FROM bars b JOIN symbols s ON s.id = b.symbol_id "
        "WHERE ticker = %s ORDER BY session",
        ticker,
    )
    return {row[0]: row[1:] for row in rows}


def sources_of(nights: Nights, ticker: str) -> dict[str, list[date]]:
    """Return the sessions of a symbol's bars by their source."""
    found: dict[str, list[date]] = {}
    for day, bar in bars_of(nights, ticker).items():
        found.setdefault(bar[5], []).append(day)
    return found
