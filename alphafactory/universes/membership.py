"""Memberships of named universes: lists, sectors, rules, and universes that choose from others.

Goes in: a universe's name, the specs of the config, the sector of every known symbol, and for rules a history. Comes
out: dated memberships, ordered by ticker and date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.config_universes import universe_chain
from alphafactory.domain.market import Membership
from alphafactory.errors import ConfigError, suggestion
from alphafactory.universes.files import read_memberships, read_tickers
from alphafactory.universes.rules import choose_members

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from alphafactory.config_universes import UniverseSpec
    from alphafactory.domain.arrays import BoolArray, DateArray
    from alphafactory.universes.rules import TradingHistory

Memberships = tuple[Membership, ...]


def needs_history(name: str, specs: Mapping[str, UniverseSpec]) -> bool:
    """Return whether the universe, or one that it chooses from, is a rule; errors as `resolve`."""
    return any(specs[link].is_rule for link in universe_chain(name, specs))


def resolve(
    name: str,
    specs: Mapping[str, UniverseSpec],
    sectors: Mapping[str, str | None],
    history: TradingHistory | None = None,
) -> Memberships:
    """Return the memberships of a universe, ordered by ticker and date.

    Args:
        name: The universe.
        specs: Every universe of the config.
        sectors: The sector of every known symbol, delisted ones included; None where it is not known.
        history: What was traded; needed where `needs_history` says so.

    Raises:
        UnknownNameError: A universe of the chain does not exist.
        ConfigError: Universes choose from one another in a circle, or no symbol has a sector that is named.
        SourceError: A file of tickers or memberships cannot be read.
    """
    memberships: Memberships = ()
    for link in reversed(universe_chain(name, specs)):
        spec = specs[link]
        if spec.of is None:
            memberships = _listed(link, spec, sectors)
        memberships = _within_sectors(link, spec, memberships, sectors)
        if spec.is_rule:
            if history is None:
                raise ValueError(f"the universe {link} is a rule and needs a history")
            # A choice is among those who are members when it comes to hold: what the other universe decided at the
            # same close counts already, so that the chosen are a part of it from the first day on.
            candidates = membership_mask(memberships, history.tickers, history.effective)
            memberships = choose_members(spec, history, candidates)
    return memberships


def members_on(memberships: Iterable[Membership], day: date) -> tuple[str, ...]:
    """Return the tickers of the members on a day, sorted, each once."""
    return tuple(sorted({membership.ticker for membership in memberships if membership.includes(day)}))


def membership_mask(memberships: Iterable[Membership], tickers: tuple[str, ...], sessions: DateArray) -> BoolArray:
    """Return who is a member at each session, shape (T, S); a member that is not among the tickers is left out."""
    column = {ticker: position for position, ticker in enumerate(tickers)}
    mask = np.zeros((len(sessions), len(tickers)), dtype=np.bool_)
    for spell in memberships:
        if spell.ticker in column:
            rows = slice(
                0 if spell.valid_from is None else int(np.searchsorted(sessions, np.datetime64(spell.valid_from, "D"))),
                None
                if spell.valid_to is None
                else int(np.searchsorted(sessions, np.datetime64(spell.valid_to), "right")),
            )
            mask[rows, column[spell.ticker]] = True
    return mask


def _listed(name: str, spec: UniverseSpec, sectors: Mapping[str, str | None]) -> Memberships:
    """Return what the spec lists; all known symbols where it lists nothing."""
    if spec.members is not None:
        return read_memberships(spec.members, f"universes.{name}.members")
    if spec.file is not None:
        tickers: Iterable[str] = read_tickers(spec.file, f"universes.{name}.file")
    else:
        tickers = sectors if spec.symbols is None else spec.symbols
    return tuple(Membership(ticker) for ticker in sorted(set(tickers)))


def _within_sectors(
    name: str, spec: UniverseSpec, memberships: Memberships, sectors: Mapping[str, str | None]
) -> Memberships:
    """Keep the members of the sectors wanted. A symbol of unknown sector is in none: kept out, but never excluded."""
    if sectors:
        known = {sector for sector in sectors.values() if sector is not None}
        _refuse_unknown_sectors(f"universes.{name}.sectors", spec.sectors or (), known)
        _refuse_unknown_sectors(f"universes.{name}.exclude_sectors", spec.exclude_sectors, known)
    return tuple(
        membership
        for membership in memberships
        if (spec.sectors is None or sectors.get(membership.ticker) in spec.sectors)
        and sectors.get(membership.ticker) not in spec.exclude_sectors
    )


def _refuse_unknown_sectors(setting: str, wanted: Iterable[str], known: set[str]) -> None:
    """Refuse a sector that nobody has: vendors word them differently, and a wrong word would change the universe."""
    for sector in wanted:
        if sector not in known:
            raise ConfigError(f"{setting}: no symbol is of the sector '{sector}'. {suggestion(sector, known)}")
