"""Rebalances stand where the exchange's calendar has them, and nobody looks ahead for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from alphafactory.calendar import sessions_between
from alphafactory.errors import UnknownNameError
from alphafactory.portfolio import rebalance_rows

if TYPE_CHECKING:
    from alphafactory.domain.arrays import DateArray


def days(start: str, end: str, calendar: str = "XNYS") -> DateArray:
    return sessions_between(calendar, np.datetime64(start).item(), np.datetime64(end).item())


def marked(sessions: DateArray, period: str, on: str, calendar: str = "XNYS") -> list[str]:
    return [str(day) for day in sessions[rebalance_rows(sessions, calendar, period, on)]]


def test_months_of_new_york_by_hand() -> None:
    # 2019-03-29 was a Friday before a weekend, 2019-04-19 Good Friday, 2019-05-27 Memorial Day.
    sessions = days("2019-03-11", "2019-06-14")
    assert marked(sessions, "monthly", "last") == ["2019-03-29", "2019-04-30", "2019-05-31"]
    assert marked(sessions, "monthly", "first") == ["2019-04-01", "2019-05-01", "2019-06-03"]


def test_weeks_with_holidays_by_hand() -> None:
    # Good Friday ends its week on Thursday, Memorial Day begins its week on Tuesday.
    assert marked(days("2019-04-15", "2019-04-26"), "weekly", "last") == ["2019-04-18", "2019-04-26"]
    assert marked(days("2019-05-20", "2019-05-31"), "weekly", "first") == ["2019-05-20", "2019-05-28"]


def test_quarters_and_years_by_hand() -> None:
    sessions = days("2018-01-02", "2020-01-10")
    assert marked(sessions, "yearly", "last") == ["2018-12-31", "2019-12-31"]
    assert marked(sessions, "yearly", "first") == ["2018-01-02", "2019-01-02", "2020-01-02"]
    assert marked(days("2019-01-02", "2019-12-31"), "quarterly", "last") == [
        "2019-03-29",
        "2019-06-28",
        "2019-09-30",
        "2019-12-31",
    ]


def test_never_and_daily() -> None:
    sessions = days("2019-01-02", "2019-02-28")
    assert not rebalance_rows(sessions, "XNYS", "never", "last").any()
    assert rebalance_rows(sessions, "XNYS", "daily", "last").all()
    assert len(rebalance_rows(sessions[:0], "XNYS", "monthly", "last")) == 0


def test_a_calendar_without_holidays() -> None:
    sessions = days("2020-02-20", "2020-03-05", "24/7")
    assert marked(sessions, "monthly", "last", "24/7") == ["2020-02-29"]
    assert marked(sessions, "weekly", "last", "24/7") == ["2020-02-23", "2020-03-01"]


@pytest.mark.parametrize("period", ["weekly", "monthly", "quarterly", "yearly"])
@pytest.mark.parametrize("on", ["first", "last"])
def test_the_newest_row_knows_itself(period: str, on: str) -> None:
    sessions = days("2018-11-01", "2020-01-31")
    whole = rebalance_rows(sessions, "XNYS", period, on)
    assert whole.sum() >= 1
    for end in range(1, len(sessions)):
        cut = rebalance_rows(sessions[:end], "XNYS", period, on)
        np.testing.assert_array_equal(cut, whole[:end])


@pytest.mark.parametrize("on", ["first", "last"])
def test_a_later_begin_of_the_data_changes_no_other_row(on: str) -> None:
    sessions = days("2019-01-02", "2019-06-28")
    whole = rebalance_rows(sessions, "XNYS", "monthly", on)
    for start in range(1, 60, 7):
        np.testing.assert_array_equal(rebalance_rows(sessions[start:], "XNYS", "monthly", on), whole[start:])


@pytest.mark.parametrize(
    ("on", "missing", "instead"), [("last", "2019-04-30", "05-01"), ("first", "2019-05-01", "05-02")]
)
def test_a_missing_session_is_made_up_for_at_the_next(on: str, missing: str, instead: str) -> None:
    sessions = days("2019-04-01", "2019-05-31")
    sessions = sessions[sessions != np.datetime64(missing)]
    found = marked(sessions, "monthly", on)
    assert f"2019-{instead}" in found
    assert len(found) == 2


def test_a_hole_over_a_border_makes_one_rebalance() -> None:
    sessions = days("2019-01-02", "2019-12-31")
    hole = (sessions >= np.datetime64("2019-03-20")) & (sessions <= np.datetime64("2019-06-04"))
    assert marked(sessions[~hole], "monthly", "last")[2:4] == ["2019-06-05", "2019-06-28"]


def test_unknown_words_are_refused() -> None:
    sessions = days("2019-01-02", "2019-01-31")
    with pytest.raises(UnknownNameError, match=r"rebalance period 'montly'.*'monthly'"):
        rebalance_rows(sessions, "XNYS", "montly", "last")
    with pytest.raises(UnknownNameError, match="session of a rebalance 'middle'"):
        rebalance_rows(sessions, "XNYS", "monthly", "middle")
    with pytest.raises(UnknownNameError, match="exchange calendar 'XNYZ'"):
        rebalance_rows(sessions, "XNYZ", "monthly", "last")
