"""Download: sources in, raw bars, corporate actions and announcements out.

1. The first source of the configured order that is set up delivers; an unchanged source is not read again.
2. What no table could hold goes to findings; everything else is stored as delivered.
3. One transaction holds it all: a killed download leaves the tables as they were.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.calendar import session_close
from alphafactory.domain.findings import quarantine_in_words
from alphafactory.errors import ConfigError, SourceError, SourceUnavailableError, UnknownNameError
from alphafactory.pipeline.running import StepReport, failure
from alphafactory.quality.gate import discover_rules, screen
from alphafactory.quality.rule import DeliveryRule
from alphafactory.sources import sources
from alphafactory.store import actions, bars, findings, states, symbols

if TYPE_CHECKING:
    from datetime import date, datetime

    from alphafactory.domain.arrays import DateArray
    from alphafactory.domain.bars import BarBatch
    from alphafactory.domain.findings import Finding
    from alphafactory.domain.market import Delivery
    from alphafactory.pipeline.running import Failure, Run
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.sources.base import Source
    from alphafactory.store.database import Connection

READS = ("symbols", "bars", "source_states", "splits", "dividends", "earnings_calendar", "quality_findings")
WRITES = (
    "symbols", "bars", "bar_revisions", "splits", "dividends", "earnings_calendar", "quality_findings", "source_states",
)  # fmt: skip


def download(run: Run) -> StepReport:
    """Take in what the source offers and the tables do not hold yet."""
    workspace = run.workspace
    source, notes = _choose_source(workspace)
    for note in notes:
        workspace.progress.say(note)
    if run.is_past:
        return StepReport(0, f"As of the past date {workspace.as_of} nothing is downloaded.", skipped=True)
    with workspace.database.begin() as connection:
        known = states.read_source_state(connection, source.name)
    stamp = _stamp(source, workspace)
    if known is not None and stamp is not None and known.stamp == stamp:
        return StepReport(0, f"{source.name} is unchanged.", _unreadable(source.name, known.rejected_rows, ""))
    tickers = workspace.config.universe.symbols
    delivery = source.fetch(
        workspace.as_of,
        None if tickers == "all" else list(tickers),
        lambda what, done, total: workspace.progress.advance(done, total, what),
    )
    return _store(run, delivery, stamp)


def _choose_source(workspace: Workspace) -> tuple[Source, list[str]]:
    registry = sources()
    notes: list[str] = []
    for name in workspace.config.sources.order:
        if name not in registry.plugins:
            raise ConfigError(f"sources.order: {UnknownNameError('source', name, registry.plugins)}")
        source = registry.get(name)(getattr(workspace.config.sources, name))
        try:
            source.check_available()
        except SourceUnavailableError as error:
            notes.append(f"Skipped the source {name}: {error}")
        else:
            return source, notes
    raise SourceError(
        " ".join(["No source of prices is set up.", *notes, "`python run.py demo` shows a night on simulated prices."])
    )


def _stamp(source: Source, workspace: Workspace) -> str | None:
    """Return what the delivery depends on; a night of an earlier date sees less of the same file."""
    content = source.stamp(workspace.as_of)
    if content is None:
        return None
    words = json.dumps(
        [content, workspace.config.universe.symbols, min(workspace.as_of, workspace.now.date()).isoformat()]
    )
    return hashlib.sha256(words.encode()).hexdigest()


def _store(run: Run, delivery: Delivery, stamp: str | None) -> StepReport:
    workspace = run.workspace
    chosen = [rule for rule in discover_rules() if rule.name not in workspace.config.quality.disabled]
    batch, found = screen(_as_of(delivery.bars, workspace), delivery.rejected, chosen)
    with workspace.database.begin() as connection:
        symbols.upsert_symbols(connection, delivery.listings, delivery.source, simulated=delivery.simulated)
        keys = _keys(connection, delivery)
        changes, actions_written = _store_market(connection, delivery, batch, keys, workspace)
        _store_findings(connection, found, keys, chosen, workspace.moment)
        if stamp is not None:
            state = states.SourceState(stamp, _newest(batch, workspace.as_of), len(delivery.rejected))
            states.write_source_state(connection, delivery.source, state)
    run.notes.update(bars_new=changes.new, bars_changed=changes.changed)
    message = f"{delivery.source}: {changes.new} new and {changes.changed} changed bars, {actions_written} actions"
    where = delivery.rejected[0].where if delivery.rejected else ""
    absent = _absent(workspace, delivery)
    failures = (*_unreadable(delivery.source, len(delivery.rejected), where), *absent)
    return StepReport(
        changes.new + changes.changed + actions_written, message + "." + quarantine_in_words(found), failures
    )


def _as_of(batch: BarBatch, workspace: Workspace) -> BarBatch:
    """Leave out bars that a night of this date could not have had; later than today is the gate's to judge."""
    today = np.datetime64(workspace.now.date(), "D")
    later = (batch.sessions > np.datetime64(workspace.as_of, "D")) & (batch.sessions <= today)
    return batch if not later.any() else batch.take(~later)


