"""The tables of intraday bars: `bars_1h` to `bars_1m`, raw bars in and out in bulk, revisions kept.

Goes in: an ordered `BarBatch` with instants and the keys of its symbols. Comes out: what changed. Provenance is that of
daily bars, with the opening instant in the place of the session:

1. The first bars of a symbol are copied straight into the partition, deemed known when each of them ended.
2. For other symbols the batch is compared with what is stored in its span; only rows that differ are staged.
3. A bar that its own source changed by more than half a tick goes to `bar_revisions` and is replaced.
4. A bar that is not there yet is added, whoever delivers it.

A copy into a partition that has never held a row makes the key after the rows, which takes a third off the time of
millions. Nobody can read the partition until then, and nothing is in it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from psycopg import sql
from sqlalchemy import text

from alphafactory.domain.bars import BAR_FIELDS, BarBatch
from alphafactory.domain.timeframes import TIMEFRAMES, is_intraday
from alphafactory.errors import UsageError
from alphafactory.store.bars import DIFFERS, BarChanges
from alphafactory.store.bulk import ColumnData, copy_in, read_columns, text_column
from alphafactory.store.database import raw

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date

    from sqlalchemy import Connection

    from alphafactory.domain.arrays import BoolArray, DateArray, IntArray
    from alphafactory.domain.timeframes import Timeframe

_KINDS = {"ts": "timestamptz", "session": "date", **dict.fromkeys(BAR_FIELDS, "float8")}
_VALUES = ", ".join(BAR_FIELDS)
_ROW = f"session, ts, {_VALUES}"
_STAGING = """
CREATE TEMP TABLE staged_bars (
    symbol_id int, session date, ts timestamptz, open float8, high float8, low float8, close float8, volume float8,
    known_at timestamptz
) ON COMMIT DROP
"""
_REVISE = f"""
WITH old AS (
    SELECT b.* FROM {{table}} b JOIN staged_bars s USING (symbol_id, ts) WHERE b.source = :source AND ({DIFFERS})
), kept AS (
    INSERT INTO bar_revisions (symbol_id, timeframe, {_ROW}, source, known_from, known_to)
    SELECT symbol_id, timeframe, {_ROW}, source, known_at, :moment FROM old
    ON CONFLICT DO NOTHING
)
UPDATE {{table}} b SET ({_VALUES}) = ROW ({", ".join(f"s.{name}" for name in BAR_FIELDS)}),
    known_at = :moment, known_at_assumed = :assumed, ingested_at = clock_timestamp()
FROM staged_bars s, old
WHERE b.symbol_id = old.symbol_id AND b.ts = old.ts AND s.symbol_id = b.symbol_id AND s.ts = b.ts
"""  # noqa: S608  only our own names are put in
_ADD = f"""
INSERT INTO {{table}} (symbol_id, timeframe, {_ROW}, source, known_at, known_at_assumed)
SELECT symbol_id, :timeframe, {_ROW}, :source,
    CASE WHEN symbol_id = ANY(:fresh) THEN known_at ELSE greatest(known_at, :moment) END,
    symbol_id = ANY(:fresh) OR :assumed
