"""What the tables lack: for each symbol the sessions that its calendar has and no source has delivered yet.

Goes in: symbols, their stored sessions, known holes, the night. Comes out: a `Need` a symbol, and for a given vendor
the sessions to ask it for. Nothing here asks a network or writes a table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.calendar import known_range, session_close, sessions_between
from alphafactory.domain.timeframes import is_intraday
from alphafactory.sources.base import BarRequest
from alphafactory.store import bars, intraday, symbols, vendors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from alphafactory.domain.arrays import DateArray
    from alphafactory.domain.timeframes import Timeframe
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.sources.base import VendorSource
    from alphafactory.store.database import Connection
    from alphafactory.store.symbols import Alias, SymbolRow

SETTLING = np.timedelta64(20, "m")
"""A session's bar is final only some minutes after the close, when late prints are in."""

NO_SESSIONS = np.empty(0, dtype="datetime64[D]")


@dataclass(slots=True)
class Need:
    """What one symbol lacks.

    `sessions` are all that its calendar has from the wanted start to the newest that has closed; `missing` those of
    them that nobody has delivered; `recheck` the newest ones of the calendar, asked for again of whom they came from,
    which `held_by` tells; `owner` is the source of the newest stored bar.
    `holes` names, by source, what it is known not to have; `troubles` what it said tonight, and `unknown_to` who does
    not know the symbol (any more). `timeframe` is the length of the bars. `whole` marks a symbol whose whole history
    is due tonight.
    """

    row: SymbolRow
    sessions: DateArray
    held: DateArray
    missing: DateArray
    recheck: DateArray
    owner: str | None
    held_by: Mapping[str, DateArray] = field(default_factory=dict)
    holes: dict[str, DateArray] = field(default_factory=dict)
    aliases: tuple[Alias, ...] = ()
    whole: bool = False
    actions_done: bool = False
    timeframe: Timeframe = "1d"
    troubles: dict[str, str] = field(default_factory=dict)
    unknown_to: set[str] = field(default_factory=set)

    @property
    def ticker(self) -> str:
        """The symbol's ticker."""
        return self.row.ticker

    @property
    def newest_is_missing(self) -> bool:
        """Whether the newest session that has closed is not there."""
        return len(self.sessions) > 0 and bool(np.isin(self.sessions[-1], self.missing))

    @property
    def stopped_long_ago(self) -> bool:
        """Whether the last stored bar is so old that the gate says so instead of the night."""
        return len(self.held) > 0 and int(np.sum(self.sessions > self.held[-1])) > _NIGHTS_OF_WAITING

    def received(self, sessions: DateArray, source: str) -> None:
        """Take note of what a source has delivered."""
        if np.isin(sessions, self.missing).any() and (len(self.held) == 0 or sessions.max() > self.held[-1]):
            self.owner = source
        self.missing = self.missing[~np.isin(self.missing, sessions)]
        self.held = np.union1d(self.held, sessions)

    def wanted_of(self, source: str, *, again: bool = True) -> DateArray:
        """Return the sessions to ask a source for: what is missing and not known to be missing there, and rechecks.

        Where the whole history is due, known holes are due as well. Without `again`, nothing is looked at twice.
        """
        holes = self.holes.get(source, NO_SESSIONS)
        new = self.missing[~np.isin(self.missing, holes)]
        if not again:
            return new
        own = self.held_by.get(source, NO_SESSIONS)
        rechecked = own if self.whole else own[np.isin(own, self.recheck)]
        return np.union1d(self.missing if self.whole else new, rechecked[np.isin(rechecked, self.sessions)])

    def requests(self, source: VendorSource, wanted: DateArray) -> Iterator[BarRequest]:
        """Yield what to ask a vendor for, by the ticker of the time where it files history so."""
        first, last = wanted[0].item(), wanted[-1].item()
        if source.ticker_follows_rename or not self.aliases:
            yield BarRequest(self.row.listing, self._current_ticker, first, last, self.timeframe)
            return
        for alias in self.aliases:
            start, end = max(first, alias.valid_from or date.min), min(last, alias.valid_to or date.max)
            if start <= end:
                yield BarRequest(self.row.listing, alias.ticker, start, end, self.timeframe)

    @property
    def _current_ticker(self) -> str:
        return self.aliases[-1].ticker if self.aliases else self.ticker


