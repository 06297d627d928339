"""Deliveries into tables: bars through the delivery rules, actions, what was refused, and since when it is known.

One transaction of the caller's holds it all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.calendar import session_close
from alphafactory.domain.bars import BAR_FIELDS, BarBatch
from alphafactory.domain.findings import Severity
from alphafactory.domain.resampling import bar_ends
from alphafactory.quality.gate import discover_rules, screen
from alphafactory.quality.rule import DeliveryRule
from alphafactory.sources.base import Actions
from alphafactory.store import actions, bars, findings, intraday, symbols, vendors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from alphafactory.domain.arrays import BoolArray, DateArray
    from alphafactory.domain.findings import Finding
    from alphafactory.domain.timeframes import Timeframe
    from alphafactory.pipeline.needs import Need
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.quality.rule import Rule
    from alphafactory.sources.base import BarAnswer
    from alphafactory.store.bars import BarChanges
    from alphafactory.store.database import Connection


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer with what was asked: the symbols' needs by ticker, and the span, both ends inclusive."""

    needs: Mapping[str, Need]
    start: date
    end: date
    answer: BarAnswer


@dataclass(frozen=True, slots=True)
class Stored:
    """What an answer changed: bars new and changed, and actions written."""

    new: int
    changed: int
    actions: int


def applied_rules(workspace: Workspace) -> list[type[Rule]]:
    """Return the rules that the config does not switch off."""
    return [rule for rule in discover_rules() if rule.name not in workspace.config.quality.disabled]


def delivery_rules(applied: Sequence[type[Rule]]) -> list[str]:
    """Return the names of the rules that look at deliveries."""
    return [rule.name for rule in applied if issubclass(rule, DeliveryRule)]


def write_bars(
    connection: Connection,
    workspace: Workspace,
    source: str,
    batch: BarBatch,
    *,
    keys: Mapping[str, int],
    calendars: Mapping[str, str],
) -> BarChanges:
    """Write screened daily bars."""
    ids = np.array([keys[ticker] for ticker in batch.tickers], dtype=np.int64)
    if len(batch) == 0:
        return bars.BarChanges(0, 0)
    fresh = symbols.begin_night(connection, [int(key) for key in np.unique(ids[batch.codes])], workspace.as_of)
    # A bar dated after today is known already, for here it is; the gate has to see it to keep it out.
    closes = np.minimum(closing_instants(batch, calendars), np.datetime64(workspace.moment.replace(tzinfo=None), "us"))
    return bars.upsert_bars(
        connection,
        batch,
        ids,
        source,
        closes=closes,
        moment=workspace.moment,
        fresh=fresh,
        assumed=workspace.replay,
    )


def write_intraday(
    connection: Connection,
    workspace: Workspace,
    source: str,
    batch: BarBatch,
    *,
    keys: Mapping[str, int],
    calendars: Mapping[str, str],
    timeframe: Timeframe,
) -> BarChanges:
    """Write screened intraday bars, each known from its end on."""
    if len(batch) == 0 or batch.instants is None:
        return bars.BarChanges(0, 0)
    ids = np.array([keys[ticker] for ticker in batch.tickers], dtype=np.int64)
    fresh = symbols.begin_night(connection, [int(key) for key in np.unique(ids[batch.codes])], workspace.as_of)
    ends = bar_ends(batch.instants, timeframe, closes=closing_instants(batch, calendars))
    return intraday.upsert_intraday(
        connection,
        batch,
        ids,
        source,
        timeframe,
        ends=ends,
        moment=workspace.moment,
        fresh=fresh,
        assumed=workspace.replay,
    )


def closing_instants(batch: BarBatch, calendars: Mapping[str, str]) -> DateArray:
    """Return each bar's closing instant, UTC: the first moment at which the world could know it."""
    closes = np.empty(len(batch), dtype="datetime64[us]")
    of_symbol = np.array([calendars[ticker] for ticker in batch.tickers])
    for calendar in sorted(set(of_symbol.tolist())):
        rows = of_symbol[batch.codes] == calendar
        if rows.any():
            sessions, inverse = np.unique(batch.sessions[rows], return_inverse=True)
            closes[rows] = session_close(str(calendar), sessions)[inverse]
    return closes


def store_answers(
    connection: Connection,
    workspace: Workspace,
    source: str,
    answered: Sequence[Answered],
    applied: Sequence[type[Rule]],
) -> Stored:
    """Write what a vendor answered, and take note of it in the needs."""
    batch = _merged([one.answer.bars for one in answered])
    needs = {ticker: need for one in answered for ticker, need in one.needs.items()}
    keys = {ticker: need.row.id for ticker, need in needs.items()}
    rejected = [row for one in answered for row in one.answer.rejected]
    kept, found = screen(batch, rejected, applied)
    kept = kept.take(~_doubtful(kept, found))
    calendars = {ticker: need.row.listing.calendar for ticker, need in needs.items()}
    timeframe = next(iter(needs.values())).timeframe
    write = write_bars if timeframe == "1d" else partial(write_intraday, timeframe=timeframe)
    # Splits come first: how exactly a source can repeat a volume depends on them.
    written = sum(_store_actions(connection, workspace, source, one) for one in answered if one.answer.actions_from)
    changes = write(connection, workspace, source, kept, keys=keys, calendars=calendars)
    # What is in doubt never became a bar: another vendor's of the same session must not be kept out because of it.
    # It is no fault of the series either; a hole that nobody fills is found as one.
    said = [
        replace(
            one,
            quarantined=False,
            severity=Severity.WARNING if one.severity is Severity.ERROR else one.severity,
            message=f"{source}: {one.message}",
        )
        for one in found
    ]
    span = (min(one.start for one in answered), max(one.end for one in answered))
    findings.upsert_findings(
        connection,
        said,
        keys,
        rules=delivery_rules(applied),
        subjects=list(needs),
        moment=workspace.moment,
        span=span,
        timeframe=timeframe,
    )
    _note_holes(connection, workspace, source, answered, kept)
    return Stored(changes.new, changes.changed, written)


