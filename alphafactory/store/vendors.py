"""The tables of what vendors were asked: budgets, answers, holes, observations. Nothing is asked twice that landed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import date, datetime

    from sqlalchemy import Connection

    from alphafactory.domain.market import Observation
    from alphafactory.domain.timeframes import Timeframe

_OPEN_DAY = """
INSERT INTO vendor_budgets (vendor, day, recent) VALUES (:vendor, :day, '{}') ON CONFLICT (vendor, day) DO NOTHING
"""
_LOCK_DAYS = """
SELECT 1 FROM vendor_budgets
WHERE vendor = :vendor AND day BETWEEN CAST(:day AS date) - 1 AND CAST(:day AS date) + 1 ORDER BY day FOR UPDATE
"""
_READ_BUDGET = """
WITH last_minute AS (
    SELECT sent FROM vendor_budgets, unnest(recent) AS r(sent)
    WHERE vendor = :vendor AND day BETWEEN CAST(:day AS date) - 1 AND CAST(:day AS date) + 1
        AND sent > clock_timestamp() - interval '1 minute'
)
SELECT spent, exhausted, (SELECT count(*) FROM last_minute) AS sent,
    (SELECT extract(epoch FROM min(sent) + interval '1 minute' - clock_timestamp()) FROM last_minute) AS wait
FROM vendor_budgets WHERE vendor = :vendor AND day = :day
"""
_TAKE = """
UPDATE vendor_budgets SET spent = spent + 1, recent = array_append(
    ARRAY(SELECT sent FROM unnest(recent) AS r(sent) WHERE sent > clock_timestamp() - interval '1 minute'),
    clock_timestamp())
WHERE vendor = :vendor AND day = :day
"""
_WRITE_ANSWER = """
INSERT INTO vendor_answers (vendor, subject, key, night, outcome, message)
SELECT :vendor, :subject, key, :night, :outcome, :message FROM unnest(CAST(:keys AS text[])) AS k(key)
ON CONFLICT (vendor, subject, key) DO UPDATE SET night = excluded.night, outcome = excluded.outcome,
    message = excluded.message, answered_at = clock_timestamp()
"""
_WRITE_GAP = """
INSERT INTO bar_gaps (symbol_id, timeframe, source, first_session, last_session, reason, asked_on)
VALUES (:symbol_id, :timeframe, :source, :first_session, :last_session, :reason, :asked_on)
ON CONFLICT (symbol_id, timeframe, source, first_session) DO UPDATE SET
    last_session = greatest(bar_gaps.last_session, excluded.last_session), reason = excluded.reason,
    asked_on = excluded.asked_on
"""
_WRITE_STATE = """
INSERT INTO source_states (source, stamp, newest_session, rejected_rows, night, outcome, message, requests, bars)
VALUES (:source, '', :newest_session, 0, :night, :outcome, :message, :requests, :bars)
ON CONFLICT (source) DO UPDATE SET newest_session = coalesce(excluded.newest_session, source_states.newest_session),
    night = excluded.night, outcome = excluded.outcome, message = excluded.message, requests = excluded.requests,
    bars = excluded.bars, delivered_at = clock_timestamp()
"""
_OBSERVE = """
INSERT INTO bar_observations (symbol_id, timeframe, session, source, close, volume, observed_at)
VALUES (:symbol_id, '1d', :session, :source, :close, :volume, :moment)
ON CONFLICT (symbol_id, timeframe, session, source) DO UPDATE SET close = excluded.close, volume = excluded.volume,
    observed_at = excluded.observed_at
WHERE (bar_observations.close, bar_observations.volume) IS DISTINCT FROM (excluded.close, excluded.volume)
"""


@dataclass(frozen=True, slots=True)
class Place:
    """What a budget answers to a request: `wait` seconds (0: the place is taken), or that the day's are `spent`."""

    wait: float
    spent: bool


@dataclass(frozen=True, slots=True)
class Gap:
    """Sessions from `first` to `last` that `source` does not have of a symbol."""

    symbol_id: int
    source: str
    first: date
    last: date
    reason: str
    asked_on: date
    timeframe: Timeframe = "1d"


@dataclass(frozen=True, slots=True)
class VendorState:
    """How a vendor did in a night."""

    source: str
    newest_session: date | None
    night: date
    outcome: str
    message: str
    requests: int
    bars: int


