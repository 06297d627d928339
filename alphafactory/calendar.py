"""Exchange calendars: which days are sessions, when each opens and closes, and in which zone the exchange lies.

Goes in: the name of a calendar of `exchange_calendars` (XNYS, XLON, 24/7 …) and dates. Comes out: NumPy arrays of
sessions, of opening and of closing instants. A calendar is built once a process and rebuilt only when dates beyond its
bounds are asked for; the library's own default would start twenty years back.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from alphafactory.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    import numpy.typing as npt

    from alphafactory.domain.arrays import DateArray

ALWAYS_OPEN = "24/7"
FIRST_DAY = date(1900, 1, 1)
LAST_DAY = date(2200, 1, 1)
"""The library computes in nanoseconds, which end in 2262; no exchange's rules reach as far as either bound."""

_BUILT_FROM = date(2000, 1, 1)
_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True, slots=True)
class _Built:
    """The sessions of one calendar from `start` to `end`, both inclusive, their opens, closes in UTC, and half days."""

    start: date
    end: date
    sessions: DateArray
    opens: npt.NDArray[np.datetime64]
    closes: npt.NDArray[np.datetime64]
    early_closes: DateArray


_built: dict[str, _Built] = {}


def is_open_always(calendar: str) -> bool:
    """Return whether every day of the calendar is a session."""
    return calendar == ALWAYS_OPEN


def periods_per_year(calendar: str) -> int:
    """Return the number of sessions by which a year is annualised: 365 where every day is one, else 252."""
    return 365 if is_open_always(calendar) else 252


def known_range(calendar: str) -> tuple[date, date]:
    """Return the first and the last day on which the calendar can say whether it is open.

    Raises:
        UnknownNameError: There is no such calendar.
    """
    if is_open_always(calendar):
        return FIRST_DAY, LAST_DAY
    factory = _factory(calendar)
    low, high = factory.bound_min(), factory.bound_max()
    first = FIRST_DAY if low is None else max(low.date(), FIRST_DAY)
    return first, LAST_DAY if high is None else min(high.date(), LAST_DAY)


def sessions_between(calendar: str, start: date, end: date) -> DateArray:
    """Return the sessions from `start` to `end`, both inclusive, as datetime64[D], ascending.

    Raises:
        UnknownNameError: There is no such calendar.
        UsageError: A date lies beyond what the calendar knows.
    """
    if start > end:
        return np.empty(0, dtype="datetime64[D]")
    sessions = _calendar(calendar, start, end).sessions
    first = int(np.searchsorted(sessions, np.datetime64(start, "D"), side="left"))
    last = int(np.searchsorted(sessions, np.datetime64(end, "D"), side="right"))
    return sessions[first:last]


def early_closes(calendar: str, start: date, end: date) -> DateArray:
    """Return the sessions from `start` to `end` that close before the usual hour, in the form of `sessions_between`."""
    if start > end:
        return np.empty(0, dtype="datetime64[D]")
    early = _calendar(calendar, start, end).early_closes
    first = int(np.searchsorted(early, np.datetime64(start, "D"), side="left"))
    last = int(np.searchsorted(early, np.datetime64(end, "D"), side="right"))
    return early[first:last]


def next_session(calendar: str, day: date) -> date:
    """Return the first session after `day`; errors as `sessions_between`."""
    month_later = date.fromordinal(day.toordinal() + 31)
    _, last = known_range(calendar)
    sessions = _calendar(calendar, day, max(day, min(month_later, last))).sessions
    position = int(np.searchsorted(sessions, np.datetime64(day, "D"), side="right"))
    if position == len(sessions):
        raise UsageError(f"Calendar {calendar} knows no session after {day}. Use an earlier date.")
    found: date = sessions[position].item()
    return found


def session_open(calendar: str, sessions: DateArray) -> npt.NDArray[np.datetime64]:
    """Return the instant at which each session opens, as datetime64[us] in UTC, shape of `sessions`.

    A day that is no session, or that the calendar does not know, gets its own midnight, 00:00 UTC.
    """
    return _instants(calendar, sessions, "opens", sessions.astype("datetime64[us]"))