def _doubtful(batch: BarBatch, found: Sequence[Finding]) -> BoolArray:
    """Return the mask of the bars of which a vendor told two stories; they are not stored, and others are asked."""
    doubted = {(one.subject, one.session) for one in found if one.quarantined}
    mask = np.zeros(len(batch), dtype=np.bool_)
    for ticker, session in doubted:
        if ticker in batch.tickers and session is not None:
            code = batch.tickers.index(ticker)
            mask |= (batch.codes == code) & (batch.sessions == np.datetime64(session, "D"))
    return mask


def store_actions(
    connection: Connection,
    workspace: Workspace,
    source: str,
    *,
    keys: Mapping[str, int],
    found: Actions,
    span: tuple[date, date],
) -> int:
    """Write corporate actions of the symbols `keys` within `span`; return the number of rows."""
    splits = [split for split in found.splits if split.ex_date <= workspace.as_of]
    dividends = [dividend for dividend in found.dividends if dividend.ex_date <= workspace.as_of]
    fresh = symbols.begin_night(connection, list(keys.values()), workspace.as_of)
    return actions.upsert_actions(
        connection, keys, sorted(fresh), splits, dividends, source=source, span=span, moment=workspace.moment
    )


def _store_actions(connection: Connection, workspace: Workspace, source: str, one: Answered) -> int:
    keys = {ticker: need.row.id for ticker, need in one.needs.items()}
    found = Actions(one.answer.splits, one.answer.dividends)
    start = max(one.start, one.answer.actions_from or one.start)
    written = store_actions(connection, workspace, source, keys=keys, found=found, span=(start, one.end))
    for need in one.needs.values():
        need.actions_done = need.actions_done or len(need.sessions) == 0 or start <= need.sessions[0].item()
    return written


def _note_holes(
    connection: Connection, workspace: Workspace, source: str, answered: Sequence[Answered], kept: BarBatch
) -> None:
    """Note which sessions of the spans did not come; the newest may still come and are asked for again."""
    starts = kept.starts()
    position = {ticker: code for code, ticker in enumerate(kept.tickers)}
    gaps: list[vendors.Gap] = []
    for one in answered:
        for ticker, need in one.needs.items():
            code = position.get(ticker)
            came = kept.sessions[starts[code] : starts[code + 1]] if code is not None else kept.sessions[:0]
            need.received(np.unique(came), source)
            gaps += _holes_of(need, (one.start, one.end), source, workspace)
    vendors.write_gaps(connection, gaps)


def store_refusal(
    connection: Connection, workspace: Workspace, source: str, need: Need, span: tuple[date, date]
) -> None:
    """Note that a source has nothing in a span, of a symbol that others have; a symbol without bars is asked again."""
    if len(need.held):
        vendors.write_gaps(connection, _holes_of(need, span, source, workspace))


def _holes_of(need: Need, span: tuple[date, date], source: str, workspace: Workspace) -> list[vendors.Gap]:
    settled = need.sessions[: max(0, len(need.sessions) - max(1, workspace.config.sources.recheck_sessions))]
    first, last = np.datetime64(span[0], "D"), np.datetime64(span[1], "D")
    open_still = np.isin(settled, need.missing) & (settled >= first) & (settled <= last)
    places = np.flatnonzero(open_still)
    if len(places) == 0:
        return []
    need.holes[source] = np.union1d(need.holes.get(source, settled[:0]), settled[places])
    runs = np.split(places, np.flatnonzero(np.diff(places) > 1) + 1)
    reason = f"{source} sent no bar for it"
    return [
        vendors.Gap(
            need.row.id,
            source,
            settled[run[0]].item(),
            settled[run[-1]].item(),
            reason,
            workspace.as_of,
            need.timeframe,
        )
        for run in runs
    ]


def _merged(batches: Sequence[BarBatch]) -> BarBatch:
    """Put several batches into one whose tickers are distinct; rows keep their order."""
    tickers = tuple(dict.fromkeys(ticker for batch in batches for ticker in batch.tickers))
    position = {ticker: code for code, ticker in enumerate(tickers)}
    codes = [np.array([position[t] for t in batch.tickers], dtype=np.int64)[batch.codes] for batch in batches]
    columns = {
        name: np.concatenate([getattr(batch, name) for batch in batches]) for name in ("sessions", *BAR_FIELDS, "lines")
    }
    instants = [batch.instants for batch in batches if batch.instants is not None]
    whole = len(instants) == len(batches)
    return BarBatch(tickers, np.concatenate(codes), **columns, instants=np.concatenate(instants) if whole else None)