def take_place(connection: Connection, vendor: str, day: date, per_minute: int, per_day: int | None) -> Place:
    """Count one request, if the budget allows; the rows' locks make all threads and processes pass in turn.

    The days beside it are looked at too: at midnight, the last minute began on another day.
    """
    key = {"vendor": vendor, "day": day}
    connection.execute(text(_OPEN_DAY), key)
    connection.execute(text(_LOCK_DAYS), key)
    row = connection.execute(text(_READ_BUDGET), key).one()
    if row.exhausted or (per_day is not None and row.spent >= per_day):
        return Place(0.0, spent=True)
    if row.sent >= per_minute:
        return Place(max(float(row.wait), 0.001), spent=False)
    connection.execute(text(_TAKE), key)
    return Place(0.0, spent=False)


def exhaust_budget(connection: Connection, vendor: str, day: date) -> None:
    """Note that the vendor said itself that the day's quota is spent."""
    connection.execute(text(_OPEN_DAY), {"vendor": vendor, "day": day})
    update = text("UPDATE vendor_budgets SET exhausted = true WHERE vendor = :vendor AND day = :day")
    connection.execute(update, {"vendor": vendor, "day": day})


def read_spent(connection: Connection, vendor: str, day: date) -> int:
    """Return the number of requests sent to a vendor on a day."""
    query = text("SELECT spent FROM vendor_budgets WHERE vendor = :vendor AND day = :day")
    return int(connection.execute(query, {"vendor": vendor, "day": day}).scalar() or 0)


def write_answers(
    connection: Connection,
    vendor: str,
    subject: str,
    keys: Collection[str],
    *,
    night: date,
    outcome: str = "delivered",
    message: str = "",
) -> None:
    """Note how a vendor answered a question about each key (tickers, sessions, or '' for the whole market)."""
    values = {"vendor": vendor, "subject": subject, "night": night, "outcome": outcome, "message": message}
    connection.execute(text(_WRITE_ANSWER), {**values, "keys": list(keys)})


def read_answered(connection: Connection, vendor: str, subject: str, since: date) -> dict[str, str]:
    """Return the keys that a vendor was asked about since a night, with the outcome."""
    query = text("SELECT key, outcome FROM vendor_answers WHERE vendor = :v AND subject = :s AND night >= :since")
    return {
        str(key): str(outcome)
        for key, outcome in connection.execute(query, {"v": vendor, "s": subject, "since": since})
    }


def write_gaps(connection: Connection, gaps: Iterable[Gap]) -> None:
    """Note holes, so that the same source is not asked for them again."""
    rows = [
        {
            "symbol_id": gap.symbol_id, "source": gap.source, "first_session": gap.first, "last_session": gap.last,
            "reason": gap.reason, "asked_on": gap.asked_on, "timeframe": gap.timeframe,
        }
        for gap in gaps
    ]  # fmt: skip
    if rows:
        connection.execute(text(_WRITE_GAP), rows)


def read_gaps(connection: Connection, symbol_ids: Sequence[int], timeframe: Timeframe = "1d") -> list[Gap]:
    """Return the known holes of the symbols."""
    query = text(
        "SELECT symbol_id, source, first_session, last_session, reason, asked_on, timeframe FROM bar_gaps "
        "WHERE timeframe = :timeframe AND symbol_id = ANY(:ids) ORDER BY symbol_id, source, first_session"
    )
    return [Gap(*row) for row in connection.execute(query, {"ids": list(symbol_ids), "timeframe": timeframe})]


def write_observations(connection: Connection, observed: Sequence[tuple[int, Observation]], moment: datetime) -> int:
    """Keep what second vendors say beside the bars; return the number of rows."""
    rows: list[dict[str, Any]] = [
        {
            "symbol_id": key, "session": one.session, "source": one.source, "close": one.close,
            "volume": one.volume, "moment": moment,
        }
        for key, one in observed
    ]  # fmt: skip
    if rows:
        connection.execute(text(_OBSERVE), rows)
    return len(rows)


def read_observations(connection: Connection, symbol_ids: Sequence[int]) -> list[tuple[int, date, str, float, float]]:
    """Return (symbol, session, source, close, volume) of what second vendors say."""
    query = text(
        "SELECT symbol_id, session, source, close, volume FROM bar_observations "
        "WHERE timeframe = '1d' AND symbol_id = ANY(:ids) ORDER BY symbol_id, session, source"
    )
    return [tuple(row) for row in connection.execute(query, {"ids": list(symbol_ids)})]


def write_vendor_state(connection: Connection, state: VendorState) -> None:
    """Note how a vendor did tonight."""
    values = {name: getattr(state, name) for name in VendorState.__slots__}
    connection.execute(text(_WRITE_STATE), values)


def read_vendor_states(connection: Connection, night: date) -> list[VendorState]:
    """Return how the vendors asked in a night did."""
    query = text(
        "SELECT source, newest_session, night, outcome, message, requests, bars FROM source_states "
        "WHERE night = :night ORDER BY source"
    )
    return [VendorState(*row) for row in connection.execute(query, {"night": night})]