def session_close(calendar: str, sessions: DateArray) -> npt.NDArray[np.datetime64]:
    """Return the instant at which each session closes, as datetime64[us] in UTC, shape of `sessions`.

    A day that is no session (a faulty bar has one) or that the calendar does not know gets its own midnight, 24:00 UTC.
    """
    return _instants(calendar, sessions, "closes", (sessions.astype("datetime64[D]") + _DAY).astype("datetime64[us]"))


def _instants(
    calendar: str, sessions: DateArray, which: Literal["opens", "closes"], otherwise: npt.NDArray[np.datetime64]
) -> npt.NDArray[np.datetime64]:
    low, high = (np.datetime64(day, "D") for day in known_range(calendar))
    inside = (sessions >= low) & (sessions <= high)
    if not bool(np.any(inside)):
        return otherwise
    built = _calendar(calendar, sessions[inside].min().item(), sessions[inside].max().item())
    position = np.minimum(np.searchsorted(built.sessions, sessions), len(built.sessions) - 1)
    known: npt.NDArray[np.datetime64] = getattr(built, which)[position]
    return np.where(built.sessions[position] == sessions, known, otherwise)


def zone(calendar: str) -> str:
    """Return the name of the time zone in which the exchange lies, UTC where it is always open.

    Raises:
        UnknownNameError: There is no such calendar.
    """
    return "UTC" if is_open_always(calendar) else str(_factory(calendar).tz)


def _calendar(calendar: str, start: date, end: date) -> _Built:
    """Return the built calendar that covers the dates, widening the one at hand where it must."""
    built = _built.get(calendar)
    if built is not None and built.start <= start and end <= built.end:
        return built
    first, last = known_range(calendar)
    if start < first or end > last:
        raise UsageError(
            f"Calendar {calendar} knows the sessions from {first} to {last}, but {start} to {end} was asked for. "
            "Use dates within that range."
        )
    since = min(date(start.year, 1, 1), _BUILT_FROM if built is None else built.start)
    until = max(date(end.year + 1, 12, 31), end if built is None else built.end)
    widened = _build(calendar, max(since, first), min(until, last))
    _built[calendar] = widened
    return widened


def _build(calendar: str, start: date, end: date) -> _Built:
    if is_open_always(calendar):
        sessions = np.arange(np.datetime64(start, "D"), np.datetime64(end, "D") + _DAY)
        opens, closes = sessions.astype("datetime64[us]"), (sessions + _DAY).astype("datetime64[us]")
        return _Built(start, end, sessions, opens, closes, sessions[:0])
    factory = _factory(calendar)
    with warnings.catch_warnings():
        # exchange_calendars 4.13 reads a column in a way that pandas 3.1 has deprecated; nothing here can change that.
        warnings.simplefilter("ignore")
        schedule = factory(start=start, end=end)
        sessions = schedule.sessions.to_numpy().astype("datetime64[D]")
        opens, closes = (
            column.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
            for column in (schedule.opens, schedule.closes)
        )
        early = schedule.early_closes.to_numpy().astype("datetime64[D]")
    return _Built(start, end, sessions, opens, closes, early)


@cache
def _factory(calendar: str) -> Any:
    """Return the library's class of that calendar, aliases (NYSE, NASDAQ) resolved."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in _build
        from exchange_calendars import calendar_utils  # noqa: PLC0415  0.3 s with pandas: only where dates are judged

    aliases = {**calendar_utils._default_calendar_aliases}  # noqa: SLF001  the public call builds the calendar at once
    factories = calendar_utils._default_calendar_factories  # noqa: SLF001
    name = aliases.get(calendar, calendar)
    if name not in factories:
        raise UnknownNameError("exchange calendar", calendar, {*factories, *aliases})
    return factories[name]
