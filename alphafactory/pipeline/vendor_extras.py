"""What vendors are asked for beside bars: actions, new tickers, delistings, profiles, announcements, second opinions.

Each is asked once a night of the first vendor that answers; a refusal here costs no bar and stops no night.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from alphafactory.domain.market import Dividend, Observation, Split
from alphafactory.pipeline.running import failure
from alphafactory.pipeline.storing import store_actions
from alphafactory.sources.base import BarRequest
from alphafactory.sources.vendor import EmptyAnswerError, UnknownSymbolError, VendorError
from alphafactory.store import actions, bars, symbols, vendors
from alphafactory.store.symbols import Alias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alphafactory.pipeline.asking import Asking
    from alphafactory.pipeline.needs import Need
    from alphafactory.pipeline.running import Failure
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.sources import VendorSource
    from alphafactory.sources.base import Offer

A = TypeVar("A", Split, Dividend)

_LOOK_BACK = timedelta(days=14)
"""Corporate actions of so many days are asked for every night: vendors learn of some late."""
_LOOK_AHEAD = timedelta(days=365)
_PROFILE_NIGHTS = timedelta(days=90)


def _offering(askings: Sequence[Asking], offer: Offer) -> Iterator[Asking]:
    return (asking for asking in askings if offer in asking.source.offers and not asking.tally.stopped)


def ask_actions(workspace: Workspace, askings: Sequence[Asking], needs: Sequence[Need]) -> list[Failure]:
    """Ask for the splits and dividends that did not come with the bars; name the symbols for which nobody answered."""
    start = workspace.config.sources.start
    with workspace.database.begin() as connection:
        tonight: set[str] = set()
        ever: set[str] = set()
        for asking in askings:
            tonight |= vendors.read_answered(connection, asking.source.name, "actions", workspace.as_of).keys()
            ever |= vendors.read_answered(connection, asking.source.name, "actions", date.min).keys()
    left = [need for need in needs if _has_actions(need) and not need.actions_done and need.ticker not in tonight]
    troubles: dict[str, str] = {}
    for asking in _offering(askings, "actions"):
        groups = (
            ([need for need in left if need.ticker not in ever], start),
            ([need for need in left if need.ticker in ever], max(start, workspace.as_of - _LOOK_BACK)),
        )
        for group, since in groups:
            asked = [need for need in group if need.row.listing.asset_class in asking.source.asset_classes]
            # What is asked symbol by symbol is stored so as well: a quota that ends half-way has given the first half.
            for some in [asked] if asking.source.actions_in_bulk else [[need] for need in asked]:
                if some and not asking.tally.stopped:
                    troubles |= _try_actions(workspace, asking, some, since)
        left = [need for need in left if not need.actions_done]
    remedy = "Its prices may lack a split or a dividend until a source of corporate actions answers."
    return [
        failure("actions", need.ticker, f"No source answered: {troubles.get(need.ticker, 'none offers them')}", remedy)
        for need in left
        if need.ticker in troubles
    ]


def _has_actions(need: Need) -> bool:
    return need.row.listing.asset_class not in {"crypto", "index"} and len(need.held) > 0


def _try_actions(workspace: Workspace, asking: Asking, needs: Sequence[Need], since: date) -> dict[str, str]:
    try:
        _store_actions(workspace, asking, needs, since)
    except VendorError as error:
        asking.refused(error)
        if isinstance(error, UnknownSymbolError | EmptyAnswerError) and all(_has_ended(need) for need in needs):
            return {}
        return {need.ticker: str(error) for need in needs}
    return {}


def _has_ended(need: Need) -> bool:
    """Whether a symbol seems to trade no more, so that a vendor without it leaves nothing out."""
    return need.newest_is_missing or need.row.listing.delisted is not None


def _store_actions(workspace: Workspace, asking: Asking, needs: Sequence[Need], since: date) -> None:
    span = (since, workspace.as_of)
    names = [(need, alias) for need in needs for alias in _names(need, asking.source, span)]
    found = asking.source.fetch_actions(sorted({alias.ticker for _, alias in names}), *span)
    ours = type(found)(_renamed(found.splits, names), _renamed(found.dividends, names))
    keys = {need.ticker: need.row.id for need in needs}
    with workspace.database.begin() as connection:
        asking.tally.actions += store_actions(
            connection, workspace, asking.source.name, keys=keys, found=ours, span=span
        )
        tickers = [need.ticker for need in needs]
        vendors.write_answers(connection, asking.source.name, "actions", tickers, night=workspace.as_of)
    for need in needs:
        need.actions_done = True


def _names(need: Need, source: VendorSource, span: tuple[date, date]) -> list[Alias]:
    """Return the tickers by which a source files what happened to a symbol within a span."""
    if source.ticker_follows_rename or not need.aliases:
        return [Alias(need.row.id, need.aliases[-1].ticker if need.aliases else need.ticker, None, None)]
    first, last = span
    return [a for a in need.aliases if (a.valid_to or last) >= first and (a.valid_from or first) <= last]


def _renamed(found: tuple[A, ...], names: Sequence[tuple[Need, Alias]]) -> tuple[A, ...]:
    """Return the actions under our tickers, each of the symbol that had the ticker on its day."""
    return tuple(
        replace(one, ticker=need.ticker)
        for one in found
        for need, alias in names
        if one.ticker == alias.ticker and (alias.valid_from or date.min) <= one.ex_date <= (alias.valid_to or date.max)
    )


def ask_renames(workspace: Workspace, askings: Sequence[Asking], needs: Sequence[Need]) -> None:
    """Ask whether symbols that have stopped go on under another ticker; note it as dated aliases."""
    for asking in askings:
        for need in _to_ask_once(workspace, asking, "renames", needs) if "renames" in asking.source.offers else ():
            if asking.tally.stopped:
                break
            try:
                renames = asking.source.fetch_renames(need.aliases[-1].ticker if need.aliases else need.ticker)
            except VendorError as error:
                asking.refused(error)
                continue
            known = [rename for rename in renames if rename.since is None or rename.since <= workspace.as_of]
            with workspace.database.begin() as connection:
                vendors.write_answers(connection, asking.source.name, "renames", [need.ticker], night=workspace.as_of)
                if len(known) > 1:
                    need.aliases = _aliases(need, [(rename.ticker, rename.since) for rename in known])
                    symbols.upsert_aliases(connection, need.aliases, asking.source.name, workspace.moment)


def _aliases(need: Need, names: Sequence[tuple[str, date | None]]) -> tuple[Alias, ...]:
    ends = [since - timedelta(days=1) if since else None for _, since in names[1:]]
    return tuple(
        Alias(need.row.id, ticker, since, end) for (ticker, since), end in zip(names, [*ends, None], strict=True)
    )


def ask_delistings(workspace: Workspace, askings: Sequence[Asking], needs: Sequence[Need]) -> dict[str, str]:
    """Ask which of the symbols that have stopped are delisted; note it, and return it in words by ticker."""
    ended: dict[str, str] = {}
    for asking in _offering(askings, "delistings"):
        asked = _to_ask_once(workspace, asking, "delistings", needs)
        if not asked:
            break
        try:
            gone = {listing.ticker: listing.delisted for listing in asking.source.fetch_delistings(workspace.as_of)}
        except VendorError as error:
            asking.refused(error)
            continue
        for need in asked:
            day = gone.get(need.aliases[-1].ticker if need.aliases else need.ticker)
            if day is None or day > workspace.as_of or not len(need.held) or day < need.held[-1].item():
                continue
            with workspace.database.begin() as connection:
                symbols.write_delisting(connection, need.row.id, day, workspace.moment)
            need.sessions = need.sessions[need.sessions <= np.datetime64(day, "D")]
            ended[need.ticker] = f"{need.ticker} was delisted on {day} ({asking.source.name})."
        with workspace.database.begin() as connection:
            tickers = [need.ticker for need in asked]
            vendors.write_answers(connection, asking.source.name, "delistings", tickers, night=workspace.as_of)
        break
    return ended


def _to_ask_once(workspace: Workspace, asking: Asking, subject: Offer, needs: Sequence[Need]) -> list[Need]:
    """Return the symbols to ask this about: each that has just stopped, and once each that stopped long ago."""
    with workspace.database.begin() as connection:
        before = vendors.read_answered(connection, asking.source.name, subject, date.min)
    return [need for need in needs if len(need.held) and (not need.stopped_long_ago or need.ticker not in before)]


def ask_profiles(workspace: Workspace, askings: Sequence[Asking], needs: Sequence[Need]) -> None:
    """Ask for name and sector of some symbols that have none; a vendor that knows none is asked again months later."""
    left = [need for need in needs if need.row.listing.sector is None and len(need.held)]
    left = [need for need in left if need.row.listing.asset_class == "equity"]
    for asking in _offering(askings, "profile"):
        with workspace.database.begin() as connection:
            since = workspace.as_of - _PROFILE_NIGHTS
            asked = vendors.read_answered(connection, asking.source.name, "profile", since).keys()
            tonight = vendors.read_answered(connection, asking.source.name, "profile", workspace.as_of)
        allowed = max(0, workspace.config.sources.profiles_a_night - len(tonight))
        open_ones = [need for need in left if need.ticker not in asked][:allowed]
        for need in open_ones:
            if not asking.tally.stopped and _describe(workspace, asking, need):
                left.remove(need)
        # A symbol whose turn has not come yet waits for another night; a small quota is not spent on it.
        waiting = {need.ticker for need in left} - asked - {need.ticker for need in open_ones}
        left = [need for need in left if asking.tally.stopped or need.ticker not in waiting]


def _describe(workspace: Workspace, asking: Asking, need: Need) -> bool:
    source, outcome, message = asking.source, "delivered", ""
    try:
        found = source.fetch_profile(need.aliases[-1].ticker if need.aliases else need.ticker)
    except VendorError as error:
        asking.refused(error)
        found, outcome, message = None, "refused", str(error)
    with workspace.database.begin() as connection:
        if found is not None:
            symbols.describe_symbol(connection, need.row.id, found)
        night = workspace.as_of
        vendors.write_answers(
            connection, source.name, "profile", [need.ticker], night=night, outcome=outcome, message=message
        )
    return found is not None and found.sector is not None


def ask_earnings(workspace: Workspace, askings: Sequence[Asking], needs: Sequence[Need]) -> str:
    """Ask the first vendor that answers for the coming announcements, once a night; return what came in words."""
    names = {need.ticker: need.row.id for need in needs if need.row.listing.asset_class == "equity" and len(need.held)}
    order = workspace.config.sources.earnings
    if not names or not order:
        return ""
    with workspace.database.begin() as connection:
        if any(vendors.read_answered(connection, vendor, "earnings", workspace.as_of) for vendor in order):
            return ""
    offering = {asking.source.name: asking for asking in _offering(askings, "earnings")}
    for asking in [offering[vendor] for vendor in order if vendor in offering]:
        source = asking.source
        try:
            found = source.fetch_earnings(sorted(names), workspace.as_of, workspace.as_of + _LOOK_AHEAD)
        except VendorError as error:
            asking.refused(error)
            continue
        with workspace.database.begin() as connection:
            rows = actions.upsert_earnings(connection, names, found, source=source.name, moment=workspace.moment)
            vendors.write_answers(connection, source.name, "earnings", [""], night=workspace.as_of)
        return f"{source.name}: {rows} announcements of earnings new or changed."
    return ""


def cross_check(workspace: Workspace, askings: Sequence[Asking], needs: Sequence[Need]) -> str:
    """Ask a second vendor for some symbols' newest sessions, and keep its word beside the bars."""
    config = workspace.config.quality
    offering = list(_offering(askings, "bars"))
    if len(offering) < 2 or not config.cross_check_symbols:  # noqa: PLR2004  one vendor has nobody to be compared with
        return ""
    rotated = sorted(needs, key=lambda need: (need.row.id * 7919 + workspace.as_of.toordinal() * 104729) % 1_000_003)
    observed = compared = 0
    for need in [need for need in rotated if len(need.held) and not need.newest_is_missing][
        : config.cross_check_symbols
    ]:
        others = (a for a in offering if a.source.name != need.owner and not a.tally.stopped)
        second = next((a for a in others if need.row.listing.asset_class in a.source.asset_classes), None)
        if second is None:
            continue
        rows = _observe(workspace, second, need, config.cross_check_sessions)
        observed, compared = observed + rows, compared + (rows > 0)
    return f"{compared} symbols compared with a second vendor over {observed} sessions." if compared else ""


def _observe(workspace: Workspace, asking: Asking, need: Need, sessions: int) -> int:
    source: VendorSource = asking.source
    days = need.held[-sessions:]
    known_as = need.aliases[-1].ticker if need.aliases else need.ticker
    with workspace.database.begin() as connection:
        if need.ticker in vendors.read_answered(connection, source.name, "cross_check", workspace.as_of):
            return 0
    try:
        answer = source.fetch_bars(BarRequest(need.row.listing, known_as, days[0].item(), days[-1].item()))
    except VendorError as error:
        asking.refused(error)
        return 0
    batch = answer.bars
    said = [
        (need.row.id, Observation(need.ticker, day, source.name, float(close), float(volume)))
        for day, close, volume in zip(batch.sessions.tolist(), batch.close, batch.volume, strict=True)
        if np.isfinite(close) and np.isfinite(volume)
    ]
    with workspace.database.begin() as connection:
        held = bars.read_closes(connection, [need.row.id], days[0].item())
        known = [one for one in said if (one[0], one[1].session) in held]
        vendors.write_observations(connection, known, workspace.moment)
        vendors.write_answers(connection, source.name, "cross_check", [need.ticker], night=workspace.as_of)
    return len(known)
