"""Starts jobs at their times. In: the cron entries of the config. Out: each job once for each time it was due.

1. A cron entry is a rule in the exchange's time zone. The time at which a run was due, never the time at which somebody
   noticed, is the run's name, so that every scheduler on every machine calls it the same.
2. At start, and whenever APScheduler wakes us, the newest due time of each job is looked up. Older ones are not made
   up for: one night on today's data is worth all the nights that were missed.
3. Whoever claims (job, due time) in the tables runs it; the tables decide, so that ten schedulers run a job once.
   APScheduler keeps nothing but its alarm clock, in memory.
4. Jobs run one after another on the main thread; a stop signal lets the running one finish, a second one interrupts it.
"""

from __future__ import annotations

import queue
import re
import signal
import threading
from collections.abc import Callable
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias
from zoneinfo import ZoneInfo

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger

from alphafactory.errors import ConfigError
from alphafactory.job import in_order

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alphafactory.config import ScheduleConfig
    from alphafactory.job import Job
    from alphafactory.registry import Registry

Work: TypeAlias = Callable[[str, datetime, datetime], bool]
"""Called with a job's name, the time it was due and the present moment, both in UTC. Returns whether the tables could
be asked: False means that nobody knows whether it ran, so that it is tried again."""

SECONDS_TO_RETRY = 300
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_WEEKDAY_PIECE = re.compile(r"^(\d|[a-z]{3})(?:-(\d|[a-z]{3}))?(?:/(\d+))?$")


def present_moment() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


class ExchangeTimes(CronTrigger):  # type: ignore[misc]  # APScheduler carries no types
    """A cron entry that fires once when clocks go back, although its time of day comes twice.

    A time of day that is left out when clocks go forward fires as much later as the clocks jump.
    """

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Return the first firing at or after `now` and after the previous one, in the exchange's time zone."""
        fire: datetime | None = super().get_next_fire_time(previous_fire_time, now)
        while fire is not None and fire.fold:
            fire = super().get_next_fire_time(fire, fire)
        return fire


def exchange_times(expression: str, timezone: str) -> ExchangeTimes:
    """Read a cron entry of five fields as crontab(5) means it, with 0 and 7 for Sunday; day AND weekday must fit.

    Raises:
        ConfigError: It is no cron entry.
    """
    minute, hour, day, month, weekday = expression.split()
    try:
        return ExchangeTimes(
            minute=minute, hour=hour, day=day, month=month, day_of_week=_weekdays(weekday), timezone=ZoneInfo(timezone)
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"schedule.jobs: '{expression}' is no cron entry ({error}). "
            "Write minute, hour, day, month and weekday, such as '30 18 * * mon-fri'."
        ) from None


def _weekdays(field: str) -> str:
    """Write numbered weekdays by name: APScheduler counts from Monday, crontab from Sunday."""
    return ",".join(_weekdays_of_piece(piece) for piece in field.lower().split(","))


def _weekdays_of_piece(piece: str) -> str:
    found = _WEEKDAY_PIECE.match(piece)
    if found is None or piece == "*":
        return piece
    first, last = _weekday(found[1]), _weekday(found[2] or found[1])
    days = [WEEKDAYS[(first + offset) % 7] for offset in range(0, (last - first) % 7 + 1, int(found[3] or 1))]
    return ",".join(days)


def _weekday(word: str) -> int:
    if word.isdigit():
        if int(word) > len(WEEKDAYS):
            raise ValueError(f"there is no weekday {word}")
        return int(word) % 7
    if word not in WEEKDAYS:
        raise ValueError(f"there is no weekday '{word}'")
    return WEEKDAYS.index(word)


