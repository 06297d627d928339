"""Memberships as of a moment: first definitions are assumed known, a change holds from the night that learned it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from nights import Nights, PriceFile, evening

from alphafactory.domain.market import Listing
from alphafactory.pipeline.universes import members_on
from alphafactory.pipeline.workspace import open_workspace
from alphafactory.store import symbols, universes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

NIGHTS = [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)]
START = date(2023, 1, 3)


@pytest.fixture
def connection(nights: Nights) -> Iterator[Connection]:
    with nights.database() as database, database.begin() as opened:
        listings = [Listing(ticker) for ticker in ("A", "B")]
        symbols.upsert_symbols(opened, listings, "csv", simulated=False, moment=evening(NIGHTS[0]))
        yield opened


def write(connection: Connection, night: date, *spells: tuple[str, date | None, date | None]) -> int:
    keys = {row.ticker: row.id for row in symbols.read_symbols(connection)}
    found = [(keys[ticker], start, end) for ticker, start, end in spells]
    return universes.upsert_universe(connection, "index", {}, found, evening(night))


def spells(connection: Connection, moment: datetime) -> list[tuple[str, date | None, date | None]]:
    tickers = {row.id: row.ticker for row in symbols.read_symbols(connection)}
    return [(tickers[key], start, end) for key, start, end in universes.read_spells(connection, "index", moment)]


def test_spells_of_the_first_night_are_deemed_known_on_their_first_day(connection: Connection) -> None:
    assert write(connection, NIGHTS[0], ("A", START, None), ("B", None, None)) == 2
    assert spells(connection, datetime(2023, 1, 2, tzinfo=UTC)) == [("B", None, None)]
    assert spells(connection, datetime(2023, 1, 4, tzinfo=UTC)) == [("A", START, None), ("B", None, None)]
    assert connection.exec_driver_sql("SELECT bool_and(known_at_assumed) FROM universe_members").scalar()


def test_a_change_holds_from_its_night_and_a_change_back_as_well(connection: Connection) -> None:
    write(connection, NIGHTS[0], ("A", START, None))
    assert write(connection, NIGHTS[1], ("A", START, NIGHTS[1]), ("B", START, None)) == 3
    assert write(connection, NIGHTS[2], ("A", START, None), ("B", START, None)) == 2
    assert [spells(connection, evening(night)) for night in NIGHTS] == [
        [("A", START, None)],
        [("A", START, NIGHTS[1]), ("B", START, None)],
        [("A", START, None), ("B", START, None)],
    ]
    assert write(connection, NIGHTS[2], ("A", START, None), ("B", START, None)) == 0


def test_two_changes_of_one_moment_leave_the_last(connection: Connection) -> None:
    write(connection, NIGHTS[0], ("A", START, None))
    write(connection, NIGHTS[1], ("A", START, NIGHTS[0]))
    write(connection, NIGHTS[1], ("A", START, NIGHTS[1]))
    assert spells(connection, evening(NIGHTS[0])) == [("A", START, None)]
    assert spells(connection, evening(NIGHTS[1])) == [("A", START, NIGHTS[1])]


def members_file(nights: Nights, *lines: str) -> Path:
    path = nights.folder / "members.csv"
    path.write_text("\n".join(["ticker,from,to", *lines]) + "\n")
    return path


def shown(nights: Nights, as_of: date, day: date) -> list[object]:
    """Return what `universe show NAME --on DAY` lists as of a night, asked long after it."""
    with open_workspace(nights.config(), as_of, evening(NIGHTS[-1], 9), replay=True) as workspace:
        return [member["ticker"] for member in members_on(workspace, "index", day)]


def test_who_belonged_is_told_as_a_night_knew_it(nights: Nights) -> None:
    file = PriceFile(nights, symbols=3)
    nights.settings |= {"universe.name": "index", "universes.index.members": nights.folder / "members.csv"}
    for night, lines in zip(
        NIGHTS, (["S0,2023-01-03,", "S1,2023-01-03,"], ["S0,2023-01-03,2023-06-30", "S2,2024-01-02,"], []), strict=True
    ):
        file.write(until=night)
        if lines:
            members_file(nights, *lines)
        assert nights.run(night).outcome == "fine"
    autumn = date(2023, 10, 2)
    assert [shown(nights, night, autumn) for night in NIGHTS] == [["S0", "S1"], [], []]
    assert [shown(nights, night, date(2023, 2, 1)) for night in NIGHTS] == [["S0", "S1"], ["S0"], ["S0"]]
    assert shown(nights, NIGHTS[1], NIGHTS[1]) == ["S2"]
    # Delisted or removed members stay in the past of those who had them: S1 was no member of any later night.
    tested = "SELECT DISTINCT scope FROM backtests WHERE job_run_id = %s ORDER BY 1"
    runs = [key for (key,) in nights.ask("SELECT id FROM job_runs ORDER BY id")]
    assert [[scope for (scope,) in nights.ask(tested, key)] for key in runs] == [
        ["S0", "S1"],
        ["S0", "S2"],
        ["S0", "S2"],
    ]


def test_a_rule_sees_nothing_of_the_days_after_its_rebalance_date(nights: Nights) -> None:
    """Whatever is traded later, whom a rule chose at a rebalance date stays chosen."""
    file = PriceFile(nights, symbols=4)
    draw = iter(range(1, 10_000_000, 7919))
    for row in file.rows:
        row[6] = float(next(draw) % 1_000_003)
    nights.settings |= {
        "universe.name": "index",
        "universes.index.top": 2,
        "universes.index.window": 20,
        "universes.index.rebalance": "monthly",
    }
    early = date(2023, 11, 15)
    file.write(until=early)
    assert nights.run(early).outcome == "fine"
    days = [date(2023, 3, 15) + timedelta(days=30 * number) for number in range(8)]
    chosen = [shown(nights, early, day) for day in days]
    assert len({str(members) for members in chosen}) > 1
    for row in file.rows:
        if row[1] > early:
            row[6] = 1e9 if row[0] == "S3" else 1.0
    file.write()
    assert nights.run(NIGHTS[-1]).outcome == "fine"
    assert [shown(nights, NIGHTS[-1], day) for day in days] == chosen
    assert "S3" in shown(nights, NIGHTS[-1], NIGHTS[-1])