FROM staged_bars s
WHERE NOT EXISTS (SELECT 1 FROM {{table}} b WHERE b.symbol_id = s.symbol_id AND b.ts = s.ts)
"""  # noqa: S608  only our own names are put in
_KNOWN = f"""
SELECT symbol_id, {_ROW} FROM {{table}} WHERE symbol_id = ANY({{ids}}) AND known_at <= {{cutoff}} {{span}}
UNION ALL
SELECT symbol_id, {_ROW} FROM bar_revisions
WHERE timeframe = {{timeframe}} AND symbol_id = ANY({{ids}}) AND known_from <= {{cutoff}} AND known_to > {{cutoff}}
{{span}}
"""  # noqa: S608  only our own names are put in
_HELD = """
SELECT symbol_id, source, string_agg(date_send(session), ''::bytea ORDER BY session)
FROM (SELECT DISTINCT symbol_id, source, session FROM {table} WHERE symbol_id = ANY(:ids) AND known_at <= :cutoff) held
GROUP BY symbol_id, source
"""
# The key knows instants alone. No session reaches further from its date than this, in whatever zone it lies.
_REACH = "2 days"


def upsert_intraday(
    connection: Connection,
    batch: BarBatch,
    symbol_ids: IntArray,
    source: str,
    timeframe: Timeframe,
    *,
    ends: DateArray,
    moment: datetime,
    fresh: Collection[int] = (),
    assumed: bool = False,
) -> BarChanges:
    """Write an ordered batch of intraday bars.

    Args:
        connection: an open transaction.
        batch: n ordered bars with instants, one a symbol and instant, finite.
        symbol_ids: shape (tickers,), the key of each ticker of the batch.
        source: who delivered them.
        timeframe: the length of the bars.
        ends: shape (n,), datetime64[us] UTC: when each bar ended, so that the world could first know it.
        moment: aware UTC; when bars became known to us, those of fresh symbols aside.
        fresh: keys of the symbols whose first night this is: their bars are deemed known at their ends.
        assumed: whether `moment` itself is assumed, because the night is a later repetition.

    Raises:
        UsageError: The timeframe is no intraday one, or the bars have no instants.
    """
    table = _partition(timeframe)
    if batch.instants is None:
        raise UsageError(f"Bars of {timeframe} came without their opening instants. Give BarBatch.instants.")
    keyless = len(batch) > 0 and _drop_key_of_empty(connection, table)
    known = _has_bars(connection, table, symbol_ids)[batch.codes]
    first = batch.take(~known)
    new = _copy_first(connection, first, symbol_ids, source, timeframe, ends=ends[~known]) if len(first) else 0
    if keyless:
        connection.execute(text(f"ALTER TABLE {table} ADD CONSTRAINT pk_{table} PRIMARY KEY (symbol_id, ts)"))
    rest = batch.take(known)
    news = _is_news(connection, table, rest, symbol_ids)
    if not news.any():
        return BarChanges(new, 0)
    connection.execute(text(_STAGING))
    known_at = ColumnData("known_at", "timestamptz", ends[known][news])
    copy_in(raw(connection), "staged_bars", [*_columns(rest.take(news), symbol_ids), known_at])
    connection.execute(text("ANALYZE staged_bars"))
    terms = {"source": source, "moment": moment, "assumed": assumed}
    changed = connection.execute(text(_REVISE.format(table=table)), terms).rowcount
    more = {"fresh": list(fresh), "timeframe": timeframe}
    added = connection.execute(text(_ADD.format(table=table)), terms | more).rowcount
    connection.execute(text("DROP TABLE staged_bars"))
    return BarChanges(new + added, changed)


def _partition(timeframe: Timeframe) -> str:
    """Return the table of a timeframe; it is put into statements, so that nothing but our own names may pass."""
    if timeframe not in TIMEFRAMES or not is_intraday(timeframe):
        raise UsageError(f"'{timeframe}' is no intraday timeframe. Use one of {', '.join(TIMEFRAMES[1:])}.")
    return f"bars_{timeframe}"


def _drop_key_of_empty(connection: Connection, table: str) -> bool:
    """Take the key away from a partition that never held a row, until the end of the transaction; return whether."""
    # The size is asked first, as it leaves no lock behind: two first loads that both read would wait for each other.
    if connection.execute(text(f"SELECT pg_relation_size('{table}')")).scalar_one() > 0:
        return False
    connection.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
    if connection.execute(text(f"SELECT EXISTS (SELECT 1 FROM {table})")).scalar_one():  # noqa: S608  our own name
        return False
    connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT pk_{table}"))
    return True


def _has_bars(connection: Connection, table: str, symbol_ids: IntArray) -> BoolArray:
    query = text(
        "SELECT symbol_id FROM unnest(CAST(:ids AS int[])) AS u(symbol_id) "  # noqa: S608  the partition's own name
        f"WHERE EXISTS (SELECT 1 FROM {table} b WHERE b.symbol_id = u.symbol_id)"
    )
    stored = connection.execute(query, {"ids": [int(key) for key in symbol_ids]}).scalars().all()
    return np.isin(symbol_ids, np.array(stored, dtype=np.int64))


def _is_news(connection: Connection, table: str, batch: BarBatch, symbol_ids: IntArray) -> BoolArray:
    """Return the mask of the bars that the table does not hold to the bit; shape (n,)."""
    news = np.ones(len(batch), dtype=np.bool_)
    if batch.instants is None or len(batch) == 0:
        return news
    query = sql.SQL("SELECT * FROM {} WHERE symbol_id = ANY({}) AND ts BETWEEN {} AND {}").format(
        sql.Identifier(table),
        sql.Literal(np.unique(symbol_ids[batch.codes]).tolist()),
        sql.Literal(_moment(batch.instants.min())),
        sql.Literal(_moment(batch.instants.max())),
    )
    tickers = dict(zip(symbol_ids.tolist(), batch.tickers, strict=True))
    held = _as_batch(connection, query, list(tickers), list(tickers.values()))
    assert held.instants is not None
    ours, theirs = batch.starts(), held.starts()
    for code in range(len(batch.tickers)):
        mine, other = slice(ours[code], ours[code + 1]), slice(theirs[code], theirs[code + 1])
        if mine.start == mine.stop or other.start == other.stop:
            continue
        times = held.instants[other]
        place = np.minimum(np.searchsorted(times, batch.instants[mine]), len(times) - 1)
        same = times[place] == batch.instants[mine]
        for name in BAR_FIELDS:
            same &= getattr(held, name)[other][place] == getattr(batch, name)[mine]
        news[mine] = ~same
    return news


def _copy_first(
    connection: Connection, batch: BarBatch, symbol_ids: IntArray, source: str, timeframe: Timeframe, *, ends: DateArray
) -> int:
    rows = len(batch)
    # Sent and not left to the column's default: with a default that is volatile, COPY writes row by row, which takes
    # a third longer.
    now = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    columns = [
        *_columns(batch, symbol_ids),
        text_column("timeframe", timeframe, rows),
        text_column("source", source, rows),
        ColumnData("known_at", "timestamptz", ends),
        ColumnData("known_at_assumed", "bool", np.ones(rows, dtype=np.uint8)),
        ColumnData("ingested_at", "timestamptz", np.broadcast_to(_instant(now), (rows,))),
    ]
    table = _partition(timeframe)
    written = copy_in(raw(connection), table, columns)
    connection.execute(text(f"ANALYZE {table}"))  # the night reads at once, long before autovacuum would look
    return written


def _columns(batch: BarBatch, symbol_ids: IntArray) -> list[ColumnData]:
    assert batch.instants is not None
    keys = [
        ColumnData("symbol_id", "int4", symbol_ids[batch.codes]),
        ColumnData("session", "date", batch.sessions),
        ColumnData("ts", "timestamptz", batch.instants),
    ]
    return keys + [ColumnData(name, "float8", getattr(batch, name)) for name in BAR_FIELDS]


def read_intraday(
    connection: Connection,
    symbol_ids: Sequence[int],
    tickers: Sequence[str],
    timeframe: Timeframe,
    cutoff: datetime,
    *,
    start: date | None = None,
    end: date | None = None,
) -> BarBatch:
    """Return the intraday bars of the symbols, raw, ordered, as known at `cutoff`.

    Args:
        connection: an open transaction.
        symbol_ids: the symbols' keys.
        tickers: their tickers, in the same order.
        timeframe: the length of the bars.
        cutoff: aware UTC; what became known later is left out.
        start: first session, None for no bound.
        end: last session, inclusive, None for no bound.

    Raises:
        UsageError: The timeframe is no intraday one.
    """
    query = sql.SQL(_KNOWN).format(
        table=sql.Identifier(_partition(timeframe)),
        timeframe=sql.Literal(timeframe),
        ids=sql.Literal(list(symbol_ids)),
        cutoff=sql.Literal(cutoff),
        span=_span(start, end),
    )
    return _as_batch(connection, query, symbol_ids, tickers)


def read_held_sessions(
    connection: Connection, symbol_ids: Sequence[int], timeframe: Timeframe, cutoff: datetime
) -> dict[int, dict[str, DateArray]]:
    """Return, by symbol and source, the sessions of which bars were known at `cutoff`, ascending."""
    query = text(_HELD.format(table=_partition(timeframe)))
    found: dict[int, dict[str, DateArray]] = {}
    for key, source, packed in connection.execute(query, {"ids": list(symbol_ids), "cutoff": cutoff}):
        days = np.frombuffer(packed, dtype=">i4").astype("timedelta64[D]")
        found.setdefault(int(key), {})[str(source)] = np.datetime64("2000-01-01", "D") + days
    return found


def _span(start: date | None, end: date | None) -> sql.Composed:
    """Return the condition of the sessions, and beside it one of instants, which the key can follow."""
    reach = sql.SQL(f"interval '{_REACH}'")
    parts: list[sql.Composable] = []
    if start is not None:
        parts.append(sql.SQL("AND session >= {0} AND ts >= {0}::timestamptz - {1}").format(sql.Literal(start), reach))
    if end is not None:
        parts.append(sql.SQL("AND session <= {0} AND ts < {0}::timestamptz + {1}").format(sql.Literal(end), reach))
    return sql.SQL(" ").join(parts)


def _as_batch(
    connection: Connection, query: sql.Composed, symbol_ids: Sequence[int], tickers: Sequence[str]
) -> BarBatch:
    keys, columns = read_columns(raw(connection), query, "symbol_id", _KINDS)
    order = np.argsort(np.asarray(symbol_ids, dtype=np.int64), kind="stable")
    codes = order[np.searchsorted(np.asarray(symbol_ids, dtype=np.int64), keys, sorter=order)].astype(np.int64)
    values = {name: columns[name] for name in BAR_FIELDS}
    lines = np.zeros(len(codes), dtype=np.int64)
    return BarBatch(tuple(tickers), codes, columns["session"], **values, lines=lines, instants=columns["ts"]).ordered()


def _moment(instant: np.datetime64) -> datetime:
    found: datetime = instant.astype("datetime64[us]").item()
    return found.replace(tzinfo=UTC)


def _instant(moment: datetime) -> np.datetime64:
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")