_NIGHTS_OF_WAITING = 10


def read_needs(
    connection: Connection, workspace: Workspace, rows: Sequence[SymbolRow], timeframe: Timeframe = "1d"
) -> list[Need]:
    """Return the needs of the symbols, in their order; intraday, a session with any bar is there."""
    config = workspace.config.sources
    ids = [row.id for row in rows]
    if is_intraday(timeframe):
        held = intraday.read_held_sessions(connection, ids, timeframe, workspace.cutoff)
    else:
        held = bars.read_held(connection, ids, workspace.cutoff)
    holes = _holes(connection, ids, timeframe)
    aliases: dict[int, list[Alias]] = {}
    for alias in symbols.read_aliases(connection, workspace.cutoff):
        aliases.setdefault(alias.symbol_id, []).append(alias)
    closed: dict[str, DateArray] = {}
    needs = []
    for row in rows:
        calendar = row.listing.calendar
        if calendar not in closed:
            closed[calendar] = closed_sessions(workspace, calendar)
        names = tuple(aliases.get(row.id, ()))
        sessions = _of_symbol(closed[calendar], row.as_known(workspace.cutoff), names)
        # A run that is repeated tonight finds the newest session stored and looks at the same ones again.
        newest = closed[calendar][-config.recheck_sessions - 1 :] if config.recheck_sessions else NO_SESSIONS
        need = _need(row, sessions, held.get(row.id, {}), newest)
        need.holes, need.aliases, need.timeframe = holes.get(row.id, {}), names, timeframe
        slice_tonight = row.id % config.recheck_nights == workspace.as_of.toordinal() % config.recheck_nights
        need.whole = slice_tonight and row.first_night not in (None, workspace.as_of)
        needs.append(need)
    return needs


def closed_sessions(workspace: Workspace, calendar: str) -> DateArray:
    """Return the calendar's sessions from the configured start to the newest that has closed and settled."""
    low, high = known_range(calendar)
    start = max(workspace.config.sources.start, low)
    sessions = sessions_between(calendar, start, min(workspace.as_of, high))
    moment = np.datetime64(workspace.moment.replace(tzinfo=None), "us")
    newest = sessions[-_NIGHTS_OF_WAITING:]
    # A market that never closes settles at midnight, which is the very end of the night's day.
    open_still = session_close(calendar, newest) + (SETTLING if calendar != "24/7" else np.timedelta64(0, "m")) > moment
    return sessions[: len(sessions) - int(np.sum(open_still))]


def _of_symbol(sessions: DateArray, row: SymbolRow, names: Sequence[Alias]) -> DateArray:
    listing = row.listing
    starts = [day for day in (listing.listed, names[0].valid_from if names else None) if day is not None]
    ends = [day for day in (listing.delisted, names[-1].valid_to if names else None) if day is not None]
    first = np.searchsorted(sessions, np.datetime64(max(starts), "D")) if starts else 0
    last = np.searchsorted(sessions, np.datetime64(min(ends), "D"), side="right") if ends else len(sessions)
    return sessions[int(first) : max(int(first), int(last))]


def _need(row: SymbolRow, sessions: DateArray, held: Mapping[str, DateArray], newest: DateArray) -> Need:
    stored = np.unique(np.concatenate([NO_SESSIONS, *held.values()]))
    owner = max(held, key=lambda source: held[source][-1]) if held else None
    return Need(row, sessions, stored, sessions[~np.isin(sessions, stored)], newest, owner, held)


def _holes(connection: Connection, ids: Sequence[int], timeframe: Timeframe) -> dict[int, dict[str, DateArray]]:
    holes: dict[int, dict[str, DateArray]] = {}
    for gap in vendors.read_gaps(connection, ids, timeframe):
        days = np.arange(np.datetime64(gap.first, "D"), np.datetime64(gap.last + timedelta(days=1), "D"))
        of_symbol = holes.setdefault(gap.symbol_id, {})
        of_symbol[gap.source] = np.union1d(of_symbol.get(gap.source, NO_SESSIONS), days)
    return holes