class Timetable:
    """When each scheduled job is due, in the order in which jobs go when several are due at once.

    Raises:
        ConfigError: An entry is no cron entry.
        UnknownNameError: An entry names no job.
    """

    def __init__(self, schedule: ScheduleConfig, jobs: Registry[Job]) -> None:
        self.zone = ZoneInfo(schedule.timezone)
        self.catch_up = timedelta(hours=schedule.catch_up_hours)
        scheduled = in_order(jobs.get(name) for name in schedule.jobs)
        self.entries: Mapping[str, ExchangeTimes] = {
            job.name: exchange_times(schedule.jobs[job.name], schedule.timezone) for job in scheduled
        }

    def next_due(self, job: str, now: datetime) -> datetime | None:
        """Return the job's first due time after `now`, in UTC; None for an entry that never comes (30 February)."""
        fire = self.entries[job].get_next_fire_time(None, now.astimezone(self.zone) + timedelta(microseconds=1))
        return fire.astimezone(UTC) if fire is not None else None

    def newest_due(self, job: str, earliest: datetime, now: datetime) -> datetime | None:
        """Return the job's last due time from `earliest` to `now`, both inclusive, in UTC; None if there is none."""
        newest = None
        fire = self.entries[job].get_next_fire_time(None, earliest.astimezone(self.zone))
        while fire is not None and fire.astimezone(UTC) <= now:
            newest = fire.astimezone(UTC)
            fire = self.entries[job].get_next_fire_time(fire, fire)
        return newest

    def session_of(self, due: datetime) -> date:
        """Return the exchange's date at a due time: what a run that was due then sees the world as of."""
        return due.astimezone(self.zone).date()


class Scheduler:
    """Runs the jobs of a timetable until it is stopped.

    Args:
        timetable: When each job is due.
        work: Claims and runs one due job.
        clock: Tells the present moment, aware.
    """

    def __init__(self, timetable: Timetable, work: Work, clock: Callable[[], datetime] = present_moment) -> None:
        self.timetable = timetable
        self.work = work
        self.clock = clock
        self.started = self.clock()
        self.attended: dict[str, datetime] = {}

    def attend(self) -> bool:
        """Run what is due; return whether every job's tables could be asked.

        What became due while the scheduler was up counts however long another job ran; before that, the catch-up time
        is the limit.
        """
        known = [self._attend_job(job) for job in self.timetable.entries]
        return all(known)

    def _attend_job(self, job: str) -> bool:
        now = self.clock()
        earliest = min(self.started, now - self.timetable.catch_up)
        attended = self.attended.get(job, earliest)
        due = self.timetable.newest_due(job, max(earliest, attended), now)
        if due is None or due == self.attended.get(job):
            return True
        known = self.work(job, due, now)
        if known:
            self.attended[job] = due
        return known

    def run_until_stopped(self) -> None:
        """Run what was missed, then every job at its times, until SIGINT or SIGTERM."""
        events: queue.SimpleQueue[bool] = queue.SimpleQueue()
        alarms = _alarm_clock()
        for job, entry in self.timetable.entries.items():
            alarms.add_job(events.put, entry, [True], id=job, misfire_grace_time=None, coalesce=True, max_instances=1)
        stopping = threading.Event()
        with _stop_signals(stopping, events):
            alarms.start()
            try:
                events.put(True)
                while events.get() and not stopping.is_set():
                    if not self.attend():
                        again = self.clock() + timedelta(seconds=SECONDS_TO_RETRY)
                        alarms.add_job(events.put, "date", [True], run_date=again, id="again", replace_existing=True)
            finally:
                alarms.shutdown(wait=False)


def _alarm_clock() -> Any:
    """Return an APScheduler that remembers nothing: its jobs only wake us."""
    return BackgroundScheduler(
        jobstores={"default": MemoryJobStore()}, executors={"default": ThreadPoolExecutor(1)}, timezone=UTC
    )


@contextmanager
def _stop_signals(stopping: threading.Event, events: queue.SimpleQueue[bool]) -> Iterator[None]:
    """Turn the first stop signal into an event, so that a running job ends first; give the second its usual force."""
    kinds = (signal.SIGINT, signal.SIGTERM)
    before = {kind: signal.getsignal(kind) for kind in kinds}

    def stop(_number: int, _frame: object) -> None:
        stopping.set()
        events.put(False)
        for kind, handler in before.items():
            signal.signal(kind, handler)

    for kind in kinds:
        signal.signal(kind, stop)
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
