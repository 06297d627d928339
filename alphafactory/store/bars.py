"""The tables of bars: raw bars in and out in bulk, revisions kept, fingerprints computed where the bars are.

Goes in: an ordered `BarBatch` and the keys of its symbols. Comes out: what changed. Symbols without a bar are copied
straight into the table; for the others the batch goes to a staging table, and only rows that differ are touched:

1. A bar that its own source changed by more than half a tick goes to `bar_revisions` and is replaced.
2. A bar that is not there yet is added, whoever delivers it.

Bars of a symbol's first night are deemed known at their session's close; later ones from the moment they came.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from psycopg import sql
from sqlalchemy import text

from alphafactory.domain.bars import BAR_FIELDS, BarBatch
from alphafactory.store.bulk import ColumnData, copy_in, read_packed, row_keys, text_column
from alphafactory.store.database import raw

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date, datetime

    from sqlalchemy import Connection

    from alphafactory.domain.arrays import BoolArray, DateArray, IntArray

_KINDS = {"session": "date", **dict.fromkeys(BAR_FIELDS, "float8")}
_STAGING = """
CREATE TEMP TABLE staged_bars (
    symbol_id int, session date, open float8, high float8, low float8, close float8, volume float8, known_at timestamptz
) ON COMMIT DROP
"""
# A source that tells whole shares on the basis after a reverse split cannot give the former volumes back exactly: what
# half a share of today's is worth in shares of then is no difference.
_SHARE_LOST = """
coalesce((
    SELECT 0.5 + 0.5 / exp(sum(ln(later.ratio))) FROM (
        SELECT DISTINCT ON (x.ex_date) x.ratio FROM splits x WHERE x.symbol_id = b.symbol_id AND x.ex_date > b.session
        ORDER BY x.ex_date, x.known_at DESC
    ) later WHERE later.ratio > 0 HAVING sum(ln(later.ratio)) < 0
), 0)
"""
# Half a tick: US shares trade in cents, below a dollar in hundredths of a cent; coins of less than ten cents in finer
# steps.
DIFFERS = f"s.volume <> b.volume AND abs(s.volume - b.volume) > {_SHARE_LOST} OR " + " OR ".join(
    f"abs(s.{name} - b.{name}) > CASE WHEN b.{name} >= 1 THEN 0.005 + 1e-9 "
    f"ELSE least(0.00005 + 1e-9, 0.0005 * abs(b.{name})) END"
    for name in BAR_FIELDS
    if name != "volume"
)
_VALUES = ", ".join(BAR_FIELDS)
_REVISE = f"""
WITH old AS (
    SELECT b.* FROM bars_1d b JOIN staged_bars s USING (symbol_id, session)
    WHERE b.source = :source AND ({DIFFERS})
), kept AS (
    INSERT INTO bar_revisions (symbol_id, timeframe, session, {_VALUES}, source, known_from, known_to)
    SELECT symbol_id, timeframe, session, {_VALUES}, source, known_at, :moment FROM old
    ON CONFLICT DO NOTHING
)
UPDATE bars_1d b SET ({_VALUES}) = ROW ({", ".join(f"s.{name}" for name in BAR_FIELDS)}),
    known_at = :moment, known_at_assumed = :assumed, ingested_at = clock_timestamp()
FROM staged_bars s, old
WHERE b.symbol_id = old.symbol_id AND b.session = old.session AND s.symbol_id = b.symbol_id AND s.session = b.session
"""  # noqa: S608  only our own column names are put in
_ADD = f"""
INSERT INTO bars_1d (symbol_id, timeframe, session, {_VALUES}, source, known_at, known_at_assumed)
SELECT symbol_id, '1d', session, {_VALUES}, :source,
    CASE WHEN symbol_id = ANY(:fresh) THEN known_at ELSE greatest(known_at, :moment) END,
    symbol_id = ANY(:fresh) OR :assumed
