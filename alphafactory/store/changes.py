"""What a night learned of the past, read from the dated tables: restated bars, late actions, judgements, old results.

A window runs from the last moment of the night before (left out) to the night's own moment (included). Everything here
is dated by when it became known, so a repeated night reads the same, whatever has been learned since.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from sqlalchemy import Connection

# Scores are written every night with its moment; a later run of the same night shows in job_runs alone.
_NIGHT_BEFORE = """
SELECT s.night, greatest(s.known_at, (
    SELECT max(r.started_at) FROM job_runs r
    WHERE r.job = 'nightly' AND r.as_of = s.night AND r.started_at < :until AND r.outcome IN ('fine', 'partial')
)) FROM (
    SELECT night, max(known_at) AS known_at FROM quality_scores WHERE night < :as_of
    GROUP BY night ORDER BY night DESC LIMIT 1
) s
"""
_WINDOW = "> coalesce(CAST(:since AS timestamptz), '-infinity') AND {moment} <= :until"
# A bar that changed twice in the window is told once: what it said before, and what it says at the end.
_RESTATED = f"""
WITH first AS (
    SELECT DISTINCT ON (r.symbol_id, r.session) r.* FROM bar_revisions r
    WHERE r.timeframe = '1d' AND r.symbol_id = ANY(:ids) AND r.known_to {_WINDOW.format(moment="r.known_to")}
    ORDER BY r.symbol_id, r.session, r.known_to
), became AS (
    SELECT f.symbol_id, f.session, b.open, b.high, b.low, b.close, b.volume FROM first f
    JOIN bars_1d b ON b.symbol_id = f.symbol_id AND b.session = f.session AND b.known_at <= :until
    UNION ALL
    SELECT f.symbol_id, f.session, l.open, l.high, l.low, l.close, l.volume FROM first f
    JOIN bar_revisions l ON l.timeframe = '1d' AND l.symbol_id = f.symbol_id AND l.session = f.session
        AND l.known_from <= :until AND l.known_to > :until
)
SELECT f.symbol_id, y.ticker, f.session, f.source, f.open AS old_open, n.open AS new_open, f.high AS old_high,
    n.high AS new_high, f.low AS old_low, n.low AS new_low, f.close AS old_close, n.close AS new_close,
    f.volume AS old_volume, n.volume AS new_volume
FROM first f JOIN became n USING (symbol_id, session) JOIN symbols y ON y.id = f.symbol_id
ORDER BY y.ticker, f.session
"""  # noqa: S608  only our own words are put in
# An action of a symbol's first load is deemed known at its ex-date: it is no news, whenever that was.
_LATE_ACTIONS = f"""
SELECT a.symbol_id, y.ticker, a.kind, a.ex_date, a.source, a.old_amount, a.amount AS new_amount
FROM (
    SELECT *, lag(amount) OVER (PARTITION BY symbol_id, kind, ex_date ORDER BY known_at) AS old_amount FROM actions
) a JOIN symbols y ON y.id = a.symbol_id
WHERE a.known_at {_WINDOW.format(moment="a.known_at")} AND a.ex_date <= :before
    AND a.known_at <> CAST(a.ex_date AS timestamp) AT TIME ZONE 'UTC'
ORDER BY y.ticker, a.ex_date, a.kind, a.known_at
"""  # noqa: S608  only our own words are put in
_ACTIONS = """
WITH actions AS (
    SELECT symbol_id, 'split' AS kind, ex_date, known_at, ratio AS amount, source FROM splits
    WHERE symbol_id = ANY(:ids)
    UNION ALL
    SELECT symbol_id, kind || ' dividend', ex_date, known_at, amount, source FROM dividends
    WHERE symbol_id = ANY(:ids)
)
"""
# A judgement that sticks to a finding opened anew is copied with its moment: it is told once.
_JUDGED = f"""
SELECT DISTINCT ON (q.subject, q.rule, q.session, j.judged_at) q.symbol_id, q.subject, q.rule, q.session, j.verdict,
    j.note, j.judged_at, q.quarantined
FROM quality_judgements j JOIN quality_findings q ON q.id = j.finding_id
WHERE j.judged_at {_WINDOW.format(moment="j.judged_at")}
ORDER BY q.subject, q.rule, q.session, j.judged_at, j.id
"""  # noqa: S608  only our own words are put in
# A result of this night that came before it on the same night counts as earlier only where no other night has one.
_BEFORE = """
SELECT n.id, o.id, o.sharpe, o.total_return FROM backtests n
JOIN job_runs t ON t.id = n.job_run_id AND t.as_of = :as_of
CROSS JOIN LATERAL (
    SELECT b.id, b.sharpe, b.total_return FROM backtests b JOIN job_runs r ON r.id = b.job_run_id
    WHERE b.subject_key = n.subject_key AND b.id <> n.id AND b.origin = 'nightly' AND b.status = 'done'
        AND r.as_of <= :as_of
    ORDER BY r.as_of < :as_of DESC, r.as_of DESC, b.id DESC LIMIT 1
) o
WHERE n.id = ANY(:ids)
"""


@dataclass(frozen=True, slots=True)
class Window:
    """When a night learned: after `since` (None: ever) up to `until`; `night` is the night before, None for none."""

    night: date | None
    since: datetime | None
    until: datetime


@dataclass(frozen=True, slots=True)
class Earlier:
    """What answered a question before tonight: its key, Sharpe ratio and total return as a fraction."""

    backtest_id: int
    sharpe: float | None
    total_return: float | None


def read_window(connection: Connection, as_of: date, moment: datetime) -> Window:
    """Return what the night of `as_of` covers, whose moment is `moment`."""
    found = connection.execute(text(_NIGHT_BEFORE), {"as_of": as_of, "until": moment}).one_or_none()
    return Window(None, None, moment) if found is None else Window(found[0], found[1], moment)


def read_restated(connection: Connection, symbol_ids: Sequence[int], window: Window) -> list[dict[str, Any]]:
    """Return the daily bars that their own source changed: every field as it was (`old_`) and became (`new_`)."""
    return _read(connection, _RESTATED, {"ids": list(symbol_ids), **_terms(window)})


def read_late_actions(
    connection: Connection, symbol_ids: Sequence[int], window: Window, as_of: date
) -> list[dict[str, Any]]:
    """Return the splits and dividends of sessions that the night before had seen; an amount of 0 withdraws one."""
    terms = {"ids": list(symbol_ids), "before": window.night or as_of, **_terms(window)}
    return _read(connection, _ACTIONS + _LATE_ACTIONS, terms)


def read_judged(connection: Connection, window: Window) -> list[dict[str, Any]]:
    """Return what persons judged, with the finding."""
    return _read(connection, _JUDGED, _terms(window))


def read_before(connection: Connection, keys: Sequence[int], as_of: date) -> dict[int, Earlier]:
    """Return, for each of these backtests that was computed as of this date, the result that it replaced."""
    found = connection.execute(text(_BEFORE), {"ids": list(keys), "as_of": as_of})
    return {int(new): Earlier(int(old), sharpe, total) for new, old, sharpe, total in found}


def _terms(window: Window) -> dict[str, Any]:
    return {"since": window.since, "until": window.until}


def _read(connection: Connection, statement: str, terms: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(text(statement), terms).mappings()]
