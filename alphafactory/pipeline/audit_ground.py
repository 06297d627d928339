"""What audits look at: symbols of the night, with comings, goings and announcements made up where there are none.

A strategy that judges symbols one by one is audited on those with the longest histories. One that sees a universe is
audited on many together: those of the sector whose members move most alike come first, so that pairs within sectors
can be sought; one of them leaves the universe within its history and one joins it, so that peeking at that is caught.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.errors import UsageError
from alphafactory.pipeline.market_contexts import index_is_known, needs_of, read_surroundings
from alphafactory.pipeline.panel import choose_universe, data_fingerprints
from alphafactory.pipeline.stored_panel import open_panel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.bars import Bars
    from alphafactory.domain.context import MarketContext, MarketSymbol
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.store.symbols import SymbolRow
    from alphafactory.strategies.base import Strategy

MOST_BARS = 1_500
"""Newest bars of each symbol that are looked at: six years of days, more of which add time and no insight."""
_PANEL_SYMBOLS = 14
_ALIKE_SESSIONS = 252
_FEWEST_ALIKE = 3
_QUARTER, _FORESEEN = 63, 20
"""Sessions between made-up announcements, and for how many of them the next one is known ahead."""


class NothingToAuditOnError(UsageError):
    """There is no symbol with bars yet."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Symbols for strategies of one, symbols to be seen together, and what surrounds both."""

    single: tuple[MarketSymbol, ...]
    together: tuple[MarketSymbol, ...]
    context: MarketContext


def audit_ground(workspace: Workspace, chosen: Sequence[type[Strategy]]) -> Ground:
    """Return what these strategies are audited on, as known at the night.

    Raises:
        NothingToAuditOnError: there are no symbols with bars yet.
    """
    ordered, series = _longest_first(workspace)
    single, together = ordered[: workspace.config.audit.symbols], _most_alike(ordered, series)[:_PANEL_SYMBOLS]
    needs = frozenset[str]().union(*(needs_of(strategy) for strategy in chosen))
    if not index_is_known(workspace):
        needs -= {"index"}  # who reads it is told so when it is asked
    surroundings = read_surroundings(workspace, ordered, needs)
    seen = {
        row.id: _announcing(surroundings.symbol(row, series[row.id])).part(slice(-MOST_BARS, None))
        for row in {row.id: row for row in (*single, *together)}.values()
    }
    sessions = np.concatenate([symbol.bars.sessions for symbol in seen.values()])
    context = surroundings.context(ordered[0].listing.calendar, sessions)
    panel = _with_comings_and_goings([seen[row.id] for row in together])
    return Ground(tuple(seen[row.id] for row in single), panel, context)


def _longest_first(workspace: Workspace) -> tuple[list[SymbolRow], dict[int, Bars]]:
    """Return the symbols of the calendar that most have, and the bars of each."""
    with workspace.database.begin() as connection:
        universe = choose_universe(connection, workspace)
        prints = data_fingerprints(connection, [row.id for row in universe.symbols], workspace.cutoff)
    rows = [row for row in universe.symbols if row.id in prints and row.listing.asset_class != "index"]
    if not rows:
        raise NothingToAuditOnError("There is no symbol to audit strategies on. Run `python run.py nightly` first.")
    calendars = [row.listing.calendar for row in rows]
    usual = max(sorted(set(calendars)), key=calendars.count)
    rows = [row for row in rows if row.listing.calendar == usual]  # they share a context
    series = {row.id: bars for row, (_, _, bars) in zip(rows, open_panel(workspace, rows), strict=True)}
    return sorted(rows, key=lambda row: (-len(series[row.id]), row.ticker)), series


def _most_alike(rows: Sequence[SymbolRow], series: dict[int, Bars]) -> list[SymbolRow]:
    """Return the symbols, those of the sector whose first members are most correlated in front."""
    sectors: dict[str, list[Bars]] = {}
    for row in rows:
        sectors.setdefault(str(row.listing.sector), []).append(series[row.id])
    alike = {sector: _likeness(members[:_PANEL_SYMBOLS]) for sector, members in sectors.items()}
    best = max(sorted(alike), key=lambda sector: alike[sector])
    return sorted(rows, key=lambda row: str(row.listing.sector) != best)


def _likeness(members: Sequence[Bars]) -> float:
    """Return the mean correlation of the newest returns, less for few members; -1 where it cannot be known."""
    newest = slice(-_ALIKE_SESSIONS - 1, None)
    first = members[0].sessions[newest]
    known = [np.diff(np.log(bars.close[newest])) for bars in members if np.array_equal(bars.sessions[newest], first)]
    moving = [returns for returns in known if len(returns) > 1 and np.ptp(returns) > 0.0]
    if len(moving) < _FEWEST_ALIKE:
        return -1.0
    matrix = np.corrcoef(moving)
    count = len(moving)
    return float((matrix.sum() - count) / (count * (count - 1))) * count / _PANEL_SYMBOLS


def _announcing(symbol: MarketSymbol) -> MarketSymbol:
    """Let a symbol of which no announcement is known make some: who keeps away from them is to be seen doing it."""
    if symbol.earnings is None or not np.isnan(symbol.earnings).all():
        return symbol
    ahead = (_QUARTER - np.arange(len(symbol.bars)) % _QUARTER).astype(np.float64)
    return replace(symbol, earnings=np.where(ahead <= _FORESEEN, ahead, np.nan))


def _with_comings_and_goings(symbols: Sequence[MarketSymbol]) -> tuple[MarketSymbol, ...]:
    """Let the last symbol leave the universe within its history, and one more join it."""
    found = list(symbols)
    for place, rows in ((-1, slice(0, 0.7)), (-2, slice(0.4, 1.0))):
        if len(found) > -place:
            length = len(found[place].bars)
            member = np.zeros(length, dtype=np.bool_)
            member[int(rows.start * length) : int(rows.stop * length)] = True
            found[place] = replace(found[place], member=member)
    return tuple(found)
