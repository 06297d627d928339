"""When jobs are due, and what a scheduler does about it, without a database."""

from __future__ import annotations

import os
import signal
import threading
from datetime import UTC, date, datetime, timedelta

import pytest

from alphafactory.config import ScheduleConfig
from alphafactory.errors import ConfigError, PluginError, UnknownNameError
from alphafactory.job import Job, in_order
from alphafactory.registry import Registry
from alphafactory.scheduling import Scheduler, Timetable, exchange_times

STEPS = (("step", lambda: None),)


def registry(*jobs: Job) -> Registry[Job]:
    found: Registry[Job] = Registry("jobs")
    for job in jobs or (Job("nightly", "", STEPS),):
        found.add(job, f"jobs/{job.name}.py")
    return found


def timetable(entry: str = "30 18 * * mon-fri", catch_up_hours: int = 72) -> Timetable:
    schedule = ScheduleConfig(jobs={"nightly": entry}, catch_up_hours=catch_up_hours)
    return Timetable(schedule, registry())


def new_york(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timetable().zone).astimezone(UTC)


def due_times(entry: str, start: str, days: int) -> list[str]:
    table, moment, end = timetable(entry), new_york(start), new_york(start) + timedelta(days=days)
    found = []
    while (moment := table.next_due("nightly", moment) or end) < end:
        found.append(moment.strftime("%m-%d %H:%MZ"))
    return found


def test_a_time_that_comes_twice_is_due_once() -> None:
    """On 3 November 2024 New York saw 01:30 twice: at 05:30 and at 06:30 UTC."""
    assert due_times("30 1 * * *", "2024-11-02T12:00", 3) == ["11-03 05:30Z", "11-04 06:30Z", "11-05 06:30Z"]


def test_a_time_that_is_left_out_is_due_once() -> None:
    """On 10 March 2024 New York saw no 02:30: clocks went from 02:00 to 03:00, and 02:30 was 03:30 there, 07:30 UTC."""
    assert due_times("30 2 * * *", "2024-03-09T12:00", 3) == ["03-10 07:30Z", "03-11 06:30Z", "03-12 06:30Z"]


def test_the_same_wall_time_is_kept_over_the_change() -> None:
    assert due_times("30 18 * * *", "2024-03-09T12:00", 2) == ["03-09 23:30Z", "03-10 22:30Z"]


@pytest.mark.parametrize(
    ("field", "days"),
    [("1-5", "mon tue wed thu fri"), ("mon-fri", "mon tue wed thu fri"), ("0", "sun"), ("7", "sun"), ("*", None),
     ("5-1/2", "fri sun"), ("sat,sun", "sat sun")],
)  # fmt: skip
def test_weekdays_are_numbered_as_in_crontab(field: str, days: str | None) -> None:
    entry = exchange_times(f"0 12 * * {field}", "UTC")
    found, moment = [], datetime(2024, 1, 7, tzinfo=UTC)  # a Sunday
    for _ in range(7):
        fire = entry.get_next_fire_time(None, moment)
        if fire is not None and fire < moment + timedelta(days=1):
            found.append(fire.strftime("%a").lower())
        moment += timedelta(days=1)
    assert sorted(found) == sorted((days or "sun mon tue wed thu fri sat").split())


@pytest.mark.parametrize("entry", ["61 1 * * *", "a b c d e", "0 0 * * 9", "0 0 * * someday", "0 25 * * *"])
def test_a_wrong_entry_is_refused(entry: str) -> None:
    with pytest.raises(ConfigError, match="is no cron entry"):
        timetable(entry)


def test_an_entry_that_never_comes_is_never_due() -> None:
    table = timetable("0 0 30 2 *")
    assert table.next_due("nightly", new_york("2024-01-01T00:00")) is None
    assert table.newest_due("nightly", new_york("2024-01-01T00:00"), new_york("2024-01-02T00:00")) is None


def test_an_unknown_job_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"no job 'nightlly'\. Did you mean 'nightly'"):
        Timetable(ScheduleConfig(jobs={"nightlly": "0 0 * * *"}), registry())


