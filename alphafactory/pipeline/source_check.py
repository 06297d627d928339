"""Asks each source how it is: the config and the tables in, a `SourceStatus` a source out. No bar is fetched.

1. A source that is not set up says why; nothing is asked of it.
2. A bulk source is ready if it is set up; its newest session is that of its last delivery.
3. A vendor is asked for its newest session, once, without a second try; its refusals are told apart. One whose daily
   budget is spent is not asked.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.errors import SourceError, SourceUnavailableError
from alphafactory.pipeline.needs import closed_sessions
from alphafactory.pipeline.vendor_access import build_source, requests_today
from alphafactory.sources import VendorSource, sources
from alphafactory.sources.vendor import (
    BadKeyError,
    EmptyAnswerError,
    GarbageError,
    NotEntitledError,
    QuotaSpentError,
    RateLimitedError,
    UnknownSymbolError,
    VendorDownError,
    VendorError,
)
from alphafactory.store import states

if TYPE_CHECKING:
    from datetime import date

    from alphafactory.domain.arrays import DateArray
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.sources import Source

_STATES: dict[type[VendorError], str] = {
    BadKeyError: "key refused",
    QuotaSpentError: "quota spent",
    RateLimitedError: "too many requests",
    NotEntitledError: "not in the plan",
    VendorDownError: "down",
    GarbageError: "answers nonsense",
    EmptyAnswerError: "answers nothing",
    UnknownSymbolError: "refused",
}
_ALWAYS_OPEN = frozenset({"crypto"})


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How one source is.

    `place` is its place in the chain from 1 on, None where it is not asked at night. `delivers` says whether a night
    could have bars from it now; `state` in two or three words why or why not, `message` in a sentence. `newest_session`
    is what it offers, `closed_session` the newest that has closed on its calendar, `sessions_behind` how many lie
    between. `requests_today` counts all of the day, this one too; None for a source without limits.
    """

    name: str
    description: str
    place: int | None
    delivers: bool
    state: str
    message: str
    offers: tuple[str, ...]
    timeframes: tuple[str, ...]
    newest_session: date | None = None
    closed_session: date | None = None
    sessions_behind: int | None = None
    requests_today: int | None = None
    per_minute: int | None = None
    per_day: int | None = None


def check_sources(workspace: Workspace) -> list[SourceStatus]:
    """Return how each source is: those of the chain in their order, then the others by name."""
    chain = workspace.config.sources.chain
    names = list(dict.fromkeys([*chain, *sources().names()]))
    calendars = {name: _calendar(workspace, name) for name in names}
    closed = {calendar: closed_sessions(workspace, calendar) for calendar in set(calendars.values())}
    with ThreadPoolExecutor(len(names), thread_name_prefix="check") as pool:
        return list(pool.map(lambda name: _check(workspace, name, closed[calendars[name]]), names))


def _calendar(workspace: Workspace, name: str) -> str:
    if name == "csv":
        return workspace.config.sources.csv.calendar
    plugin = sources().plugins.get(name)
    always = plugin is not None and getattr(plugin, "asset_classes", None) == _ALWAYS_OPEN
    return "24/7" if always else "XNYS"


def _check(workspace: Workspace, name: str, closed: DateArray) -> SourceStatus:
    source = build_source(workspace, name, attempts=1)
    status = partial(_status, workspace, source, closed)
    try:
        source.check_available()
    except SourceUnavailableError as error:
        return status(delivers=False, state="not set up", message=str(error))
    except SourceError as error:
        return status(delivers=False, state="set up wrongly", message=str(error))
    if isinstance(source, VendorSource):
        return _ask(workspace, source, closed, status)
    with workspace.database.begin() as connection:
        known = states.read_source_state(connection, name)
    newest = known.newest_session if known is not None else None
    message = "Its newest session is that of its last delivery." if known is not None else "It has not delivered yet."
    return status(delivers=True, state="ready", message=message, newest=newest)


def _ask(workspace: Workspace, source: VendorSource, closed: DateArray, status: partial[SourceStatus]) -> SourceStatus:
    before = requests_today(workspace, source.name)
    as_of: date = closed[-1].item() if len(closed) else workspace.as_of
    try:
        newest = source.newest_session(as_of)
    except VendorError as error:
        state = next((words for kind, words in _STATES.items() if isinstance(error, kind)), "refused")
        asked = "" if requests_today(workspace, source.name) > before else "Not asked. "
        message = asked + _without_key(workspace, source.name, str(error))
        return status(delivers=False, state=state, message=message)
    words = "It offers the newest session." if newest >= as_of else f"It does not offer {as_of} yet."
    return status(delivers=True, state="reachable", message=words, newest=newest)


def _without_key(workspace: Workspace, name: str, words: str) -> str:
    """Hide the key once more: the caller sees only what passes through it."""
    key = getattr(getattr(workspace.config.sources, name), "api_key", None)
    secret = key.get_secret_value() if key is not None else ""
    return words.replace(secret, "***") if secret else words


def _status(
    workspace: Workspace,
    source: Source,
    closed: DateArray,
    *,
    delivers: bool,
    state: str,
    message: str,
    newest: date | None = None,
) -> SourceStatus:
    chain = workspace.config.sources.chain
    vendor = isinstance(source, VendorSource)
    limits = getattr(workspace.config.sources, source.name).limits if vendor else None
    behind = int(np.sum(closed > np.datetime64(newest, "D"))) if newest is not None else None
    return SourceStatus(
        name=source.name,
        description=source.description,
        place=chain.index(source.name) + 1 if source.name in chain else None,
        delivers=delivers,
        state=state,
        message=message,
        offers=tuple(sorted(source.offers)) if isinstance(source, VendorSource) else ("whole market",),
        timeframes=source.timeframes if isinstance(source, VendorSource) else ("1d",),
        newest_session=newest,
        closed_session=closed[-1].item() if len(closed) else None,
        sessions_behind=behind,
        requests_today=requests_today(workspace, source.name) if limits is not None else None,
        per_minute=limits.per_minute if limits is not None else None,
        per_day=limits.per_day if limits is not None else None,
    )
