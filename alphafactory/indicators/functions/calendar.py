"""The calendar: where a session stands in its week, month, quarter and year, and what the exchange does next.

What follows a session is taken from the exchange's calendar, which is known long before, and never from the next bar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.plugins import Parameter
from alphafactory.indicators.base import IndicatorFunction, Output

if TYPE_CHECKING:
    from collections.abc import Callable

    from alphafactory.domain.arrays import BoolArray, DateArray, FloatArray, IntArray
    from alphafactory.indicators.computation import Computation

EXPIRY_DAYS = (15, 21)
"""The days of the month between which the third Friday falls, on which most options on shares expire."""
WINTER = (11, 4)
"""First and last month of the half-year that is called the good one."""


def _weeks(days: DateArray) -> IntArray:
    """Number the weeks from Monday to Sunday; day 0 of 1970 was a Thursday."""
    return (days.astype("datetime64[D]").astype(np.int64) + 3) // 7


def _weekdays(days: DateArray) -> IntArray:
    """Return 1 for Monday to 7 for Sunday."""
    return (days.astype("datetime64[D]").astype(np.int64) + 3) % 7 + 1


def _months(days: DateArray) -> IntArray:
    return days.astype("datetime64[M]").astype(np.int64)


def _quarters(days: DateArray) -> IntArray:
    return _months(days) // 3


def _years(days: DateArray) -> IntArray:
    return days.astype("datetime64[Y]").astype(np.int64)


def _first_of_month(data: Computation) -> tuple[FloatArray, ...]:
    return (_among_first(data.sessions, 1),)


def _turn_of_month(data: Computation, first: int) -> tuple[FloatArray, ...]:
    is_last = _months(data.sessions) != _months(data.next_sessions)
    return (np.maximum(_among_first(data.sessions, first), is_last),)


def _among_first(sessions: DateArray, count: int) -> FloatArray:
    """Return 1 on the first `count` bars of a month: the bar that many before lies in another month."""
    months = _months(sessions)
    values = np.full(len(months), np.nan)
    values[count:] = months[count:] != months[: max(len(months) - count, 0)]
    return values


def _before_holiday(data: Computation) -> tuple[FloatArray, ...]:
    next_weekday = np.busday_offset(data.sessions.astype("datetime64[D]") + 1, 0, roll="forward")
    return ((data.next_sessions > next_weekday).astype(np.float64),)


def _days_to_next_session(data: Computation) -> tuple[FloatArray, ...]:
    return ((data.next_sessions - data.sessions).astype("timedelta64[D]").astype(np.float64),)


def _month_of_year(data: Computation) -> tuple[FloatArray, ...]:
    return ((_months(data.sessions) % 12 + 1).astype(np.float64),)


def _winter_half(data: Computation) -> tuple[FloatArray, ...]:
    month = data.value("month_of_year")
    return (((month >= WINTER[0]) | (month <= WINTER[1])).astype(np.float64),)


def _option_expiry_week(data: Computation) -> tuple[FloatArray, ...]:
    fridays = data.sessions.astype("datetime64[D]") + (5 - _weekdays(data.sessions))
    day = (fridays - fridays.astype("datetime64[M]")).astype(np.int64) + 1
    return (((day >= EXPIRY_DAYS[0]) & (day <= EXPIRY_DAYS[1])).astype(np.float64),)


def _last_of(name: str, title: str, periods: Callable[[DateArray], IntArray]) -> IndicatorFunction:
    def compute(data: Computation) -> tuple[FloatArray, ...]:
        last: BoolArray = periods(data.sessions) != periods(data.next_sessions)
        return (last.astype(np.float64),)

    return IndicatorFunction(
        name=name,
        title=title,
        group="calendar",
        inputs=("session", "next_session"),
        outputs=_code(name, 0.0, 1.0),
        warm_up=lambda: 0,
        compute=compute,
    )


def _code(name: str, low: float, high: float) -> tuple[Output, ...]:
    return (Output(name, unit="state", kind="flag", low=low, high=high),)


DAY_OF_WEEK = IndicatorFunction(
    name="day_of_week",
    title="Day of the week, 1 for Monday to 7 for Sunday",
    group="calendar",
    inputs=("session",),
    outputs=_code("day_of_week", 1.0, 7.0),
    warm_up=lambda: 0,
    compute=lambda data: (_weekdays(data.sessions).astype(np.float64),),
)

MONTH_OF_YEAR = IndicatorFunction(
    name="month_of_year",
    title="Month of the year, 1 for January to 12 for December",
    group="calendar",
    inputs=("session",),
    outputs=_code("month_of_year", 1.0, 12.0),
    warm_up=lambda: 0,
    compute=_month_of_year,
)

WINTER_HALF = IndicatorFunction(
    name="winter_half",
    title="State: November to April (Bouman and Jacobsen, 2002)",
    group="calendar",
    inputs=("session",),
    outputs=_code("winter_half", 0.0, 1.0),
    warm_up=lambda: 0,
    compute=_winter_half,
    uses=("month_of_year",),
)

FIRST_SESSION_OF_MONTH = IndicatorFunction(
    name="first_session_of_month",
    title="State: the bar before lies in another month",
    group="calendar",
    inputs=("session",),
    outputs=_code("first_session_of_month", 0.0, 1.0),
    warm_up=lambda: 1,
    compute=_first_of_month,
)

TURN_OF_MONTH = IndicatorFunction(
    name="turn_of_month",
    title="State: the last session of a month or one of the first bars of the next (Lakonishok and Smidt, 1988)",
    group="calendar",
    inputs=("session", "next_session"),
    outputs=_code("turn_of_month", 0.0, 1.0),
    parameters={"first": Parameter(3, 1, 10, "bars of a new month that count, and the warm-up")},
    warm_up=lambda first: first,
    compute=_turn_of_month,
)

BEFORE_HOLIDAY = IndicatorFunction(
    name="before_holiday",
    title="State: the exchange stays closed on the next day from Monday to Friday (Ariel, 1990)",
    group="calendar",
    inputs=("session", "next_session"),
    outputs=_code("before_holiday", 0.0, 1.0),
    warm_up=lambda: 0,
    compute=_before_holiday,
)

DAYS_TO_NEXT_SESSION = IndicatorFunction(
    name="days_to_next_session",
    title="Calendar days until the exchange's next session",
    group="calendar",
    inputs=("session", "next_session"),
    outputs=(Output("days_to_next_session", unit="days", kind="flag", low=1.0),),
    warm_up=lambda: 0,
    compute=_days_to_next_session,
)

OPTION_EXPIRY_WEEK = IndicatorFunction(
    name="option_expiry_week",
    title="State: the week, Monday to Sunday, of the month's third Friday",
    group="calendar",
    inputs=("session",),
    outputs=_code("option_expiry_week", 0.0, 1.0),
    warm_up=lambda: 0,
    compute=_option_expiry_week,
)

LAST_SESSION_OF_WEEK = _last_of("last_session_of_week", "State: the next session lies in another week", _weeks)
LAST_SESSION_OF_MONTH = _last_of("last_session_of_month", "State: the next session lies in another month", _months)
LAST_SESSION_OF_QUARTER = _last_of(
    "last_session_of_quarter", "State: the next session lies in another quarter", _quarters
)
LAST_SESSION_OF_YEAR = _last_of("last_session_of_year", "State: the next session lies in another year", _years)