def test_jobs_that_are_due_together_go_in_order() -> None:
    jobs = registry(
        Job("a", "", STEPS, after=("b",)), Job("b", "", STEPS, after=("c", "elsewhere")), Job("c", "", STEPS)
    )
    table = Timetable(ScheduleConfig(jobs=dict.fromkeys("abc", "0 0 * * *")), jobs)
    assert list(table.entries) == ["c", "b", "a"]
    with pytest.raises(PluginError, match="wait for each other"):
        in_order([Job("a", "", STEPS, after=("b",)), Job("b", "", STEPS, after=("a",))])


def test_a_job_needs_steps_with_names_of_their_own() -> None:
    with pytest.raises(PluginError, match="needs steps"):
        Job("a", "", ())
    with pytest.raises(PluginError, match="needs steps"):
        Job("a", "", STEPS * 2)


class Clockwork:
    """A scheduler under a clock that the test moves, and a list of what it was made to run."""

    def __init__(self, entry: str, now: str, catch_up_hours: int = 72) -> None:
        self.now = new_york(now)
        self.ran: list[datetime] = []
        self.known = True
        self.scheduler = Scheduler(timetable(entry, catch_up_hours), self.work, lambda: self.now)

    def work(self, job: str, due: datetime, now: datetime) -> bool:
        assert (job, now) == ("nightly", self.now)
        self.ran.append(due)
        return self.known


def test_the_newest_missed_night_is_made_up_for_once() -> None:
    clock = Clockwork("30 18 * * mon-fri", "2024-06-05T10:00")  # a Wednesday
    assert clock.scheduler.attend()
    assert clock.scheduler.attend()
    assert clock.ran == [new_york("2024-06-04T18:30")]
    clock.now = new_york("2024-06-05T18:30")
    clock.scheduler.attend()
    assert clock.ran[1:] == [new_york("2024-06-05T18:30")]


def test_a_night_missed_too_long_ago_stays_missed() -> None:
    clock = Clockwork("30 18 * * mon-fri", "2024-06-05T10:00", catch_up_hours=12)
    clock.scheduler.attend()
    assert clock.ran == []
    clock.now = new_york("2024-06-06T10:00")  # another job took a day, or the machine slept
    clock.scheduler.attend()
    assert clock.ran == [new_york("2024-06-05T18:30")]


def test_what_could_not_be_asked_is_tried_again() -> None:
    clock = Clockwork("30 18 * * mon-fri", "2024-06-05T10:00")
    clock.known = False
    assert not clock.scheduler.attend()
    clock.known = True
    assert clock.scheduler.attend()
    assert clock.ran == [new_york("2024-06-04T18:30")] * 2


def test_a_run_sees_the_world_as_of_its_due_day_at_the_exchange() -> None:
    assert timetable().session_of(new_york("2024-06-04T23:30")) == date(2024, 6, 4)


def test_a_stop_signal_lets_the_running_job_finish() -> None:
    finished = threading.Event()

    def work(_job: str, _due: datetime, _now: datetime) -> bool:
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait(0.2)
        finished.set()
        return True

    before = signal.getsignal(signal.SIGTERM)
    Scheduler(timetable("* * * * *"), work).run_until_stopped()
    assert finished.is_set()
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_alarm_wakes_a_waiting_scheduler() -> None:
    """APScheduler's alarm, and not the start, makes the second look: the clock is at the next due time by then."""
    moments = iter([new_york("2024-06-05T10:00")] * 2)
    ran: list[datetime] = []

    def work(_job: str, due: datetime, _now: datetime) -> bool:
        ran.append(due)
        if len(ran) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return len(ran) == 2  # the first answer, "not known", asks for another alarm

    scheduler = Scheduler(timetable(), work, lambda: next(moments, datetime.now(UTC) - timedelta(seconds=299)))
    scheduler.run_until_stopped()
    assert len(ran) == 2
