"""Calendars: sessions, closes, and clear errors at the edges of what is known."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from alphafactory.calendar import (
    is_open_always,
    known_range,
    next_session,
    periods_per_year,
    session_close,
    session_open,
    sessions_between,
    zone,
)
from alphafactory.errors import UnknownNameError, UsageError


def days(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[D]")


def test_thanksgiving_week_has_four_sessions() -> None:
    expected = days("2024-11-25", "2024-11-26", "2024-11-27", "2024-11-29")
    np.testing.assert_array_equal(sessions_between("XNYS", date(2024, 11, 25), date(2024, 12, 1)), expected)


def test_an_unplanned_closure_is_known() -> None:
    assert len(sessions_between("XNYS", date(2018, 12, 5), date(2018, 12, 5))) == 0


def test_dates_older_than_what_was_built_widen_the_calendar() -> None:
    late = sessions_between("XNYS", date(2020, 1, 1), date(2020, 12, 31))
    early = sessions_between("XNYS", date(1985, 1, 1), date(1985, 12, 31))
    assert (len(late), len(early)) == (253, 252)
    np.testing.assert_array_equal(sessions_between("XNYS", date(2020, 1, 1), date(2020, 12, 31)), late)


def test_a_range_without_a_session_or_backwards_is_empty() -> None:
    assert len(sessions_between("XNYS", date(2024, 11, 30), date(2024, 12, 1))) == 0
    assert len(sessions_between("XNYS", date(2024, 12, 31), date(2024, 1, 1))) == 0


def test_every_day_is_a_session_where_the_market_never_closes() -> None:
    assert len(sessions_between("24/7", date(2024, 2, 1), date(2024, 3, 1))) == 30
    assert is_open_always("24/7")
    assert not is_open_always("XNYS")
    assert (periods_per_year("24/7"), periods_per_year("XNYS")) == (365, 252)


def test_closes_follow_daylight_saving_and_half_days() -> None:
    closes = session_close("XNYS", days("2024-07-01", "2024-11-29", "2024-12-02"))
    expected = ["2024-07-01T20:00", "2024-11-29T18:00", "2024-12-02T21:00"]
    np.testing.assert_array_equal(closes, np.array(expected, dtype="datetime64[us]"))


def test_a_day_that_is_no_session_closes_at_its_midnight() -> None:
    closes = session_close("XNYS", days("2024-11-30", "1500-01-01", "2024-11-29"))
    expected = ["2024-12-01T00:00", "1500-01-02T00:00", "2024-11-29T18:00"]
    np.testing.assert_array_equal(closes, np.array(expected, dtype="datetime64[us]"))
    assert len(session_close("XNYS", days())) == 0


def test_the_next_session_skips_holidays() -> None:
    assert next_session("XNYS", date(2024, 11, 27)) == date(2024, 11, 29)
    assert next_session("24/7", date(2024, 11, 30)) == date(2024, 12, 1)


def test_an_alias_is_the_same_calendar() -> None:
    year = (date(2023, 1, 1), date(2023, 12, 31))
    np.testing.assert_array_equal(sessions_between("NYSE", *year), sessions_between("XNYS", *year))


def test_an_unknown_calendar_names_a_near_one() -> None:
    with pytest.raises(UnknownNameError, match=r"exchange calendar 'xnys'.*'XNYS'"):
        sessions_between("xnys", date(2024, 1, 1), date(2024, 1, 31))


def test_dates_beyond_what_a_calendar_knows_say_so() -> None:
    first, last = known_range("XHKG")
    with pytest.raises(UsageError, match=f"XHKG knows the sessions from {first} to {last}"):
        sessions_between("XHKG", date(2020, 1, 1), date(2190, 1, 1))
    with pytest.raises(UsageError, match="knows no session after"):
        next_session("XHKG", last)


def test_sessions_open_by_the_exchange_s_own_clock() -> None:
    found = session_open("XNYS", days("2024-03-08", "2024-03-11", "2024-03-10"))
    expected = np.array(["2024-03-08T14:30", "2024-03-11T13:30", "2024-03-10T00:00"], dtype="datetime64[us]")
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(session_open("24/7", days("2024-03-10")), expected[2:])


def test_an_exchange_lies_in_a_zone() -> None:
    assert [zone(name) for name in ("XNYS", "XLON", "24/7")] == ["America/New_York", "Europe/London", "UTC"]
    with pytest.raises(UnknownNameError):
        zone("XNOWHERE")
