"""A series gets a new version by whatever changes it, whoever does so; fingerprints are computed once a version."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from alphafactory.store.versions import cached_fingerprints, read_versions

if TYPE_CHECKING:
    from collections.abc import Callable

    from nights import Nights

    from alphafactory.domain.timeframes import Timeframe

SYMBOLS = [1, 2, 3]
CUTOFF = datetime(2024, 1, 10, tzinfo=UTC)
BAR = "({}, '{}', '{}', {}, 1, 1, 1, 1, 1, 'hand', '2024-01-05', false)"
BAR_COLUMNS = "symbol_id, timeframe, session, ts, open, high, low, close, volume, source, known_at, known_at_assumed"
FINDING = (
    "INSERT INTO quality_findings (rule, severity, subject, symbol_id, session, message, payload, quarantined, "
    "found_at, known_at) VALUES ('r', 'error', '{0}', {0}, '2024-01-02', 'm', '{{}}', {1}, '2024-01-05', '2024-01-05')"
)
ACTION = "INSERT INTO {} VALUES (2, '2024-01-03', {}'2024-01-03', 2, 'hand')"
REVISION = (
    "INSERT INTO bar_revisions (symbol_id, timeframe, session, open, high, low, close, volume, source, known_from, "
    "known_to) VALUES (2, '1d', '2024-01-02', 1, 1, 1, 1, 1, 'hand', '2024-01-02', '2024-01-05')"
)
JUDGEMENT = (
    "INSERT INTO quality_judgements (finding_id, verdict, judged_at) "
    "SELECT id, 'accepted', '2024-01-06' FROM quality_findings"
)


def bar(key: int, session: str = "2024-01-02", timeframe: str = "1d", table: str = "bars_1d") -> str:
    instant = "NULL" if timeframe == "1d" else f"'{session} 15:00+00'"
    return f"INSERT INTO {table} ({BAR_COLUMNS}) VALUES " + BAR.format(key, timeframe, session, instant)


@pytest.fixture
def market(nights: Nights) -> Nights:
    """Three symbols with a bar each, and what can be changed of them."""
    for key in SYMBOLS:
        nights.ask(
            "INSERT INTO symbols (id, ticker, exchange, asset_class, calendar, currency, source, simulated) OVERRIDING "
            f"SYSTEM VALUE VALUES ({key}, 'S{key}', 'X', 'equity', 'XNYS', 'USD', 'hand', false)"
        )
        nights.ask(bar(key))
    return nights


def versions(nights: Nights, timeframe: Timeframe = "1d") -> dict[int, int]:
    with nights.database() as database, database.begin() as connection:
        return read_versions(connection, SYMBOLS, timeframe)


def changed_by(nights: Nights, statement: str) -> set[int]:
    before = versions(nights)
    nights.ask(statement)
    after = versions(nights)
    assert set(before) <= set(after)
    moved = {key for key in after if after[key] != before.get(key)}
    assert all(after[key] > max(before.values()) for key in moved)
    return moved


@pytest.mark.parametrize(
    ("preparation", "statement", "changed"),
    [
        ("", bar(2, "2024-01-03"), {2}),
        ("", bar(2, "2024-01-03", table="bars"), {2}),
        ("", "UPDATE bars_1d SET close = 2 WHERE symbol_id = 2", {2}),
        ("", "UPDATE bars SET close = 2 WHERE symbol_id > 1", {2, 3}),
        ("", "DELETE FROM bars_1d WHERE symbol_id = 2", {2}),
        ("", "DELETE FROM bars WHERE symbol_id = 2", {2}),
        ("DELETE FROM bars_1d WHERE symbol_id = 3", "UPDATE bars_1d SET symbol_id = 3 WHERE symbol_id = 2", {2, 3}),
        ("", "UPDATE bars_1d SET close = 2 WHERE symbol_id = 99", set()),
        ("", "TRUNCATE bars_1d", {1, 2, 3}),
        ("", "TRUNCATE bars", {1, 2, 3}),
        ("", REVISION, {2}),
        (REVISION, "UPDATE bar_revisions SET known_to = '2024-01-06'", {2}),
        (REVISION, "DELETE FROM bar_revisions", {2}),
        ("", ACTION.format("splits", ""), {2}),
        (ACTION.format("splits", ""), "UPDATE splits SET ratio = 3", {2}),
        (ACTION.format("splits", ""), "DELETE FROM splits", {2}),
        ("", ACTION.format("dividends", "'cash', "), {2}),
        (ACTION.format("dividends", "'cash', "), "DELETE FROM dividends", {2}),
        ("", FINDING.format(2, True), {2}),
        ("", FINDING.format(2, False), set()),
        (FINDING.format(2, False), "UPDATE quality_findings SET message = 'n'", set()),
        (FINDING.format(2, False), "UPDATE quality_findings SET quarantined = true", {2}),
        (FINDING.format(2, False), "UPDATE quality_findings SET judgement = 'rejected'", {2}),
        (FINDING.format(2, True), "UPDATE quality_findings SET closed_at = '2024-01-06'", {2}),
        (FINDING.format(2, True), "DELETE FROM quality_findings", {2}),
        (FINDING.format(2, True), JUDGEMENT, {2}),
    ],
)
def test_a_change_is_noticed_and_nothing_else_is(
    market: Nights, preparation: str, statement: str, changed: set[int]
) -> None:
    if preparation:
        market.ask(preparation)
    assert changed_by(market, statement) == changed


def test_a_timeframe_is_a_series_of_its_own(market: Nights) -> None:
    market.ask(bar(1, timeframe="1h", table="bars_1h"))
    assert set(versions(market, "1h")) == {1}
    assert changed_by(market, "UPDATE bars_1h SET close = 2") == set()
    before = versions(market, "1h")
    market.ask("UPDATE bars SET close = 3 WHERE timeframe = '1h'")
    assert versions(market, "1h") != before
    market.ask("INSERT INTO splits VALUES (1, '2024-01-03', '2024-01-03', 2, 'hand')")  # counts for every timeframe
    assert versions(market, "1h")[1] > before[1] + 1


def test_a_rolled_back_change_leaves_the_version(market: Nights) -> None:
    before = versions(market)
    with market.database() as database, database.begin() as connection:
        connection.exec_driver_sql("UPDATE bars_1d SET close = 2")
        connection.rollback()
    assert versions(market) == before


def test_a_version_row_removed_by_hand_never_repeats_a_number(market: Nights) -> None:
    before = versions(market)
    market.ask("DELETE FROM series_versions")
    market.ask("UPDATE bars_1d SET close = 2")
    assert min(versions(market).values()) > max(before.values())


def test_every_table_and_partition_has_its_triggers(market: Nights) -> None:
    query = (
        "SELECT c.relname, count(t.oid) FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid "
        "LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgname LIKE 'series%%' WHERE c.relname IN "
        "('bars', 'bar_revisions', 'splits', 'dividends', 'quality_findings', 'quality_judgements') "
        "OR i.inhparent = 'bars'::regclass GROUP BY c.relname"
    )
    found = dict(market.ask(query))
    assert len(found) == 11
    assert set(found.values()) == {5}


class Computing:
    """Computes fingerprints and remembers for whom it was asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.number = 0

    def __call__(self, keys: list[int]) -> dict[int, str]:
        self.asked = keys
        self.number += 1
        return {key: f"{key} at {self.number}" for key in keys if key != 3}


