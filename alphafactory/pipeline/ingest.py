"""Download: sources in, raw bars, corporate actions and announcements out.

1. A bulk source (files, a simulation) hands over its whole market, unless it is unchanged.
2. The vendors are asked in their order for what is missing, each for what those before it left open.
3. What no vendor could fill is a failure of the night: every symbol is either complete or named.

Everything is stored as delivered, part by part: a killed download has kept what landed, and the next asks for the rest.
"""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.findings import quarantine_in_words
from alphafactory.errors import SourceError
from alphafactory.pipeline.aliases import load_aliases
from alphafactory.pipeline.members import followed_tickers
from alphafactory.pipeline.running import StepReport, failure
from alphafactory.pipeline.storing import (
    applied_rules,
    closing_instants,
    delivery_rules,
    store_actions,
    write_bars,
    write_intraday,
)
from alphafactory.pipeline.vendor_access import open_sources
from alphafactory.pipeline.vendor_night import ask_vendors
from alphafactory.quality.gate import screen
from alphafactory.sources.base import Actions
from alphafactory.store import actions, bars, findings, states, symbols

if TYPE_CHECKING:
    from datetime import date

    from alphafactory.domain.arrays import BoolArray
    from alphafactory.domain.bars import BarBatch
    from alphafactory.domain.market import Delivery
    from alphafactory.domain.timeframes import Timeframe
    from alphafactory.pipeline.running import Failure, Run
    from alphafactory.pipeline.vendor_access import Opened
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.sources import BulkSource
    from alphafactory.store.database import Connection

READS = (
    "symbols", "symbol_aliases", "bars", "source_states", "splits", "dividends", "earnings_calendar",
    "quality_findings", "vendor_budgets", "vendor_answers", "bar_gaps", "quality_judgements", "job_runs", "job_steps",
)  # fmt: skip
WRITES = (
    "symbols", "symbol_aliases", "bars", "bar_revisions", "splits", "dividends", "earnings_calendar",
    "quality_findings", "quality_judgements", "source_states", "vendor_budgets", "vendor_answers", "bar_gaps",
    "bar_observations",
)  # fmt: skip


def download(run: Run) -> StepReport:
    """Take in what the sources offer and the tables do not hold yet."""
    workspace = run.workspace
    opened = open_sources(workspace)
    run.notes["skipped_sources"] = dict(opened.skipped)
    for name, reason in opened.skipped.items():
        workspace.progress.say(f"Skipped the source {name}: {reason}")
    if not opened.sources:
        raise SourceError(_nothing_set_up(opened))
    if run.is_past:
        return StepReport(0, f"The night of {workspace.as_of} has been: nothing is downloaded.", skipped=True)
    reports = [_take_in(run, source) for source in opened.bulk[:1]]
    with workspace.database.begin() as connection:
        load_aliases(connection, workspace, opened.vendors[0].name if opened.vendors else None)
    if opened.vendors:
        reports.append(ask_vendors(run, opened.vendors))
    words = " ".join(report.message for report in reports)
    failures = tuple(one for report in reports for one in report.failures)
    skipped = all(report.skipped for report in reports)
    return StepReport(sum(report.rows for report in reports), words, failures, skipped=skipped)


def _nothing_set_up(opened: Opened) -> str:
    reasons = " ".join(f"Skipped {name}: {reason}" for name, reason in opened.skipped.items())
    return f"No source of prices is set up. {reasons} `python run.py demo` shows a night on simulated prices."


def _take_in(run: Run, source: BulkSource) -> StepReport:
    """Take in what a bulk source hands over, unless it is unchanged."""
    workspace = run.workspace
    with workspace.database.begin() as connection:
        known = states.read_source_state(connection, source.name)
        wanted = followed_tickers(connection, workspace)
    stamp = _stamp(source, workspace, wanted)
    if known is not None and stamp is not None and known.stamp == stamp:
        return StepReport(0, f"{source.name} is unchanged.", _unreadable(source.name, known.rejected_rows, ""))
    delivery = source.fetch(
        workspace.as_of, wanted, lambda what, done, total: workspace.progress.advance(done, total, what)
    )
    return _store(run, delivery, stamp, wanted)


def _stamp(source: BulkSource, workspace: Workspace, wanted: list[str] | None) -> str | None:
    """Return what the delivery depends on; a night of an earlier date sees less of the same file."""
    content = source.stamp(workspace.as_of)
    if content is None:
        return None
    words = json.dumps(
        [content, "all" if wanted is None else wanted, min(workspace.as_of, workspace.now.date()).isoformat()]
    )
    return hashlib.sha256(words.encode()).hexdigest()


