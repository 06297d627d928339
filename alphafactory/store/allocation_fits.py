"""The table of fitted allocations: what an optimiser found once is not computed again.

Goes in: fits under the hash of all that they depend on. Comes out: their weights. A fit is never changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from psycopg.types.json import Jsonb
from sqlalchemy import text

from alphafactory.domain.allocation import Allocation
from alphafactory.store.database import raw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from sqlalchemy import Connection

_READ = "SELECT key, array_send(weights), model, note FROM allocation_fits WHERE key = ANY(:keys)"
_WRITE = """
INSERT INTO allocation_fits (key, allocation, session, universe_hash, settings, symbols, weights, model, note)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (key) DO NOTHING
"""
_HEADER = 20
_ELEMENT = np.dtype([("#", ">i4"), ("weight", ">f8")])


@dataclass(frozen=True, slots=True)
class FitRecord:
    """A fit on its way to the table: `key` is the hash of all it depends on, `session` the close it was made at.

    `settings` are canonical words, with the model under `model`; `symbols` are those of the weights, in order.
    """

    key: str
    session: date
    universe_hash: str
    settings: Mapping[str, Any]
    symbols: Sequence[str]
    answer: Allocation


def read_fits(connection: Connection, keys: Sequence[str]) -> dict[str, Allocation]:
    """Return what is stored under these keys."""
    found = connection.execute(text(_READ), {"keys": list(keys)})
    return {str(key): Allocation(_weights(bytes(packed)), str(model), str(note)) for key, packed, model, note in found}


def write_fits(connection: Connection, fits: Sequence[FitRecord]) -> None:
    """Store fits; one that is there already stays as it is."""
    rows = [
        (
            fit.key,
            str(fit.settings["model"]),
            fit.session,
            fit.universe_hash,
            Jsonb(dict(fit.settings)),
            list(fit.symbols),
            fit.answer.weights.tolist(),
            fit.answer.model,
            fit.answer.note,
        )
        for fit in fits
    ]
    with raw(connection).cursor() as cursor:
        cursor.executemany(_WRITE, rows)


def _weights(packed: bytes) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Unpack a one-dimensional array of float8 in PostgreSQL's binary form; an empty one has no dimension."""
    return np.frombuffer(packed[_HEADER:], dtype=_ELEMENT)["weight"].astype(np.float64)