FROM staged_bars s
WHERE NOT EXISTS (SELECT 1 FROM bars_1d b WHERE b.symbol_id = s.symbol_id AND b.session = s.session)
"""  # noqa: S608  only our own column names are put in
_KNOWN = f"""
SELECT symbol_id, session, {_VALUES} FROM bars_1d b
WHERE symbol_id = ANY({{ids}}) AND known_at <= {{cutoff}} {{clean}}
UNION ALL
SELECT symbol_id, session, {_VALUES} FROM bar_revisions b
WHERE timeframe = '1d' AND symbol_id = ANY({{ids}}) AND known_from <= {{cutoff}} AND known_to > {{cutoff}} {{clean}}
"""  # noqa: S608  only our own column names are put in
# What was known of a bar then: findings of then, with the last judgement of then.
_CLEAN = """
AND NOT EXISTS (
    SELECT 1 FROM quality_findings q WHERE q.symbol_id = b.symbol_id AND q.session = b.session AND q.timeframe = '1d'
    AND q.known_at <= {cutoff} AND (q.closed_at IS NULL OR q.closed_at > {cutoff})
    AND coalesce((
        SELECT j.verdict = 'rejected' FROM quality_judgements j WHERE j.finding_id = q.id AND j.judged_at <= {cutoff}
        ORDER BY j.judged_at DESC, j.id DESC LIMIT 1
    ), q.quarantined)
)
"""

_BY_KEY = 50
_GROWTH = 5
"""The statistics of a table are renewed when a write adds more than a fifth of what it held."""


@dataclass(frozen=True, slots=True)
class BarChanges:
    """How many bars are new and how many replaced an earlier version."""

    new: int
    changed: int


def upsert_bars(
    connection: Connection,
    batch: BarBatch,
    symbol_ids: IntArray,
    source: str,
    *,
    closes: DateArray,
    moment: datetime,
    fresh: Collection[int] = (),
    assumed: bool = False,
) -> BarChanges:
    """Write an ordered batch.

    Args:
        connection: an open transaction.
        batch: n ordered bars, one a symbol and session, finite.
        symbol_ids: shape (tickers,), the key of each ticker of the batch.
        source: who delivered them.
        closes: shape (n,), datetime64[us] UTC: each session's close, when the world could first know the bar.
        moment: aware UTC; when bars became known to us, those of fresh symbols aside.
        fresh: keys of the symbols whose first night this is: their bars are deemed known at their closes.
        assumed: whether `moment` itself is assumed, because the night is a later repetition.
    """
    query = text(
        "SELECT DISTINCT symbol_id FROM unnest(CAST(:ids AS int[])) AS u(symbol_id) "
        "WHERE EXISTS (SELECT 1 FROM bars_1d b WHERE b.symbol_id = u.symbol_id)"
    )
    stored = connection.execute(query, {"ids": [int(key) for key in symbol_ids]}).scalars().all()
    known = np.isin(symbol_ids, np.array(stored, dtype=np.int64))[batch.codes]
    new = _copy_first(connection, batch.take(~known), symbol_ids, source, closes[~known]) if not known.all() else 0
    news = known & _is_news(connection, batch, symbol_ids)
    if not news.any():
        return BarChanges(new, 0)
    connection.execute(text(_STAGING))
    moments = ColumnData("known_at", "timestamptz", closes[news])
    copy_in(raw(connection), "staged_bars", [*_columns(batch.take(news), symbol_ids), moments])
    connection.execute(text("ANALYZE staged_bars"))
    terms = {"source": source, "moment": moment, "assumed": assumed}
    changed = connection.execute(text(_REVISE), terms).rowcount
    added = connection.execute(text(_ADD), {**terms, "fresh": list(fresh)}).rowcount
    connection.execute(text("DROP TABLE staged_bars"))
    return BarChanges(new + added, changed)


def _is_news(connection: Connection, batch: BarBatch, symbol_ids: IntArray) -> BoolArray:
    """Return the mask of the bars that the table does not hold to the bit; shape (n,)."""
    query = sql.SQL("SELECT * FROM bars_1d WHERE symbol_id = ANY({}) AND session BETWEEN {} AND {}").format(
        [int(key) for key in symbol_ids], batch.sessions.min().item(), batch.sessions.max().item()
    )
    owners, stored = read_packed(raw(connection), query, "symbol_id", "session", _KINDS)
    held = row_keys(owners, stored["session"])
    wanted = row_keys(symbol_ids[batch.codes], batch.sessions)
    if len(held) == 0:
        return np.ones(len(wanted), dtype=np.bool_)
    place = np.minimum(np.searchsorted(held, wanted), len(held) - 1)
    same = held[place] == wanted
    for name in BAR_FIELDS:
        same &= stored[name][place] == getattr(batch, name)
    news: BoolArray = ~same
    return news


def _copy_first(connection: Connection, batch: BarBatch, symbol_ids: IntArray, source: str, closes: DateArray) -> int:
    rows = len(batch)
    # A default that asks the clock would make the server insert row by row.
    now = connection.execute(text("SELECT clock_timestamp() AT TIME ZONE 'UTC'")).scalar_one()
    columns = [
        *_columns(batch, symbol_ids),
        ColumnData("ingested_at", "timestamptz", np.broadcast_to(np.datetime64(now, "us"), (rows,))),
        text_column("timeframe", "1d", rows),
        text_column("source", source, rows),
        ColumnData("known_at", "timestamptz", closes),
        ColumnData("known_at_assumed", "bool", np.ones(rows, dtype=np.uint8)),
    ]
    written = copy_in(raw(connection), "bars_1d", columns)
    # The night reads at once, long before autovacuum would look; a few rows more change no plan.
    counted = connection.execute(text("SELECT reltuples FROM pg_class WHERE oid = 'bars_1d'::regclass")).scalar_one()
    if counted < rows * _GROWTH:
        connection.execute(text("ANALYZE bars_1d"))
    return written


def _columns(batch: BarBatch, symbol_ids: IntArray) -> list[ColumnData]:
    keys = [
        ColumnData("symbol_id", "int4", symbol_ids[batch.codes]),
        ColumnData("session", "date", batch.sessions),
    ]
    return keys + [ColumnData(name, "float8", getattr(batch, name)) for name in BAR_FIELDS]


def read_bars(
    connection: Connection,
    symbol_ids: Sequence[int],
    tickers: Sequence[str],
    cutoff: datetime,
    *,
    clean: bool,
) -> BarBatch:
    """Return the daily bars of the symbols, raw, ordered, as known at `cutoff`; `clean` leaves quarantined ones out."""
    query = sql.SQL(_KNOWN).format(ids=sql.Literal(list(symbol_ids)), **_terms(cutoff, clean=clean))
    keys, columns = read_packed(raw(connection), query, "symbol_id", "session", _KINDS)
    order = np.argsort(np.asarray(symbol_ids), kind="stable")
    codes = order[np.searchsorted(np.asarray(symbol_ids), keys, sorter=order)].astype(np.int64)
    values = {name: np.ascontiguousarray(columns[name]) for name in BAR_FIELDS}
    lines = np.zeros(len(codes), dtype=np.int64)
    return BarBatch(tuple(tickers), codes, columns["session"], **values, lines=lines).ordered()


def read_fingerprints(
    connection: Connection, cutoff: datetime, *, clean: bool, symbol_ids: Sequence[int] | None = None
) -> dict[int, str]:
    """Return for each symbol, all or those named, a hash of its daily bars as known at `cutoff`.

    It is computed by the server from the rows themselves, so that nothing can change a bar unnoticed. The exclusive or
    of the rows' hashes does not depend on their order, and the key of a row makes each one different.
    """
    # Many symbols are hashed faster in one pass over the table than by their keys.
    some = symbol_ids if symbol_ids is not None and len(symbol_ids) < _BY_KEY else None
    query = sql.SQL(
        "SELECT symbol_id, count(*), bit_xor(hash_record_extended(ROW(session, open, high, low, close, volume), 0)) "
        "FROM ({}) known GROUP BY symbol_id"
    ).format(_known(cutoff, some, clean=clean))
    rows = raw(connection).execute(query).fetchall()
    return {int(str(key)): f"{count}:{mixed}" for key, count, mixed in rows}


def _known(cutoff: datetime, symbol_ids: Sequence[int] | None, *, clean: bool) -> sql.Composed:
    if symbol_ids is not None:
        return sql.SQL(_KNOWN).format(ids=sql.Literal(list(symbol_ids)), **_terms(cutoff, clean=clean))
    return sql.SQL(_KNOWN.replace("symbol_id = ANY({ids}) AND ", "")).format(**_terms(cutoff, clean=clean))


def _terms(cutoff: datetime, *, clean: bool) -> dict[str, sql.Composable]:
    moment = sql.Literal(cutoff)
    return {"cutoff": moment, "clean": sql.SQL(_CLEAN).format(cutoff=moment) if clean else sql.SQL("")}


def read_held(connection: Connection, symbol_ids: Sequence[int], cutoff: datetime) -> dict[int, dict[str, DateArray]]:
    """Return, by symbol and source, the sessions of the daily bars that were known at `cutoff`, ascending."""
    query = text(
        "SELECT symbol_id, source, string_agg(date_send(session), ''::bytea ORDER BY session) FROM bars_1d "
        "WHERE symbol_id = ANY(:ids) AND known_at <= :cutoff GROUP BY symbol_id, source"
    )
    held: dict[int, dict[str, DateArray]] = {}
    for key, source, packed in connection.execute(query, {"ids": list(symbol_ids), "cutoff": cutoff}):
        days = np.frombuffer(packed, dtype=">i4").astype("timedelta64[D]")
        held.setdefault(int(key), {})[str(source)] = np.datetime64("2000-01-01", "D") + days
    return held


def read_closes(connection: Connection, symbol_ids: Sequence[int], since: date) -> dict[tuple[int, date], float]:
    """Return the raw closes since a day, by symbol and session."""
    query = text("SELECT symbol_id, session, close FROM bars_1d WHERE symbol_id = ANY(:ids) AND session >= :since")
    found = connection.execute(query, {"ids": list(symbol_ids), "since": since})
    return {(int(key), session): float(close) for key, session, close in found}


def longest_history(connection: Connection, cutoff: datetime) -> int:
    """Return the number of daily bars that the symbol with most of them had at `cutoff`."""
    query = text(
        "SELECT coalesce(max(n), 0) FROM "
        "(SELECT count(*) AS n FROM bars_1d WHERE known_at <= :cutoff GROUP BY symbol_id) counted"
    )
    return int(connection.execute(query, {"cutoff": cutoff}).scalar_one())


def is_past(connection: Connection, cutoff: datetime) -> bool:
    """Whether the table holds anything that was not yet known at `cutoff`."""
    query = text("SELECT EXISTS (SELECT 1 FROM bars_1d WHERE known_at > :cutoff)")
    return bool(connection.execute(query, {"cutoff": cutoff}).scalar_one())


def newest_session(connection: Connection, symbol_ids: Sequence[int], as_of: date) -> date | None:
    """Return the newest session up to `as_of` of which any of the symbols has a bar."""
    query = text(  # a look into the index for each symbol, instead of all their bars
        "SELECT max(newest.session) FROM unnest(CAST(:ids AS int[])) AS wanted(id), LATERAL ("
        "SELECT session FROM bars_1d WHERE symbol_id = wanted.id AND session <= :as_of "
        "ORDER BY session DESC LIMIT 1) AS newest"
    )
    found: date | None = connection.execute(query, {"ids": list(symbol_ids), "as_of": as_of}).scalar()
    return found
