"""What the tables know of symbols, bars and universes, for a person to read; as known at the night's date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alphafactory.domain.bars import BAR_FIELDS
from alphafactory.domain.timeframes import is_intraday
from alphafactory.errors import UsageError
from alphafactory.pipeline.aliases import the_symbol
from alphafactory.pipeline.coarser import read_coarser
from alphafactory.pipeline.panel import read_panel
from alphafactory.pipeline.universes import members_on
from alphafactory.store import actions, bars, symbols, universes
from alphafactory.store.sourced_bars import read_sourced_bars

if TYPE_CHECKING:
    from datetime import date

    from alphafactory.domain.timeframes import Timeframe
    from alphafactory.pipeline.workspace import Workspace


def symbol_facts(workspace: Workspace, name: str) -> dict[str, Any]:
    """Return what is known of a symbol: listing, other tickers, bars by source, corporate actions, announcements."""
    with workspace.database.begin() as connection:
        row = the_symbol(connection, name).as_known(workspace.cutoff)
        aliases = [a for a in symbols.read_aliases(connection, workspace.cutoff) if a.symbol_id == row.id]
        held = bars.read_held(connection, [row.id], workspace.cutoff).get(row.id, {})
        splits = actions.read_splits(connection, [row.id], workspace.cutoff)
        dividends = actions.read_dividends(connection, [row.id], workspace.cutoff)
        earnings = actions.read_earnings(connection, [row.id], workspace.cutoff)
    listing = row.listing
    coming = [one for one in earnings if one["announced"] >= workspace.as_of]
    return {
        "ticker": row.ticker,
        "exchange": listing.exchange,
        "name": listing.name,
        "sector": listing.sector,
        "asset_class": listing.asset_class,
        "calendar": listing.calendar,
        "currency": listing.currency,
        "listed": listing.listed,
        "delisted": listing.delisted,
        "delisted_known_at": row.delisted_known_at if listing.delisted is not None else None,
        "first_night": row.first_night,
        "described_by": row.source,
        "simulated": row.simulated,
        "tickers": [
            {"ticker": a.ticker, "from": a.valid_from, "to": a.valid_to, "merged_into": a.merged_into} for a in aliases
        ],
        "bars": [
            {"source": source, "bars": len(days), "from": days[0].item(), "to": days[-1].item()}
            for source, days in sorted(held.items())
        ],
        "splits": len(splits),
        "dividends": len(dividends),
        "earnings_known": len(earnings),
        "next_earnings": coming[0]["announced"] if coming else None,
    }


def read_bars(
    workspace: Workspace,
    name: str,
    *,
    first: date | None = None,
    last: date | None = None,
    timeframe: Timeframe = "1d",
    adjusted: bool = False,
) -> list[dict[str, Any]]:
    """Return a symbol's bars with their source and since when they are known, in order of time.

    A timeframe that nobody delivered is made of a finer one that is stored, which `source` then names.
    Daily bars say whether the gate keeps them from being used. `adjusted` gives them as indicators and backtests see
    them: on the share basis of the newest session, with the split factor and dividends, quarantined ones left out.

    Raises:
        UnknownNameError: No symbol has that ticker.
        UsageError: Adjusted intraday bars were asked for.
    """
    if adjusted and is_intraday(timeframe):
        raise UsageError("--adjusted is for daily bars. Leave it out, or take --timeframe 1d.")
    with workspace.database.begin() as connection:
        row = the_symbol(connection, name)
        found = read_sourced_bars(connection, row.id, timeframe, workspace.cutoff, first=first, last=last)
        if not found and not adjusted:
            found = read_coarser(connection, row, timeframe, workspace.cutoff, first=first, last=last)
            if found and not is_intraday(timeframe):
                return [{**bar, "kept_out": None} for bar in found]
        if is_intraday(timeframe):
            return [{**bar, "timeframe": timeframe} for bar in found]
        clean = read_panel(connection, [row], workspace.cutoff).symbol(0)
    place = {day: at for at, day in enumerate(clean.sessions.tolist())}
    if not adjusted:
        return [{**bar, "kept_out": bar["session"] not in place} for bar in found]
    columns = {name: getattr(clean, name).tolist() for name in (*BAR_FIELDS, "split_factor", "dividends")}
    return [
        {**bar, **{name: column[place[bar["session"]]] for name, column in columns.items()}, "kept_out": False}
        for bar in found
        if bar["session"] in place
    ]


def universe_members(workspace: Workspace, name: str, day: date) -> list[dict[str, object]]:
    """Return who belonged to a universe on a day, as known at the night.

    Raises:
        UnknownNameError: The config has no such universe.
        UsageError: The tables have no memberships of it yet.
    """
    members = members_on(workspace, name, day)
    with workspace.database.begin() as connection:
        if not members and not universes.read_spells(connection, name, workspace.cutoff):
            raise UsageError(
                f"The tables know no member of the universe '{name}' as of {workspace.as_of}. "
                "`python run.py run universes` says who belongs to it; it chooses from the symbols that have bars."
            )
    return members


def list_universes(workspace: Workspace) -> list[dict[str, object]]:
    """Return each universe of the config: what defines it, its members on the night's date and all it has had."""
    found: list[dict[str, object]] = []
    for name, spec in workspace.config.universes.items():
        with workspace.database.begin() as connection:
            spells = universes.read_spells(connection, name, workspace.cutoff)
        found.append(
            {
                "name": name,
                "definition": spec.model_dump(mode="json", exclude_defaults=True),
                "members": len(members_on(workspace, name, workspace.as_of)),
                "ever": len({key for key, _, _ in spells}),
                "in_use": name == workspace.config.universe.name,
            }
        )
    return found
