"""Who belonged to a universe on which day, as known at the night."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.store import universes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alphafactory.domain.arrays import BoolArray, DateArray
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.store.database import Connection
    from alphafactory.store.universes import Spell


@dataclass(frozen=True, slots=True)
class Memberships:
    """Spells of membership by symbol, None where everybody belongs to it all the time."""

    spells: Mapping[int, tuple[Spell, ...]] | None

    def of(self, keys: Sequence[int]) -> list[tuple[int, tuple[Spell, ...]]] | None:
        """Return the spells of these symbols, in their order, None where they do not matter."""
        return None if self.spells is None else [(key, self.spells.get(key, ())) for key in keys]

    def mask(self, key: int, sessions: DateArray) -> BoolArray:
        """Return on which sessions a symbol was a member, shape of `sessions`."""
        if self.spells is None:
            return np.ones(len(sessions), dtype=np.bool_)
        member = np.zeros(len(sessions), dtype=np.bool_)
        for _, start, end in self.spells.get(key, ()):
            first = 0 if start is None else int(np.searchsorted(sessions, np.datetime64(start, "D")))
            last = None if end is None else int(np.searchsorted(sessions, np.datetime64(end, "D"), side="right"))
            member[first:last] = True
        return member


def read_memberships(connection: Connection, workspace: Workspace, name: str | None) -> Memberships:
    """Return the memberships of a universe that began by the night; of no universe, those of everybody."""
    if name is None:
        return Memberships(None)
    found: dict[int, tuple[Spell, ...]] = {}
    for spell in universes.read_spells(connection, name, workspace.cutoff):
        if spell[1] is None or spell[1] <= workspace.as_of:
            found[spell[0]] = (*found.get(spell[0], ()), spell)
    return Memberships(found)
