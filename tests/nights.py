"""Databases built from the migrations, and whole nights on them. `tests/conftest.py` registers it as a plug-in."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import psycopg
import pytest
from psycopg import sql

from alphafactory.config_loading import load_config
from alphafactory.pipeline.running import run_job
from alphafactory.pipeline.workspace import open_workspace
from alphafactory.store import migrating
from alphafactory.store.database import open_database
from alphafactory.store.embedded import Address, EmbeddedServer
from jobs import nightly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from alphafactory.config_loading import LoadedConfig
    from alphafactory.pipeline.running import JobResult
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.store.database import Database

TEMPLATE = "template_alphafactory"
WITHOUT_REPORT = tuple(step for step in nightly.JOB.steps if step[0] != "report")
SIMULATED = {
    "sources.order": ["synthetic"],
    "sources.synthetic.symbols": 6,
    "sources.synthetic.years": 1,
    "sources.synthetic.faults": 3,
}
_ASIDE = {"id", "pid", "seconds", "job_run_id", "ingested_at", "updated_at", "found_at", "started_at", "finished_at",
          "created_at", "first_seen_at", "delivered_at", "audited_at"}  # fmt: skip
_KEYS = {
    "symbol_id": "SELECT id, ticker || '.' || exchange FROM symbols",
    "strategy_id": "SELECT id, name || '.' || code_hash FROM strategies",
    "portfolio_id": "SELECT id, name || '.' || definition_hash FROM portfolios",
    "backtest_id": "SELECT id, fingerprint FROM backtests",
    "superseded_by": "SELECT id, fingerprint FROM backtests",
}
_NUMBER = itertools.count(1)


@dataclass(frozen=True)
class Cluster:
    """A running server with a template database, and a folder whose compiled kernels all its nights share."""

    address: Address
    folder: Path

    def make(self, template: str) -> str:
        """Make a database and return its URL."""
        name = f"night_{next(_NUMBER)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        with psycopg.connect(self.address.url(), autocommit=True) as connection:
            connection.execute(statement)
        return self.address.url(name)


@dataclass
class Nights:
    """One database, the config that its nights run on, and what its tables hold."""

    url: str
    folder: Path
    cache: Path
    settings: dict[str, Any] = field(default_factory=dict)

    def config(self) -> LoadedConfig:
        plain = {
            "database.url": self.url,
            "paths.var": self.cache,
            "paths.strategies": self.folder / "strategies",
            "reports.dir": self.folder / "reports",
            "compute.backend": "sequential",
            "backtest.strategies": ["sma_crossover", "buy_and_hold"],
            "audit.symbols": 1,
            "audit.last_bars": 2,
            "audit.random_bars": 2,
            "audit.starts": 2,
        }
        return load_config(self.folder, {}, overrides=plain | self.settings)

    @contextmanager
    def workspace(self, as_of: date, now: datetime | None = None) -> Iterator[Workspace]:
        """Open the database on the evening of `as_of`, or at a later moment."""
        moment = now or datetime.combine(as_of, time(23), tzinfo=UTC)
        with open_workspace(self.config(), as_of, moment) as workspace:
            yield workspace

    def run(self, as_of: date, now: datetime | None = None, *, report: bool = False) -> JobResult:
        """Run a night."""
        with self.workspace(as_of, now) as workspace:
            result = run_job(workspace, "nightly", nightly.JOB.steps if report else WITHOUT_REPORT)
        assert result is not None
        return result

    @contextmanager
    def database(self) -> Iterator[Database]:
        with open_database(self.config().config) as database:
            yield database

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one statement as the owner and return its rows."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(query.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def table(self, name: str) -> list[dict[str, Any]]:
        """Return a table by natural keys: surrogate ids spelled out, moments of writing aside."""
        rows = [row for (row,) in self.ask(f'SELECT to_jsonb(t) FROM "{name}" t')]
        there = set(rows[0]) if rows else set()
        keys = {column: dict(self.ask(query)) for column, query in _KEYS.items() if column in there}
        natural = [
            {column: keys[column].get(value) if column in keys else value for column, value in row.items()}
            for row in rows
        ]
        kept = [
            {
                column: (value is None if column == "closed_at" else value)
                for column, value in row.items()
                if column not in _ASIDE
            }
            for row in natural
        ]
        return sorted(kept, key=str)

    def tables(self, *but: str) -> dict[str, list[dict[str, Any]]]:
        """Return every table by natural keys, without the records of the runs themselves."""
        query = (
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') "
            "AND NOT relispartition ORDER BY relname"
        )
        left_out = {"job_runs", "job_steps", *but}
        return {name: self.table(name) for (name,) in self.ask(query) if name not in left_out}


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """An embedded server with a database that the migrations have made; pytest's own folders are closed to it."""
    folder = Path(tempfile.mkdtemp(prefix="nights-"))
    folder.chmod(0o755)
    try:
        with EmbeddedServer(folder / "postgres").use() as address:
            with psycopg.connect(address.url(), autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET fsync = off")  # nobody pulls the plug in these tests
                connection.execute("SELECT pg_reload_conf()")
                connection.execute(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0")
            loaded = load_config(folder, {}, overrides={"database.url": address.url(TEMPLATE)})
            with open_database(loaded.config) as database:
                migrating.upgrade(database)
            yield Cluster(address, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def make_nights(cluster: Cluster) -> Iterator[Callable[..., Nights]]:
    """A function that makes a database of this test's own; keywords are settings, dots written as two underscores."""
    made: list[Nights] = []

    def make(template: str = TEMPLATE, **settings: Any) -> Nights:
        folder = cluster.folder / f"project_{next(_NUMBER)}"
        folder.mkdir()
        dotted = {key.replace("__", "."): value for key, value in settings.items()}
        made.append(Nights(cluster.make(template), folder, cluster.folder / "var", dotted))
        return made[-1]

    yield make
    with psycopg.connect(cluster.address.url(), autocommit=True) as connection:
        for nights in made:
            name = psycopg.conninfo.conninfo_to_dict(nights.url)["dbname"]
            connection.execute(sql.SQL("DROP DATABASE {} (FORCE)").format(sql.Identifier(str(name))))


@pytest.fixture
def nights(make_nights: Callable[..., Nights]) -> Nights:
    """A database of this test's own, with our tables and nothing in them."""
    return make_nights()


@pytest.fixture
def simulated(nights: Nights) -> Nights:
    """Nights on a small simulated market with faults planted."""
    nights.settings = dict(SIMULATED)
    return nights


@pytest.fixture(scope="session")
def finished(cluster: Cluster) -> Nights:
    """One simulated night that is over; only read from it."""
    folder = cluster.folder / "finished"
    folder.mkdir()
    nights = Nights(cluster.make(TEMPLATE), folder, cluster.folder / "var", SIMULATED | {"sources.synthetic.years": 2})
    assert nights.run(date(2024, 6, 28)).outcome == "fine"
    return nights


Row = list[Any]
"""A line of a price file: symbol, date, open, high, low, close, volume."""


class PriceFile:
    """A CSV of prices that a test writes, changes and feeds to nights."""

    HEADER: ClassVar[str] = "symbol,date,open,high,low,close,volume"

    def __init__(
        self, nights: Nights, symbols: int = 2, first: date = date(2023, 1, 3), last: date = date(2024, 3, 1)
    ) -> None:
        import numpy as np  # noqa: PLC0415  the only place that draws

        from alphafactory.calendar import sessions_between  # noqa: PLC0415  half a second, for those who need it

        self.path = nights.folder / "prices.csv"
        self.rows: list[Row] = []
        sessions = sessions_between("XNYS", first, last).tolist()
        for number in range(symbols):
            draw = np.random.default_rng([5, number])
            closes = np.round(50 * np.exp(np.cumsum(draw.normal(0.0003, 0.02, len(sessions)))), 2).tolist()
            for session, close in zip(sessions, closes, strict=True):
                self.rows.append(
                    [f"S{number}", session, close, round(close * 1.01, 2), round(close * 0.99, 2), close, 1e6]
                )
        for position, row in enumerate(self.rows):
            row[6] += position  # equal bars in a row would be stale prices
        nights.settings |= {
            "sources.order": ["csv"],
            "sources.csv.path": self.path,
            "sources.csv.basis": "raw",
        }

    def row(self, symbol: str, session: date) -> Row:
        return next(row for row in self.rows if row[0] == symbol and row[1] == session)

    def write(self, until: date | None = None) -> None:
        kept = [row for row in self.rows if until is None or row[1] <= until]
        lines = [self.HEADER, *(",".join(str(cell) for cell in row) for row in kept)]
        self.path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def evening(day: date, days_later: int = 0) -> datetime:
    """Return the moment at which the night of a day, or of one some days later, runs."""
    return datetime.combine(day + timedelta(days=days_later), time(23), tzinfo=UTC)


def later_that_evening(day: date) -> datetime:
    """Return a moment at which the night of a day runs once more, before the day is over."""
    return datetime.combine(day, time(23, 40), tzinfo=UTC)