@pytest.fixture
def fingerprints(market: Nights) -> Callable[..., tuple[dict[int, str], list[int]]]:
    """Ask for the fingerprints at a cutoff; return them and the symbols that were computed."""
    computing = Computing()

    def ask(cutoff: datetime = CUTOFF, recipe: str = "bars") -> tuple[dict[int, str], list[int]]:
        computing.asked = []
        with market.database() as database, database.begin() as connection:
            found = cached_fingerprints(connection, SYMBOLS, cutoff, computing, recipe=recipe)
        return found, computing.asked

    return ask


def test_fingerprints_are_computed_once_a_version(
    market: Nights, fingerprints: Callable[..., tuple[dict[int, str], list[int]]]
) -> None:
    assert fingerprints() == ({1: "1 at 1", 2: "2 at 1"}, [1, 2, 3])
    assert fingerprints() == ({1: "1 at 1", 2: "2 at 1"}, [])  # that the third has none is known too
    market.ask("UPDATE bars_1d SET volume = 7 WHERE symbol_id = 2")
    assert fingerprints() == ({1: "1 at 1", 2: "2 at 2"}, [2])
    assert fingerprints() == ({1: "1 at 1", 2: "2 at 2"}, [])


def test_a_series_without_a_version_is_computed_each_time(
    market: Nights, fingerprints: Callable[..., tuple[dict[int, str], list[int]]]
) -> None:
    fingerprints()
    market.ask("DELETE FROM series_versions WHERE symbol_id = 2")
    assert fingerprints() == ({1: "1 at 1", 2: "2 at 2"}, [2])
    assert fingerprints() == ({1: "1 at 1", 2: "2 at 3"}, [2])


def test_another_recipe_computes_its_own(fingerprints: Callable[..., tuple[dict[int, str], list[int]]]) -> None:
    fingerprints()
    assert fingerprints(recipe="other") == ({1: "1 at 2", 2: "2 at 2"}, [1, 2, 3])
    assert fingerprints() == ({1: "1 at 1", 2: "2 at 1"}, [])


@pytest.mark.parametrize(
    "later",
    [
        "UPDATE bars_1d SET known_at = '2024-01-08' WHERE symbol_id = 2",
        REVISION.replace("'2024-01-05')", "'2024-01-08')"),
        "INSERT INTO splits VALUES (2, '2024-01-03', '2024-01-08', 2, 'hand')",
        "INSERT INTO dividends VALUES (2, '2024-01-03', 'cash', '2024-01-08', 2, 'hand')",
        FINDING.format(2, True).replace("'2024-01-05', '2024-01-05'", "'2024-01-05', '2024-01-08'"),
    ],
)
def test_a_cutoff_before_the_newest_moment_of_a_series_meets_nothing_kept(
    market: Nights, fingerprints: Callable[..., tuple[dict[int, str], list[int]]], later: str
) -> None:
    market.ask(later)
    fingerprints()
    earlier = datetime(2024, 1, 7, tzinfo=UTC)
    assert fingerprints(earlier) == ({1: "1 at 1", 2: "2 at 2"}, [2])
    assert fingerprints(earlier) == ({1: "1 at 1", 2: "2 at 3"}, [2])  # nor is it kept
    assert fingerprints() == ({1: "1 at 1", 2: "2 at 1"}, [])
    assert fingerprints(datetime(2024, 1, 8, tzinfo=UTC)) == ({1: "1 at 1", 2: "2 at 1"}, [])
