"""Bars of a timeframe that nobody delivered, made of finer ones that are stored."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from alphafactory.calendar import session_close, session_open
from alphafactory.domain.bars import BAR_FIELDS
from alphafactory.domain.resampling import resample
from alphafactory.domain.timeframes import SECONDS, TIMEFRAMES
from alphafactory.store.intraday import read_intraday

if TYPE_CHECKING:
    from datetime import date, datetime

    from alphafactory.domain.arrays import DateArray
    from alphafactory.domain.timeframes import Timeframe
    from alphafactory.store.database import Connection
    from alphafactory.store.symbols import SymbolRow


def read_coarser(
    connection: Connection,
    row: SymbolRow,
    timeframe: Timeframe,
    cutoff: datetime,
    *,
    first: date | None = None,
    last: date | None = None,
) -> list[dict[str, Any]]:
    """Return a symbol's raw bars made of the coarsest finer ones that are stored; none where there are none.

    Each names in `source` the timeframe that it is made of. It is known since the last of its parts, which is told by
    no row of its own: `known_at` is None.
    """
    for finer in (tf for tf in TIMEFRAMES if SECONDS[tf] < SECONDS[timeframe]):
        batch = read_intraday(connection, [row.id], [row.ticker], finer, cutoff, start=first, end=last)
        if len(batch):
            calendar = row.listing.calendar
            opens, closes = session_open(calendar, batch.sessions), session_close(calendar, batch.sessions)
            made = resample(batch, finer, timeframe, opens=opens, closes=closes)
            columns = {name: getattr(made, name).tolist() for name in BAR_FIELDS}
            times = [None] * len(made) if made.instants is None else _aware(made.instants)
            return [
                {
                    "session": session,
                    "ts": time,
                    **{name: column[place] for name, column in columns.items()},
                    "source": f"made of {finer}",
                    "known_at": None,
                    "assumed": None,
                    "replaced": False,
                }
                for place, (session, time) in enumerate(zip(made.sessions.tolist(), times, strict=True))
            ]
    return []


def _aware(instants: DateArray) -> list[datetime]:
    return [instant.replace(tzinfo=UTC) for instant in instants.astype("datetime64[us]").tolist()]