def _keys(connection: Connection, delivery: Delivery) -> dict[str, int]:
    exchanges = {listing.ticker: listing.exchange for listing in delivery.listings}
    rows = symbols.read_symbols(connection, list(exchanges))
    return {row.ticker: row.id for row in rows if row.listing.exchange == exchanges[row.ticker]}


def _store_market(
    connection: Connection, delivery: Delivery, batch: BarBatch, keys: dict[str, int], workspace: Workspace
) -> tuple[bars.BarChanges, int]:
    if len(batch) == 0:
        return bars.BarChanges(0, 0), 0
    ids = np.array([keys[ticker] for ticker in batch.tickers], dtype=np.int64)
    fresh = sorted(set(keys.values()) - set(bars.read_fingerprints(connection, workspace.cutoff, clean=False)))
    calendars = {listing.ticker: listing.calendar for listing in delivery.listings}
    # A bar dated after today is known already, for here it is; the gate has to see it to keep it out.
    closes = np.minimum(_closes(batch, calendars), np.datetime64(workspace.moment.replace(tzinfo=None), "us"))
    changes = bars.upsert_bars(connection, batch, ids, delivery.source, closes=closes, moment=workspace.moment)
    span = (batch.sessions.min().astype(object), batch.sessions.max().astype(object))
    written = actions.upsert_actions(
        connection, keys, fresh, [s for s in delivery.splits if s.ex_date <= workspace.as_of],
        [d for d in delivery.dividends if d.ex_date <= workspace.as_of],
        source=delivery.source, span=span, moment=workspace.moment,
    )  # fmt: skip
    written += actions.upsert_earnings(
        connection, keys, delivery.earnings, source=delivery.source, moment=workspace.moment
    )
    return changes, written


def _closes(batch: BarBatch, calendars: dict[str, str]) -> DateArray:
    """Return each bar's closing instant, UTC: the first moment at which the world could know it."""
    closes = np.empty(len(batch), dtype="datetime64[us]")
    of_symbol = np.array([calendars[ticker] for ticker in batch.tickers])
    for calendar in sorted(set(calendars.values())):
        rows = of_symbol[batch.codes] == calendar
        if rows.any():
            sessions, inverse = np.unique(batch.sessions[rows], return_inverse=True)
            closes[rows] = session_close(str(calendar), sessions)[inverse]
    return closes


def _store_findings(
    connection: Connection, found: list[Finding], keys: dict[str, int], chosen: list[type], moment: datetime
) -> None:
    names = [rule.name for rule in chosen if issubclass(rule, DeliveryRule)]
    findings.upsert_findings(connection, found, keys, rules=names, subjects=None, moment=moment)


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


def _absent(workspace: Workspace, delivery: Delivery) -> tuple[Failure, ...]:
    wanted = workspace.config.universe.symbols
    if wanted == "all":
        return ()
    offered = {listing.ticker for listing in delivery.listings}
    return tuple(
        failure("symbol", ticker, f"The source {delivery.source} does not have it.", "Correct universe.symbols.")
        for ticker in wanted
        if ticker not in offered
    )