def _store(run: Run, delivery: Delivery, stamp: str | None, wanted: list[str] | None) -> StepReport:
    workspace = run.workspace
    chosen = applied_rules(workspace)
    unfinished = _unfinished(delivery, workspace)
    closed = delivery.bars.take(~unfinished) if unfinished.any() else delivery.bars
    batch, found = screen(_as_of(closed, workspace), delivery.rejected, chosen)
    with workspace.database.begin() as connection:
        symbols.upsert_symbols(
            connection, delivery.listings, delivery.source, simulated=delivery.simulated, moment=workspace.moment
        )
        keys = _keys(connection, delivery)
        changes, actions_written = _store_market(connection, delivery, batch, keys, workspace)
        findings.upsert_findings(
            connection,
            found,
            keys,
            rules=delivery_rules(chosen),
            subjects=None,
            moment=workspace.moment,
            timeframe=timeframe_of(delivery.bars, workspace),
        )
        if stamp is not None:
            # Bars left out for today have to be read again once their session is over: no stamp fits them.
            state = states.SourceState(
                "" if unfinished.any() else stamp, _newest(batch, workspace.as_of), len(delivery.rejected)
            )
            states.write_source_state(connection, delivery.source, state)
    run.notes.update(bars_new=changes.new, bars_changed=changes.changed)
    message = f"{delivery.source}: {changes.new} new and {changes.changed} changed bars, {actions_written} actions"
    where = delivery.rejected[0].where if delivery.rejected else ""
    failures = (*_unreadable(delivery.source, len(delivery.rejected), where), *_absent(wanted, delivery))
    return StepReport(
        changes.new + changes.changed + actions_written, message + "." + quarantine_in_words(found), failures
    )


def _unfinished(delivery: Delivery, workspace: Workspace) -> BoolArray:
    """Return the mask of the bars of sessions that have not closed yet, shape (n,); none of them is final."""
    batch, today = delivery.bars, np.datetime64(workspace.now.date(), "D")
    mask = np.zeros(len(batch), dtype=np.bool_)
    newest = np.flatnonzero((batch.sessions >= today - np.timedelta64(1, "D")) & (batch.sessions <= today))
    if len(newest):
        calendars = {listing.ticker: listing.calendar for listing in delivery.listings}
        mask[newest] = closing_instants(batch.take(newest), calendars) > np.datetime64(
            workspace.now.replace(tzinfo=None), "us"
        )
    return mask


def _as_of(batch: BarBatch, workspace: Workspace) -> BarBatch:
    """Leave out bars that a night of this date could not have had; later than today is the gate's to judge."""
    today = np.datetime64(workspace.now.date(), "D")
    later = (batch.sessions > np.datetime64(workspace.as_of, "D")) & (batch.sessions <= today)
    return batch if not later.any() else batch.take(~later)


def _keys(connection: Connection, delivery: Delivery) -> dict[str, int]:
    exchanges = {listing.ticker: listing.exchange for listing in delivery.listings}
    rows = symbols.read_symbols(connection, list(exchanges))
    return {row.ticker: row.id for row in rows if row.listing.exchange == exchanges.get(row.ticker)}


def _store_market(
    connection: Connection, delivery: Delivery, batch: BarBatch, keys: dict[str, int], workspace: Workspace
) -> tuple[bars.BarChanges, int]:
    if len(batch) == 0:
        return bars.BarChanges(0, 0), 0
    calendars = {listing.ticker: listing.calendar for listing in delivery.listings}
    timeframe = timeframe_of(batch, workspace)
    write = write_bars if timeframe == "1d" else partial(write_intraday, timeframe=timeframe)
    changes = write(connection, workspace, delivery.source, batch, keys=keys, calendars=calendars)
    span = (batch.sessions.min().astype(object), batch.sessions.max().astype(object))
    found = Actions(delivery.splits, delivery.dividends)
    written = store_actions(connection, workspace, delivery.source, keys=keys, found=found, span=span)
    written += actions.upsert_earnings(
        connection, keys, delivery.earnings, source=delivery.source, moment=workspace.moment
    )
    return changes, written


def timeframe_of(batch: BarBatch, workspace: Workspace) -> Timeframe:
    """Return the length of a bulk source's bars: those that carry instants are as long as the config says."""
    return "1d" if batch.instants is None else workspace.config.sources.csv.timeframe


def _newest(batch: BarBatch, as_of: date) -> date | None:
    """Return the newest session up to `as_of`; a wrong date in the future is nothing that other symbols lack."""
    sessions = batch.sessions[batch.sessions <= np.datetime64(as_of, "D")]
    newest: date | None = sessions.max().item() if len(sessions) else None
    return newest


def _unreadable(source: str, rows: int, where: str) -> tuple[Failure, ...]:
    if rows == 0:
        return ()
    first = f", the first at {where}" if where else ""
    message = f"{rows} rows could not be read as bars{first}; each is kept in quality_findings."
    return (failure("rows", source, message, "Correct the rows in the file and run the night again."),)


def _absent(wanted: list[str] | None, delivery: Delivery) -> tuple[Failure, ...]:
    if wanted is None:
        return ()
    offered = {listing.ticker for listing in delivery.listings}
    return tuple(
        failure("symbol", ticker, f"The source {delivery.source} does not have it.", "Correct universe.symbols.")
        for ticker in wanted
        if ticker not in offered
    )
