"""Universes: the config's definitions and the bars in, dated memberships out.

Lists and files are written as they stand; rules are evaluated at the close of each of their rebalance dates, on what
was traded up to it. A repeated past night writes nothing: it reads what was known then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.calendar import next_session, sessions_between
from alphafactory.errors import AlphaFactoryError, UnknownNameError
from alphafactory.pipeline.running import StepReport, failure
from alphafactory.store import bars, symbols, universes
from alphafactory.universes import TradingHistory, needs_history, resolve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from alphafactory.domain.market import Membership
    from alphafactory.pipeline.running import Failure, Run
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.store.database import Connection
    from alphafactory.store.symbols import SymbolRow
    from alphafactory.store.universes import Spell

READS = (
    "symbols", "symbol_aliases", "bars", "bar_revisions", "quality_findings", "quality_judgements", "universes",
    "universe_members", "job_runs", "job_steps",
)  # fmt: skip
WRITES = ("universes", "universe_members")


def update_universes(run: Run) -> StepReport:
    """Write who belongs to each universe of the config."""
    workspace = run.workspace
    specs = workspace.config.universes
    if not specs:
        return StepReport(0, "No universe is defined.", skipped=True)
    if run.is_past:
        return StepReport(0, f"The night of {workspace.as_of} has been: memberships stand.", skipped=True)
    rows, failures = 0, []
    with workspace.database.begin() as connection:
        known = [row for row in symbols.read_symbols(connection) if not row.simulated or _is_simulated(workspace)]
        history = _history(connection, workspace, known) if any(needs_history(n, specs) for n in specs) else None
    for name, spec in specs.items():
        if history is None and needs_history(name, specs):
            failures.append(failure("universe", name, "No bar is stored yet to choose by.", "Load prices first."))
            continue
        try:
            members = resolve(name, specs, {row.ticker: row.listing.sector for row in known}, history)
        except AlphaFactoryError as error:
            failures.append(failure("universe", name, str(error), "Correct it in the section universes."))
            continue
        with workspace.database.begin() as connection:
            spells, unknown = _spells(connection, members, known)
            definition = spec.model_dump(mode="json", exclude_defaults=True)
            rows += universes.upsert_universe(connection, name, definition, spells, workspace.moment)
        failures += _unknown(name, unknown)
    return StepReport(rows, f"{len(specs)} universes, {rows} memberships new or ended.", tuple(failures))


def _is_simulated(workspace: Workspace) -> bool:
    return "synthetic" in workspace.config.sources.chain


def _unknown(name: str, tickers: Sequence[str]) -> list[Failure]:
    if not tickers:
        return []
    first = ", ".join(tickers[:5])
    message = f"{len(tickers)} of its members have no row in symbols, the first: {first}. They are left out."
    return [failure("universe", name, message, "Load their bars, or correct the tickers.")]


def _history(connection: Connection, workspace: Workspace, known: Sequence[SymbolRow]) -> TradingHistory | None:
    """Return what was traded, as traded, on the calendar that most symbols have; others take part in no rule."""
    calendars = [row.listing.calendar for row in known]
    if not calendars:
        return None
    calendar = max(sorted(set(calendars)), key=calendars.count)
    rows = [row for row in known if row.listing.calendar == calendar]
    tickers = tuple(row.ticker for row in rows)
    batch = bars.read_bars(connection, [row.id for row in rows], tickers, workspace.cutoff, clean=True)
    if len(batch) == 0:
        return None
    newest: date = min(batch.sessions.max().item(), workspace.as_of)
    sessions = sessions_between(calendar, batch.sessions.min().item(), newest)
    place = np.minimum(np.searchsorted(sessions, batch.sessions), len(sessions) - 1)
    inside = sessions[place] == batch.sessions
    close = np.full((len(sessions), len(tickers)), np.nan)
    traded = close.copy()
    close[place[inside], batch.codes[inside]] = batch.close[inside]
    traded[place[inside], batch.codes[inside]] = (batch.close * batch.volume)[inside]
    return TradingHistory(tickers, sessions, next_session(calendar, newest), close, traded)


def _spells(
    connection: Connection, members: Sequence[Membership], known: Sequence[SymbolRow]
) -> tuple[list[Spell], list[str]]:
    """Return the spells by symbol key, and the tickers that no symbol has or has had."""
    keys = {row.ticker: row.id for row in known}
    for alias in symbols.read_aliases(connection):
        keys.setdefault(alias.ticker, alias.symbol_id)
    unknown = sorted({member.ticker for member in members} - keys.keys())
    return [(keys[m.ticker], m.valid_from, m.valid_to) for m in members if m.ticker in keys], unknown


def members_on(workspace: Workspace, name: str, day: date) -> list[dict[str, object]]:
    """Return who belonged to a universe on a day, as known at the night; raise `UnknownNameError` without one."""
    if name not in workspace.config.universes:
        raise UnknownNameError("universe", name, workspace.config.universes)
    with workspace.database.begin() as connection:
        spells = universes.read_spells(connection, name, workspace.cutoff)
        rows = {row.id: row for row in symbols.read_symbols(connection)}
    return [
        {
            "ticker": rows[key].ticker, "name": rows[key].listing.name, "sector": rows[key].listing.sector,
            "from": start, "to": end,
        }
        for key, start, end in sorted(spells, key=lambda spell: rows[spell[0]].ticker)
        if (start is None or start <= day) and (end is None or day <= end)
    ]  # fmt: skip
